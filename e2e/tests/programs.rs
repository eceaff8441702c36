//! Programs that people use: a browser and a load generator. Each is looked for; where it is missing
//! the test says that it was skipped.

use std::process::{Command, Stdio};

use e2e::{Site, eventually, for_each_driver};

for_each_driver!(
    a_browser_loads_a_page_with_its_parts,
    a_browser_follows_a_listing,
    wrk_sees_no_error,
);

/// What the document is once its scripts have run; `None` without a browser.
fn rendered(site: &Site, path: &str) -> Option<String> {
    let profile = tempfile::tempdir().expect("profile");
    let url = format!("http://{}{path}", site.server.address());
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .find_map(|browser| {
            Command::new(browser)
                .args([
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--no-first-run",
                ])
                .args([
                    "--disable-background-networking",
                    "--disable-component-update",
                ])
                .args([
                    "--disable-sync",
                    "--disable-quic",
                    "--virtual-time-budget=10000",
                ])
                .arg(format!("--user-data-dir={}", profile.path().display()))
                .args(["--dump-dom", &url])
                .stderr(Stdio::null())
                .output()
                .ok()
        })
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn skipped(what: &str) {
    e2e::skipped(&format!("there is no {what}"));
}

/// A browser that has hardly any processor time may give up early, and is started again.
fn assert_rendered(site: &Site, path: &str, expected: &str) {
    let mut last = String::new();
    let is_right = eventually(|| match rendered(site, path) {
        None => {
            skipped("browser");
            true
        }
        Some(page) => {
            last = page;
            last.contains(expected)
        }
    });
    assert!(is_right, "{last}");
}

fn a_browser_loads_a_page_with_its_parts(site: &Site) {
    site.write("css/style.css", "body { color: rgb(1, 2, 3) }");
    site.write(
        "pictures/dot.svg",
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>"#,
    );
    site.write(
        "js/app.js",
        "addEventListener('load', () => { document.title = \
            getComputedStyle(document.body).color + ' ' + document.images[0].naturalWidth; })",
    );
    site.write(
        "index.html",
        "<!doctype html><title>-</title><link rel=stylesheet href=css/style.css>\
         <body><img src=pictures/dot.svg><script src=js/app.js></script>",
    );
    assert_rendered(site, "/", "<title>rgb(1, 2, 3) 7</title>");
}

fn a_browser_follows_a_listing(site: &Site) {
    let names = [
        "a b.txt",
        "50%.txt",
        "<b>.txt",
        "\"q\".txt",
        "#1?.txt",
        "é:.txt",
    ];
    for name in names {
        site.write(format!("files/{name}"), name);
    }
    // A page that fetches what the listing links to, as its reader would by clicking.
    site.write(
        "walk.html",
        "<!doctype html><title>-</title><script>\
         (async () => {\
           const page = await (await fetch('/files/')).text();\
           const doc = new DOMParser().parseFromString(page, 'text/html');\
           const links = [...doc.querySelectorAll('td a')].filter(a => a.textContent != '../');\
           const read = a => fetch(new URL(a.getAttribute('href'), location.origin + '/files/'));\
           let right = 0;\
           for (const a of links)\
             right += await (await read(a)).text() == a.textContent ? 1 : 0;\
           document.title = right + ' of ' + links.length;\
         })()</script>",
    );
    let count = names.len();
    let expected = format!("<title>{count} of {count}</title>");
    assert_rendered(site, "/walk.html", &expected);
}

fn wrk_sees_no_error(site: &Site) {
    site.write("file", [b'x'; 1024]);
    let url = format!("http://{}/file", site.server.address());
    let Ok(output) = Command::new("wrk")
        .args(["-t1", "-c64", "-d2s", "--timeout", "20s", &url])
        .output()
    else {
        return skipped("wrk");
    };
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(report.contains("Requests/sec"), "{report}");
    // These lines are there only if they count something.
    assert!(!report.contains("Socket errors"), "{report}");
    assert!(!report.contains("Non-2xx"), "{report}");
}

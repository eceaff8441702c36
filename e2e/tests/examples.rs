//! The configurations in `examples/`: what each driver says about some requests is what
//! `explain.md` beside them says. `UPDATE=1` writes it anew.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use e2e::{Driver, for_each_driver};
use tempfile::TempDir;

for_each_driver!(explained, accepted);

struct Example {
    name: &'static str,
    /// A file that is made before the server is asked.
    made: Option<&'static str>,
    /// Requests and their Host.
    asked: &'static [(&'static str, &'static str)],
}

const EXAMPLES: &[Example] = &[
    Example {
        name: "spa",
        made: None,
        asked: &[
            ("GET /settings/profile", "app.example"),
            ("GET /assets/app.3f9a1c.js", "app.example"),
            ("GET /api/users", "app.example"),
        ],
    },
    Example {
        name: "blog",
        made: None,
        asked: &[
            ("GET /posts/first", "blog.example"),
            ("GET /posts/first.html", "blog.example"),
            ("GET /style.css", "blog.example"),
            ("GET /nothing", "blog.example"),
            ("GET /?a=1", "www.blog.example"),
        ],
    },
    Example {
        name: "tenants",
        made: None,
        asked: &[
            ("GET /", "anna.hosting.example"),
            ("GET /private/keys", "ben.hosting.example"),
            ("GET /", "nobody.example"),
        ],
    },
    Example {
        name: "mirror",
        made: None,
        asked: &[
            ("GET /pub/tool/tool-1.0.tar.gz.sha256", "mirror.example"),
            ("GET /ftp/tool/tool-1.0.tar.gz", "mirror.example"),
            ("GET /json/tool/", "mirror.example"),
        ],
    },
    Example {
        name: "maintenance",
        made: Some("site/maintenance.on"),
        asked: &[("GET /", "any.example"), ("GET /health", "any.example")],
    },
    Example {
        name: "cgi-bin",
        made: None,
        asked: &[
            ("GET /cgi-bin/hello.sh/more?who=you", "any.example"),
            ("GET /notes/milk", "any.example"),
            ("GET /cgi-bin/missing", "any.example"),
            ("GET /index.html", "any.example"),
        ],
    },
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// A copy that the test may change.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("mkdir");
    for entry in fs::read_dir(from).expect("examples") {
        let entry = entry.expect("entry");
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("copy")),
        }
    }
}

/// What depends on when the example was copied and asked.
fn is_stable(line: &str) -> bool {
    let passing = ["Date", "Last-Modified", "ETag", "Expires"];
    let field = line.strip_prefix("sent      ").unwrap_or_default();
    !passing.iter().any(|name| field.starts_with(name))
}

fn explain(driver: &Driver, example: &Example) -> String {
    let Example { name, made, asked } = example;
    let place = TempDir::new().expect("temporary folder");
    copy(&folder().join(name), place.path());
    if let Some(made) = made {
        fs::write(place.path().join(made), "").expect("write");
    }
    let root = place.path().to_str().expect("UTF-8");
    let config = format!("{root}/nginx.conf");
    let mut document = format!("# {name}\n");
    for (request, host) in *asked {
        let host = format!("Host: {host}");
        let output = driver.run(&["explain", "-c", &config, request, "-H", &host]);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let text = text.replace(&format!("{root}/"), "");
        let lines: String = (text.lines().filter(|line| is_stable(line)))
            .flat_map(|line| [line, "\n"])
            .collect();
        write!(document, "\n`{request}`, `{host}`\n\n```text\n{lines}```\n").expect("String");
    }
    document
}

fn explained(driver: &Driver) {
    for example in EXAMPLES {
        let document = explain(driver, example);
        let path = folder().join(example.name).join("explain.md");
        if env::var_os("UPDATE").is_some() {
            fs::write(&path, &document).expect("write");
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(document, expected, "{}", path.display());
    }
}

fn accepted(driver: &Driver) {
    for example in EXAMPLES {
        // A program that is missing is warned about.
        if example.name == "cgi-bin" && !Path::new("/usr/bin/python3").exists() {
            e2e::skipped("there is no /usr/bin/python3");
            continue;
        }
        let config = folder().join(example.name).join("nginx.conf");
        let output = driver.run(&[
            "-t".as_ref(),
            "-q".as_ref(),
            "-c".as_ref(),
            config.as_os_str(),
        ]);
        assert!(output.status.success(), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
}

//! A server that stands still for longer than a deadline, as in a virtual machine that is paused: what has
//! come meanwhile is in time.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use e2e::{Directives, Driver, Scripts, Wire, eventually, for_each_driver, is_running};

for_each_driver!(the_answer_of_a_script, the_rest_of_a_head, the_next_request);

/// The deadline of each test is a second.
const LONGER: Duration = Duration::from_millis(1200);

const REQUEST: &str = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";

/// Freezes the server while `begin` is still waited for, and lets it go on after `then` and the deadline.
/// Returns the head of the answer.
fn stall(site: &Scripts, begin: impl Fn(&mut Wire), mut then: impl FnMut(&mut Wire)) -> String {
    loop {
        let mut wire = site.wire();
        begin(&mut wire);
        site.server.freeze();
        // A machine with too much to do may have frozen it too late.
        if wire.is_quiet(Duration::from_millis(1)) {
            then(&mut wire);
            sleep(LONGER);
            site.server.thaw();
            return String::from_utf8(wire.read_through(b"\r\n\r\n")).expect("text");
        }
        site.server.thaw();
    }
}

/// With this beside the first request on a connection, which is answered.
fn after(extra: &str) -> impl Fn(&mut Wire) {
    move |wire| {
        wire.send(format!("{REQUEST}{extra}"));
        wire.read_through(b"the page");
    }
}

fn serve(driver: &Driver, server: &str) -> Scripts {
    let directives = Directives {
        server,
        ..Directives::default()
    };
    let site = Scripts::configured(driver, directives);
    site.file("page", "the page");
    site
}

fn the_answer_of_a_script(driver: &Driver) {
    let site = Scripts::new(driver, "cgi_timeout 1s;");
    let mut gate = site.pipe("gate");
    let script =
        "echo $$ > pid\nread line < gate\nprintf 'Content-Type: text/plain\\n\\n'; echo done";
    site.sh("waits", script);
    let begin = |wire: &mut Wire| {
        let _ = fs::remove_file(site.path("cgi-bin/pid"));
        wire.send("GET /cgi-bin/waits HTTP/1.1\r\nHost: a\r\n\r\n");
        // One that begins late may be ended before it tells anything.
        let told =
            || fs::read_to_string(site.path("cgi-bin/pid")).is_ok_and(|it| it.ends_with('\n'));
        eventually(|| told() || !wire.is_quiet(Duration::from_millis(1)));
    };
    let head = stall(&site, begin, |_| {
        gate.write_all(b"go\n").expect("write");
        let pid = site.pids("pid")[0];
        assert!(eventually(|| !is_running(pid)), "{pid}");
    });
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}

fn the_rest_of_a_head(driver: &Driver) {
    let site = serve(driver, "client_header_timeout 1s;");
    let (first, rest) = REQUEST.split_at(9);
    let head = stall(&site, after(first), |wire| wire.send(rest));
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}

fn the_next_request(driver: &Driver) {
    let site = serve(driver, "keepalive_timeout 1s;");
    let head = stall(&site, after(""), |wire| wire.send(REQUEST));
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}

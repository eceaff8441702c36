//! Large configurations.

use std::fmt::Write as _;
use std::fs;

use host_core::config::{Config, Overrides};

fn text(servers: usize) -> String {
    let mut text = "events { }\nhttp {\n".to_owned();
    for n in 0..servers {
        let _ = writeln!(
            text,
            "server {{ listen {}; server_name s{n}.example *.w{n}.example; root /;",
            8000 + n % 20
        );
        for location in 0..4 {
            let _ = writeln!(
                text,
                "location /l{location}/ {{ try_files $uri $uri/ =404; add_header A {n}; }}"
            );
        }
        text += "location ~ \\.(php|phar)$ { return 403; }\n}\n";
    }
    text + "}\n"
}

#[test]
fn ten_times_the_servers_is_ten_times_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nginx.conf");
    let allocations = |servers| {
        fs::write(&path, text(servers)).unwrap();
        let info = allocation_counter::measure(|| {
            let (_, warnings) = Config::load(&path, &Overrides::default()).unwrap();
            assert!(warnings.is_empty(), "{warnings}");
        });
        info.count_total
    };
    let (few, many) = (allocations(100), allocations(1000));
    assert!(many < few * 11, "{few} allocations, then {many}");
}

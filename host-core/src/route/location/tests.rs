use std::path::Path;

use crate::config::{Config, Overrides};
use crate::route::bindings::Bindings;
use crate::route::trace::Sink;
use crate::route::{Hosting, Process};

/// A server with these locations.
fn hosting(locations: &str) -> Hosting {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nginx.conf");
    let text = format!("events {{ }} http {{ server {{ {locations} }} }}");
    std::fs::write(&path, text).unwrap();
    let loaded = Config::load(Path::new(&path), &Overrides::default());
    let (config, _) = loaded.unwrap_or_else(|problems| panic!("{problems}"));
    Hosting::new(config.model, None, [], Process::default())
}

fn find(hosting: &Hosting, uri: &str) -> String {
    let tree = &hosting.servers[0].locations;
    let (mut bindings, mut sink) = (Bindings::default(), Sink::default());
    let found = hosting.find_location(tree, uri.as_bytes(), &mut bindings, &mut sink);
    found.map_or_else(|| "none".into(), |at| hosting.locations[at].label.clone())
}

#[test]
fn the_rules_of_precedence() {
    let hosting = hosting(
        "location = / { } location / { } location /documents/ { }
         location ^~ /images/ { } location ~* \\.(gif|jpg)$ { }
         location = /a { } location /a { } location /ab { } location /abcd { }
         location ~ ^/abc { } location ~ ^/abcx { }",
    );
    for (uri, found) in [
        ("/", "= /"),
        ("/index.html", "/"),
        ("/documents/document.html", "/documents/"),
        ("/images/1.gif", "^~ /images/"),
        ("/documents/1.JPG", "~* \\.(gif|jpg)$"),
        ("/a", "= /a"),
        ("/a/", "/a"),
        ("/ac", "/a"),
        ("/ab", "/ab"),
        ("/abz", "/ab"),
        ("/abcx", "~ ^/abc"),
        ("/A", "/"),
        ("", "none"),
        ("x", "none"),
    ] {
        assert_eq!(find(&hosting, uri), found, "{uri}");
    }
}

#[test]
fn nested_locations_come_before_expressions_around_them() {
    let hosting = hosting(
        "location /n/ { location /n/in/ { } location = /n/x { } location ~ \\.q$ { } }
         location ^~ /f/ { location ~ \\.q$ { location ~ deep { } } }
         location ~ \\.q$ { } location ~ x$ { }",
    );
    for (uri, found) in [
        ("/n/", "/n/"),
        ("/n/in/", "/n/in/"),
        ("/n/x", "= /n/x"),
        ("/n/in/x", "~ x$"),
        ("/n/in/a.q", "~ \\.q$"),
        ("/f/x", "^~ /f/"),
        ("/f/deep.q", "~ deep"),
        ("/z", "none"),
    ] {
        assert_eq!(find(&hosting, uri), found, "{uri}");
    }
}

/// Each prefix of a prefix is found, however many there are between.
#[test]
fn the_longest_of_many_prefixes() {
    let uris: Vec<String> = (0..200)
        .map(|n| format!("/{}", "ab".repeat(n % 20) + &n.to_string()))
        .collect();
    let text: String = uris
        .iter()
        .map(|uri| format!("location {uri} {{ }} "))
        .collect();
    let hosting = hosting(&text);
    for uri in &uris {
        for end in ["", "/x", "!"] {
            let uri = format!("{uri}{end}");
            let longest = (uris.iter()).filter(|prefix| uri.starts_with(&**prefix));
            let longest = longest.max_by_key(|prefix| prefix.len()).unwrap();
            assert_eq!(&find(&hosting, &uri), longest, "{uri}");
        }
    }
}

//! What no text may do: panic, hang, or be accepted when its end is missing.

use super::world::{MAIN, World};
use super::{Overrides, load, pairs, read_text};
use crate::config::directives::GROUPS;

#[test]
fn a_part_of_a_configuration_is_an_error() {
    let whole = "events { }\nhttp {\n  map $uri $x { ~^/(?<n>a) \"$n\"; default '\\'' ; }\n  \
                 server {\n    location ~* \"^/ä{2}\" { if ($x = 'b;') { return 200 ${x}y; } }\n  }\n}";
    assert!(read_text(whole).is_ok());
    for (end, _) in whole.char_indices() {
        let part = &whole[..end];
        // Nothing is missing from the events block alone.
        let complete = part.trim_end() == "events { }";
        assert_eq!(read_text(part).is_ok(), complete, "{part:?}");
    }
}

#[test]
fn no_text_panics() {
    for entry in std::fs::read_dir(super::DOCUMENTS).unwrap() {
        let document = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for (block, _) in pairs(&document) {
            for (end, _) in block.text.char_indices() {
                let _ = read_text(&block.text[..end]);
                let _ = read_text(&format!("events{{}}http{{server{{{}", &block.text[end..]));
            }
        }
    }
}

/// Words in any order, well-formed or not.
#[test]
fn no_words_panic() {
    let names = GROUPS.iter().flat_map(|group| group.directives);
    let names: Vec<&str> = names.map(|directive| directive.name).collect();
    let rest = [
        "$",
        "${",
        "$uri",
        "$x",
        "$1",
        "\"",
        "'",
        "\\",
        "=",
        "~",
        "~*",
        "^~",
        "@a",
        "(",
        ")",
        "($x",
        "/",
        "/a/",
        "*.b",
        ".",
        "on",
        "off",
        "404",
        "=404",
        "1k",
        "1h",
        "-1",
        "[::]:1",
        "unix:",
        "all",
        "ä",
        "#",
        "\n",
        "zone=a:1m",
        "(?<x>a)",
        "[[",
    ];
    let mut state: u64 = 1;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    for _ in 0..4000 {
        let mut text = [
            "",
            "events{}http{",
            "events{}http{server{",
            "events{}http{server{location /{",
        ][random(4)]
        .to_owned();
        for _ in 0..random(30) {
            text += match random(10) {
                0..3 => names[random(names.len())],
                3..6 => rest[random(rest.len())],
                6..8 => ";",
                8 => "{",
                _ => "}",
            };
            text += ["", " ", " "][random(3)];
        }
        let _ = read_text(&text).map_err(|errors| errors.to_string());
    }
}

#[test]
fn depth_is_bounded() {
    for text in ["a{", "location / {", "if ($a) {", "http {"] {
        let errors = read_text(&text.repeat(100_000)).unwrap_err();
        let messages: Vec<_> = errors.iter().map(|error| &error.message).collect();
        assert_eq!(messages, ["blocks are nested too deep"]);
    }
}

#[test]
fn files_that_include_themselves() {
    let mut world = World::default();
    world.add(MAIN, "include *.conf;\ninclude nginx.conf;");
    world.add("/etc/nginx/other.conf", "include nginx.conf;");
    let errors = load(&world, MAIN.as_ref(), &Overrides::default()).unwrap_err();
    assert_eq!(
        errors.iter().next().unwrap().message,
        "too many files include each other"
    );
}

#[test]
fn bytes_that_are_no_text() {
    let mut world = World::default();
    world.add(MAIN, b"events { }\n# caf\xe9\n");
    let errors = load(&world, MAIN.as_ref(), &Overrides::default()).unwrap_err();
    let message = &errors.iter().next().unwrap().message;
    assert_eq!(message, "\"/etc/nginx/nginx.conf\" is not UTF-8 in line 2");
}

#[test]
fn no_file_at_all() {
    let errors = load(&World::default(), MAIN.as_ref(), &Overrides::default()).unwrap_err();
    let expected = "error: cannot read \"/etc/nginx/nginx.conf\": no such file\n \
                    --> /etc/nginx/nginx.conf:1:1\n";
    assert_eq!(errors.to_string(), expected);
}

#[test]
fn paths_are_relative_to_the_prefix() {
    let text = "events { } http { server { access_log a.log; location / { root b; } } }";
    for (path, prefix, expected) in [
        ("/etc/nginx.conf", None, "/etc"),
        ("/etc/nginx.conf", Some("/srv"), "/srv"),
        ("/etc/nginx.conf", Some("/srv/"), "/srv"),
        ("conf/nginx.conf", None, "conf"),
        ("nginx.conf", None, ""),
    ] {
        let mut world = World::default();
        world.add(path, text);
        let overrides = Overrides {
            prefix: prefix.map(Into::into),
            ..Overrides::default()
        };
        let (config, _) = load(&world, path.as_ref(), &overrides).unwrap();
        let server = &config.model.servers[0];
        let log = server.settings.access_logs[0].path.clone();
        let expected = std::path::Path::new(expected);
        assert_eq!(log, Some(expected.join("a.log")));
        let location = format!("{:?}", server.locations.prefixes[0].settings.root);
        assert_eq!(location, format!("Root({:?})", expected.join("b")));
    }
}

#[test]
fn directives_of_the_command_line() {
    let mut world = World::default();
    world.add(MAIN, "events { }\nuser www;\n");
    let load = |globals: &str| {
        let overrides = Overrides {
            globals: globals.into(),
            ..Overrides::default()
        };
        load(&world, MAIN.as_ref(), &overrides).map(|(config, _)| config.model.main)
    };
    assert_eq!(
        load("daemon off; worker_processes 3")
            .unwrap()
            .worker_processes,
        Some(3)
    );
    let text = load("user root;").unwrap_err().to_string();
    assert!(
        text.contains("error: \"user\" directive is duplicate\n --> /etc/nginx/nginx.conf:2:1\n"),
        "{text}"
    );
    let text = load("user \"").unwrap_err().to_string();
    assert!(
        text.starts_with("error: missing terminating \" character\n --> -g:1:6\n"),
        "{text}"
    );
}

#[test]
fn a_dump_has_all_files() {
    let mut world = World::default();
    world.add(MAIN, "events { }\ninclude *.d/*;\n");
    world.add("/etc/nginx/a.d/one", "# one\n");
    let loaded = load(&world, MAIN.as_ref(), &Overrides::default());
    let expected = "# configuration file /etc/nginx/nginx.conf:\nevents { }\ninclude *.d/*;\n\n\
                    # configuration file /etc/nginx/a.d/one:\n# one\n\n";
    assert_eq!(loaded.unwrap().0.dump(), expected);
}

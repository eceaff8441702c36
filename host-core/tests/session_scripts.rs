//! Scripts that answer: what is asked of them, what their answers become, and every way in which they fail.
#![allow(clippy::unwrap_used)]

#[path = "world/configured.rs"]
mod configured;
mod world;

use std::fs::Permissions;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use configured::{http, ms};
use host_core::os::LogWriter;
use host_core::{Exit, Server};
use world::answer::Answer;
use world::script::Act;
use world::{Node, Seen, World, get, open};

/// A file that may be run.
fn script() -> Node {
    let file = open("#!/bin/sh\nsecret\n");
    file.set_permissions(Permissions::from_mode(0o755)).unwrap();
    Node::File(file)
}

/// A server where all files are scripts.
fn server(directives: &str) -> Server {
    let text = format!(
        "cgi_max_children 1; server {{ server_name one.example; root /srv; {directives} location / {{ cgi_pass exec; }}
         location /static/ {{ }} location /php/ {{ cgi_pass /bin/php; }} }}"
    );
    let mut server = http(&text);
    server.error_log = Some(LogWriter::new(std::io::sink()));
    server
}

fn world_of(directives: &str) -> World {
    let page = || Node::File(open("a page"));
    World::with(
        server(directives),
        [
            ("/run", script()),
            ("/next", script()),
            ("/plain", page()),
            ("/php/a.php", page()),
            ("/static/page", page()),
        ],
    )
}

fn world() -> World {
    world_of("")
}

const TYPED: &str = "Content-Type: a/b\n\n";

/// The answer to GET of a script that says this and ends.
fn says(text: &str) -> (Answer, World) {
    let mut world = world();
    world.script.say(text);
    world.script.end();
    world.send(get("/run"));
    (Answer::parse(&world.sent, false), world)
}

#[test]
fn what_a_script_says_is_the_answer() {
    for (text, status, body) in [
        ("Content-Type: a/b\n\nhello", 200, "hello"),
        (
            "Content-Type: a/b\r\nStatus: 404 No\r\n\r\nhello",
            404,
            "hello",
        ),
        (
            "Content-Type: a/b\nContent-Length: 5\n\nhello",
            200,
            "hello",
        ),
        ("Content-Type: a/b\nContent-Length: 4\n\nhello", 200, "hell"),
        (
            "Content-Type: a/b\nTransfer-Encoding: chunked\n\nhello",
            200,
            "hello",
        ),
        ("Status: 204\n\n", 204, ""),
        ("Status: 304\nETag: \"x\"\n\nhello", 304, ""),
        ("Location: http://a/\n\n", 302, ""),
    ] {
        let (answer, mut world) = says(text);
        assert_eq!(answer.status, status, "{text:?}");
        if status != 204 {
            assert_eq!(answer.content(), body.as_bytes(), "{text:?}");
        }
        assert!(answer.get("Transfer-Encoding").is_none(), "{text:?}");
        // The connection goes on.
        world.sent.clear();
        world.send(get("/static/page"));
        assert_eq!(Answer::parse(&world.sent, false).content(), b"a page");
    }
}

#[test]
fn fields_are_passed_on_and_ours_are_added() {
    let (answer, _) =
        says("Content-Type: a/b\nX-A: 1\nSet-Cookie: a\nSet-Cookie: b\nServer: me\n\n");
    let names: Vec<_> = answer
        .fields
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let expected = [
        "Server",
        "Date",
        "Content-Type",
        "X-A",
        "Set-Cookie",
        "Set-Cookie",
        "Content-Length",
    ];
    assert_eq!(names, expected);
    assert!(answer.get("Server").unwrap().starts_with("h1/"));
}

#[test]
fn output_is_sent_as_it_comes() {
    let mut world = world();
    world.script.say("Content-Type: a/b\n\none");
    world.send(get("/run"));
    assert!(world.sent.is_empty(), "a short answer may follow at once");
    world.turn(ms(3));
    assert!(
        world
            .received()
            .ends_with("Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
    );
    world.script.say("two!");
    world.run();
    assert_eq!(world.received(), "4\r\ntwo!\r\n");
    world.script.end();
    world.run();
    assert_eq!(world.received(), "0\r\n\r\n");
}

#[test]
fn a_script_is_told_about_the_request() {
    let mut world = world();
    let names = [
        "GATEWAY_INTERFACE",
        "SERVER_NAME",
        "SERVER_PROTOCOL",
        "REQUEST_METHOD",
        "REQUEST_URI",
        "QUERY_STRING",
        "SCRIPT_NAME",
        "SCRIPT_FILENAME",
        "DOCUMENT_ROOT",
        "PATH_INFO",
        "PATH_TRANSLATED",
        "REMOTE_ADDR",
        "CONTENT_LENGTH",
        "CONTENT_TYPE",
        "REDIRECT_STATUS",
        "REMOTE_USER",
        "HTTP_HOST",
        "HTTP_A_B",
        "HTTPS",
    ];
    world.script.ask(&names);
    world.script.say(TYPED);
    world.script.end();
    world.send(
        "GET /%72un?a=%20 HTTP/1.1\r\nHost: a\r\nA-b: c\r\nAuthorization: Basic eDp5\r\n\r\n",
    );
    let vars = &world.script.variables;
    for (name, value) in [
        ("GATEWAY_INTERFACE", Some("CGI/1.1")),
        ("SERVER_NAME", Some("one.example")),
        ("SERVER_PROTOCOL", Some("HTTP/1.1")),
        ("REQUEST_METHOD", Some("GET")),
        ("REQUEST_URI", Some("/%72un?a=%20")),
        ("QUERY_STRING", Some("a=%20")),
        ("SCRIPT_NAME", Some("/run")),
        ("SCRIPT_FILENAME", Some("/srv/run")),
        ("DOCUMENT_ROOT", Some("/srv")),
        ("PATH_INFO", Some("")),
        ("PATH_TRANSLATED", None),
        ("REMOTE_ADDR", Some("192.0.2.7")),
        ("CONTENT_LENGTH", None),
        ("CONTENT_TYPE", None),
        ("REDIRECT_STATUS", Some("200")),
        ("REMOTE_USER", None),
        ("HTTP_HOST", Some("a")),
        ("HTTP_A_B", Some("c")),
        ("HTTPS", None),
    ] {
        assert_eq!(vars[name].as_deref(), value, "{name}");
    }
}

#[test]
fn a_configuration_has_the_last_word() {
    let mut world = world_of(
        "cgi_env A \"$request_method x\"; cgi_env QUERY_STRING q; cgi_pass_authorization on;",
    );
    world
        .script
        .ask(&["A", "QUERY_STRING", "HTTP_AUTHORIZATION"]);
    world.script.say(TYPED);
    world.script.end();
    world.send("GET /run?a HTTP/1.1\r\nHost: a\r\nAuthorization: Basic eDp5\r\n\r\n");
    let vars = &world.script.variables;
    assert_eq!(vars["A"].as_deref(), Some("GET x"));
    assert_eq!(vars["QUERY_STRING"].as_deref(), Some("q"));
    assert_eq!(vars["HTTP_AUTHORIZATION"].as_deref(), Some("Basic eDp5"));
}

#[test]
fn any_method_is_a_scripts() {
    for (method, started) in [
        ("PUT", 1),
        ("DELETE", 1),
        ("BREW", 1),
        ("OPTIONS", 1),
        ("TRACE", 0),
    ] {
        let mut world = world();
        world.script.ask(&["REQUEST_METHOD"]);
        world.script.say(TYPED);
        world.script.end();
        world.send(format!("{method} /run HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(world.script.started, started, "{method}");
        if started > 0 {
            assert_eq!(
                world.script.variables["REQUEST_METHOD"].as_deref(),
                Some(method)
            );
        }
    }
}

#[test]
fn what_may_not_run_is_not_shown_either() {
    let mut world = world();
    for (target, status) in [("/plain", 403), ("/php/none.php", 404), ("/none", 404)] {
        world.send(get(target));
        let answer = Answer::parse(&world.sent, false);
        assert_eq!(answer.status, status, "{target}");
        world.sent.clear();
    }
    assert_eq!(world.script.started, 0);
    world.script.say(TYPED);
    world.script.end();
    world.send(get("/php/a.php"));
    assert_eq!(
        world.script.started, 1,
        "an interpreter reads what does not run"
    );
}

#[test]
fn folders_and_files_that_may_run() {
    let executable = || {
        let file = open("#!/bin/sh\n");
        file.set_permissions(Permissions::from_mode(0o755)).unwrap();
        file
    };
    let files = [
        ("/d/", Node::Index(executable())),
        ("/run", Node::File(executable())),
        ("/page", Node::File(open("a page"))),
    ];
    let mut world = World::with(http("server { root /srv; cgi on; index run.cgi; }"), files);
    world.script.ask(&["SCRIPT_NAME"]);
    for (target, name) in [
        ("/d/", Some("/d/run.cgi")),
        ("/run", Some("/run")),
        ("/page", None),
    ] {
        let before = world.script.started;
        world.script.say(TYPED);
        world.script.end();
        world.sent.clear();
        world.send(get(target));
        assert_eq!(world.statuses(), ["200"], "{target}");
        assert_eq!(
            world.script.started - before,
            usize::from(name.is_some()),
            "{target}"
        );
        if name.is_some() {
            assert_eq!(world.script.variables["SCRIPT_NAME"].as_deref(), name);
        }
    }
    world.send("PUT /page HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(world.statuses(), ["405"]);
}

#[test]
fn head_has_no_body() {
    let mut world = world();
    world
        .script
        .say("Content-Type: a/b\nContent-Length: 5\n\nhello");
    world.script.end();
    world.send("HEAD /run HTTP/1.1\r\nHost: a\r\n\r\n");
    let text = world.received();
    assert!(text.ends_with("Content-Length: 5\r\n\r\n"), "{text}");
    world.send(get("/static/page"));
    assert_eq!(world.statuses(), ["200"]);
}

/// Each with the status, and what the error log says.
#[test]
fn failures_before_the_head() {
    for (acts, status, reason) in [
        (
            vec![Act::Say(b"garbage\n\n".to_vec())],
            "502",
            "a line that is no field",
        ),
        (
            vec![Act::Say(b"X: y\n\nbody".to_vec())],
            "502",
            "a head without Content-Type, Location and Status",
        ),
        (
            vec![Act::Say(b"Status: 101\n\n".to_vec())],
            "502",
            "a bad Status",
        ),
        (
            vec![Act::Say(vec![b'x'; 40_000])],
            "502",
            "a head above 32 KiB",
        ),
        (
            vec![Act::Close, Act::Exit(Exit::Status(3))],
            "502",
            "no head, exited with status 3",
        ),
        (
            vec![Act::Close, Act::Exit(Exit::Signal(11))],
            "502",
            "no head, killed by signal 11",
        ),
        (
            vec![
                Act::Say(TYPED.into()),
                Act::Close,
                Act::Exit(Exit::Signal(9)),
            ],
            "502",
            "half an answer, killed by signal 9",
        ),
    ] {
        let mut world = world();
        acts.into_iter().for_each(|act| world.script.act(act));
        world.send(get("/run"));
        assert_eq!(world.statuses(), [status], "{reason}");
        let line = format!(
            " /srv/run: {reason}, client: 192.0.2.7, server: one.example, request: \"GET /run HTTP/1.1\", host: \"a\"\n"
        );
        let told = world.log.contains("[error]") && world.log.contains(&line);
        assert!(told, "{reason}: {}", world.log);
        world.send(get("/static/page"));
        assert_eq!(world.statuses(), ["200"], "the connection goes on");
    }
}

#[test]
fn a_script_that_cannot_start() {
    for (kind, status) in [
        (ErrorKind::NotFound, "502"),
        (ErrorKind::PermissionDenied, "502"),
        (ErrorKind::ResourceBusy, "503"),
    ] {
        let mut world = world();
        world.script.refuses = Some(kind);
        world.send(get("/run"));
        let text = world.received();
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
        assert_eq!(text.contains("Retry-After: "), status == "503");
        assert!(world.log.contains("cannot be run"), "{}", world.log);
    }
}

#[test]
fn error_pages_are_for_scripts_too() {
    let mut world = world_of("error_page 502 /static/page;");
    world.script.say("nonsense\n\n");
    world.send(get("/run"));
    let answer = Answer::parse(&world.sent, false);
    assert_eq!((answer.status, answer.content()), (502, &b"a page"[..]));
}

/// It cannot be told again.
#[test]
fn what_stands_for_a_script_that_has_had_the_content_is_for_get() {
    let mut world =
        world_of("error_page 502 @page; location @page { return 200 $request_method; }");
    for (request, method) in [
        (
            "POST /run HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
            "GET",
        ),
        ("POST /run HTTP/1.1\r\nHost: a\r\n\r\n", "POST"),
    ] {
        world.sent.clear();
        world.script.say("nonsense\n\n");
        world.send(request);
        let answer = Answer::parse(&world.sent, false);
        assert_eq!(answer.content(), method.as_bytes(), "{request}");
    }
}

#[test]
fn scripts_are_error_pages_too() {
    for (rule, status) in [("404", 404), ("404 =", 203), ("404 =410", 410)] {
        let mut world = world_of(&format!("error_page {rule} /run;"));
        world.script.say("Status: 203\nContent-Type: a/b\n\nsorry");
        world.script.end();
        world.send(get("/none"));
        let answer = Answer::parse(&world.sent, false);
        assert_eq!(
            (answer.status, answer.content()),
            (status, &b"sorry"[..]),
            "{rule}"
        );
    }
}

#[test]
fn silence_is_bounded() {
    let mut world = world_of("cgi_timeout 5s;");
    world.send(get("/run"));
    world.turn(ms(4999));
    assert!(world.sent.is_empty());
    world.turn(ms(5000));
    assert_eq!(world.statuses(), ["504"]);
    assert!(world.log.contains("silent for 5s"), "{}", world.log);
}

#[test]
fn every_word_counts() {
    let mut world = world_of("cgi_timeout 5s;");
    world.send(get("/run"));
    for at in [4, 8, 12] {
        world.turn(Duration::from_secs(at));
        world.script.say(if at == 4 { TYPED } else { "x" });
        world.run();
    }
    world.turn(ms(16_999));
    assert!(!matches!(world.run(), Seen::Close | Seen::Reset));
    let text = world.received();
    assert!(text.ends_with("1\r\nx\r\n1\r\nx\r\n"), "{text}");
    world.turn(ms(17_000));
    assert!(matches!(world.end(), Seen::Close));
    assert_eq!(world.received(), "", "cut, without the last chunk");
}

#[test]
fn a_client_that_takes_nothing_is_no_silence() {
    let mut world = world_of("cgi_timeout 5s; send_timeout 60s;");
    world.room = 0;
    world.script.say(TYPED);
    for _ in 0..20 {
        world.script.say(vec![b'x'; 16 * 1024]);
    }
    world.send(get("/run"));
    let exchanges = |world: &World| {
        world
            .steps
            .iter()
            .filter(|it| **it == Seen::Exchange)
            .count()
    };
    let before = exchanges(&world);
    assert!(before < 15, "{before}: what nobody takes is not read");
    for at in 1..30 {
        world.turn(Duration::from_secs(at));
    }
    assert_eq!(exchanges(&world), before);
    world.script.end();
    world.make_room(usize::MAX);
    let answer = Answer::parse(&world.sent, false);
    assert_eq!(answer.content().len(), 20 * 16 * 1024);
}

#[test]
fn half_an_answer_is_cut() {
    for (head, last, reason) in [
        (
            "Content-Type: a/b",
            Exit::Signal(9),
            "half an answer, killed by signal 9",
        ),
        (
            "Content-Type: a/b\nContent-Length: 9",
            Exit::Status(0),
            "fewer bytes than its Content-Length",
        ),
        (
            "Content-Type: a/b\nContent-Length: 9",
            Exit::Signal(9),
            "half an answer, killed by signal 9",
        ),
    ] {
        let mut world = world();
        world.script.say(format!("{head}\n\nhalf"));
        world.send(get("/run"));
        world.turn(ms(3));
        assert!(Answer::parse(&world.sent, false).body.is_none());
        world.script.act(Act::Close);
        world.script.act(Act::Exit(last));
        world.run();
        assert!(matches!(world.end(), Seen::Close), "{head}");
        assert!(Answer::parse(&world.sent, false).body.is_none(), "{head}");
        assert!(world.log.contains(reason), "{}", world.log);
    }
}

#[test]
fn an_old_client_sees_half_an_answer_by_a_reset() {
    let mut world = world();
    world.script.say("Content-Type: a/b\n\nhalf");
    world.send("GET /run HTTP/1.0\r\n\r\n");
    world.turn(ms(3));
    assert!(world.received().ends_with("\r\n\r\nhalf"));
    world.script.act(Act::Close);
    world.script.act(Act::Exit(Exit::Signal(9)));
    assert_eq!(world.run(), Seen::Reset);
}

#[test]
fn an_exit_status_is_no_failure() {
    let mut world = world();
    world.script.say("Content-Type: a/b\n\nhello");
    world.script.act(Act::Close);
    world.script.act(Act::Exit(Exit::Status(1)));
    world.send(get("/run"));
    assert_eq!(Answer::parse(&world.sent, false).content(), b"hello");
}

#[test]
fn those_who_hold_the_pipe_hold_no_request() {
    let mut world = world();
    world.script.say("Content-Type: a/b\n\nhello");
    world.script.act(Act::Exit(Exit::Status(0)));
    world.send(get("/run"));
    world.turn(ms(3));
    world.turn(ms(499));
    assert!(Answer::parse(&world.sent, false).body.is_none());
    world.turn(ms(500));
    assert_eq!(Answer::parse(&world.sent, false).content(), b"hello");
    world.sent.clear();
    world.send(get("/static/page"));
    assert_eq!(world.statuses(), ["200"]);
}

/// Nobody may have looked while it ended: the end is asked for once more before it counts as a good one.
#[test]
fn a_death_that_is_noticed_late_cuts_the_answer() {
    let mut world = world();
    world.script.say("Content-Type: a/b\n\nhalf");
    world.send(get("/run"));
    world.turn(ms(3));
    world.script.act(Act::Close);
    world.run();
    world.script.act(Act::Exit(Exit::Signal(9)));
    world.turn(ms(503));
    assert!(matches!(world.end(), Seen::Close));
    assert!(Answer::parse(&world.sent, false).body.is_none());
    let reason = "half an answer, killed by signal 9";
    assert!(world.log.contains(reason), "{}", world.log);
}

#[test]
fn a_local_redirect_goes_through_the_rules() {
    let mut world = world();
    world.script.say("Location: /static/page?x\n\n");
    world.script.end();
    world.send("POST /run HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    let answer = Answer::parse(&world.sent, false);
    assert_eq!((answer.status, answer.content()), (200, &b"a page"[..]));
}

#[test]
fn a_local_redirect_to_another_script_is_for_get() {
    let mut world = world();
    let names = [
        "REQUEST_METHOD",
        "CONTENT_LENGTH",
        "QUERY_STRING",
        "SCRIPT_NAME",
    ];
    world.script.ask(&names);
    world.script.say("Location: /%6eext?a=b\n\n");
    world.script.say("Content-Type: a/b\n\nthere");
    world.script.end();
    world.send("POST /run HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    world.turn(ms(3));
    assert_eq!(world.script.started, 2);
    let vars = &world.script.variables;
    let values = names.map(|name| vars[name].as_deref());
    assert_eq!(values, [Some("GET"), None, Some("a=b"), Some("/next")]);
    assert_eq!(Answer::parse(&world.sent, false).content(), b"there");
}

#[test]
fn local_redirects_in_a_circle_end() {
    let mut world = world();
    for _ in 0..20 {
        world.script.say("Location: /run\n\n");
    }
    world.send(get("/run"));
    assert_eq!(world.statuses(), ["500"]);
    assert_eq!(world.script.started, 11, "ten redirects, as in nginx");
}

#[test]
fn the_queue_is_bounded_in_time() {
    let mut world = world();
    world.script.queued = true;
    world.send(get("/run"));
    world.turn(ms(9999));
    assert!(world.sent.is_empty());
    world.turn(ms(10_000));
    let text = world.received();
    assert!(
        text.starts_with("HTTP/1.1 503 ") && text.contains("\r\nRetry-After: 5\r\n"),
        "{text}"
    );
}

#[test]
fn who_waits_is_served_when_there_is_a_place() {
    let mut world = world();
    world.script.queued = true;
    world.send(get("/run"));
    world.turn(ms(500));
    world.script.admit();
    world.script.say("Content-Type: a/b\n\nhello");
    world.script.end();
    world.run();
    assert_eq!(Answer::parse(&world.sent, false).content(), b"hello");
}

#[test]
fn a_full_queue_refuses() {
    let mut world = world();
    world.script.full = true;
    world.send(get("/run"));
    let text = world.received();
    assert!(
        text.starts_with("HTTP/1.1 503 ") && text.contains("\r\nRetry-After: 5\r\n"),
        "{text}"
    );
}

#[test]
fn nobody_answers_a_client_that_has_gone() {
    let mut world = world();
    world.send(get("/run"));
    assert_eq!(world.hang_up(), Seen::Close);
    assert!(
        world.log.contains("\"GET /run HTTP/1.1\" 499 0 "),
        "{}",
        world.log
    );
    let mut world = world.again();
    world.script.queued = true;
    world.send(get("/run"));
    assert_eq!(world.hang_up(), Seen::Close);
}

#[test]
fn the_log_counts_what_was_sent() {
    let (_, mut world) = says("Content-Type: a/b\n\nhello");
    world.run();
    assert!(
        world.log.contains("\"GET /run HTTP/1.1\" 200 5 "),
        "{}",
        world.log
    );
}

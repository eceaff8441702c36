//! How the bytes of a client are cut into reads changes nothing: neither what it gets, nor the
//! log, nor how the connection ends.
#![allow(clippy::unwrap_used)]

mod world;

use world::{Node, Rng, Seen, World, file, get, open, pattern};

const HOST: &str = "Host: a\r\n";

/// Each is what a client sends before it ends its stream.
fn conversations() -> Vec<String> {
    let post = |fields: &str, body: &str| format!("POST /f HTTP/1.1\r\n{HOST}{fields}\r\n{body}");
    let chunked = |body: &str| post("Transfer-Encoding: chunked\r\n", body);
    let sized = |len: usize, body: &str| post(&format!("Content-Length: {len}\r\n"), body);
    let with = |fields: &str| format!("GET /f HTTP/1.1\r\n{HOST}{fields}\r\n");
    let (f, end) = (get("/f"), get("/end"));
    let big = "x".repeat(65_537);
    let mut all = vec![
        String::new(),
        f.repeat(3),
        get("/big") + &f,
        get("/") + &get("/d?q") + &get("/none") + &get("/.hidden") + &f,
        with("Range: bytes=1-2\r\n") + &with("If-None-Match: *\r\n") + &f,
        format!("HEAD /big HTTP/1.1\r\n{HOST}\r\nOPTIONS * HTTP/1.1\r\n{HOST}\r\n{f}"),
        format!("CONNECT a:1 HTTP/1.1\r\n{HOST}\r\n{f}"),
        with("Connection: Upgrade\r\nUpgrade: x\r\n") + &f,
        format!("\r\n{f}\r\n{f}\r\n"),
        // Content that nobody reads.
        sized(5, "hello") + &f,
        with("Content-Length: 5\r\n") + "hello" + &f,
        chunked("5;a=\"b\"\r\nhello\r\n000\r\nX: y\r\n\r\n") + &f,
        chunked("5\r\nhelloX\r\n0\r\n\r\n") + &f,
        chunked("zz\r\n") + &f,
        post("Expect: 100-continue\r\nContent-Length: 5\r\n", "hello") + &f,
        // The last answer is no longer the one to the last request.
        with("Connection: close\r\n") + &end,
        sized(5, "hello") + &with("Connection: close\r\nContent-Length: 5\r\n") + "hello" + &end,
        "GET /f HTTP/1.0\r\n\r\n".to_string() + &end,
        "GET /f HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".repeat(2),
        // Broken requests.
        f.clone() + "GET /f HTTP/1.1\r\n\r\n" + &end,
        f.clone() + "GET /f HTTP/1.1\r\nHost : a\r\n\r\n" + &end,
        f.clone() + "GET /f HTTP/2.0\r\n" + &end,
        f.clone() + &post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "") + &end,
        f.clone() + &with("Expect: rain\r\n") + &end,
        // The stream ends too early.
        f.clone() + "GET /f HTTP/1.1\r\nHo",
        sized(5, "hell"),
        chunked("5\r\nhell"),
        chunked("5\r\nhello\r\n0\r\nX: y"),
        // Long ones.
        sized(65_536, &big[1..]) + &f,
        sized(65_537, &big) + &end,
        chunked(&format!("10000\r\n{}\r\n0\r\n\r\n", &big[1..])) + &f,
        chunked(&format!("10001\r\n{big}\r\n0\r\n\r\n")) + &end,
    ];
    all.push(f.clone() + &with(&format!("X: {}\r\n", &big[..40_000])) + &end);
    all.push(f + &get(&format!("/{}", &big[..8180])) + &end);
    all
}

fn world() -> World {
    World::new([
        ("/f", file("hello")),
        ("/big", file(pattern(100_000))),
        ("/", Node::Index(open("<p>"))),
        ("/d", Node::Folder),
    ])
}

/// Everything that the outside can see.
fn outcome<'p>(world: &World, pieces: impl IntoIterator<Item = &'p [u8]>) -> (Vec<u8>, String) {
    let mut world = world.again();
    world.send_pieces(pieces);
    assert_eq!(world.hang_up(), Seen::Close);
    (world.sent, world.log)
}

fn check(cuts: impl Fn(&[u8], &mut dyn FnMut(Vec<&[u8]>))) {
    let world = world();
    for text in conversations() {
        let text = text.as_bytes();
        let (sent, log) = outcome(&world, [text]);
        cuts(text, &mut |pieces| {
            let lens: Vec<_> = pieces.iter().map(|piece| piece.len()).collect();
            let (cut_sent, cut_log) = outcome(&world, pieces);
            let what = text[..text.len().min(300)].escape_ascii();
            assert!(cut_sent == sent, "{what} as {lens:?}");
            assert_eq!(cut_log, log, "{what} as {lens:?}");
        });
    }
}

/// Where to cut: everywhere, or here and there in what is long.
fn places(text: &[u8]) -> impl Iterator<Item = usize> {
    (0..=text.len()).step_by(1 + text.len() / 1000)
}

#[test]
fn none_of_the_last_requests_is_answered() {
    let world = world();
    for text in conversations() {
        let (sent, log) = outcome(&world, [text.as_bytes()]);
        assert!(!log.contains("/end"), "{log}");
        let answers = String::from_utf8_lossy(&sent).matches("HTTP/1.1 ").count();
        assert_eq!(log.lines().count(), answers, "{log}");
    }
}

#[test]
fn byte_by_byte() {
    check(|text, run| run(text.chunks(1).collect()));
}

#[test]
fn at_each_single_cut() {
    check(|text, run| {
        for place in places(text) {
            let (head, rest) = text.split_at(place);
            let pieces = [head, rest].into_iter();
            run(pieces.filter(|piece| !piece.is_empty()).collect());
        }
    });
}

#[test]
fn in_random_pieces() {
    check(|text, run| {
        for seed in 0..64 {
            let mut rng = Rng(seed);
            let longest = 1 + rng.below(text.len() / 2 + 1);
            let (mut rest, mut pieces) = (text, Vec::new());
            while !rest.is_empty() {
                let piece;
                (piece, rest) = rest.split_at(1 + rng.below(longest.min(rest.len())));
                pieces.push(piece);
            }
            run(pieces);
        }
    });
}

/// What is wrong is known at a byte in the middle of a line; what follows it is logged if it has
/// come by then.
#[test]
fn a_broken_line_is_logged_from_its_start_however_it_came() {
    let world = world();
    for text in [
        "GET /f FTP/1.1\r\n",
        "GET  /f HTTP/1.1\r\n",
        "\x16\x03\x01 x\r\n",
    ] {
        let (_, whole) = outcome(&world, [text.as_bytes()]);
        let (_, dripped) = outcome(&world, text.as_bytes().chunks(1));
        let (dripped, _) = dripped.split_once("\" 400 ").unwrap();
        assert!(
            whole.starts_with(dripped),
            "{dripped} is no part of {whole}"
        );
    }
}

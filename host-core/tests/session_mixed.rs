//! Compressed content, several ranges and plain files in one batch, whatever the socket takes.
#![allow(clippy::unwrap_used)]

mod world;

use world::answer::{Answer, configured};
use world::{Rng, Seen, World, file, pattern};

const LEN: usize = 300_000;

fn world() -> World {
    let files = [
        ("/long.html", file(pattern(LEN))),
        ("/short.html", file(pattern(500))),
        ("/long.txt", file(pattern(LEN))),
    ];
    configured("gzip on;", files)
}

/// A request, and whether it is for HEAD.
fn request(rng: &mut Rng) -> (String, bool) {
    let head = rng.below(5) == 0;
    let method = if head { "HEAD" } else { "GET" };
    let target = ["/long.html", "/short.html", "/long.txt", "/none"][rng.below(4)];
    let mut fields = String::new();
    if rng.below(2) == 0 {
        fields.push_str("Accept-Encoding: gzip\r\n");
    }
    if rng.below(2) == 0 {
        let mut range = || {
            let first = rng.below(LEN);
            format!("{first}-{}", first + rng.below(LEN))
        };
        let ranges = [range(), range(), range()].join(",");
        fields.push_str(&format!("Range: bytes={ranges}\r\n"));
    }
    let request = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    (request, head)
}

/// What an answer says, without what differs each time.
fn meaning(answer: &Answer) -> (u16, Vec<u8>) {
    let mut body = answer.plain();
    if let Some((_, boundary)) = answer
        .get("Content-Type")
        .and_then(|kind| kind.split_once("boundary="))
    {
        let text = body.windows(boundary.len()).enumerate();
        let places: Vec<_> = text
            .filter(|(_, it)| *it == boundary.as_bytes())
            .map(|(at, _)| at)
            .collect();
        for at in places {
            body[at..at + boundary.len()].fill(b'-');
        }
    }
    (answer.status, body)
}

#[test]
fn answers_do_not_depend_on_the_socket() {
    for seed in 0..60 {
        let mut rng = Rng(seed);
        let requests: Vec<_> = (0..6).map(|_| request(&mut rng)).collect();
        // One by one, to a fast reader.
        let mut alone = world();
        let expected = requests.iter().map(|(request, head)| {
            alone.sent.clear();
            alone.send(request);
            meaning(&Answer::parse(&alone.sent, *head))
        });
        let expected: Vec<_> = expected.collect();
        let mut world = world();
        (world.room, world.per_write) = (0, 1 + rng.below(100_000));
        let batch: String = requests
            .iter()
            .map(|(request, _)| request.as_str())
            .collect();
        let mut seen = world.send(batch);
        while !matches!(seen, Seen::Wait(wait) if wait.read) {
            seen = world.make_room(1 + rng.below(50_000));
        }
        let mut rest = std::mem::take(&mut world.sent);
        for ((request, head), expected) in requests.iter().zip(&expected) {
            let mut answer = Answer::parse(&rest, *head);
            rest = std::mem::take(&mut answer.rest);
            assert!(meaning(&answer) == *expected, "seed {seed}: {request}");
        }
        assert!(rest.is_empty(), "seed {seed}");
    }
}

use super::{Answers, Expected};

const TWO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc\
                     HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";

const EXPECTED: Expected = Expected {
    status: 200,
    len: 3,
};

fn take(input: &[u8], size: usize) -> std::io::Result<usize> {
    let mut answers = Answers::default();
    answers.expect(2);
    let counts = input.chunks(size).map(|part| answers.take(part, &EXPECTED));
    counts.sum()
}

#[test]
fn answers_are_counted_however_they_arrive() {
    for size in 1..=TWO.len() {
        assert_eq!(take(TWO, size).ok(), Some(2), "in pieces of {size}");
    }
}

#[test]
fn another_answer_is_an_error() {
    for input in [
        "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdefghi",
    ] {
        for size in 1..=input.len() {
            assert!(take(input.as_bytes(), size).is_err(), "{input}, {size}");
        }
    }
    assert!(take(&TWO.repeat(2), 1).is_err(), "more than was asked for");
}

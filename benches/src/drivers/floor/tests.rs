use super::Requests;

#[test]
fn requests_are_counted_however_they_arrive() {
    let input = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(5);
    for size in 1..=input.len() {
        let mut requests = Requests::default();
        let counts = input.chunks(size).map(|part| requests.end_in(part));
        assert_eq!(counts.sum::<usize>(), 5, "in pieces of {size}");
    }
}

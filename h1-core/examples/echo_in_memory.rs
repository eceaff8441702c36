//! A server without a socket: bytes in, bytes out. It answers each request with its own content.
//!
//! `cargo run -p h1-core --example echo_in_memory`

use std::error::Error;

use h1_core::{Body, Event, Limits, RecvBuf, SendQueue, ServerConnection, Status};

/// What a server answers that receives `input`.
pub(crate) fn echo(input: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let limits = Limits::default();
    // The connection knows the rules; the bytes are in the buffer and in the queue.
    let mut conn = ServerConnection::new(limits);
    let (mut rx, mut tx) = (RecvBuf::new(&limits), SendQueue::new());
    assert_eq!(rx.receive(input), input.len(), "more than the buffer holds");
    rx.close(); // nothing will follow

    loop {
        match conn.next_event(&mut rx) {
            // A head. It borrows `rx` alone, so it can be answered at once.
            Ok(Event::Request(request)) => {
                let fields = [("X-Target", request.target())];
                // Content of a length that is not known yet goes out in chunks.
                conn.send_response(&mut tx, Status::OK, fields, Body::Chunked)?;
            }
            // A piece of content: it leaves as the next chunk.
            Ok(Event::Data(bytes)) => conn.send_data(&mut tx, bytes.to_vec().into())?,
            Ok(Event::EndOfMessage(trailers)) => conn.send_trailers(&mut tx, trailers.iter())?,
            // Another request lies behind this one: on to it, unless this was the last.
            Ok(Event::Paused) if conn.next_cycle().is_ok() => {}
            Ok(Event::Paused | Event::NeedData | Event::Closed) => break,
            // The peer broke the protocol: say so, and read no further.
            Err(error) => {
                eprintln!("{error}");
                conn.send_error(&mut tx, error)?;
                break;
            }
        }
    }
    Ok(tx.slices().flatten().copied().collect())
}

#[allow(dead_code, reason = "the tests call `echo`")]
fn main() -> Result<(), Box<dyn Error>> {
    let input = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello\
        GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    print!("{}", String::from_utf8_lossy(&echo(input)?));
    Ok(())
}

//! A server connection of hyper over a socket in memory, polled by hand.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, SERVER};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};

use crate::exchange::{CONTENT, FIELDS};

/// A connection on which requests can be sent and answers be received.
pub struct Hyper {
    connection: Pin<Box<dyn Future<Output = hyper::Result<()>>>>,
    wire: Wire,
}

/// A socket in memory: what can be read, and what was written.
#[derive(Clone, Default)]
struct Wire {
    input: Rc<RefCell<Bytes>>,
    output: Rc<RefCell<Vec<u8>>>,
}

impl Hyper {
    /// A new connection.
    pub fn new() -> Self {
        let wire = Wire::default();
        let fields = fields();
        let service = service_fn(move |_: Request<Incoming>| {
            let response = answer(&fields);
            async { Ok::<_, Infallible>(response) }
        });
        let connection = http1::Builder::new()
            .pipeline_flush(true)
            .serve_connection(wire.clone(), service);
        Self {
            connection: Box::pin(connection),
            wire,
        }
    }

    /// Sends `requests`, and puts the answers to all of them into `answers`.
    pub fn serve(&mut self, requests: Bytes, answers: &mut Vec<u8>) {
        *self.wire.input.borrow_mut() = requests;
        let mut context = Context::from_waker(Waker::noop());
        let poll = self.connection.as_mut().poll(&mut context);
        assert!(poll.is_pending(), "the connection has ended: {poll:?}");
        answers.clear();
        mem::swap(answers, &mut self.wire.output.borrow_mut());
    }
}

impl Default for Hyper {
    fn default() -> Self {
        Self::new()
    }
}

/// The fields of an answer but Date, which hyper adds, checked once.
fn fields() -> [(HeaderName, HeaderValue); 4] {
    let names = [SERVER, CONTENT_TYPE, CACHE_CONTROL, ETAG];
    std::array::from_fn(|n| (names[n].clone(), HeaderValue::from_static(FIELDS[n].1)))
}

fn answer(fields: &[(HeaderName, HeaderValue)]) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(CONTENT)));
    for (name, value) in fields {
        response.headers_mut().insert(name, value.clone());
    }
    response
}

impl Read for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut input = self.input.borrow_mut();
        if input.is_empty() {
            return Poll::Pending;
        }
        let n = input.len().min(into.remaining());
        into.put_slice(&input.split_to(n));
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.output.borrow_mut().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

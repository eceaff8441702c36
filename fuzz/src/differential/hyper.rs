//! A `hyper` server over bytes in memory.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use h1_core::{Body, RequestHead};
use hyper::body::{Body as _, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Response, StatusCode, Uri, Version};

use super::{Request, is_known_version, sorted};
use crate::log::Lines;

type Seen = Rc<RefCell<Vec<Request>>>;

/// What `hyper` sees of `input`, as far as it comes without more bytes.
pub(super) fn requests(input: &[u8]) -> Vec<Request> {
    let seen = Seen::default();
    let service = service_fn(|request| {
        let seen = seen.clone();
        async move {
            note(&seen, request).await;
            let mut response = Response::new(String::new());
            *response.status_mut() = StatusCode::NOT_FOUND;
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = pin!(http1::Builder::new().serve_connection(Wire(input), service));
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(woken.clone());
    while woken.0.swap(false, Ordering::Relaxed) {
        let polled = connection.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            break;
        }
    }
    seen.take()
}

/// Whether `hyper` may refuse a request that is valid.
pub(super) fn refuses(head: &RequestHead<'_>) -> bool {
    // It knows two minor versions alone; a higher one counts as 1.1 (RFC 9110, section 2.5).
    let version = !is_known_version(head.raw());
    // Its type for targets is stricter, such as about `%` in a host.
    let target = Uri::try_from(head.target()).is_err();
    // It keeps the two highest lengths for itself.
    let length = matches!(head.body(), Body::Length(n) if n >= u64::MAX - 1);
    // It does not pass over an empty member at the end of a list (RFC 9110, section 5.6.1).
    let codings = head.fields().get_all("transfer-encoding");
    let coding = codings.last().is_some_and(|list| list.ends_with(b","));
    version || target || length || coding
}

async fn note(seen: &Seen, request: hyper::Request<Incoming>) {
    let (head, body) = request.into_parts();
    seen.borrow_mut().push(Request {
        method: head.method.to_string(),
        authority: head.uri.authority().map(ToString::to_string),
        path: head.uri.path().trim_start_matches('*').to_owned(),
        query: head.uri.query().map(str::to_owned),
        http10: head.version == Version::HTTP_10,
        fields: lines(&head.headers),
        ..Default::default()
    });
    let mut body = pin!(body);
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let Ok(frame) = frame else { return };
        let mut seen = seen.borrow_mut();
        let request = seen.last_mut().unwrap();
        match frame.into_data() {
            Ok(bytes) => request.content.extend(bytes),
            Err(frame) => request.trailers = lines(frame.trailers_ref().unwrap()),
        }
    }
    seen.borrow_mut().last_mut().unwrap().whole = true;
}

fn lines(fields: &HeaderMap) -> Lines {
    let own = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        (name.to_string(), value.as_bytes().to_vec())
    };
    sorted(fields.iter().map(own).collect())
}

/// Bytes that come at once, and then no more; what is written is thrown away.
struct Wire<'i>(&'i [u8]);

impl Read for Wire<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Poll::Pending;
        }
        let (now, later) = self.0.split_at(self.0.len().min(buf.remaining()));
        buf.put_slice(now);
        self.0 = later;
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Polls again only when something has happened.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

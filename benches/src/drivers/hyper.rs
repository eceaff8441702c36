//! hyper on tokio, one thread, no timers: the same answers from memory.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue, SERVER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::runtime;

use super::work::HELLO;

/// Serves until the process ends, or accepting fails.
pub(super) fn serve(listener: TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(accept(listener))
}

async fn accept(listener: TcpListener) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let connection = http1::Builder::new()
            .pipeline_flush(true)
            .serve_connection(TokioIo::new(socket), service_fn(answer));
        tokio::spawn(connection);
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let found = request.uri().path().get(1..) == Some("plaintext");
    let (status, content) = match found {
        true => (StatusCode::OK, HELLO),
        false => (StatusCode::NOT_FOUND, b"not found\n".as_slice()),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(content)));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(SERVER, HeaderValue::from_static("hyper"));
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}

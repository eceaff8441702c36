//! Answers as the client reads them.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::load::PATIENCE;

/// What an answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Its status.
    pub status: u16,
    /// Its Content-Length.
    pub len: usize,
}

/// The answers on a connection, as they come in.
#[derive(Default)]
pub(super) struct Answers {
    missing: usize,
    /// A head that is not complete.
    head: Vec<u8>,
    /// Bytes of content that are to come.
    content: usize,
}

impl Answers {
    /// So many answers more are to come.
    pub(super) fn expect(&mut self, count: usize) {
        self.missing += count;
    }

    /// Those that are to come.
    pub(super) fn missing(&self) -> usize {
        self.missing
    }

    /// The number of answers that `input` completes.
    pub(super) fn take(&mut self, mut input: &[u8], expected: &Expected) -> io::Result<usize> {
        let before = self.missing;
        while !input.is_empty() {
            if self.content == 0 {
                if self.missing == 0 {
                    return Err(io::Error::other("more was sent than was asked for"));
                }
                let Some(rest) = self.take_head(input, expected)? else {
                    break;
                };
                input = rest;
                self.content = expected.len;
            }
            let n = self.content.min(input.len());
            self.content -= n;
            input = &input[n..];
            if self.content == 0 {
                self.missing -= 1;
            }
        }
        Ok(before - self.missing)
    }

    /// What follows the head, if that is complete.
    fn take_head<'i>(
        &mut self,
        input: &'i [u8],
        expected: &Expected,
    ) -> io::Result<Option<&'i [u8]>> {
        let seen = self.head.len();
        let parsed = match seen {
            0 => parse(input)?,
            _ => {
                self.head.extend_from_slice(input);
                parse(&self.head)?
            }
        };
        let Some((len, found)) = parsed else {
            if seen == 0 {
                self.head.extend_from_slice(input);
            }
            return Ok(None);
        };
        if found != *expected {
            return Err(io::Error::other(format!(
                "{found:?} instead of {expected:?}"
            )));
        }
        self.head.clear();
        Ok(Some(&input[len - seen..]))
    }
}

/// The length of a head and what it says, if it is complete.
fn parse(input: &[u8]) -> io::Result<Option<(usize, Expected)>> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut fields);
    let status = response.parse(input).map_err(io::Error::other)?;
    let httparse::Status::Complete(head) = status else {
        return Ok(None);
    };
    let len = response
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("content-length"))
        .and_then(|field| str::from_utf8(field.value).ok()?.parse().ok())
        .ok_or_else(|| io::Error::other("an answer without Content-Length"))?;
    let status = response.code.unwrap_or_default();
    Ok(Some((head, Expected { status, len })))
}

/// Sends one request on a new connection: what the answer is, and its content.
///
/// # Errors
///
/// When there is no connection or no complete answer.
pub fn fetch(address: SocketAddr, request: &[u8]) -> io::Result<(Expected, Vec<u8>)> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.write_all(request)?;
    let (mut input, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        if let Some((head, found)) = parse(&input)?
            && input.len() >= head + found.len
        {
            return Ok((found, input.split_off(head)));
        }
        match socket.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => input.extend_from_slice(&buffer[..read?]),
        }
    }
}

#[cfg(test)]
mod tests;

//! A socket for rude input: exactly these bytes, and what comes back.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::{SendFlags, sockopt};

use crate::DEADLINE;

/// How the server ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In order.
    Eof,
    /// With a reset.
    Reset,
}

/// A connection that sends the bytes it is told to.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Wire {
    /// Connects; each write leaves at once.
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, DEADLINE).expect("connect");
        stream.set_nodelay(true).expect("nodelay");
        stream
            .set_write_timeout(Some(DEADLINE))
            .expect("write timeout");
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    /// Sends `bytes` in as few segments as the kernel likes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("send");
    }

    /// Sends `bytes`, unless the server has ended the connection.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Waits for the next bytes or the end; whether it is bytes.
    pub fn goes_on(&mut self) -> bool {
        !self.unread.is_empty() || self.fill().is_ok()
    }

    /// Another handle of the connection, to send with while this one reads.
    pub fn sender(&self) -> TcpStream {
        self.stream.try_clone().expect("dup")
    }

    /// Sends `bytes` in one segment each, until the server ends the connection.
    pub fn send_bytewise(&mut self, bytes: impl AsRef<[u8]>) {
        for byte in bytes.as_ref().chunks(1) {
            if !self.try_send(byte) {
                return;
            }
        }
    }

    /// Sends one byte that TCP calls urgent.
    pub fn send_urgent(&mut self, byte: u8) {
        let sent = rustix::net::send(&self.stream, &[byte], SendFlags::OOB);
        assert_eq!(sent.expect("send"), 1);
    }

    /// Says that no more will be sent, unless the server has ended the connection, and goes on reading.
    pub fn finish(&mut self) {
        match self.stream.shutdown(Shutdown::Write) {
            Err(error) if error.kind() == ErrorKind::NotConnected => {}
            done => done.expect("half-close"),
        }
    }

    /// Closes the connection with a reset.
    pub fn reset(self) {
        sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO)).expect("linger");
    }

    /// Whether nothing arrives for `time`, neither bytes nor the end.
    pub fn is_quiet(&mut self, time: Duration) -> bool {
        let set = self.stream.set_read_timeout(Some(time));
        set.expect("read timeout");
        self.unread.is_empty()
            && loop {
                match self.stream.peek(&mut [0]).map_err(|error| error.kind()) {
                    Err(ErrorKind::Interrupted) => {}
                    Err(kind) => break matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut),
                    Ok(_) => break false,
                }
            }
    }

    /// The next `len` bytes.
    pub fn read_exact(&mut self, len: usize) -> Vec<u8> {
        while self.unread.len() < len {
            if let Err(end) = self.fill() {
                panic!("{end:?} after {} of {len} bytes", self.unread.len());
            }
        }
        self.unread.drain(..len).collect()
    }

    /// The bytes up to and with the first `mark`.
    pub fn read_through(&mut self, mark: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.unread.windows(mark.len()).position(|w| w == mark) {
                return self.unread.drain(..at + mark.len()).collect();
            }
            if let Err(end) = self.fill() {
                panic!("{end:?} after \"{}\"", self.unread.escape_ascii());
            }
        }
    }

    /// All that comes before the end, and the end.
    pub fn read_to_end(&mut self) -> (Vec<u8>, End) {
        loop {
            if let Err(end) = self.fill() {
                return (std::mem::take(&mut self.unread), end);
            }
        }
    }

    /// How many bytes come before the end, and the last of them: for more than there is room for.
    pub fn count_to_end(&mut self) -> (u64, Vec<u8>) {
        let mut last = std::mem::take(&mut self.unread);
        let mut count = last.len() as u64;
        let mut buffer = vec![0; 256 * 1024];
        self.stream
            .set_read_timeout(Some(DEADLINE))
            .expect("read timeout");
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return (count, last),
                Ok(n) => {
                    count += n as u64;
                    last.extend_from_slice(&buffer[n.saturating_sub(16)..n]);
                    last.drain(..last.len().saturating_sub(16));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{error} after {count} bytes"),
            }
        }
    }

    /// The server has nothing more to say and ends the connection in order.
    pub fn assert_end(&mut self) {
        let (rest, end) = self.read_to_end();
        let rest = rest.escape_ascii().to_string();
        assert_eq!((rest.as_str(), end), ("", End::Eof));
    }

    fn fill(&mut self) -> Result<(), End> {
        let start = self.unread.len();
        self.stream
            .set_read_timeout(Some(DEADLINE))
            .expect("read timeout");
        self.unread.resize(start + 64 * 1024, 0);
        let read = self.stream.read(&mut self.unread[start..]);
        self.unread
            .truncate(start + read.as_ref().map_or(0, |n| *n));
        match read {
            Ok(0) => Err(End::Eof),
            Ok(_) => Ok(()),
            // A child of another test has ended.
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Err(End::Reset),
            Err(error) => panic!(
                "{error} after {start} bytes: \"{}\"",
                self.unread[..start.min(300)].escape_ascii()
            ),
        }
    }
}

//! The answer of the bare loops, from memory or from a file that is opened for each request.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// Files up to this length leave in one write with their head.
const SMALL: u64 = 64 * 1024;

/// What every request is answered with.
pub enum Answer {
    /// Bytes in memory.
    Memory {
        /// The answer as often as answers are sent in one write.
        repeated: Vec<u8>,
        /// The length of one answer.
        len: usize,
    },
    /// A file: opened, asked for its length, read or sent, closed.
    File(PathBuf),
}

impl Answer {
    /// An answer from memory.
    pub fn memory(status: &str, content: &[u8]) -> Self {
        let mut one = head(status, content.len() as u64);
        one.extend_from_slice(content);
        Self::Memory {
            repeated: one.repeat((16 * 1024 / one.len()).max(1)),
            len: one.len(),
        }
    }

    /// The file's content as an answer from memory.
    ///
    /// # Errors
    ///
    /// Those of reading the file.
    pub fn memory_of(file: &Path) -> io::Result<Self> {
        Ok(Self::memory("200 OK", &fs::read(file)?))
    }
}

fn head(status: &str, len: u64) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nServer: bare-loop\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
         Content-Type: text/plain\r\nContent-Length: {len}\r\n\r\n"
    )
    .into()
}

/// What one connection has still to send.
#[derive(Default)]
pub(super) struct Outgoing {
    /// Bytes of answers from memory.
    bytes: usize,
    /// Files that are not opened yet.
    files: usize,
    /// The head of the present file, and its content when it is small.
    buffer: Vec<u8>,
    /// How much of `buffer` is sent.
    sent: usize,
    /// A large file, and what is to be sent of it.
    file: Option<(File, u64, u64)>,
}

impl Outgoing {
    /// So many answers more.
    pub(super) fn push(&mut self, answer: &Answer, count: usize) {
        match answer {
            Answer::Memory { len, .. } => self.bytes += count * len,
            Answer::File(_) => self.files += count,
        }
    }

    /// Sends until nothing is left, or the socket takes no more: [`io::ErrorKind::WouldBlock`].
    pub(super) fn send<S: AsFd>(&mut self, answer: &Answer, socket: &S) -> io::Result<()>
    where
        for<'s> &'s S: Write,
    {
        match answer {
            Answer::Memory { repeated, len } => {
                while self.bytes > 0 {
                    let at = (len - self.bytes % len) % len;
                    let end = repeated.len().min(at + self.bytes);
                    let mut socket = socket;
                    self.bytes -= socket.write(&repeated[at..end])?;
                }
            }
            Answer::File(path) => loop {
                self.send_file(socket)?;
                match self.files {
                    0 => break,
                    _ => self.open(path)?,
                }
            },
        }
        Ok(())
    }

    fn open(&mut self, path: &Path) -> io::Result<()> {
        self.files -= 1;
        let file = File::open(path)?;
        let len = rustix::fs::fstat(&file)?.st_size as u64;
        self.buffer = head("200 OK", len);
        self.sent = 0;
        if len > SMALL {
            self.file = Some((file, 0, len));
            return Ok(());
        }
        let start = self.buffer.len();
        self.buffer.resize(start + len as usize, 0);
        rustix::io::pread(&file, &mut self.buffer[start..], 0)?;
        Ok(())
    }

    fn send_file<S: AsFd>(&mut self, socket: &S) -> io::Result<()>
    where
        for<'s> &'s S: Write,
    {
        while self.sent < self.buffer.len() {
            let mut socket = socket;
            self.sent += socket.write(&self.buffer[self.sent..])?;
        }
        while let Some((file, at, end)) = &mut self.file {
            match send_part(socket, file, at, *end)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ if *at < *end => {}
                _ => self.file = None,
            }
        }
        Ok(())
    }
}

#[cfg(target_os = "linux")]
fn send_part<S: AsFd>(socket: &S, file: &File, at: &mut u64, end: u64) -> io::Result<usize> {
    let left = (end - *at) as usize;
    Ok(rustix::fs::sendfile(socket, file, Some(at), left)?)
}

#[cfg(not(target_os = "linux"))]
fn send_part<S: AsFd>(socket: &S, file: &File, at: &mut u64, end: u64) -> io::Result<usize> {
    let mut part = vec![0; (end - *at).min(SMALL) as usize];
    let read = rustix::io::pread(file, &mut part, *at)?;
    let sent = rustix::io::write(socket, &part[..read])?;
    *at += sent as u64;
    Ok(sent)
}

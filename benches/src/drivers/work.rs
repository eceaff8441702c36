//! What is asked of every server.

use std::fs;
use std::io;
use std::path::PathBuf;

use tempfile::TempDir;

use super::answer::fetch;
use super::load::Job;
use super::process::Process;

/// One kind of request, and how it is sent.
pub struct Work {
    /// What it is called.
    pub name: &'static str,
    /// What is asked for.
    pub asked: Asked,
    /// Connections at the same time.
    pub connections: usize,
    /// Requests under way on a connection.
    pub depth: usize,
    /// Whether each request has a connection of its own.
    pub close: bool,
}

/// What a request asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// "Hello, World!"
    Hello,
    /// What is not there.
    Missing,
    /// A file of so many KiB.
    File(usize),
}

const fn work(name: &'static str, asked: Asked, connections: usize, depth: usize) -> Work {
    Work {
        name,
        asked,
        connections,
        depth,
        close: false,
    }
}

/// All work.
pub const WORKS: [Work; 8] = [
    work("keep-alive-1", Asked::Hello, 1, 1),
    work("keep-alive-64", Asked::Hello, 64, 1),
    work("16-pipelined-x-64", Asked::Hello, 64, 16),
    Work {
        close: true,
        ..work("connection-each", Asked::Hello, 16, 1)
    },
    work("file-1KiB", Asked::File(1), 64, 1),
    work("file-100KiB", Asked::File(100), 16, 1),
    work("file-10MiB", Asked::File(10 * 1024), 4, 1),
    work("not-found", Asked::Missing, 64, 1),
];

/// The content of [`Asked::Hello`].
pub const HELLO: &[u8] = b"Hello, World!";

impl Asked {
    /// The path that names it, below `/`.
    pub fn path(self) -> String {
        match self {
            Self::Hello => "plaintext".into(),
            Self::Missing => "missing".into(),
            Self::File(kib) => format!("{kib}KiB.txt"),
        }
    }

    fn content(self) -> Option<Vec<u8>> {
        match self {
            Self::Hello => Some(HELLO.into()),
            Self::Missing => None,
            Self::File(kib) => Some((0..kib * 1024).map(|n| b'a' + (n % 23) as u8).collect()),
        }
    }
}

impl Work {
    /// What one request counts for: 1, or the MiB of a large file.
    pub fn units(&self) -> f64 {
        match self.asked {
            Asked::File(kib) if kib >= 1024 => kib as f64 / 1024.0,
            _ => 1.0,
        }
    }

    /// The unit of [`units`](Self::units) behind a number.
    pub fn unit(&self) -> &'static str {
        match self.asked {
            Asked::File(kib) if kib >= 1024 => " MiB",
            _ => "",
        }
    }

    fn request(&self) -> Vec<u8> {
        let close = if self.close {
            "Connection: close\r\n"
        } else {
            ""
        };
        let path = self.asked.path();
        format!("GET /{path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n{close}\r\n").into()
    }

    /// The work as a job for the client, once the server has given the right answer, to the byte.
    ///
    /// # Errors
    ///
    /// When it has not.
    pub fn job(&self, server: &Process) -> io::Result<Job> {
        let request = self.request();
        let (expected, content) = fetch(server.address, &request)?;
        let right = match self.asked.content() {
            Some(wanted) => expected.status == 200 && content == wanted,
            None => expected.status == 404,
        };
        if !right {
            let status = expected.status;
            return Err(io::Error::other(format!("the answer is wrong: {status}")));
        }
        Ok(Job {
            address: server.address,
            request,
            expected,
            connections: self.connections,
            depth: self.depth,
            close: self.close,
        })
    }
}

/// The files that are served, and room for those that servers need.
pub struct Site {
    folder: TempDir,
}

impl Site {
    /// Writes all files into a new temporary folder.
    ///
    /// # Errors
    ///
    /// Those of writing.
    pub fn new() -> io::Result<Self> {
        let site = Self {
            folder: TempDir::new()?,
        };
        fs::create_dir(site.root())?;
        for asked in WORKS.iter().map(|work| work.asked) {
            if let Some(content) = asked.content() {
                fs::write(site.root().join(asked.path()), content)?;
            }
        }
        Ok(site)
    }

    /// The folder that is served.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// A path beside it.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

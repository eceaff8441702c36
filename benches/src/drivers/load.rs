//! The client: one thread, a fixed number of connections, each with a fixed number of requests under
//! way. Every answer's status and length are checked, and the time it took goes into a histogram.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream as Blocking};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::answer::{Answers, Expected};

/// How long nothing may happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Requests after which a connection is replaced: lighttpd counts them in 16 bits, and closes.
const RENEWED: usize = 60_000;

/// What is asked, and how.
#[derive(Clone)]
pub struct Job {
    /// The server.
    pub address: SocketAddr,
    /// One request.
    pub request: Vec<u8>,
    /// What each answer must be.
    pub expected: Expected,
    /// Connections at the same time.
    pub connections: usize,
    /// Requests under way on a connection: they leave together, the next when all are answered.
    pub depth: usize,
    /// Whether each request has a connection of its own, which the server closes.
    pub close: bool,
}

/// How long to go on.
#[derive(Clone, Copy)]
pub enum Until {
    /// So many requests.
    Requests(u64),
    /// No request begins after this time.
    Elapsed(Duration),
}

/// A client at work.
pub struct Load {
    job: Job,
    /// `depth` requests.
    requests: Vec<u8>,
    poll: Poll,
    connections: Vec<Connection>,
    buffer: Vec<u8>,
    /// Nanoseconds from a batch's first byte to each answer's last.
    latency: Histogram<u64>,
    left: u64,
    deadline: Option<Instant>,
    busy: usize,
}

#[derive(Default)]
struct Connection {
    socket: Option<TcpStream>,
    began: Option<Instant>,
    /// Requests so far.
    requests: usize,
    /// Bytes of `requests` that are to leave.
    batch: usize,
    written: usize,
    answers: Answers,
}

impl Load {
    /// Opens the connections. On each, one request is answered before it counts.
    ///
    /// # Errors
    ///
    /// When a connection cannot be opened, or the answer is another than expected.
    pub fn open(job: Job) -> io::Result<Self> {
        let mut load = Self {
            requests: job.request.repeat(job.depth),
            poll: Poll::new()?,
            connections: Vec::new(),
            buffer: vec![0; 256 * 1024],
            latency: Histogram::new_with_bounds(1, 60_000_000_000, 3).map_err(io::Error::other)?,
            left: 0,
            deadline: None,
            busy: 0,
            job,
        };
        for token in 0..load.job.connections {
            let mut connection = Connection::default();
            if !load.job.close {
                let socket = first(&load.job, &mut load.buffer)?;
                connection.socket = Some(register(&load.poll, socket, token)?);
            }
            load.connections.push(connection);
        }
        Ok(load)
    }

    /// Asks until it is time, and waits for the last answers. The number of requests that were answered.
    ///
    /// # Errors
    ///
    /// When an answer is another than expected or none comes, a connection ends, or [`PATIENCE`] does.
    pub fn run(&mut self, until: Until) -> io::Result<u64> {
        (self.left, self.deadline) = match until {
            Until::Requests(count) => (count, None),
            Until::Elapsed(time) => (u64::MAX, Some(Instant::now() + time)),
        };
        let before = self.left;
        let mut events = Events::with_capacity(1024);
        for token in 0..self.connections.len() {
            self.begin(token)?;
        }
        while self.busy > 0 {
            match self.poll.poll(&mut events, Some(PATIENCE)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Ok(()) if events.is_empty() => return Err(ErrorKind::TimedOut.into()),
                polled => polled?,
            }
            for event in &events {
                self.go_on(event.token().0)?;
            }
        }
        Ok(before - self.left)
    }

    /// The histogram so far, in nanoseconds; the next begins.
    pub fn take_latency(&mut self) -> Histogram<u64> {
        let next = Histogram::new_from(&self.latency);
        std::mem::replace(&mut self.latency, next)
    }

    /// Sends the next requests, if there are any to be sent.
    fn begin(&mut self, token: usize) -> io::Result<()> {
        let now = Instant::now();
        let over = self.deadline.is_some_and(|deadline| now >= deadline);
        let count = self.left.min(self.job.depth as u64);
        if over || count == 0 {
            return Ok(());
        }
        self.left -= count;
        self.busy += 1;
        let connection = &mut self.connections[token];
        connection.requests += count as usize;
        let new = match connection.requests {
            _ if self.job.close => Some(TcpStream::connect(self.job.address)?),
            RENEWED.. => Some(first(&self.job, &mut self.buffer)?),
            _ => None,
        };
        if let Some(socket) = new {
            connection.socket = Some(register(&self.poll, socket, token)?);
            connection.requests = 0;
        }
        connection.began = Some(now);
        connection.batch = count as usize * self.job.request.len();
        connection.written = 0;
        connection.answers.expect(count as usize);
        connection.write(&self.requests)
    }

    fn go_on(&mut self, token: usize) -> io::Result<()> {
        let connection = &mut self.connections[token];
        let Some(began) = connection.began else {
            // Only a server that ends a connection says anything now.
            return Ok(());
        };
        connection.write(&self.requests)?;
        let latency = &mut self.latency;
        let mut done = |count: usize| {
            let nanoseconds = began.elapsed().as_nanos() as u64;
            latency
                .record_n(nanoseconds, count as u64)
                .map_err(io::Error::other)
        };
        let expected = &self.job.expected;
        if connection.read(&mut self.buffer, expected, self.job.close, &mut done)? {
            connection.began = None;
            self.busy -= 1;
            self.begin(token)?;
        }
        Ok(())
    }
}

impl Connection {
    fn write(&mut self, requests: &[u8]) -> io::Result<()> {
        while let Some(socket) = &mut self.socket
            && self.written < self.batch
        {
            match socket.write(&requests[self.written..self.batch]) {
                Ok(n) => self.written += n,
                Err(error) if is_early(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes the answers that have come, and says so to `done`; whether the batch is over.
    fn read(
        &mut self,
        buffer: &mut [u8],
        expected: &Expected,
        close: bool,
        done: &mut impl FnMut(usize) -> io::Result<()>,
    ) -> io::Result<bool> {
        while let Some(socket) = &mut self.socket {
            let n = match socket.read(buffer) {
                Ok(0) if close && self.answers.missing() == 0 => {
                    self.socket = None;
                    done(1)?;
                    return Ok(true);
                }
                Ok(0) => return Err(io::Error::other("the server has closed the connection")),
                Ok(n) => n,
                Err(error) if is_early(&error) => break,
                Err(error) => return Err(error),
            };
            let count = self.answers.take(&buffer[..n], expected)?;
            if close {
                continue;
            }
            if count > 0 {
                done(count)?;
            }
            if n < buffer.len() {
                break;
            }
        }
        Ok(!close && self.answers.missing() == 0)
    }
}

/// Not ready, or not even connected.
fn is_early(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::NotConnected
    )
}

fn register(poll: &Poll, mut socket: TcpStream, token: usize) -> io::Result<TcpStream> {
    let both = Interest::READABLE | Interest::WRITABLE;
    poll.registry().register(&mut socket, Token(token), both)?;
    Ok(socket)
}

/// A new connection on which one request has been answered.
fn first(job: &Job, buffer: &mut [u8]) -> io::Result<TcpStream> {
    let mut socket = Blocking::connect(job.address)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.write_all(&job.request)?;
    let mut answers = Answers::default();
    answers.expect(1);
    while answers.missing() > 0 {
        match socket.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(0) => return Err(io::Error::other("the server has closed the connection")),
            read => drop(answers.take(&buffer[..read?], &job.expected)?),
        };
    }
    socket.set_nonblocking(true)?;
    Ok(TcpStream::from_std(socket))
}

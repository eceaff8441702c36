//! What `stub_status` tells.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::Server;

/// Counters of all workers; a configuration that is read anew goes on with them.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: Count,
    active: Count,
    requests: Count,
    reading: Count,
    writing: Count,
}

/// On a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Count(AtomicU64);

impl Count {
    fn up(&self) -> u64 {
        self.0.fetch_add(1, Relaxed) + 1
    }

    fn down(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Counters {
    /// The number of a new connection, from 1.
    pub(crate) fn accept(&self) -> u64 {
        self.accepted.up()
    }

    /// How many connections there are, and how many of them are being read, are answered, and wait.
    pub(crate) fn connections(&self) -> [u64; 4] {
        let (active, reading, writing) =
            (self.active.get(), self.reading.get(), self.writing.get());
        let waiting = active.saturating_sub(reading + writing);
        [active, reading, writing, waiting]
    }

    /// nginx's page.
    pub(crate) fn page(&self) -> String {
        let [active, reading, writing, waiting] = self.connections();
        let accepted = self.accepted.get();
        format!(
            "Active connections: {active} \nserver accepts handled requests\n {accepted} {accepted} {} \n\
             Reading: {reading} Writing: {writing} Waiting: {waiting} \n",
            self.requests.get()
        )
    }
}

/// The server of a connection that is open.
#[derive(Debug)]
pub(crate) struct Connected(Arc<Server>);

impl Connected {
    pub(crate) fn new(server: Arc<Server>) -> Self {
        server.hosting.counters.active.up();
        Self(server)
    }

    pub(crate) fn is(&self, server: &Arc<Server>) -> bool {
        Arc::ptr_eq(&self.0, server)
    }
}

impl Deref for Connected {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.hosting.counters.active.down();
    }
}

/// What a connection does that does not wait.
#[derive(Debug)]
pub(crate) struct Busy {
    counters: Arc<Counters>,
    writing: bool,
}

impl Busy {
    /// A head is being read.
    pub(crate) fn reading(counters: &Arc<Counters>) -> Self {
        counters.reading.up();
        Self {
            counters: Arc::clone(counters),
            writing: false,
        }
    }

    /// A request has come and is answered.
    pub(crate) fn writing(counters: &Arc<Counters>) -> Self {
        counters.requests.up();
        counters.writing.up();
        Self {
            counters: Arc::clone(counters),
            writing: true,
        }
    }

    pub(crate) fn is_writing(&self) -> bool {
        self.writing
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        match self.writing {
            true => self.counters.writing.down(),
            false => self.counters.reading.down(),
        }
    }
}

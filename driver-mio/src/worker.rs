//! The event loop.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::mem;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use host_core::os::{self, Accepted, Service, Stop, Subscription};
use host_core::{Now, Pool, Server};
use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::acceptor::Acceptor;
use crate::conn::{BACKEND, Connection, Turn};
use crate::gate::Gate;
use crate::table::Table;
use crate::timers::{Timer, Timers};

/// Events taken at a time.
const EVENTS: usize = 512;

/// Connections accepted at a time.
const ACCEPTS: usize = 64;

/// Connections accepted from each listener at a stop: more than its queue holds.
const QUEUE: usize = 1024;

/// Idle sessions, whose buffers are kept.
const SESSIONS: usize = 32;

/// The control has changed.
const CONTROL: Token = Token(usize::MAX);

/// There may be room for a connection again.
pub(crate) const ROOM: Token = Token(usize::MAX - 1);

/// The token of a listener.
const fn listener(n: usize) -> Token {
    Token(usize::MAX - 2 - n)
}

/// One event loop, and its connections.
pub(crate) struct Worker<'g> {
    poll: Poll,
    control: Subscription,
    /// What serves new connections.
    server: Arc<Server>,
    gate: &'g Gate,
    /// Gone once a stop has begun.
    acceptor: Option<Acceptor>,
    table: Table<Connection>,
    timers: Timers,
    pool: Pool,
    /// Who has used up a turn and has more to do.
    queue: VecDeque<Token>,
    /// As it was when the last events came.
    now: Now,
    /// When a stop cuts what is left.
    cut: Option<Instant>,
}

impl<'g> Worker<'g> {
    pub(crate) fn new(
        number: usize,
        poll: Poll,
        service: Service,
        control: Subscription,
        gate: &'g Gate,
    ) -> io::Result<Self> {
        let registry = poll.registry();
        registry.register(
            &mut SourceFd(&control.as_raw_fd()),
            CONTROL,
            Interest::READABLE,
        )?;
        let mut acceptor = Acceptor::new(number);
        acceptor.follow(&service, registry, listener)?;
        Ok(Self {
            poll,
            control,
            server: service.server,
            gate,
            acceptor: Some(acceptor),
            table: Table::new(),
            timers: Timers::default(),
            pool: Pool::new(SESSIONS),
            queue: VecDeque::new(),
            now: os::now(),
            cut: None,
        })
    }

    /// Serves until the control says stop and the connections have ended.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        while !self.is_over() {
            let polled = self.poll.poll(&mut events, self.timeout());
            self.now = os::now();
            match polled {
                // Nothing is late before it is known what has come.
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            events.iter().try_for_each(|event| self.on_event(event))?;
            self.accept()?;
            self.run_queue();
            self.run_timers();
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        let is_cut = self.cut.is_some_and(|at| at <= self.now.monotonic);
        self.acceptor.is_none() && (self.table.is_empty() || is_cut)
    }

    /// How long to wait if nothing happens; `None` is for ever.
    fn timeout(&self) -> Option<Duration> {
        let now = self.now.monotonic;
        let queue = (!self.queue.is_empty()).then_some(now);
        let accept = self.acceptor.as_ref().and_then(|it| it.deadline(now));
        let next = [queue, accept, self.timers.next(), self.cut];
        let next = next.into_iter().flatten().min();
        next.map(|next| next.saturating_duration_since(now))
    }

    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        match event.token() {
            CONTROL => return self.on_control(),
            ROOM => self.acceptor.iter_mut().for_each(Acceptor::on_room),
            Token(n) if n >= Table::<Connection>::RESERVED => {
                let acceptor = self.acceptor.iter_mut();
                acceptor.for_each(|it| it.on_ready(Token(n)));
            }
            Token(n) => {
                let token = Token(n & !BACKEND);
                if let Some(connection) = self.table.get(token) {
                    match n & BACKEND {
                        0 => connection.on_event(event),
                        _ => connection.on_backend_event(),
                    }
                    if !connection.queued {
                        self.turn(token);
                    }
                }
            }
        }
        Ok(())
    }

    fn turn(&mut self, token: Token) {
        let Some(connection) = self.table.get(token) else {
            return;
        };
        let (pool, now) = (&mut self.pool, self.now);
        // A panic has been reported on standard error by the time it is caught.
        let turn = catch_unwind(AssertUnwindSafe(|| connection.turn(pool, now)));
        let goes_on = match turn.unwrap_or(Turn::Over) {
            Turn::Over => false,
            Turn::Again => {
                if !mem::replace(&mut connection.queued, true) {
                    self.queue.push_back(token);
                }
                true
            }
            Turn::Wait(interest) => connection
                .watch(self.poll.registry(), token, interest)
                .is_ok(),
        };
        if goes_on {
            let until = connection.deadline();
            self.timers.set(&mut connection.timer, token, until);
        } else {
            self.close(token);
        }
    }

    fn close(&mut self, token: Token) {
        if let Some(connection) = self.table.remove(token) {
            let (timer, table) = (connection.timer, &mut self.table);
            drop(connection);
            self.gate.leave();
            let timer_of = |token| table.get(token).map(|it| it.timer);
            self.timers.forget(timer, timer_of);
        }
    }

    fn run_queue(&mut self) {
        for _ in 0..self.queue.len() {
            if let Some(token) = self.queue.pop_front()
                && let Some(connection) = self.table.get(token)
            {
                connection.queued = false;
                self.turn(token);
            }
        }
    }

    fn run_timers(&mut self) {
        let now = self.now.monotonic;
        while let Some((at, token)) = self.timers.pop(now) {
            let connection = self.table.get(token);
            match connection.filter(|it| it.timer.is(at)) {
                Some(connection) => {
                    connection.timer = Timer::default();
                    self.on_time(token);
                }
                None => self.timers.was_stale(),
            }
        }
    }

    /// The deadline of a connection has come, or what was its deadline once.
    fn on_time(&mut self, token: Token) {
        let Some(connection) = self.table.get(token) else {
            return;
        };
        match connection.deadline() {
            Some(until) if until <= self.now.monotonic => match connection.on_timeout(self.now) {
                true => self.turn(token),
                false => self.close(token),
            },
            until => self.timers.set(&mut connection.timer, token, until),
        }
    }

    /// Accepts who waits, as many as others have time for.
    fn accept(&mut self) -> io::Result<()> {
        for _ in 0..ACCEPTS {
            let most = self.server.worker_connections;
            let acceptor = self.acceptor.as_mut();
            let next = acceptor.and_then(|it| it.next(self.gate, most, self.now.monotonic));
            let Some(accepted) = next else { break };
            // Who comes after a reload is not served by the server before.
            self.on_reload()?;
            let connection = self.connection(accepted);
            self.admit(connection);
        }
        Ok(())
    }

    /// Accepts all who wait, whatever their number: nobody listens there any more.
    fn accept_last(&mut self, mut acceptor: Acceptor) {
        acceptor.on_room();
        for _ in 0..QUEUE * acceptor.count() {
            let next = acceptor.next(self.gate, usize::MAX, self.now.monotonic);
            let Some(accepted) = next else { return };
            let mut connection = self.connection(accepted);
            connection.drain(&mut self.pool, self.now);
            self.admit(connection);
        }
    }

    fn connection(&self, accepted: Accepted) -> Connection {
        Connection::new(accepted, Arc::clone(&self.server), self.now)
    }

    fn admit(&mut self, mut connection: Connection) {
        // Its turn comes after the others have been accepted: its request may still be on its way.
        connection.queued = true;
        let token = self.table.insert(connection);
        self.queue.push_back(token);
    }

    fn on_control(&mut self) -> io::Result<()> {
        self.control.clear();
        match self.control.stopping() {
            None => return self.on_reload(),
            Some(Stop::Graceful) => self.drain(),
            Some(Stop::Fast) => {
                self.acceptor = None;
                self.cut = Some(self.now.monotonic);
            }
        }
        Ok(())
    }

    /// Listens where the new service is, and lets the connections of the one before end.
    fn on_reload(&mut self) -> io::Result<()> {
        let Some(service) = self.control.reloaded() else {
            return Ok(());
        };
        if let Some(acceptor) = &mut self.acceptor {
            let registry = self.poll.registry();
            let left = acceptor.follow(&service, registry, listener)?;
            self.accept_last(left);
        }
        self.server = service.server;
        let server = Arc::clone(&self.server);
        self.drain_those(|connection| !connection.is_of(&server));
        Ok(())
    }

    /// Lets each connection end, also those that wait in the queues of the listeners.
    fn drain(&mut self) {
        let Some(acceptor) = self.acceptor.take() else {
            return;
        };
        let limit = self.server.worker_shutdown_timeout;
        self.cut = self.now.monotonic.checked_add(limit);
        self.drain_those(|_| true);
        self.accept_last(acceptor);
    }

    fn drain_those(&mut self, are_meant: impl Fn(&Connection) -> bool) {
        let tokens: Vec<_> = self.table.tokens().collect();
        for token in tokens {
            if let Some(connection) = self.table.get(token).filter(|it| are_meant(it)) {
                connection.drain(&mut self.pool, self.now);
                self.turn(token);
            }
        }
    }
}

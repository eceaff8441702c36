//! The accept loop.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use host_core::Server;
use host_core::os::{self, Control, Spare, Stop, Subscription};
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::conn::{Client, Connection};
use crate::connections::Connections;
use crate::socket::Watched;

/// Accepted from one listener before the others have their turn.
const TURN: usize = 64;

/// Accepted from one listener when a graceful stop begins: more than its queue holds, so that nobody
/// is left there.
const LAST_TURN: usize = 1024;

/// How long nothing is accepted after the system had no descriptor or memory to give.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Serves as [`serve`] does, on a runtime of its own with
/// [`worker_processes`](Server::worker_processes) threads.
///
/// # Errors
///
/// Those of [`serve`], and when the runtime cannot be made.
pub fn serve_blocking(
    server: Arc<Server>,
    listeners: Vec<TcpListener>,
    control: Control,
) -> io::Result<()> {
    let mut builder = match server.worker_processes {
        0 | 1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let runtime = builder
        .worker_threads(server.worker_processes.max(1))
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // As a task of its own it is among the workers, to which it gives most of the work.
        let serving = tokio::spawn(serve(server, listeners, control));
        serving.await.map_err(io::Error::other)?
    })
}

/// Serves on `listeners` until `control` stops it; the [crate] has the rules. The tasks that it
/// starts have ended when it returns.
///
/// # Errors
///
/// When a listener cannot be prepared or waited for; that stops `control` gracefully, too.
///
/// # Panics
///
/// Outside of a tokio runtime, or in one without I/O and time
/// ([`enable_all`](tokio::runtime::Builder::enable_all)).
pub async fn serve(
    server: Arc<Server>,
    listeners: Vec<TcpListener>,
    control: Control,
) -> io::Result<()> {
    let mut acceptor = Acceptor::new(&server, listeners, &control)?;
    let ended = acceptor.run().await;
    control.stop(Stop::Graceful);
    acceptor.end().await;
    ended
}

struct Acceptor {
    listeners: Vec<Watched<TcpListener>>,
    subscription: Watched<Subscription>,
    connections: Arc<Connections>,
    /// What new connections are served by.
    server: Arc<Server>,
    spare: Spare,
}

type Accept = fn(&Watched<TcpListener>) -> io::Result<Client>;

impl Acceptor {
    fn new(
        server: &Arc<Server>,
        listeners: Vec<TcpListener>,
        control: &Control,
    ) -> io::Result<Self> {
        let watch = |listener: TcpListener| {
            os::prepare(&listener)?;
            Watched::new(listener)
        };
        let subscription = control.subscribe(server)?;
        Ok(Self {
            listeners: listeners.into_iter().map(watch).collect::<Result<_, _>>()?,
            spare: Spare::new(),
            subscription: Watched::new(subscription)?,
            connections: Arc::default(),
            server: Arc::clone(server),
        })
    }

    fn stopping(&self) -> Option<Stop> {
        self.subscription.inner.stopping()
    }

    /// Accepts until the stop.
    async fn run(&mut self) -> io::Result<()> {
        while self.stopping().is_none() {
            self.follow_reload();
            let Some((listener, room)) = poll_fn(|cx| self.poll_event(cx)).await? else {
                continue;
            };
            let next: Accept = |it| it.try_io(TcpListener::accept);
            let accepted = self.accept(listener, room.min(TURN), next);
            // The others come first next time.
            self.listeners.rotate_left(listener + 1);
            match accepted {
                Ok(true) => {}
                Ok(false) => tokio::task::yield_now().await,
                // Meanwhile only the control is listened to.
                Err(_) => drop(timeout(BACK_OFF, poll_fn(|cx| self.poll_control(cx))).await),
            }
        }
        Ok(())
    }

    /// After a reload the connections of the server before come to their end.
    fn follow_reload(&mut self) {
        let server = self.subscription.inner.server();
        if !Arc::ptr_eq(server, &self.server) {
            self.server = Arc::clone(server);
            self.connections.tell(|it| it.reload(server.clone()));
        }
    }

    /// Waits until somebody may wait on the listener of this number, and there is room for so many,
    /// or until the control says something.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<(usize, usize)>>> {
        if let Poll::Ready(changed) = self.poll_control(cx) {
            return Poll::Ready(changed.map(|()| None));
        }
        let most = self.server.worker_connections;
        let room = ready!(self.connections.poll_room(cx, most));
        for (number, listener) in self.listeners.iter().enumerate() {
            if let Poll::Ready(ready) = listener.poll_readable(cx) {
                return Poll::Ready(ready.map(|()| Some((number, room))));
            }
        }
        Poll::Pending
    }

    fn poll_control(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.subscription.poll_readable(cx))?;
        let _ = self.subscription.try_io::<()>(|subscription| {
            subscription.clear();
            Err(ErrorKind::WouldBlock.into())
        });
        Poll::Ready(Ok(()))
    }

    /// Accepts who waits on a listener, up to `most`, and says whether that was all. An error says
    /// that the system has no means for more.
    fn accept(&mut self, number: usize, most: usize, next: Accept) -> io::Result<bool> {
        for _ in 0..most {
            let listener = &self.listeners[number];
            match next(listener) {
                Ok(client) => {
                    // Who comes after a reload is not served by the server before.
                    self.follow_reload();
                    let place = self.connections.enter();
                    tokio::spawn(Connection::new(client, &self.server, place).serve());
                }
                Err(error) => {
                    if !self.spare.excuse(&listener.inner, error)? {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    /// Ends the connections, in the way that the control asks for.
    async fn end(&mut self) {
        if self.stopping() != Some(Stop::Fast) {
            for listener in 0..self.listeners.len() {
                // Whom this leaves out is turned away when the listener closes.
                let _ = self.accept(listener, LAST_TURN, |it| it.inner.accept());
            }
        }
        self.listeners.clear();
        self.connections.tell(|it| it.stop(Stop::Graceful));
        let limit = self.server.worker_shutdown_timeout;
        let _ = timeout(limit, poll_fn(|cx| self.poll_drained(cx))).await;
        self.connections.tell(|it| it.stop(Stop::Fast));
        poll_fn(|cx| self.connections.poll_empty(cx)).await;
    }

    /// Waits until no connection is left, or a fast stop.
    fn poll_drained(&self, cx: &mut Context<'_>) -> Poll<()> {
        while self.stopping() != Some(Stop::Fast) {
            if self.poll_control(cx).is_pending() {
                return self.connections.poll_empty(cx);
            }
        }
        Poll::Ready(())
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.connections.tell(|it| it.stop(Stop::Fast));
    }
}

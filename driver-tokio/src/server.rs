//! The accept loop.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use host_core::Server;
use host_core::os::{Accepted, Control, Listener, Service, Spare, Stop, Subscription};
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::conn::Connection;
use crate::connections::Connections;
use crate::socket::Watched;

/// Accepted from one listener before the others have their turn.
const TURN: usize = 64;

/// Accepted from one listener before it is closed: more than its queue holds, so that nobody is left
/// there.
const LAST_TURN: usize = 1024;

/// How long nothing is accepted after the system had no descriptor or memory to give.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Serves as [`serve`] does, on a runtime of its own with
/// [`worker_processes`](Server::worker_processes) threads.
///
/// # Errors
///
/// Those of [`serve`], and when the runtime cannot be made.
pub fn serve_blocking(service: Service, control: Control) -> io::Result<()> {
    let workers = service.server.worker_processes;
    let mut builder = match workers {
        0 | 1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let runtime = builder
        .worker_threads(workers.max(1))
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // As a task of its own it is among the workers, to which it gives most of the work.
        let serving = tokio::spawn(serve(service, control));
        serving.await.map_err(io::Error::other)?
    })
}

/// Serves until `control` stops it, at first `service`; the [crate] has the rules. The tasks that it
/// starts have ended when it returns.
///
/// # Errors
///
/// When a listener cannot be waited for; that stops `control` gracefully, too.
///
/// # Panics
///
/// Outside of a tokio runtime, or in one without I/O and time
/// ([`enable_all`](tokio::runtime::Builder::enable_all)).
pub async fn serve(service: Service, control: Control) -> io::Result<()> {
    let mut acceptor = Acceptor::new(service, &control)?;
    let ended = acceptor.run().await;
    control.stop(Stop::Graceful);
    acceptor.end().await;
    ended
}

struct Acceptor {
    listeners: Vec<Watched<Listener>>,
    subscription: Watched<Subscription>,
    connections: Arc<Connections>,
    /// What new connections are served by.
    server: Arc<Server>,
    spare: Spare,
}

impl Acceptor {
    fn new(service: Service, control: &Control) -> io::Result<Self> {
        let listeners = service.listeners.into_iter().map(Watched::new);
        Ok(Self {
            listeners: listeners.collect::<Result<_, _>>()?,
            spare: Spare::new(),
            subscription: Watched::new(control.subscribe()?)?,
            connections: Arc::default(),
            server: service.server,
        })
    }

    fn stopping(&self) -> Option<Stop> {
        self.subscription.inner.stopping()
    }

    /// Accepts until the stop.
    async fn run(&mut self) -> io::Result<()> {
        while self.stopping().is_none() {
            self.follow_reload()?;
            let Some((listener, room)) = poll_fn(|cx| self.poll_event(cx)).await? else {
                continue;
            };
            let accepted = self.accept(listener, room.min(TURN));
            // The others come first next time.
            let first = self.listeners.len().min(listener + 1);
            self.listeners.rotate_left(first);
            match accepted {
                Ok(true) => {}
                Ok(false) => tokio::task::yield_now().await,
                // Meanwhile only the control is listened to.
                Err(_) => drop(timeout(BACK_OFF, poll_fn(|cx| self.poll_control(cx))).await),
            }
        }
        Ok(())
    }

    /// After a reload the connections of the server before come to their end, and those that wait on
    /// listeners which are not to go on are its last. Says whether there was one.
    fn follow_reload(&mut self) -> io::Result<bool> {
        let Some(service) = self.subscription.inner.reloaded() else {
            return Ok(false);
        };
        let watch = |it: &Listener| Watched::new(it.clone());
        let left = service.open(&mut self.listeners, |it| &it.inner, watch)?;
        let listeners = std::mem::replace(&mut self.listeners, left);
        self.accept_last();
        self.listeners = listeners;
        self.server = service.server;
        self.connections.tell(Control::retire);
        Ok(true)
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
    fn accept(&mut self, number: usize, most: usize) -> io::Result<bool> {
        for _ in 0..most {
            let spare = &mut self.spare;
            match self.listeners[number].try_io(|it| spare.accept(it)) {
                Ok(accepted) => {
                    // Who comes after a reload is not served by the server before.
                    let reloaded = self.follow_reload()?;
                    self.serve(accepted);
                    if reloaded {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Accepts all who wait, whatever their number, and closes the listeners. Whom this leaves out is turned
    /// away by that.
    fn accept_last(&mut self) {
        for listener in std::mem::take(&mut self.listeners) {
            let mut next = || self.spare.accept(&listener.inner).ok();
            let accepted: Vec<_> = std::iter::from_fn(&mut next).take(LAST_TURN).collect();
            accepted.into_iter().for_each(|it| self.serve(it));
        }
    }

    fn serve(&self, accepted: Accepted) {
        let connection = Connection::new(accepted, &self.server, self.connections.enter());
        tokio::spawn(connection.serve());
    }

    /// Ends the connections, in the way that the control asks for.
    async fn end(&mut self) {
        if self.stopping() != Some(Stop::Fast) {
            self.accept_last();
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

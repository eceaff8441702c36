//! One connection: a task that waits without buffers, and has a session while there is something to do.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use host_core::os::{self, Accepted, Stop};
use host_core::{Parked, Pool, Server, Session};
use tokio::time::{Sleep, sleep};

use crate::connections::Place;
use crate::socket::{Socket, Watch};
use crate::turn::{Pause, Turn};

/// Sessions whose buffers a thread keeps. More are in use at a time only while so many clients are
/// slow to send a request or to take an answer.
const KEPT: usize = 16;

thread_local! {
    static POOL: RefCell<Pool> = RefCell::new(Pool::new(KEPT));
}

pub(crate) struct Connection {
    /// `None` when it is over.
    state: Option<State>,
    socket: Socket,
    backend: Option<Box<Watch>>,
    place: Place,
}

enum State {
    /// Waits for a request.
    Idle(Parked),
    Active(Session),
}

impl Connection {
    pub(crate) fn new(accepted: Accepted, server: &Arc<Server>, place: Place) -> Self {
        let peer = accepted.peer(server);
        let parked = Parked::new(server.clone(), peer, os::now());
        Self {
            state: Some(State::Idle(parked)),
            socket: Socket::New(accepted.stream),
            backend: None,
            place,
        }
    }

    /// Serves the client until the connection is over.
    pub(crate) async fn serve(mut self) {
        // Set when it is first waited for.
        let mut timer = pin!(sleep(Duration::MAX));
        poll_fn(|cx| self.poll(cx, timer.as_mut())).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<()> {
        let ending = self.place.ending();
        if ending == Some(Stop::Fast) {
            return Poll::Ready(());
        }
        if let Some(State::Idle(parked)) = &self.state
            && ending.is_none()
            && self.socket.poll_readable(cx).is_pending()
            && poll_timer(timer.as_mut(), cx, parked.deadline()).is_pending()
        {
            return Poll::Pending;
        }
        let now = os::now();
        let (session, is_new) = match self.state.take() {
            Some(State::Idle(parked)) => {
                (POOL.with_borrow_mut(|pool| pool.wake(parked, now)), true)
            }
            Some(State::Active(session)) => (session, false),
            None => return Poll::Ready(()),
        };
        let mut turn = Turn::new(session, &mut self.socket, now);
        if ending.is_some() {
            turn.session.drain();
        } else if is_new {
            // It has nothing else to ask for.
            let _ = turn.poll_read(cx);
        }
        loop {
            match turn.advance() {
                Pause::Wait(wait) if turn.poll_ready(cx, wait, &mut self.backend).is_ready() => {}
                Pause::Wait(wait) => match poll_timer(timer.as_mut(), cx, wait.until) {
                    // What has come is in time, and the runtime may not know of it yet.
                    Poll::Ready(()) if turn.look(wait) => {}
                    Poll::Ready(()) => turn.on_timeout(),
                    Poll::Pending => break,
                },
                Pause::Yield => {
                    // A socket that is never blocked does not wait for the timer.
                    turn.session.on_timeout(now);
                    cx.waker().wake_by_ref();
                    break;
                }
                Pause::Over => {
                    POOL.with_borrow_mut(|pool| pool.put(turn.session));
                    return Poll::Ready(());
                }
            }
        }
        if turn.session.backend().is_none() {
            self.backend = None;
        }
        let parked = POOL.with_borrow_mut(|pool| turn.session.park(pool));
        self.state = Some(parked.map_or_else(State::Active, State::Idle));
        self.place.wait(cx, ending);
        Poll::Pending
    }
}

/// Waits until `until`, if that is ever. Setting a timer costs more than to let one go off too early
/// now and then: it is set only where it would be late.
fn poll_timer(
    mut timer: Pin<&mut Sleep>,
    cx: &mut Context<'_>,
    until: Option<Instant>,
) -> Poll<()> {
    let Some(until) = until.map(Into::into) else {
        return Poll::Pending;
    };
    if until < timer.deadline() {
        timer.as_mut().reset(until);
    }
    loop {
        ready!(timer.as_mut().poll(cx));
        if timer.deadline() >= until {
            return Poll::Ready(());
        }
        timer.as_mut().reset(until);
    }
}

#[cfg(test)]
mod tests;

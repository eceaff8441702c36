//! The workers.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self, Builder, ScopedJoinHandle};

use host_core::Server;
use host_core::os::{Control, Stop, reuseport_sibling};
use mio::{Poll, Waker};

use crate::gate::Gate;
use crate::worker::{ROOM, Worker};

/// Serves on `listeners` until `control` stops it; the [crate] has the rules. The threads that it
/// starts have ended when it returns.
///
/// # Errors
///
/// When a listener or a thread cannot be prepared, or events cannot be waited for; the latter stops
/// `control` gracefully, too.
pub fn serve(server: Arc<Server>, listeners: Vec<TcpListener>, control: Control) -> io::Result<()> {
    let count = server.worker_processes.max(1);
    let polls = repeat(count, Poll::new)?;
    let wakers = polls.iter().map(|it| Waker::new(it.registry(), ROOM));
    let gate = Gate::new(wakers.collect::<io::Result<_>>()?);
    let mut shares = repeat(count - 1, || share(&listeners))?;
    shares.push(listeners);
    let mut workers = Vec::new();
    for (number, (poll, listeners)) in polls.into_iter().zip(shares).enumerate() {
        let subscription = control.subscribe(&server)?;
        workers.push(Worker::new(number, poll, listeners, subscription, &gate)?);
    }
    drop(server);
    run(workers, &control)
}

/// Runs each worker in a thread, the last one in this. All end when one does.
fn run(mut workers: Vec<Worker<'_>>, control: &Control) -> io::Result<()> {
    let own = workers.pop();
    let run = |worker: Worker<'_>| {
        let _stop = StopAtEnd(control);
        worker.run()
    };
    thread::scope(|scope| {
        let start = |worker| {
            let thread = Builder::new().name("worker".into());
            let thread = thread.spawn_scoped(scope, move || run(worker));
            thread.inspect_err(|_| control.stop(Stop::Graceful))
        };
        let threads: Vec<_> = workers.into_iter().map(start).collect();
        let ended = own.map_or(Ok(()), run);
        let panicked = |_| Err(io::Error::other("a worker has panicked"));
        let join = |thread: ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(panicked);
        // Each is waited for, whatever has become of those before.
        let others: Vec<_> = threads.into_iter().map(|it| it.and_then(join)).collect();
        others.into_iter().fold(ended, Result::and)
    })
}

struct StopAtEnd<'c>(&'c Control);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.stop(Stop::Graceful);
    }
}

/// Listeners for another worker: with queues of their own where the system deals out connections,
/// else the same ones, at which the workers compete.
fn share(listeners: &[TcpListener]) -> io::Result<Vec<TcpListener>> {
    let share = |it: &TcpListener| reuseport_sibling(it).or_else(|_| it.try_clone());
    listeners.iter().map(share).collect()
}

fn repeat<T>(count: usize, make: impl Fn() -> io::Result<T>) -> io::Result<Vec<T>> {
    (0..count).map(|_| make()).collect()
}

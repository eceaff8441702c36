//! The workers.

use std::io;
use std::thread::{self, Builder, ScopedJoinHandle};

use host_core::os::{Control, Service, Stop};
use mio::{Poll, Waker};

use crate::gate::Gate;
use crate::worker::{ROOM, Worker};

/// Serves until `control` stops it, at first `service`; the [crate] has the rules. The threads that it
/// starts have ended when it returns.
///
/// # Errors
///
/// When a thread cannot be prepared, or events cannot be waited for; the latter stops `control`
/// gracefully, too.
pub fn serve(service: Service, control: Control) -> io::Result<()> {
    let count = service.server.worker_processes.max(1);
    let make = (0..count).map(|_| Poll::new());
    let polls: Vec<_> = make.collect::<io::Result<_>>()?;
    let wakers = polls.iter().map(|it| Waker::new(it.registry(), ROOM));
    let gate = Gate::new(wakers.collect::<io::Result<_>>()?);
    let mut workers = Vec::new();
    for (number, poll) in polls.into_iter().enumerate() {
        let subscription = control.subscribe()?;
        let service = service.clone();
        workers.push(Worker::new(number, poll, service, subscription, &gate)?);
    }
    drop(service);
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

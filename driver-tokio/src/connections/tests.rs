use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use host_core::os::Stop;

use super::Connections;

#[tokio::test]
async fn a_task_that_panics_gives_up_its_place() {
    let connections = Arc::new(Connections::default());
    let place = connections.enter();
    let task = tokio::spawn(async move {
        let _place = place;
        panic!("as the test wants it");
    });
    poll_fn(|cx| connections.poll_empty(cx)).await;
    assert!(task.await.unwrap_err().is_panic());
}

/// Whether it comes before or after the task has begun to wait.
#[tokio::test]
async fn each_connection_is_told_of_the_end() {
    for early in [false, true] {
        let connections = Arc::new(Connections::default());
        let mut place = connections.enter();
        let task = tokio::spawn(poll_fn(move |cx| {
            let seen = place.ending();
            if seen.is_some() {
                return Poll::Ready(seen);
            }
            if early {
                place.connections.tell(|it| it.stop(Stop::Graceful));
            }
            place.wait(cx, seen);
            Poll::Pending
        }));
        if !early {
            tokio::task::yield_now().await;
            connections.tell(|it| it.stop(Stop::Graceful));
        }
        assert_eq!(task.await.unwrap(), Some(Stop::Graceful));
    }
}

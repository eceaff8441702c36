use std::mem::size_of_val;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use host_core::os::{Listener, Root, Spare};
use host_core::{Server, Site};

use super::Connection;
use crate::connections::Connections;

/// A connection that waits costs this, what tokio adds to a task, and its entry in two tables.
#[tokio::test]
async fn the_task_of_a_connection_is_small() {
    let root = Root::open("/".as_ref()).unwrap();
    let server = Arc::new(Server::new(Site::new(root)));
    let listener = Listener::new(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let accepted = Spare::new().accept(&listener).unwrap();
    let place = Arc::new(Connections::default()).enter();
    let task = Connection::new(accepted, &server, place).serve();
    assert!(size_of_val(&task) <= 576, "{} bytes", size_of_val(&task));
}

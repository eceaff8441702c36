use std::net::{TcpListener, TcpStream};

use super::*;

#[test]
fn a_socket_that_is_broken_is_an_error_unless_a_read_tells_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    let (backend, _writer) = io::pipe().unwrap();
    let ask = |read| {
        let asked = Wait {
            read,
            write: false,
            backend: true,
            until: None,
        };
        wait(
            &server,
            Some(backend.as_fd()),
            asked,
            Duration::from_secs(10),
        )
    };
    reset(&client);
    drop(client);
    assert!(ask(true).unwrap().read);
    assert_eq!(
        ask(false).unwrap_err().kind(),
        io::ErrorKind::ConnectionReset
    );
}

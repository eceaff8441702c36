//! What a client sees of the limit of connections, of timeouts, of a stop and of a reload: each driver as a
//! library, with settings that the command line does not have.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown as Half, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use host_core::os::{Control, Listener, Root, Serve, Service, Stop};
use host_core::{Server, Site};
use rustix::event::{PollFd, PollFlags, poll};
use tempfile::TempDir;

/// Makes each of the named functions a `#[test]` in a module per driver. A function takes that
/// driver.
macro_rules! for_each_serve {
    (@ $driver:ident $serve:ident $($test:ident)+) => {
        mod $driver {
            $(
                #[test]
                fn $test() {
                    super::$test(::$driver::$serve);
                }
            )+
        }
    };
    ($($test:ident),+ $(,)?) => {
        for_each_serve!(@ driver_mio serve $($test)+);
        for_each_serve!(@ driver_std serve $($test)+);
        for_each_serve!(@ driver_tokio serve_blocking $($test)+);
    };
}

for_each_serve!(
    a_client_above_the_bound_waits_until_another_has_gone,
    one_place_serves_many_clients_in_turn,
    clients_that_come_at_once_are_all_served,
    more_clients_than_threads_take_turns,
    a_client_that_only_connects_and_goes_leaves_its_place_to_others,
    a_stop_ends_idle_connections_and_lets_answers_end,
    a_stop_answers_who_is_in_the_listen_queue,
    a_stop_cuts_answers_that_take_too_long,
    a_fast_stop_cuts_everything,
    after_a_reload_new_connections_have_the_new_server,
    a_reload_can_lift_the_bound,
    a_request_on_the_wire_when_the_stop_comes_is_answered,
    a_client_that_sends_no_more_is_answered,
    a_client_that_asks_for_no_more_is_closed,
    a_client_that_does_not_read_is_reset,
);

/// More than the kernel buffers for a client that does not read.
const BIG: u64 = 64 << 20;

fn server() -> (TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("small"), "small content").unwrap();
    let big = File::create(folder.path().join("big")).unwrap();
    big.set_len(BIG).unwrap();
    let root = Root::open(folder.path()).unwrap();
    let mut server = Server::new(Site::new(root));
    server.worker_processes = 2;
    (folder, server)
}

struct Running {
    address: SocketAddr,
    control: Control,
    /// For a reload.
    listeners: Vec<Listener>,
    serving: JoinHandle<io::Result<()>>,
    _folder: TempDir,
}

impl Running {
    fn new(serve: Serve, change: impl FnOnce(&mut Server)) -> Self {
        let (folder, mut server) = server();
        change(&mut server);
        let address = e2e::free_address();
        let listener = TcpListener::bind(address).unwrap();
        let control = Control::new();
        let handle = control.clone();
        let service = Service::new(server, [listener]).unwrap();
        let listeners = service.listeners.clone();
        let serve = move || serve(service, handle);
        Self {
            address,
            control,
            listeners,
            serving: thread::spawn(serve),
            _folder: folder,
        }
    }

    fn reload(&mut self, server: Server) {
        self.control.reload(Service {
            server: server.into(),
            listeners: std::mem::take(&mut self.listeners),
        });
    }

    fn connect(&self) -> Client {
        Client::new(self.address)
    }

    fn join(self) {
        self.serving.join().unwrap().unwrap();
    }
}

struct Client(TcpStream);

impl Client {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        let patience = Some(Duration::from_secs(20));
        stream.set_read_timeout(patience).unwrap();
        Self(stream)
    }

    fn request(&mut self, path: &str) {
        write!(self.0, "GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    }

    /// Reads a head, and not a byte more.
    fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap()
    }

    fn body<const LEN: usize>(&mut self) -> [u8; LEN] {
        let mut body = [0; LEN];
        self.0.read_exact(&mut body).unwrap();
        body
    }

    fn get_small(&mut self) -> String {
        self.request("/small");
        let head = self.head();
        assert_eq!(&self.body(), b"small content");
        head
    }

    /// Bytes until the end of the stream, or until a reset.
    fn rest(&mut self) -> u64 {
        let mut buffer = vec![0; 1 << 16];
        let mut total = 0;
        loop {
            match self.0.read(&mut buffer) {
                Ok(0) => return total,
                Ok(n) => total += n as u64,
                Err(error) => match error.kind() {
                    ErrorKind::ConnectionReset => return total,
                    ErrorKind::Interrupted => {}
                    _ => panic!("{error}"),
                },
            }
        }
    }

    fn has_nothing_to_read(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let peeked = self.0.peek(&mut [0]);
        self.0.set_nonblocking(false).unwrap();
        peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

fn a_client_above_the_bound_waits_until_another_has_gone(serve: Serve) {
    let running = Running::new(serve, |server| server.worker_connections = 2);
    let (mut first, mut second, mut third) =
        (running.connect(), running.connect(), running.connect());
    first.get_small();
    second.get_small();
    third.request("/small");
    first.get_small();
    second.get_small();
    assert!(third.has_nothing_to_read());
    drop(first);
    third.head();
    assert_eq!(&third.body(), b"small content");
    running.control.stop(Stop::Graceful);
    running.join();
}

fn one_place_serves_many_clients_in_turn(serve: Serve) {
    let running = Running::new(serve, |server| server.worker_connections = 1);
    for _ in 0..100 {
        running.connect().get_small();
    }
    running.control.stop(Stop::Graceful);
    running.join();
}

fn clients_that_come_at_once_are_all_served(serve: Serve) {
    let running = Running::new(serve, |server| server.worker_connections = 3);
    thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| running.connect().get_small());
        }
    });
    running.control.stop(Stop::Graceful);
    running.join();
}

fn more_clients_than_threads_take_turns(serve: Serve) {
    let running = Running::new(serve, |server| server.worker_processes = 1);
    thread::scope(|scope| {
        for _ in 0..150 {
            scope.spawn(|| {
                let mut client = running.connect();
                (0..20).for_each(|_| drop(client.get_small()));
            });
        }
    });
    running.control.stop(Stop::Graceful);
    running.join();
}

fn a_client_that_only_connects_and_goes_leaves_its_place_to_others(serve: Serve) {
    let running = Running::new(serve, |server| server.worker_connections = 1);
    drop(running.connect());
    running.connect().get_small();
    running.control.stop(Stop::Graceful);
    running.join();
}

fn a_stop_ends_idle_connections_and_lets_answers_end(serve: Serve) {
    let running = Running::new(serve, |_| {});
    let mut idle = running.connect();
    idle.get_small();
    let mut busy = running.connect();
    busy.request("/big");
    busy.head();
    running.control.stop(Stop::Graceful);
    assert_eq!(idle.rest(), 0);
    assert_eq!(busy.rest(), BIG);
    let address = running.address;
    running.join();
    let refused = TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

fn a_stop_answers_who_is_in_the_listen_queue(serve: Serve) {
    let running = Running::new(serve, |server| server.worker_connections = 1);
    let mut busy = running.connect();
    busy.request("/big");
    busy.head();
    let mut queued = running.connect();
    queued.request("/small");
    running.control.stop(Stop::Graceful);
    assert_eq!(busy.rest(), BIG);
    assert!(queued.head().contains("\r\nConnection: close\r\n"));
    assert_eq!(&queued.body(), b"small content");
    assert_eq!(queued.rest(), 0);
    running.join();
}

fn a_stop_cuts_answers_that_take_too_long(serve: Serve) {
    let running = Running::new(serve, |server| {
        server.worker_shutdown_timeout = Duration::ZERO
    });
    let mut busy = running.connect();
    busy.request("/big");
    busy.head();
    running.control.stop(Stop::Graceful);
    running.join();
    assert!(busy.rest() < BIG);
}

fn a_fast_stop_cuts_everything(serve: Serve) {
    for first in [None, Some(Stop::Graceful)] {
        let running = Running::new(serve, |_| {});
        let mut idle = running.connect();
        idle.get_small();
        let mut busy = running.connect();
        busy.request("/big");
        busy.head();
        if let Some(first) = first {
            running.control.stop(first);
            assert_eq!(idle.rest(), 0, "the first has been seen");
        }
        running.control.stop(Stop::Fast);
        running.join();
        assert_eq!(idle.rest(), 0);
        assert!(busy.rest() < BIG);
    }
}

fn after_a_reload_new_connections_have_the_new_server(serve: Serve) {
    let mut running = Running::new(serve, |_| {});
    let mut old = running.connect();
    old.get_small();
    let (folder, new) = server();
    fs::write(folder.path().join("small"), "newer content").unwrap();
    running.reload(new);
    let mut new = running.connect();
    new.request("/small");
    new.head();
    assert_eq!(&new.body(), b"newer content");
    running.control.stop(Stop::Graceful);
    running.join();
}

fn a_reload_can_lift_the_bound(serve: Serve) {
    let mut running = Running::new(serve, |server| server.worker_connections = 1);
    let mut first = running.connect();
    first.get_small();
    let mut second = running.connect();
    second.request("/small");
    let (_folder, new) = server();
    running.reload(new);
    second.head();
    assert_eq!(&second.body(), b"small content");
    running.control.stop(Stop::Graceful);
    running.join();
}

fn a_request_on_the_wire_when_the_stop_comes_is_answered(serve: Serve) {
    let (_folder, server) = server();
    let listener = TcpListener::bind(e2e::free_address()).unwrap();
    let mut client = Client::new(listener.local_addr().unwrap());
    client.request("/small");
    let control = Control::new();
    control.stop(Stop::Graceful);
    serve(Service::new(server, [listener]).unwrap(), control).unwrap();
    assert!(client.head().contains("\r\nConnection: close\r\n"));
    assert_eq!(&client.body(), b"small content");
    assert_eq!(client.rest(), 0);
}

fn a_client_that_sends_no_more_is_answered(serve: Serve) {
    let running = Running::new(serve, |_| {});
    let mut client = running.connect();
    client.request("/small");
    client.0.shutdown(Half::Write).unwrap();
    client.head();
    assert_eq!(&client.body(), b"small content");
    assert_eq!(client.rest(), 0);
    running.control.stop(Stop::Graceful);
    running.join();
}

fn a_client_that_asks_for_no_more_is_closed(serve: Serve) {
    let running = Running::new(serve, |server| {
        server.timeouts.keep_alive = Duration::from_millis(50)
    });
    let mut client = running.connect();
    client.get_small();
    assert_eq!(client.rest(), 0);
    running.control.stop(Stop::Graceful);
    running.join();
}

fn a_client_that_does_not_read_is_reset(serve: Serve) {
    let running = Running::new(serve, |server| {
        server.timeouts.send = Duration::from_millis(50)
    });
    let mut client = running.connect();
    client.request("/big");
    let mut reset = [PollFd::new(&client.0, PollFlags::empty())];
    poll(&mut reset, None).unwrap();
    assert!(reset[0].revents().contains(PollFlags::ERR));
    running.control.stop(Stop::Graceful);
    running.join();
}

//! Which server and which location a request is for, in a large configuration.

use std::fmt::Write;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::Arc;

use host_core::config::{Config, Overrides};
use host_core::{Now, Server, Session, Step, os};
use tempfile::TempDir;

/// Servers of the large configuration, each with five locations. Of ten names six are fixed, two have an
/// asterisk, two are regular expressions.
pub const SERVERS: usize = 1000;

/// Requests to the large configuration: what each is about, its host and its target.
pub const REQUESTS: [(&str, &str, &str); 9] = [
    ("exact name, exact location", "s990.example", "/plain"),
    ("exact name, prefix", "s990.example", "/a/b/c/d"),
    ("exact name, first expression", "s990.example", "/x.php"),
    ("exact name, last expression", "s990.example", "/x.png"),
    ("name with asterisk in front", "www.s996.example", "/plain"),
    ("name with asterisk behind", "s997.net", "/plain"),
    ("first expression as name", "r8-1.example", "/plain"),
    ("last expression as name", "r999-1.example", "/plain"),
    ("no name", "nobody.example", "/plain"),
];

/// The large configuration.
pub fn large() -> String {
    let mut text =
        String::from("events { }\nhttp {\naccess_log off;\nkeepalive_requests 1000000000;\n");
    for n in 0..SERVERS {
        let name = match n % 10 {
            6 => format!("*.s{n}.example"),
            7 => format!("s{n}.*"),
            8 | 9 => format!("~^r{n}-(?<part>\\d+)\\.example$"),
            _ => format!("s{n}.example"),
        };
        let _ = writeln!(
            text,
            "server {{ listen 127.0.0.1:8080; server_name {name};\n\
             location = /plain {{ return 204; }}\n\
             location / {{ return 204; }}\n\
             location /a/b/ {{ return 204; }}\n\
             location ~ ^/[^?]*\\.php$ {{ return 204; }}\n\
             location ~* \\.(gif|jpe?g|png|s{n})$ {{ return 204; }} }}"
        );
    }
    text + "}\n"
}

/// One server with one location.
pub fn small() -> String {
    "events { }\nhttp { access_log off; keepalive_requests 1000000000;\n\
     server { listen 127.0.0.1:8080; location / { return 204; } } }\n"
        .into()
}

/// A configuration in a file.
pub struct File(TempDir);

impl File {
    /// Writes it.
    ///
    /// # Errors
    ///
    /// Those of writing.
    pub fn new(text: &str) -> io::Result<Self> {
        let folder = TempDir::new()?;
        std::fs::write(folder.path().join("nginx.conf"), text)?;
        Ok(Self(folder))
    }

    /// Reads it, and makes it ready to serve.
    pub fn load(&self) -> Arc<Server> {
        let path = self.0.path().join("nginx.conf");
        let (config, _) = Config::load(&path, &Overrides::default()).expect("a configuration");
        Arc::new(Server::configured(config))
    }
}

/// A connection that is kept.
pub struct Connection {
    session: Session,
    request: Vec<u8>,
    now: Now,
}

impl Connection {
    /// One for this request, again and again.
    pub fn new(server: Arc<Server>, host: &str, target: &str) -> Self {
        let now = os::now();
        let peer: SocketAddr = ([192, 0, 2, 7], 50000).into();
        Self {
            session: Session::new(server, peer, now),
            request: format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").into(),
            now,
        }
    }

    /// Sends the request and takes the answer: its bytes.
    pub fn exchange(&mut self) -> usize {
        let (session, request) = (&mut self.session, &self.request);
        session.read_slot()[..request.len()].copy_from_slice(request);
        session.on_read(request.len(), self.now);
        let mut sent = 0;
        loop {
            match session.step(self.now) {
                Step::Write { .. } => {
                    let mut slices = [IoSlice::new(&[]); 4];
                    let count = session.slices(&mut slices);
                    let n = slices[..count].iter().map(|slice| slice.len()).sum();
                    session.on_written(n, self.now);
                    sent += n;
                }
                Step::Wait(_) => return sent,
                step => panic!("{step:?}"),
            }
        }
    }
}

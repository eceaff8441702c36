//! Servers of configurations.
#![allow(dead_code, reason = "each test uses its part")]

use std::io;
use std::time::Duration;

use host_core::Server;
use host_core::config::{Config, Overrides};
use host_core::os::LogWriter;

/// A server of these directives in `http`, with an access log.
pub(crate) fn http(directives: &str) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nginx.conf");
    std::fs::write(&path, format!("events {{ }} http {{ {directives} }}")).unwrap();
    let (config, _) = Config::load(&path, &Overrides::default()).unwrap();
    let mut server = Server::configured(config);
    server.access_log = Some(LogWriter::new(io::sink()));
    server
}

/// A server of these directives in `server`; their root is that of the world's files.
pub(crate) fn server(directives: &str) -> Server {
    http(&format!("server {{ root /; {directives} }}"))
}

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

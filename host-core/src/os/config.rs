//! What reading a configuration asks the system.

use std::ffi::OsString;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use crate::config::Source;

/// The file system and the names of this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disk;

impl Source for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn glob(&self, pattern: &str) -> io::Result<Vec<PathBuf>> {
        let options = glob::MatchOptions {
            require_literal_separator: true,
            require_literal_leading_dot: true,
            ..glob::MatchOptions::default()
        };
        let paths = glob::glob_with(pattern, options)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.msg))?;
        let mut paths: Vec<_> = paths.collect::<Result<_, _>>().map_err(io::Error::from)?;
        paths.sort();
        Ok(paths)
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        // Without a current folder nothing better can be said.
        std::path::absolute(Path::new(".").join(path)).unwrap_or_else(|_| path.to_owned())
    }

    fn is_folder(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let mut addresses: Vec<_> = (host, port).to_socket_addrs()?.collect();
        addresses.sort();
        addresses.dedup();
        Ok(addresses)
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn hostname(&self) -> String {
        let uname = rustix::system::uname();
        uname.nodename().to_string_lossy().into_owned()
    }

    fn has_user(&self, name: &str) -> bool {
        matches!(nix::unistd::User::from_name(name), Ok(Some(_)))
    }

    fn has_group(&self, name: &str) -> bool {
        matches!(nix::unistd::Group::from_name(name), Ok(Some(_)))
    }

    fn is_root(&self) -> bool {
        rustix::process::geteuid().is_root()
    }
}

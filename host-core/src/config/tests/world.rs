//! A file system of a few texts.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::config::Source;

pub(super) const MAIN: &str = "/etc/nginx/nginx.conf";

#[derive(Default)]
pub(super) struct World {
    pub(super) files: BTreeMap<PathBuf, Vec<u8>>,
    pub(super) root: bool,
}

impl World {
    pub(super) fn add(&mut self, path: &str, text: impl AsRef<[u8]>) {
        self.files.insert(path.into(), text.as_ref().to_vec());
    }
}

impl Source for World {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no such file");
        self.files.get(path).cloned().ok_or_else(missing)
    }

    fn glob(&self, pattern: &str) -> io::Result<Vec<PathBuf>> {
        let pattern = glob::Pattern::new(pattern)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.msg))?;
        let paths = self.files.keys();
        Ok(paths
            .filter(|path| pattern.matches_path(path))
            .cloned()
            .collect())
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }

    fn is_folder(&self, path: &Path) -> bool {
        !path.to_string_lossy().contains("missing")
    }

    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match host {
            "localhost" => Ok(vec![([127, 0, 0, 1], port).into()]),
            _ => Err(io::Error::new(io::ErrorKind::NotFound, "no such host")),
        }
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        (name == "PATH").then(|| "/opt/bin".into())
    }

    fn hostname(&self) -> String {
        "Box.example".into()
    }

    fn has_user(&self, name: &str) -> bool {
        name == "root"
    }

    fn has_group(&self, name: &str) -> bool {
        name == "root"
    }

    fn is_root(&self) -> bool {
        self.root
    }
}

//! The files that unix sockets are reached by.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use socket2::{Domain, SockAddr, Socket, Type};

/// Everybody may connect, as in nginx: who should not is kept out by the rights of the folder.
const MODE: u32 = 0o666;

/// The file of a socket, removed when this is dropped.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// It may have been replaced since.
    id: (u64, u64),
}

impl SocketFile {
    /// Listens at `path`. A file that a process has left behind, and at which nobody listens any more, is
    /// replaced.
    pub(super) fn listen(path: &Path, backlog: i32) -> io::Result<(Socket, Self)> {
        let address = SockAddr::unix(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        match socket.bind(&address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && is_left(path, &address)? => {
                fs::remove_file(path)?;
                socket.bind(&address)?;
            }
            bound => bound?,
        }
        let file = Self {
            path: path.to_owned(),
            id: id(path)?,
        };
        fs::set_permissions(path, Permissions::from_mode(MODE))?;
        socket.listen(backlog)?;
        Ok((socket, file))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if id(&self.path).is_ok_and(|id| id == self.id) {
            // It may be in a folder where we have no rights any more.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn id(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Whether it is the file of a socket at which nobody listens.
fn is_left(path: &Path, address: &SockAddr) -> io::Result<bool> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Ok(false);
    }
    let client = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A queue that is full is somebody's.
    client.set_nonblocking(true)?;
    let answer = client.connect(address);
    Ok(answer.is_err_and(|error| Errno::from_io_error(&error) == Some(Errno::CONNREFUSED)))
}

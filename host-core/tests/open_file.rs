//! Open files: what they are, and how their bytes leave.
#![allow(clippy::unwrap_used)]

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use host_core::os::{OpenFile, read_file, send_file};
use host_core::{ReadFile, SendFile};
use tempfile::{NamedTempFile, tempdir};

fn holding(content: &[u8]) -> (NamedTempFile, OpenFile) {
    let mut named = NamedTempFile::new().unwrap();
    named.write_all(content).unwrap();
    let open = OpenFile::new(named.reopen().unwrap()).unwrap();
    (named, open)
}

#[test]
fn length_and_time_are_those_of_the_opening() {
    let (named, _) = holding(b"0123456789");
    let time = UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_000);
    named.as_file().set_modified(time).unwrap();
    let open = OpenFile::new(named.reopen().unwrap()).unwrap();
    assert_eq!((open.len(), open.modified()), (10, Some(time)));
    named.as_file().set_len(3).unwrap();
    assert_eq!(open.len(), 10);
}

#[test]
fn times_that_http_cannot_express_are_unknown() {
    let (named, _) = holding(b"");
    let modified = |time: SystemTime| {
        named.as_file().set_modified(time).unwrap();
        OpenFile::new(named.reopen().unwrap()).unwrap().modified()
    };
    assert_eq!(modified(UNIX_EPOCH - Duration::from_secs(86_400)), None);
    assert_eq!(modified(UNIX_EPOCH), Some(UNIX_EPOCH));
}

#[test]
fn only_regular_files() {
    let folder = tempdir().unwrap();
    for path in [folder.path(), "/dev/null".as_ref()] {
        let error = OpenFile::new(File::open(path).unwrap()).unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::PermissionDenied,
            "{}",
            path.display()
        );
    }
}

#[test]
fn reading_fills_the_buffer_or_reaches_the_end() {
    let (_named, file) = holding(b"0123456789");
    let cases: &[(u64, usize, &[u8])] = &[
        (0, 4, b"0123"),
        (6, 4, b"6789"),
        (6, 9, b"6789"),
        (10, 4, b""),
        (99, 4, b""),
        (3, 0, b""),
    ];
    for &(offset, room, expected) in cases {
        let mut buf = vec![0; room];
        let mut read = ReadFile {
            file: &file,
            offset,
            buf: &mut buf,
        };
        let n = read_file(&mut read).unwrap();
        assert_eq!(&buf[..n], expected, "{room} bytes from {offset}");
    }
}

/// Bytes that tell their place.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n % 251) as u8).collect()
}

/// Sends everything to a peer that reads at its own pace.
fn send_all(file: &OpenFile, offset: u64, len: usize) -> Vec<u8> {
    let (socket, mut peer) = UnixStream::pair().unwrap();
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        all
    });
    let mut sent = 0;
    while sent < len {
        let offset = offset + sent as u64;
        let len = len - sent;
        match send_file(&socket, &SendFile { file, offset, len }).unwrap() {
            0 => break,
            n => sent += n,
        }
    }
    drop(socket);
    reader.join().unwrap()
}

#[test]
fn sending_a_part() {
    let content = pattern(1_000_000);
    let (_named, file) = holding(&content);
    assert_eq!(send_all(&file, 0, content.len()), content);
    assert_eq!(send_all(&file, 123_456, 500_000), content[123_456..623_456]);
    assert_eq!(send_all(&file, 999_999, 1), content[999_999..]);
}

#[test]
fn a_file_that_shrinks_ends_early() {
    let content = pattern(1000);
    let (named, file) = holding(&content);
    named.as_file().set_len(100).unwrap();
    assert_eq!(send_all(&file, 0, 1000), content[..100]);
}

/// The kernel refuses `sendfile` to a file opened for appending, which makes it stand for every
/// pair of descriptors between which there is none.
#[test]
fn without_sendfile_the_bytes_are_copied() {
    let content = pattern(100_000);
    let (_named, file) = holding(&content);
    let folder = tempdir().unwrap();
    let path = folder.path().join("out");
    let out = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .unwrap();
    let mut offset = 0;
    loop {
        let send = SendFile {
            file: &file,
            offset,
            len: content.len(),
        };
        match send_file(&out, &send).unwrap() {
            0 => break,
            n => offset += n as u64,
        }
    }
    assert_eq!(fs::read(path).unwrap(), content);
}

#[test]
fn a_full_socket_would_block_and_loses_nothing() {
    let content = pattern(4_000_000);
    let (_named, file) = holding(&content);
    let (socket, mut peer) = UnixStream::pair().unwrap();
    socket.set_nonblocking(true).unwrap();
    let (mut offset, mut received) = (0, Vec::new());
    while offset < file.len() {
        let len = (file.len() - offset) as usize;
        let file = &file;
        match send_file(&socket, &SendFile { file, offset, len }) {
            Ok(n) => offset += n as u64,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                let mut some = vec![0; 50_000];
                let n = peer.read(&mut some).unwrap();
                received.extend_from_slice(&some[..n]);
            }
        }
    }
    drop(socket);
    peer.read_to_end(&mut received).unwrap();
    assert_eq!(received, content);
}

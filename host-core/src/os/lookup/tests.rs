//! What both ways to open a path must do, and where they differ.

use std::fs;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::{TempDir, tempdir};

use rustix::fs::OFlags;
use rustix::io::Result;

use super::{Finder, Open, READ, open};
use crate::os::Root;
use crate::os::links::{open_beneath, walk};
use crate::path::CleanPath;
use crate::step::{Found, Links, Lookup};

fn walk_it(lookup: &Lookup<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    walk(lookup.root.folder()?.as_fd(), path, flags)
}

/// A root with files, links inside it, links that leave it, and what it must not lead to.
fn site() -> TempDir {
    let dir = tempdir().unwrap();
    let write = |path: &str, text: &str| fs::write(dir.path().join(path), text).unwrap();
    let link = |path: &str, target: &str| symlink(target, dir.path().join(path)).unwrap();
    for folder in [
        "root",
        "root/sub",
        "root/linked",
        "root/escaping",
        "root/empty",
    ] {
        fs::create_dir(dir.path().join(folder)).unwrap();
    }
    write("secret", "secret");
    write("root/file", "file");
    write("root/sub/index.html", "index of sub");
    write("root/sub/file", "file in sub");
    link("root/link", "sub/file");
    link("root/sub/up", "../file");
    link("root/folder", "sub");
    link("root/linked/index.html", "../file");
    link("root/escaping/index.html", "../../secret");
    link("root/out", "../secret");
    link("root/parent", "..");
    link("root/absolute", "/etc/passwd");
    link("root/circle", "circle");
    link("root/dangling", "nothing");
    dir
}

/// What a path leads to: the content of a file, `folder`, or the kind of error.
fn find(open: Open, root: &Path, path: &str) -> String {
    let root = Root::open(root).unwrap();
    let mut clean = CleanPath::new();
    clean.decode(path).unwrap();
    let lookup = Lookup {
        root: &root,
        path: &clean,
        index: &["index.html".into()],
        listing: false,
        links: Links::Beneath,
        caching: None,
        path_info: false,
        programs: false,
    };
    let finder = Finder {
        lookup: &lookup,
        open,
    };
    match finder.find() {
        Ok(Found::File { file, .. }) => {
            let mut text = vec![0; file.len() as usize];
            let buf = &mut text[..];
            crate::os::read_file(&mut crate::ReadFile {
                file: &file,
                offset: 0,
                buf,
            })
            .unwrap();
            String::from_utf8(text).unwrap()
        }
        Ok(Found::Folder | Found::Script { .. }) => "folder".into(),
        Ok(Found::Listing(_)) => "listing".into(),
        Err(error) => format!("{:?}", error.kind()),
    }
}

#[test]
fn both_ways_agree_where_no_link_is_followed() {
    let site = site();
    for (path, expected) in [
        ("/file", "file"),
        ("/sub/file", "file in sub"),
        ("/sub", "folder"),
        ("/sub/", "index of sub"),
        ("/", "folder"),
        ("/empty", "folder"),
        ("/empty/", "folder"),
        ("/nothing", "NotFound"),
        ("/nothing/", "NotFound"),
        ("/nothing/below", "NotFound"),
        ("/file/", "NotFound"),
        ("/file/below", "NotFound"),
        ("/out", "PermissionDenied"),
        ("/parent/secret", "PermissionDenied"),
        ("/parent/", "PermissionDenied"),
        ("/absolute", "PermissionDenied"),
        ("/circle", "PermissionDenied"),
        ("/escaping/", "PermissionDenied"),
    ] {
        for open in [open as Open, walk_it] {
            assert_eq!(
                find(open, &site.path().join("root"), path),
                expected,
                "{path}"
            );
        }
    }
}

#[test]
fn links_inside_the_root_work_or_are_refused() {
    let site = site();
    for (path, followed) in [
        ("/link", "file in sub"),
        ("/sub/up", "file"),
        ("/folder", "folder"),
        ("/folder/", "index of sub"),
        ("/folder/file", "file in sub"),
        ("/linked/", "file"),
        ("/dangling", "NotFound"),
    ] {
        let root = site.path().join("root");
        assert_eq!(find(walk_it, &root, path), "PermissionDenied", "{path}");
        if cfg!(target_os = "linux") {
            assert_eq!(find(open, &root, path), followed, "{path}");
        }
    }
}

type Way = fn(BorrowedFd<'_>, &[u8], OFlags) -> Result<OwnedFd>;

/// A configured index name is no request path: nothing has cleaned it.
#[test]
fn dots_do_not_climb() {
    let site = site();
    let root = Root::open(&site.path().join("root")).unwrap();
    let folder = root.folder().unwrap();
    for path in ["../secret", "sub/../../secret", "sub/../../root/file"] {
        for open in [open_beneath as Way, walk] {
            assert!(
                open(folder.as_fd(), path.as_bytes(), READ).is_err(),
                "{path}"
            );
        }
    }
    let mut text = String::new();
    let file = walk(folder.as_fd(), b"./sub//file", READ).unwrap();
    fs::File::from(file).read_to_string(&mut text).unwrap();
    assert_eq!(text, "file in sub");
}

#[test]
fn kinds_of_errors() {
    use rustix::io::Errno;
    for (errno, kind) in [
        (Errno::NOENT, ErrorKind::NotFound),
        (Errno::NOTDIR, ErrorKind::NotFound),
        (Errno::NAMETOOLONG, ErrorKind::NotFound),
        (Errno::XDEV, ErrorKind::PermissionDenied),
        (Errno::LOOP, ErrorKind::PermissionDenied),
        (Errno::NXIO, ErrorKind::PermissionDenied),
        (Errno::ACCESS, ErrorKind::PermissionDenied),
        (Errno::MFILE, ErrorKind::ResourceBusy),
    ] {
        assert_eq!(super::error(errno).kind(), kind, "{errno}");
    }
    let broken = super::error(Errno::IO);
    assert_eq!(broken.raw_os_error(), Some(Errno::IO.raw_os_error()));
}

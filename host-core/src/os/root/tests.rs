use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, statat};
use tempfile::tempdir;

use super::Root;

/// A folder that holds a file of this name.
fn folder(path: &Path, marker: &str) {
    fs::create_dir(path).unwrap();
    fs::write(path.join(marker), "").unwrap();
}

/// Whether the root holds such a file at this time.
fn holds(root: &Root, now: Instant, marker: &str) -> io::Result<bool> {
    let folder = root.folder_at(now)?;
    Ok(statat(folder, marker, AtFlags::empty()).is_ok())
}

/// A time at which a root opened now looks its path up again.
fn later(times: u32) -> Instant {
    Instant::now() + Duration::from_secs(2) * times
}

#[test]
fn a_swapped_link_is_noticed_within_a_second() {
    let dir = tempdir().unwrap();
    let [old, new, link, next] = ["old", "new", "link", "next"].map(|name| dir.path().join(name));
    folder(&old, "one");
    folder(&new, "two");
    symlink(&old, &link).unwrap();
    let now = Instant::now();
    let root = Root::open(&link).unwrap();

    symlink(&new, &next).unwrap();
    fs::rename(&next, &link).unwrap();
    assert!(
        holds(&root, now, "one").unwrap(),
        "looked up more often than once a second"
    );
    assert!(holds(&root, later(1), "two").unwrap());
    assert!(holds(&root, later(2), "two").unwrap());
}

#[test]
fn a_deleted_root_is_missing_until_it_is_back() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("root");
    folder(&path, "one");
    let root = Root::open(&path).unwrap();

    fs::remove_dir_all(&path).unwrap();
    for times in [1, 2] {
        let error = root.folder_at(later(times)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    folder(&path, "two");
    assert!(holds(&root, later(2), "two").unwrap(), "not tried at once");
}

#[test]
fn a_recreated_root_is_noticed() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("root");
    folder(&path, "one");
    let root = Root::open(&path).unwrap();

    fs::remove_dir_all(&path).unwrap();
    folder(&path, "two");
    assert!(holds(&root, later(1), "two").unwrap());
}

#[test]
fn an_unchanged_root_stays_open() {
    let dir = tempdir().unwrap();
    let root = Root::open(dir.path()).unwrap();
    let first = root.folder().unwrap();
    assert!(std::sync::Arc::ptr_eq(
        &first,
        &root.folder_at(later(1)).unwrap()
    ));
}

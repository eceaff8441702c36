//! What a cache of open files answers, and when it asks the file system.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use host_core::os::{self, FileCache, Root};
use host_core::{Caching, CleanPath, Found, Links, Lookup, Now, ReadFile};
use tempfile::{TempDir, tempdir};

const MINUTE: Duration = Duration::from_secs(60);

/// A folder, a cache, and a clock that tests turn.
struct Site {
    folder: TempDir,
    root: Root,
    cache: FileCache,
    now: RefCell<Now>,
    valid: Duration,
    min_uses: u32,
    errors: bool,
    index: Vec<String>,
}

impl Site {
    fn new(max: usize) -> Self {
        let folder = tempdir().unwrap();
        Self {
            root: Root::open(folder.path()).unwrap(),
            folder,
            cache: FileCache::new(max, MINUTE),
            now: RefCell::new(os::now()),
            valid: MINUTE / 2,
            min_uses: 1,
            errors: false,
            index: vec!["index.html".into()],
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a new file of this name.
    fn replace(&self, name: &str, content: &str) {
        fs::write(self.path("new"), content).unwrap();
        fs::rename(self.path("new"), self.path(name)).unwrap();
    }

    /// The monotonic clock goes on; the other one, by which files settle, stands still.
    fn wait(&self, time: Duration) {
        self.now.borrow_mut().monotonic += time;
    }

    /// Files that have been written are old enough for their bytes to be held.
    fn settle(&self) {
        self.now.borrow_mut().wall += MINUTE;
    }

    /// The content of a file, `folder`, or the kind of failure.
    fn get(&self, path: &str) -> String {
        let mut clean = CleanPath::new();
        clean.decode(path).unwrap();
        let found = os::lookup(&Lookup {
            root: &self.root,
            path: &clean,
            index: &self.index,
            listing: false,
            path_info: false,
            programs: false,
            links: Links::Beneath,
            caching: Some(Caching {
                cache: &self.cache,
                valid: self.valid,
                min_uses: self.min_uses,
                errors: self.errors,
                now: *self.now.borrow(),
            }),
        });
        match found {
            Ok(Found::File { file, .. }) => {
                let mut bytes = vec![0; file.len() as usize];
                let mut read = ReadFile {
                    file: &file,
                    offset: 0,
                    buf: &mut bytes,
                };
                let n = os::read_file(&mut read).unwrap();
                String::from_utf8(bytes[..n].to_vec()).unwrap()
            }
            Ok(_) => "folder".into(),
            Err(error) => format!("{:?}", error.kind()),
        }
    }
}

#[test]
fn a_replaced_file_is_seen_once_it_is_looked_at_again() {
    for settled in [false, true] {
        let site = Site::new(10);
        site.replace("a", "old");
        assert_eq!(site.get("/a"), "old");
        if settled {
            site.settle();
            assert_eq!(site.get("/a"), "old");
        }
        site.replace("a", "new!");
        site.wait(MINUTE / 4);
        assert_eq!(site.get("/a"), "old");
        site.wait(MINUTE / 4);
        assert_eq!(site.get("/a"), "new!");
    }
}

#[test]
fn a_removed_file_is_gone_once_it_is_looked_at_again() {
    let site = Site::new(10);
    site.replace("a", "old");
    assert_eq!(site.get("/a"), "old");
    fs::remove_file(site.path("a")).unwrap();
    assert_eq!(site.get("/a"), "old");
    site.wait(MINUTE / 2);
    assert_eq!(site.get("/a"), "NotFound");
    site.replace("a", "new");
    assert_eq!(site.get("/a"), "new", "failures are not remembered");
}

#[test]
fn what_is_in_memory_does_not_change_until_it_is_looked_at_again() {
    let site = Site::new(10);
    site.replace("a", "old");
    assert_eq!(site.get("/a"), "old");
    fs::write(site.path("a"), "mid").unwrap();
    assert_eq!(site.get("/a"), "mid", "read from the file");
    site.wait(MINUTE / 2);
    assert_eq!(site.get("/a"), "mid");
    site.settle();
    assert_eq!(site.get("/a"), "mid");
    fs::write(site.path("a"), "new").unwrap();
    assert_eq!(site.get("/a"), "mid", "read from memory");
    site.wait(MINUTE / 2);
    assert_eq!(site.get("/a"), "new");
}

#[test]
fn what_changes_while_it_is_taken_into_memory_is_read_from_the_file() {
    let site = Site::new(10);
    site.replace("a", "old");
    assert_eq!(site.get("/a"), "old");
    fs::write(site.path("a"), "mid").unwrap();
    site.settle();
    assert_eq!(site.get("/a"), "mid", "it is not what was opened");
    fs::write(site.path("a"), "new").unwrap();
    assert_eq!(site.get("/a"), "new");
}

#[test]
fn long_files_are_not_held_in_memory() {
    let site = Site::new(10);
    let long = "x".repeat(os::MEMORY_FILE_MAX as usize + 1);
    site.replace("a", &long);
    site.settle();
    for _ in 0..3 {
        assert!(site.get("/a") == long);
    }
    fs::write(site.path("a"), "y".repeat(long.len())).unwrap();
    assert!(site.get("/a").starts_with('y'));
}

#[test]
fn the_memory_of_a_cache_is_bounded() {
    let site = Site::new(10_000);
    let full = "x".repeat(os::MEMORY_FILE_MAX as usize);
    let count = os::MEMORY_MAX / os::MEMORY_FILE_MAX;
    site.settle();
    for n in 0..=count {
        let name = format!("{n}");
        fs::write(site.path(&name), &full).unwrap();
        for _ in 0..2 {
            assert!(site.get(&format!("/{name}")) == full);
        }
        fs::write(site.path(&name), "y".repeat(full.len())).unwrap();
    }
    assert!(
        site.get("/0").starts_with('x'),
        "the first one is in memory"
    );
    let last = site.get(&format!("/{count}"));
    assert!(last.starts_with('y'), "for the last one there is no room");
}

#[test]
fn failures_are_remembered_where_that_is_asked_for() {
    for (errors, seen) in [(false, "there"), (true, "NotFound")] {
        let site = Site {
            errors,
            ..Site::new(10)
        };
        assert_eq!(site.get("/a"), "NotFound");
        site.replace("a", "there");
        assert_eq!(site.get("/a"), seen);
        site.wait(MINUTE / 2);
        assert_eq!(site.get("/a"), "there");
    }
}

#[test]
fn a_file_is_kept_open_from_so_many_uses_on() {
    let site = Site {
        min_uses: 3,
        ..Site::new(10)
    };
    for content in ["1", "2", "3"] {
        site.replace("a", content);
        assert_eq!(site.get("/a"), content);
    }
    site.replace("a", "4");
    assert_eq!(site.get("/a"), "3");
}

#[test]
fn uses_count_from_anew_after_a_pause() {
    let site = Site {
        min_uses: 2,
        ..Site::new(10)
    };
    for content in ["1", "2", "3"] {
        site.replace("a", content);
        assert_eq!(site.get("/a"), content);
        site.wait(MINUTE);
    }
}

#[test]
fn the_least_recently_used_one_makes_room() {
    let site = Site::new(2);
    for name in ["a", "b", "c"] {
        site.replace(name, "old");
    }
    for path in ["/a", "/b", "/a", "/c"] {
        assert_eq!(site.get(path), "old");
    }
    for name in ["a", "b"] {
        site.replace(name, "new");
    }
    assert_eq!(site.get("/a"), "old");
    assert_eq!(site.get("/b"), "new");
}

#[test]
fn files_that_nobody_asks_for_are_closed() {
    let site = Site::new(10);
    site.replace("a", "a");
    site.replace("b", "b");
    assert_eq!(site.get("/a"), "a");
    assert_eq!(format!("{:?}", site.cache), "FileCache { entries: 1, .. }");
    site.wait(MINUTE);
    assert_eq!(site.get("/b"), "b");
    assert_eq!(format!("{:?}", site.cache), "FileCache { entries: 1, .. }");
}

#[test]
fn folders_and_their_index_are_remembered() {
    let site = Site::new(10);
    fs::create_dir(site.path("d")).unwrap();
    fs::create_dir(site.path("e")).unwrap();
    site.replace("d/index.html", "index");
    for (path, found) in [("/d", "folder"), ("/d/", "index"), ("/e/", "folder")] {
        assert_eq!(site.get(path), found);
    }
    fs::remove_dir_all(site.path("d")).unwrap();
    fs::remove_dir_all(site.path("e")).unwrap();
    for (path, found) in [
        ("/d", "folder"),
        ("/d/", "index"),
        ("/d/index.html", "index"),
    ] {
        assert_eq!(site.get(path), found);
    }
    assert_eq!(site.get("/e/"), "folder");
    site.wait(MINUTE / 2);
    for path in ["/d", "/d/", "/e/"] {
        assert_eq!(
            site.get(path),
            format!("{:?}", ErrorKind::NotFound),
            "{path}"
        );
    }
}

#[test]
fn a_file_outlives_its_place_in_the_cache() {
    let site = Site::new(1);
    site.replace("a", "a");
    site.replace("b", "b");
    let mut clean = CleanPath::new();
    clean.decode("/a").unwrap();
    let lookup = Lookup {
        root: &site.root,
        path: &clean,
        index: &[],
        listing: false,
        path_info: false,
        programs: false,
        links: Links::Beneath,
        caching: Some(Caching {
            cache: &site.cache,
            valid: MINUTE,
            min_uses: 1,
            errors: false,
            now: *site.now.borrow(),
        }),
    };
    let Ok(Found::File { file, .. }) = os::lookup(&lookup) else {
        panic!("no file");
    };
    assert_eq!(site.get("/b"), "b");
    let mut buf = [0; 1];
    let mut read = ReadFile {
        file: &file,
        offset: 0,
        buf: &mut buf,
    };
    assert_eq!(os::read_file(&mut read).unwrap(), 1);
    assert_eq!(&buf, b"a");
}

#[test]
fn threads_share_a_cache() {
    let site = Site::new(100);
    for n in 0..10 {
        site.replace(&format!("{n}"), &format!("{n}"));
    }
    let now = *site.now.borrow();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (root, cache) = (&site.root, &site.cache);
            scope.spawn(move || {
                for n in 0..1000 {
                    let mut path = CleanPath::new();
                    path.decode(&format!("/{}", n % 10)).unwrap();
                    let found = os::lookup(&Lookup {
                        root,
                        path: &path,
                        index: &[],
                        listing: false,
                        path_info: false,
                        programs: false,
                        links: Links::Beneath,
                        caching: Some(Caching {
                            cache,
                            valid: Duration::ZERO,
                            min_uses: 1,
                            errors: true,
                            now,
                        }),
                    });
                    assert!(matches!(found, Ok(Found::File { .. })));
                }
            });
        }
    });
    assert_eq!(format!("{:?}", site.cache), "FileCache { entries: 10, .. }");
}

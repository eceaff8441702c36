//! Lookups in real folders: what is found, what is refused, and that nothing leaves the root.
#![allow(clippy::unwrap_used)]

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use host_core::os::{self, Root};
use host_core::{CleanPath, Entry, Found, Links, Lookup, ReadFile};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::{TempDir, tempdir};

/// A root, and a folder around it that nothing may reach.
struct Site {
    around: TempDir,
    root: Root,
    index: Vec<String>,
    listing: bool,
}

impl Site {
    fn new() -> Self {
        let around = tempdir().unwrap();
        let root = around.path().join("root");
        fs::create_dir(&root).unwrap();
        fs::write(around.path().join("secret"), "secret").unwrap();
        Self {
            around,
            root: Root::open(&root).unwrap(),
            index: vec!["index.html".into(), "index.txt".into()],
            listing: false,
        }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.around.path().join("root").join(below)
    }

    fn folder(&self, path: &str) {
        fs::create_dir_all(self.path(path)).unwrap();
    }

    fn file(&self, path: &str, content: &str) {
        fs::write(self.path(path), content).unwrap();
    }

    fn link(&self, path: &str, target: impl AsRef<Path>) {
        symlink(target, self.path(path)).unwrap();
    }

    fn find(&self, path: &str) -> io::Result<Found> {
        self.find_by(path, Links::Beneath)
    }

    fn find_by(&self, path: &str, links: Links<'_>) -> io::Result<Found> {
        let mut clean = CleanPath::new();
        clean.decode(path).unwrap();
        os::lookup(&Lookup {
            root: &self.root,
            path: &clean,
            index: &self.index,
            listing: self.listing,
            links,
            caching: None,
            path_info: false,
            programs: false,
        })
    }

    /// The length of what follows the file that the front of a path names.
    fn path_info(&self, path: &str) -> Result<usize, ErrorKind> {
        let mut clean = CleanPath::new();
        clean.decode(path).unwrap();
        let found = os::lookup(&Lookup {
            root: &self.root,
            path: &clean,
            index: &self.index,
            listing: false,
            path_info: true,
            programs: false,
            links: Links::Beneath,
            caching: None,
        });
        match found.map_err(|error| error.kind())? {
            Found::Script { path_info, .. } => Ok(path_info),
            Found::File { index: None, .. } => Ok(0),
            found => panic!("{path}: {found:?}"),
        }
    }

    /// The content of a file, and which index file it is.
    fn content(&self, path: &str) -> (String, Option<usize>) {
        let Found::File { file, index } = self.find(path).unwrap() else {
            panic!("{path} is no file");
        };
        let mut content = vec![0; file.len() as usize];
        let mut read = ReadFile {
            file: &file,
            offset: 0,
            buf: &mut content,
        };
        os::read_file(&mut read).unwrap();
        (String::from_utf8(content).unwrap(), index)
    }

    fn kind(&self, path: &str) -> ErrorKind {
        self.find(path).unwrap_err().kind()
    }

    fn list(&self, path: &str) -> Vec<Entry> {
        let Found::Listing(mut entries) = self.find(path).unwrap() else {
            panic!("{path} is not listed");
        };
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries
    }
}

/// Whether permissions bind this process; says so if not.
fn permissions_bind(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if root {
        // `eprintln!` is shown only where a test fails.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED {test}: root may read everything"
        );
    }
    !root
}

#[test]
fn files_and_folders() {
    let site = Site::new();
    site.folder("sub");
    site.file("sub/a b.txt", "text");
    site.file("empty", "");
    assert_eq!(site.content("/sub/a%20b.txt"), ("text".into(), None));
    assert_eq!(site.content("/empty"), (String::new(), None));
    assert!(matches!(site.find("/sub"), Ok(Found::Folder)));
    assert!(matches!(site.find("/sub/../sub"), Ok(Found::Folder)));
}

#[test]
fn what_is_not_there() {
    let site = Site::new();
    site.file("file.html", "text");
    let long = format!("/{}", "x".repeat(300));
    let longer = format!("/{}", "x/".repeat(4000));
    for path in [
        "/no",
        "/no/",
        "/no/no",
        "/file.html/",
        "/file.html/x",
        &long,
        &longer,
    ] {
        assert_eq!(site.kind(path), ErrorKind::NotFound, "{path:.20}");
    }
}

#[test]
fn links_inside_the_root_are_followed() {
    let site = Site::new();
    site.folder("sub/deep");
    site.file("file", "text");
    site.link("link", "file");
    site.link("sub/deep/up", "../../file");
    site.link("folder", "sub/deep");
    site.link("round", "../root/file");
    if cfg!(target_os = "linux") {
        for path in ["/link", "/sub/deep/up", "/folder/up"] {
            assert_eq!(site.content(path).0, "text", "{path}");
        }
        assert!(matches!(site.find("/folder"), Ok(Found::Folder)));
    }
    assert_eq!(
        site.kind("/round"),
        ErrorKind::PermissionDenied,
        "left on the way"
    );
}

#[test]
fn links_that_leave_the_root_are_refused() {
    let site = Site::new();
    site.folder("sub");
    site.link("up", "../secret");
    site.link("sub/up", "../../secret");
    site.link("parent", "..");
    site.link("absolute", site.around.path().join("secret"));
    site.link("absolute-folder", site.around.path());
    site.link("process", "/proc/self/root");
    site.link("circle", "circle");
    for path in [
        "/up",
        "/sub/up",
        "/parent",
        "/parent/",
        "/parent/secret",
        "/absolute",
        "/absolute-folder/secret",
        "/process/etc/passwd",
        "/circle",
    ] {
        assert_eq!(site.kind(path), ErrorKind::PermissionDenied, "{path}");
    }
}

/// What each rule for links makes of a site with links: a file, a folder, or the kind of failure.
#[test]
fn rules_for_links() {
    let site = Site::new();
    site.folder("sub");
    site.file("sub/file", "text");
    site.link("link", "sub/file");
    site.link("folder", "sub");
    site.link("out", "../secret");
    site.link("absolute", site.around.path().join("secret"));
    let foreign = rustix::process::geteuid().is_root();
    site.link("foreign", "sub/file");
    if foreign {
        lchown(site.path("foreign"), Some(1), None).unwrap();
    }
    let here = site.path("");
    let here = here.as_os_str().as_bytes();
    let whole = [here, b"link"].concat();
    let (none, own) = (Links::None(b""), Links::SameOwner(b""));
    let (file, folder) = ("file", "folder");
    let (denied, absent) = ("PermissionDenied", "NotFound");
    for (path, links, expected) in [
        ("/sub/file", Links::All, file),
        ("/link", Links::All, file),
        ("/out", Links::All, file),
        ("/absolute", Links::All, file),
        ("/folder/file", Links::All, file),
        ("/folder", Links::All, folder),
        ("/nothing", Links::All, absent),
        ("/sub/file", none, file),
        ("/", none, folder),
        ("/sub/", none, folder),
        ("/link", none, denied),
        ("/folder", none, denied),
        ("/folder/", none, absent),
        ("/folder/file", none, absent),
        ("/sub/file", Links::None(here), file),
        ("/link", Links::None(here), denied),
        ("/link", Links::None(&whole), file),
        ("/link", own, file),
        ("/out", own, file),
        ("/folder/file", own, file),
        ("/folder/", own, folder),
        ("/nothing", own, absent),
        ("/foreign", own, if foreign { denied } else { file }),
    ] {
        let found = match site.find_by(path, links) {
            Ok(Found::File { .. }) => file.into(),
            Ok(_) => folder.into(),
            Err(error) => format!("{:?}", error.kind()),
        };
        assert_eq!(found, expected, "{path} {links:?}");
    }
}

/// The name may come from a variable, and so from the client.
#[test]
fn the_name_of_an_index_file_climbs_by_no_rule() {
    let mut site = Site::new();
    site.folder("sub");
    site.index = vec!["../../secret".into()];
    for links in [
        Links::Beneath,
        Links::All,
        Links::None(b""),
        Links::SameOwner(b""),
    ] {
        let error = site.find_by("/sub/", links).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{links:?}");
    }
}

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let site = Site::new();
    let fifo = site.path("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::from(0o644), 0).unwrap();
    let _listener = UnixListener::bind(site.path("socket")).unwrap();
    for path in ["/fifo", "/socket"] {
        assert_eq!(site.kind(path), ErrorKind::PermissionDenied, "{path}");
    }
    site.folder("sub");
    fs::rename(fifo, site.path("sub/index.html")).unwrap();
    assert_eq!(site.kind("/sub/"), ErrorKind::PermissionDenied);
}

#[test]
fn permissions() {
    if !permissions_bind("permissions") {
        return;
    }
    let site = Site::new();
    let mode = |path, mode| fs::set_permissions(site.path(path), Permissions::from_mode(mode));
    site.file("unreadable", "text");
    site.folder("unlisted");
    site.file("unlisted/index.html", "index");
    site.folder("closed");
    site.file("closed/file", "text");
    mode("unreadable", 0).unwrap();
    mode("unlisted", 0o300).unwrap();
    mode("closed", 0).unwrap();
    assert_eq!(site.kind("/unreadable"), ErrorKind::PermissionDenied);
    assert_eq!(site.kind("/closed/file"), ErrorKind::PermissionDenied);
    assert!(matches!(site.find("/unlisted"), Ok(Found::Folder)));
    assert_eq!(site.content("/unlisted/").0, "index");
    mode("unlisted", 0o700).unwrap();
    mode("closed", 0o700).unwrap();
}

#[test]
fn index_files() {
    let site = Site::new();
    for folder in ["first", "second", "both", "none", "folder/index.html"] {
        site.folder(folder);
    }
    site.file("index.txt", "of the root");
    site.file("first/index.html", "html");
    site.file("second/index.txt", "txt");
    site.file("both/index.html", "html");
    site.file("both/index.txt", "txt");
    site.file("folder/index.txt", "txt");
    for (path, content, index) in [
        ("/", "of the root", 1),
        ("/first/", "html", 0),
        ("/second/", "txt", 1),
        ("/both/", "html", 0),
        ("/folder/", "txt", 1),
    ] {
        assert_eq!(site.content(path), (content.into(), Some(index)), "{path}");
    }
    assert!(matches!(site.find("/none/"), Ok(Found::Folder)));
}

#[test]
fn an_index_link_stays_in_the_root_too() {
    let site = Site::new();
    for folder in ["shared", "inside", "outside", "dangling"] {
        site.folder(folder);
    }
    site.file("shared/index.html", "shared");
    site.link("inside/index.html", "../shared/index.html");
    site.link("outside/index.html", "../../secret");
    site.link("dangling/index.html", "nothing");
    site.file("dangling/index.txt", "txt");
    assert_eq!(site.kind("/outside/"), ErrorKind::PermissionDenied);
    if cfg!(target_os = "linux") {
        assert_eq!(site.content("/inside/").0, "shared");
        assert_eq!(site.content("/dangling/").0, "txt");
    }
}

#[test]
fn a_listing_shows_what_a_lookup_finds() {
    let mut site = Site::new();
    site.listing = true;
    let time = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    site.folder("x/folder");
    site.file("x/file", "12345");
    site.file("x/.hidden", "");
    let file = fs::File::options().write(true).open(site.path("x/file"));
    file.unwrap().set_modified(time).unwrap();
    site.link("x/out", "../../secret");
    site.link("x/dangling", "nothing");
    mknodat(
        CWD,
        site.path("x/fifo"),
        FileType::Fifo,
        Mode::from(0o644),
        0,
    )
    .unwrap();
    site.link("x/to-fifo", "fifo");

    let entries = site.list("/x/");
    let names: Vec<&[u8]> = entries.iter().map(|entry| &entry.name[..]).collect();
    assert_eq!(names, [&b".hidden"[..], b"file", b"folder"]);
    assert_eq!((entries[1].len, entries[1].modified), (5, Some(time)));
    assert_eq!((entries[2].folder, entries[2].len), (true, 0));
    assert!(entries[2].modified.is_some());
}

#[test]
fn a_listing_shows_what_links_lead_to() {
    let mut site = Site::new();
    site.listing = true;
    site.folder("x");
    site.folder("other");
    site.file("file", "12345");
    site.link("x/to-file", "../file");
    site.link("x/to-folder", "../other");
    let entries = site.list("/x/");
    let shown = |entry: &Entry| (entry.name.clone(), entry.folder, entry.len);
    let shown: Vec<_> = entries.iter().map(shown).collect();
    if cfg!(target_os = "linux") {
        assert_eq!(
            shown,
            [
                (b"to-file".to_vec(), false, 5),
                (b"to-folder".to_vec(), true, 0)
            ]
        );
    }
}

#[test]
fn odd_names_are_listed_and_found() {
    let mut site = Site::new();
    site.listing = true;
    let names: [&[u8]; 6] = [b"\n", b"\"<>&", b"%41", b"\\", b"a:b", b"\xff\xfe"];
    for name in names {
        let path = site.path("").join(OsStr::from_bytes(name));
        fs::write(path, name).unwrap();
    }
    let mut expected = names.to_vec();
    expected.sort_unstable();
    let listed: Vec<Vec<u8>> = site.list("/").into_iter().map(|entry| entry.name).collect();
    assert_eq!(listed, expected);
    for name in names {
        let escaped: String = name.iter().map(|byte| format!("%{byte:02X}")).collect();
        assert!(matches!(
            site.find(&format!("/{escaped}")),
            Ok(Found::File { .. })
        ));
    }
}

#[test]
fn an_index_file_comes_before_a_listing() {
    let mut site = Site::new();
    site.listing = true;
    assert_eq!(site.list("/").len(), 0);
    site.file("index.html", "index");
    assert_eq!(site.content("/").0, "index");
}

#[test]
fn a_root_that_is_no_folder() {
    let site = Site::new();
    site.file("file", "");
    for (path, kind) in [
        ("file", ErrorKind::NotADirectory),
        ("nothing", ErrorKind::NotFound),
    ] {
        let path = site.path(path);
        let error = Root::open(&path).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
    }
}

#[test]
fn a_root_knows_its_path() {
    let site = Site::new();
    assert_eq!(site.root.path(), site.path("."));
    assert!(format!("{:?}", site.root).contains("root"));
    assert!(Root::open(Path::new(".")).unwrap().path().is_absolute());
}

#[test]
fn paths_that_go_on_behind_a_file() {
    let site = Site::new();
    site.folder("sub/deep");
    site.file("sub/run.cgi", "x");
    site.file("sub/deep/run", "x");
    site.link("link", "sub/run.cgi");
    site.link("out", "/etc/passwd");
    for (path, expected) in [
        ("/sub/run.cgi", Ok(0)),
        ("/sub/run.cgi/", Ok(1)),
        ("/sub/run.cgi/a", Ok(2)),
        ("/sub/run.cgi/a/b%20c/", Ok(7)),
        ("/sub/run.cgi/run.cgi", Ok(8)),
        ("/sub/deep/run/x", Ok(2)),
        ("/link/x", Ok(2)),
        ("/sub/none/x", Err(ErrorKind::NotFound)),
        ("/none", Err(ErrorKind::NotFound)),
        ("/none/", Err(ErrorKind::NotFound)),
        ("/out/x", Err(ErrorKind::PermissionDenied)),
    ] {
        assert_eq!(site.path_info(path), expected, "{path}");
    }
    let long = format!("/sub/run.cgi/{}", "x".repeat(300));
    assert_eq!(site.path_info(&long), Ok(301));
}

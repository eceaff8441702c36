//! Content that is not simply a file: compressed siblings, `gzip`, several ranges, and listings in
//! other formats.

use std::fs::{self, Permissions};
use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

use e2e::{Client, Driver, Response, Server, for_each_driver, free_address, noise};
use flate2::read::GzDecoder;
use tempfile::TempDir;

for_each_driver!(siblings, compressed_on_the_way, several_ranges, listings,);

/// A folder, and a server of it with a configuration.
struct Place {
    folder: TempDir,
    address: SocketAddr,
    _server: Server,
}

impl Place {
    fn new(driver: &Driver, directives: &str, files: &[(&str, &[u8])]) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("chmod");
        let root = folder.path().join("root");
        fs::create_dir(&root).expect("mkdir");
        for (name, content) in files {
            fs::write(root.join(name), content).expect("write");
        }
        let address = free_address();
        let config = folder.path().join("nginx.conf");
        let text = format!(
            "events {{ }} http {{ types {{ text/html html; text/plain txt; }} access_log off;\n\
             server {{ listen {address}; root {}; {directives} }} }}",
            root.display()
        );
        fs::write(&config, text).expect("write");
        let mut command = driver.command();
        command.arg("-c").arg(&config);
        Self {
            _server: Server::start(command, 1),
            folder,
            address,
        }
    }

    fn client(&self) -> Client {
        Client::connect(self.address)
    }
}

fn gunzip(response: &Response) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut decoder = GzDecoder::new(&response.body[..]);
    decoder.read_to_end(&mut plain).expect("gzip");
    plain
}

/// What compresses well.
fn lines(len: usize) -> Vec<u8> {
    let lines = (0..).flat_map(|n| format!("line {n}\n").into_bytes());
    lines.take(len).collect()
}

const GZIP: (&str, &str) = ("Accept-Encoding", "gzip");

fn siblings(driver: &Driver) {
    let files: [(&str, &[u8]); 3] = [
        ("a.txt", b"plain"),
        ("a.txt.gz", b"gzipped"),
        ("a.txt.br", b"brotli"),
    ];
    let place = Place::new(driver, "precompressed br gzip;", &files);
    let mut client = place.client();
    for (accept, coding, body) in [
        ("gzip, br", Some("br"), "brotli"),
        ("gzip", Some("gzip"), "gzipped"),
        ("zstd", None, "plain"),
    ] {
        let response = client.request("GET", "/a.txt", &[("Accept-Encoding", accept)]);
        assert_eq!(response.get("content-encoding"), coding, "{accept}");
        assert_eq!(response.field("vary"), "Accept-Encoding", "{accept}");
        assert_eq!(response.field("content-type"), "text/plain", "{accept}");
        assert_eq!(response.text(), body, "{accept}");
    }
    fs::remove_file(place.folder.path().join("root/a.txt.br")).expect("remove");
    let response = client.request("GET", "/a.txt", &[("Accept-Encoding", "gzip, br")]);
    assert_eq!(response.text(), "gzipped");
}

fn compressed_on_the_way(driver: &Driver) {
    let (text, noise) = (lines(5_000_000), noise(3_000_000));
    let files = [("text.html", &text[..]), ("noise.html", &noise[..])];
    let place = Place::new(driver, "gzip on; gzip_comp_level 3;", &files);
    let mut client = place.client();
    for (target, content) in [("/text.html", &text), ("/noise.html", &noise)] {
        for _ in 0..2 {
            let response = client.request("GET", target, &[GZIP]);
            assert_eq!(response.field("content-encoding"), "gzip");
            assert_eq!(response.get("content-length"), None);
            assert!(gunzip(&response) == *content, "{target}");
        }
        assert!(client.get(target).body == *content, "{target}");
    }
    let response = client.request("GET", "/none", &[GZIP]);
    assert_eq!(response.status, 404);
    assert!(gunzip(&response).starts_with(b"<!doctype html>"));
}

fn several_ranges(driver: &Driver) {
    let content = noise(2_000_000);
    let place = Place::new(driver, "", &[("f", &content)]);
    let mut client = place.client();
    for ranges in [
        &[(0, 0), (2, 2)][..],
        &[(1_999_990, 1_999_999), (0, 9)],
        &[(0, 999_999), (1_500_000, 1_999_999), (1_200_000, 1_200_001)],
    ] {
        let value: Vec<_> = (ranges.iter().map(|(from, to)| format!("{from}-{to}"))).collect();
        let value = format!("bytes={}", value.join(","));
        let response = client.request("GET", "/f", &[("Range", &value)]);
        assert_eq!(response.status, 206, "{value}");
        let kind = response.field("content-type");
        let boundary = kind.strip_prefix("multipart/byteranges; boundary=");
        let boundary = boundary.expect("multipart");
        let mut expected = Vec::new();
        for (from, to) in ranges {
            expected.extend_from_slice(
                format!(
                    "\r\n--{boundary}\r\nContent-Type: text/plain\r\n\
                     Content-Range: bytes {from}-{to}/2000000\r\n\r\n"
                )
                .as_bytes(),
            );
            expected.extend_from_slice(&content[*from..=*to]);
        }
        expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        assert!(response.body == expected[2..], "{value}");
    }
}

fn listings(driver: &Driver) {
    let files: [(&str, &[u8]); 2] = [("a.txt", b"hello"), ("b<c", b"")];
    for (format, kind, part) in [
        ("html", "text/html; charset=utf-8", "href=\"a.txt\""),
        (
            "json",
            "application/json",
            "{ \"name\":\"a.txt\", \"type\":\"file\"",
        ),
        ("xml", "text/xml; charset=utf-8", ">b&lt;c</file>"),
    ] {
        let directives = format!("autoindex on; autoindex_format {format}; gzip on;");
        let place = Place::new(driver, &directives, &files);
        let response = place.client().get("/");
        assert_eq!(response.field("content-type"), kind);
        assert!(response.text().contains(part), "{}", response.text());
    }
}

//! Who is compared, and how each is started.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use e2e::free_address;

use super::process::Process;
use super::serve::DRIVERS;
use super::work::{Asked, Site, Work};

/// A server that takes part.
pub struct Contender {
    /// What it is called.
    pub name: &'static str,
    /// The one whose processor time is the unit.
    pub floor: &'static str,
    program: Program,
}

#[derive(Clone, Copy)]
enum Program {
    Driver,
    /// The driver of this name, with `open_file_cache`.
    Caching(&'static str),
    Bare {
        memory: bool,
    },
    Hyper,
    Nginx {
        open_file_cache: bool,
    },
    Lighttpd,
}

/// All who can take part here, the drivers first. Says on standard error who cannot.
pub fn contenders() -> Vec<Contender> {
    let drivers = DRIVERS.map(|(name, floor, _)| (name, floor, Program::Driver));
    let caching = ("driver-mio, open_file_cache", "bare-epoll");
    let caching = (caching.0, caching.1, Program::Caching("driver-mio"));
    let bare = |memory| Program::Bare { memory };
    let nginx = |open_file_cache| Program::Nginx { open_file_cache };
    let others = [
        caching,
        ("bare-epoll", "bare-epoll", bare(false)),
        ("bare-epoll, in memory", "bare-epoll", bare(true)),
        ("bare-blocking", "bare-blocking", bare(false)),
        ("hyper", "bare-epoll", Program::Hyper),
        ("nginx", "bare-epoll", nginx(false)),
        ("nginx, open_file_cache", "bare-epoll", nginx(true)),
        ("lighttpd", "bare-epoll", Program::Lighttpd),
    ];
    let absent: Vec<_> = ["nginx", "lighttpd"]
        .into_iter()
        .filter(|program| !is_installed(program))
        .collect();
    for program in &absent {
        eprintln!("!! SKIPPED: there is no {program}");
    }
    let installed = |name: &str| !absent.iter().any(|absent| name.starts_with(absent));
    drivers
        .into_iter()
        .chain(others)
        .filter(|(name, ..)| installed(name))
        .map(|(name, floor, program)| Contender {
            name,
            floor,
            program,
        })
        .collect()
}

fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command
        .arg("-V")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok()
}

impl Contender {
    /// Whether it does this kind of work.
    pub fn takes(&self, work: &Work) -> bool {
        let file = matches!(work.asked, Asked::File(_));
        match self.program {
            Program::Driver | Program::Lighttpd => true,
            Program::Bare { memory } => file || !memory,
            Program::Caching(_) => file,
            Program::Hyper => !file,
            Program::Nginx { open_file_cache } => file || !open_file_cache,
        }
    }

    /// Starts it for `work`; `server` is the binary with our own ones, `before` what runs it, such as
    /// `strace`.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start(
        &self,
        work: &Work,
        site: &Site,
        server: &str,
        before: &[&str],
    ) -> io::Result<Process> {
        let run = |program: &str| match before {
            [] => Command::new(program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        match self.program {
            Program::Driver => {
                let mut command = run(server);
                command.arg(self.name).arg(site.root());
                Process::start(command, None)
            }
            Program::Caching(driver) => {
                let config = caching(site)?;
                let mut command = run(server);
                command.arg(driver).arg("--config").arg(config);
                Process::start(command, None)
            }
            Program::Hyper => {
                let mut command = run(server);
                command.arg(self.name);
                Process::start(command, None)
            }
            Program::Bare { memory } => {
                let mut command = run(server);
                command.arg(self.floor);
                match work.asked {
                    Asked::Hello => {}
                    Asked::Missing => drop(command.arg("--missing")),
                    Asked::File(_) => {
                        let file = site.root().join(work.asked.path());
                        command.arg("--file").arg(file);
                    }
                }
                command.args(memory.then_some("--memory"));
                command.args(work.close.then_some("--close"));
                Process::start(command, None)
            }
            Program::Nginx { open_file_cache } => {
                let address = free_address();
                let config = nginx(site, address.port(), open_file_cache)?;
                let mut command = run("nginx");
                command.arg("-p").arg(site.beside("")).arg("-c").arg(config);
                // Its log of errors goes to the file that the configuration names.
                command.stderr(Stdio::null());
                Process::start(command, Some(address))
            }
            Program::Lighttpd => {
                let address = free_address();
                let config = lighttpd(site, address.port())?;
                let mut command = run("lighttpd");
                command
                    .arg("-D")
                    .arg("-f")
                    .arg(config)
                    .stderr(Stdio::null());
                Process::start(command, Some(address))
            }
        }
    }
}

fn caching(site: &Site) -> io::Result<PathBuf> {
    let text = format!(
        "events {{ }}\nhttp {{\ntypes {{ text/plain txt; }}\naccess_log off;\n\
         keepalive_requests 1000000000;\nopen_file_cache max=1000;\n\
         server {{ listen 127.0.0.1:80; root {}; }}\n}}\n",
        site.root().display()
    );
    written(site, "caching.conf", &text)
}

/// One worker in one process, and every default but the log and the limits on connections.
fn nginx(site: &Site, port: u16, open_file_cache: bool) -> io::Result<PathBuf> {
    let cache = match open_file_cache {
        true => "open_file_cache max=1000;",
        false => "",
    };
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {}; ", site.beside(name).display()))
        .concat();
    let text = format!(
        r#"daemon off;
master_process off;
pid {pid};
error_log {log};
events {{ worker_connections 16384; }}
http {{
    {paths}
    types {{ text/plain txt; }}
    access_log off;
    keepalive_requests 1000000000;
    sendfile on;
    {cache}
    server {{
        listen 127.0.0.1:{port};
        root {root};
        location = /plaintext {{ default_type text/plain; return 200 "Hello, World!"; }}
    }}
}}
"#,
        pid = site.beside(&format!("nginx-{port}.pid")).display(),
        log = site.beside("nginx.log").display(),
        root = site.root().display(),
    );
    written(site, &format!("nginx-{port}.conf"), &text)
}

fn lighttpd(site: &Site, port: u16) -> io::Result<PathBuf> {
    let text = format!(
        r#"server.bind = "127.0.0.1"
server.port = {port}
server.document-root = "{root}"
server.errorlog = "{log}"
server.max-keep-alive-requests = 65535
server.max-connections = 16384
server.max-fds = 20000
mimetype.assign = ( ".txt" => "text/plain", "" => "text/plain" )
"#,
        root = site.root().display(),
        log = site.beside("lighttpd.log").display(),
    );
    written(site, &format!("lighttpd-{port}.conf"), &text)
}

fn written(site: &Site, name: &str, text: &str) -> io::Result<PathBuf> {
    let path = site.beside(name);
    fs::write(&path, text)?;
    Ok(path)
}

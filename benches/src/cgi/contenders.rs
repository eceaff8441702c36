//! Who runs the scripts.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use e2e::free_address;

use super::Site;
use crate::drivers::process::Process;
use crate::drivers::serve::DRIVERS;

/// Where Debian has Apache's modules.
const MODULES: &str = "/usr/lib/apache2/modules";

/// A server that takes part.
pub struct Contender {
    /// What it is called.
    pub name: &'static str,
    /// Whether the kernel tells the processor time of its scripts: not where SIGCHLD is ignored, as in
    /// Apache's mod_cgid.
    pub tells_all_cpu: bool,
    kind: Kind,
}

enum Kind {
    /// With the binary that has all drivers.
    Driver(&'static str),
    Lighttpd,
    /// With this module.
    Apache(&'static str),
}

/// All who can take part here, the drivers first; `server` is the binary with our own ones. Says on
/// standard error who cannot.
pub fn contenders(server: &'static str) -> Vec<Contender> {
    let drivers = DRIVERS.map(|(name, ..)| (name, Kind::Driver(server)));
    let others = [
        ("lighttpd", Kind::Lighttpd),
        ("Apache mod_cgi", Kind::Apache("mod_cgi")),
        ("Apache mod_cgid", Kind::Apache("mod_cgid")),
    ];
    let all = drivers.into_iter().chain(others);
    all.filter(|(name, kind)| {
        let there = kind.is_there();
        if !there {
            eprintln!("!! SKIPPED: there is no {name}");
        }
        there
    })
    .map(|(name, kind)| Contender {
        name,
        tells_all_cpu: !matches!(kind, Kind::Apache("mod_cgid")),
        kind,
    })
    .collect()
}

impl Kind {
    fn is_there(&self) -> bool {
        let runs = |program: &str| {
            let mut command = Command::new(program);
            command
                .arg("-v")
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command.status().is_ok()
        };
        match self {
            Self::Driver(_) => true,
            Self::Lighttpd => runs("lighttpd"),
            Self::Apache(module) => {
                runs("apache2") && Path::new(MODULES).join(format!("{module}.so")).exists()
            }
        }
    }
}

impl Contender {
    /// Starts it for the scripts of `site`.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start(&self, site: &Site) -> io::Result<Process> {
        let address = free_address();
        let (text, mut command) = match self.kind {
            Kind::Driver(server) => {
                let mut command = Command::new(server);
                command.arg(self.name).arg("--config");
                (driver(site, address.port()), command)
            }
            Kind::Lighttpd => {
                let mut command = Command::new("lighttpd");
                command.args(["-D", "-f"]);
                (lighttpd(site, address.port()), command)
            }
            Kind::Apache(module) => {
                let mut command = Command::new("apache2");
                command.args(["-DFOREGROUND", "-f"]);
                (apache(site, address.port(), module), command)
            }
        };
        let config = site.beside(format!("{}.conf", address.port()));
        fs::write(&config, text)?;
        command.arg(config).stderr(Stdio::null());
        // A driver tells where it listens.
        let told = matches!(self.kind, Kind::Driver(_));
        Process::start(command, (!told).then_some(address))
    }
}

/// One worker; every default but the log and the limits on connections that are kept, which wait while
/// others have their turn. So have the others.
fn driver(site: &Site, port: u16) -> String {
    format!(
        r#"worker_processes 1;
error_log {log};
events {{ }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    server {{
        listen 127.0.0.1:{port};
        root {root};
        location /cgi-bin/ {{ cgi_pass exec; }}
    }}
}}
"#,
        log = site.beside("driver.log").display(),
        root = site.beside("root").display(),
    )
}

fn lighttpd(site: &Site, port: u16) -> String {
    format!(
        r#"server.modules = ("mod_cgi")
server.bind = "127.0.0.1"
server.port = {port}
server.document-root = "{root}"
server.errorlog = "{log}"
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 600
cgi.assign = ( "" => "" )
"#,
        root = site.beside("root").display(),
        log = site.beside("lighttpd.log").display(),
    )
}

/// One process with threads for all clients, which passes on the length that a script declares.
fn apache(site: &Site, port: u16, module: &str) -> String {
    let socket = match module {
        "mod_cgid" => format!(
            "ScriptSock {}",
            site.beside(format!("{port}.sock")).display()
        ),
        _ => String::new(),
    };
    format!(
        r#"ServerRoot {folder}
ServerName localhost
PidFile {folder}/{port}.pid
ErrorLog {folder}/apache.log
Listen 127.0.0.1:{port}
User nobody
Group nogroup
LoadModule mpm_event_module {MODULES}/mod_mpm_event.so
LoadModule authz_core_module {MODULES}/mod_authz_core.so
LoadModule alias_module {MODULES}/mod_alias.so
LoadModule env_module {MODULES}/mod_env.so
LoadModule {name}_module {MODULES}/{module}.so
SetEnv ap_trust_cgilike_cl yes
StartServers 1
ServerLimit 1
ThreadsPerChild 32
MaxRequestWorkers 32
MaxKeepAliveRequests 0
KeepAliveTimeout 600
DocumentRoot {folder}/root
{socket}
ScriptAlias /cgi-bin/ {folder}/root/cgi-bin/
"#,
        folder = site.beside("").display(),
        name = module.trim_start_matches("mod_"),
    )
}

//! The life of a script's processes: they end with the request, with their time, and with the
//! server; and there are never more than allowed.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write;

use e2e::{
    Client, DEADLINE, Directives, Driver, Scripts, assert_gone, encode, eventually,
    for_each_driver, is_running,
};
use rustix::process::{Pid, Signal, kill_process};

for_each_driver!(
    a_client_that_goes_ends_all_processes,
    a_client_that_goes_ends_a_silent_script,
    a_client_that_goes_ends_a_stubborn_script,
    a_client_that_resets_while_nothing_is_read,
    time_ends_all_processes,
    time_that_is_asked_for_politely,
    silence_after_the_head_is_cut,
    output_gives_a_script_more_time,
    a_process_that_stays_does_not_hold_the_answer,
    a_script_that_closes_its_output_may_go_on,
    what_is_beyond_the_answer_holds_up_no_script,
    others_wait_for_their_turn,
    whoever_waits_in_vain_may_come_again,
    a_client_that_goes_leaves_the_queue,
    a_reload_does_not_count_anew,
    a_graceful_stop_waits_for_scripts,
    a_graceful_stop_has_an_end_for_scripts,
    a_fast_stop_ends_scripts,
);

/// A child and a grandchild of the script, which tells their ids and its own.
const FAMILY: &str = "rm -f inner; sleep 1000 & a=$!; sh -c 'sleep 1000 & echo $! >inner; wait' &
    until [ -s inner ]; do :; done; echo $$ $a $! $(cat inner) >pids";

const HEAD: &str = "printf 'Content-Type: text/plain\\n\\n'";

fn ask(site: &Scripts, script: &str) -> Client {
    let mut client = site.client();
    client
        .wire
        .send(encode("GET", &format!("/cgi-bin/{script}"), &[]));
    client
}

fn a_client_that_goes_ends_all_processes(driver: &Driver) {
    let site = Scripts::new(driver, "");
    site.sh("family", &format!("{HEAD}; {FAMILY}; echo hello; wait"));
    let mut client = ask(&site, "family");
    assert_eq!(client.head().status, 200);
    client.expect_chunks("hello\n");
    let pids = site.pids("pids");
    assert!(
        pids.len() == 4 && pids.iter().all(|pid| is_running(*pid)),
        "{pids:?}"
    );
    client.wire.reset();
    assert_gone(&pids);
}

fn a_client_that_goes_ends_a_silent_script(driver: &Driver) {
    let site = Scripts::new(driver, "");
    site.sh("silent", &format!("{FAMILY}; wait"));
    for reset in [true, false] {
        let client = ask(&site, "silent");
        let pids = site.pids("pids");
        match reset {
            true => client.wire.reset(),
            false => drop(client),
        }
        assert_gone(&pids);
        fs::remove_file(site.path("cgi-bin/pids")).expect("remove");
    }
}

fn a_client_that_goes_ends_a_stubborn_script(driver: &Driver) {
    let site = Scripts::new(driver, "");
    site.sh(
        "stubborn",
        "trap '' TERM HUP INT; echo $$ >pids; while :; do sleep 1000; done",
    );
    let client = ask(&site, "stubborn");
    let pids = site.pids("pids");
    client.wire.reset();
    assert_gone(&pids);
}

/// Content fills all buffers, as the script takes none.
fn a_client_that_resets_while_nothing_is_read(driver: &Driver) {
    let site = Scripts::new(driver, "cgi_body_buffering off; client_max_body_size 0;");
    site.sh("deaf", "echo $$ >pids; exec sleep 1000");
    let mut client = site.client();
    let len = 512 * 1024;
    let head = format!("POST /cgi-bin/deaf HTTP/1.1\r\nHost: e2e\r\nContent-Length: {len}\r\n\r\n");
    client.wire.send(head);
    let mut sender = client.wire.sender();
    sender.set_write_timeout(Some(DEADLINE / 10)).expect("time");
    // Where the buffers of the system are smaller, less fills them.
    let _ = sender.write_all(&vec![b'x'; len]);
    drop(sender);
    let pids = site.pids("pids");
    assert!(site.server.rests() && is_running(pids[0]));
    client.wire.reset();
    assert_gone(&pids);
}

/// Asks for a script that never answers, until one has told so much before its time was over.
fn time_out(site: &Scripts, script: &str, told: &str) {
    let path = site.path("cgi-bin").join(told);
    let has_told = || fs::read_to_string(&path).is_ok_and(|text| text.ends_with('\n'));
    let asked = eventually(|| {
        let before = has_told();
        if !before {
            assert_eq!(ask(site, script).response("GET").status, 504, "{script}");
        }
        before
    });
    assert!(asked, "{script} does not tell {told}");
}

fn time_ends_all_processes(driver: &Driver) {
    let site = Scripts::new(driver, "cgi_timeout 1s;");
    site.sh("family", &format!("{FAMILY}; wait"));
    time_out(&site, "family", "pids");
    assert_gone(&site.pids("pids"));
}

/// TERM first; KILL ends those that go on.
fn time_that_is_asked_for_politely(driver: &Driver) {
    let site = Scripts::new(driver, "cgi_timeout 1s;");
    site.sh(
        "polite",
        "trap 'echo asked >asked; exit' TERM; echo $$ >polite-pid; sleep 1000 & wait",
    );
    site.sh(
        "stubborn",
        "trap '' TERM; echo $$ >stubborn-pid; while :; do sleep 1000; done",
    );
    for script in ["polite", "stubborn"] {
        let told = format!("{script}-pid");
        time_out(&site, script, &told);
        assert_gone(&site.pids(&told));
    }
    time_out(&site, "polite", "asked");
}

fn silence_after_the_head_is_cut(driver: &Driver) {
    let site = Scripts::new(driver, "cgi_timeout 1s;");
    site.sh(
        "stops",
        "echo $$ >pids; printf 'Content-Type: text/plain\\n\\nhello\\n'; exec sleep 1000",
    );
    let mut client = ask(&site, "stops");
    // Where it begins too late, it is cut before its head.
    assert!(eventually(|| match client.head().status {
        504 => {
            client = ask(&site, "stops");
            false
        }
        status => status == 200,
    }));
    client.expect_chunks("hello\n");
    let rest = client.wire.read_to_end().0;
    assert!(!rest.ends_with(b"0\r\n\r\n"), "{}", rest.escape_ascii());
    assert_gone(&site.pids("pids"));
}

/// Longer in all than the time it has, but never silent for so long.
fn output_gives_a_script_more_time(driver: &Driver) {
    let site = Scripts::new(driver, "cgi_timeout 2s;");
    site.sh(
        "slow",
        &format!("{HEAD}; for n in 1 2 3 4 5 6 7; do sleep 0.5; echo $n; done"),
    );
    // Again where it was kept from going on for so long.
    let is_whole = || {
        let mut wire = site.wire();
        wire.send("GET /cgi-bin/slow HTTP/1.0\r\n\r\n");
        wire.read_to_end()
            .0
            .ends_with(b"\r\n\r\n1\n2\n3\n4\n5\n6\n7\n")
    };
    assert!(eventually(is_whole));
}

/// It has the script's output open; the answer is over when the script is.
fn a_process_that_stays_does_not_hold_the_answer(driver: &Driver) {
    let site = Scripts::new(driver, "");
    let stays = |pids| format!("sleep 1000 & echo $! >{pids}");
    site.sh("leaves", &format!("{HEAD}; {}; echo hello", stays("pids")));
    site.sh("leaves-none", &format!("{}; exit 1", stays("others")));
    let mut client = site.client();
    assert_eq!(client.get("/cgi-bin/leaves").text(), "hello\n");
    assert_eq!(client.get("/cgi-bin/leaves-none").status, 502);
    for pid in [site.pids("pids"), site.pids("others")].concat() {
        let pid = Pid::from_raw(pid as i32).expect("pid");
        // Fails where the server has ended it.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// The answer is over when all is said; what the script does then holds nobody up.
fn a_script_that_closes_its_output_may_go_on(driver: &Driver) {
    let site = Scripts::new(driver, "");
    let mut gate = site.pipe("gate");
    let script = format!("{HEAD}; echo hello; exec >&- 2>&-; read go <gate; echo done >done");
    site.sh("goes-on", &script);
    let mut client = site.client();
    assert_eq!(client.get("/cgi-bin/goes-on").text(), "hello\n");
    assert_eq!(client.get("/none").status, 404);
    writeln!(gate, "go").expect("gate");
    assert_eq!(site.told("done"), "done");
}

fn what_is_beyond_the_answer_holds_up_no_script(driver: &Driver) {
    let site = Scripts::new(driver, "");
    let much = "head -c 4194304 /dev/zero";
    for (method, name, script) in [
        ("HEAD", "head", format!("{HEAD}; {much}")),
        ("GET", "errors", format!("{HEAD}; exec >&-; {much} >&2")),
    ] {
        site.sh(name, &format!("{script}; echo done >{name}-done"));
        let path = format!("/cgi-bin/{name}");
        assert_eq!(site.client().request(method, &path, &[]).status, 200);
        assert_eq!(site.told(&format!("{name}-done")), "done");
    }
}

/// Two may run; scripts tell that they run, and wait for `gate`.
fn crowded(driver: &Driver, limit: &str) -> Scripts {
    let directives = Directives {
        http: &format!("cgi_max_children {limit};"),
        ..Directives::default()
    };
    let site = Scripts::configured(driver, directives);
    site.sh(
        "run",
        &format!("{HEAD}; echo $$ >>running; read go <gate; echo hello"),
    );
    site
}

fn running(site: &Scripts) -> usize {
    let told = fs::read_to_string(site.path("cgi-bin/running"));
    told.unwrap_or_default().lines().count()
}

fn others_wait_for_their_turn(driver: &Driver) {
    let site = crowded(driver, "2 queue=8 wait=1h");
    let mut gate = site.pipe("gate");
    let mut crowd: Vec<_> = (0..6).map(|_| ask(&site, "run")).collect();
    for done in 0..6 {
        let most = (done + 2).min(6);
        assert!(
            eventually(|| running(&site) == most),
            "{done}: {}",
            running(&site)
        );
        // Whoever waits for a script keeps nobody from a file.
        assert_eq!(site.get("/none").status, 404);
        assert_eq!(running(&site), most);
        writeln!(gate, "go").expect("gate");
    }
    for client in &mut crowd {
        assert_eq!(client.response("GET").text(), "hello\n");
    }
}

fn whoever_waits_in_vain_may_come_again(driver: &Driver) {
    let site = crowded(driver, "1 queue=1 wait=1s");
    let mut gate = site.pipe("gate");
    let mut first = ask(&site, "run");
    assert!(eventually(|| running(&site) == 1));
    // One waits until its time is over, and the other is one too many.
    let mut others = [ask(&site, "run"), ask(&site, "run")];
    for client in &mut others {
        let response = client.response("GET");
        assert_eq!(response.status, 503);
        let after: u64 = response.field("retry-after").parse().expect("seconds");
        assert!(after > 0);
    }
    writeln!(gate, "go").expect("gate");
    assert_eq!(first.response("GET").text(), "hello\n");
    assert_eq!(running(&site), 1);
    writeln!(gate, "go").expect("gate");
    // Perhaps the place is not free at once.
    assert!(eventually(|| {
        let response = others[0].get("/cgi-bin/run");
        assert!([200, 503].contains(&response.status), "{response:?}");
        response.status == 200 && response.text() == "hello\n"
    }));
}

/// Scripts from before a reload are among those that run.
fn a_reload_does_not_count_anew(driver: &Driver) {
    let site = crowded(driver, "1 queue=0");
    let mut gate = site.pipe("gate");
    let mut first = ask(&site, "run");
    assert!(eventually(|| running(&site) == 1));
    let config = site.outside("nginx.conf");
    let text = fs::read_to_string(&config).expect("configuration");
    let text = text.replace("server {", "server { location = /v { return 204; }");
    fs::write(&config, text).expect("write");
    site.server.signal(Signal::HUP);
    let version = || Client::first(site.address(), "/v").1.status;
    assert!(eventually(|| version() == 204));
    assert_eq!(site.get("/cgi-bin/run").status, 503);
    writeln!(gate, "go").expect("gate");
    assert_eq!(first.response("GET").text(), "hello\n");
    writeln!(gate, "go").expect("gate");
    assert!(eventually(|| site.get("/cgi-bin/run").status == 200));
    assert_eq!(running(&site), 2);
}

fn a_client_that_goes_leaves_the_queue(driver: &Driver) {
    let site = crowded(driver, "1 queue=1 wait=1h");
    let mut gate = site.pipe("gate");
    let mut first = ask(&site, "run");
    assert!(eventually(|| running(&site) == 1));
    assert!(eventually(|| site.server.holds_no_whole_pipe()));
    let gone = ask(&site, "run");
    // Who waits is woken by a pipe.
    assert!(eventually(|| !site.server.holds_no_whole_pipe()));
    gone.wire.reset();
    assert!(eventually(|| site.server.holds_no_whole_pipe()));
    let mut next = ask(&site, "run");
    for client in [&mut first, &mut next] {
        writeln!(gate, "go").expect("gate");
        assert_eq!(client.response("GET").text(), "hello\n");
    }
    assert_eq!(running(&site), 2);
}

fn a_graceful_stop_waits_for_scripts(driver: &Driver) {
    let mut site = crowded(driver, "4");
    let mut gate = site.pipe("gate");
    let mut client = ask(&site, "run");
    assert!(eventually(|| running(&site) == 1));
    site.server.signal(Signal::QUIT);
    let refused = || std::net::TcpStream::connect(site.address()).is_err();
    assert!(eventually(refused), "it goes on accepting");
    writeln!(gate, "go").expect("gate");
    assert_eq!(client.response("GET").text(), "hello\n");
    drop(client);
    let status = site.server.exit_within(DEADLINE).expect("it goes on");
    assert!(status.success(), "{status}");
}

fn a_graceful_stop_has_an_end_for_scripts(driver: &Driver) {
    let directives = Directives {
        main: "worker_shutdown_timeout 1s;",
        ..Directives::default()
    };
    let mut site = Scripts::configured(driver, directives);
    site.sh("family", &format!("{HEAD}; {FAMILY}; wait"));
    let mut client = ask(&site, "family");
    assert_eq!(client.head().status, 200);
    let pids = site.pids("pids");
    site.server.signal(Signal::QUIT);
    let status = site.server.exit_within(DEADLINE).expect("it goes on");
    assert!(status.success(), "{status}");
    assert_gone(&pids);
}

fn a_fast_stop_ends_scripts(driver: &Driver) {
    for signal in [Signal::TERM, Signal::INT] {
        let mut site = Scripts::new(driver, "");
        site.sh("family", &format!("{HEAD}; {FAMILY}; wait"));
        let mut client = ask(&site, "family");
        assert_eq!(client.head().status, 200);
        let pids = site.pids("pids");
        site.server.signal(signal);
        let status = site.server.exit_within(DEADLINE).expect("it goes on");
        assert!(status.success(), "{status}");
        assert_gone(&pids);
    }
}

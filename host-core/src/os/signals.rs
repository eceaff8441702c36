//! Signals, with nginx's meanings.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use super::{Control, Service, Stop, notify};

/// What signals ask for beside an end.
pub(super) trait Administration: Send + 'static {
    /// SIGHUP: makes anew what is served. `None` if that is not possible; it has told why.
    fn reload(&mut self) -> Option<Service>;

    /// SIGUSR1: opens the logs anew.
    fn reopen(&mut self);
}

/// Lets the processes that we start begin with the default for each signal: one that is ignored stays so
/// beyond `exec`, as `nohup` wants it, but one that is handled does not. To us, a handler that does nothing
/// is the same. Without SIGPIPE, which the standard library sees to, and those of a terminal, of which a write
/// would be repeated for ever.
#[cfg(target_os = "linux")]
fn reset_ignored() {
    use signal_hook::consts::{FORBIDDEN, SIGPIPE, SIGTTIN, SIGTTOU};

    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|it| it.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    let is_ignored = |signal: &i32| ignored.unwrap_or(0) >> (signal - 1) & 1 > 0;
    for signal in (1..=64).filter(is_ignored) {
        if ![SIGPIPE, SIGTTIN, SIGTTOU].contains(&signal) && !FORBIDDEN.contains(&signal) {
            // The system keeps some for itself.
            let _ = flag::register(signal, Arc::default());
        }
    }
}

/// Handles signals from now on, on a thread of its own. SIGTERM and SIGINT stop fast, the second of
/// them ends the process at once, with the exit code that a shell shows for a process that died of
/// it; SIGQUIT stops gracefully.
pub(super) fn handle(control: Control, mut admin: impl Administration) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    reset_ignored();
    let signalled = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Handlers run in this order: the first signal must not see its own mark.
        flag::register_conditional_shutdown(signal, 128 + signal, signalled.clone())?;
        flag::register(signal, signalled.clone())?;
    }
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1])?;
    let mut handle = move |signal| match signal {
        SIGHUP => reload(&control, &mut admin),
        SIGUSR1 => admin.reopen(),
        SIGQUIT => stop(&control, Stop::Graceful),
        _ => stop(&control, Stop::Fast),
    };
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || signals.forever().for_each(&mut handle))?;
    Ok(())
}

fn stop(control: &Control, how: Stop) {
    notify::stopping();
    control.stop(how);
}

fn reload(control: &Control, admin: &mut impl Administration) {
    notify::reloading();
    if control.stopping().is_none()
        && let Some(service) = admin.reload()
    {
        control.reload(service);
    }
    notify::ready();
}

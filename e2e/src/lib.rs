//! One suite over real sockets: each test in `tests/` runs against each driver's binary.
//!
//! A test is a plain function of a running [`Site`], or of a [`Driver`] when it starts the
//! server its own way; [`for_each_driver!`] lists the tests of a file.
//!
//! Nothing here waits for ever: every read, connect and exit has [`DEADLINE`].

/// The examples of the README are tests, too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

mod address;
mod client;
mod driver;
mod fixture;
mod scripts;
mod wire;

pub use address::free_address;
pub use client::{Client, Response, encode};
pub use driver::Driver;
pub use fixture::{Server, Site};
pub use scripts::{Directives, Scripts, assert_gone, is_running, variables};
pub use wire::{End, Wire};

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

/// How long anything may take: less than a server waits by itself for answers or clients (30 s and more).
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Makes each of the named functions a `#[test]` in a module per driver, such as
/// `driver_std::index_file`. A function takes `&Site` or `&Driver`; one that is not listed is
/// dead code, and the compiler says so.
#[macro_export]
macro_rules! for_each_driver {
    (@ $module:ident $binary:literal $($test:ident)+) => {
        mod $module {
            $(
                #[test]
                fn $test() {
                    super::$test(&$crate::Driver::new($binary).into());
                }
            )+
        }
    };
    ($($test:ident),+ $(,)?) => {
        $crate::for_each_driver!(@ driver_mio "driver-mio" $($test)+);
        $crate::for_each_driver!(@ driver_std "driver-std" $($test)+);
        $crate::for_each_driver!(@ driver_tokio "driver-tokio" $($test)+);
    };
}

/// Whether `holds` becomes true before [`DEADLINE`]: for conditions that nothing announces, such
/// as the number of descriptors of another process.
pub fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Says why a test is skipped. What goes through `eprintln!` is shown only where a test fails.
pub fn skipped(why: &str) {
    let _ = writeln!(io::stderr(), "SKIPPED: {why}");
}

/// `len` bytes without a pattern, the same ones each time.
pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}

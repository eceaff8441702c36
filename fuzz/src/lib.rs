//! The oracles of the fuzz targets: each takes an input and panics if `h1-core` gets it wrong.
//!
//! A plain library, so that stable Rust can replay the corpora: see [`TARGETS`].

mod chunked;
mod client;
mod differential;
mod input;
mod log;
mod operations;
mod peer;
mod roundtrip;
mod script;
mod server;

use arbitrary::{Arbitrary, Unstructured};

pub use chunked::chunked;
pub use client::client;
pub use differential::differential;
pub use operations::{Operations, operations};
pub use roundtrip::{Roundtrip, roundtrip};
pub use server::server;

/// Panics if `h1-core` gets the bytes of a corpus file wrong.
pub type Oracle = fn(&[u8]);

/// Every target with its oracle.
pub const TARGETS: [(&str, Oracle); 6] = [
    ("server", server),
    ("client", client),
    ("chunked", chunked),
    ("roundtrip", |data| decoded(data, roundtrip)),
    ("differential", differential),
    ("operations", |data| decoded(data, operations)),
];

/// Reads `data` as libFuzzer's macro does, and hands it to the oracle.
fn decoded<'d, T: Arbitrary<'d>>(data: &'d [u8], oracle: fn(T)) {
    if let Ok(input) = T::arbitrary_take_rest(Unstructured::new(data)) {
        oracle(input);
    }
}

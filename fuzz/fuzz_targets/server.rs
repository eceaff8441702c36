//! See `h1_fuzz::server`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| h1_fuzz::server(data));

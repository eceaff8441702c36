//! See `h1_fuzz::client`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| h1_fuzz::client(data));

//! See `h1_fuzz::chunked`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| h1_fuzz::chunked(data));

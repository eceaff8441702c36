//! See `h1_fuzz::differential`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| h1_fuzz::differential(data));

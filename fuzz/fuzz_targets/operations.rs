//! See `h1_fuzz::operations`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: h1_fuzz::Operations| h1_fuzz::operations(input));

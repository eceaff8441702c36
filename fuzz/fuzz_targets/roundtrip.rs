//! See `h1_fuzz::roundtrip`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: h1_fuzz::Roundtrip| h1_fuzz::roundtrip(input));

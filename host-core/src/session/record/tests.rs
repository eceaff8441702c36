use super::escape;
use crate::config::model::Escape;

fn escaped(value: &[u8], how: Escape) -> String {
    let mut out = String::new();
    escape(&mut out, value, true, how);
    out
}

#[test]
fn every_byte_stays_in_its_quotes() {
    for byte in 0..=u8::MAX {
        let expected = match byte {
            b'"' | b'\\' => format!("\\x{byte:02X}"),
            b' '..=b'~' => char::from(byte).to_string(),
            _ => format!("\\x{byte:02X}"),
        };
        assert_eq!(escaped(&[byte], Escape::Default), expected);
    }
}

#[test]
fn json_and_plain_lines_cannot_be_ended_either() {
    for (value, how, expected) in [
        (
            &b"a\"b\\c\n\r\t\x01\x08\x0c"[..],
            Escape::Json,
            "a\\\"b\\\\c\\n\\r\\t\\u0001\\b\\f",
        ),
        ("é".as_bytes(), Escape::Json, "é"),
        (b"\xff", Escape::Json, "\u{fffd}"),
        (b"a\"b\nc", Escape::None, "a\"b\\x0Ac"),
    ] {
        assert_eq!(escaped(value, how), expected);
    }
}

#[test]
fn what_has_no_value_is_a_hyphen_or_nothing() {
    for (how, expected) in [
        (Escape::Default, "-"),
        (Escape::Json, ""),
        (Escape::None, ""),
    ] {
        let mut out = String::new();
        escape(&mut out, b"", false, how);
        assert_eq!(out, expected);
    }
}

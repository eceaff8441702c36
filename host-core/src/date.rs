//! Dates as HTTP, the access log and listings spell them, all in UTC.

use std::io::Write;
use std::ops::Deref;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use h1_core::FieldLines;

/// The first second of the year 10000, which no HTTP date can express.
const END: u64 = 253_402_300_800;

/// A date of `N` ASCII characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp<const N: usize>([u8; N]);

impl<const N: usize> Deref for Stamp<N> {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The fields that each answer has, Server and Date, rendered only when the second changes.
#[derive(Clone, Debug)]
pub(crate) struct OwnFields {
    /// The last time that was asked for: most answers of a turn have the same.
    wall: SystemTime,
    second: u64,
    server: &'static str,
    lines: FieldLines,
}

impl OwnFields {
    /// Those of nobody at the start of 1970.
    pub(crate) fn new() -> Self {
        Self {
            wall: UNIX_EPOCH,
            second: 0,
            server: "",
            lines: FieldLines::default(),
        }
    }

    /// Those of `server` at `wall`.
    pub(crate) fn at(&mut self, server: &'static str, wall: SystemTime) -> &FieldLines {
        if wall != self.wall || server != self.server {
            self.wall = wall;
            let second = second_of(wall);
            if second != self.second || server != self.server {
                (self.second, self.server) = (second, server);
                self.lines.clear();
                let date = format(wall);
                // Both are plain text.
                let pushed = self.lines.push("Server", server);
                let pushed = pushed.and_then(|()| self.lines.push("Date", &*date));
                debug_assert_eq!(pushed, Ok(()));
            }
        }
        &self.lines
    }
}

/// An IMF-fixdate (RFC 9110 §5.6.7), for `Last-Modified`. What is not [`expressible`] becomes
/// the nearest date that is.
pub(crate) fn format(time: SystemTime) -> Stamp<29> {
    let time = UNIX_EPOCH + Duration::from_secs(second_of(time));
    let mut text = [b' '; 29];
    // Always 29 bytes, so the slice cannot be too short.
    let _ = write!(&mut text[..], "{}", httpdate::HttpDate::from(time));
    Stamp(text)
}

/// The `time_local` of an access log: `20/Nov/2026:08:44:33 +0000`.
pub(crate) fn fmt_log(wall: SystemTime) -> Stamp<26> {
    let Stamp(http) = format(wall);
    let mut text = *b"01/Jan/1970:00:00:00 +0000";
    text[..2].copy_from_slice(&http[5..7]);
    text[3..6].copy_from_slice(&http[8..11]);
    text[7..11].copy_from_slice(&http[12..16]);
    text[12..20].copy_from_slice(&http[17..25]);
    Stamp(text)
}

/// The time in an error log: `2026/11/20 08:44:33`.
pub(crate) fn fmt_error(wall: SystemTime) -> Stamp<19> {
    let Stamp(iso) = fmt_iso(wall);
    let mut text = [b' '; 19];
    text.copy_from_slice(&iso[..19]);
    (text[4], text[7], text[10]) = (b'/', b'/', b' ');
    Stamp(text)
}

/// ISO 8601: `2026-11-20T08:44:33+00:00`.
pub(crate) fn fmt_iso(wall: SystemTime) -> Stamp<25> {
    let (Stamp(minute), Stamp(http)) = (fmt_minute(wall), format(wall));
    let mut text = *b"1970-01-01T00:00:00+00:00";
    text[..10].copy_from_slice(&minute[..10]);
    text[11..19].copy_from_slice(&http[17..25]);
    Stamp(text)
}

/// The minute, as listings show it: `2026-11-20 08:44`.
pub(crate) fn fmt_minute(time: SystemTime) -> Stamp<16> {
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let Stamp(http) = format(time);
    let mut months = (1..).zip(MONTHS.chunks(3));
    let month = months.find(|(_, name)| *name == &http[8..11]);
    let month: u8 = month.map_or(1, |(number, _)| number);
    let mut text = *b"1970-00-00 00:00";
    text[..4].copy_from_slice(&http[12..16]);
    text[5] += month / 10;
    text[6] += month % 10;
    text[8..10].copy_from_slice(&http[5..7]);
    text[11..].copy_from_slice(&http[17..22]);
    Stamp(text)
}

/// Whether an HTTP date can name this time: it lies in the years 1970 to 9999.
pub(crate) fn expressible(time: SystemTime) -> bool {
    time.duration_since(UNIX_EPOCH)
        .is_ok_and(|since| since.as_secs() < END)
}

fn second_of(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs().min(END - 1)
}

#[cfg(test)]
mod tests;

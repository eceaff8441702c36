//! Where a run of allowed bytes ends. Blocks of bytes are judged at once: first a loop that the
//! compiler turns into vector code, then eight bytes in a word.

/// Bytes that the vector loop judges at once.
const BLOCK: usize = 16;

const TOKEN: u8 = 1;
const TARGET: u8 = 2;
const VALUE: u8 = 4;
const REG_NAME: u8 = 8;

/// The classes of each byte.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        let mut class = 0;
        if b.is_ascii_alphanumeric() || is_token_mark(b) {
            class |= TOKEN;
        }
        if b.is_ascii_graphic() && !matches!(b, b'"' | b'#' | b'<' | b'>') {
            class |= TARGET;
        }
        if b == b'\t' || (b >= b' ' && b != 0x7f) {
            class |= VALUE;
        }
        if b.is_ascii_alphanumeric() || is_reg_name_mark(b) {
            class |= REG_NAME;
        }
        classes[byte] = class;
        byte += 1;
    }
    classes
};

/// The `tchar` that are no letters or digits (RFC 9110, section 5.6.2).
const fn is_token_mark(b: u8) -> bool {
    matches!(
        b,
        b'!' | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'\''
            | b'*'
            | b'+'
            | b'-'
            | b'.'
            | b'^'
            | b'_'
            | b'`'
            | b'|'
            | b'~'
    )
}

/// The marks of `unreserved` and `sub-delims` (RFC 3986, section 2).
const fn is_reg_name_mark(b: u8) -> bool {
    matches!(
        b,
        b'-' | b'.'
            | b'_'
            | b'~'
            | b'!'
            | b'$'
            | b'&'
            | b'\''
            | b'('
            | b')'
            | b'*'
            | b'+'
            | b','
            | b';'
            | b'='
    )
}

#[inline]
fn is(b: u8, class: u8) -> bool {
    CLASSES[b as usize] & class != 0
}

/// Whether `b` may stand in a token.
#[inline]
pub(crate) fn is_token(b: u8) -> bool {
    is(b, TOKEN)
}

/// The end of a run of token bytes from `at`.
#[inline]
pub(crate) fn token_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(word) = word_at(bytes, at) {
        match first(not_in_name(word)) {
            None => at += 8,
            Some(n) if is_token(bytes[at + n]) => at += n + 1,
            Some(n) => return at + n,
        }
    }
    tail_end(bytes, at, TOKEN)
}

/// The end of a run of bytes that a request target may hold: visible ASCII but `"`, `#`, `<` and
/// `>`, which no browser sends unencoded.
#[inline]
pub(crate) fn target_end(bytes: &[u8], at: usize) -> usize {
    let mut rest = bytes.get(at..).unwrap_or_default();
    while let Some((block, tail)) = rest.split_first_chunk() {
        if any(block, outside_target) {
            return bytes.len() - rest.len() + first_in(block, not_in_target);
        }
        rest = tail;
    }
    tail_end(bytes, bytes.len() - rest.len(), TARGET)
}

/// The end of a run of bytes that a field value may hold: visible ASCII, space, tab and everything
/// above ASCII (RFC 9110, section 5.5).
#[inline]
pub(crate) fn value_end(bytes: &[u8], at: usize) -> usize {
    let mut rest = bytes.get(at..).unwrap_or_default();
    while let Some((block, tail)) = rest.split_first_chunk() {
        if any(block, outside_value) {
            let end = bytes.len() - rest.len() + first_in(block, is_control);
            if bytes[end] != b'\t' {
                return end;
            }
            rest = &bytes[end + 1..];
        } else {
            rest = tail;
        }
    }
    tail_end(bytes, bytes.len() - rest.len(), VALUE)
}

/// The end of a registered name (RFC 3986, section 3.2.2), as far as nothing in it is encoded.
#[inline]
pub(crate) fn reg_name_end(bytes: &[u8]) -> usize {
    tail_end(bytes, 0, REG_NAME)
}

#[inline]
fn any(block: &[u8; BLOCK], outside: fn(u8) -> u8) -> bool {
    block.iter().fold(0, |bad, &b| bad | outside(b)) != 0
}

/// The first byte of a block that `mark` marks, one of which there is.
#[inline]
fn first_in(block: &[u8; BLOCK], mark: fn(u64) -> u64) -> usize {
    let (words, _) = block.as_chunks();
    let (low, high) = (
        mark(u64::from_le_bytes(words[0])),
        mark(u64::from_le_bytes(words[1])),
    );
    match low {
        0 => 8 + high.trailing_zeros() as usize / 8,
        low => low.trailing_zeros() as usize / 8,
    }
}

#[inline]
fn tail_end(bytes: &[u8], at: usize, class: u8) -> usize {
    let tail = bytes.get(at..).unwrap_or_default();
    at + tail
        .iter()
        .position(|&b| !is(b, class))
        .unwrap_or(tail.len())
}

#[inline]
fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The first byte of a word that is marked in its top bit.
#[inline]
fn first(marks: u64) -> Option<usize> {
    (marks != 0).then(|| marks.trailing_zeros() as usize / 8)
}

/// Not zero for a control character. Without a branch, so that a loop over it becomes vector code.
#[inline]
const fn outside_value(b: u8) -> u8 {
    (b < b' ') as u8 | (b == 0x7f) as u8
}

/// Not zero for a byte that no target holds.
#[inline]
const fn outside_target(b: u8) -> u8 {
    (b <= b' ') as u8 | (b >= 0x7f) as u8 | (b & 0xfe == b'"') as u8 | (b & 0xfd == b'<') as u8
}

const TOPS: u64 = each(0x80);

const fn each(b: u8) -> u64 {
    u64::from_ne_bytes([b; 8])
}

/// Marks the bytes that are zero. Exact: no carry crosses a byte.
#[inline]
const fn zeros(word: u64) -> u64 {
    !(((word & !TOPS) + !TOPS) | word) & TOPS
}

/// Marks the bytes of ASCII that are below `n`, exactly. Others are not marked.
#[inline]
const fn below(word: u64, n: u8) -> u64 {
    !((word & !TOPS) + each(0x80 - n)) & !word & TOPS
}

#[inline]
const fn is_control(word: u64) -> u64 {
    below(word, b' ') | zeros(word ^ each(0x7f))
}

#[inline]
const fn not_in_target(word: u64) -> u64 {
    (word & TOPS)
        | below(word, b'!')
        | zeros(word ^ each(0x7f))
        | zeros((word & each(0xfe)) ^ each(b'"'))
        | zeros((word & each(0xfd)) ^ each(b'<'))
}

/// Marks all but letters, digits, hyphens and dots, which is what names are made of, save for rare
/// ones.
#[inline]
const fn not_in_name(word: u64) -> u64 {
    let lower = word | each(0x20);
    let letters = below(lower, b'z' + 1) & !below(lower, b'a');
    let digits = below(word, b'9' + 1) & !below(word, b'-') & !zeros(word ^ each(b'/'));
    !(letters | digits) & TOPS
}

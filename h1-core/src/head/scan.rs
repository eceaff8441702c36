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

/// Whether `bytes` may all stand in a token, and there is one.
#[inline]
pub(crate) fn is_token_text(bytes: &[u8]) -> bool {
    !bytes.is_empty() && all(bytes, TOKEN)
}

/// Whether `bytes` may all stand in a field value.
#[inline]
pub(crate) fn is_value_text(bytes: &[u8]) -> bool {
    is_without_control(bytes) || all(bytes, VALUE)
}

/// Whether no byte is a control character, tabs included; `false` for fewer than eight says nothing.
#[inline]
fn is_without_control(bytes: &[u8]) -> bool {
    if let Some(last) = bytes.last_chunk() {
        let (blocks, _) = bytes.as_chunks();
        return !any(last, outside_value) && !blocks.iter().any(|block| any(block, outside_value));
    }
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => {
            let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
            is_control(first) | is_control(last) == 0
        }
        _ => false,
    }
}

/// Whether all bytes are of `class`. Without a branch: names and short values end too soon to gain by one.
#[inline]
fn all(bytes: &[u8], class: u8) -> bool {
    bytes.iter().fold(class, |c, &b| c & CLASSES[b as usize]) != 0
}

/// The end of a run of token bytes from `at`.
#[inline(always)]
pub(crate) fn token_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) {
        let plain = plain_name(block);
        at += plain;
        if plain < BLOCK {
            match bytes.get(at) {
                Some(b':') => return at,
                Some(&b) if is(b, TOKEN) => at += 1,
                _ => return at,
            }
        }
    }
    words_end(bytes, at, not_in_name, TOKEN)
}

/// The end of a run of token bytes from `at`, for few of them.
#[inline]
pub(crate) fn short_token_end(bytes: &[u8], at: usize) -> usize {
    tail_end(bytes, at, TOKEN)
}

/// How many bytes at the start of a block are letters, digits and hyphens.
#[inline(always)]
fn plain_name(block: &[u8; BLOCK]) -> usize {
    run(block, |b| {
        ((b | 0x20).wrapping_sub(b'a') <= 25) | (b.wrapping_sub(b'0') <= 9) | (b == b'-')
    })
}

/// How many bytes at the start of a block are `common`. Without a branch, so that it becomes vector code.
#[inline(always)]
fn run(block: &[u8; BLOCK], common: impl Fn(u8) -> bool) -> usize {
    let mut marks = [0u8; BLOCK];
    for (mark, &b) in marks.iter_mut().zip(block) {
        *mark = u8::from(common(b)).wrapping_neg();
    }
    u128::from_le_bytes(marks).trailing_ones() as usize / 8
}

/// The end of a run of bytes that a request target may hold: visible ASCII but `"`, `#`, `<` and
/// `>`, which no browser sends unencoded.
#[inline]
pub(crate) fn target_end(bytes: &[u8], at: usize) -> usize {
    let mut rest = bytes.get(at..).unwrap_or_default();
    while let Some((block, tail)) = rest.split_first_chunk() {
        let plain = run(block, |b| outside_target(b) == 0);
        if plain < BLOCK {
            return bytes.len() - rest.len() + plain;
        }
        rest = tail;
    }
    words_end(bytes, bytes.len() - rest.len(), not_in_target, TARGET)
}

/// The end of a run of bytes that a field value may hold: visible ASCII, space, tab and everything
/// above ASCII (RFC 9110, section 5.5).
#[inline(always)]
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
    words_end(bytes, bytes.len() - rest.len(), is_control, VALUE)
}

/// The end of a registered name (RFC 3986, section 3.2.2) from `at`, as far as nothing in it is encoded.
#[inline]
pub(crate) fn host_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let plain = run(block, |b| {
            ((b | 0x20).wrapping_sub(b'a') <= 25)
                | (b.wrapping_sub(b'0') <= 9)
                | (b.wrapping_sub(b'-') <= 1)
        });
        at += plain;
        if plain < BLOCK {
            break;
        }
    }
    tail_end(bytes, at, REG_NAME)
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

/// The first byte from `at` that is not of `class`, eight bytes at a time. All bytes that `mark` does
/// not mark are of the class.
#[inline(always)]
fn words_end(bytes: &[u8], mut at: usize, mark: impl Fn(u64) -> u64, class: u8) -> usize {
    while let Some(word) = word_at(bytes, at) {
        match first(mark(word)) {
            None => at += 8,
            Some(n) if is(bytes[at + n], class) => at += n + 1,
            Some(n) => return at + n,
        }
    }
    tail_end(bytes, at, class)
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
    (b <= b' ') as u8
        | (b >= 0x7f) as u8
        | (b == b'"') as u8
        | (b == b'#') as u8
        | (b == b'<') as u8
        | (b == b'>') as u8
}

const TOPS: u64 = each(0x80);

const fn each(b: u8) -> u64 {
    u64::from_ne_bytes([b; 8])
}

/// Marks the bytes that are zero but for their top bit, exactly: no carry crosses a byte.
#[inline]
const fn zeros(word: u64) -> u64 {
    !((word & !TOPS) + !TOPS) & TOPS
}

/// Marks the bytes below `n`; behind the first one, perhaps others.
#[inline]
const fn below(word: u64, n: u8) -> u64 {
    word.wrapping_sub(each(n)) & !word & TOPS
}

/// Marks the bytes from `first` to `last`, of a word without top bits.
#[inline]
const fn within(word: u64, first: u8, last: u8) -> u64 {
    (word + each(0x80 - first)) ^ (word + each(0x7f - last))
}

/// Here and below the first mark is right, and that is all that counts.
#[inline]
const fn is_control(word: u64) -> u64 {
    below(word, b' ') | below(word ^ each(0x7f), 1)
}

#[inline]
const fn not_in_target(word: u64) -> u64 {
    (word & TOPS)
        | below(word, b'!')
        | zeros(word ^ each(0x7f))
        | zeros((word & each(0xfe)) ^ each(b'"'))
        | zeros((word & each(0xfd)) ^ each(b'<'))
}

/// Marks all but letters, digits and hyphens, which is what names are made of, save for rare ones.
#[inline]
const fn not_in_name(word: u64) -> u64 {
    let ascii = word & !TOPS;
    let common = within(ascii | each(0x20), b'a', b'z')
        | within(ascii, b'0', b'9')
        | within(ascii, b'-', b'-');
    (!common | word) & TOPS
}

//! Field lines, lent from the receive buffer.

use core::fmt;

/// Where a field line lies, counted from the first byte of its head or trailer section.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FieldIndex {
    pub(crate) name: u32,
    pub(crate) name_end: u32,
    pub(crate) value: u32,
    pub(crate) value_end: u32,
}

impl FieldIndex {
    #[inline]
    pub(crate) fn name<'b>(&self, section: &'b [u8]) -> &'b [u8] {
        slice(section, self.name, self.name_end)
    }

    #[inline]
    pub(crate) fn value<'b>(&self, section: &'b [u8]) -> &'b [u8] {
        slice(section, self.value, self.value_end)
    }
}

#[inline]
fn slice(section: &[u8], start: u32, end: u32) -> &[u8] {
    section
        .get(start as usize..end as usize)
        .unwrap_or_default()
}

/// The field lines of a head or of a trailer section, in the order and the case in which they were
/// sent, repeated ones included.
///
/// Names match without regard to ASCII case (RFC 9110, section 5.1). Values have no whitespace
/// around them; they may hold any byte but controls, so they are bytes, not text.
///
/// ```
/// # use h1_core::{Event, Limits, RecvBuf, ServerConnection};
/// # let limits = Limits::default();
/// # let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
/// rx.receive(b"GET / HTTP/1.1\r\nHost: a\r\nAccept: x, y\r\naccept: z\r\n\r\n");
/// let Event::Request(request) = conn.next_event(&mut rx)? else { panic!() };
/// let fields = request.fields();
/// assert_eq!(fields.len(), 3);
/// assert_eq!(fields.get("ACCEPT"), Some(&b"x, y"[..]));
/// assert_eq!(fields.get_all("accept").count(), 2);
/// assert!(fields.tokens("accept").eq([b"x", b"y", b"z"]));
/// assert_eq!(fields.iter().next(), Some(("Host", &b"a"[..])));
/// assert_eq!(fields.raw(), b"Host: a\r\nAccept: x, y\r\naccept: z\r\n");
/// # Ok::<(), h1_core::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Fields<'b> {
    /// The whole head or trailer section, with the empty line at its end.
    section: &'b [u8],
    index: &'b [FieldIndex],
}

impl<'b> Fields<'b> {
    pub(crate) fn new(section: &'b [u8], index: &'b [FieldIndex]) -> Self {
        Self { section, index }
    }

    /// The number of field lines.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The value of the first line of this name.
    pub fn get(&self, name: &str) -> Option<&'b [u8]> {
        self.get_all(name).next()
    }

    /// The values of all lines of this name, in order.
    pub fn get_all<'n>(&self, name: &'n str) -> impl Iterator<Item = &'b [u8]> + use<'b, 'n> {
        let section = self.section;
        self.index
            .iter()
            .filter(move |field| field.name(section).eq_ignore_ascii_case(name.as_bytes()))
            .map(move |field| field.value(section))
    }

    /// The members of the comma-separated list that the lines of this name form together; empty
    /// members are left out (RFC 9110, section 5.6.1). For lists whose members hold no quoted
    /// comma.
    pub fn tokens<'n>(&self, name: &'n str) -> impl Iterator<Item = &'b [u8]> + use<'b, 'n> {
        self.get_all(name).flat_map(list)
    }

    /// Name and value of each line, as sent.
    pub fn iter(&self) -> impl Iterator<Item = (&'b str, &'b [u8])> + use<'b> {
        let section = self.section;
        self.index.iter().map(move |field| {
            // Names are tokens, so they are ASCII.
            let name = core::str::from_utf8(field.name(section)).unwrap_or_default();
            (name, field.value(section))
        })
    }

    /// The field lines byte by byte as they were sent, the CRLF of the last one included.
    pub fn raw(&self) -> &'b [u8] {
        match self.index.first() {
            Some(first) => slice(
                self.section,
                first.name,
                (self.section.len() as u32).saturating_sub(2),
            ),
            None => &[],
        }
    }
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.iter() {
            map.entry(&name, &format_args!("\"{}\"", value.escape_ascii()));
        }
        map.finish()
    }
}

/// The members of a comma-separated list, without empty ones and the whitespace around them.
pub(crate) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&b| b == b',')
        .map(trim)
        .filter(|member| !member.is_empty())
}

/// `bytes` without optional whitespace, space and tab, at both ends (RFC 9110, section 5.6.3).
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

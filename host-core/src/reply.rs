//! A response before it is sent.

use std::ops::Range;
use std::sync::OnceLock;

use arrayvec::{ArrayString, ArrayVec};
use bytes::Bytes;
use h1_core::{Body, Status};

use crate::files::multipart::Parts;

/// A response, but for the fields that every response has.
#[derive(Debug)]
pub(crate) struct Reply<'s> {
    pub(crate) status: Status,
    pub(crate) fields: ArrayVec<(&'static str, Value<'s>), 10>,
    pub(crate) content: Content,
    /// It has the fields of a backend, too.
    pub(crate) backend: bool,
    /// The content is compressed on its way, and its length is not known.
    pub(crate) gzip: bool,
}

/// The value of a field.
#[derive(Debug)]
pub(crate) enum Value<'s> {
    Text(&'s str),
    /// Long enough for a `Content-Range` of any length.
    Short(ArrayString<72>),
    Long(String),
}

/// What a response brings.
#[derive(Debug)]
pub(crate) enum Content {
    /// Nothing.
    None,
    /// These bytes.
    Bytes(Bytes),
    /// These bytes of the file that was found.
    File(Range<u64>),
    /// Several parts of it.
    Parts(Box<Parts>),
    /// What comes from a backend; its length, where that is known.
    Stream(Option<u64>),
}

impl<'s> Reply<'s> {
    pub(crate) fn new(status: Status, content: Content) -> Self {
        Self {
            status,
            fields: ArrayVec::new(),
            content,
            backend: false,
            gzip: false,
        }
    }

    /// A short page that names the status.
    pub(crate) fn error(status: Status) -> Self {
        Self::html(status, error_page(status))
    }

    pub(crate) fn html(status: Status, page: Bytes) -> Self {
        Self::new(status, Content::Bytes(page))
            .with("Content-Type", Value::Text("text/html; charset=utf-8"))
    }

    /// With this Content-Type, unless it is empty.
    pub(crate) fn typed(self, content_type: &'s str) -> Self {
        match content_type {
            "" => self,
            kind => self.with("Content-Type", Value::Text(kind)),
        }
    }

    /// Takes the content away, for statuses that have none (RFC 9110, sections 15.3.5 and 15.3.6).
    pub(crate) fn empty(&mut self) {
        self.fields.retain(|(name, _)| *name != "Content-Type");
        self.content = Content::None;
    }

    pub(crate) fn with(mut self, name: &'static str, value: Value<'s>) -> Self {
        self.push(name, value);
        self
    }

    /// Adds a field; there is room for all that one of our replies can have.
    pub(crate) fn push(&mut self, name: &'static str, value: Value<'s>) {
        let added = self.fields.try_push((name, value));
        debug_assert!(added.is_ok(), "no room for {name}");
    }

    /// The value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.fields.iter();
        let (_, value) = fields.find(|(known, _)| *known == name)?;
        Some(value.as_bytes())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.field(name).is_some()
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.fields.retain(|(known, _)| *known != name);
    }

    /// Makes the entity tag a weak one (RFC 9110, section 8.8.1).
    pub(crate) fn weaken_etag(&mut self) {
        let mut fields = self.fields.iter_mut();
        if let Some((_, Value::Short(tag))) = fields.find(|(name, _)| *name == "ETag")
            && !tag.starts_with("W/")
        {
            let strong = *tag;
            tag.clear();
            // There is room: a tag is 42 bytes at most.
            let _ = tag
                .try_push_str("W/")
                .and_then(|()| tag.try_push_str(&strong));
        }
    }

    pub(crate) fn framing(&self) -> Body {
        match self.content {
            _ if self.gzip => Body::Chunked,
            Content::None => Body::None,
            Content::Stream(None) => Body::Chunked,
            _ => Body::Length(self.content.len()),
        }
    }

    pub(crate) fn field_bytes(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.fields
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()))
    }
}

impl Value<'_> {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Short(text) => text.as_bytes(),
            Self::Long(text) => text.as_bytes(),
        }
    }
}

impl Content {
    /// Bytes.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(range) => range.end - range.start,
            Self::Parts(parts) => parts.len(),
            Self::Stream(len) => len.unwrap_or_default(),
        }
    }
}

/// The page of a status, made once.
fn error_page(status: Status) -> Bytes {
    static PAGES: [OnceLock<Bytes>; 600] = [const { OnceLock::new() }; 600];
    let make = || Bytes::from(page(status));
    match PAGES.get(usize::from(status.code())) {
        Some(known) => known.get_or_init(make).clone(),
        None => make(),
    }
}

fn page(status: Status) -> String {
    let title = format!("{status} {}", status.reason());
    let title = title.trim_end();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<h1>{title}</h1>\n"
    )
}

//! nginx's lexer: words, `;`, `{` and `}`.

use super::error::Problem;
use super::source::Span;

/// A word, without its quotes and escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// With its quotes.
    pub(crate) span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Word(Word),
    Semicolon(Span),
    Open(Span),
    Close(Span),
    /// The end of the file.
    End(Span),
}

/// Reads the tokens of one file.
#[derive(Debug)]
pub(crate) struct Lexer<'t> {
    file: u32,
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    /// Starts at the front of the file with this number.
    pub(crate) fn new(file: u32, text: &'t str) -> Self {
        Self { file, text, at: 0 }
    }

    /// The next token; the end of the file again and again.
    ///
    /// # Errors
    ///
    /// A quote without its other one, or with something attached to it.
    pub(crate) fn next(&mut self) -> Result<Token, Problem> {
        self.skip_space();
        let start = self.at;
        let Some(byte) = self.peek() else {
            return Ok(Token::End(self.span(start)));
        };
        match byte {
            b';' => Ok(Token::Semicolon(self.symbol())),
            b'{' => Ok(Token::Open(self.symbol())),
            b'}' => Ok(Token::Close(self.symbol())),
            b'"' | b'\'' => self.quoted(byte).map(Token::Word),
            _ => Ok(Token::Word(self.bare())),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn span(&self, start: usize) -> Span {
        Span::new(self.file, start, self.at)
    }

    fn symbol(&mut self) -> Span {
        self.at += 1;
        self.span(self.at - 1)
    }

    /// Skips white space and comments.
    fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => {
                    let rest = &self.text.as_bytes()[self.at..];
                    let line = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                    self.at += line;
                }
                _ if is_space(byte) => self.at += 1,
                _ => return,
            }
        }
    }

    fn quoted(&mut self, quote: u8) -> Result<Word, Problem> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => {
                    let open = Span::new(self.file, start, start + 1);
                    let message = format!("missing terminating {} character", quote as char);
                    return Err(Problem::new(open, message));
                }
                Some(b'\\') => self.skip_escape(),
                Some(byte) if byte == quote => break,
                Some(_) => self.at += 1,
            }
        }
        let text = unescape(&self.text[start + 1..self.at]);
        self.at += 1;
        let span = self.span(start);
        match self.text[self.at..].chars().next() {
            Some(next) if !matches!(next, ' ' | '\t' | '\r' | '\n' | ';' | '{' | ')') => {
                let after = Span::new(self.file, self.at, self.at + next.len_utf8());
                Err(Problem::new(after, format!("unexpected \"{next}\""))
                    .help("put a space or \";\" behind the closing quote"))
            }
            _ => Ok(Word { text, span }),
        }
    }

    fn bare(&mut self) -> Word {
        let start = self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b'\\' => self.skip_escape(),
                // The brace of `${name}` opens no block.
                b'$' if self.text[self.at..].starts_with("${") => self.at += 2,
                b';' | b'{' => break,
                _ if is_space(byte) => break,
                _ => self.at += 1,
            }
        }
        Word {
            text: unescape(&self.text[start..self.at]),
            span: self.span(start),
        }
    }

    /// A backslash, and what it takes the meaning from.
    fn skip_escape(&mut self) {
        self.at += 1;
        let next = self.text[self.at..].chars().next();
        self.at += next.map_or(0, char::len_utf8);
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Only these escapes are escapes; before anything else a backslash stays, for regular expressions.
fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(char) = chars.next() {
        let escaped = match (char, chars.peek()) {
            ('\\', Some(next @ ('"' | '\'' | '\\'))) => Some(*next),
            ('\\', Some('t')) => Some('\t'),
            ('\\', Some('r')) => Some('\r'),
            ('\\', Some('n')) => Some('\n'),
            _ => None,
        };
        if escaped.is_some() {
            chars.next();
        }
        text.push(escaped.unwrap_or(char));
    }
    text
}

//! Directives and blocks, whatever they mean, with the files that they include.

use std::path::Path;
use std::sync::Arc;

use super::error::Problem;
use super::lex::{Lexer, Token, Word};
use super::source::{Source, Span, Texts};

/// Blocks within blocks, and files that include files.
const DEPTH: usize = 32;

/// Files in all.
const FILES: usize = 10_000;

/// A directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) name: Word,
    pub(crate) args: Vec<Word>,
    /// What stands in its braces.
    pub(crate) block: Option<Vec<Node>>,
}

impl Node {
    /// An argument; the name where there are not so many.
    pub(crate) fn arg(&self, n: usize) -> &Word {
        self.args.get(n).unwrap_or(&self.name)
    }

    /// An argument's text.
    pub(crate) fn text(&self, n: usize) -> &str {
        &self.arg(n).text
    }

    /// Name and arguments.
    pub(crate) fn span(&self) -> Span {
        let last = self.args.last().unwrap_or(&self.name);
        self.name.span.to(last.span)
    }
}

/// Reads files into a tree. After an error in a file the rest of it is left out.
pub(crate) struct Reader<'s> {
    pub(crate) source: &'s dyn Source,
    /// What relative includes are relative to.
    pub(crate) folder: &'s Path,
    pub(crate) texts: Texts,
    pub(crate) problems: Vec<Problem>,
}

/// Where a list of directives ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    EndOfFile,
    /// The brace that opens the block, and how deep that is.
    Brace(Span),
}

impl Reader<'_> {
    /// Reads a file, or says where the path was written that it cannot.
    pub(crate) fn file(&mut self, path: &Path, from: Option<Span>, depth: usize) -> Vec<Node> {
        let name = path.display().to_string();
        let text = match self.source.read(path) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|error| {
                let valid = error.utf8_error().valid_up_to();
                let line = error.as_bytes()[..valid]
                    .iter()
                    .filter(|byte| **byte == b'\n');
                format!("\"{name}\" is not UTF-8 in line {}", line.count() + 1)
            }),
            Err(error) => Err(format!("cannot read \"{name}\": {error}")),
        };
        match text {
            Ok(text) => self.text(&name, text.into(), depth),
            Err(message) => {
                let span = from.unwrap_or_else(|| {
                    let file = self.texts.add(&name, "".into());
                    Span::new(file, 0, 0)
                });
                self.problems.push(Problem::new(span, message));
                Vec::new()
            }
        }
    }

    /// Reads text.
    pub(crate) fn text(&mut self, name: &str, text: Arc<str>, depth: usize) -> Vec<Node> {
        let file = self.texts.add(name, text.clone());
        let mut lexer = Lexer::new(file, &text);
        match self.list(&mut lexer, Until::EndOfFile, depth) {
            Ok(nodes) => nodes,
            Err(problem) => {
                self.problems.push(problem);
                Vec::new()
            }
        }
    }

    fn list(
        &mut self,
        lexer: &mut Lexer<'_>,
        until: Until,
        depth: usize,
    ) -> Result<Vec<Node>, Problem> {
        let mut nodes = Vec::new();
        loop {
            let name = match lexer.next()? {
                Token::Word(name) => name,
                Token::Semicolon(span) => return Err(unexpected(span, ";")),
                Token::Open(span) => return Err(unexpected(span, "{")),
                Token::Close(span) if until == Until::EndOfFile => {
                    return Err(unexpected(span, "}"));
                }
                Token::Close(_) => return Ok(nodes),
                Token::End(_) => match until {
                    Until::EndOfFile => return Ok(nodes),
                    Until::Brace(open) => {
                        let message = "unexpected end of file, expecting \"}\"";
                        let help = "this is the brace that nothing closes";
                        return Err(Problem::new(open, message).help(help));
                    }
                },
            };
            let node = self.directive(name, lexer, depth)?;
            match node.name.text.as_str() {
                "include" if node.block.is_none() && node.args.len() == 1 => {
                    nodes.extend(self.include(&node, depth));
                }
                _ => nodes.push(node),
            }
        }
    }

    fn directive(
        &mut self,
        name: Word,
        lexer: &mut Lexer<'_>,
        depth: usize,
    ) -> Result<Node, Problem> {
        let mut node = Node {
            name,
            args: Vec::new(),
            block: None,
        };
        loop {
            match lexer.next()? {
                Token::Word(word) => node.args.push(word),
                Token::Semicolon(_) => return Ok(node),
                Token::Open(span) if depth >= DEPTH => {
                    return Err(Problem::new(span, "blocks are nested too deep"));
                }
                Token::Open(span) => {
                    node.block = Some(self.list(lexer, Until::Brace(span), depth + 1)?);
                    return Ok(node);
                }
                Token::Close(span) => {
                    let help = format!("a \";\" is missing behind \"{}\"", last(&node).text);
                    return Err(unexpected(span, "}").help(help));
                }
                Token::End(_) => {
                    let message = "unexpected end of file, expecting \";\" or \"{\"";
                    return Err(Problem::new(last(&node).span, message));
                }
            }
        }
    }

    /// What an `include` stands for.
    fn include(&mut self, node: &Node, depth: usize) -> Vec<Node> {
        let word = node.arg(0);
        if depth >= DEPTH || self.texts.len() >= FILES {
            let problem = Problem::new(word.span, "too many files include each other");
            self.problems
                .push(problem.help("does a file include itself?"));
            return Vec::new();
        }
        let path = self.folder.join(&word.text);
        if !word.text.contains(['*', '?', '[']) {
            return self.file(&path, Some(word.span), depth + 1);
        }
        match self.source.glob(&path.to_string_lossy()) {
            Ok(paths) => {
                let files = paths.iter();
                files
                    .flat_map(|path| self.file(path, Some(word.span), depth + 1))
                    .collect()
            }
            Err(error) => {
                let message = format!("invalid pattern \"{}\": {error}", word.text);
                self.problems.push(Problem::new(word.span, message));
                Vec::new()
            }
        }
    }
}

fn last(node: &Node) -> &Word {
    node.args.last().unwrap_or(&node.name)
}

fn unexpected(span: Span, what: &str) -> Problem {
    Problem::new(span, format!("unexpected \"{what}\""))
}

//! nginx's configuration language, and what a configuration means.

mod error;
mod lex;
pub(crate) mod model;
mod source;
pub(crate) mod template;
mod tree;

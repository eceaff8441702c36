//! Scripts (RFC 3875): what they are told, and what they answer.

pub(crate) mod env;
pub(crate) mod output;

//! From an open file or folder to an answer.

pub(crate) mod coding;
pub(crate) mod conditional;
pub(crate) mod listing;
pub(crate) mod mime;
pub(crate) mod multipart;
pub(crate) mod range;
pub(crate) mod reply;

//! nginx's configuration language, and what a configuration means.

pub(crate) mod model;
pub(crate) mod template;

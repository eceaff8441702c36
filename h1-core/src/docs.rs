//! Pages of the documentation; there is no code in them.

#[doc = include_str!("../docs/guide.md")]
pub mod guide {}

#[doc = include_str!("../docs/conformance.md")]
pub mod conformance {}

#[doc = include_str!("../docs/migration.md")]
pub mod migration {}

/// The states of both sides of a connection, and all their changes: see [`State`](crate::State).
///
#[doc = include_str!("../docs/states.svg")]
///
#[doc = include_str!("../docs/states.md")]
pub mod states {}

//! What h1-core is compared with.

pub mod chunks;
pub mod framing;
pub mod hyper;

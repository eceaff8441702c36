//! x
#[derive(Debug, arbitrary::Arbitrary)]
pub struct Operations(u8);
/// x
pub fn operations(_: Operations) {}

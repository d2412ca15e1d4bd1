//! The digest that the registry needs. The real one uses BSON.

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Digest;

impl Digest {
    pub(crate) const fn count(&self) -> i64 {
        0
    }

    pub(crate) fn add_term(&mut self, _: &[u8; 32]) {}

    pub(crate) fn remove_term(&mut self, _: &[u8; 32]) {}
}

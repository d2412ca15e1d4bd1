//! The digest that the registry needs. The real one uses BSON.

use crate::model::version::Version;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Digest;

impl Digest {
    pub(crate) fn add(&mut self, _: Version, _: &str) {}
}

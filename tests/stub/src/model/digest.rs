//! What the registry asks of the real one, which speaks BSON.

use crate::model::version::Version;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Digest;

impl Digest {
    pub(crate) fn add(&mut self, _: Version, _: &str) {}
}

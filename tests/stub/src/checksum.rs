//! What the registry asks of the real one, which speaks BSON.

use crate::Version;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Digest;

impl Digest {
    pub(crate) fn of<'a>(_: impl IntoIterator<Item = (Version, &'a str)>) -> Self {
        Self
    }
}

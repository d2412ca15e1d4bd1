//! The place of an operation in its declared migration, and the keys made of it.

/// The place of an operation in its migration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// From 0.
    pub number: usize,
}

impl Slot {
    /// Under what its checkpoint and what it found are stored.
    pub(super) fn key(self) -> String {
        self.number.to_string()
    }

    /// As people count, and as the steps within it are called.
    pub(super) fn step(self) -> String {
        format!("operation {}", self.number + 1)
    }
}

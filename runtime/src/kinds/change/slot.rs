//! The place of an operation in its declared migration, and the keys made of it.

/// The place of an operation in its migration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// From 0.
    pub number: usize,
}

impl Slot {
    /// The key of the operation's checkpoint and of what it found.
    pub(super) fn key(self) -> String {
        self.number.to_string()
    }

    /// The operation as errors and steps name it, counted from 1.
    pub(super) fn step(self) -> String {
        format!("operation {}", self.number + 1)
    }
}

//! How many documents of a case need something remembered.

/// The documents of which something must be remembered for the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// No document.
    None,
    /// Every hundredth document.
    Percent,
    /// All documents.
    All,
}

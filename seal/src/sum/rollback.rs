//! How a sealed migration is rolled back: the optional field `down=…` of its line.

/// The beginning of the field.
pub const ROLLBACK: &str = "down=";

/// How a migration is rolled back, as far as the caller can see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Undo<'a> {
    /// The migration is not reversible.
    #[default]
    None,
    /// The migration is reversible, but the caller cannot see what its rollback does.
    Unseen,
    /// The content of the field: a checksum, [`derived`] or [`elsewhere`].
    Seen(&'a str),
}

impl Undo<'_> {
    /// Returns what to seal.
    pub(super) fn sealed(self) -> Option<String> {
        match self {
            Self::None | Self::Unseen => None,
            Self::Seen(text) => Some(text.to_owned()),
        }
    }

    /// Whether this is how the migration was rolled back when it was sealed.
    pub(super) fn is_as(self, sealed: Option<&str>) -> bool {
        match (sealed, self) {
            // The line has no such field: it is older than the field, or there was no rollback.
            (None, _) | (_, Self::Unseen) => true,
            (Some(_), Self::None) => false,
            (Some(sealed), Self::Seen(now)) => sealed == now,
        }
    }
}

/// Returns the field's content for a `Change`: the inverse of each operation.
pub fn derived() -> String {
    "derived".to_owned()
}

/// Returns the field's content for a rollback that is not found in the package: its path, as it is
/// written.
pub fn elsewhere(path: &str) -> String {
    format!("path:{}", path.replace(char::is_whitespace, ""))
}

//! The cases: an operation, how many documents need something remembered, and the documents' sizes.

use super::{operation::Operation, remembered::Remembered};

/// An operation on a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// The name: sizes, operation and share of remembered documents.
    pub name: &'static str,
    /// The operation.
    pub operation: Operation,
    /// The documents of which something must be remembered for the way back.
    pub remembered: Remembered,
    /// The sizes of the documents.
    pub sizes: Sizes,
}

/// The sizes of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// About 100 bytes.
    Small,
    /// From 100 bytes to 1 MB, 40 kB on average.
    Mixed,
}

impl Sizes {
    /// The number of documents, compared with a collection of `small` documents.
    pub const fn count(self, small: u32) -> u32 {
        match self {
            Self::Small => small,
            Self::Mixed if small < 50 => 1,
            Self::Mixed => small / 50,
        }
    }
}

impl Case {
    /// All cases that are measured.
    pub const ALL: [Self; 15] = [
        Self::small("small/add_field/none", Operation::Add, Remembered::None),
        Self::small("small/add_field/1%", Operation::Add, Remembered::Percent),
        Self::small("small/rename_field/none", Operation::Rename, Remembered::None),
        Self::small("small/rename_in_place/none", Operation::RenameInPlace, Remembered::None),
        Self::small("small/rename_field/1%", Operation::Rename, Remembered::Percent),
        Self::small("small/remove_field/all", Operation::Remove, Remembered::All),
        Self::small("small/change_type/none", Operation::Convert, Remembered::None),
        Self::small("small/change_type/1%", Operation::Convert, Remembered::Percent),
        Self::small("small/change_type/all", Operation::Convert, Remembered::All),
        Self::small("small/move_field/none", Operation::Move, Remembered::None),
        Self::small("small/rename_in_array/none", Operation::RenameInArray, Remembered::None),
        Self::mixed("mixed/add_field/none", Operation::Add, Remembered::None),
        Self::mixed("mixed/rename_field/none", Operation::Rename, Remembered::None),
        Self::mixed("mixed/remove_field/all", Operation::Remove, Remembered::All),
        Self::mixed("mixed/change_type/1%", Operation::Convert, Remembered::Percent),
    ];

    const fn small(name: &'static str, operation: Operation, remembered: Remembered) -> Self {
        Self { name, operation, remembered, sizes: Sizes::Small }
    }

    const fn mixed(name: &'static str, operation: Operation, remembered: Remembered) -> Self {
        Self { name, operation, remembered, sizes: Sizes::Mixed }
    }

    /// The cases whose names contain one of these texts; all cases if there are no texts.
    pub fn selected(texts: &[String]) -> Vec<Self> {
        let is_selected = |case: &Self| {
            texts.is_empty() || texts.iter().any(|text| case.name.contains(text.as_str()))
        };
        Self::ALL.into_iter().filter(is_selected).collect()
    }

    /// The case of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|case| case.name == name)
    }
}

//! One migration in the table.

use mongrate_seal::declaration::{Checked, GROUP_DEFAULT};
use syn::ext::IdentExt as _;

use crate::{nearby, place::Place};

/// A migration, and where its version is written.
#[derive(Clone, Debug)]
pub(super) struct Declaration {
    /// Negative for a repeatable migration, which stands outside of their order.
    pub(super) version: i64,
    pub(super) name: String,
    pub(super) group: String,
    pub(super) function: String,
    /// The path of the function that rolls the migration back, if the attribute names one.
    pub(super) rollback: Option<Vec<String>>,
    pub(super) place: Place,
}

impl Declaration {
    pub(super) fn new(checked: &Checked, place: &Place) -> Self {
        Self {
            version: checked.version.number,
            name: checked.name.text.clone(),
            group: checked.group.clone(),
            function: checked.function.unraw().to_string(),
            rollback: nearby::segments(&checked.rollback),
            place: place.clone(),
        }
    }

    /// `` `add_users` (src/m1_add_users.rs:4) ``
    pub(super) fn shown(&self) -> String {
        format!("`{}` ({}:{})", self.function, self.place.file, self.place.line)
    }

    pub(super) fn is_repeatable(&self) -> bool {
        self.version < 0
    }

    /// `` of group `audit` ``, or an empty text for the default group.
    pub(super) fn of_group(&self) -> String {
        if self.group == GROUP_DEFAULT {
            String::new()
        } else {
            format!(" of group `{}`", self.group)
        }
    }
}

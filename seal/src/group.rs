//! The group that a migration belongs to when it names none.

/// The group of a migration that names none.
pub const GROUP_DEFAULT: &str = "default";

/// `` of group `audit` ``, or an empty text for the default group.
pub(crate) fn of_group(group: &str) -> String {
    if group == GROUP_DEFAULT { String::new() } else { format!(" of group `{group}`") }
}

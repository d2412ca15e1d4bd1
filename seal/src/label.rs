//! Labels, the form of migrations' names: lower case, digits, underscores.

/// Makes a label of a text: `Add Users!`, `add-users` and `addUsers` become `add_users`. Characters
/// other than ASCII letters and digits only separate words. The label is empty if no word is left.
pub fn label(written: &str) -> String {
    let mut label = String::new();
    let mut after_lowercase = false;
    for char in written.chars() {
        if char.is_ascii_alphanumeric() {
            if char.is_ascii_uppercase() && after_lowercase {
                label.push('_');
            }
            after_lowercase = char.is_ascii_lowercase() || char.is_ascii_digit();
            label.push(char.to_ascii_lowercase());
        } else {
            after_lowercase = false;
            if !label.is_empty() && !label.ends_with('_') {
                label.push('_');
            }
        }
    }
    label.truncate(label.trim_end_matches('_').len());
    label
}

/// Makes a label of at most `bytes_max` bytes.
#[cfg(feature = "checksum")]
pub(crate) fn label_within(written: &str, bytes_max: usize) -> String {
    let mut label = label(written);
    label.truncate(bytes_max);
    label.truncate(label.trim_end_matches('_').len());
    label
}

#[cfg(test)]
mod tests {
    //! Labels of what people type.

    use super::*;

    #[test]
    fn labels_are_made_legal() {
        assert_eq!(label("Add Users!"), "add_users");
        assert_eq!(label("add-users"), "add_users");
        assert_eq!(label("addUsersV2"), "add_users_v2");
        assert_eq!(label("ÄÖ"), "");
    }

    #[cfg(feature = "checksum")]
    #[test]
    fn and_short_enough() {
        assert_eq!(label_within("long", 2), "lo");
        assert_eq!(label_within("a-b", 2), "a");
    }
}

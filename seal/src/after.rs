//! A migration of another group that comes first.

use std::fmt;

/// A migration of another group that comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// The group.
    pub group: String,
    /// The version in that group.
    pub version: i64,
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.group, self.version)
    }
}

impl After {
    /// Reads `group::version`. `None` if the text has another form.
    pub fn parse(text: &str) -> Option<Self> {
        let (group, version) = text.split_once("::")?;
        let digits = version.replace('_', "");
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let version = digits.parse().ok().filter(|version| *version > 0 && is_number)?;
        let is_legal =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let is_group = !group.is_empty() && group.bytes().all(is_legal);
        is_group.then(|| Self { group: group.to_owned(), version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_named_by_group_and_version() {
        let after = After::parse("billing::2025_01").unwrap();
        assert_eq!(after, After { group: "billing".to_owned(), version: 202_501 });
        assert_eq!(After::parse(&after.to_string()), Some(after));
        for wrong in [
            "",
            "billing",
            "billing::",
            "billing::0",
            "billing::-1",
            "billing::_",
            "Billing::1",
            "a::b::1",
            "a::+1",
            "::1",
        ] {
            assert_eq!(After::parse(wrong), None, "{wrong}");
        }
    }
}

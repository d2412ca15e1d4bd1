//! Where a finding is: a file, and mostly a line. Pure but for the working directory.

use std::{fmt, path::Path};

use crate::places::shown;

/// A file, relative to the working directory if it is below it, and a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: String,
    /// Counted from 1.
    pub(crate) line: Option<usize>,
}

impl Place {
    pub(crate) fn new(file: &Path, line: Option<usize>) -> Self {
        Self { file: shown(file), line }
    }

    /// Splits a text that begins with its place. Without one, the text is whole.
    pub(super) fn split(text: &str) -> (Option<Self>, &str) {
        let Some((head, rest)) = text.split_once(": ") else { return (None, text) };
        let (file, line) = match head.rsplit_once(':') {
            Some((file, digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                (file, digits.parse().ok())
            }
            _ => (head, None),
        };
        const ENDS: [&str; 4] = [".rs", ".toml", ".sum", ".snap"];
        if !ENDS.iter().any(|end| file.ends_with(end)) || file.contains('`') {
            return (None, text);
        }
        (Some(Self { file: file.to_owned(), line }), rest)
    }

    /// Reads `src/a.rs:3`, as the app's reports name a migration's source.
    pub(crate) fn of_source(source: &str) -> Self {
        match source.rsplit_once(':') {
            Some((file, line)) if line.parse::<usize>().is_ok() => {
                Self { file: file.to_owned(), line: line.parse().ok() }
            }
            _ => Self { file: source.to_owned(), line: None },
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_begins_with_its_place_or_has_none() {
        let split = |text| {
            let (place, rest) = Place::split(text);
            (place.map(|place| place.to_string()), rest.to_owned())
        };
        assert_eq!(split("src/a.rs:3: wrong: x"), (Some("src/a.rs:3".into()), "wrong: x".into()));
        assert_eq!(split("Cargo.toml: wrong"), (Some("Cargo.toml".into()), "wrong".into()));
        assert_eq!(split("C:\\a b\\x.rs:12: no"), (Some("C:\\a b\\x.rs:12".into()), "no".into()));
        assert_eq!(split("package `a`: gone"), (None, "package `a`: gone".into()));
        assert_eq!(split("no place"), (None, "no place".into()));
    }
}

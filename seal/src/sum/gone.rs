//! What is sealed and not there: the texts.

use super::{FILE, Sealed};

/// How many are named before the rest is counted.
const NAMED_MAX: usize = 3;

/// Nobody declares these any more.
pub fn gone(sealed: &[&Sealed]) -> String {
    let (is, them, line) = words(sealed);
    format!(
        "{} {is} sealed but gone from this package: restore {them} from git, with the `mod` line; \
         if no database has applied {them} yet, delete {line} from {FILE}, with all lines below, \
         and run `cargo mongrate seal`",
        named(sealed)
    )
}

/// The crate of these is not linked.
pub fn unlinked(sealed: &[&Sealed], package: &str) -> String {
    let (is, ..) = words(sealed);
    let krate = package.replace('-', "_");
    format!("{} {is} sealed but not linked: add `use {krate} as _;`", named(sealed))
}

fn words(sealed: &[&Sealed]) -> (&'static str, &'static str, &'static str) {
    match sealed.len() {
        1 => ("is", "it", "its line"),
        _ => ("are", "them", "the first one's line"),
    }
}

fn named(sealed: &[&Sealed]) -> String {
    let mut named: Vec<String> =
        sealed.iter().take(NAMED_MAX).map(|sealed| sealed.shown()).collect();
    if sealed.len() > NAMED_MAX {
        named.push(format!("{} more", sealed.len() - NAMED_MAX));
    }
    match named.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    //! One, some, many.

    use super::*;

    fn sealed(version: i64) -> Sealed {
        let (group, name) = ("default".to_owned(), "x".to_owned());
        Sealed { group, version, name, checksum: String::new(), rollback: None }
    }

    #[test]
    fn many_are_counted() {
        let all: Vec<Sealed> = (1..=5).map(sealed).collect();
        let all: Vec<&Sealed> = all.iter().collect();
        assert_eq!(
            unlinked(&all[..1], "my-migrations"),
            "1 `x` is sealed but not linked: add `use my_migrations as _;`"
        );
        assert_eq!(named(&all[..2]), "1 `x` and 2 `x`");
        assert_eq!(named(&all), "1 `x`, 2 `x`, 3 `x` and 2 more");
    }
}

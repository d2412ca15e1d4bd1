//! The rules between the migrations of one crate. Pure, except that the text of an error names the
//! next free version, which is looked up in the files.

use super::{declaration::Declaration, file_name, known::Known, outlines};
use crate::{nearby, origin::Origin};

/// The part of the declaration that an error points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    Version,
    Name,
    Rollback,
}

#[derive(Debug)]
pub(super) struct Complaint {
    pub(super) about: About,
    pub(super) text: String,
}

/// Returns every rule between migrations that a new migration breaks.
pub(super) fn complaints(new: &Declaration, known: &Known, origin: &Origin) -> Vec<Complaint> {
    let next = || outlines::next_free(new, known, origin);
    let mut complaints = Vec::new();
    let mut complain = |about, text| complaints.push(Complaint { about, text });

    if new.is_repeatable() {
        // Its name is all that must be its own.
    } else if let Some(other) = known.with_version_of(new) {
        let text = format!(
            "version {}{} is already declared by {}; the next free version is {}; after a merge, \
             `cargo mongrate rebase` renumbers yours",
            new.version,
            new.of_group(),
            other.shown(),
            next(),
        );
        complain(About::Version, text);
    } else if let Some(text) = file_name::complaint(new, origin) {
        complain(About::Version, text);
    } else if let Some((earlier, later)) = unordered(new, known) {
        let text = format!(
            "versions rise within a file, but version {} of `{}` on line {} stands before version \
             {} of `{}` on line {}: reorder them, or renumber the newer one; the next free version \
             is {}",
            earlier.version,
            earlier.function,
            earlier.place.line,
            later.version,
            later.function,
            later.place.line,
            next(),
        );
        complain(About::Version, text);
    }
    if let Some(other) = known.with_name_of(new) {
        let text = format!(
            "the name `{}` is already taken{} by {}{}: rename this migration, or give it \
             a `name = \"…\"` of its own",
            new.name,
            match new.of_group() {
                group if group.is_empty() => group,
                _ => format!(" in group `{}`", new.group),
            },
            match other.is_repeatable() {
                true => String::new(),
                false => format!("version {}, ", other.version),
            },
            other.shown(),
        );
        complain(About::Name, text);
    }
    complaints.extend(rollback(new, known, |first, second| {
        nearby::functions_beside(&new.place)
            .is_some_and(|nearby| nearby.in_one_module(first, second))
    }));
    complaints
}

/// Returns what is wrong with the functions that roll migrations back, as far as one file shows for
/// certain. `in_one_module` tells whether two functions of the file are in the same module. The
/// registry of the binary finds the rest.
fn rollback(
    new: &Declaration,
    known: &Known,
    in_one_module: impl Fn(&str, &str) -> bool,
) -> Option<Complaint> {
    let beside = |other: &&Declaration| in_one_module(&new.function, &other.function);
    let text = if let Some(other) = known.with_rollback_of(new).filter(beside) {
        format!(
            "`{}` rolls back {} already, and can undo only one of the two: write a rollback for \
             each; what they share goes into a function that both call",
            new.rollback.as_deref().unwrap_or_default().join("::"),
            other.shown(),
        )
    } else if let Some(other) = known.named_as_rollback_of(new).filter(beside) {
        format!(
            "{} is itself a migration, so `down` would apply it once more: write a function that \
             undoes this migration, and name that function: `reversible = …`",
            other.shown(),
        )
    } else if let Some(other) = known.rolled_back_by(new).filter(beside) {
        format!(
            "{0} names this migration as its rollback, so `down` would apply this migration once \
             more: write a function that undoes `{1}`, and name that function there: \
             `reversible = …`",
            other.shown(),
            other.function,
        )
    } else {
        return None;
    };
    Some(Complaint { about: About::Rollback, text })
}

/// Returns the new migration and its neighbour in the file if the two are in the wrong order. Only
/// neighbours are compared, so that one migration out of place is one error.
fn unordered<'a>(
    new: &'a Declaration,
    known: &'a Known,
) -> Option<(&'a Declaration, &'a Declaration)> {
    match (known.above(new), known.below(new)) {
        (Some(above), _) if above.version > new.version => Some((above, new)),
        (_, Some(below)) if new.version > below.version => Some((new, below)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    //! Each rule, with and without its exceptions.

    use std::path::PathBuf;

    use super::*;
    use crate::place::Place;

    fn declared(version: i64, function: &str, file: &str, line: usize) -> Declaration {
        Declaration {
            version,
            name: function.to_owned(),
            group: "default".to_owned(),
            function: function.to_owned(),
            rollback: None,
            place: Place { file: file.to_owned(), path: None, line, column: 1 },
        }
    }

    /// A crate without source files.
    fn nowhere() -> Origin {
        Origin { directory: PathBuf::new(), ..Origin::of_this_crate() }
    }

    fn texts(new: &Declaration, before: &[Declaration]) -> Vec<String> {
        let mut known = Known::default();
        before.iter().for_each(|each| known.enter(each.clone()));
        let complaints = complaints(new, &known, &nowhere());
        complaints.into_iter().map(|complaint| complaint.text).collect()
    }

    #[test]
    fn a_version_is_taken_once() {
        let known = [declared(1, "a", "x.rs", 4), declared(7, "b", "x.rs", 9)];
        let found = texts(&declared(1, "c", "y.rs", 2), &known);
        assert_eq!(
            found,
            ["version 1 is already declared by `a` (x.rs:4); the next free version is 8; after a \
              merge, `cargo mongrate rebase` renumbers yours"]
        );
    }

    #[test]
    fn groups_have_histories_of_their_own() {
        let known = [declared(1, "a", "x.rs", 4)];
        let mut other = declared(1, "a", "x.rs", 9);
        other.group = "audit".to_owned();
        assert_eq!(texts(&other, &known), [""; 0]);
        let mut again = other.clone();
        again.place.line = 20;
        let found = texts(&again, &[other]);
        assert!(found[0].starts_with("version 1 of group `audit` is already"), "{found:?}");
        assert!(found[1].contains("is already taken in group `audit` by version 1"), "{found:?}");
    }

    #[test]
    fn a_name_is_taken_once() {
        let known = [declared(1, "up", "x.rs", 4)];
        let found = texts(&declared(2, "up", "y.rs", 4), &known);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("already taken by version 1, `up` (x.rs:4)"), "{found:?}");
    }

    #[test]
    fn versions_rise_within_a_file() {
        let known = [declared(1, "a", "x.rs", 4), declared(5, "b", "x.rs", 9)];
        assert_eq!(texts(&declared(6, "c", "x.rs", 12), &known), [""; 0]);
        assert_eq!(texts(&declared(3, "c", "x.rs", 6), &known), [""; 0]);
        assert_eq!(texts(&declared(3, "c", "y.rs", 12), &known), [""; 0]);
        let found = texts(&declared(3, "c", "x.rs", 12), &known);
        assert!(
            found[0].contains("version 5 of `b` on line 9 stands before version 3"),
            "{found:?}"
        );
    }

    #[test]
    fn arrival_means_nothing() {
        let known = [declared(5, "b", "x.rs", 9)];
        assert_eq!(texts(&declared(1, "a", "x.rs", 4), &known), [""; 0]);
        let found = texts(&declared(6, "a", "x.rs", 4), &known);
        assert!(
            found[0].contains("version 6 of `a` on line 4 stands before version 5"),
            "{found:?}"
        );
    }

    #[test]
    fn one_out_of_place_is_one_error() {
        let known = [declared(3, "a", "x.rs", 1), declared(1, "b", "x.rs", 2)];
        assert_eq!(texts(&declared(2, "c", "x.rs", 3), &known), [""; 0]);
    }

    /// A macro that computes versions may write two migrations at one place: neither is first.
    #[test]
    fn what_stands_in_one_place_has_no_order() {
        let known = [declared(5, "b", "x.rs", 4)];
        assert_eq!(texts(&declared(1, "a", "x.rs", 4), &known), [""; 0]);
        assert_eq!(texts(&declared(6, "a", "x.rs", 4), &known), [""; 0]);
        let known = [declared(5, "b", "x.rs", 4), declared(1, "a", "x.rs", 4)];
        assert_eq!(texts(&declared(6, "c", "x.rs", 9), &known), [""; 0]);
        assert_eq!(texts(&declared(3, "c", "x.rs", 2), &known), [""; 0], "the oldest may be lower");
        assert_eq!(texts(&declared(7, "c", "x.rs", 2), &known).len(), 1);
    }

    #[test]
    fn a_rollback_undoes_one_migration() {
        let with = |version, function: &str, rollback: Option<&str>| Declaration {
            rollback: rollback.map(|path| path.split("::").map(str::to_owned).collect()),
            ..declared(version, function, "x.rs", usize::try_from(version).unwrap())
        };
        let text = |new: &Declaration, before: &Declaration, beside: bool| {
            let mut known = Known::default();
            known.enter(before.clone());
            rollback(new, &known, |_, _| beside).map(|complaint| complaint.text).unwrap_or_default()
        };
        let one = with(1, "one", Some("undo"));
        let copied = with(2, "two", Some("undo"));
        let found = text(&copied, &one, true);
        assert!(found.starts_with("`undo` rolls back `one` (x.rs:1) already"), "{found}");
        assert_eq!(text(&copied, &one, false), "", "another module has a function of that name");
        assert_eq!(text(&with(2, "two", Some("undo_two")), &one, true), "");
        let found = text(&with(2, "two", Some("one")), &one, true);
        assert!(found.starts_with("`one` (x.rs:1) is itself a migration"), "{found}");
        let found = text(&with(2, "undo", None), &one, true);
        assert!(
            found.starts_with("`one` (x.rs:1) names this migration as its rollback"),
            "{found}"
        );
    }

    /// A macro may write the same declaration into two modules.
    #[test]
    fn one_piece_of_source_declares_one_version() {
        let first = declared(1, "a", "x.rs", 4);
        let found = texts(&first, std::slice::from_ref(&first));
        assert!(found[0].starts_with("version 1 is already declared by `a` (x.rs:4)"), "{found:?}");
    }
}

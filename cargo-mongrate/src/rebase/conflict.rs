//! Git's conflict markers, and the text of each side.

use mongrate_seal::sum::is_conflict_start;

/// A side of a conflict, as git names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Side {
    /// Above `=======`: HEAD; in a rebase, the other branch
    Ours,
    /// Below `=======`: what is merged in; in a rebase, yours
    Theirs,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Ours => Self::Theirs,
            Self::Theirs => Self::Ours,
        }
    }
}

/// A file in conflict, as each side would have it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sides {
    ours: String,
    theirs: String,
    /// The label of the last marker: a branch, a commit, `Stashed changes`.
    pub(crate) label_of_theirs: String,
}

impl Sides {
    pub(crate) fn text(&self, side: Side) -> &str {
        match side {
            Side::Ours => &self.ours,
            Side::Theirs => &self.theirs,
        }
    }
}

/// Whether a text has a conflict in it.
pub(crate) fn is_in(text: &str) -> bool {
    text.lines().any(is_conflict_start)
}

/// Splits a text with conflicts into its sides. Leaves out the common ancestor that some styles
/// show.
///
/// # Errors
///
/// Returns the line number of a conflict that does not end.
pub(crate) fn split(text: &str) -> Result<Sides, usize> {
    enum At {
        Common,
        Ours,
        Ancestor,
        Theirs,
    }
    let mut sides = Sides::default();
    let (mut at, mut began) = (At::Common, 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let bare = line.trim_end_matches(['\n', '\r']);
        match at {
            At::Common if is_conflict_start(bare) => (at, began) = (At::Ours, index + 1),
            At::Common => {
                sides.ours.push_str(line);
                sides.theirs.push_str(line);
            }
            At::Ours if is_marker(bare, "|||||||") => at = At::Ancestor,
            At::Ours | At::Ancestor if bare == "=======" => at = At::Theirs,
            At::Theirs if is_marker(bare, ">>>>>>>") => {
                sides.label_of_theirs = bare.trim_start_matches('>').trim().to_owned();
                at = At::Common;
            }
            At::Ours => sides.ours.push_str(line),
            At::Ancestor => {}
            At::Theirs => sides.theirs.push_str(line),
        }
    }
    if matches!(at, At::Common) { Ok(sides) } else { Err(began) }
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

#[cfg(test)]
mod tests {
    //! Each style of conflict that git can write.

    use super::*;

    fn both(text: &str) -> (String, String) {
        let sides = split(text).unwrap();
        (sides.ours, sides.theirs)
    }

    #[test]
    fn each_side_is_what_it_was() {
        let text = "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> x\nd\n";
        assert_eq!(both(text), ("a\nb\nd\n".to_owned(), "a\nc\nd\n".to_owned()));
        assert_eq!(both("a\n"), ("a\n".to_owned(), "a\n".to_owned()));
    }

    #[test]
    fn the_ancestor_is_left_out_even_with_conflicts_in_it() {
        let text = "<<<<<<< HEAD\nb\n||||||| base\n<<<<<<<<< one\nx\n=========\ny\n>>>>>>>>> two\n\
                    =======\nc\n>>>>>>> x\n";
        assert_eq!(both(text), ("b\n".to_owned(), "c\n".to_owned()));
    }

    #[test]
    fn other_line_ends_and_a_missing_last_one_stay() {
        let text = "a\r\n<<<<<<< HEAD\r\nb\r\n=======\r\nc\r\n>>>>>>> x\r\nd";
        assert_eq!(both(text), ("a\r\nb\r\nd".to_owned(), "a\r\nc\r\nd".to_owned()));
    }

    #[test]
    fn a_conflict_without_an_end_is_found() {
        assert_eq!(split("a\n<<<<<<< HEAD\nb\n=======\n"), Err(2));
        assert_eq!(split("<<<<<<< HEAD\nb\n>>>>>>> x\n"), Err(1));
        assert!(!is_in("<<<<<<<< no\n<<<<<<<no\n") && is_in("<<<<<<<\n"));
    }
}

//! Takes the `mod` line of a file away.

use std::ops::Range;

/// Returns the text without the `mod` item whose name is at this place, with the attributes and
/// comments that stand on lines of their own above it. `None` if the item is not a line of its own.
pub(super) fn without(text: &str, name: &Range<usize>) -> Option<String> {
    let from = text.get(..name.start)?.rfind('\n').map_or(0, |at| at + 1);
    let to = text.get(name.end..)?.find('\n').map_or(text.len(), |at| name.end + at + 1);
    let line = text.get(from..to)?.trim();
    let before = text.get(from..name.start)?.trim();
    let is_plain = line.ends_with(';')
        && line.matches(';').count() == 1
        && (before == "mod" || before.starts_with("pub") && before.ends_with(" mod"));
    if !is_plain {
        return None;
    }
    let mut start = from;
    while let Some(above) = text.get(..start)?.strip_suffix('\n') {
        let begin = above.rfind('\n').map_or(0, |at| at + 1);
        let above = above.get(begin..)?.trim();
        if !above.starts_with("#[") && !above.starts_with("///") {
            break;
        }
        start = begin;
    }
    Some(format!("{}{}", text.get(..start)?, text.get(to..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, name: &str) -> Option<String> {
        let at = text.find(name)?;
        without(text, &(at..at + name.len()))
    }

    #[test]
    fn a_line_of_its_own_is_taken_away_with_what_belongs_to_it() {
        let text = "//! All.\n\nmod a;\n/// Old.\n#[path = \"x.rs\"]\npub(crate) mod b2;\nmod c;\n";
        assert_eq!(found(text, "b2").unwrap(), "//! All.\n\nmod a;\nmod c;\n");
        assert_eq!(found("mod only;", "only").unwrap(), "");
        assert_eq!(found("mod a; mod b2;\n", "b2"), None);
        assert_eq!(found("mod inner { mod b2; }\n", "b2"), None);
        assert_eq!(found("numbered!(mod b2;);\n", "b2"), None);
    }
}

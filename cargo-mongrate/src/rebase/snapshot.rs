//! Git's conflicts in `models.snap`: the lines that each side added and removed, together.

use std::collections::{BTreeMap, BTreeSet};

use mongrate_seal::models::{Difference, HEADER, Operation, Snapshot};

/// A file that was in conflict.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) text: String,
    /// How many lines your side added, and removed.
    pub(super) added: usize,
    pub(super) removed: usize,
    /// The validators that both sides changed, as code: that of your migration, which runs last, knows only
    /// your side.
    pub(super) validators: Vec<(String, String)>,
}

/// Merges the sides of a file. `base` is the file before either; empty if neither side had it.
///
/// # Errors
///
/// If both sides changed a line in different ways, or if what comes out is no sound file.
pub(super) fn merge(base: &str, theirs: &str, mine: &str) -> Result<Merged, String> {
    let (base, theirs, mine) = (lines(base), lines(theirs), lines(mine));
    let mut all = theirs.clone();
    let (mut added, mut removed, mut both) = (0, 0, Vec::new());
    let keys: BTreeSet<&String> = base.keys().chain(mine.keys()).collect();
    for key in keys {
        let (before, here, there) = (base.get(key), mine.get(key), theirs.get(key));
        if here == before || here == there {
            continue;
        }
        if there != before {
            both.push(key.clone());
            continue;
        }
        match here {
            Some(line) => {
                added += 1;
                all.insert(key.clone(), line.clone());
            }
            None => {
                removed += 1;
                all.remove(key);
            }
        }
    }
    if !both.is_empty() {
        return Err(format!(
            "both sides changed the same, each in its own way (`{}`): keep their file (`git checkout \
             --ours` or `--theirs`), delete the migration that `cargo mongrate diff` wrote on your side, and \
             run `cargo mongrate diff` again after `rebase`",
            both.join("`, `")
        ));
    }
    let text = |lines: &BTreeMap<String, String>| {
        let lines: String = lines.values().map(|line| format!("{line}\n")).collect();
        Snapshot::parse(&format!("{HEADER}\n{lines}end\n")).map_err(|fault| {
            format!("the lines of both sides make no sound file ({fault}): resolve this conflict by hand")
        })
    };
    let merged = text(&all)?;
    let sides = [text(&base)?, text(&theirs)?, text(&mine)?];
    let validators = stale_validators(&merged, &sides);
    Ok(Merged { text: merged.render(), added, removed, validators })
}

/// Returns the lines but for the first and the last one, by what they are about.
fn lines(text: &str) -> BTreeMap<String, String> {
    let is_content = |line: &&str| !line.is_empty() && *line != HEADER && *line != "end";
    text.lines().filter(is_content).map(|line| (key(line), line.to_owned())).collect()
}

/// Returns the beginning of a line that says what it is about: a collection's options, an index, a field.
fn key(line: &str) -> String {
    // `users options …`, `users index NAME …`, `users User root …`, `users User field PATH …`
    let mut ends = word_ends(line);
    let words: Vec<usize> = ends.by_ref().take(4).collect();
    let word = |number: usize| {
        let from = if number == 0 { 0 } else { words.get(number - 1).map_or(0, |end| end + 1) };
        words.get(number).and_then(|end| line.get(from..*end)).unwrap_or_default()
    };
    let count = match (word(1), word(2)) {
        ("options", _) => 2,
        ("index", _) | (_, "root") => 3,
        _ => 4,
    };
    let end = words.get(count - 1).copied().unwrap_or(line.len());
    line.get(..end).unwrap_or(line).to_owned()
}

/// Where words end: at blanks outside of quotes, and at the end.
fn word_ends(line: &str) -> impl Iterator<Item = usize> {
    let (mut quoted, mut escaped) = (false, false);
    let ends = line.char_indices().filter_map(move |(at, letter)| {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ' ' if !quoted => return Some(at),
            _ => {}
        }
        None
    });
    ends.chain([line.len()])
}

/// Returns the code of each validator that is another one on each side, before, and together.
fn stale_validators(
    merged: &Snapshot,
    [base, theirs, mine]: &[Snapshot; 3],
) -> Vec<(String, String)> {
    let mut stale = Vec::new();
    for (name, collection) in &merged.collections {
        let of = |side: &Snapshot| side.collections.get(name).and_then(|it| it.validator());
        let Some((validator, validation)) = collection.validator().zip(collection.validation)
        else {
            continue;
        };
        let together = Some(&validator);
        let is_stale =
            of(mine).as_ref() != together && of(mine) != of(base) && of(theirs) != of(base);
        if is_stale {
            let set = Operation::SetValidator { collection: name.clone(), validator, validation };
            let difference = Difference { operations: vec![set], ..Difference::default() };
            stale.push((name.clone(), difference.code().body));
        }
    }
    stale
}

#[cfg(test)]
mod tests {
    //! Lines that both sides changed.

    use super::*;

    fn file(lines: &[&str]) -> String {
        format!("{HEADER}\n{}\nend\n", lines.join("\n"))
    }

    const BASE: [&str; 4] = [
        "users options collection strict/error",
        "users User root object@User",
        "users User field \"a b\" int",
        "users User field c int",
    ];

    fn with(line: &str) -> String {
        file(&[&BASE[..], &[line]].concat())
    }

    #[test]
    fn lines_of_both_sides_are_kept() {
        let merged = merge(
            &file(&BASE),
            &with("users User field theirs int"),
            &with("users index c_1 {\"key\":{\"c\":1}}"),
        )
        .unwrap();
        assert!(merged.text.contains("field theirs int\n") && merged.text.contains("index c_1"));
        assert_eq!((merged.added, merged.removed, merged.validators.len()), (1, 0, 0));
        let removed =
            merge(&file(&BASE), &with("users User field x int"), &file(&BASE[..3])).unwrap();
        assert!(!removed.text.contains("field c int") && removed.text.contains("field x int"));
        assert_eq!((removed.added, removed.removed), (0, 1));
        assert_eq!(removed.validators.len(), 1, "both changed the validator");
        assert!(
            removed.validators[0]
                .1
                .contains("change\n        .set_validator(\"users\", validator)")
        );
    }

    #[test]
    fn a_line_that_both_changed_is_for_a_person() {
        let changed = |to: &str| file(&BASE).replace("field c int", &format!("field c {to}"));
        let said = merge(&file(&BASE), &changed("long"), &changed("string")).unwrap_err();
        assert!(said.contains("(`users User field c`)"), "{said}");
        assert!(merge(&file(&BASE), &changed("long"), &changed("long")).is_ok());
        // A new file on both sides.
        assert!(merge("", &changed("long"), &changed("string")).is_err());
        // They removed the model, you added a field.
        let said = merge(&file(&BASE), &file(&[]), &with("users User field x int")).unwrap_err();
        assert!(said.contains("make no sound file"), "{said}");
    }

    #[test]
    fn a_line_is_known_by_what_it_is_about() {
        for (line, about) in [
            ("users options collection", "users options"),
            ("\"a b\" options view", "\"a b\" options"),
            ("users index a_1 {\"key\":1}", "users index a_1"),
            ("users User root object", "users User root"),
            ("users User field \"a \\\" b\".c[] optional int", "users User field \"a \\\" b\".c[]"),
            ("users User part +x <A:int>", "users User part +x"),
        ] {
            assert_eq!(key(line), about);
        }
    }
}

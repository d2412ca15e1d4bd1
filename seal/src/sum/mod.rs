//! `migrations.sum`: one line per sealed migration, in the order in which they were sealed.
//!
//! ```text
//! mongrate-sum v1
//! default 20250122001 add_users v1:sha256:9f86… 3c9909af…
//! ```
//!
//! A line holds group, version, name and checksum, and the chain: the SHA-256 of the chain above
//! (of the header, on the first line) and of the line's own text before it. So a line that was
//! edited, removed or moved is found, and branches that seal in parallel conflict when merged.
//!
//! A reversible migration has one more field before the chain, `down=…`, which says how it is
//! rolled back (`rollback`). Lines without it are valid, and say nothing of the rollback: those of
//! irreversible migrations, and those that were sealed before there was this field.

mod fault;
mod gone;
mod judge;
mod line;
mod rollback;
mod write;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

pub use fault::{Fault, Problem};
pub use gone::{gone, mod_line, unlinked, unreached, unreached_by_file};
pub use judge::{About, Complaint, Declared, shortened, unread};
pub use line::{Line, lines};
pub use rollback::{ROLLBACK, Undo, derived, elsewhere};

/// What the file is called. It lies beside the package's `Cargo.toml`.
pub const FILE: &str = "migrations.sum";

/// Its first line.
pub const HEADER: &str = "mongrate-sum v1";

/// A sum file whose chain holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    sealed: Vec<Sealed>,
    /// By group and version, where it stands.
    places: BTreeMap<String, BTreeMap<i64, usize>>,
}

/// One sealed migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its group.
    pub group: String,
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// Of its body, with the tag of the algorithm that made it.
    pub checksum: String,
    /// How it is rolled back, if its line says so: a checksum, [`derived`] or [`elsewhere`].
    pub rollback: Option<String>,
}

impl Sealed {
    /// What the chain protects.
    fn text(&self) -> String {
        let Self { group, version, name, checksum, rollback } = self;
        let mut text = format!("{group} {version} {name} {checksum}");
        if let Some(rollback) = rollback {
            let _ = write!(text, " {ROLLBACK}{rollback}");
        }
        text
    }

    /// `` 2 `add_users` ``, with its group unless that is the default one.
    pub fn shown(&self) -> String {
        format!("{} `{}`{}", self.version, self.name, of_group(&self.group))
    }
}

/// `` of group `audit` ``, or nothing for the default one.
fn of_group(group: &str) -> String {
    if group == "default" { String::new() } else { format!(" of group `{group}`") }
}

impl Sum {
    /// Reads a file's text.
    ///
    /// # Errors
    ///
    /// The first [`Fault`] from the top: what stands below it cannot be trusted.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if let Some(line) = text.lines().position(is_conflict) {
            return Err(Fault { line: line + 1, problem: Problem::Conflict });
        }
        let mut lines = text.lines().enumerate();
        let header = lines.next().map_or("", |(_, line)| line);
        if header != HEADER {
            return Err(Fault { line: 1, problem: Problem::Header(header.to_owned()) });
        }
        let mut sum = Self::default();
        let mut chain = first_chain();
        for (index, line) in lines {
            let fault = |problem| Err(Fault { line: index + 1, problem });
            let Some(line) = Line::parse(line) else {
                return fault(Problem::Line);
            };
            chain = next_chain(&chain, line.text);
            if chain != line.chain {
                return fault(Problem::Chain);
            }
            let sealed = line.sealed();
            if sum.get(&sealed.group, sealed.version).is_some() {
                return fault(Problem::Twice(sealed.shown()));
            }
            sum.push(sealed);
        }
        Ok(sum)
    }

    /// What a file's lines say, whatever its chain: for one that was merged by hand. `None` if a
    /// line has another form.
    pub fn unchained(text: &str) -> Option<Vec<Sealed>> {
        let lines = text.lines().filter(|line| *line != HEADER && !line.trim().is_empty());
        lines.map(|line| Line::parse(line).map(|line| line.sealed())).collect()
    }

    /// Of these, in this order; what comes twice is kept once.
    pub fn of(sealed: impl IntoIterator<Item = Sealed>) -> Self {
        let mut sum = Self::default();
        for one in sealed {
            if sum.get(&one.group, one.version).is_none() {
                sum.push(one);
            }
        }
        sum
    }

    /// The file's text.
    pub fn render(&self) -> String {
        let mut text = format!("{HEADER}\n");
        let mut chain = first_chain();
        for sealed in &self.sealed {
            let line = sealed.text();
            chain = next_chain(&chain, &line);
            let _ = writeln!(text, "{line} {chain}");
        }
        text
    }

    /// In the order in which they were sealed.
    pub fn sealed(&self) -> &[Sealed] {
        &self.sealed
    }

    /// The one of this group and version.
    pub fn get(&self, group: &str, version: i64) -> Option<&Sealed> {
        self.sealed.get(*self.places.get(group)?.get(&version)?)
    }

    /// The newest of a group: that of the highest version.
    pub fn newest(&self, group: &str) -> Option<&Sealed> {
        let (_, place) = self.places.get(group)?.last_key_value()?;
        self.sealed.get(*place)
    }

    fn push(&mut self, sealed: Sealed) {
        let group = self.places.entry(sealed.group.clone()).or_default();
        group.insert(sealed.version, self.sealed.len());
        self.sealed.push(sealed);
    }
}

/// Whether git wrote this line, where a conflict begins.
pub fn is_conflict_start(line: &str) -> bool {
    line.strip_prefix("<<<<<<<").is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

fn is_conflict(line: &str) -> bool {
    ["<<<<<<<", "=======", "|||||||", ">>>>>>>"].iter().any(|marker| line.starts_with(marker))
}

fn first_chain() -> String {
    hex(&Sha256::digest(HEADER))
}

fn next_chain(above: &str, line: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(above);
    hash.update("\n");
    hash.update(line);
    hex(&hash.finalize())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
        hex.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    hex
}

#[cfg(test)]
mod tests {
    //! What is read, and what is refused.

    use super::*;

    fn three() -> Sum {
        let one = |version: i64, name: &str| Sealed {
            group: "default".to_owned(),
            version,
            name: name.to_owned(),
            checksum: format!("v1:sha256:{version:064x}"),
            rollback: None,
        };
        let mut sum = Sum::default();
        [one(1, "a"), one(2, "b"), one(5, "c")].into_iter().for_each(|one| sum.push(one));
        sum
    }

    fn fault(text: &str) -> Fault {
        Sum::parse(text).unwrap_err()
    }

    #[test]
    fn what_was_written_is_read() {
        let text = three().render();
        assert_eq!(Sum::parse(&text).unwrap(), three());
        assert_eq!(
            Sum::parse(&text.replace('\n', "\r\n")).unwrap(),
            three(),
            "as git may check out"
        );
        assert_eq!(Sum::parse(HEADER).unwrap(), Sum::default());
    }

    /// The format is stored in every user's repository.
    #[test]
    fn the_format_is_what_it_was() {
        let text = three().render();
        let last = text.lines().last().unwrap();
        assert_eq!(
            last,
            "default 5 c v1:sha256:0000000000000000000000000000000000000000000000000000000000000005 1ddc48068c847b1f44790f9e1a1e152d8b85d54cba8b638d32609942eb388e7d"
        );
    }

    #[test]
    fn how_a_migration_is_rolled_back_is_read_and_protected() {
        let mut sum = three();
        sum.push(Sealed {
            version: 7,
            name: "d".to_owned(),
            rollback: Some("v1:sha256:ff".to_owned()),
            ..sum.sealed[0].clone()
        });
        let text = sum.render();
        assert!(text.starts_with(&three().render()), "lines without it stay to the byte");
        assert_eq!(Sum::parse(&text).unwrap(), sum);
        assert_eq!(
            fault(&text.replace("sha256:ff", "sha256:fe")),
            Fault { line: 5, problem: Problem::Chain }
        );
    }

    #[test]
    fn a_line_that_was_edited_removed_or_moved_is_found() {
        let text = three().render();
        assert_eq!(fault(&text.replace("2 b", "2 x")).line, 3);
        let mut lines: Vec<&str> = text.lines().collect();
        lines.remove(1);
        assert_eq!(fault(&lines.join("\n")).line, 2);
        let mut lines: Vec<&str> = text.lines().collect();
        lines.swap(2, 3);
        assert_eq!(fault(&lines.join("\n")).line, 3);
        for line in [2, 3, 4] {
            let with = text.lines().enumerate().map(|(n, text)| match n + 1 == line {
                true => format!("{text} "),
                false => text.to_owned(),
            });
            let with: Vec<_> = with.collect();
            let expected = Fault { line, problem: Problem::Line };
            assert_eq!(fault(&with.join("\n")), expected);
        }
    }

    #[test]
    fn a_conflict_of_git_is_called_by_its_name() {
        let text = three().render();
        let last = text.lines().last().unwrap();
        let conflict = format!("<<<<<<< HEAD\n{last}\n=======\n{last}\n>>>>>>> theirs\n");
        let found = fault(&text.replace(&format!("{last}\n"), &conflict));
        assert_eq!(found, Fault { line: 4, problem: Problem::Conflict });
    }

    #[test]
    fn a_strange_header_and_an_empty_file_are_refused() {
        assert_eq!(fault("").line, 1);
        assert_eq!(fault("mongrate-sum v2\n").line, 1);
    }

    #[test]
    fn nothing_is_sealed_twice() {
        let mut sum = three();
        sum.push(sum.sealed[0].clone());
        let text = sum.render();
        assert_eq!(fault(&text), Fault { line: 5, problem: Problem::Twice("1 `a`".to_owned()) });
    }
}

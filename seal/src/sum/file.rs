//! A whole sum file, read, checked and written.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    chain::{first_chain, next_chain},
    conflict::is_conflict,
    fault::{Fault, Problem},
    format::HEADER,
    line::Line,
    sealed::Sealed,
};

/// A sum file whose chain holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub(super) sealed: Vec<Sealed>,
    /// The index of each migration, by group and version.
    pub(super) places: BTreeMap<String, BTreeMap<i64, usize>>,
}

impl Sum {
    /// Reads a file's text.
    ///
    /// # Errors
    ///
    /// The first [`Fault`] from the top: the lines below it cannot be trusted.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
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

    /// Reads a file's lines without their chain, for a file that was merged by hand. `None` if a line
    /// has another form.
    pub fn unchained(text: &str) -> Option<Vec<Sealed>> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().filter(|line| *line != HEADER && !line.trim().is_empty());
        lines.map(|line| Line::parse(line).map(|line| line.sealed())).collect()
    }

    /// Makes a sum of these migrations, in this order. A migration that comes twice is kept once.
    pub fn of(sealed: impl IntoIterator<Item = Sealed>) -> Self {
        let mut sum = Self::default();
        for migration in sealed {
            if sum.get(&migration.group, migration.version).is_none() {
                sum.push(migration);
            }
        }
        sum
    }

    /// Returns the file's text.
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

    /// Returns the migrations in the order in which they were sealed.
    pub fn sealed(&self) -> &[Sealed] {
        &self.sealed
    }

    /// Returns the migration of this group and version.
    pub fn get(&self, group: &str, version: i64) -> Option<&Sealed> {
        self.sealed.get(*self.places.get(group)?.get(&version)?)
    }

    /// Returns the newest migration of a group, which has the highest version.
    pub fn newest(&self, group: &str) -> Option<&Sealed> {
        let (_, place) = self.places.get(group)?.last_key_value()?;
        self.sealed.get(*place)
    }

    pub(super) fn push(&mut self, sealed: Sealed) {
        let group = self.places.entry(sealed.group.clone()).or_default();
        group.insert(sealed.version, self.sealed.len());
        self.sealed.push(sealed);
    }
}

#[cfg(test)]
mod tests {
    //! Which files are read, and which are refused.

    use super::*;

    fn three() -> Sum {
        let sealed = |version: i64, name: &str| Sealed {
            group: "default".to_owned(),
            version,
            name: name.to_owned(),
            checksum: format!("v1:sha256:{version:064x}"),
            rollback: None,
            uses: None,
        };
        let mut sum = Sum::default();
        [sealed(1, "a"), sealed(2, "b"), sealed(5, "c")]
            .into_iter()
            .for_each(|each| sum.push(each));
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
        assert_eq!(Sum::parse(&format!("\u{feff}{HEADER}\r\n")).unwrap(), Sum::default());
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

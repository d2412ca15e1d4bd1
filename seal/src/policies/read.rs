//! Reads the text of a `mongrate.toml`, with the place of each mistake.

use std::{fmt, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    FILE, Placed,
    rule::{LIMITS, Rule, TABLES, unknown_key},
};

/// The largest file, in bytes.
const BYTES_MAX: usize = 256 * 1024;

/// A mistake in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, 1 and up.
    pub line: usize,
    /// The character in the line, 1 and up.
    pub column: usize,
    /// What is wrong, and the way out.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FILE}:{}:{}: {}", self.line, self.column, self.problem)
    }
}

/// Reads the rules of a file.
///
/// # Errors
///
/// Every mistake, in the order of the file; of a text that is not TOML the first.
pub fn read(text: &str) -> Result<Vec<Placed>, Vec<Fault>> {
    if text.len() > BYTES_MAX {
        let problem = format!("the file is larger than {BYTES_MAX} bytes");
        return Err(vec![Fault { line: 1, column: 1, problem }]);
    }
    // An editor may have put a byte order mark before the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { text, rules: Vec::new(), faults: Vec::new() };
    match DeTable::parse(text) {
        Ok(table) => reader.table(table.get_ref()),
        Err(error) => {
            let at = error.span().unwrap_or_default();
            reader.fault(&at, format!("the file is not TOML: {}", error.message()));
        }
    }
    let Reader { mut rules, mut faults, .. } = reader;
    rules.sort_by_key(|placed| placed.line);
    faults.sort_by_key(|fault| (fault.line, fault.column));
    if faults.is_empty() { Ok(rules) } else { Err(faults) }
}

struct Reader<'a> {
    text: &'a str,
    rules: Vec<Placed>,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn place(&self, at: &Range<usize>) -> (usize, usize) {
        let end =
            (0..=at.start.min(self.text.len())).rev().find(|at| self.text.is_char_boundary(*at));
        let before = self.text.get(..end.unwrap_or(0)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    fn fault(&mut self, at: &Range<usize>, problem: String) {
        let (line, column) = self.place(at);
        self.faults.push(Fault { line, column, problem });
    }

    fn rule(&mut self, at: &Range<usize>, key: &str, value: &str) {
        match Rule::parse(key, value) {
            Ok(rule) => {
                let line = self.place(at).0;
                self.rules.push(Placed { line, rule });
            }
            Err(problem) => self.fault(at, problem),
        }
    }

    fn table(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            let name: &str = key.get_ref();
            match name {
                "deny" | "no_runs" | "exempt" => self.texts(name, value),
                "plan_required" => match value.get_ref() {
                    DeValue::Boolean(true) => self.rule(&value.span(), name, "true"),
                    DeValue::Boolean(false) => {}
                    other => self.expected(value, name, "`true` or `false`", other),
                },
                "max_without_plan" | "only" => match value.get_ref() {
                    DeValue::Table(inner) => self.inner(name, inner),
                    other => {
                        let wanted = format!("a table: `[{name}]` in a line of its own");
                        self.expected(value, name, &wanted, other);
                    }
                },
                _ => {
                    // A table's key may have been written outside of its table.
                    let table = match LIMITS.contains(&name) {
                        true => Some(TABLES[0]),
                        false => super::rule::VERBS.contains(&name).then_some(TABLES[1]),
                    };
                    let problem = match table {
                        Some(table) => format!("`{name}` belongs into the table `[{table}]`"),
                        None => unknown_key(name),
                    };
                    self.fault(&key.span(), problem);
                }
            }
        }
    }

    /// The keys of a table.
    fn inner(&mut self, table: &str, inner: &DeTable<'_>) {
        for (key, value) in inner {
            let name = format!("{table}.{}", key.get_ref());
            let is_known = match table {
                "only" => true,
                _ => LIMITS.contains(&key.get_ref().as_ref()),
            };
            if !is_known {
                self.fault(&key.span(), unknown_key(&name));
            } else if table == "only" {
                self.callers(&key.span(), &name, value);
            } else {
                match value.get_ref() {
                    DeValue::Integer(number) if number.radix() == 10 => {
                        self.rule(&value.span(), &name, &number.as_str().replace('_', ""));
                    }
                    other => self.expected(value, &name, "a number of documents", other),
                }
            }
        }
    }

    /// A text or a list of texts, each a rule of its own.
    fn texts(&mut self, name: &str, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::String(text) => self.rule(&value.span(), name, text),
            DeValue::Array(list) => {
                for each in list {
                    match each.get_ref() {
                        DeValue::String(text) => self.rule(&each.span(), name, text),
                        other => self.expected(each, name, "a text in quotes", other),
                    }
                }
            }
            other => self.expected(value, name, "a text in quotes or a list of texts", other),
        }
    }

    /// A text or a list of texts, which is one rule; an empty list is one as well.
    fn callers(&mut self, key: &Range<usize>, name: &str, value: &Spanned<DeValue<'_>>) {
        let list: Vec<&Spanned<DeValue<'_>>> = match value.get_ref() {
            DeValue::String(_) => vec![value],
            DeValue::Array(list) => list.iter().collect(),
            other => return self.expected(value, name, "a list of texts", other),
        };
        if let Err(problem) = Rule::parse(name, "") {
            return self.fault(key, problem);
        }
        let (before, mut callers) = (self.faults.len(), Vec::new());
        for each in list {
            match each.get_ref() {
                DeValue::String(text) => match text.parse::<super::caller::Caller>() {
                    Ok(caller) => callers.push(caller.to_string()),
                    Err(problem) => self.fault(&each.span(), problem),
                },
                other => self.expected(each, name, "a text in quotes", other),
            }
        }
        if self.faults.len() == before {
            self.rule(key, name, &callers.join(", "));
        }
    }

    fn expected(
        &mut self,
        at: &Spanned<DeValue<'_>>,
        name: &str,
        wanted: &str,
        found: &DeValue<'_>,
    ) {
        let found = match found {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "`true` or `false`",
            DeValue::Datetime(_) => "a time without quotes",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.fault(&at.span(), format!("`{name}` takes {wanted}, and this is {found}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::{lines, parse_lines};

    const ALL: &str = r#"# The rules of the shop.
deny = ["large_transaction", "validator_fails"]
no_runs = [
    "mon-fri 08:00-18:00+01:00",
    "sat,sun",
]
plan_required = true
exempt = "*_test"

[max_without_plan]
backfill = 1_000_000
transaction = 10_000

[only]
down = ["mongodb:sre", "http:alice"]
purge = []
force_unlock = "cli"
"#;

    #[test]
    fn a_whole_file_is_read_with_its_lines() {
        let rules = read(ALL).unwrap_or_else(|faults| panic!("{faults:?}"));
        let shown: Vec<String> =
            rules.iter().map(|placed| format!("{} {}", placed.line, placed.rule)).collect();
        assert_eq!(
            shown,
            [
                "2 deny = \"large_transaction\"",
                "2 deny = \"validator_fails\"",
                "4 no_runs = \"mon,tue,wed,thu,fri 08:00-18:00+01:00\"",
                "5 no_runs = \"sat,sun 00:00-24:00\"",
                "7 plan_required = true",
                "8 exempt = \"*_test\"",
                "11 max_without_plan.backfill = 1000000",
                "12 max_without_plan.transaction = 10000",
                "15 only.down = [\"mongodb:sre\", \"http:alice\"]",
                "16 only.purge = []",
                "17 only.force_unlock = [\"cli\"]",
            ]
        );
        assert_eq!(parse_lines(&lines(&rules)), Ok(rules));
        assert_eq!(read(""), Ok(Vec::new()));
        assert_eq!(read("\u{feff}plan_required = false\r\n"), Ok(Vec::new()));
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        for (text, wanted) in [
            (
                "deny = [\"larg_transaction\"]",
                "1:9: there is no lint `larg_transaction`; did you mean",
            ),
            ("\ndenny = \"all\"", "2:1: there is no key `denny`; did you mean `deny`?"),
            (
                "deny = 3",
                "1:8: `deny` takes a text in quotes or a list of texts, and this is a number",
            ),
            ("no_runs = [\"8-18\"]", "1:12: `8-18` names no hours"),
            (
                "no_runs = 08:00:00",
                "1:11: `no_runs` takes a text in quotes or a list of texts, and this is a time",
            ),
            ("plan_required = \"yes\"", "1:17: `plan_required` takes `true` or `false`"),
            ("backfill = 3", "1:1: `backfill` belongs into the table `[max_without_plan]`"),
            ("down = []", "1:1: `down` belongs into the table `[only]`"),
            ("only = []", "1:8: `only` takes a table"),
            (
                "[max_without_plan]\nbackfil = 1",
                "2:1: there is no key `max_without_plan.backfil`; did you mean",
            ),
            ("[max_without_plan]\nbackfill = -1", "2:12: `-1` is not a number of documents"),
            (
                "[max_without_plan]\nbackfill = 99999999999999999999",
                "2:12: `99999999999999999999` is not",
            ),
            (
                "[max_without_plan]\nbackfill = 0x10",
                "2:12: `max_without_plan.backfill` takes a number of documents",
            ),
            ("[only]\nstatus = []", "2:1: `[only]` knows no verb `status`"),
            ("[only]\ndown = [\"alice\"]", "2:9: `alice` names nobody"),
            ("é = 1 é", "1:1: the file is not TOML"),
            ("deny = [", "the file is not TOML"),
            ("deny = \"all\"\ndeny = \"all\"", "2:1: the file is not TOML: duplicate key"),
        ] {
            let faults = read(text).expect_err(text);
            let shown = faults[0].to_string();
            assert!(shown.contains(wanted), "{text}: {shown}");
        }
        let both = read("denny = 1\ndeny = [1, \"zzz\"]").expect_err("three mistakes");
        assert_eq!(both.len(), 3, "{both:?}");
    }
}

//! `mongrate.toml`: the rules of a package for its runs. Reads and judges the text; pure.
//!
//! [`rule`] is the one reading of a rule. With the feature `policies`, [`read`] reads a file's text, with
//! the place of each mistake. What is read is handed to the runtime as [`lines`], which needs no TOML.

pub mod caller;
#[cfg(feature = "policies")]
pub mod read;
pub mod rule;
pub mod window;

use self::rule::Rule;

/// The name of the file, beside the package's `Cargo.toml`.
pub const FILE: &str = "mongrate.toml";

/// A rule, and the line of the file that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The line, 1 and up.
    pub line: usize,
    /// The rule.
    pub rule: Rule,
}

/// Writes rules in the form that [`parse_lines`] reads: one a line, its line number first.
pub fn lines(rules: &[Placed]) -> String {
    let lines = rules
        .iter()
        .map(|Placed { line, rule }| format!("{line}\t{}\t{}\n", rule.key(), rule.value()));
    lines.collect()
}

/// Reads what [`lines`] wrote.
///
/// # Errors
///
/// The line that is of no such form.
pub fn parse_lines(text: &str) -> Result<Vec<Placed>, String> {
    let read = |written: &str| {
        let mut parts = written.splitn(3, '\t');
        let line = parts.next()?.parse().ok()?;
        let rule = Rule::parse(parts.next()?, parts.next()?).ok()?;
        Some(Placed { line, rule })
    };
    text.lines().map(|line| read(line).ok_or_else(|| line.to_owned())).collect()
}

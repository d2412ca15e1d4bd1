//! `models.snap`: what the migrations of a package lead to.
//!
//! ```text
//! mongrate-models v1
//! users options collection moderate/error
//! users index email_1 {"key":{"email":1},"unique":true}
//! users User root object@User
//! users User field _id objectId
//! users User field address optional object@Address
//! users User field address.city string
//! users User field plan "free"|"pro"@Plan
//! end
//! ```
//!
//! A line for each field, so that two branches conflict in git only where they change the same fields.
//! No line refers to another one by its number or its place: lines that git merges are sound in any order.
//! The last line says that the file was not cut off.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    collection::{Collection, CollectionKind},
    fault::{ModelsFault, ModelsProblem},
    format::{END, HEADER, HEADER_START},
    json::Json,
    lines,
    text::name_text,
};

/// Collections with their models: what the migrations lead to, or what the types want.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The collections by their names.
    pub collections: BTreeMap<String, Collection>,
}

impl Snapshot {
    /// Reads a file's text, or what [`export`](Self::export) has written.
    ///
    /// # Errors
    ///
    /// The first [`ModelsFault`] from the top.
    pub fn parse(text: &str) -> Result<Self, ModelsFault> {
        let fault = |line, problem| Err(ModelsFault { line, problem });
        // An editor put it there, and no text shows it.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if let Some(at) = text.lines().position(crate::sum::is_conflict) {
            return fault(at + 1, ModelsProblem::Conflict);
        }
        let mut lines = text.lines();
        let header = lines.next().unwrap_or_default();
        if header != HEADER {
            let version = header.strip_prefix(HEADER_START);
            let is_newer = version.is_some_and(|v| v.parse::<u32>().is_ok_and(|v| v > 1));
            let header = header.chars().take(40).collect();
            return match is_newer {
                true => fault(1, ModelsProblem::Newer(header)),
                false => fault(1, ModelsProblem::Header(header)),
            };
        }
        let mut read = lines::Read::default();
        let mut is_whole = false;
        let mut last = 1;
        for (at, line) in lines.enumerate() {
            last = at + 2;
            if is_whole {
                return fault(last, ModelsProblem::AfterEnd);
            }
            if line == END {
                is_whole = true;
                continue;
            }
            if let Err(problem) = read.line(line, last) {
                // A file is cut off within a line more often than between two lines.
                let is_last = text.lines().count() == last && !text.ends_with('\n');
                return fault(last, if is_last { ModelsProblem::Cut } else { problem });
            }
        }
        if !is_whole {
            return fault(last, ModelsProblem::Cut);
        }
        match read.finish() {
            Ok(collections) => Ok(Self { collections }),
            Err((line, problem)) => fault(line, problem),
        }
    }

    /// Returns the file's text. The same snapshot has the same text.
    pub fn render(&self) -> String {
        self.print(false)
    }

    /// Returns a text with all that the types say about the way to it, too: what a field was called, its
    /// default, the paths of the types.
    pub fn export(&self) -> String {
        self.print(true)
    }

    fn print(&self, with_hints: bool) -> String {
        let mut text = format!("{HEADER}\n");
        for (name, collection) in &self.collections {
            let name = name_text(name);
            let kind = match &collection.kind {
                CollectionKind::Collection => "collection".to_owned(),
                CollectionKind::View => "view".to_owned(),
                CollectionKind::TimeSeries(options) => format!("timeseries {options}"),
            };
            let _ = write!(text, "{name} options {kind}");
            if let Some(validation) = collection.validation {
                let _ = write!(text, " {validation}");
            }
            if let Some(was) = collection.was.as_ref().filter(|_| with_hints) {
                let _ = write!(text, " was={}", Json::text(was));
            }
            text.push('\n');
            for (index, about) in &collection.indexes {
                let _ = writeln!(text, "{name} index {} {}", name_text(index), about.line());
            }
            for (model, about) in &collection.models {
                lines::write(&mut text, &name, model, about, with_hints);
            }
        }
        text + END + "\n"
    }
}

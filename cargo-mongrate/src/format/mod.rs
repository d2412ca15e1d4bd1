//! The output formats: a file for each, which renders a [`Review`] and decides nothing.

mod github;
mod json;
mod junit;
mod markdown;
mod plain;
mod sarif;
mod text;
mod xml;

#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    str::FromStr,
};

use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use crate::{
    finding::Review,
    report::{print_text, print_to_stderr},
    write,
};

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
    /// Annotations of GitHub Actions
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit XML, for test reports
    Junit,
    /// A comment for a pull request
    Markdown,
}

/// A format, and the file that it is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) format: Format,
    /// `None`: stdout.
    pub(crate) file: Option<PathBuf>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = match text.split_once('=') {
            Some((_, "")) => return Err("the name of the file is missing after `=`".to_owned()),
            Some((name, file)) => (name, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let format = Format::from_str(name, false).map_err(|_| {
            "the formats are text, json, github, sarif, junit and markdown".to_owned()
        })?;
        Ok(Self { format, file })
    }
}

/// Where the result goes.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct FormatArgs {
    /// text, json, github, sarif, junit or markdown; `FORMAT=FILE` writes a file (may be repeated)
    ///
    /// Default: text. All but one go to files, so that stdout has one document.
    #[arg(long, value_name = "FORMAT[=FILE]")]
    pub(crate) format: Vec<Target>,
}

impl FormatArgs {
    /// The targets; without any, text on stdout, or JSON.
    fn targets(&self, is_json: bool) -> Vec<Target> {
        let format = if is_json { Format::Json } else { Format::Text };
        match self.format.is_empty() {
            true => vec![Target { format, file: None }],
            false => self.format.clone(),
        }
    }

    /// What is wrong with the combination.
    pub(crate) fn contradiction(&self) -> Option<&'static str> {
        let on_stdout = self.format.iter().filter(|target| target.file.is_none()).count();
        (on_stdout > 1).then_some(
            "only one format can go to stdout: write the others to files, such as `--format sarif=mongrate.sarif`",
        )
    }
}

/// Writes the review in each format, and returns the exit code. `also` goes into the JSON.
pub(crate) fn finish(
    review: &Review,
    args: &FormatArgs,
    is_json: bool,
    also: &[(&'static str, Value)],
) -> ExitCode {
    let mut is_written = true;
    for Target { format, file } in args.targets(is_json) {
        let text = rendered(review, format, also);
        let written = match &file {
            Some(file) => in_file(file, &text),
            None if format == Format::Text => text::print(review),
            None => print_text(&text),
        };
        if let Err(error) = written {
            let place = file.map_or("stdout".to_owned(), |file| file.display().to_string());
            print_to_stderr("error: ", &[format!("cannot write to {place}: {error}")]);
            is_written = false;
        }
    }
    if review.is_ok() && is_written { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn in_file(file: &Path, text: &str) -> io::Result<()> {
    write::replace(file, text)
}

fn rendered(review: &Review, format: Format, also: &[(&'static str, Value)]) -> String {
    match format {
        Format::Text => text::render(review),
        Format::Json => json::render(review, object(also)),
        Format::Github => github::render(review),
        Format::Sarif => sarif::render(review),
        Format::Junit => junit::render(review),
        Format::Markdown => markdown::render(review),
    }
}

fn object(values: &[(&'static str, Value)]) -> Map<String, Value> {
    values.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

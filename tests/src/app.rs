//! Apps of the fixtures, run as a user runs them.

use std::process::{Command, Output};

use serde_json::Value;

use crate::TestDb;

/// An app's own binary, on a database of the test's own.
#[derive(Debug)]
pub struct App<'a> {
    /// The binary.
    pub exe: &'a str,
    /// The database.
    pub fresh: &'a TestDb,
}

impl App<'_> {
    /// Runs a verb to its end.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn run(&self, arguments: &[&str]) -> Output {
        Command::new(self.exe)
            .args(arguments)
            .env("MONGODB_URI", &self.fresh.uri)
            .env("MONGODB_DATABASE", self.fresh.db.name())
            .output()
            .unwrap()
    }

    /// What `up` applied.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn applies(&self) -> Vec<String> {
        let output = self.run(&["up", "--json"]);
        assert!(output.status.success(), "{output:?}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let steps = report.get("steps").and_then(Value::as_array).unwrap();
        let shown = |step: &Value| {
            assert_eq!(step.get("outcome").unwrap(), "applied", "{step}");
            format!(
                "{} {}",
                step.get("version").unwrap(),
                step.get("name").unwrap().as_str().unwrap()
            )
        };
        steps.iter().map(shown).collect()
    }
}

//! Runner processes: the fixture app as a child, watched through its output.

use std::{
    path::Path,
    process::{ExitStatus, Stdio},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// A fixture process.
#[derive(Debug)]
pub struct Fixture {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// How a fixture process ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit status.
    pub status: ExitStatus,
    /// What it printed to both streams, without what the test had read before.
    pub output: String,
}

impl Fixture {
    /// Starts `fixture <scenario>` on a database.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(exe: &str, uri: &str, database: &str, scenario: &str) -> Self {
        Self::start_with(exe, uri, database, scenario, &[])
    }

    /// Starts `fixture <scenario>` with more environment.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start_with(
        exe: &str,
        uri: &str,
        database: &str,
        scenario: &str,
        env: &[(&str, &Path)],
    ) -> Self {
        let mut command = Command::new(exe);
        command
            .arg(scenario)
            .env("FIXTURE_URI", uri)
            .env("FIXTURE_DATABASE", database)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for (key, value) in env {
            command.env(key, value);
        }
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Waits until the process prints a line that holds `text`.
    ///
    /// # Panics
    ///
    /// When it ends without.
    pub async fn says(&mut self, text: &str) {
        while let Some(line) = self.lines.next_line().await.unwrap() {
            if line.contains(text) {
                return;
            }
        }
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).await.unwrap();
        panic!("it ended without saying `{text}`: {errors}");
    }

    /// Sends a signal by its name, as `KILL` or `STOP`.
    ///
    /// # Panics
    ///
    /// When it has ended.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().expect("running").to_string();
        let status = std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the end of the process.
    ///
    /// # Panics
    ///
    /// When it cannot be waited for.
    pub async fn ended(mut self) -> Ended {
        let mut output = String::new();
        while let Some(line) = self.lines.next_line().await.unwrap() {
            output += &line;
            output.push('\n');
        }
        self.child.stderr.take().unwrap().read_to_string(&mut output).await.unwrap();
        Ended { status: self.child.wait().await.unwrap(), output }
    }
}

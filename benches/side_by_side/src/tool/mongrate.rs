//! An app with Mongrate: `bench-app`.

use std::{path::PathBuf, process::Command};

use mongodb::bson::doc;

use super::{Job, Role, Seed, Tool, Verb};
use crate::{Problem, check::History};

/// Ours.
pub struct Mongrate {
    /// The app's program.
    pub program: PathBuf,
}

impl Mongrate {
    /// One of the app's own jobs.
    pub fn job(&self, name: &str, uri: &str, database: &str, count: u32) -> Command {
        let mut command = Command::new(&self.program);
        command.args([name, uri, database, &count.to_string()]);
        command
    }

    fn of(&self, name: &str, job: &Job) -> Command {
        self.job(name, &job.uri, &job.database, job.count)
    }
}

impl Tool for Mongrate {
    fn name(&self) -> &str {
        "mongrate"
    }

    fn role(&self) -> Role {
        Role::Mongrate
    }

    fn lay_out(&self, _: &Job) -> Result<(), Problem> {
        Ok(())
    }

    fn command(&self, job: &Job) -> Option<Command> {
        Some(match job.verb {
            Verb::Idle => self.of("start", job),
            Verb::Apply => self.of("up", job),
            Verb::Atomic => self.of("atomic", job),
            Verb::Rollback => self.of("down", job),
        })
    }

    fn seed(&self, job: &Job) -> Seed {
        Seed::Run(self.of("baseline", job))
    }

    fn history(&self) -> History {
        History { collection: "migrations", applied: doc! { "state": "applied" } }
    }
}

//! The floor: `bench-floor`.

use std::{path::PathBuf, process::Command};

use mongodb::bson::doc;

use super::{Job, Role, Seed, Tool, Verb};
use crate::{Problem, check::History};

/// The least that the official driver can do.
pub struct Floor {
    /// Its program.
    pub program: PathBuf,
}

impl Floor {
    /// One of its own jobs.
    pub fn job(&self, name: &str, uri: &str, database: &str, count: u32) -> Command {
        let mut command = Command::new(&self.program);
        command.args([name, uri, database, &count.to_string()]);
        command
    }

    fn of(&self, name: &str, job: &Job) -> Command {
        self.job(name, &job.uri, &job.database, job.count)
    }
}

impl Tool for Floor {
    fn name(&self) -> &str {
        "floor"
    }

    fn role(&self) -> Role {
        Role::Floor
    }

    fn lay_out(&self, _: &Job) -> Result<(), Problem> {
        Ok(())
    }

    fn command(&self, job: &Job) -> Option<Command> {
        Some(match job.verb {
            Verb::Idle => self.of("idle", job),
            Verb::Apply => self.of("apply", job),
            Verb::Atomic => self.of("atomic", job),
            Verb::Rollback => self.of("rollback", job),
        })
    }

    fn seed(&self, job: &Job) -> Seed {
        Seed::Run(self.of("fill", job))
    }

    fn history(&self) -> History {
        History { collection: "floor_history", applied: doc! {} }
    }
}

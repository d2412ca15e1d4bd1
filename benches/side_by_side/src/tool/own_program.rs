//! The programs of this package: `bench-floor`, the least that the official driver can do, and
//! `bench-app`, an app with Mongrate, which has two variants for longer lists. Their arguments are
//! `JOB URI DATABASE COUNT`.

use std::process::Command;

use mongodb::bson::{Document, doc};

use super::{Job, Role, Seed, Tool, Verb};
use crate::{check::History, paths::Paths, problem::Problem};

/// A program of this package.
pub struct OwnProgram {
    paths: Paths,
    jobs: &'static Jobs,
    name: &'static str,
}

/// The differences between the floor and the app.
struct Jobs {
    tool: &'static str,
    /// The program that knows so many migrations.
    program: fn(u32) -> &'static str,
    role: Role,
    idle: &'static str,
    apply: &'static str,
    rollback: &'static str,
    /// The job that records migrations as applied.
    seed: &'static str,
    collection: &'static str,
    applied: fn() -> Document,
}

static FLOOR: Jobs = Jobs {
    tool: "floor",
    program: |_| "bench-floor",
    role: Role::Floor,
    idle: "idle",
    apply: "apply",
    rollback: "rollback",
    seed: "fill",
    collection: "floor_history",
    applied: || doc! {},
};

static MONGRATE: Jobs = Jobs {
    tool: "mongrate",
    program: |count| match count {
        0..=100 => "bench-app",
        101..=1_000 => "bench-app-1000",
        _ => "bench-app-10000",
    },
    role: Role::Mongrate,
    idle: "start",
    apply: "up",
    rollback: "down",
    seed: "baseline",
    collection: "migrations",
    applied: || doc! { "state": "applied" },
};

impl OwnProgram {
    /// `bench-floor`.
    pub fn floor(paths: &Paths) -> Self {
        Self::new(paths, &FLOOR)
    }

    /// `bench-app`.
    pub fn mongrate(paths: &Paths) -> Self {
        Self::new(paths, &MONGRATE)
    }

    fn new(paths: &Paths, jobs: &'static Jobs) -> Self {
        Self { paths: paths.clone(), jobs, name: jobs.tool }
    }

    /// The same program under another name, to compare it with itself.
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The command for a job of this name.
    pub fn command_for(&self, job: &str, uri: &str, database: &str, count: u32) -> Command {
        let mut command = Command::new(self.paths.program((self.jobs.program)(count)));
        command.args([job, uri, database, &count.to_string()]);
        command
    }

    /// The command for a job whose last argument is no count.
    pub fn command_with(&self, job: &str, uri: &str, database: &str, what: &str) -> Command {
        let mut command = Command::new(self.paths.program((self.jobs.program)(0)));
        command.args([job, uri, database, what]);
        command
    }

    fn command_of(&self, name: &str, job: &Job) -> Command {
        self.command_for(name, &job.uri, &job.database, job.count)
    }
}

impl Tool for OwnProgram {
    fn name(&self) -> &str {
        self.name
    }

    fn role(&self) -> Role {
        self.jobs.role
    }

    fn lay_out(&self, _: &Job) -> Result<(), Problem> {
        Ok(())
    }

    fn command(&self, job: &Job) -> Option<Command> {
        let name = match job.verb {
            Verb::Idle => self.jobs.idle,
            Verb::Apply => self.jobs.apply,
            Verb::Atomic => "atomic",
            Verb::Rollback => self.jobs.rollback,
        };
        Some(self.command_of(name, job))
    }

    fn seed(&self, job: &Job) -> Seed {
        Seed::Run(self.command_of(self.jobs.seed, job))
    }

    fn history(&self) -> History {
        History { collection: self.jobs.collection, applied: (self.jobs.applied)() }
    }
}

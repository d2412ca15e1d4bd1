//! The programs of this package: `bench-floor`, the least that the official driver can do, and
//! `bench-app`, an app with Mongrate, with two for longer lists. They take `JOB URI DATABASE COUNT`.

use std::process::Command;

use mongodb::bson::{Document, doc};

use super::{Job, Role, Seed, Tool, Verb};
use crate::{Problem, check::History, place::Place};

/// One of them.
pub struct Own {
    place: Place,
    names: &'static Names,
    called: &'static str,
}

/// What differs between the two.
struct Names {
    tool: &'static str,
    /// By how many migrations it is to know.
    program: fn(u32) -> &'static str,
    role: Role,
    idle: &'static str,
    apply: &'static str,
    rollback: &'static str,
    /// What records so many as applied.
    seed: &'static str,
    collection: &'static str,
    applied: fn() -> Document,
}

static FLOOR: Names = Names {
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

static MONGRATE: Names = Names {
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

impl Own {
    /// `bench-floor`.
    pub fn floor(place: &Place) -> Self {
        Self::of_names(place, &FLOOR)
    }

    /// `bench-app`.
    pub fn mongrate(place: &Place) -> Self {
        Self::of_names(place, &MONGRATE)
    }

    fn of_names(place: &Place, names: &'static Names) -> Self {
        Self { place: place.clone(), names, called: names.tool }
    }

    /// The same under another name, where it is compared with itself.
    pub fn called(self, name: &'static str) -> Self {
        Self { called: name, ..self }
    }

    /// A job by its name.
    pub fn job(&self, name: &str, uri: &str, database: &str, count: u32) -> Command {
        let mut command = Command::new(self.place.program((self.names.program)(count)));
        command.args([name, uri, database, &count.to_string()]);
        command
    }

    fn of(&self, name: &str, job: &Job) -> Command {
        self.job(name, &job.uri, &job.database, job.count)
    }
}

impl Tool for Own {
    fn name(&self) -> &str {
        self.called
    }

    fn role(&self) -> Role {
        self.names.role
    }

    fn lay_out(&self, _: &Job) -> Result<(), Problem> {
        Ok(())
    }

    fn command(&self, job: &Job) -> Option<Command> {
        let name = match job.verb {
            Verb::Idle => self.names.idle,
            Verb::Apply => self.names.apply,
            Verb::Atomic => "atomic",
            Verb::Rollback => self.names.rollback,
        };
        Some(self.of(name, job))
    }

    fn seed(&self, job: &Job) -> Seed {
        Seed::Run(self.of(self.names.seed, job))
    }

    fn history(&self) -> History {
        History { collection: self.names.collection, applied: (self.names.applied)() }
    }
}

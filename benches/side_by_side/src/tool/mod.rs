//! The tools that are measured: how each does a job, and where its history is.

mod migrate_mongo;
mod mongodb_migrations;
mod mongodb_migrator;
pub mod own_program;
mod peer;
pub mod peers;
mod pymongo_migrate;
mod ts_migrate_mongoose;

use std::process::Command;

use mongodb::bson::Document;

use crate::{check::History, problem::Problem};

/// The role of a tool, for ratios and goals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The least that the driver can do, to which the others are compared.
    Floor,
    /// Mongrate.
    Mongrate,
    /// Another tool.
    Peer,
}

/// What a tool does in a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Start with nothing pending.
    Idle,
    /// Apply all migrations.
    Apply,
    /// Apply all migrations in one transaction.
    Atomic,
    /// Roll all migrations back.
    Rollback,
}

/// A job: a verb on a database, with a number of migrations.
#[derive(Clone, Debug)]
pub struct Job {
    /// The verb.
    pub verb: Verb,
    /// The URI of the server.
    pub uri: String,
    /// The name of the database.
    pub database: String,
    /// The number of migrations.
    pub count: u32,
}

/// How a history of applied migrations is made.
pub enum Seed {
    /// By a run of the tool itself.
    Run(Command),
    /// By documents in the form that the tool writes, in the collection of its history.
    Documents(Vec<Document>),
}

/// A tool that is measured.
pub trait Tool {
    /// The name of the tool; for a peer, with its version.
    fn name(&self) -> &str;

    /// The role of the tool.
    fn role(&self) -> Role;

    /// Writes what a job needs beforehand, such as a file for each migration.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    fn lay_out(&self, job: &Job) -> Result<(), Problem>;

    /// The command that does the job; `None` if the tool has no such verb.
    fn command(&self, job: &Job) -> Option<Command>;

    /// How a history with the job's migrations is made.
    fn seed(&self, job: &Job) -> Seed;

    /// The history of the tool.
    fn history(&self) -> History;
}

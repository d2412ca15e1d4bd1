//! The tools that are measured: how each is told to do a job, and how its history looks.

mod migrate_mongo;
mod mongodb_migrations;
mod mongodb_migrator;
pub mod own;
pub mod peer;
mod pymongo_migrate;
mod ts_migrate_mongoose;

use std::process::Command;

use mongodb::bson::Document;

use crate::{Problem, check::History};

/// Which of the tools it is, for ratios and goals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What the others are compared with.
    Floor,
    /// Ours.
    Mongrate,
    /// Somebody else's.
    Peer,
}

/// What a tool is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Start, and find nothing to do.
    Idle,
    /// Apply all.
    Apply,
    /// Apply all in one transaction.
    Atomic,
    /// Roll all back.
    Rollback,
}

/// One job: a verb on a database, with so many migrations.
#[derive(Clone, Debug)]
pub struct Job {
    /// The verb.
    pub verb: Verb,
    /// The server.
    pub uri: String,
    /// The database.
    pub database: String,
    /// How many migrations there are.
    pub count: u32,
}

/// How a history that is there already is made.
pub enum Seed {
    /// By the tool itself.
    Run(Command),
    /// As documents of the form that the tool writes, in the collection of its history.
    Documents(Vec<Document>),
}

/// A tool.
pub trait Tool {
    /// Its name, and for those of others the version.
    fn name(&self) -> &str;

    /// Which it is.
    fn role(&self) -> Role;

    /// Writes what a job needs beforehand, such as a file per migration.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    fn lay_out(&self, job: &Job) -> Result<(), Problem>;

    /// The program that does it; none if the tool has no such verb.
    fn command(&self, job: &Job) -> Option<Command>;

    /// How a history of so many is made.
    fn seed(&self, job: &Job) -> Seed;

    /// How its history looks.
    fn history(&self) -> History;
}

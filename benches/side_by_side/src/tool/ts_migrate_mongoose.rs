//! ts-migrate-mongoose: `migrate up --autosync true`, with migrations in JavaScript, so that no
//! TypeScript compiler runs.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use mongodb::bson::doc;

use super::{Job, Role, Seed, Tool, Verb, peer};
use crate::{check::History, problem::Problem};

/// ts-migrate-mongoose.
pub(super) struct TsMigrateMongoose {
    name: String,
    program: PathBuf,
    files: PathBuf,
}

impl TsMigrateMongoose {
    pub(super) fn find(installed: &Path, files: &Path) -> Option<Self> {
        let version = peer::npm_version(installed, "ts-migrate-mongoose")?;
        let program = installed.join("node/node_modules/ts-migrate-mongoose/dist/cli.js");
        let name = format!("ts-migrate-mongoose {version}");
        Some(Self { name, program, files: files.to_owned() })
    }

    fn directory(&self, job: &Job) -> PathBuf {
        peer::directory(&self.files, "ts_migrate_mongoose", job.count)
    }
}

fn name(n: u32) -> String {
    format!("m{n:07}")
}

impl Tool for TsMigrateMongoose {
    fn name(&self) -> &str {
        &self.name
    }

    fn role(&self) -> Role {
        Role::Peer
    }

    fn lay_out(&self, job: &Job) -> Result<(), Problem> {
        let file = |n| format!("{}-{}.mjs", peer::millis(n), name(n));
        peer::write_files(&self.directory(job), job.count, file, |n| {
            format!(
                "export async function up(connection) {{ await connection.collection('things')\
                 .insertOne({{ n: {n} }}); }}\nexport async function down(connection) {{ await \
                 connection.collection('things').deleteOne({{ n: {n} }}); }}\n"
            )
        })
    }

    fn command(&self, job: &Job) -> Option<Command> {
        let mut command = Command::new("node");
        command.arg(&self.program);
        match job.verb {
            Verb::Idle | Verb::Apply => command.arg("up"),
            // Down to the first migration, and with it.
            Verb::Rollback => command.args(["down", &name(1)]),
            Verb::Atomic => return None,
        };
        command.args(["--autosync", "true", "--uri", &peer::uri_with(&job.uri, &job.database)]);
        let directory = self.directory(job);
        command.arg("--migrations-path").arg(&directory).current_dir(directory);
        Some(command)
    }

    fn seed(&self, job: &Job) -> Seed {
        Seed::Documents(peer::records(job.count, |n| {
            let at = peer::time(n);
            doc! { "name": name(n), "state": "up", "createdAt": at, "updatedAt": at, "__v": 0 }
        }))
    }

    fn history(&self) -> History {
        History { collection: "migrations", applied: doc! { "state": "up" } }
    }
}

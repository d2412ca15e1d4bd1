//! pymongo-migrate: `pymongo-migrate migrate`. Each migration depends on the first. Its own
//! `generate` makes a chain, which the tool follows by recursion, and a thousand migrations are too
//! many for that.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use mongodb::bson::doc;

use super::{Job, Role, Seed, Tool, Verb, peer};
use crate::{check::History, problem::Problem};

/// pymongo-migrate.
pub(super) struct PymongoMigrate {
    name: String,
    program: PathBuf,
    files: PathBuf,
}

impl PymongoMigrate {
    pub(super) fn find(installed: &Path, files: &Path) -> Option<Self> {
        let name = format!("pymongo-migrate {}", peer::pip_version(installed, "pymongo-migrate")?);
        let program = installed.join("python/bin/pymongo-migrate");
        Some(Self { name, program, files: files.to_owned() })
    }

    fn directory(&self, job: &Job) -> PathBuf {
        peer::directory(&self.files, "pymongo_migrate", job.count)
    }
}

fn name(n: u32) -> String {
    format!("m{n:07}")
}

impl Tool for PymongoMigrate {
    fn name(&self) -> &str {
        &self.name
    }

    fn role(&self) -> Role {
        Role::Peer
    }

    fn lay_out(&self, job: &Job) -> Result<(), Problem> {
        let file = |n| format!("{}.py", name(n));
        peer::write_files(&self.directory(job), job.count, file, |n| {
            let first = if n == 1 { String::new() } else { format!("{:?}", name(1)) };
            format!(
                "name = {:?}\ndependencies = [{first}]\n\n\ndef upgrade(db):\n    \
                 db[\"things\"].insert_one({{\"n\": {n}}})\n\n\ndef downgrade(db):\n    \
                 db[\"things\"].delete_one({{\"n\": {n}}})\n",
                name(n)
            )
        })
    }

    fn command(&self, job: &Job) -> Option<Command> {
        let verb = match job.verb {
            Verb::Idle | Verb::Apply => "migrate",
            Verb::Rollback => "downgrade",
            Verb::Atomic => return None,
        };
        let mut command = Command::new(&self.program);
        let uri = peer::uri_with(&job.uri, &job.database);
        command.args([verb, "--uri", &uri, "--migrations"]).arg(self.directory(job));
        Some(command)
    }

    fn seed(&self, job: &Job) -> Seed {
        let record = |n| doc! { "name": name(n), "applied": peer::time(n) };
        Seed::Documents(peer::records(job.count, record))
    }

    fn history(&self) -> History {
        History { collection: "pymongo_migrate", applied: doc! { "applied": { "$ne": null } } }
    }
}

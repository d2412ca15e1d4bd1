//! mongodb-migrator: the program in `benches/peers/mongodb_migrator`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use mongodb::bson::doc;

use super::{Job, Role, Seed, Tool, Verb, peer};
use crate::{check::History, paths::Paths, problem::Problem};

/// mongodb-migrator.
pub(super) struct MongodbMigrator {
    name: String,
    program: PathBuf,
}

impl MongodbMigrator {
    pub(super) fn find(installed: &Path, paths: &Paths) -> Option<Self> {
        let program = installed.join("mongodb_migrator/release/peer-mongodb-migrator");
        let manifest = paths.repository.join("benches/peers/mongodb_migrator/Cargo.toml");
        let manifest = fs::read_to_string(manifest).ok()?;
        let (_, version) = manifest.split_once("mongodb-migrator = \"=")?;
        let (version, _) = version.split_once('"')?;
        program.is_file().then(|| Self { name: format!("mongodb-migrator {version}"), program })
    }
}

impl Tool for MongodbMigrator {
    fn name(&self) -> &str {
        &self.name
    }

    fn role(&self) -> Role {
        Role::Peer
    }

    fn lay_out(&self, _: &Job) -> Result<(), Problem> {
        Ok(())
    }

    fn command(&self, job: &Job) -> Option<Command> {
        if !matches!(job.verb, Verb::Idle | Verb::Apply) {
            return None;
        }
        let mut command = Command::new(&self.program);
        command.args([&job.uri, &job.database, &job.count.to_string()]);
        Some(command)
    }

    fn seed(&self, job: &Job) -> Seed {
        Seed::Documents(peer::records(job.count, |n| {
            let at = peer::time(n).try_to_rfc3339_string().unwrap_or_default();
            doc! {
                "_id": format!("m{n:07}"), "start_date": &at, "end_date": &at, "status": "Success",
                "duration": 1_i64,
            }
        }))
    }

    fn history(&self) -> History {
        History { collection: "migrations", applied: doc! { "status": "Success" } }
    }
}

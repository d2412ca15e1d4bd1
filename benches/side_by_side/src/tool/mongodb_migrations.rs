//! mongodb-migrations: `mongodb-migrate`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use mongodb::bson::doc;

use super::{Job, Role, Seed, Tool, Verb, peer};
use crate::{check::History, problem::Problem};

/// mongodb-migrations.
pub(super) struct MongodbMigrations {
    name: String,
    program: PathBuf,
    files: PathBuf,
}

impl MongodbMigrations {
    pub(super) fn find(installed: &Path, files: &Path) -> Option<Self> {
        let version = peer::pip_version(installed, "mongodb-migrations")?;
        let program = installed.join("python/bin/mongodb-migrate");
        let name = format!("mongodb-migrations {version}");
        Some(Self { name, program, files: files.to_owned() })
    }

    fn directory(&self, job: &Job) -> PathBuf {
        peer::directory(&self.files, "mongodb_migrations", job.count)
    }
}

impl Tool for MongodbMigrations {
    fn name(&self) -> &str {
        &self.name
    }

    fn role(&self) -> Role {
        Role::Peer
    }

    fn lay_out(&self, job: &Job) -> Result<(), Problem> {
        let file = |n| format!("{}_m.py", peer::version(n));
        peer::write_files(&self.directory(job), job.count, file, |n| {
            format!(
                "from mongodb_migrations.base import BaseMigration\n\n\nclass \
                 Migration(BaseMigration):\n    def upgrade(self):\n        \
                 self.db[\"things\"].insert_one({{\"n\": {n}}})\n\n    def downgrade(self):\n        \
                 self.db[\"things\"].delete_one({{\"n\": {n}}})\n"
            )
        })
    }

    fn command(&self, job: &Job) -> Option<Command> {
        let mut command = Command::new(&self.program);
        match job.verb {
            Verb::Idle | Verb::Apply => {}
            Verb::Rollback => drop(command.arg("--downgrade")),
            Verb::Atomic => return None,
        }
        let directory = self.directory(job);
        command.args(["--url", &peer::uri_with(&job.uri, &job.database), "--migrations"]);
        command.arg(&directory).current_dir(directory);
        Some(command)
    }

    fn seed(&self, job: &Job) -> Seed {
        Seed::Documents(peer::records(job.count, |n| {
            let version = peer::version(n).to_string();
            doc! { "migration_datetime": version, "created_at": peer::time(n) }
        }))
    }

    fn history(&self) -> History {
        History { collection: "database_migrations", applied: doc! {} }
    }
}

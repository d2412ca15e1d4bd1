//! migrate-mongo: `migrate-mongo up` with its defaults, so without its lock.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use mongodb::bson::doc;

use super::{Job, Role, Seed, Tool, Verb, peer};
use crate::{check::History, problem::Problem};

const CONFIG: &str = "module.exports = { mongodb: { url: process.env.BENCH_URI, databaseName: \
    process.env.BENCH_DATABASE, options: {} }, migrationsDir: 'migrations', \
    changelogCollectionName: 'changelog', lockCollectionName: 'changelog_lock', lockTtl: 0, \
    migrationFileExtension: '.js', useFileHash: false, moduleSystem: 'commonjs' };\n";

/// migrate-mongo.
pub(super) struct MigrateMongo {
    name: String,
    program: PathBuf,
    files: PathBuf,
}

impl MigrateMongo {
    pub(super) fn find(installed: &Path, files: &Path) -> Option<Self> {
        let name = format!("migrate-mongo {}", peer::npm_version(installed, "migrate-mongo")?);
        let program = installed.join("node/node_modules/migrate-mongo/bin/migrate-mongo.js");
        Some(Self { name, program, files: files.to_owned() })
    }

    fn directory(&self, job: &Job) -> PathBuf {
        peer::directory(&self.files, "migrate_mongo", job.count)
    }
}

fn file(n: u32) -> String {
    format!("{}-m.js", peer::version(n))
}

impl Tool for MigrateMongo {
    fn name(&self) -> &str {
        &self.name
    }

    fn role(&self) -> Role {
        Role::Peer
    }

    fn lay_out(&self, job: &Job) -> Result<(), Problem> {
        let directory = self.directory(job);
        peer::write_files(&directory.join("migrations"), job.count, file, |n| {
            format!(
                "module.exports = {{\n  async up(db) {{ await db.collection('things')\
                 .insertOne({{ n: {n} }}); }},\n  async down(db) {{ await \
                 db.collection('things').deleteOne({{ n: {n} }}); }},\n}};\n"
            )
        })?;
        Ok(fs::write(directory.join("migrate-mongo-config.js"), CONFIG)?)
    }

    fn command(&self, job: &Job) -> Option<Command> {
        let arguments: &[&str] = match job.verb {
            Verb::Idle | Verb::Apply => &["up"],
            Verb::Rollback => &["down", "--block"],
            Verb::Atomic => return None,
        };
        let mut command = Command::new("node");
        command.arg(&self.program).args(arguments).current_dir(self.directory(job));
        command.env("BENCH_URI", &job.uri).env("BENCH_DATABASE", &job.database);
        Some(command)
    }

    fn seed(&self, job: &Job) -> Seed {
        Seed::Documents(peer::records(job.count, |n| {
            let block = f64::from(u32::MAX);
            doc! { "fileName": file(n), "appliedAt": peer::time(n), "migrationBlock": block }
        }))
    }

    fn history(&self) -> History {
        History { collection: "changelog", applied: doc! {} }
    }
}

//! The list of the other tools, and which of them are installed.

use super::{
    Tool, migrate_mongo::MigrateMongo, mongodb_migrations::MongodbMigrations,
    mongodb_migrator::MongodbMigrator, pymongo_migrate::PymongoMigrate,
    ts_migrate_mongoose::TsMigrateMongoose,
};
use crate::paths::Paths;

/// Returns the tools that are installed, and a line for each tool that is not.
pub fn find(paths: &Paths) -> (Vec<Box<dyn Tool>>, Vec<String>) {
    let installed = paths.peers();
    let files = paths.scratch.join("files");
    let tools: [(&str, Option<Box<dyn Tool>>); 5] = [
        ("migrate-mongo", MigrateMongo::find(&installed, &files).map(boxed)),
        ("ts-migrate-mongoose", TsMigrateMongoose::find(&installed, &files).map(boxed)),
        ("pymongo-migrate", PymongoMigrate::find(&installed, &files).map(boxed)),
        ("mongodb-migrations", MongodbMigrations::find(&installed, &files).map(boxed)),
        ("mongodb-migrator", MongodbMigrator::find(&installed, paths).map(boxed)),
    ];
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for (name, tool) in tools {
        match tool {
            Some(tool) => found.push(tool),
            None => missing.push(format!("{name} is not installed (`--install-peers`)")),
        }
    }
    (found, missing)
}

fn boxed<T: Tool + 'static>(tool: T) -> Box<dyn Tool> {
    Box::new(tool)
}

//! The rights that a declared operation needs: what the server asks for its commands, and what Mongrate
//! does besides.
//!
//! What renaming needs is in the server's `rename_collection_common.cpp`, what creating needs in
//! `authorization_checks.cpp`. `tests/tests/roles.rs` tries them on a server with access control.

use crate::{kinds::effect::Operation, mongo::privileges::Privileges};

/// A right: an action on a collection; of the whole database if the name is empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Right {
    pub action: &'static str,
    pub collection: String,
}

impl Right {
    fn on(collection: &str, action: &'static str) -> Self {
        Self { action, collection: collection.to_owned() }
    }

    /// Whether the user has it. A collection may also be created with the right to insert, unless it is a
    /// view, for which there is the right itself.
    pub(super) fn is_given(&self, user: &Privileges, database: &str) -> bool {
        let has = |action| user.allow(action, database, &self.collection);
        has(self.action) || (self.action == INSERT_FIRST && has("createCollection"))
    }
}

/// What creates a plain collection, too.
const INSERT_FIRST: &str = "insert";

/// The rights that the operation needs. What is kept for the rollback gets a name that is not known
/// before, so that right is one of the whole database.
pub(super) fn needs(operation: &Operation, control: &str) -> Vec<Right> {
    let list = || Right::on("", "listCollections");
    let on = |collection: &str, actions: &[&'static str]| -> Vec<Right> {
        let rights = actions.iter().map(|action| Right::on(collection, action));
        rights.chain([list()]).collect()
    };
    let renamed = |from: &str, to: &str| {
        let mut rights = on(from, &["find", "dropCollection"]);
        rights.extend(on(to, &["insert", "createIndex"]));
        rights
    };
    match operation {
        Operation::CreateCollection { name, options } if options.contains_key("viewOn") => {
            on(name, &["createCollection"])
        }
        Operation::CreateCollection { name, options } if options.contains_key("capped") => {
            on(name, &["insert", "convertToCapped"])
        }
        Operation::CreateCollection { name, .. } => on(name, &["insert"]),
        Operation::DropCollection { name, .. } => renamed(name, ""),
        Operation::RenameCollection { from, to } => renamed(from, to),
        Operation::CreateIndex(index) => on(&index.collection, &["createIndex", "listIndexes"]),
        Operation::DropIndex { collection, .. } => on(collection, &["dropIndex", "listIndexes"]),
        Operation::SetValidator { collection, .. } | Operation::Modify { collection, .. } => {
            on(collection, &["collMod"])
        }
        Operation::MakeUnique { collection, .. } => on(collection, &["collMod", "listIndexes"]),
        Operation::Search { collection, action } => on(collection, &["listSearchIndexes", action]),
        Operation::Field { collection, .. } | Operation::Rewrite { collection } => {
            let mut rights = on(collection, &["find", "update"]);
            rights.extend(on("", &["insert", "dropCollection"]));
            rights.push(Right::on(control, "remove"));
            rights
        }
        Operation::Write { .. } | Operation::PassedOn { .. } | Operation::Unknown => Vec::new(),
    }
}

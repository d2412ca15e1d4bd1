//! Which product speaks MongoDB's protocol, by what it says of itself. Pure.
//!
//! - FerretDB adds `ferretdbVersion` (1.x) or `ferretdb` (2.x) to `buildInfo`: its handler
//!   `msg_buildinfo.go`.
//! - DocumentDB, and Azure DocumentDB, which is made of it, add `internal.documentdb_versions` to
//!   `hello` (`internal.cosmos_versions` in older versions): its gateway's `topology.rs`.
//! - Azure Cosmos DB for MongoDB (RU) calls its replica set `globaldb`, as its connection strings say,
//!   and `buildInfo` has a `_t`, by which `mongosh` knows it.
//! - Names of members that end as those of Azure's services are only a hint, and come last.
//! - Amazon DocumentDB has no mark of its own; its members' names end in `.docdb.amazonaws.com` or
//!   `.docdb-elastic.amazonaws.com`, which `hello` lists even behind a tunnel.

use mongodb::bson::{Bson, Document};

/// A server, or a service in place of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Product {
    /// MongoDB, as a member of a replica set or a mongos; or something that cannot be told apart.
    MongoDb,
    /// The same, as a standalone server.
    Standalone,
    AmazonDocumentDb,
    CosmosDb,
    /// Azure DocumentDB, or DocumentDB on one's own machine.
    DocumentDb,
    FerretDb,
}

impl Product {
    /// Recognises it by its answers to `hello` and `buildInfo`.
    pub(crate) fn recognise(hello: &Document, build_info: &Document) -> Self {
        let internal = hello.get_document("internal").ok();
        let is_document_db = internal.is_some_and(|internal| {
            internal.contains_key("documentdb_versions") || internal.contains_key("cosmos_versions")
        });
        let set_name = hello.get_str("setName").ok();
        if build_info.contains_key("ferretdbVersion") || build_info.contains_key("ferretdb") {
            Self::FerretDb
        } else if is_document_db {
            Self::DocumentDb
        } else if set_name == Some("globaldb") || build_info.contains_key("_t") {
            Self::CosmosDb
        } else if hosts(hello).any(|host| is_of(host, &AMAZON)) {
            Self::AmazonDocumentDb
        } else if hosts(hello).any(|host| is_of(host, &COSMOS)) {
            Self::CosmosDb
        } else if hosts(hello).any(|host| is_of(host, &AZURE)) {
            Self::DocumentDb
        } else if set_name.is_some() || hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid") {
            Self::MongoDb
        } else {
            Self::Standalone
        }
    }

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::MongoDb | Self::Standalone => "MongoDB",
            Self::AmazonDocumentDb => "Amazon DocumentDB",
            Self::CosmosDb => "Azure Cosmos DB for MongoDB (RU)",
            Self::DocumentDb => "DocumentDB",
            Self::FerretDb => "FerretDB",
        }
    }

    /// Why migrations cannot run on it; `None` if nothing is known to be in their way.
    pub(crate) fn lacks(self) -> Option<&'static str> {
        Some(match self {
            Self::MongoDb | Self::Standalone | Self::DocumentDb => return None,
            Self::AmazonDocumentDb => {
                "it is Amazon DocumentDB, which has neither updates with a pipeline nor `$$NOW`: the \
                 server's own clock cannot decide about the lock"
            }
            Self::CosmosDb => {
                "it is Azure Cosmos DB for MongoDB (RU), which has no transactions across collections"
            }
            Self::FerretDb => "it is FerretDB, which has no transactions",
        })
    }
}

/// The names of the members that a server knows of.
fn hosts(hello: &Document) -> impl Iterator<Item = &str> {
    let listed = ["hosts", "passives", "arbiters"].into_iter();
    let listed = listed.filter_map(|key| hello.get_array(key).ok()).flatten();
    let own = ["me", "primary"].into_iter().filter_map(|key| hello.get_str(key).ok());
    listed.filter_map(Bson::as_str).chain(own)
}

/// How the names of a product's members end.
const AMAZON: [&str; 2] = [".docdb.amazonaws.com", ".docdb-elastic.amazonaws.com"];
const COSMOS: [&str; 1] = [".mongo.cosmos.azure.com"];
const AZURE: [&str; 1] = [".mongocluster.cosmos.azure.com"];

fn is_of(host: &str, ends: &[&str]) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    ends.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn a_product_is_recognised_by_what_it_says() {
        let amazon = "shop.abc.eu-west-1.docdb.amazonaws.com:27017";
        let table = [
            (doc! { "setName": "rs0", "me": "a:1" }, doc! {}, Product::MongoDb),
            (doc! { "msg": "isdbgrid" }, doc! { "version": "6.0.5" }, Product::MongoDb),
            (doc! { "isWritablePrimary": true }, doc! {}, Product::Standalone),
            (doc! { "setName": "rs0", "hosts": [amazon] }, doc! {}, Product::AmazonDocumentDb),
            (
                doc! { "setName": "rs0", "primary": amazon.to_uppercase() },
                doc! {},
                Product::AmazonDocumentDb,
            ),
            // Not the end of the name.
            (
                doc! { "setName": "rs0", "me": "docdb.amazonaws.com.example.org:27017" },
                doc! {},
                Product::MongoDb,
            ),
            (doc! { "setName": "globaldb" }, doc! {}, Product::CosmosDb),
            (
                doc! { "setName": "x", "me": "shop.mongo.cosmos.azure.com:10255" },
                doc! {},
                Product::CosmosDb,
            ),
            (
                doc! { "setName": "x", "hosts": ["shop.global.mongocluster.cosmos.azure.com:10260"] },
                doc! {},
                Product::DocumentDb,
            ),
            (doc! { "setName": "x" }, doc! { "_t": "BuildInfoResponse" }, Product::CosmosDb),
            (
                doc! { "internal": { "documentdb_versions": ["0.110"] } },
                doc! {},
                Product::DocumentDb,
            ),
            (doc! { "internal": { "cosmos_versions": [] } }, doc! {}, Product::DocumentDb),
            (doc! {}, doc! { "ferretdbVersion": "v1.24.0" }, Product::FerretDb),
            (
                doc! { "internal": { "documentdb_versions": [] } },
                doc! { "ferretdb": { "version": "v2.5.0" } },
                Product::FerretDb,
            ),
        ];
        for (hello, build_info, product) in table {
            assert_eq!(Product::recognise(&hello, &build_info), product, "{hello} {build_info}");
        }
    }
}

//! Products that are nearly MongoDB: each is recognised, and refused before the first write with what
//! it lacks. None of them can be had here, so a stub says what they say.

use mongrate::{
    Error, Kind, Migrator,
    bson::{Document, Timestamp, doc},
    mongodb::Client,
};
use mongrate_tests::{
    effect,
    lookalike::{Lookalike, Product},
};

/// The times that a member of a replica set reports with each answer.
fn times() -> Document {
    let time = Timestamp { time: 1_700_000_000, increment: 1 };
    let signature = doc! { "keyId": 0_i64 };
    doc! { "operationTime": time, "$clusterTime": { "clusterTime": time, "signature": signature } }
}

fn operation_time() -> Document {
    doc! { "operationTime": Timestamp { time: 1_700_000_000, increment: 1 } }
}

/// Amazon DocumentDB 5.0. The members' names end so, whatever name leads to them. It refuses a
/// projection with an expression, and an update with a pipeline:
/// <https://docs.aws.amazon.com/documentdb/latest/developerguide/mongo-apis.html>,
/// <https://docs.aws.amazon.com/documentdb/latest/developerguide/functional-differences.html>.
fn amazon() -> Product {
    let member = "shop.node.eu-west-1.docdb.amazonaws.com:27017";
    Product {
        hello: doc! { "setName": "rs0", "hosts": [member], "me": member, "primary": member },
        every: operation_time(),
        refuses: vec![("$$NOW", 40, "Field names must not start with '$'")],
        ..Product::default()
    }
}

/// Azure Cosmos DB for MongoDB (RU): transactions in one collection that is not sharded.
/// <https://learn.microsoft.com/azure/cosmos-db/mongodb/feature-support-42>
fn cosmos() -> Product {
    Product {
        hello: doc! { "setName": "globaldb", "me": "shop.mongo.cosmos.azure.com:10255" },
        build_info: doc! { "_t": "BuildInfoResponse" },
        ..Product::default()
    }
}

/// FerretDB 1: <https://github.com/FerretDB/FerretDB/blob/main-v1/internal/handler/msg_buildinfo.go>.
fn ferret() -> Product {
    Product {
        build_info: doc! { "version": "7.0.42", "ferretdbVersion": "v1.24.0" },
        refuses: vec![("commitTransaction", 59, "no such command: 'commitTransaction'")],
        ..Product::default()
    }
}

/// FerretDB 2, on DocumentDB's extension for PostgreSQL.
fn ferret_2() -> Product {
    Product {
        build_info: doc! { "version": "7.0.77", "ferretdb": { "version": "v2.5.0" } },
        ..ferret()
    }
}

/// What `doctor` finds: it ends with the class of the error that a run would end with.
async fn found(product: Product) -> (Option<Kind>, String) {
    let server = Lookalike::start(product).await;
    let db = Client::with_uri_str(&server.uri).await.unwrap().database("shop");
    let report = Migrator::with(&db, [effect!(1)]).doctor().await.unwrap();
    (report.refused(), report.findings[0].found.clone())
}

async fn refused(product: Product) -> (Error, Vec<String>) {
    let server = Lookalike::start(product).await;
    let db = Client::with_uri_str(&server.uri).await.unwrap().database("shop");
    let error = Migrator::with(&db, [effect!(1)]).up().await.unwrap_err();
    (error, server.commands())
}

#[tokio::test]
async fn each_product_is_named_with_what_it_lacks_before_the_first_write() {
    let table = [
        (
            amazon(),
            "it is Amazon DocumentDB, which has neither updates with a pipeline nor `$$NOW`",
        ),
        (cosmos(), "it is Azure Cosmos DB for MongoDB (RU), which has no transactions across"),
        (ferret(), "it is FerretDB, which has no transactions"),
        (ferret_2(), "it is FerretDB, which has no transactions"),
        // Times, as MongoDB reports them, change nothing.
        (Product { every: operation_time(), ..cosmos() }, "it is Azure Cosmos DB for MongoDB (RU)"),
    ];
    for (product, lack) in table {
        let (error, commands) = refused(product.clone()).await;
        let text = error.to_string();
        assert_eq!(error.code(), "unsupported_server", "{text}");
        assert_eq!(error.kind().exit_code(), 69, "{text}");
        for part in [lack, "Products that are nearly MongoDB", "nothing was written"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("standalone"), "{text}");
        assert_eq!(commands, ["find", "hello", "buildInfo"], "{text}");
        let (kind, finding) = found(product).await;
        assert_eq!(kind, Some(Kind::Unavailable), "{finding}");
        assert!(finding.contains(lack), "{finding}");
    }
}

/// It looks as MongoDB does, until it refuses what it has no command for.
#[tokio::test]
async fn a_product_that_nobody_knows_is_told_by_its_refusal() {
    let unknown = Product {
        hello: doc! { "setName": "rs0", "me": "db.example.org:27017" },
        every: times(),
        refuses: vec![("findAndModify", 59, "no such command: 'findAndModify'")],
        ..Product::default()
    };
    let (error, commands) = refused(unknown).await;
    let text = error.to_string();
    assert_eq!(error.code(), "unsupported_server", "{text}");
    assert!(text.contains("refuses a command that migrations need"), "{text}");
    assert!(text.contains("no such command: 'findAndModify'"), "{text}");
    // The update takes back what a lost answer may have acquired.
    assert_eq!(commands, ["find", "findAndModify", "update", "hello", "buildInfo"], "{text}");
}

/// A set that reports no times is no standalone server: to say so would be wrong advice.
#[tokio::test]
async fn a_set_without_times_is_not_called_a_standalone_server() {
    let set = doc! { "setName": "rs0", "me": "db.example.org:27017" };
    let (error, _) = refused(Product { hello: set, ..Product::default() }).await;
    assert_eq!(error.code(), "unsupported_server", "{error}");
    assert!(error.to_string().contains("does not report the time of its operations"), "{error}");
    let (error, _) = refused(Product::default()).await;
    assert_eq!(error.code(), "standalone", "{error}");
}

/// Open-source DocumentDB, and Azure's service of that name: nothing is known to be in the way.
#[tokio::test]
async fn document_db_is_recognised_and_not_refused() {
    let product = Product {
        hello: doc! { "internal": { "documentdb_versions": ["0.110-0"], "kind": "" } },
        every: operation_time(),
        ..Product::default()
    };
    let server = Lookalike::start(product).await;
    let db = Client::with_uri_str(&server.uri).await.unwrap().database("shop");
    let status = Migrator::with(&db, [effect!(1)]).status().await.unwrap();
    assert_eq!((status.applied, status.pending), (0, 1));
    let report = Migrator::with(&db, [effect!(1)]).doctor().await.unwrap();
    assert_eq!(report.server.product, "DocumentDB");
}

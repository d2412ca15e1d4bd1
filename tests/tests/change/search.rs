//! Search indexes. No deployment with search can be had here, so a proxy answers in its place, with the
//! states that the documentation lists: an index is built for a while, and goes for a while.
//! <https://www.mongodb.com/docs/manual/reference/operator/aggregation/listSearchIndexes/>

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use mongrate::{
    Change, DoctorVerdict, Migration,
    bson::{Document, doc},
};
use mongrate_tests::{
    TestDb,
    between::{Between, Proxy},
    host,
};

use super::{Case, insert, migration};

/// How often an index is listed as being built, or as going.
const LOOKS: u32 = 2;

#[derive(Clone, Debug, Default)]
struct Index {
    kind: String,
    definition: Document,
    version: i64,
    looked: u32,
    goes: bool,
}

#[derive(Clone, Default)]
struct Deployment {
    indexes: Arc<Mutex<BTreeMap<(String, String), Index>>>,
    commands: Arc<Mutex<Vec<String>>>,
    /// Whether it can build what it could not build at first.
    is_mended: Arc<AtomicBool>,
}

impl Deployment {
    /// The definitions, by name.
    fn now(&self) -> Vec<(String, String, Document)> {
        let indexes = self.indexes.lock().unwrap();
        let stays = indexes.iter().filter(|(_, index)| !index.goes);
        stays
            .map(|((_, name), it)| (name.clone(), it.kind.clone(), it.definition.clone()))
            .collect()
    }

    fn list(&self, collection: &str, name: Option<&str>) -> Vec<Document> {
        let mut indexes = self.indexes.lock().unwrap();
        indexes.retain(|_, index| !index.goes || index.looked < LOOKS);
        let wanted = indexes
            .iter_mut()
            .filter(|((of, its), _)| of == collection && name.is_none_or(|name| name == its));
        let listed = wanted.map(|((_, name), index)| {
            index.looked += 1;
            let status = match (index.goes, index.looked > LOOKS) {
                (true, _) => "DELETING",
                (_, true)
                    if index.definition.contains_key("fails")
                        && !self.is_mended.load(Ordering::Relaxed) =>
                {
                    "FAILED"
                }
                (_, true) => "READY",
                (_, false) => "BUILDING",
            };
            let mut listed = doc! {
                "id": "1", "name": name, "type": &index.kind, "status": status,
                // The former definition answers searches while the new one is built.
                "queryable": status == "READY" || index.version > 0,
                "latestDefinition": index.definition.clone(),
                "latestDefinitionVersion": { "version": index.version },
                "message": "an analyzer is not known",
            };
            // Not every deployment lists the kind.
            if index.kind == "vectorSearch" {
                listed.remove("type");
            }
            listed
        });
        listed.collect()
    }
}

fn cursor(batch: Vec<Document>) -> Document {
    doc! { "cursor": { "id": 0_i64, "ns": "db.c", "firstBatch": batch }, "ok": 1 }
}

fn error(code: i32, name: &str) -> Document {
    doc! { "ok": 0, "code": code, "codeName": name, "errmsg": name }
}

impl Between for Deployment {
    fn answer(&self, command: &Document) -> Option<Document> {
        let (name, collection) = command.iter().next()?;
        let collection = collection.as_str().unwrap_or_default().to_owned();
        let index = command.get_str("name").unwrap_or_default().to_owned();
        match name.as_str() {
            "aggregate" => {
                let stage = command.get_array("pipeline").ok()?.first()?.as_document()?;
                let listed = stage.get_document("$listSearchIndexes").ok()?;
                return Some(cursor(self.list(&collection, listed.get_str("name").ok())));
            }
            "createSearchIndexes" | "updateSearchIndex" | "dropSearchIndex" => {
                self.commands.lock().unwrap().push(name.clone());
            }
            _ => return None,
        }
        // As a server without `supportsWriteConcern` for these commands.
        if command.contains_key("writeConcern") {
            return Some(error(72, "InvalidOptions"));
        }
        let mut indexes = self.indexes.lock().unwrap();
        if name == "createSearchIndexes" {
            let wanted = command.get_array("indexes").ok()?.first()?.as_document()?;
            let key = (collection, wanted.get_str("name").ok()?.to_owned());
            if indexes.contains_key(&key) {
                return Some(error(68, "IndexAlreadyExists"));
            }
            let kind = wanted.get_str("type").ok()?.to_owned();
            let definition = wanted.get_document("definition").ok()?.clone();
            indexes.insert(key, Index { kind, definition, ..Index::default() });
        } else {
            let Some(found) = indexes.get_mut(&(collection, index)) else {
                return Some(error(27, "IndexNotFound"));
            };
            found.looked = 0;
            match command.get_document("definition") {
                Ok(definition) => {
                    found.definition = definition.clone();
                    found.version += 1;
                }
                Err(_) => found.goes = true,
            }
        }
        Some(doc! { "ok": 1 })
    }
}

/// A database behind such a deployment, with a collection.
async fn with_search(name: &str) -> (TestDb, Proxy, Deployment) {
    let direct = TestDb::new(&format!("{name}_direct")).await;
    let deployment = Deployment::default();
    let proxy = Proxy::start(host(&direct.uri), deployment.clone()).await;
    let uri = format!("mongodb://{}/?directConnection=true", proxy.address);
    let fresh = TestDb::on(&uri, name).await;
    insert(&fresh.db, "articles", [doc! { "_id": 1, "title": "a" }]).await;
    direct.pass().await;
    (fresh, proxy, deployment)
}

fn dynamic() -> Document {
    doc! { "mappings": { "dynamic": true } }
}

fn two(change: &mut Change) {
    change.create_search_index("articles", dynamic()).name("words");
    let field = doc! {
        "type": "vector", "path": "embedding", "numDimensions": 3, "similarity": "cosine",
    };
    change.create_vector_search_index("articles", doc! { "fields": [field] }).name("vectors");
}

#[tokio::test]
async fn search_indexes_are_there_when_searches_can_use_them_and_go_again() {
    let (fresh, _proxy, deployment) = with_search("search_there").await;
    let migrator = fresh.migrator([migration(two)]);
    assert!(migrator.doctor().await.unwrap().refused().is_none());
    for _ in 0..2 {
        migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
        let now = deployment.now();
        let kinds: Vec<&str> = now.iter().map(|(_, kind, _)| kind.as_str()).collect();
        assert_eq!(kinds, ["vectorSearch", "search"]);
        // Not before.
        assert!(deployment.indexes.lock().unwrap().values().all(|index| index.looked > LOOKS));
        migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(deployment.now(), []);
    }
    fresh.pass().await;
}

#[tokio::test]
async fn an_index_is_changed_and_dropped_and_comes_back_as_it_was() {
    let (fresh, _proxy, deployment) = with_search("search_changed").await;
    fn changed(change: &mut Change) {
        let definition = doc! { "mappings": { "dynamic": false } };
        change.update_search_index("articles", "words", definition);
        change.drop_search_index("articles", "vectors");
        change.drop_search_index_if_exists("articles", "nothing");
    }
    let migrator = fresh.migrator([migration(two), Migration::declared(2, "changed", changed)]);
    migrator.up().steps(1).await.unwrap();
    let before = deployment.now();
    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    let words = doc! { "mappings": { "dynamic": false } };
    assert_eq!(deployment.now(), [("words".to_owned(), "search".to_owned(), words)]);
    migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(deployment.now(), before);
    fresh.pass().await;
}

#[tokio::test]
async fn an_index_that_is_there_is_accepted_only_if_it_is_the_same() {
    let (fresh, _proxy, deployment) = with_search("search_same").await;
    fresh.migrator([migration(two)]).up().await.unwrap();
    let again = |declare: fn(&mut Change)| {
        fresh.migrator([migration(two), Migration::declared(2, "again", declare)])
    };
    let same = again(|change| {
        change.create_search_index("articles", dynamic()).name("words").if_not_exists();
    });
    same.up().await.unwrap_or_else(|error| panic!("{error}"));
    // It was not this migration's, so it stays.
    same.down().await.unwrap();
    assert_eq!(deployment.now().len(), 2);
    let table: [Case; 4] = [
        (
            |change| {
                change.create_search_index("articles", dynamic()).name("words");
            },
            "say `.if_not_exists()`",
        ),
        (
            |change| {
                let other = doc! { "mappings": { "dynamic": false } };
                change.create_search_index("articles", other).name("words").if_not_exists();
            },
            "is another one",
        ),
        (|change| change.update_search_index("articles", "none", dynamic()), "there is no search"),
        (
            |change| {
                change.create_search_index("missing", dynamic());
            },
            "there is no collection `missing`",
        ),
    ];
    for (declare, words) in table {
        let refused = again(declare);
        let error = refused.up().await.unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
        refused.resolve(2, mongrate::Resolution::Pending).await.unwrap();
    }
    fresh.pass().await;
}

/// A killed process's command may have arrived: the next run finds the index, and waits for it.
#[tokio::test]
async fn an_index_of_an_attempt_that_failed_is_found_and_one_that_fails_is_told() {
    let (fresh, _proxy, deployment) = with_search("search_again").await;
    let failing = fresh.migrator([migration(|change| {
        change.create_search_index("articles", doc! { "fails": true }).name("words");
    })]);
    let error = failing.up().await.unwrap_err().to_string();
    assert!(error.contains("could not be built: an analyzer is not known"), "{error}");
    // The deployment learns what it did not know.
    deployment.is_mended.store(true, Ordering::Relaxed);
    failing.up().await.unwrap_or_else(|error| panic!("{error}"));
    let created = ["createSearchIndexes", "createSearchIndexes"];
    assert_eq!(*deployment.commands.lock().unwrap(), created);
    failing.down().await.unwrap();
    assert_eq!(deployment.now(), []);
    fresh.pass().await;
}

#[tokio::test]
async fn a_deployment_without_search_is_told_before_anything_is_changed() {
    let fresh = TestDb::new("search_without").await;
    insert(&fresh.db, "articles", [doc! { "_id": 1 }]).await;
    let migrator = fresh.migrator([migration(two)]);
    let report = migrator.doctor().await.unwrap();
    let found = report.findings.iter().find(|finding| finding.verdict == DoctorVerdict::Error);
    assert!(found.unwrap().found.contains("this deployment has no search"), "{report:#?}");
    let error = migrator.up().await.unwrap_err().to_string();
    assert!(error.contains("this deployment has no search indexes"), "{error}");
    assert!(error.contains("nothing was changed"), "{error}");
    fresh.pass().await;
}

//! Shard keys and zones. No cluster can be had here: a look-alike of a mongos answers the commands of a
//! cluster, and keeps its configuration, as the documentation describes it.

use std::sync::{Arc, Mutex};

use mongrate::{
    Change, Migration,
    bson::{Bson, Document, doc},
};
use mongrate_tests::{
    TestDb,
    between::{Between, Proxy},
    host,
    mongos::Mongos,
};

use super::{Case, insert, migration};

#[derive(Clone, Debug, Default)]
struct Configuration {
    /// `config.collections`, `config.shards` and `config.tags`.
    collections: Vec<Document>,
    shards: Vec<Document>,
    tags: Vec<Document>,
    /// What changed it, in order.
    commands: Vec<String>,
}

#[derive(Clone)]
struct Cluster {
    configuration: Arc<Mutex<Configuration>>,
    /// The wire version that it reports.
    version: i32,
}

fn matches(document: &Document, filter: &Document) -> bool {
    filter.iter().all(|(key, wanted)| match wanted.as_document() {
        Some(wanted) if wanted.contains_key("$ne") => document.get(key) != wanted.get("$ne"),
        _ => document.get(key) == Some(wanted),
    })
}

impl Configuration {
    fn find(&self, command: &Document) -> Document {
        let of = match command.get_str("find").unwrap() {
            "collections" => &self.collections,
            "shards" => &self.shards,
            _ => &self.tags,
        };
        let filter = command.get_document("filter").unwrap();
        let found: Vec<Document> = of.iter().filter(|it| matches(it, filter)).cloned().collect();
        doc! { "cursor": { "id": 0_i64, "ns": "config.x", "firstBatch": found }, "ok": 1 }
    }

    fn change(&mut self, name: &str, command: &Document) -> Option<Document> {
        let of = command.get_str(name).unwrap_or_default().to_owned();
        // As a mongos: these take none.
        let takes_none =
            ["addShardToZone", "removeShardFromZone", "updateZoneKeyRange", "unshardCollection"];
        if takes_none.contains(&name) && command.contains_key("writeConcern") {
            let text = "Command does not support writeConcern";
            return Some(
                doc! { "ok": 0, "code": 72, "codeName": "InvalidOptions", "errmsg": text },
            );
        }
        let key = || command.get_document("key").unwrap().clone();
        let is_here = |document: &Document| document.get_str("_id").is_ok_and(|id| id == of);
        match name {
            "shardCollection" => {
                self.collections.retain(|document| !is_here(document));
                let unique = command.get_bool("unique").unwrap();
                self.collections.push(doc! { "_id": &of, "key": key(), "unique": unique });
            }
            "refineCollectionShardKey" => {
                let found = self.collections.iter_mut().find(|document| is_here(document))?;
                found.insert("key", key());
            }
            // From 8.0 on its entry stays.
            "unshardCollection" => {
                let found = self.collections.iter_mut().find(|document| is_here(document))?;
                found.insert("unsplittable", true);
                found.insert("key", doc! { "_id": 1 });
            }
            "addShardToZone" | "removeShardFromZone" => {
                let zone = command.get_str("zone").unwrap();
                let shard = self.shards.iter_mut().find(|document| is_here(document))?;
                let mut tags = shard.get_array("tags").unwrap().clone();
                tags.retain(|tag| tag.as_str() != Some(zone));
                if name == "addShardToZone" {
                    tags.push(zone.into());
                }
                shard.insert("tags", tags);
            }
            "updateZoneKeyRange" => {
                let min = command.get_document("min").unwrap().clone();
                let user = |bound: &Document| bound.get("user").cloned();
                self.tags.retain(|tag| user(tag.get_document("min").unwrap()) != user(&min));
                if let Some(Bson::String(zone)) = command.get("zone") {
                    // The bounds are completed by the rest of the shard key.
                    let (mut min, mut max) = (min, command.get_document("max").unwrap().clone());
                    min.insert("rest", Bson::MinKey);
                    max.insert("rest", Bson::MinKey);
                    self.tags.push(doc! { "ns": &of, "min": min, "max": max, "tag": zone });
                }
            }
            _ => return None,
        }
        self.commands.push(name.to_owned());
        Some(doc! { "ok": 1 })
    }
}

impl Between for Cluster {
    fn answer(&self, command: &Document) -> Option<Document> {
        let mut configuration = self.configuration.lock().unwrap();
        let name = command.keys().next()?.clone();
        if name == "find" && command.get_str("$db").is_ok_and(|db| db == "config") {
            return Some(configuration.find(command));
        }
        configuration.change(&name, command).or_else(|| Mongos.answer(command))
    }

    fn command(&self, command: &Document) -> Option<Document> {
        Mongos.command(command)
    }

    fn reply(&self, command: Option<&Document>, reply: &Document) -> Option<Document> {
        let mut reply = Mongos.reply(command, reply)?;
        if reply.contains_key("maxWireVersion") {
            reply.insert("maxWireVersion", self.version);
        }
        Some(reply)
    }
}

async fn cluster(name: &str, version: i32) -> (TestDb, Proxy, Cluster) {
    let direct = TestDb::new(&format!("{name}_direct")).await;
    let shards =
        vec![doc! { "_id": "shard0", "tags": [] }, doc! { "_id": "shard1", "tags": ["eu"] }];
    let configuration = Configuration { shards, ..Configuration::default() };
    let cluster = Cluster { configuration: Arc::new(Mutex::new(configuration)), version };
    let proxy = Proxy::start(host(&direct.uri), cluster.clone()).await;
    let fresh = TestDb::on(&format!("mongodb://{}/", proxy.address), name).await;
    insert(&fresh.db, "orders", [doc! { "_id": 1, "user": 1 }]).await;
    direct.pass().await;
    (fresh, proxy, cluster)
}

fn sharded(change: &mut Change) {
    change.create_index("orders", doc! { "user": 1 });
    change.shard_collection("orders", doc! { "user": 1 });
    change.add_shard_to_zone("shard0", "us");
    change.add_shard_to_zone("shard1", "eu");
    change.zone_key_range("orders", doc! { "user": 0 }, doc! { "user": 100 }, "us");
}

#[tokio::test]
async fn a_collection_is_sharded_and_zoned_and_all_is_undone() {
    let (fresh, _proxy, cluster) = cluster("sharding_there", 25).await;
    let migrator = fresh.migrator([migration(sharded)]);
    for _ in 0..2 {
        migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
        let now = cluster.configuration.lock().unwrap().clone();
        let namespace = format!("{}.orders", fresh.db.name());
        let entry = doc! { "_id": &namespace, "key": { "user": 1 }, "unique": false };
        assert_eq!(now.collections, [entry]);
        assert_eq!(now.shards[0].get_array("tags").unwrap(), &vec![Bson::from("us")]);
        assert_eq!(now.tags.len(), 1);
        migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
        let now = cluster.configuration.lock().unwrap().clone();
        let unsharded = now.collections[0].get_bool("unsplittable").unwrap();
        assert!(unsharded && now.tags.is_empty(), "{now:?}");
        assert!(now.shards[0].get_array("tags").unwrap().is_empty());
        // It was in its zone before.
        assert_eq!(now.shards[1].get_array("tags").unwrap(), &vec![Bson::from("eu")]);
    }
    fresh.pass().await;
}

#[tokio::test]
async fn what_no_command_undoes_is_refused_before_anything_is_changed() {
    let (fresh, _proxy, cluster) = cluster("sharding_for_good", 17).await;
    fn refined(change: &mut Change) {
        change.refine_shard_key("orders", doc! { "user": 1, "at": 1 });
    }
    let migrator = fresh.migrator([migration(sharded), Migration::declared(2, "refined", refined)]);
    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    let before = cluster.configuration.lock().unwrap().commands.len();
    let error = migrator.down().await.unwrap_err().to_string();
    assert!(error.contains("no command takes back"), "{error}");
    let first = fresh.migrator([migration(sharded)]);
    let error = first.down().to(0).await.unwrap_err().to_string();
    assert!(!error.is_empty());
    assert_eq!(cluster.configuration.lock().unwrap().commands.len(), before, "nothing was changed");
    fresh.pass().await;
}

#[tokio::test]
async fn another_key_and_a_shard_that_is_not_there_are_refused() {
    let (fresh, _proxy, cluster) = cluster("sharding_refused", 25).await;
    fresh.migrator([migration(sharded)]).up().await.unwrap();
    let table: [Case; 3] = [
        (|change| change.shard_collection("orders", doc! { "at": 1 }), "is sharded already, by"),
        (|change| change.refine_shard_key("visits", doc! { "at": 1 }), "is not sharded"),
        (|change| change.add_shard_to_zone("shard7", "eu"), "has no shard `shard7`"),
    ];
    for (declare, words) in table {
        let two = fresh.migrator([migration(sharded), Migration::declared(2, "two", declare)]);
        let error = two.up().await.unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
        two.resolve(2, mongrate::Resolution::Pending).await.unwrap();
    }
    let unique = fresh.migrator([
        migration(sharded),
        Migration::declared(2, "two", |change| {
            change.shard_collection_unique("orders", doc! { "user": 1 });
        }),
    ]);
    let error = unique.up().await.unwrap_err().to_string();
    assert!(error.contains("is sharded already"), "{error}");
    unique.resolve(2, mongrate::Resolution::Pending).await.unwrap();
    // The same key, and the same range, are no change, so there is nothing to undo.
    let same = fresh.migrator([
        migration(sharded),
        Migration::declared(2, "two", |change| {
            change.shard_collection("orders", doc! { "user": 1 });
            change.zone_key_range("orders", doc! { "user": 0 }, doc! { "user": 100 }, "us");
        }),
    ]);
    same.up().await.unwrap_or_else(|error| panic!("{error}"));
    same.down().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(cluster.configuration.lock().unwrap().tags.len(), 1, "it was there before");
    fresh.pass().await;
}

/// The server changes the shard key of one document at a time.
#[tokio::test]
async fn a_field_of_the_shard_key_is_not_rewritten_in_batches() {
    let (fresh, _proxy, _) = cluster("sharding_fields", 25).await;
    fresh.migrator([migration(sharded)]).up().await.unwrap();
    let table: [fn(&mut Change); 3] = [
        |change| change.rename_field("orders", "user", "customer"),
        |change| change.move_field("orders", "note", "user.note"),
        |change| change.remove_field("orders", "user"),
    ];
    for declare in table {
        let two = fresh.migrator([migration(sharded), Migration::declared(2, "two", declare)]);
        let error = two.up().await.unwrap_err().to_string();
        assert!(error.contains("`user` is in the shard key of `orders`"), "{error}");
        assert!(error.contains("nothing was changed"), "{error}");
        two.resolve(2, mongrate::Resolution::Pending).await.unwrap();
    }
    let other = fresh.migrator([
        migration(sharded),
        Migration::declared(2, "two", |change| {
            change.add_field("orders", "note", "none");
        }),
    ]);
    other.up().await.unwrap_or_else(|error| panic!("{error}"));
    other.down().await.unwrap_or_else(|error| panic!("{error}"));
    fresh.pass().await;
}

#[tokio::test]
async fn on_a_replica_set_there_is_nothing_to_distribute() {
    let fresh = TestDb::new("sharding_alone").await;
    insert(&fresh.db, "orders", [doc! { "_id": 1, "user": 1 }]).await;
    let migrator = fresh.migrator([migration(sharded)]);
    if mongrate_tests::is_mongos(&fresh.db).await {
        return fresh.pass().await;
    }
    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
    fresh.pass().await;
}

#[tokio::test]
async fn what_is_no_shard_key_is_told_without_a_server() {
    let fresh = TestDb::new("sharding_mistakes").await;
    let table: [Case; 4] = [
        (|change| change.shard_collection("orders", doc! {}), "needs fields"),
        (
            |change| change.shard_collection("orders", doc! { "at": -1 }),
            "is not a part of a shard key",
        ),
        (|change| change.add_shard_to_zone("", "eu"), "need names"),
        (
            |change| change.zone_key_range("orders", doc! { "a": 1 }, doc! { "b": 2 }, "eu"),
            "do not have the fields",
        ),
    ];
    for (declare, words) in table {
        let error = fresh.migrator([migration(declare)]).plan().await.unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    assert!(fresh.wire.take().is_empty());
    fresh.pass().await;
}

//! What distributes a collection over the shards of a cluster: the shard key, and zones. On a replica set
//! these operations do nothing, so that a migration can be tried and tested on one.
//!
//! - <https://www.mongodb.com/docs/manual/reference/command/shardCollection/>: the same command again does
//!   nothing, another key is refused.
//! - <https://www.mongodb.com/docs/manual/reference/command/refineCollectionShardKey/>
//! - <https://www.mongodb.com/docs/manual/reference/command/updateZoneKeyRange/>
//! - <https://www.mongodb.com/docs/manual/reference/command/unshardCollection/>: since 8.0.

use mongodb::bson::{Bson, Document, doc};

use super::names;
use crate::{
    kinds::{catalog, online::Online},
    model::result::BoxError,
    mongo::{code, options::alike, reply::number},
};

/// The wire version of MongoDB 8.0, which can undo the sharding of a collection.
const UNSHARDS_FROM: i64 = 25;

/// What is done.
#[derive(Clone, Debug)]
pub(super) enum Sharding {
    Shard { collection: String, key: Document, unique: bool },
    Refine { collection: String, key: Document },
    AddShard { shard: String, zone: String },
    Range { collection: String, min: Document, max: Document, zone: String },
}

impl Sharding {
    pub(super) fn collection(&self) -> Option<&str> {
        match self {
            Self::Shard { collection, .. }
            | Self::Refine { collection, .. }
            | Self::Range { collection, .. } => Some(collection),
            Self::AddShard { .. } => None,
        }
    }

    pub(super) fn forward_text(&self) -> String {
        match self {
            Self::Shard { collection, key, unique } => {
                format!("shard `{collection}` by {key}{}", if *unique { ", unique" } else { "" })
            }
            Self::Refine { collection, key } => {
                format!("refine the shard key of `{collection}` to {key}")
            }
            Self::AddShard { shard, zone } => format!("add shard `{shard}` to zone `{zone}`"),
            Self::Range { collection, min, max, zone } => {
                format!("put `{collection}` from {min} to {max} into zone `{zone}`")
            }
        }
    }

    pub(super) fn undo_text(&self) -> String {
        match self {
            Self::Shard { collection, .. } => {
                format!("put all of `{collection}` onto one shard (MongoDB 8.0; refused before)")
            }
            Self::Refine { .. } => "nothing: a refined shard key cannot be taken back".to_owned(),
            Self::AddShard { shard, zone } => format!("remove shard `{shard}` from zone `{zone}`"),
            Self::Range { collection, min, max, .. } => {
                format!("take `{collection}` from {min} to {max} out of its zone")
            }
        }
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> =
            self.collection().and_then(names::collection).into_iter().collect();
        match self {
            Self::Shard { key, .. } | Self::Refine { key, .. } => {
                if key.is_empty() {
                    problems.push("a shard key needs fields, as `doc! { \"user\": 1 }`".to_owned());
                }
                for (field, kind) in key {
                    let is_known = kind.as_str() == Some("hashed")
                        || number(&doc! { "kind": kind.clone() }, "kind") == Some(1);
                    if !is_known || field.is_empty() || field.starts_with('$') {
                        problems.push(format!(
                            "`{field}: {kind}` is not a part of a shard key; a part is 1 or \"hashed\""
                        ));
                    }
                }
            }
            Self::AddShard { shard, zone } => {
                if shard.is_empty() || zone.is_empty() {
                    problems.push("a shard and a zone need names".to_owned());
                }
            }
            Self::Range { min, max, zone, .. } => {
                if zone.is_empty() {
                    problems.push("a zone needs a name".to_owned());
                }
                if min.is_empty() || !min.keys().eq(max.keys()) {
                    problems
                        .push(format!("{min} and {max} do not have the fields of one shard key"));
                }
            }
        }
        problems
    }

    pub(super) async fn observe(&self, on: &mut Online<'_>) -> Result<Document, BoxError> {
        let hello = on.engine().control.retrying(None, doc! { "hello": 1 }).await?;
        if !hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid") {
            tracing::warn!(
                target: "mongrate", operation = self.forward_text(),
                "this is no sharded cluster: the operation does nothing here"
            );
            return Ok(doc! { "cluster": false });
        }
        let existed = match self {
            Self::Shard { .. } | Self::Refine { .. } => self.is_keyed(on).await?,
            Self::AddShard { shard, zone } => {
                let filter = doc! { "_id": shard };
                let found = catalog::of_the_cluster(on, "shards", filter).await?.into_iter().next();
                let Some(found) = found else {
                    return Err(
                        format!("the cluster has no shard `{shard}`; nothing was changed").into()
                    );
                };
                found
                    .get_array("tags")
                    .is_ok_and(|tags| tags.iter().any(|tag| tag.as_str() == Some(zone)))
            }
            Self::Range { collection, min, max, zone } => {
                let filter = doc! { "ns": namespace(on, collection), "tag": zone };
                let all = catalog::of_the_cluster(on, "tags", filter).await?;
                let is = |found: &Document, name: &str, wanted: &Document| {
                    found.get_document(name).is_ok_and(|found| begins_with(found, wanted))
                };
                all.iter().any(|found| is(found, "min", min) && is(found, "max", max))
            }
        };
        Ok(doc! { "cluster": true, "existed": existed })
    }

    /// The entry of the collection, if it is sharded.
    async fn entry(&self, on: &mut Online<'_>) -> Result<Option<Document>, BoxError> {
        let Some(collection) = self.collection() else { return Ok(None) };
        Ok(catalog::sharded(on, collection).await?)
    }

    /// Whether the collection has this shard key already.
    async fn is_keyed(&self, on: &mut Online<'_>) -> Result<bool, BoxError> {
        let found = self.entry(on).await?;
        match (self, found) {
            (Self::Refine { collection, .. }, None) => {
                Err(format!("`{collection}` is not sharded; nothing was changed").into())
            }
            (Self::Refine { key, .. }, Some(found)) => Ok(has_key(&found, key)),
            (Self::Shard { collection, key, unique }, Some(found)) => {
                let is_unique = found.get_bool("unique").unwrap_or(false);
                if has_key(&found, key) && is_unique == *unique {
                    return Ok(true);
                }
                Err(format!(
                    "`{collection}` is sharded already, by {}{}; nothing was changed: use \
                     `refine_shard_key`, or `reshardCollection` in an online migration",
                    found.get_document("key").cloned().unwrap_or_default(),
                    if is_unique { ", unique" } else { "" }
                )
                .into())
            }
            _ => Ok(false),
        }
    }

    /// Whether what `forward` does is there: a command that was never sent needs no rollback.
    async fn is_there(&self, on: &mut Online<'_>) -> Result<bool, BoxError> {
        let (Self::Shard { key, .. } | Self::Refine { key, .. }) = self else { return Ok(true) };
        Ok(self.entry(on).await?.is_some_and(|found| has_key(&found, key)))
    }

    pub(super) async fn forward(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        if is_done(found) {
            return Ok(());
        }
        let command = match self {
            Self::Shard { collection, key, unique } => doc! {
                "shardCollection": namespace(on, collection), "key": key.clone(), "unique": *unique,
            },
            Self::Refine { collection, key } => doc! {
                "refineCollectionShardKey": namespace(on, collection), "key": key.clone(),
            },
            Self::AddShard { shard, zone } => doc! { "addShardToZone": shard, "zone": zone },
            Self::Range { collection, min, max, zone } => {
                zoned(&namespace(on, collection), min, max, zone.as_str().into())
            }
        };
        Ok(on.ddl_as_admin(command).await?)
    }

    /// Refuses a rollback that the server has no command for.
    pub(super) async fn ready(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        if is_done(found) || !self.is_there(on).await? {
            return Ok(());
        }
        match self {
            Self::Refine { collection, .. } => Err(format!(
                "the shard key of `{collection}` was refined, which no command takes back; nothing was \
                 changed"
            )
            .into()),
            Self::Shard { collection, .. } => {
                let hello = on.engine().control.retrying(None, doc! { "hello": 1 }).await?;
                match number(&hello, "maxWireVersion") {
                    Some(version) if version < UNSHARDS_FROM => Err(format!(
                        "`{collection}` was sharded, and before MongoDB 8.0 no command undoes that; \
                         nothing was changed"
                    )
                    .into()),
                    _ => Ok(()),
                }
            }
            Self::AddShard { .. } | Self::Range { .. } => Ok(()),
        }
    }

    pub(super) async fn backward(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        if is_done(found) || !self.is_there(on).await? {
            return Ok(());
        }
        let command = match self {
            Self::Shard { collection, .. } => {
                doc! { "unshardCollection": namespace(on, collection) }
            }
            Self::Refine { .. } => return Err("a refined shard key cannot be taken back".into()),
            Self::AddShard { shard, zone } => doc! { "removeShardFromZone": shard, "zone": zone },
            Self::Range { collection, min, max, .. } => {
                zoned(&namespace(on, collection), min, max, Bson::Null)
            }
        };
        // It is not sharded any more: undone before a crash.
        let undone = on.ddl_as_admin(command).await;
        Ok(catalog::forgiving(undone, &[code::NAMESPACE_NOT_SHARDED])?)
    }
}

/// Whether there is nothing to do, and nothing to undo: no cluster, or it was so before.
fn is_done(found: &Document) -> bool {
    !found.get_bool("cluster").unwrap_or(true) || found.get_bool("existed").unwrap_or(false)
}

fn has_key(entry: &Document, key: &Document) -> bool {
    alike(entry.get("key"), Some(&Bson::Document(key.clone())))
}

fn namespace(on: &Online<'_>, collection: &str) -> String {
    format!("{}.{collection}", on.database().name())
}

fn zoned(namespace: &str, min: &Document, max: &Document, zone: Bson) -> Document {
    doc! { "updateZoneKeyRange": namespace, "min": min.clone(), "max": max.clone(), "zone": zone }
}

/// Whether a document begins with the fields of another: the cluster completes the bounds of a range by
/// the rest of the shard key.
fn begins_with(document: &Document, beginning: &Document) -> bool {
    document.len() >= beginning.len()
        && document.iter().zip(beginning).all(|((name, value), (wanted, other))| {
            name == wanted && alike(Some(value), Some(other))
        })
}

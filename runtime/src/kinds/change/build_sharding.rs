//! The operations on sharded clusters that can be declared.

use mongodb::bson::Document;

use super::{declared::Change, operation::Operation, sharding::Sharding};

impl Change {
    /// Distributes a collection over the shards of a cluster, by this key: fields with 1 or `"hashed"`. A
    /// collection with documents needs an index that begins with the key. On a replica set the operation
    /// does nothing.
    ///
    /// Refused if the collection is sharded by another key.
    ///
    /// *Undone* by putting all of the collection onto one shard, on MongoDB 8.0 or newer; refused before.
    ///
    /// ```
    /// use mongrate::{Change, bson::doc};
    ///
    /// fn by_user(change: &mut Change) {
    ///     change.create_index("orders", doc! { "user": 1 });
    ///     change.shard_collection("orders", doc! { "user": 1 });
    /// }
    /// ```
    pub fn shard_collection(&mut self, collection: impl Into<String>, key: Document) {
        let (collection, unique) = (collection.into(), false);
        self.operations.push(Operation::Sharding(Sharding::Shard { collection, key, unique }));
    }

    /// The same, and no two documents may have the same shard key.
    pub fn shard_collection_unique(&mut self, collection: impl Into<String>, key: Document) {
        let (collection, unique) = (collection.into(), true);
        self.operations.push(Operation::Sharding(Sharding::Shard { collection, key, unique }));
    }

    /// Adds fields to the shard key of a collection: `key` is the whole new key. On a replica set the
    /// operation does nothing. Refused if the collection is not sharded.
    ///
    /// *Not undone*: no command takes it back, so a rollback is refused before anything is changed.
    pub fn refine_shard_key(&mut self, collection: impl Into<String>, key: Document) {
        let collection = collection.into();
        self.operations.push(Operation::Sharding(Sharding::Refine { collection, key }));
    }

    /// Adds a shard to a zone. On a replica set the operation does nothing. Refused if the cluster has no
    /// such shard.
    ///
    /// *Undone* by removing the shard from the zone, unless it was in it before.
    pub fn add_shard_to_zone(&mut self, shard: impl Into<String>, zone: impl Into<String>) {
        let (shard, zone) = (shard.into(), zone.into());
        self.operations.push(Operation::Sharding(Sharding::AddShard { shard, zone }));
    }

    /// Puts a range of shard keys of a collection into a zone: from `min` on, below `max`. On a replica
    /// set the operation does nothing.
    ///
    /// *Undone* by taking the range out of the zone, unless it was in it before.
    pub fn zone_key_range(
        &mut self,
        collection: impl Into<String>,
        min: Document,
        max: Document,
        zone: impl Into<String>,
    ) {
        let (collection, zone) = (collection.into(), zone.into());
        self.operations.push(Operation::Sharding(Sharding::Range { collection, min, max, zone }));
    }
}

//! Pure: the collections and indexes that declared migrations lead to, as far as their operations
//! name them.

use std::collections::BTreeMap;

use mongodb::bson::Document;

use super::{
    declared::{Change, ChangeFn},
    index_spec::Spec,
    indexes,
    operation::Operation,
};

/// The collections and indexes that declared migrations name. What transactional and online
/// migrations create is not in their declarations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mentioned {
    /// The indexes by their collections. A collection is here if a migration creates it or changes
    /// something of it, and no later migration drops it.
    collections: BTreeMap<String, Vec<Spec>>,
}

impl Mentioned {
    /// Adds a declared migration, which comes after those that were added before.
    pub(crate) fn add(&mut self, declare: ChangeFn) {
        let Ok(change) = Change::declared(declare) else { return };
        for operation in &change.operations {
            self.operation(operation);
        }
    }

    fn operation(&mut self, operation: &Operation) {
        match operation {
            Operation::DropCollection(operation) => {
                self.collections.remove(&operation.name);
            }
            Operation::RenameCollection(operation) => {
                let indexes = self.collections.remove(&operation.from).unwrap_or_default();
                self.collections.insert(operation.to.clone(), indexes);
            }
            Operation::CreateIndex(indexes::Create { spec, .. }) => {
                let indexes = self.collections.entry(spec.collection.clone()).or_default();
                indexes.push(spec.clone());
            }
            Operation::DropIndex(indexes::Drop { spec, .. }) => {
                let indexes = self.collections.entry(spec.collection.clone()).or_default();
                indexes.retain(|known| known.name() != spec.name());
            }
            operation => {
                for name in operation.collections() {
                    self.collections.entry(name.to_owned()).or_default();
                }
            }
        }
    }

    /// Whether a migration leads to the collection.
    pub(crate) fn has_collection(&self, name: &str) -> bool {
        self.collections.contains_key(name)
    }

    /// Whether a migration leads to the index, which the server lists like this.
    pub(crate) fn has_index(&self, collection: &str, listed: &Document) -> bool {
        let name = listed.get_str("name").unwrap_or_default();
        let known = self.collections.get(collection);
        known.is_some_and(|specs| specs.iter().any(|spec| spec.name() == name))
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    fn first(change: &mut Change) {
        change.create_collection("a");
        change.create_collection("b");
        change.create_index("a", doc! { "x": 1 });
        change.create_index("a", doc! { "y": 1 }).name("by_y");
        change.rename_field("c", "x", "y");
    }

    fn second(change: &mut Change) {
        change.rename_collection("a", "d");
        change.drop_collection("b");
        change.drop_index("d", doc! { "x": 1 });
    }

    #[test]
    fn operations_follow_each_other() {
        let mut mentioned = Mentioned::default();
        mentioned.add(first);
        assert!(mentioned.collections.keys().eq(["a", "b", "c"]));
        assert!(mentioned.has_index("a", &doc! { "name": "x_1" }));
        mentioned.add(second);
        assert!(mentioned.collections.keys().eq(["c", "d"]));
        assert!(mentioned.has_index("d", &doc! { "name": "by_y" }));
        assert!(!mentioned.has_index("d", &doc! { "name": "x_1" }));
        assert!(!mentioned.has_collection("a"));
    }
}

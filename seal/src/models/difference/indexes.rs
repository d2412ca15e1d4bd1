//! The indexes of one collection.

use std::collections::BTreeMap;

use super::{
    super::{index::Index, json::Json},
    operation::Operation,
};

/// Operations on the indexes of a collection.
#[derive(Debug, Default)]
pub(super) struct IndexChanges {
    /// Indexes that go, before fields change.
    pub(super) drops: Vec<Operation>,
    /// Changes of indexes that stay.
    pub(super) changes: Vec<Operation>,
    /// New indexes.
    pub(super) builds: Vec<Operation>,
    /// New unique indexes: the server may refuse them because of documents, so they come last.
    pub(super) unique: Vec<Operation>,
}

pub(super) fn changes(
    collection: &str,
    olds: &BTreeMap<String, Index>,
    news: &BTreeMap<String, Index>,
) -> IndexChanges {
    let mut changes = IndexChanges::default();
    let drop = |index: &Index| Operation::DropIndex {
        collection: collection.to_owned(),
        index: index.clone(),
    };
    for (name, old) in olds {
        match news.get(name) {
            None => changes.drops.push(drop(old)),
            Some(new) if new == old => {}
            Some(new) => match in_place(collection, old, new) {
                Some(operations) => changes.changes.extend(operations),
                None => {
                    changes.drops.push(drop(old));
                    changes.build(collection, new);
                }
            },
        }
    }
    for (_, new) in news.iter().filter(|(name, _)| !olds.contains_key(*name)) {
        changes.build(collection, new);
    }
    changes
}

/// Returns the names of the new unique indexes whose fields all get one value in each document that lacks
/// them.
pub(super) fn of_one_value<'a>(
    olds: &BTreeMap<String, Index>,
    news: &'a BTreeMap<String, Index>,
    fills: &[Operation],
) -> Vec<&'a str> {
    let is_filled = |key: &String| {
        fills.iter().any(|fill| matches!(fill, Operation::AddField { path, .. } if path == key))
    };
    let is_new = |index: &&Index| index.is_unique() && olds.get(&index.name) != Some(*index);
    let of_one = |index: &&Index| index.keys.iter().all(|(path, _)| is_filled(path));
    news.values().filter(is_new).filter(of_one).map(|index| index.name.as_str()).collect()
}

impl IndexChanges {
    fn build(&mut self, collection: &str, index: &Index) {
        let builds = if index.is_unique() { &mut self.unique } else { &mut self.builds };
        let (collection, index) = (collection.to_owned(), index.clone());
        builds.push(Operation::CreateIndex { collection, index });
    }
}

/// Returns the operations that change an index without a new build.
fn in_place(collection: &str, old: &Index, new: &Index) -> Option<Vec<Operation>> {
    const EXPIRES: &str = "expireAfterSeconds";
    const HIDDEN: &str = "hidden";
    let rest = |index: &Index| {
        let mut index = index.clone();
        index.options.retain(|name, _| name != EXPIRES && name != HIDDEN);
        index
    };
    if rest(old) != rest(new) {
        return None;
    }
    let mut operations = Vec::new();
    let (collection, index) = (collection.to_owned(), new.name.clone());
    match (old.options.get(EXPIRES), new.options.get(EXPIRES)) {
        (before, after) if before == after => {}
        (Some(_), Some(Json::Number(seconds))) => {
            let (collection, index) = (collection.clone(), index.clone());
            let seconds = seconds.parse().ok()?;
            operations.push(Operation::ExpireAfter { collection, index, seconds });
        }
        _ => return None,
    }
    let hidden = |index: &Index| index.options.get(HIDDEN) == Some(&Json::Bool(true));
    if hidden(old) != hidden(new) {
        operations.push(Operation::HideIndex { collection, index, is_hidden: hidden(new) });
    }
    Some(operations)
}

//! Documents with a field twice: BSON can hold that, and whatever rewrites such a document keeps
//! one of the two. So they are refused by their `_id`, before anything is changed.

use mongodb::bson::{Bson, Document, doc};

use crate::{
    model::{error::Error, result::BoxError},
    mongo::{refusal, reply::first_batch},
    protocol::{control::Control, stop::StopReason},
};

/// How many levels of a value are looked into.
pub(crate) const DEPTH: usize = 8;

/// How many are looked into on a long path: a server takes expressions of a certain depth.
pub(crate) const DEPTH_MAX: usize = 16;

/// Whether the document in a variable has a field twice, at its own level.
pub(crate) fn here(of: &str) -> Bson {
    let names = doc! { "$map": {
        "input": { "$objectToArray": format!("$${of}") }, "as": "kv", "in": "$$kv.k",
    } };
    let alike = doc! { "$ne": [
        { "$size": "$$names" }, { "$size": { "$setUnion": ["$$names", []] } },
    ] };
    // A set goes by the collation of the collection, which may take `Name` for `name`; so names that
    // are alike are compared by their bytes.
    let same = doc! { "$and": [
        { "$eq": [{ "$strLenBytes": "$$other" }, { "$strLenBytes": "$$name" }] },
        { "$eq": [{ "$indexOfBytes": ["$$other", "$$name"] }, 0] },
    ] };
    let namesakes = doc! { "$filter": { "input": "$$names", "as": "other", "cond": same } };
    let any = doc! { "$anyElementTrue": [{ "$map": {
        "input": "$$names", "as": "name", "in": { "$gt": [{ "$size": namesakes }, 1] },
    } }] };
    doc! { "$let": { "vars": { "names": names }, "in": { "$and": [alike, any] } } }.into()
}

/// Whether the document itself has a field twice.
pub(crate) fn root() -> Bson {
    doc! { "$and": [gets_shorter("ROOT"), here("ROOT")] }.into()
}

/// Whether the document in a variable gets shorter when its fields are merged. [`here`] is slow, so it is
/// asked only of such a document.
fn gets_shorter(of: &str) -> Document {
    let of = format!("$${of}");
    let merged = doc! { "$mergeObjects": [of.as_str()] };
    doc! { "$ne": [{ "$bsonSize": of }, { "$bsonSize": merged }] }
}

/// The types of values that may hold a field twice.
const HOLDERS: [&str; 2] = ["object", "array"];

/// The filter of the documents in whose field, a name without dots, there is a field twice.
pub(crate) fn within_field(name: &str, depth: usize) -> Document {
    let value = format!("$$ROOT.{name}");
    let test = doc! { "$let": { "vars": { "first": value }, "in": within("first", depth) } };
    // Mostly the value is neither, which a filter sees before the server makes anything of the document.
    doc! { name: { "$type": HOLDERS.to_vec() }, "$expr": test }
}

/// Whether the value in a variable has a field twice, or one of the documents within it, down to
/// so many levels.
pub(crate) fn within(of: &str, depth: usize) -> Bson {
    let is = |name: &str| doc! { "$eq": [{ "$type": format!("$${of}") }, name] };
    let here = doc! { "$and": [is("object"), gets_shorter(of), here(of)] };
    let Some(rest) = depth.checked_sub(1) else { return here.into() };
    // The values of a document and the elements of an array are looked into alike.
    let values = doc! { "$map": {
        "input": { "$objectToArray": format!("$${of}") }, "as": "kv", "in": "$$kv.v",
    } };
    let children = doc! { "$switch": {
        "branches": [
            { "case": is("object"), "then": values },
            { "case": is("array"), "then": format!("$${of}") },
        ],
        "default": [],
    } };
    let each = format!("w{rest}");
    let holds = doc! { "$in": [{ "$type": format!("$${each}") }, HOLDERS.to_vec()] };
    let inner = doc! { "$and": [holds, within(&each, rest)] };
    let map = doc! { "$map": { "input": children, "as": &each, "in": inner } };
    doc! { "$or": [here, { "$anyElementTrue": [map] }] }.into()
}

/// The pipeline that finds some documents that match the filter, and one of the others.
pub(crate) fn pipeline(filter: Document, any_of: Vec<Document>) -> Vec<Document> {
    refusal::naming([doc! { "$match": filter }, doc! { "$match": { "$or": any_of } }])
}

/// The refusal that names these documents; `None` if there are none.
pub(crate) fn refusal(collection: &str, found: &[Document]) -> Option<String> {
    if found.is_empty() {
        return None;
    }
    let is_full = found.len() >= usize::from(refusal::NAMED_MAX);
    let more = if is_full { ", and there may be more" } else { "" };
    Some(format!(
        "documents of `{collection}` have a field of the same name twice (_id {}{more}); one of \
         the two values would be lost; nothing was changed: look at these documents as raw BSON, \
         store each with one field of the name, and run again",
        refusal::ids(found)
    ))
}

/// Refuses a backfill of documents that come to this side, where one has a field twice.
pub(super) async fn refuse(
    control: &Control,
    collection: &str,
    filter: &Document,
) -> Result<(), StopReason> {
    let pipeline = pipeline(filter.clone(), vec![doc! { "$expr": within("ROOT", DEPTH) }]);
    let command = doc! { "aggregate": collection, "pipeline": pipeline, "cursor": {} };
    let reply = control.retrying(None, command).await.map_err(|error| {
        StopReason::Server(Error::server("look for documents that have a field twice", error))
    })?;
    let found: Vec<Document> = first_batch(&reply).cloned().collect();
    match refusal(collection, &found) {
        None => Ok(()),
        Some(problem) => Err(StopReason::Body(BoxError::from(problem))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expression_grows_with_the_depth_and_not_with_its_power() {
        let size = |depth| within("ROOT", depth).to_string().len();
        assert!(size(8) < 6 * size(2), "{} {}", size(2), size(8));
    }
}

//! Pure: aggregation expressions from a document to a document, along a path.
//!
//! A path descends into subdocuments, and into each document of an array. It ends at any other
//! value, which is left alone. `holder` is the name of the variable that holds a document.
//! Expressions name their variables by how much of the path is left, so that they nest; their size
//! grows with the path's length, not with a power of it. MongoDB 4.4 has all operators.

use mongodb::bson::{Bson, Document, doc};

/// The variable that holds the document itself.
pub(super) const ROOT: &str = "ROOT";

pub(super) fn literal(value: impl Into<Bson>) -> Bson {
    doc! { "$literal": value.into() }.into()
}

pub(super) fn var(name: &str) -> Bson {
    format!("$${name}").into()
}

/// A field of a variable that holds a document.
pub(super) fn member(holder: &str, field: &str) -> Bson {
    format!("$${holder}.{field}").into()
}

pub(super) fn bind(name: &str, value: impl Into<Bson>, then: impl Into<Bson>) -> Bson {
    doc! { "$let": { "vars": { name: value.into() }, "in": then.into() } }.into()
}

pub(super) fn cond(
    when: impl Into<Bson>,
    then: impl Into<Bson>,
    otherwise: impl Into<Bson>,
) -> Bson {
    doc! { "$cond": [when.into(), then.into(), otherwise.into()] }.into()
}

pub(super) fn equal(left: impl Into<Bson>, right: impl Into<Bson>) -> Bson {
    doc! { "$eq": [left.into(), right.into()] }.into()
}

pub(super) fn differ(left: impl Into<Bson>, right: impl Into<Bson>) -> Bson {
    doc! { "$ne": [left.into(), right.into()] }.into()
}

pub(super) fn all(these: Vec<Bson>) -> Bson {
    doc! { "$and": these }.into()
}

pub(super) fn any_of(these: Vec<Bson>) -> Bson {
    doc! { "$or": these }.into()
}

pub(super) fn is_type(value: impl Into<Bson>, name: &str) -> Bson {
    equal(doc! { "$type": value.into() }, name)
}

pub(super) fn is_missing(value: impl Into<Bson>) -> Bson {
    is_type(value, "missing")
}

pub(super) fn is_present(value: impl Into<Bson>) -> Bson {
    differ(doc! { "$type": value.into() }, "missing")
}

/// The document with this field; a field that exists keeps its place.
pub(super) fn with(holder: &str, field: &str, value: impl Into<Bson>) -> Bson {
    doc! { "$mergeObjects": [var(holder), { field: value.into() }] }.into()
}

/// Whether the pair `kv` is the field with this name. Compares bytes: `$eq` would use the collation
/// of the collection, which may take `Name` for `name`.
fn is_named(field: &str) -> Bson {
    let length = i64::try_from(field.len()).unwrap_or(i64::MAX);
    all(vec![
        equal(doc! { "$strLenBytes": "$$kv.k" }, length),
        equal(doc! { "$indexOfBytes": ["$$kv.k", literal(field)] }, 0),
    ])
}

/// The document without this field.
pub(super) fn without(holder: &str, field: &str) -> Bson {
    doc! { "$arrayToObject": { "$filter": {
        "input": { "$objectToArray": var(holder) },
        "as": "kv",
        "cond": { "$not": [is_named(field)] },
    } } }
    .into()
}

/// The document with a field under another name, in its place.
pub(super) fn renamed(holder: &str, from: &str, to: &str) -> Bson {
    let name = cond(is_named(from), literal(to), "$$kv.k");
    let moved = doc! { "$arrayToObject": { "$map": {
        "input": { "$objectToArray": var(holder) },
        "as": "kv",
        "in": { "k": name, "v": "$$kv.v" },
    } } };
    cond(is_present(member(holder, from)), moved, var(holder))
}

/// How [`rebuild`] treats the documents on the way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way<'a> {
    /// The value of the last field if a document on the way is missing; `None` creates nothing.
    pub create: Option<&'a Bson>,
    /// Removes subdocuments that become empty, if they are deeper than this.
    pub prune_below: Option<usize>,
}

/// The document in the variable `holder`, in which `leaf` has changed every document that holds the
/// path's last field. `leaf` takes the name of the variable that holds such a document, and the
/// name of the field.
pub(super) fn rebuild(
    holder: &str,
    path: &[String],
    way: Way<'_>,
    leaf: &dyn Fn(&str, &str) -> Bson,
) -> Bson {
    descend(holder, path, 1, way, leaf)
}

fn descend(
    holder: &str,
    path: &[String],
    depth: usize,
    way: Way<'_>,
    leaf: &dyn Fn(&str, &str) -> Bson,
) -> Bson {
    let Some((field, rest)) = path.split_first() else { return var(holder) };
    if rest.is_empty() {
        return leaf(holder, field);
    }
    let [child, each, mapped, rebuilt] = ["c", "e", "m", "o"].map(|name| format!("{name}{depth}"));
    let inner = descend(&each, rest, depth + 1, way, leaf);
    // A document is mapped as an array of one.
    let map = doc! { "$map": {
        "input": cond(doc! { "$isArray": [var(&child)] }, var(&child), vec![var(&child)]),
        "as": &each,
        "in": cond(is_type(var(&each), "object"), inner, var(&each)),
    } };
    let first = doc! { "$arrayElemAt": [var(&mapped), 0] };
    let document = match way.prune_below {
        Some(kept) if depth > kept => {
            let emptied = all(vec![
                equal(var(&rebuilt), literal(doc! {})),
                differ(var(&child), literal(doc! {})),
            ]);
            bind(
                &rebuilt,
                first,
                cond(emptied, without(holder, field), with(holder, field, var(&rebuilt))),
            )
        }
        _ => with(holder, field, first),
    };
    let mut branches = vec![
        doc! { "case": is_type(var(&child), "object"), "then": document },
        doc! { "case": is_type(var(&child), "array"), "then": with(holder, field, var(&mapped)) },
    ];
    if let Some(value) = way.create {
        let created = with(holder, field, literal(nested(rest, value.clone())));
        branches.push(doc! { "case": is_missing(var(&child)), "then": created });
    }
    let switch = doc! { "$switch": { "branches": branches, "default": var(holder) } };
    bind(&child, member(holder, field), bind(&mapped, map, switch))
}

/// `{ a: { b: value } }`.
pub(super) fn nested(path: &[String], value: Bson) -> Bson {
    path.iter().rev().fold(value, |inner, field| doc! { field: inner }.into())
}

/// The value at a path that leads through documents only; missing otherwise.
pub(super) fn get(holder: &str, path: &[String]) -> Bson {
    match path {
        [] => var(holder),
        [field] => member(holder, field),
        [field, rest @ ..] => {
            let child = format!("g{}", rest.len());
            let inner = cond(is_type(var(&child), "object"), get(&child, rest), "$$REMOVE");
            bind(&child, member(holder, field), inner)
        }
    }
}

/// The document with a value at a path through documents, which are created if they are missing.
/// `value` is used more than once: pass a variable.
pub(super) fn assign(holder: &str, path: &[String], value: &Bson) -> Bson {
    match path {
        [] => value.clone(),
        [field] => with(holder, field, value.clone()),
        [field, rest @ ..] => {
            let child = format!("s{}", rest.len());
            let inner = cond(
                is_type(var(&child), "object"),
                assign(&child, rest, value),
                nested(rest, value.clone()),
            );
            bind(&child, member(holder, field), with(holder, field, inner))
        }
    }
}

/// Whether `test` holds for one of the documents that would hold the path's last field.
pub(super) fn any(holder: &str, path: &[String], test: &dyn Fn(&str, &str) -> Bson) -> Bson {
    match path {
        [] => false.into(),
        [field] => test(holder, field),
        [field, rest @ ..] => {
            let (child, each) = (format!("h{}", rest.len()), format!("i{}", rest.len()));
            let map = doc! { "$map": {
                "input": cond(doc! { "$isArray": [var(&child)] }, var(&child), vec![var(&child)]),
                "as": &each,
                "in": cond(is_type(var(&each), "object"), any(&each, rest, test), false),
            } };
            bind(&child, member(holder, field), doc! { "$anyElementTrue": [map] })
        }
    }
}

/// Whether there is an array on the way to the path's last field.
pub(super) fn through_array(holder: &str, path: &[String]) -> Bson {
    match path {
        [] | [_] => false.into(),
        [field, rest @ ..] => {
            let child = format!("t{}", rest.len());
            let inner = cond(is_type(var(&child), "object"), through_array(&child, rest), false);
            bind(&child, member(holder, field), cond(is_type(var(&child), "array"), true, inner))
        }
    }
}

/// Whether something is in the way of a value: the path's last field exists, or something else than
/// a document is on the way to it.
pub(super) fn blocked(holder: &str, path: &[String]) -> Bson {
    match path {
        [] => false.into(),
        [field] => is_present(member(holder, field)),
        [field, rest @ ..] => {
            let child = format!("b{}", rest.len());
            let behind = cond(is_type(var(&child), "object"), blocked(&child, rest), true);
            bind(&child, member(holder, field), cond(is_missing(var(&child)), false, behind))
        }
    }
}

/// What is at a path, so that it can be compared and put back: `{ d, v }`, where the first `d`
/// fields of the path hold `v`; or `{ m }`, where the first `m` fields are there and the next is
/// missing. It ends at the first array, which is taken as a whole: its elements have no names.
pub(super) fn anchor(holder: &str, path: &[String]) -> Bson {
    anchor_at(holder, path, 0)
}

fn anchor_at(holder: &str, path: &[String], depth: i32) -> Bson {
    let Some((field, rest)) = path.split_first() else { return Bson::Null };
    let child = format!("a{depth}");
    let here = doc! { "d": literal(depth + 1), "v": var(&child) };
    let there = if rest.is_empty() {
        here.into()
    } else {
        cond(is_type(var(&child), "object"), anchor_at(&child, rest, depth + 1), here)
    };
    let missing = literal(doc! { "m": depth });
    bind(&child, member(holder, field), cond(is_missing(var(&child)), missing, there))
}

/// The types at a path, and the texts of numbers: the server takes 1 and 1.0 for equal, and 0.0
/// and -0.0.
pub(super) fn signature(holder: &str, path: &[String]) -> Bson {
    match path {
        [] => Bson::Null,
        [field] => signature_of(member(holder, field)),
        [field, rest @ ..] => {
            let (child, each) = (format!("j{}", rest.len()), format!("k{}", rest.len()));
            let map = doc! { "$map": {
                "input": cond(doc! { "$isArray": [var(&child)] }, var(&child), vec![var(&child)]),
                "as": &each,
                "in": cond(is_type(var(&each), "object"), signature(&each, rest), ""),
            } };
            bind(&child, member(holder, field), map)
        }
    }
}

/// The type of a value, and its text if it is a number of a kind that has several texts.
pub(super) fn signature_of(value: Bson) -> Bson {
    let kind = doc! { "$type": value.clone() };
    let is_number = doc! { "$in": [kind.clone(), ["double", "decimal"]] };
    let text = cond(is_number, doc! { "$toString": value }, "");
    Bson::Array(vec![kind.into(), text])
}

/// The stage of an update that puts back what [`anchor`] found: a value at so many fields of the path,
/// or that only so many of its fields were there.
pub(super) fn restore_anchor(
    path: &[String],
    depth: usize,
    value: Option<Bson>,
) -> Option<Document> {
    let document = match value {
        None => rebuild(ROOT, path, Way { prune_below: Some(depth), create: None }, &without),
        Some(value) => bind("v", value, assign(ROOT, path.get(..depth)?, &var("v"))),
    };
    Some(doc! { "$replaceWith": document })
}

/// Whether two values are the same to the last bit and field. The server's comparison does not
/// tell: it takes 1 and 1.0 for equal.
pub(super) fn same(one: &Bson, other: &Bson) -> bool {
    match (one, other) {
        (Bson::Double(one), Bson::Double(other)) => one.to_bits() == other.to_bits(),
        (Bson::Array(one), Bson::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Bson::Document(one), Bson::Document(other)) => same_document(one, other),
        _ => one == other,
    }
}

/// The same for documents, the order of their fields included.
pub(super) fn same_document(one: &Document, other: &Document) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| one.0 == other.0 && same(one.1, other.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_takes_for_equal_is_told_apart() {
        let same = |one: Document, other: Document| same_document(&one, &other);
        assert!(same(doc! { "a": [f64::NAN, { "b": 1 }] }, doc! { "a": [f64::NAN, { "b": 1 }] }));
        assert!(!same(doc! { "a": 1 }, doc! { "a": 1_i64 }));
        assert!(!same(doc! { "a": 0.0 }, doc! { "a": -0.0 }));
        assert!(!same(doc! { "a": { "x": 1, "y": 2 } }, doc! { "a": { "y": 2, "x": 1 } }));
        assert!(!same(doc! { "a": [1] }, doc! { "a": [1, 1] }));
    }

    #[test]
    fn the_size_grows_with_the_length_of_the_path() {
        let path = |length: usize| vec!["field".to_owned(); length];
        let size = |length: usize| {
            let way = Way { create: Some(&Bson::Null), prune_below: Some(0) };
            rebuild(ROOT, &path(length), way, &without).to_string().len()
        };
        assert!(size(8) < 10 * size(2), "{} {}", size(2), size(8));
    }
}

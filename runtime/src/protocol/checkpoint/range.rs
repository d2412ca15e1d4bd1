//! Pure: ranges of `_id`s of any type, as filters.
//!
//! The index on `_id` orders values of all types, but the comparison operators of a filter see
//! only values of the type that they are given. So a range has one filter for each type that it
//! crosses.

use mongodb::bson::{Bson, Document, doc};

/// The types that an `_id` can have, by their names for `$type`, in the order in which the server
/// sorts them. Types of one bracket are compared with each other.
const BRACKETS: [&[&str]; 15] = [
    &["minKey"],
    &["null"],
    &["number"],
    &["string", "symbol"],
    &["object"],
    &["binData"],
    &["objectId"],
    &["bool"],
    &["date"],
    &["timestamp"],
    &["regex"],
    &["dbPointer"],
    &["javascript"],
    &["javascriptWithScope"],
    &["maxKey"],
];

const NUMBER: usize = 2;

/// A range of `_id`s: from `from` on, up to `to` but without it, unless `behind` or `including` says
/// otherwise. `None`: no bound.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Range {
    pub from: Option<Bson>,
    /// The range begins after `from`, not with it.
    pub behind: bool,
    pub to: Option<Bson>,
    /// The range ends with `to`, not before it.
    pub including: bool,
}

impl Range {
    /// The filter that finds the documents in the range. Empty: every document is in it.
    pub(crate) fn filter(&self) -> Document {
        both(self.inclusive(), &self.exception())
    }

    /// The filter that leaves out `from` where a comparison cannot do so. Empty: nothing is left
    /// out.
    fn exception(&self) -> Document {
        match &self.from {
            Some(from) if self.behind && !is_compared(from) => {
                doc! { "_id": { "$ne": from.clone() } }
            }
            _ => Document::new(),
        }
    }

    /// The filter without that exception.
    fn inclusive(&self) -> Document {
        let low =
            self.from.as_ref().map(|id| (bracket(id), LowerBound { id, behind: self.behind }));
        let high = self.to.as_ref().map(|id| (bracket(id), id));
        let clauses =
            match (low, high) {
                (None, None) => return Document::new(),
                (Some((bracket, from)), Some((same, to))) if bracket == same => {
                    return within(bracket, Some(from), Some(to), self.including)
                        .unwrap_or_else(|| doc! { "_id": { "$in": [] } });
                }
                (low, high) => {
                    let first = low.map_or(0, |(bracket, _)| bracket + 1);
                    let end = high.map_or(BRACKETS.len(), |(bracket, _)| bracket);
                    let between: Vec<&str> = BRACKETS.get(first..end).unwrap_or_default().concat();
                    low.and_then(|(bracket, from)| within(bracket, Some(from), None, false))
                        .into_iter()
                        .chain((!between.is_empty()).then(|| doc! { "_id": { "$type": between } }))
                        .chain(high.and_then(|(bracket, to)| {
                            within(bracket, None, Some(to), self.including)
                        }))
                        .collect::<Vec<_>>()
                }
            };
        match <[Document; 1]>::try_from(clauses) {
            Ok([only]) => only,
            Err(clauses) if clauses.is_empty() => doc! { "_id": { "$in": [] } },
            Err(clauses) => doc! { "$or": clauses },
        }
    }
}

/// Where a range begins.
#[derive(Clone, Copy)]
struct LowerBound<'a> {
    id: &'a Bson,
    behind: bool,
}

/// Whether values of the same type can be less or greater than this `_id`, and not only equal to
/// it.
fn is_compared(id: &Bson) -> bool {
    !is_nan(id) && !matches!(BRACKETS.get(bracket(id)), Some(&["minKey" | "null" | "maxKey"]))
}

/// The filter of a range within one bracket. `None`: the range is empty.
fn within(
    bracket: usize,
    from: Option<LowerBound<'_>>,
    to: Option<&Bson>,
    including: bool,
) -> Option<Document> {
    let all = || doc! { "_id": { "$type": BRACKETS.get(bracket).copied().unwrap_or_default() } };
    let single = matches!(BRACKETS.get(bracket), Some(&["minKey" | "null" | "maxKey"]));
    // NaN sorts before all other numbers, but a comparison finds it only by itself.
    let from = from.filter(|low| !is_nan(low.id));
    let begin = if from.is_some_and(|low| low.behind) { "$gt" } else { "$gte" };
    let from = from.map(|low| low.id);
    let up_to = if including { "$lte" } else { "$lt" };
    match (from, to) {
        // The type has a single value: a range up to it and without it is empty.
        (_, Some(_)) if single && !including => None,
        (_, Some(to)) if is_nan(to) => including.then(|| doc! { "_id": f64::NAN }),
        _ if single => Some(all()),
        (None, None) => Some(all()),
        (Some(from), None) => Some(doc! { "_id": { begin: from } }),
        (Some(from), Some(to)) => Some(doc! { "_id": { begin: from, up_to: to } }),
        (None, Some(to)) if bracket == NUMBER => Some(doc! { "$or": [
            { "_id": { up_to: to } }, { "_id": f64::NAN },
        ] }),
        (None, Some(to)) => Some(doc! { "_id": { up_to: to } }),
    }
}

fn is_nan(id: &Bson) -> bool {
    match id {
        Bson::Double(number) => number.is_nan(),
        Bson::Decimal128(number) => number.to_string().eq_ignore_ascii_case("nan"),
        _ => false,
    }
}

fn bracket(id: &Bson) -> usize {
    let name = match id {
        Bson::MinKey => "minKey",
        Bson::Null | Bson::Undefined => "null",
        Bson::Double(_) | Bson::Int32(_) | Bson::Int64(_) | Bson::Decimal128(_) => "number",
        Bson::String(_) | Bson::Symbol(_) => "string",
        // (An `_id` cannot be an array.)
        Bson::Document(_) | Bson::Array(_) => "object",
        Bson::Binary(_) => "binData",
        Bson::ObjectId(_) => "objectId",
        Bson::Boolean(_) => "bool",
        Bson::DateTime(_) => "date",
        Bson::Timestamp(_) => "timestamp",
        Bson::RegularExpression(_) => "regex",
        Bson::DbPointer(_) => "dbPointer",
        Bson::JavaScriptCode(_) => "javascript",
        Bson::JavaScriptCodeWithScope(_) => "javascriptWithScope",
        Bson::MaxKey => "maxKey",
    };
    BRACKETS.iter().position(|types| types.contains(&name)).unwrap_or(BRACKETS.len() - 1)
}

/// The filter that matches what both filters match.
pub(crate) fn both(one: Document, other: &Document) -> Document {
    match (one.is_empty(), other.is_empty()) {
        (true, _) => other.clone(),
        (_, true) => one,
        _ => doc! { "$and": [one, other] },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: impl Into<Option<Bson>>, to: impl Into<Option<Bson>>) -> Document {
        Range { from: from.into(), to: to.into(), ..Range::default() }.filter()
    }

    #[test]
    fn one_type_is_one_comparison() {
        assert_eq!(range(None, None), doc! {});
        assert_eq!(
            range(Bson::Int32(1), Bson::Int64(5)),
            doc! { "_id": { "$gte": 1, "$lt": 5_i64 } }
        );
    }

    #[test]
    fn types_between_are_taken_whole() {
        let filter = range(Bson::Int32(1), Bson::Boolean(true));
        let between = ["string", "symbol", "object", "binData", "objectId"];
        assert_eq!(
            filter,
            doc! { "$or": [
                { "_id": { "$gte": 1 } },
                { "_id": { "$type": between.as_slice() } },
                { "_id": { "$lt": true } },
            ] }
        );
    }

    #[test]
    fn bounds_may_be_the_other_way() {
        let range =
            Range { from: Some("a".into()), behind: true, to: Some("b".into()), including: true };
        assert_eq!(range.filter(), doc! { "_id": { "$gt": "a", "$lte": "b" } });
        let null = Range { from: Some(Bson::Null), behind: true, ..range };
        assert!(null.filter().to_string().contains("$ne"), "{}", null.filter());
        let only = |id: Bson| Range {
            from: Some(id.clone()),
            to: Some(id),
            including: true,
            ..Range::default()
        };
        assert_eq!(only(Bson::Null).filter(), doc! { "_id": { "$type": ["null"] } });
        assert!(only(Bson::Double(f64::NAN)).filter().get_f64("_id").unwrap().is_nan());
    }

    #[test]
    fn what_compares_with_nothing_is_named() {
        let nothing = doc! { "_id": { "$in": [] } };
        assert_eq!(range(Bson::MinKey, Bson::MinKey), nothing);
        assert_eq!(range(None, Bson::MinKey), nothing);
        assert_eq!(range(Bson::MaxKey, None), doc! { "_id": { "$type": ["maxKey"] } });
        assert_eq!(range(Bson::Double(f64::NAN), Bson::Double(f64::NAN)), nothing);
        let upward = range(Bson::Double(f64::NAN), Bson::Int32(1));
        assert!(upward.contains_key("$or"), "{upward}");
    }
}

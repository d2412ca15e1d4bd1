//! How far a backfill got: the parts of its collection whose batches committed. A migration that
//! turns round half-way needs them.

use mongodb::bson::{Bson, Document, Timestamp, doc};

use super::{
    partition::{Key, Partition},
    range::Range,
};
use crate::{
    model::{state::Direction, version::Version},
    mongo::server_error::ServerError,
    protocol::control::Control,
};

/// The backfill that a caller asks about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub version: Version,
    pub direction: Direction,
    /// The name of its step.
    pub step: &'a str,
    /// The guarded transaction that began the migration.
    pub started: i64,
}

/// Reads which parts of its collection a backfill has changed. Empty if the backfill has not begun.
pub(crate) async fn reached(
    control: &Control,
    after: Option<Timestamp>,
    asked: Asked<'_>,
) -> Result<Vec<Range>, ServerError> {
    let Asked { version, direction, step, started } = asked;
    let key = Key { version, direction, name: step.to_owned(), started };
    let found = control.find_after(after, None, key.filter(), doc! {}).await?;
    let partitions = found.iter().filter_map(Partition::parse);
    Ok(partitions
        .filter(|partition| partition.key == key)
        .filter_map(|partition| part_of(&partition))
        .collect())
}

/// The part of a partition that is done.
fn part_of(partition: &Partition) -> Option<Range> {
    let Partition { bounds, at, behind, done, .. } = partition;
    if *done {
        return Some(bounds.clone());
    }
    let is_at_start = *behind == bounds.behind && *at == bounds.from;
    let to = at.clone().filter(|_| !is_at_start)?;
    Some(Range { to: Some(to), including: *behind, ..bounds.clone() })
}

/// Ranges, as they are stored in the `undo` of a record.
pub(crate) fn to_bson(ranges: &[Range]) -> Bson {
    let documents = ranges.iter().map(|range| {
        let mut document = doc! { "behind": range.behind, "including": range.including };
        for (key, bound) in [("from", &range.from), ("to", &range.to)] {
            if let Some(bound) = bound {
                document.insert(key, bound.clone());
            }
        }
        document
    });
    documents.collect::<Vec<_>>().into()
}

/// The ranges that [`to_bson`] stored.
pub(crate) fn from_bson(stored: &[Bson]) -> Vec<Range> {
    let documents = stored.iter().filter_map(Bson::as_document);
    documents
        .map(|document| Range {
            from: document.get("from").cloned(),
            behind: document.get_bool("behind").unwrap_or(false),
            to: document.get("to").cloned(),
            including: document.get_bool("including").unwrap_or(false),
        })
        .collect()
}

/// The filter that finds the documents in any of the ranges.
pub(crate) fn filter(ranges: &[Range]) -> Document {
    let filters: Vec<Document> = ranges.iter().map(Range::filter).collect();
    match filters.as_slice() {
        [] => doc! { "_id": { "$in": [] } },
        // One range without bounds is the whole collection.
        _ if filters.iter().any(Document::is_empty) => doc! {},
        [only] => only.clone(),
        _ => doc! { "$or": filters },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(at: Option<Bson>, behind: bool, done: bool) -> Partition {
        let key = Key {
            version: Version::new(1),
            direction: Direction::Up,
            name: "x".to_owned(),
            started: 1,
        };
        let bounds = Range { from: Some(1.into()), to: Some(9.into()), ..Range::default() };
        Partition { at, behind, done, ..Partition::new(&key, 0, bounds, None) }
    }

    #[test]
    fn only_what_is_done_counts() {
        assert_eq!(part_of(&partition(Some(1.into()), false, false)), None);
        assert_eq!(part_of(&partition(None, false, false)), None);
        let half = part_of(&partition(Some(5.into()), false, false)).unwrap();
        assert_eq!(half.filter(), doc! { "_id": { "$gte": 1, "$lt": 5 } });
        let with_last = part_of(&partition(Some(5.into()), true, false)).unwrap();
        assert_eq!(with_last.filter(), doc! { "_id": { "$gte": 1, "$lte": 5 } });
        let all = part_of(&partition(Some(5.into()), false, true)).unwrap();
        assert_eq!(all.filter(), doc! { "_id": { "$gte": 1, "$lt": 9 } });
    }

    #[test]
    fn ranges_are_stored_and_read() {
        let ranges = vec![
            Range { from: Some("a".into()), behind: true, to: None, including: false },
            Range { from: None, behind: false, to: Some(Bson::Null), including: true },
        ];
        let stored = to_bson(&ranges);
        assert_eq!(from_bson(stored.as_array().unwrap()), ranges);
        assert_eq!(filter(&[]), doc! { "_id": { "$in": [] } });
        assert_eq!(filter(&[Range::default(), ranges[0].clone()]), doc! {});
    }
}

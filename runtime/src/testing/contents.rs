//! A database's contents without the control documents: compares two, and says in words how they
//! differ. Ids and times that each run generates count as equal.

use std::collections::{BTreeMap, BTreeSet};

use mongodb::{
    Database,
    bson::{Bson, DateTime, Document, RawDocumentBuf, doc},
};

use super::{collections::collections, error::TestError};
use crate::{
    kinds::change::keep::is_ours,
    mongo::schema_text::{Described, collection_text},
};

/// The most lines of a difference that are shown.
const LINES_MAX: usize = 20;

/// The most characters of a line that are shown.
const LINE_CHARS_MAX: usize = 300;

/// A database's contents, without control documents and kept collections.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    /// The schema as text, by collection.
    schema: BTreeMap<String, String>,
    /// The documents, sorted by their bytes.
    documents: BTreeMap<String, Vec<RawDocumentBuf>>,
}

impl Contents {
    /// Reads a database whose control collection is `control`.
    pub(super) async fn read(database: &Database, control: &str) -> Result<Self, TestError> {
        let (mut schema, mut documents) = (BTreeMap::new(), BTreeMap::new());
        for collection in collections(database).await? {
            if is_ours(&collection.name, control) {
                continue;
            }
            let mut found = match collection.kind.as_str() {
                "view" => Vec::new(),
                _ => super::collections::documents(database, &collection.name).await?,
            };
            // An empty collection without options and indexes comes and goes with its documents.
            if collection.is_plain() && found.is_empty() {
                continue;
            }
            found.sort_by(|document, other| document.as_bytes().cmp(other.as_bytes()));
            let described = Described {
                kind: &collection.kind,
                name: &collection.name,
                options: &collection.options,
                indexes: &collection.indexes,
            };
            schema.insert(collection.name.clone(), collection_text(described));
            documents.insert(collection.name, found);
        }
        Ok(Self { schema, documents })
    }

    /// What `now` lacks and what it has in addition, one line each; `None` if both are equal. Ids
    /// and times from `since` on count as equal.
    pub(super) fn difference(&self, now: &Self, since: DateTime) -> Option<String> {
        let mut lines = Vec::new();
        let names: BTreeSet<&String> = self.schema.keys().chain(now.schema.keys()).collect();
        for name in names {
            if self.schema.get(name) != now.schema.get(name) {
                let text = |from: &Self| from.schema.get(name).cloned().unwrap_or_default();
                lines.extend(lines_of_difference(&text(self), &text(now)));
            }
            let empty = Vec::new();
            let before = self.documents.get(name).unwrap_or(&empty);
            let after = now.documents.get(name).unwrap_or(&empty);
            if before != after {
                let missing = |from: &[RawDocumentBuf], other: &[RawDocumentBuf]| {
                    let mut count: BTreeMap<String, i64> = BTreeMap::new();
                    for (documents, by) in [(from, 1), (other, -1)] {
                        for document in documents {
                            *count.entry(document_text(document, since)).or_default() += by;
                        }
                    }
                    count.into_iter().filter(|(_, count)| *count > 0)
                };
                for (line, times) in missing(before, after) {
                    lines.push(counted('-', name, &line, times));
                }
                for (line, times) in missing(after, before) {
                    lines.push(counted('+', name, &line, times));
                }
            }
        }
        if lines.is_empty() {
            return None;
        }
        let more = lines.len().saturating_sub(LINES_MAX);
        lines.truncate(LINES_MAX);
        if more > 0 {
            lines.push(format!("… and {more} more lines"));
        }
        Some(lines.join("\n"))
    }
}

fn counted(sign: char, collection: &str, line: &str, times: i64) -> String {
    let mut line: String = match line.char_indices().nth(LINE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or(line)),
        None => line.to_owned(),
    };
    if times > 1 {
        line += &format!(" ({times} times)");
    }
    format!("{sign} {collection}: {line}")
}

/// The lines that only one of two texts has.
pub(super) fn lines_of_difference(before: &str, after: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    // The longest common subsequence, of texts of a few hundred lines.
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = match old[i] == new[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(format!("- {}", old[i]));
            i += 1;
        } else {
            lines.push(format!("+ {}", new[j]));
            j += 1;
        }
    }
    lines
}

/// A document as text, with a word for each id and time that was generated after `since`.
fn document_text(document: &RawDocumentBuf, since: DateTime) -> String {
    match Document::try_from(document.as_ref()) {
        Ok(document) => value(&Bson::Document(document), since),
        Err(_) => format!("{:?}", document.as_bytes()),
    }
}

/// A value as text: fields sorted by name, as their order is not compared; types as they are.
fn value(bson: &Bson, since: DateTime) -> String {
    match bson {
        Bson::Document(document) => {
            let mut fields: Vec<String> = document
                .iter()
                .map(|(key, inner)| format!("{key}: {}", value(inner, since)))
                .collect();
            fields.sort();
            format!("{{ {} }}", fields.join(", "))
        }
        Bson::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| value(item, since)).collect();
            format!("[{}]", items.join(", "))
        }
        // An ObjectId's time has whole seconds.
        Bson::ObjectId(id)
            if id.timestamp().timestamp_millis() >= since.timestamp_millis() - 1_000 =>
        {
            "ObjectId(made now)".to_owned()
        }
        Bson::DateTime(at) if *at >= since => "DateTime(now)".to_owned(),
        Bson::String(text) => format!("{text:?}"),
        Bson::Int32(number) => number.to_string(),
        Bson::Int64(number) => format!("{number}_i64"),
        Bson::Double(number) => format!("{number:?}"),
        other => other.to_string(),
    }
}

/// The server's time. Ids and times generated from then on count as equal.
pub(super) async fn now(database: &Database) -> Result<DateTime, TestError> {
    let act = "ask the server for the time";
    let reply = database.run_command(doc! { "hello": 1 }).await.map_err(TestError::driver(act))?;
    let server = reply.get_datetime("localTime").copied().unwrap_or_else(|_| DateTime::now());
    // Clients generate times, too, by their own clock.
    Ok(server.min(DateTime::now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_stay_are_not_document_text() {
        let found = lines_of_difference("a\nb\nc", "a\nx\nc\nd");
        assert_eq!(found, ["- b", "+ x", "+ d"]);
        assert!(lines_of_difference("a\nb", "a\nb").is_empty());
        assert_eq!(lines_of_difference("", "a"), ["+ a"]);
    }

    #[test]
    fn what_is_generated_counts_as_equal() {
        let contents = |document: Document| {
            let raw = RawDocumentBuf::try_from(&document).expect("a document");
            Contents {
                schema: BTreeMap::from([("a".to_owned(), String::new())]),
                documents: BTreeMap::from([("a".to_owned(), vec![raw])]),
            }
        };
        let id = mongodb::bson::oid::ObjectId::new;
        let since = DateTime::now();
        let first = contents(doc! { "_id": id(), "at": DateTime::now(), "n": 1 });
        let same = contents(doc! { "n": 1, "_id": id(), "at": DateTime::now() });
        let other = contents(doc! { "_id": id(), "at": DateTime::now(), "n": 1_i64 });
        assert_eq!(first.difference(&same, since), None);
        assert_eq!(first.difference(&other, since).expect("another type").lines().count(), 2);
        let later = DateTime::from_millis(since.timestamp_millis() + 100_000);
        assert!(first.difference(&same, later).is_some());
    }
}

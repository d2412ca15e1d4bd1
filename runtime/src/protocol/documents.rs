//! BSON shapes that several documents of the control collection share.

use chrono::{DateTime, Utc};
use mongodb::bson::{Bson, Document, doc};

use crate::{
    model::{report::failure::Failure, state::Who},
    mongo::fields::{self, Fields},
};

/// The `_id` of the document that holds the lock.
pub(crate) const LOCK_ID: &str = "lock";

/// The largest number that counts something here. One that was written by something else may be larger, or
/// negative: nothing is computed with it.
pub(crate) const COUNT_MAX: i64 = 1 << 53;

/// Whether a stored number can be a count.
pub(crate) fn is_count(number: &i64) -> bool {
    (0..=COUNT_MAX).contains(number)
}

/// How many events a record or the lock keeps.
pub(crate) const EVENTS_MAX: i32 = 20;

/// The field of an event `stands`: the name that the record had before.
pub(crate) const FORMER_NAME: &str = "formerName";

/// A string that a pipeline must not read as a field path.
pub(crate) fn literal(text: &str) -> Bson {
    Bson::Document(doc! { "$literal": text })
}

/// The array in this field with one more item at its end. A missing field counts as empty.
pub(crate) fn append(field: &str, item: Document) -> Document {
    let path = format!("${field}");
    doc! { "$concatArrays": [{ "$ifNull": [path, []] }, [item]] }
}

/// A process, as it is stored.
pub(crate) fn who_document(who: &Who) -> Document {
    doc! {
        "host": literal(&who.host),
        "pid": i64::from(who.pid),
        "app": literal(&who.app),
    }
}

/// The process that [`who_document`] stored.
pub(crate) fn parse_who(document: &(impl Fields + ?Sized)) -> Who {
    Who {
        host: document.text("host").unwrap_or_default().to_owned(),
        pid: document.number("pid").and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0),
        app: document.text("app").unwrap_or_default().to_owned(),
    }
}

pub(crate) fn date(document: &Document, key: &str) -> Option<DateTime<Utc>> {
    fields::date(*document.get_datetime(key).ok()?)
}

/// The value of this field, or `otherwise` where it has none.
pub(crate) fn keep_or(field: &str, otherwise: &str) -> Document {
    doc! { "$ifNull": [format!("${field}"), literal(otherwise)] }
}

/// A failure, as it is stored.
pub(crate) fn failure_document(failure: &Failure) -> Document {
    let mut document = doc! {
        "message": literal(&failure.message),
        "code": failure.code,
        "codeName": failure.code_name.as_deref().map(literal),
    };
    if !failure.documents.is_empty() {
        let ids: Vec<Bson> = failure.documents.iter().map(|id| literal(id)).collect();
        document.insert("documents", ids);
    }
    document
}

/// The failure that [`failure_document`] stored.
pub(crate) fn parse_failure(document: &(impl Fields + ?Sized)) -> Failure {
    Failure {
        message: document.text("message").unwrap_or_default().to_owned(),
        code: document.number("code").and_then(|code| i32::try_from(code).ok()),
        code_name: document.text("codeName").map(str::to_owned),
        documents: document.texts("documents"),
    }
}

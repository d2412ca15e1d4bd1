//! Names the document that stopped a batch. Where the server does not say which it is, the batch
//! is tried again on fewer and fewer documents, in transactions that are always aborted.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;
use mongodb::{
    ClientSession,
    bson::{Bson, Document, doc},
};

use super::{
    in_document::Within,
    scout::Scouted,
    shared::Shared,
    work::{Batch, Work},
};
use crate::{
    model::result::BoxError,
    mongo::{
        about::{InDocument, document},
        driver,
        server_error::{self, ServerError},
    },
    protocol::{
        checkpoint::range::Range,
        session::{self, Durability},
        stop::{self, StopReason},
    },
};

/// How many times one attempt is repeated when it meets the writes of others.
const LOOKS_MAX: u32 = 3;

/// How many documents with the same key are named.
const HOLDERS_MAX: i32 = 3;

/// How long the search for them may take.
const HOLDERS_WAIT: Duration = Duration::from_secs(10);

/// The error of a batch that left no trace, with the document that it is about.
pub(super) async fn named(
    shared: &Shared<'_>,
    session: &mut ClientSession,
    scouted: &Scouted,
    work: &impl Work,
    error: BoxError,
) -> StopReason {
    let code = server_error::code_in(error.as_ref());
    let details = server_error::details_in(error.as_ref()).unwrap_or_default();
    let mut id = document(error.as_ref());
    let mut error = error;
    if id.is_none()
        && details.ids.is_empty()
        && let Some(code) = code.filter(|code| may_be_about_data(*code))
    {
        id = search(shared, session, scouted, work, code).await;
        if let Some(id) = &id {
            let more = match &details.key {
                Some(key) if code == 11_000 => holders(shared, key, id).await,
                _ => String::new(),
            };
            error = Box::new(InDocument { id: id.clone(), more, source: error });
        }
    }
    let ids = id.map_or(details.ids, |id| vec![id.to_string()]);
    let fix = match ids.as_slice() {
        [] => "fix it".to_owned(),
        ids => format!("fix the document with `_id` {}", ids.join(", ")),
    };
    let fields: Vec<String> = work.fields().iter().map(|field| format!("`{field}`")).collect();
    let sets = match fields.as_slice() {
        [] => String::new(),
        fields => format!(" that sets {}", fields.join(", ")),
    };
    let text = format!(
        "a batch of `{}`{sets} failed and left no trace, the batches before it are done; {fix}, \
         and run it again",
        shared.job.collection
    );
    StopReason::Body(Box::new(Within { text, source: error }))
}

/// The error of a batch that has one document and is not taken.
pub(super) async fn alone(
    shared: &Shared<'_>,
    range: &Range,
    bytes: u64,
    problem: &str,
    error: ServerError,
) -> BoxError {
    let ids = shared.scout.ids(range, 1).await.unwrap_or_default();
    let id = ids.first().map_or_else(String::new, |id| format!(" with `_id` {id}"));
    let text = format!(
        "the document{id} of `{}` ({bytes} bytes) {problem}; it was not changed, the batches \
         before it are done",
        shared.job.collection
    );
    Box::new(Within { text, source: error.into() })
}

/// Whether a code may be about a document. Unauthorized is not, nor is an error that an election or
/// the network causes.
fn may_be_about_data(code: i32) -> bool {
    code != 13 && !driver::is_retryable_code(code)
}

/// The last document of the shortest beginning of the batch that fails with this code.
async fn search(
    shared: &Shared<'_>,
    session: &mut ClientSession,
    scouted: &Scouted,
    work: &impl Work,
    code: i32,
) -> Option<Bson> {
    let nothing = doc! { "_id": { "$in": [] } };
    if fails(shared, session, nothing, scouted, work, code).await? {
        // Whatever the documents: the command is wrong.
        return None;
    }
    let ids = shared.scout.ids(&scouted.range, 0).await.ok()?;
    let (mut first, mut last) = (0, ids.len().checked_sub(1)?);
    let mut is_seen = false;
    while first < last || !is_seen {
        let middle = usize::midpoint(first, last);
        let to = ids.get(middle).cloned();
        let beginning = Range { to, including: true, ..scouted.range.clone() };
        if fails(shared, session, beginning.filter(), scouted, work, code).await? {
            (last, is_seen) = (middle, true);
        } else if middle < last {
            first = middle + 1;
        } else {
            // The error went away meanwhile.
            return None;
        }
    }
    ids.into_iter().nth(last)
}

/// Whether the work fails on these documents with this code; `None`: that cannot be told.
async fn fails(
    shared: &Shared<'_>,
    session: &mut ClientSession,
    filter: Document,
    scouted: &Scouted,
    work: &impl Work,
    code: i32,
) -> Option<bool> {
    for _ in 0..LOOKS_MAX {
        if shared.lost.is_cancelled() || shared.halt.is_cancelled() {
            return None;
        }
        session::begin(session, Durability::Primary).await.ok()?;
        let portions = scouted.portions.clone();
        let mut batch = Batch::new(shared, session, filter.clone(), portions);
        let ended = AssertUnwindSafe(work.batch(&mut batch)).catch_unwind().await;
        session::abort(session).await;
        match stop::settle_body(ended) {
            Ok(()) => return Some(false),
            Err(StopReason::Body(error)) if server_error::code_in(error.as_ref()) == Some(code) => {
                return Some(true);
            }
            Err(_) => {}
        }
    }
    None
}

/// The documents that already have the key that another document would get.
async fn holders(shared: &Shared<'_>, key: &Document, but: &Bson) -> String {
    let command = doc! {
        "find": &shared.job.collection,
        "filter": key.clone(),
        "projection": { "_id": 1 },
        "limit": HOLDERS_MAX + 1,
        "singleBatch": true,
        "maxTimeMS": i64::try_from(HOLDERS_WAIT.as_millis()).unwrap_or(i64::MAX),
    };
    let Ok(reply) = shared.control.once(None, command).await else { return String::new() };
    let ids: Vec<String> = crate::mongo::reply::first_batch(&reply)
        .filter_map(|found| found.get("_id"))
        .filter(|id| *id != but)
        .take(usize::try_from(HOLDERS_MAX).unwrap_or(0))
        .map(Bson::to_string)
        .collect();
    match ids.as_slice() {
        [] => String::new(),
        ids => format!(" would get the key that `_id` {} has", ids.join(", ")),
    }
}

//! The documents of the cases: made once, copied before each turn, compared after each.

use mongodb::{
    Database,
    bson::{Document, doc},
};

use super::{
    case::{Case, Sizes},
    operation::THINGS,
};
use crate::problem::Problem;

/// The documents without the fields of a case.
const BASE: &str = "base";
/// The original documents of a case.
const SEED: &str = "seed";
/// The documents that a check compares with, while they are made.
const EXPECTED: &str = "expected";
/// Where the ways without Mongrate keep what they remember.
pub const KEPT: &str = "kept";

/// The most bytes of documents that are sent at once.
const BYTES_AT_ONCE: usize = 8_000_000;

/// The states that a case goes through, each as a hash of all documents.
#[derive(Clone, Debug)]
pub struct States {
    /// The original documents.
    pub original: String,
    /// The documents after the way up.
    pub changed: String,
    /// The documents after the plain way down, which remembers nothing.
    pub plainly_restored: String,
}

/// Makes the documents that all cases with these sizes begin with.
///
/// # Errors
///
/// The driver's errors.
pub async fn make_base(db: &Database, sizes: Sizes, count: u32) -> Result<(), Problem> {
    let base = db.collection::<Document>(BASE);
    base.drop().await?;
    let (mut documents, mut bytes) = (Vec::new(), 0);
    for id in 0..i32::try_from(count)? {
        let mut document =
            doc! { "_id": id, "name": format!("thing number {id}"), "kind": id % 17 };
        if sizes == Sizes::Mixed {
            let payload = payload(id.unsigned_abs());
            bytes += payload.len();
            document.insert("payload", payload);
        }
        bytes += 100;
        documents.push(document);
        if bytes > BYTES_AT_ONCE {
            base.insert_many(std::mem::take(&mut documents)).await?;
            bytes = 0;
        }
    }
    if !documents.is_empty() {
        base.insert_many(documents).await?;
    }
    Ok(())
}

/// A text of 1 byte to 1 MB, that does not compress to nothing: many short ones, few long ones.
fn payload(id: u32) -> String {
    const LETTERS: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    let share = f64::from(id.wrapping_mul(7_919) % 10_007) / 10_006.0;
    let length = 100.0 * 10_f64.powf(4.0 * share.powi(3)) - 99.0;
    let mut state = u64::from(id) + 1;
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(*LETTERS.get((state % 64) as usize).unwrap_or(&b'a'))
    };
    (0..length as usize).map(|_| letter()).collect()
}

/// Makes the original documents of a case, and finds out what the states of the case are.
///
/// # Errors
///
/// The driver's errors.
pub async fn make_seed(db: &Database, case: Case) -> Result<States, Problem> {
    copy(db, BASE, case.operation.shape(case.remembered), SEED).await?;
    let states = States {
        original: hash(db, SEED).await?,
        changed: expected(db, case.operation.changed()).await?,
        plainly_restored: expected(db, case.operation.after_plain_way_back()).await?,
    };
    if states.original == states.changed {
        return Err(format!("{}: the operation changes nothing", case.name).into());
    }
    Ok(states)
}

async fn expected(db: &Database, stages: Vec<Document>) -> Result<String, Problem> {
    if stages.is_empty() {
        return hash(db, SEED).await;
    }
    copy(db, SEED, stages, EXPECTED).await?;
    let hash = hash(db, EXPECTED).await?;
    db.collection::<Document>(EXPECTED).drop().await?;
    Ok(hash)
}

async fn copy(
    db: &Database,
    from: &str,
    mut stages: Vec<Document>,
    to: &str,
) -> Result<(), Problem> {
    stages.push(doc! { "$out": to });
    db.collection::<Document>(from).aggregate(stages).await?;
    Ok(())
}

/// Copies the original documents into the collection that is changed, and drops all that earlier
/// turns left.
///
/// # Errors
///
/// The driver's errors.
pub async fn reset(db: &Database) -> Result<(), Problem> {
    for name in db.list_collection_names().await? {
        if name != BASE && name != SEED {
            db.collection::<Document>(&name).drop().await?;
        }
    }
    copy(db, SEED, Vec::new(), THINGS).await
}

/// Remembers what the way back needs, where the way up did not: for a plain way back.
///
/// # Errors
///
/// The driver's errors.
pub async fn keep(db: &Database, case: Case) -> Result<(), Problem> {
    copy(db, SEED, case.operation.lost(), KEPT).await
}

/// Has the server write everything to disk, so that no way spends time on what another way left.
///
/// # Errors
///
/// The driver's errors.
pub async fn settle(db: &Database) -> Result<(), Problem> {
    db.client().database("admin").run_command(doc! { "fsync": 1 }).await?;
    Ok(())
}

/// Checks that the changed collection is in this state.
///
/// # Errors
///
/// If it has another hash.
pub async fn check(db: &Database, state: &str) -> Result<(), Problem> {
    if hash(db, THINGS).await? == state {
        return Ok(());
    }
    let things = db.collection::<Document>(THINGS);
    let (count, first) = (things.count_documents(doc! {}).await?, things.find_one(doc! {}).await?);
    let mut first = first.unwrap_or_default();
    first.remove("payload");
    Err(format!("the {count} documents are not as they should be; the first one is {first}").into())
}

/// The server's hash over all documents of a collection, in the order of `_id`; the order of fields
/// counts.
async fn hash(db: &Database, collection: &str) -> Result<String, Problem> {
    let reply = db.run_command(doc! { "dbHash": 1, "collections": [collection] }).await?;
    let hash = reply.get_document("collections")?.get_str(collection)?;
    Ok(hash.to_owned())
}

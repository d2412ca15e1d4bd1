//! Whether each rollback gives back what was there.

use mongodb::bson::DateTime;

use super::{
    contents::{self, Contents},
    database::Database,
    error::TestError,
    scratch,
};
use crate::{Migration, OutOfOrder, State, model::named::Named};

/// What [`round_trip`] tried.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoundTrip {
    /// Applied, rolled back, and applied again.
    pub reversed: Vec<Named>,
    /// Only applied: nobody wrote a rollback.
    pub irreversible: Vec<Named>,
}

/// Tries each migration that is pending, oldest first: applies it, rolls it back, compares with
/// what was there before, applies it again, and compares with the first time. Those without a
/// rollback are only applied.
///
/// Compared are collections, options, validators, indexes and documents. As a rollback in a
/// transaction cannot drop a collection, an empty one with nothing of its own counts as none. Ids
/// and times that are made anew each time count as equal.
///
/// So a test says from which version on, and puts documents there for the migrations to work on.
/// Where nothing is pending, all are tried in a database of their own, which is empty at first:
///
/// ```no_run
/// use mongrate::{bson::{Document, doc}, testing::{self, Database, TestError}};
///
/// #[mongrate::test]
/// async fn every_rollback_works(db: Database) -> Result<(), TestError> {
///     let tried = testing::round_trip(&db).await?;
///     assert_eq!(tried.irreversible.len(), 1, "{:?}", tried.irreversible);
///     Ok(())
/// }
///
/// #[mongrate::test(at = 20250122005)]
/// async fn names_survive_a_rollback(db: Database) -> Result<(), TestError> {
///     let patients = db.collection::<Document>("patients");
///     patients.insert_one(doc! { "name": "Anna van der Berg" }).await.unwrap();
///     testing::round_trip(&db).await.map(drop)
/// }
/// ```
///
/// # Errors
///
/// [`TestError::Differs`] with the first difference, [`TestError::Migration`] when one fails. The
/// database is as it was then, so that one can look.
pub async fn round_trip(database: &Database) -> Result<RoundTrip, TestError> {
    let pending = pending(database).await?;
    if pending.is_empty() {
        return scratch::within(database, "round_trip", async |empty| {
            let all = self::pending(empty).await?;
            each(empty, &all).await
        })
        .await;
    }
    each(database, &pending).await
}

/// What is pending, oldest first.
pub(super) async fn pending(database: &Database) -> Result<Vec<Migration>, TestError> {
    let migrator = database.migrator();
    let act = "read the status";
    let failed = |source| TestError::Migration { act: act.to_owned(), source };
    let status = migrator.status().await.map_err(failed)?;
    let all = migrator.migrations().map_err(failed)?;
    let applied = |one: &Migration| {
        status
            .migrations
            .iter()
            .any(|seen| seen.version == one.version() && seen.state == State::Applied)
    };
    Ok(all.into_iter().filter(|one| !applied(one)).collect())
}

pub(super) fn named(one: &Migration) -> Named {
    Named { version: one.version(), name: one.name().to_owned() }
}

async fn each(database: &Database, pending: &[Migration]) -> Result<RoundTrip, TestError> {
    let since = contents::now(database).await?;
    let mut tried = RoundTrip { reversed: Vec::new(), irreversible: Vec::new() };
    for one in pending {
        if one.is_reversible() {
            there_and_back(database, one, since).await?;
            tried.reversed.push(named(one));
        } else {
            up(database, one, "apply").await?;
            tried.irreversible.push(named(one));
        }
    }
    Ok(tried)
}

async fn there_and_back(
    database: &Database,
    one: &Migration,
    since: DateTime,
) -> Result<(), TestError> {
    let before = Contents::of(database).await?;
    up(database, one, "apply").await?;
    let after = Contents::of(database).await?;

    let down = database.migrator().down().steps(1).await;
    down.map_err(|source| failed(one, "roll back", source))?;
    same(&before, &Contents::of(database).await?, since, one, "was rolled back")?;

    up(database, one, "apply again").await?;
    same(&after, &Contents::of(database).await?, since, one, "was applied again")
}

/// Applies one that is the oldest of those that are pending.
pub(super) async fn up(database: &Database, one: &Migration, act: &str) -> Result<(), TestError> {
    let migrator = database.migrator().out_of_order(OutOfOrder::Allow);
    let ran = migrator.up().to(one.version()).await;
    ran.map(drop).map_err(|source| failed(one, act, source))
}

pub(super) fn failed(one: &Migration, act: &str, source: crate::Error) -> TestError {
    TestError::Migration { act: format!("{act} {}", named(one)), source }
}

pub(super) fn same(
    wanted: &Contents,
    found: &Contents,
    since: DateTime,
    one: &Migration,
    done: &str,
) -> Result<(), TestError> {
    match wanted.difference(found, since) {
        None => Ok(()),
        Some(difference) => {
            let act = format!("after {} {done}", named(one));
            Err(TestError::Differs { act, difference })
        }
    }
}

//! Checks that each rollback restores what was there.

use mongodb::bson::DateTime;

use super::{
    contents::{self, Contents},
    database::Database,
    error::TestError,
    scratch,
};
use crate::{Migration, Migrator, OutOfOrder, State, Up, model::named::Named};

/// What [`round_trip`] tried.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoundTrip {
    /// Migrations that were applied, rolled back, and applied again.
    pub reversed: Vec<Named>,
    /// Migrations without a rollback, which were only applied.
    pub irreversible: Vec<Named>,
}

/// Tries each pending migration, oldest first: applies it, rolls it back, compares with what was
/// there before, applies it again, and compares with the first time. Migrations without a rollback
/// are only applied.
///
/// It compares collections, options, validators, indexes and documents. A rollback in a transaction
/// cannot drop a collection, so an empty collection without options and indexes counts as absent.
/// Generated ids and times count as equal.
///
/// So a test chooses the first version with `at`, and inserts documents for the migrations to work
/// on. If nothing is pending, all migrations are tried in another database, which is empty at
/// first:
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
/// [`TestError::Differs`] with the first difference, [`TestError::Migration`] when a migration
/// fails. The database is left as it was then, so that you can look at it.
pub async fn round_trip(database: &Database) -> Result<RoundTrip, TestError> {
    // Boxed: or every test's future would have room for it.
    Box::pin(try_all(database)).await
}

async fn try_all(database: &Database) -> Result<RoundTrip, TestError> {
    let pending = pending(database).await?;
    if pending.is_empty() {
        return scratch::within(database, "round_trip", async |empty| {
            let all = self::pending(empty).await?;
            try_each(empty, &all).await
        })
        .await;
    }
    try_each(database, &pending).await
}

/// The pending migrations, oldest first.
pub(super) async fn pending(database: &Database) -> Result<Vec<Migration>, TestError> {
    let migrator = database.migrator();
    let act = "read the status";
    let failed = |source| TestError::Migration { act: act.to_owned(), source };
    let status = migrator.status().await.map_err(failed)?;
    let all = migrator.migrations().map_err(failed)?;
    let applied = |migration: &Migration| {
        status.migrations.iter().any(|seen| {
            let is_open = !matches!(seen.state, State::Applied | State::Skipped | State::Replaced);
            seen.version == migration.version() && !is_open
        })
    };
    Ok(all.into_iter().filter(|migration| !applied(migration)).collect())
}

async fn try_each(database: &Database, pending: &[Migration]) -> Result<RoundTrip, TestError> {
    let since = contents::now(database).await?;
    let mut tried = RoundTrip { reversed: Vec::new(), irreversible: Vec::new() };
    for migration in pending {
        if migration.is_reversible() {
            there_and_back(database, migration, since).await?;
            tried.reversed.push(migration.named());
        } else {
            apply(database, migration, "apply").await?;
            tried.irreversible.push(migration.named());
        }
    }
    Ok(tried)
}

async fn there_and_back(
    database: &Database,
    migration: &Migration,
    since: DateTime,
) -> Result<(), TestError> {
    let control = database.control();
    let before = Contents::read(database, &control).await?;
    apply(database, migration, "apply").await?;
    let after = Contents::read(database, &control).await?;

    let down = database.migrator().down().steps(1).await;
    down.map_err(|source| migration_failed(migration, "roll back", source))?;
    check_same(
        &before,
        &Contents::read(database, &control).await?,
        since,
        migration,
        "was rolled back",
    )?;

    apply(database, migration, "apply again").await?;
    check_same(
        &after,
        &Contents::read(database, &control).await?,
        since,
        migration,
        "was applied again",
    )
}

/// Applies the oldest pending migration.
pub(super) async fn apply(
    database: &Database,
    migration: &Migration,
    act: &str,
) -> Result<(), TestError> {
    let migrator = database.migrator().out_of_order(OutOfOrder::Allow);
    let ran = up_to(&migrator, migration).await;
    ran.map(drop).map_err(|source| migration_failed(migration, act, source))
}

/// The run that applies the migration. What is repeatable runs when no version is pending.
pub(super) fn up_to<'a>(migrator: &'a Migrator, migration: &Migration) -> Up<'a> {
    match migration.is_repeatable() {
        true => migrator.up(),
        false => migrator.up().to(migration.version()),
    }
}

pub(super) fn migration_failed(
    migration: &Migration,
    act: &str,
    source: crate::Error,
) -> TestError {
    TestError::Migration { act: format!("{act} {}", migration.named()), source }
}

pub(super) fn check_same(
    wanted: &Contents,
    found: &Contents,
    since: DateTime,
    migration: &Migration,
    done: &str,
) -> Result<(), TestError> {
    match wanted.difference(found, since) {
        None => Ok(()),
        Some(difference) => {
            let act = format!("after {} {done}", migration.named());
            Err(TestError::Differs { act, difference })
        }
    }
}

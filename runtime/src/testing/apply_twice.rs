//! Checks that a run that dies at any command and is repeated leaves what one run leaves.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mongodb::bson::DateTime;

use super::{
    contents::{self, Contents},
    database::Database,
    error::TestError,
    image::Image,
    kill::{self, Kill},
    round_trip::{apply, check_same, migration_failed, pending, up_to},
    scratch,
};
use crate::{Migration, OutOfOrder, model::named::Named};

/// The most crashes of one migration. If it sends more commands, the crashes are spread evenly.
const CRASHES_MAX: usize = 200;

/// How many crashes are tried at a time.
const AT_A_TIME: usize = 8;

/// What [`apply_twice`] tried.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApplyTwice {
    /// The migrations that were tried, in their order.
    pub migrations: Vec<Crashed>,
}

/// The crashes of one migration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Crashed {
    /// The migration.
    pub migration: Named,
    /// How many commands a run of the migration sends, including the protocol's own.
    pub commands: usize,
    /// How many crashes were tried: one before each command, up to 200.
    pub crashes: usize,
}

/// Tries each pending migration, oldest first: applies it once without a crash. Then, in copies of
/// the database, lets a run crash before each command that the migration sends, and applies it
/// again, as the next start of an app does. Each copy has to hold what the run without a crash
/// left.
///
/// A crash after a command is a crash before the next, so these are all possible crashes. Mongrate
/// guarantees that a transactional migration passes; this finds online bodies that do something
/// outside of their steps that must not be done twice.
///
/// It compares what [`round_trip`](super::round_trip()) compares, and starts with the first pending
/// migration; if none is pending, with the first migration in an empty database. It copies the
/// database for each crash, so use few documents.
///
/// ```no_run
/// use mongrate::testing::{self, Database, TestError};
///
/// #[mongrate::test]
/// async fn a_crash_does_no_harm(db: Database) -> Result<(), TestError> {
///     testing::apply_twice(&db).await.map(drop)
/// }
/// ```
///
/// # Errors
///
/// [`TestError::Differs`] with the first difference and the command at which the run died;
/// [`TestError::Migration`] when a migration fails, also after a crash; [`TestError::SetUp`] when
/// the database holds more than 32 MB.
pub async fn apply_twice(database: &Database) -> Result<ApplyTwice, TestError> {
    // Boxed: or every test's future would have room for it.
    Box::pin(try_all(database)).await
}

async fn try_all(database: &Database) -> Result<ApplyTwice, TestError> {
    let pending = pending(database).await?;
    if pending.is_empty() {
        return scratch::within(database, "twice", async |empty| {
            let all = self::pending(empty).await?;
            try_each(empty, &all).await
        })
        .await;
    }
    try_each(database, &pending).await
}

async fn try_each(database: &Database, pending: &[Migration]) -> Result<ApplyTwice, TestError> {
    let since = contents::now(database).await?;
    let mut migrations = Vec::with_capacity(pending.len());
    for migration in pending {
        migrations.push(crash_at_each_command(database, migration, since).await?);
    }
    Ok(ApplyTwice { migrations })
}

async fn crash_at_each_command(
    database: &Database,
    migration: &Migration,
    since: DateTime,
) -> Result<Crashed, TestError> {
    let image = Image::read(database).await?.ok_or_else(|| {
        TestError::set_up("copy the database for each crash", "it holds more than 32 MB")
    })?;
    // Without a crash, in the test's own database; this run counts the commands.
    let (ended, commands) = kill::run(database, Kill::before(usize::MAX), async |migrator| {
        up_to(&migrator.out_of_order(OutOfOrder::Allow), migration).await
    })
    .await?;
    if let Some(Err(source)) = ended {
        return Err(migration_failed(migration, "apply", source));
    }
    let control = &database.control();
    let wanted = Contents::read(database, control).await?;
    let points = points(commands);
    let (image, wanted) = (&image, &wanted);
    // Several at a time: most of the work is waiting for the server.
    let crashes = stream::iter(points.iter().copied()).map(|number| async move {
        scratch::within(database, &format!("crash_{number}"), async |copy| {
            image.fill(copy, control).await?;
            crash_at(copy, migration, number).await?;
            let done = format!("died before its command {number}, and was applied again");
            check_same(wanted, &Contents::read(copy, control).await?, since, migration, &done)
        })
        .await
    });
    crashes.buffer_unordered(AT_A_TIME).try_collect::<()>().await?;
    Ok(Crashed { migration: migration.named(), commands, crashes: points.len() })
}

async fn crash_at(copy: &Database, migration: &Migration, number: usize) -> Result<(), TestError> {
    // A migration that fails before this command fails again in the next attempt, which reports it.
    kill::run(copy, Kill::before(number), async |migrator| {
        let _ = up_to(&migrator.out_of_order(OutOfOrder::Allow), migration).await;
    })
    .await?;
    apply(copy, migration, &format!("apply, after a crash before its command {number},")).await
}

/// The commands to crash at: all, or an even choice with the first and the last.
fn points(commands: usize) -> Vec<usize> {
    if commands <= CRASHES_MAX {
        return (1..=commands).collect();
    }
    (0..CRASHES_MAX).map(|at| 1 + at * (commands - 1) / (CRASHES_MAX - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_command_are_among_them() {
        assert_eq!(points(3), [1, 2, 3]);
        assert!(points(0).is_empty());
        let many = points(5_001);
        assert_eq!((many.len(), many.first(), many.last()), (200, Some(&1), Some(&5_001)));
        assert!(many.windows(2).all(|pair| pair[0] < pair[1]));
    }
}

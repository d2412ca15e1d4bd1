//! Runs that die, and commands that fail, where a test says.

use mongrate::{
    Error, Migration, State,
    bson::doc,
    testing::{Database, Fail, Kill, TestError, fail, kill},
};
use mongrate_tests::{
    effect,
    effects::{assert_exactly_once, present},
};

const THREE: [Migration; 3] = [effect!(1), effect!(2), effect!(3)];

#[mongrate::test(at = 0)]
async fn a_run_dies_before_a_command(db: Database) -> Result<(), TestError> {
    let db = db.with_migrations(THREE);
    let commit = Kill::before(2).of("commitTransaction");
    assert!(kill(&db, commit, async |migrator| migrator.up().await).await?.is_none());
    // The first was committed, the second was not.
    assert_eq!(present(&db).await, [1]);
    db.migrate().await.unwrap();
    assert_exactly_once(&db, 1..=3).await;
    Ok(())
}

#[mongrate::test(at = 0)]
async fn a_run_dies_after_a_command(db: Database) -> Result<(), TestError> {
    let db = db.with_migrations(THREE);
    let commit = Kill::after(2).of("commitTransaction");
    assert!(kill(&db, commit, async |migrator| migrator.up().await).await?.is_none());
    // The second was committed, and its reply was lost.
    assert_eq!(present(&db).await, [1, 2]);
    let status = db.migrator().status().await.unwrap();
    assert_eq!(status.migrations[1].state, State::Applied);
    assert!(!status.lock.held);
    assert_eq!(db.migrate().await.unwrap().versions().len(), 1);
    assert_exactly_once(&db, 1..=3).await;
    Ok(())
}

#[mongrate::test(at = 0)]
async fn a_rollback_dies_too(db: Database) -> Result<(), TestError> {
    let db = db.with_migrations(THREE);
    db.migrate().await.unwrap();
    let died =
        kill(&db, Kill::before(1).of("delete"), async |migrator| migrator.down().all().await);
    assert!(died.await?.is_none());
    assert_exactly_once(&db, 1..=3).await;
    Ok(())
}

#[mongrate::test(at = 0)]
async fn a_run_that_ends_before_says_so(db: Database) -> Result<(), TestError> {
    let db = db.with_migrations(THREE);
    let ran = kill(&db, Kill::before(10_000), async |migrator| migrator.up().await).await?;
    assert_eq!(ran.unwrap().unwrap().versions().len(), 3);
    Ok(())
}

#[mongrate::test(at = 0)]
async fn a_command_fails_and_is_tried_again(db: Database) -> Result<(), TestError> {
    let db = db.with_migrations(THREE);
    let conflict = Fail::command("insert").code(112).label("TransientTransactionError").times(2);
    let report = fail(&db, conflict, async |migrator| migrator.up().await).await?.unwrap();
    assert_eq!(report.steps[0].attempts, 3, "{report:?}");
    assert_exactly_once(&db, 1..=3).await;
    Ok(())
}

#[mongrate::test(at = 0)]
async fn a_command_fails_for_good(db: Database) -> Result<(), TestError> {
    let db = db.with_migrations(THREE);
    let refused = Fail::command("insert").code(13).all_after(1);
    let error = fail(&db, refused, async |migrator| migrator.up().await).await?.unwrap_err();
    assert!(matches!(error, Error::Failed { .. }), "{error}");
    assert_eq!(present(&db).await, [1]);
    // Over: no other command meets it.
    db.migrate().await.unwrap();
    assert_exactly_once(&db, 1..=3).await;
    Ok(())
}

#[mongrate::test(at = 0)]
async fn replies_get_lost(db: Database) -> Result<(), TestError> {
    let db = db.with_migrations(THREE);
    for lost in [
        Fail::command("commitTransaction").times(2),
        Fail::command("update").times(1),
        Fail::command("commitTransaction").write_concern(64),
    ] {
        let report = fail(&db, lost, async |migrator| migrator.up().steps(1).await).await?;
        report.unwrap();
    }
    assert_exactly_once(&db, 1..=3).await;
    db.run_command(doc! { "ping": 1 }).await.unwrap();
    Ok(())
}

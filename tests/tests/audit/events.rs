//! One entry for each event, in the order in which they happened.

use mongrate::{Kind, Migration, Resolution, Version, Wait, bson::doc};
use mongrate_tests::{TestDb, effect};

use super::{FAILS, THREE, audited, chained, documents, events, exported, fence};

#[tokio::test]
async fn each_event_has_one_entry_and_the_fence_names_the_newest() {
    let fresh = TestDb::new("audit_events").await;
    let migrator = audited(&fresh, THREE);
    migrator.up().await.unwrap();
    migrator.down().await.unwrap();
    let lines = exported(&migrator).await;
    let newest = chained(&lines);
    assert_eq!(
        events(&fresh).await,
        ["audit_began", "applied 1", "applied 2", "applied 3", "reverted 3"]
    );
    let head = migrator.audit_head().await.unwrap().unwrap();
    assert_eq!((head.number, &head.hash), (5, &newest));
    let page = migrator.audit().await.unwrap();
    assert!(page.on && page.next.is_none() && page.waiting.is_empty());
    let (first, last) = (&page.entries[1], &page.entries[4]);
    assert_eq!((first.user.as_deref(), &*first.by.app), (Some("anna"), "tests 1.0"));
    assert_eq!(first.by.pid, std::process::id());
    assert_eq!((first.before.count, first.after.count), (0, 1));
    assert_eq!((last.before.count, last.after.count), (3, 2));
    assert_eq!(last.name.as_deref(), Some("effect_3"));
    assert!(last.at >= first.at && first.checksum.is_some());
    // The time is the server's.
    let server = fresh.db.run_command(doc! { "hello": 1 }).await.unwrap();
    let now = server.get_datetime("localTime").unwrap().timestamp_millis();
    let ago = now - last.at.timestamp_millis();
    assert!((0..60_000).contains(&ago), "{ago} ms");
    let found = migrator.verify_audit().head(head).await.unwrap();
    assert!(found.is_whole() && found.gaps.is_empty(), "{found:?}");
    assert_eq!((found.entries, found.first), (5, Some(1)));
    fresh.pass().await;
}

/// What does not go through a migration's own transaction: failures, operators' records.
#[tokio::test]
async fn failures_and_records_have_entries_too() {
    let fresh = TestDb::new("audit_records").await;
    let migrator = audited(&fresh, [effect!(1), effect!(2), FAILS]);
    migrator.baseline(1).await.unwrap();
    migrator.up().await.unwrap_err();
    migrator.resolve(9, Resolution::Applied).await.unwrap();
    migrator.resolve(9, Resolution::Undone).await.unwrap();
    assert_eq!(
        events(&fresh).await,
        ["audit_began", "baseline 1", "applied 2", "failed 9", "resolved 9", "resolved 9"]
    );
    let page = migrator.audit().event("failed").await.unwrap();
    let [failed] = page.entries.as_slice() else { panic!("{page:?}") };
    assert!(failed.failure.as_ref().unwrap().message.contains("the body says no"));
    assert_eq!(failed.before, failed.after);
    // Repairs: a checksum, and a digest that somebody damaged.
    let control = fresh.db.collection::<mongrate::bson::Document>("migrations");
    let edit = doc! { "$set": { "checksum": "other" } };
    control.update_one(doc! { "_id": 2_i64 }, edit).await.unwrap();
    migrator.repair().await.unwrap();
    let found = migrator.verify_audit().await.unwrap();
    // Mongrate found the record as somebody had edited it.
    assert_eq!(found.breaks.len(), 1, "{found:?}");
    assert_eq!(found.breaks[0].kind, mongrate::AuditBreakKind::State);
    assert_eq!(events(&fresh).await.last().unwrap(), "repaired 2");
    fresh.pass().await;
}

/// Steps and batches are no events; a take-over of an interrupted one is.
#[tokio::test]
async fn an_online_migration_has_two_however_many_steps() {
    const ONLINE: Migration = Migration::online_steps(5, "online", |on| {
        Box::pin(async move {
            for name in ["a", "b", "c"] {
                on.transaction(name, async |_| Ok(())).await?;
            }
            on.backfill("fill", "rows")
                .batch_size(2)
                .update(vec![doc! { "$set": { "x": 1 } }])
                .await?;
            Ok(())
        })
    });
    let fresh = TestDb::new("audit_online").await;
    let rows = fresh.db.collection::<mongrate::bson::Document>("rows");
    rows.insert_many((0..11).map(|id| doc! { "_id": id })).await.unwrap();
    let migrator = audited(&fresh, [effect!(1), ONLINE]);
    migrator.up().await.unwrap();
    let expected = ["audit_began", "applied 1", "running 5", "applied 5"];
    assert_eq!(events(&fresh).await, expected);
    let (fence, entries) = (fence(&fresh).await, documents(&fresh).await);
    let audit = fence.get_document("audit").unwrap();
    // Each guarded transaction, also of a step, is accounted for.
    assert_eq!(audit.get_i64("guards").unwrap(), fence.get_i64("guards").unwrap());
    let last = entries.last().unwrap().get_i64("guard").unwrap();
    assert_eq!(last, fence.get_i64("guards").unwrap());
    assert!(migrator.verify_audit().await.unwrap().is_whole());
    fresh.pass().await;
}

/// They are made without the fence, and wait for the next run.
#[tokio::test]
async fn requests_of_operators_are_written_by_the_next_run() {
    let fresh = TestDb::new("audit_requests").await;
    // Before there is a log: in none.
    fresh.migrator(THREE).pause().await.unwrap();
    fresh.migrator(THREE).resume().await.unwrap();
    let migrator = audited(&fresh, THREE);
    migrator.up().steps(1).await.unwrap();
    let ops = fresh.migrator(THREE).user("olga");
    ops.pause().why("the shop is slow").await.unwrap();
    // Asked for twice is asked for once.
    ops.pause().await.unwrap();
    ops.resume().await.unwrap();
    let page = migrator.audit().await.unwrap();
    assert_eq!(
        page.waiting.iter().map(|one| &*one.event).collect::<Vec<_>>(),
        ["paused", "resumed"]
    );
    assert_eq!(migrator.verify_audit().await.unwrap().waiting, 2);
    // This build does not ask for a log; the database remembers it.
    fresh.migrator(THREE).up().await.unwrap();
    assert_eq!(
        events(&fresh).await,
        ["audit_began", "applied 1", "paused", "resumed", "applied 2", "applied 3"]
    );
    let page = migrator.audit().by("olga").await.unwrap();
    assert_eq!(page.entries.len(), 2);
    assert_eq!(page.entries[0].note.as_deref(), Some("the shop is slow"));
    assert!(page.entries[0].at < page.entries[1].at);
    let found = migrator.verify_audit().await.unwrap();
    assert!(found.is_whole() && found.gaps.is_empty() && found.waiting == 0, "{found:?}");
    fresh.pass().await;
}

/// More requests than the lock holds: the log says how many it has not seen.
#[tokio::test]
async fn requests_that_were_pushed_out_are_counted() {
    let fresh = TestDb::new("audit_flood").await;
    let migrator = audited(&fresh, THREE);
    migrator.up().steps(1).await.unwrap();
    for _ in 0..15 {
        migrator.pause().await.unwrap();
        migrator.resume().await.unwrap();
    }
    migrator.up().steps(1).await.unwrap();
    let page = migrator.audit().event("requests_lost").await.unwrap();
    assert_eq!(page.entries[0].note.as_deref(), Some("10 requests"));
    let found = migrator.verify_audit().await.unwrap();
    assert!(found.is_whole() && found.gaps.len() == 1, "{found:?}");
    assert_eq!(found.entries, 2 + 20 + 1 + 1);
    fresh.pass().await;
}

#[tokio::test]
async fn a_lock_that_is_taken_away_has_an_entry() {
    let fresh = TestDb::new("audit_forced").await;
    let migrator = audited(&fresh, THREE);
    migrator.up().steps(1).await.unwrap();
    let control = fresh.db.collection::<mongrate::bson::Document>("migrations");
    let held = doc! { "$set": { "owner": "somebody" } };
    control.update_one(doc! { "_id": "lock" }, held).await.unwrap();
    let fence = migrator.lock_status().await.unwrap().fence;
    migrator.clone().user("olga").force_unlock(fence).await.unwrap();
    migrator.up().await.unwrap();
    let page = migrator.audit().event("force_unlocked").await.unwrap();
    assert_eq!(page.entries[0].user.as_deref(), Some("olga"));
    assert!(migrator.verify_audit().await.unwrap().is_whole());
    fresh.pass().await;
}

/// Two processes at once: one chain.
#[tokio::test]
async fn many_processes_write_one_log() {
    let fresh = TestDb::new("audit_many").await;
    let runs = (0..8).map(async |number| {
        let again = fresh.again().await;
        let migrator = audited(&again, THREE).wait(Wait::Forever).user(format!("user {number}"));
        migrator.up().await.unwrap().done().count()
    });
    let done: usize = futures_util::future::join_all(runs).await.into_iter().sum();
    assert_eq!(done, 3);
    assert_eq!(events(&fresh).await, ["audit_began", "applied 1", "applied 2", "applied 3"]);
    assert!(audited(&fresh, THREE).verify_audit().await.unwrap().is_whole());
    fresh.pass().await;
}

#[tokio::test]
async fn the_log_is_filtered_and_read_in_pages() {
    let fresh = TestDb::new("audit_pages").await;
    let migrator = audited(&fresh, THREE);
    for _ in 0..3 {
        migrator.up().await.unwrap();
        migrator.down().all().await.unwrap();
    }
    let mut numbers = Vec::new();
    let mut before = None;
    loop {
        let mut audit = migrator.audit().limit(4);
        if let Some(before) = before {
            audit = audit.before(before);
        }
        let page = audit.await.unwrap();
        assert!(page.entries.len() <= 4 && page.entries.is_sorted_by_key(|entry| entry.number));
        numbers.extend(page.entries.iter().rev().map(|entry| entry.number));
        let Some(next) = page.next else { break };
        before = Some(next);
    }
    assert_eq!(numbers, (1..=19).rev().collect::<Vec<_>>());
    let page = migrator.audit().version(Version::from(2)).await.unwrap();
    assert_eq!(page.entries.len(), 6);
    let at = page.entries[3].at;
    let since = migrator.audit().since(at).await.unwrap().entries.len();
    let until = migrator.audit().until(at).await.unwrap().entries.len();
    assert_eq!(since + until, 19);
    for wrong in [migrator.audit().limit(0), migrator.audit().limit(1_001)] {
        assert_eq!(wrong.await.unwrap_err().kind(), Kind::Usage);
    }
    let error = migrator.audit().since(at).until(at).await.unwrap_err();
    assert!(error.to_string().contains("since: is not before `until`"), "{error}");
    // A name is a name, not a condition.
    assert!(migrator.audit().by("{$ne: 1}").await.unwrap().entries.is_empty());
    fresh.pass().await;
}

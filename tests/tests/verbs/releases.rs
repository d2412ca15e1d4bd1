//! Releases, tags, and one migration in the middle: what is rolled back, what is refused, and what
//! becomes of the history.

use mongrate::{
    Change, Error, Migration, Migrator, OutOfOrder, Resolution, State, TagAction, Wait,
    bson::{Document, doc},
};
use mongrate_tests::{
    TestDb, effect,
    effects::{assert_exactly_once, present, versions},
    irreversible, is_mongos,
};

use super::FIVE;

/// A declared migration that adds a field.
macro_rules! field {
    ($version:literal, $path:literal) => {
        Migration::declared($version, concat!("add_", $path), |change: &mut Change| {
            change.add_field("users", $path, $version);
        })
    };
}

async fn release(fresh: &TestDb, app: &str, list: &[Migration]) -> Migrator {
    let migrator = fresh.migrator(list.to_vec()).app(app);
    migrator.up().await.unwrap();
    migrator
}

#[tokio::test]
async fn down_to_a_release_undoes_what_later_ones_applied() {
    let fresh = TestDb::new("to_release").await;
    release(&fresh, "shop 1.10", &FIVE[..2]).await;
    release(&fresh, "shop 1.9", &FIVE[..3]).await;
    let migrator = release(&fresh, "shop 1.11", &FIVE).await;
    let status = migrator.status().await.unwrap();
    let by: Vec<&str> =
        status.migrations.iter().map(|one| one.by.as_ref().unwrap().release()).collect();
    assert_eq!(by, ["shop 1.10", "shop 1.10", "shop 1.9", "shop 1.11", "shop 1.11"]);

    let error = migrator.down().to_release("shop 1.8").await.unwrap_err();
    let known = "`shop 1.10`, `shop 1.9`, `shop 1.11`";
    assert!(error.to_string().contains(known), "{error}");
    assert!(migrator.down().to_release("shop 1.11").await.unwrap().is_empty());
    // The order of application decides, not that of the texts.
    let report = migrator.down().to_release("shop 1.10").why("1.9 loses orders").await.unwrap();
    assert_eq!(report.versions(), versions([5, 4, 3]));
    assert_eq!(present(&fresh.db).await, [1, 2]);
    assert!(matches!(
        migrator.down().to_release("shop 1.9").await,
        Err(Error::UnknownRelease { .. })
    ));

    let history = migrator.history().await.unwrap();
    let reverted: Vec<_> =
        history.events.iter().filter(|event| event.event == "reverted").collect();
    assert_eq!(reverted.len(), 3);
    assert!(reverted.iter().all(|event| event.note.as_deref() == Some("1.9 loses orders")));
    let of_release = history.of_release("shop 1.9");
    assert_eq!(of_release.events.len(), 1, "{of_release:#?}");
    fresh.pass().await;
}

#[tokio::test]
async fn a_rollback_deploy_that_applies_something_has_to_be_told_apart() {
    let fresh = TestDb::new("rollback_deploy").await;
    release(&fresh, "shop 1", &FIVE[..1]).await;
    release(&fresh, "shop 2", &FIVE[..2]).await;
    // The old release is deployed again, with a fix.
    let list = [FIVE[0], FIVE[2]];
    release(&fresh, "shop 1", &list).await;
    let migrator = release(&fresh, "shop 3", &FIVE[..4]).await;
    let error = migrator.down().to_release("shop 1").await.unwrap_err();
    let Error::AmbiguousRelease { stretches, .. } = &error else { panic!("{error}") };
    assert_eq!(stretches.iter().map(|one| one.later).collect::<Vec<_>>(), [3, 2, 1, 0]);
    let text = error.to_string();
    assert!(
        text.contains("`shop 1` applied 1 migration, 1 `effect_1`; `down --steps 3`"),
        "{text}"
    );
    assert_eq!(present(&fresh.db).await, [1, 2, 3, 4]);
    assert_eq!(migrator.down().steps(3).await.unwrap().versions(), versions([4, 3, 2]));
    fresh.pass().await;
}

#[tokio::test]
async fn a_tag_leads_back_to_the_state_that_it_names() {
    let fresh = TestDb::new("tags").await;
    let migrator = fresh.migrator(FIVE).app("shop 1");
    let error = migrator.tag("nothing").await.unwrap_err();
    assert!(error.to_string().contains("nothing is applied"), "{error}");
    migrator.up().steps(2).await.unwrap();
    let set = migrator.tag("v1").why("before the sale").await.unwrap();
    assert_eq!((set.action, set.applied, set.last.version.get()), (TagAction::Set, 2, 2));
    assert_eq!(migrator.tag("v1").await.unwrap().action, TagAction::Unchanged);
    assert_eq!(migrator.tag("also").await.unwrap().action, TagAction::Set);
    migrator.up().await.unwrap();
    assert!(migrator.up().await.unwrap().is_empty(), "the digest is as it was");

    let error = migrator.tag("v1").await.unwrap_err();
    assert!(matches!(&error, Error::TagTaken { applied: 2, .. }), "{error}");
    let tags = migrator.tags().await.unwrap().tags;
    let shown: Vec<_> = tags.iter().map(|tag| (tag.name.as_str(), tag.later)).collect();
    assert_eq!(shown, [("v1", Some(3)), ("also", Some(3))]);
    assert_eq!(tags[0].why.as_deref(), Some("before the sale"));
    assert_eq!(tags[0].by.release(), "shop 1");

    assert_eq!(
        migrator.down().to_tag("v1").plan().await.unwrap().steps.len(),
        3,
        "a plan knows it"
    );
    let tried = migrator.down().to_tag("v1").dry_run().await.unwrap();
    assert!(tried.is_ok() && tried.steps.len() == 3, "{tried:?}");
    assert_eq!(migrator.down().to_tag("v1").await.unwrap().versions(), versions([5, 4, 3]));
    assert_exactly_once(&fresh.db, 1..=2).await;
    assert!(migrator.down().to_tag("also").await.unwrap().is_empty());

    // Out of reach while its set is not applied, and there again once it is.
    migrator.down().await.unwrap();
    assert_eq!(migrator.tags().await.unwrap().tags[0].later, None);
    let error = migrator.down().to_tag("v1").await.unwrap_err();
    assert!(matches!(error, Error::TagUnreachable { applied: 2, .. }), "{error}");
    migrator.up().await.unwrap();
    assert_eq!(migrator.tags().await.unwrap().tags[0].later, Some(3));

    let moved = migrator.tag("v1").moving(true).await.unwrap();
    assert_eq!((moved.action, moved.applied), (TagAction::Moved, 5));
    assert_eq!(migrator.remove_tag("also").await.unwrap().action, TagAction::Removed);
    assert!(matches!(migrator.remove_tag("also").await, Err(Error::UnknownTag { .. })));
    let tags = migrator.tags().await.unwrap().tags;
    assert_eq!(tags.len(), 1);
    assert_eq!((tags[0].name.as_str(), tags[0].later), ("v1", Some(0)));
    let history = migrator.history().await.unwrap();
    let of_tags: Vec<_> = history
        .events
        .iter()
        .filter(|event| event.event.ends_with("tagged"))
        .map(|event| (event.event.as_str(), event.note.as_deref().unwrap()))
        .collect();
    assert_eq!(
        of_tags,
        [
            ("tagged", "v1: before the sale"),
            ("tagged", "also"),
            ("untagged", "v1"),
            ("tagged", "v1"),
            ("untagged", "also"),
        ]
    );
    fresh.pass().await;
}

/// It is written under the lock: while another process has it, nothing is named.
#[tokio::test]
async fn a_tag_waits_for_a_run() {
    let fresh = TestDb::new("tag_waits").await;
    let migrator = fresh.migrator([effect!(1)]);
    migrator.up().await.unwrap();
    let control = fresh.db.collection::<Document>("migrations");
    let by = doc! { "host": "other", "pid": 1_i64, "app": "shop 2" };
    let held = doc! {
        "owner": "someone", "by": by,
        "expiresAt": mongrate::bson::DateTime::from_millis(i64::from(i32::MAX) * 10_000),
    };
    control.update_one(doc! { "_id": "lock" }, doc! { "$set": held }).await.unwrap();
    let impatient = migrator.clone().wait(Wait::No);
    assert!(matches!(impatient.tag("v1").await, Err(Error::LockHeld { .. })));
    assert!(matches!(impatient.remove_tag("v1").await, Err(Error::LockHeld { .. })));
    assert!(migrator.tags().await.unwrap().tags.is_empty());
    fresh.pass().await;
}

/// A build that knows no tags leaves them alone, and a tag that cannot be read is told.
#[tokio::test]
async fn a_tag_is_a_field_of_a_record() {
    let fresh = TestDb::new("tag_field").await;
    let migrator = fresh.migrator(FIVE);
    migrator.up().await.unwrap();
    migrator.tag("v1").await.unwrap();
    let control = fresh.db.collection::<Document>("migrations");
    let record = control.find_one(doc! { "_id": 5_i64 }).await.unwrap().unwrap();
    assert_eq!(record.get_array("tags").unwrap().len(), 1, "{record}");
    // Rolled back and applied again, by statements that name the fields which they change.
    migrator.redo().await.unwrap();
    assert_eq!(migrator.tags().await.unwrap().tags[0].later, Some(0));
    let broken = doc! { "$set": { "tags.0.applied": 7 } };
    control.update_one(doc! { "_id": 5_i64 }, broken).await.unwrap();
    let error = migrator.tags().await.unwrap_err();
    assert!(error.to_string().contains("its `tags` cannot be read"), "{error}");
    fresh.pass().await;
}

#[tokio::test]
async fn one_in_the_middle_of_functions_has_to_be_vouched_for() {
    let fresh = TestDb::new("only_functions").await;
    let migrator = fresh.migrator(FIVE);
    migrator.up().await.unwrap();
    let error = migrator.down().only(3).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("4 `effect_4` cannot be known: a transactional function"), "{text}");
    assert!(text.contains("`down --only 3 --independent 4,5`"), "{text}");
    assert!(text.contains("`down --steps 3`"), "{text}");
    let error = migrator.down().only(3).independent_of([4]).await.unwrap_err();
    assert!(matches!(&error, Error::NotIndependent { later, .. } if later.len() == 1), "{error}");
    for (error, code) in [
        (migrator.down().only(3).independent_of([4, 2]).await.unwrap_err(), "settings"),
        (migrator.down().only(3).independent_of([9]).await.unwrap_err(), "unknown_version"),
        (migrator.down().only(9).await.unwrap_err(), "unknown_version"),
        (migrator.down().only(3).why("w".repeat(501)).await.unwrap_err(), "settings"),
    ] {
        assert_eq!(error.code(), code, "{error}");
    }
    assert_eq!(present(&fresh.db).await, [1, 2, 3, 4, 5]);

    let down = || migrator.down().only(3).independent_of([4, 5]);
    let plan = down().plan().await.unwrap();
    assert_eq!(plan.late.len(), 1, "{plan:?}");
    if !is_mongos(&fresh.db).await {
        assert!(down().shadow().await.unwrap().is_ok());
    }
    assert_eq!(down().why("wrong").await.unwrap().versions(), versions([3]));
    assert_eq!(present(&fresh.db).await, [1, 2, 4, 5]);

    // It is pending, and not applied again by accident.
    let status = migrator.status().await.unwrap();
    assert_eq!(status.migrations[2].state, State::Pending);
    assert_eq!((status.applied, status.pending), (4, 1));
    for error in [
        migrator.up().await.unwrap_err(),
        migrator.check().await.unwrap_err(),
        migrator.plan().await.unwrap_err(),
    ] {
        assert!(matches!(&error, Error::OutOfOrder { rolled_back, .. } if rolled_back.len() == 1));
        assert!(error.to_string().contains("3 was rolled back while newer ones stayed"), "{error}");
    }
    // A build without it finds nothing to do, in one look.
    let without = fresh.migrator([FIVE[0], FIVE[1], FIVE[3], FIVE[4]]);
    fresh.wire.take();
    assert!(without.up().await.unwrap().is_empty());
    assert_eq!(fresh.wire.take(), ["find"]);
    without.check().await.unwrap();

    // It comes back where that is said.
    let any_order = migrator.clone().out_of_order(OutOfOrder::Allow);
    assert_eq!(any_order.up().await.unwrap().versions(), versions([3]));
    assert_eq!(present(&fresh.db).await, [1, 2, 3, 4, 5]);
    assert_eq!(migrator.down().await.unwrap().versions(), versions([3]), "applied last");
    fresh.pass().await;
}

#[tokio::test]
async fn declared_ones_say_what_they_touch() {
    let fresh = TestDb::new("only_declared").await;
    let users = fresh.db.collection::<Document>("users");
    users.insert_one(doc! { "_id": 1, "plan": "mine" }).await.unwrap();
    let list = [
        field!(1, "plan"),
        field!(2, "age"),
        Migration::declared(3, "by_plan", |change: &mut Change| {
            change.create_index("users", doc! { "plan": 1 });
        }),
        field!(4, "address.city"),
        field!(5, "address.zip"),
    ];
    let migrator = fresh.migrator(list);
    migrator.up().await.unwrap();
    let error = migrator.down().only(1).await.unwrap_err().to_string();
    assert!(error.contains("\n  3 `by_plan` touches `users.plan`\n"), "{error}");
    assert!(!error.contains("--independent"), "{error}");
    let error = migrator.down().only(4).await.unwrap_err().to_string();
    let both = "5 `add_address.zip` touches `users.address.zip` (4: `users.address.city`)";
    assert!(error.contains(both), "{error}");
    // The word of the user does not count against what is known.
    let error = migrator.down().only(1).independent_of([3]).await.unwrap_err();
    assert!(matches!(error, Error::NotIndependent { .. }), "{error}");
    for version in [2, 3, 1] {
        assert_eq!(migrator.down().only(version).await.unwrap().versions(), versions([version]));
    }
    let found = users.find_one(doc! {}).await.unwrap().unwrap();
    assert_eq!(found, doc! { "_id": 1, "plan": "mine", "address": { "city": 4, "zip": 5 } });
    // For builds that have to start with them, they count as applied again.
    for version in [1, 2, 3] {
        migrator.resolve(version, Resolution::Applied).await.unwrap();
    }
    assert!(migrator.up().await.unwrap().is_empty());
    fresh.pass().await;
}

#[tokio::test]
async fn redo_of_one_in_the_middle() {
    let fresh = TestDb::new("redo_only").await;
    let list = [field!(1, "plan"), field!(2, "age"), effect!(3)];
    fresh.db.collection("users").insert_one(doc! { "_id": 1 }).await.unwrap();
    let migrator = fresh.migrator(list);
    migrator.up().await.unwrap();
    let error = migrator.redo().only(1).await.unwrap_err();
    assert!(matches!(error, Error::NotIndependent { .. }), "{error}");
    let report = migrator.redo().only(1).independent_of([3]).await.unwrap();
    assert_eq!(report.versions(), versions([1, 1]));
    assert!(migrator.up().await.unwrap().is_empty());
    // It was applied last now.
    assert_eq!(migrator.down().await.unwrap().versions(), versions([1]));
    fresh.pass().await;
}

/// What is not in this build, or has no rollback, is refused as by every `down`.
#[tokio::test]
async fn only_what_this_build_can_undo() {
    let fresh = TestDb::new("only_refused").await;
    fresh.migrator([irreversible!(1), effect!(2), effect!(3)]).up().await.unwrap();
    let migrator = fresh.migrator([irreversible!(1), effect!(3)]);
    let error = migrator.down().only(2).independent_of([3]).await.unwrap_err();
    assert!(matches!(error, Error::NotLinked { .. }), "{error}");
    let error = migrator.down().only(1).independent_of([2, 3]).await.unwrap_err();
    assert!(matches!(error, Error::Irreversible { .. }), "{error}");
    let error = migrator.down().only(1).independent_of([3]).await.unwrap_err();
    assert!(error.to_string().contains("2 `effect_2` cannot be known: this build"), "{error}");
    assert_eq!(present(&fresh.db).await, [1, 2, 3]);
    fresh.pass().await;
}

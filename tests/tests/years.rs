//! Histories that live for years: squashes, labels, repeatable migrations, tags, orders across groups,
//! policies and the audit log together.

use std::time::Duration;

use mongrate::{
    Change, LintLimits, Migration, Policies, Resolution, StartPolicy, Tool, Version,
    bson::{Document, doc},
    webhook,
};
use mongrate_seal::{Applied, Replaces};
use mongrate_tests::{
    TestDb, effect,
    effects::{present, versions},
    is_mongos,
    receiver::{Receiver, Reply},
};

/// What a run did: the versions, the squash that it recorded, and how many it skipped.
macro_rules! ran {
    ($migrator:expr) => {
        $migrator.up().await.map(|report| {
            (report.versions(), report.stands.map(|squash| squash.version), report.skipped.len())
        })
    };
}

fn old() -> [Migration; 3] {
    [effect!(1), effect!(2), effect!(5)]
}

fn body(change: &mut Change) {
    change.create_collection("squashed");
}

fn squash(version: i64) -> Migration {
    squash_of(version, &old())
}

fn squash_of(version: i64, old: &[Migration]) -> Migration {
    Migration::declared(version, "squash_of_all", body).replacing(text(old))
}

fn irreversible_squash() -> Migration {
    Migration::online_steps(6, "sq", |_| Box::pin(async { Ok(()) })).replacing(text(&old()))
}
fn text(old: &[Migration]) -> &'static str {
    let checksums: Vec<(i64, String)> =
        old.iter().map(|one| (one.version().get(), one.checksum().into_owned())).collect();
    let applied = Applied::of(checksums.iter().map(|(version, text)| (*version, &**text)));
    let to = checksums.iter().map(|(version, _)| *version).max().unwrap();
    Replaces { to, applied }.to_string().leak()
}
fn both() -> [Migration; 5] {
    let [one, two, five] = old();
    [one, two, five, squash(6), effect!(9)]
}
fn rep() -> Migration {
    Migration::repeatable("rep", |tx| {
        Box::pin(async move {
            tx.collection::<Document>("r").insert_one(doc! {}).await?;
            Ok(())
        })
    })
}
fn half_view() -> Migration {
    Migration::repeatable_online("view", |on| {
        Box::pin(async move {
            on.transaction("first", async |tx| {
                tx.collection::<Document>("v").insert_one(doc! {}).await?;
                Ok(())
            })
            .await?;
            Err("half".into())
        })
    })
    .with_checksum("a")
}

#[tokio::test]
async fn warn_starts_whatever_the_history_looks_like() {
    let fresh = TestDb::new("x01").await;
    fresh.migrator(old()).up().steps(1).await.unwrap();
    let after = fresh.migrator([squash(6), effect!(9)]);
    after.on_start().policy(StartPolicy::Warn).await.expect("only warns");
}

#[tokio::test]
async fn warn_starts_whatever_the_policies_refuse() {
    let fresh = TestDb::new("x01b").await;
    fresh.migrator([effect!(1)]).up().await.unwrap();
    let many = Migration::transactional(20, "many", |_| Box::pin(async { Ok(()) }))
        .writing_many(&["effects"]);
    let big = fresh
        .migrator([effect!(1), many])
        .policies(Policies::new().deny_all())
        .lint_limits(LintLimits::new().transaction_documents_max(0));
    big.on_start().policy(StartPolicy::Warn).await.expect("only warns");
}

#[tokio::test]
async fn a_tag_outlives_a_squash_with_a_number_of_its_own() {
    let fresh = TestDb::new("x02").await;
    fresh.migrator(old()).up().await.unwrap();
    fresh.migrator(old()).tag("t").await.unwrap();
    let [one, two, five] = old();
    let build = fresh.migrator([one, two, five, irreversible_squash(), effect!(9)]);
    build.up().await.unwrap();
    let report = build.down().to_tag("t").await.expect("9 is rolled back, and nothing else");
    assert_eq!(report.versions(), [Version::from(9)]);
}

#[tokio::test]
async fn baseline_in_a_build_with_both_records_what_was_named() {
    let fresh = TestDb::new("x03").await;
    let build = fresh.migrator(both());
    let report = build.baseline(Version::from(5)).await.unwrap();
    let after = ran!(build).unwrap();
    let ran_squash =
        fresh.db.list_collection_names().await.unwrap().contains(&"squashed".to_owned());
    assert!(!ran_squash, "the squash ran in a database that has it all: {report:?} {after:?}");
}

#[tokio::test]
async fn baseline_half_way_is_refused_or_records_the_squash() {
    let fresh = TestDb::new("x03b").await;
    fresh.migrator(old()).up().steps(1).await.unwrap();
    let build = fresh.migrator([squash(6), effect!(9)]);
    let baseline = build.baseline(Version::from(9)).await;
    let after = ran!(build);
    assert!(baseline.is_err() || after.is_ok(), "{baseline:?}, and then {after:?}");
}

#[tokio::test]
async fn a_squash_has_no_labels() {
    let fresh = TestDb::new("x04").await;
    let [one, two, five] = old();
    let build = fresh.migrator([one, two, five, squash(6).labelled(&["demo"]), effect!(9)]);
    let ended = ran!(build);
    assert!(
        ended.is_err() || present(&fresh.db).await == [1, 2, 5, 9],
        "nothing of 1, 2, 5 and of the squash ran: {ended:?}"
    );
}

#[tokio::test]
async fn a_squash_that_did_not_run_is_not_rolled_back() {
    fn make(change: &mut Change) {
        change.create_collection("squashed");
    }
    let fresh = TestDb::new("x05").await;
    let list = [Migration::declared(1, "make", make), effect!(2)];
    fresh.migrator(list).up().await.unwrap();
    fresh.db.collection::<Document>("squashed").insert_one(doc! { "precious": 1 }).await.unwrap();
    let sq = squash_of(3, &list);
    let build = fresh.migrator([sq, effect!(9)]);
    build.up().await.unwrap();
    let _ = build.down().all().await;
    let left = fresh.db.collection::<Document>("squashed").count_documents(doc! {}).await.unwrap();
    assert_eq!(left, 1, "the rollback of a squash that was never run took away what others made");
}

#[tokio::test]
async fn a_word_about_a_squash_can_be_taken_back() {
    let fresh = TestDb::new("x06").await;
    fresh.migrator(old()).up().to(Version::from(2)).await.unwrap();
    let after = fresh.migrator([squash(6), effect!(9)]);
    after.resolve(Version::from(6), Resolution::Applied).await.unwrap();
    after.resolve(Version::from(6), Resolution::Undone).await.unwrap();
    let ended = ran!(after);
    assert!(
        ended.is_err(),
        "it was refused before (1 and 2 are there), and runs the squash over them now: {ended:?}"
    );
}

#[tokio::test]
async fn what_is_replaced_is_not_resolved() {
    let fresh = TestDb::new("x06b").await;
    fresh.migrator(old()).up().await.unwrap();
    let build = fresh.migrator(both());
    build.up().await.unwrap();
    let resolved = build.resolve(Version::from(1), Resolution::Applied).await;
    fresh.wire.take();
    build.up().await.unwrap();
    assert!(
        resolved.is_err() || fresh.wire.take() == ["find"],
        "each start reads the history from now on, and nothing says why"
    );
}

/// All is applied that the squash stands for: a plan waits until the squash is recorded.
#[tokio::test]
async fn a_plan_where_a_squash_is_to_be_recorded_names_a_way_out_that_works() {
    let fresh = TestDb::new("x07b").await;
    fresh.migrator(old()).up().await.unwrap();
    let build = fresh.migrator(both()).policies(Policies::new().plan_required());
    let refused = build.up().plan_file().await.unwrap_err().to_string();
    assert!(refused.contains("run `up --to 6` first"), "{refused}");
    // As it says.
    let recorded = build.up().to(Version::from(6)).await.unwrap();
    assert!(recorded.stands.is_some() && recorded.done().next().is_none(), "it runs nothing");
    let plan = build.up().plan_file().await.unwrap();
    assert_eq!(build.up().approved(&plan).await.unwrap().versions(), versions([9]));
}

#[tokio::test]
async fn plan_required_half_way_names_a_way_out_that_works() {
    let fresh = TestDb::new("x07").await;
    fresh.migrator(old()).up().to(Version::from(1)).await.unwrap();
    let build = fresh.migrator(both()).policies(Policies::new().plan_required());
    let refused = build.up().plan_file().await.unwrap_err().to_string();
    assert!(refused.contains("`plan --to 5 --out FILE`"), "{refused}");
    // As it says.
    let plan = build.up().to(Version::from(5)).plan_file().await.unwrap();
    build.up().approved(&plan).await.unwrap();
    assert!(build.up().to(Version::from(6)).await.unwrap().stands.is_some());
    let plan = build.up().plan_file().await.unwrap();
    build.up().approved(&plan).await.unwrap();
    assert_eq!(present(&fresh.db).await, [1, 2, 5, 9]);
}

#[tokio::test]
async fn a_half_done_repeatable_that_is_gone_does_not_block_down() {
    let fresh = TestDb::new("x08").await;
    let _ = fresh.migrator([effect!(1), effect!(2), half_view()]).up().await;
    let without = fresh.migrator([effect!(1), effect!(2)]);
    let down = without.down().steps(1).await;
    let resolved = without.resolve(half_view().version(), Resolution::Pending).await;
    assert!(down.is_ok() || resolved.is_ok(), "{down:?}, and its way out: {resolved:?}");
}

#[tokio::test]
async fn a_repeatable_after_another_group_does_not_block_its_rollback_for_ever() {
    let fresh = TestDb::new("x09").await;
    let list = || {
        [
            effect!(1).in_group("billing"),
            rep().in_group("shop").coming_after(&["billing::1"]),
            effect!(3).in_group("shop"),
        ]
    };
    for group in ["billing", "shop"] {
        fresh.migrator(list()).group(group).up().await.unwrap();
    }
    // As the refusal says.
    fresh.migrator(list()).group("shop").down().all().await.unwrap();
    fresh.migrator(list()).group("billing").down().all().await.unwrap();
}

#[tokio::test]
async fn import_leaves_out_repeatable_ones() {
    let fresh = TestDb::new("x10").await;
    fresh
        .db
        .collection::<Document>("schema_migrations")
        .insert_one(doc! {"version": 3_i64, "dirty": false})
        .await
        .unwrap();
    let build = fresh.migrator([effect!(1), effect!(3), rep()]);
    build.import(Tool::GolangMigrate).await.unwrap();
    build.up().await.unwrap();
    assert_eq!(
        fresh.db.collection::<Document>("r").count_documents(doc! {}).await.unwrap(),
        1,
        "it never runs"
    );
}

#[tokio::test]
async fn import_leaves_out_what_is_not_selected_and_a_squash_of_what_is_there() {
    let fresh = TestDb::new("x10b").await;
    fresh
        .db
        .collection::<Document>("schema_migrations")
        .insert_one(doc! {"version": 6_i64, "dirty": false})
        .await
        .unwrap();
    let build = fresh.migrator(both());
    build.import(Tool::GolangMigrate).await.unwrap();
    build.up().await.unwrap();
    fresh.wire.take();
    build.up().await.unwrap();
    assert_eq!(fresh.wire.take(), ["find"], "both the squash and what it stands for count");
}

#[tokio::test]
async fn after_a_skipped_one_is_not_waited_for() {
    let fresh = TestDb::new("x11").await;
    let list = || {
        [
            effect!(2).in_group("billing").labelled(&["eu"]),
            effect!(3).in_group("billing"),
            effect!(7).in_group("shop").coming_after(&["billing::2"]),
        ]
    };
    fresh.migrator(list()).group("billing").up().await.unwrap();
    // It has had its turn.
    fresh.migrator(list()).group("shop").up().await.unwrap();
}

#[tokio::test]
async fn what_was_left_out_by_labels_is_not_late_after_a_baseline() {
    let fresh = TestDb::new("x12").await;
    let list = || [effect!(1), effect!(2).labelled(&["demo"]), effect!(3)];
    fresh.migrator(list()).baseline(Version::from(3)).await.unwrap();
    fresh.migrator(list()).labels(["demo"]).up().await.expect("it was left out on purpose");
}

#[tokio::test]
async fn nor_after_up_and_down() {
    let fresh = TestDb::new("x12b").await;
    let list = || [effect!(1), effect!(2).labelled(&["demo"]), effect!(3)];
    fresh.migrator(list()).up().await.unwrap();
    let demo = fresh.migrator(list()).labels(["demo"]);
    demo.up().await.unwrap();
    demo.down().await.unwrap();
    demo.up().await.expect("up, down, up");
}

#[tokio::test]
async fn a_word_over_a_half_done_one_leaves_no_history_that_cannot_be_tagged() {
    let fresh = TestDb::new("x13").await;
    let half = Migration::online_steps(5, "five", |on| {
        Box::pin(async move {
            on.transaction("first", async |tx| {
                tx.collection::<Document>("v").insert_one(doc! {}).await?;
                Ok(())
            })
            .await?;
            Err("half".into())
        })
    })
    .with_checksum("a");
    let list = [effect!(1), effect!(2), half];
    let _ = fresh.migrator(list).up().await;
    let after = fresh.migrator([squash_of(6, &list), effect!(9)]);
    after.resolve(Version::from(6), Resolution::Applied).await.unwrap();
    after.up().await.unwrap();
    after.tag("x").await.expect("5 is the squash's now");
}

#[tokio::test]
async fn one_squash_after_another_is_finished_by_a_build_that_can() {
    let fresh = TestDb::new("x14").await;
    fresh.migrator(old()).up().await.unwrap();
    let first = squash(6);
    let second = Migration::declared(10, "second", body).replacing(text(&[first, effect!(9)]));
    let build = fresh.migrator([first, effect!(9), second, effect!(12)]);
    build.up().await.expect("the build has all of it");
}

#[tokio::test]
async fn policies_hold_where_only_a_squash_is_recorded() {
    let fresh = TestDb::new("x15").await;
    fresh.migrator(old()).up().await.unwrap();
    let after =
        fresh.migrator([squash(6)]).policies(Policies::new().only("up", []).no_runs("mon-sun"));
    let ended = ran!(after);
    assert!(ended.is_err(), "nobody may `up`, and no hour is open: {ended:?}");
}

#[tokio::test]
async fn a_retry_after_of_a_server_panics_nothing() {
    let fresh = TestDb::new("x16").await;
    let receiver = Receiver::start([Reply::With(503, "retry-after", u64::MAX.to_string())]);
    let hook = webhook::Webhook::new(&receiver.url("/")).unwrap();
    let panics = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let seen = panics.clone();
    std::panic::set_hook(Box::new(move |info| {
        if info.to_string().contains("instant") {
            seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    }));
    fresh.migrator([effect!(1)]).listen(hook.listener()).up().await.unwrap();
    assert_eq!(
        panics.load(std::sync::atomic::Ordering::SeqCst),
        0,
        "the address is tried again later"
    );
}

#[tokio::test]
async fn flush_for_ever() {
    let fresh = TestDb::new("x16b").await;
    let migrator = fresh.migrator([effect!(1)]).listen(|_| {});
    migrator.up().await.unwrap();
    assert_eq!(migrator.flush_listeners(Duration::MAX).await, 0);
}

#[tokio::test]
async fn numbers_by_hand_panic_nothing() {
    let edits = [
        ("fence", doc! {"audit.number": i64::MAX}),
        ("fence", doc! {"audit.guards": i64::MIN}),
        ("fence", doc! {"guards": i64::MAX}),
        ("2", doc! {"batch": i64::MAX}),
    ];
    let mut panicked = Vec::new();
    for (id, edit) in edits {
        let fresh = TestDb::new("x17").await;
        fresh.migrator([effect!(1), effect!(2)]).keep_audit_log(true).up().await.unwrap();
        let filter = if id == "2" {
            doc! {"_id": 2_i64}
        } else {
            doc! {"_id": id}
        };
        fresh
            .db
            .collection::<Document>("migrations")
            .update_one(filter, doc! {"$set": edit.clone()})
            .await
            .unwrap();
        let more = fresh.migrator([effect!(1), effect!(2), effect!(3)]);
        if let Err(error) = tokio::spawn(async move { ran!(more).map(drop) }).await {
            panicked.push(format!("{edit}: {error}"));
        }
    }
    assert!(panicked.is_empty(), "{panicked:#?}");
}

#[tokio::test]
async fn an_index_of_a_time_series_is_in_the_squash() {
    let fresh = TestDb::new("x18").await;
    if fresh.version().await < (5, 0) || is_mongos(&fresh.db).await {
        // It knows no time series, or has no scratch database.
        return;
    }
    let m = fresh.migrator([Migration::online_steps(1, "one", |on| Box::pin(async move {
        let db = on.database();
        db.run_command(doc!{"create": "series", "timeseries": {"timeField": "t", "metaField": "m"}}).await?;
        db.run_command(doc!{"createIndexes": "series", "indexes": [{"key": {"m.sensor": 1, "t": -1}, "name": "by_sensor"}]}).await?;
        Ok(())
    }))]);
    let at = m.schema_at(Version::from(1), [""; 0]).await.unwrap();
    let written = at.operations.join("\n") + &at.unwritable.join("\n");
    assert!(written.contains("by_sensor"), "it is lost, and the proof cannot see it:\n{written}");
}

#[tokio::test]
async fn down_batch_is_about_what_the_last_up_did() {
    let fresh = TestDb::new("x20").await;
    fresh.migrator([effect!(1), effect!(2), rep()]).up().await.unwrap();
    let again = fresh.migrator([effect!(1), effect!(2), rep().with_checksum("b")]);
    again.up().await.unwrap();
    let _ = again.down().batch().await;
    assert_eq!(
        present(&fresh.db).await,
        [1, 2],
        "the last `up` ran a view again, and `down --batch` took away the batch before it"
    );
}

#[tokio::test]
async fn down_batch_after_a_run_that_recorded_a_squash() {
    let fresh = TestDb::new("x20b").await;
    fresh.migrator(old()).up().await.unwrap();
    let build = fresh.migrator([irreversible_squash(), effect!(9)]);
    build.up().await.unwrap();
    let report = build.down().batch().await.expect("9 is what the last `up` applied");
    assert_eq!(report.versions(), [Version::from(9)]);
}

//! The order across groups.

use mongrate::{Direction, Error, Kind, Migration, Migrator, Version};
use mongrate_tests::{
    TestDb, effect,
    effects::{present, versions},
};

/// Group `shop` comes after 5 of group `billing`; 6 of `billing` after 2 of `shop`.
fn list() -> [Migration; 4] {
    [
        effect!(1).in_group("shop"),
        effect!(2).in_group("shop").coming_after(&["billing::5"]),
        effect!(5).in_group("billing"),
        effect!(6).in_group("billing").coming_after(&["shop::2"]),
    ]
}

fn of(fresh: &TestDb, group: &str) -> Migrator {
    fresh.migrator(list()).group(group)
}

fn orders(error: &Error) -> Vec<(i64, i64)> {
    let Error::ComesAfter { orders, .. } = error else { panic!("{error}") };
    let pair =
        |order: &mongrate::ComesAfter| (order.migration.version.get(), order.other_version.get());
    orders.iter().map(pair).collect()
}

#[tokio::test]
async fn a_group_waits_for_the_other_one() {
    let fresh = TestDb::new("after_up").await;
    let (shop, billing) = (of(&fresh, "shop"), of(&fresh, "billing"));
    for error in [shop.up().await.unwrap_err(), shop.plan().await.unwrap_err()] {
        assert_eq!(orders(&error), [(2, 5)]);
        assert_eq!((error.code(), error.kind()), ("comes_after", Kind::Busy));
        let text = error.to_string();
        assert!(
            text.contains("2 `effect_2` of group `shop` comes after 5 of group `billing`"),
            "{text}"
        );
        assert!(text.contains("`up --group billing`"), "{text}");
    }
    assert_eq!(present(&fresh.db).await, [0_i64; 0], "nothing was run");
    assert!(!shop.status().await.unwrap().lock.held);
    // As far as the order allows, one after the other.
    assert_eq!(shop.up().to(Version::from(1)).await.unwrap().versions(), versions([1]));
    assert_eq!(billing.up().steps(1).await.unwrap().versions(), versions([5]));
    assert_eq!(shop.up().await.unwrap().versions(), versions([2]));
    assert_eq!(billing.up().await.unwrap().versions(), versions([6]));
    // With nothing pending, it costs nothing.
    fresh.wire.take();
    assert!(shop.up().await.unwrap().is_empty());
    assert_eq!(fresh.wire.take(), ["find"]);
    fresh.pass().await;
}

#[tokio::test]
async fn what_another_group_builds_on_is_not_rolled_back() {
    let fresh = TestDb::new("after_down").await;
    let (shop, billing) = (of(&fresh, "shop"), of(&fresh, "billing"));
    shop.up().to(Version::from(1)).await.unwrap();
    billing.up().steps(1).await.unwrap();
    shop.up().await.unwrap();
    for error in [billing.down().await.unwrap_err(), billing.redo().await.unwrap_err()] {
        assert_eq!(orders(&error), [(2, 5)]);
        assert_eq!(error.kind(), Kind::NeedsOperator);
        assert!(error.to_string().contains("`down --group shop`"), "{error}");
    }
    shop.down().await.unwrap();
    billing.down().await.unwrap();
    assert_eq!(present(&fresh.db).await, [1]);
    fresh.pass().await;
}

#[tokio::test]
async fn a_group_of_another_binary_is_looked_up_in_the_database() {
    let fresh = TestDb::new("after_elsewhere").await;
    let shop = || fresh.migrator([list()[0], list()[1]]).group("shop");
    let error = shop().up().await.unwrap_err();
    assert_eq!(orders(&error), [(2, 5)]);
    // It may be misspelt: this build cannot apply it.
    let text = error.to_string();
    assert!(
        text.contains("no migration of group `billing` is in this build (there are: `shop`)"),
        "{text}"
    );
    assert!(!text.contains("up --group billing"), "{text}");
    let elsewhere = fresh.migrator([effect!(5).in_group("billing")]).group("billing");
    elsewhere.collection("billing_history").up().await.unwrap();
    assert_eq!(orders(&shop().up().await.unwrap_err()), [(2, 5)], "it is kept elsewhere");
    let told = shop().collection_of("billing", "billing_history");
    fresh.wire.take();
    told.up().await.unwrap();
    // One command more: the read of the other history.
    let sent = fresh.wire.take();
    assert_eq!(sent.iter().filter(|name| *name == "find").count(), 3, "{sent:?}");
    fresh.pass().await;
}

#[tokio::test]
async fn an_unsound_order_is_refused_before_a_connection() {
    let fresh = TestDb::new("after_unsound").await;
    let circle = [
        effect!(1).in_group("shop").coming_after(&["billing::5"]),
        effect!(5).in_group("billing").coming_after(&["shop::1"]),
    ];
    let gone =
        [effect!(1).in_group("shop").coming_after(&["billing::7"]), effect!(5).in_group("billing")];
    fresh.wire.take();
    for (list, expected) in [(circle, "is a circle"), (gone, "does not have; its newest is 5")] {
        let error = fresh.migrator(list).group("shop").up().await.unwrap_err();
        assert_eq!(error.code(), "registry");
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert_eq!(fresh.wire.take(), [""; 0]);
    fresh.pass().await;
}

#[tokio::test]
async fn a_half_done_one_is_not_there_yet_and_is_built_on() {
    let fresh = TestDb::new("after_half_done").await;
    let half = |after: &'static [&'static str]| {
        let online: Migration = Migration::online_steps(5, "half", |on| {
            Box::pin(async move {
                on.transaction("first", async |tx| mongrate_tests::effects::leave(tx, 5).await)
                    .await?;
                Err("half-way".into())
            })
        });
        online.in_group("billing").coming_after(after)
    };
    fresh.migrator([half(&[])]).group("billing").up().await.unwrap_err();
    let shop = fresh.migrator([list()[0], list()[1], half(&[])]).group("shop");
    assert_eq!(orders(&shop.up().await.unwrap_err()), [(2, 5)]);
    // What its first step builds on is not taken away: it has failed, and that step is there.
    shop.up().to(Version::from(1)).await.unwrap();
    let built = [list()[0], half(&["shop::1"])];
    let error = fresh.migrator(built).group("shop").down().await.unwrap_err();
    assert!(matches!(error, Error::ComesAfter { direction: Direction::Down, .. }), "{error}");
    assert!(present(&fresh.db).await.contains(&1));
    fresh.pass().await;
}

#[tokio::test]
async fn one_that_labels_leave_out_has_had_its_turn() {
    let fresh = TestDb::new("after_skipped").await;
    let all = || {
        let first = effect!(5).in_group("billing").labelled(&["eu"]);
        [
            effect!(1).in_group("shop").coming_after(&["billing::5"]),
            first,
            effect!(6).in_group("billing"),
        ]
    };
    let shop = || fresh.migrator(all()).group("shop");
    assert_eq!(orders(&shop().up().await.unwrap_err()), [(1, 5)], "its turn has not come");
    fresh.migrator(all()).group("billing").up().await.unwrap();
    shop().up().await.unwrap();
    assert_eq!(present(&fresh.db).await, [1, 6]);
    fresh.pass().await;
}

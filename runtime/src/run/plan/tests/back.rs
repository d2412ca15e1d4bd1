//! Rollbacks to a release and a tag, and of one in the middle.

use super::*;

#[test]
fn down_to_a_release_goes_by_the_order_of_application() {
    let three =
        "1 applied app=a, 2 applied app=a, 3 applied app=b,_HTTP_token_ops, 4 applied app=c";
    let twice = "1 applied app=a, 2 applied app=b, 3 applied app=a, 4 applied app=c";
    check(
        back,
        Tolerances::default(),
        &[
            (three, "release a", "down 4, down 3"),
            (three, "release b", "down 4"),
            (three, "release b, HTTP token other", "down 4"),
            (three, "release c", ""),
            (three, "release d", "unknown_release a b c"),
            ("", "release a", "unknown_release "),
            // The newest application is that of the oldest version.
            ("1 applied @9 app=b, 2 applied app=a, 3 applied app=a", "release a", "down 1, late 1"),
            (twice, "release a", "ambiguous_release a:1:3 b:1:2 a:1:1 c:1:0"),
            (twice, "release b", "down 4, down 3"),
            // What was rolled back is nobody's; a rollback that was interrupted is finished.
            ("1 applied app=a, 2 reverted app=b", "release b", "unknown_release a"),
            ("1 applied app=a, 3 running down app=a", "release a", "down 3 resumes"),
            // A half-done migration belongs to the release that began it.
            ("1 applied app=a, 4 failed begun app=b", "release a", "down 4"),
            ("1 applied app=a, 4 failed begun app=b", "release b", ""),
            ("1 applied, 2 applied app=b", "release a", "unknown_release b"),
            ("1 applied app=a, 9 applied app=b", "release a", "not_linked 9"),
        ],
    );
}

#[test]
fn a_tag_names_the_set_of_what_was_applied() {
    check(
        back,
        Tolerances::default(),
        &[
            ("1 applied, 2 applied v=1+2, 3 applied, 4 applied", "tag v", "down 4, down 3"),
            ("1 applied, 2 applied v=1+2", "tag v", ""),
            ("1 applied, 2 applied v=1+2", "tag w", "unknown_tag v"),
            ("", "tag w", "unknown_tag "),
            // Its migration was rolled back; and applied again.
            ("1 applied, 2 reverted v=1+2", "tag v", "tag_unreachable 2"),
            ("1 applied, 2 applied @9 v=1+2, 3 applied", "tag v", "tag_unreachable 2"),
            (
                "1 applied, 2 applied @3 v=1+2, 3 applied @8, 4 applied @9",
                "tag v",
                "down 4, down 3",
            ),
            // One in the middle was rolled back; and applied again as the last one.
            ("1 reverted, 2 applied v=1+2, 3 applied", "tag v", "tag_unreachable 2"),
            ("1 applied @9, 2 applied v=1+2", "tag v", ""),
            // Nothing half-done stays.
            ("1 applied, 2 applied v=1+2, 4 failed begun", "tag v", "down 4"),
            ("1 applied, 2 applied v=1+2, 3 running down", "tag v", "down 3 resumes"),
            ("1 applied, 2 applied edited v=1+2, 3 applied", "tag v", "down 3"),
        ],
    );
}

#[test]
fn one_in_the_middle_is_rolled_back_if_nothing_later_depends_on_it() {
    check(
        back,
        Tolerances::default(),
        &[
            ("1 applied, 2 applied, 3 applied", "only 3", "down 3"),
            ("1 applied, 2 applied, 3 applied", "only 2", "not_independent 3?, 2 steps"),
            ("1 applied, 2 applied, 3 applied", "only 1", "not_independent 2? 3?, 3 steps"),
            ("1 applied, 2 applied, 3 applied", "only 1 of 3", "not_independent 2?, 3 steps"),
            ("1 applied, 2 applied, 3 applied", "only 1 of 2+3", "down 1, late 1"),
            ("1 applied @9, 2 applied", "only 1", "down 1, late 1"),
            ("1 applied, 2 applied", "redo 1 of 2", "down 1, up 1"),
            // A baseline counts as applied in the order of versions.
            ("1 applied @5, 2 applied @5", "only 1", "not_independent 2?, 2 steps"),
            ("1 applied @5, 2 applied @5", "only 2", "down 2"),
            // This build does not know what an unknown one, and an edited one, touch.
            ("1 applied, 9 applied", "only 1", "not_independent 9?, 2 steps"),
            ("1 applied, 9 applied", "only 1 of 9", "down 1, ahead 9, late 1"),
            ("1 applied, 9 applied", "only 9", "not_linked 9"),
            ("4 applied edited, 5 applied", "only 4", "not_independent 5?, 2 steps"),
            ("4 applied, 5 applied", "only 5", "irreversible 5"),
            ("1 applied, 2 reverted", "only 2", ""),
            ("1 applied, 2 cancelled", "only 2", "wrong_state 2 pending"),
            ("1 applied", "only 2", "wrong_state 2 pending"),
            ("1 applied", "only 8", "unknown_version 8"),
            ("1 applied", "only 1 of 8", "unknown_version 8"),
            ("1 applied, 2 applied", "only 2 of 1", "settings independent"),
            ("1 applied, 4 failed begun", "only 1", "not_independent 4?, 2 steps"),
            ("1 applied, 4 failed step begun", "only 1 of 4", "wrong_state 4 failed above"),
            ("1 running down @9, 2 applied", "only 1", "down 1 resumes, late 1"),
            ("1 running down @9, 2 applied", "only 1 of 2", "down 1 resumes, late 1"),
        ],
    );
    let any_order = Tolerances { out_of_order: OutOfOrder::Allow, ..Tolerances::default() };
    check(back, any_order, &[("1 applied, 2 applied", "only 1 of 2", "down 1")]);
}

#[test]
fn declared_migrations_know_what_they_touch() {
    let declared = |version, name, declare| Migration::declared(version, name, declare);
    let registry = registry(vec![
        declared(1, "one", |change| {
            change.add_field("users", "plan", "free");
        }),
        declared(2, "two", |change| {
            change.add_field("users", "age", 1);
        }),
        declared(3, "three", |change| {
            change.create_index("users", doc! { "plan": 1 });
        }),
        declared(4, "four", |change| {
            change.drop_collection("orders");
        }),
    ]);
    let over = |recorded: &str, wanted: &str| {
        let records = recorded.split(", ").map(record);
        let history = History::new(records.collect(), Vec::new());
        plan(&back(wanted), &registry, &history, Tolerances::default())
    };
    let all = "1 applied, 2 applied, 3 applied, 4 applied";
    assert_eq!(outcome(over(all, "only 2")), "down 2, late 2");
    assert_eq!(outcome(over(all, "only 3")), "down 3, late 3");
    assert_eq!(outcome(over(all, "only 1")), "not_independent 3, 4 steps");
    // The word of the user does not count where it is known better.
    assert_eq!(outcome(over(all, "only 1 of 3")), "not_independent 3, 4 steps");
    assert_eq!(outcome(over(all, "only 1 of 2")), "not_independent 3, 4 steps");
    let after = "1 applied, 2 applied, 3 reverted, 4 applied";
    assert_eq!(outcome(over(after, "only 1")), "down 1, late 1");
    let error = over(all, "only 1").unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot roll back 1 alone, because of what was applied after it:\n  \
         3 `three` touches `users.plan`\n\
         `down --steps 4` rolls everything back that was applied since; nothing was run"
    );
    let error = over("1 applied, 4 applied edited", "only 1").unwrap_err().to_string();
    assert!(
        error.contains("4 `four` cannot be known: it was edited since it was applied\n"),
        "{error}"
    );
    assert!(error.contains("`down --only 1 --independent 4` says"), "{error}");
}

/// A squash that was not run stands for what was applied first, whenever that was recorded.
#[test]
fn a_squash_that_stands_is_the_oldest_and_keeps_tags() {
    let history = |more: &str| {
        let mut all: Vec<Record> =
            format!("2 applied @9 app=c, 3 applied app=a{more}").split(", ").map(record).collect();
        all[0].replaces = Some(Version::new(2));
        let mut replaced = record("1 applied app=a old=1+2");
        replaced.state = Stored::Replaced;
        all.push(replaced);
        History::new(all, Vec::new())
    };
    let over = |history: &History, wanted: &str| {
        let list =
            vec![transactional(2, "two"), transactional(3, "three"), transactional(4, "four")];
        // The record of 3 is an online one's.
        outcome(plan(&back(wanted), &registry(list), history, Tolerances::default()))
    };
    assert_eq!(over(&history(""), "steps 1"), "down 3");
    assert_eq!(over(&history(""), "tag old"), "down 3");
    assert_eq!(over(&history(", 4 applied app=b"), "release a"), "down 4");
    assert_eq!(over(&history(", 4 applied app=b"), "release c"), "unknown_release a b");
}

/// The same with a number of its own, and squashed again.
#[test]
fn a_squash_with_a_number_of_its_own_keeps_tags() {
    let replaced = |what: &str, by: Option<i64>| {
        let mut one = record(what);
        one.state = Stored::Replaced;
        one.replaces = by.map(Version::new);
        one
    };
    let stands = |what: &str, to: i64| {
        let mut one = record(what);
        one.replaces = Some(Version::new(to));
        one
    };
    let once = vec![
        replaced("1 applied", None),
        replaced("2 applied old=1+2", None),
        stands("3 applied @9", 2),
        record("5 applied"),
    ];
    let twice = vec![
        replaced("1 applied", None),
        replaced("2 applied old=1+2", None),
        replaced("3 applied @9", Some(2)),
        stands("4 applied @10", 3),
        record("5 applied"),
    ];
    for records in [once, twice] {
        let list =
            vec![transactional(3, "three"), transactional(4, "four"), transactional(5, "five")];
        let history = History::new(records, Vec::new());
        let plan = plan(&back("tag old"), &registry(list), &history, Tolerances::default());
        assert_eq!(outcome(plan), "down 5");
    }
}

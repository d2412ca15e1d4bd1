//! Tables: a history and a goal in, the steps or the refusal out. No server.

use mongodb::bson::{Document, RawDocumentBuf, doc};

use super::*;
use crate::{
    kinds::change::declared::Change,
    model::{kind::DEFAULT_GROUP, labels::Labels},
    registry::{list::List, migration::TransactionFn},
};

/// Migrations 1 and 2 are transactional, 3 is online, 4 is declared; 5 has no rollback.
fn migrations() -> Vec<Migration> {
    vec![
        transactional(1, "one"),
        transactional(2, "two"),
        Migration::online_steps(3, "three", |_| Box::pin(async { Ok(()) }))
            .reversible_online_by(|_| Box::pin(async { Ok(()) })),
        Migration::declared(4, "four", |change: &mut Change| {
            change.rename_field("users", "fullname", "name");
            change.rename_field("users", "mail", "email");
        }),
        Migration::transactional(5, "five", |_| Box::pin(async { Ok(()) })),
    ]
}

fn transactional(version: i64, name: &'static str) -> Migration {
    Migration::transactional(version, name, |_| Box::pin(async { Ok(()) }))
        .reversible_by(|_| Box::pin(async { Ok(()) }))
}

fn registry(migrations: Vec<Migration>) -> Registry {
    Registry::given(List::Shared(migrations.into()), DEFAULT_GROUP).unwrap()
}

/// Reads `1 applied, 2 running up step`: of each record its version, its state, and what is
/// otherwise than in a record of one applied migration. `@9`: the order of application (the
/// version, if nothing is said); `b2`: the batch.
fn history(text: &str) -> History {
    let texts = text.split(", ").filter(|text| !text.is_empty());
    History::new(texts.map(record).collect(), Vec::new())
}

fn record(text: &str) -> Record {
    let (version, words) = text.split_once(' ').unwrap();
    let version: i64 = version.parse().unwrap();
    let name = ["one", "two", "three", "four", "five"];
    let name = usize::try_from(version - 1).ok().and_then(|at| name.get(at)).unwrap_or(&"other");
    let kind = match version {
        3 => "online",
        4 => "change",
        _ => "transaction",
    };
    let mut record = doc! {
        "_id": version, "name": *name, "kind": kind, "direction": "up",
        "checksum": format!("by-hand:{version}:{name}"), "sequence": version,
    };
    for word in words.split(' ') {
        let more: Document = match word {
            "applied" | "running" | "failed" | "reverted" | "cancelled" | "skipped" => {
                doc! { "state": word }
            }
            "up" | "down" => doc! { "direction": word },
            "step" => doc! { "steps": [{ "name": "first" }] },
            "begun" => doc! { "undo": { "0": { "kept": "migrations.kept.4.0" } } },
            // As if it had turned round before.
            "turned" => doc! { "undo": { "0": { "turned": "up" } } },
            "failure" => doc! { "failure": { "message": "no" } },
            "renamed" => doc! { "name": "other" },
            "edited" => doc! { "checksum": "another" },
            other => match (other.strip_prefix('@'), other.strip_prefix('b')) {
                (Some(sequence), _) => doc! { "sequence": sequence.parse::<i64>().unwrap() },
                (_, Some(batch)) => doc! { "batch": batch.parse::<i64>().unwrap() },
                _ => match other.split_once('=').unwrap() {
                    ("app", app) => doc! { "by": { "app": app.replace('_', " ") } },
                    (tag, versions) => doc! { "tags": [tagged(tag, versions)] },
                },
            },
        };
        record.extend(more);
    }
    Record::parse(&RawDocumentBuf::try_from(&record).unwrap()).unwrap()
}

/// A tag of the state in which these versions are applied.
fn tagged(name: &str, versions: &str) -> Document {
    let versions = versions.split('+').map(|version| version.parse().unwrap());
    let applied = crate::protocol::tag::set_of(versions).to_document();
    doc! { "name": name, "at": mongodb::bson::DateTime::from_millis(0), "applied": applied }
}

/// `up 1, down 2 resumes, ahead 9`; or the error's code, and the versions that it is about.
fn outcome(planned: Result<Plan, Error>) -> String {
    let versions = |all: &[Named]| {
        all.iter().map(|named| named.version.to_string()).collect::<Vec<_>>().join(" ")
    };
    match planned {
        Ok(plan) => {
            let steps = plan.steps.iter().map(|step| {
                let resumes = if step.resumes { " resumes" } else { "" };
                format!("{} {}{resumes}", step.direction.as_str(), step.migration.version())
            });
            let ahead = plan.ahead.iter().map(|named| format!("ahead {}", named.version));
            let late = plan.late.iter().map(|named| format!("late {}", named.version));
            steps.chain(ahead).chain(late).collect::<Vec<_>>().join(", ")
        }
        Err(error) => {
            let about = match &error {
                Error::Ahead { versions: all }
                | Error::OutOfOrder { versions: all, .. }
                | Error::Irreversible { versions: all }
                | Error::NotLinked { versions: all } => versions(all),
                Error::Drift(all) => all.iter().map(|drift| drift.version.to_string()).collect(),
                Error::Renamed(all) => all.iter().map(|one| one.version.to_string()).collect(),
                Error::UnknownVersion { version } => version.to_string(),
                Error::WrongState { version, state, hint } => {
                    let is_beneath = hint.contains("builds on");
                    format!("{version} {state}{}", if is_beneath { " above" } else { "" })
                }
                Error::NotIndependent { later, steps, .. } => {
                    let later = later.iter().map(|one| {
                        format!("{}{}", one.version, if one.unknown { "?" } else { "" })
                    });
                    format!("{}, {steps} steps", later.collect::<Vec<_>>().join(" "))
                }
                Error::UnknownRelease { known, .. } | Error::UnknownTag { known, .. } => {
                    known.join(" ")
                }
                Error::AmbiguousRelease { stretches, .. } => stretches
                    .iter()
                    .map(|one| format!("{}:{}:{}", one.release, one.migrations, one.later))
                    .collect::<Vec<_>>()
                    .join(" "),
                Error::TagUnreachable { applied, .. } => applied.to_string(),
                Error::Settings { setting, .. } => (*setting).to_owned(),
                other => panic!("{other}"),
            };
            format!("{} {about}", error.code())
        }
    }
}

fn check(goal: impl Fn(&str) -> Goal, tolerances: Tolerances, table: &[(&str, &str, &str)]) {
    let registry = registry(migrations());
    for (recorded, wanted, expected) in table {
        let planned = plan(&goal(wanted), &registry, &history(recorded), tolerances);
        assert_eq!(outcome(planned), *expected, "`{wanted}` over `{recorded}`");
    }
}

/// Reads `to 3 steps 2`.
fn up(text: &str) -> Goal {
    let mut target = UpTarget::default();
    let words: Vec<&str> = text.split_whitespace().collect();
    for pair in words.chunks(2) {
        match pair {
            ["to", version] => target.to = Some(version.parse().unwrap()),
            ["steps", count] => target.steps = Some(count.parse().unwrap()),
            other => panic!("{other:?}"),
        }
    }
    Goal::Up(target)
}

/// Reads `steps 2`, `to 3`, `batch`, `all` and `redo`.
fn back(text: &str) -> Goal {
    Goal::Down(match text.split_once(' ').unwrap_or((text, "")) {
        ("steps", count) => DownTarget::Steps(count.parse().unwrap()),
        ("to", version) => DownTarget::To(Version::new(version.parse().unwrap())),
        ("batch", _) => DownTarget::Batch,
        ("all", _) => DownTarget::All,
        ("redo", "") => return Goal::Redo(DownTarget::Steps(1)),
        ("redo", only) => return Goal::Redo(only_one(only)),
        ("only", only) => only_one(only),
        ("release", release) => DownTarget::ToRelease(release.to_owned()),
        ("tag", name) => DownTarget::ToTag(name.to_owned()),
        other => panic!("{other:?}"),
    })
}

/// Reads `2`, and `2 of 3+5`: without 3 and 5, which are independent.
fn only_one(text: &str) -> DownTarget {
    let (version, independent) = text.split_once(" of ").unwrap_or((text, ""));
    let independent = independent.split('+').filter(|version| !version.is_empty());
    DownTarget::Only {
        version: version.parse().unwrap(),
        independent: independent.map(|version| version.parse().unwrap()).collect(),
    }
}

#[test]
fn up_applies_what_is_pending_and_no_more_than_was_asked_for() {
    check(
        up,
        Tolerances::default(),
        &[
            ("", "", "up 1, up 2, up 3, up 4, up 5"),
            ("", "to 3", "up 1, up 2, up 3"),
            ("", "steps 2", "up 1, up 2"),
            ("", "to 3 steps 9", "up 1, up 2, up 3"),
            ("", "to 3 steps 1", "up 1"),
            ("", "steps 0", ""),
            ("1 applied, 2 applied", "", "up 3, up 4, up 5"),
            ("1 applied, 2 applied", "to 2", ""),
            ("1 applied, 2 applied, 3 applied, 4 applied, 5 applied", "", ""),
            ("1 applied, 2 reverted down", "steps 1", "up 2"),
            ("1 applied, 2 cancelled", "steps 1", "up 2"),
            ("1 applied", "to 9", "unknown_version 9"),
        ],
    );
}

#[test]
fn up_refuses_a_history_that_is_not_this_builds() {
    check(
        up,
        Tolerances::default(),
        &[
            ("1 applied renamed", "", "renamed 1"),
            ("1 running renamed", "", "renamed 1"),
            ("1 applied renamed edited", "", "renamed 1"),
            ("1 reverted renamed", "steps 1", "up 1"),
            ("1 failed renamed", "steps 1", "up 1"),
            ("1 applied edited", "", "checksum_drift 1"),
            ("1 applied edited, 9 applied", "", "checksum_drift 1"),
            ("1 failed edited", "steps 1", "up 1"),
        ],
    );
    check(back, Tolerances::default(), &[("1 applied renamed", "steps 1", "renamed 1")]);
}

#[test]
fn up_goes_by_the_policy_where_the_database_is_ahead() {
    let table = |expected| [("1 applied, 2 applied, 9 applied", "to 3", expected)];
    // What is newer than all of this build makes what is pending late, too.
    let any_order = Tolerances { out_of_order: OutOfOrder::Allow, ..Tolerances::default() };
    check(up, any_order, &table("up 3, ahead 9"));
    check(up, Tolerances::default(), &table("out_of_order 3"));
    check(up, Tolerances::default(), &[("1 applied, 9 applied", "to 1", "ahead 9")]);
    check(up, Tolerances::default(), &[("1 applied, 9 reverted", "to 2", "up 2")]);
    let refused = Tolerances { ahead: DatabaseAhead::Refuse, ..any_order };
    check(up, refused, &table("database_ahead 9"));
    check(up, Tolerances { ahead: DatabaseAhead::Allow, ..any_order }, &table("up 3, ahead 9"));
}

#[test]
fn up_refuses_what_is_late_unless_it_was_tried_in_its_turn() {
    let table = [
        ("2 applied", "to 3", "out_of_order 1"),
        ("3 applied", "", "out_of_order 1 2"),
        ("1 applied, 3 applied", "steps 1", "out_of_order 2"),
        ("1 reverted down, 2 applied", "to 1", "out_of_order 1"),
        ("1 failed, 2 applied", "to 1", "up 1"),
        ("1 cancelled, 2 applied", "to 1", "up 1"),
        ("1 applied, 2 applied, 3 running, 4 applied", "to 3", "up 3 resumes"),
    ];
    check(up, Tolerances::default(), &table);
    let any_order = Tolerances { out_of_order: OutOfOrder::Allow, ..Tolerances::default() };
    check(up, any_order, &[("2 applied", "to 3", "up 1, up 3")]);

    let marked = registry(vec![
        transactional(1, "one").allowed_out_of_order(),
        transactional(2, "two"),
        transactional(3, "marked").allowed_out_of_order(),
    ]);
    let planned = plan(&up(""), &marked, &history("2 applied"), Tolerances::default());
    assert_eq!(outcome(planned), "up 1, up 3");
}

#[test]
fn up_resumes_what_is_half_done() {
    let before = "1 applied, 2 applied";
    let over = |more: &str, expected: &str| {
        let recorded = format!("{before}, {more}");
        check(up, Tolerances::default(), &[(&recorded, "steps 1", expected)]);
    };
    over("3 running", "up 3 resumes");
    over("3 failed", "up 3");
    over("3 failed step", "up 3 resumes");
    // A rollback that was interrupted is finished first.
    over("3 running down", "down 3 resumes, up 3");
    over("3 running down step", "down 3 resumes, up 3");
    over("3 failed down failure", "up 3");
    // A declared migration's rollback that failed is given up.
    over("3 applied, 4 running down begun failure", "up 4 resumes");
    over("3 applied, 4 failed down begun failure", "up 4 resumes");
    over("3 applied, 4 running down begun", "down 4 resumes, up 4");
    over("3 applied, 4 failed begun", "up 4");
}

/// 1 is for all, 2 for `demo`, 3 for all but `prod`; `a` and `b` are repeatable, `b` for `demo`.
fn labelled(selected: &[&str]) -> Registry {
    let up: TransactionFn = |_| Box::pin(async { Ok(()) });
    let mut labels = Labels::default();
    selected.iter().for_each(|label| labels.add(*label));
    let b = Migration::repeatable("b", up).with_checksum("b1").labelled(&["demo"]);
    registry(vec![
        transactional(1, "one"),
        transactional(2, "two").labelled(&["demo"]),
        Migration::transactional(3, "three", up).labelled(&["!prod"]),
        b,
        Migration::repeatable("a", up).with_checksum("a1"),
    ])
    .selecting(labels)
}

/// The names of the steps, after `-` those that are skipped.
fn names(registry: &Registry, history: &History, to: &str) -> String {
    let plan = plan(&up(to), registry, history, Tolerances::default()).unwrap();
    let steps = plan.steps.iter().map(|step| step.migration.name().to_owned());
    let skipped = plan.skipped.iter().map(|skipped| format!("-{}", skipped.name()));
    steps.chain(skipped).collect::<Vec<_>>().join(" ")
}

#[test]
fn up_leaves_out_what_the_labels_do_not_select() {
    for (selected, recorded, to, expected) in [
        (&[][..], "", "", "one three a -two"),
        (&["demo"], "", "", "one two three a b"),
        (&["prod"], "", "", "one a"),
        // Its turn has not come.
        (&[], "", "to 1", "one"),
        // What was skipped in its turn is not late, and is not recorded twice.
        (&["demo"], "1 applied, 2 skipped, 3 applied", "", "two a b"),
        (&[], "1 applied, 2 skipped", "", "three a"),
        // What is applied stays, whatever is selected.
        (&["prod"], "1 applied, 2 applied, 3 applied", "", "a"),
        (&[], "1 applied, 2 reverted down", "", "three a -two"),
        // What is half-done is not called skipped.
        (&[], "1 applied, 2 failed", "", "three a"),
    ] {
        let found = names(&labelled(selected), &history(recorded), to);
        assert_eq!(found, expected, "{selected:?} over `{recorded}`");
    }
}

#[test]
fn what_is_repeatable_runs_after_all_versions_and_when_it_has_changed() {
    let registry = labelled(&["demo"]);
    let number = |name: &str| Version::new(mongrate_seal::repeatable_number(name));
    let with = |recorded: &str, name: &str, state: &str, checksum: &str| {
        let mut records: Vec<Record> = history(recorded).records().cloned().collect();
        let document = doc! {
            "_id": number(name).get(), "name": name, "kind": "transaction", "direction": "up",
            "checksum": checksum, "sequence": 99_i64, "state": state,
        };
        let document = RawDocumentBuf::try_from(&document).unwrap();
        records.push(Record::parse(&document).unwrap());
        History::new(records, Vec::new())
    };
    let all = "1 applied, 2 applied, 3 applied";
    assert_eq!(names(&registry, &history(all), ""), "a b");
    assert_eq!(names(&registry, &with(all, "a", "applied", "a1"), ""), "b");
    assert_eq!(names(&registry, &with(all, "a", "applied", "a0"), ""), "a b");
    assert_eq!(names(&registry, &with(all, "a", "failed", "a1"), ""), "a b");
    // Targets are of versions.
    assert_eq!(names(&registry, &history(""), "steps 9"), "one two three");
    assert_eq!(names(&registry, &history(""), "to 3"), "one two three");
    // An older build does not put its own back.
    assert_eq!(names(&registry, &history(&format!("{all}, 9 applied")), ""), "");
    // One that this build does not have is no reason to wait, nor to roll back.
    let other = with(all, "c", "applied", "c1");
    assert_eq!(names(&registry, &other, ""), "a b");
    assert!(ahead(&registry, &other).is_empty() && drift(&registry, &other).is_empty());
    let rolled_back = plan(
        &Goal::Down(DownTarget::All),
        &registry,
        &with("1 applied", "a", "applied", "a1"),
        Tolerances::default(),
    );
    assert_eq!(outcome(rolled_back), "down 1");
}

#[test]
fn down_rolls_back_the_newest_application_first() {
    let three = "1 applied b1, 2 applied b2, 3 applied b2";
    check(
        back,
        Tolerances::default(),
        &[
            ("", "all", ""),
            (three, "steps 1", "down 3"),
            (three, "steps 2", "down 3, down 2"),
            (three, "steps 9", "down 3, down 2, down 1"),
            (three, "batch", "down 3, down 2"),
            (three, "all", "down 3, down 2, down 1"),
            (three, "to 1", "down 3, down 2"),
            (three, "to 3", ""),
            (three, "to 0", "down 3, down 2, down 1"),
            (three, "to 9", "unknown_version 9"),
            ("1 applied @9, 2 applied @2", "steps 1", "down 1, late 1"),
            ("1 applied @9, 2 applied @2", "all", "down 1, down 2"),
            // A baseline records all at once.
            ("1 applied @5, 2 applied @5, 3 applied @5", "all", "down 3, down 2, down 1"),
            ("1 applied, 2 reverted down, 3 cancelled", "all", "down 1"),
            // An edited migration can be rolled back.
            ("1 applied edited", "all", "down 1"),
        ],
    );
}

#[test]
fn down_refuses_what_this_build_cannot_undo() {
    check(
        back,
        Tolerances::default(),
        &[
            ("1 applied, 9 applied", "steps 1", "not_linked 9"),
            ("1 applied, 9 applied, 8 applied", "all", "not_linked 9 8"),
            ("1 applied @9, 8 applied", "steps 1", "down 1, ahead 8, late 1"),
            // Of the history alone it is known, too.
            ("1 applied, 8 reverted down", "to 8", ""),
            ("4 applied, 5 applied", "all", "irreversible 5"),
            ("4 applied, 5 applied @2", "steps 1", "down 4, late 4"),
            ("5 applied, 9 applied", "all", "not_linked 9"),
        ],
    );
}

#[test]
fn down_resumes_and_turns_round_what_is_half_done() {
    check(
        back,
        Tolerances::default(),
        &[
            ("1 applied, 3 running down", "steps 1", "down 3 resumes"),
            ("1 applied, 4 failed begun", "steps 1", "down 4"),
            ("1 applied b1, 2 applied b2, 4 failed begun", "batch", "down 4, down 2"),
            ("1 applied, 4 running begun", "all", "down 4, down 1"),
            ("1 applied, 4 running turned", "steps 1", "wrong_state 4 running"),
            // Only its author knows what the rollback of an online one makes of a half.
            ("1 applied, 3 running", "steps 1", "wrong_state 3 running"),
            ("1 applied, 3 failed step", "all", "wrong_state 3 failed"),
            // Nothing of these is in the database.
            ("1 applied, 2 failed", "steps 1", "down 1"),
            ("1 applied, 3 failed", "steps 1", "down 1"),
            ("1 applied, 4 failed", "steps 1", "down 1"),
            // Begun by another build.
            ("1 applied, 9 failed step", "steps 1", "not_linked 9"),
        ],
    );
}

#[test]
fn down_refuses_what_a_half_done_migration_builds_on() {
    check(
        back,
        Tolerances::default(),
        &[
            ("3 failed step @9, 4 applied", "to 3", "wrong_state 3 failed above"),
            ("3 running @9, 4 applied", "to 3", "wrong_state 3 running above"),
            ("3 running, 4 applied", "to 3", "down 4"),
            ("3 failed @9, 4 applied", "to 3", "down 4"),
            ("3 running down @9, 4 applied", "to 3", "down 4"),
        ],
    );
}

#[test]
fn redo_rolls_the_newest_back_and_applies_it_again() {
    check(
        back,
        Tolerances::default(),
        &[
            ("", "redo", ""),
            ("1 applied, 2 applied", "redo", "down 2, up 2"),
            ("1 applied @9, 2 applied", "redo", "down 1, up 1"),
            ("1 applied, 3 running down", "redo", "down 3 resumes, up 3"),
            ("1 applied, 5 applied", "redo", "irreversible 5"),
        ],
    );
}

#[test]
fn only_transactional_migrations_that_go_up_are_one_transaction() {
    let refused = |recorded: &str, goal| {
        let plan = plan(&goal, &registry(migrations()), &history(recorded), Tolerances::default());
        match refuse_apart(&plan.unwrap().steps) {
            Ok(()) => String::new(),
            Err(Error::Apart { versions, before, until }) => {
                let versions: Vec<i64> = versions.iter().map(|one| one.version.get()).collect();
                format!("{versions:?} {:?} {:?}", before.map(Version::get), until.map(Version::get))
            }
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(refused("", up("to 2")), "");
    assert_eq!(refused("", up("")), "[3, 4] Some(2) Some(4)");
    assert_eq!(refused("1 applied, 2 applied", up("")), "[3, 4] None Some(4)");
    assert_eq!(refused("1 applied", back("all")), "[1] None Some(1)");

    let many = |count: i64| -> Vec<Step> {
        let migrations = (1..=count).map(|version| transactional(version, "many"));
        let step = |migration| Step { migration, direction: Direction::Up, resumes: false };
        migrations.map(step).collect()
    };
    let most = i64::try_from(TOGETHER_MAX).unwrap();
    assert!(refuse_apart(&many(most)).is_ok());
    let Err(Error::Apart { versions, before, .. }) = refuse_apart(&many(most + 1)) else {
        panic!("too many for one command");
    };
    assert_eq!((versions.len(), before.map(Version::get)), (0, Some(most)));
}

mod back;

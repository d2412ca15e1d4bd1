//! The law of declared changes, for random documents and random sequences of operations: up, then
//! down, and the database is what it was; with a crash anywhere in between, too.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use mongrate::{
    Change, FieldType, Migration, Migrator, Retries,
    bson::{Bson, DateTime, Decimal128, Document, doc, oid::ObjectId},
    embedded::Embedded,
};
use mongrate_tests::{TestDb, snapshot::snapshot};
use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, TestCaseError, TestRunner},
};

/// One random operation.
#[derive(Clone, Debug)]
pub(super) enum Op {
    CreateCollection(&'static str, u8),
    DropCollection(&'static str),
    RenameCollection(&'static str, &'static str),
    CreateIndex(&'static str, u8),
    DropIndex(&'static str, u8),
    HideIndex(&'static str, u8, bool),
    RenameField(&'static str, &'static str, &'static str),
    AddField(&'static str, &'static str, Bson),
    RemoveField(&'static str, &'static str),
    ChangeType(&'static str, &'static str, FieldType, FieldType, Option<Bson>),
    MoveField(&'static str, &'static str, &'static str),
    SetValidator(&'static str, u8),
    UnsetValidator(&'static str),
    Images(&'static str, bool),
    Update(&'static str, u8),
}

const NAMES: [&str; 3] = ["a", "b", "c"];
const PATHS: [&str; 8] = ["x", "y", "s.x", "s.y", "t.x", "t.y", "s.t.x", "t.s.y"];
const TYPES: [FieldType; 8] = [
    FieldType::String,
    FieldType::Int,
    FieldType::Long,
    FieldType::Double,
    FieldType::Decimal,
    FieldType::Bool,
    FieldType::Date,
    FieldType::ObjectId,
];

fn keys(variant: u8) -> Document {
    match variant % 4 {
        0 => doc! { "x": 1 },
        1 => doc! { "y": -1, "s.x": 1 },
        2 => doc! { "u": 1, "x": "text" },
        _ => doc! { "$**": 1 },
    }
}

fn index_name(variant: u8) -> &'static str {
    ["x_1", "y_-1_s.x_1", "u_1_x_text", "$**_1"][usize::from(variant % 4)]
}

impl Op {
    pub(super) fn record(&self, change: &mut Change) {
        match self.clone() {
            Self::CreateCollection(name, variant) => {
                let create = change.create_collection(name);
                match variant % 4 {
                    0 => create,
                    1 => create.validator(doc! { "_id": { "$exists": true } }),
                    2 => create.if_not_exists(),
                    _ => create.option("changeStreamPreAndPostImages", doc! { "enabled": true }),
                };
            }
            Self::DropCollection(name) => {
                change.drop_collection(name);
            }
            Self::RenameCollection(from, to) => change.rename_collection(from, to),
            Self::CreateIndex(name, variant) => {
                change.create_index(name, keys(variant)).hidden(variant >= 4 && variant % 4 != 3);
            }
            Self::DropIndex(name, variant) => {
                change.drop_index(name, keys(variant)).hidden(variant >= 4 && variant % 4 != 3);
            }
            Self::HideIndex(name, variant, true) => change.hide_index(name, index_name(variant)),
            Self::HideIndex(name, variant, false) => change.unhide_index(name, index_name(variant)),
            Self::RenameField(name, from, to) => change.rename_field(name, from, to),
            Self::AddField(name, path, value) => change.add_field(name, path, value),
            Self::RemoveField(name, path) => change.remove_field(name, path),
            Self::ChangeType(name, path, from, to, others) => {
                let convert = change.change_type(name, path, from, to);
                match others {
                    Some(value) => convert.replace_others(value),
                    None => convert.leave_others(),
                };
            }
            Self::MoveField(name, from, to) => change.move_field(name, from, to),
            Self::SetValidator(name, variant) => {
                let set = change.set_validator(name, doc! { "_id": { "$exists": true } });
                match variant % 3 {
                    0 => set,
                    1 => set.level("moderate"),
                    _ => set.action("warn"),
                };
            }
            Self::UnsetValidator(name) => change.unset_validator(name),
            Self::Images(name, enabled) => {
                let value = doc! { "enabled": enabled };
                change.coll_mod(name).set("changeStreamPreAndPostImages", value);
            }
            Self::Update(name, variant) => {
                let double = |by: i32| {
                    doc! { "$set": { "x": { "$cond": [
                        { "$isNumber": "$x" }, { "$multiply": ["$x", by] }, "$x",
                    ] } } }
                };
                let halve = doc! { "$set": { "x": { "$cond": [
                    { "$isNumber": "$x" }, { "$divide": ["$x", 2] }, "$x",
                ] } } };
                match variant % 4 {
                    0 => change.update(name, vec![double(2)], vec![halve]),
                    1 => change
                        .update(
                            name,
                            vec![doc! { "$set": { "y": "$x" } }],
                            vec![doc! { "$unset": "y" }],
                        )
                        .filter(doc! { "x": { "$type": "string" } }),
                    2 => change.update(name, vec![doc! { "$unset": ["s", "t"] }], vec![]),
                    _ => change
                        .update(
                            name,
                            vec![doc! { "$replaceWith": { "s": "$$ROOT" } }],
                            vec![doc! { "$replaceWith": "$s" }],
                        )
                        .filter(doc! { "x": 1 })
                        .backward_filter(doc! { "s._id": { "$exists": true } }),
                };
            }
        }
    }
}

fn value() -> impl Strategy<Value = Bson> {
    let leaf = select(vec![
        Bson::Null,
        Bson::Int32(1),
        Bson::Int32(-7),
        Bson::Int64(1),
        Bson::Int64(1 << 53),
        Bson::Double(1.0),
        Bson::Double(1.5),
        Bson::Double(-0.0),
        Bson::Double(f64::NAN),
        Bson::Decimal128("1.00".parse::<Decimal128>().unwrap()),
        Bson::String("1".into()),
        Bson::String("007".into()),
        Bson::String("1.5".into()),
        Bson::String("no".into()),
        Bson::String("$x".into()),
        Bson::Boolean(true),
        Bson::Boolean(false),
        Bson::DateTime(DateTime::from_millis(1_000_000_000_123)),
        Bson::ObjectId(ObjectId::from_bytes([1; 12])),
        Bson::String("0102030405060708090a0b0c".into()),
        Bson::Array(vec![]),
        Bson::Document(doc! {}),
    ]);
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            fields(inner.clone()).prop_map(Bson::Document),
            proptest::collection::vec(inner, 1..3).prop_map(Bson::Array),
        ]
    })
}

fn fields(value: impl Strategy<Value = Bson>) -> impl Strategy<Value = Document> {
    let name = select(vec!["x", "y", "s", "t", "z"]);
    proptest::collection::vec((name, value), 0..4).prop_map(|fields| {
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    })
}

/// Documents with `_id`s of all types.
pub(super) fn documents() -> impl Strategy<Value = Vec<Document>> {
    proptest::collection::vec(fields(value()), 0..12).prop_map(|documents| {
        let numbered = documents.into_iter().enumerate();
        numbered
            .map(|(number, fields)| {
                let number = i32::try_from(number).unwrap();
                let id: Bson = match number % 5 {
                    0 => number.into(),
                    1 => format!("id {number}").into(),
                    2 => ObjectId::from_bytes([u8::try_from(number).unwrap(); 12]).into(),
                    3 => doc! { "n": number, "x": 1 }.into(),
                    _ => (f64::from(number) + 0.5).into(),
                };
                let mut document = doc! { "_id": id };
                document.extend(fields);
                document
            })
            .collect()
    })
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    let name = || select(NAMES.to_vec());
    let path = || select(PATHS.to_vec());
    let kind = || select(TYPES.to_vec());
    prop_oneof![
        1 => (name(), any::<u8>()).prop_map(|(name, kind)| Op::CreateCollection(name, kind)),
        1 => name().prop_map(Op::DropCollection),
        1 => (name(), name()).prop_map(|(from, to)| Op::RenameCollection(from, to)),
        2 => (name(), 0..8_u8).prop_map(|(name, kind)| Op::CreateIndex(name, kind)),
        2 => (name(), 0..8_u8).prop_map(|(name, kind)| Op::DropIndex(name, kind)),
        1 => (name(), 0..4_u8, any::<bool>()).prop_map(|(name, kind, yes)| Op::HideIndex(name, kind, yes)),
        3 => (name(), path(), path()).prop_map(|(name, from, to)| Op::RenameField(name, from, to)),
        3 => (name(), path(), value()).prop_map(|(name, path, value)| Op::AddField(name, path, value)),
        3 => (name(), path()).prop_map(|(name, path)| Op::RemoveField(name, path)),
        4 => (name(), path(), kind(), kind(), proptest::option::of(value())).prop_map(
            |(name, path, from, to, others)| Op::ChangeType(name, path, from, to, others)
        ),
        3 => (name(), path(), path()).prop_map(|(name, from, to)| Op::MoveField(name, from, to)),
        1 => (name(), any::<u8>()).prop_map(|(name, kind)| Op::SetValidator(name, kind)),
        1 => name().prop_map(Op::UnsetValidator),
        1 => (name(), any::<bool>()).prop_map(|(name, yes)| Op::Images(name, yes)),
        3 => (name(), any::<u8>()).prop_map(|(name, kind)| Op::Update(name, kind)),
    ]
}

/// A case: two collections, what is done, and where it crashes on the way there and back.
#[derive(Clone, Debug)]
struct Case {
    a: Vec<Document>,
    b: Vec<Document>,
    ops: Vec<Op>,
    crashes: (f64, f64),
}

fn case() -> impl Strategy<Value = Case> {
    let ops = proptest::collection::vec(op(), 1..7);
    (documents(), documents(), ops, (0.0..1.0, 0.0..1.0)).prop_map(|(a, b, ops, crashes)| Case {
        a,
        b,
        ops,
        crashes,
    })
}

/// What `declare` records: a migration is a plain function, and captures nothing.
static OPS: Mutex<Vec<Op>> = Mutex::new(Vec::new());

/// There is one list of operations, and one fail point per server.
pub(super) static TURN: Mutex<()> = Mutex::new(());

fn declare(change: &mut Change) {
    for op in OPS.lock().unwrap().iter() {
        op.record(change);
    }
}

/// Commands of a run that fail from some number on, as if the process were gone.
const COMMANDS: [&str; 18] = [
    "abortTransaction",
    "aggregate",
    "collMod",
    "commitTransaction",
    "count",
    "create",
    "createIndexes",
    "delete",
    "drop",
    "dropIndexes",
    "find",
    "findAndModify",
    "getMore",
    "insert",
    "killSessions",
    "listCollections",
    "listIndexes",
    "update",
];

/// A server of its own: a fail point for every command is nothing to share.
pub(super) async fn server() -> (String, Option<Embedded>) {
    if let Ok(uri) = std::env::var("MONGODB_URI") {
        return (uri, None);
    }
    let embedded = Embedded::builder().test_commands().private().start().await;
    let embedded = embedded.unwrap_or_else(|error| panic!("{error}"));
    (embedded.uri().to_owned(), Some(embedded))
}

fn migrator(fresh: &TestDb) -> Migrator {
    fresh.migrator([Migration::declared(1, "random", declare)])
}

async fn fill(fresh: &TestDb, case: &Case) {
    for (name, documents) in [("a", &case.a), ("b", &case.b)] {
        fresh.db.create_collection(name).await.unwrap();
        if !documents.is_empty() {
            fresh.db.collection::<Document>(name).insert_many(documents).await.unwrap();
        }
    }
    let index = doc! { "key": { "x": 1 }, "name": "x_1" };
    fresh.db.run_command(doc! { "createIndexes": "a", "indexes": [index] }).await.unwrap();
}

/// The number of the operation that an error is about, from 0.
fn culprit(error: &mongrate::Error) -> Option<usize> {
    let text = error.to_string();
    let (_, rest) = text.split_once("operation ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<usize>().ok()?.checked_sub(1)
}

/// Runs it from a process that dies after so many commands; `false` if it was done before.
async fn die_after(fresh: &TestDb, commands: usize, up: bool) -> bool {
    let dying = fresh.again().await;
    let mut all: Vec<&str> = COMMANDS.to_vec();
    all.push("renameCollection");
    // An error that is never retried, for every command from then on.
    let data = doc! { "failCommands": all, "errorCode": 2 };
    let skip = i32::try_from(commands).unwrap();
    let point = dying.fail(doc! { "skip": skip }, data).await;
    let migrator = migrator(&dying).retries(Retries::new().attempts_max(1));
    let ended = if up { migrator.up().await } else { migrator.down().await };
    point.off().await;
    let survivor = fresh.again().await;
    let migrator = self::migrator(&survivor);
    let lock = migrator.lock_status().await.unwrap();
    if lock.held {
        migrator.force_unlock(lock.fence).await.unwrap();
    }
    ended.is_err()
}

/// Up, down: what it was. Then again, with a process that dies on the way there, and one on the
/// way back.
async fn holds(uri: &str, case: Case, tried: &AtomicU32) -> Result<(), TestCaseError> {
    let mut ops = case.ops.clone();
    // Without the operations that are refused: of those, others tests tell.
    let (fresh, before, after, sent) = loop {
        OPS.lock().unwrap().clone_from(&ops);
        if ops.is_empty() {
            return Ok(());
        }
        let fresh = TestDb::on(uri, "laws").await;
        fill(&fresh, &case).await;
        let before = snapshot(&fresh.db).await;
        fresh.wire.take();
        match migrator(&fresh).up().await {
            Ok(_) => {
                let sent = fresh.wire.take().len();
                let after = snapshot(&fresh.db).await;
                break (fresh, before, after, sent);
            }
            Err(error) => match culprit(&error) {
                Some(number) if number < ops.len() => {
                    ops.remove(number);
                    fresh.pass().await;
                }
                _ => return Err(TestCaseError::fail(format!("{error}\n{ops:#?}"))),
            },
        }
    };
    tried.fetch_add(u32::try_from(ops.len()).unwrap(), Ordering::Relaxed);
    let fail = |text: String| Err(TestCaseError::fail(format!("{text}\n{ops:#?}")));
    fresh.wire.take();
    if let Err(error) = migrator(&fresh).down().await {
        return fail(error.to_string());
    }
    let sent_down = fresh.wire.take().len();
    let again = snapshot(&fresh.db).await;
    if again != before {
        return fail(format!("down: {again:#?}\nis not {before:#?}"));
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let at = |fraction: f64, of: usize| (fraction * of as f64) as usize;
    let died = die_after(&fresh, at(case.crashes.0, sent), true).await;
    if let (true, Err(error)) = (died, migrator(&fresh).up().await) {
        return fail(format!("after a crash: {error}"));
    }
    let now = snapshot(&fresh.db).await;
    if now != after {
        return fail(format!("up after a crash: {now:#?}\nis not {after:#?}"));
    }
    let died = die_after(&fresh, at(case.crashes.1, sent_down), false).await;
    if let (true, Err(error)) = (died, migrator(&fresh).down().to(0).await) {
        return fail(format!("after a crash: {error}"));
    }
    let now = snapshot(&fresh.db).await;
    if now != before {
        return fail(format!("down after a crash: {now:#?}\nis not {before:#?}"));
    }
    fresh.pass().await;
    Ok(())
}

/// Every point at which a process can die, one after the other, on the way there and back.
#[test]
fn a_crash_after_each_command_changes_nothing_in_the_end() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let case = Case {
            a: vec![doc! { "_id": 1, "x": "007" }, doc! { "_id": "b", "x": "8", "y": 1 }],
            b: vec![doc! { "_id": 1 }],
            ops: vec![
                Op::CreateIndex("a", 1),
                Op::ChangeType("a", "x", FieldType::String, FieldType::Int, None),
                Op::DropCollection("b"),
            ],
            crashes: (0.0, 0.0),
        };
        OPS.lock().unwrap().clone_from(&case.ops);
        let (uri, _server) = server().await;
        let fresh = TestDb::on(&uri, "each_command").await;
        fill(&fresh, &case).await;
        let before = snapshot(&fresh.db).await;
        migrator(&fresh).up().await.unwrap();
        let after = snapshot(&fresh.db).await;
        migrator(&fresh).down().await.unwrap();
        for up in [true, false] {
            for commands in 0.. {
                let died = die_after(&fresh, commands, up).await;
                if died && up {
                    migrator(&fresh)
                        .up()
                        .await
                        .unwrap_or_else(|error| panic!("{commands}: {error}"));
                } else if died {
                    let down = migrator(&fresh).down().to(0).await;
                    down.unwrap_or_else(|error| panic!("{commands}: {error}"));
                }
                let wanted = if up { &after } else { &before };
                assert_eq!(&snapshot(&fresh.db).await, wanted, "{commands} commands, up: {up}");
                // Back to where the next one begins.
                if up {
                    migrator(&fresh)
                        .down()
                        .await
                        .unwrap_or_else(|error| panic!("{commands}: {error}"));
                    assert_eq!(snapshot(&fresh.db).await, before, "down after {commands}");
                } else {
                    migrator(&fresh)
                        .up()
                        .await
                        .unwrap_or_else(|error| panic!("{commands}: {error}"));
                }
                if !died {
                    assert!(commands > 20, "it sends more than {commands} commands");
                    break;
                }
            }
            if up {
                migrator(&fresh).up().await.unwrap();
            }
        }
        fresh.pass().await;
    });
}

/// Cases that chance has found, each with what it showed.
#[test]
fn what_chance_found_stays_fixed() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (uri, _server) = runtime.block_on(server());
    // Nothing is moved, and an array is on the way back: that was refused.
    let case = Case {
        a: vec![],
        b: vec![doc! { "_id": 0, "s": [{ "y": Bson::Null }] }],
        ops: vec![Op::MoveField("b", "t.x", "s.y")],
        crashes: (0.0, 0.0),
    };
    let tried = AtomicU32::new(0);
    runtime.block_on(holds(&uri, case, &tried)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(tried.load(Ordering::Relaxed), 1, "it was not left out");
}

/// `MONGRATE_CASES` says how many; more find more.
#[test]
fn a_rollback_restores_what_was_there() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let cases = std::env::var("MONGRATE_CASES").ok().and_then(|text| text.parse().ok());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (uri, _server) = runtime.block_on(server());
    let tried = AtomicU32::new(0);
    let config = Config {
        cases: cases.unwrap_or(24),
        max_shrink_iters: 60,
        failure_persistence: None,
        ..Config::default()
    };
    let ended =
        TestRunner::new(config).run(&case(), |case| runtime.block_on(holds(&uri, case, &tried)));
    if let Err(error) = ended {
        panic!("{error}");
    }
    println!("{} operations", tried.load(Ordering::Relaxed));
    assert!(tried.load(Ordering::Relaxed) > 0, "something was tried");
}

//! Documents that a release has written, kept in `tests/stored/<release>`: each later build reads them and
//! goes on with them. And what a newer build would have written: fields that this one does not know are
//! kept, what it would misread is refused before anything is written.
//!
//! `just stored-documents` writes those of the present version, before its release; afterwards they stay
//! as they are.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use base64::Engine as _;
use futures_util::TryStreamExt as _;
use mongrate::{
    Change, Error, Migration, Migrator, PlanFile, State,
    bson::{Bson, Document, doc},
    mongodb::options::WriteConcern,
};
use mongrate_seal::{Applied, Replaces};
use mongrate_tests::{TestDb, effect, effects::versions};
use serde_json::Value;

/// The app's history: an approved plan, each kind, a skipped and a failed migration, tags, an audit log.
const SHOP: &str = "migrations";
/// A history with a rollback, an interrupted migration, and a pause.
const OFFICE: &str = "migrations.office";
/// A history with a squash.
const SHORT: &str = "migrations.short";

/// The releases whose documents are kept.
const RELEASES: [&str; 1] = ["0.1.0"];

fn place(release: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("stored").join(release)
}

fn tidy(change: &mut Change) {
    change.remove_field("people", "nick");
    change.create_index("people", doc! { "email": 1 }).unique(true);
    change.add_field("people", "plan", "free");
}

/// A step, and a backfill that stops at a document with the field `stop`.
fn walk(version: i64, name: &'static str) -> Migration {
    Migration::online_steps(version, name, |on| {
        Box::pin(async move {
            on.transaction("begin", async |tx| {
                tx.collection::<Document>("log").insert_one(doc! { "began": true }).await?;
                Ok(())
            })
            .await?;
            on.backfill("seen", "people")
                .batch_size(10)
                .update_each(|person: Document| match person.contains_key("stop") {
                    true => Err("this one stops it".into()),
                    false => Ok(Some(doc! { "$inc": { "seen": 1 } })),
                })
                .await?;
            Ok(())
        })
    })
    .reversible_online_by(|on| {
        Box::pin(async move {
            on.transaction("back", async |tx| {
                tx.collection::<Document>("log").delete_many(doc! {}).await?;
                Ok(())
            })
            .await
        })
    })
}

/// Waits for ever after its first step, as long as the collection `hang` has a document.
fn hangs(version: i64) -> Migration {
    Migration::online_steps(version, "hangs", |on| {
        Box::pin(async move {
            on.transaction("first", async |tx| {
                tx.collection::<Document>("log").insert_one(doc! { "step": "first" }).await?;
                Ok(())
            })
            .await?;
            if on.database().collection::<Document>("hang").find_one(doc! {}).await?.is_some() {
                std::future::pending::<()>().await;
            }
            Ok(())
        })
    })
}

fn shop_list() -> Vec<Migration> {
    vec![
        effect!(1),
        Migration::declared(2, "tidy", tidy),
        walk(3, "walk"),
        effect!(4).labelled(&["seed"]),
        effect!(5),
        walk(6, "stopped"),
    ]
}

fn shop(fresh: &TestDb) -> Migrator {
    fresh.migrator(shop_list()).app("shop 1.0").user("anna").keep_audit_log(true)
}

fn office(fresh: &TestDb) -> Migrator {
    fresh.migrator([effect!(11), hangs(12), effect!(13)]).collection(OFFICE).app("office 1.0")
}

fn short_list() -> Vec<Migration> {
    let old = [effect!(14), effect!(15)];
    let sums: Vec<String> = old.iter().map(|one| one.checksum().into_owned()).collect();
    let applied = Applied::of((14..).zip(sums.iter().map(|sum| &**sum)));
    let text: &'static str = Replaces { to: 15, applied }.to_string().leak();
    let squash = Migration::declared(16, "all", |change| {
        change.create_collection("squashed");
    });
    vec![squash.replacing(text), effect!(17)]
}

fn short(fresh: &TestDb) -> Migrator {
    fresh.migrator(short_list()).collection(SHORT).app("short 2.0")
}

/// A database with all that Mongrate writes into one; and the plan that was approved.
async fn write(fresh: &TestDb) -> PlanFile {
    let people = fresh.db.collection::<Document>("people");
    let person = |id: i32| doc! { "_id": id, "nick": format!("n{id}"), "email": format!("{id}@x") };
    people.insert_many((0..40).map(person)).await.unwrap();
    let first = fresh.migrator(shop_list().into_iter().take(2)).app("shop 0.9").user("anna");
    let first = first.keep_audit_log(true);
    let plan = first.up().plan_file().await.unwrap();
    first.up().approved(&plan).await.unwrap();
    first.tag("before the walk").why("to go back to").await.unwrap();
    let most = fresh.migrator(shop_list().into_iter().take(5)).app("shop 1.0").user("anna");
    most.keep_audit_log(true).up().await.unwrap();
    shop(fresh).tag("all but the last").await.unwrap();
    let stop = doc! { "$set": { "stop": true } };
    people.update_one(doc! { "_id": 25 }, stop).await.unwrap();
    assert!(matches!(shop(fresh).up().await, Err(Error::Failed { .. })));

    let hang = fresh.db.collection::<Document>("hang");
    hang.insert_one(doc! { "_id": 1 }).await.unwrap();
    let two = fresh.migrator([effect!(11), effect!(13)]).collection(OFFICE).app("office 0.9");
    two.up().await.unwrap();
    two.down().why("too early").await.unwrap();
    let log = fresh.db.collection::<Document>("log");
    let before = log.count_documents(doc! {}).await.unwrap();
    let begun = async {
        while log.count_documents(doc! {}).await.unwrap() == before {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let running = office(fresh);
    tokio::select! {
        ended = running.up() => panic!("{ended:?}"),
        () = begun => {}
    }
    while office(fresh).lock_status().await.unwrap().held {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    office(fresh).pause().why("the office moves").await.unwrap();

    let old = fresh.migrator([effect!(14), effect!(15)]).collection(SHORT).app("short 1.0");
    old.up().await.unwrap();
    short(fresh).up().to(16).await.unwrap();
    plan
}

/// Each collection of the database, with its documents in the order of their `_id`.
async fn dump(fresh: &TestDb) -> BTreeMap<String, Vec<Document>> {
    let mut all = BTreeMap::new();
    for name in fresh.db.list_collection_names().await.unwrap() {
        let collection = fresh.db.collection::<Document>(&name);
        let found = collection.find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap();
        let documents: Vec<Document> = found.try_collect().await.unwrap();
        all.insert(name, documents);
    }
    all
}

/// Puts the documents of a release into the database, as they were there.
async fn load(fresh: &TestDb, release: &str) {
    for file in std::fs::read_dir(place(release)).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap();
        let Some(collection) = name.strip_suffix(".jsonl") else { continue };
        let text = std::fs::read_to_string(&file).unwrap();
        let documents: Vec<Document> = text.lines().map(document).collect();
        let collection = fresh.db.collection::<Document>(collection);
        let inserted = collection.insert_many(documents);
        inserted.write_concern(WriteConcern::majority()).await.unwrap();
    }
    // Of the database itself; Mongrate has stored that the index is its own.
    let index = mongrate::mongodb::IndexModel::builder()
        .keys(doc! { "email": 1 })
        .options(mongrate::mongodb::options::IndexOptions::builder().unique(true).build())
        .build();
    fresh.db.collection::<Document>("people").create_index(index).await.unwrap();
    fresh.db.create_collection("squashed").await.unwrap_or_default();
}

fn document(line: &str) -> Document {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// MongoDB's canonical extended JSON, with the fields in their order.
fn canonical(value: &Bson) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    match value {
        Bson::Document(document) => {
            let field =
                |(key, value): (&String, &Bson)| format!("{}:{}", quoted(key), canonical(value));
            format!("{{{}}}", document.iter().map(field).collect::<Vec<_>>().join(","))
        }
        Bson::Array(all) => {
            format!("[{}]", all.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        Bson::String(text) => quoted(text),
        Bson::Boolean(yes) => yes.to_string(),
        Bson::Null => "null".to_owned(),
        Bson::Int32(number) => format!("{{\"$numberInt\":\"{number}\"}}"),
        Bson::Int64(number) => format!("{{\"$numberLong\":\"{number}\"}}"),
        Bson::Double(number) => format!("{{\"$numberDouble\":\"{number}\"}}"),
        Bson::DateTime(time) => {
            format!("{{\"$date\":{{\"$numberLong\":\"{}\"}}}}", time.timestamp_millis())
        }
        Bson::ObjectId(id) => format!("{{\"$oid\":\"{id}\"}}"),
        Bson::Binary(binary) => format!(
            "{{\"$binary\":{{\"base64\":\"{}\",\"subType\":\"{:02x}\"}}}}",
            base64::engine::general_purpose::STANDARD.encode(&binary.bytes),
            u8::from(binary.subtype)
        ),
        other => panic!("nothing stores {other:?}"),
    }
}

/// The JSON reports of a release, by the name of their file.
async fn reports(fresh: &TestDb) -> BTreeMap<&'static str, Value> {
    let json = |report: &dyn erased::Report| report.json();
    BTreeMap::from([
        ("status.json", json(&shop(fresh).status().await.unwrap())),
        ("history.json", json(&shop(fresh).history().await.unwrap())),
        ("plan_report.json", json(&shop(fresh).plan().await.unwrap())),
        ("tags.json", json(&shop(fresh).tags().await.unwrap())),
        ("runs.json", json(&shop(fresh).runs().await.unwrap())),
        ("audit.json", json(&shop(fresh).audit().await.unwrap())),
        ("office_status.json", json(&office(fresh).status().await.unwrap())),
    ])
}

mod erased {
    //! Reports of several types in one list.

    pub(super) trait Report {
        fn json(&self) -> serde_json::Value;
    }

    impl<T: serde::Serialize> Report for T {
        fn json(&self) -> serde_json::Value {
            serde_json::to_value(self).unwrap()
        }
    }
}

/// Every path of a JSON document, with the type of its value; a list stands for its elements.
fn paths(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    let kind = match value {
        // Left open: what is null here may be a value elsewhere.
        Value::Null => return,
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(all) => {
            all.iter().for_each(|one| paths(one, &format!("{at}[]"), into));
            "array"
        }
        Value::Object(all) => {
            all.iter().for_each(|(key, one)| paths(one, &format!("{at}.{key}"), into));
            "object"
        }
    };
    into.insert(format!("{at}: {kind}"));
}

/// Whether Mongrate writes the collection: the others are the app's.
fn is_ours(collection: &str) -> bool {
    collection.starts_with("migrations")
}

/// Every path of these documents, with its type as MongoDB stores it; of each kind of document apart, so
/// that a field is not taken for that of another kind.
fn shapes(documents: &[Document]) -> BTreeSet<String> {
    fn of(value: &Bson, at: &str, into: &mut BTreeSet<String>) {
        match value {
            Bson::Document(one) => {
                one.iter().for_each(|(key, one)| of(one, &format!("{at}.{key}"), into));
            }
            Bson::Array(all) => all.iter().for_each(|one| of(one, &format!("{at}[]"), into)),
            _ => {}
        }
        into.insert(format!("{at}: {:?}", value.element_type()));
    }
    let mut found = BTreeSet::new();
    for one in documents {
        let kind = match one.get("_id").unwrap() {
            // A checkpoint is named after its backfill, and a record after its version.
            Bson::String(id) => id.split_once(':').map_or(&**id, |(kind, _)| kind),
            _ => "a number",
        };
        of(&one.clone().into(), kind, &mut found);
    }
    found
}

/// Writes the documents of this version; run by `just stored-documents`.
#[tokio::test]
async fn what_this_version_writes_is_what_is_kept() {
    let fresh = TestDb::new("stored_write").await;
    let plan = write(&fresh).await;
    let all = dump(&fresh).await;
    if std::env::var_os("MONGRATE_WRITE_STORED").is_some() {
        let place = place(env!("CARGO_PKG_VERSION"));
        let _ = std::fs::remove_dir_all(&place);
        std::fs::create_dir_all(&place).unwrap();
        for (name, documents) in &all {
            let line = |one: &Document| canonical(&one.clone().into()) + "\n";
            let text: String = documents.iter().map(line).collect();
            std::fs::write(place.join(format!("{name}.jsonl")), text).unwrap();
        }
        std::fs::write(place.join("plan.json"), plan.to_json()).unwrap();
        for (name, report) in reports(&fresh).await {
            let text = serde_json::to_string_pretty(&report).unwrap();
            std::fs::write(place.join(name), text + "\n").unwrap();
        }
    }
    // The fields of what is written now, so that a new one is not forgotten in the files.
    let place = place(env!("CARGO_PKG_VERSION"));
    let now: BTreeSet<&str> = all.keys().map(|name| &**name).filter(|name| is_ours(name)).collect();
    let kept = std::fs::read_dir(&place).unwrap().map(|file| file.unwrap().file_name());
    let kept: BTreeSet<String> = kept.filter_map(|name| name.into_string().ok()).collect();
    let kept = kept.iter().filter_map(|name| name.strip_suffix(".jsonl"));
    assert_eq!(now, kept.filter(|name| is_ours(name)).collect(), "the collections");
    for collection in now {
        let file = place.join(format!("{collection}.jsonl"));
        let text = std::fs::read_to_string(file).unwrap();
        let kept: Vec<Document> = text.lines().map(document).collect();
        assert_eq!(
            shapes(&all[collection]),
            shapes(&kept),
            "{collection}: other fields are written now; if that is meant, `just stored-documents` before \
             the release, and a new folder after it"
        );
    }
    let shape = |plan: &str| {
        let mut found = BTreeSet::new();
        paths(&serde_json::from_str(plan).unwrap(), "", &mut found);
        found
    };
    let kept = std::fs::read_to_string(place.join("plan.json")).unwrap();
    assert_eq!(shape(&plan.to_json()), shape(&kept), "a plan file has other fields now");
    fresh.pass().await;
}

fn states(status: &mongrate::StatusReport) -> Vec<(i64, State)> {
    status.migrations.iter().map(|one| (one.version.get(), one.state)).collect()
}

/// All that a build does with what an older one has written: looks, goes on, and rolls back.
async fn goes_on(fresh: &TestDb) {
    use State::{Applied, Failed, Interrupted, Pending, Replaced, Skipped};
    let migrator = shop(fresh);
    let status = migrator.status().await.unwrap();
    let expected =
        [(1, Applied), (2, Applied), (3, Applied), (4, Skipped), (5, Applied), (6, Failed)];
    assert_eq!(states(&status), expected);
    assert!(status.migrations.iter().all(|one| !one.drifted), "{status:#?}");
    let last = &status.migrations[5];
    assert_eq!(last.finished_steps, ["begin"]);
    assert_eq!(last.progress[0].documents, 20, "{last:#?}");
    assert_eq!(status.migrations[4].by.as_ref().unwrap().release(), "shop 1.0");
    let history = migrator.history().await.unwrap();
    for event in ["applied", "tagged", "failed", "skipped"] {
        assert!(history.events.iter().any(|one| one.event == event), "no `{event}`: {history:#?}");
    }
    let tags = migrator.tags().await.unwrap();
    let names: Vec<&str> = tags.tags.iter().map(|tag| tag.name.as_str()).collect();
    assert_eq!(names, ["before the walk", "all but the last"]);
    let verified = migrator.verify_audit().await.unwrap();
    assert!(verified.breaks.is_empty() && verified.entries > 5, "{verified:#?}");

    let people = fresh.db.collection::<Document>("people");
    people.update_one(doc! { "_id": 25 }, doc! { "$unset": { "stop": "" } }).await.unwrap();
    assert_eq!(migrator.up().await.unwrap().versions(), versions([6]));
    let seen = doc! { "seen": 2 };
    assert_eq!(people.count_documents(seen).await.unwrap(), 40, "each document once by each walk");
    assert!(migrator.check().await.unwrap().pending.is_empty());
    let back = migrator.down().to_tag("before the walk").await.unwrap();
    assert_eq!(back.versions(), versions([6, 5, 3]));
    assert_eq!(migrator.down().all().await.unwrap().versions(), versions([2, 1]));
    let nick = doc! { "nick": "n7", "plan": { "$exists": false } };
    assert_eq!(people.count_documents(nick).await.unwrap(), 1, "the rollback has what was kept");
    let verified = migrator.verify_audit().await.unwrap();
    assert!(verified.breaks.is_empty(), "the chain goes on: {verified:#?}");

    let migrator = office(fresh);
    let status = migrator.status().await.unwrap();
    assert_eq!(states(&status), [(11, Applied), (12, Interrupted), (13, Pending)]);
    let paused = status.lock.paused.unwrap();
    assert_eq!(paused.why.as_deref(), Some("the office moves"));
    fresh.db.collection::<Document>("hang").delete_many(doc! {}).await.unwrap();
    let refused = migrator.clone().when_paused(mongrate::WhenPaused::Fail).up().await;
    assert!(matches!(refused, Err(Error::Paused { .. })), "{refused:?}");
    migrator.resume().await.unwrap();
    assert_eq!(migrator.up().await.unwrap().versions(), versions([12, 13]));

    let migrator = short(fresh);
    let status = migrator.status().await.unwrap();
    let of = |version: i64| states(&status).into_iter().find(|(it, _)| *it == version);
    assert_eq!((of(16), of(17)), (Some((16, Applied)), Some((17, Pending))), "{status:#?}");
    assert!(of(14).is_none_or(|(_, state)| state == Replaced), "{status:#?}");
    // It was not run, and so it is not what the last run did.
    assert_eq!(migrator.down().batch().await.unwrap().versions(), versions([]));
    assert_eq!(migrator.up().await.unwrap().versions(), versions([17]));
}

#[tokio::test]
async fn documents_of_each_release_are_read_and_gone_on_with() {
    for release in RELEASES {
        let fresh = TestDb::new("stored_reads").await;
        load(&fresh, release).await;
        goes_on(&fresh).await;
        let plan = std::fs::read_to_string(place(release).join("plan.json")).unwrap();
        PlanFile::parse(&plan).unwrap_or_else(|error| panic!("{release}: {error}"));
        fresh.pass().await;
    }
}

/// The JSON of reports only grows.
#[tokio::test]
async fn reports_have_all_that_they_had() {
    for release in RELEASES {
        let fresh = TestDb::new("stored_reports").await;
        load(&fresh, release).await;
        for (name, report) in reports(&fresh).await {
            let text = std::fs::read_to_string(place(release).join(name)).unwrap();
            let (mut old, mut now) = (BTreeSet::new(), BTreeSet::new());
            paths(&serde_json::from_str(&text).unwrap(), "", &mut old);
            paths(&report, "", &mut now);
            let gone: Vec<&String> = old.difference(&now).collect();
            assert!(gone.is_empty(), "{release}, {name}: {gone:#?}");
        }
        fresh.pass().await;
    }
}

/// Adds a field that no build knows to each document of a collection, and to what is inside of it.
fn from_the_future(document: &mut Document) {
    fn inside(value: &mut Bson) {
        match value {
            Bson::Document(one) => within(one),
            Bson::Array(all) => all.iter_mut().for_each(inside),
            _ => {}
        }
    }
    fn within(document: &mut Document) {
        document.insert("later", doc! { "than": "this build" });
    }
    for (key, value) in document.iter_mut() {
        // An undo is the data of an operation, and a session or a digest is one value.
        if !matches!(key.as_str(), "_id" | "undo" | "lsid" | "applied") {
            inside(value);
        }
    }
    within(document);
}

/// An older build leaves alone what it does not know, and goes on with the rest.
#[tokio::test]
async fn unknown_fields_are_kept() {
    let fresh = TestDb::new("stored_unknown").await;
    load(&fresh, RELEASES[0]).await;
    let mut ids = Vec::new();
    for name in [SHOP, OFFICE, SHORT] {
        let collection = fresh.db.collection::<Document>(name);
        let found = collection.find(doc! {}).await.unwrap();
        let documents: Vec<Document> = found.try_collect().await.unwrap();
        for mut one in documents {
            let id = one.get("_id").unwrap().clone();
            from_the_future(&mut one);
            let replaced = collection.replace_one(doc! { "_id": &id }, one);
            replaced.write_concern(WriteConcern::majority()).await.unwrap();
            ids.push((name, id));
        }
    }
    goes_on(&fresh).await;
    for (name, id) in ids {
        let collection = fresh.db.collection::<Document>(name);
        // The checkpoint of a backfill goes with its migration.
        let Some(found) = collection.find_one(doc! { "_id": &id }).await.unwrap() else {
            assert!(matches!(&id, Bson::String(id) if id.starts_with("backfill")), "{name} {id}");
            continue;
        };
        assert!(found.get_document("later").is_ok(), "{name} {id}: {found}");
    }
    fresh.pass().await;
}

/// What a newer build may have written and this one would misread: refused, and nothing is touched.
#[tokio::test]
async fn what_would_be_misread_is_refused_before_anything_is_written() {
    let fresh = TestDb::new("stored_newer").await;
    load(&fresh, RELEASES[0]).await;
    let control = fresh.db.collection::<Document>(SHOP);
    let set = async |id: Bson, update: Document| {
        let set = control.update_one(doc! { "_id": id }, update).upsert(true);
        set.write_concern(WriteConcern::majority()).await.unwrap();
    };
    let migrator = shop(&fresh);
    // A document of a kind that this build does not know.
    let stays = fresh.db.collection::<Document>("people").find(doc! {}).await.unwrap();
    let stays: Vec<Document> = stays.try_collect().await.unwrap();
    set("epoch".into(), doc! { "$set": { "kind": "of document" } }).await;
    for refused in [migrator.up().await.map(drop), migrator.down().await.map(drop)] {
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
        assert!(error.to_string().contains("epoch"), "{error}");
    }
    let now = fresh.db.collection::<Document>("people").find(doc! {}).await.unwrap();
    assert_eq!(now.try_collect::<Vec<Document>>().await.unwrap(), stays);
    fresh.pass().await;
}

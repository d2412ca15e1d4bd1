//! An error about data names the document, and no value of it.

use mongrate::{
    Kind, Migration,
    bson::{Bson, Document, doc, oid::ObjectId},
};
use mongrate_tests::TestDb;

use super::{SECRET, count, fails, insert, kept, told};

/// A thousand documents, one of which is odd.
async fn fill(fresh: &TestDb, odd: impl Into<Bson>) {
    let odd = odd.into();
    insert(fresh, (0..1_000).map(|id| doc! { "_id": id, "value": id.to_string() })).await;
    let name = format!("{SECRET}name");
    insert(fresh, [doc! { "_id": odd, "value": format!("{SECRET}it's"), "name": name }]).await;
}

async fn validator(fresh: &TestDb, rules: Document) {
    let command = doc! { "collMod": "things", "validator": rules };
    fresh.db.run_command(command).await.unwrap();
}

/// A unique index of documents that have the field.
async fn unique(fresh: &TestDb, field: &str) {
    let index = doc! { "key": { field: 1 }, "name": "only", "unique": true, "sparse": true };
    fresh.db.run_command(doc! { "createIndexes": "things", "indexes": [index] }).await.unwrap();
}

/// Nothing of an earlier attempt is known.
async fn anew(fresh: &TestDb) {
    fresh.db.collection::<Document>("migrations").drop().await.unwrap();
}

macro_rules! backfill {
    ($walk:ident => $($call:tt)*) => {
        Migration::online_steps(1, "walk", |on| {
            Box::pin(async move {
                let $walk = on.backfill("tidy", "things");
                $($call)*.await.map(drop)
            })
        })
    };
}

const BACKFILL: [&str; 3] = ["the backfill `tidy`", "of `things`", "left no trace"];

#[tokio::test]
async fn a_conversion_that_fails_in_a_pipeline() {
    let fresh = TestDb::new("conversion").await;
    fill(&fresh, "odd").await;
    let to_int = backfill!(walk => walk
        .update(vec![doc! { "$set": { "value": { "$toInt": "$value" } } }]));
    let words = ["with `_id` \"odd\"", "that sets `value`", "Failed to parse number '…'"];
    fails(&fresh, to_int, &[&BACKFILL[..], &words[..]].concat()).await;
    let to_date = Migration::online_steps(1, "date", |on| {
        Box::pin(async move {
            let date = doc! { "$dateFromString": { "dateString": "$name" } };
            let pipeline = vec![doc! { "$set": { "name": date } }];
            on.backfill("dates", "things").update(pipeline).await.map(drop)
        })
    });
    let words = ["with `_id` \"odd\"", "date string", "the backfill `dates`"];
    fails(&fresh, to_date, &words).await;
    fresh.pass().await;
}

#[tokio::test]
async fn a_rule_that_does_not_hold() {
    let fresh = TestDb::new("validation").await;
    fill(&fresh, 5_000).await;
    validator(&fresh, doc! { "$or": [{ "name": { "$exists": false } }, { "n": { "$gte": 0 } }] })
        .await;
    let set = backfill!(walk => walk.update(vec![doc! { "$set": { "n": -5 } }]));
    // An older server does not say which part of a rule it was.
    let says_why = fresh.version().await >= (5, 0);
    let rule = |words: &'static str| if says_why { words } else { "121" };
    let words = ["`_id` 5000", "Document failed validation", "121", rule("`n`")];
    fails(&fresh, set, &[&BACKFILL[..], &words[..]].concat()).await;

    let id = ObjectId::new();
    insert(&fresh, [doc! { "_id": id }]).await;
    validator(&fresh, doc! { "$jsonSchema": { "properties": { "age": { "minimum": 0 } } } }).await;
    let each = Migration::online_steps(1, "walk", |on| {
        Box::pin(async move {
            let walk = on.backfill("each", "things").filter(doc! { "_id": { "$type": 7 } });
            walk.update_each(|_: Document| Ok(Some(doc! { "$set": { "age": -1 } }))).await.map(drop)
        })
    });
    let words = [&format!("`_id` {}", Bson::ObjectId(id)), "121", rule("the rule for `age`")];
    fails(&fresh, each, &words).await;
    let whole = Migration::online_steps(1, "walk", |on| {
        Box::pin(async move {
            let walk = on.backfill("whole", "things").filter(doc! { "_id": { "$gte": 998 } });
            let walk = walk.replace_each(|thing| {
                let age = if thing.get_i32("_id")? == 999 { -1 } else { 1 };
                Ok(Some(doc! { "age": age }))
            });
            walk.await.map(drop)
        })
    });
    fails(&fresh, whole, &["with `_id` 999", rule("the rule for `age`"), "`whole`"]).await;
    assert_eq!(count(&fresh, doc! { "age": { "$exists": true } }).await, 0);
    fresh.pass().await;
}

#[tokio::test]
async fn a_key_that_is_taken() {
    let fresh = TestDb::new("key").await;
    fill(&fresh, "odd").await;
    unique(&fresh, "slug").await;
    let taken = format!("{SECRET}slug");
    insert(&fresh, [doc! { "_id": "first", "slug": &taken }]).await;
    // In a pipeline, the server does not say which document it was.
    let set = backfill!(walk => walk
        .filter(doc! { "_id": { "$ne": "first" } })
        .update(vec![doc! { "$set": { "slug": {
            "$cond": [{ "$eq": ["$_id", "odd"] }, "secret-slug", "$value"],
        } } }]));
    let words = ["with `_id` \"odd\"", "`_id` \"first\" has", "index: only", "11000"];
    fails(&fresh, set, &[&BACKFILL[..], &words[..]].concat()).await;
    anew(&fresh).await;
    let things = fresh.db.collection::<Document>("things");
    let slugs = doc! { "_id": { "$ne": "first" } };
    things.update_many(slugs, doc! { "$unset": { "slug": 1 } }).await.unwrap();
    // Two within one batch: neither has it yet.
    let both = backfill!(walk => walk
        .filter(doc! { "_id": { "$in": [600, 700, "odd"] } })
        .update(vec![doc! { "$set": { "slug": "secret-both" } }]));
    fails(&fresh, both, &["with `_id` 700", "index: only"]).await;
    anew(&fresh).await;
    let each = backfill!(walk => walk.update_each(|thing: Document| {
        let odd = thing.get_str("_id").is_ok_and(|id| id == "odd");
        Ok(odd.then(|| doc! { "$set": { "slug": "secret-slug" } }))
    }));
    fails(&fresh, each, &["with `_id` \"odd\"", "index: only", "11000"]).await;
    fresh.pass().await;
}

#[tokio::test]
async fn operators_that_do_not_fit_and_documents_that_get_too_big() {
    let fresh = TestDb::new("operators").await;
    fill(&fresh, 2_000).await;
    let inc = backfill!(walk => walk
        .filter(doc! { "name": { "$exists": true } })
        .update_each(|_: Document| Ok(Some(doc! { "$inc": { "name": 1 } }))));
    fails(&fresh, inc, &["`_id` 2000", "field 'name'"]).await;
    let into = backfill!(walk => walk
        .filter(doc! { "name": { "$exists": true } })
        .update_each(|_: Document| Ok(Some(doc! { "$set": { "name.first": 1 } }))));
    fails(&fresh, into, &["`_id` 2000", "name: …"]).await;
    let add = backfill!(walk => walk
        .update(vec![doc! { "$set": { "name": { "$multiply": ["$name", 2] } } }]));
    fails(&fresh, add, &["`_id` 2000", "$multiply"]).await;

    insert(&fresh, [doc! { "_id": 3_000, "text": "x".repeat(9 << 20) }]).await;
    let twice = backfill!(walk => walk.update(vec![doc! { "$set": { "again": "$text" } }]));
    fails(&fresh, twice, &["`_id` 3000", "BSONObj size"]).await;
    // What is kept of it is twice as much as it is.
    let declared = Migration::declared(1, "declared", |change| {
        let longer = doc! { "$concat": ["$text", "y"] };
        let longer = doc! { "$cond": [{ "$gt": ["$text", null] }, longer, "$text"] };
        change.update("things", vec![doc! { "$set": { "text": longer } }], vec![]);
    });
    let words = ["operation 1 (update `things`", "with `_id` 3000", "is too big", "10334"];
    fails(&fresh, declared, &words).await;
    assert_eq!(count(&fresh, doc! { "text": { "$regex": "y$" } }).await, 0);
    fresh.pass().await;
}

#[tokio::test]
async fn functions_name_the_document_that_they_refuse() {
    let fresh = TestDb::new("functions").await;
    fill(&fresh, "odd").await;
    #[derive(serde::Deserialize)]
    struct Thing {
        #[serde(default, rename = "name")]
        _name: Option<i32>,
    }
    let typed = backfill!(walk => walk.update_each(|_: Thing| Ok(None)));
    fails(&fresh, typed, &["with `_id` \"odd\"", "the backfill `tidy`"]).await;
    let own = backfill!(walk => walk.replace_each(|thing| {
        if thing.contains_key("name") { Err("no names here".into()) } else { Ok(None) }
    }));
    fails(&fresh, own, &["with `_id` \"odd\"", "no names here"]).await;
    // What no command can hold, by its name and by its size.
    let unnamable = backfill!(walk => walk.replace_each(|mut thing| {
        let is_odd = thing.contains_key("name");
        thing.insert("a\0b", 1);
        Ok(is_odd.then_some(thing))
    }));
    fails(&fresh, unnamable, &["with `_id` \"odd\"", "the backfill `tidy`"]).await;
    let huge = backfill!(walk => walk.update_each(|thing: Document| {
        let text = || doc! { "$set": { "text": "x".repeat(60 << 20) } };
        Ok(thing.contains_key("name").then(text))
    }));
    fails(&fresh, huge, &["with `_id` \"odd\"", "too big", "the backfill `tidy`"]).await;
    let huge = backfill!(walk => walk.replace_each(|mut thing| {
        let is_odd = thing.contains_key("name");
        thing.insert("text", if is_odd { "x".repeat(48 << 20) } else { String::new() });
        Ok(is_odd.then_some(thing))
    }));
    fails(&fresh, huge, &["with `_id` \"odd\"", "too big", "the backfill `tidy`"]).await;
    let within = backfill!(walk => walk.update_each(|thing: Document| {
        let set = doc! { "$set": { "at": [{ "a\0b": 1 }] } };
        Ok(thing.contains_key("name").then_some(set))
    }));
    fails(&fresh, within, &["with `_id` \"odd\"", "the backfill `tidy`"]).await;
    fresh.pass().await;
}

#[tokio::test]
async fn what_is_wrong_with_every_document_names_none() {
    let fresh = TestDb::new("no_document").await;
    fill(&fresh, "odd").await;
    let unknown = backfill!(walk => walk.update(vec![doc! { "$frobnicate": 1 }]));
    let error = fails(&fresh, unknown, &["frobnicate", "the backfill `tidy`"]).await;
    assert!(!error.to_string().contains("_id"), "{error}");
    fresh.pass().await;
}

#[tokio::test]
async fn declared_operations_are_named_with_the_document_and_leave_nothing_empty() {
    let fresh = TestDb::new("declared_causes").await;
    fill(&fresh, "odd").await;
    unique(&fresh, "slug").await;
    insert(&fresh, [doc! { "_id": "first", "slug": "secret-name" }]).await;
    let rename = Migration::declared(1, "rename", |change| {
        change.add_field("things", "ok", true);
        change.rename_field("things", "name", "slug");
    });
    let words = [
        "operation 2 (rename field `name` of `things` to `slug`)",
        "with `_id` \"odd\"",
        "`_id` \"first\" has",
        "index: only",
    ];
    let error = fails(&fresh, rename, &words).await;
    assert_eq!(error.kind(), Kind::Failed);
    assert_eq!(kept(&fresh).await, Vec::<String>::new(), "a failed run leaves nothing empty");
    // Fixed, it resumes; and it can be rolled back.
    let things = fresh.db.collection::<Document>("things");
    things.delete_one(doc! { "_id": "first" }).await.unwrap();
    fresh.migrator([rename]).up().await.unwrap();
    assert_eq!(count(&fresh, doc! { "slug": "secret-name" }).await, 1);
    // The way back meets a rule of its own.
    things.drop_index("only").await.unwrap();
    unique(&fresh, "name").await;
    insert(&fresh, [doc! { "_id": "second", "name": "secret-name" }]).await;
    let error = fresh.migrator([rename]).down().await.unwrap_err();
    told(&error, &["operation 2", "`_id` \"odd\"", "`_id` \"second\" has", "11000"]);
    assert_eq!(kept(&fresh).await, Vec::<String>::new());
    things.delete_one(doc! { "_id": "second" }).await.unwrap();
    fresh.migrator([rename]).down().await.unwrap();
    assert_eq!(count(&fresh, doc! { "name": "secret-name" }).await, 1);
    fresh.pass().await;
}

#[tokio::test]
async fn a_pipeline_that_fails_leaves_no_empty_collection() {
    let fresh = TestDb::new("pipeline_causes").await;
    fill(&fresh, "odd").await;
    let update = Migration::declared(1, "update", |change| {
        let value = doc! { "$toInt": "$value" };
        change.update("things", vec![doc! { "$set": { "value": value } }], vec![]);
    });
    // However long the operation is.
    let long = Migration::declared(1, "long", |change| {
        let mut set = doc! { "value": { "$toInt": "$value" } };
        set.extend((0..500).map(|n| (format!("field_{n}"), Bson::Int32(n))));
        change.update("things", vec![doc! { "$set": set }], vec![]);
    });
    fails(&fresh, long, &["operation 1 (update `things`", "with `_id` \"odd\"", "'…'"]).await;
    fresh.db.drop().await.unwrap();
    fill(&fresh, "odd").await;
    // The first 500 are done, and kept; of the others nothing is.
    fails(&fresh, update, &["operation 1 (update `things`", "with `_id` \"odd\"", "'…'"]).await;
    assert_eq!(kept(&fresh).await.len(), 1);
    fresh.db.drop().await.unwrap();
    insert(&fresh, [doc! { "_id": 7, "value": "secret-x" }]).await;
    fails(&fresh, update, &["operation 1 (update `things`", "with `_id` 7", "'…'"]).await;
    assert_eq!(kept(&fresh).await, Vec::<String>::new());
    fresh.pass().await;
}

//! Operations and what was read of the collection in, lints out.

use mongodb::bson::doc;

use super::*;
use crate::run::lint::facts::{Duplicates, Failing};

fn subject(allowed: &'static [&'static str]) -> Subject {
    Subject {
        version: 7.into(),
        migration: "seven",
        allowed: allowed.to_vec(),
        operations: Vec::new(),
    }
}

fn judged(operation: &Operation, facts: &Facts) -> Option<Lint> {
    let mut lints = judge(&subject(&[]), operation, facts, LintLimits::default());
    assert!(lints.len() <= 1, "{lints:?}");
    lints.pop()
}

fn email() -> Operation {
    Operation::CreateIndex(Index {
        collection: "users".to_owned(),
        keys: doc! { "email": 1 },
        options: doc! {
            "unique": true, "collation": { "locale": "en", "strength": 2 },
            "partialFilterExpression": { "active": true },
        },
        given_name: Some("one_each".to_owned()),
        name: "one_each".to_owned(),
        if_not_exists: false,
    })
}

fn field(field: &str, change: FieldChange) -> Operation {
    Operation::Field { collection: "users".to_owned(), field: field.to_owned(), change }
}

fn index(listed: Document) -> NamedBy {
    NamedBy::Index { listed, of: doc! {} }
}

#[test]
fn what_fits_a_transaction_is_fine() {
    let write = |documents, duration_ms| Operation::Write {
        collection: Some("users".to_owned()),
        seen: Some(Seen { documents, duration_ms }),
    };
    assert_eq!(judged(&write(10_000, 20_000), &Facts::default()), None);
    let lint = judged(&write(1_234_567, 1), &Facts::default()).unwrap();
    assert_eq!(lint.name, LintName::LargeTransaction);
    assert!(lint.message.contains("1,234,567 documents"), "{lint}");
    assert!(lint.good.contains("on.backfill(\"fill\", \"users\")"), "{}", lint.good);
    let lint = judged(&write(1, 31_000), &Facts::default()).unwrap();
    assert!(lint.message.contains("took 31 s"), "{lint}");
    assert!(!lint.estimated);
}

#[test]
fn a_guess_says_that_it_is_one() {
    let write = Operation::Write { collection: Some("users".to_owned()), seen: None };
    let facts = |documents| Facts { documents, ..Facts::default() };
    assert_eq!(judged(&write, &facts(10_000)), None);
    assert!(judged(&write, &facts(10_001)).unwrap().estimated);
}

#[test]
fn duplicates_are_counted_and_not_shown() {
    let facts = Facts {
        documents: 3_000_000,
        duplicates: Some(Duplicates {
            keys: 2,
            more: false,
            commonest: vec![(3, None), (2, Some("\"a@example.org\"".to_owned()))],
            collation: Some(doc! { "locale": "en", "strength": 2 }),
        }),
        ..Facts::default()
    };
    let lint = judged(&email(), &facts).unwrap();
    assert_eq!(lint.name, LintName::UniqueIndexOverDuplicates, "before the size");
    assert!(lint.message.contains("2 keys are"), "{lint}");
    assert_eq!(lint.details[0], "one key is in 3 documents");
    assert_eq!(lint.details[1], "\"a@example.org\": in 2 documents");
    // Nothing that makes the index what it is is left out.
    let all = r#".unique(true).collation(doc! { "locale": "en", "strength": 2 }).partial_filter(doc! { "active": true }).name("one_each")"#;
    assert!(lint.bad.ends_with(&format!("{all};")), "{}", lint.bad);
    assert!(lint.good.ends_with(&format!("{all};")), "{}", lint.good);
    assert!(lint.message.contains("as its collation"), "{lint}");
    assert!(lint.good.contains("run with the collation of the index"), "{}", lint.good);
    assert!(lint.good.contains(r#""$match": { "active": true }"#), "{}", lint.good);
    let none = Facts { duplicates: Some(Duplicates::default()), ..facts };
    let lint = judged(&email(), &none).unwrap();
    assert_eq!(lint.name, LintName::IndexOnLargeCollection);
    // The one that was built by hand has to be the same one, and to be expected.
    assert!(lint.good.contains(r#""strength": 2 }"#), "{}", lint.good);
    assert!(lint.good.contains(r#""name": "one_each""#), "{}", lint.good);
    assert!(lint.good.ends_with(&format!("{all}.if_not_exists();")), "{}", lint.good);
}

#[test]
fn a_field_that_an_index_names_is_told_however_it_is_changed() {
    let listed = doc! {
        "v": 2, "key": { "age": 1, "plan": 1 }, "name": "mine", "unique": true,
        "partialFilterExpression": { "age": { "$gt": 1 } },
    };
    let facts = Facts { named_by: vec![index(listed), NamedBy::Validator], ..Facts::default() };
    for change in [
        FieldChange::Remove,
        FieldChange::Unset,
        FieldChange::Rename { to: "years".to_owned() },
        FieldChange::Move { to: "person.age".to_owned() },
        FieldChange::Convert { from: "int", to: "string" },
    ] {
        let lint = judged(&field("age", change.clone()), &facts).unwrap();
        assert_eq!(lint.name, LintName::FieldInUse);
        assert_eq!(lint.details, ["the index mine", "the validator"]);
        let drops = r#"change.drop_index("users", doc! { "age": 1, "plan": 1 }).unique(true).partial_filter(doc! { "age": { "$gt": 1 } }).name("mine");"#;
        assert!(lint.good.contains(drops), "{}", lint.good);
        if let Some(to) = change.target() {
            let again = format!(
                "change.create_index(\"users\", doc! {{ \"{to}\": 1, \"plan\": 1 }}).unique(true)\
                 .partial_filter(doc! {{ \"{to}\": {{ \"$gt\": 1 }} }}).name(\"mine\");"
            );
            assert!(lint.good.contains(&again), "{}", lint.good);
        }
    }
    // A plain index needs no change where a type changes; the queries may.
    let plain = doc! { "v": 2, "key": { "age": 1 }, "name": "age_1" };
    let facts = Facts { named_by: vec![index(plain)], ..Facts::default() };
    let convert = FieldChange::Convert { from: "int", to: "objectId" };
    let lint = judged(&field("age", convert), &facts).unwrap();
    assert!(!lint.good.contains("drop_index"), "{}", lint.good);
    assert!(lint.bad.contains("FieldType::Int, FieldType::ObjectId"), "{}", lint.bad);
}

#[test]
fn what_is_done_to_a_collection_that_is_not_there_is_told() {
    let users = || "user".to_owned();
    let near = Facts { missing: Some(Some("users".to_owned())), ..Facts::default() };
    let far = Facts { missing: Some(None), ..Facts::default() };
    let refused = [
        Operation::DropCollection { name: users(), is_required: true },
        Operation::RenameCollection { from: users(), to: "people".to_owned() },
        Operation::DropIndex {
            collection: users(),
            name: "a_1".to_owned(),
            keys: doc! { "a": 1 },
            is_required: true,
        },
        Operation::Modify { collection: users(), options: doc! {} },
        Operation::MakeUnique { collection: users(), index: "a_1".to_owned() },
    ];
    for operation in &refused {
        let lint = judged(operation, &near).unwrap();
        assert_eq!(lint.name, LintName::MissingCollection);
        assert!(lint.message.contains("no collection `user`; there is `users`"), "{lint}");
        assert!(lint.message.contains("would be refused"), "{lint}");
        let lint = judged(operation, &far).unwrap();
        assert!(lint.good.contains("create_collection(\"user\")"), "{}", lint.good);
    }
    let fine = [
        Operation::DropCollection { name: users(), is_required: false },
        Operation::DropIndex {
            collection: users(),
            name: "a_1".to_owned(),
            keys: doc! {},
            is_required: false,
        },
    ];
    assert!(fine.iter().all(|operation| judged(operation, &near).is_none()));
    let remove = Operation::Field {
        collection: users(),
        field: "age".to_owned(),
        change: FieldChange::Remove,
    };
    let lint = judged(&remove, &near).unwrap();
    assert!(lint.message.contains("nothing would be done"), "{lint}");
    assert!(lint.good.contains("remove_field(\"users\", \"age\")"), "{}", lint.good);
}

#[test]
fn a_view_over_what_is_renamed_or_dropped_is_told() {
    let views = vec!["adults".to_owned(), "seniors".to_owned()];
    let facts = Facts { views, ..Facts::default() };
    let rename = Operation::RenameCollection { from: "users".to_owned(), to: "people".to_owned() };
    let lint = judged(&rename, &facts).unwrap();
    assert_eq!(lint.name, LintName::BrokenView);
    assert!(lint.message.contains("`adults` (and 1 more) reads `users`"), "{lint}");
    assert!(lint.good.contains(".set(\"viewOn\", \"people\")"), "{}", lint.good);
    let drop = Operation::DropCollection { name: "users".to_owned(), is_required: true };
    let lint = judged(&drop, &facts).unwrap();
    assert!(lint.good.contains("change.drop_collection(\"seniors\");"), "{}", lint.good);
}

#[test]
fn what_the_attribute_acknowledges_is_not_said() {
    let facts = Facts { documents: 3_000_000, ..Facts::default() };
    let allowed = subject(&["index_on_large_collection"]);
    assert_eq!(judge(&allowed, &email(), &facts, LintLimits::default()), []);
}

#[test]
fn an_empty_collection_may_be_renamed() {
    let rename = field("fullname", FieldChange::Rename { to: "name".to_owned() });
    assert_eq!(judged(&rename, &Facts::default()), None);
    let lint = judged(&rename, &Facts { documents: 1, ..Facts::default() }).unwrap();
    assert_eq!(lint.name, LintName::RenameBreaksRunningApp);
    assert!(lint.good.contains("change.remove_field(\"users\", \"fullname\")"), "{}", lint.good);
}

#[test]
fn a_moderate_validator_hurts_nobody() {
    let facts = Facts {
        failing: Some(Failing { documents: 2, more: false, ids: vec!["1".to_owned()] }),
        ..Facts::default()
    };
    let set = |strict| Operation::SetValidator {
        collection: "users".to_owned(),
        validator: doc! { "age": { "$gte": 0 } },
        strict,
        chain: ".action(\"error\")".to_owned(),
    };
    assert_eq!(judged(&set(false), &facts), None);
    let lint = judged(&set(true), &facts).unwrap();
    assert!(lint.message.ends_with("not even in other fields"), "{}", lint.message);
    let later = judged(&set(true), &Facts { as_of_now: true, ..facts }).unwrap();
    assert!(later.message.ends_with("unless what comes before it changes them"), "{later:?}");
    assert_eq!(lint.details, ["2 documents fail it", "_id: 1"]);
    assert!(lint.bad.ends_with(".action(\"error\");"), "{}", lint.bad);
    assert!(lint.good.ends_with(".level(\"moderate\").action(\"error\");"), "{}", lint.good);
}

//! Sampled documents are counted by the fields that do not fit, and no value is shown.

use mongrate::{
    SchemaSample,
    bson::{DateTime, Document, doc, oid::ObjectId},
};

use super::{MODELS, migrated};

fn fields(sample: &SchemaSample) -> Vec<(&str, u64)> {
    sample.fields.iter().map(|field| (field.field.as_str(), field.documents)).collect()
}

#[tokio::test]
async fn misfits_are_counted_by_field_and_no_value_is_shown() {
    let (fresh, migrator) = migrated("drift_sample").await;
    let good = || doc! { "_id": ObjectId::new(), "email": "a@b.c", "plan": "pro", "tags": ["x"] };
    let with = |more: Document| {
        let mut document = good();
        document.extend(more);
        document
    };
    let without = |field: &str| {
        let mut document = good();
        document.remove(field);
        document
    };
    let mut all: Vec<Document> = (0..50)
        .map(|n| with(doc! { "email": format!("good{n}"), "age": n, "unknown": "is fine" }))
        .collect();
    all.extend([
        with(doc! { "email": "1", "age": "SECRET" }),
        with(doc! { "email": "2", "age": "SECRET", "plan": "SECRET", "address": "SECRET" }),
        with(doc! { "email": "3", "tags": ["a", 7, 8, "SECRET"] }),
        with(doc! { "email": "4", "address": { "city": 5 } }),
        with(doc! { "email": "5", "address": {} }),
        with(doc! { "email": 6 }),
        without("email"),
        doc! { "_id": "SECRET" , "email": "8", "plan": "free", "tags": [] },
    ]);
    let command = doc! {
        "insert": "users", "documents": all, "bypassDocumentValidation": true,
    };
    fresh.db.run_command(command).await.unwrap();
    let report = migrator.clone().models(MODELS).drift().sample(1_000).await.unwrap();
    assert!(report.differences.is_empty() && !report.is_clean());
    let users = report.samples.iter().find(|sample| sample.collection == "users").unwrap();
    assert_eq!((users.documents, users.misfits), (58, 8));
    assert_eq!(
        fields(users),
        [
            ("_id", 1),
            ("email", 2),
            ("plan", 1),
            ("tags", 0),
            ("address", 1),
            ("address.city", 2),
            ("age", 2),
            ("tags[]", 1),
        ]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect::<Vec<_>>()
    );
    let text = serde_json::to_string(&report).unwrap();
    assert!(!text.contains("SECRET"), "{text}");
    fresh.pass().await;
}

#[tokio::test]
async fn views_and_time_series_are_sampled_too() {
    let (fresh, migrator) = migrated("drift_sample_kinds").await;
    let readings = [
        doc! { "at": DateTime::now(), "sensor": "a", "value": 1 },
        doc! { "at": DateTime::now(), "sensor": 7, "value": 1 },
    ];
    fresh.db.collection::<Document>("readings").insert_many(readings).await.unwrap();
    let user = doc! { "_id": ObjectId::new(), "email": "a", "plan": "pro", "tags": [], "age": 5 };
    fresh.db.collection::<Document>("users").insert_one(user).await.unwrap();
    let report = migrator.clone().models(MODELS).drift().sample(10).await.unwrap();
    let told: Vec<_> = report
        .samples
        .iter()
        .map(|sample| {
            (sample.collection.as_str(), sample.documents, sample.misfits, fields(sample))
        })
        .collect();
    assert_eq!(
        told,
        [("readings", 2, 1, vec![("sensor", 1)]), ("users", 1, 0, vec![]), ("young", 1, 0, vec![]),]
    );
    fresh.pass().await;
}

#[tokio::test]
async fn a_document_may_fit_any_of_several_models() {
    let (fresh, migrator) = migrated("drift_sample_variants").await;
    let models = MODELS.replace(
        "readings options",
        "notes Picture root object@Picture\nnotes Picture field url string\nreadings options",
    );
    let notes = [
        doc! { "text": "x" },
        doc! { "url": "x" },
        doc! { "text": "x", "url": 5 },
        doc! { "text": 5, "url": 5 },
        doc! {},
    ];
    fresh.db.collection::<Document>("notes").insert_many(notes).await.unwrap();
    let report = migrator.clone().models(models).drift().sample(10).await.unwrap();
    let notes = report.samples.iter().find(|sample| sample.collection == "notes").unwrap();
    assert_eq!((notes.documents, notes.misfits, notes.fields.len()), (5, 2, 0));
    fresh.pass().await;
}

#[tokio::test]
async fn the_sample_is_as_large_as_asked_for() {
    let (fresh, migrator) = migrated("drift_sample_size").await;
    let notes = (0..500).map(|n| doc! { "text": n });
    fresh.db.collection::<Document>("notes").insert_many(notes).await.unwrap();
    let report = migrator.clone().models(MODELS).drift().sample(20).await.unwrap();
    let notes = report.samples.iter().find(|sample| sample.collection == "notes").unwrap();
    assert_eq!((notes.documents, notes.misfits), (20, 20));
    assert_eq!(fields(notes), [("text", 20)]);
    fresh.pass().await;
}

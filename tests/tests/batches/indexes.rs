//! An index that cannot be built names the documents because of which it cannot.

use mongrate::{
    Migration,
    bson::{Document, doc},
    mongodb::options::{Collation, IndexOptions},
};
use mongrate_tests::TestDb;

use super::{fails, insert};

#[tokio::test]
async fn a_unique_index_names_the_documents_with_the_same_key() {
    let fresh = TestDb::new("unique").await;
    let value = "secret-anna@example.com";
    insert(
        &fresh,
        [
            doc! { "_id": 1, "email": value, "at": 1, "tags": ["a"] },
            doc! { "_id": 2, "email": "secret-b", "at": 1, "tags": ["b", "secret-c"] },
            doc! { "_id": 3, "email": value, "at": 1, "tags": ["d"] },
            doc! { "_id": 4, "email": "SECRET-B", "at": 2, "tags": ["secret-c", "secret-c"] },
        ],
    )
    .await;
    let online = Migration::online_steps(1, "unique", |on| {
        Box::pin(async move { on.create_index("things", doc! { "email": 1 }).unique(true).await })
    });
    let words = ["`_id` 1, 3", "of `things` have the same key", "index: email_1", "11000"];
    fails(&fresh, online, &words).await;
    let declared = Migration::declared(1, "unique", |change| {
        change.create_index("things", doc! { "email": 1, "at": -1 }).unique(true);
    });
    fails(&fresh, declared, &["operation 1 (create", "`_id` 1, 3", "index: email_1_at_-1"]).await;
    // By the collation of the index; what the server says of the key is no value then.
    let collated = Migration::declared(1, "unique", |change| {
        let collation = doc! { "locale": "en", "strength": 2 };
        let index = change.create_index("things", doc! { "email": 1 });
        index.unique(true).collation(collation).partial_filter(doc! { "_id": { "$gt": 1 } });
    });
    fresh.db.collection::<Document>("things").delete_one(doc! { "_id": 3 }).await.unwrap();
    fails(&fresh, collated, &["operation 1 (create", "`_id` 2, 4", "same key"]).await;
    let collated = Migration::online_steps(1, "unique", |on| {
        Box::pin(async move {
            let collation = Collation::builder()
                .locale("en")
                .strength(mongrate::mongodb::options::CollationStrength::Secondary);
            let options = IndexOptions::builder().unique(true).collation(collation.build()).build();
            on.create_index("things", doc! { "email": 1 }).options(options).await
        })
    });
    fails(&fresh, collated, &["`_id` 2, 4", "same key"]).await;
    // An element of an array is a key, and one document may have it twice.
    let array = Migration::declared(1, "unique", |change| {
        change.create_index("things", doc! { "tags": 1 }).unique(true);
    });
    fails(&fresh, array, &["`_id` 2, 4", "same key"]).await;
    // What is missing is null.
    let missing = Migration::declared(1, "unique", |change| {
        change.create_index("things", doc! { "none": 1 }).unique(true);
    });
    fails(&fresh, missing, &["`_id` 1, 2, 4", "same key"]).await;
    fresh.pass().await;
}

#[tokio::test]
async fn other_indexes_name_the_document_that_does_not_fit() {
    let fresh = TestDb::new("other_indexes").await;
    insert(
        &fresh,
        [
            doc! { "_id": "fine", "at": [1.0, 2.0], "a": [1], "b": 2 },
            doc! { "_id": "far", "at": [1.0, 2_000.0], "a": [1], "b": [2], "name": "secret-x" },
        ],
    )
    .await;
    let geo = Migration::declared(1, "geo", |change| {
        change.create_index("things", doc! { "at": "2dsphere" });
    });
    fails(&fresh, geo, &["operation 1 (create", "`_id` \"far\"", "Can't extract geo keys"]).await;
    let online = Migration::online_steps(1, "geo", |on| {
        Box::pin(async move { on.create_index("things", doc! { "at": "2dsphere" }).await })
    });
    fails(&fresh, online, &["`_id` \"far\"", "Can't extract geo keys"]).await;
    fresh.pass().await;
    // The record above is another migration's.
    let fresh = TestDb::new("parallel_arrays").await;
    insert(&fresh, [doc! { "_id": "far", "a": [1], "b": [2], "name": "secret-x" }]).await;
    let arrays = Migration::declared(1, "arrays", |change| {
        change.create_index("things", doc! { "a": 1, "b": 1 });
    });
    fails(&fresh, arrays, &["`_id` \"far\"", "parallel arrays", "array in both fields"]).await;
    fresh.pass().await;
}

//! The kit that users test their migrations with: used as they use it, and broken on purpose.

mod errors;
mod faults;
mod files;
mod judged;
mod migrations;
mod outcomes;

use mongrate::{
    State,
    bson::{Bson, Document, doc, oid::ObjectId},
    testing::{Database, TestError},
};

async fn applied(db: &Database) -> Vec<i64> {
    let status = db.migrator().status().await.unwrap();
    let applied = status.migrations.iter().filter(|migration| migration.state == State::Applied);
    applied.map(|migration| migration.version.get()).collect()
}

#[mongrate::test]
async fn everything_is_applied(db: Database) {
    assert_eq!(applied(&db).await, [1, 2, 3, 4, 5]);
    assert!(db.migrate().await.unwrap().is_empty());
    let inn = db.collection::<Document>("house").find_one(doc! {}).await.unwrap().unwrap();
    assert_eq!(inn.get_i32("beds").unwrap(), 4);
    // What the first database of the process has by migrating, the others have as a copy.
    let rooms = db.collection::<Document>("rooms");
    assert!(rooms.insert_one(doc! { "number": 0 }).await.is_err(), "the validator is there");
}

/// The second process finds what the first has got by migrating.
#[test]
fn a_copy_can_be_rolled_back_too() {
    for _ in 0..2 {
        let output = outcomes::alone("rolled_back").output().unwrap();
        assert!(output.status.success(), "{}", outcomes::text(&output));
    }
}

#[mongrate::test]
#[ignore = "started by `a_copy_can_be_rolled_back_too`"]
async fn rolled_back(db: Database) {
    // Its history names collections by the UUIDs that they have in it.
    let migrations = db.migrator().migrations().unwrap().into_iter();
    let db = db.with_migrations(migrations.map(|migration| match migration.version().get() {
        5 => migration.reversible_online_by(|_| Box::pin(async { Ok(()) })),
        _ => migration,
    }));
    db.migrate_to(3).await.unwrap();
    let note = db.collection::<Document>("notes").find_one(doc! {}).await.unwrap();
    assert_eq!(note.unwrap().get_str("text").unwrap(), "names are split");
    assert_eq!(db.collection::<Document>("inn").count_documents(doc! {}).await.unwrap(), 1);
    db.migrate_to(0).await.unwrap();
    assert_eq!(applied(&db).await, [0; 0]);
    db.migrate_to(4).await.unwrap();
    assert_eq!(applied(&db).await, [1, 2, 3, 4]);
}

#[mongrate::test(at = 2)]
async fn old_documents_meet_the_next_migration(db: Database) {
    assert_eq!(applied(&db).await, [1, 2]);
    let guests = db.collection::<Document>("guests");
    guests.insert_one(doc! { "_id": 7, "fullname": "Anna Berg" }).await.unwrap();
    let report = db.migrate_to(3).await.unwrap();
    assert_eq!(report.versions().len(), 1);
    let guest = guests.find_one(doc! { "_id": 7 }).await.unwrap().unwrap();
    assert_eq!(guest.get_str("given").unwrap(), "Anna");
    // And back.
    db.migrate_to(1).await.unwrap();
    assert_eq!(applied(&db).await, [1]);
    let guest = guests.find_one(doc! { "_id": 7 }).await.unwrap().unwrap();
    assert_eq!(guest, doc! { "_id": 7, "fullname": "Anna Berg" });
    let unknown = db.migrate_to(9).await.unwrap_err();
    assert!(matches!(unknown, mongrate::Error::UnknownVersion { .. }), "{unknown}");
}

#[mongrate::test(at = 0, fixtures("guests", "rooms"))]
async fn fixtures_are_there_with_their_types(db: Database) -> Result<(), TestError> {
    assert_eq!(applied(&db).await, [0; 0]);
    let guests = db.collection::<Document>("guests");
    let guest = guests.find_one(doc! { "_id": 2 }).await.unwrap().unwrap();
    assert!(matches!(guest.get("debt"), Some(Bson::Decimal128(_))), "{guest}");
    assert_eq!(guest.get("balance"), Some(&Bson::Int32(-5)));
    let rooms = db.collection::<Document>("rooms");
    let id = ObjectId::parse_str("64b5f0c2a1b2c3d4e5f60719").unwrap();
    let room = rooms.find_one(doc! { "_id": id }).await.unwrap().unwrap();
    assert_eq!(room.get("number"), Some(&Bson::Int64(5_000_000_000)));
    // Once more: the ids are taken.
    let error = db.load_fixture("rooms").await.unwrap_err();
    assert!(error.to_string().contains("fixtures/rooms.json"), "{error}");
    let error = db.load_fixture("none").await.unwrap_err();
    assert!(error.to_string().contains("none.json"), "{error}");
    Ok(())
}

#[mongrate::test(group = "cellar")]
async fn a_group_has_a_history_of_its_own(db: mongrate::mongodb::Database) {
    let bottles = db.collection::<Document>("bottles");
    assert_eq!(bottles.count_documents(doc! {}).await.unwrap(), 1);
    assert_eq!(db.collection::<Document>("inn").count_documents(doc! {}).await.unwrap(), 0);
}

#[mongrate::test]
#[should_panic(expected = "as it has to")]
async fn other_attributes_stay(_db: Database) {
    panic!("as it has to");
}

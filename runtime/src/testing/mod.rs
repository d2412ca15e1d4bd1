//! *Feature `testing`.* Tests of your own migrations on a real MongoDB: a database per test, and
//! checks that every migration should pass.
//!
//! ```standalone_crate
//! use mongrate::{
//!     bson::{Document, doc},
//!     testing::Database,
//! };
//! # mod migrations {
//! #     use mongrate::{Online, Result, bson::doc, migration};
//! #     #[migration(version = 1)]
//! #     async fn index_users(on: &mut Online<'_>) -> Result {
//! #         on.create_index("users", doc! { "email": 1 }).await
//! #     }
//! #     #[migration(version = 2)]
//! #     async fn greet(tx: &mut mongrate::Transaction<'_>) -> Result {
//! #         tx.collection::<mongrate::bson::Document>("users")
//! #             .update_many(doc! { "plan": null }, doc! { "$set": { "plan": "free" } }).await?;
//! #         Ok(())
//! #     }
//! # }
//!
//! /// All migrations are applied.
//! #[mongrate::test]
//! async fn a_user_can_be_stored(db: Database) {
//!     let users = db.collection::<Document>("users");
//!     users.insert_one(doc! { "email": "anna@example.org" }).await.unwrap();
//! }
//!
//! /// Migrations up to and with version 1 are applied; the test applies the next.
//! #[mongrate::test(at = 1)]
//! async fn old_users_get_a_plan(db: Database) {
//!     let users = db.collection::<Document>("users");
//!     users.insert_one(doc! { "_id": 1 }).await.unwrap();
//!     db.migrate_to(2).await.unwrap();
//!     let user = users.find_one(doc! { "_id": 1 }).await.unwrap().unwrap();
//!     assert_eq!(user.get_str("plan").unwrap(), "free");
//! }
//! ```
//!
//! | call | it fails when |
//! |---|---|
//! | [`round_trip`] | a rollback does not restore what was there |
//! | [`apply_twice`] | a run that crashed and was repeated leaves another database than a run without a crash |
//! | [`Database::assert_schema`] | a migration changes the schema, and `schema.snap` does not say so |
//! | [`verify!(models)`](crate::verify!) | all migrations on an empty server give other validators or indexes than the models want |
//! | [`kill`], [`fail`] | the test says so: they break a run at a command of your choice |
//!
//! # The attribute
//!
//! `#[mongrate::test]` makes a test of an `async fn` with one parameter, by value: this module's
//! [`Database`], or the driver's. It returns nothing, or a `Result`. Arguments, all optional:
//!
//! | argument | meaning | default |
//! |---|---|---|
//! | `at = 20250122002` | applies the migrations up to and with this one; 0: none | all |
//! | `group = "…"` | the migrations of this group | migrations without a group |
//! | `fixtures("users", "visits")` | then loads `fixtures/users.json` and `fixtures/visits.json` of the package into the collections of these names: an array of documents, or one document a line, in MongoDB's extended JSON | none |
//!
//! # The server
//!
//! `MONGODB_URI`, or the shared [embedded](crate::embedded) replica set, which all test processes
//! of this user use together, and which ends 5 s after the last of them. `MONGRATE_TEST_LINGER=600`
//! keeps it running for 600 s, so that you can look at what a failed test left.
//!
//! # The databases
//!
//! Each test has a database of its own, named after the test. It is dropped when the test passes.
//! When the test fails it is kept, its name is printed, and the next run of the same test drops it.
//! At most [`LIVE_MAX`] are in use at a time, over all processes of this machine; other tests wait.
//! In one process all tests share one client, whose connections are bounded, too.
//!
//! The first test migrates. The kit keeps a copy of the result (in memory, and for other processes
//! of the same test binary in a file in the temporary directory) and fills the next databases with
//! the copy. So what a migration does outside of its database is not repeated, and what it reads
//! there (a file, the environment) may be an hour old. With `MONGRATE_TEST_IMAGE=off` each test
//! migrates.

mod apply_twice;
mod collections;
mod contents;
mod database;
mod error;
mod fail;
mod fixtures;
mod image;
mod kill;
mod round_trip;
mod run;
mod schema;
mod scratch;
mod server;
mod slot;
mod verify_models;

pub use self::{
    apply_twice::{ApplyTwice, Crashed, apply_twice},
    database::Database,
    error::TestError,
    fail::{Fail, fail},
    kill::{Kill, kill},
    round_trip::{RoundTrip, round_trip},
    schema::snapshot,
    slot::LIVE_MAX,
};

/// What the attribute's expansion uses. No part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use super::{
        run::{Outcome, Test, run},
        verify_models::verify_models,
    };
}

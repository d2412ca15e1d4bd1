//! Migrations whose effects can be counted: each inserts a document that conflicts with
//! nothing, so that doing it twice shows.

use mongrate::{
    BoxError, Migration, Transaction, Version,
    bson::{Document, doc},
    mongodb::Database,
};

/// The collection that holds the effects.
pub const EFFECTS: &str = "effects";

/// Inserts one effect, and notes which it found before it.
///
/// # Errors
///
/// The driver's.
pub async fn leave(tx: &mut Transaction<'_>, version: i64) -> Result<(), BoxError> {
    let before = tx.collection::<Document>(EFFECTS).distinct("version", doc! {}).await?;
    let effect = doc! { "version": version, "saw": before };
    tx.collection::<Document>(EFFECTS).insert_one(effect).await?;
    Ok(())
}

/// Takes one effect back.
///
/// # Errors
///
/// The driver's; and when the effect is not there exactly once.
pub async fn undo(tx: &mut Transaction<'_>, version: i64) -> Result<(), BoxError> {
    let gone = tx.collection::<Document>(EFFECTS).delete_many(doc! { "version": version }).await?;
    match gone.deleted_count {
        1 => Ok(()),
        other => Err(format!("{other} effects of {version}").into()),
    }
}

/// A transactional, reversible migration with one effect, for a literal version.
#[macro_export]
macro_rules! effect {
    ($version:literal) => {
        $crate::irreversible!($version)
            .reversible_by(|tx| ::std::boxed::Box::pin($crate::effects::undo(tx, $version)))
    };
}

/// A migration with an effect, and without a rollback.
#[macro_export]
macro_rules! irreversible {
    ($version:literal) => {
        ::mongrate::Migration::transactional($version, concat!("effect_", $version), |tx| {
            ::std::boxed::Box::pin($crate::effects::leave(tx, $version))
        })
    };
}

/// Twenty migrations with an effect each.
pub const TWENTY: [Migration; 20] = [
    effect!(1),
    effect!(2),
    effect!(3),
    effect!(4),
    effect!(5),
    effect!(6),
    effect!(7),
    effect!(8),
    effect!(9),
    effect!(10),
    effect!(11),
    effect!(12),
    effect!(13),
    effect!(14),
    effect!(15),
    effect!(16),
    effect!(17),
    effect!(18),
    effect!(19),
    effect!(20),
];

/// The versions whose effects are there, sorted; one that is there twice shows twice.
///
/// # Panics
///
/// When the server cannot be read.
pub async fn present(db: &Database) -> Vec<i64> {
    let mut cursor = db.collection::<Document>(EFFECTS).find(doc! {}).await.unwrap();
    let mut found = Vec::new();
    while cursor.advance().await.unwrap() {
        let effect = cursor.deserialize_current().unwrap();
        found.push(effect.get_i64("version").unwrap());
    }
    found.sort_unstable();
    found
}

/// Insists that every effect is there once, that each saw exactly those before it, and that the
/// history says the same.
///
/// # Panics
///
/// When it is not so.
pub async fn assert_exactly_once(db: &Database, versions: std::ops::RangeInclusive<i64>) {
    let mut cursor = db.collection::<Document>(EFFECTS).find(doc! {}).await.unwrap();
    let mut seen = Vec::new();
    while cursor.advance().await.unwrap() {
        let effect = cursor.deserialize_current().unwrap();
        let version = effect.get_i64("version").unwrap();
        let mut saw: Vec<i64> = effect
            .get_array("saw")
            .unwrap()
            .iter()
            .map(|version| version.as_i64().unwrap())
            .collect();
        saw.sort_unstable();
        let before: Vec<i64> = (*versions.start()..version).collect();
        assert_eq!(saw, before, "what {version} saw");
        seen.push(version);
    }
    seen.sort_unstable();
    assert_eq!(seen, versions.clone().collect::<Vec<_>>(), "each effect once");
    let applied = db
        .collection::<Document>("migrations")
        .count_documents(doc! { "state": "applied" })
        .await
        .unwrap();
    assert_eq!(applied, versions.count() as u64, "the history says the same");
}

/// Plain numbers as versions.
pub fn versions(numbers: impl IntoIterator<Item = i64>) -> Vec<Version> {
    numbers.into_iter().map(Version::from).collect()
}

//! `verify!(models)`: all migrations, on an empty database, give the validators and the indexes of the
//! models.

use std::collections::BTreeSet;

use super::{
    database::Database,
    error::TestError,
    run::{Test, run},
};
use crate::{
    Error, Migrator, SchemaDifference, SchemaDifferenceKind as Kind,
    model::kind::DEFAULT_GROUP,
    registry::{
        migration::Migration,
        models::{descriptor::MODELS, wanted::wanted},
    },
    verbs::drift,
};

/// Runs the test of this name, in a database of its own.
///
/// # Panics
///
/// If the migrations lead to other validators or indexes than the linked models want; the message
/// lists all differences. If no model is linked, or a migration fails.
pub fn verify_models(name: &'static str, package: &'static str) {
    let test = Test { name, package, at: Some(0), group: None, fixtures: &[] };
    run(test, async |database: Database| {
        if let Err(problem) = compare(&database).await {
            panic!("{problem}");
        }
    });
}

async fn compare(database: &Database) -> Result<(), String> {
    let wanted = wanted(MODELS.iter()).map_err(|error| error.to_string())?;
    if wanted.collections.is_empty() {
        return Err(
            "`verify!(models)`: no model of a collection is linked; derive `mongrate::Model` \
                    with `#[model(collection = \"…\")]`, or leave `models` out"
                .to_owned(),
        );
    }
    migrate(database).await.map_err(|error| error.to_string())?;
    let differences = drift::of_models(database, &wanted).await;
    let differences = differences.map_err(|error| error.to_string())?;
    if differences.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = differences.iter().map(line).collect();
    Err(format!(
        "the migrations do not lead to what the models want:\n{}\n`cargo mongrate diff NAME` writes \
         the migration; if models.snap says that the migrations lead there already, a migration \
         that was written by hand does something else",
        lines.join("\n")
    ))
}

/// Applies the migrations of all groups: a model belongs to no group.
async fn migrate(database: &Database) -> Result<(), TestError> {
    let linked = Migration::linked();
    let mut groups: BTreeSet<&str> = linked.iter().map(Migration::group).collect();
    let first = groups.take(DEFAULT_GROUP);
    for group in first.into_iter().chain(groups) {
        let migrated: Result<_, Error> =
            Migrator::new(database).group(group).unthrottled().up().await;
        migrated.map_err(|source| TestError::Migration {
            act: format!("apply the migrations of the group `{group}`"),
            source,
        })?;
    }
    Ok(())
}

fn line(difference: &SchemaDifference) -> String {
    let SchemaDifference { collection, index, kind, options, expected, found, .. } = difference;
    let index = index.as_deref().unwrap_or_default();
    let what = match kind {
        Kind::CollectionMissing => "the collection is missing".to_owned(),
        Kind::CollectionExtra | Kind::CollectionChanged => {
            "the collection is of another kind".to_owned()
        }
        Kind::ValidatorMissing => "the validator is missing".to_owned(),
        Kind::ValidatorExtra => "the collection has a validator, and no model wants one".to_owned(),
        Kind::ValidatorChanged => "the validator is another one".to_owned(),
        Kind::IndexMissing => format!("the index `{index}` is missing"),
        Kind::IndexExtra => format!("no model wants the index `{index}`"),
        Kind::IndexChanged => format!("the index `{index}` is another one"),
    };
    let mut text = format!("  {collection}: {what}");
    if !options.is_empty() {
        text += &format!(": it differs in {}", options.join(", "));
    }
    for (label, value) in [("wanted", expected), ("found ", found)] {
        if let Some(value) = value {
            text += &format!("\n    {label} {value}");
        }
    }
    text
}

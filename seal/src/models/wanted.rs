//! Models, one by one, and what their collections are together.

use std::collections::BTreeMap;

use super::{
    collection::{Collection, CollectionKind, ModelShape, Validation},
    index::Index,
    shape::Shape,
    snapshot::Snapshot,
};

/// What one type says about its collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The collection.
    pub collection: String,
    /// The name of the model, which no other model of the collection has.
    pub name: String,
    /// The path of the type, as `shop::people::User`.
    pub path: String,
    /// Where the type is declared, as `src/people.rs:12`.
    pub source: String,
    /// What the collection is.
    pub kind: CollectionKind,
    /// How the collection is validated, if this model says so.
    pub validation: Option<Validation>,
    /// The name that the collection had before, if this model says so.
    pub was: Option<String>,
    /// The indexes that this model wants.
    pub indexes: Vec<Index>,
    /// The shape of the documents.
    pub shape: Shape,
}

impl Snapshot {
    /// Returns what these models want, together.
    ///
    /// # Errors
    ///
    /// A text for each disagreement of two models of one collection.
    pub fn of(models: impl IntoIterator<Item = Model>) -> Result<Self, Vec<String>> {
        let mut models: Vec<Model> = models.into_iter().collect();
        models.sort_by(|one, next| {
            (&one.collection, &one.name, &one.path).cmp(&(&next.collection, &next.name, &next.path))
        });
        let (mut snapshot, mut problems) = (Self::default(), Vec::new());
        // The model that said it first.
        let mut firsts: BTreeMap<String, Model> = BTreeMap::new();
        for model in models {
            let first = firsts.entry(model.collection.clone()).or_insert_with(|| model.clone());
            let collection = snapshot.collections.entry(model.collection.clone()).or_default();
            if collection.models.is_empty() {
                collection.kind = model.kind.clone();
            }
            add(collection, &model, first, &mut problems);
        }
        match problems.is_empty() {
            true => Ok(snapshot),
            false => Err(problems),
        }
    }
}

fn add(collection: &mut Collection, model: &Model, first: &Model, problems: &mut Vec<String>) {
    let both = || {
        format!(
            "`{}` ({}) and `{}` ({}) are models of the collection `{}`",
            first.path, first.source, model.path, model.source, model.collection
        )
    };
    if collection.kind != model.kind {
        problems.push(format!(
            "{}, and disagree about what it is: declare the same `view` or `time_series` in both",
            both()
        ));
    }
    match (collection.validation, model.validation) {
        (Some(one), Some(other)) if one != other => problems.push(format!(
            "{}, and disagree about its validation ({one}, {other}): declare `validate` and \
             `action` in one of them",
            both()
        )),
        (None, Some(_)) => collection.validation = model.validation,
        _ => {}
    }
    match (&collection.was, &model.was) {
        (Some(one), Some(other)) if one != other => problems.push(format!(
            "{}, and disagree about its former name (`{one}`, `{other}`): declare `was` in one of \
             them",
            both()
        )),
        (None, Some(_)) => collection.was.clone_from(&model.was),
        _ => {}
    }
    for index in &model.indexes {
        let known = collection.indexes.get(&index.name);
        if known.is_some_and(|known| known != index) {
            problems.push(format!(
                "{}, and disagree about the index `{}`: declare it in one of them",
                both(),
                index.name
            ));
        }
        collection.indexes.insert(index.name.clone(), index.clone());
    }
    let shape = ModelShape { shape: model.shape.clone(), path: model.path.clone() };
    if collection.models.insert(model.name.clone(), shape).is_some() {
        problems.push(format!(
            "the collection `{}` has two models called `{}`: `{}` ({}) is one of them; give one \
             another name: `#[model(name = \"…\")]`",
            model.collection, model.name, model.path, model.source
        ));
    }
}

//! The collections of two snapshots, and the order of all operations.

use std::collections::BTreeMap;

use super::{
    super::{
        collection::{Collection, CollectionKind},
        index::Index,
        shape::{Object, Shape},
        snapshot::Snapshot,
    },
    answers::Answers,
    edits::{Edits, leave},
    fields::Comparison,
    found::Difference,
    indexes,
    moves::Moves,
    operation::Operation,
    place::Place,
};

/// Operations by the order in which they run.
#[derive(Default)]
struct Order {
    /// Collections get their names, and new ones are created.
    collections: Vec<Operation>,
    /// Indexes that go, validators that go, fields, validators that come: collection by collection.
    documents: Vec<Operation>,
    indexes: Vec<Operation>,
    unique: Vec<Operation>,
    drops: Vec<Operation>,
    edits: Edits,
}

impl Snapshot {
    /// Returns what leads from this snapshot to the wanted one. The answers that were of use are marked.
    pub fn difference(&self, wanted: &Self, answers: &mut Answers) -> Difference {
        let mut difference = difference(self, wanted, answers);
        difference.differs = self.render() != wanted.render();
        difference
    }
}

fn difference(old: &Snapshot, wanted: &Snapshot, answers: &mut Answers) -> Difference {
    let mut order = Order::default();
    let mut gone: BTreeMap<&String, &Collection> = old
        .collections
        .iter()
        .filter(|(name, _)| !wanted.collections.contains_key(*name))
        .collect();
    let mut fresh = Vec::new();
    let mut creations = Vec::new();
    for (name, new) in &wanted.collections {
        let was = new.was.as_ref().and_then(|was| gone.remove_entry(was));
        match (old.collections.get(name), was) {
            (Some(before), was) => {
                gone.extend(was);
                order.collection(name, before, new, answers);
            }
            (None, Some((was, before))) => {
                if order.rename(was, name, before) {
                    order.collection(name, before, new, answers);
                }
            }
            (None, None) => {
                if order.is_new(name, new, old, answers) {
                    fresh.push((name, new));
                }
            }
        }
    }
    let mut asked = Vec::new();
    for (name, before) in gone {
        order.gone(name, before, &fresh, &mut asked, answers);
    }
    for (name, new) in fresh {
        if !asked.contains(&name) {
            order.create(name, new, &mut creations);
        }
    }
    order.collections.append(&mut creations);
    let (edited, questions, notes) = order.edits.operations();
    let all =
        [order.collections, order.documents, edited, order.indexes, order.unique, order.drops];
    Difference { operations: all.into_iter().flatten().collect(), questions, notes, differs: false }
}

impl Order {
    /// Gives a collection its new name. `false` if the server cannot.
    fn rename(&mut self, from: &str, to: &str, before: &Collection) -> bool {
        let (from, to) = (from.to_owned(), to.to_owned());
        if before.kind == CollectionKind::Collection {
            self.collections.push(Operation::RenameCollection { from, to });
            return true;
        }
        let place = Place::root(&to);
        let problem =
            format!("it was `{from}`, and the server renames neither views nor time series");
        let answers = [
            "write `#[model(collection = …)]` with the name from before".to_owned(),
            "leave `was` out: it is created".to_owned(),
        ];
        self.edits.ask(&place, problem, answers);
        false
    }

    /// Whether a collection that is in no snapshot is new. A former name that leads to none asks: its
    /// documents would be left behind.
    fn is_new(
        &mut self,
        name: &str,
        new: &Collection,
        old: &Snapshot,
        answers: &mut Answers,
    ) -> bool {
        let Some(was) = new.was.as_ref().filter(|_| !old.collections.is_empty()) else {
            return true;
        };
        let place = Place::root(name);
        if answers.is_left(name) {
            self.edits.left(&place, format!("created, although it says that it was `{was}`"));
            return true;
        }
        let problem = match old.collections.contains_key(was) {
            true => format!(
                "it is new and says that it was `{was}`, but another model has `{was}` now, or was it, too"
            ),
            false => {
                format!(
                    "it is new and says that it was `{was}`, and migrations lead to no such collection"
                )
            }
        };
        let answers = [
            format!("remove `was = \"{was}\"`, or correct it"),
            format!("`--leave {name}` creates it without documents"),
        ];
        self.edits.ask(&place, problem, answers);
        false
    }

    fn create(&mut self, name: &str, new: &Collection, creations: &mut Vec<Operation>) {
        if new.kind == CollectionKind::View {
            self.edits.left(&Place::root(name), "a view: a migration of yours defines it");
            return;
        }
        creations.push(Operation::create(name, new));
        self.indexes(name, &BTreeMap::new(), new);
    }

    fn indexes(
        &mut self,
        name: &str,
        old: &BTreeMap<String, Index>,
        new: &Collection,
    ) -> (Vec<Operation>, Vec<Operation>) {
        let changes = indexes::changes(name, old, &new.indexes);
        self.indexes.extend(changes.builds);
        self.unique.extend(changes.unique);
        (changes.drops, changes.changes)
    }

    /// A collection that is in no model any more.
    fn gone<'n>(
        &mut self,
        name: &str,
        before: &Collection,
        fresh: &[(&'n String, &Collection)],
        asked: &mut Vec<&'n String>,
        answers: &mut Answers,
    ) {
        let place = Place::root(name);
        if answers.is_left(name) {
            return self.edits.left(&place, "no model has it any more: left as it is");
        }
        if answers.is_removed(name) {
            if !matches!(before.kind, CollectionKind::TimeSeries(_)) {
                return self.drops.push(Operation::DropCollection { name: name.to_owned() });
            }
            let problem = "no model has it any more, and a time series cannot be kept aside, so no declared \
                           operation drops it";
            return self.edits.ask(&place, problem, [leave(&place)]);
        }
        let alike: Vec<&'n String> =
            fresh.iter().filter(|(_, new)| is_alike(before, new)).map(|(name, _)| *name).collect();
        let mut ways = Vec::new();
        for new in &alike {
            ways.push(format!(
                "write `#[model(was = \"{name}\")]` on the type of `{new}` if it is the same collection"
            ));
        }
        asked.extend(alike);
        ways.push(format!("`--remove {name}` drops it, and keeps it aside until `purge`"));
        ways.push(format!("`--leave {name}` leaves it in the database as it is"));
        self.edits.ask(&place, "no model has this collection any more", ways);
    }

    /// A collection before and after.
    fn collection(
        &mut self,
        name: &str,
        old: &Collection,
        new: &Collection,
        answers: &mut Answers,
    ) {
        let place = Place::root(name);
        if !self.kind(&place, old, new, answers) {
            return;
        }
        let (drops, changes) = self.indexes(name, &old.indexes, new);
        self.documents.extend(drops);
        let mut edits = edits(&place, old, new, answers);
        for index in indexes::of_one_value(&old.indexes, &new.indexes, &edits.fills) {
            let text = format!(
                "documents without the field all get the same value, and the unique index `{index}` cannot be \
                 built over two of them: the migration would stop there; fill the field in a migration \
                 of yours, or let documents lack it"
            );
            edits.may_not_fit(&place, text);
        }
        let (operations, mut questions, mut notes) = edits.operations();
        if !operations.is_empty() && new.kind != CollectionKind::Collection {
            let problem = "its fields changed, and operations reach neither views nor time series";
            match answers.is_left(name) {
                true => self.edits.left(&place, "left to you: documents stay as they are"),
                false => self.edits.ask(&place, problem, [leave(&place)]),
            }
        } else {
            self.validated(name, old, new, operations);
        }
        self.edits.questions.append(&mut questions);
        self.edits.notes.append(&mut notes);
        self.documents.extend(changes);
    }

    /// Fields, with the validator removed before they change and set afterwards: meanwhile documents of
    /// both shapes are in the collection, and the app may write both.
    fn validated(
        &mut self,
        name: &str,
        old: &Collection,
        new: &Collection,
        operations: Vec<Operation>,
    ) {
        let (before, after) = (old.validator(), new.validator());
        let is_same = before == after && old.validation == new.validation;
        let rewrites = operations.iter().any(Operation::rewrites);
        let collection = || name.to_owned();
        if !is_same && before.is_some() && (rewrites || after.is_none()) {
            self.documents.push(Operation::UnsetValidator { collection: collection() });
        }
        self.documents.extend(operations);
        if let (false, Some((validator, validation))) = (is_same, after.zip(new.validation)) {
            let collection = collection();
            self.documents.push(Operation::SetValidator { collection, validator, validation });
        }
    }

    /// What the collection is. `false` if it is something else now.
    fn kind(
        &mut self,
        place: &Place,
        old: &Collection,
        new: &Collection,
        answers: &mut Answers,
    ) -> bool {
        let problem = match (&old.kind, &new.kind) {
            (old, new) if old == new => return true,
            (CollectionKind::TimeSeries(before), CollectionKind::TimeSeries(after)) => {
                const EXPIRES: &str = "expireAfterSeconds";
                if before.get("timeseries") == after.get("timeseries") {
                    let seconds = after.get(EXPIRES).cloned();
                    let collection = place.collection.clone();
                    self.documents.push(Operation::ExpireSeries { collection, seconds });
                    return true;
                }
                "the options of the time series changed, and a migration has to copy its documents"
            }
            _ => "it is another kind of collection now, and a migration has to copy its documents",
        };
        match answers.is_left(&place.collection) {
            true => self.edits.left(place, "left to you: the collection stays as it is"),
            false => self.edits.ask(place, problem, [leave(place)]),
        }
        false
    }
}

/// The edits that lead from the documents of one collection to those of the other.
fn edits(place: &Place, old: &Collection, new: &Collection, answers: &mut Answers) -> Edits {
    let (before, after) = (shape(old), shape(new));
    let moves = match (&before, &after) {
        (Some(Shape::Object(before)), Some(Shape::Object(after))) => Moves::between(before, after),
        _ => Moves::default(),
    };
    let object = |shape: &Option<Shape>| match shape {
        Some(Shape::Object(object)) => object.clone(),
        _ => Object::default(),
    };
    let (old, new) = (object(&before), object(&after));
    let mut comparison =
        Comparison { answers, moves, before: old, after: new, edits: Edits::default() };
    if let (Some(before), Some(after)) = (&before, &after) {
        comparison.shape(place, before, after, None);
        comparison.lost_moves(place);
    }
    comparison.edits
}

/// Returns the shape of a collection's documents. `None` if no model says it.
fn shape(collection: &Collection) -> Option<Shape> {
    let mut models = collection.models.values();
    match (models.next(), models.next()) {
        (None, _) => None,
        (Some(model), None) => Some(model.shape.clone()),
        _ => {
            let models = collection.models.iter();
            let alternatives = models.map(|(name, model)| (name.clone(), model.shape.clone()));
            Some(Shape::Union { name: None, alternatives: alternatives.collect() })
        }
    }
}

/// Whether one collection may be another one under a new name.
fn is_alike(old: &Collection, new: &Collection) -> bool {
    let has_name = old.models.keys().any(|name| new.models.contains_key(name));
    let has_shape = shape(old).zip(shape(new)).is_some_and(|(old, new)| old.is_same(&new));
    old.kind == new.kind && (has_name || has_shape)
}

//! Values with one of several shapes: enums with fields, flattened enums, several models of one collection.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::shape::{Object, Shape},
    fields::Comparison,
    place::{Alternative, Place, Step},
};

impl Comparison<'_> {
    pub(super) fn alternatives(
        &mut self,
        at: &Place,
        olds: &BTreeMap<String, Shape>,
        news: &BTreeMap<String, Shape>,
    ) {
        let stays = |shape: &Shape| news.values().any(|new| new.is_same(shape));
        for (label, old) in olds.iter().filter(|(_, old)| !stays(old)) {
            match news.get(label) {
                Some(new) => {
                    let others: Vec<&Shape> =
                        olds.iter().filter(|(it, _)| *it != label).map(|(_, it)| it).collect();
                    self.alternative(at, old, new, &others);
                }
                None => {
                    let problem = format!(
                        "the alternative `{label}` is gone, and nothing says what becomes of documents with it"
                    );
                    self.ask(at, problem, []);
                }
            }
        }
    }

    fn alternative(&mut self, at: &Place, old: &Shape, new: &Shape, others: &[&Shape]) {
        let (Shape::Object(before), Shape::Object(after)) =
            (old.without_null(), new.without_null())
        else {
            let (old, new) = (old.words(), new.words());
            let problem = format!(
                "an alternative is {new}, and was {old}: no declared operation converts that"
            );
            return self.ask(at, problem, []);
        };
        let tag = tag(before, others);
        let is_tagged = tag.is_some();
        let mut place = match tag {
            Some((field, value)) => {
                at.step(Step::Tagged { field: field.to_owned(), value: value.to_owned() })
            }
            None => at.clone(),
        };
        let rivals = others.iter().flat_map(|other| names(other)).collect();
        place.alternatives.push(Alternative { depth: place.steps.len(), rivals, is_tagged });
        self.fields(&place, before, after);
    }

    /// One shape before, several now.
    pub(super) fn becomes_one_of(
        &mut self,
        at: &Place,
        old: &Shape,
        news: &BTreeMap<String, Shape>,
    ) {
        if news.values().any(|new| new.is_same(old)) {
            return;
        }
        let named: Vec<&Shape> =
            news.values().filter(|new| old.name().is_some() && new.name() == old.name()).collect();
        match named[..] {
            [new] => self.shape(at, old, new, None),
            _ => {
                let problem = format!(
                    "{} became one of {} shapes, and is none of them",
                    old.words(),
                    news.len()
                );
                self.ask(at, problem, []);
            }
        }
    }

    /// Unions that are flattened into a document.
    pub(super) fn parts(&mut self, at: &Place, old: &Object, new: &Object) {
        for (label, part) in &new.parts {
            match old.parts.get(label) {
                Some(before) => self.shape(at, before, part, None),
                None if part.takes_null() => {}
                None => {
                    let problem = format!(
                        "the flattened `{label}` is new, and nothing says which of its shapes \
                                 documents get"
                    );
                    self.ask(at, problem, []);
                }
            }
        }
        for label in old.parts.keys().filter(|label| !new.parts.contains_key(*label)) {
            let problem = format!(
                "the flattened `{label}` is gone, and nothing says which of its fields are removed"
            );
            self.ask(at, problem, []);
        }
    }
}

/// Returns the field, and its string, that only documents of this alternative have.
fn tag<'a>(object: &'a Object, others: &[&Shape]) -> Option<(&'a str, &'a str)> {
    object.fields.iter().filter(|(_, field)| field.is_required).find_map(|(name, field)| {
        let value = single(&field.shape)?;
        let differs = |other: &&Shape| match other {
            Shape::Object(other) => other.fields.get(name).is_some_and(|field| {
                matches!(&field.shape, Shape::Values { values, .. } if !values.iter().any(|it| it == value))
            }),
            _ => false,
        };
        others.iter().all(differs).then_some((name.as_str(), value))
    })
}

fn single(shape: &Shape) -> Option<&str> {
    match shape {
        Shape::Values { values, .. } => match &values[..] {
            [value] => Some(value),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the names of the fields of an alternative.
fn names(shape: &Shape) -> BTreeSet<String> {
    match shape.without_null() {
        Shape::Object(object) => {
            let parts = object.parts.values().flat_map(names);
            object.fields.keys().cloned().chain(parts).collect()
        }
        Shape::Union { alternatives, .. } => alternatives.values().flat_map(names).collect(),
        _ => BTreeSet::new(),
    }
}

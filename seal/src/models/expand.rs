//! A shape written out: without references to enclosing documents, and without flattened unions.

use std::collections::BTreeMap;

use super::shape::{Field, Object, Rest, Shape};

/// How often a type that contains itself is written out. `$jsonSchema` has no references: below that, a
/// document is any document.
pub const RECURSIONS_MAX: usize = 2;

/// The most documents that a document with flattened unions is written out as. With more of them, it is
/// an open document with its own fields.
const COMBINATIONS_MAX: usize = 64;

/// Returns the shape without [`Shape::Recursion`] and without [`Object::parts`]. It accepts whatever the
/// shape accepts, and perhaps more.
pub(super) fn expanded(shape: &Shape) -> Shape {
    expand(shape, &mut Vec::new(), 0)
}

fn expand<'a>(shape: &'a Shape, around: &mut Vec<&'a Shape>, recursions: usize) -> Shape {
    match shape {
        Shape::Any | Shape::Scalar(_) | Shape::Values { .. } => shape.clone(),
        Shape::Array { item, length } => {
            let item = Box::new(expand(item, around, recursions));
            Shape::Array { item, length: *length }
        }
        Shape::Tuple(items) => {
            Shape::Tuple(items.iter().map(|item| expand(item, around, recursions)).collect())
        }
        Shape::Map(item) => Shape::Map(Box::new(expand(item, around, recursions))),
        Shape::Nullable(inner) => expand(inner, around, recursions).nullable(),
        Shape::Object(object) => {
            around.push(shape);
            let expanded = expand_object(object, around, recursions);
            around.pop();
            expanded
        }
        Shape::Union { name, alternatives } => {
            around.push(shape);
            let alternatives = alternatives
                .iter()
                .map(|(label, each)| (label.clone(), expand(each, around, recursions)))
                .collect();
            around.pop();
            Shape::Union { name: name.clone(), alternatives }
        }
        Shape::Recursion(depth) => {
            let at = around.len().checked_sub(*depth);
            match at.and_then(|at| Some((at, *around.get(at)?))) {
                Some((at, target)) if recursions < RECURSIONS_MAX => {
                    expand(target, &mut around[..at].to_vec(), recursions + 1)
                }
                Some((_, Shape::Object(_))) => Shape::Object(Object::default()),
                _ => Shape::Any,
            }
        }
    }
}

fn expand_object<'a>(object: &'a Object, around: &mut Vec<&'a Shape>, recursions: usize) -> Shape {
    let mut expand_field = |field: &'a Field| Field {
        shape: expand(&field.shape, around, recursions),
        ..field.clone()
    };
    let fields =
        object.fields.iter().map(|(name, field)| (name.clone(), expand_field(field))).collect();
    let rest = match &object.rest {
        Rest::Of(shape) => Rest::Of(Box::new(expand(shape, around, recursions))),
        other => other.clone(),
    };
    let alone = Object { name: object.name.clone(), fields, parts: BTreeMap::new(), rest };
    let mut all = vec![alone.clone()];
    for part in object.parts.values() {
        let sets = sets(&expand(part, around, recursions));
        if all.len().saturating_mul(sets.len()) > COMBINATIONS_MAX || sets.is_empty() {
            return Shape::Object(Object { rest: Rest::Open, ..alone });
        }
        all = all
            .iter()
            .flat_map(|object| sets.iter().map(|set| with(object, set)).collect::<Vec<_>>())
            .collect();
    }
    match all.len() {
        1 => Shape::Object(all.remove(0)),
        _ => {
            let labelled = all.into_iter().enumerate();
            let alternatives =
                labelled.map(|(at, each)| (format!("{at:02}"), Shape::Object(each))).collect();
            Shape::Union { name: object.name.clone(), alternatives }
        }
    }
}

fn with(object: &Object, set: &BTreeMap<String, Field>) -> Object {
    let mut object = object.clone();
    object.fields.extend(set.iter().map(|(name, field)| (name.clone(), field.clone())));
    object
}

/// Returns the fields that a flattened value adds to its document, for each of its alternatives.
fn sets(part: &Shape) -> Vec<BTreeMap<String, Field>> {
    match part {
        Shape::Nullable(inner) => {
            let mut all = sets(inner);
            all.push(BTreeMap::new());
            all
        }
        Shape::Object(object) => vec![object.fields.clone()],
        Shape::Values { values, .. } => {
            let null = || Field::required(Shape::Scalar(super::types::Types::NULL));
            values.iter().map(|value| BTreeMap::from([(value.clone(), null())])).collect()
        }
        Shape::Union { alternatives, .. } => alternatives.values().flat_map(sets).collect(),
        // Serde writes nothing for a unit, and refuses all other values.
        _ => vec![BTreeMap::new()],
    }
}

//! Two shapes of the values at one place.

use super::{
    super::{
        json::Json,
        shape::{Object, Rest, Shape},
        types::Types,
    },
    convert::conversions,
    edits::Edits,
    fields::{Comparison, OUT_OF_REACH},
    operation::Operation,
    place::{Place, Step},
    update::Fill,
};

impl Comparison<'_> {
    /// Compares two shapes. `default` is the value of the field.
    pub(super) fn shape(&mut self, at: &Place, old: &Shape, new: &Shape, default: Option<&Json>) {
        if old.is_same(new) || matches!(new, Shape::Any) {
            return;
        }
        if matches!(old, Shape::Any) || is_any_document(old) && is_document(new) {
            let words = new.words();
            let text = format!("documents whose value is no {words} do not fit");
            return self.edits.may_not_fit(at, text);
        }
        if is_any_document(new) && is_document(old) {
            return;
        }
        if old.takes_null() && !new.takes_null() {
            self.null(at, new, default);
        }
        match (old.without_null(), new.without_null()) {
            (old, new) if old.is_same(new) => {}
            (Shape::Scalar(old), Shape::Scalar(new)) => self.types(at, *old, *new),
            (Shape::Values { values: old, .. }, Shape::Values { values: new, .. }) => {
                self.values(at, old, new);
            }
            (Shape::Values { .. }, Shape::Scalar(types)) => self.types(at, Types::STRING, *types),
            (Shape::Scalar(types), Shape::Values { .. }) => {
                if !types.without(Types::STRING).without(Types::NULL).is_empty() {
                    self.types(at, *types, Types::STRING);
                }
                let text = format!("documents with another value than {} do not fit", new.words());
                self.edits.may_not_fit(at, text);
            }
            (
                Shape::Array { item: old, length: before },
                Shape::Array { item: new, length: after },
            ) => {
                if after.is_some_and(|after| *before != Some(after)) {
                    self.edits
                        .may_not_fit(at, "documents with another number of elements do not fit");
                }
                self.shape(&at.step(Step::Items), old, new, None);
            }
            (Shape::Tuple(old), Shape::Tuple(new)) if old.len() == new.len() => {
                for (number, (old, new)) in old.iter().zip(new).enumerate() {
                    self.shape(&at.step(Step::Element(number)), old, new, None);
                }
            }
            (Shape::Map(old), Shape::Map(new)) => {
                self.shape(&at.step(Step::Values), old, new, None);
            }
            (Shape::Object(before), Shape::Object(after)) => {
                self.documents(at, old.without_null(), before, after);
            }
            (Shape::Union { alternatives: old, .. }, Shape::Union { alternatives: new, .. }) => {
                self.alternatives(at, old, new)
            }
            (old, Shape::Union { alternatives, .. }) => self.becomes_one_of(at, old, alternatives),
            (old, new) => self.ask(
                at,
                format!(
                    "{} became {}, and no declared operation converts that",
                    old.words(),
                    new.words()
                ),
                [],
            ),
        }
    }

    /// Null is no value any more.
    fn null(&mut self, at: &Place, new: &Shape, default: Option<&Json>) {
        match default {
            Some(value) if at.is_updatable() => {
                let fill = Fill::Null { value: value.clone(), shape: new.clone() };
                let (collection, steps) = (at.collection.clone(), at.steps.clone());
                self.edits.fills.push(Operation::Update { collection, steps, fill });
            }
            _ => self.edits.may_not_fit(
                at,
                "null is no value of it any more: documents with null do not fit; to replace it, write \
                 `#[model(default = …)]`",
            ),
        }
    }

    fn types(&mut self, at: &Place, old: Types, new: Types) {
        if old.without(new).without(Types::NULL).is_empty() {
            return;
        }
        let names = |types: Types| types.names().collect::<Vec<_>>().join(" or ");
        if self.leaves(at) {
            return;
        }
        let Some(pairs) = conversions(old, new) else {
            let problem = format!(
                "{} became {}, and the server does not convert that",
                names(old),
                names(new)
            );
            return self.ask(at, problem, []);
        };
        let Some(path) = at.path().filter(|_| !matches!(at.steps.last(), Some(Step::Items))) else {
            let problem = format!("{} became {}, and {OUT_OF_REACH}", names(old), names(new));
            return self.ask(at, problem, []);
        };
        let count = pairs.len();
        for (number, (from, to)) in pairs.into_iter().enumerate() {
            let one = |types: Types| types.names().next().unwrap_or_default();
            self.edits.conversions.push(Operation::ChangeType {
                collection: at.collection.clone(),
                path: path.clone(),
                from: one(from),
                to: one(to),
                leaves_others: number + 1 < count,
            });
        }
    }

    fn values(&mut self, at: &Place, old: &[String], new: &[String]) {
        let gone: Vec<&String> = old.iter().filter(|value| !new.contains(value)).collect();
        if gone.is_empty() || self.leaves(at) {
            return;
        }
        let mut pairs = Vec::new();
        for value in gone {
            let becomes = self.answers.new_value(&at.text(), value);
            match becomes {
                Some(becomes) if new.contains(&becomes) => pairs.push((value.clone(), becomes)),
                Some(becomes) => {
                    let problem =
                        format!("`{value}` is to become `{becomes}`, which is no value of it");
                    self.ask(at, problem, [becomes_option(at, value, new)]);
                }
                None => {
                    let problem = format!(
                        "the value `{value}` is gone, and nothing says what documents with it get"
                    );
                    self.ask(at, problem, [becomes_option(at, value, new)]);
                }
            }
        }
        if pairs.is_empty() {
            return;
        }
        if !at.is_updatable() {
            return self.ask(at, format!("values are gone, and {OUT_OF_REACH}"), []);
        }
        let (collection, steps) = (at.collection.clone(), at.steps.clone());
        self.edits.fills.push(Operation::Update { collection, steps, fill: Fill::Values(pairs) });
    }

    fn documents(&mut self, at: &Place, shape: &Shape, old: &Object, new: &Object) {
        if !contains_itself(shape) {
            return self.fields(at, old, new);
        }
        let outside = std::mem::take(&mut self.edits);
        self.fields(at, old, new);
        let inside = std::mem::replace(&mut self.edits, outside);
        if inside.is_empty() {
            return self.edits.append(inside);
        }
        let problem =
            "the type contains itself, and operations would reach only its outermost documents";
        self.ask(at, problem, []);
        let rest = Edits { questions: inside.questions, notes: inside.notes, ..Edits::default() };
        self.edits.append(rest);
    }
}

fn becomes_option(at: &Place, value: &str, new: &[String]) -> String {
    let example = new.first().map_or("…", String::as_str);
    format!("`--becomes '{}:{value}={example}'` says which value it becomes", at.text())
}

fn is_document(shape: &Shape) -> bool {
    matches!(shape.without_null(), Shape::Object(_) | Shape::Map(_))
}

/// Whether any document has the shape, as bson's `Document`.
fn is_any_document(shape: &Shape) -> bool {
    match shape.without_null() {
        Shape::Object(object) => {
            object.fields.is_empty()
                && object.parts.is_empty()
                && object.rest == Rest::Open
                && object.name.is_none()
        }
        Shape::Map(item) => matches!(**item, Shape::Any),
        _ => false,
    }
}

/// Whether there is a reference to the shape in it.
fn contains_itself(shape: &Shape) -> bool {
    fn refers(shape: &Shape, depth: usize) -> bool {
        match shape {
            Shape::Any | Shape::Scalar(_) | Shape::Values { .. } => false,
            Shape::Recursion(to) => *to == depth,
            Shape::Array { item, .. } => refers(item, depth),
            Shape::Map(item) | Shape::Nullable(item) => refers(item, depth),
            Shape::Tuple(items) => items.iter().any(|item| refers(item, depth)),
            Shape::Union { alternatives, .. } => {
                alternatives.values().any(|each| refers(each, depth + 1))
            }
            Shape::Object(object) => {
                object.fields.values().any(|field| refers(&field.shape, depth + 1))
                    || object.parts.values().any(|part| refers(part, depth + 1))
                    || matches!(&object.rest, Rest::Of(rest) if refers(rest, depth + 1))
            }
        }
    }
    refers(shape, 0)
}

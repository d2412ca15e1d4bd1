//! Pure: the conversion of a value from one type to another, and back.

use mongodb::bson::{Bson, doc};

use super::expr::{self, any_of, bind, cond, differ, is_type, literal, var};
use crate::model::state::Direction;

/// A type that a field can be converted to and from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldType {
    /// Text.
    String,
    /// A 32-bit integer.
    Int,
    /// A 64-bit integer.
    Long,
    /// A 64-bit floating point number.
    Double,
    /// A decimal number of 34 digits.
    Decimal,
    /// True or false.
    Bool,
    /// A point in time, to the millisecond.
    Date,
    /// An `ObjectId`.
    ObjectId,
}

impl FieldType {
    /// Returns the server's name of the type.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Long => "long",
            Self::Double => "double",
            Self::Decimal => "decimal",
            Self::Bool => "bool",
            Self::Date => "date",
            Self::ObjectId => "objectId",
        }
    }
}

/// What happens to values that cannot be converted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Others {
    /// The operation is refused; the error names their documents.
    Refuse,
    Leave,
    Replace(Bson),
}

/// The way back: replaced values were kept, and new values are left alone.
pub(super) fn backward(others: &Others) -> Others {
    match others {
        Others::Refuse => Others::Refuse,
        Others::Leave | Others::Replace(_) => Others::Leave,
    }
}

/// Stands for a value that cannot be converted: nothing is converted to a document.
pub(super) fn failed() -> Bson {
    literal(doc! { "failed": true })
}

/// What a value becomes. `failed`: what a value becomes that cannot be converted, in place of an error
/// of the server.
pub(super) fn converted(
    value: &Bson,
    (from, to): (FieldType, FieldType),
    others: &Others,
    failed: Option<&Bson>,
) -> Bson {
    let mut convert = doc! { "input": value.clone(), "to": to.as_str() };
    let mut otherwise = value.clone();
    match others {
        Others::Refuse => {
            if let Some(failed) = failed {
                convert.insert("onError", failed.clone());
            }
        }
        Others::Leave => {
            convert.insert("onError", value.clone());
        }
        Others::Replace(with) => {
            convert.insert("onError", literal(with.clone()));
            otherwise = cond(fits(value.clone(), &[to]), value.clone(), literal(with.clone()));
        }
    }
    cond(is_type(value.clone(), from.as_str()), doc! { "$convert": convert }, otherwise)
}

/// Whether a value has one of these types, or is null or missing.
fn fits(value: Bson, types: &[FieldType]) -> Bson {
    let mut names = vec!["missing", "null", "undefined"];
    names.extend(types.iter().map(|kind| kind.as_str()));
    doc! { "$in": [{ "$type": value }, names] }.into()
}

/// Whether a value has neither type, or cannot be converted.
pub(super) fn unconvertible(value: Bson, from: FieldType, to: FieldType) -> Bson {
    let failed = failed();
    let convert = doc! { "$convert": {
        "input": value.clone(), "to": to.as_str(), "onError": failed.clone(),
    } };
    let fails =
        expr::all(vec![is_type(value.clone(), from.as_str()), expr::equal(convert, failed)]);
    any_of(vec![fails, doc! { "$not": [fits(value, &[from, to])] }.into()])
}

/// The conversion of the values of a field in one direction, and back.
#[derive(Debug)]
pub(super) struct Values {
    there: (FieldType, FieldType),
    others: Others,
    back: (FieldType, FieldType),
    others_back: Others,
    /// The way back refuses what it cannot convert, and the way there is the first.
    is_refused_back: bool,
}

impl Values {
    pub(super) fn new(
        from: FieldType,
        to: FieldType,
        others: &Others,
        direction: Direction,
    ) -> Self {
        let (there, back) = ((from, to), (to, from));
        let (others, backward) = (others.clone(), backward(others));
        match direction {
            Direction::Up => {
                let is_refused_back = backward == Others::Refuse;
                Self { there, others, back, others_back: backward, is_refused_back }
            }
            Direction::Down => Self {
                there: back,
                others: backward,
                back: there,
                others_back: others,
                is_refused_back: false,
            },
        }
    }

    /// The one type whose values change; `None`: values of all types may.
    pub(super) fn type_changed(&self) -> Option<&'static str> {
        (!matches!(self.others, Others::Replace(_))).then_some(self.there.0.as_str())
    }

    /// What the value at a path becomes.
    pub(super) fn there(&self, at: &str) -> Bson {
        converted(&at.into(), self.there, &self.others, None)
    }

    /// Whether the value at a path is refused. `None`: no value is.
    pub(super) fn is_refused(&self, at: &str) -> Option<Bson> {
        (self.others == Others::Refuse)
            .then(|| bind("x", at, unconvertible(var("x"), self.there.0, self.there.1)))
    }

    /// Whether the value at a path is refused, changes and would not come back, or stays as it is
    /// though the way back would change it. True for a few others, too.
    pub(super) fn is_unusual(&self, at: &str) -> Bson {
        let mut reasons = vec![self.is_other("x", "z")];
        // What cannot be converted does not come back either; values of other types do.
        if self.others == Others::Refuse || self.is_refused_back {
            reasons.push(doc! { "$not": [fits(var("x"), &[self.there.0, self.there.1])] }.into());
        }
        self.bound(at, any_of(reasons))
    }

    /// Whether the value at a path changes, and would not come back.
    pub(super) fn is_lost(&self, at: &str) -> Bson {
        self.bound(at, expr::all(vec![self.is_other("x", "y"), self.is_other("x", "z")]))
    }

    /// Whether the value at a path stays as it is, though the way back would change or refuse it.
    pub(super) fn is_left(&self, at: &str) -> Bson {
        let mut reasons = vec![self.is_other("x", "z")];
        if self.is_refused_back {
            reasons.push(unconvertible(var("x"), self.back.0, self.back.1));
        }
        let stays = doc! { "$not": [self.is_other("x", "y")] };
        self.bound(at, expr::all(vec![stays.into(), any_of(reasons)]))
    }

    /// Binds the value to `x`, what it becomes to `y`, and what comes back to `z`.
    fn bound(&self, at: &str, then: Bson) -> Bson {
        let failed = failed();
        let there = converted(&var("x"), self.there, &self.others, Some(&failed));
        let back = converted(&var("y"), self.back, &self.others_back, Some(&failed));
        bind("x", at, bind("y", there, bind("z", back, then)))
    }

    /// Whether two variables hold other values, or values of other types.
    fn is_other(&self, one: &str, other: &str) -> Bson {
        let has_texts = [self.there.0, self.there.1]
            .iter()
            .any(|kind| matches!(kind, FieldType::Double | FieldType::Decimal));
        let is_replaced = [&self.others, &self.others_back]
            .iter()
            .any(|others| matches!(others, Others::Replace(_)));
        // Only of these, two values of one type may be equal and not the same.
        let signature = |name: &str| -> Bson {
            if has_texts || is_replaced {
                expr::signature_of(var(name))
            } else {
                doc! { "$type": var(name) }.into()
            }
        };
        any_of(vec![differ(var(one), var(other)), differ(signature(one), signature(other))])
    }
}

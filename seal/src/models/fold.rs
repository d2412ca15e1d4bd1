//! The hash of a constant shape, folded by the compiler.
//!
//! The walk expands each type where it is used, except within itself. What it makes of flattened fields
//! and of null must be what `made` makes of them.

use super::{
    constant::{ConstAlternative, ConstField, ConstShape, ShapeRef, same},
    mix::{self, kind, mix},
    types::Types,
};

/// The most documents and unions within each other. (The server allows 100 levels.)
pub(super) const DEPTH_MAX: usize = 40;

/// The most shapes in a model.
pub(super) const SHAPES_MAX: usize = 20_000;

/// The documents and unions around a shape.
pub(super) struct Around {
    ids: [&'static str; DEPTH_MAX],
    depth: usize,
    shapes: usize,
}

impl Around {
    pub(super) const fn new() -> Self {
        Self { ids: [""; DEPTH_MAX], depth: 0, shapes: 0 }
    }
}

/// What a document has besides its own fields.
struct Gathered {
    sum: u64,
    rest: u64,
}

impl ShapeRef {
    /// Returns a hash of the values that the shape accepts, at compile time.
    /// [`Shape::hash`](super::Shape::hash) is the same for data.
    ///
    /// # Panics
    ///
    /// If types are nested too deeply, or the shape is too large. In a constant that is a compile error.
    pub const fn hash(self) -> u64 {
        fold(self.get(), &mut Around::new())
    }
}

/// Returns the hash of a shape within these documents and unions.
pub(super) const fn fold(shape: &'static ConstShape, around: &mut Around) -> u64 {
    around.shapes += 1;
    assert!(around.shapes <= SHAPES_MAX, "this model has more than 20,000 fields and elements");
    match shape {
        ConstShape::Any => kind::ANY,
        ConstShape::Scalar(types) => of_types(*types),
        ConstShape::Values { values, .. } => {
            let (mut sum, mut at) = (0_u64, 0);
            while at < values.len() {
                sum = sum.wrapping_add(mix::text(values[at]));
                at += 1;
            }
            mix(kind::VALUES, sum)
        }
        ConstShape::Array { item, length } => mix::array(fold(item.get(), around), *length),
        ConstShape::Tuple(items) => {
            let (mut all, mut at) = (kind::TUPLE, 0);
            while at < items.len() {
                all = mix(all, fold(items[at].get(), around));
                at += 1;
            }
            all
        }
        ConstShape::Map(item) => mix(kind::MAP, fold(item.get(), around)),
        ConstShape::Object { id, fields, is_closed } => {
            let again = enter(id, around);
            if again > 0 {
                return mix(kind::RECURSION, again);
            }
            let rest = if *is_closed { kind::CLOSED } else { kind::OPEN };
            let mut gathered = Gathered { sum: 0, rest };
            gather(fields, true, around, &mut gathered);
            leave(around);
            mix(gathered.rest, gathered.sum)
        }
        ConstShape::Union { id, alternatives } => {
            let again = enter(id, around);
            if again > 0 {
                return mix(kind::RECURSION, again);
            }
            let sum = alternatives_of(alternatives, around);
            leave(around);
            mix(kind::UNION, sum)
        }
        ConstShape::Nullable(inner) => {
            let inner = inner.get();
            let hash = fold(inner, around);
            if takes_null(inner) { hash } else { mix(kind::NULLABLE, hash) }
        }
    }
}

const fn alternatives_of(alternatives: &'static [ConstAlternative], around: &mut Around) -> u64 {
    let (mut sum, mut at) = (0_u64, 0);
    while at < alternatives.len() {
        sum = sum.wrapping_add(fold(alternatives[at].shape.get(), around));
        at += 1;
    }
    sum
}

/// Enters a document or a union. Returns how far out it is if it is entered already, otherwise 0.
const fn enter(id: &'static str, around: &mut Around) -> u64 {
    if !id.is_empty() {
        let mut at = around.depth;
        while at > 0 {
            at -= 1;
            if same(around.ids[at], id) {
                return (around.depth - at) as u64;
            }
        }
    }
    assert!(around.depth < DEPTH_MAX, "this model nests more than 40 documents within each other");
    around.ids[around.depth] = id;
    around.depth += 1;
    0
}

/// Enters a document or a union, unless it is entered already.
pub(super) const fn try_enter(id: &'static str, around: &mut Around) -> bool {
    enter(id, around) == 0
}

/// Leaves the document or union that was entered last.
pub(super) const fn leave(around: &mut Around) {
    around.depth -= 1;
}

/// Adds the fields of a document, and those that are flattened into it.
const fn gather(
    fields: &'static [ConstField],
    all_required: bool,
    around: &mut Around,
    gathered: &mut Gathered,
) {
    let mut at = 0;
    while at < fields.len() {
        let field = &fields[at];
        let is_required = field.is_required && all_required;
        if field.is_flattened {
            around.shapes += 1;
            assert!(around.shapes <= SHAPES_MAX, "this model is flattened into itself");
            flatten(field.shape.get(), is_required, around, gathered);
        } else {
            let hash = fold(field.shape.get(), around);
            gathered.sum = gathered.sum.wrapping_add(mix::field(field.name, is_required, hash));
        }
        at += 1;
    }
}

const fn flatten(
    shape: &'static ConstShape,
    is_required: bool,
    around: &mut Around,
    gathered: &mut Gathered,
) {
    match shape {
        ConstShape::Nullable(inner) => flatten(inner.get(), false, around, gathered),
        ConstShape::Object { fields, .. } => gather(fields, is_required, around, gathered),
        ConstShape::Map(item) => gathered.rest = mix(kind::REST, fold(item.get(), around)),
        ConstShape::Union { .. } | ConstShape::Values { .. } => {
            let mut part = fold(shape, around);
            if !is_required {
                part = mix(kind::NULLABLE, part);
            }
            gathered.sum = gathered.sum.wrapping_add(mix(kind::PART, part));
        }
        _ => gathered.rest = kind::OPEN,
    }
}

/// The hash of a set of types. A document of any kind is an open document, and null is apart.
const fn of_types(types: Types) -> u64 {
    let others = types.without(Types::NULL);
    let hash = match () {
        () if others.is_empty() => return mix::scalar(types),
        () if others.without(Types::OBJECT).is_empty() => mix(kind::OPEN, 0),
        () => mix::scalar(others),
    };
    if types.meets(Types::NULL) { mix(kind::NULLABLE, hash) } else { hash }
}

const fn takes_null(shape: &'static ConstShape) -> bool {
    match shape {
        ConstShape::Any | ConstShape::Nullable(_) => true,
        ConstShape::Scalar(types) => types.meets(Types::NULL),
        _ => false,
    }
}

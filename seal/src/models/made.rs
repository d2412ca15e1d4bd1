//! Shapes as data, made of constants.

use super::{
    constant::{ConstField, ConstShape, ShapeRef, same},
    shape::{Field, Hints, Object, Rest, Shape},
};

impl From<ShapeRef> for Shape {
    fn from(shape: ShapeRef) -> Self {
        made(shape.get(), &mut Vec::new())
    }
}

fn made(shape: &'static ConstShape, around: &mut Vec<&'static str>) -> Shape {
    match shape {
        ConstShape::Any => Shape::Any,
        ConstShape::Scalar(types) => Shape::of_types(*types),
        ConstShape::Values { id, values } => {
            let mut values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
            values.sort();
            Shape::Values { name: name(id), values }
        }
        ConstShape::Array { item, length } => {
            Shape::Array { item: Box::new(made(item.get(), around)), length: *length }
        }
        ConstShape::Tuple(items) => {
            Shape::Tuple(items.iter().map(|item| made(item.get(), around)).collect())
        }
        ConstShape::Map(item) => Shape::Map(Box::new(made(item.get(), around))),
        ConstShape::Object { id, fields, is_closed } => {
            if let Some(again) = again(id, around) {
                return Shape::Recursion(again);
            }
            around.push(id);
            let rest = if *is_closed { Rest::Closed } else { Rest::Open };
            let mut object = Object { name: name(id), rest, ..Object::default() };
            gather(fields, true, around, &mut object);
            around.pop();
            Shape::Object(object)
        }
        ConstShape::Union { id, alternatives } => {
            if let Some(again) = again(id, around) {
                return Shape::Recursion(again);
            }
            around.push(id);
            let alternatives = alternatives
                .iter()
                .map(|each| (each.label.to_owned(), made(each.shape.get(), around)))
                .collect();
            around.pop();
            Shape::Union { name: name(id), alternatives }
        }
        ConstShape::Nullable(inner) => made(inner.get(), around).nullable(),
    }
}

fn again(id: &str, around: &[&str]) -> Option<usize> {
    let at = around.iter().rposition(|known| !id.is_empty() && same(known, id))?;
    Some(around.len() - at)
}

/// Returns a type's own name.
fn name(id: &str) -> Option<String> {
    id.rsplit("::").next().filter(|name| !name.is_empty()).map(str::to_owned)
}

fn gather(
    fields: &'static [ConstField],
    all_required: bool,
    around: &mut Vec<&'static str>,
    object: &mut Object,
) {
    for field in fields {
        let is_required = field.is_required && all_required;
        if field.is_flattened {
            flatten(field, field.shape.get(), is_required, around, object);
            continue;
        }
        let hints = Hints {
            was: field.was.iter().map(|name| (*name).to_owned()).collect(),
            default: field.default.map(str::to_owned),
        };
        let shape = made(field.shape.get(), around);
        object.fields.insert(field.name.to_owned(), Field { shape, is_required, hints });
    }
}

fn flatten(
    field: &ConstField,
    shape: &'static ConstShape,
    is_required: bool,
    around: &mut Vec<&'static str>,
    object: &mut Object,
) {
    match shape {
        ConstShape::Nullable(inner) => flatten(field, inner.get(), false, around, object),
        ConstShape::Object { fields, .. } => gather(fields, is_required, around, object),
        ConstShape::Map(item) => object.rest = Rest::Of(Box::new(made(item.get(), around))),
        ConstShape::Union { .. } | ConstShape::Values { .. } => {
            let part = made(shape, around);
            let part = if is_required { part } else { Shape::Nullable(Box::new(part)) };
            let mut label = field.name.to_owned();
            while object.parts.contains_key(&label) {
                label.push('_');
            }
            object.parts.insert(label, part);
        }
        _ => object.rest = Rest::Open,
    }
}

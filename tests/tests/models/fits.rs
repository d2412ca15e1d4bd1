//! Whether a value is of a shape, without a server.

use mongrate::{
    bson::Bson,
    models::{Object, Rest, Shape, Types},
};

/// Whether the value is of the shape.
pub fn fits<'a>(shape: &'a Shape, value: &Bson, around: &mut Vec<&'a Shape>) -> bool {
    match (shape, value) {
        (Shape::Any, _) | (Shape::Nullable(_), Bson::Null) => true,
        (Shape::Nullable(inner), _) => fits(inner, value, around),
        (Shape::Scalar(types), _) => types.meets(type_of(value)),
        (Shape::Values { values, .. }, Bson::String(text)) => values.contains(text),
        (Shape::Array { item, length }, Bson::Array(items)) => {
            length.is_none_or(|length| length == items.len())
                && items.iter().all(|each| fits(item, each, around))
        }
        (Shape::Tuple(shapes), Bson::Array(items)) => {
            shapes.len() == items.len()
                && shapes.iter().zip(items).all(|(shape, item)| fits(shape, item, around))
        }
        (Shape::Map(item), Bson::Document(document)) => {
            document.values().all(|value| fits(item, value, around))
        }
        (Shape::Object(object), Bson::Document(_)) => {
            around.push(shape);
            let found = fits_object(object, value, around);
            around.pop();
            found
        }
        (Shape::Union { alternatives, .. }, _) => {
            around.push(shape);
            let found = alternatives.values().any(|each| fits(each, value, around));
            around.pop();
            found
        }
        (Shape::Recursion(depth), _) => {
            let at = around.len() - depth;
            let target = around[at];
            fits(target, value, &mut around[..at].to_vec())
        }
        _ => false,
    }
}

/// Flattened unions are only looked at by the server.
fn fits_object<'a>(object: &'a Object, value: &Bson, around: &mut Vec<&'a Shape>) -> bool {
    let document = value.as_document().unwrap();
    let own = object.fields.iter().all(|(name, field)| match document.get(name) {
        Some(value) => fits(&field.shape, value, around),
        None => !field.is_required,
    });
    let mut others = document.iter().filter(|(name, _)| !object.fields.contains_key(*name));
    own && match &object.rest {
        Rest::Open => true,
        Rest::Closed => !object.parts.is_empty() || others.all(|(name, _)| name == "_id"),
        Rest::Of(shape) => {
            !object.parts.is_empty()
                || others.all(|(name, value)| name == "_id" || fits(shape, value, around))
        }
    }
}

pub fn type_of(value: &Bson) -> Types {
    match value {
        Bson::Double(_) => Types::DOUBLE,
        Bson::String(_) => Types::STRING,
        Bson::Array(_) => Types::ARRAY,
        Bson::Document(_) => Types::OBJECT,
        Bson::Boolean(_) => Types::BOOL,
        Bson::Null => Types::NULL,
        Bson::RegularExpression(_) => Types::REGEX,
        Bson::JavaScriptCode(_) => Types::JAVASCRIPT,
        Bson::JavaScriptCodeWithScope(_) => Types::JAVASCRIPT_WITH_SCOPE,
        Bson::Int32(_) => Types::INT,
        Bson::Int64(_) => Types::LONG,
        Bson::Timestamp(_) => Types::TIMESTAMP,
        Bson::Binary(_) => Types::BINARY,
        Bson::ObjectId(_) => Types::OBJECT_ID,
        Bson::DateTime(_) => Types::DATE,
        Bson::Symbol(_) => Types::SYMBOL,
        Bson::Decimal128(_) => Types::DECIMAL,
        Bson::Undefined => Types::UNDEFINED,
        Bson::MaxKey => Types::MAX_KEY,
        Bson::MinKey => Types::MIN_KEY,
        Bson::DbPointer(_) => Types::DB_POINTER,
    }
}

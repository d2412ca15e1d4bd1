//! Values as `doc!` has them.

use super::super::{json::Json, shape::Shape, types::Types};

/// A string literal.
pub(super) fn text(text: &str) -> String {
    format!("{text:?}")
}

/// The name of a variable for the value of an option: `partialFilterExpression` becomes
/// `partial_filter_expression`.
pub(super) fn variable(option: &str) -> String {
    crate::label::label(option)
}

/// Returns a value with its numbers as Rust writes them for the shape.
pub(super) fn typed(value: &Json, shape: &Shape) -> Json {
    match (value, shape.without_null()) {
        (Json::Number(digits), Shape::Scalar(types)) => Json::Number(number(digits, *types)),
        (Json::Number(digits), _) => Json::Number(number(digits, Types::NONE)),
        (Json::Array(items), Shape::Array { item, .. }) => {
            Json::Array(items.iter().map(|each| typed(each, item)).collect())
        }
        (Json::Array(items), Shape::Tuple(shapes)) => {
            let shapes = shapes.iter().chain(std::iter::repeat(&Shape::Any));
            Json::Array(items.iter().zip(shapes).map(|(each, shape)| typed(each, shape)).collect())
        }
        (Json::Array(items), _) => {
            Json::Array(items.iter().map(|each| typed(each, &Shape::Any)).collect())
        }
        (Json::Object(fields), _) => Json::Object(
            fields.iter().map(|(name, each)| (name.clone(), typed(each, &Shape::Any))).collect(),
        ),
        (other, _) => other.clone(),
    }
}

fn number(digits: &str, types: Types) -> String {
    let is_whole = !digits.contains(['.', 'e', 'E']);
    match () {
        () if is_whole && types.meets(Types::LONG) => format!("{digits}_i64"),
        () if is_whole && types.meets(Types::INT) => digits.to_owned(),
        () if is_whole && types.meets(Types::DOUBLE) => format!("{digits}.0"),
        () if is_whole && digits.parse::<i32>().is_err() => format!("{digits}_i64"),
        () => digits.to_owned(),
    }
}

/// A value on one line.
pub(super) fn inline(value: &Json) -> String {
    match value {
        Json::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Json::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{}: {}", text(name), inline(value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Json::Array(items) => {
            format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        Json::String(string) => text(string),
        // Whole numbers that fit are `i32`, as the server's own shell has them.
        Json::Number(digits) if digits.parse::<i64>().is_ok_and(|n| i32::try_from(n).is_err()) => {
            format!("{digits}_i64")
        }
        other => other.to_string(),
    }
}

/// A value on as many lines as it needs, from the second one on indented by `indent`.
pub(super) fn on_lines(value: &Json, indent: usize, width: usize) -> String {
    let (outer, inner) = (" ".repeat(indent), " ".repeat(indent + 4));
    let fits =
        |before: usize, value: &Json| indent + 4 + before + inline(value).chars().count() < width;
    match value {
        Json::Object(fields) if !fields.is_empty() => {
            let fields: String = fields
                .iter()
                .map(|(name, value)| {
                    let name = text(name);
                    let shown = match fits(name.chars().count() + 2, value) {
                        true => inline(value),
                        false => on_lines(value, indent + 4, width),
                    };
                    format!("{inner}{name}: {shown},\n")
                })
                .collect();
            format!("{{\n{fields}{outer}}}")
        }
        Json::Array(items) if !items.is_empty() => {
            let items: String = items
                .iter()
                .map(|value| {
                    let shown = match fits(0, value) {
                        true => inline(value),
                        false => on_lines(value, indent + 4, width),
                    };
                    format!("{inner}{shown},\n")
                })
                .collect();
            format!("[\n{items}{outer}]")
        }
        other => inline(other),
    }
}

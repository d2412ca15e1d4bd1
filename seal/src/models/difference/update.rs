//! Values that an update puts where declared operations on fields do not reach: into documents that not
//! every document has, into the values of documents with any keys, into one of several alternatives.

use super::{
    super::{json::Json, shape::Shape},
    place::{Place, Step},
};

/// Which values an update puts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fill {
    /// This value where the field is missing.
    Missing {
        /// The value.
        value: Json,
        /// The shape of the field, for the type of numbers.
        shape: Shape,
    },
    /// This value where the field is null.
    Null {
        /// The value.
        value: Json,
        /// The shape of the field, for the type of numbers.
        shape: Shape,
    },
    /// Another string for each of these strings.
    Values(Vec<(String, String)>),
}

impl Fill {
    /// Returns the update in words.
    pub(super) fn text(&self, collection: &str, steps: &[Step]) -> String {
        let path = path_text(steps);
        match self {
            Self::Missing { value, .. } => {
                format!(
                    "add field `{path}` to `{collection}` where its document is, default {value}"
                )
            }
            Self::Null { value, .. } => {
                format!("put {value} where `{path}` of `{collection}` is null")
            }
            Self::Values(values) => {
                let values: Vec<String> =
                    values.iter().map(|(old, new)| format!("{old:?} by {new:?}")).collect();
                format!("replace {} in `{path}` of `{collection}`", values.join(", "))
            }
        }
    }
}

/// Returns the steps as a path: `items[].price`.
pub(super) fn path_text(steps: &[Step]) -> String {
    let place = Place { steps: steps.to_vec(), ..Default::default() };
    place.text().trim_start_matches('.').to_owned()
}

/// The pipelines of an update, forward and backward, and the filter of the documents that it looks at.
/// Numbers in values are as `number` makes them.
pub(super) struct Pipelines {
    pub(super) forward: Json,
    pub(super) backward: Option<Json>,
    pub(super) filter: Option<Json>,
}

/// Returns the pipelines of an update. `value` turns a value into what the pipeline holds.
pub(super) fn pipelines(
    steps: &[Step],
    fill: &Fill,
    value: &dyn Fn(&Json, &Shape) -> Json,
) -> Pipelines {
    let value = match fill {
        Fill::Missing { value: json, shape } | Fill::Null { value: json, shape } => {
            literal(value(json, shape))
        }
        Fill::Values(_) => Json::Null,
    };
    let leaf = |old: &str| match fill {
        Fill::Missing { .. } => cond(is_type(old, "missing"), value.clone(), Json::text(old)),
        Fill::Null { .. } => cond(is_type(old, "null"), value.clone(), Json::text(old)),
        Fill::Values(values) => {
            if let [(from, to)] = &values[..] {
                let is_it = equal(Json::text(old), literal(Json::text(from)));
                return cond(is_it, literal(Json::text(to)), Json::text(old));
            }
            let branches = values.iter().map(|(from, to)| {
                let is_it = equal(Json::text(old), literal(Json::text(from)));
                Json::object([("case", is_it), ("then", literal(Json::text(to)))])
            });
            let branches = Json::Array(branches.collect());
            let switch = Json::object([("branches", branches), ("default", Json::text(old))]);
            Json::object([("$switch", switch)])
        }
    };
    let forward = match steps {
        [Step::Field(name), rest @ ..] => {
            let new = rebuilt(&format!("${name}"), rest, &leaf, 1);
            Json::object([("$set", Json::object([(name.as_str(), new)]))])
        }
        other => {
            let new = rebuilt("$$ROOT", other, &leaf, 1);
            Json::object([("$replaceWith", new)])
        }
    };
    let is_plain = steps.iter().all(|step| matches!(step, Step::Field(_)));
    let path = path_text(steps);
    let filter = is_plain.then(|| match fill {
        Fill::Missing { .. } => {
            let parent = path.rsplit_once('.').map(|(parent, _)| parent.to_owned());
            let missing = (path.clone(), Json::object([("$exists", Json::Bool(false))]));
            let parent = parent.map(|it| (it, Json::object([("$type", Json::text("object"))])));
            Json::Object(parent.into_iter().chain([missing]).collect())
        }
        Fill::Null { .. } => {
            Json::Object(vec![(path.clone(), Json::object([("$type", Json::text("null"))]))])
        }
        Fill::Values(values) => {
            let values: Vec<Json> = values.iter().map(|(old, _)| Json::text(old)).collect();
            Json::Object(vec![(path.clone(), Json::object([("$in", Json::Array(values))]))])
        }
    });
    // What documents that are inserted later have, too, and what an older type does not know.
    let goes = matches!(fill, Fill::Missing { .. });
    let reaches = steps.iter().all(|step| matches!(step, Step::Field(_) | Step::Items));
    let backward = (goes && reaches).then(|| {
        let path = path.replace("[]", "");
        Json::object([("$unset", Json::text(path))])
    });
    Pipelines { forward: Json::Array(vec![forward]), backward, filter }
}

/// Returns the value of the expression `old` with the leaf put at the steps below it.
fn rebuilt(old: &str, steps: &[Step], leaf: &dyn Fn(&str) -> Json, depth: usize) -> Json {
    let Some((step, rest)) = steps.split_first() else { return leaf(old) };
    match step {
        Step::Field(name) => {
            let new = rebuilt(&format!("{old}.{name}"), rest, leaf, depth);
            let merged = Json::Array(vec![Json::text(old), Json::object([(name.as_str(), new)])]);
            let merged = Json::object([("$mergeObjects", merged)]);
            // Nothing is put into a document that is not there.
            cond(is_type(old, "object"), merged, Json::text(old))
        }
        Step::Items => {
            let each = format!("each{depth}");
            let new = rebuilt(&format!("$${each}"), rest, leaf, depth + 1);
            let map =
                Json::object([("input", Json::text(old)), ("as", Json::text(&each)), ("in", new)]);
            cond(is_type(old, "array"), Json::object([("$map", map)]), Json::text(old))
        }
        Step::Values => {
            let each = format!("each{depth}");
            let new = rebuilt(&format!("$${each}.v"), rest, leaf, depth + 1);
            let pair = Json::object([("k", Json::text(format!("$${each}.k"))), ("v", new)]);
            let pairs = Json::object([("$objectToArray", Json::text(old))]);
            let map = Json::object([("input", pairs), ("as", Json::text(&each)), ("in", pair)]);
            let map = Json::object([("$arrayToObject", Json::object([("$map", map)]))]);
            cond(is_type(old, "object"), map, Json::text(old))
        }
        Step::Element(_) => Json::text(old),
        Step::Tagged { field, value } => {
            let new = rebuilt(old, rest, leaf, depth);
            let tag = equal(Json::text(format!("{old}.{field}")), literal(Json::text(value)));
            cond(tag, new, Json::text(old))
        }
    }
}

/// Returns a value as an expression has it: a string with a dollar would be a field.
fn literal(value: Json) -> Json {
    match &value {
        Json::String(text) if !text.starts_with('$') => value,
        Json::Null | Json::Bool(_) | Json::Number(_) => value,
        Json::Array(items) if items.is_empty() => value,
        _ => Json::object([("$literal", value)]),
    }
}

fn cond(when: Json, then: Json, otherwise: Json) -> Json {
    Json::object([("$cond", Json::Array(vec![when, then, otherwise]))])
}

fn equal(left: Json, right: Json) -> Json {
    Json::object([("$eq", Json::Array(vec![left, right]))])
}

fn is_type(value: &str, name: &str) -> Json {
    equal(Json::object([("$type", Json::text(value))]), Json::text(name))
}

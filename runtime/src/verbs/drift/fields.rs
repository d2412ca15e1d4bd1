//! Takes a schema apart into one schema for each field, so that the server can count the documents
//! that do not fit by field. Pure.
//!
//! A document fits the whole schema if and only if it fits every part: `properties` and `required`
//! say something of documents only, and `items` of arrays only, so a part says nothing where an
//! enclosing value has another type. That value counts at its own path.

use mongrate_seal::models::Json;

/// What a schema says of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldSchema {
    /// The path, as in `models.snap`; `.` for the document itself.
    pub(crate) path: String,
    /// The schemas of whole documents that only say something of this field.
    pub(crate) schemas: Vec<Json>,
}

/// The most fields that are counted. The server takes at most 1,000 stages.
pub(crate) const FIELDS_MAX: usize = 400;

/// Keywords that are taken apart, and do not belong to the value's own schema.
const PARTS: [&str; 4] = ["additionalProperties", "items", "properties", "required"];

/// Returns the fields of a collection's schema. What is in an `anyOf` is not taken apart: a document
/// that fits none of several alternatives counts at the field itself.
pub(crate) fn fields(schema: &Json) -> Vec<FieldSchema> {
    let mut parts = Parts { found: Vec::new() };
    parts.value(schema, "", &|part| part);
    parts.found.truncate(FIELDS_MAX);
    parts.found
}

/// Makes a schema of whole documents from the schema of a value in them.
type Around<'a> = &'a dyn Fn(Json) -> Json;

struct Parts {
    found: Vec<FieldSchema>,
}

impl Parts {
    fn add(&mut self, path: &str, schema: Json) {
        let path = if path.is_empty() { "." } else { path };
        match self.found.iter_mut().find(|field| field.path == path) {
            Some(field) => field.schemas.push(schema),
            None => {
                self.found.push(FieldSchema { path: path.to_owned(), schemas: vec![schema] });
            }
        }
    }

    /// Takes the schema of a value apart.
    fn value(&mut self, schema: &Json, path: &str, around: Around<'_>) {
        let Json::Object(keywords) = schema else { return };
        let own: Vec<(String, Json)> =
            keywords.iter().filter(|(key, _)| !PARTS.contains(&key.as_str())).cloned().collect();
        if !own.is_empty() {
            self.add(path, around(Json::Object(own)));
        }
        let properties = match schema.get("properties") {
            Some(Json::Object(properties)) => properties.as_slice(),
            _ => &[],
        };
        if let Some(Json::Array(required)) = schema.get("required") {
            for name in required {
                let Json::String(name) = name else { continue };
                let required = Json::object([("required", Json::Array(vec![Json::text(name)]))]);
                self.add(&joined(path, name), around(required));
            }
        }
        for (name, property) in properties {
            let inside = |part| {
                let properties = Json::Object(vec![(name.clone(), part)]);
                around(Json::object([("properties", properties)]))
            };
            self.value(property, &joined(path, name), &inside);
        }
        match schema.get("additionalProperties") {
            None | Some(Json::Bool(true)) => {}
            Some(others) => {
                // Whether a field is another one depends on the names of the known ones.
                let known = properties
                    .iter()
                    .map(|(name, _)| (name.clone(), Json::Object(Vec::new())))
                    .collect();
                let rest = Json::object([
                    ("properties", Json::Object(known)),
                    ("additionalProperties", others.clone()),
                ]);
                self.add(&format!("{path}{{}}"), around(rest));
            }
        }
        match schema.get("items") {
            Some(item @ Json::Object(_)) => {
                let inside = |part| around(Json::object([("items", part)]));
                self.value(item, &format!("{path}[]"), &inside);
            }
            Some(Json::Array(items)) => {
                for (at, item) in items.iter().enumerate() {
                    let inside = |part| {
                        let mut before = vec![Json::Object(Vec::new()); at];
                        before.push(part);
                        around(Json::object([("items", Json::Array(before))]))
                    };
                    self.value(item, &format!("{path}[{at}]"), &inside);
                }
            }
            _ => {}
        }
    }
}

/// The path of a field. A name with other letters is quoted, as in `models.snap`.
fn joined(path: &str, name: &str) -> String {
    let is_plain = !name.is_empty()
        && name.chars().all(|letter| letter.is_alphanumeric() || "_-$".contains(letter));
    let name = if is_plain { name.to_owned() } else { Json::text(name).to_string() };
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_has_a_schema_of_its_own() {
        let schema = Json::parse(
            r#"{"bsonType":"object","required":["name","tags"],"properties":{
                "name":{"bsonType":"string"},
                "tags":{"bsonType":"array","items":{"enum":["a","b"]}},
                "home":{"bsonType":"object","required":["city"],"properties":{"city":{"bsonType":"string"}},
                        "additionalProperties":false},
                "at":{"items":[{"bsonType":"double"},{"bsonType":"double"}],"maxItems":2}}}"#,
        )
        .unwrap();
        let found: Vec<(String, Vec<String>)> = fields(&schema)
            .into_iter()
            .map(|field| {
                let schemas = field.schemas.iter().map(ToString::to_string).collect();
                (field.path, schemas)
            })
            .collect();
        let expected: [(&str, &[&str]); 10] = [
            (".", &[r#"{"bsonType":"object"}"#]),
            (
                "name",
                &[r#"{"required":["name"]}"#, r#"{"properties":{"name":{"bsonType":"string"}}}"#],
            ),
            (
                "tags",
                &[r#"{"required":["tags"]}"#, r#"{"properties":{"tags":{"bsonType":"array"}}}"#],
            ),
            ("tags[]", &[r#"{"properties":{"tags":{"items":{"enum":["a","b"]}}}}"#]),
            ("home", &[r#"{"properties":{"home":{"bsonType":"object"}}}"#]),
            (
                "home.city",
                &[
                    r#"{"properties":{"home":{"required":["city"]}}}"#,
                    r#"{"properties":{"home":{"properties":{"city":{"bsonType":"string"}}}}}"#,
                ],
            ),
            (
                "home{}",
                &[
                    r#"{"properties":{"home":{"properties":{"city":{}},"additionalProperties":false}}}"#,
                ],
            ),
            ("at", &[r#"{"properties":{"at":{"maxItems":2}}}"#]),
            ("at[0]", &[r#"{"properties":{"at":{"items":[{"bsonType":"double"}]}}}"#]),
            ("at[1]", &[r#"{"properties":{"at":{"items":[{},{"bsonType":"double"}]}}}"#]),
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for ((path, schemas), (wanted_path, wanted)) in found.iter().zip(expected) {
            assert_eq!(
                (path.as_str(), schemas.as_slice()),
                (
                    wanted_path,
                    wanted.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>().as_slice()
                )
            );
        }
    }

    #[test]
    fn a_name_that_could_be_read_as_a_path_is_quoted() {
        assert_eq!(joined("a", "b"), "a.b");
        assert_eq!(joined("", "x.y"), "\"x.y\"");
        assert_eq!(joined("a", ""), "a.\"\"");
    }
}

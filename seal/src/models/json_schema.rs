//! The `$jsonSchema` that accepts the values of a shape.

use super::{
    expand::expanded,
    json::Json,
    shape::{Field, Object, Rest, Shape},
    types::Types,
};

impl Shape {
    /// Returns the schema of the values: what `$jsonSchema` takes.
    pub fn json_schema(&self) -> Json {
        schema(&expanded(self), false)
    }

    /// Returns the schema of a collection's documents. A document that has no other fields than those
    /// of its type still has an `_id`.
    pub fn root_schema(&self) -> Json {
        schema(&with_id(expanded(self)), false)
    }
}

fn with_id(mut shape: Shape) -> Shape {
    match &mut shape {
        Shape::Object(object) if object.rest != Rest::Open => {
            let id = || Field::optional(Shape::Any);
            object.fields.entry("_id".to_owned()).or_insert_with(id);
        }
        Shape::Union { alternatives, .. } => {
            for alternative in alternatives.values_mut() {
                *alternative = with_id(std::mem::replace(alternative, Shape::Any));
            }
        }
        _ => {}
    }
    shape
}

/// Returns the schema of an expanded shape, or of null, too.
fn schema(shape: &Shape, or_null: bool) -> Json {
    let mut fields = Fields(Vec::new());
    match shape {
        Shape::Any | Shape::Recursion(_) => {}
        Shape::Scalar(types) => fields.types(*types, or_null),
        Shape::Values { values, .. } => {
            let mut all: Vec<Json> = values.iter().map(Json::text).collect();
            all.extend(or_null.then_some(Json::Null));
            fields.set("enum", Json::Array(all));
        }
        Shape::Nullable(inner) => return schema(inner, true),
        Shape::Array { item, length } => {
            fields.types(Types::ARRAY, or_null);
            fields.set_unless_any("items", schema(item, false));
            if let Some(length) = length {
                fields.set("minItems", count(*length));
                fields.set("maxItems", count(*length));
            }
        }
        Shape::Tuple(items) => {
            fields.types(Types::ARRAY, or_null);
            if !items.is_empty() {
                let items_json = items.iter().map(|item| schema(item, false)).collect();
                fields.set("items", Json::Array(items_json));
                fields.set("minItems", count(items.len()));
            }
            fields.set("maxItems", count(items.len()));
        }
        Shape::Map(item) => {
            fields.types(Types::OBJECT, or_null);
            fields.set_unless_any("additionalProperties", schema(item, false));
        }
        Shape::Object(object) => fields.object(object, or_null),
        Shape::Union { alternatives, .. } => {
            let mut all: Vec<Json> =
                alternatives.values().map(|each| schema(each, false)).collect();
            if or_null {
                all.push(schema(&Shape::Scalar(Types::NULL), false));
            }
            let is_any = |each: &Json| *each == Json::Object(Vec::new());
            if !all.iter().any(is_any) {
                fields.set("anyOf", Json::Array(all));
            }
        }
    }
    Json::Object(fields.0)
}

struct Fields(Vec<(String, Json)>);

impl Fields {
    fn set(&mut self, name: &str, value: Json) {
        self.0.push((name.to_owned(), value));
    }

    fn set_unless_any(&mut self, name: &str, schema: Json) {
        if schema != Json::Object(Vec::new()) {
            self.set(name, schema);
        }
    }

    fn types(&mut self, types: Types, or_null: bool) {
        let types = if or_null { types.or(Types::NULL) } else { types };
        let mut names: Vec<Json> = types.names().map(Json::text).collect();
        let value = if names.len() == 1 { names.remove(0) } else { Json::Array(names) };
        self.set("bsonType", value);
    }

    fn object(&mut self, object: &Object, or_null: bool) {
        self.types(Types::OBJECT, or_null);
        // In a schema, the server takes a name with a dot for a path: it would never find the field.
        let required =
            object.fields.iter().filter(|(name, field)| field.is_required && !name.contains('.'));
        let required: Vec<Json> = required.map(|(name, _)| Json::text(name)).collect();
        if !required.is_empty() {
            self.set("required", Json::Array(required));
        }
        let properties: Vec<(String, Json)> = object
            .fields
            .iter()
            .map(|(name, field)| (name.clone(), schema(&field.shape, false)))
            .collect();
        if !properties.is_empty() {
            self.set("properties", Json::Object(properties));
        }
        match &object.rest {
            Rest::Open => {}
            Rest::Closed => self.set("additionalProperties", Json::Bool(false)),
            Rest::Of(shape) => {
                self.set_unless_any("additionalProperties", schema(shape, false));
            }
        }
    }
}

fn count(number: usize) -> Json {
    Json::Number(number.to_string())
}

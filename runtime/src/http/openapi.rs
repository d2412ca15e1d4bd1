//! The OpenAPI document, built from the handlers and the types of their answers.

use std::sync::LazyLock;

use axum::{extract::OriginalUri, response::Response};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::{
    act, answer, ask, audit, back, etag, page, plans, read, steer, tags, told,
    wire::{
        details::Details,
        run::{Run, RunStep},
    },
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Mongrate",
        description = "Migrations of one MongoDB database: show them, apply them, roll them back.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    paths(
        page::page, read::status, read::migration, read::plan, plans::plan_file, plans::plan_run, read::history, audit::audit, audit::verify, audit::enable, audit::disable, audit::prune, read::doctor, read::drift, read::lock_status,
        told::runs, told::run, read::events, openapi_json, act::up, act::down, act::lock_release, act::create,
        steer::pause, steer::resume, steer::tune, steer::cancel, tags::tags, tags::tag,
    ),
    components(schemas(
        Details, Run, RunStep, ask::UpRequest, back::DownRequest, ask::ReleaseRequest,
        ask::CreateRequest, back::Way, ask::SteerRequest, ask::TuneRequest, tags::TagRequest,
        audit::SwitchRequest, audit::PruneRequest,
    )),
    tags(
        (name = "read", description = "Needs a token that may read"),
        (name = "change", description = "Needs a token that may write"),
    )
)]
struct Document;

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "read", operation_id = "openapi",
    responses((status = 200, description = "The OpenAPI document", body = Object))
)]
pub(super) async fn openapi_json(OriginalUri(uri): OriginalUri) -> Response {
    // The path of this request shows where the app has mounted the routes.
    let base = base(uri.path().strip_suffix("/openapi.json").unwrap_or_default());
    let (Some(written), Some(place)) = (WRITTEN.as_ref(), answer::text(&base)) else {
        return answer::failed();
    };
    let tag = etag::of(&json!([written.tag, base]));
    answer::written(&tag, [&*written.before, &place, &written.after].concat())
}

/// The document as text: the same for every request, but for the path between the two parts.
struct Written {
    before: String,
    after: String,
    tag: String,
}

static WRITTEN: LazyLock<Option<Written>> = LazyLock::new(|| {
    let value = answer::value(&document(PLACE))?;
    let text = answer::text(&value)?;
    let (before, after) = text.split_once(&json!(PLACE).to_string())?;
    Some(Written { before: before.to_owned(), after: after.to_owned(), tag: etag::of(&value) })
});

/// Stands for the path in [`WRITTEN`].
const PLACE: &str = "/the path of this server";

/// The path of a server whose routes are below `prefix`.
fn base(prefix: &str) -> &str {
    if prefix.is_empty() { "/" } else { prefix }
}

/// The problems that any request may get.
const ALWAYS: [(&str, &str); 11] = [
    ("401", "No token, or an unknown token"),
    (
        "403",
        "The token may only read, the request comes from another site, or the endpoint is switched off",
    ),
    ("405", "The endpoint does not accept this method"),
    ("409", "Another process is migrating, or the operator has to decide; nothing was done"),
    ("414", "The address is too long"),
    ("421", "The `Host` of the request is not a name of this server"),
    ("422", "The request is not valid; nothing was done"),
    ("429", "Too many unknown tokens came from this address"),
    ("431", "The headers are too many, or too large"),
    ("500", "The build, the rights of the app's MongoDB user, or a control document has a fault"),
    ("503", "MongoDB cannot be reached, or this server is busy or stopping"),
];

/// The further problems that a state change may get.
const CHANGING: [(&str, &str); 3] = [
    ("400", "The body is not JSON"),
    ("413", "The body is too large"),
    ("415", "The body is not declared as JSON"),
];

/// The problems that a request for the page may get. The page needs no token.
const PAGE: [&str; 4] = ["405", "414", "421", "431"];

/// The document of a server whose routes are below `prefix`.
pub(super) fn document(prefix: &str) -> Value {
    let mut document = serde_json::to_value(Document::openapi()).unwrap_or_default();
    let Some(root) = document.as_object_mut() else { return document };
    root.insert("servers".to_owned(), json!([{ "url": base(prefix) }]));
    root.insert("security".to_owned(), json!([{ "bearer": [] }]));
    if let Some(components) = root.get_mut("components").and_then(Value::as_object_mut) {
        let bearer = json!({
            "type": "http",
            "scheme": "bearer",
            "description": "`Authorization: Bearer <token>`; a request that changes something needs a token that may write",
        });
        components.insert("securitySchemes".to_owned(), json!({ "bearer": bearer }));
    }
    #[cfg(feature = "webhook")]
    super::webhooks::describe(root);
    let paths = root.get_mut("paths").and_then(Value::as_object_mut);
    for (path, methods) in paths.into_iter().flatten() {
        for (method, operation) in methods.as_object_mut().into_iter().flatten() {
            let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
            if let Some(responses) = responses {
                if path == "/" && method == "get" {
                    let all = ALWAYS.into_iter().filter(|(status, _)| PAGE.contains(status));
                    add(responses, &all.collect::<Vec<_>>());
                    unchanged(responses);
                    continue;
                }
                add(responses, &ALWAYS);
                if method == "get" && path != "/events" {
                    unchanged(responses);
                }
                if method == "post" {
                    add(responses, &CHANGING);
                }
            }
        }
    }
    document
}

/// Adds what a client gets that has the answer already, and says so with `If-None-Match`.
fn unchanged(responses: &mut Map<String, Value>) {
    let etag = json!({ "description": "The tag of the answer", "schema": { "type": "string" } });
    let headers = json!({ "ETag": etag });
    if let Some(ok) = responses.get_mut("200").and_then(Value::as_object_mut) {
        ok.insert("headers".to_owned(), headers.clone());
    }
    let described = json!({
        "description": "`If-None-Match` names the tag of the answer: the client has it already",
        "headers": headers,
    });
    responses.insert("304".to_owned(), described);
}

fn add(responses: &mut Map<String, Value>, all: &[(&str, &str)]) {
    for (status, description) in all {
        responses.entry((*status).to_owned()).or_insert_with(|| {
            json!({
                "description": description,
                "content": {
                    "application/problem+json": {
                        "schema": { "$ref": "#/components/schemas/Problem" }
                    }
                }
            })
        });
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn what_is_kept_as_text_is_the_document_of_each_path() {
        let mut tags = std::collections::BTreeSet::new();
        for prefix in ["", "/api/migrations", "/a%22b"] {
            let uri = format!("{prefix}/openapi.json").parse().unwrap();
            let answer = openapi_json(OriginalUri(uri)).await;
            let tag = answer.headers()["etag"].clone();
            assert!(tags.insert(tag.to_str().unwrap().to_owned()), "{prefix}: another's tag");
            let bytes = to_bytes(answer.into_body(), 1 << 24).await.unwrap();
            let found: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(found, document(prefix), "{prefix}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document("/api/migrations");
        let mut found = 0;
        let mut todo = vec![&document];
        while let Some(value) = todo.pop() {
            match value {
                Value::Object(fields) => {
                    if let Some(Value::String(to)) = fields.get("$ref") {
                        let pointer = to.strip_prefix('#').unwrap();
                        assert!(document.pointer(pointer).is_some(), "{to}");
                        found += 1;
                    }
                    todo.extend(fields.values());
                }
                Value::Array(items) => todo.extend(items),
                _ => {}
            }
        }
        assert!(found > 50, "{found}");
    }

    #[cfg(feature = "webhook")]
    #[test]
    fn what_is_sent_to_others_is_described() {
        let document = document("/api/migrations");
        let version = document.get("openapi").and_then(Value::as_str).unwrap();
        assert!(version.starts_with("3.1"), "webhooks are of 3.1: {version}");
        let body = "/webhooks/event/post/requestBody/content/application~1json/schema/$ref";
        assert_eq!(document.pointer(body), Some(&json!("#/components/schemas/WebhookEvent")));
        let fields = document.pointer("/components/schemas/WebhookData/properties").unwrap();
        assert!(fields.get("way_out").is_some(), "{fields}");
    }

    #[test]
    fn bodies_take_no_unknown_fields() {
        let document = document("");
        for name in [
            "UpRequest",
            "DownRequest",
            "ReleaseRequest",
            "CreateRequest",
            "SteerRequest",
            "TuneRequest",
            "TagRequest",
        ] {
            let schema = document.pointer(&format!("/components/schemas/{name}")).unwrap();
            assert_eq!(schema.get("additionalProperties"), Some(&json!(false)), "{name}");
        }
    }
}

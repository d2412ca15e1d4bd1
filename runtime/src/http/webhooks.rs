//! What the OpenAPI document says of the requests that this program sends: webhooks.

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::telemetry::{listen::event::EventKind, webhook::body::Body};

#[derive(OpenApi)]
#[openapi(components(schemas(Body)))]
struct Schemas;

/// Adds the webhooks and their schemas to the document.
pub(super) fn describe(root: &mut Map<String, Value>) {
    let own = serde_json::to_value(Schemas::openapi()).unwrap_or_default();
    let schemas = |root: &Value| root.pointer("/components/schemas").cloned();
    if let Some(Value::Object(own)) = schemas(&own)
        && let Some(Value::Object(all)) = root
            .get_mut("components")
            .and_then(Value::as_object_mut)
            .and_then(|components| components.get_mut("schemas"))
    {
        all.extend(own);
    }
    let header = |name: &str, description: &str| {
        json!({
            "name": name, "in": "header", "required": name != "webhook-signature",
            "description": description, "schema": { "type": "string" },
        })
    };
    let description = format!(
        "An event of a run, sent to the address of `--webhook`; `type` is one of {}. It arrives in the order \
         of the events, and may arrive more than once, with the same `webhook-id`. With a template the body \
         is another.",
        EventKind::NAMES.map(|name| format!("`{name}`")).join(", ")
    );
    let answers = [
        ("2XX", "The event has arrived"),
        ("429", "Sent again later, as `Retry-After` says; so after 408"),
        ("5XX", "Sent again later"),
        ("default", "Not sent again"),
    ];
    let answers: Map<String, Value> = answers
        .into_iter()
        .map(|(status, meaning)| (status.to_owned(), json!({ "description": meaning })))
        .collect();
    let event = json!({
        "post": {
            "operationId": "event",
            "summary": "Something happened in a run",
            "description": description,
            // It is signed, not signed in.
            "security": [],
            "parameters": [
                header("webhook-id", "The id of the event"),
                header("webhook-timestamp", "When it was sent: seconds since 1970"),
                header("webhook-signature", "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; \
                                             one for each secret, with blanks between them"),
            ],
            "requestBody": {
                "required": true,
                "content": {
                    "application/json": { "schema": { "$ref": "#/components/schemas/WebhookEvent" } }
                },
            },
            "responses": answers,
        }
    });
    root.insert("webhooks".to_owned(), json!({ "event": event }));
}

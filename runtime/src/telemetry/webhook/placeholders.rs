//! What a template may name, and its values. Pure.

use serde_json::{Value, json};

use super::body::Body;

/// The names; the guide says what they mean.
pub(crate) const NAMES: [&str; 30] = [
    "app",
    "at",
    "by",
    "code",
    "color",
    "color_number",
    "database",
    "direction",
    "done",
    "error",
    "group",
    "host",
    "id",
    "missed",
    "name",
    "number",
    "of",
    "outcome",
    "pid",
    "priority",
    "run",
    "severity",
    "summary",
    "text",
    "timestamp",
    "title",
    "type",
    "verb",
    "version",
    "way_out",
];

/// The value of a placeholder; `Null` if the event has none.
pub(crate) fn value(name: &str, body: &Body) -> Value {
    let (data, run) = (&body.data, &body.data.run);
    let migration = data.migration.as_ref();
    match name {
        "app" => json!(run.app),
        "at" => json!(data.at),
        "by" => json!(data.by),
        "code" => json!(data.error.as_ref().and_then(|error| error.code.as_ref())),
        "color" => json!(format!("#{:06x}", color(data.severity))),
        "color_number" => json!(color(data.severity)),
        "database" => json!(run.database),
        "direction" => json!(migration.map(|migration| migration.direction)),
        "done" => json!(data.done),
        "error" => json!(data.error.as_ref().and_then(|error| error.message.as_ref())),
        "group" => json!(run.group),
        "host" => json!(run.host),
        "id" => json!(data.id),
        "missed" => json!(data.missed),
        "name" => json!(migration.map(|migration| &migration.name)),
        "number" => json!(data.number),
        "of" => json!(data.of),
        "outcome" => json!(data.outcome),
        "pid" => json!(run.pid),
        "priority" => json!(match data.severity {
            "error" => "P1",
            "warning" => "P3",
            _ => "P5",
        }),
        "run" => json!(run.id),
        "severity" => json!(data.severity),
        "summary" => json!(data.summary),
        "text" => json!(body.text()),
        "timestamp" => json!(body.timestamp),
        "title" => json!(format!("{} {}", sign(data.severity), data.summary)),
        "type" => json!(body.name),
        "verb" => json!(run.verb),
        "version" => json!(migration.map(|migration| &migration.version)),
        "way_out" => json!(data.way_out),
        _ => Value::Null,
    }
}

const fn color(severity: &str) -> u32 {
    match severity.as_bytes() {
        b"error" => 0x00d3_2f2f,
        b"warning" => 0x00f9_a825,
        _ => 0x002e_7d32,
    }
}

const fn sign(severity: &str) -> &'static str {
    match severity.as_bytes() {
        b"error" => "✖",
        b"warning" => "▲",
        _ => "✔",
    }
}

//! Templates: a JSON document whose texts have placeholders. What is wrong with one is found when it is
//! read, before a run.

use std::{fmt, path::Path};

use serde_json::{Map, Value};

use super::{
    body::Body,
    events::Events,
    placeholders::{NAMES, value},
};
use crate::{model::error::Error, telemetry::redact};

/// The templates that are in the binary, by their names.
pub(crate) const READY_MADE: [(&str, &str); 5] = [
    ("slack", include_str!("templates/slack.json")),
    ("teams", include_str!("templates/teams.json")),
    ("discord", include_str!("templates/discord.json")),
    ("pagerduty", include_str!("templates/pagerduty.json")),
    ("opsgenie", include_str!("templates/opsgenie.json")),
];

/// The largest template, in bytes.
const BYTES_MAX: usize = 64 * 1_024;

/// The key of what is for Mongrate, and not sent.
const OWN: &str = "$mongrate";

/// The body of a webhook's requests, but for the event. May hold secrets.
#[derive(Clone)]
pub(crate) struct Template {
    document: Node,
    /// What is sent with this template, unless something is chosen.
    pub events: Option<Events>,
}

#[derive(Clone)]
enum Node {
    Fixed(Value),
    /// A placeholder that becomes a value, not a text.
    Value(&'static str),
    Text(Vec<Piece>),
    List(Vec<Node>),
    Fields(Vec<(String, Node)>),
}

#[derive(Clone)]
enum Piece {
    Text(String),
    Placeholder {
        name: &'static str,
        /// At most so many characters.
        at_most: Option<usize>,
    },
}

fn refuse<T>(problem: impl Into<String>) -> Result<T, Error> {
    Err(Error::Settings { setting: "webhook template", problem: problem.into() })
}

impl Template {
    /// A ready-made template by its name, or the template in a file.
    pub(crate) fn named_or_file(name: &str) -> Result<Self, Error> {
        if let Some((_, text)) = READY_MADE.iter().find(|(ready, _)| *ready == name) {
            return Self::parse(text);
        }
        let file = name.escape_debug();
        let text = std::fs::read_to_string(Path::new(name)).or_else(|error| {
            let names = READY_MADE.map(|(name, _)| name).join(", ");
            refuse(format!("{file}: {error}; ready-made are {names}"))
        })?;
        Self::parse(&text).map_err(|error| match error {
            Error::Settings { setting, problem } => {
                Error::Settings { setting, problem: format!("{file}: {problem}") }
            }
            error => error,
        })
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > BYTES_MAX {
            return refuse(format!("has {} bytes, and may have {BYTES_MAX}", text.len()));
        }
        let mut document: Value = match serde_json::from_str(text) {
            Ok(document) => document,
            Err(error) => {
                return refuse(format!(
                    "is no JSON: {error}; placeholders are within texts: \"{{{{summary}}}}\""
                ));
            }
        };
        let own = document.as_object_mut().and_then(|fields| fields.remove(OWN));
        let events = own.map(|own| own_events(&own)).transpose()?;
        Ok(Self { document: node(document)?, events })
    }

    /// The body for this event.
    pub(crate) fn fill(&self, body: &Body) -> Value {
        filled(&self.document, body)
    }
}

/// `{"events": "…"}`.
fn own_events(own: &Value) -> Result<Events, Error> {
    let fields = own.as_object().map(Map::len);
    match own.get("events").and_then(Value::as_str) {
        Some(events) if fields == Some(1) => Events::parse(events),
        _ => refuse(format!("`{OWN}` is {{\"events\": \"run.*,migration.failed\"}}")),
    }
}

fn node(value: Value) -> Result<Node, Error> {
    Ok(match value {
        Value::String(text) => self::text(&text)?,
        Value::Array(items) => Node::List(items.into_iter().map(node).collect::<Result<_, _>>()?),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| Ok((name, node(value)?)));
            Node::Fields(fields.collect::<Result<_, Error>>()?)
        }
        fixed => Node::Fixed(fixed),
    })
}

fn text(text: &str) -> Result<Node, Error> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((inside, after)) = after.split_once("}}") else {
            return refuse(format!("`{}` has no `}}}}`", text.escape_debug()));
        };
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        let inside = inside.trim();
        if let Some(name) = inside.strip_prefix("json:") {
            if !before.is_empty() || !after.is_empty() || !pieces.is_empty() {
                return refuse(format!(
                    "`{{{{{}}}}}` becomes a value, so it is alone in its text",
                    inside.escape_debug()
                ));
            }
            return Ok(Node::Value(known(name.trim())?));
        }
        pieces.push(piece(inside)?);
        rest = after;
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(Node::Text(pieces))
}

fn piece(inside: &str) -> Result<Piece, Error> {
    if let Some(variable) = inside.strip_prefix("env:") {
        let variable = variable.trim();
        return match std::env::var(variable) {
            Ok(secret) if !secret.trim().is_empty() => {
                let secret = secret.trim().to_owned();
                redact::learn_secret(&secret);
                Ok(Piece::Text(secret))
            }
            _ => refuse(format!(
                "it needs the environment variable `{}`, which is not set",
                variable.escape_debug()
            )),
        };
    }
    let (name, at_most) = match inside.split_once(':') {
        None => (inside, None),
        Some((name, number)) => match number.trim().parse() {
            Ok(number) if number > 0 => (name.trim(), Some(number)),
            _ => {
                return refuse(format!(
                    "`{{{{{}}}}}`: after the `:` is the largest number of characters",
                    inside.escape_debug()
                ));
            }
        },
    };
    Ok(Piece::Placeholder { name: known(name)?, at_most })
}

fn known(name: &str) -> Result<&'static str, Error> {
    match NAMES.iter().find(|known| **known == name) {
        Some(known) => Ok(known),
        None => refuse(format!(
            "`{}` is no placeholder; there are {}, and env:VARIABLE",
            name.escape_debug(),
            NAMES.join(", ")
        )),
    }
}

fn filled(node: &Node, body: &Body) -> Value {
    match node {
        Node::Fixed(value) => value.clone(),
        Node::Value(name) => value(name, body),
        Node::Text(pieces) => {
            Value::String(pieces.iter().map(|piece| filled_piece(piece, body)).collect())
        }
        Node::List(items) => items.iter().map(|item| filled(item, body)).collect(),
        Node::Fields(fields) => {
            fields.iter().map(|(name, node)| (name.clone(), filled(node, body))).collect()
        }
    }
}

fn filled_piece(piece: &Piece, body: &Body) -> String {
    let (name, at_most) = match piece {
        Piece::Text(text) => return text.clone(),
        Piece::Placeholder { name, at_most } => (name, at_most),
    };
    let text = match value(name, body) {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    };
    match at_most {
        Some(at_most) if text.chars().count() > *at_most => {
            text.chars().take(at_most - 1).chain(['…']).collect()
        }
        _ => text,
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("events", &self.events).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::telemetry::{listen::event::EventKind, webhook::sample};

    fn body() -> Body {
        Body::new(&sample::event("migration.failed", "clinic 1.2.0").unwrap(), true)
    }

    #[test]
    fn texts_stay_texts_whatever_they_hold() {
        let mut body = body();
        "a \"quote\", a \\ and {{code}}\n".clone_into(&mut body.data.summary);
        let template = Template::parse(
            r#"{"a": "<{{summary}}>", "b": ["{{json:number}}", "{{json:by}}", 7], "{{app}}": "{{by}}"}"#,
        );
        let filled = template.unwrap().fill(&body);
        assert_eq!(
            filled,
            json!({
                "a": "<a \"quote\", a \\ and {{code}}\n>",
                "b": [body.data.number, null, 7],
                "{{app}}": "",
            })
        );
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let mut body = body();
        body.data.summary = "é".repeat(200);
        let filled =
            Template::parse(r#"["{{ summary:3 }}", "{{summary:200}}"]"#).unwrap().fill(&body);
        assert_eq!(filled, json!(["éé…", "é".repeat(200)]));
    }

    #[test]
    fn a_mistake_is_found_when_the_template_is_read() {
        for (text, wrong) in [
            ("{\"a\": {{summary}}}", "is no JSON"),
            (r#"{"a": "{{sumary}}"}"#, "`sumary` is no placeholder; there are app, at,"),
            (r#"{"a": "{{summary"}"#, "has no `}}`"),
            (r#"{"a": "x {{json:number}}"}"#, "alone in its text"),
            (r#"{"a": "{{json:nothing}}"}"#, "is no placeholder"),
            (r#"{"a": "{{summary:0}}"}"#, "largest number of characters"),
            (r#"{"a": "{{env:NO_SUCH_VARIABLE}}"}"#, "`NO_SUCH_VARIABLE`, which is not set"),
            (r#"{"$mongrate": {"event": "all"}}"#, "`$mongrate` is"),
            (r#"{"$mongrate": {"events": "everything"}}"#, "is no event"),
        ] {
            let error = Template::parse(text).unwrap_err().to_string();
            assert!(error.contains(wrong), "{text}: {error}");
        }
        assert!(Template::parse(&" ".repeat(BYTES_MAX + 1)).is_err());
        let error = Template::named_or_file("slak").unwrap_err().to_string();
        assert!(error.contains("ready-made are slack, teams"), "{error}");
    }

    #[test]
    fn the_ready_made_templates_take_every_event() {
        for (name, text) in READY_MADE {
            // The only variable that one of them needs.
            let text = text.replace("{{env:PAGERDUTY_ROUTING_KEY}}", "key");
            let template = Template::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            for event in EventKind::NAMES {
                let body = Body::new(&sample::event(event, "clinic 1.2.0").unwrap(), true);
                let filled = template.fill(&body);
                let text = filled.to_string();
                assert!(text.contains("clinic") && !text.contains("{{"), "{name} {event}: {text}");
                assert!(filled.get(OWN).is_none(), "{text}");
                let message = filled.get("message").and_then(Value::as_str).unwrap_or_default();
                assert!(message.chars().count() <= 130, "the limit of Opsgenie");
            }
        }
    }
}

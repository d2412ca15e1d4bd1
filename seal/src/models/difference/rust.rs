//! Operations as Rust code: the body of a declared migration.
//!
//! The same operations have the same text, and `rustfmt` with its default settings leaves the text as it is.

use std::collections::BTreeSet;

use super::{
    super::{
        collection::Validation,
        index::{Index, default_name},
        json::Json,
        shape::Shape,
        types::Types,
    },
    found::Difference,
    literal::{self, text},
    operation::Operation,
    place::Step,
    update::{Fill, pipelines},
};

/// The widest line.
const WIDTH: usize = 100;

/// The widest chain of calls, and the widest list of arguments, on one line.
const CHAIN_WIDTH: usize = 60;

/// The widest comment.
const COMMENT_WIDTH: usize = 94;

/// The code of a declared migration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code {
    /// The `use` lines.
    pub imports: String,
    /// The statements of the function, each line indented.
    pub body: String,
}

impl Difference {
    /// Returns the operations as code.
    pub fn code(&self) -> Code {
        let mut writer = Writer::default();
        for note in &self.notes {
            writer.comment(&note.to_string());
        }
        for operation in &self.operations {
            writer.operation(operation);
        }
        Code { imports: writer.imports(), body: writer.body }
    }
}

/// A call of a method, with its arguments.
type Call = (String, Vec<String>);

fn call(name: &str, arguments: impl IntoIterator<Item = String>) -> Call {
    (name.to_owned(), arguments.into_iter().collect())
}

#[derive(Default)]
struct Writer {
    body: String,
    from_mongrate: BTreeSet<&'static str>,
    from_bson: BTreeSet<&'static str>,
    needs_duration: bool,
}

impl Writer {
    fn imports(&self) -> String {
        let types: Vec<&str> =
            ["Change"].into_iter().chain(self.from_mongrate.iter().copied()).collect();
        let types = types.join(", ");
        let bson: Vec<&str> = self.from_bson.iter().copied().collect();
        let duration = if self.needs_duration { "use std::time::Duration;\n\n" } else { "" };
        match bson[..] {
            [] => format!("{duration}use mongrate::{{{types}, migration}};\n"),
            [one] => format!("{duration}use mongrate::{{{types}, bson::{one}, migration}};\n"),
            _ => format!(
                "{duration}use mongrate::{{\n    {types},\n    bson::{{{}}},\n    migration,\n}};\n",
                bson.join(", ")
            ),
        }
    }

    fn comment(&mut self, text: &str) {
        let mut line = String::from("    //");
        for word in text.split_whitespace() {
            if line.chars().count() + 1 + word.chars().count() > COMMENT_WIDTH {
                self.body.push_str(&line);
                self.body.push('\n');
                line = String::from("    //");
            }
            line.push(' ');
            line.push_str(word);
        }
        self.body.push_str(&line);
        self.body.push('\n');
    }

    fn operation(&mut self, operation: &Operation) {
        let name = operation.name();
        match operation {
            Operation::RenameCollection { from, to } => {
                self.statement([call(name, [text(from), text(to)])]);
            }
            Operation::CreateCollection { name: collection, validator, time_series } => {
                self.create(collection, validator.as_ref(), time_series.as_ref());
            }
            Operation::DropCollection { name: collection }
            | Operation::UnsetValidator { collection } => {
                self.statement([call(name, [text(collection)])]);
            }
            Operation::RenameField { collection, from, to }
            | Operation::MoveField { collection, from, to } => {
                self.statement([call(name, [text(collection), text(from), text(to)])]);
            }
            Operation::ChangeType { collection, path, from, to, leaves_others } => {
                self.from_mongrate.insert("FieldType");
                let types = [field_type(from), field_type(to)];
                let arguments = [text(collection), text(path)].into_iter().chain(types);
                let mut calls = vec![call(name, arguments)];
                calls.extend(leaves_others.then(|| call("leave_others", [])));
                self.statement(calls);
            }
            Operation::AddField { collection, path, value, shape } => {
                let value = self.value(value, shape);
                self.statement([call(name, [text(collection), text(path), value])]);
            }
            Operation::Update { collection, steps, fill } => self.update(collection, steps, fill),
            Operation::RemoveField { collection, path } => {
                self.statement([call(name, [text(collection), text(path)])]);
            }
            Operation::SetValidator { collection, validator, validation } => {
                let validator = self.bound("validator", validator);
                self.statement([
                    call(name, [text(collection), validator]),
                    call("level", [text(validation.level.name())]),
                    call("action", [text(validation.action.name())]),
                ]);
            }
            Operation::DropIndex { collection, index }
            | Operation::CreateIndex { collection, index } => self.index(name, collection, index),
            Operation::ExpireAfter { collection, index, seconds } => {
                let after = self.seconds(*seconds);
                self.statement([call(name, [text(collection), text(index), after])]);
            }
            Operation::HideIndex { collection, index, .. } => {
                self.statement([call(name, [text(collection), text(index)])]);
            }
            Operation::ExpireSeries { collection, seconds } => {
                let option = text("expireAfterSeconds");
                let option = match seconds {
                    Some(seconds) => call("set", [option, number(seconds, Types::LONG)]),
                    None => call("unset", [option]),
                };
                self.statement([call(name, [text(collection)]), option]);
            }
        }
    }

    fn create(
        &mut self,
        collection: &str,
        validator: Option<&(Json, Validation)>,
        time_series: Option<&Json>,
    ) {
        let mut calls = vec![call("create_collection", [text(collection)])];
        if let Some((validator, validation)) = validator {
            let validator = self.bound("validator", validator);
            calls.push(call("validator", [validator]));
            calls.push(call("validation_level", [text(validation.level.name())]));
            calls.push(call("validation_action", [text(validation.action.name())]));
        }
        if let Some(Json::Object(options)) = time_series {
            for (option, value) in options {
                let value = match value {
                    Json::Object(_) => self.bound(&literal::variable(option), value),
                    Json::Number(_) => number(value, Types::LONG),
                    other => self.value(other, &Shape::Any),
                };
                calls.push(call("option", [text(option), value]));
            }
        }
        self.statement(calls);
    }

    fn index(&mut self, name: &str, collection: &str, index: &Index) {
        let keys = self.bound("keys", &Json::Object(index.keys.clone()));
        let mut calls = vec![call(name, [text(collection), keys])];
        if index.name != default_name(&index.keys) {
            calls.push(call("name", [text(&index.name)]));
        }
        for (option, value) in &index.options {
            let method = match option.as_str() {
                "unique" | "sparse" | "hidden" | "weights" | "collation" => option.as_str(),
                "default_language" | "language_override" => option.as_str(),
                "partialFilterExpression" => "partial_filter",
                "wildcardProjection" => "wildcard_projection",
                "expireAfterSeconds" => "expire_after",
                _ => "option",
            };
            let value = match (option.as_str(), value) {
                ("expireAfterSeconds", Json::Number(seconds)) => match seconds.parse() {
                    Ok(seconds) => self.seconds(seconds),
                    Err(_) => {
                        calls.push(call("option", [text(option), self.value(value, &Shape::Any)]));
                        continue;
                    }
                },
                (_, Json::Object(_)) => self.bound(&literal::variable(option), value),
                _ => self.value(value, &Shape::Any),
            };
            calls.push(match method {
                "option" => call("option", [text(option), value]),
                method => call(method, [value]),
            });
        }
        self.statement(calls);
    }

    fn update(&mut self, collection: &str, steps: &[Step], fill: &Fill) {
        let made = pipelines(steps, fill, &|value, shape| literal::typed(value, shape));
        let forward = self.stages("forward", &made.forward);
        let backward = match &made.backward {
            Some(stage) => self.stages("backward", &Json::Array(vec![stage.clone()])),
            None => "Vec::new()".to_owned(),
        };
        let mut calls = vec![call("update", [text(collection), forward, backward])];
        if let Some(filter) = &made.filter {
            let filter = self.bound("filter", filter);
            calls.push(call("filter", [filter]));
        }
        self.statement(calls);
    }

    /// A pipeline of one stage.
    fn stages(&mut self, variable: &str, stages: &Json) -> String {
        let Json::Array(stages) = stages else { return "Vec::new()".to_owned() };
        let stages: Vec<String> = stages.iter().map(|stage| self.bound(variable, stage)).collect();
        format!("vec![{}]", stages.join(", "))
    }

    fn seconds(&mut self, seconds: u32) -> String {
        self.needs_duration = true;
        format!("Duration::from_secs({seconds})")
    }

    /// A value as an argument.
    fn value(&mut self, value: &Json, shape: &Shape) -> String {
        match literal::typed(value, shape) {
            Json::Object(fields) if fields.is_empty() => {
                self.from_bson.insert("doc");
                "doc! {}".to_owned()
            }
            value @ Json::Object(_) => self.bound("value", &value),
            Json::Null => {
                self.from_bson.insert("Bson");
                "Bson::Null".to_owned()
            }
            value @ Json::Array(_) => {
                self.from_bson.insert("bson");
                format!("bson!({})", literal::inline(&value))
            }
            other => literal::inline(&other),
        }
    }

    /// A document as an argument: in place if it is short, or else of a variable.
    fn bound(&mut self, variable: &str, document: &Json) -> String {
        self.from_bson.insert("doc");
        let inline = literal::inline(document);
        if inline.chars().count() <= CHAIN_WIDTH / 2 {
            return format!("doc! {inline}");
        }
        let start = format!("    let {variable} = doc! ");
        let room = WIDTH - start.len() - 1;
        let value = match inline.chars().count() <= room {
            true => inline,
            false => literal::on_lines(document, 4, WIDTH),
        };
        self.body.push_str(&format!("{start}{value};\n"));
        variable.to_owned()
    }

    /// Writes `change.a(…).b(…);`.
    fn statement(&mut self, calls: impl IntoIterator<Item = Call>) {
        let calls: Vec<Call> = calls.into_iter().collect();
        let shown: Vec<String> = calls
            .iter()
            .map(|(name, arguments)| format!(".{name}({})", arguments.join(", ")))
            .collect();
        let width = |text: &str| text.chars().count();
        let is_narrow = |(_, arguments): &Call| width(&arguments.join(", ")) <= CHAIN_WIDTH;
        let line = format!("change{}", shown.concat());
        let limit = if calls.len() == 1 { WIDTH - 5 } else { CHAIN_WIDTH };
        if width(&line) <= limit && calls.iter().all(is_narrow) {
            self.body.push_str(&format!("    {line};\n"));
            return;
        }
        if let [single] = &calls[..] {
            self.body.push_str(&format!("    change{};\n", spread(single, 4)));
            return;
        }
        self.body.push_str("    change");
        for (call, shown) in calls.iter().zip(&shown) {
            let fits = is_narrow(call) && width(shown) + 8 < WIDTH;
            let text = if fits { shown.clone() } else { spread(call, 8) };
            self.body.push_str(&format!("\n        {text}"));
        }
        self.body.push_str(";\n");
    }
}

/// A call with each argument on a line.
fn spread((name, arguments): &Call, indent: usize) -> String {
    let (outer, inner) = (" ".repeat(indent), " ".repeat(indent + 4));
    let arguments: String =
        arguments.iter().map(|argument| format!("{inner}{argument},\n")).collect();
    format!(".{name}(\n{arguments}{outer})")
}

fn number(value: &Json, types: Types) -> String {
    literal::inline(&literal::typed(value, &Shape::Scalar(types)))
}

fn field_type(name: &str) -> String {
    let mut letters = name.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("FieldType::{first}{}", letters.as_str())
}

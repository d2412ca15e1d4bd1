//! The lines of `models.snap` below its header.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    collection::{
        Collection, CollectionKind, ModelShape, Validation, ValidationAction, ValidationLevel,
    },
    fault::ModelsProblem,
    index::Index,
    json::Json,
    shape::{Field, Hints, Object, Rest, Shape},
    text::{Cursor, name_text},
};

/// Writes the lines of a model.
pub(super) fn write(
    text: &mut String,
    collection: &str,
    model: &str,
    about: &ModelShape,
    with_hints: bool,
) {
    let start = format!("{collection} {}", name_text(model));
    let _ = write!(text, "{start} root {}", about.shape.line());
    if with_hints && !about.path.is_empty() {
        let _ = write!(text, " path={}", Json::text(&about.path));
    }
    text.push('\n');
    let mut writer = Writer { text, start, with_hints };
    writer.below(&about.shape, "");
}

struct Writer<'a> {
    text: &'a mut String,
    start: String,
    with_hints: bool,
}

impl Writer<'_> {
    /// Writes the lines of the fields below a shape.
    fn below(&mut self, shape: &Shape, path: &str) {
        match shape {
            Shape::Any | Shape::Scalar(_) | Shape::Values { .. } | Shape::Recursion(_) => {}
            Shape::Nullable(inner) => self.below(inner, path),
            Shape::Array { item, .. } => self.below(item, &format!("{path}[]")),
            Shape::Map(item) => self.below(item, &format!("{path}{{}}")),
            Shape::Tuple(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.below(item, &format!("{path}[{at}]"));
                }
            }
            Shape::Union { alternatives, .. } => {
                for (label, alternative) in alternatives {
                    self.below(alternative, &format!("{path}<{}>", name_text(label)));
                }
            }
            Shape::Object(object) => self.fields(object, path),
        }
    }

    fn fields(&mut self, object: &Object, path: &str) {
        let dot = if path.is_empty() { "" } else { "." };
        for (name, field) in &object.fields {
            let path = format!("{path}{dot}{}", name_text(name));
            let optional = if field.is_required { "" } else { "optional " };
            let _ =
                write!(self.text, "{} field {path} {optional}{}", self.start, field.shape.line());
            if self.with_hints {
                for was in &field.hints.was {
                    let _ = write!(self.text, " was={}", Json::text(was));
                }
                if let Some(default) = &field.hints.default {
                    let _ = write!(self.text, " default={}", Json::text(default));
                }
            }
            self.text.push('\n');
            self.below(&field.shape, &path);
        }
        for (name, part) in &object.parts {
            let path = format!("{path}{dot}+{}", name_text(name));
            let _ = writeln!(self.text, "{} part {path} {}", self.start, part.line());
            self.below(part, &path);
        }
        if let Rest::Of(rest) = &object.rest {
            self.below(rest, &format!("{path}{dot}*"));
        }
    }
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Field(String),
    Part(String),
    Rest,
    Item,
    Element(usize),
    Value,
    Alternative(String),
}

/// Lines that have been read. A field may be above the field that it belongs to.
#[derive(Default)]
pub(super) struct Read {
    collections: BTreeMap<String, Collection>,
    options: BTreeMap<String, usize>,
    /// By collection and model.
    roots: BTreeMap<(String, String), usize>,
    /// By collection, model and path.
    fields: BTreeMap<(String, String, Vec<Step>), (usize, Line)>,
    indexes: BTreeMap<(String, String), usize>,
}

enum Line {
    Field(Field),
    Part(Shape),
}

impl Read {
    /// Reads a line.
    pub(super) fn line(&mut self, line: &str, number: usize) -> Result<(), ModelsProblem> {
        self.read(line, number).unwrap_or(Err(ModelsProblem::Line))
    }

    /// `None` if the line has another form.
    fn read(&mut self, line: &str, number: usize) -> Option<Result<(), ModelsProblem>> {
        let mut cursor = Cursor(line);
        let name = cursor.name()?;
        if cursor.take(" options ") {
            let about = options(cursor)?;
            let collection = self.collections.entry(name.clone()).or_default();
            let twice = self.options.insert(name, number).is_some();
            (collection.kind, collection.validation, collection.was) = about;
            return Some(once(twice));
        }
        if cursor.take(" index ") {
            let index_name = cursor.name()?;
            cursor.take(" ").then_some(())?;
            let index = Index::read(index_name.clone(), cursor.0)?;
            let collection = self.collections.entry(name.clone()).or_default();
            collection.indexes.insert(index_name.clone(), index);
            return Some(once(self.indexes.insert((name, index_name), number).is_some()));
        }
        cursor.take(" ").then_some(())?;
        let model = cursor.name()?;
        if cursor.take(" root ") {
            let shape = cursor.shape()?;
            let path = if cursor.take(" path=") { cursor.name()? } else { String::new() };
            cursor.0.is_empty().then_some(())?;
            let collection = self.collections.entry(name.clone()).or_default();
            collection.models.insert(model.clone(), ModelShape { shape, path });
            return Some(once(self.roots.insert((name, model), number).is_some()));
        }
        let is_part = cursor.take(" part ");
        (is_part || cursor.take(" field ")).then_some(())?;
        let path = path(&mut cursor)?;
        cursor.take(" ").then_some(())?;
        let is_sound = match path.last()? {
            Step::Part(_) => is_part,
            Step::Field(_) => !is_part,
            _ => false,
        };
        is_sound.then_some(())?;
        let is_required = is_part || !cursor.take("optional ");
        let shape = cursor.shape()?;
        let mut hints = Hints::default();
        while cursor.take(" was=") {
            hints.was.push(cursor.name()?);
        }
        if cursor.take(" default=") {
            hints.default = Some(cursor.name()?);
        }
        cursor.0.is_empty().then_some(())?;
        let line = match is_part {
            true => Line::Part(shape),
            false => Line::Field(Field { shape, is_required, hints }),
        };
        Some(once(self.fields.insert((name, model, path), (number, line)).is_some()))
    }

    /// Puts the lines together.
    pub(super) fn finish(mut self) -> Result<BTreeMap<String, Collection>, (usize, ModelsProblem)> {
        let orphan = |line: usize, what: String| Err((line, ModelsProblem::Orphan(what)));
        // A path comes before all paths that begin with it.
        for ((collection, model, path), (number, line)) in self.fields {
            let about = self.collections.get_mut(&collection);
            let Some(about) = about.and_then(|about| about.models.get_mut(&model)) else {
                return orphan(number, format!("the model `{model}` of `{collection}`"));
            };
            if insert(&mut about.shape, &path, line).is_none() {
                return orphan(number, "a document".to_owned());
            }
        }
        let lines = self.roots.iter().map(|((collection, _), line)| (collection, line));
        let indexes = self.indexes.iter().map(|((collection, _), line)| (collection, line));
        for (collection, line) in lines.chain(indexes) {
            if !self.options.contains_key(collection) {
                return orphan(*line, format!("the collection `{collection}`"));
            }
        }
        Ok(self.collections)
    }
}

fn once(twice: bool) -> Result<(), ModelsProblem> {
    if twice { Err(ModelsProblem::Twice) } else { Ok(()) }
}

type Options = (CollectionKind, Option<Validation>, Option<String>);

fn options(mut cursor: Cursor<'_>) -> Option<Options> {
    let kind = match () {
        () if cursor.take("collection") => CollectionKind::Collection,
        () if cursor.take("view") => CollectionKind::View,
        () if cursor.take("timeseries ") => {
            let (options, rest) = Json::prefix(cursor.0)?;
            cursor = Cursor(rest);
            CollectionKind::TimeSeries(options)
        }
        () => return None,
    };
    let mut ahead = cursor;
    let mut validation = None;
    if ahead.take(" ") && !ahead.0.starts_with("was=") {
        let level = ValidationLevel::named(&ahead.name()?)?;
        ahead.take("/").then_some(())?;
        validation = Some(Validation { level, action: ValidationAction::named(&ahead.name()?)? });
        cursor = ahead;
    }
    let was = if cursor.take(" was=") { Some(cursor.name()?) } else { None };
    cursor.0.is_empty().then_some((kind, validation, was))
}

fn path(cursor: &mut Cursor<'_>) -> Option<Vec<Step>> {
    let mut path = Vec::new();
    let mut is_name = !cursor.0.starts_with(['[', '{', '<']);
    loop {
        match () {
            () if is_name && cursor.take("+") => path.push(Step::Part(cursor.name()?)),
            () if is_name && cursor.take("*") => path.push(Step::Rest),
            () if is_name => path.push(Step::Field(cursor.name()?)),
            () if cursor.take("[]") => path.push(Step::Item),
            () if cursor.take("[") => {
                path.push(Step::Element(cursor.number()?));
                cursor.take("]").then_some(())?;
            }
            () if cursor.take("{}") => path.push(Step::Value),
            () if cursor.take("<") => {
                path.push(Step::Alternative(cursor.name()?));
                cursor.take(">").then_some(())?;
            }
            () => return None,
        }
        is_name = cursor.take(".");
        if !is_name && cursor.0.starts_with(' ') {
            return Some(path);
        }
    }
}

/// Inserts a line below a shape. `None` if the path does not lead to a document.
fn insert(shape: &mut Shape, path: &[Step], line: Line) -> Option<()> {
    let (step, rest) = path.split_first()?;
    if let Shape::Nullable(inner) = shape {
        return insert(inner, path, line);
    }
    if let (Shape::Object(object), true) = (&mut *shape, rest.is_empty()) {
        match (step, line) {
            (Step::Field(name), Line::Field(field)) => {
                object.fields.insert(name.clone(), field);
            }
            (Step::Part(name), Line::Part(part)) => {
                object.parts.insert(name.clone(), part);
            }
            _ => return None,
        }
        return Some(());
    }
    let next = match (shape, step) {
        (Shape::Object(object), Step::Field(name)) => &mut object.fields.get_mut(name)?.shape,
        (Shape::Object(object), Step::Part(name)) => object.parts.get_mut(name)?,
        (Shape::Object(Object { rest: Rest::Of(shape), .. }), Step::Rest) => shape,
        (Shape::Array { item, .. }, Step::Item) | (Shape::Map(item), Step::Value) => item,
        (Shape::Tuple(items), Step::Element(at)) => items.get_mut(*at)?,
        (Shape::Union { alternatives, .. }, Step::Alternative(label)) => {
            alternatives.get_mut(label)?
        }
        _ => return None,
    };
    insert(next, rest, line)
}

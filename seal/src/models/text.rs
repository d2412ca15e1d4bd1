//! The text of a shape: short, the same for the same shape, and read back.
//!
//! | text | shape |
//! |---|---|
//! | `any` | any value |
//! | `int\|long` | a value of one of these BSON types |
//! | `"a"\|"b"` | one of these strings |
//! | `[string]`, `[int;3]` | an array; an array of three |
//! | `(double,double)` | an array with a shape for each element |
//! | `{int}` | a document with any keys |
//! | `object`, `object!`, `object+{int}` | a document that may have other fields; that has none; that has others with values of this shape |
//! | `<Card:object,Iban:string>` | a value of one of these shapes, with their labels |
//! | `…\|null` | … or null |
//! | `^1` | the document or union around it: 1 is the innermost |
//! | `…@Plan` | …, by the type of this name |
//!
//! A document's fields are not in its text: a snapshot has a line for each field.

use std::fmt::Write as _;

use super::{
    json::Json,
    shape::{Object, Rest, Shape},
    types::Types,
};

/// What a text leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// Fields of documents: they have lines of their own.
    Fields,
    /// Names and labels.
    Remarks,
}

impl Shape {
    /// Returns the whole shape on one line, with the fields of documents and without names: two shapes
    /// that accept the same values have the same text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        write_shape(self, Detail::Remarks, &mut text);
        text
    }

    /// Reads a text without fields of documents, as `[string]` or `date|null`.
    pub fn read(text: &str) -> Option<Self> {
        let mut cursor = Cursor(text);
        let shape = cursor.shape()?;
        cursor.0.is_empty().then_some(shape)
    }

    /// Returns the text of a snapshot's line: without the fields of documents, with names.
    pub(super) fn line(&self) -> String {
        let mut text = String::new();
        write_shape(self, Detail::Fields, &mut text);
        text
    }

    /// Returns the shape in words, for an error text: `string`, `array of documents`.
    pub fn words(&self) -> String {
        match self {
            Self::Any => "any value".to_owned(),
            Self::Scalar(types) => types.names().collect::<Vec<_>>().join(" or "),
            Self::Values { values, .. } => {
                values.iter().map(|v| Json::text(v).to_string()).collect::<Vec<_>>().join(" or ")
            }
            Self::Array { item, .. } => format!("array of {}", item.words()),
            Self::Tuple(items) => format!("array of {}", items.len()),
            Self::Map(item) => format!("document with values of {}", item.words()),
            Self::Object(Object { name: Some(name), .. }) => format!("document `{name}`"),
            Self::Object(_) => "document".to_owned(),
            Self::Union { alternatives, .. } => {
                format!("one of {} shapes", alternatives.len())
            }
            Self::Nullable(shape) => format!("{} or null", shape.words()),
            Self::Recursion(_) => "document of an enclosing type".to_owned(),
        }
    }
}

fn write_shape(shape: &Shape, detail: Detail, text: &mut String) {
    match shape {
        Shape::Any => text.push_str("any"),
        Shape::Scalar(types) => text.push_str(&types.names().collect::<Vec<_>>().join("|")),
        Shape::Values { values, .. } => {
            list(text, values, "|", |text, value| {
                let _ = write!(text, "{}", Json::text(value));
            });
        }
        Shape::Array { item, length } => {
            text.push('[');
            write_shape(item, detail, text);
            if let Some(length) = length {
                let _ = write!(text, ";{length}");
            }
            text.push(']');
        }
        Shape::Tuple(items) => {
            text.push('(');
            list(text, items, ",", |text, item| write_shape(item, detail, text));
            text.push(')');
        }
        Shape::Map(item) => {
            text.push('{');
            write_shape(item, detail, text);
            text.push('}');
        }
        Shape::Object(object) => write_object(object, detail, text),
        Shape::Union { alternatives, .. } => write_union(alternatives, detail, text),
        Shape::Nullable(shape) => {
            write_shape(shape, detail, text);
            text.push_str("|null");
        }
        Shape::Recursion(depth) => {
            let _ = write!(text, "^{depth}");
        }
    }
    let is_around = matches!(shape, Shape::Nullable(_));
    if let Some(name) = shape.name().filter(|_| detail == Detail::Fields && !is_around) {
        text.push('@');
        text.push_str(&name_text(name));
    }
}

fn write_union(
    alternatives: &std::collections::BTreeMap<String, Shape>,
    detail: Detail,
    text: &mut String,
) {
    text.push('<');
    match detail {
        Detail::Fields => list(text, alternatives, ",", |text, (label, shape)| {
            text.push_str(&name_text(label));
            text.push(':');
            write_shape(shape, detail, text);
        }),
        Detail::Remarks => {
            let mut texts: Vec<String> = alternatives.values().map(Shape::text).collect();
            texts.sort();
            text.push_str(&texts.join(","));
        }
    }
    text.push('>');
}

fn write_object(object: &Object, detail: Detail, text: &mut String) {
    text.push_str("object");
    match &object.rest {
        Rest::Open => {}
        Rest::Closed => text.push('!'),
        Rest::Of(shape) => {
            text.push_str("+{");
            write_shape(shape, detail, text);
            text.push('}');
        }
    }
    if detail == Detail::Fields {
        return;
    }
    text.push('{');
    list(text, &object.fields, ",", |text, (name, field)| {
        text.push_str(&name_text(name));
        text.push_str(if field.is_required { ":" } else { "?:" });
        write_shape(&field.shape, detail, text);
    });
    let mut parts: Vec<String> = object.parts.values().map(Shape::text).collect();
    parts.sort();
    for part in parts {
        let _ = write!(text, ",+{part}");
    }
    text.push('}');
}

fn list<T>(
    text: &mut String,
    items: impl IntoIterator<Item = T>,
    between: &str,
    mut item: impl FnMut(&mut String, T),
) {
    for (at, each) in items.into_iter().enumerate() {
        text.push_str(if at == 0 { "" } else { between });
        item(text, each);
    }
}

/// Returns a name as a line has it: in quotes unless it is plain.
pub(super) fn name_text(name: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$' | '-');
    match !name.is_empty() && name.chars().all(is_plain) {
        true => name.to_owned(),
        false => Json::text(name).to_string(),
    }
}

/// A line's text, read from left to right.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a>(pub(super) &'a str);

impl Cursor<'_> {
    /// Takes a token if the text begins with it.
    pub(super) fn take(&mut self, token: &str) -> bool {
        match self.0.strip_prefix(token) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn must(&mut self, token: &str) -> Option<()> {
        self.take(token).then_some(())
    }

    /// Takes a name, which is in quotes unless it is plain.
    pub(super) fn name(&mut self) -> Option<String> {
        if self.0.starts_with('"') {
            let (Json::String(name), rest) = Json::prefix(self.0)? else { return None };
            self.0 = rest;
            return Some(name);
        }
        let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$' | '-');
        let length = self.0.find(|letter| !is_plain(letter)).unwrap_or(self.0.len());
        let (name, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        (!name.is_empty()).then(|| name.to_owned())
    }

    /// Takes a whole number.
    pub(super) fn number(&mut self) -> Option<usize> {
        let length = self.0.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        digits.parse().ok()
    }

    /// Takes a shape. Documents have no fields yet.
    pub(super) fn shape(&mut self) -> Option<Shape> {
        self.shape_below(0)
    }

    fn shape_below(&mut self, depth: usize) -> Option<Shape> {
        const DEPTH_MAX: usize = 100;
        let below = (depth < DEPTH_MAX).then_some(depth + 1)?;
        let mut shape = match self.0.chars().next()? {
            '"' => self.values()?,
            '[' => {
                self.must("[")?;
                let item = Box::new(self.shape_below(below)?);
                let length = if self.take(";") { Some(self.number()?) } else { None };
                self.must("]")?;
                Shape::Array { item, length }
            }
            '(' => {
                self.must("(")?;
                let mut items = Vec::new();
                while !self.take(")") {
                    if !items.is_empty() {
                        self.must(",")?;
                    }
                    items.push(self.shape_below(below)?);
                }
                Shape::Tuple(items)
            }
            '{' => {
                self.must("{")?;
                let item = self.shape_below(below)?;
                self.must("}")?;
                Shape::Map(Box::new(item))
            }
            '<' => {
                self.must("<")?;
                let mut alternatives = std::collections::BTreeMap::new();
                while !self.take(">") {
                    if !alternatives.is_empty() {
                        self.must(",")?;
                    }
                    let label = self.name()?;
                    self.must(":")?;
                    let shape = self.shape_below(below)?;
                    if alternatives.insert(label, shape).is_some() {
                        return None;
                    }
                }
                Shape::Union { name: None, alternatives }
            }
            '^' => {
                self.must("^")?;
                Shape::Recursion(self.number().filter(|depth| *depth > 0)?)
            }
            _ => self.word(below)?,
        };
        if self.take("@") {
            let found = Some(self.name()?);
            match &mut shape {
                Shape::Values { name, .. } | Shape::Union { name, .. } => *name = found,
                Shape::Object(object) => object.name = found,
                _ => return None,
            }
        }
        if self.take("|null") {
            if shape.takes_null() {
                return None;
            }
            shape = shape.nullable();
        }
        Some(shape)
    }

    fn values(&mut self) -> Option<Shape> {
        let mut values = Vec::new();
        loop {
            values.push(self.name()?);
            if !self.0.starts_with("|\"") {
                break;
            }
            self.must("|")?;
        }
        values.is_sorted_by(|one, next| one < next).then(|| Shape::values(values))
    }

    fn word(&mut self, below: usize) -> Option<Shape> {
        let word = self.name()?;
        if word == "any" {
            return Some(Shape::Any);
        }
        if word == "object" && !self.0.starts_with('|') {
            let rest = match () {
                () if self.take("!") => Rest::Closed,
                () if self.take("+{") => {
                    let rest = Box::new(self.shape_below(below)?);
                    self.must("}")?;
                    Rest::Of(rest)
                }
                () => Rest::Open,
            };
            return Some(Shape::Object(Object { rest, ..Object::default() }));
        }
        if word == "object" && self.0.starts_with("|null") {
            return Some(Shape::Object(Object::default()));
        }
        let mut types = Types::named(&word)?;
        loop {
            let mut ahead = *self;
            if !ahead.take("|") || ahead.0.starts_with("null") {
                break;
            }
            types = types.or(Types::named(&ahead.name()?)?);
            *self = ahead;
        }
        Some(Shape::Scalar(types))
    }
}

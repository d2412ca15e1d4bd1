//! Our own attributes: `#[model(…)]`.

use mongrate_seal::{
    declaration::{Broken, nearest},
    models::{CollectionKind, Json, Shape, Validation, ValidationAction, ValidationLevel},
};
use proc_macro2::Span;
use syn::{
    Attribute, Error, Ident, LitBool, LitStr, Path, Token, ext::IdentExt as _, parenthesized,
    parse::ParseStream, token::Paren,
};

use super::{index::IndexAt, values::Value};

/// The attributes of a struct or an enum.
#[derive(Default)]
pub(super) struct ModelAttributes {
    pub(super) collection: Option<LitStr>,
    pub(super) name: Option<LitStr>,
    pub(super) kind: CollectionKind,
    pub(super) kind_span: Option<Span>,
    /// The fields of a time series that must be in the model.
    pub(super) time_fields: Vec<(String, Span)>,
    pub(super) validation: Option<Validation>,
    pub(super) indexes: Vec<IndexAt>,
    pub(super) was: Option<LitStr>,
    pub(super) additional_properties: Option<bool>,
    pub(super) bson: Option<Shape>,
    pub(super) krate: Option<Path>,
    /// Whether the model is in no `models.snap`.
    pub(super) is_unchecked: bool,
}

/// The attributes of a field or a variant.
#[derive(Default)]
pub(super) struct FieldAttributes {
    pub(super) was: Vec<String>,
    pub(super) default: Option<Value>,
    pub(super) bson: Option<Shape>,
}

const KEYS: [&str; 12] = [
    "collection",
    "name",
    "validate",
    "action",
    "index",
    "was",
    "additional_properties",
    "view",
    "time_series",
    "bson",
    "crate",
    "unchecked",
];

const FIELD_KEYS: [&str; 3] = ["was", "default", "bson"];

impl ModelAttributes {
    pub(super) fn read(attributes: &[Attribute], broken: &mut Broken) -> Self {
        let mut read = Self::default();
        let (mut level, mut action) = (None, None);
        let mut seen = Vec::new();
        each(attributes, broken, &mut seen, &["index"], |key, at, input| {
            match key {
                "collection" => read.collection = Some(collection(input)?),
                "name" => read.name = Some(text(input)?),
                "validate" => {
                    level = Some(word(input, &ValidationLevel::ALL.map(ValidationLevel::name))?);
                }
                "action" => {
                    let word = word(input, &ValidationAction::ALL.map(ValidationAction::name))?;
                    action = Some((word, at));
                }
                "index" => {
                    let inside;
                    parenthesized!(inside in input);
                    read.indexes.push(IndexAt::read(&inside, at)?);
                }
                "was" => read.was = Some(collection(input)?),
                "additional_properties" => {
                    input.parse::<Token![=]>()?;
                    read.additional_properties = Some(input.parse::<LitBool>()?.value);
                }
                "view" => (read.kind, read.kind_span) = (CollectionKind::View, Some(at)),
                "time_series" => {
                    read.kind_span = Some(at);
                    read.kind = time_series(input, at, &mut read.time_fields)?;
                }
                "bson" => read.bson = Some(shape(input)?),
                "unchecked" => read.is_unchecked = true,
                "crate" => read.krate = Some(text(input)?.parse()?),
                _ => return Err(unknown(key, at, &KEYS)),
            }
            Ok(())
        });
        match (level, action) {
            (None, Some((_, at))) => broken.add(Error::new(
                at,
                "`action` says what happens to a document that does not fit the validator: add \
                 `validate = \"strict\"` or `validate = \"moderate\"`",
            )),
            (Some(level), action) => {
                let action = action.and_then(|(word, _)| ValidationAction::named(&word));
                let action = action.unwrap_or(ValidationAction::Error);
                let level = ValidationLevel::named(&level);
                read.validation = level.map(|level| Validation { level, action });
            }
            (None, None) => {}
        }
        read
    }
}

impl FieldAttributes {
    pub(super) fn read(attributes: &[Attribute], broken: &mut Broken) -> Self {
        let mut read = Self::default();
        let mut seen = Vec::new();
        each(attributes, broken, &mut seen, &["was"], |key, at, input| {
            match key {
                "was" => {
                    let was = text(input)?;
                    if was.value().is_empty() {
                        return Err(Error::new(
                            was.span(),
                            "the former name of a field is not empty",
                        ));
                    }
                    read.was.push(was.value());
                }
                "default" => {
                    input.parse::<Token![=]>()?;
                    let value: Value = input.parse()?;
                    if value.literal().is_none() {
                        return Err(Error::new(
                            value.span,
                            "`default` takes a literal or an array of literals: leave it out, and \
                             write the value in the migration",
                        ));
                    }
                    read.default = Some(value);
                }
                "bson" => read.bson = Some(shape(input)?),
                _ if KEYS.contains(&key) => {
                    return Err(Error::new(
                        at,
                        format!("`{key}` belongs to the type: `#[model({key} …)]` above it"),
                    ));
                }
                _ => return Err(unknown(key, at, &FIELD_KEYS)),
            }
            Ok(())
        });
        read
    }
}

/// Reads each argument of the attributes. After a mistake the rest of that attribute is not read.
fn each(
    attributes: &[Attribute],
    broken: &mut Broken,
    seen: &mut Vec<String>,
    often: &[&str],
    mut see: impl FnMut(&str, Span, ParseStream<'_>) -> syn::Result<()>,
) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("model")) {
        let read = attribute.parse_args_with(|input: ParseStream<'_>| {
            while !input.is_empty() {
                let key = input.call(Ident::parse_any)?;
                let at = key.span();
                let key = key.unraw().to_string();
                if seen.contains(&key) && !often.contains(&key.as_str()) {
                    return Err(Error::new(at, format!("`{key}` is given twice")));
                }
                see(&key, at, input)?;
                seen.push(key);
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        });
        broken.keep(read);
    }
}

fn unknown(key: &str, at: Span, keys: &[&str]) -> Error {
    let text = match nearest(key, keys.iter().copied()) {
        Some(meant) => format!("unknown argument `{key}`; did you mean `{meant}`?"),
        None => format!("unknown argument `{key}`; `#[model]` takes {} here", list(keys)),
    };
    Error::new(at, text)
}

fn list(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, most)) => format!("{} and {last}", most.join(", ")),
        None => String::new(),
    }
}

fn text(input: ParseStream<'_>) -> syn::Result<LitStr> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn collection(input: ParseStream<'_>) -> syn::Result<LitStr> {
    let literal = text(input)?;
    let name = literal.value();
    let problem = match () {
        () if name.is_empty() => "the name of a collection is not empty",
        () if name.contains('$') || name.contains('\0') => {
            "the server allows no `$` and no null in the name of a collection"
        }
        () if name.starts_with("system.") => "`system.…` collections are the server's own",
        () if name.starts_with('.') || name.ends_with('.') => {
            "the name of a collection neither begins nor ends with a dot"
        }
        () => return Ok(literal),
    };
    Err(Error::new(literal.span(), problem))
}

fn word(input: ParseStream<'_>, words: &[&str]) -> syn::Result<String> {
    let literal = text(input)?;
    let word = literal.value();
    match words.contains(&word.as_str()) {
        true => Ok(word),
        false => {
            let quoted: Vec<String> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
            Err(Error::new(literal.span(), format!("this is one of {}", quoted.join(", "))))
        }
    }
}

fn shape(input: ParseStream<'_>) -> syn::Result<Shape> {
    let literal = text(input)?;
    let shape = Shape::read(&literal.value());
    let mut is_sound = true;
    if let Some(shape) = &shape {
        shape.visit(&mut |each| {
            is_sound &=
                !matches!(each, Shape::Union { .. } | Shape::Recursion(_)) && each.name().is_none();
        });
    }
    shape.filter(|_| is_sound).ok_or_else(|| {
        Error::new(
            literal.span(),
            "this is no shape of BSON; a shape is a type of BSON by the server's name, `\"date\"`, \
             several types, `\"int|long\"`, `\"any\"`, an array, `\"[string]\"`, a document, \
             `\"object\"` or `\"{int}\"`, or strings, `\"\\\"a\\\"|\\\"b\\\"\"`, each perhaps with \
             `|null`",
        )
    })
}

fn time_series(
    input: ParseStream<'_>,
    at: Span,
    fields: &mut Vec<(String, Span)>,
) -> syn::Result<CollectionKind> {
    const FORM: &str = "a time series has a field with the time: `time_series(time = \"at\", meta = \
                        \"sensor\", granularity = \"minutes\", expire_after_seconds = 86400)`";
    if !input.peek(Paren) {
        return Err(Error::new(at, FORM));
    }
    let inside;
    parenthesized!(inside in input);
    let (mut series, mut expire) = (Vec::new(), None);
    while !inside.is_empty() {
        let key = inside.call(Ident::parse_any)?;
        inside.parse::<Token![=]>()?;
        let value: Value = inside.parse()?;
        let set = match (key.to_string().as_str(), &value.json) {
            ("time", Json::String(name)) => {
                fields.insert(0, (name.clone(), value.span));
                "timeField"
            }
            ("meta", Json::String(name)) => {
                fields.push((name.clone(), value.span));
                "metaField"
            }
            ("granularity", Json::String(_)) => "granularity",
            ("bucket_max_span_seconds", Json::Number(_)) => "bucketMaxSpanSeconds",
            ("bucket_rounding_seconds", Json::Number(_)) => "bucketRoundingSeconds",
            ("expire_after_seconds", Json::Number(_)) => {
                expire = Some(value.json.clone());
                ""
            }
            _ => return Err(Error::new(key.span(), FORM)),
        };
        if !set.is_empty() {
            series.push((set.to_owned(), value.json));
        }
        if !inside.is_empty() {
            inside.parse::<Token![,]>()?;
        }
    }
    if !series.iter().any(|(name, _)| name == "timeField") {
        return Err(Error::new(at, FORM));
    }
    series.sort_by(|(one, _), (next, _)| one.cmp(next));
    let mut options = vec![("timeseries".to_owned(), Json::Object(series))];
    options.extend(expire.map(|seconds| ("expireAfterSeconds".to_owned(), seconds)));
    Ok(CollectionKind::TimeSeries(Json::Object(options)))
}

//! `index(…)`: an index that a model wants.

use std::collections::BTreeMap;

use mongrate_seal::{
    declaration::nearest,
    models::{INDEX_FLAGS, INDEX_VALUES, Index, Json, index_options},
};
use proc_macro2::Span;
use syn::{Error, Ident, LitStr, Token, ext::IdentExt as _, parse::ParseStream};

use super::values::Value;

/// An index, and the places of its paths.
pub(super) struct IndexAt {
    pub(super) index: Index,
    pub(super) span: Span,
    /// The paths, with their places.
    pub(super) paths: Vec<(String, Span)>,
}

/// What an index on a field may be besides ascending and descending.
const KINDS: [&str; 4] = ["text", "2dsphere", "2d", "hashed"];

impl IndexAt {
    /// Reads what is in the parentheses.
    pub(super) fn read(input: ParseStream<'_>, span: Span) -> syn::Result<Self> {
        let (mut keys, mut paths) = (Vec::new(), Vec::new());
        let mut options: BTreeMap<String, Json> = BTreeMap::new();
        let mut name: Option<String> = None;
        while !input.is_empty() {
            let at = input.span();
            let is_quoted = input.peek(LitStr);
            let word = path(input)?;
            let has_value = input.parse::<Option<Token![=]>>()?.is_some();
            let flag = INDEX_FLAGS.iter().find(|(own, _)| !is_quoted && *own == word);
            let option = INDEX_VALUES.iter().find(|(own, _)| !is_quoted && *own == word);
            let raw = index_options()
                .map(|(_, server)| server)
                .find(|server| is_quoted && *server == word && has_value);
            let twice = || Error::new(at, format!("`{word}` is given twice"));
            match (flag, option, raw) {
                (Some((_, server)), ..) => {
                    let is_on = match has_value {
                        true => input.parse::<syn::LitBool>()?.value,
                        false => true,
                    };
                    if is_on && options.insert((*server).to_owned(), Json::Bool(true)).is_some() {
                        return Err(twice());
                    }
                }
                (_, Some((_, server)), _) if has_value => {
                    let value: Value = input.parse()?;
                    judge_option(server, &value)?;
                    if options.insert((*server).to_owned(), value.json).is_some() {
                        return Err(twice());
                    }
                }
                (_, _, Some(server)) => {
                    let value: Value = input.parse()?;
                    if options.insert((*server).to_owned(), value.json).is_some() {
                        return Err(twice());
                    }
                }
                (_, Some(_), _) => {
                    return Err(Error::new(
                        at,
                        format!(
                            "`{word}` is an option of an index and takes a value, `{word} = …`; if \
                             it is a field, write it in quotes"
                        ),
                    ));
                }
                _ if word == "name" && has_value && input.peek(LitStr) && !is_quoted => {
                    if name.replace(input.parse::<LitStr>()?.value()).is_some() {
                        return Err(twice());
                    }
                }
                _ => {
                    let kind = if has_value { kind(input, &word, at)? } else { Json::number(1) };
                    if paths.iter().any(|(known, _)| *known == word) {
                        return Err(twice());
                    }
                    paths.push((word.clone(), at));
                    keys.push((word, kind));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        if keys.is_empty() {
            return Err(Error::new(
                span,
                "an index has at least one field: `index(email)`, `index(plan, created_at = -1)`",
            ));
        }
        let mut index = Index::new(keys);
        index.name = name.unwrap_or(index.name);
        index.options = options;
        Ok(Self { index, span, paths })
    }
}

fn path(input: ParseStream<'_>) -> syn::Result<String> {
    if input.peek(LitStr) {
        return Ok(input.parse::<LitStr>()?.value());
    }
    let at = input.span();
    let form = |_| {
        Error::new(
            at,
            "an index lists fields and options: `index(email, unique)`, `index(plan, created_at = \
             -1)`, `index(address.city)`, `index(\"$**\")`",
        )
    };
    let mut path = input.call(Ident::parse_any).map_err(form)?.unraw().to_string();
    while input.parse::<Option<Token![.]>>()?.is_some() {
        path.push('.');
        path += &input.call(Ident::parse_any).map_err(form)?.unraw().to_string();
    }
    Ok(path)
}

fn kind(input: ParseStream<'_>, word: &str, at: Span) -> syn::Result<Json> {
    let value: Value = input.parse()?;
    let is_kind = match &value.json {
        Json::Number(number) => number == "1" || number == "-1",
        Json::String(kind) => KINDS.contains(&kind.as_str()),
        _ => false,
    };
    if is_kind {
        return Ok(value.json);
    }
    let options = INDEX_VALUES.iter().chain(&INDEX_FLAGS).map(|(own, _)| *own);
    match nearest(word, options) {
        Some(meant) => Err(Error::new(
            at,
            format!("unknown option `{word}` of an index; did you mean `{meant}`?"),
        )),
        None => Err(Error::new(
            value.span,
            "a field of an index is `1`, `-1`, `\"text\"`, `\"2dsphere\"`, `\"2d\"` or `\"hashed\"`",
        )),
    }
}

fn judge_option(server: &str, value: &Value) -> syn::Result<()> {
    let (is_sound, form) = match server {
        "expireAfterSeconds" => {
            let seconds = match &value.json {
                Json::Number(number) => number.parse::<i64>().ok(),
                _ => None,
            };
            let is_sound =
                seconds.is_some_and(|seconds| (0..=i64::from(i32::MAX)).contains(&seconds));
            (is_sound, "takes whole seconds, from 0 to 2147483647")
        }
        "partialFilterExpression"
        | "collation"
        | "weights"
        | "wildcardProjection"
        | "storageEngine" => {
            let is_object = matches!(value.json, Json::Object(_));
            (is_object, "takes a document: `{ field: value }`")
        }
        "default_language" | "language_override" => {
            (matches!(value.json, Json::String(_)), "takes a string")
        }
        _ => (matches!(value.json, Json::Number(_)), "takes a number"),
    };
    match is_sound {
        true => Ok(()),
        false => {
            let name =
                INDEX_VALUES.iter().find(|(_, own)| *own == server).map_or(server, |(own, _)| own);
            Err(Error::new(value.span, format!("`{name}` {form}")))
        }
    }
}

//! Values in our attribute, which become JSON: `-1`, `"a"`, `[1, 2]`, `{ $gte: 18 }`.

use mongrate_seal::models::Json;
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{
    Error, Ident, Lit, LitStr, Token, braced, bracketed,
    ext::IdentExt as _,
    parse::ParseStream,
    punctuated::Punctuated,
    token::{Brace, Bracket},
};

/// A value with its place.
#[derive(Clone)]
pub(super) struct Value {
    pub(super) json: Json,
    pub(super) span: Span,
}

impl syn::parse::Parse for Value {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let span = input.span();
        Ok(Self { json: json(input)?, span })
    }
}

fn json(input: ParseStream<'_>) -> syn::Result<Json> {
    if input.peek(Brace) {
        let inside;
        braced!(inside in input);
        let fields =
            Punctuated::<(String, Json), Token![,]>::parse_terminated_with(&inside, field)?;
        return Ok(Json::Object(fields.into_iter().collect()));
    }
    if input.peek(Bracket) {
        let inside;
        bracketed!(inside in input);
        let items = Punctuated::<Json, Token![,]>::parse_terminated_with(&inside, json)?;
        return Ok(Json::Array(items.into_iter().collect()));
    }
    if input.peek(Ident) {
        let word: Ident = input.parse()?;
        return match word == "null" {
            true => Ok(Json::Null),
            false => Err(Error::new(word.span(), FORM)),
        };
    }
    let is_negative = input.parse::<Option<Token![-]>>()?.is_some();
    let sign = if is_negative { "-" } else { "" };
    let at = input.span();
    match input.parse::<Lit>().map_err(|_| Error::new(at, FORM))? {
        Lit::Str(text) if !is_negative => Ok(Json::String(text.value())),
        Lit::Bool(value) if !is_negative => Ok(Json::Bool(value.value)),
        Lit::Int(number) if number.suffix().is_empty() => {
            let digits = format!("{sign}{}", number.base10_digits());
            match digits.parse::<i64>() {
                Ok(number) => Ok(Json::number(number)),
                Err(_) => Err(Error::new(number.span(), "BSON has no whole number this large")),
            }
        }
        Lit::Float(number) if number.suffix().is_empty() => {
            Ok(Json::Number(format!("{sign}{}", decimal(number.base10_digits()))))
        }
        other => Err(Error::new(other.span(), FORM)),
    }
}

const FORM: &str =
    "a value is a literal, `null`, `[…]` or `{ … }`, as `\"free\"`, `-1`, `{ age: { $gte: 18 } }`";

/// Writes a number as JSON does: `1.` is `1.0`.
fn decimal(digits: &str) -> String {
    if digits.ends_with('.') { format!("{digits}0") } else { digits.to_owned() }
}

fn field(input: ParseStream<'_>) -> syn::Result<(String, Json)> {
    let mut name = String::new();
    if input.peek(LitStr) {
        name = input.parse::<LitStr>()?.value();
    } else {
        if input.parse::<Option<Token![$]>>()?.is_some() {
            name.push('$');
        }
        name += &input.call(Ident::parse_any)?.unraw().to_string();
        while input.parse::<Option<Token![.]>>()?.is_some() {
            name.push('.');
            name += &input.call(Ident::parse_any)?.unraw().to_string();
        }
    }
    input.parse::<Token![:]>()?;
    Ok((name, json(input)?))
}

impl Value {
    /// Returns the tokens of the literal, for the compiler to check. `None` for a document, which no
    /// default can be.
    pub(super) fn literal(&self) -> Option<TokenStream> {
        literal(&self.json)
    }
}

fn literal(json: &Json) -> Option<TokenStream> {
    Some(match json {
        Json::Null => quote!(__mongrate::Literal::Null),
        Json::Bool(_) => quote!(__mongrate::Literal::Bool),
        Json::String(text) => quote!(__mongrate::Literal::Text(#text)),
        Json::Number(number) => match number.parse::<i64>() {
            Ok(number) => quote!(__mongrate::Literal::Int(#number)),
            Err(_) => quote!(__mongrate::Literal::Float),
        },
        Json::Array(items) => {
            let items = items.iter().map(literal).collect::<Option<Vec<_>>>()?;
            quote!(__mongrate::Literal::Array(&[#(#items),*]))
        }
        Json::Object(_) => return None,
    })
}

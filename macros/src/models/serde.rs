//! Serde's attributes, as far as they decide what is written. Serde itself reports their mistakes.

use syn::{
    Attribute, LitStr, Token, Type,
    meta::ParseNestedMeta,
    parse::Parse as _,
    token::{Brace, Bracket, Paren},
};

use super::rename::RenameRule;

/// The attributes of a struct or an enum.
#[derive(Default)]
pub(super) struct Container {
    /// The name of the type, for a struct with a `tag`.
    pub(super) rename: Option<String>,
    pub(super) rename_all: RenameRule,
    pub(super) rename_all_fields: RenameRule,
    pub(super) is_default: bool,
    pub(super) denies_unknown_fields: bool,
    pub(super) is_transparent: bool,
    pub(super) is_untagged: bool,
    pub(super) tag: Option<String>,
    pub(super) content: Option<String>,
    /// The type that is written instead.
    pub(super) into: Option<Type>,
    /// Whether it describes another crate's type.
    pub(super) is_remote: bool,
}

/// The attributes of a variant.
#[derive(Default)]
pub(super) struct Variant {
    pub(super) rename: Option<String>,
    pub(super) rename_all: Option<RenameRule>,
    /// Whether it cannot be written.
    pub(super) is_skipped: bool,
    pub(super) is_untagged: bool,
    /// Whether a function of the user's writes it.
    pub(super) is_custom: bool,
}

/// The attributes of a field.
#[derive(Default)]
pub(super) struct Field {
    pub(super) rename: Option<String>,
    pub(super) is_skipped: bool,
    pub(super) is_skipped_writing: bool,
    pub(super) is_skipped_reading: bool,
    pub(super) is_skipped_sometimes: bool,
    pub(super) is_default: bool,
    pub(super) is_flattened: bool,
    /// Whether a function of the user's writes it.
    pub(super) is_custom: bool,
    /// Whether a function of the user's reads it: then a missing field is an error, even of an `Option`.
    pub(super) is_read_custom: bool,
}

impl Container {
    pub(super) fn read(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut read = Self::default();
        each(attributes, |key, meta| {
            match key {
                "rename" => read.rename = name(meta)?,
                "rename_all" => read.rename_all = rule(meta)?,
                "rename_all_fields" => read.rename_all_fields = rule(meta)?,
                "default" => {
                    read.is_default = true;
                    skip(meta)?;
                }
                "deny_unknown_fields" => read.denies_unknown_fields = true,
                "transparent" => read.is_transparent = true,
                "untagged" => read.is_untagged = true,
                "tag" => read.tag = name(meta)?,
                "content" => read.content = name(meta)?,
                "into" => read.into = Some(meta.value()?.parse::<LitStr>()?.parse()?),
                "remote" => {
                    read.is_remote = true;
                    skip(meta)?;
                }
                _ => skip(meta)?,
            }
            Ok(())
        })?;
        Ok(read)
    }
}

impl Variant {
    pub(super) fn read(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut read = Self::default();
        each(attributes, |key, meta| {
            match key {
                "rename" => read.rename = name(meta)?,
                "rename_all" => read.rename_all = Some(rule(meta)?),
                "skip" | "skip_serializing" => read.is_skipped = true,
                "untagged" => read.is_untagged = true,
                "with" | "serialize_with" => {
                    read.is_custom = true;
                    skip(meta)?;
                }
                _ => skip(meta)?,
            }
            Ok(())
        })?;
        Ok(read)
    }
}

impl Field {
    pub(super) fn read(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut read = Self::default();
        each(attributes, |key, meta| {
            match key {
                "rename" => read.rename = name(meta)?,
                "skip" => read.is_skipped = true,
                "skip_serializing" => read.is_skipped_writing = true,
                "skip_deserializing" => read.is_skipped_reading = true,
                "flatten" => read.is_flattened = true,
                "skip_serializing_if" => {
                    read.is_skipped_sometimes = true;
                    skip(meta)?;
                }
                "default" => {
                    read.is_default = true;
                    skip(meta)?;
                }
                "with" => {
                    (read.is_custom, read.is_read_custom) = (true, true);
                    skip(meta)?;
                }
                "serialize_with" => {
                    read.is_custom = true;
                    skip(meta)?;
                }
                "deserialize_with" => {
                    read.is_read_custom = true;
                    skip(meta)?;
                }
                _ => skip(meta)?,
            }
            Ok(())
        })?;
        Ok(read)
    }
}

fn each(
    attributes: &[Attribute],
    mut see: impl FnMut(&str, &ParseNestedMeta<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        attribute.parse_nested_meta(|meta| {
            let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            see(&key, &meta)
        })?;
    }
    Ok(())
}

/// Reads the name that is written: `"…"`, or `(serialize = "…", deserialize = "…")`.
fn name(meta: &ParseNestedMeta<'_>) -> syn::Result<Option<String>> {
    if meta.input.peek(Token![=]) {
        return Ok(Some(meta.value()?.parse::<LitStr>()?.value()));
    }
    let mut found = None;
    meta.parse_nested_meta(|meta| {
        let name = meta.value()?.parse::<LitStr>()?;
        if meta.path.is_ident("serialize") {
            found = Some(name.value());
        }
        Ok(())
    })?;
    Ok(found)
}

fn rule(meta: &ParseNestedMeta<'_>) -> syn::Result<RenameRule> {
    Ok(name(meta)?.map(|name| RenameRule::named(&name)).unwrap_or_default())
}

/// Passes over a value.
fn skip(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        syn::Expr::parse(meta.value()?)?;
    } else if meta.input.peek(Paren) || meta.input.peek(Bracket) || meta.input.peek(Brace) {
        proc_macro2::Group::parse(meta.input)?;
    }
    Ok(())
}

//! The fields of a struct or of a variant.

use mongrate_seal::{declaration::Broken, models::Shape};
use proc_macro2::Span;
use syn::{
    Error, Field, GenericArgument, Ident, Lifetime, PathArguments, Type,
    ext::IdentExt as _,
    punctuated::Punctuated,
    spanned::Spanned as _,
    token::Comma,
    visit_mut::{self, VisitMut},
};

use super::{
    attributes::FieldAttributes,
    node::{FieldNode, Node, Required},
    rename::RenameRule,
    serde,
};

/// What the type says of all its fields.
pub(super) struct Around<'a> {
    pub(super) ident: &'a Ident,
    /// The type itself, for `Self`.
    pub(super) itself: Type,
    /// Whether the type has parameters for types or constants.
    pub(super) is_generic: bool,
    /// Whether serde reads missing fields from the type's default.
    pub(super) is_default: bool,
}

/// Reads named fields.
pub(super) fn named(
    fields: &Punctuated<Field, Comma>,
    rule: RenameRule,
    around: &Around<'_>,
    broken: &mut Broken,
) -> Vec<FieldNode> {
    let mut nodes = Vec::new();
    for field in fields {
        let Some(ident) = &field.ident else { continue };
        let Some(serde) = broken.keep(serde::Field::read(&field.attrs)) else { continue };
        let own = FieldAttributes::read(&field.attrs, broken);
        if serde.is_skipped || serde.is_skipped_writing && serde.is_skipped_reading {
            continue;
        }
        let rust_name = ident.unraw().to_string();
        let name = match (&serde.rename, serde.is_flattened) {
            (Some(name), false) => name.clone(),
            (_, true) => rust_name.clone(),
            (None, false) => rule.field(&rust_name),
        };
        let is_sometimes = serde.is_default
            || serde.is_skipped_sometimes
            || serde.is_skipped_writing
            || serde.is_skipped_reading
            || around.is_default;
        let is_option = is_option(&field.ty);
        let is_custom = serde.is_custom || serde.is_read_custom;
        let required = match () {
            () if is_sometimes => Required::No,
            () if is_custom => Required::Yes,
            () if own.bson.is_some() && is_option => Required::No,
            () if own.bson.is_some() => Required::Yes,
            () => Required::ByType,
        };
        let has_fixed = own.bson.is_some();
        let Some(node) = node(field, &serde, own.bson, around, broken) else { continue };
        if serde.is_flattened && (own.default.is_some() || !own.was.is_empty()) {
            broken.add(Error::new(
                ident.span(),
                "a flattened field is not in the document: write `was` and `default` on the fields \
                 of its type",
            ));
        }
        if has_fixed && own.default.is_none() && serde.is_flattened {
            broken.add(Error::new(
                ident.span(),
                "a flattened field needs a type whose fields are known: derive `mongrate::Model` \
                 for it, or use a map",
            ));
        }
        nodes.push(FieldNode {
            rust_name: (rust_name != name).then_some(rust_name),
            is_flattened: serde.is_flattened,
            was: own.was,
            default: own.default,
            ..FieldNode::new(name, ident.span(), node, required)
        });
    }
    nodes
}

/// Reads fields without names.
pub(super) fn elements(
    fields: &Punctuated<Field, Comma>,
    around: &Around<'_>,
    broken: &mut Broken,
) -> Vec<Node> {
    let mut nodes = Vec::new();
    for field in fields {
        let Some(serde) = broken.keep(serde::Field::read(&field.attrs)) else { continue };
        let own = FieldAttributes::read(&field.attrs, broken);
        if let Some(value) = &own.default {
            broken.add(Error::new(value.span, "only a field with a name has a default"));
        }
        if !serde.is_skipped && !serde.is_skipped_writing {
            nodes.extend(node(field, &serde, own.bson, around, broken));
        }
    }
    nodes
}

fn node(
    field: &Field,
    serde: &serde::Field,
    bson: Option<Shape>,
    around: &Around<'_>,
    broken: &mut Broken,
) -> Option<Node> {
    if let Some(shape) = bson {
        let shape = if is_option(&field.ty) { shape.nullable() } else { shape };
        return Some(Node::Fixed(shape));
    }
    if serde.is_custom {
        broken.add(Error::new(
            field.ty.span(),
            "a function writes this field (`with` or `serialize_with`), so its type does not tell what \
             BSON it becomes: say it, as `#[model(bson = \"date\")]` or `#[model(bson = \
             \"string|null\")]`",
        ));
        return None;
    }
    if let Some(text) = wrong_type(&field.ty) {
        broken.add(Error::new(field.ty.span(), text));
        return None;
    }
    if around.is_generic && mentions(&field.ty, around.ident) {
        broken.add(Error::new(
            field.ty.span(),
            format!(
                "`{}` is generic and contains itself, which its shape cannot: make it a type without \
                 parameters, or say what the field becomes: `#[model(bson = \"any\")]`",
                around.ident
            ),
        ));
        return None;
    }
    Some(Node::Type(Box::new(in_constant(&field.ty, around))))
}

/// Returns the type as a constant may name it: without `Self`, and with no lifetime but `'static`.
pub(super) fn in_constant(ty: &Type, around: &Around<'_>) -> Type {
    let mut ty = ty.clone();
    InConstant { itself: &around.itself }.visit_type_mut(&mut ty);
    ty
}

struct InConstant<'a> {
    itself: &'a Type,
}

impl VisitMut for InConstant<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        match ty {
            Type::Path(path) if path.qself.is_none() && path.path.is_ident("Self") => {
                *ty = self.itself.clone();
                return;
            }
            Type::Reference(reference) if reference.lifetime.is_none() => {
                reference.lifetime = Some(Lifetime::new("'static", Span::call_site()));
            }
            _ => {}
        }
        visit_mut::visit_type_mut(self, ty);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        *lifetime = Lifetime::new("'static", lifetime.span());
    }
}

/// Returns why no document can hold a value of this type, as far as its tokens show it.
fn wrong_type(ty: &Type) -> Option<String> {
    let (name, arguments) = last(ty)?;
    match name.as_str() {
        "i128" | "u128" => Some(format!(
            "BSON has no integers of 128 bits, and `bson` refuses to write a `{name}`: use `i64`, or \
             `Decimal128`"
        )),
        "HashMap" | "BTreeMap" | "IndexMap" => {
            let key = arguments.first().and_then(|key| last(key))?.0;
            let is_no_string = matches!(
                key.as_str(),
                "bool"
                    | "char"
                    | "i8"
                    | "i16"
                    | "i32"
                    | "i64"
                    | "i128"
                    | "isize"
                    | "u8"
                    | "u16"
                    | "u32"
                    | "u64"
                    | "u128"
                    | "usize"
                    | "f32"
                    | "f64"
                    | "ObjectId"
                    | "Uuid"
            );
            is_no_string.then(|| {
                format!(
                    "the keys of a document are strings, and `bson` refuses to write a map whose keys \
                     are `{key}`: use `String` keys, or a `Vec` of pairs"
                )
            })
        }
        _ => None,
    }
}

/// Returns the last name of a path, and its arguments.
pub(super) fn last(ty: &Type) -> Option<(String, Vec<&Type>)> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let arguments = match &last.arguments {
        PathArguments::AngleBracketed(inside) => inside
            .args
            .iter()
            .filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    Some((last.ident.to_string(), arguments))
}

/// Whether the type is written as an `Option`.
pub(super) fn is_option(ty: &Type) -> bool {
    last(ty).is_some_and(|(name, arguments)| name == "Option" && arguments.len() == 1)
}

fn mentions(ty: &Type, ident: &Ident) -> bool {
    struct Find<'a> {
        ident: &'a Ident,
        found: bool,
    }
    impl VisitMut for Find<'_> {
        fn visit_ident_mut(&mut self, ident: &mut Ident) {
            self.found |= ident == self.ident || ident == "Self";
        }
    }
    let mut find = Find { ident, found: false };
    find.visit_type_mut(&mut ty.clone());
    find.found
}

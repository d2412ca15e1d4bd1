//! The code for a type: its shape as a constant, what the compiler checks, and its registration.

use mongrate_seal::models::{Collection, Rest, Shape, Snapshot};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{
    GenericParam, Type, WherePredicate, ext::IdentExt as _, parse_quote, spanned::Spanned as _,
};

use super::{
    node::{FieldNode, Node, Required},
    read::Checked,
};
use crate::place::Place;

/// Returns the tokens for a type. `root` is the path of `mongrate`; `checks` is what is compared with
/// the snapshot, and `package` the one whose snapshot has the model, or empty.
pub(super) fn expand(
    checked: &Checked,
    root: &TokenStream,
    package: &str,
    checks: &TokenStream,
) -> TokenStream {
    let Checked { input, own, node, is_transparent, is_generic } = checked;
    let ident = &input.ident;
    let registered = own
        .collection
        .as_ref()
        .map(|collection| registered(checked, root, &collection.value(), package));
    let assertions = assertions(checked);
    if let Some(shape) = plain(checked, root) {
        if registered.is_none() && assertions.is_empty() && checks.is_empty() {
            return shape;
        }
        return quote! {
            #shape
            #[allow(deprecated, clippy::all, clippy::pedantic)]
            const _: () = {
                use #root::__s as __mongrate;
                #registered
                #assertions
                #checks
            };
        };
    }
    let mut writer = Writer { is_generic: *is_generic, statics: Vec::new() };
    let id = match is_generic {
        true => quote!(""),
        false => {
            let end = format!("::{}", ident.unraw());
            quote!(::core::concat!(::core::module_path!(), #end))
        }
    };
    let shape = writer.node(node, &id);
    let statics = &writer.statics;
    let mut generics = input.generics.clone();
    for param in &input.generics.params {
        if let GenericParam::Type(param) = param {
            let param = &param.ident;
            let bound: WherePredicate = parse_quote!(#param: __mongrate::Shaped);
            generics.make_where_clause().predicates.push(bound);
        }
    }
    let (impl_generics, types, bounds) = generics.split_for_impl();
    let more = match node {
        Node::Type(ty) => {
            let optional = is_transparent.then(
                || quote!(const IS_OPTIONAL: bool = <#ty as __mongrate::Shaped>::IS_OPTIONAL;),
            );
            quote! {
                const IS_KEY: bool = <#ty as __mongrate::Shaped>::IS_KEY;
                #optional
            }
        }
        Node::Values(_) => quote!(
            const IS_KEY: bool = true;
        ),
        _ => quote!(),
    };
    quote! {
        #[allow(deprecated, clippy::all, clippy::pedantic)]
        const _: () = {
            use #root::__private::v1::shape as __mongrate;
            #(#statics)*
            #[automatically_derived]
            impl #impl_generics __mongrate::Shaped for #ident #types #bounds {
                const SHAPE: __mongrate::ShapeRef = #shape;
                #more
            }
            #registered
            #assertions
            #checks
        };
    }
}

/// Returns the shape of a type of the usual form, as the runtime's macro writes it.
fn plain(checked: &Checked, root: &TokenStream) -> Option<TokenStream> {
    let Checked { input, node, .. } = checked;
    let generics = &input.generics;
    if !generics.params.is_empty() || generics.where_clause.is_some() {
        return None;
    }
    let ident = &input.ident;
    let end = format!("::{}", ident.unraw());
    let shape = match node {
        Node::Values(values) => quote!(values [#(#values),*]),
        Node::Object { fields, is_closed } => {
            let fields = fields.iter().map(|field| {
                let (make, ty) = plain_field(field)?;
                let name = &field.name;
                Some(quote!(#make #name #ty))
            });
            let fields: Vec<TokenStream> = fields.collect::<Option<_>>()?;
            quote!(#is_closed [#(#fields),*])
        }
        _ => return None,
    };
    Some(quote!(#root::__shape_v1! { #ident #end #shape }))
}

/// Returns the function that makes a field of its type, if name and type are all that it has.
fn plain_field(field: &FieldNode) -> Option<(Ident, &Type)> {
    let FieldNode {
        node: Node::Type(ty), required, is_flattened: false, was, default: None, ..
    } = field
    else {
        return None;
    };
    let make = match required {
        Required::Yes => "required",
        Required::No => "optional",
        Required::ByType => "field",
    };
    was.is_empty().then(|| (Ident::new(make, Span::call_site()), &**ty))
}

struct Writer {
    is_generic: bool,
    statics: Vec<TokenStream>,
}

impl Writer {
    /// Returns an expression of the type `ShapeRef`.
    fn node(&mut self, node: &Node, id: &TokenStream) -> TokenStream {
        let constant = match node {
            Node::Type(ty) => {
                return quote_spanned!(ty.span()=> <#ty as __mongrate::Shaped>::SHAPE);
            }
            Node::Fixed(shape) => return fixed(shape),
            Node::Values(values) => {
                quote!(__mongrate::ConstShape::Values { id: #id, values: &[#(#values),*] })
            }
            Node::Tuple(nodes) => {
                let nodes: Vec<_> = nodes.iter().map(|node| self.node(node, &quote!(""))).collect();
                quote!(__mongrate::ConstShape::Tuple(&[#(#nodes),*]))
            }
            Node::Object { fields, is_closed } => {
                let fields: Vec<_> = fields.iter().map(|field| self.field(field)).collect();
                quote! {
                    __mongrate::ConstShape::Object {
                        id: #id,
                        fields: &[#(#fields),*],
                        is_closed: #is_closed,
                    }
                }
            }
            Node::Union(nodes) => {
                let alternatives: Vec<_> = nodes
                    .iter()
                    .map(|(label, node)| {
                        let shape = self.node(node, &quote!(""));
                        quote!(__mongrate::ConstAlternative { label: #label, shape: #shape })
                    })
                    .collect();
                quote! {
                    __mongrate::ConstShape::Union { id: #id, alternatives: &[#(#alternatives),*] }
                }
            }
        };
        if self.is_generic {
            return quote!(__mongrate::ShapeRef::new(&#constant));
        }
        // A static may refer to itself, in a circle of types.
        let name = format_ident!("__SHAPE_{}", self.statics.len());
        self.statics.push(quote!(static #name: __mongrate::ConstShape = #constant;));
        quote!(__mongrate::ShapeRef::new(&#name))
    }

    fn field(&mut self, field: &FieldNode) -> TokenStream {
        let FieldNode { name, node, required, is_flattened, was, default, .. } = field;
        if let (Some((make, ty)), false) = (plain_field(field), self.is_generic) {
            return quote_spanned!(ty.span()=> __mongrate::#make::<#ty>(#name));
        }
        let is_required = match (required, node) {
            (Required::Yes, _) => quote!(true),
            (Required::No, _) => quote!(false),
            (Required::ByType, Node::Type(ty)) => {
                quote!(!<#ty as __mongrate::Shaped>::IS_OPTIONAL)
            }
            (Required::ByType, _) => quote!(true),
        };
        let shape = self.node(node, &quote!(""));
        let default = match default {
            Some(value) => {
                let text = value.json.to_string();
                quote!(::core::option::Option::Some(#text))
            }
            None => quote!(::core::option::Option::None),
        };
        quote! {
            __mongrate::ConstField {
                name: #name,
                shape: #shape,
                is_required: #is_required,
                is_flattened: #is_flattened,
                was: &[#(#was),*],
                default: #default,
            }
        }
    }
}

/// Returns an expression of the type `ShapeRef` for what an attribute says.
fn fixed(shape: &Shape) -> TokenStream {
    let constant = match shape {
        Shape::Scalar(types) => {
            let names = types.names().map(|name| format_ident!("{}", constant_name(name)));
            let mut all = quote!(__mongrate::Types::NONE);
            for name in names {
                all = quote!(#all.or(__mongrate::Types::#name));
            }
            quote!(__mongrate::ConstShape::Scalar({ const TYPES: __mongrate::Types = #all; TYPES }))
        }
        Shape::Values { values, .. } => {
            quote!(__mongrate::ConstShape::Values { id: "", values: &[#(#values),*] })
        }
        Shape::Array { item, length } => {
            let item = fixed(item);
            let length = match length {
                Some(length) => quote!(::core::option::Option::Some(#length)),
                None => quote!(::core::option::Option::None),
            };
            quote!(__mongrate::ConstShape::Array { item: #item, length: #length })
        }
        Shape::Tuple(items) => {
            let items = items.iter().map(fixed);
            quote!(__mongrate::ConstShape::Tuple(&[#(#items),*]))
        }
        Shape::Map(item) => {
            let item = fixed(item);
            quote!(__mongrate::ConstShape::Map(#item))
        }
        Shape::Nullable(inner) => {
            let inner = fixed(inner);
            quote!(__mongrate::ConstShape::Nullable(#inner))
        }
        Shape::Object(object) => {
            let is_closed = object.rest == Rest::Closed;
            quote! {
                __mongrate::ConstShape::Object { id: "", fields: &[], is_closed: #is_closed }
            }
        }
        // The attribute refuses them.
        Shape::Any | Shape::Union { .. } | Shape::Recursion(_) => {
            quote!(__mongrate::ConstShape::Any)
        }
    };
    quote!(__mongrate::ShapeRef::new(&#constant))
}

/// Returns the name of the constant for a type: `OBJECT_ID` for `objectId`.
fn constant_name(name: &str) -> String {
    match name {
        "binData" => "BINARY".to_owned(),
        name => {
            let mut constant = String::new();
            for letter in name.chars() {
                if letter.is_ascii_uppercase() {
                    constant.push('_');
                }
                constant.push(letter.to_ascii_uppercase());
            }
            constant
        }
    }
}

/// Returns what only the compiler can check, as it knows the types of the fields.
fn assertions(checked: &Checked) -> TokenStream {
    let Checked { input, own, node, is_generic, .. } = checked;
    let ident = &input.ident;
    if *is_generic {
        return quote!();
    }
    let itself = checked.itself();
    let mut all = quote!();
    if let Node::Object { fields, .. } = node {
        for field in fields {
            if let (Some(value), Node::Type(ty)) = (&field.default, &field.node)
                && let Some(literal) = value.literal()
            {
                let text = format!(
                    "the default {} is no value of the field `{}`: write one that its type writes, as \
                     `\"free\"`, `0`, `0.0`, `false` or `[]`; a date or an id cannot be written here: \
                     leave `default` out, and write the value in the migration",
                    value.json, field.name
                );
                all.extend(assertion(value.span, ty, &quote!(fits(#literal)), &text));
            }
        }
    }
    let Some(collection) = &own.collection else { return all };
    let indexed = own.indexes.iter().flat_map(|index| index.paths.iter());
    let is_seen = |path: &str| match node {
        Node::Object { fields, .. } => {
            let is_flat = fields.iter().any(|field| field.is_flattened);
            !path.contains('.') && (!is_flat || fields.iter().any(|field| field.name == path))
        }
        _ => false,
    };
    for (path, span) in indexed.chain(&own.time_fields) {
        if is_seen(path) || path == "_id" {
            continue;
        }
        let text = format!(
            "the documents of `{ident}` have no field `{path}`; a path is written with the names that \
             fields have in documents"
        );
        all.extend(assertion(*span, &itself, &quote!(has_path(#path)), &text));
    }
    if !matches!(node, Node::Object { .. }) {
        let text = format!(
            "`{ident}` does not become a document, and the collection `{}` has documents",
            collection.value()
        );
        all.extend(assertion(ident.span(), &itself, &quote!(is_document()), &text));
    }
    all
}

fn assertion(span: Span, ty: &Type, what: &TokenStream, text: &str) -> TokenStream {
    quote_spanned! {span=>
        const _: () = ::core::assert!(<#ty as __mongrate::Shaped>::SHAPE.#what, #text);
    }
}

/// Returns the element of the slice of models, and the trait of models with a collection.
fn registered(
    checked: &Checked,
    root: &TokenStream,
    collection: &str,
    package: &str,
) -> TokenStream {
    let Checked { input, .. } = checked;
    let ident = &input.ident;
    let path_end = format!("::{}", ident.unraw());
    let name = model_name(checked);
    let about = about(checked).export();
    let place = Place::of(ident.span());
    let (file, line) = (place.file, u32::try_from(place.line).unwrap_or(0));
    let (impl_generics, types, bounds) = input.generics.split_for_impl();
    let itself = checked.itself();
    quote! {
        #[automatically_derived]
        impl #impl_generics __mongrate::Model for #ident #types #bounds {
            const COLLECTION: &'static str = #collection;
        }
        #root::__model_v1! { {
            name: #name,
            path: ::core::concat!(::core::module_path!(), #path_end),
            package: #package,
            file: #file,
            line: #line,
            shape: <#itself as __mongrate::Shaped>::SHAPE,
            about: #about,
        } }
    }
}

/// Returns the name of the model in its collection.
pub(super) fn model_name(checked: &Checked) -> String {
    match &checked.own.name {
        Some(name) => name.value(),
        None => checked.input.ident.unraw().to_string(),
    }
}

/// Returns what the type says about its collection.
pub(super) fn about(checked: &Checked) -> Snapshot {
    let own = &checked.own;
    let collection = Collection {
        kind: own.kind.clone(),
        validation: own.validation,
        indexes: own
            .indexes
            .iter()
            .map(|index| (index.index.name.clone(), index.index.clone()))
            .collect(),
        was: own.was.as_ref().map(syn::LitStr::value),
        models: Default::default(),
    };
    let name = own.collection.as_ref().map(syn::LitStr::value).unwrap_or_default();
    Snapshot { collections: [(name, collection)].into() }
}

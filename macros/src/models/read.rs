//! A type with all its attributes, read and judged.

use mongrate_seal::{
    declaration::{Broken, nearest},
    models::CollectionKind,
};
use proc_macro2::Span;
use syn::{
    Data, DeriveInput, Error, Fields, GenericParam, Type, Variant, ext::IdentExt as _, parse_quote,
};

use super::{
    attributes::{FieldAttributes, ModelAttributes},
    fields::{self, Around},
    node::{FieldNode, Node, Required},
    serde,
};

/// A type that can be expanded.
pub(super) struct Checked {
    pub(super) input: DeriveInput,
    pub(super) own: ModelAttributes,
    pub(super) node: Node,
    /// Whether the node is that of a type around another one, which the outside does not see.
    pub(super) is_transparent: bool,
    /// Whether the type has parameters for types or constants.
    pub(super) is_generic: bool,
}

/// Reads and judges a type. All mistakes are in `broken`.
pub(super) fn read(input: DeriveInput, broken: &mut Broken) -> Option<Checked> {
    let own = ModelAttributes::read(&input.attrs, broken);
    let serde = broken.keep(serde::Container::read(&input.attrs))?;
    let is_generic =
        input.generics.params.iter().any(|param| !matches!(param, GenericParam::Lifetime(_)));
    let ident = &input.ident;
    let (_, types, _) = input.generics.split_for_impl();
    let around = Around {
        ident,
        itself: parse_quote!(#ident #types),
        is_generic,
        is_default: serde.is_default,
    };
    if serde.is_remote {
        broken.add(Error::new(
            ident.span(),
            "a type with `#[serde(remote = \"…\")]` stands for another type, and is no model: say what the \
             fields with that type become, as `#[model(bson = \"string\")]`",
        ));
        return None;
    }
    let is_closed = match own.additional_properties {
        Some(additional) => !additional,
        None => serde.denies_unknown_fields,
    };
    let (node, is_transparent) = match (&own.bson, &serde.into) {
        (Some(shape), _) => (Node::Fixed(shape.clone()), false),
        (None, Some(into)) => (Node::Type(Box::new(fields::in_constant(into, &around))), false),
        (None, None) => match &input.data {
            Data::Struct(data) => of_struct(&data.fields, &serde, is_closed, &around, broken)?,
            Data::Enum(data) => {
                let variants: Vec<&Variant> = data.variants.iter().collect();
                (of_enum(&variants, &serde, is_closed, &around, broken)?, false)
            }
            Data::Union(_) => {
                broken.add(Error::new(
                    ident.span(),
                    "a union is no model: serde cannot write it; derive `Model` for a struct or an enum",
                ));
                return None;
            }
        },
    };
    let checked = Checked { own, node, is_transparent, is_generic, input };
    judge(&checked, broken);
    Some(checked)
}

fn of_struct(
    all: &Fields,
    serde: &serde::Container,
    is_closed: bool,
    around: &Around<'_>,
    broken: &mut Broken,
) -> Option<(Node, bool)> {
    if serde.is_transparent {
        let inside = all.iter().find(|field| {
            let is_phantom = fields::last(&field.ty).is_some_and(|(name, _)| name == "PhantomData");
            let is_skipped = serde::Field::read(&field.attrs).is_ok_and(|serde| serde.is_skipped);
            !is_phantom && !is_skipped
        });
        // Serde reports that there is none.
        let one = std::iter::once(inside?.clone()).collect();
        return Some((fields::elements(&one, around, broken).pop()?, true));
    }
    Some(match all {
        Fields::Named(named) => {
            let mut nodes = fields::named(&named.named, serde.rename_all, around, broken);
            if let Some(tag) = &serde.tag {
                let name = serde.rename.clone().unwrap_or_else(|| around.ident.unraw().to_string());
                nodes.insert(0, tag_field(tag, name, around.ident.span()));
            }
            (Node::Object { fields: nodes, is_closed }, false)
        }
        Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => {
            (fields::elements(&unnamed.unnamed, around, broken).pop()?, false)
        }
        Fields::Unnamed(unnamed) => {
            (Node::Tuple(fields::elements(&unnamed.unnamed, around, broken)), false)
        }
        Fields::Unit => (null(), false),
    })
}

fn null() -> Node {
    Node::Fixed(mongrate_seal::models::Shape::Scalar(mongrate_seal::models::Types::NULL))
}

fn tag_field(tag: &str, name: String, span: Span) -> FieldNode {
    FieldNode::new(tag.to_owned(), span, Node::Values(vec![name]), Required::Yes)
}

fn of_enum(
    variants: &[&Variant],
    serde: &serde::Container,
    is_closed: bool,
    around: &Around<'_>,
    broken: &mut Broken,
) -> Option<Node> {
    let (mut all, mut units) = (Vec::new(), Vec::new());
    for variant in variants {
        let Some(of_variant) = broken.keep(serde::Variant::read(&variant.attrs)) else { continue };
        let own = FieldAttributes::read(&variant.attrs, broken);
        for _ in &own.was {
            broken.add(Error::new(
                variant.ident.span(),
                "`was` belongs to a field, not to a variant",
            ));
        }
        if of_variant.is_skipped {
            continue;
        }
        let rust_name = variant.ident.unraw().to_string();
        let name =
            of_variant.rename.clone().unwrap_or_else(|| serde.rename_all.variant(&rust_name));
        let is_untagged = serde.is_untagged || of_variant.is_untagged;
        let is_external = serde.tag.is_none() && !is_untagged;
        if is_external && matches!(variant.fields, Fields::Unit) && own.bson.is_none() {
            units.push(name.clone());
        }
        let inside = match own.bson {
            Some(shape) => Inside::One(Node::Fixed(shape)),
            None if of_variant.is_custom => {
                broken.add(Error::new(
                    variant.ident.span(),
                    "a function writes this variant (`with` or `serialize_with`): say what BSON its \
                     content becomes, as `#[model(bson = \"string\")]`",
                ));
                continue;
            }
            None => {
                let rule = of_variant.rename_all.unwrap_or(serde.rename_all_fields);
                match inside(&variant.fields, rule, is_closed, around, broken) {
                    Some(inside) => inside,
                    None => continue,
                }
            }
        };
        let span = variant.ident.span();
        let node = match (&serde.tag, &serde.content) {
            _ if is_untagged => inside.node(),
            (None, _) => external(name, span, inside),
            (Some(tag), None) => internal(tag, name, span, inside, is_closed, broken)?,
            (Some(tag), Some(content)) => adjacent(tag, content, name, span, inside, is_closed),
        };
        all.push((rust_name, node));
    }
    if variants.is_empty() || all.is_empty() && broken.is_empty() {
        broken.add(Error::new(
            around.ident.span(),
            format!(
                "`{}` has no variant that can be written, so no document can hold it",
                around.ident
            ),
        ));
        return None;
    }
    match units.len() == all.len() {
        true => Some(Node::Values(units)),
        false => Some(Node::Union(all)),
    }
}

/// What is in a variant.
enum Inside {
    Nothing,
    One(Node),
    Several(Vec<Node>),
    Fields { fields: Vec<FieldNode>, is_closed: bool },
}

impl Inside {
    fn node(self) -> Node {
        match self {
            Self::Nothing => null(),
            Self::One(node) => node,
            Self::Several(nodes) => Node::Tuple(nodes),
            Self::Fields { fields, is_closed } => Node::Object { fields, is_closed },
        }
    }
}

fn inside(
    all: &Fields,
    rule: super::rename::RenameRule,
    is_closed: bool,
    around: &Around<'_>,
    broken: &mut Broken,
) -> Option<Inside> {
    // The default of an enum is no default of its variants' fields.
    let around = Around { itself: around.itself.clone(), is_default: false, ..*around };
    Some(match all {
        Fields::Named(named) => {
            Inside::Fields { fields: fields::named(&named.named, rule, &around, broken), is_closed }
        }
        Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => {
            Inside::One(fields::elements(&unnamed.unnamed, &around, broken).pop()?)
        }
        Fields::Unnamed(unnamed) => {
            Inside::Several(fields::elements(&unnamed.unnamed, &around, broken))
        }
        Fields::Unit => Inside::Nothing,
    })
}

fn external(name: String, span: Span, inside: Inside) -> Node {
    match inside {
        Inside::Nothing => Node::Values(vec![name]),
        inside => {
            let fields = vec![FieldNode::new(name, span, inside.node(), Required::Yes)];
            Node::Object { fields, is_closed: true }
        }
    }
}

fn internal(
    tag: &str,
    name: String,
    span: Span,
    inside: Inside,
    is_closed: bool,
    broken: &mut Broken,
) -> Option<Node> {
    let mut all = vec![tag_field(tag, name, span)];
    match inside {
        Inside::Nothing => {}
        Inside::One(node) => all.push(FieldNode {
            is_flattened: true,
            ..FieldNode::new("0".to_owned(), span, node, Required::Yes)
        }),
        Inside::Fields { fields, .. } => all.extend(fields),
        Inside::Several(_) => {
            broken.add(Error::new(span, "serde cannot write a tuple variant with a `tag` inside"));
            return None;
        }
    }
    Some(Node::Object { fields: all, is_closed })
}

fn adjacent(
    tag: &str,
    content: &str,
    name: String,
    span: Span,
    inside: Inside,
    is_closed: bool,
) -> Node {
    let mut all = vec![tag_field(tag, name, span)];
    if !matches!(inside, Inside::Nothing) {
        let node = inside.node();
        let required = match &node {
            Node::Type(_) => Required::ByType,
            _ => Required::Yes,
        };
        all.push(FieldNode::new(content.to_owned(), span, node, required));
    }
    Node::Object { fields: all, is_closed }
}

/// Judges what a type says about its collection.
fn judge(checked: &Checked, broken: &mut Broken) {
    let Checked { input, own, node, is_generic, .. } = checked;
    let ident = &input.ident;
    let Some(collection) = &own.collection else {
        let without = |what: &str| {
            format!(
                "{what} belongs to a collection, and `{ident}` names none: add `collection = \"…\"`, or \
                 write it at the type that has the collection"
            )
        };
        if let Some(index) = own.indexes.first() {
            broken.add(Error::new(index.span, without("an index")));
        }
        if let Some(at) = own.kind_span {
            broken.add(Error::new(at, without("this")));
        }
        if own.validation.is_some() {
            broken.add(Error::new(ident.span(), without("`validate`")));
        }
        for (what, literal) in [("`was`", &own.was), ("`name`", &own.name)] {
            if let Some(literal) = literal {
                broken.add(Error::new(literal.span(), without(what)));
            }
        }
        return;
    };
    if *is_generic {
        broken.add(Error::new(
            collection.span(),
            format!(
                "`{ident}` is generic, and a collection has one type of documents: derive `Model` for \
                 `{ident}` without `collection`, and flatten it into a type with one"
            ),
        ));
    }
    let problem = match node {
        Node::Tuple(_) => Some("an array"),
        Node::Values(_) => Some("a string"),
        Node::Fixed(mongrate_seal::models::Shape::Scalar(types))
            if !types.meets(mongrate_seal::models::Types::OBJECT) =>
        {
            Some("no document")
        }
        Node::Object { fields, .. } if fields.is_empty() => Some("an empty document"),
        _ => None,
    };
    if let Some(what) = problem {
        broken.add(Error::new(
            ident.span(),
            format!(
                "`{ident}` becomes {what}, and the collection `{}` has documents with fields",
                collection.value()
            ),
        ));
    }
    judge_kind(own, broken);
    let mut names = std::collections::BTreeSet::new();
    for index in &own.indexes {
        if !names.insert(&index.index.name) {
            broken.add(Error::new(
                index.span,
                format!("another index is called `{}`, too: add `name = \"…\"`", index.index.name),
            ));
        }
        let same = own.indexes.iter().any(|other| {
            !std::ptr::eq(other, index)
                && other.index.keys == index.index.keys
                && other.index.options.get("collation") == index.index.options.get("collation")
                && other.index.options.get("partialFilterExpression")
                    == index.index.options.get("partialFilterExpression")
                && other.index.name < index.index.name
        });
        if same {
            broken.add(Error::new(
                index.span,
                "another index has the same fields and the same filter, and the server takes one of them",
            ));
        }
        if matches!(index.paths.as_slice(), [(path, _)] if path == "_id") {
            broken.add(Error::new(index.span, "every collection has an index on `_id`"));
        }
        for (path, span) in &index.paths {
            judge_path(path, *span, node, ident, broken);
        }
    }
    for (path, span) in &own.time_fields {
        judge_path(path, *span, node, ident, broken);
    }
}

fn judge_kind(own: &ModelAttributes, broken: &mut Broken) {
    let what = match own.kind {
        CollectionKind::Collection => return,
        CollectionKind::View => "a view",
        CollectionKind::TimeSeries(_) => "a time series",
    };
    let at = own.kind_span.unwrap_or_else(Span::call_site);
    if own.validation.is_some() {
        broken.add(Error::new(at, format!("{what} has no validator: remove `validate`")));
    }
    for index in &own.indexes {
        let problem = match own.kind {
            CollectionKind::View => {
                "a view has no indexes: declare them at the model of the collection that it reads"
            }
            _ if index.index.options.contains_key("unique") => {
                "the server takes no unique index on a time series"
            }
            _ => continue,
        };
        broken.add(Error::new(index.span, problem));
    }
}

/// Judges the first name of a path. The compiler judges the others, with the constants.
fn judge_path(path: &str, span: Span, node: &Node, ident: &syn::Ident, broken: &mut Broken) {
    let first = path.split('.').next().unwrap_or(path);
    let Node::Object { fields, .. } = node else { return };
    if fields.iter().any(|field| field.is_flattened || field.name == first)
        || first == "_id"
        || path == "$**"
    {
        return;
    }
    let renamed = fields.iter().find(|field| field.rust_name.as_deref() == Some(first));
    let text = match renamed {
        Some(field) => format!(
            "the field `{first}` is called `{}` in documents, and paths are those of documents: write \
             `{}`",
            field.name, field.name
        ),
        None => {
            let names = fields.iter().map(|field| field.name.as_str());
            match nearest(first, names.clone()) {
                Some(meant) => format!("`{ident}` has no field `{first}`; did you mean `{meant}`?"),
                None => {
                    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
                    format!("`{ident}` has no field `{first}`: it has {}", names.join(", "))
                }
            }
        }
    };
    broken.add(Error::new(span, text));
}

impl Checked {
    /// Returns the type as the node's types are: for constants outside of the type itself.
    pub(super) fn itself(&self) -> Type {
        let ident = &self.input.ident;
        let (_, types, _) = self.input.generics.split_for_impl();
        let itself: Type = parse_quote!(#ident #types);
        let around = Around {
            ident,
            itself: itself.clone(),
            is_generic: self.is_generic,
            is_default: false,
        };
        fields::in_constant(&itself, &around)
    }
}

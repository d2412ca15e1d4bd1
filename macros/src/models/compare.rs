//! A model, compared with `models.snap` as far as its own tokens tell: so the error is at the field. What
//! they do not tell (nested types, aliases) the compiler compares, with constants.

use mongrate_seal::{
    declaration::Broken,
    models::{Collection, Field, Index, Object, Shape, Snapshot},
};
use proc_macro2::Span;
use syn::{Error, ext::IdentExt as _};

use super::{
    known,
    node::{FieldNode, Node, Required},
    read::Checked,
};

/// The model's own shape in the snapshot; every difference that the tokens show is in `broken`.
pub(super) fn compare<'a>(
    checked: &Checked,
    snapshot: &'a Snapshot,
    name: &str,
    broken: &mut Broken,
) -> Option<&'a Shape> {
    let collection = checked.own.collection.as_ref()?;
    let ident = checked.input.ident.unraw();
    let Some(known) = snapshot.collections.get(&collection.value()) else {
        broken.add(Error::new(
            collection.span(),
            format!(
                "no migration creates the collection `{}` of `{ident}`: {}",
                collection.value(),
                command("create", &collection.value())
            ),
        ));
        return None;
    };
    let Some(model) = known.models.get(name) else {
        let names: Vec<String> = known.models.keys().map(|name| format!("`{name}`")).collect();
        broken.add(Error::new(
            checked.input.ident.span(),
            format!(
                "no migration introduces the model `{name}` of the collection `{}`, which has {}: {}; if \
                 the type has a new name, keep the name of the model: `#[model(name = \"…\")]`",
                collection.value(),
                names.join(", "),
                command("add", name)
            ),
        ));
        return None;
    };
    compare_collection(checked, known, broken);
    if let (Node::Object { fields, is_closed }, Shape::Object(object)) =
        (&checked.node, &model.shape)
    {
        let is_flat = fields.iter().any(|field| field.is_flattened);
        for field in fields.iter().filter(|field| !field.is_flattened) {
            compare_field(&ident.to_string(), field, object, is_flat, broken);
        }
        let gone = object.fields.keys().filter(|name| {
            !is_flat && !fields.iter().any(|field| field.name == **name || field.was.contains(name))
        });
        for name in gone {
            broken.add(Error::new(
                checked.input.ident.span(),
                format!(
                    "`{ident}` has no field `{name}` any more, and no migration removes it: {}; if it has a \
                     new name, say so at the field: `#[model(was = \"{name}\")]`",
                    command("remove", name)
                ),
            ));
        }
        let was_closed = object.rest == mongrate_seal::models::Rest::Closed;
        if !is_flat && *is_closed != was_closed {
            let what = if *is_closed { "refuses" } else { "allows" };
            broken.add(Error::new(
                checked.input.ident.span(),
                format!(
                    "`{ident}` {what} other fields in its documents, and no migration does so: {}",
                    command("validate", &collection.value())
                ),
            ));
        }
    }
    Some(&model.shape)
}

fn compare_collection(checked: &Checked, known: &Collection, broken: &mut Broken) {
    let own = &checked.own;
    let ident = checked.input.ident.unraw();
    let Some(collection) = &own.collection else { return };
    let name = collection.value();
    // Of several models of a collection, each says only a part.
    let is_only = known.models.len() == 1;
    if own.kind != known.kind && (is_only || own.kind_span.is_some()) {
        broken.add(Error::new(
            own.kind_span.unwrap_or_else(|| collection.span()),
            format!(
                "no migration makes the collection `{name}` what `{ident}` says (a collection, a view or \
                 a time series): {}",
                command("recreate", &name)
            ),
        ));
    }
    if own.validation != known.validation && (is_only || own.validation.is_some()) {
        let shown = |validation: Option<mongrate_seal::models::Validation>| {
            validation.map_or_else(|| "none".to_owned(), |validation| validation.to_string())
        };
        broken.add(Error::new(
            collection.span(),
            format!(
                "the validation of the collection `{name}` is {}, and the migrations lead to {}: {}",
                shown(own.validation),
                shown(known.validation),
                command("validate", &name)
            ),
        ));
    }
    for index in &own.indexes {
        let text = match known.indexes.get(&index.index.name) {
            Some(same) if *same == index.index => continue,
            Some(_) => "has other fields or options than the one that the migrations lead to",
            None => "is created by no migration",
        };
        broken.add(Error::new(
            index.span,
            format!(
                "the index `{}` {text}: {}",
                index.index.name,
                command("index", &index_slug(&index.index))
            ),
        ));
    }
    let gone = known
        .indexes
        .values()
        .filter(|index| is_only && !own.indexes.iter().any(|own| own.index.name == index.name));
    for index in gone {
        broken.add(Error::new(
            collection.span(),
            format!(
                "`{ident}` has no index `{}` any more, and no migration drops it: {}",
                index.name,
                command("drop", &index_slug(index))
            ),
        ));
    }
}

fn compare_field(
    ident: &str,
    field: &FieldNode,
    object: &Object,
    is_flat: bool,
    broken: &mut Broken,
) {
    let FieldNode { name, span, node, .. } = field;
    let is_required = is_required(field);
    let own = known::shape_of(node);
    let Some(known) = object.fields.get(name) else {
        let was = field.was.iter().find(|was| object.fields.contains_key(*was));
        let text = match was {
            Some(was) => format!(
                "no migration renames the field `{was}` of `{ident}` to `{name}`: {}",
                command("rename", name)
            ),
            None => {
                let optional = if is_required == Some(false) { "optional" } else { "" };
                let about: Vec<String> = own
                    .map(|shape| shape.without_null().words())
                    .into_iter()
                    .chain((!optional.is_empty()).then(|| optional.to_owned()))
                    .collect();
                let about = match about.is_empty() {
                    true => String::new(),
                    false => format!(" ({})", about.join(", ")),
                };
                format!(
                    "`{ident}` has a field `{name}`{about} that no migration introduces: {}",
                    command("add", name)
                )
            }
        };
        broken.add(Error::new(*span, text));
        return;
    };
    if let Some(text) = difference(ident, name, own.as_ref(), is_required, known, is_flat) {
        broken.add(Error::new(*span, text));
    }
}

fn difference(
    ident: &str,
    name: &str,
    own: Option<&Shape>,
    is_required: Option<bool>,
    known: &Field,
    is_flat: bool,
) -> Option<String> {
    // A flattened type may have a field of the same name.
    if is_flat {
        return None;
    }
    if let Some(own) = own
        && !own.without_null().is_same(known.shape.without_null())
    {
        return Some(format!(
            "the field `{name}` of `{ident}` is {}, and the migrations lead to {}: {}",
            own.without_null().words(),
            known.shape.without_null().words(),
            command("change", name)
        ));
    }
    match is_required {
        Some(true) if !known.is_required => Some(format!(
            "`{ident}` requires the field `{name}`, and no migration makes sure that it is there: {}",
            command("require", name)
        )),
        Some(false) if known.is_required => Some(format!(
            "`{ident}` lets the field `{name}` be missing, which no migration allows: {}",
            command("relax", name)
        )),
        _ => None,
    }
}

fn is_required(field: &FieldNode) -> Option<bool> {
    match (field.required, &field.node) {
        (Required::Yes, _) => Some(true),
        (Required::No, _) => Some(false),
        (Required::ByType, Node::Type(ty)) => known::is_optional(ty).map(|optional| !optional),
        (Required::ByType, _) => None,
    }
}

fn index_slug(index: &Index) -> String {
    index.keys.first().map_or_else(String::new, |(path, _)| path.clone())
}

/// Returns the command that writes the migration, with a name for it.
fn command(verb: &str, what: &str) -> String {
    let mut name: String = what
        .chars()
        .map(
            |letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' },
        )
        .collect();
    name = name.trim_matches('-').to_owned();
    format!("`cargo mongrate diff {verb}{}{name}`", if name.is_empty() { "" } else { "-" })
}

/// The error for a file that cannot be read.
pub(super) fn unreadable(text: &str) -> Error {
    Error::new(Span::call_site(), text)
}

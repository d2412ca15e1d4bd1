//! Pure: the direct form of an edit, which tells documents apart by filters.
//!
//! The general form of an edit (`fields`) rebuilds a document level by level, and the server
//! evaluates it there and back for each document to see whether it comes back. Here filters say so. Where
//! no array is on the way, a short update changes the documents; where there is one, that of the general form.
//! Documents that are in none of the classes of a [`Direct`] are neither changed nor remembered, in both forms.
//!
//! Only for collections whose strings are compared by their bytes.

use mongodb::bson::{Bson, Document, doc};
use mongrate_seal::models::Types;

use super::{
    convert,
    expr::{self, cond, differ, literal},
    fields::Edit,
};
use crate::{kinds::change::names::Path, model::state::Direction};

/// An edit in one direction, by classes of documents. No document is in two classes, but for those
/// that are kept, which are changed as well.
#[derive(Debug, Default)]
pub(super) struct Direct {
    /// The changes; each has its own documents.
    pub changes: Vec<Change>,
    /// The documents that the way back does not restore.
    pub kept: Vec<Kept>,
    /// The filters of the documents that are left alone, though the way back would change them.
    pub left: Vec<Document>,
    /// The filters of the documents for which only the general form will do.
    pub rest: Vec<Document>,
    /// Filters that find every document which is refused, and maybe others.
    pub refused: Vec<Document>,
    /// The same for documents that are refused, kept, left or of the rest: a batch without such
    /// documents is only changed.
    pub unusual: Vec<Document>,
    /// Those among them that a change may match, too.
    changed_too: Vec<Document>,
}

/// What is expected of all documents of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// They are ordinary, and the shorter updates do.
    Shorter,
    /// They are ordinary: changed, and not unusual.
    Ordinary,
    /// There may be others among them.
    Nothing,
}

/// A change of the documents that match.
#[derive(Debug)]
pub(super) struct Change {
    pub filter: Document,
    pub update: Bson,
    pub shorter: Option<Shorter>,
}

/// A shorter update of the same effect.
#[derive(Debug)]
pub(super) struct Shorter {
    pub update: Bson,
    /// The filter of the documents on which its effect would be another one.
    pub unless: Document,
}

/// Documents whose values are remembered, as [`expr::anchor`] shows them.
#[derive(Debug)]
pub(super) struct Kept {
    pub filter: Document,
    pub before: Bson,
    pub after: Bson,
}

impl Change {
    /// The filter of the documents of this change for which its shorter update will not do; `None` if it has none.
    pub(super) fn needs_longer(&self) -> Option<Document> {
        let shorter = self.shorter.as_ref()?;
        Some(all([self.filter.clone(), shorter.unless.clone()]))
    }
}

impl Direct {
    fn change(&mut self, filter: Document, update: impl Into<Bson>) {
        self.changes.push(Change { filter, update: update.into(), shorter: None });
    }

    /// Changes documents with an array on the way as the general form does.
    fn rebuild(&mut self, filter: Document, rebuilt: Bson) {
        self.change(filter, vec![doc! { "$replaceWith": rebuilt }]);
    }

    fn keep(&mut self, filter: Document, before: Bson, after: Bson) {
        self.kept.push(Kept { filter, before, after });
    }

    /// The statements that change the documents among these that are as expected, and no others; `None`: nothing is
    /// expected, or each document is unusual.
    ///
    /// No statement matches what another one changed, in whatever order they are sent, so that together they match
    /// each document once at most.
    pub(super) fn of_expected(
        &self,
        these: &Document,
        expected: Expected,
    ) -> Option<Vec<Document>> {
        let is_unusual = |change: &Change| self.changed_too.contains(&change.filter);
        if expected == Expected::Nothing || self.changes.iter().all(is_unusual) {
            return None;
        }
        let statement = |change: &Change| {
            let shorter = change.shorter.as_ref().filter(|_| expected == Expected::Shorter);
            let unless = shorter.map(|shorter| shorter.unless.clone());
            let others = nor(self.changed_too.iter().cloned().chain(unless));
            let update = shorter.map_or(&change.update, |shorter| &shorter.update);
            let filter = all([these.clone(), change.filter.clone(), others]);
            doc! { "q": filter, "u": update.clone(), "multi": true }
        };
        Some(self.changes.iter().map(statement).collect())
    }

    /// What to expect after this was not so.
    pub(super) fn expected_after(&self, expected: Expected) -> Expected {
        let has_shorter = self.changes.iter().any(|change| change.shorter.is_some());
        match expected {
            Expected::Shorter if has_shorter => Expected::Ordinary,
            _ => Expected::Nothing,
        }
    }
}

/// The direct form of the edit.
pub(super) fn of(edit: &Edit, direction: Direction) -> Direct {
    let mut direct = form(edit, direction);
    direct.refused.extend(direct.rest.iter().cloned());
    if matches!(edit, Edit::Convert { .. }) {
        direct.changed_too.extend(direct.unusual.iter().cloned());
        direct.unusual.extend(direct.rest.iter().cloned());
    } else {
        direct.changed_too.extend(direct.kept.iter().map(|kept| kept.filter.clone()));
        direct.unusual.extend(direct.refused.iter().cloned());
        direct.unusual.extend(direct.left.iter().cloned());
        direct.unusual.extend(direct.kept.iter().map(|kept| kept.filter.clone()));
    }
    if edit.refusal(direction).is_none() {
        direct.refused.clear();
    }
    direct
}

fn form(edit: &Edit, direction: Direction) -> Direct {
    let rebuilt = edit.apply(direction, expr::ROOT);
    match (edit, direction) {
        (Edit::Rename { from, to }, Direction::Up) => rename(from, to, rebuilt),
        (Edit::Rename { from, to }, Direction::Down) => rename(to, from, rebuilt),
        (Edit::Add { path, value }, Direction::Up) => add(path, value, rebuilt),
        (Edit::Add { path, value }, Direction::Down) => take_away(path, value, rebuilt),
        (Edit::Remove { path }, Direction::Up) => remove(path),
        (Edit::Remove { .. }, Direction::Down) => Direct::default(),
        (Edit::Convert { path, from, to, others }, _) => {
            change_type(path, &convert::Values::new(*from, *to, others, direction), rebuilt)
        }
        (Edit::Move { from, to }, Direction::Up) => move_up(from, to),
        (Edit::Move { from, to }, Direction::Down) => move_back(to, from),
    }
}

/// Renames a field in its place.
fn rename(from: &Path, to: &Path, rebuilt: Bson) -> Direct {
    let mut direct = Direct::default();
    let pairs = doc! { "$objectToArray": parent_value(from) };
    let name = cond(expr::equal("$$kv.k", literal(from.last())), literal(to.last()), "$$kv.k");
    let renamed = doc! { "$arrayToObject": { "$map": {
        "input": pairs, "as": "kv", "in": { "k": name, "v": "$$kv.v" },
    } } };
    let update = match parent(from) {
        Some(parent) => doc! { "$set": { parent: renamed } },
        None => doc! { "$replaceWith": renamed },
    };
    // A field that is the last one may as well be removed, and added under its new name.
    // Among other filters the server may evaluate it for documents that the others leave out.
    let fields = doc! { "$objectToArray": parent_value(from) };
    let fields = cond(expr::is_type(parent_value(from), "object"), fields, Bson::Array(Vec::new()));
    let unless = doc! { "$expr": ends_otherwise(fields, from.last()) };
    let shorter = Shorter { update: moved(from, to, to_text(from)), unless };
    direct.changes.push(Change {
        filter: all([plain(&[from]), here(from), absent(to)]),
        update: vec![update].into(),
        shorter: Some(shorter),
    });
    direct.left.push(all([plain(&[from]), here(to), absent(from)]));
    direct.refused.push(all([here(from), here(to)]));
    if let Some(through) = through_array(from) {
        // Where nothing has the new name, the way back finds what was renamed, and nothing else.
        direct.rebuild(all([through.clone(), here(from), absent(to)]), rebuilt);
        direct.rest.push(all([through, any_of([absent(from), here(to)])]));
    }
    direct
}

/// Adds a field, with the documents on the way.
fn add(path: &Path, value: &Bson, rebuilt: Bson) -> Direct {
    let mut direct = Direct::default();
    // The way back takes away a document on the way that is empty then.
    let empty = || prefixes(path).map(|prefix| doc! { prefix: {} });
    direct.rest.extend(empty());
    let way =
        nor(prefixes(path).flat_map(|prefix| [other_than_document(&prefix), doc! { prefix: {} }]));
    let update: Bson = if is_storable(value) {
        doc! { "$set": { path.text(): value.clone() } }.into()
    } else {
        vec![doc! { "$set": { path.text(): literal(value.clone()) } }].into()
    };
    direct.change(all([absent(path), way]), update);
    direct.left.push(all([plain(&[path]), here(path)]));
    if let Some(through) = through_array(path) {
        direct.rebuild(all([through.clone(), absent(path), nor(empty())]), rebuilt);
        direct.rest.push(all([through, here(path)]));
    }
    direct
}

/// Takes a field away that was added, with the documents on the way that are empty then.
fn take_away(path: &Path, value: &Bson, rebuilt: Bson) -> Direct {
    let mut direct = Direct::default();
    let at = format!("${}", path.text());
    let changed = doc! { "$expr": differ(at.as_str(), literal(value.clone())) };
    for (filter, gone, depth) in emptied(path) {
        let here = all([plain(&[path]), here(path), filter]);
        let kept = all([here.clone(), changed.clone()]);
        direct.keep(kept, found(path, &at), missing(depth));
        direct.change(here, doc! { "$unset": { gone: "" } });
    }
    if let ([_], Some(through)) = (path.parent(), through_array(path)) {
        // To add it again puts the value into each document of the array, as its last field.
        let is_other = expr::any(expr::ROOT, path.fields(), &|holder, field| {
            let fields = doc! { "$objectToArray": expr::var(holder) };
            let changed = differ(expr::member(holder, field), literal(value.clone()));
            expr::any_of(vec![changed, ends_otherwise(fields, field)])
        });
        direct
            .rebuild(all([through, here(path), doc! { "$expr": { "$not": [is_other] } }]), rebuilt);
    }
    direct.rest = other_than_these(&direct);
    direct
}

fn remove(path: &Path) -> Direct {
    let mut direct = Direct { rest: arrays(&[path]), ..Direct::default() };
    let here = all([plain(&[path]), here(path)]);
    let at = format!("${}", path.text());
    direct.keep(here.clone(), found(path, &at), missing(path.fields().len() - 1));
    direct.change(here, doc! { "$unset": { path.text(): "" } });
    direct
}

fn change_type(path: &Path, values: &convert::Values, rebuilt: Bson) -> Direct {
    let mut direct = Direct::default();
    let at = format!("${}", path.text());
    let involved = here(path);
    let here = all([plain(&[path]), here(path)]);
    // An array with such values matches, too; it stays as it is.
    let of_type = values.type_changed().map(|name| doc! { path.text(): { "$type": name } });
    let changed = all([here.clone(), of_type.unwrap_or_default()]);
    if let Some(is_refused) = values.is_refused(&at) {
        direct.refused.push(all([here.clone(), doc! { "$expr": is_refused }]));
    }
    direct.unusual.push(all([here.clone(), doc! { "$expr": values.is_unusual(&at) }]));
    let lost = doc! { "$expr": values.is_lost(&at) };
    let after = doc! { "d": literal(depth_of(path)), "v": values.there(&at) };
    direct.keep(all([changed.clone(), lost]), found(path, &at), vec![after].into());
    direct.left.push(all([here, doc! { "$expr": values.is_left(&at) }]));
    direct.change(changed, vec![doc! { "$set": { path.text(): values.there(&at) } }]);
    // Where others are replaced, a value that was put in their place may be of the type that is converted, and
    // a document of the rest would be changed twice.
    if values.type_changed().is_none() {
        direct.rest.extend(arrays(&[path]));
    } else if let Some(through) = through_array(path) {
        let is_unusual = expr::any(expr::ROOT, path.fields(), &|holder, field| {
            values.is_unusual(&format!("$${holder}.{field}"))
        });
        let is_usual = doc! { "$expr": { "$not": [is_unusual.clone()] } };
        // Documents without the field are none of its business, whatever else they hold.
        let through = all([through, involved]);
        direct.rebuild(all([through.clone(), is_usual]), rebuilt);
        direct.rest.push(all([through, doc! { "$expr": is_unusual }]));
    }
    direct
}

/// Moves a field; documents on the way to its new place are made.
fn move_up(from: &Path, to: &Path) -> Direct {
    let mut direct = Direct { rest: arrays(&[from, to]), ..Direct::default() };
    // The way back takes away a document on the way that is empty then.
    direct.rest.extend(prefixes(to).map(|prefix| all([here(from), doc! { prefix: {} }])));
    let way =
        nor(prefixes(to).flat_map(|prefix| [other_than_document(&prefix), doc! { prefix: {} }]));
    direct.change(
        all([plain(&[from, to]), here(from), absent(to), way]),
        moved(from, to, to_text(from)),
    );
    direct.left.push(all([plain(&[from, to]), here(to), absent(from)]));
    // Where something is at the new place, or in the way to it, the test of the refusal decides.
    direct.refused = other_than_these(&direct);
    direct
}

/// Moves a field back, and takes away the documents on the way that are empty then.
fn move_back(from: &Path, to: &Path) -> Direct {
    let mut direct = Direct::default();
    // The way there leaves the documents on the way as they are: they have to be there.
    let way = prefixes(to).map(|prefix| {
        all([doc! { &prefix: { "$exists": true } }, nor([other_than_document(&prefix)])])
    });
    let way = all(way);
    for (filter, gone, _) in emptied(from) {
        let within = format!("{gone}.");
        if gone != from.text() && to.text().starts_with(&within) {
            continue;
        }
        let here = all([plain(&[from, to]), here(from), absent(to), way.clone(), filter]);
        direct.change(here, moved(from, to, gone));
    }
    direct.left.push(all([plain(&[from, to]), here(to), absent(from)]));
    direct.rest = other_than_these(&direct);
    direct
}

/// Moves a field behind all others, and takes `gone` away: the field itself, or a document on the way to it.
fn moved(from: &Path, to: &Path, gone: String) -> Bson {
    if gone == from.text() {
        // The server changes the document in place, where a pipeline makes another one of it. `$rename` appends
        // the field, too, and makes the same documents on the way.
        return doc! { "$rename": { from.text(): to.text() } }.into();
    }
    let set = doc! { "$set": { to.text(): format!("${}", from.text()) } };
    vec![set, doc! { "$unset": gone }].into()
}

/// The ways to take a field away, each with its filter: the field alone, or with the document that
/// would be empty then. With what is taken away, and how many fields of the path are left then.
fn emptied(path: &Path) -> Vec<(Document, String, usize)> {
    let depth = path.fields().len() - 1;
    let Some(parent) = parent(path) else { return vec![(Document::new(), to_text(path), depth)] };
    let mut ways = vec![(doc! { "$expr": has_others(&parent) }, to_text(path), depth)];
    let alone = doc! { "$expr": { "$not": [has_others(&parent)] } };
    let above = path.parent().split_last().map(|(_, above)| above.join(".")).unwrap_or_default();
    let stays = if above.is_empty() {
        Document::new()
    } else {
        doc! { "$expr": has_others(&above) }
    };
    ways.push((all([alone, stays]), parent, depth - 1));
    ways
}

/// Whether the last of these fields, as pairs, has another name.
fn ends_otherwise(fields: impl Into<Bson>, name: &str) -> Bson {
    let last = doc! { "$arrayElemAt": [fields.into(), -1] };
    expr::bind("last", last, differ("$$last.k", literal(name)))
}

/// Whether the document at a path has more than one field.
fn has_others(path: &str) -> Bson {
    let at = format!("${path}");
    let fields = doc! { "$size": { "$objectToArray": at.as_str() } };
    let count = cond(expr::is_type(at.as_str(), "object"), fields, 0);
    doc! { "$gt": [count, 1] }.into()
}

/// The documents of an edit that are in none of its classes.
fn other_than_these(direct: &Direct) -> Vec<Document> {
    let changes = direct.changes.iter().map(|change| change.filter.clone());
    let kept = direct.kept.iter().map(|kept| kept.filter.clone());
    vec![nor(changes.chain(kept).chain(direct.left.iter().cloned()))]
}

/// The anchors of a field that is there.
fn found(path: &Path, at: &str) -> Bson {
    vec![doc! { "d": literal(depth_of(path)), "v": at }].into()
}

/// The anchors of a field that is missing, as are all fields of its path from this one on.
fn missing(depth: usize) -> Bson {
    vec![literal(doc! { "m": i32::try_from(depth).unwrap_or(i32::MAX) })].into()
}

fn depth_of(path: &Path) -> i32 {
    i32::try_from(path.fields().len()).unwrap_or(i32::MAX)
}

/// Whether a plain `$set` stores this value as it is: the server has rules of its own for fields
/// with a dollar, and for a timestamp of zero.
fn is_storable(value: &Bson) -> bool {
    match value {
        Bson::Timestamp(at) => at.time != 0 || at.increment != 0,
        Bson::Document(document) => {
            document.iter().all(|(key, value)| !key.starts_with('$') && is_storable(value))
        }
        Bson::Array(items) => items.iter().all(is_storable),
        _ => true,
    }
}

/// The paths of the documents on the way to a field, from the first.
fn prefixes(path: &Path) -> impl Iterator<Item = String> {
    let fields = path.parent();
    (1..=fields.len()).filter_map(move |length| Some(fields.get(..length)?.join(".")))
}

/// The path of the document that holds the field; `None`: the root does.
fn parent(path: &Path) -> Option<String> {
    (!path.parent().is_empty()).then(|| path.parent().join("."))
}

fn parent_value(path: &Path) -> Bson {
    parent(path).map_or_else(|| expr::var(expr::ROOT), |parent| format!("${parent}").into())
}

fn to_text(path: &Path) -> String {
    path.text().to_owned()
}

fn here(path: &Path) -> Document {
    doc! { path.text(): { "$exists": true } }
}

fn absent(path: &Path) -> Document {
    doc! { path.text(): { "$exists": false } }
}

/// Filters of the documents that have an array on the way to one of these fields.
fn arrays(paths: &[&Path]) -> Vec<Document> {
    let prefixes = paths.iter().flat_map(|path| prefixes(path));
    prefixes.map(|prefix| doc! { prefix: { "$type": "array" } }).collect()
}

/// The filter of the documents that have an array on the way to this field; `None`: nothing is on the way.
fn through_array(path: &Path) -> Option<Document> {
    let arrays = arrays(&[path]);
    (!arrays.is_empty()).then(|| any_of(arrays))
}

/// No array is on the way to any of these fields.
fn plain(paths: &[&Path]) -> Document {
    nor(arrays(paths))
}

/// There is something at this path, and no document.
fn other_than_document(path: &str) -> Document {
    let others: Vec<&str> =
        Types::all_names().into_iter().filter(|name| *name != "object").collect();
    doc! { path: { "$type": others } }
}

fn nor(clauses: impl IntoIterator<Item = Document>) -> Document {
    let clauses: Vec<Document> = clauses.into_iter().collect();
    if clauses.is_empty() {
        Document::new()
    } else {
        doc! { "$nor": clauses }
    }
}

fn any_of(clauses: impl IntoIterator<Item = Document>) -> Document {
    doc! { "$or": clauses.into_iter().collect::<Vec<_>>() }
}

fn all(clauses: impl IntoIterator<Item = Document>) -> Document {
    let mut clauses: Vec<Document> =
        clauses.into_iter().filter(|clause| !clause.is_empty()).collect();
    match clauses.len() {
        0 => Document::new(),
        1 => clauses.remove(0),
        _ => doc! { "$and": clauses },
    }
}

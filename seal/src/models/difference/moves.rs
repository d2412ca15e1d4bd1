//! Fields that move into another document: `was = "city"` on a field of `address`, or
//! `was = "address.city"` on a field outside.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    shape::{Field, Object, Shape},
    types::Types,
};

/// Which fields move, by their new paths.
#[derive(Debug, Default)]
pub(super) struct Moves {
    /// The path before, and the same in documents whose fields have their new names already.
    from: BTreeMap<String, (String, String)>,
    /// The paths before.
    taken: BTreeSet<String>,
    /// The new paths that the comparison has come to.
    seen: BTreeSet<String>,
    /// Old paths of renamed fields by their new ones.
    names_before: BTreeMap<String, String>,
}

impl Moves {
    /// Finds the moves between two documents.
    pub(super) fn between(old: &Object, new: &Object) -> Self {
        let mut search = Search { old, new, renamed: BTreeMap::new(), found: Vec::new() };
        search.pair(Some(old), new, &mut Vec::new(), &mut Vec::new());
        let names_before = search.renamed.iter().map(|(old, new)| (new.clone(), old.clone()));
        let mut moves = Self { names_before: names_before.collect(), ..Self::default() };
        for (from, to) in search.found {
            let now = translated(&from, &search.renamed);
            if moves.taken.insert(now.clone()) {
                moves.from.insert(to, (from, now));
            }
        }
        moves
    }

    /// Returns where the field at a path was: the path before, and the same in documents whose fields have
    /// their new names already.
    pub(super) fn origin(&mut self, path: &str) -> Option<(String, String)> {
        let origin = self.from.get(path).cloned()?;
        self.seen.insert(path.to_owned());
        Some(origin)
    }

    /// Returns the moves that the comparison has not come to, by their new paths, with the paths before.
    pub(super) fn unseen(&self) -> Vec<(String, String)> {
        let unseen = self.from.iter().filter(|(to, _)| !self.seen.contains(*to));
        unseen.map(|(to, (from, _))| (to.clone(), from.clone())).collect()
    }

    /// Returns the new field to which a field that is gone may have moved: of its name, in another
    /// document.
    pub(super) fn perhaps(
        &self,
        old: &Object,
        new: &Object,
        gone: &str,
        field: &Field,
    ) -> Option<String> {
        let name = gone.rsplit('.').next()?;
        let mut found = Vec::new();
        named(new, name, &mut Vec::new(), &mut found);
        let is_new = |path: &str, other: &Field| {
            path != gone
                && at(old, &translated(path, &self.names_before)).is_none()
                && other.hints.was.is_empty()
                && is_alike(&field.shape, &other.shape)
        };
        let found = found.into_iter().find(|(path, other)| is_new(path, other));
        found.map(|(path, _)| path)
    }

    /// Whether the field at a path moves away.
    pub(super) fn takes(&self, path: &str) -> bool {
        self.taken.contains(path)
    }

    /// Whether a field moves to below a path.
    pub(super) fn lead_into(&self, path: &str) -> bool {
        let below = format!("{path}.");
        self.from.keys().any(|to| to.starts_with(&below))
    }
}

struct Search<'a> {
    old: &'a Object,
    new: &'a Object,
    /// New paths of renamed fields by their old ones.
    renamed: BTreeMap<String, String>,
    found: Vec<(String, String)>,
}

impl<'a> Search<'a> {
    fn pair(
        &mut self,
        old: Option<&'a Object>,
        new: &'a Object,
        old_path: &mut Vec<&'a str>,
        new_path: &mut Vec<&'a str>,
    ) {
        for (name, field) in &new.fields {
            let same = old.and_then(|old| old.fields.get_key_value(name));
            let beside = || old.and_then(|old| former(old, new, field));
            let counterpart = same.or_else(beside);
            new_path.push(name);
            old_path.push(counterpart.map_or(name.as_str(), |(name, _)| name.as_str()));
            if counterpart.is_some_and(|(before, _)| before != name) {
                self.renamed.insert(old_path.join("."), new_path.join("."));
            }
            if counterpart.is_none() {
                let origin = field.hints.was.iter().find_map(|was| {
                    let was = was.strip_prefix('.').unwrap_or(was);
                    let is_gone = at(self.old, was).is_some() && at(self.new, was).is_none();
                    is_gone.then(|| was.to_owned())
                });
                self.found.extend(origin.map(|origin| (origin, new_path.join("."))));
            }
            if let Shape::Object(inner) = field.shape.without_null() {
                let before =
                    counterpart.and_then(|(_, before)| match before.shape.without_null() {
                        Shape::Object(object) => Some(object),
                        _ => None,
                    });
                self.pair(before, inner, old_path, new_path);
            }
            new_path.pop();
            old_path.pop();
        }
    }
}

/// Returns the field that a new field was before, in the same document.
pub(super) fn former<'a>(
    old: &'a Object,
    new: &Object,
    field: &Field,
) -> Option<(&'a String, &'a Field)> {
    let is_gone = |was: &&String| !new.fields.contains_key(was.as_str());
    field.hints.was.iter().filter(is_gone).find_map(|was| old.fields.get_key_value(was))
}

/// Whether one field may be another one under a new name.
pub(super) fn is_alike(old: &Shape, new: &Shape) -> bool {
    let (old, new) = (old.without_null(), new.without_null());
    let is_text = |shape: &Shape| match shape {
        Shape::Values { .. } => true,
        Shape::Scalar(types) => types.meets(Types::STRING),
        _ => false,
    };
    match (old, new) {
        (Shape::Object(_), Shape::Object(_)) => true,
        (Shape::Scalar(one), Shape::Scalar(other)) => one.meets(*other),
        _ => old.is_same(new) || is_text(old) && is_text(new),
    }
}

/// Finds the fields of a name, through documents only.
fn named<'a>(
    object: &'a Object,
    name: &str,
    path: &mut Vec<&'a str>,
    found: &mut Vec<(String, &'a Field)>,
) {
    for (own, field) in &object.fields {
        path.push(own);
        if own == name {
            found.push((path.join("."), field));
        }
        if let Shape::Object(inner) = field.shape.without_null() {
            named(inner, name, path, found);
        }
        path.pop();
    }
}

/// Returns the field at a path through documents only.
pub(super) fn at<'a>(object: &'a Object, path: &str) -> Option<&'a Field> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(one, rest)| (one, Some(rest)));
    let field = object.fields.get(name)?;
    match (rest, field.shape.without_null()) {
        (None, _) => Some(field),
        (Some(rest), Shape::Object(inner)) => at(inner, rest),
        _ => None,
    }
}

/// Returns an old path with the new names of the documents on it.
fn translated(path: &str, renamed: &BTreeMap<String, String>) -> String {
    let longest = renamed
        .iter()
        .filter(|(old, _)| {
            path.strip_prefix(old.as_str()).is_some_and(|rest| rest.starts_with('.'))
        })
        .max_by_key(|(old, _)| old.len());
    match longest {
        Some((old, new)) => format!("{new}{}", path.get(old.len()..).unwrap_or_default()),
        None => path.to_owned(),
    }
}

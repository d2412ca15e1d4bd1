//! The fields of two documents: which are renamed, moved, added, removed, or have another shape.

use super::{
    super::{
        json::Json,
        shape::{Field, Object, Rest, Shape},
    },
    answers::Answers,
    edits::{Edits, leave},
    moves::{self, Moves, is_alike},
    operation::Operation,
    place::{Place, Step},
    update::Fill,
};

/// The comparison of the documents of one collection.
pub(super) struct Comparison<'a> {
    pub(super) answers: &'a mut Answers,
    pub(super) moves: Moves,
    /// The documents before, where moved fields come from.
    pub(super) before: Object,
    /// The documents after, to which fields may have moved.
    pub(super) after: Object,
    pub(super) edits: Edits,
}

impl Comparison<'_> {
    pub(super) fn fields(&mut self, at: &Place, old: &Object, new: &Object) {
        let mut gone: Vec<(&String, &Field)> =
            old.fields.iter().filter(|(name, _)| !new.fields.contains_key(*name)).collect();
        gone.retain(|(name, _)| {
            !at.field(name, true).path().is_some_and(|it| self.moves.takes(&it))
        });
        let mut fresh = Vec::new();
        for (name, field) in &new.fields {
            if let Some(before) = old.fields.get(name) {
                self.field(&at.field(name, true), before, field);
                continue;
            }
            let place = at.field(name, true);
            let origin = place.path().and_then(|path| self.moves.origin(&path));
            let former = moves::former(old, new, field)
                .filter(|(was, _)| gone.iter().any(|(name, _)| name == was));
            if let Some(origin) = origin {
                self.moved(at, name, &origin, field);
            } else if let Some((was, before)) = former {
                gone.retain(|(name, _)| *name != was);
                self.renamed(at, was, name, before, field);
            } else if let Some(was) =
                field.hints.was.iter().find(|was| old.fields.contains_key(*was))
            {
                let problem = format!(
                    "the field is new and says that it was `{was}`, but documents still have a field `{was}`"
                );
                let answers = [
                    format!("remove `was = \"{was}\"` if it is a new field"),
                    "give the field that is new another name".to_owned(),
                ];
                self.ask(&place, problem, answers);
            } else if !self.has_lost_origin(&place, old, field) {
                fresh.push((name, field));
            }
        }
        let mut asked = Vec::new();
        for (name, field) in gone {
            self.gone(at, name, field, new, &fresh, &mut asked);
        }
        for (name, field) in fresh {
            if !asked.contains(&name) {
                self.added(at, name, field);
            }
        }
        self.parts(at, old, new);
        self.rest(at, &old.rest, &new.rest);
    }

    /// Asks about a new field whose former names lead nowhere: its values would be left behind. A type that
    /// is used in a new place keeps its attributes, so inside of a new document only a name counts that the
    /// outermost document has.
    fn has_lost_origin(&mut self, place: &Place, old: &Object, field: &Field) -> bool {
        let at =
            |was: &str| moves::at(&self.before, was.strip_prefix('.').unwrap_or(was)).is_some();
        let was = &field.hints.was;
        let problem = match was.iter().find(|was| at(was)) {
            Some(was) => format!(
                "the field is new and says that it was `{was}`, but documents still have `{was}`, or another \
                 field was it, too, or an array is on the way"
            ),
            None => match was.first().filter(|_| !old.fields.is_empty()) {
                Some(was) => format!(
                    "the field is new and says that it was `{was}`, and documents have no such field"
                ),
                None => return false,
            },
        };
        if self.answers.is_left(&place.text()) {
            return false;
        }
        let answers = ["remove `was` if it is a new field, or correct it".to_owned()];
        self.ask(place, problem, answers);
        true
    }

    /// A field of the same name.
    pub(super) fn field(&mut self, at: &Place, old: &Field, new: &Field) {
        let is_same = old.shape.is_same(&new.shape);
        let is_demanded = new.is_required && !old.is_required;
        if is_same && !is_demanded || self.leaves(at) {
            return;
        }
        let default = self.default(new);
        if !is_same {
            let inside = Place { is_sure: at.is_sure && is_sure(old), ..at.clone() };
            self.shape(&inside, &old.shape, &new.shape, default.as_ref());
        }
        if is_demanded {
            match default {
                Some(value) => self.fill(at, value, &new.shape),
                None => self.edits.may_not_fit(
                    at,
                    "the field is required now: documents without it do not fit their type; to fill it, \
                     write `#[model(default = …)]`",
                ),
            }
        }
    }

    fn renamed(&mut self, at: &Place, was: &str, name: &str, old: &Field, new: &Field) {
        let (from, to) = (at.field(was, true), at.field(name, true));
        if self.leaves(&to) {
            return;
        }
        let Some((from_path, to_path)) = from.path().zip(to.path()) else {
            return self.ask(&to, format!("it was `{was}`, and {OUT_OF_REACH}"), []);
        };
        let collection = at.collection.clone();
        self.edits.renames.push(Operation::RenameField {
            collection,
            from: from_path,
            to: to_path,
        });
        self.field(&to, old, new);
    }

    fn moved(&mut self, at: &Place, name: &str, origin: &(String, String), new: &Field) {
        let place = at.field(name, true);
        let (before, origin) = origin;
        if self.leaves(&place) {
            return;
        }
        let from = place.path().filter(|_| !place.is_through_array());
        let (Some(to), Some(old)) = (from, moves::at(&self.before, before).cloned()) else {
            return self.ask(&place, format!("it was `{origin}`, and {OUT_OF_REACH}"), []);
        };
        let (collection, from) = (at.collection.clone(), origin.to_owned());
        self.edits.moves.push(Operation::MoveField { collection, from, to });
        self.field(&place, &old, new);
    }

    /// Asks about fields that move to where documents are not compared field by field.
    pub(super) fn lost_moves(&mut self, root: &Place) {
        for (to, from) in self.moves.unseen() {
            let place = to.split('.').fold(root.clone(), |place, name| place.field(name, true));
            let problem = format!(
                "it was `{from}`, and what is around it had any shape, or is left to you: no declared operation \
                 moves the field"
            );
            self.ask(&place, problem, []);
        }
    }

    fn gone<'n>(
        &mut self,
        at: &Place,
        name: &str,
        field: &Field,
        new: &Object,
        fresh: &[(&'n String, &Field)],
        asked: &mut Vec<&'n String>,
    ) {
        let place = at.field(name, true);
        if self.leaves(&place) {
            return;
        }
        let is_removed = self.answers.is_removed(&place.text());
        let alike: Vec<&'n String> = fresh
            .iter()
            .filter(|(_, new)| is_alike(&field.shape, &new.shape))
            .map(|(name, _)| *name)
            .collect();
        if !is_removed && !alike.is_empty() {
            let names: Vec<String> = alike.iter().map(|name| format!("`{name}`")).collect();
            let (names, what) = (names.join(" or "), field.shape.words());
            let problem = format!(
                "the field is gone, and {names} is new, also {what}: it may have another name now"
            );
            let answers = [
                format!("write `#[model(was = \"{name}\")]` on {names} if it is the same field"),
                format!("`--remove {}` if it is not: the field is removed", place.text()),
            ];
            self.ask(&place, problem, answers);
            asked.extend(alike);
            return;
        }
        let Some(path) = place.path() else {
            return self.ask(&place, format!("the field is gone, and {OUT_OF_REACH}"), []);
        };
        if let (Rest::Of(rest), false) = (&new.rest, is_removed)
            && (matches!(**rest, Shape::Any) || is_alike(&field.shape, rest))
        {
            let problem = "the field is gone, and the type takes any other field in a flattened map: it may \
                           be there now";
            let answers = [format!("`--remove {}` removes it", place.text())];
            return self.ask(&place, problem, answers);
        }
        let moved = self.moves.perhaps(&self.before, &self.after, &path, field);
        if let (Some(to), false) = (&moved, is_removed) {
            let what = field.shape.words();
            let problem = format!(
                "the field is gone, and `{to}` is new, also {what}: it may have moved there"
            );
            let answers = [
                format!("write `#[model(was = \"{path}\")]` on `{to}` if it is the same field"),
                format!("`--remove {}` if it is not: the field is removed", place.text()),
            ];
            return self.ask(&place, problem, answers);
        }
        let collection = at.collection.clone();
        self.edits.removals.push(Operation::RemoveField { collection, path });
    }

    fn added(&mut self, at: &Place, name: &str, field: &Field) {
        let place = at.field(name, true);
        if let Some(value) = self.default(field) {
            if !self.leaves(&place) {
                self.fill(&place, value, &field.shape);
            }
            return;
        }
        let leads_in = place.path().is_some_and(|path| self.moves.lead_into(&path));
        match &field.shape {
            Shape::Object(new) if field.is_required => {
                let is_empty = !new.fields.values().any(|field| field.is_required);
                let empty = || Json::Object(Vec::new());
                if self.leaves(&place) {
                    return;
                }
                if is_empty || (!place.is_sure && !leads_in) {
                    self.fill(&place, empty(), &field.shape);
                }
                self.fields(&place, &Object::default(), new);
            }
            shape => {
                if let (true, Shape::Object(new)) = (leads_in, shape.without_null()) {
                    let place = at.field(name, false);
                    return self.fields(&place, &Object::default(), new);
                }
                if field.is_required && !self.leaves(&place) {
                    self.ask(
                        &place,
                        format!(
                            "the field is new and required ({}), and nothing says what documents without \
                             it get",
                            shape.words()
                        ),
                        [
                            "write `#[model(default = …)]` on it".to_owned(),
                            "let documents lack it: `Option<…>` or `#[serde(default)]`".to_owned(),
                        ],
                    );
                }
            }
        }
    }

    /// Puts a value where the field is missing.
    pub(super) fn fill(&mut self, at: &Place, value: Json, shape: &Shape) {
        let (collection, shape) = (at.collection.clone(), shape.clone());
        let is_tagged = at.steps.iter().any(|step| matches!(step, Step::Tagged { .. }));
        let operation = match at.path() {
            Some(path) if at.is_sure && !is_tagged && at.alternatives.is_empty() => {
                Operation::AddField { collection, path, value, shape }
            }
            _ if at.is_updatable() => {
                let fill = Fill::Missing { value, shape };
                Operation::Update { collection, steps: at.steps.clone(), fill }
            }
            _ => return self.ask(at, format!("the field is required, and {OUT_OF_REACH}"), []),
        };
        self.edits.fills.push(operation);
    }

    fn rest(&mut self, at: &Place, old: &Rest, new: &Rest) {
        let text = match (old, new) {
            (Rest::Open, Rest::Closed) => "documents with other fields than these do not fit",
            (Rest::Of(_), Rest::Closed) => "documents with other fields than these do not fit",
            (Rest::Open, Rest::Of(_)) => {
                "documents whose other fields have another shape do not fit"
            }
            (Rest::Of(old), Rest::Of(new)) if !old.is_same(new) => {
                "the shape of the other fields is another one: documents may not fit"
            }
            _ => return,
        };
        self.edits.may_not_fit(at, text);
    }

    /// Returns the default, as JSON.
    pub(super) fn default(&mut self, field: &Field) -> Option<Json> {
        field.hints.default.as_ref().and_then(|text| Json::parse(text))
    }

    /// Whether the user leaves the documents as they are at this place. That is noted.
    pub(super) fn leaves(&mut self, at: &Place) -> bool {
        let is_left = self.answers.is_left(&at.text());
        if is_left {
            self.edits.left(at, "left to you: documents stay as they are there");
        }
        is_left
    }

    /// Asks, unless the user leaves the documents as they are at this place.
    pub(super) fn ask(
        &mut self,
        at: &Place,
        problem: impl Into<String>,
        answers: impl IntoIterator<Item = String>,
    ) {
        if self.leaves(at) {
            return;
        }
        self.edits.ask(at, problem, answers.into_iter().chain([leave(at)]));
    }
}

pub(super) const OUT_OF_REACH: &str =
    "declared operations do not reach it (it is in `_id`, a map, a tuple or one of several shapes)";

/// Whether every document with the shape around it has the field, as a document or a value.
fn is_sure(field: &Field) -> bool {
    field.is_required && !field.shape.takes_null()
}

//! Where in a collection's documents a shape is.

use std::collections::BTreeSet;

/// The longest path of a declared operation, in fields.
const FIELDS_MAX: usize = 16;

/// A step from a shape to a shape in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To a field.
    Field(String),
    /// To the elements of an array.
    Items,
    /// To the values of a document with any keys.
    Values,
    /// To an element of a tuple.
    Element(usize),
    /// To the documents that have this string in a field.
    Tagged {
        /// The field.
        field: String,
        /// The string.
        value: String,
    },
}

/// A place in the documents of a collection.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) collection: String,
    pub(super) steps: Vec<Step>,
    /// Whether every document has this place.
    pub(super) is_sure: bool,
    /// The alternatives that the place is in.
    pub(super) alternatives: Vec<Alternative>,
}

/// One of several shapes that documents at a place have.
#[derive(Clone, Debug)]
pub(super) struct Alternative {
    /// How many steps lead to it.
    pub(super) depth: usize,
    /// The fields of the other shapes.
    pub(super) rivals: BTreeSet<String>,
    /// Whether a field says which shape a document has.
    pub(super) is_tagged: bool,
}

impl Place {
    pub(super) fn root(collection: &str) -> Self {
        Self { collection: collection.to_owned(), is_sure: true, ..Self::default() }
    }

    pub(super) fn step(&self, step: Step) -> Self {
        let mut place = self.clone();
        place.steps.push(step);
        place
    }

    /// The place of a field. `is_sure`: every document at this place has the field.
    pub(super) fn field(&self, name: &str, is_sure: bool) -> Self {
        let mut place = self.step(Step::Field(name.to_owned()));
        place.is_sure &= is_sure;
        place
    }

    /// Returns the place for people and for answers: `users.items[].price`.
    pub(super) fn text(&self) -> String {
        let mut text = self.collection.clone();
        for step in &self.steps {
            match step {
                Step::Field(name) => {
                    text.push('.');
                    text.push_str(name);
                }
                Step::Items => text.push_str("[]"),
                Step::Values => text.push_str("{}"),
                Step::Element(at) => text.push_str(&format!("[{at}]")),
                Step::Tagged { .. } => {}
            }
        }
        text
    }

    /// Returns the fields of the place, without arrays on the way.
    pub(super) fn fields(&self) -> Vec<&str> {
        fields(&self.steps)
    }

    /// Returns the path that declared operations take. They go through documents and arrays of documents.
    /// `None` if they cannot reach this place, or if it is in `_id`, which never changes.
    pub(super) fn path(&self) -> Option<String> {
        let fields = self.fields();
        let is_reached = self
            .steps
            .iter()
            .all(|step| matches!(step, Step::Field(_) | Step::Items | Step::Tagged { .. }));
        let nests = |pair: &[Step]| matches!(pair, [Step::Items, Step::Items]);
        let is_sound = |name: &&str| {
            !name.is_empty()
                && !name.starts_with('$')
                && !name.contains(['.', '\0'])
                && !name.bytes().all(|byte| byte.is_ascii_digit())
        };
        let is_fine = is_reached
            && !self.steps.windows(2).any(nests)
            && fields.iter().all(is_sound)
            && (1..=FIELDS_MAX).contains(&fields.len())
            && !self.is_in_id()
            && self.alternatives.iter().all(|it| self.is_alone(it));
        is_fine.then(|| fields.join("."))
    }

    /// Whether no other alternative has the field.
    fn is_alone(&self, alternative: &Alternative) -> bool {
        let below = self.steps.get(alternative.depth..).map(fields).unwrap_or_default();
        below.first().is_some_and(|name| !alternative.rivals.contains(*name))
    }

    /// Whether an update reaches the place, and only this place.
    pub(super) fn is_updatable(&self) -> bool {
        let is_sound = |step: &Step| match step {
            Step::Field(name) => {
                !name.is_empty() && !name.starts_with('$') && !name.contains(['.', '\0'])
            }
            Step::Element(_) => false,
            _ => true,
        };
        let is_told = |it: &Alternative| {
            let below = self.steps.get(it.depth..).map(fields).unwrap_or_default();
            it.is_tagged || (self.is_alone(it) && below.len() > 1)
        };
        !self.is_in_id() && self.steps.iter().all(is_sound) && self.alternatives.iter().all(is_told)
    }

    /// Whether the place is in `_id`, which never changes.
    pub(super) fn is_in_id(&self) -> bool {
        matches!(self.steps.first(), Some(Step::Field(name)) if name == "_id")
    }

    /// Whether an array is on the way.
    pub(super) fn is_through_array(&self) -> bool {
        self.steps.contains(&Step::Items)
    }
}

fn fields(steps: &[Step]) -> Vec<&str> {
    steps
        .iter()
        .filter_map(|step| match step {
            Step::Field(name) => Some(name.as_str()),
            _ => None,
        })
        .collect()
}

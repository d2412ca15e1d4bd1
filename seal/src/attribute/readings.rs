//! All migrations of one source, for the attribute, which finds its own function there and compares
//! the body in the source with the body from the compiler.

use syn::{
    Item, ItemFn,
    visit_mut::{self, VisitMut},
};

use super::{
    arguments::kind,
    declared::declared,
    find::{above, bare, find},
    names::{Claim, Names},
};
use crate::{checksum, text::Text};

/// A migration as the source has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The group.
    pub group: String,
    /// The version.
    pub version: i64,
    /// The name.
    pub name: String,
    /// The checksum of the function.
    pub checksum: String,
    /// The checksum of the function without its attributes.
    pub body: String,
    /// The macros above the attribute, which may rewrite the function first.
    pub above: Vec<String>,
}

/// Returns all migrations of a source, wherever they are, except in macros. Returns none if the source
/// cannot be parsed.
pub fn readings(source: &str) -> Vec<Reading> {
    let text = Text::new(source);
    let Ok(mut file) = syn::parse_file(text.as_str()) else { return Vec::new() };
    let mut imports = Imports(Names::default());
    imports.visit_file_mut(&mut file);
    let mut reader = Reader { names: imports.0, readings: Vec::new() };
    reader.visit_file_mut(&mut file);
    reader.readings
}

struct Imports(Names);

impl VisitMut for Imports {
    fn visit_item_mut(&mut self, item: &mut Item) {
        self.0.learn(item);
        visit_mut::visit_item_mut(self, item);
    }
}

struct Reader {
    names: Names,
    readings: Vec<Reading>,
}

impl VisitMut for Reader {
    fn visit_item_fn_mut(&mut self, function: &mut ItemFn) {
        self.readings.extend(reading(function, &self.names));
        visit_mut::visit_item_fn_mut(self, function);
    }
}

fn reading(function: &ItemFn, names: &Names) -> Option<Reading> {
    let found = find(function, names).filter(|found| found.claim == Claim::Ours)?;
    let written = declared(function, &found)?;
    Some(Reading {
        body: body(&kind(function)?, bare(function, &found)),
        above: above(function, found.index),
        group: written.group,
        version: written.version,
        name: written.name,
        checksum: written.checksum,
    })
}

/// Returns the checksum of a function without its attributes.
pub fn body(kind: &str, mut function: ItemFn) -> String {
    function.attrs.clear();
    checksum::of(kind, function)
}

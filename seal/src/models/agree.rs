//! The compiler's check: is a type what `models.snap` says? If it is not, the compiler looks for the
//! field that differs, and its error names the field and the command.
//!
//! `#[track_caller]` keeps these functions out of the compiler's trace.

use super::{
    constant::{ConstField, ConstShape, ShapeRef},
    fold::{Around, fold, leave, try_enter},
};

/// The longest message, and the longest path of a field, in bytes. Longer ones are cut off.
const BYTES_MAX: usize = 400;

/// A text in the making.
#[derive(Clone, Copy)]
struct Text {
    bytes: [u8; BYTES_MAX],
    length: usize,
}

impl Text {
    const fn new() -> Self {
        Self { bytes: [0; BYTES_MAX], length: 0 }
    }

    const fn push(&mut self, text: &str) {
        self.push_bytes(text.as_bytes());
    }

    const fn push_bytes(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() && self.length < BYTES_MAX {
            self.bytes[self.length] = bytes[at];
            self.length += 1;
            at += 1;
        }
    }

    /// Returns the bytes. (A constant cannot cut a slice by a range.)
    const fn as_bytes(&self) -> &[u8] {
        self.bytes.split_at(self.length).0
    }

    const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.as_bytes()) {
            Ok(text) => text,
            // It was cut off within a letter.
            Err(_) => "a field with a long name",
        }
    }
}

/// What is being compared.
struct Search<'a> {
    /// A line for each known field: its path, whether it is required, its hash.
    known: &'a [u8],
    type_name: &'a str,
    around: Around,
    path: Text,
}

/// Stops the compiler if a type is not of the shape with this hash. `known` is
/// [`Shape::listing`](super::Shape::listing).
///
/// # Panics
///
/// If the hashes differ: in a constant that is a compile error, which names the field.
#[track_caller]
pub const fn agree(shape: ShapeRef, hash: u64, known: &str, type_name: &str) {
    if shape.hash() == hash {
        return;
    }
    let mut search =
        Search { known: known.as_bytes(), type_name, around: Around::new(), path: Text::new() };
    below(shape.get(), &mut search);
    let mut message = Text::new();
    message.push("`");
    message.push(type_name);
    message.push(
        "` is not what the migrations lead to: `cargo mongrate diff NAME` writes the migration",
    );
    fail(&message);
}

#[track_caller]
const fn fail(message: &Text) -> ! {
    panic!("{}", message.as_str())
}

/// Looks for a difference in the fields below a shape. Returns if there is none.
#[track_caller]
const fn below(shape: &'static ConstShape, search: &mut Search<'_>) {
    let length = search.path.length;
    match shape {
        ConstShape::Any | ConstShape::Scalar(_) | ConstShape::Values { .. } => {}
        ConstShape::Nullable(inner) => below(inner.get(), search),
        ConstShape::Array { item, .. } => {
            search.path.push("[]");
            below(item.get(), search);
        }
        ConstShape::Map(item) => {
            search.path.push("{}");
            below(item.get(), search);
        }
        ConstShape::Tuple(items) => {
            let mut at = 0;
            while at < items.len() {
                search.path.length = length;
                search.path.push("[");
                push_number(&mut search.path, at);
                search.path.push("]");
                below(items[at].get(), search);
                at += 1;
            }
        }
        ConstShape::Union { id, alternatives } => {
            if !try_enter(id, &mut search.around) {
                return;
            }
            let mut at = 0;
            while at < alternatives.len() {
                search.path.length = length;
                search.path.push("<");
                search.path.push(alternatives[at].label);
                search.path.push(">");
                below(alternatives[at].shape.get(), search);
                at += 1;
            }
            leave(&mut search.around);
        }
        ConstShape::Object { id, fields, .. } => {
            if !try_enter(id, &mut search.around) {
                return;
            }
            if search.path.length > 0 {
                search.path.push(".");
            }
            in_fields(fields, true, search);
            removed(fields, search);
            leave(&mut search.around);
        }
    }
    search.path.length = length;
}

#[track_caller]
const fn in_fields(fields: &'static [ConstField], all_required: bool, search: &mut Search<'_>) {
    let length = search.path.length;
    let mut at = 0;
    while at < fields.len() {
        let field = &fields[at];
        let is_required = field.is_required && all_required;
        at += 1;
        if field.is_flattened {
            let (shape, is_required) = match field.shape.get() {
                ConstShape::Nullable(inner) => (inner.get(), false),
                shape => (shape, is_required),
            };
            if let ConstShape::Object { fields, .. } = shape {
                in_fields(fields, is_required, search);
            }
            continue;
        }
        search.path.push(field.name);
        compare(field, is_required, search);
        search.path.length = length;
    }
}

/// Compares a field with its line, if it has one.
#[track_caller]
const fn compare(field: &'static ConstField, is_required: bool, search: &mut Search<'_>) {
    let Some(line) = find(search.known, search.path.as_bytes()) else {
        let about = if is_required { "" } else { " (optional)" };
        report(search, "has a field", about, "that no migration introduces", "add");
    };
    let was_required = search.known[line] == b'1';
    if was_required && !is_required {
        report(search, "lets the field", "", "be missing, which no migration allows", "relax");
    }
    if !was_required && is_required {
        report(
            search,
            "requires the field",
            "",
            "and no migration makes sure that it is there",
            "require",
        );
    }
    let hash = fold(field.shape.get(), &mut search.around);
    if hash != number(search.known, line + 2) {
        below(field.shape.get(), search);
        report(
            search,
            "has another type for the field",
            "",
            "and no migration changes it",
            "change",
        );
    }
}

#[track_caller]
const fn report(search: &Search<'_>, what: &str, about: &str, then: &str, verb: &str) -> ! {
    let mut message = Text::new();
    message.push("`");
    message.push(search.type_name);
    message.push("` ");
    message.push(what);
    message.push(" `");
    message.push_bytes(search.path.as_bytes());
    message.push("`");
    message.push(about);
    message.push(" ");
    message.push(then);
    message.push(": `cargo mongrate diff ");
    message.push(verb);
    message.push("-");
    push_last(&mut message, search.path.as_bytes());
    message.push("`");
    fail(&message)
}

/// Adds the last name of a path, as far as it is plain.
const fn push_last(message: &mut Text, path: &[u8]) {
    let mut start = path.len();
    while start > 0 && (path[start - 1].is_ascii_alphanumeric() || path[start - 1] == b'_') {
        start -= 1;
    }
    match start == path.len() {
        true => message.push("field"),
        false => message.push_bytes(path.split_at(start).1),
    }
}

/// Looks for known fields of a document that are gone.
#[track_caller]
const fn removed(fields: &'static [ConstField], search: &mut Search<'_>) {
    let prefix = search.path.length;
    let mut at = 0;
    while at < search.known.len() {
        let end = end_of_path(search.known, at);
        if begins(search.known, at, search.path.as_bytes())
            && is_name(search.known, at + prefix, end)
        {
            let name = search.known.split_at(end).0.split_at(at + prefix).1;
            if !has(fields, name) {
                search.path.push_bytes(name);
                report(
                    search,
                    "has no field",
                    "",
                    "any more, and no migration removes it",
                    "remove",
                );
            }
        }
        at = end_of_line(search.known, end);
    }
}

const fn has(fields: &'static [ConstField], name: &[u8]) -> bool {
    let mut at = 0;
    while at < fields.len() {
        let field = &fields[at];
        if field.is_flattened {
            let shape = match field.shape.get() {
                ConstShape::Nullable(inner) => inner.get(),
                shape => shape,
            };
            // The fields of a union are not in this document's lines.
            if let ConstShape::Object { fields, .. } = shape
                && has(fields, name)
            {
                return true;
            }
        } else if field.name.len() == name.len() && begins(name, 0, field.name.as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

/// Returns where the rest of a field's line begins.
const fn find(known: &[u8], path: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < known.len() {
        let end = end_of_path(known, at);
        if end - at == path.len() && begins(known, at, path) {
            return Some(end + 1);
        }
        at = end_of_line(known, end);
    }
    None
}

const fn begins(text: &[u8], from: usize, with: &[u8]) -> bool {
    if from + with.len() > text.len() {
        return false;
    }
    let mut at = 0;
    while at < with.len() {
        if text[from + at] != with[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// The path of a line ends with a tab.
const fn end_of_path(known: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < known.len() && known[at] != b'\t' {
        at += 1;
    }
    at
}

const fn end_of_line(known: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < known.len() && known[at] != b'\n' {
        at += 1;
    }
    at + 1
}

/// Whether the text is one name of a path, and not several.
const fn is_name(known: &[u8], from: usize, to: usize) -> bool {
    let mut at = from;
    while at < to {
        if matches!(known[at], b'.' | b'[' | b'{' | b'<') {
            return false;
        }
        at += 1;
    }
    from < to
}

/// Reads 16 hexadecimal digits.
const fn number(text: &[u8], from: usize) -> u64 {
    let (mut number, mut at) = (0_u64, from);
    while at < from + 16 && at < text.len() {
        let digit = match text[at] {
            digit @ b'0'..=b'9' => digit - b'0',
            digit => digit.wrapping_sub(b'a') + 10,
        };
        number = (number << 4) | (digit & 15) as u64;
        at += 1;
    }
    number
}

const fn push_number(text: &mut Text, number: usize) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    #[allow(clippy::cast_possible_truncation)]
    text.push_bytes(&[b'0' + (number % 10) as u8]);
}

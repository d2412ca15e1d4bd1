//! The attributes that the compiler and its tools know themselves, and that no macro implements.

use syn::Path;

/// Attributes that advise people, lints or the optimiser, and change nothing that a function does.
///
/// The checksum leaves them out, so this list is part of the checksum's algorithm: a word more or
/// less changes checksums that are sealed.
const ADVICE: [&str; 10] = [
    "doc",
    "allow",
    "warn",
    "expect",
    "deny",
    "forbid",
    "inline",
    "cold",
    "must_use",
    "deprecated",
];

/// The tools whose attributes are advice as well. Part of the checksum's algorithm, too.
const TOOLS: [&str; 3] = ["rustfmt", "clippy", "diagnostic"];

/// Attributes that decide whether a function is compiled, or how.
const EFFECTS: [&str; 9] = [
    "cfg",
    "cfg_attr",
    "track_caller",
    "no_mangle",
    "export_name",
    "link_section",
    "target_feature",
    "unsafe",
    "non_exhaustive",
];

/// A tool that the checksum does not know: its attributes count there.
const EDITOR: &str = "rust_analyzer";

/// Whether an attribute of this one word is advice.
pub fn is_advice(word: &str) -> bool {
    ADVICE.contains(&word)
}

/// Whether an attribute whose path begins with this word is advice to a tool.
pub(crate) fn is_tool(word: &str) -> bool {
    TOOLS.contains(&word)
}

/// Whether an attribute of this path is advice, to the compiler or to a tool.
pub(crate) fn is_advice_path(path: &Path) -> bool {
    match first_word(path) {
        Some(word) if path.segments.len() == 1 => is_advice(&word),
        Some(tool) => TOOLS.contains(&tool.as_str()),
        None => false,
    }
}

/// Whether the compiler itself knows an attribute of this path: then no macro sees the function.
pub(crate) fn is_built_in(path: &Path) -> bool {
    match first_word(path) {
        Some(word) if path.segments.len() == 1 => {
            is_advice(&word) || EFFECTS.contains(&word.as_str())
        }
        Some(tool) => TOOLS.contains(&tool.as_str()) || tool == EDITOR,
        None => true,
    }
}

fn first_word(path: &Path) -> Option<String> {
    path.segments.first().map(|first| first.ident.to_string())
}

//! Names of migrations, in a file's name and as a function's name.

use super::error::CreateError;
use crate::label::label;

/// The longest slug, in bytes.
const SLUG_BYTES_MAX: usize = 60;

/// The longest name that is accepted as input, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// Makes the slug of a name: `Add user index` and `AddUserIndex` become `add_user_index`.
pub(super) fn slug(name: &str) -> Result<String, CreateError> {
    let refuse = |problem| {
        Err(CreateError::Name { name: name.chars().take(SLUG_BYTES_MAX).collect(), problem })
    };
    if name.len() > NAME_BYTES_MAX {
        return refuse("it is over 200 bytes long");
    }
    if name.contains(['/', '\\']) {
        return refuse("it holds a path separator");
    }
    if name.contains("..") {
        return refuse("it holds `..`");
    }
    if name.chars().any(char::is_control) {
        return refuse("it holds a control character");
    }
    let slug = label(name);
    if slug.is_empty() {
        return refuse("it needs a letter (a to z) or a digit");
    }
    if slug.len() > SLUG_BYTES_MAX {
        return refuse("it is over 60 characters long");
    }
    Ok(slug)
}

/// Makes a function's name of a slug: the slug itself, if Rust accepts it.
pub(super) fn function(slug: &str) -> String {
    const KEYWORDS: [&str; 52] = [
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
        "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
        "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub",
        "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type",
        "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "union",
    ];
    if slug.starts_with(|c: char| c.is_ascii_digit()) || KEYWORDS.contains(&slug) {
        format!("migrate_{slug}")
    } else {
        slug.to_owned()
    }
}

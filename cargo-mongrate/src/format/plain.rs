//! Text that a terminal, a log or a viewer would obey, made harmless: pure.

/// Whether a character does something else than be seen: control characters, and those that turn the
/// direction of a text around.
fn is_active(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text of one or more lines, without control characters but `\n`.
pub(super) fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.replace("\r\n", "\n").chars() {
        match char {
            '\n' => out.push('\n'),
            '\t' => out.push(' '),
            char if is_active(char) => out.extend(char.escape_default()),
            char => out.push(char),
        }
    }
    out
}

/// A text of one line.
pub(super) fn line(text: &str) -> String {
    lines(text).replace('\n', "\\n")
}

/// `1 command`, `3 commands`.
pub(super) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(lines("a\u{1b}[31m\r\nb\tc\u{202e}"), "a\\u{1b}[31m\nb c\\u{202e}");
        assert_eq!(line("a\nb\rc"), "a\\nb\\rc");
    }
}

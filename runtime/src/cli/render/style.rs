//! Styles, and text whose control characters a terminal shows instead of obeying.

use anstyle::{AnsiColor, Style};

use crate::telemetry::visible;

/// Bold red.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Yellow.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();

/// Green.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();

/// Cyan.
pub(super) const ACCENT: Style = AnsiColor::Cyan.on_default();

/// Dimmed.
pub(super) const FAINT: Style = Style::new().dimmed();

/// `text` in `style`.
pub(crate) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Foreign text (from the database, a migration, a server) for one line of a terminal: control
/// characters, and characters that turn the direction of text around, are shown, not obeyed.
pub(crate) fn safe(text: &str) -> String {
    visible::line(text).into_owned()
}

/// [`safe`] for a text that keeps its line breaks: indent its lines, so that none looks like a line
/// of Mongrate's own.
pub(crate) fn safe_lines(text: &str) -> String {
    visible::lines(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_not_obeyed() {
        assert_eq!(safe_lines("a\u{1b}[2Jb\r\nc\td"), "a\\u{1b}[2Jb\\r\nc d");
        assert_eq!(safe("a\u{202e}b\u{2067}c\nd"), "a\\u{202e}b\\u{2067}c\\nd");
    }
}

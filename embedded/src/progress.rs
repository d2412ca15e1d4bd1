//! What a download says of itself, and the only place of this crate that writes to stderr: a
//! download takes a minute, and silence would look like a hang.
//! [`quiet`](crate::EmbeddedBuilder::quiet) turns it off.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Where the progress of a download is shown: on stderr, or nowhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    quiet: bool,
}

impl Progress {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Writes one line. A closed stderr is no error.
    pub(crate) fn say(self, line: &str) {
        tracing::debug!(target: "mongrate", "{line}");
        if !self.quiet {
            let _ = writeln!(io::stderr().lock(), "mongrate: {line}");
        }
    }

    /// Returns a progress bar of `bytes`, which is drawn only if stderr is a terminal.
    pub(crate) fn bar(self, doing: &'static str, bytes: u64) -> ProgressBar {
        if self.quiet || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
        let style = "{spinner} {msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.set_message(doing);
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }
}

/// Bytes as a text for people: `42.2 MB`.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

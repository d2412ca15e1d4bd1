//! The one place of the crate's library half that writes to stderr: a download takes a minute, and
//! silence would look like a hang. [`quiet`](super::EmbeddedBuilder::quiet) turns it off.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Whether to say anything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    quiet: bool,
}

impl Progress {
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Writes one line. A closed stderr is nobody's concern.
    pub(super) fn say(self, line: &str) {
        tracing::debug!("{line}");
        if !self.quiet {
            let _ = writeln!(io::stderr().lock(), "mongrate: {line}");
        }
    }

    /// A bar of `bytes` for what is being done, when stderr is a terminal, otherwise one that is not drawn.
    pub(super) fn bar(self, doing: &'static str, bytes: u64) -> ProgressBar {
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

/// `42.2 MB`, for people.
pub(super) fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

//! The progress line on stderr, and log lines above it.

use std::{
    io::{self, IsTerminal as _, Write},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::telemetry::{redact, visible};

/// The progress line on screen. There is one stderr, so there is one line.
static LINE: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Shows the line until it is dropped.
#[derive(Debug)]
pub(super) struct Progress(());

impl Progress {
    /// Starts the line, if stderr is a terminal.
    pub(super) fn start(message: &str) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if io::stderr().is_terminal() && !dumb {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} · {elapsed}") {
                bar.set_style(style);
            }
            bar.set_message(message.to_owned());
            bar.enable_steady_tick(Duration::from_millis(100));
            *LINE.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar);
        }
        Self(())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let bar = LINE.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
    }
}

pub(crate) fn line() -> Option<ProgressBar> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Runs `action`, which prints, while the progress line is hidden.
pub(super) fn suspend<R>(action: impl FnOnce() -> R) -> R {
    match line() {
        Some(bar) => bar.suspend(action),
        None => action(),
    }
}

/// Writes log lines to stderr, above the progress line, without secrets.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogWriter;

impl Write for LogWriter {
    /// The subscriber hands over whole lines.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        // In JSON, secrets are escaped, so they are looked for in the parsed line.
        let clean = match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(json) if json.is_object() => {
                let mut clean = json.clone();
                redact::clean_json(&mut clean);
                // If nothing was removed, the original line, so that its fields keep their order.
                let line = if clean == json { text.into_owned() } else { format!("{clean}\n") };
                visible::json(line).into()
            }
            _ => redact::clean(&text),
        };
        // A closed stderr (`2>&1 | head -1`) is no failure; the subscriber would report it on that
        // same stderr, and panic.
        let _ = suspend(|| io::stderr().lock().write_all(clean.as_bytes()));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = io::stderr().lock().flush();
        Ok(())
    }
}

//! The line on stderr that says what is going on, while it goes on.

use std::{
    fmt::{self, Write as _},
    io::{self, IsTerminal as _, Write},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing::field::{Field, Visit};
use tracing_subscriber::{Layer, layer::Context};

use super::out::Out;
use crate::{StepProgress, redact, visible};

/// The line that is shown now. There is one stderr, so there is one line.
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

fn line() -> Option<ProgressBar> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Does something to the terminal while the line is out of the way.
pub(super) fn suspend<R>(action: impl FnOnce() -> R) -> R {
    match line() {
        Some(bar) => bar.suspend(action),
        None => action(),
    }
}

/// Shows the library's events on the line; and where there is none, that this process waits, which
/// would otherwise be a silence of any length.
#[derive(Debug)]
pub(super) struct Follow {
    pub(super) out: Out,
    /// The log lines say it already.
    pub(super) is_logged: bool,
}

impl<S: tracing::Subscriber> Layer<S> for Follow {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let bar = line();
        if bar.is_none() && self.is_logged {
            return;
        }
        let mut said = Said::default();
        event.record(&mut said);
        match bar {
            Some(bar) => {
                if let Some(text) = said.text() {
                    bar.set_message(redact::clean(&visible::line(&text)).into_owned());
                }
            }
            None => {
                if let Some(text) = said.waiting() {
                    self.out.note(&visible::line(&text));
                }
            }
        }
    }
}

/// The fields of an event that the line shows.
#[derive(Debug, Default)]
struct Said {
    message: String,
    version: String,
    name: String,
    backfill: String,
    documents: Option<u64>,
    total: Option<u64>,
    per_second: Option<u64>,
    left_s: Option<u64>,
    holder: String,
    fence: Option<i64>,
    waited_s: Option<u64>,
    this_process: bool,
}

impl Said {
    /// What a process that has no line says of its waiting.
    fn waiting(&self) -> Option<String> {
        let seconds = self.waited_s.filter(|_| self.message == "still waiting for the lock")?;
        let fence = self.fence.unwrap_or(0);
        let mut text = format!(
            "waiting for the lock: {} migrates (fence {fence}); {seconds} s so far",
            self.holder
        );
        if self.this_process {
            text += "; that is this very process: if a migration's body started this call, it waits \
                     for itself, for ever";
        }
        Some(text)
    }

    fn text(&self) -> Option<String> {
        match self.message.as_str() {
            "applying" | "rolling back" | "resuming" => {
                Some(format!("{} {} {}", self.message, self.version, self.name))
            }
            "backfilling" => Some(self.backfilling()),
            "waiting for the lock" => Some("waiting while another process migrates".to_owned()),
            _ => None,
        }
    }

    fn backfilling(&self) -> String {
        let progress = StepProgress {
            name: self.backfill.clone(),
            documents: self.documents.unwrap_or(0),
            total: self.total,
            per_second: self.per_second,
            remaining_ms: self.left_s.map(|seconds| seconds.saturating_mul(1_000)),
            updated_at: None,
        };
        super::render::backfill(&progress)
    }

    fn field(&mut self, field: &Field) -> Option<&mut String> {
        match field.name() {
            "message" => Some(&mut self.message),
            "version" => Some(&mut self.version),
            "name" => Some(&mut self.name),
            "backfill" => Some(&mut self.backfill),
            "holder" => Some(&mut self.holder),
            _ => None,
        }
    }
}

impl Visit for Said {
    fn record_i64(&mut self, field: &Field, value: i64) {
        if field.name() == "fence" {
            self.fence = Some(value);
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if field.name() == "this_process" {
            self.this_process = value;
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "documents" => self.documents = Some(value),
            "total" => self.total = Some(value),
            "per_second" => self.per_second = Some(value),
            "left_s" => self.left_s = Some(value),
            "waited_s" => self.waited_s = Some(value),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if let Some(text) = self.field(field) {
            let _ = write!(text, "{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if let Some(text) = self.field(field) {
            text.push_str(value);
        }
    }
}

/// Where log lines go: to stderr, above the line, without secrets.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogWriter;

impl Write for LogWriter {
    /// The subscriber hands over whole lines.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        // A line of JSON spells secrets in its own way.
        let clean = match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(json) if json.is_object() => {
                let mut clean = json.clone();
                redact::clean_json(&mut clean);
                // As it was written, so that its fields keep their order.
                let line = if clean == json { text.into_owned() } else { format!("{clean}\n") };
                visible::json(line).into()
            }
            _ => redact::clean(&text),
        };
        // A reader that has gone away (`2>&1 | head -1`) is no failure; the subscriber would say it
        // on the same closed stderr, and panic.
        let _ = suspend(|| io::stderr().lock().write_all(clean.as_bytes()));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = io::stderr().lock().flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_applied() {
        let mut said = Said {
            message: "applying".to_owned(),
            version: "7".to_owned(),
            name: "add_users".to_owned(),
            ..Said::default()
        };
        assert_eq!(said.text().as_deref(), Some("applying 7 add_users"));
        let far = Said {
            message: "backfilling".to_owned(),
            backfill: "initials".to_owned(),
            documents: Some(512_000),
            total: Some(1_000_000),
            per_second: Some(48_000),
            left_s: Some(10),
            ..Said::default()
        };
        assert_eq!(
            far.text().as_deref(),
            Some("`initials`: 512,000 of 1,000,000 documents (51 %), 48,000/s, 10.0 s left")
        );
        said.message = "a heartbeat failed".to_owned();
        assert_eq!(said.text(), None);
    }
}

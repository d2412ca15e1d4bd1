//! Log lines on stderr.

use std::{
    fmt::{self},
    sync::OnceLock,
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer as _,
    field::{MakeVisitor as _, RecordFields, VisitOutput as _},
    filter::Targets,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Compact, DefaultFields, Format, Writer},
        layer,
    },
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use super::{
    args::CliArgs,
    error::CliError,
    line::LogWriter,
    log_filter::{self, asked},
    out::Out,
};
use crate::telemetry::{IN_THE_REPORT, visible};

/// Whether this process's log lines say that a run waits for the lock.
static IS_LOGGED: OnceLock<bool> = OnceLock::new();

/// Sets up logging once per process; if the app has set it up already, that stays.
///
/// The filter is `--log`, else `-v`, else `RUST_LOG`, else warnings only. With `json` among the
/// directives each line is a JSON object; `json` alone also logs each migration's outcome.
///
/// Returns whether the log lines say that a run waits for the lock.
pub(super) fn init(args: &CliArgs, out: Out) -> Result<bool, CliError> {
    let (json, asked) = asked(args)?;
    let directives = asked.as_deref().unwrap_or(if json { "warn,mongrate=info" } else { "warn" });
    let filter = log_filter::parsed(directives)?;
    let format = Format::default().compact().with_target(args.verbose > 1);
    let base =
        layer().with_writer(|| LogWriter).with_ansi(out.colors_stderr()).fmt_fields(VisibleFields);
    let lines = match &asked {
        _ if json => layer()
            .with_writer(|| LogWriter)
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .boxed(),
        Some(_) => base.event_format(format).boxed(),
        None => base.event_format(WithoutReported(format.without_time())).boxed(),
    };
    let shows_waiting = shows_waiting(&filter);
    let set_up = || {
        let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter));
        let is_ours = subscriber.try_init().is_ok();
        // An app that set up logging itself has chosen what it wants to see.
        !is_ours || shows_waiting
    };
    Ok(*IS_LOGGED.get_or_init(set_up))
}

/// Whether the library's events of level `info` are shown, such as waiting.
fn shows_waiting(filter: &Targets) -> bool {
    filter.would_enable("mongrate", &Level::INFO)
}

/// Writes the fields of events and spans as usual, with hidden characters escaped: a line break in
/// a value, also in an event of a migration or a library, would begin a line that looks like an
/// event.
struct VisibleFields;

impl<'w> FormatFields<'w> for VisibleFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut visitor = VisibleValues(DefaultFields::new().make_visitor(writer));
        fields.record(&mut visitor);
        visitor.0.finish()
    }
}

/// Passes each value on, on one line.
struct VisibleValues<V>(V);

impl<V: Visit> Visit for VisibleValues<V> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        self.0.record_debug(field, &format_args!("{}", visible::line(&text)));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.record_debug(field, &format_args!("{value}")),
            // Quoted, as `Debug` quotes it.
            _ => self.record_debug(field, &value),
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

/// The format when no log filter was given: leaves out events that the verb's own report repeats.
struct WithoutReported(Format<Compact, ()>);

impl<S, N> FormatEvent<S, N> for WithoutReported
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if event.metadata().name() == IN_THE_REPORT {
            Ok(())
        } else {
            self.0.format_event(context, writer, event)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a subscriber with these fields writes while `work` is done.
    fn logged(work: impl FnOnce()) -> String {
        use std::{
            io::Write,
            sync::{Arc, Mutex},
        };

        #[derive(Clone, Default)]
        struct Lines(Arc<Mutex<Vec<u8>>>);

        impl Write for Lines {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend(bytes);
                Ok(bytes.len())
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }

        let lines = Lines::default();
        let writer = lines.clone();
        let layer = layer()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .fmt_fields(VisibleFields)
            .event_format(Format::default().compact().without_time());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn nothing_that_is_logged_begins_a_line() {
        let forged = "no\n WARN mongrate::audit: forged\u{1b}[2K\u{202e}\r\u{2028}x";
        let text = logged(|| {
            let span = tracing::info_span!("migration", name = forged, shown = %forged);
            let _in = span.enter();
            let error = std::io::Error::other(forged);
            tracing::info!(failure = %forged, path = forged, debug = ?forged, "{forged}");
            tracing::info!(error = &error as &(dyn std::error::Error + 'static), "an error");
        });
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("no\\n WARN mongrate::audit: forged\\u{1b}[2K"), "{text}");
        assert!(!text.chars().any(|c| c != '\n' && visible::is_hidden(c)), "{text:?}");
    }

    #[test]
    fn who_logs_the_waiting_is_not_told_again() {
        for shown in ["info", "warn,mongrate=info", "mongrate=debug", "x=warn, trace"] {
            assert!(shows_waiting(&log_filter::parsed(shown).unwrap()), "{shown}");
        }
        for hidden in ["warn", "x=debug", "mongrate=error", "info,mongrate=off"] {
            assert!(!shows_waiting(&log_filter::parsed(hidden).unwrap()), "{hidden}");
        }
    }
}

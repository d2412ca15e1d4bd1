//! Log lines on stderr.

use std::{
    env::VarError,
    fmt::{self, Write as _},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    field::{MakeVisitor as _, RecordFields, VisitOutput as _},
    filter::{LevelFilter, Targets},
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
    out::Out,
    progress::{Follow, LogWriter},
};
use crate::visible;

/// Sets up logging, once per process; where the app has done so already, its set-up stays.
///
/// `--log` decides, or else `-v`, or else `RUST_LOG`, or else warnings only. With `json` among the
/// directives each line is a JSON object; alone it also says what becomes of each migration.
pub(super) fn init(args: &CliArgs, out: Out) -> Result<(), CliError> {
    let (json, asked) = asked(args)?;
    let directives = asked.as_deref().unwrap_or(if json { "warn,mongrate=info" } else { "warn" });
    let filter = EnvFilter::builder().parse(directives).map_err(|error| {
        CliError::usage(
            "bad_log_filter",
            format!("`{directives}` is not a log filter ({error}); try `info` or `mongrate=debug`"),
        )
    })?;
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
        None => base.event_format(Unasked(format.without_time())).boxed(),
    };
    let follow = Follow { out, is_logged: shows_waiting(directives) };
    let follow = follow.with_filter(Targets::new().with_target("mongrate", LevelFilter::INFO));
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).with(follow).try_init();
    Ok(())
}

/// Whether these directives show what the library tells at level `info`, such as that it waits.
fn shows_waiting(directives: &str) -> bool {
    directives.split(',').any(|directive| {
        let (target, level) = directive.rsplit_once('=').unwrap_or(("", directive));
        matches!(target.trim(), "" | "mongrate")
            && level.trim().parse::<LevelFilter>().is_ok_and(|level| level >= LevelFilter::INFO)
    })
}

/// Whether each line is a JSON object, and the directives that were asked for.
fn asked(args: &CliArgs) -> Result<(bool, Option<String>), CliError> {
    let from_env = match std::env::var("RUST_LOG") {
        Ok(filter) => Some(filter).filter(|filter| !filter.trim().is_empty()),
        Err(VarError::NotPresent) => None,
        Err(VarError::NotUnicode(_)) => {
            let message =
                "the environment variable RUST_LOG is not UTF-8; set it anew, or unset it";
            return Err(CliError::usage("bad_log_filter", message));
        }
    };
    let asked = match (&args.log, args.verbose) {
        (Some(filter), _) => Some(filter.clone()),
        (None, 0) => from_env,
        (None, 1) => Some("warn,mongrate=info".to_owned()),
        (None, _) => Some("info,mongrate=debug".to_owned()),
    };
    Ok(asked.map_or((false, None), |asked| split_json(&asked)))
}

/// Whether each line on stderr is a JSON object.
pub(super) fn is_json(args: &CliArgs) -> bool {
    asked(args).is_ok_and(|(json, _)| json)
}

/// Whether `json` is among the directives, and the others.
fn split_json(asked: &str) -> (bool, Option<String>) {
    let (json, rest): (Vec<&str>, Vec<&str>) =
        asked.split(',').partition(|directive| directive.trim() == "json");
    (!json.is_empty(), (!rest.is_empty()).then(|| rest.join(",")))
}

/// Writes the fields of events and spans as usual, with everything in them visible: a line break
/// in a value would begin a line that looks like an event of its own, also in what a migration or a
/// library logs.
struct VisibleFields;

impl<'w> FormatFields<'w> for VisibleFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut visitor = VisibleValues(DefaultFields::new().make_visitor(writer));
        fields.record(&mut visitor);
        visitor.0.finish()
    }
}

/// Hands each value on, on one line.
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

/// For who did not ask for log lines: without what the verb itself will say.
struct Unasked(Format<Compact, ()>);

impl<S, N> FormatEvent<S, N> for Unasked
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
        let mut message = Message::default();
        event.record(&mut message);
        if message.is_in_the_report() {
            Ok(())
        } else {
            self.0.format_event(context, writer, event)
        }
    }
}

#[derive(Default)]
struct Message(String);

impl Message {
    fn is_in_the_report(&self) -> bool {
        matches!(self.0.as_str(), "failed" | "cancelled" | "the lock was taken away by an operator")
            || self.0.starts_with("the database is ahead")
    }
}

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
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
            assert!(shows_waiting(shown), "{shown}");
        }
        for hidden in ["warn", "info2", "x=debug", "mongrate=error"] {
            assert!(!shows_waiting(hidden), "{hidden}");
        }
    }

    #[test]
    fn json_is_a_form_and_no_target() {
        assert_eq!(split_json("json"), (true, None));
        assert_eq!(split_json("json,mongrate=debug"), (true, Some("mongrate=debug".to_owned())));
        assert_eq!(split_json("info,json"), (true, Some("info".to_owned())));
        assert_eq!(split_json("jsonrpc=info"), (false, Some("jsonrpc=info".to_owned())));
    }
}

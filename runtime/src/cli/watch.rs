//! `status --watch`: the status, again and again.

use std::io::{self, IsTerminal as _};

use serde_json::json;

use super::{
    args::verb::StatusArgs,
    connect::unless_cancelled,
    error::CliError,
    render::status,
    verbs::{Output, VerbRun},
};
use crate::{Migrator, StatusReport};

/// Puts the cursor into the first column of the first line, and clears what is below.
const HOME: &str = "\u{1b}[H\u{1b}[J";

/// Clears the screen.
const CLEAR: &str = "\u{1b}[2J";

impl VerbRun<'_> {
    /// Shows the status until Ctrl-C. On a terminal it is drawn anew each time; otherwise it is printed
    /// each time that it has changed, in JSON one line each.
    pub(super) async fn watch(
        &self,
        args: StatusArgs,
        migrator: &Migrator,
    ) -> Result<Output, CliError> {
        let draws = io::stdout().is_terminal() && !self.out.json;
        let mut shown: Option<StatusReport> = None;
        loop {
            let looking = async { migrator.status().await.map_err(CliError::from) };
            let report = match unless_cancelled(self.cancel, looking).await {
                Err(_) if self.cancel.is_cancelled() => break,
                report => report?,
            };
            if draws {
                let clear = if shown.is_none() { CLEAR } else { "" };
                let text = status::watched(&report, self.view());
                self.out.print(&format!("{clear}{HOME}{text}"));
            } else if shown.as_ref().is_none_or(|shown| is_news(shown, &report)) {
                match self.out.json {
                    true => self.out.line(json!(report)),
                    false => self.out.print(&status::status(&report, self.view())),
                }
            }
            // `| head` has seen enough.
            if self.out.is_closed() {
                break;
            }
            shown = Some(report);
            tokio::select! {
                () = tokio::time::sleep(args.every) => {}
                () = self.cancel.cancelled() => break,
            }
        }
        let mut output = Output::new(&json!(null), "")?;
        output.is_printed = true;
        Ok(output)
    }
}

/// Whether more has changed than the time that a lease still runs.
fn is_news(before: &StatusReport, now: &StatusReport) -> bool {
    let without_clock = |report: &StatusReport| {
        let mut report = report.clone();
        (report.lock.remaining_ms, report.lock.expires_at) = (0, None);
        report
    };
    without_clock(before) != without_clock(now)
}

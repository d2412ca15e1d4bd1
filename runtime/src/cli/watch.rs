//! `status --watch`: the status, again and again.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use serde_json::json;

use super::{
    args::verb::StatusArgs,
    connect::unless_cancelled,
    error::CliError,
    render::status,
    verbs::{Output, VerbRun},
};
use crate::{Kind, Migrator, StatusReport};

/// Puts the cursor into the first column of the first line, and clears what is below.
const HOME: &str = "\u{1b}[H\u{1b}[J";

/// Clears the screen.
const CLEAR: &str = "\u{1b}[2J";

/// The server is not asked more often.
const EVERY_MIN: Duration = Duration::from_millis(100);

impl VerbRun<'_> {
    /// Shows the status until Ctrl-C. On a terminal it is drawn anew each time; otherwise it is printed
    /// each time that it has changed, in JSON one line each. A server that is out of reach for a while
    /// does not end it.
    pub(super) async fn watch(
        &self,
        args: StatusArgs,
        migrator: &Migrator,
    ) -> Result<Output, CliError> {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let draws = io::stdout().is_terminal() && !self.out.json && !is_dumb;
        let mut shown: Option<StatusReport> = None;
        loop {
            let looking = async { migrator.status().await.map_err(CliError::from) };
            match unless_cancelled(self.cancel, looking).await {
                Err(_) if self.cancel.is_cancelled() => break,
                Err(error) if error.kind() == Kind::Unavailable && shown.is_some() => {
                    self.out.note(&error.to_string());
                }
                Err(error) => return Err(error),
                Ok(report) if draws => {
                    let clear = if shown.is_none() { CLEAR } else { "" };
                    let text = status::watched(&report, self.view());
                    // Not through the stream that takes styles away where there are no colours.
                    let _ = io::stdout().write_all(format!("{clear}{HOME}").as_bytes());
                    self.out.print(&first_lines(&text, height()));
                    shown = Some(report);
                }
                Ok(report) if shown.as_ref().is_none_or(|shown| is_news(shown, &report)) => {
                    match self.out.json {
                        true => self.out.line(json!(report)),
                        false => self.out.print(&status::status(&report, self.view())),
                    }
                    shown = Some(report);
                }
                Ok(_) => {}
            }
            // `| head` has seen enough.
            if self.out.is_closed() || is_hung_up() {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(args.every.max(EVERY_MIN)) => {}
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

/// As many lines as the screen has; the last one says how many more there are.
fn first_lines(text: &str, height: Option<usize>) -> String {
    let count = text.lines().count();
    let Some(height) = height.filter(|height| *height > 1 && count >= *height) else {
        return text.to_owned();
    };
    let mut shown: Vec<&str> = text.lines().take(height - 2).collect();
    let more = format!("… {} more lines: `status` shows them", count - shown.len());
    shown.push(&more);
    shown.join("\n")
}

/// The height of the terminal.
#[cfg(unix)]
fn height() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_row > 0).then(|| usize::from(size.ws_row))
}

#[cfg(not(unix))]
fn height() -> Option<usize> {
    None
}

/// Whether the reader of stdout has gone, though nothing was written since.
#[cfg(unix)]
fn is_hung_up() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let out = io::stdout();
    let mut all = [PollFd::new(&out, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let asked = poll(&mut all, Some(&at_once));
    asked.is_ok_and(|count| count > 0)
        && all[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

#[cfg(not(unix))]
fn is_hung_up() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_status_keeps_its_first_lines_on_the_screen() {
        let text = "a\nb\nc\nd\n";
        assert_eq!(first_lines(text, None), text);
        assert_eq!(first_lines(text, Some(5)), text);
        assert_eq!(first_lines(text, Some(4)), "a\nb\n… 2 more lines: `status` shows them");
    }
}

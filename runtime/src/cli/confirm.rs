//! Asks before something that is hard to undo.

use std::io::BufRead as _;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{args::verb::Command, error::CliError, out::Out};
use crate::Kind;

/// Asks `question`; any answer but yes means no.
///
/// # Errors
///
/// When the answer is no, and when a signal comes first. Nothing was written in either case.
pub(super) async fn ask(
    out: Out,
    question: &str,
    cancel: &CancellationToken,
) -> Result<(), CliError> {
    out.ask(&format!("{question} [y/N] "));
    let (send, answer) = oneshot::channel();
    // A thread of its own: a read from a terminal cannot be cancelled, and the runtime would wait
    // for its own threads to end.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        let _ = send.send(read.map(|_| line).unwrap_or_default());
    });
    let line = tokio::select! {
        line = answer => line.unwrap_or_default(),
        () = cancel.cancelled() => return Err(CliError::cancelled()),
    };
    if line.ends_with('\n') {
        out.answered();
    }
    if matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(CliError::new(Kind::Cancelled, "declined", "not confirmed; nothing was written"))
}

/// Refuses a verb that needs a confirmation without a terminal, before anything is read.
pub(super) fn refuse_unasked(out: Out, command: &Command) -> Result<(), CliError> {
    let (unasked, flag) = match command {
        Command::Down(args) => {
            let is_run = args.dry_run.how().is_none() && args.out.out.is_none();
            // A name is looked up first: that there is none is no question of a confirmation.
            let is_named = args.to_tag.is_some() || args.to_release.is_some();
            (!args.confirm.yes && is_run && args.plan.is_none() && !is_named, "--yes")
        }
        Command::Redo(args) => (!args.confirm.yes && args.dry_run.how().is_none(), "--yes"),
        Command::Repair(args) => (!args.confirm.yes && !args.dry_run, "--yes"),
        Command::Purge(args) => (!args.confirm.yes && !args.dry_run, "--yes"),
        Command::Audit(args) => (args.prune && !args.confirm.yes && !args.dry_run, "--yes"),
        Command::Baseline(args) => (!args.confirm.yes, "--yes"),
        Command::Import(args) => (!args.confirm.yes && !args.dry_run, "--yes"),
        Command::Resolve(args) => (!args.confirm.yes, "--yes"),
        Command::ForceUnlock(args) => (!args.confirm, "--confirm"),
        _ => (false, ""),
    };
    if unasked && !out.is_interactive() {
        let verb = match command {
            Command::Audit(_) => "audit --prune",
            _ => command.name(),
        };
        return Err(refuse(verb, flag));
    }
    Ok(())
}

/// The error when a confirmation is needed and there is no terminal.
pub(super) fn refuse(verb: &str, flag: &str) -> CliError {
    CliError::usage(
        "confirmation_needed",
        format!(
            "`{verb}` needs a confirmation, and there is no terminal to ask on; add `{flag}`; \
             nothing was written"
        ),
    )
}

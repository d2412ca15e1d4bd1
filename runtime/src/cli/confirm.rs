//! Asks before something that is hard to undo.

use std::io::BufRead as _;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{error::CliError, out::Out};
use crate::Kind;

/// Asks `question`; anything but yes is no.
///
/// # Errors
///
/// When nobody can be asked, when the answer is no, and when a signal comes first. Nothing
/// was written in any case.
pub(super) async fn ask(
    out: Out,
    question: &str,
    cancel: &CancellationToken,
) -> Result<(), CliError> {
    out.ask(&format!("{question} [y/N] "));
    let (send, answer) = oneshot::channel();
    // A thread of its own, as the runtime would wait for one of its threads to end, and a
    // read from a terminal cannot be called off.
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

/// What is said where nobody can be asked.
pub(super) fn refuse(verb: &str, flag: &str) -> CliError {
    CliError::usage(
        "confirmation_needed",
        format!(
            "`{verb}` wants to be confirmed, and there is no terminal to ask at; add `{flag}`; \
             nothing was written"
        ),
    )
}

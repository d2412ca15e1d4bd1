//! Why a migration, or a step of a migration, did not commit.

use std::{error::Error as StdError, fmt};

use crate::model::{error::Error, report::failure::Failure, result::BoxError};

/// Why a migration, or a step of a migration, did not commit. Whatever was in flight is aborted.
#[derive(Debug)]
pub(crate) enum StopReason {
    /// The body's own error, or [`EndedByServer`].
    Body(BoxError),
    /// The caller's cancellation token fired.
    Cancelled,
    /// The lease or the fence is lost: another process has taken over.
    Lost,
    /// An election took back what only the former primary had: nothing of this migration is
    /// there, and nothing of the commits that [`Engine::undone`] counts.
    TakenBack,
    /// The server refused, or could not be reached.
    Server(Error),
    /// The commit was sent, and its outcome could not be found out.
    Unknown(Error),
}

impl StopReason {
    /// The reason in words, for a log.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Server(error) | Self::Unknown(error) => error.to_string(),
            Self::Body(error) => Failure::of(error.as_ref()).message,
            Self::Lost => "another process has taken over".to_owned(),
            Self::TakenBack => "an election took back what came before it".to_owned(),
            Self::Cancelled => "cancelled".to_owned(),
        }
    }
}

/// What a migration is told whose transaction the server ended several times in a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndedByServer;

impl fmt::Display for EndedByServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "several times in a row, the server had already ended the transaction before its next \
             operation or its commit: either the body swallowed the error of one of its \
             operations (pass every error on with `?`), or it takes longer than the server lets a \
             transaction live (60 s by default: write an online migration instead)",
        )
    }
}

impl StdError for EndedByServer {}

/// Turns the end of a body into a result; a panic is a failure.
pub(crate) fn settle_body(
    ended: Result<Result<(), BoxError>, Box<dyn std::any::Any + Send>>,
) -> Result<(), StopReason> {
    match ended {
        Ok(ended) => ended.map_err(StopReason::Body),
        Err(panic) => Err(StopReason::Body(panicked(panic.as_ref()))),
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> BoxError {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned());
    format!("the migration panicked: {text}").into()
}

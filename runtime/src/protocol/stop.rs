//! Why a migration, or a step of a migration, did not commit.

use crate::model::{error::Error, report::failure::Failure, result::BoxError};

/// Why a migration, or a step of one, did not commit. Whatever was in flight is aborted.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Its own error.
    Body(BoxError),
    /// The token.
    Cancelled,
    /// The lease, or the fence: another process has taken over.
    Lost,
    /// An election took back what only the former primary had: nothing of this one is there, and
    /// nothing of those that [`Engine::undone`] counts.
    TakenBack,
    /// The server.
    Server(Error),
    /// The commit was sent, and nobody could say what became of it.
    Unknown(Error),
}

impl Stop {
    /// For a log.
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

/// What a body's end means; a panic is a failure.
pub(crate) fn settle_body(
    ended: Result<Result<(), BoxError>, Box<dyn std::any::Any + Send>>,
) -> Result<(), Stop> {
    match ended {
        Ok(ended) => ended.map_err(Stop::Body),
        Err(panic) => Err(Stop::Body(panicked(panic.as_ref()))),
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

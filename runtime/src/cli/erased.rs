//! Futures behind a pointer. They are compiled with this crate: a future whose type is known is compiled
//! with the crate that awaits it, so that all verbs would be, at each build of an app.

use std::{pin::Pin, process::ExitCode};

/// Runs a verb, and ends with the exit code.
pub(super) type Erased<'a> = Pin<Box<dyn Future<Output = ExitCode> + Send + 'a>>;

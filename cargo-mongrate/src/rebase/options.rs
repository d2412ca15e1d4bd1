//! The options of `cargo mongrate rebase`.

use super::conflict::Side;

/// The options of a rebase.
#[derive(Debug, Default)]
pub(crate) struct RebaseOptions {
    /// Names or files of migrations; if there are any, only these are yours.
    pub(crate) only: Vec<String>,
    /// The side of git's conflicts that is yours.
    pub(crate) mine: Option<Side>,
    /// The branch or commit whose migrations keep their numbers.
    pub(crate) onto: Option<String>,
    pub(crate) dry_run: bool,
}

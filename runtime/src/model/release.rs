//! Releases of an app, as the history names them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{named::Named, numbers::counted};

/// Stands before the name of the token for which an HTTP interface runs a verb, after the app's own
/// name in `by.app`.
pub(crate) const ON_BEHALF: &str = "HTTP token ";

/// The release in a `by.app`: the app's own name, without the token of an HTTP interface, and without
/// blanks around it, which nobody sees.
pub(crate) fn release_of(app: &str) -> &str {
    let app = app.trim();
    let token = app.find(ON_BEHALF).filter(|at| *at == 0 || app[..*at].ends_with(", "));
    match token {
        Some(at) => app[..at].trim_end_matches(", ").trim_end(),
        None => app,
    }
}

/// The token of an HTTP interface in a `by.app`; `None`: there is none.
pub(crate) fn token_of(app: &str) -> Option<&str> {
    let token = app.get(release_of(app).len()..)?;
    token.trim_start_matches(", ").strip_prefix(ON_BEHALF)
}

/// Migrations that a release applied one after the other, with none of another release in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReleaseStretch {
    /// The release, e.g. `shop 1.3.9`; empty if the app gave itself no name.
    pub release: String,
    /// How many of its migrations are applied.
    pub migrations: usize,
    /// The migration that was applied first.
    pub first: Named,
    /// The migration that was applied last.
    pub last: Named,
    /// How many migrations were applied after the last one: `down --steps` with this number goes back
    /// to the end of the stretch.
    pub later: usize,
}

impl fmt::Display for ReleaseStretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { release, migrations, first, last, later } = self;
        let count = counted(u64::try_from(*migrations).unwrap_or(u64::MAX), "migration");
        write!(f, "`{release}` applied {count}, ")?;
        match migrations {
            1 => write!(f, "{last}")?,
            _ => write!(f, "{first} to {last}")?,
        }
        match later {
            0 => f.write_str("; that is where the history is now"),
            later => write!(f, "; `down --steps {later}` goes back to there"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_a_request_is_no_part_of_the_release() {
        for (app, release) in [
            ("shop 1.3.9", "shop 1.3.9"),
            ("shop 1.3.9, HTTP token ops", "shop 1.3.9"),
            ("shop, of HTTP token makers", "shop, of HTTP token makers"),
            (" shop 1.3.9\n", "shop 1.3.9"),
            ("shop 1.3.9 , HTTP token ops", "shop 1.3.9"),
            ("HTTP token ops", ""),
            ("", ""),
        ] {
            assert_eq!(release_of(app), release, "{app}");
        }
    }
}

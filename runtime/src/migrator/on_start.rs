//! `on_start`: what an app calls when it starts.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
};

use mongodb::Database;

use super::Migrator;
use crate::{
    model::{config::WhenPaused, error::Error, labels, report::run::StartReport, switch},
    run::{
        execute::RunOptions,
        plan::{Goal, UpTarget},
    },
    telemetry::visible::Line,
};

impl Migrator {
    /// Applies or checks pending migrations, as the policy says; see
    /// [`on_start`](crate::on_start()). Call it when the app starts, and await the result.
    pub fn on_start(&self) -> OnStart<'_> {
        OnStart::new(self)
    }
}

/// The environment variable that sets the policy at start.
pub const MIGRATE_ON_START: &str = "MIGRATE_ON_START";

/// The environment variable that says what a start does while the history is paused: `wait`, `start`,
/// `fail`; see [`WhenPaused`]. It comes before [`Migrator::when_paused`].
pub const MIGRATE_WHEN_PAUSED: &str = "MIGRATE_WHEN_PAUSED";

/// The environment variable that selects labels at start, with commas between them. Adds to
/// [`Migrator::labels`].
pub const MIGRATE_LABELS: &str = labels::VARIABLE;

/// The environment variable that asks for an audit log: `true` or `false`; see
/// [`Migrator::keep_audit_log`], which it comes before.
pub const MIGRATE_AUDIT_LOG: &str = "MIGRATE_AUDIT_LOG";

/// What an app does about pending migrations when it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartPolicy {
    /// Apply pending migrations. `MIGRATE_ON_START=true`.
    Migrate,
    /// Refuse to start, with [`Error::Pending`]. `MIGRATE_ON_START=check`.
    Check,
    /// Start, with a warning in the log. `MIGRATE_ON_START=false`, or unset.
    #[default]
    Warn,
}

/// Brings the database up to date, or reports that it is not. Call it when the app starts.
///
/// `MIGRATE_ON_START` decides: `true` applies pending migrations (any number of processes may start
/// at once: one applies, the others wait until nothing is pending), `check` fails with
/// [`Error::Pending`] if migrations are pending, `false` or unset only warns. To set the policy or
/// its default in code, use [`Migrator::on_start`].
///
/// While an operator has paused the history ([`Migrator::pause`]), a start that would apply pending
/// migrations waits; `MIGRATE_WHEN_PAUSED=start` lets the app start without them, and `fail` lets it fail
/// with [`Error::Paused`]. A start whose own run is paused under way waits in any case.
///
/// `MIGRATE_LABELS=demo,eu` selects labels: migrations that have labels apply only where one of theirs is
/// selected ([`Migrator::labels`]).
///
/// If nothing is pending, it costs one round trip, however long the history is.
///
/// # Errors
///
/// As [`Up`](crate::Up); [`Error::Settings`] if the variable has another value: then nothing was
/// run.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = mongrate::mongodb::Client::with_uri_str("mongodb://localhost").await?;
/// mongrate::on_start(&client.database("shop")).await?;
/// # Ok(())
/// # }
/// ```
pub async fn on_start(database: &Database) -> Result<StartReport, Error> {
    Migrator::new(database).on_start().await
}

/// The policy at start. Made by [`Migrator::on_start`]; await it.
#[derive(Debug)]
#[must_use = "nothing runs until it is awaited"]
pub struct OnStart<'a> {
    migrator: &'a Migrator,
    fixed: Option<StartPolicy>,
    default: StartPolicy,
}

impl<'a> OnStart<'a> {
    pub(crate) fn new(migrator: &'a Migrator) -> Self {
        Self { migrator, fixed: None, default: StartPolicy::default() }
    }

    /// Uses this policy, whatever the environment says.
    pub fn policy(mut self, policy: StartPolicy) -> Self {
        self.fixed = Some(policy);
        self
    }

    /// Uses this policy if the variable is unset or empty. Default: [`StartPolicy::Warn`].
    pub fn default_policy(mut self, policy: StartPolicy) -> Self {
        self.default = policy;
        self
    }

    async fn run(self) -> Result<StartReport, Error> {
        let policy = match self.fixed {
            Some(policy) => policy,
            None => parse(std::env::var_os(MIGRATE_ON_START), self.default)?,
        };
        let labels = std::env::var_os(MIGRATE_LABELS).unwrap_or_default();
        let labels = labels.to_string_lossy();
        let (labels, has_gap) = labels::listed(labels.split(','));
        if has_gap {
            tracing::warn!(target: "mongrate", "{}", labels::GAP);
        }
        let mut runner = self.migrator.clone().labels(labels).runner_meanwhile().await?;
        if let Some(when_paused) = parse_when_paused(std::env::var_os(MIGRATE_WHEN_PAUSED))? {
            runner.settings.when_paused = when_paused;
        }
        if let Some(audited) = parse_audit_log(std::env::var_os(MIGRATE_AUDIT_LOG))? {
            runner.settings.audit.wanted = audited;
        }
        match policy {
            StartPolicy::Migrate => {
                let goal = &Goal::Up(UpTarget::default());
                match runner.run(goal, RunOptions::default()).await {
                    Ok(report) => Ok(StartReport::Migrate(report)),
                    Err(Error::Paused { asked })
                        if runner.settings.when_paused == WhenPaused::Start =>
                    {
                        let pending = runner.status().await?.unapplied();
                        tracing::warn!(
                            target: "mongrate", pending, by = %Line(&asked),
                            "the history is paused; the app starts with pending migrations"
                        );
                        Ok(StartReport::Paused { pending, asked })
                    }
                    Err(error) => Err(error),
                }
            }
            StartPolicy::Check => {
                if !runner.is_current().await? {
                    runner.check_at_start().await?;
                }
                Ok(StartReport::Check)
            }
            StartPolicy::Warn => {
                if runner.is_current().await? {
                    return Ok(StartReport::Warn { pending: 0 });
                }
                match runner.check_at_start().await {
                    Ok(_) => Ok(StartReport::Warn { pending: 0 }),
                    Err(Error::Pending { versions }) => {
                        tracing::warn!(
                            target: "mongrate",
                            pending = versions.len(),
                            first = %versions.first().map(ToString::to_string).unwrap_or_default(),
                            "migrations are pending; run `up`, or start with MIGRATE_ON_START=true"
                        );
                        Ok(StartReport::Warn { pending: versions.len() })
                    }
                    // This policy starts the app whatever the history looks like.
                    Err(
                        error @ (Error::Drift(_)
                        | Error::Renamed(_)
                        | Error::OutOfOrder { .. }
                        | Error::Ahead { .. }
                        | Error::Squashed { .. }),
                    ) => {
                        tracing::warn!(target: "mongrate", error = %Line(&error), "the migrations need attention");
                        let pending = runner.status().await?.unapplied();
                        Ok(StartReport::Warn { pending })
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }
}

impl<'a> IntoFuture for OnStart<'a> {
    type Output = Result<StartReport, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

fn parse(value: Option<std::ffi::OsString>, default: StartPolicy) -> Result<StartPolicy, Error> {
    let Some(value) = value else { return Ok(default) };
    let Some(text) = value.to_str() else {
        return Err(Error::Settings {
            setting: MIGRATE_ON_START,
            problem: "the variable is not UTF-8; it is one of `true`, `check`, `false`".to_owned(),
        });
    };
    if text.trim().eq_ignore_ascii_case("check") {
        return Ok(StartPolicy::Check);
    }
    match switch::parse(text) {
        Ok(None) => Ok(default),
        Ok(Some(true)) => Ok(StartPolicy::Migrate),
        Ok(Some(false)) => Ok(StartPolicy::Warn),
        Err(_) => Err(Error::Settings {
            setting: MIGRATE_ON_START,
            problem: format!("`{}` is none of `true`, `check`, `false`", text.escape_debug()),
        }),
    }
}

fn parse_when_paused(value: Option<std::ffi::OsString>) -> Result<Option<WhenPaused>, Error> {
    let Some(value) = value else { return Ok(None) };
    let text = value.to_string_lossy();
    match text.trim().to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "wait" => Ok(Some(WhenPaused::Wait)),
        "start" => Ok(Some(WhenPaused::Start)),
        "fail" => Ok(Some(WhenPaused::Fail)),
        _ => Err(Error::Settings {
            setting: MIGRATE_WHEN_PAUSED,
            problem: format!("`{}` is none of `wait`, `start`, `fail`", text.escape_debug()),
        }),
    }
}

fn parse_audit_log(value: Option<std::ffi::OsString>) -> Result<Option<bool>, Error> {
    let Some(value) = value else { return Ok(None) };
    let text = value.to_string_lossy();
    switch::parse(&text).map_err(|problem| Error::Settings { setting: MIGRATE_AUDIT_LOG, problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paused_history_is_one_of_three_words() {
        for (text, policy) in [
            ("wait", Some(WhenPaused::Wait)),
            ("Start", Some(WhenPaused::Start)),
            (" fail ", Some(WhenPaused::Fail)),
            ("", None),
        ] {
            assert_eq!(parse_when_paused(Some(text.into())).unwrap(), policy, "{text}");
        }
        assert!(parse_when_paused(Some("no".into())).is_err());
        assert_eq!(parse_when_paused(None).unwrap(), None);
    }

    #[test]
    fn an_audit_log_is_asked_for_or_not() {
        let parse = |text: &str| parse_audit_log(Some(text.into()));
        assert_eq!(parse("true").unwrap(), Some(true));
        assert_eq!(parse("0").unwrap(), Some(false));
        assert_eq!(parse(" ").unwrap(), None);
        assert!(parse("maybe").unwrap_err().to_string().contains("MIGRATE_AUDIT_LOG"));
    }

    #[test]
    fn the_variable_is_one_of_three_words() {
        for (text, policy) in [
            ("true", StartPolicy::Migrate),
            ("Check", StartPolicy::Check),
            ("false", StartPolicy::Warn),
            ("", StartPolicy::Check),
        ] {
            assert_eq!(parse(Some(text.into()), StartPolicy::Check).unwrap(), policy, "{text}");
        }
        assert!(parse(Some("ture".into()), StartPolicy::Warn).is_err());
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStringExt as _;
            let bytes = std::ffi::OsString::from_vec(b"tr\xffue".to_vec());
            let error = parse(Some(bytes), StartPolicy::Warn).unwrap_err().to_string();
            assert!(error.contains("MIGRATE_ON_START") && error.contains("UTF-8"), "{error}");
        }
        assert_eq!(parse(None, StartPolicy::Migrate).unwrap(), StartPolicy::Migrate);
    }
}

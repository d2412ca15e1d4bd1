//! The options and the verbs that can be typed, as clap reads them.

pub(crate) mod address;
pub(crate) mod audit;
pub(crate) mod common;
mod number;
pub(crate) mod release;
pub(crate) mod steering;
pub(crate) mod verb;
pub(crate) mod wait;
#[cfg(feature = "webhook")]
pub(crate) mod webhook;

use clap::{ArgAction, Args, ValueEnum};
use mongrate_seal::create::Template;

pub use self::address::Uri;
use self::verb::{Answer, KindArg};
use crate::{
    Resolution,
    model::{labels, switch},
};

/// The options that every verb takes. Flatten it into an app's own [`clap::Parser`].
#[derive(Args, Clone, Debug, Default)]
pub struct CliArgs {
    /// The MongoDB server: mongodb://…; the search for it ends after 10 s, unless the URI sets
    /// `serverSelectionTimeoutMS`
    #[arg(
        long, env = "MONGODB_URI", hide_env_values = true, global = true, value_name = "URI",
        help_heading = CONNECTION
    )]
    pub uri: Option<Uri>,

    /// Name of the database [default: the URI's, or else the app's]
    #[arg(
        long, env = "MONGODB_DATABASE", hide_env_values = true, global = true, value_name = "NAME",
        help_heading = CONNECTION
    )]
    pub database: Option<String>,

    /// Only the migrations of this group
    #[arg(long, global = true, value_name = "NAME", help_heading = CONNECTION)]
    pub group: Option<String>,

    /// Select labels, with commas between them: migrations that have labels apply only where one of
    /// theirs is selected [default: none]
    #[arg(
        long, env = "MIGRATE_LABELS", hide_env_values = true, global = true, value_name = "LABELS",
        value_delimiter = ',', help_heading = CONNECTION
    )]
    pub labels: Vec<String>,

    /// The control collection [default: migrations]
    #[arg(long, global = true, value_name = "NAME", help_heading = CONNECTION)]
    pub collection: Option<String>,

    /// Keep an audit log from the first event on; a database that has one needs no flag. The variable is
    /// `true` or `false`
    #[arg(
        long, env = "MIGRATE_AUDIT_LOG", hide_env_values = true, global = true,
        value_parser = parse_switch, help_heading = CONNECTION
    )]
    pub audit_log: bool,

    /// Sign the entries of the audit log with this key: a file with an Ed25519 key in PEM. It switches no
    /// log on
    #[cfg(feature = "audit-signature")]
    #[arg(
        long, env = "MIGRATE_AUDIT_KEY", hide_env_values = true, global = true, value_name = "FILE",
        value_parser = audit::parse_key, help_heading = CONNECTION
    )]
    pub audit_key: Option<crate::AuditKey>,

    /// Print one JSON document instead of text, also for errors
    #[arg(long, global = true, help_heading = OUTPUT)]
    pub json: bool,

    /// Colour: `auto` (at a terminal, unless NO_COLOR is set), `always` or `never`
    #[arg(
        long, global = true, value_enum, default_value_t, value_name = "WHEN",
        hide_possible_values = true, help_heading = OUTPUT
    )]
    pub color: Color,

    /// Log more to stderr: -v what happens, -vv details
    #[arg(short, long, action = ArgAction::Count, global = true, help_heading = OUTPUT)]
    pub verbose: u8,

    /// Log filter, such as `mongrate=debug` [env: RUST_LOG] [default: warn]; with `json` or
    /// `json,FILTER` each line is a JSON object, and each migration has at least one line
    #[arg(long, global = true, value_name = "FILTER", help_heading = OUTPUT)]
    pub log: Option<String>,
}

impl CliArgs {
    /// The options of the command line that decide which history is meant, for a command that is
    /// proposed: ` --group shop`. What the environment says holds there, too.
    pub(super) fn repeated(&self) -> String {
        let variable = |name: &str| std::env::var(name).ok();
        let labels = (!self.labels.is_empty()).then(|| self.labels.join(","));
        let options = [
            ("--database", self.database.clone(), variable("MONGODB_DATABASE")),
            ("--group", self.group.clone(), None),
            ("--collection", self.collection.clone(), None),
            ("--labels", labels, variable(labels::VARIABLE)),
        ];
        let given = options.into_iter().filter_map(|(flag, value, variable)| {
            let value = value.filter(|value| Some(value) != variable.as_ref())?;
            let is_plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "._-,".contains(c));
            let quote = if is_plain { "" } else { "'" };
            Some(format!(" {flag} {quote}{value}{quote}"))
        });
        given.collect()
    }
}

const CONNECTION: &str = "Connection";

const OUTPUT: &str = "Output";

/// A flag in an environment variable.
fn parse_switch(text: &str) -> Result<bool, String> {
    Ok(switch::parse(text)?.unwrap_or(false))
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// At a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl From<KindArg> for Template {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Transaction => Self::Transaction,
            KindArg::Online => Self::Online,
            KindArg::Change => Self::Change,
        }
    }
}

impl From<Answer> for Resolution {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Applied => Self::Applied,
            Answer::Pending => Self::Pending,
            Answer::Undone => Self::Undone,
        }
    }
}

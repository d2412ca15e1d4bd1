//! Who may use a verb: `cli`, `http:alice`, `mongodb:sre@admin`, `app:shop`. Pure.

use std::{fmt, str::FromStr};

const NAME_BYTES_MAX: usize = 128;

/// Who may use a verb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Everybody at the command line.
    Cli,
    /// Code that calls the library: an app's start, a job.
    Library,
    /// Everybody whom the HTTP interface has signed in; or the holder of the token of this name.
    Http(Option<String>),
    /// The MongoDB user of the connection, as the server knows it: `user`, or `user@database`.
    Mongodb(String),
    /// The app of this name, of any version.
    App(String),
}

impl Caller {
    /// Whether the app is of this name: `shop` is that of `shop` and of `shop 1.3.9`.
    pub fn is_app(name: &str, app: &str) -> bool {
        app.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    }
}

impl FromStr for Caller {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (kind, name) = match text.split_once(':') {
            Some((kind, name)) => (kind, Some(name)),
            None => (text, None),
        };
        let is_name = |name: &str| {
            (1..=NAME_BYTES_MAX).contains(&name.len())
                && name.trim() == name
                && !name.contains(|c: char| c.is_control() || c == ',')
        };
        let name = match name {
            Some(name) if !is_name(name) => return Err(wrong(text)),
            name => name.map(str::to_owned),
        };
        match (kind, name) {
            ("cli", None) => Ok(Self::Cli),
            ("library", None) => Ok(Self::Library),
            ("http", name) => Ok(Self::Http(name)),
            ("mongodb", Some(name)) => Ok(Self::Mongodb(name)),
            ("app", Some(name)) => Ok(Self::App(name)),
            _ => Err(wrong(text)),
        }
    }
}

fn wrong(text: &str) -> String {
    format!(
        "`{}` names nobody; write `mongodb:USER` (the user of the connection), `http:TOKEN`, `http`, \
         `cli`, `app:NAME` or `library`",
        text.escape_debug()
    )
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cli => f.write_str("cli"),
            Self::Library => f.write_str("library"),
            Self::Http(None) => f.write_str("http"),
            Self::Http(Some(name)) => write!(f, "http:{name}"),
            Self::Mongodb(name) => write!(f, "mongodb:{name}"),
            Self::App(name) => write!(f, "app:{name}"),
        }
    }
}

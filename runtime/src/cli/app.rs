//! [`Cli`]: what an app sets for its command line.

use std::{
    ffi::OsStr,
    fmt,
    path::{Path, PathBuf},
};

use crate::Migrator;

type Configure = Box<dyn Fn(Migrator) -> Migrator + Send + Sync>;

/// An app's settings for its command line.
pub struct Cli {
    pub(super) app: String,
    pub(super) program: Option<String>,
    /// The name of the program, from its first argument.
    pub(super) invoked: Option<String>,
    /// The subcommands under which the app's parser has the verbs.
    pub(super) mounted: Vec<String>,
    pub(super) database: Option<String>,
    pub(super) migrations_dir: PathBuf,
    pub(super) configure: Option<Configure>,
    pub(super) clap: Option<clap::Command>,
    #[cfg(feature = "embedded")]
    pub(super) embedded: Option<PathBuf>,
}

impl Default for Cli {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Cli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cli")
            .field("app", &self.app)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl Cli {
    /// A command line without defaults.
    pub fn new() -> Self {
        Self {
            app: String::new(),
            program: None,
            invoked: None,
            mounted: Vec::new(),
            database: None,
            migrations_dir: PathBuf::from("src/migrations"),
            configure: None,
            clap: None,
            #[cfg(feature = "embedded")]
            embedded: None,
        }
    }

    /// What the app calls itself in the history, the lock and `--version`, e.g.
    /// `clinic 1.2.0`.
    #[must_use]
    pub fn app(mut self, app: impl Into<String>) -> Self {
        self.app = app.into();
        self
    }

    /// The database to use when neither the arguments nor the URI name one.
    #[must_use]
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// Starts an embedded server that keeps its data in `dir`, when neither `--uri` nor
    /// `MONGODB_URI` names a server. For development and samples.
    #[cfg(feature = "embedded")]
    #[must_use]
    pub fn embedded(mut self, dir: impl Into<PathBuf>) -> Self {
        self.embedded = Some(dir.into());
        self
    }

    /// Where `create` writes, relative to the working directory. Default: `src/migrations`.
    #[must_use]
    pub fn migrations_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.migrations_dir = dir.into();
        self
    }

    /// The app's own settings. The arguments are applied after them and override them.
    #[must_use]
    pub fn configure(
        mut self,
        configure: impl Fn(Migrator) -> Migrator + Send + Sync + 'static,
    ) -> Self {
        self.configure = Some(Box::new(configure));
        self
    }

    /// How users call the verbs, such as `clinic db`; hints in the output use it. Default: the
    /// name of the program, and the subcommand under which the parser given to
    /// [`parse`](Self::parse) has the verbs.
    #[must_use]
    pub fn called(mut self, program: impl Into<String>) -> Self {
        self.program = Some(program.into());
        self
    }

    pub(crate) fn program(&self) -> String {
        self.program.clone().unwrap_or_else(|| {
            let mut words = vec![self.invoked()];
            words.extend(self.mounted.iter().cloned());
            words.join(" ")
        })
    }

    /// The name of the program that was run.
    pub(crate) fn invoked(&self) -> String {
        let own = || std::env::args_os().next().and_then(|path| stem(&path));
        self.invoked.clone().or_else(own).unwrap_or_else(|| "mongrate".to_owned())
    }
}

/// The name of a program, without its directory and its extension.
pub(super) fn stem(path: &OsStr) -> Option<String> {
    let stem = Path::new(path).file_stem()?.to_string_lossy().into_owned();
    (!stem.is_empty()).then_some(stem)
}

//! `drift`: the arguments, and one or two calls of the library.

use std::{future::IntoFuture as _, path::PathBuf};

use chrono::Utc;
use clap::Args;

use super::{
    error::CliError,
    render::drift,
    verbs::{Output, VerbRun},
};
use crate::{Kind, Migrator, verbs::drift::adopt};

/// What `drift` compares, and what becomes of the differences.
#[derive(Args, Clone, Debug, Default)]
pub struct DriftArgs {
    /// Exit with 65 if there is a difference or a document that does not fit, or with 3 if
    /// migrations are pending as well
    #[arg(long)]
    pub strict: bool,

    /// Leave out this collection, or `collection/index`; `*` is any text, `?` any character (may be
    /// repeated)
    #[arg(long, value_name = "PATTERN")]
    pub ignore: Vec<String>,

    /// Also count, in N random documents of each collection with models, those that do not have the
    /// shape of a model, by field; shows no values
    #[arg(long, value_name = "N")]
    pub sample: Option<u32>,

    /// Write a migration with this name that declares what is in the database, and change
    /// models.snap with it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["strict", "sample"])]
    pub adopt: Option<String>,

    /// Directory of the migrations, for --adopt [default: the app's, or src/migrations]
    #[arg(long, value_name = "DIR", requires = "adopt")]
    pub dir: Option<PathBuf>,
}

impl VerbRun<'_> {
    pub(super) async fn drift(
        &self,
        args: &DriftArgs,
        migrator: Migrator,
    ) -> Result<Output, CliError> {
        let mut check = migrator.drift();
        for pattern in &args.ignore {
            check = check.ignore(pattern);
        }
        if let Some(documents) = args.sample {
            check = check.sample(documents);
        }
        let report = self.read("comparing the schema", check.into_future()).await?;
        if let Some(name) = &args.adopt {
            let dir = args.dir.as_deref().unwrap_or(&self.cli.migrations_dir);
            let adopted = adopt::write(&report, name, dir, Utc::now().naive_utc())?;
            return Output::new(&adopted, drift::adopted(&adopted, self.view()));
        }
        let app = self.cli.program();
        let mut output = Output::new(&report, drift::drift(&report, self.view(), &app))?;
        if let Some(kind) = report.refused().filter(|_| args.strict) {
            output.exit_code = kind.exit_code();
        }
        Ok(output)
    }
}

impl From<adopt::AdoptError> for CliError {
    fn from(error: adopt::AdoptError) -> Self {
        match error {
            adopt::AdoptError::Library(error) => error.into(),
            adopt::AdoptError::Create(error) => error.into(),
            adopt::AdoptError::Io(text) => Self::new(Kind::Failed, "io", text),
        }
    }
}

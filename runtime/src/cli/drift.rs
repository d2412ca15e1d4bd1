//! `drift`: one or two calls of the library.

use std::future::IntoFuture as _;

use chrono::Utc;

use super::{
    args::verb::DriftArgs,
    error::CliError,
    render::drift,
    verbs::{Output, VerbRun},
};
use crate::{Kind, Migrator, verbs::drift::adopt};

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

//! `history`: the events, or the runs that they tell of.

use std::future::IntoFuture as _;

use super::{
    args::release::HistoryArgs,
    error::CliError,
    render,
    verbs::{Output, VerbRun},
};
use crate::Migrator;

impl VerbRun<'_> {
    pub(super) async fn history(
        &self,
        args: &HistoryArgs,
        migrator: &Migrator,
    ) -> Result<Output, CliError> {
        let view = self.view();
        if args.runs {
            let report = self.read("reading the history", migrator.runs()).await?;
            return Output::new(&report, render::runs::runs(&report, view));
        }
        let history = match &args.release {
            Some(release) => migrator.history().release(release),
            None => migrator.history(),
        };
        let report = self.read("reading the history", history.into_future()).await?;
        Output::new(&report, render::history::history(&report, view))
    }
}

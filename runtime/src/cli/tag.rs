//! `tag`: sets, moves, removes and lists names of states.

use super::{
    args::release::TagArgs,
    error::CliError,
    line::Progress,
    render,
    verbs::{Output, VerbRun},
};
use crate::Migrator;

impl VerbRun<'_> {
    pub(super) async fn tag(&self, args: &TagArgs, migrator: Migrator) -> Result<Output, CliError> {
        let Some(name) = &args.name else {
            let report = self.read("reading the tags", migrator.tags()).await?;
            return Output::new(&report, render::tag::tags(&report, self.view()));
        };
        let line = Progress::start("recording");
        let report = match args.remove {
            true => migrator.remove_tag(name).await?,
            false => {
                let why = args.why.clone().unwrap_or_default();
                migrator.tag(name).moving(args.move_it).why(why).await?
            }
        };
        drop(line);
        Output::new(&report, render::tag::tag(&report))
    }
}

//! Prints an error, with the run's report and the next step.

use super::{
    error::CliError,
    out::Out,
    render::{run, view},
};

pub(crate) fn print_error(out: Out, error: &CliError, next: Option<&str>) {
    if out.json {
        return out.document(error.to_json(next));
    }
    if let Some(report) = error.report()
        && !report.steps.is_empty()
    {
        let view = view::View { width: out.width(), now: chrono::Utc::now() };
        out.print(&run::run(report, view));
    }
    out.failure(error, next);
}

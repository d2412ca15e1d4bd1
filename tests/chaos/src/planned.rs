//! Rounds of approved plans: the plan, and whether what was recorded names it.

use mongrate::{Migrator, PlanFile, mongodb::Database};

use crate::history::History;

/// The plan for what a verb is to do, made in a database at rest.
pub(crate) async fn plan(db: &Database, history: &History, is_back: bool) -> PlanFile {
    let migrator = Migrator::with(db, (history.migrations)());
    let plan = match is_back {
        true => migrator.down().all().plan_file().await,
        false => migrator.up().plan_file().await,
    };
    plan.expect("a database at rest")
}

/// What was recorded since a plan was made, and does not name the plan.
pub(crate) async fn unplanned(db: &Database, history: &History, plan: &PlanFile) -> Vec<String> {
    let read = Migrator::with(db, (history.migrations)()).history().await;
    let events = match read {
        Ok(report) => report.events,
        Err(error) => return vec![format!("the history cannot be read: {error}")],
    };
    let mut wrong = Vec::new();
    for event in events.iter().filter(|event| event.at >= plan.made.at) {
        if event.plan.as_ref() != Some(&plan.digest) {
            wrong.push(format!("the event {} of {} names no plan", event.event, event.name));
        }
    }
    wrong
}

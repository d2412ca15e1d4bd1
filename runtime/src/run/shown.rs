//! Plans that are shown and not run.

use mongodb::bson::doc;

use super::{
    COUNT_MAX_MS, Runner,
    plan::{self, Goal, Plan, Step},
};
use crate::{
    kinds::change::declared::{self, OperationSummary},
    model::{
        error::Error,
        labels::why_left_out,
        report::plan::{DeclaredOperation, LeftOut, PlanReport, PlanStep},
        state::Direction,
    },
    mongo::reply::touched,
    protocol::read::read_all,
    registry::migration::Migration,
};

impl Runner {
    /// The plan, without a write and without the lock.
    pub(crate) async fn plan(&self, goal: &Goal, lint: bool) -> Result<PlanReport, Error> {
        let Plan { steps, skipped, stands, ahead, late } = self.planned(goal).await?;
        let lints = if lint { self.lints(&steps).await? } else { Vec::new() };
        let group = self.settings.group.clone();
        let database = self.database_name();
        let skipped = self.left_out(&skipped);
        let selected = self.selected();
        let steps = self.shown(&steps).await;
        let stands = stands.newest().map(|squash| squash.migration.named());
        Ok(PlanReport { group, database, steps, skipped, selected, stands, lints, ahead, late })
    }

    /// Migrations that the selected labels leave out, each with the reason.
    pub(in crate::run) fn left_out(&self, skipped: &[Migration]) -> Vec<LeftOut> {
        let selected = self.selected();
        let one = |migration: &Migration| {
            let labels: Vec<String> = migration.labels().into_iter().map(Into::into).collect();
            LeftOut {
                version: migration.version(),
                name: migration.name().to_owned(),
                why: why_left_out(&labels, &selected),
                labels,
            }
        };
        skipped.iter().map(one).collect()
    }

    fn selected(&self) -> Vec<String> {
        self.settings.labels.all().map(str::to_owned).collect()
    }

    /// The plan by the history as it is now. Two round trips.
    pub(crate) async fn planned(&self, goal: &Goal) -> Result<Plan, Error> {
        self.peek().await?;
        let (history, _) = read_all(&self.control, None).await?;
        let plan = plan::plan(goal, &self.registry, &history, self.tolerances())?;
        self.warn_ahead(&plan.ahead);
        self.refuse_out_of_order_across(&plan.steps).await?;
        Ok(plan)
    }

    /// The steps of a plan, to be shown; declared migrations with their operations.
    pub(crate) async fn shown(&self, steps: &[Step]) -> Vec<PlanStep> {
        let mut shown = Vec::with_capacity(steps.len());
        for Step { migration, direction, resumes } in steps {
            shown.push(PlanStep {
                version: migration.version(),
                name: migration.name().to_owned(),
                kind: migration.kind(),
                direction: *direction,
                reversible: migration.is_reversible(),
                resumes: *resumes,
                source: migration.source(),
                operations: self.operations(migration, *direction).await,
            });
        }
        shown
    }

    /// What a declared migration would do, and to how many documents.
    pub(crate) async fn operations(
        &self,
        migration: &Migration,
        direction: Direction,
    ) -> Vec<DeclaredOperation> {
        let mut operations = Vec::new();
        let Some(declare) = migration.declaration() else { return operations };
        for OperationSummary { operation, undo, documents } in
            declared::operations(declare, direction)
        {
            let mut count = None;
            if let Some((collection, filter)) = &documents {
                let command = doc! {
                    "count": collection, "query": filter.clone(), "maxTimeMS": COUNT_MAX_MS,
                };
                let reply = self.control.once(None, command).await.ok();
                count = reply.and_then(|reply| u64::try_from(touched(&reply)).ok());
            }
            let collection = documents.map(|(collection, _)| collection);
            operations.push(DeclaredOperation { operation, undo, collection, documents: count });
        }
        operations
    }
}

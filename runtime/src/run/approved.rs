//! Runs an approved plan, or refuses: [`compare`] is pure, and decides whether the plan is what would run
//! now.
//!
//! A run of the plan that stopped half-way may be resumed with the same plan: each record says which plan
//! last wrote it. What was written under this plan counts as its own doing; everything else has to be as
//! the plan saw it.

use super::{
    Runner,
    plan::{self, DownTarget, Goal, Step, UpTarget, squash::Stands},
};
use crate::{
    model::{
        config::OutOfOrder,
        error::Error,
        named::Named,
        numbers::grouped,
        plan_file::{
            PLAN_BYTES_MAX, PlanFile, PlanFileStep, PlanMade, PlanParts, PlanSeen, PlanTarget,
        },
        state::Direction,
    },
    protocol::{
        history::History,
        read::read_all,
        record::{Record, Stored},
    },
    registry::migration::Migration,
};

/// By how much the documents of a step may have grown since the plan was made: a tenth, and this many.
const GROWTH_DOCUMENTS: u64 = 1_000;

/// The most migrations that a difference lists.
const LISTED_MAX: usize = 10;

impl Runner {
    /// The plan of a run as a file. Reads only.
    pub(crate) async fn plan_file(&self, goal: &Goal) -> Result<PlanFile, Error> {
        let (direction, mut target) = target_of(goal)?;
        target.out_of_order =
            direction == Direction::Up && self.settings.out_of_order == OutOfOrder::Allow;
        self.peek().await?;
        let (history, _) = read_all(&self.control, None).await?;
        let plan = plan::plan(goal, &self.registry, &history, self.tolerances())?;
        self.refuse_out_of_order_across(&plan.steps).await?;
        if let Some(stands) = &plan.stands {
            let problem = standing(stands);
            return Err(Error::Settings { setting: "plan", problem });
        }
        let mut steps = self.sized(&plan.steps).await?;
        for step in &mut steps {
            let record = history.get(step.version).filter(|record| record.is_applied());
            step.recorded = record.map(|record| record.checksum.clone());
        }
        let lints = self.lints(&plan.steps).await?;
        let digest = history.digest();
        let file = PlanFile::new(PlanParts {
            database: self.database_name(),
            group: self.settings.group.clone(),
            direction,
            target,
            steps,
            skipped: plan.skipped.iter().map(Migration::named).collect(),
            lints,
            policies: self.policies_in_force()?,
            seen: PlanSeen { applied: digest.count(), digest: digest.hex() },
            made: PlanMade {
                at: self.server_time().await?,
                host: self.who.host.clone(),
                app: self.who.app.clone(),
            },
        });
        let bytes = file.to_json().len();
        if bytes > PLAN_BYTES_MAX {
            let problem = format!(
                "it has {} bytes, and no plan is read that has more than {}: make one of fewer migrations \
                 (`to`, `steps`)",
                grouped(bytes as u64),
                grouped(PLAN_BYTES_MAX as u64)
            );
            return Err(Error::Settings { setting: "plan", problem });
        }
        Ok(file)
    }

    /// Refuses a plan that is not for this run, before anything is read.
    pub(crate) fn refuse_other_plan(&self, direction: Direction) -> Result<(), Error> {
        let Some(plan) = &self.approved else { return Ok(()) };
        plan.refuse_edited()?;
        let mut differences = Vec::new();
        let mut differs = |what: &str, planned: &str, now: &str| {
            if planned != now {
                differences.push(format!("it is for the {what} `{planned}`, and this is `{now}`"));
            }
        };
        differs("database", &plan.database, self.control.database.name());
        differs("group", &plan.group, &self.settings.group);
        differs("direction", plan.direction.as_str(), direction.as_str());
        differ(plan, differences)
    }

    /// Refuses to record a squash beside an approved plan: it changes the history that the plan saw.
    pub(crate) fn refuse_standing(&self, stands: Option<&Stands>) -> Result<(), Error> {
        let (Some(plan), Some(stands)) = (&self.approved, stands) else { return Ok(()) };
        differ(plan, vec![standing(stands)])
    }

    /// What is left of the approved plan, if one is run: the goal to plan for. `None`: all is done.
    pub(crate) fn goal_left(&self, goal: &Goal, history: &History) -> Option<Goal> {
        let Some(plan) = &self.approved else { return Some(goal.clone()) };
        let is_done = |step: &&PlanFileStep| is_done(plan, step, history);
        if plan.steps.iter().all(|step| is_done(&step)) {
            return None;
        }
        // A target counts migrations, and a migration may have two steps: the last one makes it done.
        let done = plan.steps.iter().filter(|step| is_last(plan, step)).filter(is_done).count();
        let target = &plan.target;
        let steps = target.steps.map(|steps| steps.saturating_sub(done));
        Some(match plan.direction {
            Direction::Up => Goal::Up(UpTarget { to: target.to, steps }),
            Direction::Down => Goal::Down(down_target(target, steps)),
        })
    }

    /// Refuses steps that are not what is left of the approved plan.
    pub(crate) async fn refuse_unapproved(
        &self,
        steps: &[Step],
        skipped: &[Migration],
        history: &History,
    ) -> Result<(), Error> {
        let Some(plan) = &self.approved else { return Ok(()) };
        let skipped: Vec<Named> = skipped.iter().map(Migration::named).collect();
        differ(plan, compare(plan, steps, &skipped, history))?;
        let sized = self.sized(steps).await?;
        differ(plan, grown(plan, &sized))
    }

    /// Refuses a history in which the approved plan is not what was done, where nothing would run.
    pub(crate) fn refuse_other_history(&self, history: &History) -> Result<(), Error> {
        let Some(plan) = &self.approved else { return Ok(()) };
        differ(plan, compare(plan, &[], &[], history))
    }
}

fn down_target(target: &PlanTarget, steps: Option<usize>) -> DownTarget {
    let PlanTarget { to, batch, all, to_release, to_tag, only, independent, .. } = target;
    match (to, steps, to_release, to_tag, only) {
        (Some(version), ..) => DownTarget::To(*version),
        (_, Some(steps), ..) => DownTarget::Steps(steps),
        (_, _, Some(release), ..) => DownTarget::ToRelease(release.clone()),
        (_, _, _, Some(tag), _) => DownTarget::ToTag(tag.clone()),
        (.., Some(version)) => {
            DownTarget::Only { version: *version, independent: independent.clone() }
        }
        _ if *batch => DownTarget::Batch,
        _ if *all => DownTarget::All,
        _ => DownTarget::Steps(1),
    }
}

/// Why there is no plan where a squash is to be recorded, and the way out.
fn standing(stands: &Stands) -> String {
    let version = stands.squash.migration.version();
    format!(
        "a squash is to be recorded as standing for what is applied: run `up --to {version}` first, \
         which records it, and make the plan then"
    )
}

fn differ(plan: &PlanFile, differences: Vec<String>) -> Result<(), Error> {
    if differences.is_empty() {
        return Ok(());
    }
    Err(Error::PlanDiffers { plan: plan.digest.clone(), differences })
}

fn target_of(goal: &Goal) -> Result<(Direction, PlanTarget), Error> {
    let target = PlanTarget::default();
    let down = match goal {
        Goal::Up(UpTarget { to, steps }) => {
            return Ok((Direction::Up, PlanTarget { to: *to, steps: *steps, ..target }));
        }
        Goal::Down(down) => down,
        Goal::Redo(_) => {
            return Err(Error::Settings {
                setting: "plan",
                problem: "`redo` has no plan file; make one of `down` and one of `up`".to_owned(),
            });
        }
    };
    let target = match down {
        DownTarget::To(version) => PlanTarget { to: Some(*version), ..target },
        DownTarget::Steps(steps) => PlanTarget { steps: Some(*steps), ..target },
        DownTarget::Batch => PlanTarget { batch: true, ..target },
        DownTarget::All => PlanTarget { all: true, ..target },
        DownTarget::ToRelease(release) => {
            PlanTarget { to_release: Some(release.clone()), ..target }
        }
        DownTarget::ToTag(tag) => PlanTarget { to_tag: Some(tag.clone()), ..target },
        DownTarget::Only { version, independent } => {
            PlanTarget { only: Some(*version), independent: independent.clone(), ..target }
        }
    };
    Ok((Direction::Down, target))
}

/// The record of a step, if this plan was the last to write it.
fn own<'a>(plan: &PlanFile, step: &PlanFileStep, history: &'a History) -> Option<&'a Record> {
    let record = history.get(step.version)?;
    (record.plan.as_deref() == Some(plan.digest.as_str())).then_some(record)
}

/// Whether a run of this plan has done the step.
fn is_done(plan: &PlanFile, step: &PlanFileStep, history: &History) -> bool {
    own(plan, step, history).is_some_and(|record| match step.direction {
        Direction::Up => record.is_applied() && record.checksum == step.checksum,
        // Or it has begun to be applied again since.
        Direction::Down => {
            record.state == Stored::Reverted
                || (record.direction == Direction::Up && !is_last(plan, step))
        }
    })
}

/// Whether the plan has no later step of the same migration: an interrupted rollback is finished before
/// the migration is applied.
fn is_last(plan: &PlanFile, step: &PlanFileStep) -> bool {
    let last = plan.steps.iter().rfind(|other| other.version == step.version);
    last.is_none_or(|last| last.direction == step.direction)
}

/// How what would run now differs from what is left of the plan.
fn compare(plan: &PlanFile, now: &[Step], skipped: &[Named], history: &History) -> Vec<String> {
    let mut differences = changed(plan, history);
    let mut left = plan.steps.iter().filter(|step| !is_done(plan, step, history));
    let mut steps = now.iter();
    loop {
        match (left.next(), steps.next()) {
            (None, None) => break,
            (Some(planned), None) => differences.push(format!(
                "{} `{}` is in the plan, and would not be {} now",
                planned.version,
                planned.name,
                done(planned.direction)
            )),
            (None, Some(step)) => differences.push(format!(
                "{} would be {} now, and is not in the plan",
                step.migration.named(),
                done(step.direction)
            )),
            (Some(planned), Some(step)) => {
                let named = step.migration.named();
                let planned_named = Named { version: planned.version, name: planned.name.clone() };
                if (&named, step.direction) != (&planned_named, planned.direction) {
                    differences.push(format!(
                        "{named} would be {} now, where the plan has {planned_named}, {}",
                        done(step.direction),
                        done(planned.direction)
                    ));
                    // What comes after is out of step.
                    break;
                }
                let checksum = step.migration.checksum();
                if checksum != planned.checksum || step.migration.kind() != planned.kind {
                    differences.push(format!(
                        "{named} has another body in this build: {checksum}, and {} in the plan",
                        planned.checksum
                    ));
                }
                if step.resumes != planned.resumes && own(plan, planned, history).is_none() {
                    differences.push(match step.resumes {
                        true => {
                            format!("{named} was begun since, by a run that was not of this plan")
                        }
                        false => format!(
                            "{named} was begun when the plan was made, and would begin from its start now"
                        ),
                    });
                }
            }
        }
    }
    for named in skipped.iter().filter(|named| !plan.skipped.contains(named)) {
        differences.push(format!("{named} would be skipped now, as its labels are not selected"));
    }
    differences
}

fn done(direction: Direction) -> &'static str {
    match direction {
        Direction::Up => "applied",
        Direction::Down => "rolled back",
    }
}

/// How the history differs from the one that the plan saw, apart from what the plan did itself.
fn changed(plan: &PlanFile, history: &History) -> Vec<String> {
    let mut digest = history.digest();
    for step in plan.steps.iter().filter(|step| is_last(plan, step)) {
        let Some(record) = own(plan, step, history) else { continue };
        if record.is_applied() {
            digest.remove(step.version, &record.checksum);
        }
        if let Some(recorded) = &step.recorded {
            digest.add(step.version, recorded);
        }
    }
    if (digest.count(), digest.hex()) == (plan.seen.applied, plan.seen.digest.clone()) {
        return Vec::new();
    }
    let is_planned = |record: &Record| record.plan.as_deref() == Some(plan.digest.as_str());
    let since = history
        .records()
        .filter(|record| record.is_applied() && !is_planned(record))
        .filter(|record| record.applied_at.is_some_and(|at| at > plan.made.at));
    let mut differences: Vec<String> = since
        .map(|record| {
            let by = record.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            format!("{} was applied since the plan was made{by}", record.named())
        })
        .collect();
    let more = differences.len().saturating_sub(LISTED_MAX);
    differences.truncate(LISTED_MAX);
    if more > 0 {
        differences.push(format!("{more} more were applied since"));
    }
    if differences.is_empty() {
        differences.push(format!(
            "the history has changed: without what the plan did, {} are applied, and the plan saw {}; \
             one of them was rolled back, or is recorded with another checksum",
            digest.count(),
            plan.seen.applied
        ));
    }
    differences
}

/// The steps that would change more documents than was approved.
fn grown(plan: &PlanFile, now: &[PlanFileStep]) -> Vec<String> {
    let most = |planned: u64| planned.saturating_add(planned / 10).saturating_add(GROWTH_DOCUMENTS);
    let mut differences = Vec::new();
    for step in now {
        let same = |planned: &&PlanFileStep| {
            (planned.version, planned.direction) == (step.version, step.direction)
        };
        let Some(planned) = plan.steps.iter().find(same) else { continue };
        let sizes = planned.largest().zip(step.largest());
        if let Some((planned, found)) = sizes.filter(|(planned, found)| *found > most(*planned)) {
            differences.push(format!(
                "{} `{}` would change {} documents now, and {} were approved (at most {} may be)",
                step.version,
                step.name,
                grouped(found),
                grouped(planned),
                grouped(most(planned))
            ));
        }
    }
    differences
}

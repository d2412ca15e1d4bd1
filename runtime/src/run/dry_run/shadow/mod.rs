//! A scratch database: made, filled with a sample, migrated by the ordinary runner, dropped.

pub(crate) mod alone;
mod copy;
mod rights;
mod scratch;

use std::sync::{Arc, Mutex};

use mongodb::bson::doc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::scratch::Scratch;
use super::rehearse::Tried;
use crate::{
    model::{
        clock,
        config::{Settings, Wait},
        error::Error,
        report::{
            dry_run::{DryRunKind, DryRunOutcome, DryRunReport, ShadowReport},
            failure::Failure,
            run::{RunReport, StepOutcome, StepReport},
        },
    },
    protocol::control::{Control, on_primary},
    run::{
        Runner,
        execute::RunOptions,
        plan::{Goal, Step},
    },
    telemetry::{
        listen::queue::Listeners,
        observer::{Observer, Scope},
        progress::Progress,
    },
};

pub(crate) use self::scratch::MARKER;

/// What a shadow run is asked for.
pub(crate) struct Wanted {
    pub goal: Goal,
    pub sample: u32,
    pub continue_on_error: bool,
}

/// What was done in the scratch database.
struct Done {
    copied: copy::Copied,
    ran: Result<RunReport, Error>,
    commands: Vec<Vec<crate::model::report::dry_run::CommandReport>>,
    observed: bool,
}

impl Runner {
    pub(crate) async fn shadow(
        &self,
        wanted: Wanted,
        observer: Option<Observer>,
        lint: bool,
    ) -> Result<DryRunReport, Error> {
        let begun = Instant::now();
        let sample = wanted.sample;
        let plan = self.planned_unless_cancelled(&wanted.goal).await?;
        let lints = if lint { self.lints(&plan.steps).await? } else { Vec::new() };
        let mut report = DryRunReport {
            group: self.settings.group.clone(),
            database: self.database_name(),
            dry_run: DryRunKind::Shadow,
            steps: Vec::new(),
            attempts: 1,
            duration_ms: 0,
            observed: false,
            lints,
            shadow: None,
            stands: plan.stands.newest().map(|squash| squash.migration.named()),
            ahead: plan.ahead,
        };
        if plan.steps.is_empty() {
            return Ok(report);
        }
        self.refuse_sharded().await?;
        let name = scratch::new_name();
        rights::check(&self.control.database, &name).await?;
        let swept = scratch::sweep(&self.control.database).await;
        self.progress.began(None, plan.steps.iter().map(Into::into));

        // A task of its own makes the database and drops it, also when this future is dropped,
        // and when the work panics.
        let stop = self.cancel.child_token();
        let on_drop = stop.clone().drop_guard();
        let runner = self.in_scratch(&name, &stop);
        let (source, scratch_name) = (self.control.clone(), name.clone());
        let ended = tokio::spawn(async move {
            let scratch = Scratch::make(&source.database, &scratch_name, &runner.who).await?;
            let work = tokio::spawn(work(source, runner, wanted, observer, stop));
            let done = work.await;
            Ok::<_, Error>((done, scratch.drop().await))
        })
        .await;
        drop(on_drop);
        let (done, dropped) = match ended {
            Ok(made) => match made? {
                (Ok(done), dropped) => (done?, dropped),
                (Err(error), _) => return Err(self.broken(error)),
            },
            Err(error) => return Err(self.broken(error)),
        };
        let ran = match done.ran {
            Ok(ran) => ran,
            Err(Error::Failed { report, .. }) => *report,
            Err(error) => return Err(error),
        };
        dropped?;
        report.steps = self
            .shown(&plan.steps)
            .await
            .into_iter()
            .zip(results(&plan.steps, &ran.steps, done.commands))
            .map(|(step, tried)| tried.step(step))
            .collect();
        report.observed = done.observed;
        report.duration_ms = clock::ms_since(begun);
        report.shadow = Some(ShadowReport {
            database: name,
            sample,
            collections: done.copied.collections,
            documents: done.copied.documents,
            swept,
        });
        Ok(report)
    }

    /// The same runner, over the scratch database. It is alone there.
    fn in_scratch(&self, name: &str, stop: &CancellationToken) -> Self {
        let database = on_primary(self.control.database.client(), name);
        Self {
            control: Control { database, ..self.control.clone() },
            registry: self.registry.clone(),
            settings: Settings { wait: Wait::No, audit: Box::default(), ..self.settings.clone() },
            who: self.who.clone(),
            cancel: stop.clone(),
            watching: None,
            progress: Progress::default(),
            told: None,
            listeners: Listeners::default(),
            first_look: Mutex::default(),
            approved: None,
        }
    }

    /// A bug of ours is passed on: the database is dropped. Otherwise the runtime shuts down.
    fn broken(&self, error: tokio::task::JoinError) -> Error {
        match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Error::Cancelled { report: Box::new(self.empty_report()) },
        }
    }

    async fn refuse_sharded(&self) -> Result<(), Error> {
        let hello = doc! { "hello": 1 };
        let reply = self.control.retrying(None, hello).await;
        let reply =
            reply.map_err(|error| Error::server("ask what kind of server this is", error))?;
        if reply.get_str("msg").is_ok_and(|msg| msg == "isdbgrid") {
            return Err(Error::ShadowImpossible {
                problem: "this is a sharded cluster, whose collections and zones cannot be copied \
                          faithfully into a scratch database; use `--dry-run`, or a copy of the \
                          data on a replica set"
                    .to_owned(),
            });
        }
        Ok(())
    }
}

/// Fills the scratch database, and runs in it.
async fn work(
    source: Control,
    runner: Runner,
    wanted: Wanted,
    observer: Option<Observer>,
    stop: CancellationToken,
) -> Result<Done, Error> {
    let database = runner.control.database.clone();
    let copied = tokio::select! {
        copied = copy::all(&source, &database, wanted.sample) => copied?,
        () = stop.cancelled() => {
            return Err(Error::Cancelled { report: Box::new(runner.empty_report()) });
        }
    };
    let watching = observer.map(|observer| {
        let scope = Scope::Database(database.name().to_owned());
        Arc::new(observer.watch(scope, &source.collection))
    });
    let mut runner = Runner { watching: watching.clone(), ..runner };
    runner.settings.unthrottled = true;
    let options =
        RunOptions { continue_on_error: wanted.continue_on_error, ..RunOptions::default() };
    let ran = runner.run(&wanted.goal, options).await;
    let (commands, observed) = match &watching {
        Some(watching) => (watching.steps(), watching.heard()),
        None => (Vec::new(), false),
    };
    Ok(Done { copied, ran, commands, observed })
}

/// One for each step of the plan. (The run plans from a copy of the same history, so the steps
/// are the same.)
fn results(
    plan: &[Step],
    ran: &[StepReport],
    commands: Vec<Vec<crate::model::report::dry_run::CommandReport>>,
) -> Vec<Tried> {
    let mut commands = commands.into_iter();
    let mut ran = ran.iter();
    plan.iter()
        .map(|_| {
            let Some(step) = ran.next() else {
                return Tried::without_a_run(DryRunOutcome::NotRun);
            };
            let outcome = match step.outcome {
                StepOutcome::Applied | StepOutcome::Reverted => DryRunOutcome::Ran,
                StepOutcome::NotRun => DryRunOutcome::NotRun,
                _ => DryRunOutcome::Failed,
            };
            let sent = match outcome {
                DryRunOutcome::NotRun => Vec::new(),
                _ => commands.next().unwrap_or_default(),
            };
            let failure = step.failure.clone().or_else(|| {
                (outcome == DryRunOutcome::Failed).then(|| Failure {
                    message: "it was interrupted".to_owned(),
                    code: None,
                    code_name: None,
                    documents: Vec::new(),
                })
            });
            Tried { outcome, duration_ms: step.duration_ms, failure, commands: sent }
        })
        .collect()
}

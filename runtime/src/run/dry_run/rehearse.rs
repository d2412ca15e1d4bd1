//! Runs transactional migrations in one transaction, and aborts it. Nothing here commits.

use std::{future::IntoFuture as _, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;
use mongodb::{
    ClientSession, Database,
    bson::{Document, doc},
    error::TRANSIENT_TRANSACTION_ERROR,
    options::{ReadConcern, ReadPreference, SelectionCriteria, WriteConcern},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    kinds::transaction::Transaction,
    model::{
        clock,
        error::Error,
        report::{
            dry_run::{CommandReport, DryRunOutcome},
            failure::Failure,
        },
        result::BoxError,
        state::Direction,
    },
    mongo::{code, driver},
    protocol::{
        control::Control,
        engine::ENDED_BY_SERVER_MAX,
        fence,
        retry::Backoff,
        stop::{self, EndedByServer, StopReason},
    },
    registry::migration::{Body, TransactionFn},
    run::plan::Step,
    telemetry::{
        observer::{Observer, Scope, Watching},
        visible::Line,
    },
};

/// How long ending the transaction may take before it is left to the server.
const END_WAIT: Duration = Duration::from_secs(5);

/// How long to wait for a body that blocks its thread, once its time is over.
const GRACE: Duration = Duration::from_secs(2);

/// The failure of a body that ended the transaction itself.
const ENDED_BY_BODY: &str = "its body committed or aborted the transaction itself, through \
                             `tx.session()`: if it committed, what it wrote is in the database; \
                             leave both to the runner";

pub(super) struct Rehearsal {
    pub(super) control: Control,
    pub(super) observer: Option<Observer>,
    pub(super) cancel: CancellationToken,
    pub(super) timeout: Duration,
}

pub(super) struct Rehearsed {
    /// One for each step of the plan.
    pub(super) tried: Vec<Tried>,
    pub(super) attempts: u32,
    pub(super) observed: bool,
    pub(super) cancelled: bool,
}

/// The outcome of one step.
pub(super) struct Tried {
    pub(super) outcome: DryRunOutcome,
    pub(super) duration_ms: u64,
    pub(super) failure: Option<Failure>,
    pub(super) commands: Vec<CommandReport>,
}

/// Why an attempt did not get to its end.
enum Broken {
    /// The body returned an error that a retry does not help.
    Body(BoxError),
    /// The server asks to try again: a write conflict, an election.
    Transient(BoxError),
    /// The server had ended the transaction.
    Gone,
    /// The body had ended the transaction.
    EndedByBody,
    TimedOut,
    Cancelled,
}

impl Tried {
    pub(super) fn without_a_run(outcome: DryRunOutcome) -> Self {
        Self { outcome, duration_ms: 0, failure: None, commands: Vec::new() }
    }
}

impl Rehearsal {
    pub(super) async fn run(&self, steps: &[Step]) -> Result<Rehearsed, Error> {
        if !steps.iter().any(|step| body_of(step).is_some()) {
            let skipped = |_| Tried::without_a_run(DryRunOutcome::Skipped);
            let tried = steps.iter().map(skipped).collect();
            return Ok(Rehearsed { tried, attempts: 0, observed: false, cancelled: false });
        }
        let deadline = Instant::now() + self.timeout;
        let mut backoff = Backoff::new(self.control.retries);
        let mut gone = 0;
        loop {
            let (mut tried, observed, broken) = self.attempt(steps, deadline).await?;
            gone = if matches!(broken, Some(Broken::Gone)) { gone + 1 } else { 0 };
            let again = match &broken {
                Some(Broken::Transient(_)) => true,
                Some(Broken::Gone) => gone < ENDED_BY_SERVER_MAX,
                _ => false,
            };
            if again && Instant::now() < deadline && backoff.again().await {
                tracing::debug!(target: "mongrate", "the dry run is tried again");
                continue;
            }
            let cancelled = matches!(broken, Some(Broken::Cancelled));
            if let Some(broken) = broken
                && let Some(last) = tried.last_mut()
            {
                (last.outcome, last.failure) = self.judged(broken);
            }
            for step in steps.iter().skip(tried.len()) {
                tried.push(Tried::without_a_run(match body_of(step) {
                    Some(_) => DryRunOutcome::NotRun,
                    None => DryRunOutcome::Skipped,
                }));
            }
            return Ok(Rehearsed { tried, attempts: backoff.attempts(), observed, cancelled });
        }
    }

    /// One transaction, from its start to its abort. What broke it concerns the last of the
    /// steps that are handed back.
    async fn attempt(
        &self,
        steps: &[Step],
        deadline: Instant,
    ) -> Result<(Vec<Tried>, bool, Option<Broken>), Error> {
        let act = "start the dry run's transaction";
        let database = &self.control.database;
        let mut session = database
            .client()
            .start_session()
            .causal_consistency(true)
            .await
            .map_err(|error| Error::server(act, error))?;
        session
            .start_transaction()
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .read_concern(ReadConcern::local())
            .write_concern(WriteConcern::majority())
            .await
            .map_err(|error| Error::server(act, error))?;
        let watching = self.observer.as_ref().map(|observer| {
            observer.watch(Scope::Session(session.id().clone()), &self.control.collection)
        });
        let watchdog = self.watchdog(session.id().clone(), deadline);
        let mut tried = Vec::new();
        let mut broken = None;
        for step in steps {
            let Some(body) = body_of(step) else {
                tried.push(Tried::without_a_run(DryRunOutcome::Skipped));
                continue;
            };
            let begun = Instant::now();
            if let Some(watching) = &watching {
                watching.begin();
            }
            let ended = self.step(&mut session, body, deadline, watching.as_ref()).await;
            tried.push(Tried {
                outcome: DryRunOutcome::Ran,
                duration_ms: clock::ms_since(begun),
                failure: None,
                commands: watching.as_ref().map(ended_step).unwrap_or_default(),
            });
            if let Err(why) = ended {
                broken = Some(why);
                break;
            }
        }
        let killing = matches!(broken, Some(Broken::TimedOut | Broken::Cancelled));
        end(database, &mut session, killing).await;
        watchdog.abort();
        let observed = watching.is_some_and(|watching| watching.heard());
        Ok((tried, observed, broken))
    }

    async fn step(
        &self,
        session: &mut ClientSession,
        body: TransactionFn,
        deadline: Instant,
        watching: Option<&Watching>,
    ) -> Result<(), Broken> {
        let mut tx = Transaction::new(session, &self.control.database);
        let ended = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(Broken::Cancelled),
            () = tokio::time::sleep_until(deadline) => return Err(Broken::TimedOut),
            ended = AssertUnwindSafe(body(&mut tx)).catch_unwind() => stop::settle_body(ended),
        };
        if let Some(watching) = watching {
            watching.pause();
        }
        match ended {
            Ok(()) => {}
            Err(StopReason::Body(error)) => {
                return Err(match driver::has_label(error.as_ref(), TRANSIENT_TRANSACTION_ERROR) {
                    true => Broken::Transient(error),
                    false => Broken::Body(error),
                });
            }
            Err(_) => return Err(Broken::Cancelled),
        }
        // The driver refuses to start a second transaction in a session, without a word to the
        // server: if it does not, there is no first one any more.
        if session.start_transaction().await.is_ok() {
            return Err(Broken::EndedByBody);
        }
        // A body that swallows the error of an operation continues in a transaction that the
        // server has ended.
        let probe = doc! {
            "find": &self.control.collection, "filter": { "_id": fence::ID },
            "projection": { "_id": 1 }, "limit": 1, "singleBatch": true,
        };
        match self.control.once(Some(session), probe).await {
            Ok(_) => Ok(()),
            // NoSuchTransaction.
            Err(error) if error.code() == Some(code::NO_SUCH_TRANSACTION) => Err(Broken::Gone),
            Err(error) if error.has_label(TRANSIENT_TRANSACTION_ERROR) => {
                Err(Broken::Transient(error.into()))
            }
            Err(error) => Err(Broken::Body(error.into())),
        }
    }

    fn judged(&self, broken: Broken) -> (DryRunOutcome, Option<Failure>) {
        let said = |message: String| {
            Some(Failure { message, code: None, code_name: None, documents: Vec::new() })
        };
        match broken {
            Broken::Body(error) => (DryRunOutcome::Failed, Some(Failure::of(error.as_ref()))),
            Broken::Transient(error) => {
                let failure = Failure::of(error.as_ref());
                // WriteConflict, LockTimeout.
                match failure.code {
                    Some(112 | 24) => (DryRunOutcome::Conflict, Some(failure)),
                    _ => (DryRunOutcome::Failed, Some(failure)),
                }
            }
            Broken::Gone => (DryRunOutcome::Failed, said(EndedByServer.to_string())),
            Broken::EndedByBody => (DryRunOutcome::Failed, said(ENDED_BY_BODY.to_owned())),
            Broken::TimedOut => {
                let text = format!(
                    "the dry run's time ({:?} for all migrations together) was over; give it \
                     more with `--timeout`, up to what the server lets a transaction live (60 s \
                     by default), or try fewer at a time with `--to` or `--steps`",
                    self.timeout
                );
                (DryRunOutcome::TimedOut, said(text))
            }
            Broken::Cancelled => (DryRunOutcome::NotRun, None),
        }
    }

    /// Ends the transaction even where a body blocks its thread, and so cannot be interrupted.
    fn watchdog(&self, session: Document, deadline: Instant) -> tokio::task::AbortHandle {
        let (cancel, database) = (self.cancel.clone(), self.control.database.clone());
        let watching = tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => {}
                () = cancel.cancelled() => {}
            }
            tokio::time::sleep(GRACE).await;
            tracing::warn!(target: "mongrate", "the migration does not stop; its transaction is ended");
            kill(&database, session).await;
        });
        watching.abort_handle()
    }
}

fn body_of(step: &Step) -> Option<TransactionFn> {
    match (step.migration.body, step.direction) {
        (Body::Transaction { up, .. }, Direction::Up) => Some(up),
        (Body::Transaction { down, .. }, Direction::Down) => down,
        (Body::Online { .. } | Body::Change { .. }, _) => None,
    }
}

/// What the migration sent that has just ended.
fn ended_step(watching: &Watching) -> Vec<CommandReport> {
    watching.end();
    watching.steps().pop().unwrap_or_default()
}

/// Ends the transaction. `killing`: an operation may still be at work in it, and aborting would
/// wait for its end.
async fn end(database: &Database, session: &mut ClientSession, killing: bool) {
    if killing {
        kill(database, session.id().clone()).await;
    }
    if tokio::time::timeout(END_WAIT, session.abort_transaction()).await.is_err() {
        kill(database, session.id().clone()).await;
    }
}

async fn kill(database: &Database, session: Document) {
    let admin = database.client().database("admin");
    let killing = admin.run_command(doc! { "killSessions": [session] }).into_future();
    match tokio::time::timeout(END_WAIT, killing).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            let error = crate::mongo::server_error::ServerError::from(error);
            tracing::warn!(target: "mongrate", error = %Line(&error), "the dry run's transaction may stay open until the server ends it");
        }
        Err(_) => {
            tracing::warn!(target: "mongrate", "the dry run's transaction may stay open until the server ends it");
        }
    }
}

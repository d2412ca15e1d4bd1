//! What operators ask of runs, whichever process has them: pause, resume, tune, cancel.

use crate::{
    model::{
        config,
        error::Error,
        report::{
            status::LockReport,
            steering::{SteeringReport, SteeringVerb},
        },
        state::Who,
        tuning::Tuning,
    },
    mongo::reply::number,
    protocol::{
        heartbeat,
        lease::{self, lease_of},
        steering::{self, Answer, Request},
    },
    run::Runner,
    telemetry::visible::Line,
};

/// A request as a caller makes it.
#[derive(Clone, Debug)]
pub(crate) struct Steer {
    pub verb: SteeringVerb,
    pub fence: Option<i64>,
    pub why: Option<String>,
    pub settings: Tuning,
    pub reset: bool,
}

impl Steer {
    pub(crate) fn new(verb: SteeringVerb) -> Self {
        Self { verb, fence: None, why: None, settings: Tuning::new(), reset: false }
    }

    fn check(&self) -> Result<(), Error> {
        self.settings.check()?;
        let refuse = |setting, problem: String| Err(Error::Settings { setting, problem });
        config::check_why(self.why.as_deref())?;
        if self.verb == SteeringVerb::Tune && self.settings.is_empty() && !self.reset {
            return refuse("tune", "nothing is said; name at least one setting".to_owned());
        }
        Ok(())
    }
}

impl Runner {
    /// Asks, in two round trips, and one more for the record of a migration at work.
    pub(crate) async fn steer(&self, steer: Steer) -> Result<SteeringReport, Error> {
        steer.check()?;
        self.refuse_caller(match steer.verb {
            SteeringVerb::Pause => "pause",
            SteeringVerb::Resume => "resume",
            SteeringVerb::Tune => "tune",
            SteeringVerb::Cancel => "cancel",
        })
        .await?;
        // Also refuses a collection that is not ours.
        let before = self.peek().await?.lock;
        let Steer { verb, fence, why, settings, reset } = steer;
        let (who, user) = (&self.who, self.settings.audit.user.as_deref());
        let request = Request { who, user, verb, fence, why: why.as_deref(), settings, reset };
        if verb == SteeringVerb::Cancel && before.dead {
            return Err(no_run(&before));
        }
        let act = "ask for it in the lock";
        let asked = steering::ask(&self.control, &request, lease::projection()).await;
        let answer = match asked {
            Ok(Some(answer)) => answer,
            Ok(None) => return self.not_asked(verb, fence).await,
            Err(error) => return Err(self.control.explained(act, error).await),
        };
        let report = self.report(verb, &answer);
        if answer.changed
            && report.holder.is_some()
            && let Err(error) = steering::note(&self.control, report.fence, &answer.event).await
        {
            tracing::debug!(target: "mongrate", error = %Line(&error), "could not note it in the record");
        }
        Ok(report)
    }

    /// Why the lock did not take the request.
    async fn not_asked(
        &self,
        verb: SteeringVerb,
        fence: Option<i64>,
    ) -> Result<SteeringReport, Error> {
        let lock = self.peek().await?.lock;
        match fence {
            Some(asked) if lock.fence != asked => {
                Err(Error::FenceMismatch { asked, found: found(&lock) })
            }
            // There was nothing to resume: no process has run this history, or paused it.
            None if verb == SteeringVerb::Resume => Ok(self.unchanged(verb, &lock)),
            _ => Err(no_run(&lock)),
        }
    }

    fn report(&self, verb: SteeringVerb, answer: &Answer) -> SteeringReport {
        let lock = lease::parse(&answer.lock);
        let known = lease_of(&answer.lock).map(heartbeat::every);
        let known = known.and_then(|known| u64::try_from(known.as_millis()).ok());
        SteeringReport {
            changed: answer.changed,
            known_within_ms: known.filter(|_| lock.is_live()),
            fence: number(&answer.lock, "fence").unwrap_or(0),
            ..self.unchanged(verb, &lock)
        }
    }

    fn unchanged(&self, verb: SteeringVerb, lock: &LockReport) -> SteeringReport {
        SteeringReport {
            group: self.settings.group.clone(),
            database: self.database_name(),
            verb,
            changed: false,
            fence: lock.fence,
            holder: lock.holder.clone().filter(|_| lock.is_live()),
            known_within_ms: None,
            paused: lock.paused.clone(),
            tuned: lock.tuned.clone(),
            cancel_asked: lock.cancel_asked.clone(),
        }
    }
}

fn no_run(lock: &LockReport) -> Error {
    Error::NoRun { found: found(lock) }
}

/// What there is instead of the run that was asked for.
fn found(lock: &LockReport) -> String {
    let holder = lock.holder.as_ref().map(Who::to_string);
    match holder {
        Some(holder) if lock.dead => {
            format!("{holder} had the last one (fence {}), and has ended", lock.fence)
        }
        Some(holder) if lock.held => {
            format!("{holder} has the lock with fence {}; ask again", lock.fence)
        }
        Some(holder) => format!(
            "{holder} had the last one (fence {}), and does not renew its lease any more",
            lock.fence
        ),
        None if lock.fence == 0 => "this history has never been run".to_owned(),
        None => format!("the lock is free (last fence {})", lock.fence),
    }
}

//! `pause`, `resume`, `tune`, `cancel_run`: what operators ask of a run, whichever process has it.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
};

use super::Migrator;
use crate::{
    model::{
        error::Error,
        report::steering::{SteeringReport, SteeringVerb},
        tuning::Tuning,
    },
    verbs::steer::Steer,
};

impl Migrator {
    /// Pauses the history: in every process, nothing more begins until [`resume`](Self::resume).
    ///
    /// The run under way learns of it with its next heartbeat, within a third of its lease, ends the
    /// batch or the transaction at hand, and then waits, with the lock. A run that would begin waits
    /// without the lock, or does what [`when_paused`](Self::when_paused) says. The pause outlives
    /// crashes, take-overs and deployments. An app's start with nothing pending is not held up.
    ///
    /// ```no_run
    /// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
    /// let report = migrator.pause().why("the shop is slow").await?;
    /// if !report.changed {
    ///     println!("it was paused before, by {}", report.paused.expect("a pause"));
    /// }
    /// migrator.resume().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn pause(&self) -> Steering<'_> {
        Steering::new(self, SteeringVerb::Pause)
    }

    /// Takes a pause back. Runs go on with their next heartbeat or their next look at the lock.
    pub fn resume(&self) -> Steering<'_> {
        Steering::new(self, SteeringVerb::Resume)
    }

    /// Changes settings of the backfills of the run under way, from the next heartbeat on. What is
    /// said comes before what the migration and the run say. It holds until the run releases the lock,
    /// and for whoever takes over from a run that did not.
    ///
    /// ```no_run
    /// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
    /// migrator.tune(mongrate::Tuning::new().workers(4).per_second(2_000)).await?;
    /// // Only this one setting is changed; `None` lifts a bound.
    /// migrator.tune(mongrate::Tuning::new().per_second(None)).await?;
    /// // As the migration and the run say it.
    /// migrator.tune(mongrate::Tuning::new()).reset(true).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn tune(&self, settings: Tuning) -> Steering<'_> {
        let mut steering = Steering::new(self, SteeringVerb::Tune);
        steering.steer.settings = settings;
        steering
    }

    /// Ends the run under way in order, as [`cancel_on`](Self::cancel_on) does in its own process: the
    /// batch at hand is committed, the transaction at hand aborted, the lock released. Its verb
    /// returns [`Error::Cancelled`].
    ///
    /// Nothing keeps the next start from going on with what is pending; [`pause`](Self::pause) does.
    pub fn cancel_run(&self) -> Steering<'_> {
        Steering::new(self, SteeringVerb::Cancel)
    }
}

/// A request to the runs of a history. Made by [`Migrator::pause`], [`Migrator::resume`],
/// [`Migrator::tune`] and [`Migrator::cancel_run`]; await it.
///
/// Round trips: 2, and one more if a run is under way. The run itself pays none: its heartbeats bring
/// what is asked. Who asked, when (by the server's clock) and why is in the history.
///
/// Two operators at once: the first one's pause or cancellation stands, and the second is told so
/// ([`SteeringReport::changed`]); settings are merged field by field, and the later word counts.
///
/// # Errors
///
/// - [`Error::Settings`]: a setting is out of its bounds; the reason has more than 500 bytes.
/// - [`Error::NoRun`]: no run is under way that could be tuned or cancelled.
/// - [`Error::FenceMismatch`]: the run under way is not the one that [`fence`](Self::fence) names.
/// - [`Error::Unauthorized`], [`Error::Server`], [`Error::Standalone`], [`Error::Corrupt`].
///
/// Nothing is changed in any of these cases, but for [`Error::Server`] after a lost connection: ask
/// again, it does no harm.
///
/// # Cancel safety
///
/// Safe to drop; it may have been asked for all the same.
#[derive(Debug)]
#[must_use = "nothing is asked for until it is awaited"]
pub struct Steering<'a> {
    migrator: &'a Migrator,
    steer: Steer,
}

impl<'a> Steering<'a> {
    fn new(migrator: &'a Migrator, verb: SteeringVerb) -> Self {
        Self { migrator, steer: Steer::new(verb) }
    }

    /// Why, for those who read the status and the history: up to 500 bytes.
    pub fn why(mut self, why: impl Into<String>) -> Self {
        let why = why.into();
        self.steer.why = (!why.trim().is_empty()).then_some(why);
        self
    }

    /// Only if the run under way has this fence number. Default: whichever run it is; a pause needs no
    /// run.
    pub fn fence(mut self, fence: impl Into<Option<i64>>) -> Self {
        self.steer.fence = fence.into();
        self
    }

    /// For [`Migrator::tune`]: forgets the settings that were changed before. Default: `false`.
    pub fn reset(mut self, yes: bool) -> Self {
        self.steer.reset = yes;
        self
    }
}

impl<'a> IntoFuture for Steering<'a> {
    type Output = Result<SteeringReport, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.migrator.runner()?.steer(self.steer).await })
    }
}

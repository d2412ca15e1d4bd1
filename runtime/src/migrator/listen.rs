//! `listen`: the user's listeners.

use std::time::Duration;

use super::Migrator;
use crate::telemetry::listen::event::Event;
#[cfg(feature = "cli")]
use crate::{
    model::config::Settings,
    telemetry::listen::queue::{Late, Listeners},
};

impl Migrator {
    /// Calls `listener` with each event of the runs of this migrator: `up`, `down`, `redo`, and
    /// [`on_start`](Self::on_start) where that applies migrations. Any number of listeners may be added;
    /// each gets the events in their order, and clones of the migrator share them.
    ///
    /// ```no_run
    /// use mongrate::{EventKind, Migrator};
    ///
    /// # async fn example(db: mongrate::mongodb::Database) -> Result<(), mongrate::Error> {
    /// let migrator = Migrator::new(&db).listen(|event| {
    ///     if let EventKind::MigrationFailed { report, way_out, .. } = &event.kind {
    ///         eprintln!("{} {} failed; {way_out}", report.version, report.name);
    ///     }
    /// });
    /// migrator.up().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A listener does no harm to a run: it runs on a thread of its own, may block, and is never called
    /// within a transaction. If it panics, it gets the next event. If it is too slow, 1,024 events wait
    /// for it (and 64 more that are about the run or a failure); further events are dropped, and counted
    /// by [`EventKind::Missed`](crate::EventKind::Missed) in their place. At its end a run waits until
    /// the listeners have its last event, but not longer than [`listener_wait`](Self::listener_wait).
    ///
    /// To await something for each event, send the events into a channel, and receive them in a task:
    ///
    /// ```
    /// # async fn example(db: mongrate::mongodb::Database) {
    /// let (send, mut events) = tokio::sync::mpsc::unbounded_channel();
    /// let migrator = mongrate::Migrator::new(&db).listen(move |event| {
    ///     let _ = send.send(event.clone());
    /// });
    /// tokio::spawn(async move {
    ///     while let Some(event) = events.recv().await {
    ///         // … .await …
    ///         println!("{}", event.summary());
    ///     }
    /// });
    /// # }
    /// ```
    ///
    /// A run with nothing to do sends no event. Plans, dry runs and shadow runs send none, nor do the
    /// verbs that run no migration, as `baseline` and `purge`. What a killed process had not delivered is
    /// lost: the history has it.
    #[must_use]
    pub fn listen(mut self, listener: impl FnMut(&Event) + Send + 'static) -> Self {
        self.listeners.add(listener);
        self
    }

    /// *Feature `webhook`.* Sends the events of the runs of this migrator to a webhook: as
    /// [`listen`](Self::listen) with [`Webhook::listener`](crate::webhook::Webhook::listener), and warnings
    /// name the webhook and count only the events that it sends.
    ///
    /// ```no_run
    /// use mongrate::{Migrator, webhook::Webhook};
    ///
    /// # async fn example(db: mongrate::mongodb::Database) -> Result<(), mongrate::Error> {
    /// let webhook = Webhook::new("https://hooks.example.org/mongrate")?;
    /// Migrator::new(&db).webhook(webhook).up().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "webhook")]
    #[must_use]
    pub fn webhook(mut self, hook: crate::telemetry::webhook::hook::Webhook) -> Self {
        let (name, chosen) = (hook.name(), hook.clone());
        self.listeners.add_named(name, move |event| chosen.sends(event), hook.listener());
        self
    }

    /// How long the end of a run waits until the listeners have its last event: up to 10 min; default
    /// 5 s. Zero: not at all. Without listeners nothing is waited for.
    #[must_use]
    pub fn listener_wait(mut self, at_most: Duration) -> Self {
        self.settings.listener_wait = at_most;
        self
    }

    /// Waits until the listeners have all events so far, but not longer than this. Returns how many
    /// events are still on their way to a listener. Call it before a process ends whose
    /// [`listener_wait`](Self::listener_wait) is short.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future only ends the wait.
    pub async fn flush_listeners(&self, at_most: Duration) -> u64 {
        self.listeners.flush(at_most).await.iter().map(|late| late.events).sum()
    }

    /// The listeners, and how long the end of the process waits for them: the end of a run does not.
    #[cfg(feature = "cli")]
    pub(crate) fn wait_later(mut self) -> (Self, LastWait) {
        let at_most = self.settings.listener_wait;
        // A wait that is too long is refused as it is.
        if at_most <= Settings::LISTENER_WAIT_MAX {
            self.settings.listener_wait = Duration::ZERO;
        }
        let last = LastWait { listeners: self.listeners.clone(), at_most };
        (self, last)
    }
}

/// The wait for listeners at the end of a process.
#[cfg(feature = "cli")]
#[derive(Debug)]
pub(crate) struct LastWait {
    listeners: Listeners,
    at_most: Duration,
}

#[cfg(feature = "cli")]
impl LastWait {
    /// Whether there is anybody to wait for.
    pub(crate) fn is_needed(&self) -> bool {
        !self.listeners.is_empty() && !self.at_most.is_zero()
    }

    /// Waits. Returns what is lost if the process ends now, in words.
    pub(crate) async fn wait(&self) -> Vec<String> {
        let late = self.listeners.flush(self.at_most).await;
        let text = |late: &Late| {
            format!("{} within {:?}; what it does not have is lost", late.text(), self.at_most)
        };
        late.iter().map(text).collect()
    }
}

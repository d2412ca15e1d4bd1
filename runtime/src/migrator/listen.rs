//! `listen`: the user's listeners.

use std::time::Duration;

use super::Migrator;
use crate::telemetry::listen::event::Event;

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
        self.listeners.flush(at_most).await
    }
}

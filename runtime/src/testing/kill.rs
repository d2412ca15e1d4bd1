//! A run that dies at a command of the test's choice.
//!
//! The driver calls its event handler before it sends a command and before the caller reads a
//! reply, on the task that waits for them. A panic in the handler unwinds that task, so nothing
//! more is sent or read: for the database that is a killed process. From then on every command of
//! the client ends likewise. The client is made for this run only.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::FutureExt as _;
use mongodb::{
    bson::Document,
    event::{EventHandler, command::CommandEvent},
};

use super::{database::Database, error::TestError, server};
use crate::Migrator;

/// At which command a run dies. Commands are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kill {
    command: Option<String>,
    number: usize,
    after: bool,
}

impl Kill {
    /// Before the n-th command is sent.
    pub fn before(number: usize) -> Self {
        Self { command: None, number, after: false }
    }

    /// After the server has answered the n-th command, before the run reads the answer.
    pub fn after(number: usize) -> Self {
        Self { after: true, ..Self::before(number) }
    }

    /// Counts only commands of this name, such as `commitTransaction`. Default: all.
    #[must_use]
    pub fn of(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }
}

/// The payload of the unwinding.
struct Killed;

#[derive(Default)]
struct State {
    counted: usize,
    sent: usize,
    /// The command whose reply kills.
    waits_for: Option<i32>,
    dead: bool,
    sessions: Vec<Document>,
}

/// Runs `work` with a migrator on a client of its own that dies where `kill` says: nothing more of
/// the run reaches the database. `Ok(None)`: the run died there. `Ok(Some(…))`: it ended before.
///
/// It leaves what a dead process leaves: records, open transactions, the lock. Then the lock is
/// freed (as `force-unlock` does), so that the next run need not wait for the lease.
///
/// ```no_run
/// use mongrate::testing::{Database, Kill, TestError, kill};
///
/// #[mongrate::test(at = 20250122002)]
/// async fn the_backfill_survives_a_crash(db: Database) -> Result<(), TestError> {
///     let commit = Kill::before(2).of("commitTransaction");
///     let ran = kill(&db, commit, async |migrator| migrator.up().await).await?;
///     assert!(ran.is_none(), "it died");
///     db.migrate().await.unwrap();
///     Ok(())
/// }
/// ```
///
/// # Errors
///
/// [`TestError::SetUp`]: the server cannot be reached, or the lock cannot be freed.
///
/// # Panics
///
/// When `work` does.
pub async fn kill<T>(
    database: &Database,
    kill: Kill,
    work: impl AsyncFnOnce(Migrator) -> T,
) -> Result<Option<T>, TestError> {
    Box::pin(run(database, kill, work)).await.map(|(ended, _)| ended)
}

/// [`kill()`], with the number of commands that were sent.
pub(super) async fn run<T>(
    database: &Database,
    kill: Kill,
    work: impl AsyncFnOnce(Migrator) -> T,
) -> Result<(Option<T>, usize), TestError> {
    let state = Arc::new(Mutex::new(State::default()));
    let act = "connect";
    let client = server::client(database.uri(), database.name(), |options| {
        let state = Arc::clone(&state);
        let handler = EventHandler::callback(move |event| on_command(&state, &kill, &event));
        options.command_event_handler = Some(handler);
    })
    .await
    .map_err(TestError::driver(act))?;
    let migrator = database.over(client.database(database.name())).migrator();
    let ended = AssertUnwindSafe(work(migrator)).catch_unwind().await;
    let (dead, sent) = {
        let mut state = lock_state(&state);
        let dead = state.dead;
        // Commands that this client still sends in the background die, too.
        state.dead = true;
        (dead, state.sent)
    };
    if !dead {
        return match ended {
            Ok(value) => Ok((Some(value), sent)),
            Err(panic) => std::panic::resume_unwind(panic),
        };
    }
    free_lock(database, &state).await?;
    Ok((None, sent))
}

/// Frees the lock of the dead run.
async fn free_lock(database: &Database, state: &Mutex<State>) -> Result<(), TestError> {
    let act = "free the lock of the run that was killed";
    // The server would end the sessions within 90 s; a new run would end them, but has to wait a
    // moment.
    let sessions = std::mem::take(&mut lock_state(state).sessions);
    if !sessions.is_empty() {
        let command = mongodb::bson::doc! { "killSessions": sessions };
        let admin = database.client().database("admin");
        admin.run_command(command).await.map_err(TestError::driver(act))?;
    }
    let migrator = database.migrator();
    let lock = migrator.lock_status().await.map_err(|error| TestError::set_up(act, error))?;
    if lock.holder.is_some() {
        let freed = migrator.force_unlock(lock.fence).await;
        freed.map_err(|error| TestError::set_up(act, error))?;
    }
    Ok(())
}

fn lock_state(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn on_command(state: &Mutex<State>, kill: &Kill, event: &CommandEvent) {
    let mut state = lock_state(state);
    if let CommandEvent::Started(started) = event
        && !state.dead
    {
        state.sent += 1;
        if let Ok(session) = started.command.get_document("lsid")
            && !state.sessions.contains(session)
        {
            state.sessions.push(session.clone());
        }
        if kill.command.as_ref().is_none_or(|command| *command == started.command_name) {
            state.counted += 1;
            if state.counted == kill.number {
                match kill.after {
                    true => state.waits_for = Some(started.request_id),
                    false => {
                        state.dead = true;
                        state.sent -= 1;
                    }
                }
            }
        }
    }
    let answered = match event {
        CommandEvent::Succeeded(done) => Some(done.request_id),
        CommandEvent::Failed(failed) => Some(failed.request_id),
        _ => None,
    };
    if answered.is_some() && answered == state.waits_for {
        state.dead = true;
    }
    if state.dead {
        drop(state);
        // Without the panic hook: this is not a bug to report.
        std::panic::resume_unwind(Box::new(Killed));
    }
}

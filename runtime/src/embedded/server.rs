//! The handle: what a user of a running server holds, and can ask of it.

use std::{path::Path, sync::Arc, time::Duration};

use rustix::process::Signal;

use super::{
    EmbeddedBuilder,
    error::EmbeddedError,
    keeper::Door,
    replica_set, run_dir,
    settings::Settings,
    start::{self, Joined, Server},
    task::{self, Cancel},
};
use crate::telemetry::visible::Line;

/// The keeper ends a server within 21 s, whatever that does.
const STOP_WAIT_MAX: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(2);

/// A running MongoDB, shared by all processes that asked for the same one.
///
/// It runs for as long as any process holds a handle, and for the time it was told to
/// [linger](EmbeddedBuilder::linger). A process that is killed lets go like any other: the kernel
/// sees to it. Dropping the handle lets go without waiting; [`stop`](Self::stop) waits.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let server = mongrate::embedded::Embedded::builder().data_dir("target/clinic").start().await?;
/// println!("mongosh '{}'", server.uri());
/// server.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the server runs for as long as this is held"]
pub struct Embedded {
    door: Arc<Door>,
    users: std::fs::File,
    server: Server,
}

impl Embedded {
    /// Settings to start from.
    pub fn builder() -> EmbeddedBuilder {
        EmbeddedBuilder::default()
    }

    /// The shared scratch server with default settings: [`EmbeddedBuilder::start`].
    ///
    /// # Errors
    ///
    /// As [`EmbeddedBuilder::start`].
    ///
    /// # Cancel safety
    ///
    /// As [`EmbeddedBuilder::start`].
    pub async fn start() -> Result<Self, EmbeddedError> {
        Self::builder().start().await
    }

    pub(super) async fn start_with(settings: Settings) -> Result<Self, EmbeddedError> {
        let asked = settings.check()?;
        let Joined { door, users, server } =
            task::run(move |cancel| start::start(&asked, cancel)).await?;
        Ok(Self { door: Arc::new(door), users, server })
    }

    /// How to reach it: `mongodb://127.0.0.1:PORT/?replicaSet=mongrate`, all three hosts if there
    /// are three, `?directConnection=true` if it is a standalone. Nobody needs a password, and
    /// nobody can reach it from another machine.
    pub fn uri(&self) -> &str {
        &self.server.uri
    }

    /// The process id of the first node; `None` if it does not run.
    ///
    /// Reads a small file: it can change when a node is restarted.
    pub fn pid(&self) -> Option<u32> {
        self.node_pid(0)
    }

    /// The process id of node `index`, from 0 up; `None` if it does not run or does not exist.
    pub fn node_pid(&self, index: usize) -> Option<u32> {
        run_dir::pid(&self.server.run, index)
    }

    /// The nodes' addresses, in the order of their indices: `127.0.0.1:PORT`.
    pub fn hosts(&self) -> Vec<String> {
        self.server.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect()
    }

    /// Kills node `index` without warning (`SIGKILL`), and waits until it is dead.
    ///
    /// Its data remain, and the server counts as running: see [`restart_node`](Self::restart_node).
    /// Meant for a [private](EmbeddedBuilder::private) server: others would notice.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::BadSetting`] if it does not run.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe; the node may have been killed or not.
    pub async fn kill_node(&self, index: usize) -> Result<(), EmbeddedError> {
        let run = self.server.run.clone();
        task::run(move |cancel| run_dir::end_node(&run, index, Signal::KILL, cancel)).await
    }

    /// Starts node `index` again after [`kill_node`](Self::kill_node), and waits until it takes
    /// writes or follows the node that does.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::BadSetting`] if it still runs; otherwise as [`EmbeddedBuilder::start`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe; the node may be running or not.
    pub async fn restart_node(&self, index: usize) -> Result<(), EmbeddedError> {
        let Some(port) = self.server.ports.get(index).copied() else {
            return Err(run_dir::no_node(index));
        };
        if self.node_pid(index).is_some() {
            return Err(EmbeddedError::BadSetting(format!("node {index} still runs")));
        }
        let (run, door) = (self.server.run.clone(), Arc::clone(&self.door));
        let standalone = self.server.is_standalone();
        task::run(move |cancel| {
            door.start(index, cancel)?;
            let mut connection = replica_set::connect(&run, index, port, cancel)?;
            if standalone { Ok(()) } else { replica_set::rejoin(&mut connection, cancel) }
        })
        .await
    }

    /// Stops node `index` in its tracks (`SIGSTOP`): alive for the system, silent for everybody.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::BadSetting`] if it does not run.
    pub fn freeze_node(&self, index: usize) -> Result<(), EmbeddedError> {
        run_dir::signal(&self.server.run, index, Signal::STOP)
    }

    /// Lets a [frozen](Self::freeze_node) node go on (`SIGCONT`).
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::BadSetting`] if it does not run.
    pub fn thaw_node(&self, index: usize) -> Result<(), EmbeddedError> {
        run_dir::signal(&self.server.run, index, Signal::CONT)
    }

    /// Lets go, and if nobody else uses a server that does not linger, waits until it has ended
    /// and its files are written: at most 30 s, usually a few hundredths of one.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the server ends all the same.
    pub async fn stop(self) {
        let Self { door, users, server } = self;
        drop(door);
        if server.linger_ms != 0 {
            return;
        }
        let stopped = task::run(move |cancel| wait_for_end(&server.run, &users, cancel)).await;
        if let Err(error) = stopped {
            tracing::warn!(error = %Line(&error), "could not see the embedded server end");
        }
    }
}

fn wait_for_end(run: &Path, users: &std::fs::File, cancel: &Cancel) -> Result<(), EmbeddedError> {
    let last = "it was told to end".to_owned();
    cancel
        .poll(STOP_WAIT_MAX, PAUSE, || {
            if !run.exists() {
                return Ok(Some(()));
            }
            // Everybody else's lock is shared: if this succeeds, there is nobody else.
            match users.try_lock() {
                Ok(()) => {
                    let _ = users.unlock();
                    Ok(None)
                }
                Err(_) => Ok(Some(())),
            }
        })?
        .ok_or(EmbeddedError::NotReady { waited: STOP_WAIT_MAX, last })
}

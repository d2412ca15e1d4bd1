//! The handle of a running server, and the operations on it.

use std::{path::Path, sync::Arc, time::Duration};

use rustix::process::Signal;

use crate::{
    error::{EmbeddedError, line},
    keeper::Door,
    replica_set, run_dir,
    settings::Settings,
    start::{self, Joined, Server},
    task::{self, Cancel},
};

/// The keeper ends a server within 21 s, even a server that ignores it.
const STOP_WAIT_MAX: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(2);

/// A running MongoDB, shared by all processes that start it with the same settings.
///
/// The server runs while any process holds a handle, and then for as long as it
/// [lingers](crate::EmbeddedBuilder::linger). A process that is killed releases its handle as well:
/// the kernel closes it. Dropping the handle releases it without waiting; [`stop`](Self::stop)
/// waits.
///
/// # Examples
///
/// ```no_run
/// use mongrate_embedded::Embedded; // for users of `mongrate`: `mongrate::embedded::Embedded`
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Embedded::builder().data_dir("target/clinic").start().await?;
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
    pub(crate) async fn start_with(settings: Settings) -> Result<Self, EmbeddedError> {
        let asked = settings.check()?;
        let Joined { door, users, server } =
            task::run(move |cancel| start::start(&asked, cancel)).await?;
        Ok(Self { door: Arc::new(door), users, server })
    }

    /// The connection string: `mongodb://127.0.0.1:PORT/?replicaSet=mongrate`, with three hosts if
    /// there are three nodes, with `?directConnection=true` for a standalone. The server has no
    /// password, and cannot be reached from another machine.
    pub fn uri(&self) -> &str {
        &self.server.uri
    }

    /// The process id of the first node; `None` if that node does not run.
    ///
    /// Reads a small file, since a node that is restarted has another process id.
    pub fn pid(&self) -> Option<u32> {
        self.node_pid(0)
    }

    /// The process id of node `index`, from 0 up; `None` if that node does not run or does not exist.
    pub fn node_pid(&self, index: usize) -> Option<u32> {
        run_dir::pid(&self.server.run, index)
    }

    /// The nodes' addresses, in the order of their indices: `127.0.0.1:PORT`.
    pub fn hosts(&self) -> Vec<String> {
        self.server.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect()
    }

    /// Kills node `index` without warning (`SIGKILL`), and waits until it is dead.
    ///
    /// The node's data is kept, and the server counts as running: see
    /// [`restart_node`](Self::restart_node). Meant for a [private](crate::EmbeddedBuilder::private)
    /// server: a shared server's other users would lose the node as well.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::BadSetting`] if the node does not run.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe; the node may or may not have been killed.
    pub async fn kill_node(&self, index: usize) -> Result<(), EmbeddedError> {
        let run = self.server.run.clone();
        task::run(move |cancel| run_dir::end_node(&run, index, Signal::KILL, cancel)).await
    }

    /// Starts node `index` again after [`kill_node`](Self::kill_node), and waits until it takes
    /// writes or follows the node that does.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::BadSetting`] if the node still runs or does not exist; otherwise as
    /// [`EmbeddedBuilder::start`](crate::EmbeddedBuilder::start).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe; the node may or may not be running.
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

    /// Freezes node `index` (`SIGSTOP`): its process exists and answers nothing.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::BadSetting`] if the node does not run.
    pub fn freeze_node(&self, index: usize) -> Result<(), EmbeddedError> {
        run_dir::signal(&self.server.run, index, Signal::STOP)
    }

    /// Resumes a [frozen](Self::freeze_node) node (`SIGCONT`).
    ///
    /// # Errors
    ///
    /// [`EmbeddedError::BadSetting`] if the node does not run.
    pub fn thaw_node(&self, index: usize) -> Result<(), EmbeddedError> {
        run_dir::signal(&self.server.run, index, Signal::CONT)
    }

    /// Releases the handle. If this was the last user of a server that does not linger, waits until
    /// the server has ended and its files are written: at most 30 s, usually a few hundredths of a
    /// second.
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
            tracing::warn!(
                target: "mongrate",
                error = line(&error),
                "could not see the embedded server end",
            );
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
            // Every other user holds a shared lock: if this succeeds, there is no other user.
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

//! A server's run directory: its nodes' files, and how to end what still runs in it.
//!
//! | file | what |
//! |---|---|
//! | `door`, `life` | pipes: from the users to the keeper, from the keeper to the guard |
//! | `node.N.conf` | the configuration; its path in `mongod`'s arguments tells that Mongrate started it |
//! | `pid.N`, `out.N`, `gone.N` | the process id, the output, and the sign that the node has ended |
//! | `hold.N` | the node is ended on purpose: the keeper keeps the server |
//! | `ack.*` | the keeper's answers |
//! | `users.lock` | locked shared by every user, so that the last user can tell |
//! | `closing` | the keeper or the guard is ending the server |
//! | `data` | a scratch server's data, or a link to it |
//! | `log.N` | a link to the node's log |

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant, SystemTime},
};

use rustix::process::{Pid, Signal};

use crate::{
    cache,
    error::{Context, EmbeddedError, line},
    keeper, lock,
    task::Cancel,
};

pub(crate) const PREFIX: &str = "run.";
/// The keeper needs at most 21 s to end a server that ignores it.
const END_WAIT_MAX: Duration = Duration::from_secs(30);
/// From the death of a keeper to the first sign of its guard.
const TAKE_OVER_MAX: Duration = Duration::from_millis(500);
/// A node that is told to end ends within a second or two.
const SIGNAL_WAIT_MAX: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(2);

/// The run directories in `home`.
pub(crate) fn all(home: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(home) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .map(|entry| entry.path())
        .collect()
}

/// The process of node `index`, unless it has ended.
pub(crate) fn pid(run: &Path, index: usize) -> Option<u32> {
    if run.join(format!("gone.{index}")).exists() {
        return None;
    }
    let text = fs::read_to_string(run.join(format!("pid.{index}"))).ok()?;
    // Without the line's end the file is still being written.
    text.strip_suffix('\n')?.parse().ok()
}

/// Whether node `index` was started and has ended, whether or not the keeper noticed.
pub(crate) fn has_ended(run: &Path, index: usize) -> bool {
    let is_gone = |pid| {
        let exists = |pid| rustix::process::test_kill_process(pid).is_ok();
        !i32::try_from(pid).ok().and_then(Pid::from_raw).is_some_and(exists)
    };
    run.join(format!("gone.{index}")).exists() || pid(run, index).is_some_and(is_gone)
}

/// Sends a signal to node `index`.
pub(crate) fn signal(run: &Path, index: usize, signal: Signal) -> Result<(), EmbeddedError> {
    let pid = pid(run, index)
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw)
        .ok_or_else(|| no_node(index))?;
    rustix::process::kill_process(pid, signal)
        .map_err(io::Error::from)
        .context(|| format!("signal node {index}"))
}

pub(crate) fn no_node(index: usize) -> EmbeddedError {
    EmbeddedError::BadSetting(format!("node {index} does not run"))
}

/// Ends node `index`, but not the server: the keeper is told that the node is ended on purpose.
pub(crate) fn end_node(
    run: &Path,
    index: usize,
    with: Signal,
    cancel: &Cancel,
) -> Result<(), EmbeddedError> {
    let hold = run.join(format!("hold.{index}"));
    fs::write(&hold, "").context(|| format!("write {}", hold.display()))?;
    signal(run, index, with)?;
    let gone = || Ok(run.join(format!("gone.{index}")).exists().then_some(()));
    let last = "it was told to end, and still runs".to_owned();
    cancel
        .poll(SIGNAL_WAIT_MAX, PAUSE, gone)?
        .ok_or(EmbeddedError::NotReady { waited: SIGNAL_WAIT_MAX, last })
}

/// Ends whatever runs in `run` and removes the directory. The caller holds the start lock, and has
/// found that the server cannot be joined.
pub(crate) fn evict(run: &Path, data: Option<&Path>, cancel: &Cancel) -> Result<(), EmbeddedError> {
    let mut watched = Instant::now();
    let mut vanished = || {
        cancel.poll(END_WAIT_MAX, PAUSE, || {
            if keeper::is_watched(run) {
                watched = Instant::now();
            }
            let over = !run.exists();
            Ok((over || watched.elapsed() > TAKE_OVER_MAX).then_some(over))
        })
    };
    let closing = || {
        let seen = || Ok((!run.exists() || run.join("closing").exists()).then_some(()));
        cancel.poll(TAKE_OVER_MAX, PAUSE, seen)
    };
    // A keeper obeys `quit`; where there is no keeper, the guard takes over at once.
    if (keeper::quit(run)? || closing()?.is_some()) && vanished()? == Some(true) {
        return Ok(());
    }
    // Keeper and guard were killed. A `mongod` is left if the lock of its data is held.
    let scratch = fs::canonicalize(run.join("data")).ok();
    if let Some(data) = data.or(scratch.as_deref()) {
        for index in 0..3 {
            end_orphan(&node_data(data, index), run, cancel)?;
        }
    }
    if let Some(scratch) = scratch {
        let _ = fs::remove_dir_all(scratch);
    }
    cache::remove(run)
}

/// Where node `index` keeps its data.
pub(crate) fn node_data(data: &Path, index: usize) -> PathBuf {
    data.join(format!("node{index}"))
}

/// The process that holds the lock of a database directory, as the kernel knows it: the file alone
/// proves nothing.
pub(crate) fn holder(data: &Path) -> Result<Option<u32>, EmbeddedError> {
    let path = data.join("mongod.lock");
    if !path.exists() || lock::exclusive_now(&path)?.is_some() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path).unwrap_or_default();
    // Locked, but the process id is not written yet: the directory is in use all the same.
    Ok(Some(text.trim().parse().unwrap_or(0)))
}

/// Ends the `mongod` on `data` if it was started from `run`; otherwise returns an error.
fn end_orphan(data: &Path, run: &Path, cancel: &Cancel) -> Result<(), EmbeddedError> {
    let free = || Ok(holder(data)?.is_none().then_some(()));
    for (signal, wait) in
        [(Signal::TERM, Duration::from_secs(15)), (Signal::KILL, Duration::from_secs(5))]
    {
        let Some(pid) = holder(data)? else { return Ok(()) };
        let ours =
            i32::try_from(pid).ok().and_then(Pid::from_raw).filter(|_| command_names(pid, run));
        let Some(ours) = ours else {
            return Err(EmbeddedError::DataDirBusy { path: data.to_owned(), pid });
        };
        tracing::debug!(target: "mongrate", pid, "ending a server whose keeper was killed");
        let _ = rustix::process::kill_process(ours, signal);
        if cancel.poll(wait, PAUSE, free)?.is_some() {
            return Ok(());
        }
    }
    let pid = holder(data)?.unwrap_or(0);
    Err(EmbeddedError::DataDirBusy { path: data.to_owned(), pid })
}

/// Whether the arguments of process `pid` name `run`.
fn command_names(pid: u32, run: &Path) -> bool {
    let wanted = run.to_string_lossy();
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).or_else(|_| {
        Command::new("ps")
            .args(["-ww", "-o", "command=", "-p", &pid.to_string()])
            .output()
            .map(|output| output.stdout)
    });
    arguments.is_ok_and(|text| String::from_utf8_lossy(&text).contains(&*wanted))
}

/// Ends and removes the scratch servers whose keeper and guard were both killed.
///
/// Touches only homes in which no process is starting a server, and runs that are a minute old.
pub(crate) fn sweep(scratch: &Path, except: &Path, cancel: &Cancel) {
    let Ok(entries) = fs::read_dir(scratch) else { return };
    for home in entries.flatten().map(|entry| entry.path()).filter(|home| home != except) {
        let runs = all(&home);
        if runs.iter().any(|run| !is_old(run) || keeper::has_keeper(run)) || !is_old(&home) {
            continue;
        }
        let lock_path = home.join("start.lock");
        let Ok(Some(_lock)) = lock::exclusive_now(&lock_path) else { continue };
        for run in runs {
            if let Err(error) = evict(&run, None, cancel) {
                tracing::debug!(
                    target: "mongrate",
                    run = line(&run.display()),
                    error = line(&error),
                    "a leftover could not be removed",
                );
            }
        }
        // A process that waits for the lock notices, and creates the home again.
        if all(&home).is_empty() {
            let _ = fs::remove_dir_all(&home);
        }
    }
}

fn is_old(path: &Path) -> bool {
    fs::metadata(path)
        .and_then(|facts| facts.modified())
        .is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age.as_secs() >= 60))
}

//! A server's run directory: its nodes' files, and how to put an end to what still runs in it.
//!
//! | file | what |
//! |---|---|
//! | `door`, `life` | pipes: users to keeper, keeper to guard |
//! | `node.N.conf` | the configuration; its path in `mongod`'s arguments marks it as ours |
//! | `pid.N`, `out.N`, `gone.N` | process id, output, and the sign that it has ended |
//! | `hold.N` | its end is on purpose: the keeper stays |
//! | `ack.*` | the keeper's answers |
//! | `users.lock` | locked shared by every user, so that the last one can tell |
//! | `closing` | the keeper or the guard is ending the server |
//! | `data` | a scratch server's data, or a link to where they are |
//! | `log.N` | link to the server's log |

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use rustix::process::{Pid, Signal};

use super::{
    error::{Context, EmbeddedError},
    keeper, lock,
    task::Cancel,
};
use crate::telemetry::visible::Line;

pub(super) const PREFIX: &str = "run.";
/// The keeper needs at most 21 s to end a server that ignores it.
const END_WAIT_MAX: Duration = Duration::from_secs(30);
/// A node that is told to end does so within a second or two.
const SIGNAL_WAIT_MAX: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(2);

/// The run directories in `home`.
pub(super) fn all(home: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(home) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .map(|entry| entry.path())
        .collect()
}

/// The process of node `index`, unless it has ended.
pub(super) fn pid(run: &Path, index: usize) -> Option<u32> {
    if run.join(format!("gone.{index}")).exists() {
        return None;
    }
    let text = fs::read_to_string(run.join(format!("pid.{index}"))).ok()?;
    // Without the line's end it is still being written.
    text.strip_suffix('\n')?.parse().ok()
}

/// Whether node `index` was started and has ended, with or without anybody who saw it end.
pub(super) fn has_ended(run: &Path, index: usize) -> bool {
    let is_gone = |pid| {
        let exists = |pid| rustix::process::test_kill_process(pid).is_ok();
        !i32::try_from(pid).ok().and_then(Pid::from_raw).is_some_and(exists)
    };
    run.join(format!("gone.{index}")).exists() || pid(run, index).is_some_and(is_gone)
}

/// Sends a signal to node `index`.
pub(super) fn signal(run: &Path, index: usize, signal: Signal) -> Result<(), EmbeddedError> {
    let pid = pid(run, index)
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw)
        .ok_or_else(|| no_node(index))?;
    rustix::process::kill_process(pid, signal)
        .map_err(io::Error::from)
        .context(|| format!("signal node {index}"))
}

pub(super) fn no_node(index: usize) -> EmbeddedError {
    EmbeddedError::BadSetting(format!("there is no node {index} running"))
}

/// Ends node `index`, but not the server: the keeper is told that it is on purpose.
pub(super) fn end_node(
    run: &Path,
    index: usize,
    with: Signal,
    cancel: &Cancel,
) -> Result<(), EmbeddedError> {
    let hold = run.join(format!("hold.{index}"));
    fs::write(&hold, "").context(|| format!("write {}", hold.display()))?;
    signal(run, index, with)?;
    let gone = || Ok(run.join(format!("gone.{index}")).exists().then_some(()));
    let last = "it was told to end, and has not".to_owned();
    cancel
        .poll(SIGNAL_WAIT_MAX, PAUSE, gone)?
        .ok_or(EmbeddedError::NotReady { waited: SIGNAL_WAIT_MAX, last })
}

/// Ends whatever runs in `run` and removes it. The caller holds the start lock, and has found that
/// nobody can join the server.
pub(super) fn evict(run: &Path, data: Option<&Path>, cancel: &Cancel) -> Result<(), EmbeddedError> {
    let vanished = |wait| cancel.poll(wait, PAUSE, || Ok((!run.exists()).then_some(())));
    let closing = || {
        let seen = || Ok((!run.exists() || run.join("closing").exists()).then_some(()));
        cancel.poll(Duration::from_millis(500), PAUSE, seen)
    };
    // A keeper answers to `quit`; where there is none, the guard takes over at once.
    if (keeper::quit(run)? || closing()?.is_some()) && vanished(END_WAIT_MAX)?.is_some() {
        return Ok(());
    }
    // Both were killed. What is left is a `mongod`, if it holds its lock.
    let scratch = fs::canonicalize(run.join("data")).ok();
    if let Some(data) = data.or(scratch.as_deref()) {
        for index in 0..3 {
            end_orphan(&node_data(data, index), run, cancel)?;
        }
    }
    if let Some(scratch) = scratch {
        let _ = fs::remove_dir_all(scratch);
    }
    fs::remove_dir_all(run).context(|| format!("remove {}", run.display()))
}

/// Where node `index` keeps its data.
pub(super) fn node_data(data: &Path, index: usize) -> PathBuf {
    data.join(format!("node{index}"))
}

/// The process that holds the lock of a database directory: the kernel's word, not a file's.
pub(super) fn holder(data: &Path) -> Result<Option<u32>, EmbeddedError> {
    let path = data.join("mongod.lock");
    if !path.exists() || lock::exclusive_now(&path)?.is_some() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path).unwrap_or_default();
    // Locked but not yet signed: it counts all the same.
    Ok(Some(text.trim().parse().unwrap_or(0)))
}

/// Ends the `mongod` on `data` if it was started from `run`; an error if it was not.
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
        tracing::debug!(pid, "ending a server whose keeper was killed");
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

/// Ends and removes what scratch servers left behind whose keeper and guard were both killed.
///
/// Only looks at homes where nobody is starting anything, and at runs that are a minute old.
pub(super) fn sweep(scratch: &Path, except: &Path, cancel: &Cancel) {
    let Ok(entries) = fs::read_dir(scratch) else { return };
    for home in entries.flatten().map(|entry| entry.path()).filter(|home| home != except) {
        let runs = all(&home);
        if runs.iter().any(|run| !is_old(run) || keeper::is_minded(run)) || !is_old(&home) {
            continue;
        }
        let lock_path = home.join("start.lock");
        let Ok(Some(_lock)) = lock::exclusive_now(&lock_path) else { continue };
        for run in runs {
            if let Err(error) = evict(&run, None, cancel) {
                tracing::debug!(run = %run.display(), error = %Line(&error), "a leftover could not be removed");
            }
        }
        // Whoever waits for its lock notices, and creates it anew.
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

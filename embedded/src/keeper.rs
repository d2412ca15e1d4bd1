//! The keeper, the shell script that watches the server: starting it, joining it, sending it commands.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    error::{Context, EmbeddedError},
    task::Cancel,
};

const SCRIPT: &str = include_str!("keeper.sh");
/// The keeper answers within 2 ms; after ten seconds the machine is in trouble.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(10);
/// [`Launch::grace`] outside of tests.
pub(crate) const GRACE: Duration = Duration::from_secs(30);

/// The write end of the keeper's pipe. While any process has a write end open, the server runs.
///
/// The standard library opens files close-on-exec, so a child of this process does not hold the pipe.
#[derive(Debug)]
pub(crate) struct Door {
    file: File,
    run: PathBuf,
}

/// The arguments of a new keeper.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) run: &'a Path,
    pub(crate) mongod: &'a Path,
    pub(crate) nodes: usize,
    pub(crate) linger: Duration,
    /// How long to wait for the first user: the process that starts the server may die before it joins.
    pub(crate) grace: Duration,
    /// Ends `mongod` by `SIGTERM`. A scratch server is killed: its data is not read again.
    pub(crate) gently: bool,
    /// The directories to remove when the server has ended.
    pub(crate) trash: &'a [&'a Path],
}

/// Starts a keeper, which starts the nodes whose configuration lies in its run directory.
pub(crate) fn launch(launch: &Launch<'_>) -> Result<(), EmbeddedError> {
    let script = launch.run.join("keeper.sh");
    let action = || format!("start the keeper in {}", launch.run.display());
    fs::write(&script, SCRIPT).context(action)?;
    let errors = File::create(launch.run.join("keeper.log")).context(action)?;
    // By way of a shell that ends at once: the keeper is no child of this process, so it cannot
    // become its zombie. A process group of its own keeps the terminal's Ctrl-C away from it.
    let status = Command::new("/bin/sh")
        .arg("-c")
        .arg("mkfifo door life && { /bin/sh \"$@\" & }")
        .arg("mongrate")
        .arg(&script)
        .arg(launch.run)
        .arg(launch.mongod)
        .arg(launch.nodes.to_string())
        .arg(seconds(launch.linger))
        .arg(seconds(launch.grace))
        .arg(if launch.gently { "TERM" } else { "KILL" })
        .args(launch.trash)
        .current_dir(launch.run)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors)
        .process_group(0)
        .status()
        .context(action)?;
    if status.success() {
        return Ok(());
    }
    let said = fs::read_to_string(launch.run.join("keeper.log")).unwrap_or_default();
    Err(io::Error::other(format!("{status}: {}", said.trim()))).context(action)
}

impl Door {
    /// Joins the users of the server in `run`; `None` if the server has no keeper (any more).
    pub(crate) fn join(run: &Path, cancel: &Cancel) -> Result<Option<Self>, EmbeddedError> {
        let Some(file) = open(run)? else { return Ok(None) };
        let door = Self { file, run: run.to_owned() };
        Ok(door.ask("join", "-", cancel)?.then_some(door))
    }

    /// Joins a server as [`join`](Self::join) does, whose keeper was launched a moment ago.
    pub(crate) fn join_new(run: &Path, cancel: &Cancel) -> Result<Self, EmbeddedError> {
        cancel
            .poll(ANSWER_WAIT_MAX, Duration::from_millis(1), || Self::join(run, cancel))?
            .ok_or_else(|| silent(run))
    }

    /// Makes the keeper start node `index` again.
    pub(crate) fn start(&self, index: usize, cancel: &Cancel) -> Result<(), EmbeddedError> {
        if self.ask("start", &index.to_string(), cancel)? { Ok(()) } else { Err(silent(&self.run)) }
    }

    /// Sends one line and waits until the keeper acknowledges it; `false` if the keeper has ended.
    ///
    /// After the acknowledgement the keeper is in its loop, and stays there while `self` lives.
    fn ask(&self, verb: &str, argument: &str, cancel: &Cancel) -> Result<bool, EmbeddedError> {
        let token = format!("{:x}x{:016x}", std::process::id(), fastrand::u64(..));
        match (&self.file).write_all(format!("{verb} {token} {argument}\n").as_bytes()) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(false),
            Err(error) => return Err(error).context(|| "talk to the keeper".to_owned()),
        }
        let answer = self.run.join(format!("ack.{token}"));
        let heard = cancel.poll(ANSWER_WAIT_MAX, Duration::from_millis(1), || {
            if answer.exists() {
                return Ok(Some(true));
            }
            // Opening the door once more tells whether the keeper still reads.
            Ok(if open(&self.run)?.is_none() { Some(false) } else { None })
        })?;
        let _ = fs::remove_file(&answer);
        heard.ok_or_else(|| silent(&self.run))
    }
}

/// Tells the keeper in `run` to end, even if it has other users. `false` if there is no keeper.
pub(crate) fn quit(run: &Path) -> Result<bool, EmbeddedError> {
    match open(run)? {
        None => Ok(false),
        Some(mut door) => Ok(door.write_all(b"quit x -\n").is_ok()),
    }
}

/// Whether the server in `run` has a keeper that reads its door.
pub(crate) fn has_keeper(run: &Path) -> bool {
    matches!(open(run), Ok(Some(_)))
}

/// Whether the keeper or the guard of the server in `run` is there, at work or ending the server.
pub(crate) fn is_watched(run: &Path) -> bool {
    matches!(open_pipe(&run.join("life")), Ok(Some(_)))
}

/// Opens the door for writing, without waiting; `None` if no keeper reads or there is no door.
fn open(run: &Path) -> Result<Option<File>, EmbeddedError> {
    open_pipe(&run.join("door"))
}

fn open_pipe(path: &Path) -> Result<Option<File>, EmbeddedError> {
    // O_NONBLOCK: fail with ENXIO instead of waiting for a reader.
    let flags = rustix::fs::OFlags::NONBLOCK.bits();
    let opened = OpenOptions::new().write(true).custom_flags(flags.cast_signed()).open(path);
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) => match rustix::io::Errno::from_io_error(&error) {
            Some(
                rustix::io::Errno::NXIO | rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR,
            ) => Ok(None),
            _ => Err(error).context(|| format!("open {}", path.display())),
        },
    }
}

fn silent(run: &Path) -> EmbeddedError {
    EmbeddedError::KeeperSilent { path: run.to_owned(), waited: ANSWER_WAIT_MAX }
}

/// A duration as `sleep` takes it: whole seconds have no fraction, since POSIX promises no more.
fn seconds(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => duration.as_secs().to_string(),
        millis => format!("{}.{millis:03}", duration.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn seconds_are_what_sleep_takes() {
        assert_eq!(seconds(Duration::ZERO), "0");
        assert_eq!(seconds(Duration::from_secs(5)), "5");
        assert_eq!(seconds(Duration::from_millis(1_050)), "1.050");
    }

    /// A keeper of a process that is no `mongod` and only sleeps.
    struct Watched {
        place: tempfile::TempDir,
        run: PathBuf,
        trash: PathBuf,
    }

    impl Watched {
        fn launch(grace: Duration) -> Self {
            let place = tempfile::tempdir().unwrap();
            let (run, trash) = (place.path().join("run"), place.path().join("data"));
            fs::create_dir(&run).unwrap();
            fs::create_dir(&trash).unwrap();
            let mongod = place.path().join("mongod");
            fs::write(&mongod, "#!/bin/sh\nwhile :; do sleep 0.1; done\n").unwrap();
            fs::set_permissions(&mongod, fs::Permissions::from_mode(0o755)).unwrap();
            launch(&Launch {
                run: &run,
                mongod: &mongod,
                nodes: 1,
                linger: Duration::ZERO,
                grace,
                gently: true,
                trash: &[&run, &trash],
            })
            .unwrap();
            Self { place, run, trash }
        }

        /// Asserts that no process and no file is left.
        fn assert_ends_within(&self, wait: Duration) {
            let over = || Ok((!self.run.exists() && !self.is_about()).then_some(()));
            let ended = Cancel::default().poll(wait, Duration::from_millis(5), over).unwrap();
            assert!(ended.is_some(), "it still runs");
            assert!(!self.trash.exists());
        }

        /// Whether the arguments of a process name the test's directory.
        fn is_about(&self) -> bool {
            let all = Command::new("ps").args(["-ww", "-eo", "args="]).output().unwrap();
            let ours = self.place.path().to_string_lossy().into_owned();
            String::from_utf8_lossy(&all.stdout).contains(&ours)
        }
    }

    #[test]
    fn a_keeper_that_nobody_joins_gives_up() {
        let watched = Watched::launch(Duration::from_millis(500));
        assert!(has_keeper_soon(&watched.run));
        watched.assert_ends_within(Duration::from_secs(5));
    }

    #[test]
    fn a_keeper_that_was_joined_stays_until_the_last_has_gone() {
        let watched = Watched::launch(Duration::from_millis(500));
        let one = Door::join_new(&watched.run, &Cancel::default()).unwrap();
        let two = Door::join(&watched.run, &Cancel::default()).unwrap().unwrap();
        std::thread::sleep(Duration::from_millis(700));
        drop(one);
        std::thread::sleep(Duration::from_millis(200));
        assert!(has_keeper(&watched.run) && watched.trash.exists());
        drop(two);
        watched.assert_ends_within(Duration::from_secs(5));
        assert!(Door::join(&watched.run, &Cancel::default()).unwrap().is_none());
    }

    #[test]
    fn a_keeper_that_is_told_to_quit_does_so_before_its_users_go() {
        let watched = Watched::launch(GRACE);
        let door = Door::join_new(&watched.run, &Cancel::default()).unwrap();
        assert!(quit(&watched.run).unwrap());
        watched.assert_ends_within(Duration::from_secs(5));
        drop(door);
    }

    /// Somebody clears a cache, or removes a data directory, while the server is used.
    #[test]
    fn a_server_whose_files_are_removed_ends_with_its_users() {
        for leaves_the_directory in [false, true] {
            let watched = Watched::launch(GRACE);
            let door = Door::join_new(&watched.run, &Cancel::default()).unwrap();
            fs::remove_dir_all(&watched.run).unwrap();
            if leaves_the_directory {
                fs::create_dir(&watched.run).unwrap();
            }
            std::thread::sleep(Duration::from_millis(200));
            assert!(watched.is_about(), "it ended while it had a user");
            drop(door);
            watched.assert_ends_within(Duration::from_secs(5));
        }
    }

    #[test]
    fn nobody_waits_for_a_keeper_and_a_guard_that_were_killed_while_they_ended_the_server() {
        let watched = Watched::launch(GRACE);
        let door = Door::join_new(&watched.run, &Cancel::default()).unwrap();
        let ours = watched.place.path().to_string_lossy().into_owned();
        Command::new("pkill").args(["-9", "-f", &ours]).status().unwrap();
        fs::write(watched.run.join("closing"), "").unwrap();
        let began = std::time::Instant::now();
        crate::run_dir::evict(&watched.run, None, &Cancel::default()).unwrap();
        assert!(began.elapsed() < Duration::from_secs(10), "it waited for the dead");
        assert!(!watched.run.exists());
        drop(door);
    }

    fn has_keeper_soon(run: &Path) -> bool {
        let watched = || Ok(has_keeper(run).then_some(()));
        let wait = Duration::from_secs(5);
        Cancel::default().poll(wait, Duration::from_millis(1), watched).unwrap().is_some()
    }
}

//! Which `mongod` to run: the places that are looked at, in their order.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use super::{
    cache::{self, Stamp},
    download::{self, Sources},
    error::{Attempt, EmbeddedError},
    lock,
    progress::Progress,
    task::Cancel,
};

/// The oldest server that has all we need; 4.4.0 and 4.4.1 do not know `hello`.
const VERSION_MIN: (u32, u32, u32) = (4, 4, 2);
/// How long another process may take to download what we wait for.
const DOWNLOAD_WAIT_MAX: Duration = Duration::from_secs(20 * 60);
/// `mongod --version` takes 60 ms, longer on first reading 180 MB from a slow disk.
const PROBE_WAIT_MAX: Duration = Duration::from_secs(60);

/// A `mongod` that was seen to run on this machine.
#[derive(Debug, Clone)]
pub(super) struct Binary {
    pub(super) path: PathBuf,
    pub(super) version: (u32, u32, u32),
}

/// What the search looks at; tests supply their own.
#[derive(Debug)]
pub(super) struct Search {
    /// `MONGOD`, or the builder's choice.
    pub(super) chosen: Option<PathBuf>,
    pub(super) cache: PathBuf,
    /// `PATH`.
    pub(super) path: Option<std::ffi::OsString>,
    pub(super) sources: Sources,
    pub(super) progress: Progress,
}

impl Search {
    pub(super) fn new(chosen: Option<PathBuf>, quiet: bool) -> Self {
        Self {
            chosen: chosen.or_else(|| cache::env_path("MONGOD")),
            cache: cache::directory(),
            path: std::env::var_os("PATH"),
            sources: Sources::here(),
            progress: Progress::new(quiet),
        }
    }

    /// Finds or downloads a `mongod` that runs.
    pub(super) fn run(&self, cancel: &Cancel) -> Result<Binary, EmbeddedError> {
        if let Some(path) = &self.chosen {
            // A choice that does not work is not silently passed over.
            return probe(path, cancel).map_err(|error| match error {
                EmbeddedError::Cancelled | EmbeddedError::UnusableBinary { .. } => error,
                error => EmbeddedError::UnusableBinary {
                    path: path.clone(),
                    reason: super::error::chain(&error),
                },
            });
        }
        let mut tried = vec![Attempt::new("MONGOD in the environment", "not set")];
        if let Some(found) = self.in_cache(&mut tried, cancel)? {
            return Ok(found);
        }
        if let Some(found) = self.on_path(&mut tried, cancel)? {
            return Ok(found);
        }
        if cache::env_path("MONGRATE_OFFLINE").is_some() {
            tried.push(Attempt::new("downloads", "forbidden by MONGRATE_OFFLINE"));
            return Err(EmbeddedError::NoBinary { tried });
        }
        cache::create_private(&self.cache)?;
        let lock = self.cache.join("download.lock");
        let _one_at_a_time = lock::exclusive(&lock, DOWNLOAD_WAIT_MAX, cancel)?;
        // Somebody else may have downloaded it while we waited.
        if let Some(found) = self.in_cache(&mut Vec::new(), cancel)? {
            return Ok(found);
        }
        download::sweep(&self.cache);
        match self.sources.fetch(&self.cache, self.progress, &mut tried, cancel)? {
            Some(found) => Ok(found),
            None => Err(EmbeddedError::NoBinary { tried }),
        }
    }

    fn in_cache(
        &self,
        tried: &mut Vec<Attempt>,
        cancel: &Cancel,
    ) -> Result<Option<Binary>, EmbeddedError> {
        for pin in self.sources.pins() {
            let path = pin.binary_path(&self.cache);
            if !path.is_file() {
                tried.push(Attempt::new(path.display().to_string(), "not there"));
                continue;
            }
            if let Some(stamp) = Stamp::read(&path).filter(|stamp| pin.accepts(&stamp.sha256)) {
                return Ok(Some(Binary { path, version: stamp.version }));
            }
            // The stamp is missing or stale: trust the bytes, where we know them.
            let place = path.display().to_string();
            if let Some(found) = cache::attempt(place, pin.admit(&path, cancel), tried)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn on_path(
        &self,
        tried: &mut Vec<Attempt>,
        cancel: &Cancel,
    ) -> Result<Option<Binary>, EmbeddedError> {
        let path = self.path.as_deref().unwrap_or(OsStr::new(""));
        let mut any = false;
        for directory in std::env::split_paths(path).filter(|directory| directory.is_absolute()) {
            let candidate = directory.join("mongod");
            if !candidate.is_file() {
                continue;
            }
            any = true;
            let place = candidate.display().to_string();
            if let Some(found) = cache::attempt(place, probe(&candidate, cancel), tried)? {
                return Ok(Some(found));
            }
        }
        if !any {
            tried.push(Attempt::new("`mongod` on PATH", "not there"));
        }
        Ok(None)
    }
}

/// Runs `mongod --version`, which shows that it runs here at all, and which one it is.
pub(super) fn probe(path: &Path, cancel: &Cancel) -> Result<Binary, EmbeddedError> {
    let unusable = |reason: String| EmbeddedError::UnusableBinary { path: path.to_owned(), reason };
    let output = run_bounded(Command::new(path).arg("--version"), PROBE_WAIT_MAX, cancel)?
        .map_err(unusable)?;
    let version = parse_version(&output)
        .ok_or_else(|| unusable("`--version` does not name a version".to_owned()))?;
    if version < VERSION_MIN {
        let (major, minor, patch) = version;
        let reason = format!("it is version {major}.{minor}.{patch}; 4.4.2 or newer is needed");
        return Err(unusable(reason));
    }
    Ok(Binary { path: path.to_owned(), version })
}

/// The first `v1.2.3` in the text.
fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    text.split_whitespace().filter_map(|word| word.strip_prefix('v')).find_map(|word| {
        let mut parts = word.split(['.', '-']).map(|part| part.parse().ok());
        Some((parts.next()??, parts.next()??, parts.next()??))
    })
}

/// Runs a program to its end and gives back its standard output, or why there is none.
pub(super) fn run_bounded(
    command: &mut Command,
    wait: Duration,
    cancel: &Cancel,
) -> Result<Result<String, String>, EmbeddedError> {
    run_watched(command, wait, cancel, || ())
}

/// As [`run_bounded`], calling `watch` ten times a second meanwhile.
pub(super) fn run_watched(
    command: &mut Command,
    wait: Duration,
    cancel: &Cancel,
    mut watch: impl FnMut(),
) -> Result<Result<String, String>, EmbeddedError> {
    use std::io::{Read, Seek, SeekFrom};
    // Files rather than pipes: nobody has to empty them while the program runs.
    let (Ok(mut out), Ok(mut err)) = (tempfile::tempfile(), tempfile::tempfile()) else {
        return Ok(Err("no temporary file can be created".to_owned()));
    };
    let (Ok(stdout), Ok(stderr)) = (out.try_clone(), err.try_clone()) else {
        return Ok(Err("too many open files".to_owned()));
    };
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    // What we have only just written is busy while another thread's fork, on its way to its own
    // program, still holds our file open.
    let spawned = cancel.poll(Duration::from_secs(2), Duration::from_millis(10), || {
        Ok(match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => None,
            spawned => Some(spawned),
        })
    })?;
    let mut child = match spawned {
        Some(Ok(child)) => child,
        Some(Err(error)) => return Ok(Err(format!("it cannot be run: {error}"))),
        None => return Ok(Err("it cannot be run: it is being written".to_owned())),
    };
    let mut turn = 0_u32;
    let ended = cancel.poll(wait, Duration::from_millis(10), || {
        if turn.is_multiple_of(10) {
            watch();
        }
        turn = turn.wrapping_add(1);
        Ok(child.try_wait().unwrap_or(None))
    });
    if !matches!(ended, Ok(Some(_))) {
        let _ = child.kill();
        let _ = child.wait();
    }
    let read = |file: &mut std::fs::File| {
        let mut bytes = Vec::new();
        let _ = file.seek(SeekFrom::Start(0));
        let _ = file.take(1 << 16).read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).trim().to_owned()
    };
    Ok(match ended? {
        None => Err(format!("it did not end within {} s", wait.as_secs())),
        Some(status) if status.success() => Ok(read(&mut out)),
        Some(status) => match last_lines(&read(&mut err), 3) {
            said if said.is_empty() => Err(format!("it failed ({status})")),
            said => Err(format!("it failed ({status}): {said}")),
        },
    })
}

/// The last `count` lines that say something, joined by spaces.
fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_mongod_prints() {
        assert_eq!(parse_version("db version v6.0.5\nBuild Info: {"), Some((6, 0, 5)));
        assert_eq!(parse_version("db version v8.2.0-rc1"), Some((8, 2, 0)));
        assert_eq!(parse_version("version seven"), None);
        assert_eq!(parse_version("v6"), None);
    }
}

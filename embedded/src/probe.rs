//! Whether a `mongod` runs on this machine, and running programs to their end.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::{error::EmbeddedError, task::Cancel};

/// The oldest server that has all that is needed; 4.4.0 and 4.4.1 do not know `hello`.
const VERSION_MIN: (u32, u32, u32) = (4, 4, 2);
/// `mongod --version` takes 60 ms, longer when 180 MB are first read from a slow disk.
const PROBE_WAIT_MAX: Duration = Duration::from_secs(60);

/// A `mongod` that has run on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Binary {
    pub(crate) path: PathBuf,
    pub(crate) version: (u32, u32, u32),
}

/// Runs `mongod --version`, which shows that this `mongod` runs here at all, and its version.
pub(crate) fn probe(path: &Path, cancel: &Cancel) -> Result<Binary, EmbeddedError> {
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

/// Runs a program to its end and returns its standard output, or why there is none.
pub(crate) fn run_bounded(
    command: &mut Command,
    wait: Duration,
    cancel: &Cancel,
) -> Result<Result<String, String>, EmbeddedError> {
    run_watched(command, wait, cancel, || ())
}

/// Runs a program as [`run_bounded`] does, and calls `watch` ten times a second meanwhile.
pub(crate) fn run_watched(
    command: &mut Command,
    wait: Duration,
    cancel: &Cancel,
    mut watch: impl FnMut(),
) -> Result<Result<String, String>, EmbeddedError> {
    // Files rather than pipes: a pipe has to be emptied while the program runs.
    let (Ok(mut out), Ok(mut err)) = (tempfile::tempfile(), tempfile::tempfile()) else {
        return Ok(Err("no temporary file can be created".to_owned()));
    };
    let (Ok(stdout), Ok(stderr)) = (out.try_clone(), err.try_clone()) else {
        return Ok(Err("too many open files".to_owned()));
    };
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    // A program that this process has just written is busy while a fork of another thread has not
    // reached its own program yet: until then the fork holds the file open.
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
    let read = |file: &mut File| {
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

/// The last `count` lines that are not blank, joined by spaces.
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

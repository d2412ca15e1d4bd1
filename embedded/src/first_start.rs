//! The first start on a data directory, which is begun anew if it was broken off.
//!
//! A `mongod` that is killed while it creates its database may leave files that none can open: with
//! 6.0.5, `'table:sizeStorer' cannot be used until all column groups are created`. One that is killed a
//! little later belongs to a replica set under a port that nobody noted. Until the first start is
//! complete, no user has the server's address, so what is there is nobody's data.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    cache,
    error::{Context, EmbeddedError},
    run_dir,
};

/// In the directory of the data. Its first line names the run that was described when the start began, if
/// any.
const MARK: &str = "first-start";

/// Makes `data` ready for a start: new data is marked, and marked data that no server ever completed is
/// put aside, as `node0.broken-off`.
///
/// `described` is the run of the last server that was described. No server runs on the data.
pub(crate) fn begin(data: &Path, described: Option<&Path>) -> Result<(), EmbeddedError> {
    let node = run_dir::node_data(data, 0);
    let mark = Mark::read(data)?;
    if !is_empty(&node)? {
        let Some(mark) = mark else { return Ok(()) };
        // A server was described since. The process died before it removed the mark, or an older build,
        // which knows no marks, went on, or the mark came back with a backup.
        if described.is_some() && described != mark.described.as_deref() {
            return complete(data);
        }
        tracing::debug!(target: "mongrate", data = %node.display(), "begins the first start anew");
        put_aside(&node)?;
    }
    let text = format!(
        "{}\nThe first start of this server is not complete. The next start puts {} aside.\n",
        described.unwrap_or(Path::new("")).display(),
        node.display(),
    );
    cache::replace_durably(&data.join(MARK), text.as_bytes())
}

/// Notes that the first start is complete. The server is described by now, durably.
pub(crate) fn complete(data: &Path) -> Result<(), EmbeddedError> {
    match fs::remove_file(data.join(MARK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed
            .and_then(|()| cache::sync_directory(data))
            .context(|| format!("remove {}", data.join(MARK).display())),
    }
}

/// Keeps what is there, in case that somebody put it there, until the next that is put aside.
fn put_aside(node: &Path) -> Result<(), EmbeddedError> {
    let aside = node.with_extension("broken-off");
    cache::remove(&aside)?;
    fs::rename(node, &aside).context(|| format!("move {} to {}", node.display(), aside.display()))
}

struct Mark {
    described: Option<PathBuf>,
}

impl Mark {
    fn read(data: &Path) -> Result<Option<Self>, EmbeddedError> {
        let path = data.join(MARK);
        match fs::read_to_string(&path) {
            Ok(text) => {
                let described = text.lines().next().filter(|line| !line.is_empty());
                Ok(Some(Self { described: described.map(PathBuf::from) }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context(|| format!("read {}", path.display())),
        }
    }
}

fn is_empty(directory: &Path) -> Result<bool, EmbeddedError> {
    match fs::read_dir(directory) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error).context(|| format!("read {}", directory.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO: &str = "/home/run.0";
    const ONE: &str = "/home/run.1";
    const TWO: &str = "/home/run.2";

    /// A directory whose first start left a file. `before` was described when it began.
    fn begun(before: Option<&str>) -> (tempfile::TempDir, PathBuf) {
        let data = tempfile::tempdir().unwrap();
        begin(data.path(), before.map(Path::new)).unwrap();
        let file = fill(data.path());
        (data, file)
    }

    fn fill(data: &Path) -> PathBuf {
        let file = run_dir::node_data(data, 0).join("WiredTiger");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "x").unwrap();
        file
    }

    fn is_marked(data: &tempfile::TempDir) -> bool {
        Mark::read(data.path()).unwrap().is_some()
    }

    #[test]
    fn what_a_first_start_left_half_done_is_put_aside() {
        // A server was described before: its data was removed by hand, and begun once more.
        for before in [None, Some(ZERO)] {
            let (data, file) = begun(before);
            for _ in 0..2 {
                begin(data.path(), before.map(Path::new)).unwrap();
                assert!(!file.exists() && is_marked(&data));
                assert!(data.path().join("node0.broken-off/WiredTiger").exists());
                fill(data.path());
            }
        }
    }

    #[test]
    fn data_of_a_complete_first_start_is_kept() {
        let (data, file) = begun(None);
        complete(data.path()).unwrap();
        begin(data.path(), None).unwrap();
        assert!(file.exists() && !is_marked(&data));
    }

    #[test]
    fn data_is_kept_if_a_server_was_described_since() {
        // The process died before it removed the mark; an older build went on, or a backup came back.
        for before in [None, Some(ZERO)] {
            for since in [ONE, TWO] {
                let (data, file) = begun(before);
                begin(data.path(), Some(Path::new(since))).unwrap();
                assert!(file.exists() && !is_marked(&data));
            }
        }
    }

    #[test]
    fn data_of_another_origin_is_kept() {
        let data = tempfile::tempdir().unwrap();
        let file = fill(data.path());
        begin(data.path(), None).unwrap();
        assert!(file.exists() && !is_marked(&data));
    }

    #[test]
    fn data_that_was_removed_after_a_complete_start_is_begun_once_more() {
        let (data, file) = begun(None);
        fs::remove_file(&file).unwrap();
        begin(data.path(), Some(Path::new(ONE))).unwrap();
        fill(data.path());
        begin(data.path(), Some(Path::new(ONE))).unwrap();
        assert!(!file.exists() && is_marked(&data));
    }
}

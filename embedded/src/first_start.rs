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

/// In the directory of the data. Its first line names the run that the first start belongs to.
const MARK: &str = "first-start";

/// Makes `data` ready for the server in `run`: new data is marked, and marked data that no server ever
/// completed is removed.
///
/// `described` is the run in the description of the running server or the one before. The caller has
/// made sure that no server runs on the data.
pub(crate) fn begin(
    data: &Path,
    run: &Path,
    described: Option<&Path>,
) -> Result<(), EmbeddedError> {
    let node = run_dir::node_data(data, 0);
    match begun(data)? {
        // Complete, and then the process died before it could say so.
        Some(before) if described == Some(&before) => return complete(data),
        Some(_) if node.exists() => {
            tracing::debug!(target: "mongrate", data = %node.display(), "begins the first start anew");
            fs::remove_dir_all(&node).context(|| format!("remove {}", node.display()))?;
        }
        None if !is_empty(&node)? => return Ok(()),
        Some(_) | None => {}
    }
    let text = format!(
        "{}\nThe first start of this server is not complete. The next start removes {}.\n",
        run.display(),
        node.display(),
    );
    cache::replace_durably(&data.join(MARK), text.as_bytes())
}

/// Notes that the first start is complete. The description of the server is durable by now.
pub(crate) fn complete(data: &Path) -> Result<(), EmbeddedError> {
    match fs::remove_file(data.join(MARK)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).context(|| format!("remove {}", data.join(MARK).display()))
        }
        _ => Ok(()),
    }
}

/// The run that marked `data`.
fn begun(data: &Path) -> Result<Option<PathBuf>, EmbeddedError> {
    let mark = data.join(MARK);
    match fs::read_to_string(&mark) {
        Ok(text) => Ok(Some(text.lines().next().unwrap_or_default().into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context(|| format!("read {}", mark.display())),
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

    const ONE: &str = "/home/run.1";
    const TWO: &str = "/home/run.2";

    /// A directory with a file in the node's data, and the mark of [`ONE`] if it is `new`.
    fn with_data(new: bool) -> (tempfile::TempDir, PathBuf) {
        let data = tempfile::tempdir().unwrap();
        let file = run_dir::node_data(data.path(), 0).join("WiredTiger");
        if new {
            begin(data.path(), Path::new(ONE), None).unwrap();
        }
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "x").unwrap();
        (data, file)
    }

    #[test]
    fn what_a_first_start_left_half_done_is_removed() {
        // A description is of another server: the data was removed by hand, and begun once more.
        for described in [None, Some(Path::new("/home/run.0"))] {
            let (data, file) = with_data(true);
            begin(data.path(), Path::new(TWO), described).unwrap();
            assert!(!file.exists());
            assert_eq!(begun(data.path()).unwrap().as_deref(), Some(Path::new(TWO)));
        }
    }

    #[test]
    fn data_of_a_complete_first_start_is_kept() {
        let (data, file) = with_data(true);
        complete(data.path()).unwrap();
        begin(data.path(), Path::new(TWO), None).unwrap();
        assert!(file.exists());
        assert_eq!(begun(data.path()).unwrap(), None);
    }

    #[test]
    fn data_is_kept_if_the_process_died_before_it_removed_the_mark() {
        let (data, file) = with_data(true);
        begin(data.path(), Path::new(TWO), Some(Path::new(ONE))).unwrap();
        assert!(file.exists());
        assert_eq!(begun(data.path()).unwrap(), None);
    }

    #[test]
    fn data_of_another_origin_is_kept() {
        let (data, file) = with_data(false);
        begin(data.path(), Path::new(ONE), None).unwrap();
        assert!(file.exists());
        assert_eq!(begun(data.path()).unwrap(), None);
    }
}

//! Files that hold secrets: read only if nobody else may read them.

use std::path::Path;

/// The text of a file of secrets, or why it is refused. The problem holds nothing of the text.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    refuse_exposed(path)?;
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

/// Refuses a file of secrets that other users may read.
#[cfg(unix)]
fn refuse_exposed(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = std::fs::metadata(path).map_err(|error| error.to_string())?.permissions().mode();
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(format!("other users may read it; run `chmod 600 {}`", path.display())),
    }
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "its other half looks")]
fn refuse_exposed(_: &Path) -> Result<(), String> {
    Ok(())
}

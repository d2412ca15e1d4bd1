//! Formats a new file as the package formats its own: with `rustfmt`, if it is there.

use std::{
    env,
    ffi::OsString,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

/// Returns the formatted text; the text as it is where there is no `rustfmt`, or where it refuses.
/// `directory`: where the file will be, as the settings of `rustfmt` are looked for from there.
pub(super) fn formatted(text: String, directory: &Path) -> String {
    by_rustfmt(&text, directory).unwrap_or(text)
}

fn by_rustfmt(text: &str, directory: &Path) -> Option<String> {
    let program = env::var_os("RUSTFMT").unwrap_or_else(|| OsString::from("rustfmt"));
    let mut child = Command::new(program)
        .args(["--edition", "2024", "--emit", "stdout", "--quiet"])
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // It reads all of its input before it writes.
    let written = child.stdin.take().map(|mut stdin| stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().ok()?;
    let is_whole = output.status.success() && matches!(written, Some(Ok(())));
    let formatted = String::from_utf8(output.stdout).ok()?;
    (is_whole && !formatted.trim().is_empty()).then_some(formatted)
}

//! Replaces a file so that a crash leaves the old text or the new one, never a part.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use crate::sum;

/// Replaces a file as a whole: writes a draft beside it, and renames that. Keeps the file's rights,
/// and the line ends of the sum file.
///
/// # Errors
///
/// If the file cannot be written; it is as it was.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A link stays a link: its target is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let old = fs::read_to_string(&path).ok();
    let is_sum = path.file_name().is_some_and(|name| name == sum::FILE);
    let text = match old {
        Some(old) if is_sum && old.contains("\r\n") && !text.contains("\r\n") => {
            text.replace('\n', "\r\n")
        }
        _ => text.to_owned(),
    };
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    let draft = path.with_file_name(name);
    let written = File::create(&draft)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            if let Ok(about) = fs::metadata(&path) {
                file.set_permissions(about.permissions())?;
            }
            file.sync_all()
        })
        .and_then(|()| fs::rename(&draft, &path));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

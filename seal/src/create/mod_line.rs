//! The `mod` line that makes a file part of its crate.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::numbering::promised;

/// Returns the file that declares the modules of `dir`.
pub fn mod_file(dir: &Path) -> Option<PathBuf> {
    let mut sibling = dir.as_os_str().to_owned();
    sibling.push(".rs");
    [dir.join("mod.rs"), PathBuf::from(sibling), dir.join("lib.rs"), dir.join("main.rs")]
        .into_iter()
        .find(|file| file.is_file())
}

/// Declares `module` after the last declared migration, unless the file declares it already.
pub fn add_mod_line(file: &Path, module: &str) -> io::Result<()> {
    let text = fs::read_to_string(file)?;
    let Some(changed) = with_mod_line(&text, module) else { return Ok(()) };
    // A crash must not leave half a file: write a draft beside it, then rename the draft.
    let target = fs::canonicalize(file)?;
    let draft = target.with_extension(format!("rs.{}.tmp", std::process::id()));
    let written = File::create_new(&draft)
        .and_then(|mut out| {
            out.write_all(changed.as_bytes())?;
            out.set_permissions(fs::metadata(&target)?.permissions())
        })
        .and_then(|()| fs::rename(&draft, &target));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

/// Adds `mod module;` to `text`: before the first `mod m<version>…;` of a newer version, or else after the
/// last `mod m<version>…;`, or else after the last other `mod …;`, or else at the end. `None` if the text
/// has the line already.
pub fn with_mod_line(text: &str, module: &str) -> Option<String> {
    let mut last_migration = None;
    let mut last_mod = None;
    let mut first_newer = None;
    let mut visibility = "";
    let own = promised(module);
    let mut at = 0;
    // Where the attributes and comments begin that belong to the next item.
    let mut begin = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let belongs_to_next = line.starts_with("#[") || line.starts_with("///");
        // A declaration inside another module is indented, and does not count.
        let Some((before, name)) = declared(line) else {
            if !belongs_to_next {
                begin = at;
            }
            continue;
        };
        let item = std::mem::replace(&mut begin, at).min(start);
        if name == module {
            return None;
        }
        last_mod = Some(at);
        if name.starts_with('m')
            && let Some(version) = promised(name)
        {
            last_migration = Some(at);
            visibility = before;
            if own.is_some_and(|own| version > own) {
                first_newer = first_newer.or(Some(item));
            }
        }
    }
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let place = first_newer.or(last_migration).or(last_mod).unwrap_or(text.len());
    let (before, after) = text.split_at(place);
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { newline };
    Some(format!("{before}{gap}{visibility}mod {module};{newline}{after}"))
}

/// Returns the visibility and the name in a line `pub mod name;`.
fn declared(line: &str) -> Option<(&str, &str)> {
    let code = line.split("//").next().unwrap_or("").trim_end();
    let (before, name) = match code.strip_prefix("mod ") {
        Some(name) => ("", name),
        None => {
            let at = code.find("mod ")?;
            let (before, rest) = code.split_at(at);
            if !(before.starts_with("pub") && before.ends_with(' ')) {
                return None;
            }
            (before, rest.strip_prefix("mod ")?)
        }
    };
    let name = name.strip_suffix(';')?.trim();
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name.then_some((before, name))
}

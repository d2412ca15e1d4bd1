//! Which versions are taken, and which one is next.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{Datelike as _, NaiveDateTime, Timelike as _};

use super::CreateError;
use crate::period::is_period;
use crate::sum::{FILE, Sum};

/// The group that new migrations belong to.
const GROUP: &str = "default";

/// What file names and the sum file say.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) newest: i64,
    /// In how many digits the newest file name writes its version.
    pub(super) width: usize,
    /// By name, where it is.
    pub(super) names: BTreeMap<String, String>,
}

/// Of a directory of migrations, and of the package that it lies in.
pub(super) fn taken(dir: &Path) -> Result<Taken, CreateError> {
    let read = |source| CreateError::Read { dir: dir.to_owned(), source };
    let mut taken = Taken::default();
    for entry in fs::read_dir(dir).map_err(read)? {
        let entry = entry.map_err(read)?;
        let file = entry.file_name().to_string_lossy().into_owned();
        let Some((version, digits)) = numbered(&file) else { continue };
        // `m2024_q1/` gathers migrations, and is none.
        if is_period(&version.to_string(), 0, entry.path().is_dir()) {
            continue;
        }
        if version >= taken.newest {
            (taken.newest, taken.width) = (version, digits);
        }
        if let Some((_, name)) = file.split_once('_') {
            taken.names.insert(name.trim_end_matches(".rs").to_owned(), file);
        }
    }
    let Some(package) = package(dir) else { return Ok(taken) };
    let Ok(text) = fs::read_to_string(package.join(FILE)) else { return Ok(taken) };
    let sum = Sum::parse(&text).map_err(|fault| CreateError::Sum { package, fault })?;
    for sealed in sum.sealed().iter().filter(|sealed| sealed.group == GROUP) {
        taken.newest = taken.newest.max(sealed.version);
        taken.names.entry(sealed.name.clone()).or_insert_with(|| FILE.to_owned());
    }
    Ok(taken)
}

/// The directory of the package that this one lies in.
pub(super) fn package(dir: &Path) -> Option<PathBuf> {
    let dir = dir.canonicalize().ok()?;
    dir.ancestors().find(|above| above.join("Cargo.toml").is_file()).map(Path::to_owned)
}

/// The next version after the newest, 0 being none. `None` if there is no room.
pub(super) fn next(newest: i64, now: NaiveDateTime) -> Option<i64> {
    let date = i64::from(now.year()) * 10_000 + i64::from(now.month() * 100 + now.day());
    let minute = i64::from(now.hour() * 100 + now.minute());
    let least = match newest.to_string().len() {
        _ if newest == 0 => date * 1_000 + 1,
        8 if has_date(newest) => date,
        11 if has_date(newest / 1_000) => date * 1_000 + 1,
        12 if has_date(newest / 10_000) => date * 10_000 + minute,
        14 if has_date(newest / 1_000_000) => {
            (date * 10_000 + minute) * 100 + i64::from(now.second())
        }
        _ => 0,
    };
    Some(newest.checked_add(1)?.max(least))
}

/// Whether eight digits are a date; a day may be one too many, where numbers ran over.
fn has_date(digits: i64) -> bool {
    let (year, month, day) = (digits / 10_000, digits / 100 % 100, digits % 100);
    (1990..2200).contains(&year) && (1..=12).contains(&month) && day <= 32
}

/// The version in a file name such as `m20250122001_add_user_index.rs`, or in that of a
/// directory that is a module.
pub fn promised(file_name: &str) -> Option<i64> {
    numbered(file_name).map(|(version, _)| version)
}

/// The same, and in how many digits it is written.
fn numbered(file_name: &str) -> Option<(i64, usize)> {
    let rest = file_name.strip_prefix('m').unwrap_or(file_name);
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, tail) = rest.split_at(digits);
    let is_ours = tail.is_empty() || tail.starts_with('_') || tail == ".rs";
    is_ours.then(|| Some((number.parse().ok()?, digits))).flatten()
}

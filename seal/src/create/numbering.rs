//! The versions that are taken, and the next version.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use chrono::{Datelike as _, NaiveDateTime, Timelike as _};

use super::error::CreateError;
use crate::{
    group::GROUP_DEFAULT,
    period::is_period,
    sum::{FILE, Sum},
};

/// The versions and names in file names and in the sum file.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) newest: i64,
    /// How many digits the version has in the newest file name.
    pub(super) width: usize,
    /// The place of each name.
    pub(super) names: BTreeMap<String, String>,
}

/// Reads a directory of migrations and the sum file of its package.
pub(super) fn taken(dir: &Path) -> Result<Taken, CreateError> {
    let read = |source| CreateError::Read { dir: dir.to_owned(), source };
    let mut taken = Taken::default();
    for entry in fs::read_dir(dir).map_err(read)? {
        let entry = entry.map_err(read)?;
        let file = entry.file_name().to_string_lossy().into_owned();
        let Some((version, digits)) = numbered(&file) else { continue };
        // `m2024_q1/` is the directory of a quarter, not of one migration.
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
    for sealed in sum.sealed().iter().filter(|sealed| sealed.group == GROUP_DEFAULT) {
        taken.newest = taken.newest.max(sealed.version);
        taken.names.entry(sealed.name.clone()).or_insert_with(|| FILE.to_owned());
    }
    Ok(taken)
}

/// Returns the directory of the package around `dir`.
pub fn package(dir: &Path) -> Option<PathBuf> {
    let dir = dir.canonicalize().ok()?;
    dir.ancestors().find(|above| above.join("Cargo.toml").is_file()).map(Path::to_owned)
}

/// Returns the version after the newest; 0 stands for no version. `None` if there is no room.
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

/// Whether eight digits are a date. A day may be 32, if running numbers overflowed.
fn has_date(digits: i64) -> bool {
    let (year, month, day) = (digits / 10_000, digits / 100 % 100, digits % 100);
    (1990..2200).contains(&year) && (1..=12).contains(&month) && day <= 32
}

/// Returns the version in a file name such as `m20250122001_add_user_index.rs`, or in the name of a
/// module's directory.
pub fn promised(file_name: &str) -> Option<i64> {
    numbered(file_name).map(|(version, _)| version)
}

/// Returns the same version, and the number of its digits.
fn numbered(file_name: &str) -> Option<(i64, usize)> {
    let rest = file_name.strip_prefix('m').unwrap_or(file_name);
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, tail) = rest.split_at(digits);
    let is_ours = tail.is_empty() || tail.starts_with('_') || tail == ".rs";
    is_ours.then(|| Some((number.parse().ok()?, digits))).flatten()
}

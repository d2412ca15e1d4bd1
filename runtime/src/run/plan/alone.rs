//! Pure: whether one migration in the middle of a history can be rolled back alone.

use super::squash::is_of_the_other;
use crate::{
    kinds::change::footprint::Footprint,
    model::{error::Error, kind::MigrationKind, named::Dependent, state::State, version::Version},
    protocol::{
        history::History,
        record::{Record, Stored},
    },
    registry::list::Registry,
};

/// The record of the migration, if what was applied after it does not depend on it. `None`: it was
/// rolled back before. `undoable`: all that can be rolled back, newest first.
pub(super) fn alone<'a>(
    version: Version,
    independent: &[Version],
    registry: &Registry,
    history: &History,
    undoable: &[&'a Record],
) -> Result<Option<&'a Record>, Error> {
    let Some(at) = undoable.iter().position(|record| record.version == version) else {
        let record = history.get(version);
        if record.is_none() && registry.get(version).is_none() {
            return Err(Error::UnknownVersion { version });
        }
        if record.is_some_and(|record| record.state == Stored::Reverted) {
            return Ok(None);
        }
        let state = record.map_or(State::Pending, |record| record.state.shown());
        let hint = "there is nothing of it to roll back";
        return Err(Error::WrongState { version, state: state.as_str(), hint });
    };
    let (later, rest) = undoable.split_at(at);
    let Some(record) = rest.first().copied() else {
        return Err(Error::UnknownVersion { version });
    };
    // It was judged when it began, and is the newest since.
    if record.is_interrupted_rollback() {
        return Ok(Some(record));
    }
    refuse_others(version, independent, registry, history, later)?;
    let mine = known(registry, record);
    let dependents: Vec<Dependent> = later
        .iter()
        .rev()
        .filter_map(|other| {
            let (reason, unknown) = reason(registry, record, &mine, other)?;
            let is_named = unknown && independent.contains(&other.version);
            let (version, name) = (other.version, other.name.clone());
            (!is_named).then_some(Dependent { version, name, reason, unknown })
        })
        .collect();
    if !dependents.is_empty() {
        return Err(Error::NotIndependent { version, later: dependents, steps: at + 1 });
    }
    Ok(Some(record))
}

/// Refuses a version that the user names and that was not applied later: it would be a mistake in
/// typing that nobody sees.
fn refuse_others(
    version: Version,
    independent: &[Version],
    registry: &Registry,
    history: &History,
    later: &[&Record],
) -> Result<(), Error> {
    for named in independent {
        if later.iter().any(|record| record.version == *named) {
            continue;
        }
        if history.get(*named).is_none() && registry.get(*named).is_none() {
            return Err(Error::UnknownVersion { version: *named });
        }
        return Err(Error::Settings {
            setting: "independent",
            problem: format!(
                "{named} was not applied after {version}, so nothing is to be said of it; nothing was run"
            ),
        });
    }
    Ok(())
}

/// Why the later one may depend on this one, and whether that is only because it cannot be known.
/// `None`: it does not.
fn reason(
    registry: &Registry,
    record: &Record,
    mine: &Result<Footprint, String>,
    later: &Record,
) -> Option<(String, bool)> {
    let version = record.version;
    let (mine, theirs) = match (mine, known(registry, later)) {
        (Ok(mine), Ok(theirs)) => (mine, theirs),
        (_, Err(why)) => return Some((why, true)),
        (Err(why), Ok(_)) => return Some((format!("of {version}, {why}"), true)),
    };
    if let Some((mine, theirs)) = mine.meets(&theirs) {
        let (mine, theirs) = (mine.to_string(), theirs.to_string());
        let other = if mine == theirs { String::new() } else { format!(" ({version}: {mine})") };
        return Some((format!("touches {theirs}{other}"), false));
    }
    let runs = |whose: &str, number| format!("operation {number}{whose} runs a function");
    match (theirs.runs(), mine.runs()) {
        (Some(number), _) => Some((runs("", number), true)),
        (None, Some(number)) => Some((runs(&format!(" of {version}"), number), true)),
        (None, None) => None,
    }
}

/// What a migration touches, or why that cannot be known.
fn known(registry: &Registry, record: &Record) -> Result<Footprint, String> {
    let linked = registry.get(record.version);
    let Some(linked) = linked.filter(|linked| !is_of_the_other(record, linked)) else {
        return Err("this build does not have it".to_owned());
    };
    if linked.checksum() != record.checksum {
        return Err("it was edited since it was applied".to_owned());
    }
    let Some(declare) = linked.declaration() else {
        let kind = match linked.kind() {
            MigrationKind::Online => "an online",
            _ => "a transactional",
        };
        return Err(format!("{kind} function does not say what it touches"));
    };
    Footprint::of_applied(declare, &record.undo())
        .ok_or_else(|| "its declaration has mistakes".to_owned())
}

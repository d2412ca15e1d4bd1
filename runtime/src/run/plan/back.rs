//! Pure: how far back a `down` goes that names a release or a tag. Both go by the order of application.

use crate::{
    model::{digest::Digest, error::Error, release::ReleaseStretch, version::Version},
    protocol::{
        history::History,
        record::{Record, Stored},
        tag::{self, StoredTag},
    },
};

/// What was applied after the last migration of this release. `undoable`: all that can be rolled back,
/// newest first.
pub(super) fn to_release<'a>(
    release: &str,
    undoable: &[&'a Record],
) -> Result<Vec<&'a Record>, Error> {
    let release = crate::model::release::release_of(release);
    let stretches = stretches(undoable);
    let mine: Vec<usize> = stretches
        .iter()
        .enumerate()
        .filter(|(_, stretch)| stretch.release == release)
        .map(|(at, _)| at)
        .collect();
    match mine.as_slice() {
        [] => {
            let mut known: Vec<String> = Vec::new();
            for stretch in stretches {
                if !stretch.release.is_empty() && !known.contains(&stretch.release) {
                    known.push(stretch.release);
                }
            }
            Err(Error::UnknownRelease { release: release.to_owned(), known })
        }
        [one] => {
            let later = stretches.get(*one).map_or(0, |stretch| stretch.later);
            Ok(undoable.iter().take(later).copied().collect())
        }
        [first, ..] => {
            let stretches = stretches.into_iter().skip(*first).collect();
            Err(Error::AmbiguousRelease { release: release.to_owned(), stretches })
        }
    }
}

/// What is applied, by the releases that applied it, in the order of application. A rollback that was
/// interrupted is no application, and a squash that was not run is none.
fn stretches(undoable: &[&Record]) -> Vec<ReleaseStretch> {
    let mut stretches: Vec<ReleaseStretch> = Vec::new();
    for (later, record) in undoable.iter().enumerate().rev() {
        // Of what a squash stands for it is not known any more.
        if record.is_interrupted_rollback() || record.replaces.is_some() {
            continue;
        }
        let release = record.by.as_ref().map_or("", |by| by.release());
        match stretches.last_mut().filter(|last| last.release == release) {
            Some(last) => {
                last.migrations += 1;
                last.last = record.named();
                last.later = later;
            }
            None => stretches.push(ReleaseStretch {
                release: release.to_owned(),
                migrations: 1,
                first: record.named(),
                last: record.named(),
                later,
            }),
        }
    }
    stretches
}

/// What was applied after the state that this tag names.
pub(super) fn to_tag<'a>(
    name: &str,
    history: &History,
    undoable: &[&'a Record],
) -> Result<Vec<&'a Record>, Error> {
    let Some((_, found)) = tagged(history, name) else {
        let known = tags(history).map(|(_, tag)| tag.name.clone()).collect();
        return Err(Error::UnknownTag { tag: name.to_owned(), known });
    };
    match later_than(found.applied, history, undoable) {
        Some(later) => Ok(undoable.iter().take(later).copied().collect()),
        None => Err(Error::TagUnreachable {
            tag: name.to_owned(),
            applied: u64::try_from(found.applied.count()).unwrap_or(0),
        }),
    }
}

/// Each tag, with the record that holds it.
pub(crate) fn tags(history: &History) -> impl Iterator<Item = (&Record, &StoredTag)> {
    history.records().flat_map(|record| record.tags.iter().map(move |tag| (record, tag)))
}

/// The tag with this name, and the record that holds it.
pub(crate) fn tagged<'a>(history: &'a History, name: &str) -> Option<(&'a Record, &'a StoredTag)> {
    tags(history).find(|(_, tag)| tag.name == name)
}

/// How many rollbacks, newest first, lead to the state in which just this set is applied, and nothing
/// is half-done. `None`: no number does.
pub(crate) fn later_than(set: Digest, history: &History, undoable: &[&Record]) -> Option<usize> {
    let is_whole = |record: &&Record| record.is_applied();
    let mut left = applied(history, undoable);
    // Of what is half-done, the oldest one: a state with it is none that a tag names.
    let half_done = undoable.iter().rposition(|record| !is_whole(record)).map_or(0, |at| at + 1);
    for later in 0..=undoable.len() {
        if later >= half_done && left == set {
            return Some(later);
        }
        let taken = undoable.get(later).filter(|record| is_whole(record) && !adds_nothing(record));
        if let Some(record) = taken {
            tag::without(&mut left, record.version);
        }
    }
    None
}

/// Whether it is the record of a squash that was not run, under a number of its own: what it stands
/// for is counted.
fn adds_nothing(record: &Record) -> bool {
    record.replaces.is_some_and(|to| record.version > to)
}

/// The set of those that are applied, and of those that a squash stands for: so a tag outlives the
/// squash.
pub(crate) fn applied(history: &History, undoable: &[&Record]) -> Digest {
    let applied = undoable.iter().copied().filter(|record| record.is_applied());
    let replaced = history.records().filter(|record| record.state == Stored::Replaced);
    let counted = applied.chain(replaced).filter(|record| !adds_nothing(record));
    tag::set_of(counted.map(|record| record.version).collect::<Vec<Version>>())
}

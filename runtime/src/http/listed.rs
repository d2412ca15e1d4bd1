//! The list of runs: those that were requested here, and those that the history tells of. Pure.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::{
    run_id::Instance,
    wire::{
        run::Run,
        runs::{RunItem, RunList},
        texts::Texts,
    },
};
use crate::{RunEntry, RunsReport};

/// The last run of a page. The next page begins after it, even if newer runs have begun since.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cursor {
    at_ms: i64,
    id: String,
}

impl Cursor {
    fn of(at: DateTime<Utc>, id: &str) -> Self {
        Self { at_ms: at.timestamp_millis(), id: id.to_owned() }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (at_ms, id) = text.split_once('.')?;
        Instance::of(id)?;
        Some(Self { at_ms: at_ms.parse().ok()?, id: id.to_owned() })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.at_ms, self.id)
    }
}

/// The id of a run that the history tells of: the same in every process.
pub(super) fn id(entry: &RunEntry) -> String {
    Instance::new(&entry.by.host, entry.by.pid).id_of(entry.fence)
}

/// One page of the runs, newest first. Of a run that both know, `here` knows more.
pub(super) fn page(
    report: RunsReport,
    here: &[Run],
    before: Option<&Cursor>,
    limit: usize,
    texts: Texts,
) -> RunList {
    let RunsReport { group, database, runs } = report;
    let ids: HashSet<&str> = here.iter().map(|run| &*run.id).collect();
    let elsewhere = runs.into_iter().filter_map(|entry| {
        let id = id(&entry);
        (!ids.contains(&*id)).then(|| {
            let run = Run::told(id, entry, texts);
            RunItem { here: false, ..RunItem::here(&run) }
        })
    });
    let mut all: Vec<RunItem> = elsewhere.chain(here.iter().map(RunItem::here)).collect();
    let cursor = |run: &RunItem| Cursor::of(run.began_at, &run.id);
    all.retain(|run| before.is_none_or(|before| cursor(run) < *before));
    all.sort_by_cached_key(|run| std::cmp::Reverse(cursor(run)));
    let more = all.len() > limit;
    all.truncate(limit);
    let next = all.last().filter(|_| more).map(|last| cursor(last).to_string());
    RunList { group, database, runs: all, next }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RunEntryState, Who};

    fn entry(fence: i64) -> RunEntry {
        let at = DateTime::from_timestamp_millis(1_700_000_000_000 + fence / 2).unwrap();
        RunEntry {
            fence,
            direction: None,
            state: RunEntryState::Done,
            began_at: at,
            ended_at: Some(at),
            duration_ms: Some(0),
            by: Who { host: "web-3".to_owned(), pid: 7, app: String::new() },
            total: 1,
            done: 1,
            failed: 0,
            plan: None,
            hold: None,
            steps: Vec::new(),
        }
    }

    fn report() -> RunsReport {
        let runs = (1..=20).rev().map(entry).collect();
        RunsReport { group: String::new(), database: String::new(), runs }
    }

    #[test]
    fn the_pages_are_the_whole_and_each_run_is_there_once() {
        let known = entry(13);
        let here = Run { here: true, ..Run::told(id(&known), known, Texts::default()) };
        for limit in [1, 3, 20, 50] {
            let (mut before, mut fences) = (None, Vec::new());
            loop {
                let here = std::slice::from_ref(&here);
                let page = page(report(), here, before.as_ref(), limit, Texts::default());
                assert!(page.runs.len() <= limit);
                fences.extend(page.runs.iter().map(|run| (run.fence.unwrap(), run.here)));
                let Some(next) = page.next else { break };
                before = Some(Cursor::parse(&next).unwrap());
            }
            fences.sort_unstable();
            let all: Vec<(i64, bool)> = (1..=20).map(|fence| (fence, fence == 13)).collect();
            assert_eq!(fences, all, "{limit}");
        }
    }

    #[test]
    fn a_cursor_that_is_none() {
        for text in ["", "1", "1.", "x.web-3-7-1", "1.web-3", "1.2.3.applied", "1.web-3-7--1"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
        assert!(Cursor::parse("-5.web-3-7-1").is_some());
    }
}

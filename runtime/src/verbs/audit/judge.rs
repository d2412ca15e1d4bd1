//! Judges an audit log, entry by entry. Pure, and of constant size however long the log is.

use std::collections::BTreeSet;

use crate::{
    model::{
        audit_key::AuditPublicKey,
        digest::Digest,
        report::audit::{AuditBreak, AuditBreakKind as Kind, AuditGap, AuditHead},
    },
    protocol::{
        audit::{BEGAN, ENDED, REATTACHED, REQUESTS_LOST, entry::Read, head},
        fence::Fence,
    },
};

/// The most places that are named.
const NAMED_MAX: usize = 100;

/// What the entries so far have shown.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    pub entries: u64,
    pub signed: u64,
    pub first: Option<i64>,
    pub breaks: Vec<AuditBreak>,
    pub gaps: Vec<AuditGap>,
    pub pruned_to: Option<AuditHead>,
    /// The `previous` of the first entry.
    first_previous: String,
    last: Option<Last>,
    /// Entries that are gone between two others. What became of them, only the end shows.
    holes: Vec<Hole>,
    /// The head that the caller has kept.
    kept: Option<AuditHead>,
    /// The entry with its number was seen.
    kept_seen: bool,
    keys: Vec<AuditPublicKey>,
    /// Entries before the first signed one.
    unsigned: u64,
    /// Keys that the caller did not name.
    strangers: BTreeSet<String>,
}

#[derive(Debug)]
struct Last {
    number: i64,
    hash: String,
    guard: i64,
    after: Option<Digest>,
    /// It ended the log.
    ended: bool,
}

/// Numbers without an entry, and the `previous` of the entry after them.
#[derive(Debug)]
struct Hole {
    from: i64,
    to: i64,
    previous: String,
}

impl Judge {
    pub(crate) fn new(kept: Option<AuditHead>, keys: Vec<AuditPublicKey>) -> Self {
        Self { kept, keys, ..Self::default() }
    }

    /// The number of the newest entry so far.
    pub(crate) fn last(&self) -> Option<i64> {
        self.last.as_ref().map(|last| last.number)
    }

    fn broken(&mut self, number: i64, kind: Kind, text: impl Into<String>) {
        if self.breaks.len() < NAMED_MAX {
            self.breaks.push(AuditBreak::new(number, kind, text));
        }
    }

    fn gap(&mut self, number: i64, text: impl Into<String>) {
        if self.gaps.len() < NAMED_MAX {
            self.gaps.push(AuditGap::new(number, text));
        }
    }

    /// A document that is no entry.
    pub(crate) fn stray(&mut self, number: i64, what: &str) {
        self.broken(number, Kind::Inserted, format!("{what} is no entry of the log"));
    }

    /// The next entry, in the order of the numbers.
    pub(crate) fn entry(&mut self, read: Read) {
        self.entries += 1;
        let number = read.number;
        match self.last.take() {
            None => {
                self.first = Some(number);
                self.first_previous.clone_from(&read.previous);
            }
            Some(last) => self.link(&last, &read),
        }
        if read.missed > 0 {
            let text = format!(
                "{} guarded transactions before it have no entry: a build without the audit log \
                 committed them",
                read.missed
            );
            self.gap(number, text);
        }
        if read.event == REATTACHED {
            let known = read.note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
            let text = format!(
                "the fence did not know the entries right before it{known}: the log was attached to them, \
                 whoever wrote them"
            );
            self.gap(number, text);
        }
        if read.event == REQUESTS_LOST {
            self.gap(number, "requests of operators left the lock before a run wrote them here");
        }
        if let Some(anchor) = &read.pruned_to
            && self.pruned_to.as_ref().is_none_or(|known| known.number < anchor.number)
        {
            self.pruned_to = Some(anchor.clone());
        }
        if let Some(kept) = self.kept.clone().filter(|kept| kept.number == number) {
            self.kept_seen = true;
            if kept.hash != read.hash {
                self.broken(number, Kind::Changed, "it is not the entry whose hash was kept");
            }
        }
        self.signature(&read);
        let ended = read.event == ENDED;
        let Read { hash, guard, after, .. } = read;
        self.last = Some(Last { number, hash, guard, after, ended });
    }

    /// How an entry follows the one before it.
    fn link(&mut self, last: &Last, read: &Read) {
        let number = read.number;
        let next = last.number.saturating_add(1);
        if number != next {
            let (from, to) = (next, number.saturating_sub(1));
            // The newest one stays, whatever there are many of: no pruning explains it if it does not
            // explain all.
            self.holes.truncate(NAMED_MAX - 1);
            self.holes.push(Hole { from, to, previous: read.previous.clone() });
            return;
        }
        if read.previous != last.hash {
            let text = format!(
                "it is not the entry that entry {number} was written after (or entry {number} was changed)"
            );
            self.broken(last.number, Kind::Changed, text);
            return;
        }
        match (last.ended, &*read.event) {
            (true, BEGAN | REATTACHED) => {}
            (true, _) => self.gap(
                number,
                "the entry before it ended the log, and no entry says that it began again",
            ),
            (false, BEGAN) => self.gap(
                number,
                "the log begins here, and no entry ended it before: the fence did not know the entries \
                 before this one, whoever wrote them",
            ),
            (false, _) => {}
        }
        let explained = read.missed > 0 || read.event == BEGAN || read.event == REATTACHED;
        if read.guard != last.guard && read.before != last.after && !explained {
            let text =
                "what was applied before it is not what was applied after the entry before it";
            self.broken(number, Kind::State, text);
        }
    }

    fn signature(&mut self, read: &Read) {
        let Some((id, signature)) = &read.signature else {
            match (self.signed, self.keys.is_empty()) {
                (0, _) => self.unsigned += 1,
                (_, false) => self.broken(read.number, Kind::Signature, "it is not signed"),
                (_, true) => {}
            }
            return;
        };
        self.signed += 1;
        if self.keys.is_empty() {
            return;
        }
        let Some(key) = self.keys.iter().find(|key| key.id() == id) else {
            if self.strangers.len() < NAMED_MAX && self.strangers.insert(id.clone()) {
                let text = format!("it is signed with the key {id:?}, which was not given");
                self.broken(read.number, Kind::Signature, text);
            }
            return;
        };
        let text = read.signed_text();
        if !text.is_some_and(|text| key.verifies(text.as_bytes(), signature)) {
            self.broken(read.number, Kind::Signature, "its signature is wrong");
        }
    }

    /// The end: compares with what the fence says.
    pub(crate) fn end(&mut self, fence: &Fence) {
        self.beginning();
        self.middle();
        self.tail(fence);
        if let Some(kept) = self.kept.clone().filter(|_| !self.kept_seen) {
            self.kept_is_gone(&kept);
        }
        if !self.keys.is_empty() && self.unsigned > 0 {
            let first = self.first.unwrap_or(1);
            match self.signed {
                0 => self.broken(first, Kind::Signature, "no entry is signed"),
                _ => self.gap(first, format!("the first {} entries are not signed", self.unsigned)),
            }
        }
    }

    /// A log that is to be signed, and is not there, is not whole.
    pub(crate) fn refuse_none(&mut self, fence: &Fence) {
        if fence.audit.is_none() && self.entries == 0 && self.breaks.is_empty() {
            let text = "there is no audit log, and its entries are to be signed: `audit --enable` begins one";
            self.broken(1, Kind::Missing, text);
        }
    }

    /// Whether the entries begin where the log says that they do.
    fn beginning(&mut self) {
        let Some(first) = self.first else { return };
        let anchor = self.pruned_to.clone().unwrap_or_else(|| AuditHead::new(0, head::NONE));
        let expected = anchor.number.saturating_add(1);
        if first > expected {
            let text = format!("{} gone", entries(expected, first.saturating_sub(1)));
            self.broken(expected, Kind::Missing, text);
        } else if first == expected && self.first_previous != anchor.hash {
            self.broken(first, Kind::Changed, "it does not follow the entries that were pruned");
        } else if first < expected {
            self.gap(
                first,
                "entries that were to be pruned were still there: unless they are being pruned, prune \
                 again",
            );
        }
    }

    /// Whether the entries that are gone between two others were pruned while the log was read.
    fn middle(&mut self) {
        let anchor = self.pruned_to.clone().unwrap_or_else(|| AuditHead::new(0, head::NONE));
        for Hole { from, to, previous } in std::mem::take(&mut self.holes) {
            let text = format!("{} gone", entries(from, to));
            if to > anchor.number {
                self.broken(from, Kind::Missing, text);
                continue;
            }
            self.gap(from, format!("{text}: they were pruned before they were read"));
            if to == anchor.number && previous != anchor.hash {
                let text = "it does not follow the entries that were pruned";
                self.broken(to.saturating_add(1), Kind::Changed, text);
            }
        }
    }

    /// Whether the entries end where the fence says that they do.
    fn tail(&mut self, fence: &Fence) {
        let Some(head) = &fence.audit else {
            if let Some(first) = self.first {
                let text = "the fence knows no audit log: was the control collection restored?";
                self.broken(first, Kind::Inserted, text);
            }
            return;
        };
        let (number, hash) =
            self.last.as_ref().map_or((0, head::NONE), |last| (last.number, last.hash.as_str()));
        if number < head.number {
            let first = number.saturating_add(1);
            let text = format!("{} gone, the newest by the fence", entries(first, head.number));
            self.broken(first, Kind::Trimmed, text);
        } else if number > head.number {
            let text = format!("the newest entry by the fence is {}", head.number);
            self.broken(head.number.saturating_add(1), Kind::Inserted, text);
        } else if hash != head.hash {
            self.broken(number, Kind::Changed, "it is not the entry that the fence names");
        }
        let missed = fence.guards.saturating_sub(head.guards);
        if head.on && missed > 0 {
            let text = format!(
                "{missed} guarded transactions have no entry: a build without the audit log committed them"
            );
            self.gap(head.number.saturating_add(1), text);
        } else if let (true, Some(last)) = (head.on && number == head.number, &self.last)
            && last.after != fence.applied
        {
            let text = "what is applied now, by the fence, is not what was applied after it";
            self.broken(number, Kind::State, text);
        }
    }

    /// The entry whose hash the caller has kept is not there.
    fn kept_is_gone(&mut self, kept: &AuditHead) {
        let last = self.last().unwrap_or(0);
        match self.pruned_to.clone() {
            Some(anchor) if anchor.number == kept.number && anchor.hash == kept.hash => {}
            Some(anchor) if anchor.number == kept.number => {
                let text = "the entry that was pruned is not the entry whose hash was kept";
                self.broken(kept.number, Kind::Changed, text);
            }
            Some(anchor) if kept.number < anchor.number => {
                self.gap(
                    kept.number,
                    "the entry whose hash was kept is pruned, and cannot be compared",
                );
            }
            _ if kept.number > last => {
                let first = last.saturating_add(1);
                let gone = entries(first, kept.number);
                self.broken(
                    first,
                    Kind::Trimmed,
                    format!("{gone} gone, by the hash that was kept"),
                );
            }
            // The break that is there already says that it is missing.
            _ => {}
        }
    }
}

/// `entry 3 is`, `entries 3 to 5 are`.
fn entries(from: i64, to: i64) -> String {
    if from == to { format!("entry {from} is") } else { format!("entries {from} to {to} are") }
}

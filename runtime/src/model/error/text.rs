//! The longer texts of errors.

use std::{fmt, time::Duration};

use mongrate_seal::nearest;

use crate::model::{
    kind::MigrationKind,
    named::{ComesAfter, Dependent, Named, Renamed},
    report::{
        failure::Failure,
        run::{RunReport, StepOutcome, StepReport},
        status::StepProgress,
    },
    state::{Direction, Who},
    version::Version,
};

/// Each item on an indented line of its own.
pub(crate) fn lines<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(|item| format!("\n  {item}")).collect()
}

/// `1,234 migrations`.
pub(crate) fn count(number: usize, what: &str) -> String {
    crate::model::numbers::counted(u64::try_from(number).unwrap_or(u64::MAX), what)
}

/// `fence` is 0 where nobody is known to hold the lock: this process lost a race for it.
pub(crate) fn lock_held(holder: &str, fence: i64, remaining: Duration) -> String {
    if fence == 0 {
        return LOCK_RACED.to_owned();
    }
    format!(
        "the lock is held by {holder} (fence {fence}) for another {} s; wait, or, if you know that this \
         process is dead, run `force-unlock {fence} --confirm`; nothing was run",
        remaining.as_secs()
    )
}

pub(crate) const LOCK_RACED: &str = "the lock was made anew, or another process was about to take it, and this \
                                     call does not wait; run it again; nothing was run";

pub(crate) fn corrupt(collection: Option<&str>, id: &str, problem: &str) -> String {
    match collection {
        Some(collection) => format!(
            "the collection `{collection}` is not mongrate's: {id} {problem}; nothing was written \
             into it; give mongrate a collection of its own, now and in the app: `--collection \
             NAME` (`Migrator::collection`)"
        ),
        None => format!(
            "the control document {id} is not what mongrate writes ({problem}); something else has \
             probably written into the collection: restore the document from a backup, or choose \
             another collection (`--collection NAME`)"
        ),
    }
}

/// The text about a tag that is not there.
pub(super) fn no_tag(tag: &str, known: &[String]) -> String {
    let (tag, known) = (tag.escape_debug(), names(known));
    format!("there is no tag `{tag}`; there are: {known}; `tag --list` shows them; nothing was run")
}

/// The text about a release of which there is no event.
pub(super) fn no_event_of(release: &str, known: &[String]) -> String {
    let release = release.escape_debug();
    format!("no event is of the release `{release}`; there are events of: {}", names(known))
}

/// `a`, `b`; or that there is none.
pub(crate) fn names(all: &[String]) -> String {
    let all: Vec<String> = all.iter().map(|name| format!("`{name}`")).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

pub(crate) fn not_independent(version: Version, later: &[Dependent], steps: usize) -> String {
    let unknown: Vec<String> =
        later.iter().filter(|one| one.unknown).map(|one| one.version.to_string()).collect();
    let mut text = format!(
        "cannot roll back {version} alone, because of what was applied after it:{}\n\
         `down --steps {steps}` rolls everything back that was applied since",
        lines(later)
    );
    if !unknown.is_empty() {
        text += &format!(
            "; where it cannot be known, you may know it: `down --only {version} --independent {}` says \
             that they do not depend on it",
            unknown.join(",")
        );
    }
    text + "; nothing was run"
}

/// The title of the guide about releases, tags and `down --only`.
pub(crate) const RELEASES_GUIDE: &str =
    "Roll back to a release or a tag, or one migration in the middle";

/// What is wrong with migrations that are older than the newest applied one, and what to do.
pub(crate) fn late(late: &[Named], newest: Version, rolled_back: &[Version]) -> String {
    format!(
        "{} older than the newest applied migration ({newest}), and would run out of order:{}\n\
         {}; nothing was run",
        pending_are(late.len()),
        lines(late),
        late_ways_out(late, rolled_back)
    )
}

/// What to do about migrations that are older than the newest applied one. `rolled_back`: those of them
/// that were rolled back while newer ones stayed, which is to be decided first.
fn late_ways_out(late: &[Named], rolled_back: &[Version]) -> String {
    let others: Vec<String> = late
        .iter()
        .filter(|one| !rolled_back.contains(&one.version))
        .map(|one| one.version.to_string())
        .collect();
    let mut ways = Vec::new();
    if let Some(first) = rolled_back.first() {
        let all: Vec<String> = rolled_back.iter().map(Version::to_string).collect();
        let (were, them) = match all.as_slice() {
            [one] => (format!("{one} was"), "it"),
            all => (format!("{} were", all.join(", ")), "them"),
        };
        ways.push(format!(
            "{were} rolled back while newer ones stayed (`down --only`): deploy a build without {them}, \
             or `resolve {first} --as applied` for builds that have to start with {them}; the guide \
             \"{RELEASES_GUIDE}\" says more"
        ));
    }
    if !others.is_empty() {
        let them = if rolled_back.is_empty() { "them".to_owned() } else { others.join(", ") };
        ways.push(format!(
            "give {them} a newer version; or, if the order does not matter, run \
             `up --allow-out-of-order`, or mark {} `out_of_order`",
            if rolled_back.is_empty() { "them" } else { "these" }
        ));
    }
    ways.join("\n")
}

pub(crate) fn renamed_flags(renamed: &[Renamed]) -> String {
    renamed.iter().map(|renamed| format!(" --renamed {}", renamed.version)).collect()
}

/// `groups`: those of which this build has migrations.
pub(crate) fn comes_after(
    orders: &[ComesAfter],
    direction: Direction,
    groups: &[String],
) -> String {
    let shown = lines(orders);
    let is_unknown = |order: &&ComesAfter| !groups.contains(&order.other_group);
    if direction == Direction::Up
        && let Some(first) = orders.iter().find(is_unknown)
    {
        let meant = nearest(&first.other_group, groups.iter().map(String::as_str));
        let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
        return format!(
            "another group comes first, and is not there yet:{shown}\n\
             no migration of group `{}` is in this build (there are: {}): another app applies it, or the \
             name is misspelt{meant}; wait for that app, or stop before them with `--to`; nothing was run",
            first.other_group,
            names(groups)
        );
    }
    match (direction, orders) {
        (Direction::Up, []) | (Direction::Down, []) => {
            "the order across groups is broken".to_owned()
        }
        (Direction::Up, [first, ..]) => format!(
            "another group comes first, and is not there yet:{shown}\n\
             apply that group first (`up --group {}`), or stop before them with `--to`; nothing was run",
            first.other_group
        ),
        (Direction::Down, [first, ..]) => format!(
            "another group builds on what would be rolled back:{shown}\n\
             roll that group back first (`down --group {}`); nothing was run",
            first.group
        ),
    }
}

pub(crate) fn lock_lost(report: &RunReport, taken_by: Option<&Who>) -> String {
    let done = count(report.done().count(), "migration");
    match taken_by {
        Some(by) => format!(
            "the lock was taken away by an operator (`force-unlock`, by {by}), so this run \
             stopped; {done} done by this run; the migration in flight was rolled back (an online \
             one keeps its finished steps); `status` shows the state; run `up` again when no other \
             process migrates this database"
        ),
        None => format!(
            "the lease was lost (the process was stalled, or the server out of reach, for longer \
             than the lease); {done} done by this run; the migration in flight was stopped, and \
             another process may have finished it: `status` shows its state; run `up` again"
        ),
    }
}

pub(crate) fn cancelled(report: &RunReport) -> String {
    let by = report.cancelled_by.as_ref().map_or(String::new(), |asked| format!(" by {asked}"));
    if report.fence.is_none() {
        return format!("cancelled{by} before the run began; nothing was run");
    }
    let mut text = format!("cancelled{by}: {} done", count(report.done().count(), "migration"));
    let is_cut = |step: &&StepReport| step.outcome == StepOutcome::Interrupted;
    if let Some(cut) = report.steps.iter().find(is_cut) {
        let (version, name) = (cut.version, &cut.name);
        let places: Vec<String> = cut.progress.iter().map(StepProgress::place).collect();
        text += &match (cut.kind, places.as_slice()) {
            (MigrationKind::Transaction, _) => format!("; {version} `{name}` was rolled back"),
            (_, []) => format!("; {version} `{name}` keeps its finished steps"),
            (_, places) => {
                format!("; {version} `{name}` keeps what it has done: {}", places.join(", "))
            }
        };
    }
    let next = report.steps.iter().find(|step| !step.is_done());
    let verb = next.map_or(Direction::Up, |step| step.direction).as_str();
    text + &format!("; the lock was released; `{verb}` resumes from here")
}

fn pending_are(number: usize) -> String {
    if number == 1 {
        "1 pending migration is".to_owned()
    } else {
        format!("{number} pending migrations are")
    }
}

pub(crate) fn apart(versions: &[Named], before: Option<Version>, until: Option<Version>) -> String {
    let before = before.map(|version| format!("`up --atomic --to {version}`"));
    let until = until.map(|version| format!("`up --to {version}`"));
    let parts: Vec<String> = before.into_iter().chain(until).collect();
    let first = format!("{}, then the rest with `up --atomic`", parts.join(", then "));
    match versions {
        [] => format!("too many to be applied in one transaction; run {first}; nothing was run"),
        _ => format!(
            "cannot apply all in one transaction:{}\nonline and declared migrations cannot be part \
             of a transaction; run {first}; nothing was run",
            lines(versions)
        ),
    }
}

pub(crate) fn failed(report: &RunReport) -> String {
    let mut text = String::new();
    for step in &report.steps {
        let Some(Failure { message, .. }) = &step.failure else { continue };
        text += &format!("{} `{}` failed: {message}\n", step.version, step.name);
    }
    let done = count(report.done().count(), "migration");
    text + &format!("{done} done and recorded; {}", way_out_of(&report.steps))
}

/// The state that a failed migration leaves, and what to do.
pub(crate) fn way_out(failed: &StepReport) -> String {
    way_out_of(std::slice::from_ref(failed))
}

fn way_out_of(steps: &[StepReport]) -> String {
    let has = |wanted: fn(&&StepReport) -> bool| steps.iter().find(wanted).is_some();
    let state = if has(|step| step.outcome == StepOutcome::Aborted) {
        "all were to be applied together, so none was applied"
    } else if has(|step| step.outcome == StepOutcome::Unknown) {
        "whether the migration was committed is unknown: see `status` when the server is back"
    } else if has(|step| step.failure.is_some() && step.kind != MigrationKind::Transaction) {
        "the failed migration keeps its finished steps, and resumes after them"
    } else {
        "the failed migration left only its record"
    };
    let is_rollback = has(|step| step.failure.is_some() && step.direction == Direction::Down);
    let verb = if is_rollback { "down" } else { "up" };
    format!("{state}; fix it and run `{verb}` again")
}

/// The begin of a digest, as people compare it.
pub(crate) fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// What a standalone server is refused with.
pub(super) const STANDALONE: &str = "this MongoDB is a standalone server, which has no transactions; \
    migrations need a replica set (one node is enough): start `mongod` with `--replSet rs0`, run \
    `rs.initiate()` once, and try again; nothing was written";

pub(super) fn plan_differs(plan: &str, differences: &[String]) -> String {
    format!(
        "the plan {} is not what would run now:{}\nmake the plan again and have it approved: `plan --out \
         FILE`; nothing was run",
        short(plan),
        lines(differences)
    )
}

pub(super) fn shadow_forbidden(database: &str, missing: &str) -> String {
    format!(
        "not allowed to make the scratch database `{database}` ({missing}): a shadow run needs the roles \
         `readWriteAnyDatabase` and `dbAdminAnyDatabase` on `admin`, as its database has a new name each \
         time; grant them with `db.grantRolesToUser(\"…\", [{{ role: \"readWriteAnyDatabase\", db: \
         \"admin\" }}, {{ role: \"dbAdminAnyDatabase\", db: \"admin\" }}])`; nothing was written"
    )
}

/// What is said of a version that no migration has. That of a repeatable migration is made of its name.
pub(crate) fn unknown(version: Version) -> String {
    match version.is_repeatable() {
        true => "no repeatable migration has this name".to_owned(),
        false => format!("no migration has version {version}"),
    }
}

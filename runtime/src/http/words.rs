//! The texts of an error over HTTP, and of what to do next. They name endpoints and fields of
//! requests instead of commands, because the reader of an answer may not have the command line.
//!
//! Texts are an allow-list: the messages of servers, drivers and migrations are left out.

use super::wire::texts::Texts;
use crate::{
    Direction, Error, Kind, ServerError, StepOutcome,
    model::error::text::{LOCK_RACED, count, lines, names, short, unknown},
    mongo::code,
};

/// Commands and verbs of the command line, as its messages write them.
const COMMANDS: [&str; 27] = [
    "`tag ",
    "`audit",
    "`pause",
    "`resume`",
    "`tune",
    "`cancel",
    "--",
    "`up`",
    "`up ",
    "`down`",
    "`down ",
    "`status`",
    "`plan`",
    "`redo",
    "`repair",
    "`resolve",
    "`baseline",
    "`import",
    "`purge",
    "`check",
    "`history`",
    "`lock-status",
    "`force-unlock",
    "`create",
    "run `",
    "cargo ",
    "MONGODB_URI",
];

/// What happened, and what state the database is in, in Mongrate's own words only.
pub(super) fn detail(error: &Error, texts: Texts) -> String {
    match error {
        Error::Server { action, source } => format!(
            "could not {action}: MongoDB cannot be reached, or refused{}; the log of the process \
             says more",
            code_of(source)
        ),
        Error::Unauthorized { action, source } => format!(
            "the app's MongoDB user is not allowed to {action}{}; the user needs `find`, `insert` \
             and `update` on the control collection, and the rights for what the migrations do",
            code_of(source)
        ),
        Error::UnsupportedServer { .. } => "this MongoDB is not supported; migrations need \
                                            MongoDB 4.4 or newer; nothing was written"
            .to_owned(),
        Error::Standalone => "this MongoDB is a standalone server, which has no transactions; \
                              migrations need a replica set (one node is enough); nothing was \
                              written"
            .to_owned(),
        Error::Corrupt { .. } => "a control document has a form that Mongrate does not write; the \
                                  log of the process says which document; if something else \
                                  wrote into the collection, restore it from a backup"
            .to_owned(),
        Error::NewerFormat { found, known } => format!(
            "a newer Mongrate has written the control collection (format {found}, and this build knows \
             {known}); nothing was run or written; deploy the app that was built with that Mongrate"
        ),
        Error::ShadowForbidden { .. } => {
            "the app's MongoDB user may not create a scratch database: a shadow run needs the \
             roles `readWriteAnyDatabase` and `dbAdminAnyDatabase` on `admin`; nothing was written"
                .to_owned()
        }
        Error::LockHeld { fence: 0, .. } => LOCK_RACED.to_owned(),
        Error::LockHeld { holder, fence, remaining } => format!(
            "the lock is held by {holder} (fence {fence}) for another {} s; nothing was run",
            remaining.as_secs()
        ),
        Error::LockLost { report, taken_by: Some(by) } => format!(
            "{by} took the lock away; {} done by this run; the migration in flight was stopped",
            migrations(report.done().count())
        ),
        Error::LockLost { report, taken_by: None } => format!(
            "the lease was lost: for longer than the lease, the process was stalled or could not \
             reach the server; {} done by this run; the migration in flight was stopped, and GET \
             status shows whether another process has run it",
            migrations(report.done().count())
        ),
        Error::Drift(drifts) => format!(
            "{} changed after being applied:{}\nnothing was run",
            migrations(drifts.len()),
            lines(drifts)
        ),
        Error::OutOfOrder { versions, newest, rolled_back } => format!(
            "{} pending and older than the newest applied migration ({newest}), so they would run \
             out of order:{}\n{}nothing was run",
            migrations(versions.len()),
            lines(versions),
            match rolled_back.as_slice() {
                [] => String::new(),
                all => format!(
                    "rolled back while newer ones stayed: {}; ",
                    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
                ),
            }
        ),
        Error::NotIndependent { version, later, .. } => format!(
            "cannot roll back {version} alone, because of what was applied after it:{}\nnothing was run",
            lines(later)
        ),
        Error::AmbiguousRelease { release, stretches } => format!(
            "the release `{release}` applied migrations at several times, with other releases in \
             between:{}\nnothing was run",
            lines(
                &stretches
                    .iter()
                    .map(|one| {
                        format!(
                            "`{}`, {} to {}: {} applied since",
                            one.release,
                            one.first,
                            one.last,
                            migrations(one.later)
                        )
                    })
                    .collect::<Vec<_>>()
            )
        ),
        Error::Squashed { squash, to, count, applied } => format!(
            "{squash} stands for {count} migrations up to {to}, and this database has applied {applied} \
             of them, or others than these; nothing was run"
        ),
        Error::ComesAfter { orders, direction: Direction::Up, groups } => {
            let unknown = orders.iter().find(|order| !groups.contains(&order.other_group));
            format!(
                "another group comes first, and is not applied yet:{}\n{}nothing was run",
                lines(orders),
                unknown.map_or_else(String::new, |order| format!(
                    "no migration of group `{}` is in this build (there are: {}): another app applies \
                     it, or the name is misspelt; ",
                    order.other_group,
                    names(groups)
                ))
            )
        }
        Error::ComesAfter { orders, direction: Direction::Down, .. } => format!(
            "another group builds on what would be rolled back:{}\nnothing was run",
            lines(orders)
        ),
        Error::Ahead { versions } => format!(
            "the database is ahead: these migrations are applied and not in this build:{}\nnothing \
             was run",
            lines(versions)
        ),
        Error::Irreversible { versions } => {
            format!(
                "cannot roll back, because these migrations have no rollback:{}\nnothing was run",
                lines(versions)
            )
        }
        Error::NotLinked { versions } => {
            format!(
                "cannot roll back migrations that this build does not have:{}\nnothing was run",
                lines(versions)
            )
        }
        Error::UnknownVersion { version } => {
            format!("{}; nothing was run", unknown(*version))
        }
        Error::Apart { versions, .. } if versions.is_empty() => {
            "these are too many migrations for one transaction; nothing was run".to_owned()
        }
        Error::Apart { versions, .. } => format!(
            "cannot apply all in one transaction:{}\nthese are online or declared migrations, and \
             do not run inside a transaction; nothing was run",
            lines(versions)
        ),
        Error::Failed { report, .. } => {
            let mut failed = String::new();
            for step in &report.steps {
                if !matches!(step.outcome, StepOutcome::Failed | StepOutcome::Unknown) {
                    continue;
                }
                failed += &format!("\n  {} `{}`", step.version, step.name);
                if let (true, Some(failure)) = (texts.shown, &step.failure) {
                    failed += &format!(": {}", failure.message);
                }
            }
            let why = if texts.shown { "" } else { "; the log of the process says why" };
            let done = migrations(report.done().count());
            format!("failed:{failed}\n{done} done and recorded{why}")
        }
        Error::Cancelled { report } => format!(
            "cancelled{}: {} done; the migration in flight was rolled back (an online migration \
             keeps its finished steps), and the lock was released",
            report.cancelled_by.as_ref().map(|asked| format!(" by {asked}")).unwrap_or_default(),
            migrations(report.done().count())
        ),
        Error::Paused { asked } => {
            format!("the history is paused by {asked}; nothing was run")
        }
        Error::NoRun { found } => {
            format!("no run is under way: {found}; nothing was changed")
        }
        Error::Pending { versions } => {
            format!("{} pending:{}\nnothing was run", migrations(versions.len()), lines(versions))
        }
        Error::Policy(refusals) => {
            let refused = refusals.iter().map(|refusal| {
                format!("{} ({}: {})", refusal.problem, refusal.place, refusal.rule)
            });
            let refused: Vec<String> = refused.collect();
            format!("refused by policy:{}\nwhat is refused was not begun", lines(&refused))
        }
        Error::PlanDiffers { plan, differences } => format!(
            "the plan {} is not what would run now:{}\nnothing was run",
            short(plan),
            lines(differences)
        ),
        Error::FenceMismatch { asked, found } => {
            format!("the lock is not at fence {asked}: {found}; the lock was not changed")
        }
        // Made of our own words, names and numbers, but written for the command line.
        _ => without_commands(&error.to_string()),
    }
}

/// What the client can do about the error over HTTP.
pub(super) fn next(error: &Error) -> Option<String> {
    Some(match error {
        Error::LockHeld { fence: 0, .. } => "try again".to_owned(),
        Error::LockHeld { fence, .. } => format!(
            "wait and try again; if you know that the process is dead, POST \
             {{\"fence\": {fence}}} to lock/release"
        ),
        Error::Paused { .. } => "POST {} to runs/current/resume lets runs go on".to_owned(),
        Error::Policy(_) => {
            "GET status lists the policies; a run that needs an approved plan is asked \
                             for with GET plan/file, and POST of that file to plan/run"
                .to_owned()
        }
        Error::PlanDiffers { .. } => {
            "GET plan/file makes the plan again; have it approved".to_owned()
        }
        Error::NoRun { .. } => "GET status shows what is pending".to_owned(),
        Error::FenceMismatch { .. } => "GET lock/status for the current fence".to_owned(),
        Error::Drift(_) => {
            "undo the edit, deploy, and write a new migration for the change".to_owned()
        }
        Error::OutOfOrder { rolled_back, .. } if !rolled_back.is_empty() => {
            "what was rolled back while newer ones stayed is to be decided first: deploy a build without it, \
             or record it as applied"
                .to_owned()
        }
        Error::OutOfOrder { .. } => {
            "give these migrations a newer version, or POST with \"allow_out_of_order\": true"
                .to_owned()
        }
        Error::Squashed { .. } => {
            "deploy the last build that has these migrations, apply them there, then this build"
                .to_owned()
        }
        Error::ComesAfter { direction: Direction::Up, .. } => {
            "apply the other group first, and POST up again".to_owned()
        }
        Error::ComesAfter { direction: Direction::Down, .. } => {
            "roll the other group back first".to_owned()
        }
        Error::NotIndependent { version, later, steps } => {
            let unknown: Vec<String> =
                later.iter().filter(|one| one.unknown).map(|one| one.version.to_string()).collect();
            let all = format!("POST {{\"steps\": {steps}}} to down rolls all of them back");
            match unknown.as_slice() {
                [] => all,
                unknown => format!(
                    "{all}; where it cannot be known, and you know it, POST {{\"only\": {version}, \
                     \"independent\": [{}]}}",
                    unknown.join(", ")
                ),
            }
        }
        Error::UnknownRelease { .. } | Error::ReleaseWithoutEvent { .. } => {
            "GET status shows which release applied each migration".to_owned()
        }
        Error::AmbiguousRelease { .. } => {
            "POST {\"steps\": N} to down, with the number of those that were applied since"
                .to_owned()
        }
        Error::UnknownTag { .. } | Error::TagUnreachable { .. } => {
            "choose another target; GET history shows what was applied and rolled back".to_owned()
        }
        Error::Ahead { .. } => {
            "deploy a build that has these migrations, or POST with \"allow_ahead\": true"
                .to_owned()
        }
        Error::Apart { before, until, .. } => {
            let atomic = before.map(|to| format!("{{\"to\": {to}, \"atomic\": true}}"));
            let alone = until.map(|to| format!("{{\"to\": {to}}}"));
            let parts: Vec<String> = atomic.into_iter().chain(alone).collect();
            format!("POST {} to up, then the rest with \"atomic\": true", parts.join(", then "))
        }
        Error::Failed { .. } if error.kind() == Kind::Forbidden => {
            "GET doctor lists the rights that the user lacks; then POST up again".to_owned()
        }
        Error::Failed { .. } => "fix it, deploy, and POST up again".to_owned(),
        Error::Renamed(_) => {
            "give this app its own control collection or group; if you renamed the migration, \
             record the new name with the app's command line"
                .to_owned()
        }
        Error::LockLost { taken_by: Some(_), .. } => {
            "POST up resumes from here, once no other process migrates".to_owned()
        }
        Error::Cancelled { .. } | Error::LockLost { .. } => "POST up resumes from here".to_owned(),
        Error::Irreversible { .. } => {
            "choose a target above these migrations, or write rollbacks; GET status lists them"
                .to_owned()
        }
        Error::Unauthorized { source, .. }
            if source.is_authentication() || source.code() == Some(code::AUTHENTICATION_FAILED) =>
        {
            "the app's connection string needs another user or password".to_owned()
        }
        Error::Unauthorized { .. } | Error::Standalone | Error::UnsupportedServer { .. } => {
            "GET doctor says what the server lacks, or the user".to_owned()
        }
        Error::NotLinked { .. } => "roll back from a build that has these migrations".to_owned(),
        Error::UnknownVersion { .. } => "GET status lists the versions".to_owned(),
        Error::Audit { .. } => {
            "GET audit/verify shows what does not fit; the app's command line attaches the log again".to_owned()
        }
        _ => return None,
    })
}

fn code_of(source: &ServerError) -> String {
    source.code().map(|code| format!(" (code {code})")).unwrap_or_default()
}

fn migrations(number: usize) -> String {
    count(number, "migration")
}

/// The text without the clauses that name a command. The whole text, if no clause would remain.
fn without_commands(text: &str) -> String {
    let spoken = |clause: &&str| !COMMANDS.iter().any(|command| clause.contains(command));
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.split("; ").filter(spoken).collect::<Vec<_>>().join("; "))
        .filter(|line| !line.trim().is_empty())
        .collect();
    if lines.is_empty() { text.to_owned() } else { lines.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::error::docs::samples::{OF_THE_BODY, all};

    #[test]
    fn no_answer_tells_anybody_to_type_a_command() {
        for error in all() {
            for shown in [false, true] {
                let detail = detail(&error, Texts { shown });
                assert!(detail.len() > 15, "{error:?}: {detail}");
                let next = next(&error).unwrap_or_default();
                for text in [&detail, &next] {
                    for command in COMMANDS {
                        assert!(!text.contains(command), "{command}: {text}");
                    }
                }
                let quotes = error.to_string().contains(OF_THE_BODY) && shown;
                assert_eq!(detail.contains(OF_THE_BODY), quotes, "{detail}");
            }
        }
    }

    #[test]
    fn what_is_no_command_stays() {
        for (text, spoken) in [
            ("a thing; run `up` first; nothing was run", "a thing; nothing was run"),
            (
                "it is so:\n  7 `add_users`\nallow it with `--allow-ahead`",
                "it is so:\n  7 `add_users`",
            ),
            ("run `up`", "run `up`"),
        ] {
            assert_eq!(without_commands(text), spoken);
        }
    }
}

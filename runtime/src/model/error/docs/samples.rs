//! At least one error of each code, as a user may meet it: what the page of errors in the book shows, and what
//! the texts of the faces are tried with.

use std::time::Duration;

use crate::{
    model::{
        error::Error,
        kind::MigrationKind,
        lint::{Lint, LintName},
        named::{ComesAfter, Dependent, Drift, Named, Renamed},
        policies::PolicyRefusal,
        release::ReleaseStretch,
        report::{
            failure::Failure,
            run::{RunReport, StepOutcome, StepReport},
            steering::Asked,
        },
        state::{Direction, Who},
        tool::Tool,
        version::Version,
    },
    mongo::{code, server_error::ServerError},
};

/// What the body of the migration that failed said: no text of Mongrate's own.
pub(crate) const OF_THE_BODY: &str = "the order 17 has no customer";

fn version(last: i64) -> Version {
    Version::new(20_250_122_000 + last)
}

fn named(last: i64, name: &str) -> Named {
    Named { version: version(last), name: name.to_owned() }
}

fn who() -> Who {
    Who { host: "web-1".to_owned(), pid: 4711, app: "shop 1.4.0".to_owned() }
}

fn step(
    last: i64,
    name: &str,
    kind: MigrationKind,
    outcome: StepOutcome,
    failure: Option<&str>,
) -> StepReport {
    StepReport {
        version: version(last),
        name: name.to_owned(),
        kind,
        direction: Direction::Up,
        outcome,
        duration_ms: 120,
        attempts: 1,
        failure: failure.map(|message| Failure {
            message: message.to_owned(),
            code: None,
            code_name: None,
            documents: Vec::new(),
        }),
        progress: Vec::new(),
    }
}

/// A run that did one migration, and stopped in the next.
fn report(stopped: StepReport) -> Box<RunReport> {
    let done = step(3, "add_users", MigrationKind::Transaction, StepOutcome::Applied, None);
    Box::new(RunReport {
        skipped: Vec::new(),
        stands: None,
        group: "default".to_owned(),
        database: "shop".to_owned(),
        batch: None,
        fence: Some(3),
        steps: vec![done, stopped],
        waited_ms: 0,
        ahead: Vec::new(),
        cancelled_by: None,
    })
}

fn interrupted() -> Box<RunReport> {
    let (kind, outcome) = (MigrationKind::Online, StepOutcome::Interrupted);
    report(step(4, "lower_case_mails", kind, outcome, None))
}

fn failed(message: &str) -> Box<RunReport> {
    let (kind, outcome) = (MigrationKind::Transaction, StepOutcome::Failed);
    report(step(4, "default_plan", kind, outcome, Some(message)))
}

fn refused() -> Box<ServerError> {
    let text = "not authorized on shop to execute command";
    Box::new(ServerError::in_reply(text, Some(code::UNAUTHORIZED)))
}

fn stretch(release: &str, first: i64, last: i64, later: usize) -> ReleaseStretch {
    ReleaseStretch {
        release: release.to_owned(),
        migrations: 2,
        first: named(first, "add_users"),
        last: named(last, "default_plan"),
        later,
    }
}

fn order() -> ComesAfter {
    ComesAfter {
        group: "shop".to_owned(),
        migration: named(7, "add_invoices"),
        other_group: "billing".to_owned(),
        other_version: version(5),
    }
}

/// The samples: the same code may be there several times, with other texts or another exit code.
pub(crate) fn all() -> Vec<Error> {
    let mut all = about_the_build();
    all.extend(about_the_server());
    all.extend(about_the_run());
    all.extend(about_the_history());
    all.extend(about_rollbacks());
    all.extend(about_decisions());
    all
}

fn about_the_build() -> Vec<Error> {
    vec![
        Error::Registry {
            problems: vec![format!(
                "version {} is used twice: `add_users` (src/users.rs:3) and `add_orders` \
                 (src/orders.rs:3)",
                version(3)
            )],
        },
        Error::InsideMigration,
        Error::Settings {
            setting: "lease",
            problem: "100ms is not between 1 s and 1 h".to_owned(),
        },
        Error::UnknownVersion { version: version(9) },
    ]
}

fn about_the_server() -> Vec<Error> {
    vec![
        Error::Standalone,
        Error::UnsupportedServer { reason: "the server is MongoDB 4.2".to_owned() },
        Error::Unauthorized { action: "read the history", source: refused() },
        Error::Server {
            action: "read the history",
            source: Box::new(ServerError::in_reply("no server is reachable", None)),
        },
        Error::Corrupt {
            collection: Some("migrations".to_owned()),
            id: "a document".to_owned(),
            problem: "is another tool's".to_owned(),
        },
        Error::Corrupt {
            collection: None,
            id: version(3).to_string(),
            problem: "no state".to_owned(),
        },
        Error::NewerFormat { found: 2, known: 1 },
        Error::ShadowForbidden {
            database: "shop_shadow_1f3a".to_owned(),
            missing: "insert".to_owned(),
        },
        Error::ShadowImpossible {
            problem: "this is a sharded cluster; use `--dry-run`, or a copy of the data".to_owned(),
        },
    ]
}

fn about_the_run() -> Vec<Error> {
    vec![
        Error::LockHeld { holder: who(), fence: 3, remaining: Duration::from_secs(9) },
        Error::LockLost { report: interrupted(), taken_by: None },
        Error::LockLost { report: interrupted(), taken_by: Some(who()) },
        Error::Paused {
            asked: Asked {
                by: Who { host: "ops".to_owned(), pid: 7, app: String::new() },
                at: chrono::DateTime::from_timestamp(1_737_540_000, 0).unwrap_or_default(),
                why: Some("too much load".to_owned()),
            },
        },
        Error::NoRun { found: "the lock is free (last fence 7)".to_owned() },
        Error::FenceMismatch { asked: 3, found: "it is free, last at fence 4".to_owned() },
        Error::Failed { report: failed(OF_THE_BODY), source: OF_THE_BODY.into() },
        Error::Failed {
            report: failed("not allowed to create the index"),
            source: Box::new(Error::Unauthorized { action: "create the index", source: refused() }),
        },
        Error::Cancelled { report: interrupted() },
        Error::Pending { versions: vec![named(4, "default_plan")] },
        Error::Audit {
            collection: "migrations.audit_log".to_owned(),
            problem: "it has entries after number 4".to_owned(),
        },
    ]
}

fn about_the_history() -> Vec<Error> {
    vec![
        Error::Drift(vec![Drift {
            version: version(3),
            name: "add_users".to_owned(),
            applied: "v1:5f1c".to_owned(),
            linked: "v1:a02e".to_owned(),
        }]),
        Error::Renamed(vec![Renamed {
            version: version(3),
            recorded: "add_people".to_owned(),
            linked: "add_users".to_owned(),
        }]),
        Error::OutOfOrder {
            versions: vec![named(2, "add_orders")],
            newest: version(3),
            rolled_back: Vec::new(),
        },
        Error::OutOfOrder {
            versions: vec![named(2, "add_orders")],
            newest: version(3),
            rolled_back: vec![version(2)],
        },
        Error::Squashed {
            squash: named(1, "all_before_2025"),
            to: version(1),
            count: 412,
            applied: 12,
        },
        Error::ComesAfter { orders: vec![order()], direction: Direction::Up, groups: Vec::new() },
        Error::ComesAfter { orders: vec![order()], direction: Direction::Down, groups: Vec::new() },
        Error::Ahead { versions: vec![named(9, "add_reviews")] },
        Error::Import {
            tool: Tool::MigrateMongo,
            collection: "changelog".to_owned(),
            problems: vec![
                "20240101-users.js: no migration of this build has this name".to_owned(),
            ],
        },
        Error::WrongState {
            version: version(3),
            state: "applied",
            hint: "roll it back with `down`",
        },
    ]
}

fn about_rollbacks() -> Vec<Error> {
    vec![
        Error::Irreversible { versions: vec![named(4, "default_plan")] },
        Error::NotLinked { versions: vec![named(9, "add_reviews")] },
        Error::NotIndependent {
            version: version(3),
            later: vec![Dependent {
                version: version(4),
                name: "default_plan".to_owned(),
                reason: "this build does not have it".to_owned(),
                unknown: true,
            }],
            steps: 2,
        },
        Error::UnknownRelease {
            release: "shop 1.2.0".to_owned(),
            known: vec!["shop 1.3.0".to_owned()],
        },
        Error::ReleaseWithoutEvent {
            release: "shop 1.2.0".to_owned(),
            known: vec!["shop 1.3.0".to_owned(), "shop 1.4.0".to_owned()],
        },
        Error::AmbiguousRelease {
            release: "shop 1.3.0".to_owned(),
            stretches: vec![
                stretch("shop 1.3.0", 1, 2, 4),
                stretch("shop 1.4.0", 3, 4, 2),
                stretch("shop 1.3.0", 5, 6, 0),
            ],
        },
        Error::UnknownTag {
            tag: "before-sale".to_owned(),
            known: vec!["before-summer".to_owned()],
        },
        Error::TagTaken { tag: "before-sale".to_owned(), applied: 3, last: named(3, "add_users") },
        Error::TagUnreachable { tag: "before-sale".to_owned(), applied: 3 },
    ]
}

fn about_decisions() -> Vec<Error> {
    vec![
        Error::Apart {
            versions: vec![named(4, "lower_case_mails")],
            before: Some(version(3)),
            until: Some(version(4)),
        },
        Error::Apart { versions: Vec::new(), before: Some(version(3)), until: None },
        Error::Lints(vec![Lint {
            name: LintName::LargeTransaction,
            version: version(4),
            migration: "default_plan".to_owned(),
            message: "it writes about 1,200,000 documents in one transaction".to_owned(),
            bad: String::new(),
            good: String::new(),
            details: Vec::new(),
            estimated: true,
        }]),
        Error::Policy(vec![PolicyRefusal {
            rule: "plan_required = true".to_owned(),
            place: "mongrate.toml:3 of `shop`".to_owned(),
            problem: "up needs an approved plan".to_owned(),
            way_out: "approve a plan: `plan --out FILE`, then `up --plan FILE`".to_owned(),
        }]),
        Error::PlanDiffers {
            plan: "ab".repeat(32),
            differences: vec![format!("{} is not in the plan", named(7, "add_invoices"))],
        },
    ]
}

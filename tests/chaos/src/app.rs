//! The app that the suite breaks: a runner process, told what to do by its environment.
//!
//! | variable | what | default |
//! |---|---|---|
//! | `CHAOS_URI`, `CHAOS_DATABASE` | where | needed |
//! | `CHAOS_HISTORY` | a name of [`History`] | `mixed` |
//! | `CHAOS_VERB` | `up`, `up-1` (one step), `down` (all), `only` (the second one alone) | `up` |
//! | `CHAOS_LEASE_MS` | the lease | 1,000 |
//! | `CHAOS_LEASE_ONLY` | a dead owner's lease has to run out | taken over at once |
//! | `CHAOS_NO_WAIT` | does not wait for the lock | waits |
//! | `CHAOS_POINT` | where to break, as `12:before:kill` | nowhere |
//! | `CHAOS_COUNT` | `all`, `acquired`, `heartbeats`, `only:<command>` | `all` |
//! | `CHAOS_PLAN` | the approved plan that `up` and `down` run, as JSON | none |
//! | `CHAOS_PAUSE` | the history `pause` waits inside | it does not |
//!
//! It prints `at <point> <sent, ok, unsure or failed> <command>` before it breaks, and `end <json>` when it ends.

use std::{io::Write as _, process::ExitCode, sync::Arc, time::Duration};

use mongrate::{
    Error, Migrator, PlanFile, Policies, RunReport, Wait,
    mongodb::{Client, event::EventHandler, options::ClientOptions},
};
use serde::{Deserialize, Serialize};

use crate::{
    history::{History, alone},
    point::{Count, Striker},
};

/// What a runner says at its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct End {
    /// How many commands the runner sent, of those that it was told to count.
    pub commands: u32,
    /// The versions that it applied or rolled back.
    pub done: Vec<i64>,
    /// The most memory that it ever had, in bytes; 0 where that cannot be asked.
    pub memory: u64,
    /// The kind and the text of its error.
    pub error: Option<(String, String)>,
}

/// Prints a line at once.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Its reader may be gone.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// The whole program.
pub fn main() -> ExitCode {
    // A frozen one would outlive a coordinator that is killed.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map(|runtime| runtime.block_on(run())) {
        Ok(Ok(end)) => {
            let code = u8::from(end.error.is_some());
            say(&format!("end {}", serde_json::to_string(&end).unwrap_or_default()));
            ExitCode::from(code)
        }
        Ok(Err(error)) => {
            eprintln!("{error}");
            ExitCode::from(64)
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(71)
        }
    }
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

async fn run() -> mongrate::Result<End> {
    let name = setting("CHAOS_HISTORY").unwrap_or_else(|| "mixed".to_owned());
    let history = History::named(&name).ok_or_else(|| format!("no history `{name}`"))?;
    let point = setting("CHAOS_POINT").map(|point| point.parse()).transpose()?;
    let count = setting("CHAOS_COUNT").map_or(Ok(Count::All), |count| count.parse())?;
    let lease: u64 = setting("CHAOS_LEASE_MS").map_or(Ok(1_000), |ms| ms.parse())?;

    let striker = Arc::new(Striker::new(point, count));
    let mut options = ClientOptions::parse(std::env::var("CHAOS_URI")?).await?;
    let database = std::env::var("CHAOS_DATABASE")?;
    options.app_name = Some(database.clone());
    options.server_selection_timeout = Some(Duration::from_secs(60));
    let counts = Arc::clone(&striker);
    options.command_event_handler = Some(EventHandler::callback(move |event| counts.handle(event)));
    let client = Client::with_options(options)?;

    let mut migrator = Migrator::with(&client.database(&database), (history.migrations)())
        .keep_audit_log(history.audited)
        .lease(Duration::from_millis(lease))
        .local_takeover(setting("CHAOS_LEASE_ONLY").is_none());
    if setting("CHAOS_NO_WAIT").is_some() {
        migrator = migrator.wait(Wait::No);
    }
    let plan = setting("CHAOS_PLAN").map(|text| PlanFile::parse(&text)).transpose()?;
    if plan.is_some() {
        migrator = migrator.policies(Policies::new().plan_required());
    }
    let ended = match (setting("CHAOS_VERB").as_deref(), &plan) {
        (None | Some("up"), Some(plan)) => migrator.up().approved(plan).await,
        (Some("down"), Some(plan)) => migrator.down().approved(plan).await,
        (Some(other), Some(_)) => return Err(format!("no plan for the verb `{other}`").into()),
        (verb, None) => run_verb(&migrator, verb).await?,
    };
    let report = match &ended {
        Ok(report) => Some(report),
        Err(error) => error.report(),
    };
    let done = report.map(|report| report.done().map(|step| step.version.get()).collect());
    Ok(End {
        commands: striker.commands(),
        done: done.unwrap_or_default(),
        memory: memory_peak().unwrap_or(0),
        error: ended.as_ref().err().map(|error| (kind(error), error.to_string())),
    })
}

/// Runs a verb; the inner error is the verb's.
async fn run_verb(
    migrator: &Migrator,
    verb: Option<&str>,
) -> mongrate::Result<Result<RunReport, Error>> {
    Ok(match verb {
        None | Some("up") => migrator.up().await,
        Some("up-1") => migrator.up().steps(1).await,
        Some("down") => migrator.down().all().await,
        Some("only") => alone(migrator).await,
        Some(other) => return Err(format!("no verb `{other}`").into()),
    })
}

fn memory_peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kb| kb * 1_024)
}

/// The kind of an error, as far as the coordinator tells kinds apart.
fn kind(error: &Error) -> String {
    match error {
        Error::LockLost { .. } => "lock-lost".to_owned(),
        Error::LockHeld { .. } => "lock-held".to_owned(),
        other => format!("{:?}", other.kind()).to_lowercase(),
    }
}

//! The mutants: builds the program with the broken protocol, and sees each of them caught.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mongrate::{embedded::Embedded, mongodb::error::Error};

use crate::{
    point::Count,
    round::{Verb, World},
    schedules::{self, ALL, Schedule},
};

/// Every mutant: the values of `CHAOS_MUTANT` (see `runtime/src/protocol/mutant.rs`).
pub const MUTANTS: [&str; 17] = [
    "no-fence",
    "fence-only-read",
    "fence-no-op-set",
    "guard-goes-on",
    "history-outside",
    "no-kill-sessions",
    "does-not-wait",
    "kill-previous-owner",
    "heartbeat-ignored",
    "fence-w1",
    "last-is-provisional",
    "releases-blindly",
    "release-any",
    "forgets-pause",
    "cancel-does-not-wait",
    "obeys-old-cancel",
    "audit-outside",
];

/// Stuck, for a mutant; some are broken in that way, and would keep the suite waiting.
const PATIENCE: Duration = Duration::from_secs(20);

/// The build whose features the program with the mutants takes, so that no third-party crate is
/// compiled again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// `cargo test --workspace`.
    TheWorkspace,
    /// `cargo run -p mongrate-chaos`.
    ThisPackage,
}

/// Builds the program with the mutants in it, in the profile of this one, and returns its path.
/// Only the crates of the workspace are compiled again: the flag goes to them alone.
///
/// # Errors
///
/// When it cannot be built.
pub fn build(within: Within) -> std::io::Result<PathBuf> {
    let exe = std::env::current_exe()?;
    // target/<profile>/chaos, or target/<profile>/deps/<a test>.
    let beside = exe.parent().unwrap_or(Path::new("."));
    let profile = if beside.ends_with("deps") { beside.parent().unwrap_or(beside) } else { beside };
    let target = profile.parent().unwrap_or(profile);
    let wrapper = target.join("mongrate-mutants.sh");
    let script = "#!/bin/sh\nexec \"$@\" --cfg mongrate_mutants\n";
    if fs::read_to_string(&wrapper).ok().as_deref() != Some(script) {
        let fresh = target.join(format!("mongrate-mutants.{}", std::process::id()));
        fs::write(&fresh, script)?;
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755))?;
        fs::rename(&fresh, &wrapper)?;
    }
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Cargo describes this package to its tests, and ring's build script takes a change of that
    // description for a change of its own: the driver would be compiled again, now and afterwards.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command.args(["build", "--quiet", "--bin", "chaos-mutant"]);
    match within {
        Within::TheWorkspace => command.args(["--workspace"]),
        Within::ThisPackage => command.args(["--package", "mongrate-chaos"]),
    };
    command
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
        .arg("--target-dir")
        .arg(target)
        .env("RUSTC_WORKSPACE_WRAPPER", &wrapper);
    if profile.ends_with("release") {
        command.arg("--release");
    }
    let status = command.status()?;
    if !status.success() {
        return Err(std::io::Error::other("the mutants do not build"));
    }
    Ok(profile.join("chaos-mutant"))
}

/// The outcome of one mutant under one schedule.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// `CHAOS_MUTANT`; `None` for the true program.
    pub mutant: Option<&'static str>,
    /// The schedule.
    pub schedule: &'static str,
    /// What the mutant got wrong.
    pub wrong: Vec<String>,
}

/// Runs the schedules: all of them with the true program, then those that are there for each
/// mutant. With a set of three nodes or without; the others are left out. `jobs` schedules run at a
/// time, each in a world of its own.
///
/// # Errors
///
/// When the server cannot be used.
pub async fn judge(
    server: &Embedded,
    lease: Duration,
    (truth, mutant): (&Path, &Path),
    jobs: usize,
) -> Result<Vec<Verdict>, Error> {
    let set = (server.hosts().len() > 1).then_some(server);
    let world = |exe: &Path| {
        let exe = exe.to_owned();
        async move {
            let mut world = World::new(server.uri(), exe, lease).await?;
            world.keep = false;
            world.patience = PATIENCE;
            Ok::<_, Error>(world)
        }
    };
    let peace = async {
        // Left in peace, a mutant works: what is found is found by the schedule.
        let mut world = world(mutant).await?;
        for mutation in MUTANTS {
            world.mutant = Some(mutation.to_owned());
            world.commands("mixed", Verb::Up, Count::All).await?;
        }
        Ok(())
    };
    // A schedule that kills nodes has the set for itself: one after the other, and after what is to be
    // left in peace.
    let jobs = if set.is_some() { 1 } else { jobs };
    let schedules = ALL.iter().filter(|schedule| schedule.three_nodes == set.is_some());
    let judged = stream::iter(schedules)
        .map(async |schedule| {
            let mut world = world(truth).await?;
            let mut verdicts = vec![verdict(schedule, None, &world, set).await?];
            world.exe = mutant.into();
            for mutation in schedule.catches {
                world.mutant = Some((*mutation).to_owned());
                verdicts.push(verdict(schedule, Some(mutation), &world, set).await?);
            }
            Ok::<_, Error>(verdicts)
        })
        .buffer_unordered(jobs)
        .try_concat();
    if set.is_some() {
        peace.await?;
        return judged.await;
    }
    tokio::try_join!(judged, peace).map(|(verdicts, ())| verdicts)
}

async fn verdict(
    schedule: &Schedule,
    mutant: Option<&'static str>,
    world: &World,
    set: Option<&Embedded>,
) -> Result<Verdict, Error> {
    let outcome = schedules::run(schedule.name, world, set).await?;
    let mut wrong = outcome.wrong;
    if outcome.unsteady {
        wrong.push("paused: it went on all the same".to_owned());
    }
    if outcome.late {
        wrong.push(format!("recovery: took {} ms", outcome.recovery_ms));
    }
    if std::env::var_os("CHAOS_VERBOSE").is_some() {
        println!("{:?} {} ms", outcome.commands, outcome.recovery_ms);
    }
    println!(
        "{:<60} {:<20} {}",
        schedule.name,
        mutant.unwrap_or("the true program"),
        wrong.first().map_or("nothing wrong", String::as_str)
    );
    Ok(Verdict { mutant, schedule: schedule.name, wrong })
}

/// Lists the verdicts that are not as they should be: the true program accused, a schedule that
/// its mutant passes.
pub fn survivors(verdicts: &[Verdict]) -> Vec<String> {
    let mut left = Vec::new();
    for Verdict { mutant, schedule, wrong } in verdicts {
        match mutant {
            None if !wrong.is_empty() => {
                left.push(format!("the true program under {schedule}: {wrong:?}"));
            }
            Some(mutant) if wrong.is_empty() => left.push(format!("{mutant} survives {schedule}")),
            _ => {}
        }
    }
    left
}

//! The mutants: builds the program with the broken protocol, and sees each of them caught.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use mongrate::{embedded::Embedded, mongodb::error::Error};

use crate::{
    point::Count,
    round::{Verb, World},
    schedules::{self, ALL},
};

/// Every mutant: the values of `CHAOS_MUTANT` (see `runtime/src/protocol/mutant.rs`).
pub const MUTANTS: [&str; 11] = [
    "no-fence",
    "fence-only-read",
    "fence-no-op-set",
    "guard-goes-on",
    "history-outside",
    "no-kill-sessions",
    "kill-previous-owner",
    "heartbeat-ignored",
    "fence-w1",
    "last-is-provisional",
    "release-any",
];

/// Stuck, for a mutant; some are broken in that way, and would keep the suite waiting.
const PATIENCE: Duration = Duration::from_secs(20);

/// Builds the program with the mutants in it, in the profile of this one, and says where it
/// is. Only the crates of the workspace are built again: the flag goes to them alone.
///
/// # Errors
///
/// When it cannot be built.
pub fn build() -> std::io::Result<PathBuf> {
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
    command
        .args(["build", "--quiet", "--package", "mongrate-chaos", "--bin", "chaos-mutant"])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
        .arg("--target-dir")
        .arg(target)
        .env("RUSTC_WORKSPACE_WRAPPER", &wrapper);
    if profile.ends_with("release") {
        command.arg("--release");
    }
    // Features as in the build that this is part of, so that no third-party crate differs.
    let status = command.status()?;
    if !status.success() {
        return Err(std::io::Error::other("the mutants do not build"));
    }
    Ok(profile.join("chaos-mutant"))
}

/// What one mutant did under one schedule.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// `CHAOS_MUTANT`; `None` for the true program.
    pub mutant: Option<&'static str>,
    /// The schedule.
    pub schedule: &'static str,
    /// What it got wrong.
    pub wrong: Vec<String>,
}

/// Runs the schedules: all of them with the true program, then those that are there for each
/// mutant. With a set of three nodes or without; the others are left out.
///
/// # Errors
///
/// When the server cannot be used.
pub async fn judge(
    world: &mut World,
    set: Option<&Embedded>,
    truth: &Path,
    mutant: &Path,
) -> Result<Vec<Verdict>, Error> {
    let schedules = ALL.iter().filter(|one| one.three_nodes == set.is_some());
    let mut verdicts = Vec::new();
    world.keep = false;
    world.patience = PATIENCE;
    // Left in peace, a mutant works: what is found is found by the schedule.
    for mutation in MUTANTS {
        world.mutant = Some(mutation.to_owned());
        world.exe = mutant.into();
        world.commands("mixed", Verb::Up, Count::All).await?;
    }
    for schedule in schedules {
        for mutation in std::iter::once(None).chain(schedule.catches.iter().copied().map(Some)) {
            world.mutant = mutation.map(str::to_owned);
            world.exe = if mutation.is_some() { mutant.into() } else { truth.into() };
            let outcome = schedules::run(schedule.name, world, set).await?;
            let mut wrong = outcome.wrong;
            if outcome.late {
                wrong.push(format!("recovery: took {} ms", outcome.recovery_ms));
            }
            if std::env::var_os("CHAOS_VERBOSE").is_some() {
                println!("{:?} {} ms", outcome.commands, outcome.recovery_ms);
            }
            println!(
                "{:<60} {:<20} {}",
                schedule.name,
                mutation.unwrap_or("the true program"),
                wrong.first().map_or("nothing wrong", String::as_str)
            );
            verdicts.push(Verdict { mutant: mutation, schedule: schedule.name, wrong });
        }
    }
    Ok(verdicts)
}

/// What the verdicts leave to be desired: the true program accused, a schedule that its
/// mutant passes.
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

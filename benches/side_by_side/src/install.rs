//! Installs the tools of others below the target directory, in the versions of `benches/peers`.

use std::{fs, path::Path, process::Command};

use crate::{paths::Paths, problem::Problem};

/// Installs the tools that it can, and prints why it cannot install the others. Tools that are
/// missing in the end are skipped by name.
pub fn all(paths: &Paths) {
    let (from, to) = (paths.repository.join("benches/peers"), paths.peers());
    for (installer, outcome) in [
        ("npm", npm(&from.join("node"), &to.join("node"))),
        ("pip", pip(&from.join("python"), &to.join("python"))),
        ("cargo", cargo(&from.join("mongodb_migrator"), &to.join("mongodb_migrator"))),
    ] {
        if let Err(problem) = outcome {
            eprintln!("mongrate-bench: {installer} could not install: {problem}");
        }
    }
}

fn npm(from: &Path, to: &Path) -> Result<(), Problem> {
    fs::create_dir_all(to)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(from.join(file), to.join(file))?;
    }
    let arguments = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
    run(Command::new("npm").args(arguments).current_dir(to))
}

fn pip(from: &Path, to: &Path) -> Result<(), Problem> {
    run(Command::new("python3").args(["-m", "venv"]).arg(to))?;
    let mut pip = Command::new(to.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    run(pip.arg(from.join("requirements.txt")))
}

fn cargo(from: &Path, to: &Path) -> Result<(), Problem> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "--quiet"]).current_dir(from);
    run(cargo.env("CARGO_TARGET_DIR", to))
}

fn run(command: &mut Command) -> Result<(), Problem> {
    let output = command.output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned().into())
    }
}

//! The paths of a run: the repository, the programs of this package, scratch space.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::problem::Problem;

/// The paths of a run.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The repository of Mongrate.
    pub repository: PathBuf,
    /// The directory of this package's programs.
    pub programs: PathBuf,
    /// The scratch directory: in no commit, kept from run to run.
    pub scratch: PathBuf,
}

impl Paths {
    /// Finds the paths from the path of this program.
    ///
    /// # Errors
    ///
    /// If this program cannot find itself or its sources.
    pub fn find() -> Result<Self, Problem> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        let programs = env::current_exe()?;
        let programs = programs.parent().ok_or("this program is in no directory")?.to_owned();
        let target = programs.parent().ok_or("this program is in no target directory")?;
        let scratch = target.join("side_by_side");
        std::fs::create_dir_all(&scratch)?;
        Ok(Self { repository, programs, scratch })
    }

    /// Builds the programs that are measured, in the profile of this one. `with_ten_thousand`: also
    /// the app with ten thousand migrations.
    ///
    /// # Errors
    ///
    /// If they do not compile.
    pub fn build(&self, with_ten_thousand: bool) -> Result<(), Problem> {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--quiet", "--package", "mongrate-bench"]);
        for program in ["bench-floor", "bench-app", "bench-app-1000"] {
            cargo.args(["--bin", program]);
        }
        if with_ten_thousand {
            cargo.args(["--features", "linked", "--bin", "bench-app-10000"]);
        }
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        let status = cargo.current_dir(&self.repository).status()?;
        if status.success() { Ok(()) } else { Err("the programs to measure do not compile".into()) }
    }

    /// The directory where the other tools are installed.
    pub fn peers(&self) -> PathBuf {
        self.scratch.join("peers")
    }

    /// The path of a program of this package.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }
}

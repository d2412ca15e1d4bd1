//! Where things lie: the repository, the programs of this package, scratch space.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Problem;

/// The paths of a run.
#[derive(Clone, Debug)]
pub struct Place {
    /// The sources of Mongrate.
    pub repository: PathBuf,
    /// Where the programs of this package are.
    pub programs: PathBuf,
    /// For what is made on the way: in no commit, kept from run to run.
    pub scratch: PathBuf,
}

impl Place {
    /// As this program was started.
    ///
    /// # Errors
    ///
    /// When it cannot find itself or its sources.
    pub fn find() -> Result<Self, Problem> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        let programs = env::current_exe()?;
        let programs = programs.parent().ok_or("this program lies nowhere")?.to_owned();
        let target = programs.parent().ok_or("this program lies in no target directory")?;
        let scratch = target.join("side_by_side");
        std::fs::create_dir_all(&scratch)?;
        Ok(Self { repository, programs, scratch })
    }

    /// Builds the programs that are measured, in the profile of this one.
    ///
    /// # Errors
    ///
    /// When they do not compile.
    pub fn build(&self) -> Result<(), Problem> {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--quiet", "--package", "mongrate-bench"]);
        for program in ["bench-floor", "bench-app", "bench-app-1000", "bench-app-10000"] {
            cargo.args(["--bin", program]);
        }
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        let status = cargo.current_dir(&self.repository).status()?;
        if status.success() { Ok(()) } else { Err("the programs to measure do not compile".into()) }
    }

    /// Where other tools are installed.
    pub fn peers(&self) -> PathBuf {
        self.scratch.join("peers")
    }

    /// A program of this package.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }
}

//! Runs cargo on one crate, and takes the time.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use crate::generate::{Style, TOUCHED, TOUCHED_TEXT};

/// One crate, and what it has cost so far.
pub struct Subject {
    style: Style,
    sources: PathBuf,
    target: PathBuf,
    edits: usize,
    cold_checks: Vec<f64>,
    incremental_checks: Vec<f64>,
    builds: Vec<f64>,
    binary: f64,
}

/// Medians, in seconds and bytes.
pub struct Figures {
    pub style: Style,
    pub cold_check: f64,
    pub incremental_check: f64,
    pub build: f64,
    pub binary: f64,
}

impl Subject {
    pub fn new(style: Style, sources: PathBuf, target: PathBuf) -> Self {
        Self {
            style,
            sources,
            target,
            edits: 0,
            cold_checks: Vec::new(),
            incremental_checks: Vec::new(),
            builds: Vec::new(),
            binary: 0.0,
        }
    }

    /// Builds what it depends on, which no figure holds.
    pub fn prepare(&self) -> Result<(), String> {
        self.cargo(&["check", "--package", "mongrate"])?;
        self.cargo(&["build", "--package", "mongrate"])?;
        Ok(())
    }

    /// Takes each time once. Cold: nothing of this crate is there, but what it depends on is.
    pub fn round(&mut self) -> Result<(), String> {
        self.clean()?;
        self.cold_checks.push(self.cargo(&["check"])?);
        self.edit()?;
        self.incremental_checks.push(self.cargo(&["check"])?);
        self.clean()?;
        self.builds.push(self.cargo(&["build"])?);
        let binary = self.target.join("debug").join(self.package());
        let about = fs::metadata(&binary).map_err(|error| in_file(&binary, &error))?;
        self.binary = about.len() as f64;
        Ok(())
    }

    pub fn figures(&self) -> Figures {
        Figures {
            style: self.style,
            cold_check: median(&self.cold_checks),
            incremental_check: median(&self.incremental_checks),
            build: median(&self.builds),
            binary: self.binary,
        }
    }

    fn package(&self) -> String {
        self.sources.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn clean(&self) -> Result<f64, String> {
        self.cargo(&["clean", "--package", &self.package()])
    }

    /// Changes what one function writes, as a person would.
    fn edit(&mut self) -> Result<(), String> {
        let file = self.sources.join(TOUCHED);
        let text = fs::read_to_string(&file).map_err(|error| in_file(&file, &error))?;
        self.edits += 1;
        let edited = text.replacen(TOUCHED_TEXT, &format!("{TOUCHED_TEXT}{}-", self.edits), 1);
        if edited == text {
            return Err(format!("{}: nothing to edit", file.display()));
        }
        fs::write(&file, edited).map_err(|error| in_file(&file, &error))
    }

    /// The seconds that it took.
    fn cargo(&self, arguments: &[&str]) -> Result<f64, String> {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(arguments).args(["--quiet", "--offline"]).current_dir(&self.sources);
        cargo.env("CARGO_TARGET_DIR", &self.target).env("CARGO_INCREMENTAL", "1");
        let start = Instant::now();
        let output = cargo.output().map_err(|error| format!("cargo: {error}"))?;
        let seconds = start.elapsed().as_secs_f64();
        if output.status.success() {
            Ok(seconds)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

fn in_file(file: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", file.display())
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

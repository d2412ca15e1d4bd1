//! Runs cargo on a crate, and takes the time.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use crate::{bodies::EDITED_TEXT, instructions::Wrapper, style::Style};

/// The edits in a round; several, as an incremental check is short.
const EDITS: usize = 5;

/// A crate, and its costs so far.
pub struct Subject {
    style: Style,
    sources: PathBuf,
    target: PathBuf,
    /// The file to edit.
    edited_file: PathBuf,
    edits: usize,
    cold_check: Cost,
    incremental_check: Cost,
    build: Cost,
    binary: f64,
}

/// The least times of all runs, in seconds: other work of the machine only adds to a time.
#[derive(Clone, Copy)]
pub struct Cost {
    /// The wall-clock time.
    pub wall: f64,
    /// The time of all processors, the kernel's share included; `NAN` if the system does not say.
    pub processors: f64,
}

impl Cost {
    pub const NONE: Self = Self { wall: f64::INFINITY, processors: f64::INFINITY };

    pub fn add(&mut self, run: Self) {
        self.wall = self.wall.min(run.wall);
        self.processors = match run.processors.is_nan() {
            true => f64::NAN,
            false => self.processors.min(run.processors),
        };
    }
}

/// The costs of a style, and the size of the binary in bytes.
pub struct Figures {
    pub style: Style,
    pub cold_check: Cost,
    pub incremental_check: Cost,
    pub build: Cost,
    pub binary: f64,
}

impl Subject {
    pub fn new(style: Style, sources: PathBuf, target: PathBuf, edited_file: &str) -> Self {
        Self {
            style,
            edited_file: sources.join(edited_file),
            sources,
            target,
            edits: 0,
            cold_check: Cost::NONE,
            incremental_check: Cost::NONE,
            build: Cost::NONE,
            binary: 0.0,
        }
    }

    /// Builds the dependencies, which no figure includes.
    pub fn prepare(&self) -> Result<(), String> {
        fetch(&self.sources)?;
        self.cargo(&["check", "--package", "mongrate"])?;
        self.cargo(&["build", "--package", "mongrate"])?;
        Ok(())
    }

    /// Takes each time. A cold check finds nothing of this crate, but its dependencies
    /// compiled.
    pub fn round(&mut self) -> Result<(), String> {
        self.clean()?;
        self.cold_check.add(self.cargo(&["check"])?);
        for _ in 0..EDITS {
            self.edit()?;
            self.incremental_check.add(self.cargo(&["check"])?);
        }
        self.clean()?;
        self.build.add(self.cargo(&["build"])?);
        let binary = self.target.join("debug").join(self.package());
        let about = fs::metadata(&binary).map_err(|error| in_file(&binary, &error))?;
        self.binary = about.len() as f64;
        Ok(())
    }

    /// Counts the instructions of an incremental check: the second one after an edit, when what changes with
    /// every edit is compiled.
    pub fn count(&mut self, wrapper: &Wrapper) -> Result<f64, String> {
        self.cargo(&["check"])?;
        self.edit()?;
        self.cargo(&["check"])?;
        self.edit()?;
        wrapper.count(&self.sources, &self.target)
    }

    pub fn style(&self) -> Style {
        self.style
    }

    pub fn figures(&self) -> Figures {
        Figures {
            style: self.style,
            cold_check: self.cold_check,
            incremental_check: self.incremental_check,
            build: self.build,
            binary: self.binary,
        }
    }

    fn package(&self) -> String {
        self.sources.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn clean(&self) -> Result<Cost, String> {
        self.cargo(&["clean", "--package", &self.package()])
    }

    /// Edits a text in a function, as a developer would.
    fn edit(&mut self) -> Result<(), String> {
        let file = &self.edited_file;
        let text = fs::read_to_string(file).map_err(|error| in_file(file, &error))?;
        self.edits += 1;
        let edited = text.replacen(EDITED_TEXT, &format!("{EDITED_TEXT}{}-", self.edits), 1);
        if edited == text {
            return Err(format!("{}: nothing to edit", file.display()));
        }
        fs::write(file, edited).map_err(|error| in_file(file, &error))
    }

    fn cargo(&self, arguments: &[&str]) -> Result<Cost, String> {
        cargo(&self.sources, &self.target, arguments)
    }
}

/// Downloads what a crate depends on, for the commands to come, which ask no registry.
pub fn fetch(sources: &Path) -> Result<(), String> {
    run(command(sources).args(["fetch", "--quiet"])).map(drop)
}

/// Checks a crate with this program in place of the compiler, which it gets as its arguments.
/// `variable`: its name and value.
pub fn wrapped(
    sources: &Path,
    target: &Path,
    wrapper: &Path,
    variable: (&str, &str),
) -> Result<Cost, String> {
    let mut cargo = command(sources);
    cargo.args(["check", "--quiet", "--offline"]).env("RUSTC_WRAPPER", wrapper);
    cargo.env(variable.0, variable.1);
    cargo.env("CARGO_TARGET_DIR", target).env("CARGO_INCREMENTAL", "1");
    run(&mut cargo)
}

/// Runs cargo in a directory, and takes the time.
pub fn cargo(sources: &Path, target: &Path, arguments: &[&str]) -> Result<Cost, String> {
    let mut cargo = command(sources);
    cargo.args(arguments).args(["--quiet", "--offline"]);
    cargo.env("CARGO_TARGET_DIR", target).env("CARGO_INCREMENTAL", "1");
    run(&mut cargo)
}

fn command(sources: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(sources);
    cargo
}

fn run(cargo: &mut Command) -> Result<Cost, String> {
    let (start, before) = (Instant::now(), processors());
    let output = cargo.output().map_err(|error| format!("cargo: {error}"))?;
    let (wall, processors) = (start.elapsed().as_secs_f64(), processors() - before);
    if output.status.success() {
        Ok(Cost { wall, processors })
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn in_file(file: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", file.display())
}

/// The processor time, in seconds, of all processes that this process has waited for, and of their
/// children. `NAN` if the system does not say.
fn processors() -> f64 {
    const TICKS: f64 = 100.0;
    let read = || -> Option<f64> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The fields after the name of the program, which may contain anything.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_whitespace().skip(13);
        let user: f64 = fields.next()?.parse().ok()?;
        let system: f64 = fields.next()?.parse().ok()?;
        Some((user + system) / TICKS)
    };
    read().unwrap_or(f64::NAN)
}

//! Counts what the compiler executes, by valgrind: no other work of the machine changes that.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::measure::wrapped;

/// The variable that names the crate whose compiler is counted.
pub const COUNTED: &str = "COUNTED_CRATE";

/// A program that runs the compiler under valgrind if it compiles the counted crate.
pub struct Wrapper {
    script: PathBuf,
    log: PathBuf,
}

impl Wrapper {
    pub fn write(root: &Path) -> Result<Self, String> {
        let (script, log) = (root.join("counted.sh"), root.join("counted.log"));
        let text = format!(
            "#!/bin/sh\ncase \" $* \" in *\" --crate-name ${COUNTED} \"*) exec valgrind --tool=cachegrind \
             --cache-sim=no --cachegrind-out-file=/dev/null --log-file='{}' \"$@\" ;; esac\nexec \"$@\"\n",
            log.display()
        );
        fs::create_dir_all(root)
            .and_then(|()| fs::write(&script, text))
            .and_then(|()| fs::set_permissions(&script, fs::Permissions::from_mode(0o755)))
            .map_err(|error| format!("{}: {error}", script.display()))?;
        Ok(Self { script, log })
    }

    /// Checks the crate in `sources`, and returns how many instructions its compiler executed.
    pub fn count(&self, sources: &Path, target: &Path) -> Result<f64, String> {
        let _ = fs::remove_file(&self.log);
        let name = sources.file_name().unwrap_or_default().to_string_lossy().replace('-', "_");
        wrapped(sources, target, &self.script, (COUNTED, &name))?;
        let log = fs::read_to_string(&self.log)
            .map_err(|error| format!("{}: {error} (is valgrind there?)", self.log.display()))?;
        let refs = log.lines().rev().find_map(|line| line.split_once("refs:"));
        let count = refs.and_then(|(_, count)| count.trim().replace(',', "").parse().ok());
        count.ok_or_else(|| format!("no count in {}", self.log.display()))
    }
}

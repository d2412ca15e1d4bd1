//! Asks a package for its models: the derive adds a test to each crate with models, which writes them down.
//!
//! The variable [`VARIABLE`] lifts the comparison with `models.snap` while the package is compiled, so this
//! works just when the compiler has refused a type.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use mongrate_seal::models::Snapshot;

use super::{file, options::Compile};
use crate::{
    cargo,
    package::{Package, Workspace},
    places::shown,
    state::rust_files,
};

/// While it is set, types need not be as in `models.snap`. The test writes the models to the directory that
/// it names.
const VARIABLE: &str = "MONGRATE_MODELS";

/// The test that the derive adds.
const TEST: &str = "__mongrate_models";

/// Whether a package may have models, by its sources.
pub(crate) fn may_have_models(package: &Package) -> bool {
    let has_file = file::path(package).exists();
    let derives = |path: &Path| {
        fs::read_to_string(path).is_ok_and(|text| text.contains("Model") && text.contains("derive"))
    };
    has_file
        || rust_files(&package.directory.join("src")).iter().any(|path| derives(path))
        || package.roots.iter().any(|path| derives(path))
}

/// Returns what the types of the package want. `None` if it has no models.
pub(crate) fn wanted(
    workspace: &Workspace,
    package: &Package,
    compile: &Compile,
) -> Result<Option<Snapshot>, String> {
    let name = &package.name;
    if !package.has_library && package.binaries.is_empty() {
        return Err(format!("package `{name}` has neither a library nor a binary"));
    }
    // The same directory each time: cargo compiles again what was compiled with another value.
    let directory = workspace.target.join("mongrate-models").join(name);
    let failed = |error| format!("cannot write {}: {error}", shown(&directory));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).map_err(failed)?;
    run(package, compile, &directory)?;
    let mut wanted = None;
    for file in files(&directory)? {
        let text = fs::read_to_string(&file)
            .map_err(|error| format!("cannot read {}: {error}", shown(&file)))?;
        let snapshot = Snapshot::parse(&text).map_err(|fault| {
            format!(
                "package `{name}` depends on another version of mongrate than this cargo-mongrate \
                 understands ({fault}): update both to the same version"
            )
        })?;
        match &mut wanted {
            None => wanted = Some(snapshot),
            Some(known) => file::merge(known, snapshot)?,
        }
    }
    let _ = fs::remove_dir_all(&directory);
    Ok(wanted)
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(directory)
        .map_err(|error| format!("cannot read {}: {error}", shown(directory)))?;
    let mut files: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "models"))
        .collect();
    files.sort();
    Ok(files)
}

/// `cargo test --lib --bins -- __mongrate_models`
fn run(package: &Package, compile: &Compile, directory: &Path) -> Result<(), String> {
    let mut command = Command::new(cargo::program());
    command.args(["test", "--no-fail-fast", "--manifest-path"]).arg(&package.manifest);
    for (flag, is_set) in [
        ("--lib", package.has_library),
        ("--bins", !package.binaries.is_empty()),
        ("--all-features", compile.all_features),
        ("--no-default-features", compile.no_default_features),
    ] {
        command.args(is_set.then_some(flag));
    }
    for (flag, values) in
        [("--profile", compile.profile.as_slice()), ("--features", &compile.features)]
    {
        command.args(values.iter().flat_map(|value| [flag, value]));
    }
    command.args(["--", TEST]).env(VARIABLE, directory);
    // The compiler speaks for itself.
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let said = panics(&said);
    Err(match said.is_empty() {
        true => format!(
            "package `{}` does not compile, or its tests do not start, for another reason than its \
             models (see above): fix that first",
            package.name
        ),
        false => format!("package `{}` cannot say its models: {said}", package.name),
    })
}

/// What the test said when it failed.
fn panics(output: &str) -> String {
    let lines = output.lines().skip_while(|line| !line.contains("panicked at")).skip(1);
    let text: Vec<&str> = lines
        .take_while(|line| {
            !line.is_empty() && !line.starts_with("note: ") && !line.starts_with("stack ")
        })
        .collect();
    text.join("\n")
}

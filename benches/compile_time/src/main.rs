//! The cost of the attribute for the compiler, next to the same functions in a list by hand.
//!
//! `cargo run --manifest-path benches/compile_time/Cargo.toml -- [--real] [--models] [--instructions]
//! [--runs N] [--styles A,B] [SIZE…]`
//!
//! `--styles attribute,attribute_sealed` compares only these with the list by hand.
//!
//! `--models` measures types with and without `#[derive(Model)]`, of which there are 200 if no size is given.
//! `--instructions` counts what the compiler executes in an incremental check, by valgrind, and takes no time:
//! no other work of the machine changes that.
//! Without `--real` the crates use `tests/stub`: the real attribute, and no driver to build.

mod bodies;
mod generate;
mod instructions;
mod measure;
mod models;
mod style;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use self::{
    instructions::Wrapper,
    measure::{Cost, Figures, Subject},
    style::Style,
};

const SIZES: [usize; 3] = [100, 1_000, 5_000];

/// The types in the measurement of models.
const MODELS: usize = 200;

struct Settings {
    real: bool,
    models: bool,
    /// Count instructions, and take no time.
    instructions: bool,
    runs: usize,
    /// The names of the styles to measure; `None` for all.
    styles: Option<Vec<String>>,
    sizes: Vec<usize>,
}

fn settings() -> Result<Settings, String> {
    let mut settings = Settings {
        real: false,
        models: false,
        instructions: false,
        runs: 3,
        styles: None,
        sizes: Vec::new(),
    };
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--real" => settings.real = true,
            "--models" => settings.models = true,
            "--instructions" => settings.instructions = true,
            "--runs" => {
                let runs = arguments.next().and_then(|runs| runs.parse().ok());
                settings.runs = runs.filter(|runs| *runs > 0).ok_or("--runs takes a number")?;
            }
            "--styles" => {
                let names = arguments.next().ok_or("--styles takes names")?;
                settings.styles = Some(names.split(',').map(str::to_owned).collect());
            }
            size => {
                let size = size.parse().map_err(|_| format!("`{size}` is no number"))?;
                settings.sizes.push(size);
            }
        }
    }
    if settings.sizes.is_empty() {
        settings.sizes = if settings.models { vec![MODELS] } else { SIZES.to_vec() };
    }
    Ok(settings)
}

fn main() -> ExitCode {
    match settings().and_then(|settings| run(&settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: &Settings) -> Result<(), String> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let repository = repository.canonicalize().map_err(|error| error.to_string())?;
    if settings.models {
        let root = scratch(&repository).join("models");
        for &size in &settings.sizes {
            match settings.instructions {
                true => models::count(&repository, &root, size)?,
                false => models::run(&repository, &root, settings.runs, size)?,
            }
        }
        return Ok(());
    }
    let flavour = if settings.real { "real" } else { "stub" };
    let runtime = repository.join(if settings.real { "runtime" } else { "tests/stub" });
    let root = scratch(&repository).join(flavour);

    if settings.instructions {
        return count(settings, &repository, &runtime, &root);
    }
    println!(
        "Against the {flavour} runtime, least of {}: seconds on the clock · of",
        settings.runs
    );
    println!("processor time.\n");
    println!("| migrations | registered by | cold check | incremental check | build | binary |");
    println!("|---:|---|---:|---:|---:|---:|");
    for &size in &settings.sizes {
        let mut subjects = subjects(settings, &repository, &runtime, &root, size)?;
        // In turns, so that other work of the machine slows all of them down.
        for subject in &mut subjects {
            subject.prepare()?;
        }
        for _ in 0..settings.runs {
            for subject in &mut subjects {
                subject.round()?;
            }
        }
        print_size(size, &subjects.iter().map(Subject::figures).collect::<Vec<_>>());
    }
    Ok(())
}

/// Writes a crate of this size in each style.
fn subjects(
    settings: &Settings,
    repository: &Path,
    runtime: &Path,
    root: &Path,
    size: usize,
) -> Result<Vec<Subject>, String> {
    let mut subjects = Vec::new();
    for style in styles(settings)? {
        let sources = root.join(format!("{}_{size}", style.name()));
        generate::write(&sources, runtime, style, size)
            .map_err(|error| format!("{}: {error}", sources.display()))?;
        let lock = repository.join("Cargo.lock");
        fs::copy(lock, sources.join("Cargo.lock")).map_err(|error| error.to_string())?;
        let edited = generate::edited_file(size);
        subjects.push(Subject::new(style, sources, root.join("target"), &edited));
    }
    Ok(subjects)
}

/// Prints how many instructions an incremental check takes, in each style.
fn count(
    settings: &Settings,
    repository: &Path,
    runtime: &Path,
    root: &Path,
) -> Result<(), String> {
    let wrapper = Wrapper::write(root)?;
    println!(
        "| migrations | registered by | 10⁹ instructions of an incremental check |\n|---:|---|---:|"
    );
    for &size in &settings.sizes {
        let mut base = None;
        for mut subject in subjects(settings, repository, runtime, root, size)? {
            subject.prepare()?;
            let counted = subject.count(&wrapper)?;
            let base = *base.get_or_insert(counted);
            let title = subject.style().title();
            println!("| {size} | {title} | {:.2} ({:.2}×) |", counted / 1e9, counted / base);
        }
    }
    Ok(())
}

/// Returns the styles to measure, the base among them.
fn styles(settings: &Settings) -> Result<Vec<Style>, String> {
    let mut styles = Style::worth_measuring(settings.real);
    let Some(names) = &settings.styles else { return Ok(styles) };
    if let Some(name) = names.iter().find(|name| styles.iter().all(|style| style.name() != **name))
    {
        return Err(format!("there is no style `{name}`"));
    }
    styles.retain(|style| *style == Style::BASE || names.iter().any(|name| name == style.name()));
    Ok(styles)
}

/// Prints the figures of each style, and their ratio to those of the list by hand.
fn print_size(size: usize, all: &[Figures]) {
    let Some(base) = all.iter().find(|each| each.style == Style::BASE) else { return };
    for each in all {
        let seconds = |own: f64, base: f64| format!("{own:.2} ({:.2}×)", own / base);
        let time = |own: Cost, base: Cost| {
            let wall = seconds(own.wall, base.wall);
            format!("{wall} · {}", seconds(own.processors, base.processors))
        };
        println!(
            "| {size} | {} | {} | {} | {} | {:.2} MB ({:.2}×) |",
            each.style.title(),
            time(each.cold_check, base.cold_check),
            time(each.incremental_check, base.incremental_check),
            time(each.build, base.build),
            each.binary / 1e6,
            each.binary / base.binary,
        );
    }
}

/// The scratch directory, below the target directory.
fn scratch(repository: &Path) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| repository.join("target")).join("compile_time")
}

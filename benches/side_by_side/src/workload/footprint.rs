//! What each feature adds to an app: binary size, crates, and build time. Generates apps, and builds
//! them.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    bench::Bench,
    measure::{FinishedRun, Samples, children_cpu, undisturbed},
    problem::Problem,
    section::{Row, Section, Unit},
};

const HOW: &str = "Apps in the release profile, stripped. The bare app connects and reads one \
    document; tokio with all features. The other apps do the same, have one migration, and do what \
    their rows say. Seconds are those of `cargo build --release` with all dependencies of the bare \
    app compiled already: the additional time, on all processors of this machine. For the bare app \
    they are those of a clean build. The last column has the processor time of the same build, the \
    time of another build after an edit of the app (the median of three), the size of the binary, \
    and the number of crates, those of build scripts and macros included.";

/// The edits of an app, each with a build.
const EDITS: usize = 3;

/// The sources of Mongrate that apps are built with.
struct Sources {
    name: String,
    runtime: PathBuf,
}

/// An app that is generated.
struct App {
    name: &'static str,
    what: &'static str,
    dependencies: &'static str,
    main: &'static str,
}

const BARE: &str = "let client = mongodb::Client::with_uri_str(uri).await?;\n    let db = \
    client.database(\"shop\");\n    let thing = db.collection::<mongodb::bson::Document>(\"things\")\
    .find_one(mongodb::bson::doc! {}).await?;\n    println!(\"{thing:?}\");\n";

const APPS: [App; 7] = [
    App { name: "bare", what: "bare driver app", dependencies: "", main: "" },
    App {
        name: "plain",
        what: "mongrate, `on_start`",
        dependencies: "mongrate = { path = RUNTIME }\n",
        main: "mongrate::on_start(&db).await?;\n",
    },
    App {
        name: "cli",
        what: "with `cli`",
        dependencies: "mongrate = { path = RUNTIME, features = [\"cli\"] }\n",
        main: "mongrate::on_start(&db).await?;\n    if std::env::args().len() > 1 {\n        \
               mongrate::cli::main().await;\n    }\n",
    },
    App {
        name: "http",
        what: "with `http`",
        dependencies: "mongrate = { path = RUNTIME, features = [\"http\"] }\n",
        main: "mongrate::on_start(&db).await?;\n    use mongrate::http::{Auth, Scope, Token, axum, \
               router};\n    let auth = Auth::bearer([Token::new(\"ops\", Scope::Write, \
               std::env::var(\"WRITE_TOKEN\")?)?])?;\n    let app: axum::Router = \
               axum::Router::new().merge(router(mongrate::Migrator::new(&db), auth));\n    let \
               listener = tokio::net::TcpListener::bind(\"127.0.0.1:0\").await?;\n    \
               axum::serve(listener, app).await?;\n",
    },
    App {
        name: "embedded",
        what: "with `embedded`",
        dependencies: "mongrate = { path = RUNTIME, features = [\"embedded\"] }\n",
        main: "let server = mongrate::embedded::Embedded::start().await?;\n    \
               mongrate::on_start(&db).await?;\n    println!(\"{}\", server.uri());\n",
    },
    App {
        name: "testing",
        what: "with `testing`",
        dependencies: "mongrate = { path = RUNTIME, features = [\"testing\"] }\n",
        main: "mongrate::on_start(&db).await?;\n",
    },
    App {
        name: "metrics",
        what: "with `metrics`",
        dependencies: "mongrate = { path = RUNTIME, features = [\"metrics\"] }\n",
        main: "mongrate::on_start(&db).await?;\n",
    },
];

/// Measures the apps.
///
/// # Errors
///
/// If an app does not compile.
pub fn run(bench: &Bench) -> Result<Section, Problem> {
    let title = "Binary size and compile time";
    let mut section = bench.own_section("footprint", title, HOW, Unit::Seconds);
    let root = bench.paths.scratch.join("footprint");
    let (target, base) = (root.join("target"), root.join("base"));
    for directory in [&target, &base] {
        if directory.exists() {
            fs::remove_dir_all(directory)?;
        }
    }
    let mut bare: Option<Built> = None;
    for sources in all_sources(bench, &root)? {
        for app in selected(bench, bare.is_some()) {
            let app_sources = write(bench, &root, app, &sources)?;
            if bare.is_some() {
                fs::remove_dir_all(&target)?;
                copy(&base, &target)?;
            }
            let built = measured(&app_sources, &target, app, || match bare {
                None => copy(&target, &base),
                Some(_) => Ok(()),
            })?;
            section.rows.push(row(&section, &sources, app, &built, bare.as_ref()));
            eprintln!("{}: {}", app.what, built.note(bare.as_ref()));
            bare.get_or_insert(built);
        }
    }
    for directory in [&target, &base] {
        fs::remove_dir_all(directory)?;
    }
    Ok(section)
}

/// The sources that this run compares: those of an earlier commit, if it names one, and these.
fn all_sources(bench: &Bench, root: &Path) -> Result<Vec<Sources>, Problem> {
    let repository = &bench.paths.repository;
    let mut all = vec![Sources { name: "now".to_owned(), runtime: repository.join("runtime") }];
    if let Some(commit) = &bench.args.before {
        let before = root.join("before");
        if before.exists() {
            fs::remove_dir_all(&before)?;
        }
        fs::create_dir_all(&before)?;
        let mut git = Command::new("git");
        git.arg("-C").arg(repository).args(["archive", commit]).stdout(Stdio::piped());
        let mut archive = git.spawn()?;
        let from = archive.stdout.take().ok_or("git has no output")?;
        let unpacked = Command::new("tar").arg("x").arg("-C").arg(&before).stdin(from).status()?;
        if !archive.wait()?.success() || !unpacked.success() {
            return Err(format!("cannot unpack the commit `{commit}`").into());
        }
        all.push(Sources { name: commit.clone(), runtime: before.join("runtime") });
    }
    Ok(all)
}

/// The apps to build: the bare app, unless it is built already, and the others whose names contain
/// one of the texts of `--cases`.
fn selected(bench: &Bench, has_bare: bool) -> impl Iterator<Item = &'static App> {
    let texts = &bench.args.cases;
    APPS.iter().filter(move |app| match app.dependencies {
        "" => !has_bare,
        _ => texts.is_empty() || texts.iter().any(|text| app.name.contains(text.as_str())),
    })
}

/// What a build took, and what came of it.
struct Built {
    wall: Duration,
    cpu: Duration,
    after_edit: Duration,
    bytes: u64,
    crates: usize,
}

impl Built {
    fn note(&self, bare: Option<&Self>) -> String {
        let megabytes = |built: &Self| built.bytes as f64 / 1e6;
        let (size, crates) = match bare {
            None => (format!("{:.2} MB", megabytes(self)), format!("{} crates", self.crates)),
            Some(bare) => {
                let more = megabytes(self) - megabytes(bare);
                let beside = self.crates as i64 - bare.crates as i64;
                (format!("{:.2} MB: {more:+.2} MB", megabytes(self)), format!("{beside:+} crates"))
            }
        };
        let (cpu, edit) = (self.cpu.as_secs_f64(), self.after_edit.as_secs_f64());
        format!("{cpu:.0} s of processors; {edit:.1} s after an edit; {size}; {crates}")
    }
}

fn row(
    section: &Section,
    sources: &Sources,
    app: &App,
    built: &Built,
    bare: Option<&Built>,
) -> Row {
    let mut samples = Samples::default();
    samples.add(FinishedRun { wall: built.wall, cpu: built.cpu, ..FinishedRun::default() });
    let mut row = Row::timed(section.unit, &sources.name, app.what, &samples, None);
    row.commands = None;
    row.note = built.note(bare);
    row
}

/// Builds an app, and again after each of some edits. `then` runs after the first build.
fn measured(
    sources: &Path,
    target: &Path,
    app: &App,
    then: impl FnOnce() -> Result<(), Problem>,
) -> Result<Built, Problem> {
    let (wall, cpu) = build(sources, target)?;
    let bytes = fs::metadata(target.join("release").join(package(app)))?.len();
    then()?;
    let main = sources.join("src/main.rs");
    let text = fs::read_to_string(&main)?;
    let mut edits = Vec::new();
    for edit in 0..EDITS {
        fs::write(&main, text.replace("println!(\"{", &format!("println!(\"edit {edit}: {{")))?;
        edits.push(build(sources, target)?.0);
    }
    edits.sort();
    let after_edit = edits.get(EDITS / 2).copied().unwrap_or_default();
    Ok(Built { wall, cpu, after_edit, bytes, crates: crates(sources)? })
}

fn package(app: &App) -> String {
    format!("footprint_{}", app.name)
}

fn write(bench: &Bench, root: &Path, app: &App, mongrate: &Sources) -> Result<PathBuf, Problem> {
    let sources = root.join(app.name);
    fs::create_dir_all(sources.join("src"))?;
    let runtime = format!("{:?}", mongrate.runtime);
    let manifest = format!(
        "[package]\nname = \"{}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         mongodb = {{ version = \"3.9.1\", default-features = false, features = [\"compat-3-3-0\", \
         \"bson-3\", \"rustls-tls\", \"dns-resolver\"] }}\ntokio = {{ version = \"1.54\", features \
         = [\"full\"] }}\n{}\n[profile.release]\nstrip = true\n\n[workspace]\n",
        package(app),
        app.dependencies.replace("RUNTIME", &runtime),
    );
    fs::write(sources.join("Cargo.toml"), manifest)?;
    let migration = match app.dependencies {
        "" => "",
        _ => {
            "#[mongrate::migration(version = 1)]\nasync fn add_thing(tx: &mut \
             mongrate::Transaction<'_>) -> mongrate::Result {\n    \
             tx.collection::<mongodb::bson::Document>(\"things\")\
             .insert_one(mongodb::bson::doc! { \"n\": 1 }).await?;\n    Ok(())\n}\n\n"
        }
    };
    let main = format!(
        "//! An app.\n\n{migration}#[tokio::main]\nasync fn main() -> Result<(), Box<dyn \
         std::error::Error>> {{\n    let uri = std::env::var(\"MONGODB_URI\")?;\n    {BARE}    \
         {}    Ok(())\n}}\n",
        app.main,
    );
    fs::write(sources.join("src/main.rs"), main)?;
    // The same versions of all dependencies.
    fs::copy(bench.paths.repository.join("Cargo.lock"), sources.join("Cargo.lock"))?;
    Ok(sources)
}

fn cargo(sources: &Path, arguments: &[&str]) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(arguments).args(["--quiet", "--offline"]).current_dir(sources);
    undisturbed(&mut cargo);
    // A developer's setting, which makes other code.
    cargo.env_remove("CARGO_INCREMENTAL");
    cargo
}

/// Builds an app, and returns the time of this, and the processor time.
fn build(sources: &Path, target: &Path) -> Result<(Duration, Duration), Problem> {
    let mut cargo = cargo(sources, &["build", "--release"]);
    cargo.env("CARGO_TARGET_DIR", target);
    let (before, begun) = (children_cpu()?, Instant::now());
    let output = cargo.output()?;
    let took = (begun.elapsed(), children_cpu()?.saturating_sub(before));
    if output.status.success() {
        Ok(took)
    } else {
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(format!("{}: {errors}", sources.display()).into())
    }
}

/// The number of crates that an app consists of, itself included.
fn crates(sources: &Path) -> Result<usize, Problem> {
    let arguments = ["tree", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"];
    let output = cargo(sources, &arguments).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().map(|line| line.trim_end_matches(" (*)")).collect::<BTreeSet<_>>().len())
}

/// Copies with the times of the files, by which cargo knows what is fresh.
fn copy(from: &Path, to: &Path) -> Result<(), Problem> {
    let status = Command::new("cp").arg("-a").args([from, to]).status()?;
    if status.success() { Ok(()) } else { Err("cp -a failed".into()) }
}

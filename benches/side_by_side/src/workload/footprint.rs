//! Binary size and compile time of an app: generates apps, and builds them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    bench::Bench,
    measure::{FinishedRun, Samples},
    problem::Problem,
    section::{Row, Section, Unit},
};

const HOW: &str = "Apps in the release profile, stripped. The bare app connects and reads one \
    document; tokio with all features. The other apps do the same, and what their rows say. \
    Seconds are those of `cargo build --release` with all dependencies of the bare app compiled \
    already: the additional time, on all processors of this machine. For the bare app they are \
    those of a clean build.";

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

const APPS: [App; 5] = [
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
];

/// Measures size and time.
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
    let mut bare: Option<(f64, u64)> = None;
    for app in &APPS {
        let sources = write(bench, &root, app)?;
        if bare.is_some() {
            fs::remove_dir_all(&target)?;
            copy(&base, &target)?;
        }
        let took = build(&sources, &target)?;
        let bytes = fs::metadata(target.join("release").join(package(app)))?.len();
        if bare.is_none() {
            copy(&target, &base)?;
        }
        let mut samples = Samples::default();
        samples.add(FinishedRun { wall: took, ..FinishedRun::default() });
        let mut row = Row::timed(section.unit, "release", app.what, &samples, None);
        (row.cpu, row.commands) = (None, None);
        let megabytes = bytes as f64 / 1e6;
        row.note = match bare {
            None => format!("{megabytes:.2} MB"),
            Some((_, bare)) => {
                let more = bytes as f64 / 1e6 - bare as f64 / 1e6;
                format!("{megabytes:.2} MB: {more:+.2} MB")
            }
        };
        bare.get_or_insert((row.median, bytes));
        section.rows.push(row);
    }
    Ok(section)
}

fn package(app: &App) -> String {
    format!("footprint_{}", app.name)
}

fn write(bench: &Bench, root: &Path, app: &App) -> Result<PathBuf, Problem> {
    let sources = root.join(app.name);
    fs::create_dir_all(sources.join("src"))?;
    let runtime = format!("{:?}", bench.paths.repository.join("runtime"));
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

fn build(sources: &Path, target: &Path) -> Result<Duration, Problem> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--quiet", "--offline"]).current_dir(sources);
    cargo.env("CARGO_TARGET_DIR", target);
    let begun = Instant::now();
    let output = cargo.output()?;
    let took = begun.elapsed();
    if output.status.success() {
        Ok(took)
    } else {
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(format!("{}: {errors}", sources.display()).into())
    }
}

/// Copies with the times of the files, by which cargo knows what is fresh.
fn copy(from: &Path, to: &Path) -> Result<(), Problem> {
    let status = Command::new("cp").arg("-a").args([from, to]).status()?;
    if status.success() { Ok(()) } else { Err("cp -a failed".into()) }
}

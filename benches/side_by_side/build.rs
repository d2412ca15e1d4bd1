//! Writes the migrations of the app that has ten thousand: `#[migration]` takes functions of a source
//! file, and nobody reads so many.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

const COUNT: u32 = 10_000;

/// As an app has them in files, a hundred in each module.
const PER_MODULE: u32 = 100;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let mut text = String::new();
    for module in 0..COUNT / PER_MODULE {
        writeln!(text, "mod batch_{module:02} {{")?;
        writeln!(text, "use mongrate::{{Result, Transaction, migration}};")?;
        for place in 1..=PER_MODULE {
            write!(text, "{}", migration(module * PER_MODULE + place))?;
        }
        writeln!(text, "}}")?;
    }
    fs::write(Path::new(&env::var("OUT_DIR")?).join("linked.rs"), text)?;
    Ok(())
}

/// A migration whose body is never run; one of ten has a rollback.
fn migration(version: u32) -> String {
    let name = format!("m{version:07}");
    let rollback = format!("undo_{name}");
    let (argument, rollback) = match version % 10 {
        0 => (format!(", reversible = {rollback}"), function(&rollback)),
        _ => (String::new(), String::new()),
    };
    format!("#[migration(version = {version}{argument})]\n{}{rollback}", function(&name))
}

fn function(name: &str) -> String {
    format!("async fn {name}(_: &mut Transaction<'_>) -> Result {{\n    Ok(())\n}}\n\n")
}

//! Crates with the same functions, registered in different ways.

use std::{fmt::Write as _, fs, io, path::Path};

use mongrate_seal::{
    sources::Sources,
    sum::{self, Sum},
};

use crate::{bodies, style::Style};

/// The most migrations that developers put into a file.
const MIGRATIONS_PER_FILE: usize = 10;

/// The file that is edited: the newest.
pub fn edited_file(size: usize) -> String {
    format!("src/migrations/batch_{:04}.rs", size.div_ceil(MIGRATIONS_PER_FILE))
}

/// Writes a crate with `size` migrations in a style.
pub fn write(sources: &Path, runtime: &Path, style: Style, size: usize) -> io::Result<()> {
    let modules = sources.join("src/migrations");
    fs::create_dir_all(&modules)?;
    let mut manifest = format!(
        "[package]\nname = \"{}_{size}\"\nedition = \"2024\"\n\n[dependencies]\nmongrate = {{ path \
         = {runtime:?} }}\n\n[profile.dev]\ndebug = \"line-tables-only\"\n\n\
         [profile.dev.package.\"*\"]\ndebug = false\n\n[workspace]\n",
        style.name()
    );
    if style == Style::AttributeOptimised {
        manifest += "\n[profile.dev.build-override]\nopt-level = 1\n";
    }
    fs::write(sources.join("Cargo.toml"), manifest)?;
    fs::write(sources.join("src/main.rs"), main(style))?;

    let mut module = "//! All of them.\n\n".to_owned();
    let versions: Vec<usize> = (1..=size).collect();
    for (index, file) in versions.chunks(MIGRATIONS_PER_FILE).enumerate() {
        let _ = writeln!(module, "mod batch_{:04};", index + 1);
        let text = batch(style, file);
        fs::write(modules.join(format!("batch_{:04}.rs", index + 1)), text)?;
    }
    if !style.is_attribute() {
        module += &list(style, &versions);
    }
    fs::write(modules.join("mod.rs"), module)?;
    if style == Style::AttributeSealed {
        fs::write(sources.join(sum::FILE), sealed(sources, size).render())?;
    }
    Ok(())
}

/// Seals all but the newest file, as `cargo mongrate seal` does.
fn sealed(sources: &Path, size: usize) -> Sum {
    let mut sum = Sum::default();
    let written = Sources::reached_from(&[sources.join("src/main.rs")]);
    for migration in written.migrations.iter().take(size.saturating_sub(MIGRATIONS_PER_FILE)) {
        sum.append(migration.declared());
    }
    sum
}

fn main(style: Style) -> String {
    let count =
        if style.is_attribute() { "mongrate::Migration::linked()" } else { "migrations::all()" };
    format!(
        "//! An app.\n\nmod migrations;\n\nfn main() {{\n    println!(\"{{}}\", {count}.len());\n}}\n"
    )
}

/// The list, and the trait that its elements implement.
fn list(style: Style, versions: &[usize]) -> String {
    let send = if style == Style::ByHandSend { " + Send" } else { "" };
    let mut text = format!(
        "
use std::{{future::Future, pin::Pin}};

pub type Outcome<'a> = Pin<Box<dyn Future<Output = mongrate::Result>{send} + 'a>>;

#[allow(dead_code)]
pub trait Migration {{
    fn version(&self) -> i64;
    fn name(&self) -> &'static str;
    fn up<'a>(&'a self, tx: &'a mut mongrate::Transaction<'_>) -> Outcome<'a>;

    fn down<'a>(&'a self, _: &'a mut mongrate::Transaction<'_>) -> Option<Outcome<'a>> {{
        None
    }}
}}

pub fn all() -> Vec<Box<dyn Migration>> {{
    vec![
"
    );
    for version in versions {
        let file = (version - 1) / MIGRATIONS_PER_FILE + 1;
        let _ = writeln!(text, "        Box::new(batch_{file:04}::M{version:05}),");
    }
    text + "    ]\n}\n"
}

fn batch(style: Style, versions: &[usize]) -> String {
    let mut text =
        "//! Some of them.\n\nuse mongrate::{Result, Transaction, bson::{Document, doc}};\n"
            .to_owned();
    text += match style.is_attribute() {
        true => "use mongrate::migration;\n",
        false => "use super::{Migration, Outcome};\n",
    };
    for &version in versions {
        let function = format!("step_{version:05}");
        let undo = bodies::has_rollback(version).then(|| format!("undo_{version:05}"));
        if style.is_attribute() {
            let undo = undo.iter().map(|undo| format!(", reversible = {undo}")).collect::<String>();
            let _ = write!(text, "\n#[migration(version = {version}{undo})]");
        }
        let _ = write!(text, "\n{}", bodies::body(&function, version));
        if let Some(undo) = &undo {
            let _ = write!(text, "\n{}", bodies::rollback(undo, version));
        }
        if !style.is_attribute() {
            text += &element(version, &function, undo.as_deref());
        }
    }
    text
}

/// An element of the list.
fn element(version: usize, function: &str, undo: Option<&str>) -> String {
    let down = undo.map(|undo| {
        format!(
            "
    fn down<'a>(&'a self, tx: &'a mut Transaction<'_>) -> Option<Outcome<'a>> {{
        Some(Box::pin({undo}(tx)))
    }}
"
        )
    });
    format!(
        "
pub struct M{version:05};

impl Migration for M{version:05} {{
    fn version(&self) -> i64 {{
        {version}
    }}

    fn name(&self) -> &'static str {{
        \"{function}\"
    }}

    fn up<'a>(&'a self, tx: &'a mut Transaction<'_>) -> Outcome<'a> {{
        Box::pin({function}(tx))
    }}
{}}}
",
        down.unwrap_or_default()
    )
}

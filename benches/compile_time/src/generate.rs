//! Crates with the same functions, registered in different ways.

use std::{fmt::Write as _, fs, io, path::Path};

use mongrate_seal::{
    sources::Sources,
    sum::{self, Sum},
};

/// The most migrations that developers put into a file.
const MIGRATIONS_PER_FILE: usize = 10;

/// How the functions are registered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A `vec![]` of trait objects; the futures are boxed, as Mongrate's are.
    ByHand,
    /// The same with `Send` futures, as `#[async_trait]` makes them.
    ByHandSend,
    /// `#[migration]`.
    Attribute,
    /// `#[migration]`, with a `migrations.sum` of all but the newest file.
    AttributeSealed,
    /// `#[migration]`, while the profile optimises macros.
    AttributeOptimised,
}

impl Style {
    /// The styles to measure. To prove a future `Send`, the compiler walks through the driver's
    /// types; the stub has none.
    pub fn worth_measuring(real: bool) -> Vec<Self> {
        let mut styles =
            vec![Self::ByHand, Self::Attribute, Self::AttributeSealed, Self::AttributeOptimised];
        if real {
            styles.insert(1, Self::ByHandSend);
        }
        styles
    }

    /// The style that the others are compared with.
    pub const BASE: Self = Self::ByHand;

    pub fn name(self) -> &'static str {
        match self {
            Self::ByHand => "by_hand",
            Self::ByHandSend => "by_hand_send",
            Self::Attribute => "attribute",
            Self::AttributeSealed => "attribute_sealed",
            Self::AttributeOptimised => "attribute_optimised",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::ByHand => "a list, by hand",
            Self::ByHandSend => "a list, by hand, `Send`",
            Self::Attribute => "`#[migration]`",
            Self::AttributeSealed => "`#[migration]`, sealed",
            Self::AttributeOptimised => "`#[migration]`, `build-override.opt-level = 1`",
        }
    }

    fn is_attribute(self) -> bool {
        matches!(self, Self::Attribute | Self::AttributeSealed | Self::AttributeOptimised)
    }
}

/// The file that is edited: the newest.
pub fn edited_file(size: usize) -> String {
    format!("src/migrations/batch_{:04}.rs", size.div_ceil(MIGRATIONS_PER_FILE))
}

/// The text in that file that changes with each edit.
pub const EDITED_TEXT: &str = "\"plan\": \"free-";

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
        "\nuse std::{{future::Future, pin::Pin}};\n\npub type Outcome<'a> = Pin<Box<dyn \
         Future<Output = mongrate::Result>{send} + 'a>>;\n\n#[allow(dead_code)]\npub trait \
         Migration {{\n    fn version(&self) -> i64;\n    fn name(&self) -> &'static str;\n    fn \
         up<'a>(&'a self, tx: &'a mut mongrate::Transaction<'_>) -> Outcome<'a>;\n}}\n\npub fn \
         all() -> Vec<Box<dyn Migration>> {{\n    vec![\n"
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
    if style.is_attribute() {
        text += "use mongrate::migration;\n";
    } else {
        text += "use super::{Migration, Outcome};\n";
    }
    for version in versions {
        let function = format!("step_{version:05}");
        if style.is_attribute() {
            let _ = write!(text, "\n#[migration(version = {version})]");
        }
        let _ = write!(text, "\n{}", body(&function, *version));
        if !style.is_attribute() {
            let _ = write!(
                text,
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
}}
"
            );
        }
    }
    text
}

/// A body of ten typical lines.
fn body(function: &str, version: usize) -> String {
    format!(
        "async fn {function}(tx: &mut Transaction<'_>) -> Result {{
    let mut users = tx.collection::<Document>(\"users\");
    // Those that signed up before there were plans.
    let without = doc! {{ \"plan\": null, \"cohort\": {version} }};
    let with = doc! {{ \"$set\": {{ \"plan\": \"free-{version}\", \"seats\": 3 }} }};
    users.update_many(without, with).await?;
    for plan in [\"trial\", \"beta\"] {{
        users.delete_many(doc! {{ \"plan\": plan, \"expired\": true }}).await?;
    }}
    Ok(())
}}
"
    )
}

//! Crates with the same types, with and without the derive of models.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use mongrate_seal::models::FILE;

use crate::{
    instructions::Wrapper,
    measure::{Cost, cargo, fetch},
};

/// How the types are declared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ModelStyle {
    /// With serde's derives alone.
    Serde,
    /// With `#[derive(mongrate::Model)]`, too.
    Model,
    /// The same, compared with a `models.snap`.
    ModelCompared,
}

impl ModelStyle {
    pub const ALL: [Self; 3] = [Self::Serde, Self::Model, Self::ModelCompared];

    pub fn name(self) -> &'static str {
        match self {
            Self::Serde => "types_serde",
            Self::Model => "types_model",
            Self::ModelCompared => "types_model_compared",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Serde => "serde's derives",
            Self::Model => "and `derive(Model)`",
            Self::ModelCompared => "and `models.snap`",
        }
    }
}

/// The most types in a file.
const TYPES_PER_FILE: usize = 10;

/// The file that is edited: the newest.
pub fn edited_file(size: usize) -> String {
    format!("src/types/batch_{:04}.rs", size.div_ceil(TYPES_PER_FILE))
}

/// The text in that file that changes with each edit.
pub const EDITED_TEXT: &str = "\"edit-";

/// Writes a crate with `size` types of 15 fields.
pub fn write(sources: &Path, runtime: &Path, style: ModelStyle, size: usize) -> io::Result<()> {
    let modules = sources.join("src/types");
    fs::create_dir_all(&modules)?;
    let manifest = format!(
        "[package]\nname = \"{}_{size}\"\nedition = \"2024\"\n\n[dependencies]\nmongrate = {{ path = \
         {runtime:?} }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n\n[profile.dev]\ndebug = \
         \"line-tables-only\"\n\n[profile.dev.package.\"*\"]\ndebug = false\n\n[workspace]\n",
        style.name()
    );
    fs::write(sources.join("Cargo.toml"), manifest)?;
    fs::write(
        sources.join("src/main.rs"),
        "//! An app.\n\nmod types;\n\nfn main() {\n    println!(\"{}\", types::edited());\n}\n",
    )?;
    let mut module = "//! All of them.\n\n#![allow(dead_code)]\n\n".to_owned();
    let numbers: Vec<usize> = (1..=size).collect();
    let mut snapshot = String::from("mongrate-models v1\n");
    for (index, batch) in numbers.chunks(TYPES_PER_FILE).enumerate() {
        let file = index + 1;
        let _ = writeln!(module, "mod batch_{file:04};");
        let mut text = String::from(
            "//! Some of them.\n\nuse serde::{Deserialize, Serialize};\n\npub fn edited() -> &'static \
             str {\n    \"edit-0\"\n}\n",
        );
        for number in batch {
            text += &declaration(style, *number);
            snapshot += &lines(*number);
        }
        fs::write(modules.join(format!("batch_{file:04}.rs")), text)?;
    }
    let last = size.div_ceil(TYPES_PER_FILE);
    let _ = writeln!(module, "\npub use batch_{last:04}::edited;");
    fs::write(modules.join("mod.rs"), module)?;
    if style == ModelStyle::ModelCompared {
        fs::write(sources.join(FILE), snapshot + "end\n")?;
    }
    Ok(())
}

/// The fields of each type, and their shapes in the snapshot. Two are of types of its own.
const FIELDS: [(&str, &str, &str); 13] = [
    ("id", "String", "string"),
    ("email", "String", "string"),
    ("name", "Option<String>", "optional string|null"),
    ("visits", "i64", "long"),
    ("score", "f64", "double"),
    ("is_active", "bool", "bool"),
    ("tags", "Vec<String>", "[string]"),
    ("seats", "i32", "int"),
    ("manager", "Option<i64>", "optional long|null"),
    ("limits", "Vec<i32>", "[int]"),
    ("notes", "std::collections::BTreeMap<String, String>", "{string}"),
    ("created_at", "i64", "long"),
    ("updated_at", "Option<i64>", "optional long|null"),
];

fn declaration(style: ModelStyle, number: usize) -> String {
    let is_model = style != ModelStyle::Serde;
    let derive = if is_model { ", mongrate::Model" } else { "" };
    let mut text = format!("\n#[derive(Serialize, Deserialize{derive})]\n");
    if is_model {
        let _ = writeln!(
            text,
            "#[model(collection = \"users_{number}\", validate = \"strict\", index(email, unique))]"
        );
    }
    let _ = writeln!(text, "pub struct User{number:05} {{");
    for (name, ty, _) in FIELDS {
        let _ = writeln!(text, "    {name}: {ty},");
    }
    let _ = write!(
        text,
        "    plan: Plan{number:05},\n    address: Option<Address{number:05}>,\n}}\n\n\
         #[derive(Serialize, Deserialize{derive})]\n#[serde(rename_all = \"snake_case\")]\npub enum \
         Plan{number:05} {{\n    Free,\n    ForTeams,\n    Enterprise,\n}}\n\n\
         #[derive(Serialize, Deserialize{derive})]\npub struct Address{number:05} {{\n    street: \
         String,\n    city: String,\n    country: Option<String>,\n}}\n"
    );
    text
}

fn lines(number: usize) -> String {
    let start = format!("users_{number}");
    let model = format!("{start} User{number:05}");
    let mut text = format!(
        "{start} options collection strict/error\n{start} index email_1 \
         {{\"key\":{{\"email\":1}},\"unique\":true}}\n{model} root object@User{number:05}\n"
    );
    for (name, _, shape) in FIELDS {
        let _ = writeln!(text, "{model} field {name} {shape}");
    }
    text + &format!(
        "{model} field plan \"enterprise\"|\"for_teams\"|\"free\"\n{model} field address optional \
         object|null\n{model} field address.street string\n{model} field address.city \
         string\n{model} field address.country optional string|null\n"
    )
}

/// The edits in a round; several, as an incremental check is short.
const EDITS: usize = 5;

/// Writes the crate of each style, and checks it once.
fn prepared(repository: &Path, root: &Path, size: usize) -> Result<Vec<Directory>, String> {
    let runtime = repository.join("tests/stub");
    let in_file = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    let mut all = Vec::new();
    for style in ModelStyle::ALL {
        let sources = root.join(format!("{}_{size}", style.name()));
        write(&sources, &runtime, style, size).map_err(|error| in_file(&sources, error))?;
        fs::copy(repository.join("Cargo.lock"), sources.join("Cargo.lock"))
            .map_err(|error| in_file(&sources, error))?;
        let directory = Directory { sources, target: root.join("target") };
        fetch(&directory.sources)?;
        directory.cargo(&["check"])?;
        all.push(directory);
    }
    Ok(all)
}

/// Prints how many instructions an incremental check of the types takes, in each style.
pub fn count(repository: &Path, root: &Path, size: usize) -> Result<(), String> {
    let directories = prepared(repository, root, size)?;
    let wrapper = Wrapper::write(root)?;
    println!("\n{size} types of 15 fields: instructions of an incremental check.\n");
    println!("| types with | 10⁹ instructions |\n|---|---:|");
    let mut base = None;
    for (style, directory) in ModelStyle::ALL.into_iter().zip(directories) {
        // The second check after an edit: what changes with every edit is compiled by then.
        directory.edit(size, 0)?;
        directory.cargo(&["check"])?;
        directory.edit(size, 1)?;
        let counted = wrapper.count(&directory.sources, &directory.target)?;
        let base = *base.get_or_insert(counted);
        println!("| {} | {:.2} ({:.2}×) |", style.title(), counted / 1e9, counted / base);
    }
    Ok(())
}

/// Prints what a check of the types costs, in each style: the least of `runs`.
pub fn run(repository: &Path, root: &Path, runs: usize, size: usize) -> Result<(), String> {
    let directories = prepared(repository, root, size)?;
    let costs = ModelStyle::ALL.into_iter().zip(directories);
    let mut costs: Vec<_> =
        costs.map(|(style, directory)| (style, directory, Cost::NONE, Cost::NONE)).collect();
    // In turns, so that other work of the machine slows all of them down.
    for round in 0..runs {
        for (_, directory, cold, incremental) in &mut costs {
            directory.clean()?;
            cold.add(directory.cargo(&["check"])?);
            for edit in 0..EDITS {
                directory.edit(size, round * EDITS + edit)?;
                incremental.add(directory.cargo(&["check"])?);
            }
        }
    }
    println!(
        "\n{size} types of 15 fields, least of {runs}: seconds on the clock · of processor time.\n"
    );
    println!("| types with | cold check | incremental check |\n|---|---:|---:|");
    let Some((_, _, cold_base, incremental_base)) = costs.first() else { return Ok(()) };
    for (style, _, cold, incremental) in &costs {
        let shown = |own: &Cost, base: &Cost| {
            let one = |own: f64, base: f64| format!("{own:.2} ({:.2}×)", own / base);
            let wall = one(own.wall, base.wall);
            format!("{wall} · {}", one(own.processors, base.processors))
        };
        println!(
            "| {} | {} | {} |",
            style.title(),
            shown(cold, cold_base),
            shown(incremental, incremental_base)
        );
    }
    Ok(())
}

/// A crate, and where it is built.
struct Directory {
    sources: PathBuf,
    target: PathBuf,
}

impl Directory {
    fn clean(&self) -> Result<Cost, String> {
        let package = self.sources.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.cargo(&["clean", "--package", &package])
    }

    /// Edits a text in a function, as a developer would.
    fn edit(&self, size: usize, number: usize) -> Result<(), String> {
        let file = self.sources.join(edited_file(size));
        let text = fs::read_to_string(&file).map_err(|error| error.to_string())?;
        let edited = text.replacen(EDITED_TEXT, &format!("{EDITED_TEXT}{number}-"), 1);
        fs::write(&file, edited).map_err(|error| error.to_string())
    }

    fn cargo(&self, arguments: &[&str]) -> Result<Cost, String> {
        cargo(&self.sources, &self.target, arguments)
    }
}

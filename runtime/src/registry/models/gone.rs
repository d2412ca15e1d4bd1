//! Models that `models.snap` has and the code has no more. No compiler can see a type that is not there.

use std::{collections::BTreeSet, fs, path::Path};

use mongrate_seal::models::{FILE, Snapshot};

use super::descriptor::{MODELS, ModelDescriptor, SnapshotFile};

/// Fails if a model of this package's file is gone from the code. `directory`: the package's.
///
/// # Panics
///
/// If so; the message names each model.
#[track_caller]
pub fn no_model_is_gone(own: Option<SnapshotFile>, directory: &str) {
    let Some(own) = own else { return };
    let known = match Snapshot::parse(own.text) {
        Ok(known) => known,
        Err(fault) => panic!("{fault}"),
    };
    let linked = MODELS.iter().filter(|model| model.package == own.package);
    let problems = gone(linked, &known, Path::new(directory));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Names the models of the file that are neither linked nor in a source file of the package. A model that is
/// only in the sources belongs to another crate of the package, or to a feature.
pub(super) fn gone<'a>(
    linked: impl Iterator<Item = &'a ModelDescriptor>,
    known: &Snapshot,
    directory: &Path,
) -> Vec<String> {
    let linked: BTreeSet<(String, &str)> = linked
        .filter_map(|model| {
            let about = Snapshot::parse(model.about).ok()?;
            Some((about.collections.into_keys().next()?, model.name))
        })
        .collect();
    let lacking: Vec<(&String, &String)> = known
        .collections
        .iter()
        .flat_map(|(name, about)| about.models.keys().map(move |model| (name, model)))
        .filter(|(name, model)| !linked.contains(&((*name).clone(), model.as_str())))
        .collect();
    if lacking.is_empty() {
        return Vec::new();
    }
    let sources = sources(directory);
    let is_written = |collection: &str, model: &str| {
        let collection = format!("collection={collection:?}");
        let names = [format!("struct{model}"), format!("enum{model}"), format!("name={model:?}")];
        let names = |text: &String| names.iter().any(|name| text.contains(name));
        sources.iter().any(|text| text.contains(&collection) && names(text))
    };
    lacking
        .into_iter()
        .filter(|(collection, model)| !is_written(collection, model))
        .map(|(collection, model)| {
            format!(
                "{FILE} has the model `{model}` of the collection `{collection}`, and the code does not: \
                 `cargo mongrate diff NAME` asks what becomes of its documents, and writes the migration"
            )
        })
        .collect()
}

/// The package's source files, without spaces.
fn sources(directory: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            // The type of a link itself, so that links cannot go in circles.
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_directory && is_of_sources(&path) {
                directories.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(path).unwrap_or_default();
                texts.push(text.split_whitespace().collect());
            }
        }
    }
    texts
}

/// Neither a hidden directory, nor another package, nor what cargo has built.
fn is_of_sources(directory: &Path) -> bool {
    let is_hidden =
        directory.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let has = |name: &str| directory.join(name).exists();
    !is_hidden && !has("Cargo.toml") && !has("CACHEDIR.TAG")
}

#[cfg(test)]
mod tests {
    use mongrate_seal::models::{ConstShape, ShapeRef, Types};

    use super::*;

    const ROOM: ModelDescriptor = ModelDescriptor {
        name: "Room",
        path: "hotel::Room",
        package: "hotel",
        file: "src/lib.rs",
        line: 7,
        shape: ShapeRef::new(&ConstShape::Scalar(Types::INT)),
        about: "mongrate-models v1\nrooms options collection\nend\n",
    };

    const KNOWN: &str = "mongrate-models v1\nbars options view\nrooms options collection\nrooms Room root \
                         {int}\nrooms Suite root {int}\nend\n";

    #[test]
    fn a_model_without_a_type_is_named_and_one_of_another_crate_is_not() {
        let known = Snapshot::parse(KNOWN).unwrap();
        let package = tempfile::tempdir().unwrap();
        let gone = || gone([ROOM].iter(), &known, package.path());
        let found = gone();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("the model `Suite` of the collection `rooms`"), "{found:?}");
        assert!(found[0].contains("`cargo mongrate diff NAME`"), "{found:?}");
        // The type alone is no model, and neither is what cargo has built.
        let source = package.path().join("src/bin/other.rs");
        fs::create_dir_all(source.parent().unwrap()).unwrap();
        fs::write(&source, "struct Suite;").unwrap();
        let built = package.path().join("target");
        fs::create_dir_all(&built).unwrap();
        fs::write(built.join("CACHEDIR.TAG"), "").unwrap();
        let text = "#[model(collection = \"rooms\")]\nstruct Suite;";
        fs::write(built.join("old.rs"), text).unwrap();
        assert_eq!(gone().len(), 1);
        fs::write(&source, text).unwrap();
        assert_eq!(gone(), [""; 0]);
    }
}

//! The test that the derive adds to each crate with models. `cargo mongrate diff` runs it to get at the
//! models, and every other run of the tests compares them with `models.snap` in full.

use std::{collections::BTreeSet, env, fs, path::Path};

use mongrate_seal::models::{Collection, FILE, HEADER, Snapshot};

use super::{
    descriptor::{MODELS, ModelDescriptor},
    gone::gone,
    wanted::wanted,
};
use crate::model::error::Error;

/// The directory to write the models to. While a crate is compiled with it, models need not be as in
/// `models.snap`.
const DIRECTORY: &str = "MONGRATE_MODELS";

/// The most lines of a difference that are shown.
const LINES_MAX: usize = 12;

/// Writes the package's models to `<directory>/<package>.<crate>.models`, or compares them with the
/// package's `models.snap`, if there is one. `home`: the package's directory.
///
/// # Panics
///
/// If models disagree, differ from the file, or cannot be written.
#[track_caller]
pub fn models(package: &str, crate_name: &str, snapshot: Option<&str>, home: &str) {
    let own = MODELS.iter().filter(|model| model.package == package);
    let result = match env::var_os(DIRECTORY).filter(|directory| !directory.is_empty()) {
        Some(directory) => export(own, Path::new(&directory), package, crate_name),
        None => snapshot.map_or(Ok(()), |snapshot| compare(own, snapshot, Path::new(home))),
    };
    if let Err(problem) = result {
        panic!("{problem}");
    }
}

fn export<'a>(
    models: impl Iterator<Item = &'a ModelDescriptor>,
    directory: &Path,
    package: &str,
    crate_name: &str,
) -> Result<(), String> {
    let text = wanted(models).map_err(|error: Error| error.to_string())?.export();
    let file = directory.join(format!("{package}.{crate_name}.models"));
    fs::write(&file, text).map_err(|error| {
        format!("cannot write the models to {}, which {DIRECTORY} names: {error}", file.display())
    })
}

/// Compares what these models want with the file. Models that only the file has may be another target's: then
/// the sources have them.
fn compare<'a>(
    models: impl Iterator<Item = &'a ModelDescriptor> + Clone,
    snapshot: &str,
    home: &Path,
) -> Result<(), String> {
    let wanted = wanted(models.clone()).map_err(|error| error.to_string())?;
    let known = Snapshot::parse(snapshot).map_err(|fault| fault.to_string())?;
    let gone = gone(models, &known, home);
    if !gone.is_empty() {
        return Err(gone.join("\n"));
    }
    let mut lines = Vec::new();
    for (name, collection) in wanted.collections {
        let of = known.collections.get(&name);
        if of.is_none_or(|known| !known.is_same(&collection)) {
            lines.extend(difference(&name, collection, of.cloned()));
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    let more = lines.len().saturating_sub(LINES_MAX);
    lines.truncate(LINES_MAX);
    if more > 0 {
        lines.push(format!("… and {more} more"));
    }
    Err(format!(
        "the models are not those that the migrations lead to ({FILE}); `cargo mongrate diff NAME` \
         writes the migration:\n{}",
        lines.join("\n")
    ))
}

fn difference(name: &str, wanted: Collection, known: Option<Collection>) -> Vec<String> {
    let lines = |collection| {
        let collections = [(name.to_owned(), collection)].into();
        let text = Snapshot { collections }.render();
        // Without the first line and the last, which are no difference.
        let about = text.lines().filter(|line| *line != HEADER && line.contains(' '));
        about.map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let wanted = lines(wanted);
    let known = known.map(lines).unwrap_or_default();
    let missing = wanted.difference(&known);
    let extra = known.difference(&wanted);
    extra.map(|line| format!("- {line}")).chain(missing.map(|line| format!("+ {line}"))).collect()
}

#[cfg(test)]
mod tests {
    //! Both tasks of the test.

    use mongrate_seal::models::{ConstShape, ShapeRef, Types};

    use super::*;

    static ANY: ConstShape = ConstShape::Map(ShapeRef::new(&ConstShape::Scalar(Types::INT)));

    const MODEL: ModelDescriptor = ModelDescriptor {
        name: "Room",
        path: "hotel::Room",
        package: "hotel",
        file: "src/lib.rs",
        line: 7,
        shape: ShapeRef::new(&ANY),
        about: "mongrate-models v1\nrooms options collection\nend\n",
    };

    #[test]
    fn what_the_file_has_is_sound_and_anything_else_is_shown() {
        let nowhere = Path::new("nowhere");
        let same = "mongrate-models v1\nothers options view\nrooms options collection\nrooms Room root \
                    {int}\nend\n";
        assert_eq!(compare([MODEL].iter(), same, nowhere), Ok(()));
        let other = same.replace("{int}", "{long}");
        let found = compare([MODEL].iter(), &other, nowhere).unwrap_err();
        assert!(found.ends_with("\n- rooms Room root {long}\n+ rooms Room root {int}"), "{found}");
        assert!(found.contains("`cargo mongrate diff NAME`"), "{found}");
        let found = compare([MODEL].iter(), "mongrate-models v1\nend\n", nowhere).unwrap_err();
        assert!(
            found.contains(":\n+ rooms Room root {int}\n+ rooms options collection"),
            "{found}"
        );
        let found = compare([MODEL].iter(), "mongrate-models v1\n", nowhere).unwrap_err();
        assert!(found.contains("models.snap:1: the file is cut off here"), "{found}");
        let more = same.replace("end\n", "rooms Suite root {int}\nend\n");
        let found = compare([MODEL].iter(), &more, nowhere).unwrap_err();
        assert!(found.contains("the model `Suite` of the collection `rooms`"), "{found}");
    }

    #[test]
    fn the_models_are_written_to_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        export([MODEL].iter(), directory.path(), "hotel", "hotel").unwrap();
        let text = fs::read_to_string(directory.path().join("hotel.hotel.models")).unwrap();
        assert!(text.contains("rooms Room root {int} path=\"hotel::Room\""), "{text}");
        let absent = directory.path().join("absent");
        let found = export([MODEL].iter(), &absent, "hotel", "hotel").unwrap_err();
        assert!(found.contains("which MONGRATE_MODELS names"), "{found}");
    }
}

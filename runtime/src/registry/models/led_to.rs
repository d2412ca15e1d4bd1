//! What the migrations of a build lead to: the `models.snap` of each linked crate, together.

use std::collections::BTreeMap;

use mongrate_seal::models::{Collection, FILE, Model, Snapshot};

use super::descriptor::SnapshotFile;
use crate::model::error::Error;

/// Returns what the files say together. `None`: there is no file.
///
/// # Errors
///
/// [`Error::Registry`] with the faults of the files, and with each disagreement of two files about one
/// collection.
pub(crate) fn led_to(files: &[SnapshotFile]) -> Result<Option<Snapshot>, Error> {
    // A crate may register its file more than once.
    let mut texts: Vec<(&str, &str)> = files.iter().map(|file| (file.package, file.text)).collect();
    texts.sort_unstable();
    texts.dedup();
    let (mut problems, mut models, mut without) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (package, text) in &texts {
        match Snapshot::parse(text) {
            Ok(snapshot) => {
                for (name, collection) in snapshot.collections {
                    if collection.models.is_empty() {
                        without.insert(name, collection);
                    } else {
                        models.extend(of_collection(package, &name, &collection));
                    }
                }
            }
            Err(fault) => problems.push(format!("package `{package}`: {fault}")),
        }
    }
    let together = Snapshot::of(models);
    match together {
        Ok(mut together) if problems.is_empty() => {
            for (name, collection) in without {
                together.collections.entry(name).or_insert(collection);
            }
            Ok((!texts.is_empty()).then_some(together))
        }
        Ok(_) => Err(Error::Registry { problems }),
        Err(found) => {
            problems.extend(found);
            Err(Error::Registry { problems })
        }
    }
}

/// The models of a collection, each with the indexes and the options of all.
fn of_collection(package: &str, name: &str, collection: &Collection) -> Vec<Model> {
    let models = collection.models.iter();
    models
        .map(|(model, about)| Model {
            collection: name.to_owned(),
            name: model.clone(),
            path: model.clone(),
            source: format!("{FILE} of `{package}`"),
            kind: collection.kind.clone(),
            validation: collection.validation,
            was: None,
            indexes: collection.indexes.values().cloned().collect(),
            shape: about.shape.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOMS: &str = "mongrate-models v1\nrooms options collection strict/error\nrooms index \
                         number_1 {\"key\":{\"number\":1}}\nrooms Room root {int}\nend\n";

    fn file(package: &'static str, text: &'static str) -> SnapshotFile {
        SnapshotFile { package, text }
    }

    #[test]
    fn files_are_put_together() {
        assert!(led_to(&[]).unwrap().is_none());
        let one = led_to(&[file("hotel", ROOMS), file("hotel", ROOMS)]).unwrap().unwrap();
        assert_eq!(one.render(), ROOMS);
        let other = file("bar", "mongrate-models v1\ndrinks options view\nend\n");
        let both = led_to(&[file("hotel", ROOMS), other]).unwrap().unwrap();
        assert_eq!(both.collections.keys().collect::<Vec<_>>(), ["drinks", "rooms"]);
    }

    #[test]
    fn faults_and_disagreements_name_the_package() {
        let cut = file("bar", "mongrate-models v1\n");
        let Err(Error::Registry { problems }) = led_to(&[file("hotel", ROOMS), cut]) else {
            panic!("the file is cut off");
        };
        assert!(problems[0].starts_with("package `bar`: models.snap:1: "), "{problems:?}");
        let other = "mongrate-models v1\nrooms options collection moderate/error\nrooms Suite root \
                     {int}\nend\n";
        let Err(Error::Registry { problems }) = led_to(&[file("hotel", ROOMS), file("bar", other)])
        else {
            panic!("they disagree");
        };
        let named = ["models.snap of `bar`", "models.snap of `hotel`"];
        assert!(named.iter().all(|part| problems[0].contains(part)), "{problems:?}");
    }
}

//! What the models of a build want of the database, together.

use mongrate_seal::models::{Model, Shape, Snapshot};

use super::descriptor::ModelDescriptor;
use crate::model::error::Error;

/// Returns the collections of these models.
///
/// # Errors
///
/// [`Error::Registry`] with each disagreement of two models of one collection.
pub(crate) fn wanted<'a>(
    models: impl IntoIterator<Item = &'a ModelDescriptor>,
) -> Result<Snapshot, Error> {
    let (mut all, mut problems) = (Vec::new(), Vec::new());
    for descriptor in models {
        match model(descriptor) {
            Ok(model) => all.push(model),
            Err(problem) => problems.push(problem),
        }
    }
    let wanted = Snapshot::of(all);
    match wanted {
        Ok(wanted) if problems.is_empty() => Ok(wanted),
        Ok(_) => Err(Error::Registry { problems }),
        Err(found) => {
            problems.extend(found);
            Err(Error::Registry { problems })
        }
    }
}

fn model(descriptor: &ModelDescriptor) -> Result<Model, String> {
    let ModelDescriptor { name, path, file, line, .. } = descriptor;
    let source = format!("{file}:{line}");
    let broken = |what: String| format!("the model `{path}` ({source}): {what}");
    let about = Snapshot::parse(descriptor.about).map_err(|fault| {
        broken(format!("the derive is of another version than Mongrate: {fault}"))
    })?;
    let Some((collection, about)) = about.collections.into_iter().next() else {
        return Err(broken("the derive is of another version than Mongrate".to_owned()));
    };
    let shape = Shape::from(descriptor.shape);
    // The compiler counts each field; data has one for each name.
    if shape.hash() != descriptor.shape.hash() {
        return Err(broken(
            "two fields have one name in the document: a flattened type has a field that its \
             document has, too; rename one of them with `#[serde(rename = \"…\")]`"
                .to_owned(),
        ));
    }
    Ok(Model {
        collection,
        name: (*name).to_owned(),
        path: (*path).to_owned(),
        source,
        kind: about.kind,
        validation: about.validation,
        was: about.was,
        indexes: about.indexes.into_values().collect(),
        shape,
    })
}

#[cfg(test)]
mod tests {
    //! Models that agree, and models that do not.

    use mongrate_seal::models::{ConstField, ConstShape, ShapeRef, Types};

    use super::*;

    const INT: ShapeRef = ShapeRef::new(&ConstShape::Scalar(Types::INT));

    const fn field(name: &'static str) -> ConstField {
        let (was, default) = (&[], None);
        ConstField { name, shape: INT, is_required: true, is_flattened: false, was, default }
    }

    static ROOM: ConstShape =
        ConstShape::Object { id: "hotel::Room", fields: &[field("number")], is_closed: false };

    static TWICE: ConstShape = ConstShape::Object {
        id: "hotel::Twice",
        fields: &[field("number"), field("number")],
        is_closed: false,
    };

    const DESCRIPTOR: ModelDescriptor = ModelDescriptor {
        name: "Room",
        path: "hotel::Room",
        package: "hotel",
        file: "src/lib.rs",
        line: 7,
        shape: ShapeRef::new(&ROOM),
        about: "mongrate-models v1\nrooms options collection strict/error\nrooms index number_1 \
                {\"key\":{\"number\":1}}\nend\n",
    };

    fn problems(models: &[ModelDescriptor]) -> Vec<String> {
        match wanted(models) {
            Ok(_) => Vec::new(),
            Err(Error::Registry { problems }) => problems,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_model_is_its_collection() {
        let wanted = wanted(&[DESCRIPTOR]).unwrap();
        assert_eq!(
            wanted.render(),
            "mongrate-models v1\nrooms options collection strict/error\nrooms index number_1 \
             {\"key\":{\"number\":1}}\nrooms Room root object@Room\nrooms Room field number int\nend\n"
        );
    }

    #[test]
    fn models_that_disagree_are_named_with_their_places() {
        let about = "mongrate-models v1\nrooms options view\nend\n";
        let view =
            ModelDescriptor { name: "View", path: "hotel::View", line: 9, about, ..DESCRIPTOR };
        let found = problems(&[DESCRIPTOR, view]);
        assert_eq!(found.len(), 1, "{found:?}");
        for part in ["`hotel::Room` (src/lib.rs:7)", "`hotel::View` (src/lib.rs:9)", "`rooms`"] {
            assert!(found[0].contains(part), "{found:?}");
        }
        let copy = ModelDescriptor { path: "hotel::copy::Room", ..DESCRIPTOR };
        let found = problems(&[DESCRIPTOR, copy]);
        assert!(found[0].contains("two models called `Room`"), "{found:?}");
    }

    #[test]
    fn two_fields_of_one_name_are_refused() {
        let twice = ModelDescriptor { shape: ShapeRef::new(&TWICE), ..DESCRIPTOR };
        let found = problems(&[twice]);
        assert!(found[0].contains("two fields have one name in the document"), "{found:?}");
    }

    #[test]
    fn a_text_of_another_version_is_no_panic() {
        for about in ["", "mongrate-models v1\nend\n", "mongrate-models v9\nend\n"] {
            let found = problems(&[ModelDescriptor { about, ..DESCRIPTOR }]);
            assert!(found[0].contains("of another version than Mongrate"), "{found:?}");
        }
    }
}

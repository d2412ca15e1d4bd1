//! `models.snap`: what is written is read, and what is broken is named.

use std::collections::BTreeMap;

use super::{
    super::{
        Collection, CollectionKind, Field, Index, Json, Model, ModelShape, ModelsProblem, Object,
        Rest, Shape, Snapshot, Types, Validation, ValidationAction, ValidationLevel,
    },
    arbitrary::Random,
};

fn user() -> Shape {
    let address = Shape::Object(Object {
        name: Some("Address".to_owned()),
        fields: BTreeMap::from([
            ("city".to_owned(), Field::required(Shape::Scalar(Types::STRING))),
            ("a b".to_owned(), Field::optional(Shape::Scalar(Types::INT.or(Types::LONG)))),
        ]),
        rest: Rest::Closed,
        ..Object::default()
    });
    Shape::object([
        ("_id", Field::required(Shape::Scalar(Types::OBJECT_ID))),
        ("address", Field::optional(address.clone().nullable())),
        ("others", Field::required(Shape::array(address))),
        ("plan", Field::required(Shape::values(["pro", "free"]))),
    ])
}

fn model(collection: &str, name: &str) -> Model {
    Model {
        collection: collection.to_owned(),
        name: name.to_owned(),
        path: format!("shop::{name}"),
        source: "src/lib.rs:1".to_owned(),
        kind: CollectionKind::Collection,
        validation: Some(Validation {
            level: ValidationLevel::Moderate,
            action: ValidationAction::Error,
        }),
        was: None,
        indexes: vec![Index::new(vec![("plan".to_owned(), Json::number(-1))])],
        shape: user(),
    }
}

fn snapshot() -> Snapshot {
    Snapshot::of([model("users", "User"), model("app.log", "Log")]).unwrap()
}

/// The format is stored in every user's repository.
#[test]
fn the_format_is_what_it_was() {
    let expected = r#"mongrate-models v1
"app.log" options collection moderate/error
"app.log" index plan_-1 {"key":{"plan":-1}}
"app.log" Log root object
"app.log" Log field _id objectId
"app.log" Log field address optional object!@Address|null
"app.log" Log field address."a b" optional int|long
"app.log" Log field address.city string
"app.log" Log field others [object!@Address]
"app.log" Log field others[]."a b" optional int|long
"app.log" Log field others[].city string
"app.log" Log field plan "free"|"pro"
users options collection moderate/error
users index plan_-1 {"key":{"plan":-1}}
users User root object
users User field _id objectId
users User field address optional object!@Address|null
users User field address."a b" optional int|long
users User field address.city string
users User field others [object!@Address]
users User field others[]."a b" optional int|long
users User field others[].city string
users User field plan "free"|"pro"
end
"#;
    assert_eq!(snapshot().render(), expected);
}

fn in_memory(snapshot: Snapshot) -> Snapshot {
    let without = |(name, about): (String, Collection)| (name, about.without_hints());
    Snapshot { collections: snapshot.collections.into_iter().map(without).collect() }
}

#[test]
fn what_was_written_is_read() {
    let snapshot = in_memory(snapshot());
    let text = snapshot.render();
    assert_eq!(Snapshot::parse(&text).unwrap(), snapshot);
    assert_eq!(Snapshot::parse(&text.replace('\n', "\r\n")).unwrap(), snapshot, "as git may");
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..].reverse();
    lines.push("end");
    lines.remove(1);
    assert_eq!(Snapshot::parse(&lines.join("\n")).unwrap(), snapshot, "in any order");
    assert_eq!(Snapshot::parse(&Snapshot::default().render()).unwrap(), Snapshot::default());
}

#[test]
fn random_shapes_are_read_back() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for round in 0..2_000 {
        let mut models = BTreeMap::new();
        for name in ["User", "a b"] {
            let path = "shop::User".to_owned();
            models.insert(name.to_owned(), ModelShape { shape: random.shape(4), path });
        }
        let kind = match random.below(3) {
            0 => CollectionKind::Collection,
            1 => CollectionKind::View,
            _ => CollectionKind::TimeSeries(Json::object([("timeField", Json::text("a b"))])),
        };
        let was = (random.below(2) == 0).then(|| "was".to_owned());
        let validation = (random.below(2) == 0)
            .then_some(Validation { level: ValidationLevel::Off, action: ValidationAction::Warn });
        let collection = Collection { kind, validation, was, indexes: BTreeMap::new(), models };
        let snapshot = Snapshot { collections: BTreeMap::from([("a\tb".to_owned(), collection)]) };
        let export = snapshot.export();
        assert_eq!(Snapshot::parse(&export).as_ref(), Ok(&snapshot), "{round}: {export}");
        let text = snapshot.render();
        let read = Snapshot::parse(&text).unwrap();
        for (name, about) in &read.collections {
            assert!(about.is_same(&snapshot.collections[name]), "{text}");
            for (model, shape) in &about.models {
                let own = &snapshot.collections[name].models[model].shape;
                assert_eq!(shape.shape.hash(), own.hash());
            }
        }
        assert_eq!(read, in_memory(snapshot));
        // No prefix of a file is taken for the whole file.
        if round < 20 {
            for (at, _) in text.char_indices() {
                let cut = Snapshot::parse(&text[..at]);
                assert!(cut.is_err() || text[at..] == *"\n", "{}", &text[..at]);
            }
        }
    }
}

fn fault(text: &str) -> (usize, ModelsProblem) {
    let fault = Snapshot::parse(text).unwrap_err();
    assert!(fault.to_string().starts_with(&format!("models.snap:{}: ", fault.line)), "{fault}");
    (fault.line, fault.problem)
}

#[test]
fn what_is_broken_is_named_with_its_line() {
    let text = snapshot().render();
    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    };
    assert_eq!(fault(""), (1, ModelsProblem::Header(String::new())));
    assert_eq!(fault("hello\n"), (1, ModelsProblem::Header("hello".to_owned())));
    let newer = "mongrate-models v2".to_owned();
    assert_eq!(fault(&with("models v1", "models v2")), (1, ModelsProblem::Newer(newer)));
    let conflict = "<<<<<<< HEAD\nusers User field plan any\n=======\n>>>>>>> theirs\nend\n";
    assert_eq!(fault(&with("end\n", conflict)), (24, ModelsProblem::Conflict));
    assert_eq!(fault(&with("end\n", "")), (23, ModelsProblem::Cut));
    assert_eq!(
        fault(text.strip_suffix("o\"\nend\n").unwrap_or(&text[..700])).1,
        ModelsProblem::Cut
    );
    assert_eq!(
        fault(&with("end\n", "end\nusers User field x any\n")),
        (25, ModelsProblem::AfterEnd)
    );
    assert_eq!(fault(&with("objectId", "objectID")).1, ModelsProblem::Line);
    assert_eq!(
        fault(&with("end\n", "users User field plan any\nend\n")),
        (24, ModelsProblem::Twice)
    );
    for orphan in [
        "users Other field a any",
        "others User field a any",
        "users User field plan.a any",
        "users User field other.a any",
        "users User field address[].a any",
        "others index a_1 {\"key\":{\"a\":1}}",
        "others User root object",
    ] {
        let (line, problem) = fault(&with("end\n", &format!("{orphan}\nend\n")));
        assert!(matches!(problem, ModelsProblem::Orphan(_)), "{orphan}: {problem:?}");
        assert_eq!(line, 24, "{orphan}");
    }
    for line in [
        "",
        " ",
        "users",
        "users options",
        "users options bucket",
        "users options collection strict",
        "users options collection strict/loud",
        "users options collection strict/error extra",
        "users index a_1",
        "users index a_1 {}",
        "users index a_1 {\"key\":{}}",
        "users index a_1 {\"key\":1}",
        "users User",
        "users User root",
        "users User root object x",
        "users User field",
        "users User field a",
        "users User field a  any",
        "users User field a any ",
        "users User field a. any",
        "users User field a[ any",
        "users User field a[] any",
        "users User field +a any",
        "users User part a any",
        "users User field a string|string2",
        "users User field a \"b\"|\"a\"",
        "users User field a any|null",
        "users User field a ^0",
        "users User field a string@Name",
        "users User field a <A:int,A:int>",
        "\"users User field a any",
    ] {
        let (at, problem) = fault(&with("end\n", &format!("{line}\nend\n")));
        assert_eq!((at, problem), (24, ModelsProblem::Line), "{line:?}");
    }
    let deep = format!("users User field a {}any{}", "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(fault(&with("end\n", &format!("{deep}\nend\n"))).1, ModelsProblem::Line);
}

/// Two branches that add different fields merge without a conflict.
#[test]
fn lines_of_two_branches_are_one_file() {
    let text = snapshot().render();
    let ours =
        text.replace("users User field _id", "users User field _a int\nusers User field _id");
    let both =
        ours.replace("users User field plan ", "users User field p int\nusers User field plan ");
    let read = Snapshot::parse(&both).unwrap();
    let shape = &read.collections["users"].models["User"].shape;
    assert_eq!(shape.at("_a").unwrap().text(), "int");
    assert_eq!(shape.at("p").unwrap().text(), "int");
}

#[test]
fn two_models_of_a_collection_are_variants_unless_they_disagree() {
    let two = [model("users", "User"), model("users", "Admin")];
    let snapshot = Snapshot::of(two.clone()).unwrap();
    let validator = snapshot.collections["users"].validator().unwrap();
    assert!(validator.to_string().starts_with("{\"$jsonSchema\":{\"anyOf\":[{"), "{validator}");

    let problems = |change: fn(&mut Model)| {
        let mut two = two.clone();
        change(&mut two[1]);
        Snapshot::of(two).unwrap_err()
    };
    let silent = |model: &mut Model| model.validation = None;
    let mut quiet = two.clone();
    silent(&mut quiet[1]);
    assert_eq!(Snapshot::of(quiet).unwrap(), snapshot, "one of them may say it for both");
    for (change, part) in [
        (
            (|model| model.validation.as_mut().unwrap().level = ValidationLevel::Strict)
                as fn(&mut Model),
            "disagree about its validation (strict/error, moderate/error): declare `validate`",
        ),
        (|model| model.kind = CollectionKind::View, "disagree about what it is"),
        (
            |model| {
                let unique = ("unique".to_owned(), Json::Bool(true));
                model.indexes[0].options.extend([unique]);
            },
            "disagree about the index `plan_-1`",
        ),
        (|model| model.name = "User".to_owned(), "has two models called `User`"),
    ] {
        let found = problems(change);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(part), "{found:?}");
        assert!(found[0].contains("`users`") && found[0].contains("src/lib.rs:1"), "{found:?}");
    }
}

/// Editors of some systems add both.
#[test]
fn a_byte_order_mark_and_other_line_ends_do_not_matter() {
    let known = snapshot();
    let text = format!("\u{feff}{}", known.render().replace('\n', "\r\n"));
    assert_eq!(Snapshot::parse(&text).as_ref(), Snapshot::parse(&known.render()).as_ref());
}

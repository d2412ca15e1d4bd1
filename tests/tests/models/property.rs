//! Random values of each type are documents that its validator accepts; a mutation that breaks a rule is
//! refused. The server decides, with `validationLevel: strict`.

use mongrate::{
    Model,
    bson::{Bson, Document, doc},
    models::{Object, Rest, Shape},
    mongodb::Database,
};
use mongrate_tests::TestDb;
use serde::Serialize;

use crate::{
    arbitrary::{Arbitrary, Source},
    fits::fits,
    types,
};

/// The values of a type.
const VALUES: usize = 40;

/// The seed of the first value; each failure prints its own.
const SEED: u64 = 0x5eed;

/// The server's code for a document that does not fit.
const INVALID: i32 = 121;

/// How many values were accepted, and how many mutations of each kind were refused.
#[derive(Debug, Default)]
struct Counts {
    accepted: usize,
    wrong_type: usize,
    missing: usize,
    extra: usize,
    wrong_value: usize,
}

async fn check<T: Model + Arbitrary + Serialize + Send + Sync>(db: &Database, counts: &mut Counts) {
    let shape = Shape::from(T::SHAPE);
    assert_eq!(shape.hash(), T::SHAPE.hash(), "{}", T::COLLECTION);
    let schema: serde_json::Value = serde_json::from_str(&shape.root_schema().to_string()).unwrap();
    let schema = bson_of(&schema);
    db.create_collection(T::COLLECTION)
        .validator(doc! { "$jsonSchema": schema.clone() })
        .validation_level(mongrate::mongodb::options::ValidationLevel::Strict)
        .validation_action(mongrate::mongodb::options::ValidationAction::Error)
        .await
        .unwrap_or_else(|error| panic!("{}: {error}\n{schema}", T::COLLECTION));
    let typed = db.collection::<T>(T::COLLECTION);
    let documents = db.collection::<Document>(T::COLLECTION);
    for seed in SEED..SEED + VALUES as u64 {
        let mut source = Source::new(seed);
        let value = T::any(&mut source);
        // The driver's own way of writing it.
        let inserted = typed.insert_one(&value).await;
        let id = inserted
            .unwrap_or_else(|error| panic!("{} seed {seed}: {error:?}\n{schema}", T::COLLECTION))
            .inserted_id;
        counts.accepted += 1;
        let document = documents.find_one(doc! { "_id": &id }).await.unwrap();
        let document = document.unwrap_or_else(|| panic!("{} seed {seed}: {id}", T::COLLECTION));
        let as_bson = Bson::Document(document.clone());
        assert!(
            fits(&shape, &as_bson, &mut Vec::new()),
            "{} seed {seed}: {document}",
            T::COLLECTION
        );
        for kind in Break::ALL {
            let mut broken = document.clone();
            broken.remove("_id");
            if is_own_id(&shape) {
                broken.insert("_id", mongrate::bson::oid::ObjectId::new());
            }
            let mut broken = Bson::Document(broken);
            let is_broken = breaks(&shape, &mut broken, kind, &mut source);
            // A model that is a union is broken as a whole, and then it is no document.
            let Some(broken) = broken.as_document().filter(|_| is_broken).cloned() else {
                continue;
            };
            let refused = documents.insert_one(&broken).await;
            let code = refused.as_ref().err().and_then(code);
            assert_eq!(
                code,
                Some(INVALID),
                "{} seed {seed} {kind:?}: {refused:?}\n{broken}\n{schema}",
                T::COLLECTION
            );
            *match kind {
                Break::WrongType => &mut counts.wrong_type,
                Break::Missing => &mut counts.missing,
                Break::Extra => &mut counts.extra,
                Break::WrongValue => &mut counts.wrong_value,
            } += 1;
        }
    }
}

fn is_own_id(shape: &Shape) -> bool {
    matches!(shape, Shape::Object(object) if object.fields.contains_key("_id"))
}

fn code(error: &mongrate::mongodb::error::Error) -> Option<i32> {
    use mongrate::mongodb::error::{ErrorKind, WriteFailure};
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(error)) => Some(error.code),
        _ => None,
    }
}

fn bson_of(json: &serde_json::Value) -> Bson {
    mongrate::bson::serialize_to_bson(json).unwrap()
}

/// A way to break a document.
#[derive(Clone, Copy, Debug)]
enum Break {
    WrongType,
    Missing,
    Extra,
    WrongValue,
}

impl Break {
    const ALL: [Self; 4] = [Self::WrongType, Self::Missing, Self::Extra, Self::WrongValue];
}

/// Breaks a random place of a document. Returns whether there is one that can be broken so. Unions are
/// broken as a whole: another alternative may accept what is broken in one.
fn breaks(shape: &Shape, value: &mut Bson, how: Break, source: &mut Source) -> bool {
    match (shape, value) {
        (Shape::Nullable(inner), value) if *value != Bson::Null => {
            breaks(inner, value, how, source)
        }
        (Shape::Object(object), Bson::Document(document)) => {
            let is_here = source.rng.bool();
            is_here && break_object(object, document, how)
                || below(object, document, how, source)
                || break_object(object, document, how)
        }
        (Shape::Array { item, .. }, Bson::Array(items)) if !items.is_empty() => {
            let at = source.rng.usize(0..items.len());
            breaks(item, &mut items[at], how, source)
        }
        (Shape::Tuple(shapes), Bson::Array(items)) if !items.is_empty() => {
            let at = source.rng.usize(0..items.len());
            breaks(&shapes[at], &mut items[at], how, source)
        }
        (Shape::Map(item), Bson::Document(document)) if !document.is_empty() => {
            let at = source.rng.usize(0..document.len());
            let name = document.keys().nth(at).unwrap().clone();
            breaks(item, document.get_mut(&name).unwrap(), how, source)
        }
        (Shape::Any | Shape::Recursion(_), _) => false,
        (Shape::Values { .. }, value) if matches!(how, Break::WrongValue) => {
            *value = Bson::String("no such value".to_owned());
            true
        }
        (shape, value) if matches!(how, Break::WrongType) && !takes_anything(shape) => {
            *value = Bson::MaxKey;
            true
        }
        _ => false,
    }
}

fn takes_anything(shape: &Shape) -> bool {
    match shape {
        Shape::Any | Shape::Recursion(_) => true,
        Shape::Nullable(inner) => takes_anything(inner),
        Shape::Union { alternatives, .. } => alternatives.values().any(takes_anything),
        _ => false,
    }
}

/// The server checks no field whose name has a dot.
fn is_checked(name: &str) -> bool {
    name != "_id" && !name.contains('.')
}

fn break_object(object: &Object, document: &mut Document, how: Break) -> bool {
    match how {
        Break::Missing => {
            let required = object.fields.iter().find(|(_, field)| field.is_required);
            required.is_some_and(|(name, _)| is_checked(name) && document.remove(name).is_some())
        }
        Break::Extra => match &object.rest {
            Rest::Open => false,
            Rest::Closed => document.insert("no such field", 1).is_none(),
            Rest::Of(shape) => {
                !takes_anything(shape) && document.insert("no such field", Bson::MaxKey).is_none()
            }
        },
        Break::WrongType | Break::WrongValue => false,
    }
}

fn below(object: &Object, document: &mut Document, how: Break, source: &mut Source) -> bool {
    let mut names: Vec<&String> = object
        .fields
        .keys()
        .filter(|name| is_checked(name) && document.contains_key(*name))
        .collect();
    source.rng.shuffle(&mut names);
    names.into_iter().any(|name| {
        let value = document.get_mut(name).unwrap();
        breaks(&object.fields[name].shape, value, how, source)
    })
}

macro_rules! check_all {
    ($db:expr, $counts:expr, $($type:ident),* $(,)?) => {
        $(check::<types::$type>($db, $counts).await;)*
    };
}

#[tokio::test]
async fn what_a_type_writes_is_accepted_and_what_breaks_is_refused() {
    let fresh = TestDb::new("models").await;
    let mut counts = Counts::default();
    check_all!(
        &fresh.db,
        &mut counts,
        Numbers,
        Closed,
        User,
        BsonTypes,
        StdTypes,
        Times,
        ByVariant,
        Internal,
        InternalClosed,
        Adjacent,
        WithUntagged,
        Flat,
        FlatOpen,
        Node,
        Pages,
        Newtypes,
        Tagged,
        Root,
        WithInto,
        Fixed,
    );
    println!("seeds from {SEED}: {counts:?}");
    assert_eq!(counts.accepted, 20 * VALUES);
    let refused = [counts.wrong_type, counts.missing, counts.extra, counts.wrong_value];
    assert!(refused.iter().all(|count| *count >= VALUES), "{counts:?}");
    fresh.pass().await;
}

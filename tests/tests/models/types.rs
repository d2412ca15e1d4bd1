//! Types with each attribute of serde's and of ours, as documents of collections.

#![allow(missing_docs, dead_code)]

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    net::IpAddr,
    time::{Duration, SystemTime},
};

use mongrate::bson::{
    Binary, Bson, DateTime, Decimal128, Document, Timestamp, Uuid, oid::ObjectId,
};
use serde::{Serialize, Serializer};

use crate::{
    arbitrary::{Arbitrary, Source},
    models,
};

fn as_date<S: Serializer>(
    at: &chrono::DateTime<chrono::Utc>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    DateTime::from_millis(at.timestamp_millis()).serialize(serializer)
}

fn as_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

fn is_zero(number: &i32) -> bool {
    *number == 0
}

pub type Alias = Option<Vec<BTreeMap<String, i64>>>;

models! {
    #[model(collection = "numbers")]
    struct Numbers {
        a: i8, b: i16, c: i32, d: i64, e: isize, f: u8, g: u16, h: u32, i: u64, j: usize,
        k: f32, l: f64, m: bool, n: char, o: (), p: std::num::NonZeroU32,
        q: std::num::Wrapping<i16>,
    }

    #[model(collection = "closed", additional_properties = false)]
    struct Closed {
        name: String,
        note: Option<String>,
        inner: ClosedInner,
    }

    #[serde(deny_unknown_fields)]
    struct ClosedInner {
        a: i32,
        list: Vec<Deep>,
    }

    #[serde(rename_all = "camelCase")]
    struct Deep {
        first_name: String,
        #[serde(rename = "Größe in m")]
        size: f64,
        #[serde(rename = "a.b")]
        dotted: i64,
    }

    #[model(collection = "users")]
    struct User {
        #[serde(rename = "_id")]
        id: ObjectId,
        plan: Plan,
        maybe_plan: Option<Plan>,
        #[serde(default)]
        tags: Vec<String>,
        #[serde(skip)]
        secret: Vec<String>,
        #[serde(skip_serializing)]
        written_never: i32,
        #[serde(skip_serializing_if = "is_zero")]
        count: i32,
        #[serde(alias = "other")]
        alias: Alias,
    }

    #[serde(rename_all = "SCREAMING-KEBAB-CASE")]
    enum Plan {
        FreeForAll,
        Pro,
        #[serde(rename = "gold")]
        Enterprise,
    }

    #[model(collection = "bson")]
    struct BsonTypes {
        a: ObjectId, b: DateTime, c: Decimal128, d: Timestamp, e: Binary, f: Uuid, g: Document,
        h: Bson, i: uuid::Uuid, j: serde_json::Value,
    }

    #[model(collection = "std_types")]
    struct StdTypes {
        a: Duration, b: SystemTime, c: IpAddr, d: std::path::PathBuf, e: Cow<'static, str>,
        f: Box<i32>, g: Box<str>, h: Box<i32>, i: VecDeque<i32>, j: BTreeSet<i32>, k: HashSet<i32>,
        l: BTreeMap<String, Deep>, m: HashMap<String, Vec<i32>>, n: [i32; 3], o: (i32, String),
        p: std::ops::Range<i32>, q: Vec<Option<i32>>, r: Option<Option<i32>>, s: Vec<u8>,
        t: std::marker::PhantomData<String>, u: std::sync::Mutex<i32>, v: [[f64; 2]; 2],
        w: (bool, Deep, Option<i32>),
    }

    #[model(collection = "times")]
    struct Times {
        #[model(bson = "date")]
        #[serde(serialize_with = "as_date")]
        at: chrono::DateTime<chrono::Utc>,
        text: chrono::DateTime<chrono::Utc>,
        day: chrono::NaiveDate,
        span: chrono::TimeDelta,
        #[model(bson = "binData")]
        #[serde(serialize_with = "as_bytes")]
        bytes: Vec<u8>,
    }

    #[model(collection = "external")]
    struct ByVariant {
        one: External,
        all: Vec<External>,
        by_plan: BTreeMap<Key, External>,
    }

    #[serde(rename_all = "snake_case", rename_all_fields = "camelCase")]
    enum External {
        UnitOne,
        NewType(i32),
        #[serde(rename = "three")]
        Triple(i32, String, Option<bool>),
        Struct { some_field: i32, other_field: Option<String> },
        #[serde(rename_all = "UPPERCASE")]
        Upper { some_field: i32 },
        Boxed(Box<Deep>),
    }

    #[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
    enum Key { A, #[serde(rename = "b")] B }

    #[model(collection = "internal")]
    #[serde(tag = "type", rename_all = "lowercase")]
    enum Internal {
        Unit,
        Struct { a: i32, b: Option<String> },
        Newtype(Deep),
    }

    #[model(collection = "internal_closed", additional_properties = false)]
    #[serde(tag = "type")]
    enum InternalClosed {
        Unit,
        Struct { a: i32 },
        Newtype(Deep),
    }

    #[model(collection = "adjacent")]
    #[serde(tag = "t", content = "c")]
    enum Adjacent {
        Unit,
        Newtype(Option<i32>),
        Pair(i32, bool),
        Struct { a: i32 },
    }

    #[model(collection = "untagged")]
    struct WithUntagged {
        value: Untagged,
        list: Vec<Untagged>,
    }

    #[serde(untagged)]
    enum Untagged {
        Number(i64),
        Text(String),
        Nothing,
        Pair(i32, i32),
        Struct { a: i32 },
        Deep(Deep),
    }

    enum PartlyUntagged {
        Tagged(i32),
        #[serde(untagged)]
        Other(String),
    }

    #[model(collection = "flat", additional_properties = false)]
    struct Flat {
        own: i32,
        #[serde(flatten)]
        deep: Deep,
        #[serde(flatten)]
        maybe: Option<Optional>,
        #[serde(flatten)]
        kind: Internal,
        partly: PartlyUntagged,
    }

    struct Optional { x: i32, y: bool }

    #[model(collection = "flat_open")]
    struct FlatOpen {
        #[serde(flatten)]
        kind: FlatKind,
        #[serde(flatten)]
        rest: BTreeMap<RestKey, i64>,
    }

    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    enum RestKey { X1, X2, X3 }

    enum FlatKind {
        Card { number: String },
        Iban(String),
        Cash(Deep),
    }

    #[model(collection = "nodes")]
    struct Node {
        name: String,
        kids: Vec<Node>,
        next: Option<Box<Self>>,
        other: Option<Box<Other>>,
    }

    struct Other {
        back: Option<Box<Node>>,
        tree: Tree,
    }

    enum Tree {
        Leaf,
        Branch(Box<Tree>, Box<Tree>),
        Named { name: String, tree: Box<Tree> },
    }

    #[model(collection = "pages")]
    struct Pages {
        of_users: Page<Deep>,
        of_numbers: Page<Page<i32>>,
    }

    struct Page<T> { items: Vec<T>, total: u32, first: Option<T> }

    #[model(collection = "newtypes")]
    struct Newtypes {
        id: Id,
        maybe: Maybe,
        clear: Clear,
        pair: Pair,
        nested: Outer,
    }

    struct Id(String);
    struct Maybe(Option<i32>);
    #[serde(transparent)]
    struct Clear { only: Option<i32>, #[serde(skip)] cache: Vec<i32> }
    struct Pair(i32, #[model(bson = "binData")] #[serde(serialize_with = "as_bytes")] Vec<u8>);
    struct Outer(Id);

    #[model(collection = "tagged")]
    #[serde(tag = "kind", rename = "a struct")]
    struct Tagged { a: i32 }

    #[model(collection = "transparent")]
    #[serde(transparent)]
    struct Root { inner: Tagged }

    #[model(collection = "into")]
    struct WithInto { celsius: Celsius }

    #[serde(into = "f64")]
    #[derive(Clone, Copy)]
    struct Celsius { tenths: i32 }

    #[model(collection = "generic_root")]
    struct Fixed(Page<i32>);
}

impl From<Celsius> for f64 {
    fn from(celsius: Celsius) -> Self {
        Self::from(celsius.tenths) / 10.0
    }
}

/// A type with lifetimes.
#[derive(Serialize, mongrate::Model)]
#[model(collection = "borrowed")]
pub struct Borrowed<'a> {
    pub name: &'a str,
    pub tags: &'a [Cow<'a, str>],
    pub inner: Inner<'a>,
}

#[derive(Serialize, mongrate::Model)]
pub struct Inner<'a> {
    pub name: Cow<'a, str>,
}

/// With the hand-written serialisation of another crate's attribute, as for `serde_repr`.
#[derive(Clone, Copy, mongrate::Model)]
#[model(bson = "int")]
#[repr(u8)]
pub enum ByNumber {
    One = 1,
}

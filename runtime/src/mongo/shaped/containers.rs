//! Types of std that hold values of other types.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque},
    marker::PhantomData,
    num::{Saturating, Wrapping},
    ops::{Range, RangeFrom, RangeInclusive, RangeTo},
    rc::Rc,
    sync::{Arc, Mutex, RwLock},
};

use mongrate_seal::models::{ConstField, ConstShape, ShapeRef, Types};

use super::trait_def::{Shaped, of};

macro_rules! transparent {
    ($([$($bounds:tt)*] $type:ty;)*) => {
        $(
            impl<$($bounds)*> Shaped for $type {
                const SHAPE: ShapeRef = T::SHAPE;
                const IS_OPTIONAL: bool = T::IS_OPTIONAL;
                const IS_KEY: bool = T::IS_KEY;
            }
        )*
    };
}

transparent! {
    [T: Shaped + ?Sized] &T;
    [T: Shaped + ?Sized] &mut T;
    [T: Shaped + ?Sized] Box<T>;
    [T: Shaped + ?Sized] Rc<T>;
    [T: Shaped + ?Sized] Arc<T>;
    [T: Shaped + ToOwned + ?Sized] Cow<'_, T>;
    [T: Shaped] Cell<T>;
    [T: Shaped + ?Sized] RefCell<T>;
    [T: Shaped + ?Sized] Mutex<T>;
    [T: Shaped + ?Sized] RwLock<T>;
    [T: Shaped] Wrapping<T>;
    [T: Shaped] Saturating<T>;
    [T: Shaped] Reverse<T>;
}

impl<T: Shaped> Shaped for Option<T> {
    const SHAPE: ShapeRef = of(&ConstShape::Nullable(T::SHAPE));
    const IS_OPTIONAL: bool = true;
}

impl<T: ?Sized> Shaped for PhantomData<T> {
    const SHAPE: ShapeRef = of(&ConstShape::Scalar(Types::NULL));
}

macro_rules! sequences {
    ($([$($bounds:tt)*] $type:ty;)*) => {
        $(
            impl<$($bounds)*> Shaped for $type {
                const SHAPE: ShapeRef = of(&ConstShape::Array { item: T::SHAPE, length: None });
            }
        )*
    };
}

// Of sets, too: two values that differ in Rust may be the same in BSON.
sequences! {
    [T: Shaped] [T];
    [T: Shaped] Vec<T>;
    [T: Shaped] VecDeque<T>;
    [T: Shaped] LinkedList<T>;
    [T: Shaped] BinaryHeap<T>;
    [T: Shaped] BTreeSet<T>;
    [T: Shaped, S] HashSet<T, S>;
}

impl<T: Shaped, const N: usize> Shaped for [T; N] {
    const SHAPE: ShapeRef = of(&ConstShape::Array { item: T::SHAPE, length: Some(N) });
}

impl<K: Shaped, V: Shaped> Shaped for BTreeMap<K, V> {
    const SHAPE: ShapeRef = of(&ConstShape::Map(Values::<K, V>::SHAPE));
}

impl<K: Shaped, V: Shaped, S> Shaped for HashMap<K, V, S> {
    const SHAPE: ShapeRef = of(&ConstShape::Map(Values::<K, V>::SHAPE));
}

/// The values of a map with these keys.
struct Values<K, V>(PhantomData<(K, V)>);

impl<K: Shaped, V: Shaped> Values<K, V> {
    const SHAPE: ShapeRef = {
        assert!(
            K::IS_KEY,
            "the keys of a map in a model are strings: `bson` refuses all others when it writes a \
             document; use a `Vec` of pairs instead, or say what the field becomes: `#[model(bson = \
             \"object\")]`"
        );
        V::SHAPE
    };
}

macro_rules! tuples {
    ($($($name:ident)+;)*) => {
        $(
            impl<$($name: Shaped),+> Shaped for ($($name,)+) {
                const SHAPE: ShapeRef = of(&ConstShape::Tuple(&[$($name::SHAPE),+]));
            }
        )*
    };
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
    A B C D E F G H I;
    A B C D E F G H I J;
    A B C D E F G H I J K;
    A B C D E F G H I J K L;
}

macro_rules! ranges {
    ($($type:ident: $($name:literal)+;)*) => {
        $(
            impl<T: Shaped> Shaped for $type<T> {
                const SHAPE: ShapeRef = of(&ConstShape::Object {
                    id: "",
                    fields: &[$(ConstField {
                        name: $name,
                        shape: T::SHAPE,
                        is_required: !T::IS_OPTIONAL,
                        is_flattened: false,
                        was: &[],
                        default: None,
                    }),+],
                    is_closed: true,
                });
            }
        )*
    };
}

// Closed: serde refuses other fields when it reads them.
ranges! {
    Range: "start" "end";
    RangeInclusive: "start" "end";
    RangeFrom: "start";
    RangeTo: "end";
}

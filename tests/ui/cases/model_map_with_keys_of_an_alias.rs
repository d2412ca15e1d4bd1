//! Model map with keys of an alias.

#![allow(dead_code)]

use std::collections::BTreeMap;

type Key = (i32, i32);

#[derive(mongrate::Model)]
struct User {
    by_key: BTreeMap<Key, String>,
}

fn main() {}

//! Model map without string keys.

#![allow(dead_code)]

use std::collections::HashMap;

#[derive(mongrate::Model)]
struct User {
    by_number: HashMap<u32, String>,
}

fn main() {}

//! Model collection illegal.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[model(collection = "")]
struct A {
    _a: i32,
}

#[derive(mongrate::Model)]
#[model(collection = "system.users")]
struct B {
    _a: i32,
}

#[derive(mongrate::Model)]
#[model(collection = "a$b")]
struct C {
    _a: i32,
}

fn main() {}

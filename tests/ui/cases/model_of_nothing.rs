//! Model of nothing.

#![allow(dead_code)]

#[derive(mongrate::Model)]
enum Never {}

#[derive(mongrate::Model)]
#[model(collection = "nothing")]
struct Nothing;

#[derive(mongrate::Model)]
#[model(collection = "empty")]
struct Empty {}

fn main() {}

//! Test not a function.

#[mongrate::test]
struct Reads;

fn main() {}

//! Test of another type.

#[mongrate::test]
async fn reads(db: String) {}

fn main() {}

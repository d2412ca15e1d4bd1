//! Test without a database.

#[mongrate::test]
async fn reads() {}

fn main() {}

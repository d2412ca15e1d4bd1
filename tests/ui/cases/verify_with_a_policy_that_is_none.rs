//! Verify with a policy that is none.

mongrate::verify!(irreversible);

fn main() {}

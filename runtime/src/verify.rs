//! What `mongrate::verify!()` runs: the registry's checks, of every group at once.

use std::collections::BTreeSet;

use crate::{
    Error,
    migration::{DEFAULT_GROUP, MIGRATIONS},
    registry::Registry,
    seal::{self, SUMS, SumFile},
};

/// Verifies what is linked, and the sum file of the package whose test this is.
///
/// # Panics
///
/// With every problem, if there is one.
#[track_caller]
pub fn verify(own: Option<SumFile>) {
    let files: Vec<SumFile> = SUMS.iter().copied().chain(own).collect();
    let mut groups: BTreeSet<String> =
        MIGRATIONS.iter().map(|one| one.group().to_owned()).collect();
    groups.extend(seal::groups(&files));
    if groups.is_empty() {
        groups.insert(DEFAULT_GROUP.to_owned());
    }
    let mut problems = Vec::new();
    for group in groups {
        if let Err(Error::Registry { problems: found }) =
            Registry::new(&MIGRATIONS, &group, Some(&files))
        {
            problems.extend(
                found.into_iter().filter(|one| !problems.contains(one)).collect::<Vec<_>>(),
            );
        }
    }
    assert!(problems.is_empty(), "{}", Error::Registry { problems });
}

//! What a baseline records. Pure.

use super::{
    pending_versions,
    squash::{Standing, refuse_part, standing},
};
use crate::{
    model::{error::Error, version::Version},
    protocol::history::History,
    registry::{list::Registry, migration::Migration},
};

/// What a baseline up to a version records as applied.
pub(crate) fn baseline(
    registry: &Registry,
    history: &History,
    version: Version,
) -> Result<Vec<Migration>, Error> {
    let is_meant = |one: &&Migration| one.version() <= version;
    if let Some(squash) = registry.squash() {
        match standing(squash, history) {
            // The old ones, and not yet the squash: the next run records that it stands for them.
            Standing::New if version < squash.migration.version() => {
                let old = registry.versioned().filter(|one| registry.applies(one));
                return Ok(old.filter(is_meant).copied().collect());
            }
            Standing::Part => refuse_part(squash, registry, history)?,
            _ => {}
        }
    }
    Ok(pending_versions(registry, history).filter(is_meant).copied().collect())
}

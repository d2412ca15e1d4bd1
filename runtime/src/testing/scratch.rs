//! Databases beside a test's own, for checks that run a migration more than once.

use super::{database::Database, error::TestError};

/// Runs `work` with another database, which is dropped afterwards; if `work` finds a difference, it
/// is kept and named in the error.
pub(super) async fn within<T>(
    beside: &Database,
    suffix: &str,
    work: impl AsyncFnOnce(&Database) -> Result<T, TestError>,
) -> Result<T, TestError> {
    let name = beside.name();
    // A database's name has 63 bytes at most.
    let stem = name.get(..name.len().min(63 - suffix.len() - 1)).unwrap_or(name);
    let name = format!("{stem}_{suffix}");
    let scratch = beside.over(beside.client().database(&name));
    clear(&scratch).await?;
    match work(&scratch).await {
        Ok(done) => {
            clear(&scratch).await?;
            Ok(done)
        }
        Err(TestError::Differs { act, difference }) => {
            let act = format!("{act} (in the database `{name}`, which is kept)");
            Err(TestError::Differs { act, difference })
        }
        Err(error) => Err(error),
    }
}

pub(super) async fn clear(database: &mongodb::Database) -> Result<(), TestError> {
    database.drop().await.map_err(TestError::driver("drop a test's database"))
}

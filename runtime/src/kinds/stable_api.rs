//! The refusal of operations that the Stable API does not have.

use crate::model::state::Direction;

/// The error text for an operation that needs `what`, which is not in the Stable API.
pub(crate) fn beyond_api(what: &str, direction: Direction) -> String {
    format!(
        "it needs {what}, which is not in the Stable API, and this client is strict \
         (`apiStrict`); nothing was changed: run `{}` with a client whose `ServerApi` is not \
         strict",
        direction.as_str()
    )
}

//! What every change of a record carries: which process wrote it, when in the order, and why.

use crate::model::state::Who;

/// Which process writes, under which fence, as which guarded transaction.
#[derive(Clone, Debug)]
pub(crate) struct Stamp<'a> {
    pub who: &'a Who,
    pub fence: i64,
    pub sequence: i64,
    /// Why, in the operator's words.
    pub why: Option<&'a str>,
    /// The digest of the approved plan that is run.
    pub plan: Option<&'a str>,
}

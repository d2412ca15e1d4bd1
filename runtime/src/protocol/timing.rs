//! How long migrations took: the part of their records that is written later. Pure.

use mongodb::bson::{Document, doc};

use crate::model::version::Version;

/// How long a migration took: the only part of its record that is still to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    pub version: Version,
    pub sequence: i64,
    pub ms: u64,
}

/// The statement that records how long migrations took, in records that nothing has changed since
/// they were written under this fence.
pub(crate) fn timing_statement(fence: i64, timing: &[Timing]) -> Document {
    let versions: Vec<i64> = timing.iter().map(|timing| timing.version.get()).collect();
    let sequences: Vec<i64> = timing.iter().map(|timing| timing.sequence).collect();
    let ms: Vec<i64> =
        timing.iter().map(|timing| i64::try_from(timing.ms).unwrap_or(i64::MAX)).collect();
    // The migrations of one transaction share their sequence.
    let its_own = doc! { "$indexOfArray": [&versions, "$_id"] };
    doc! {
        "q": { "_id": { "$in": versions }, "fence": fence, "sequence": { "$in": &sequences } },
        "u": [{ "$set": { "durationMs": { "$arrayElemAt": [ms, its_own] } } }],
        "multi": true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_goes_to_the_record_that_its_transaction_wrote() {
        let timing =
            |version, sequence, ms| Timing { version: Version::new(version), sequence, ms };
        let found = timing_statement(3, &[timing(5, 9, 40), timing(6, 9, u64::MAX)]);
        assert_eq!(
            found,
            doc! {
                "q": {
                    "_id": { "$in": [5_i64, 6_i64] }, "fence": 3_i64,
                    "sequence": { "$in": [9_i64, 9_i64] },
                },
                "u": [{ "$set": { "durationMs": { "$arrayElemAt": [
                    [40_i64, i64::MAX], { "$indexOfArray": [[5_i64, 6_i64], "$_id"] },
                ] } } }],
                "multi": true,
            }
        );
    }
}

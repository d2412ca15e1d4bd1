//! The members of a replica set, and whether a majority of them outlives one.

use mongodb::bson::{Bson, Document};

use crate::{mongo::reply::number, verbs::doctor::facts::Facts};

/// The members that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Members {
    /// Those that hold data and have a vote.
    pub with_data: usize,
    pub arbiters: usize,
    /// Hidden members, and votes, are known: from the set's configuration. `hello` tells of neither.
    pub is_exact: bool,
}

impl Members {
    pub(super) fn of(facts: &Facts) -> Self {
        match &facts.config {
            Ok(config) => Self::configured(config),
            Err(_) => {
                let count = |name: &str| facts.hello.get_array(name).map_or(0, Vec::len);
                let with_data = count("hosts") + count("passives");
                Self { with_data, arbiters: count("arbiters"), is_exact: false }
            }
        }
    }

    fn configured(config: &Document) -> Self {
        let members = config.get_array("members").into_iter().flatten();
        let members = members.filter_map(Bson::as_document);
        let voters = members.filter(|member| number(member, "votes").unwrap_or(1) > 0);
        let is_arbiter = |member: &&Document| member.get_bool("arbiterOnly").unwrap_or(false);
        let (arbiters, with_data): (Vec<&Document>, Vec<&Document>) = voters.partition(is_arbiter);
        Self { with_data: with_data.len(), arbiters: arbiters.len(), is_exact: true }
    }

    /// How many members with data confirm a write for a majority.
    pub(super) const fn majority(self) -> usize {
        let of_the_votes = (self.with_data + self.arbiters) / 2 + 1;
        if of_the_votes < self.with_data { of_the_votes } else { self.with_data }
    }

    /// Whether a write still gets its majority when a member with data is down.
    pub(super) const fn outlive_one(self) -> bool {
        self.with_data > self.majority()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_majority_outlives_a_member_or_does_not() {
        let table = [
            (1, 0, 1, false),
            (2, 0, 2, false),
            (3, 0, 2, true),
            (2, 1, 2, false),
            (3, 1, 3, false),
            (4, 0, 3, true),
            (4, 1, 3, true),
            (5, 0, 3, true),
            (0, 0, 0, false),
        ];
        for (with_data, arbiters, majority, outlives) in table {
            let members = Members { with_data, arbiters, is_exact: true };
            assert_eq!(members.majority(), majority, "{members:?}");
            assert_eq!(members.outlive_one(), outlives, "{members:?}");
        }
    }
}

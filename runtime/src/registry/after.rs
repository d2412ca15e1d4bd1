//! The order across groups: `after = "billing::20250122001"`.

use std::collections::BTreeMap;

use mongrate_seal::After;

use super::{migration::Migration, seen::Seen};
use crate::model::version::Version;

/// The migrations of a group, in the order in which they run, and how many of them have had their turn.
struct Queue<'a> {
    migrations: Vec<&'a Migration>,
    done: usize,
}

impl Queue<'_> {
    fn place(&self, version: i64) -> Option<usize> {
        self.migrations.iter().position(|migration| migration.version().get() == version)
    }
}

/// What is wrong with the orders that concern a group. `all`: the migrations of every group.
pub(super) fn problems<'a>(
    all: impl Iterator<Item = Seen<'a>> + Clone,
    group: &str,
) -> Vec<String> {
    if !all.clone().any(Seen::has_after) {
        return Vec::new();
    }
    let all: Vec<Migration> = all.map(Seen::migration).collect();
    let mut groups: BTreeMap<&str, Queue<'_>> = BTreeMap::new();
    for migration in &all {
        let empty = || Queue { migrations: Vec::new(), done: 0 };
        groups.entry(migration.group()).or_insert_with(empty).migrations.push(migration);
    }
    for queue in groups.values_mut() {
        queue.migrations.sort_by_key(|migration| (migration.is_repeatable(), migration.version()));
    }
    let mut problems = Vec::new();
    for migration in all.iter().filter(|migration| migration.group() == group) {
        problems.extend(migration.after().into_iter().filter_map(|text| {
            let problem = wrong(text, migration, &groups)?;
            Some(format!("{}: {problem}", migration.shown()))
        }));
    }
    if problems.is_empty() {
        problems.extend(circle(&mut groups, group));
    }
    problems
}

/// What is wrong with one text of `after`.
fn wrong(text: &str, of: &Migration, groups: &BTreeMap<&str, Queue<'_>>) -> Option<String> {
    let Some(after) = After::parse(text) else {
        return Some(format!(
            "`after = \"{text}\"` is no group and version, as `billing::20250122001`"
        ));
    };
    if after.group == of.group() {
        return Some(format!("`after = \"{text}\"` names its own group, which its versions order"));
    }
    // Where the group is not in this binary, the run looks at the database.
    let queue = groups.get(after.group.as_str())?;
    queue.place(after.version).is_none().then(|| {
        let newest = queue.migrations.iter().rev().find(|migration| !migration.is_repeatable());
        let newest = newest.map_or_else(String::new, |newest| {
            format!("; its newest is {} `{}`", newest.version(), newest.name())
        });
        format!(
            "`after = \"{text}\"` names a version that group `{}` does not have{newest}",
            after.group
        )
    })
}

/// Lets the groups run as far as their orders allow. What is left waits for itself.
fn circle(groups: &mut BTreeMap<&str, Queue<'_>>, group: &str) -> Option<String> {
    let names: Vec<&str> = groups.keys().copied().collect();
    loop {
        let mut moved = false;
        for name in &names {
            let done = groups.get(name)?.done;
            let queue = groups.get(name)?;
            let ready = queue.migrations.iter().skip(done).take_while(|migration| {
                migration.after().into_iter().filter_map(After::parse).all(|after| {
                    groups.get(after.group.as_str()).is_none_or(|other| {
                        other.place(after.version).is_none_or(|place| place < other.done)
                    })
                })
            });
            let ready = ready.count();
            moved |= ready > 0;
            groups.get_mut(name)?.done += ready;
        }
        if !moved {
            break;
        }
    }
    let stuck: Vec<&Migration> =
        groups.values().filter_map(|queue| queue.migrations.get(queue.done).copied()).collect();
    let concerns = stuck.iter().any(|migration| migration.group() == group);
    concerns.then(|| {
        let stuck = stuck.iter().map(|migration| {
            format!("{} of group `{}` ({})", migration.shown(), migration.group(), migration.after().join(", "))
        });
        format!(
            "the order across groups is a circle: each of these waits for another one: {}; take one \
             `after` out",
            stuck.collect::<Vec<_>>().join("; ")
        )
    })
}

/// The migrations of other groups that come first.
pub(crate) fn firsts(migration: &Migration) -> Vec<(String, Version)> {
    let parsed = migration.after().into_iter().filter_map(After::parse);
    parsed.map(|after| (after.group, Version::new(after.version))).collect()
}

#[cfg(test)]
mod tests {
    //! Which orders are sound.

    use super::*;

    fn one(group: &'static str, version: i64, after: &'static [&'static str]) -> Migration {
        let name: &'static str = format!("{group}_{version}").leak();
        Migration::transactional(version, name, |_| Box::pin(async { Ok(()) }))
            .in_group(group)
            .coming_after(after)
    }

    fn found(all: &[Migration], group: &str) -> String {
        problems(all.iter().map(Seen::Given), group).join("\n")
    }

    #[test]
    fn an_order_names_what_is_there() {
        let all = [
            one("shop", 1, &[]),
            one("shop", 2, &["billing::5", "elsewhere::7"]),
            one("billing", 5, &["shop::1"]),
        ];
        assert_eq!(found(&all, "shop"), "");
        assert_eq!(found(&all, "billing"), "");
        for (after, expected) in [
            (&["billing::6"][..], "does not have; its newest is 5 `billing_5`"),
            (&["billing"], "is no group and version"),
            (&["shop::1"], "names its own group"),
        ] {
            let mut all = all.to_vec();
            all[1] = one("shop", 2, after);
            let text = found(&all, "shop");
            assert!(text.contains(expected), "{text}");
            assert_eq!(found(&all, "billing"), "", "it is not billing's mistake");
        }
    }

    #[test]
    fn a_circle_is_named_in_every_group_of_it() {
        let all = [
            one("shop", 1, &["billing::5"]),
            one("shop", 2, &[]),
            one("billing", 4, &["shop::2"]),
            one("billing", 5, &[]),
            one("audit", 1, &[]),
        ];
        for group in ["shop", "billing"] {
            let text = found(&all, group);
            assert!(text.contains("is a circle"), "{text}");
            assert!(text.contains("`shop_1`") && text.contains("`billing_4`"), "{text}");
        }
        assert_eq!(found(&all, "audit"), "");
        // Each waits for the other's former one: no circle.
        let zip = [
            one("shop", 1, &[]),
            one("billing", 1, &["shop::1"]),
            one("shop", 2, &["billing::1"]),
            one("billing", 2, &["shop::2"]),
        ];
        assert_eq!(found(&zip, "shop"), "");
    }
}

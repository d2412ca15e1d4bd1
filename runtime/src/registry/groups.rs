//! What is said of a group of which there is no migration. Pure.

use mongrate_seal::nearest;

use super::seen::Seen;
use crate::model::{error::text::names, kind::DEFAULT_GROUP};

/// What is wrong with the name of a group of which nothing is there, while other groups are. `None`:
/// nothing is wrong with the name.
pub(super) fn unknown(group: &str, others: Vec<String>, linked: bool) -> Option<String> {
    if others.is_empty() || group == DEFAULT_GROUP {
        return None;
    }
    let meant = nearest(group, others.iter().map(String::as_str));
    let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
    let others = match others.iter().any(|other| other == DEFAULT_GROUP) {
        true => format!("{}; without `--group` it is `{DEFAULT_GROUP}`", names(&others)),
        false => names(&others),
    };
    let elsewhere = if linked {
        "; if it is in another crate, name that crate once in this binary: `use my_migrations as _;`"
    } else {
        ""
    };
    Some(format!(
        "this build has no migration of group `{}`; there are: {others}{meant}{elsewhere}",
        group.escape_debug()
    ))
}

/// Says why a group has no migration, and what to do. `all`: the migrations of every group.
pub(super) fn empty<'a>(group: &str, linked: bool, all: impl Iterator<Item = Seen<'a>>) -> String {
    if !linked {
        return format!("the list holds no migration of group `{group}`");
    }
    let mut text = if group == DEFAULT_GROUP {
        "no migration is linked into this binary".to_owned()
    } else {
        format!("no migration of group `{group}` is linked into this binary")
    };
    let mut others: Vec<&str> = Vec::new();
    for seen in all {
        if !others.contains(&seen.group()) {
            others.push(seen.group());
        }
    }
    if !others.is_empty() {
        text += &format!(" (there are some of: {})", others.join(", "));
    }
    text + "; if they are in another crate, name it once in this binary: `use my_migrations as \
            _;`; if they are in a module, see that a `mod` line reaches its file"
}

//! What a squash changes, over the files as they are.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use mongrate_seal::{
    Applied, Replaces,
    create::{mod_file, with_mod_line},
    declaration::is_label,
    sources::{Annotated, Overlay, Written},
    sum::{self, Sealed, Sum},
};

use super::{mod_line, options::Squash, proof::Led, rustfmt, text};
use crate::{
    new::directory,
    places::{promise, shown},
    state::PackageState,
};

/// What is squashed, and the number of the squash.
pub(super) struct Chosen {
    pub(super) to: i64,
    pub(super) version: i64,
    pub(super) name: String,
    replaced: Vec<Sealed>,
}

/// What changes.
pub(super) struct Plan {
    pub(super) overlay: Overlay,
    pub(super) file: PathBuf,
    pub(super) text: String,
    pub(super) version: i64,
    pub(super) name: String,
    pub(super) count: i64,
    pub(super) to: i64,
    /// The files that are taken away.
    pub(super) removed: Vec<PathBuf>,
}

/// What takes the old files of a squash away that is there already.
pub(super) struct Finish {
    pub(super) overlay: Overlay,
    /// The files that are taken away.
    pub(super) removed: Vec<PathBuf>,
    /// The version of the squash.
    pub(super) squash: i64,
}

/// What takes the old files of a squash away that `squash --keep` wrote. `None`: no squash goes up to
/// there.
pub(super) fn finish(state: &PackageState<'_>, options: &Squash) -> Result<Option<Finish>, String> {
    let of_group: Vec<&Written> =
        state.sources.migrations.iter().filter(|one| one.group == options.group).collect();
    let stands = |one: &&&Written| {
        let replaces = one.replaces.as_deref().and_then(Replaces::parse);
        replaces.is_some_and(|replaces| replaces.to == options.to)
    };
    let Some(squash) = of_group.iter().find(stands) else { return Ok(None) };
    if options.keep {
        return Err(format!("{} `{}` stands for them already", squash.version, squash.name));
    }
    refuse_after(state, options)?;
    let is_old = |version: i64| version <= options.to && version != squash.version;
    let old: Vec<&Written> = of_group.iter().filter(|one| is_old(one.version)).copied().collect();
    let mut overlay = Overlay::default();
    let removed = take_away(state, &old, &mut overlay)?;
    let (old, kept): (Vec<&Sealed>, Vec<&Sealed>) = state
        .sum
        .sealed()
        .iter()
        .partition(|one| one.group == options.group && is_old(one.version));
    let these = Applied::of(old.iter().map(|one| (one.version, one.checksum.as_str())));
    let stood_for = squash.replaces.as_deref().and_then(Replaces::parse);
    // A run that was killed half-way has taken their lines away already.
    if !old.is_empty() && stood_for.is_none_or(|replaces| replaces.applied != these) {
        return Err(format!(
            "{} `{}` stands for {} migrations, and migrations.sum has {} up to {}: squash these with a new \
             version, or take away what is not among those",
            squash.version,
            squash.name,
            stood_for.map_or(0, |replaces| replaces.applied.count),
            old.len(),
            options.to
        ));
    }
    let sum = Sum::of(kept.into_iter().cloned());
    if removed.is_empty() && sum == state.sum {
        return Err(format!(
            "{} `{}` stands for them already, and the old files are gone",
            squash.version, squash.name
        ));
    }
    overlay.write(state.package.directory.join(sum::FILE), sum.render());
    Ok(Some(Finish { overlay, removed, squash: squash.version }))
}

/// Refuses to take away what migrations of other groups come after.
fn refuse_after(state: &PackageState<'_>, options: &Squash) -> Result<(), String> {
    let is_after = |text: &str| {
        let after = mongrate_seal::After::parse(text);
        after.is_some_and(|after| after.group == options.group && after.version <= options.to)
    };
    let mut all = state.sources.migrations.iter();
    match all.find(|one| one.after.iter().any(|text| is_after(text))) {
        None => Ok(()),
        Some(later) => Err(format!(
            "{} `{}` of group `{}` comes `after` one of them: squash that group first, or take its `after` \
             away once every database has it",
            later.version, later.name, later.group
        )),
    }
}

/// Chooses what is squashed, or says why it cannot be.
pub(super) fn choose(state: &PackageState<'_>, options: &Squash) -> Result<Chosen, String> {
    let Squash { to, group, .. } = options;
    let of_group = |written: &&Written| written.group == *group;
    let written: Vec<&Written> = state.sources.migrations.iter().filter(of_group).collect();
    if !written.iter().any(|one| one.version == *to) {
        let versions: Vec<String> = written.iter().map(|one| one.version.to_string()).collect();
        return Err(match versions.last() {
            None => format!("package `{}` has no migration of group `{group}`", state.package.name),
            Some(newest) => {
                format!("no migration of group `{group}` has version {to}; the newest is {newest}")
            }
        });
    }
    let replaced: Vec<Sealed> = state
        .sum
        .sealed()
        .iter()
        .filter(|sealed| sealed.group == *group && sealed.version <= *to)
        .cloned()
        .collect();
    let old: Vec<&&Written> = written.iter().filter(|one| one.version <= *to).collect();
    if let Some(new) = old.iter().find(|one| state.sum.get(group, one.version).is_none()) {
        return Err(format!(
            "{} `{}` is not sealed: run `cargo mongrate seal` first",
            new.version, new.name
        ));
    }
    if replaced.len() < 2 {
        return Err("there is only one migration up to there: nothing to squash".to_owned());
    }
    if let Some(labelled) = old.iter().find(|one| one.has_labels) {
        return Err(format!(
            "{} `{}` has labels, so not every database has it: squash up to before it, or take its labels \
             away first",
            labelled.version, labelled.name
        ));
    }
    let covered = |one: &&&&Written| {
        one.replaces.as_deref().and_then(Replaces::parse).is_some_and(|replaces| {
            old.iter().any(|other| other.version <= replaces.to && other.version != one.version)
        })
    };
    if let Some(squash) = old.iter().find(covered) {
        return Err(format!(
            "{} `{}` is a squash, and what it stands for is still there: take those files away first, with \
             `cargo mongrate squash --to {}{}`",
            squash.version,
            squash.name,
            squash
                .replaces
                .as_deref()
                .and_then(Replaces::parse)
                .map_or(*to, |replaces| replaces.to),
            match group.as_str() {
                mongrate_seal::GROUP_DEFAULT => String::new(),
                group => format!(" --group {group}"),
            }
        ));
    }
    refuse_after(state, options)?;
    let name = options.name.clone().unwrap_or_else(|| format!("squash_to_{to}"));
    if !is_label(&name) {
        return Err(format!("`{name}` is no name: 1 to 64 bytes of a-z, 0-9 and `_`"));
    }
    let is_taken = |one: &&&Written| one.name == name && (options.keep || one.version > *to);
    if let Some(other) = written.iter().find(is_taken) {
        return Err(format!(
            "the name `{name}` is taken by {}: give another `--name`",
            other.version
        ));
    }
    let newer = written.iter().map(|one| one.version).filter(|version| version > to).min();
    let version = match (newer, options.keep) {
        (next, _) if to.checked_add(1).is_some_and(|free| next != Some(free)) => to + 1,
        (_, false) => *to,
        (_, true) => {
            return Err(format!(
                "with `--keep` the squash needs a number of its own right after {to}, and {} is taken: \
                 squash without `--keep`, so that it takes {to} itself{}",
                to.saturating_add(1),
                would_do(&written)
            ));
        }
    };
    if !options.keep {
        // Before the app is built: what cannot be taken away.
        let old: Vec<&Written> = old.iter().map(|one| **one).collect();
        take_away(state, &old, &mut Overlay::default())?;
    }
    Ok(Chosen { to: *to, version, name, replaced })
}

/// The newest versions that are followed by a free number, for `--keep`.
fn would_do(written: &[&Written]) -> String {
    const NAMED_MAX: usize = 4;
    let is_followed =
        |version: i64| written.iter().any(|one| Some(one.version) == version.checked_add(1));
    let mut free: Vec<i64> =
        written.iter().map(|one| one.version).filter(|version| !is_followed(*version)).collect();
    free.sort_unstable();
    // Up to the oldest there is nothing to squash.
    let oldest = written.iter().map(|one| one.version).min();
    free.retain(|version| Some(*version) != oldest);
    let newest = free.split_off(free.len().saturating_sub(NAMED_MAX));
    if newest.is_empty() {
        return String::new();
    }
    let newest: Vec<String> = newest.iter().map(|version| format!("`--to {version}`")).collect();
    format!("; or choose a version that a free number follows: {}", newest.join(", "))
}

impl Plan {
    pub(super) fn make(
        state: &PackageState<'_>,
        chosen: &Chosen,
        led: &Led,
        options: &Squash,
    ) -> Result<Self, String> {
        let Chosen { to, version, name, replaced } = chosen;
        let terms = replaced.iter().map(|one| (one.version, one.checksum.as_str()));
        let replaces = Replaces { to: *to, applied: Applied::of(terms) };
        let text = text::text(&text::Written {
            version: *version,
            name,
            group: &options.group,
            replaces: &replaces,
            led,
        });
        let old: Vec<&Written> = state
            .sources
            .migrations
            .iter()
            .filter(|one| one.group == options.group && one.version <= *to)
            .collect();
        let newest = old.iter().max_by_key(|one| one.version);
        let directory = match newest.and_then(|one| promise(one, &state.package.directory)) {
            Some(own) => own.path.parent().map(Path::to_owned).unwrap_or_default(),
            None => directory(state, None, &mut Vec::new())?,
        };
        let text = rustfmt::formatted(text, &directory);
        let mut overlay = Overlay::default();
        let removed = match options.keep {
            true => Vec::new(),
            false => take_away(state, &old, &mut overlay)?,
        };
        let module = format!("m{version}_{name}");
        let file = directory.join(format!("{module}.rs"));
        if overlay.is_file(&file) {
            return Err(format!("{} is there already: give another `--name`", shown(&file)));
        }
        overlay.write(file.clone(), text.clone());
        let Some(list) = mod_file(&directory) else {
            return Err(format!("{} is the directory of no module", shown(&directory)));
        };
        let of_list = overlay.read(&list);
        let of_list = of_list.map_err(|error| format!("cannot read {}: {error}", shown(&list)))?;
        overlay.write(list, with_mod_line(&of_list, &module).unwrap_or(of_list));
        overlay.write(state.package.directory.join(sum::FILE), String::new());
        let sealed = sealed_with(state, chosen, options, &overlay)?;
        overlay.write(state.package.directory.join(sum::FILE), sealed.render());

        Ok(Self {
            overlay,
            file,
            text,
            version: *version,
            name: name.clone(),
            count: replaces.applied.count,
            to: *to,
            removed,
        })
    }
}

/// The sum file with the squash in the place of what it stands for, or behind it.
fn sealed_with(
    state: &PackageState<'_>,
    chosen: &Chosen,
    options: &Squash,
    overlay: &Overlay,
) -> Result<Sum, String> {
    let mut unsealed = overlay.clone();
    unsealed.write(state.package.directory.join(sum::FILE), Sum::default().render());
    let read =
        PackageState::read_with(state.package, unsealed).map_err(|problems| problems.join("\n"))?;
    let own = read
        .sources
        .migrations
        .iter()
        .find(|one| one.group == options.group && one.name == chosen.name);
    let Some(own) = own else {
        return Err("the squash cannot be read where it would be written".to_owned());
    };
    let own = Sealed::from(own.declared());
    let is_replaced = |sealed: &Sealed| chosen.replaced.contains(sealed);
    let last = state.sum.sealed().iter().rposition(is_replaced);
    let mut sealed = Vec::new();
    for (at, one) in state.sum.sealed().iter().enumerate() {
        if options.keep || !is_replaced(one) {
            sealed.push(one.clone());
        }
        if Some(at) == last {
            sealed.push(own.clone());
        }
    }
    Ok(Sum::of(sealed))
}

/// Removes the files of these migrations, and their `mod` lines.
fn take_away(
    state: &PackageState<'_>,
    old: &[&Written],
    overlay: &mut Overlay,
) -> Result<Vec<PathBuf>, String> {
    let mut by_file: BTreeMap<&Path, BTreeSet<i64>> = BTreeMap::new();
    for one in old {
        by_file.entry(&one.file).or_default().insert(one.version);
    }
    let mut removed = Vec::new();
    let mut left = Vec::new();
    for (file, versions) in by_file {
        // Repeatable ones, too, and those of other groups.
        let line = |one: &Annotated| one.attribute.pound_token.span.start().line;
        let here = state.sources.annotated.iter().filter(|one| one.file == file);
        let others = here.map(line).collect::<BTreeSet<usize>>().len() > versions.len();
        let reached = state.sources.files.get(file).and_then(Option::as_ref);
        let text = reached.map(|reached| overlay.read(&reached.from));
        let without = match (others, reached, text) {
            (false, Some(reached), Some(Ok(text))) => {
                // Lines above may be gone already.
                let name = place_of(&reached.name, &reached.from, &text);
                name.and_then(|name| mod_line::without(&text, &name)).map(|text| (reached, text))
            }
            _ => None,
        };
        match without {
            Some((reached, text)) => {
                overlay.write(reached.from.clone(), text);
                overlay.remove(file);
                removed.push(file.to_owned());
            }
            None => {
                let versions: Vec<String> = versions.iter().map(i64::to_string).collect();
                let why = match (others, reached) {
                    (true, _) => "holds other migrations, too",
                    (false, None) => "is the root of a crate, which no `mod` line reaches",
                    (false, Some(_)) => "is not reached by a `mod` line of its own",
                };
                left.push(format!("  {} ({}) {why}", shown(file), versions.join(", ")));
            }
        }
    }
    if left.is_empty() {
        return Ok(removed);
    }
    Err(format!(
        "only a file that holds nothing else can be taken away:\n{}\nmove each of these migrations into a \
         file of its own, which a `mod` line reaches (the checksums stay), or squash with `--keep`",
        left.join("\n")
    ))
}

/// Where the module's name is in a text, from which lines may have been taken away since it was read.
fn place_of(
    was: &std::ops::Range<usize>,
    from: &Path,
    text: &str,
) -> Option<std::ops::Range<usize>> {
    let before = std::fs::read_to_string(from).ok()?;
    let name = before.get(was.clone())?;
    let ends = |at: usize| {
        text.get(at + name.len()..).is_some_and(|rest| rest.trim_start().starts_with(';'))
    };
    let begins = |at: usize| text.get(..at).is_some_and(|start| start.ends_with("mod "));
    let mut found =
        text.match_indices(name).map(|(at, _)| at).filter(|at| begins(*at) && ends(*at));
    let at = found.next()?;
    found.next().is_none().then_some(at..at + name.len())
}

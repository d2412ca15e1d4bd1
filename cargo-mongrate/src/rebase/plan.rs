//! Decides what changes in a package. Reads files, and writes none.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    ptr,
};

use mongrate_seal::{
    models,
    sources::{Overlay, Sources, Written},
    sum::{self, Problem, Sealed, Sum},
};

use super::{
    conflict::{self, Side},
    edits::{self, Renumbering},
    git::{Git, Operation},
    items,
    numbering::GroupVersions,
    ownership::Ownership,
    references, snapshot,
    theirs::TheirMigrations,
};
use crate::{
    package::Package,
    places::{place, relative, shown},
    state::rust_files,
};

/// The changes to a package, and their description.
pub(crate) struct Plan {
    pub(crate) overlay: Overlay,
    pub(crate) copies: Vec<(PathBuf, PathBuf)>,
    /// A line for each change.
    pub(crate) changes: Vec<String>,
    /// Old numbers and names of the migrations that get a new number: `` 5 `add_rooms` ``.
    pub(crate) renumbered: Vec<String>,
    /// References to old names and numbers, which are not changed.
    pub(crate) references: Vec<String>,
    /// The number of your migrations that are not sealed.
    pub(crate) unsealed: usize,
}

/// The lines of the sum file, by side.
#[derive(Default)]
struct SumLines {
    /// Their lines; all lines if the sides are unknown.
    theirs: Vec<Sealed>,
    /// Your lines.
    mine: Vec<Sealed>,
    /// Whether the file has to be written again.
    is_broken: bool,
    text: String,
}

/// Plans the rebase of a package.
///
/// # Errors
///
/// Returns everything that needs a human decision.
pub(crate) fn make(
    package: &Package,
    git: Option<&Git>,
    ownership: &Ownership,
    only: &[String],
) -> Result<Plan, Vec<String>> {
    let single = |problem: String| vec![problem];
    let mut plan = Plan {
        overlay: Overlay::default(),
        copies: Vec::new(),
        changes: Vec::new(),
        renumbered: Vec::new(),
        references: Vec::new(),
        unsealed: 0,
    };
    resolve_sources(package, ownership, &mut plan)?;
    let sources = Sources::with(&package.roots, plan.overlay.clone());
    if !sources.problems.is_empty() {
        return Err(sources.problems.iter().map(|problem| relative(problem)).collect());
    }
    let mut theirs = TheirMigrations::read(git, &ownership.others, package, &sources.migrations)
        .map_err(single)?;
    let lines = SumLines::read(package, ownership, &mut theirs).map_err(single)?;
    resolve_models(package, git, ownership, &mut plan).map_err(single)?;

    let mine = my_migrations(&sources, &theirs, &lines, only)?;
    plan.unsealed = mine
        .iter()
        .filter(|migration| {
            !lines.mine.iter().chain(&lines.theirs).any(|line| seals(line, migration))
        })
        .count();
    check_names(&mine, &theirs, &sources, ownership)?;
    let renumberings = renumber(&mine, &theirs, &sources)?;
    let edits = edits::apply(package, &sources, &mut plan.overlay, &renumberings)?;
    plan.copies = edits.copies;
    for Renumbering { migration, version } in &renumberings {
        let renamed = edits.renamed.iter().find(|(from, _)| migration.file.starts_with(from));
        let file = match renamed {
            Some((from, to)) => format!("{} → {}", shown(from), shown(to)),
            None => shown(&migration.file),
        };
        let (old, group) = (version_and_name(migration), group_suffix(&migration.group));
        plan.changes.push(format!("{old}{group} is now {version}: {file}"));
        plan.renumbered.push(old);
    }
    write_sum(package, &lines, &renumberings, &sources, &theirs, &mut plan).map_err(single)?;
    let mut words = edits.old_modules;
    words.extend(
        renumberings.iter().filter_map(|found| references::version_word(found.migration.version)),
    );
    plan.references.extend(references::find(&words, &package.directory, &plan.overlay));
    Ok(plan)
}

/// `` 5 `add_rooms` ``
fn version_and_name(migration: &Written) -> String {
    format!("{} `{}`", migration.version, migration.name)
}

/// `` of group `audit` ``; empty for the default group.
fn group_suffix(group: &str) -> String {
    if group == "default" { String::new() } else { format!(" of group `{group}`") }
}

/// Merges each source file that git could not merge, if both sides only added items.
fn resolve_sources(
    package: &Package,
    ownership: &Ownership,
    plan: &mut Plan,
) -> Result<(), Vec<String>> {
    let mut problems = Vec::new();
    let mut files = rust_files(&package.directory.join("src"));
    files.extend(
        package.roots.iter().filter(|root| !files.contains(root)).cloned().collect::<Vec<_>>(),
    );
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        if !conflict::is_in(&text) {
            continue;
        }
        let by_hand = "resolve this conflict by hand, keeping the migrations and `mod` lines of both \
                       sides, and run `rebase` again";
        let merged = conflict::split(&text)
            .map_err(|line| format!("the conflict in line {line} has no end"))
            .and_then(|sides| {
                let mine = my_side(ownership, &sides.label_of_theirs)?;
                items::merge(sides.text(mine.other()), sides.text(mine), |module| {
                    has_file(&file, module)
                })
            });
        match merged {
            Ok(merged) => {
                let kept = match merged.added.is_empty() {
                    true => "your side adds nothing".to_owned(),
                    false => format!("kept both sides, yours: {}", merged.added.join(", ")),
                };
                plan.changes.push(format!("{}: {kept}", shown(&file)));
                plan.changes.extend(merged.dropped.iter().map(|module| {
                    format!("{}: without your `mod {module};`, whose file is gone", shown(&file))
                }));
                plan.overlay.write(file, merged.text);
            }
            Err(why) => problems.push(format!("{}: {why}; {by_hand}", shown(&file))),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Merges `models.snap`, if git could not.
fn resolve_models(
    package: &Package,
    git: Option<&Git>,
    ownership: &Ownership,
    plan: &mut Plan,
) -> Result<(), String> {
    let path = package.directory.join(models::FILE);
    let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
    if !conflict::is_in(&text) {
        return Ok(());
    }
    let at = |why: String| format!("{}: {why}", shown(&path));
    let sides = conflict::split(&text)
        .map_err(|line| at(format!("the conflict in line {line} has no end")))?;
    let mine = my_side(ownership, &sides.label_of_theirs).map_err(at)?;
    // Git keeps the file before either side while it is in conflict.
    let base = git.and_then(|git| git.text(":1", &path)).unwrap_or_default();
    let merged = snapshot::merge(&base, sides.text(mine.other()), sides.text(mine)).map_err(at)?;
    plan.changes.push(format!(
        "{}: kept both sides; yours adds or changes {} and removes {}",
        shown(&path),
        merged.added,
        merged.removed
    ));
    for (collection, code) in merged.validators {
        plan.references.push(format!(
            "both sides changed the validator of `{collection}`, and your migration sets one that knows only \
             your side: let it set this one\n{code}"
        ));
    }
    plan.overlay.write(path, merged.text);
    Ok(())
}

/// Whether the file of a `mod` line exists.
fn has_file(file: &Path, module: &str) -> bool {
    let is_root = file
        .file_name()
        .is_some_and(|name| ["mod.rs", "lib.rs", "main.rs"].iter().any(|root| name == *root));
    let directory = match is_root {
        true => file.with_file_name(""),
        false => file.with_extension(""),
    };
    directory.join(format!("{module}.rs")).is_file()
        || directory.join(module).join("mod.rs").is_file()
}

/// Your side of a conflict.
fn my_side(ownership: &Ownership, label_of_theirs: &str) -> Result<Side, String> {
    if let Some(mine) = ownership.mine {
        return Ok(mine);
    }
    if label_of_theirs == "Stashed changes" {
        return Ok(Side::Theirs);
    }
    Err("nothing says which side of the conflict is yours: add `--mine ours` if it is the side \
         above `=======`, `--mine theirs` if it is the side below"
        .to_owned())
}

impl SumLines {
    /// Reads the sum file. If the sum file of the other side is only in a conflict, adds it to
    /// `theirs`.
    fn read(
        package: &Package,
        ownership: &Ownership,
        theirs: &mut TheirMigrations,
    ) -> Result<Self, String> {
        let path = package.directory.join(sum::FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(format!("cannot read {}: {error}", shown(&path))),
        };
        if conflict::is_in(&text) {
            return Self::from_conflict(text, ownership, theirs)
                .map_err(|why| format!("{}: {why}", shown(&path)));
        }
        match Sum::parse(&text) {
            Ok(sum) => {
                // Yours are the lines that only you have sealed, unless both sides are merged
                // already.
                let all = sum.sealed().to_vec();
                let has_all = theirs.sealed.iter().all(|line| all.contains(line));
                let (mine, theirs) = all.into_iter().partition(|line| {
                    let is_free = !theirs.versions(&line.group).contains(&line.version);
                    let is_settled = has_all && is_free;
                    theirs.is_known() && !theirs.has_sealed(line) && !is_settled
                });
                Ok(Self { theirs, mine, is_broken: false, text })
            }
            Err(fault) => {
                let by_hand = matches!(fault.problem, Problem::Chain | Problem::Twice(_));
                match Sum::unchained(&text) {
                    Some(lines) if by_hand && !theirs.sealed.is_empty() => {
                        let kept = Sum::of(theirs.sealed.iter().cloned()).sealed().to_vec();
                        let mine =
                            lines.into_iter().filter(|line| !theirs.has_sealed(line)).collect();
                        Ok(Self { theirs: kept, mine, is_broken: true, text })
                    }
                    _ => Err(format!("{}/{fault}", shown(&package.directory))),
                }
            }
        }
    }

    /// Reads both sides of a sum file in conflict.
    fn from_conflict(
        text: String,
        ownership: &Ownership,
        theirs: &mut TheirMigrations,
    ) -> Result<Self, String> {
        let sides = conflict::split(&text)
            .map_err(|line| format!("the conflict in line {line} has no end"))?;
        let mine = my_side(ownership, &sides.label_of_theirs)?;
        let sum = |side: Side, owner: &str| {
            let text = sides.text(side);
            // A side that has no sum file.
            let is_empty = text.trim().is_empty();
            let sum = if is_empty { Ok(Sum::default()) } else { Sum::parse(text) };
            sum.map_err(|fault| {
                format!(
                    "{owner} side of the conflict is no valid file by itself ({fault}); take the \
                     file of the other branch (`git checkout --{} -- {}`), and run `rebase` again",
                    if mine == Side::Ours { "theirs" } else { "ours" },
                    sum::FILE,
                )
            })
        };
        let their_sum = sum(mine.other(), "the other")?;
        let my_sum = sum(mine, "your")?;
        let is_theirs = |line: &Sealed| {
            their_sum.get(&line.group, line.version).is_some_and(|sealed| sealed.name == line.name)
        };
        let lines = my_sum.sealed().iter().filter(|line| !is_theirs(line)).cloned().collect();
        theirs.add(their_sum.sealed());
        Ok(Self { theirs: their_sum.sealed().to_vec(), mine: lines, is_broken: true, text })
    }
}

/// Whether a line seals this migration, perhaps under another number.
fn seals(line: &Sealed, migration: &Written) -> bool {
    line.group == migration.group && line.name == migration.name
}

/// Your migrations, oldest version first in each group.
fn my_migrations<'a>(
    sources: &'a Sources,
    theirs: &TheirMigrations,
    lines: &SumLines,
    only: &[String],
) -> Result<Vec<&'a Written>, Vec<String>> {
    let all = &sources.migrations;
    let is_called = |migration: &Written, word: &String| {
        migration.name == *word
            || migration.file.file_name().is_some_and(|name| name.to_string_lossy() == *word)
            || migration.file.ends_with(word)
    };
    if !only.is_empty() {
        let unknown: Vec<String> = only
            .iter()
            .filter(|word| !all.iter().any(|migration| is_called(migration, word)))
            .map(|word| format!("no migration and no file of the package is called `{word}`"))
            .collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let is_listed = |migration: &&Written| only.iter().any(|word| is_called(migration, word));
        return Ok(all.iter().filter(is_listed).collect());
    }
    let is_sealed = |migration: &Written| {
        lines.theirs.iter().any(|line| seals(line, migration) && line.version == migration.version)
    };
    if theirs.is_known() {
        let is_mine = |migration: &&Written| !theirs.has(migration) && !is_sealed(migration);
        return Ok(all.iter().filter(is_mine).collect());
    }
    let unsealed: Vec<&Written> = all.iter().filter(|migration| !is_sealed(migration)).collect();
    let clashes: Vec<String> = unsealed
        .windows(2)
        .filter_map(|pair| match pair {
            [a, b] if a.group == b.group && a.version == b.version => Some(format!(
                "version {} is declared by `{}` ({}) and by `{}` ({}), and nothing says which is \
                 yours: `cargo mongrate rebase {}` renumbers the latter; with git, `--onto BRANCH` \
                 names the branch whose migrations keep their numbers",
                a.version,
                a.name,
                place(a),
                b.name,
                place(b),
                b.name,
            )),
            _ => None,
        })
        .collect();
    if clashes.is_empty() { Ok(unsealed) } else { Err(clashes) }
}

/// Refuses names that the other side has, too: a migration can get a new number, but no new name.
fn check_names(
    mine: &[&Written],
    theirs: &TheirMigrations,
    sources: &Sources,
    ownership: &Ownership,
) -> Result<(), Vec<String>> {
    let taken_by = |migration: &Written| {
        let version = theirs.other_version(migration)?;
        let mut all = sources.migrations.iter();
        all.any(|other| other.version == version && other.name == migration.name).then_some(version)
    };
    let problems: Vec<String> = mine
        .iter()
        .filter_map(|migration| {
            let version = taken_by(migration)?;
            Some(format!(
                "{}: {} has the name of {version} `{}` of {}: if both are the same migration, \
                 delete yours and its `mod` line; otherwise rename the function and its file; then \
                 run `rebase` again",
                place(migration),
                version_and_name(migration),
                migration.name,
                ownership.shown,
            ))
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Gives your migrations their new numbers; returns those whose number changes.
fn renumber<'a>(
    mine: &[&'a Written],
    theirs: &TheirMigrations,
    sources: &Sources,
) -> Result<Vec<Renumbering<'a>>, Vec<String>> {
    let mut groups: BTreeMap<&str, Vec<&'a Written>> = BTreeMap::new();
    for migration in mine {
        groups.entry(&migration.group).or_default().push(migration);
    }
    let mut renumberings = Vec::new();
    for (name, all) in groups {
        let mut group = GroupVersions { theirs: theirs.versions(name), mine: Vec::new() };
        let is_other = |migration: &&Written| {
            migration.group == name && !all.iter().any(|mine| ptr::eq(*mine, *migration))
        };
        let others = sources.migrations.iter().filter(is_other);
        group.theirs.extend(others.map(|migration| migration.version));
        group.mine =
            all.iter().map(|migration| (migration.version, migration.out_of_order)).collect();
        let Some(numbers) = group.renumbered() else {
            return Err(vec![format!(
                "the newest version{} leaves no room for another",
                group_suffix(name)
            )]);
        };
        let pairs = all.into_iter().zip(numbers);
        let changed = pairs.filter(|(migration, version)| migration.version != *version);
        renumberings.extend(changed.map(|(migration, version)| Renumbering { migration, version }));
    }
    Ok(renumberings)
}

/// Puts the new sum file into the plan: their lines unchanged, then yours under their new numbers.
fn write_sum(
    package: &Package,
    lines: &SumLines,
    renumberings: &[Renumbering<'_>],
    sources: &Sources,
    theirs: &TheirMigrations,
    plan: &mut Plan,
) -> Result<(), String> {
    let path = package.directory.join(sum::FILE);
    let new_version = |migration: &Written| {
        renumberings
            .iter()
            .find(|found| ptr::eq(found.migration, migration))
            .map_or(migration.version, |found| found.version)
    };
    let is_renumbered = |line: &Sealed| {
        renumberings
            .iter()
            .any(|found| seals(line, found.migration) && line.version == found.migration.version)
    };
    let (renumbered, kept): (Vec<Sealed>, Vec<Sealed>) =
        lines.theirs.iter().cloned().partition(|line| is_renumbered(line));
    let mut mine = Vec::new();
    for line in lines.mine.iter().cloned().chain(renumbered) {
        let mut candidates = sources.migrations.iter().filter(|migration| seals(&line, migration));
        let exact = candidates.clone().find(|migration| migration.version == line.version);
        if let Some(migration) = exact.or_else(|| candidates.next()) {
            let version = new_version(migration);
            if !kept.iter().any(|kept| seals(kept, migration)) {
                mine.push(Sealed { version, ..line });
                continue;
            }
        }
        let is_theirs = lines
            .theirs
            .iter()
            .chain(&theirs.sealed)
            .any(|sealed| sealed.name == line.name && sealed.group == line.group);
        if !is_theirs {
            return Err(format!(
                "{}: {} is sealed on your side only, and no source declares it: restore its file \
                 and its `mod` line from git, and run `rebase` again",
                shown(&path),
                line.shown()
            ));
        }
        plan.changes.push(format!("{}: {} has its new number already", sum::FILE, line.shown()));
    }
    mine.sort_by(|a, b| (&a.group, a.version).cmp(&(&b.group, b.version)));
    mine.dedup();
    let is_unchanged = !lines.is_broken
        && renumberings.iter().all(|found| {
            !lines.mine.iter().chain(&lines.theirs).any(|line| seals(line, found.migration))
        });
    if lines.text.is_empty() || is_unchanged {
        return Ok(());
    }
    let (kept_count, my_count) = (kept.len(), mine.len());
    let text = Sum::of(kept.into_iter().chain(mine)).render();
    let text = if lines.text.contains("\r\n") { text.replace('\n', "\r\n") } else { text };
    if text == lines.text {
        return Ok(());
    }
    let count_lines =
        |count: usize| if count == 1 { "1 line".to_owned() } else { format!("{count} lines") };
    plan.changes.push(format!(
        "{}: kept {}, then {} of yours",
        shown(&path),
        count_lines(kept_count),
        count_lines(my_count)
    ));
    plan.overlay.write(path, text);
    Ok(())
}

impl Plan {
    pub(crate) fn is_empty(&self) -> bool {
        self.overlay.changes().next().is_none() && self.copies.is_empty()
    }
}

/// The commands to type next.
pub(crate) fn next_steps(operation: Operation, package: &Package, unsealed: usize) -> String {
    let mut steps = vec!["look at `git diff`".to_owned(), "`cargo check`".to_owned()];
    if unsealed > 0 && package.directory.join(sum::FILE).is_file() {
        steps.push("`cargo mongrate seal`".to_owned());
    }
    let directory = match shown(&package.directory) {
        path if path.is_empty() => ".".to_owned(),
        path => path,
    };
    steps.push(format!("`git add -A {directory}`"));
    steps.push(format!("`{}`", operation.continue_command()));
    format!("next: {}", steps.join(", "))
}

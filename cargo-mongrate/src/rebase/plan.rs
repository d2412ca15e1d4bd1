//! What is to be done to one package. Reads, and writes nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mongrate_seal::sources::{Overlay, Sources, Written};
use mongrate_seal::sum::{self, Problem, Sealed, Sum};

use super::conflict::{self, Side};
use super::edits::{self, Moved};
use super::git::{Git, Operation};
use super::number::Group;
use super::theirs::Theirs;
use super::which::Which;
use super::{items, references};
use crate::package::Package;
use crate::state::{place, relative, rust_files, shown};

/// What changes, and what to say of it.
pub(crate) struct Plan {
    pub(crate) overlay: Overlay,
    pub(crate) copies: Vec<(PathBuf, PathBuf)>,
    /// A line for each thing that is done.
    pub(crate) done: Vec<String>,
    /// Old numbers and names, `` 5 `add_rooms` ``, of what has a new one.
    pub(crate) renumbered: Vec<String>,
    /// What is left alone, and should be looked at.
    pub(crate) left: Vec<String>,
    /// How many migrations of mine are not sealed.
    pub(crate) unsealed: usize,
}

/// What the sum file says, and on whose side.
#[derive(Default)]
struct Ledger {
    /// Their lines, or all if nobody told them apart.
    theirs: Vec<Sealed>,
    /// Mine.
    mine: Vec<Sealed>,
    /// Whether the file as it is must not stay.
    is_broken: bool,
    text: String,
}

/// # Errors
///
/// Everything that takes a person.
pub(crate) fn make(
    package: &Package,
    git: Option<&Git>,
    which: &Which,
    only: &[String],
) -> Result<Plan, Vec<String>> {
    let one = |problem: String| vec![problem];
    let mut plan = Plan {
        overlay: Overlay::default(),
        copies: Vec::new(),
        done: Vec::new(),
        renumbered: Vec::new(),
        left: Vec::new(),
        unsealed: 0,
    };
    solve_sources(package, which, &mut plan)?;
    let sources = Sources::with(&package.roots, plan.overlay.clone());
    if !sources.problems.is_empty() {
        return Err(sources.problems.iter().map(|problem| relative(problem)).collect());
    }
    let mut theirs = Theirs::of(git, &which.others, package, &sources.migrations).map_err(one)?;
    let ledger = Ledger::read(package, which, &mut theirs).map_err(one)?;

    let mine = mine(&sources, &theirs, &ledger, only)?;
    plan.unsealed = mine
        .iter()
        .filter(|one| !ledger.mine.iter().chain(&ledger.theirs).any(|line| is_of(line, one)))
        .count();
    names_are_free(&mine, &theirs, &sources, which)?;
    let moved = renumber(&mine, &theirs, &sources)?;
    let edits = edits::apply(package, &sources, &mut plan.overlay, &moved)?;
    plan.copies = edits.copies;
    for Moved { one, to } in &moved {
        let renamed = edits.renamed.iter().find(|(from, _)| one.file.starts_with(from));
        let file = match renamed {
            Some((from, to)) => format!("{} → {}", shown(from), shown(to)),
            None => shown(&one.file),
        };
        plan.done.push(format!("{}{} is now {to}: {file}", named(one), of_group(&one.group)));
        plan.renumbered.push(named(one));
    }
    write_sum(package, &ledger, &moved, &sources, &theirs, &mut plan).map_err(one)?;
    let mut words = edits.old_modules;
    words.extend(moved.iter().filter_map(|one| references::word(one.one.version)));
    plan.left = references::of(&words, &package.directory, &plan.overlay);
    Ok(plan)
}

/// `` 5 `add_rooms` ``
fn named(one: &Written) -> String {
    format!("{} `{}`", one.version, one.name)
}

fn of_group(group: &str) -> String {
    if group == "default" { String::new() } else { format!(" of group `{group}`") }
}

/// Keeps what both sides added, in each source file that git could not merge.
fn solve_sources(package: &Package, which: &Which, plan: &mut Plan) -> Result<(), Vec<String>> {
    let mut problems = Vec::new();
    let mut files = rust_files(&package.directory.join("src"));
    files.extend(
        package.roots.iter().filter(|root| !files.contains(root)).cloned().collect::<Vec<_>>(),
    );
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        if !conflict::is_in(&text) {
            continue;
        }
        let by_hand = "solve that one by hand, keeping the migrations and `mod` lines of both \
                       sides, and run this again";
        let solved = conflict::split(&text)
            .map_err(|line| format!("the conflict in line {line} has no end"))
            .and_then(|sides| {
                let mine = mine_in(which, &sides.label_of_theirs)?;
                items::merge(sides.text(mine.other()), sides.text(mine), |module| {
                    has_file(&file, module)
                })
            });
        match solved {
            Ok(merged) => {
                let kept = match merged.added.is_empty() {
                    true => "nothing of yours was new".to_owned(),
                    false => format!("kept both sides, yours: {}", merged.added.join(", ")),
                };
                plan.done.push(format!("{}: {kept}", shown(&file)));
                plan.done.extend(merged.dropped.iter().map(|module| {
                    format!("{}: without your `mod {module};`, whose file is gone", shown(&file))
                }));
                plan.overlay.write(file, merged.text);
            }
            Err(why) => problems.push(format!("{}: {why}; {by_hand}", shown(&file))),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Whether there is a file for a `mod` line.
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

/// Which side of a conflict is mine.
fn mine_in(which: &Which, label_of_theirs: &str) -> Result<Side, String> {
    if let Some(mine) = which.mine {
        return Ok(mine);
    }
    if label_of_theirs == "Stashed changes" {
        return Ok(Side::Theirs);
    }
    Err("nothing says which side of the conflict is yours: add `--mine ours` if it is the one \
         above `=======`, `--mine theirs` if it is the one below"
        .to_owned())
}

impl Ledger {
    fn read(package: &Package, which: &Which, theirs: &mut Theirs) -> Result<Self, String> {
        let path = package.directory.join(sum::FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(format!("cannot read {}: {error}", shown(&path))),
        };
        if conflict::is_in(&text) {
            return Self::of_conflict(text, which, theirs)
                .map_err(|why| format!("{}: {why}", shown(&path)));
        }
        match Sum::parse(&text) {
            Ok(sum) => {
                // What only I have sealed; settled where the two are merged already.
                let all = sum.sealed().to_vec();
                let has_all = theirs.sealed.iter().all(|one| all.contains(one));
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

    fn of_conflict(text: String, which: &Which, theirs: &mut Theirs) -> Result<Self, String> {
        let sides = conflict::split(&text)
            .map_err(|line| format!("the conflict in line {line} has no end"))?;
        let mine = mine_in(which, &sides.label_of_theirs)?;
        let sum = |side: Side, whose: &str| {
            let text = sides.text(side);
            // A side without the file.
            let is_empty = text.trim().is_empty();
            let sum = if is_empty { Ok(Sum::default()) } else { Sum::parse(text) };
            sum.map_err(|fault| {
                format!(
                    "{whose} side of the conflict is no sound file by itself ({fault}); take the \
                     file of the other branch (`git checkout --{} -- {}`), and run this again",
                    if mine == Side::Ours { "theirs" } else { "ours" },
                    sum::FILE,
                )
            })
        };
        let their_sum = sum(mine.other(), "the other")?;
        let my_sum = sum(mine, "your")?;
        let is_theirs = |line: &Sealed| {
            their_sum.get(&line.group, line.version).is_some_and(|one| one.name == line.name)
        };
        let lines = my_sum.sealed().iter().filter(|line| !is_theirs(line)).cloned().collect();
        theirs.add(their_sum.sealed());
        Ok(Self { theirs: their_sum.sealed().to_vec(), mine: lines, is_broken: true, text })
    }
}

/// Whether a line seals this migration, perhaps under another number.
fn is_of(line: &Sealed, one: &Written) -> bool {
    line.group == one.group && line.name == one.name
}

/// The migrations that are mine, oldest version first in each group.
fn mine<'a>(
    sources: &'a Sources,
    theirs: &Theirs,
    ledger: &Ledger,
    only: &[String],
) -> Result<Vec<&'a Written>, Vec<String>> {
    let all = &sources.migrations;
    let is_meant = |one: &Written, word: &String| {
        one.name == *word
            || one.file.file_name().is_some_and(|name| name.to_string_lossy() == *word)
            || one.file.ends_with(word)
    };
    if !only.is_empty() {
        let unknown: Vec<String> = only
            .iter()
            .filter(|word| !all.iter().any(|one| is_meant(one, word)))
            .map(|word| format!("no migration and no file of the package is called `{word}`"))
            .collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        return Ok(all.iter().filter(|one| only.iter().any(|word| is_meant(one, word))).collect());
    }
    if theirs.is_known() {
        let is_settled = |one: &Written| {
            ledger.theirs.iter().any(|line| is_of(line, one) && line.version == one.version)
        };
        return Ok(all.iter().filter(|one| !theirs.has(one) && !is_settled(one)).collect());
    }
    let is_sealed = |one: &Written| {
        ledger.theirs.iter().any(|line| is_of(line, one) && line.version == one.version)
    };
    let unsealed: Vec<&Written> = all.iter().filter(|one| !is_sealed(one)).collect();
    let clash: Vec<String> = unsealed
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
    if clash.is_empty() { Ok(unsealed) } else { Err(clash) }
}

/// A number can be given anew, a name cannot.
fn names_are_free(
    mine: &[&Written],
    theirs: &Theirs,
    sources: &Sources,
    which: &Which,
) -> Result<(), Vec<String>> {
    let taken = |one: &Written| {
        let version = theirs.other_version(one)?;
        let mut all = sources.migrations.iter();
        all.any(|other| other.version == version && other.name == one.name).then_some(version)
    };
    let problems: Vec<String> = mine
        .iter()
        .filter_map(|one| {
            let version = taken(one)?;
            Some(format!(
                "{}: {} has the name of {version} `{}` of {}: if the two are one migration, delete \
                 yours, with its `mod` line; otherwise rename the function, and its file; then run \
                 this again",
                place(one),
                named(one),
                one.name,
                which.shown,
            ))
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn renumber<'a>(
    mine: &[&'a Written],
    theirs: &Theirs,
    sources: &Sources,
) -> Result<Vec<Moved<'a>>, Vec<String>> {
    let mut groups: BTreeMap<&str, Vec<&'a Written>> = BTreeMap::new();
    for one in mine {
        groups.entry(&one.group).or_default().push(one);
    }
    let mut moved = Vec::new();
    for (name, all) in groups {
        let mut group = Group { theirs: theirs.versions(name), mine: Vec::new() };
        let stays =
            |one: &&Written| one.group == name && !all.iter().any(|mine| std::ptr::eq(*mine, *one));
        group.theirs.extend(sources.migrations.iter().filter(stays).map(|one| one.version));
        group.mine = all.iter().map(|one| (one.version, one.out_of_order)).collect();
        let Some(numbers) = group.renumbered() else {
            return Err(vec![format!("the newest version{} leaves no room", of_group(name))]);
        };
        let pairs = all.into_iter().zip(numbers).filter(|(one, to)| one.version != *to);
        moved.extend(pairs.map(|(one, to)| Moved { one, to }));
    }
    Ok(moved)
}

/// Their lines as they are, then mine, under their numbers of now.
fn write_sum(
    package: &Package,
    ledger: &Ledger,
    moved: &[Moved<'_>],
    sources: &Sources,
    theirs: &Theirs,
    plan: &mut Plan,
) -> Result<(), String> {
    let path = package.directory.join(sum::FILE);
    let number = |one: &Written| {
        moved
            .iter()
            .find(|moved| std::ptr::eq(moved.one, one))
            .map_or(one.version, |moved| moved.to)
    };
    let is_moved = |line: &Sealed| {
        moved.iter().any(|moved| is_of(line, moved.one) && line.version == moved.one.version)
    };
    let (again, kept): (Vec<Sealed>, Vec<Sealed>) =
        ledger.theirs.iter().cloned().partition(|line| is_moved(line));
    let mut mine = Vec::new();
    for line in ledger.mine.iter().cloned().chain(again) {
        let mut candidates = sources.migrations.iter().filter(|one| is_of(&line, one));
        let exact = candidates.clone().find(|one| one.version == line.version);
        if let Some(one) = exact.or_else(|| candidates.next()) {
            let version = number(one);
            if !kept.iter().any(|kept| is_of(kept, one)) {
                mine.push(Sealed { version, ..line });
                continue;
            }
        }
        let is_theirs_now = ledger
            .theirs
            .iter()
            .chain(&theirs.sealed)
            .any(|one| one.name == line.name && one.group == line.group);
        if !is_theirs_now {
            return Err(format!(
                "{}: {} is sealed on your side only, and no source declares it: restore its file \
                 from git, with the `mod` line, and run this again",
                shown(&path),
                line.shown()
            ));
        }
        plan.done.push(format!("{}: {} has its new number already", sum::FILE, line.shown()));
    }
    mine.sort_by(|a, b| (&a.group, a.version).cmp(&(&b.group, b.version)));
    mine.dedup();
    let is_same = !ledger.is_broken
        && moved.iter().all(|moved| {
            !ledger.mine.iter().chain(&ledger.theirs).any(|line| is_of(line, moved.one))
        });
    if ledger.text.is_empty() || is_same {
        return Ok(());
    }
    let (theirs, my) = (kept.len(), mine.len());
    let text = Sum::of(kept.into_iter().chain(mine)).render();
    let text = if ledger.text.contains("\r\n") { text.replace('\n', "\r\n") } else { text };
    if text == ledger.text {
        return Ok(());
    }
    let lines =
        |count: usize| if count == 1 { "1 line".to_owned() } else { format!("{count} lines") };
    plan.done.push(format!(
        "{}: {} that stay, then yours: {}",
        shown(&path),
        lines(theirs),
        lines(my)
    ));
    plan.overlay.write(path, text);
    Ok(())
}

impl Plan {
    pub(crate) fn is_empty(&self) -> bool {
        self.overlay.changes().next().is_none() && self.copies.is_empty()
    }
}

/// What comes after, for a person to type.
pub(crate) fn next(operation: Operation, package: &Package, unsealed: usize) -> String {
    let mut steps = vec!["look at `git diff`".to_owned(), "`cargo check`".to_owned()];
    if unsealed > 0 && package.directory.join(sum::FILE).is_file() {
        steps.push("`cargo mongrate seal`".to_owned());
    }
    let directory = match shown(&package.directory) {
        path if path.is_empty() => ".".to_owned(),
        path => path,
    };
    steps.push(format!("`git add -A {directory}`"));
    steps.push(format!("`{}`", operation.go_on()));
    format!("next: {}", steps.join(", "))
}

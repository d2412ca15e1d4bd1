//! Which side is mine, and which branches keep their numbers.

use super::conflict::Side;
use super::git::{Git, Operation};

/// What decides whose a migration is.
#[derive(Debug)]
pub(crate) struct Which {
    /// Mine in conflict markers, if that is known.
    pub(crate) mine: Option<Side>,
    /// Commits whose migrations keep their numbers. None: nobody knows.
    pub(crate) others: Vec<String>,
    /// Those, as people call them.
    pub(crate) shown: String,
    pub(crate) operation: Operation,
}

/// What the arguments say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said<'a> {
    pub(crate) mine: Option<Side>,
    pub(crate) onto: Option<&'a str>,
}

/// # Errors
///
/// When what was said is not known to git, or more is merged than two.
pub(crate) fn decide(git: Option<&Git>, said: Said<'_>) -> Result<Which, String> {
    let Some(git) = git else {
        if let Some(onto) = said.onto {
            return Err(format!("`--onto {onto}` needs git, and this is no working tree of it"));
        }
        let (others, operation) = (Vec::new(), Operation::Nothing);
        return Ok(Which { mine: said.mine, others, shown: "the other side".into(), operation });
    };
    let operation = git.operation();
    if operation == Operation::Merge && git.merge_heads() > 1 {
        let text = "git merges several branches at once: merge one after the other \
                    (`git merge --abort`, then one `git merge` each)";
        return Err(text.to_owned());
    }
    let mine = said.mine.or_else(|| match operation {
        Operation::Merge => Some(mine_in_merge(git)),
        // HEAD is what others have; the commits that are replayed are mine.
        Operation::Rebase | Operation::CherryPick | Operation::Mail => Some(Side::Theirs),
        Operation::Nothing => None,
    });
    let others: Vec<String> = match (said.onto, operation, mine) {
        (Some(onto), ..) => match git.commit(onto) {
            Some(_) => vec![onto.to_owned()],
            None => return Err(format!("git knows no commit `{onto}`")),
        },
        (None, Operation::Nothing, _) => around(git),
        (None, Operation::Merge, Some(Side::Ours)) => vec!["MERGE_HEAD".to_owned()],
        (None, Operation::Rebase, Some(Side::Ours)) => vec!["REBASE_HEAD".to_owned()],
        (None, Operation::CherryPick, Some(Side::Ours)) => vec!["CHERRY_PICK_HEAD".to_owned()],
        (None, ..) => vec!["HEAD".to_owned()],
    };
    let mut names: Vec<String> = others.iter().map(|name| git.called(name)).collect();
    names.dedup();
    let shown = if names.is_empty() { "the other side".into() } else { names.join(" and ") };
    Ok(Which { mine, others, shown, operation })
}

/// The branch that everybody shares keeps its numbers. On another one, mine is what I am on;
/// on that one, mine is what I merge into it, unless that comes from where it is shared.
fn mine_in_merge(git: &Git) -> Side {
    let Some(branch) = git.branch() else { return Side::Ours };
    let shared = shared(git);
    let is_shared = shared.contains(&branch);
    let is_pulled = shared
        .iter()
        .map(|name| format!("refs/remotes/origin/{name}"))
        .chain([format!("{branch}@{{upstream}}")])
        .any(|remote| git.commit(&remote).is_some() && git.is_in("MERGE_HEAD", &remote));
    if is_shared && !is_pulled { Side::Theirs } else { Side::Ours }
}

/// The names of the branch that everybody shares.
fn shared(git: &Git) -> Vec<String> {
    let remote = git.symbolic("refs/remotes/origin/HEAD");
    match remote.and_then(|name| Some(name.strip_prefix("origin/")?.to_owned())) {
        Some(name) => vec![name],
        None => ["main", "master", "trunk"].map(str::to_owned).to_vec(),
    }
}

/// With git at rest: the shared branch here and where it is shared, but not the one I am on. On
/// that one, what it was before the last merge.
fn around(git: &Git) -> Vec<String> {
    let branch = git.branch();
    let mut others = Vec::new();
    for name in shared(git) {
        let is_here = branch.as_ref() == Some(&name);
        if is_here && git.commit("HEAD^2").is_some() {
            others.push("HEAD^1".to_owned());
        }
        if !is_here {
            others.push(format!("refs/heads/{name}"));
        }
        others.push(format!("refs/remotes/origin/{name}"));
    }
    others.retain(|name| git.commit(name).is_some());
    others
}

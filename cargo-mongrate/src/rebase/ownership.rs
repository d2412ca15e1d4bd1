//! Which side of a conflict is yours, and which branches keep their numbers.

use super::{
    conflict::Side,
    git::{Git, Operation},
    options::RebaseOptions,
};

/// Decides which migrations are yours.
#[derive(Debug)]
pub(crate) struct Ownership {
    /// Your side in conflict markers, if it is known.
    pub(crate) mine: Option<Side>,
    /// The commits whose migrations keep their numbers; none if they are unknown.
    pub(crate) others: Vec<String>,
    /// Readable names of those commits.
    pub(crate) shown: String,
    pub(crate) operation: Operation,
}

impl Ownership {
    /// Decides from the options and from the state of git.
    ///
    /// # Errors
    ///
    /// If git does not know the commit of `--onto`, or merges more than two branches.
    pub(crate) fn decide(git: Option<&Git>, options: &RebaseOptions) -> Result<Self, String> {
        let RebaseOptions { mine, onto, .. } = options;
        let Some(git) = git else {
            if let Some(onto) = onto {
                return Err(format!(
                    "`--onto {onto}` needs git, and this is no working tree of git"
                ));
            }
            let (others, operation) = (Vec::new(), Operation::Nothing);
            return Ok(Self { mine: *mine, others, shown: "the other side".into(), operation });
        };
        let operation = git.operation();
        if operation == Operation::Merge && git.merge_heads() > 1 {
            let text = "git merges several branches at once: merge one after the other \
                    (`git merge --abort`, then one `git merge` each)";
            return Err(text.to_owned());
        }
        let mine = mine.or_else(|| match operation {
            Operation::Merge => Some(mine_in_merge(git)),
            // HEAD is the other side; the commits that are replayed are yours.
            Operation::Rebase | Operation::CherryPick | Operation::Mail => Some(Side::Theirs),
            Operation::Nothing => None,
        });
        let others: Vec<String> = match (onto, operation, mine) {
            (Some(onto), ..) => match git.commit(onto) {
                Some(_) => vec![onto.clone()],
                None => return Err(format!("git knows no commit `{onto}`")),
            },
            (None, Operation::Nothing, _) => shared_commits(git),
            (None, Operation::Merge, Some(Side::Ours)) => vec!["MERGE_HEAD".to_owned()],
            (None, Operation::Rebase, Some(Side::Ours)) => vec!["REBASE_HEAD".to_owned()],
            (None, Operation::CherryPick, Some(Side::Ours)) => vec!["CHERRY_PICK_HEAD".to_owned()],
            (None, ..) => vec!["HEAD".to_owned()],
        };
        let mut names: Vec<String> = others.iter().map(|name| git.readable_name(name)).collect();
        names.dedup();
        let shown = if names.is_empty() { "the other side".into() } else { names.join(" and ") };
        Ok(Self { mine, others, shown, operation })
    }
}

/// Returns your side of a merge. The shared branch keeps its numbers: on another branch, your side
/// is the branch you are on; on the shared branch, it is the branch you merge, unless that is
/// pulled from the shared branch's remote.
fn mine_in_merge(git: &Git) -> Side {
    let Some(branch) = git.branch() else { return Side::Ours };
    let shared = shared_branches(git);
    let is_shared = shared.contains(&branch);
    let is_pulled = shared
        .iter()
        .map(|name| format!("refs/remotes/origin/{name}"))
        .chain([format!("{branch}@{{upstream}}")])
        .any(|remote| git.commit(&remote).is_some() && git.is_in("MERGE_HEAD", &remote));
    if is_shared && !is_pulled { Side::Theirs } else { Side::Ours }
}

/// The possible names of the branch that all developers share.
fn shared_branches(git: &Git) -> Vec<String> {
    let remote = git.symbolic("refs/remotes/origin/HEAD");
    match remote.and_then(|name| Some(name.strip_prefix("origin/")?.to_owned())) {
        Some(name) => vec![name],
        None => ["main", "master", "trunk"].map(str::to_owned).to_vec(),
    }
}

/// The commits of the shared branch, here and on its remote, while git is in no operation. If you
/// are on that branch, its last commit before a merge takes the place of the local branch.
pub(crate) fn shared_commits(git: &Git) -> Vec<String> {
    let branch = git.branch();
    let mut others = Vec::new();
    for name in shared_branches(git) {
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

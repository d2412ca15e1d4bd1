//! Reads what git knows. Changes nothing in git.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A working tree of git.
#[derive(Debug)]
pub(crate) struct Git {
    top: PathBuf,
}

/// The operation that git is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// `git merge`, or the merge of a `git pull`.
    Merge,
    Rebase,
    CherryPick,
    /// `git am`.
    Mail,
    Nothing,
}

impl Operation {
    /// The command that continues the operation.
    pub(crate) fn continue_command(self) -> &'static str {
        match self {
            Self::Merge => "git merge --continue",
            Self::Rebase => "git rebase --continue",
            Self::CherryPick => "git cherry-pick --continue",
            Self::Mail => "git am --continue",
            Self::Nothing => "git commit",
        }
    }
}

impl Git {
    /// The working tree around a directory; `None` without git, or outside of a working tree.
    pub(crate) fn around(directory: &Path) -> Option<Self> {
        let git = Self { top: directory.to_owned() };
        let top = git.line(&["rev-parse", "--show-toplevel"])?;
        Some(Self { top: Path::new(&top).canonicalize().ok()? })
    }

    pub(crate) fn operation(&self) -> Operation {
        let is_there = |name: &str| {
            let path = self.line(&["rev-parse", "--git-path", name]);
            path.is_some_and(|path| self.top.join(path).exists())
        };
        if is_there("rebase-apply/applying") {
            Operation::Mail
        } else if is_there("rebase-merge") || is_there("rebase-apply") {
            Operation::Rebase
        } else if self.commit("CHERRY_PICK_HEAD").is_some() {
            Operation::CherryPick
        } else if self.commit("MERGE_HEAD").is_some() {
            Operation::Merge
        } else {
            Operation::Nothing
        }
    }

    /// The number of commits that are being merged into HEAD.
    pub(crate) fn merge_heads(&self) -> usize {
        let path = self.line(&["rev-parse", "--git-path", "MERGE_HEAD"]);
        let text = path.and_then(|path| std::fs::read_to_string(self.top.join(path)).ok());
        text.map_or(0, |text| text.lines().count())
    }

    /// The commit that a name refers to.
    pub(crate) fn commit(&self, name: &str) -> Option<String> {
        self.line(&[
            "rev-parse",
            "--quiet",
            "--verify",
            "--end-of-options",
            &format!("{name}^{{commit}}"),
        ])
    }

    /// The branch that is checked out.
    pub(crate) fn branch(&self) -> Option<String> {
        self.line(&["symbolic-ref", "--quiet", "--short", "HEAD"])
    }

    /// The target of a symbolic reference: `origin/main` for `refs/remotes/origin/HEAD`.
    pub(crate) fn symbolic(&self, name: &str) -> Option<String> {
        self.line(&["symbolic-ref", "--quiet", "--short", name])
    }

    /// Whether a commit is in the history of another.
    pub(crate) fn is_in(&self, commit: &str, history: &str) -> bool {
        self.output(&["merge-base", "--is-ancestor", commit, history]).is_some()
    }

    /// The commit from which two commits went apart; `None` if it is not in this clone.
    pub(crate) fn merge_base(&self, one: &str, other: &str) -> Option<String> {
        self.line(&["merge-base", one, other])
    }

    /// A readable name of a commit: a branch, or the first digits.
    pub(crate) fn readable_name(&self, name: &str) -> String {
        let Some(commit) = self.commit(name) else { return name.to_owned() };
        let at = format!("--points-at={commit}");
        let format = "--format=%(refname:short)";
        let branches = self.line(&["for-each-ref", &at, format, "refs/heads", "refs/remotes"]);
        let branch = branches.and_then(|all| Some(all.lines().next()?.to_owned()));
        branch.unwrap_or_else(|| commit.chars().take(9).collect())
    }

    /// Every file of a commit below a directory.
    pub(crate) fn files(&self, commit: &str, directory: &Path) -> BTreeSet<PathBuf> {
        let inside = self.inside(directory);
        self.paths(&["ls-tree", "-r", "--name-only", "-z", "--full-tree", commit, "--", &inside])
    }

    /// The files below a directory that differ between a commit and the working tree.
    pub(crate) fn changed(&self, commit: &str, directory: &Path) -> BTreeSet<PathBuf> {
        let inside = self.inside(directory);
        self.paths(&["diff", "--name-only", "--no-renames", "-z", commit, "--", &inside])
    }

    /// A file's text in a commit.
    pub(crate) fn text(&self, commit: &str, path: &Path) -> Option<String> {
        let object = format!("{commit}:{}", self.inside(path));
        String::from_utf8(self.output(&["cat-file", "blob", &object])?).ok()
    }

    /// A path as git writes it: relative to the top, with `/`.
    pub(crate) fn inside(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.top).unwrap_or(path);
        let parts: Vec<_> =
            inside.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
    }

    fn paths(&self, arguments: &[&str]) -> BTreeSet<PathBuf> {
        let output = self.output(arguments).unwrap_or_default();
        let paths = output.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        paths.map(|path| self.top.join(String::from_utf8_lossy(path).as_ref())).collect()
    }

    /// The output of a git command as a line; `None` if it is empty or the command fails.
    fn line(&self, arguments: &[&str]) -> Option<String> {
        let text = String::from_utf8(self.output(arguments)?).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The output of a git command; `None` if the command fails.
    fn output(&self, arguments: &[&str]) -> Option<Vec<u8>> {
        let output = Command::new("git")
            .arg("-C")
            .arg(&self.top)
            .args(["--no-optional-locks", "-c", "core.quotePath=off"])
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        output.status.success().then_some(output.stdout)
    }
}

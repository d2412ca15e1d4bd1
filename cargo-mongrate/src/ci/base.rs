//! The commit that a change is compared with.

use std::{env, path::Path};

use crate::{
    places::here,
    rebase::{git::Git, ownership::shared_commits},
};

/// The variables in which a CI names the target branch of a pull request: GitHub, GitLab, Azure Pipelines,
/// Bitbucket, Jenkins.
const TARGETS: [&str; 5] = [
    "GITHUB_BASE_REF",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
    "SYSTEM_PULLREQUEST_TARGETBRANCH",
    "BITBUCKET_PR_DESTINATION_BRANCH",
    "CHANGE_TARGET",
];

/// What git knows of the state before the change.
pub(super) struct Base<'g> {
    git: Option<&'g Git>,
    /// `None` if nothing is known.
    commit: Option<String>,
}

impl<'g> Base<'g> {
    /// Finds the commit.
    ///
    /// # Errors
    ///
    /// If git does not know the commit that is asked for.
    pub(super) fn find(git: Option<&'g Git>, asked: Option<&str>) -> Result<Self, String> {
        let Some(git) = git else {
            return match asked {
                None => Ok(Self { git: None, commit: None }),
                Some(name) => {
                    Err(format!("`--base {name}` needs git, and this is no working tree of git"))
                }
            };
        };
        let target =
            TARGETS.iter().find_map(|name| env::var(name).ok().filter(|it| !it.is_empty()));
        let commit = match (asked, target) {
            (Some(name), _) => Some(known(git, name).ok_or_else(|| unknown(name))?),
            (None, Some(name)) => {
                let name = name.trim_start_matches("refs/heads/");
                Some(known(git, name).ok_or_else(|| unknown(name))?)
            }
            (None, None) => shared_commits(git).first().and_then(|name| git.commit(name)),
        };
        let commit = match (commit, git.commit("HEAD")) {
            // A shallow clone may not have the commit where they went apart.
            (Some(base), Some(head)) => Some(git.merge_base(&base, &head).unwrap_or(base)),
            (Some(base), None) => Some(base),
            (None, head) => head,
        };
        Ok(Self { git: Some(git), commit })
    }

    pub(super) fn git(&self) -> Option<&'g Git> {
        self.git
    }

    /// The commit as a list of none or one.
    pub(super) fn commits(&self) -> &[String] {
        self.commit.as_slice()
    }

    /// A file's text before the change.
    pub(super) fn text(&self, path: &Path) -> Option<String> {
        self.git?.text(self.commit.as_deref()?, path)
    }
}

fn known(git: &Git, name: &str) -> Option<String> {
    git.commit(&format!("refs/remotes/origin/{name}")).or_else(|| git.commit(name))
}

fn unknown(name: &str) -> String {
    format!(
        "git knows no commit `{name}` to compare with: `git fetch --depth=1 origin \
         {name}:refs/remotes/origin/{name}` fetches it, or name another with `--base`"
    )
}

/// The working directory below the top of the repository, with `/` at its end.
pub(super) fn prefix(git: &Git) -> String {
    match git.inside(&here()) {
        inside if inside == "." => String::new(),
        inside => format!("{inside}/"),
    }
}

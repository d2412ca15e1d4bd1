//! What migrations name outside of their own files, and the lint `uses_app_type`.
//!
//! The lint is found here, and not by the attribute or at run time: only this command reads all sources,
//! and a compiler that did would do it again at each check.

use mongrate_seal::{
    outside::{Finder, Outside, OutsideName},
    sources::{Sources, Written},
    sum::Sum,
};
use serde_json::{Value, json};

use crate::{
    finding::{Finding, Severity, rules},
    package::Package,
    places::{place, relative, shown},
};

/// The name of the lint, as `allow` writes it.
const LINT: &str = "uses_app_type";

/// The most items that a text names; it counts the rest.
const NAMED_MAX: usize = 4;

/// What one migration names outside of its file.
pub(crate) struct Named<'s> {
    migration: &'s Written,
    outside: Outside,
    is_sealed: bool,
}

/// Reads what the migrations of a package name, and keeps those that name something.
pub(crate) fn read<'s>(package: &Package, sources: &'s Sources, sum: &Sum) -> Vec<Named<'s>> {
    let mut finder = Finder::new(sources.code(), &package.roots);
    let all = sources.migrations.iter().map(|migration| Named {
        migration,
        outside: finder.outside(migration),
        is_sealed: sum.get(&migration.group, migration.version).is_some(),
    });
    all.filter(|named| named.outside != Outside::default()).collect()
}

impl Named<'_> {
    /// Whether this is the migration.
    pub(crate) fn is_of(&self, migration: &Written) -> bool {
        self.migration.group == migration.group && self.migration.version == migration.version
    }

    fn is_allowed(&self) -> bool {
        self.migration.allow.iter().any(|lint| lint == LINT)
    }

    /// The list for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let Written { version, name, .. } = self.migration;
        let mut lines = Vec::new();
        if !self.outside.names.is_empty() {
            let head = format!(
                "{version} `{name}` ({}) names outside of its file:",
                place(self.migration)
            );
            lines.push(head);
        }
        lines.extend(self.outside.names.iter().map(|name| format!("  {}", described(name))));
        lines.extend(
            self.outside
                .unread
                .iter()
                .map(|unread| format!("  {version} `{name}`: {}", relative(unread))),
        );
        lines
    }

    /// What the lint says, if the migration does not allow it.
    pub(crate) fn lint(&self) -> Option<Finding> {
        let unseen: Vec<&OutsideName> = self.outside.unseen().collect();
        if unseen.is_empty() || self.is_allowed() {
            return None;
        }
        let named: Vec<String> =
            unseen.iter().take(NAMED_MAX).map(|name| format!("`{}`", name.path)).collect();
        let more = match unseen.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let direct = unseen.iter().filter(|name| name.kind != "module");
        let paths: Vec<&str> = direct.take(NAMED_MAX).map(|name| name.path.as_str()).collect();
        let uses = match paths.as_slice() {
            [] => String::new(),
            paths => format!(
                ", or name them, so that the checksum covers them: `uses = [{}]`",
                paths.join(", ")
            ),
        };
        let text = format!(
            "{} `{}` uses {}{more}, whose text no checksum sees: keep copies in the migration's own \
             file{uses}; or acknowledge it: `allow = \"{LINT}\"`",
            self.migration.version,
            self.migration.name,
            named.join(", "),
        );
        let lint = Finding::new(&rules::USES_APP_TYPE, Severity::Warning, text);
        Some(lint.at(&self.migration.file, self.migration.line))
    }

    /// The lint as a text of its own.
    pub(crate) fn lint_text(&self) -> Option<String> {
        self.lint().map(|lint| format!("{lint} ({LINT})"))
    }

    fn json(&self) -> Value {
        let Written { group, version, name, file, line, .. } = self.migration;
        let names: Vec<Value> = self.outside.names.iter().map(json_of).collect();
        let unread: Vec<String> = self.outside.unread.iter().map(|text| relative(text)).collect();
        json!({
            "group": group,
            "version": version,
            "name": name,
            "file": shown(file),
            "line": line,
            "is_sealed": self.is_sealed,
            "names": names,
            "unread": unread,
        })
    }
}

/// The JSON of what the migrations of a package name.
pub(crate) fn json(all: &[Named<'_>]) -> Vec<Value> {
    all.iter().map(Named::json).collect()
}

/// The JSON of the lints.
pub(crate) fn lints_json(package: &str, all: &[Named<'_>]) -> Vec<Value> {
    let lint = |named: &Named<'_>| {
        let Written { group, version, name, .. } = named.migration;
        Some(json!({
            "name": LINT,
            "package": package,
            "group": group,
            "version": version,
            "migration": name,
            "message": named.lint_text()?,
        }))
    };
    all.iter().filter_map(lint).collect()
}

/// The lints of all migrations.
pub(crate) fn lints(all: &[Named<'_>]) -> Vec<Finding> {
    all.iter().filter_map(Named::lint).collect()
}

/// The lints of the migrations that are not sealed yet or that the caller takes for new, and one for all
/// others: there, only copies and `allow` leave the checksum as it is.
pub(crate) fn warnings(
    package: &str,
    all: &[Named<'_>],
    is_new: impl Fn(&Written) -> bool,
) -> Vec<Finding> {
    let (told, summed): (Vec<_>, Vec<_>) =
        all.iter().partition(|named| !named.is_sealed || is_new(named.migration));
    let mut warnings: Vec<Finding> = told.into_iter().filter_map(Named::lint).collect();
    let sealed: Vec<String> = summed
        .iter()
        .filter(|named| named.lint().is_some())
        .map(|named| named.migration.version.to_string())
        .collect();
    if !sealed.is_empty() {
        let (use_, them, their) = match sealed.as_slice() {
            [version] => (format!("sealed migration {version} uses"), "it", "its own file"),
            all => {
                let named = all.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
                let more = match all.len().saturating_sub(NAMED_MAX) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let use_ = format!("{} sealed migrations ({named}{more}) use", all.len());
                (use_, "them", "their own files")
            }
        };
        let text = format!(
            "package `{package}`: {use_} items whose text no checksum sees (`cargo mongrate check` lists \
             them): copies in {their} protect {them} and leave the checksum as it is; `allow = \"{LINT}\"` \
             acknowledges it"
        );
        warnings.push(Finding::new(&rules::USES_APP_TYPE, Severity::Warning, text));
    }
    warnings
}

/// `crate::money::STEP  constant, src/money.rs:7, through round`
fn described(name: &OutsideName) -> String {
    let OutsideName { path, kind, file, line, named_in: _, named_at, through, is_used } = name;
    let through = match through {
        Some(through) => format!(", through `{through}`"),
        None => String::new(),
    };
    let used = if *is_used { ", in `uses`" } else { "" };
    format!("{path}  {kind} in {}:{line}, named on line {named_at}{through}{used}", shown(file))
}

fn json_of(name: &OutsideName) -> Value {
    let OutsideName { path, kind, file, line, named_in, named_at, through, is_used } = name;
    json!({
        "path": path,
        "kind": kind,
        "file": shown(file),
        "line": line,
        "named_in": shown(named_in),
        "named_at": named_at,
        "through": through,
        "in_uses": is_used,
    })
}

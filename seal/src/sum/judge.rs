//! A migration, compared with the sealed history. Pure, so that the compiler, `cargo test`, the
//! running app and the cargo subcommand all report the same.

use super::{
    file::Sum,
    rollback::Undo,
    sealed::Sealed,
    uses::{self, Difference, Uses},
};
use crate::group::of_group;

/// The algorithm whose checksums can be compared.
const ALGORITHM: &str = "v1:sha256:";

/// A migration as its crate declares it now.
#[derive(Clone, Copy, Debug)]
pub struct Declared<'a> {
    /// The group.
    pub group: &'a str,
    /// The version.
    pub version: i64,
    /// The name.
    pub name: &'a str,
    /// The checksum of the body.
    pub checksum: &'a str,
    /// How the migration is rolled back.
    pub rollback: Undo<'a>,
    /// The items that it uses.
    pub uses: Uses<'a>,
    /// Whether the migration may be older than sealed migrations.
    pub out_of_order: bool,
}

/// The part of the declaration that an error points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// The version.
    Version,
    /// The name.
    Name,
    /// The function.
    Body,
    /// The rollback.
    Rollback,
    /// The items in `uses`; the first of them whose text has changed, if one has.
    Uses(Option<String>),
}

/// What is wrong with a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The part of the declaration that the error points at.
    pub about: About,
    /// What is wrong, and the way out.
    pub text: String,
}

impl Sum {
    /// Returns what is wrong with a migration, if anything is. `next_free` gets the lowest version that
    /// is newer than all sealed versions, and may return a higher one.
    pub fn judge(
        &self,
        new: Declared<'_>,
        next_free: impl FnOnce(i64) -> i64,
    ) -> Option<Complaint> {
        let newest = self.newest(new.group)?;
        let next = || next_free(newest.version.saturating_add(1));
        let of_group = of_group(new.group);
        if let Some(sealed) = self.get(new.group, new.version) {
            return changed(sealed, new, next);
        }
        if let Some(sealed) = self.with_name(new) {
            let Sealed { version, name, checksum, .. } = sealed;
            let (about, text) = if checksum == new.checksum {
                let way_out =
                    format!("a sealed migration keeps its version: declare `version = {version}`");
                (About::Version, way_out)
            } else {
                let way_out = "give this migration another name".to_owned();
                (About::Name, way_out)
            };
            let text =
                format!("the name `{name}`{of_group} is sealed with version {version}; {text}");
            return Some(Complaint { about, text });
        }
        if new.version < newest.version && !new.out_of_order {
            let text = format!(
                "version {}{of_group} is new, but older than the newest sealed one, {} `{}`: a \
                 database may be past it; run `cargo mongrate rebase`, or declare `version = {}`, \
                 the next free version, or add `out_of_order`",
                new.version,
                newest.version,
                newest.name,
                next(),
            );
            return Some(Complaint { about: About::Version, text });
        }
        None
    }

    fn with_name(&self, new: Declared<'_>) -> Option<&Sealed> {
        self.sealed.iter().find(|sealed| sealed.group == new.group && sealed.name == new.name)
    }
}

/// Compares a declaration with the sealed migration of the same version.
fn changed(sealed: &Sealed, new: Declared<'_>, next: impl FnOnce() -> i64) -> Option<Complaint> {
    let Sealed { version, name, checksum, .. } = sealed;
    let of_group = of_group(new.group);
    let reseal = match of_group.is_empty() {
        true => format!("cargo mongrate reseal {version}"),
        false => format!("cargo mongrate reseal {version} --group {}", new.group),
    };
    let (renamed, edited) = (*name != new.name, *checksum != new.checksum);
    let (about, text) = match (renamed, edited) {
        (false, false) if new.rollback.is_as(sealed.rollback.as_deref()) => return None,
        (false, false) => (About::Rollback, undone_otherwise(sealed, new, &reseal)),
        (true, false) => (
            About::Name,
            format!(
                "version {version}{of_group} is sealed as `{name}`, but is now `{}`: rename it \
                 back, or add `name = \"{name}\"`; if no database has applied it yet, run \
                 `{reseal}`",
                new.name
            ),
        ),
        (false, true) if !checksum.starts_with(ALGORITHM) => (
            About::Body,
            format!(
                "version {version}{of_group} is sealed with `{}`, which this mongrate cannot \
                 compare with its `{}`: use the mongrate that sealed it",
                shortened(checksum),
                shortened(new.checksum)
            ),
        ),
        (false, true) if uses_differ(sealed, new) => used_otherwise(sealed, new, &reseal),
        (false, true) => (
            About::Body,
            format!(
                "version {version}{of_group} is sealed as {}, but its body is now {}: undo the \
                 edit and write a new migration; if no database has applied it yet, run `{reseal}`",
                shortened(checksum),
                shortened(new.checksum)
            ),
        ),
        (true, true) => (
            About::Version,
            format!(
                "version {version}{of_group} is sealed as `{name}` with another body: if this is \
                 a new migration, run `cargo mongrate rebase`, or declare `version = {}`, the next \
                 free version; if it is `{name}`, undo the edit",
                next()
            ),
        ),
    };
    Some(Complaint { about, text })
}

/// Returns the complaint about a migration that is not sealed and that `cargo mongrate seal` does not
/// read where it is. It replaces the given complaint: a database may have applied the migration long
/// ago, so the migration keeps its version.
pub fn unread(new: Declared<'_>, complaint: &Complaint) -> Complaint {
    let text = format!(
        "version {}{} is not sealed: `cargo mongrate seal` does not read it where it stands, in a \
         macro, an included file or a function's body. A database may have applied it, so keep its \
         version and its name: write it as a function of a module, with `out_of_order` if it is \
         older than the newest sealed version, and run `cargo mongrate seal`. If it is new, give it \
         a version and a name that no other migration has",
        new.version,
        of_group(new.group),
    );
    Complaint { about: complaint.about.clone(), text }
}

/// Returns the text for a declaration that differs from the sealed one only in its rollback.
fn undone_otherwise(sealed: &Sealed, new: Declared<'_>, reseal: &str) -> String {
    let Sealed { version, .. } = sealed;
    let of_group = of_group(new.group);
    let was = sealed.rollback.as_deref().unwrap_or_default();
    match new.rollback {
        Undo::None => format!(
            "version {version}{of_group} is sealed with a rollback, but has lost its `reversible`: \
             restore it, or no database that has applied the migration can be rolled back; to give \
             up the rollback for good, run `{reseal}`"
        ),
        Undo::Unseen | Undo::Seen(_) => format!(
            "version {version}{of_group} is sealed with the rollback {}, but its rollback is now \
             {}: databases that have applied the migration rely on the old rollback; undo the edit, \
             or, if the new rollback undoes the same, run `{reseal}`",
            shortened(was),
            match new.rollback {
                Undo::Seen(now) => shortened(now),
                _ => "another".to_owned(),
            },
        ),
    }
}

/// Whether the items of a declaration are not the sealed ones, as far as the caller can see.
fn uses_differ(sealed: &Sealed, new: Declared<'_>) -> bool {
    match new.uses {
        Uses::Unseen => sealed.uses.is_some(),
        Uses::Seen(now) => !Difference::of(sealed.uses.as_deref(), now).is_none(),
    }
}

/// Returns the complaint about a declaration that uses other items than the sealed one.
fn used_otherwise(sealed: &Sealed, new: Declared<'_>, reseal: &str) -> (About, String) {
    let Sealed { version, .. } = sealed;
    let of_group = of_group(new.group);
    let was = sealed.uses.as_deref();
    let Uses::Seen(now) = new.uses else {
        let text = format!(
            "version {version}{of_group} is sealed as {}, but is now {}: its body has changed, or \
             {} in its `uses`; `cargo mongrate check` says which. Undo the edit; if no database has \
             applied it yet, run `{reseal}`",
            shortened(&sealed.checksum),
            shortened(new.checksum),
            quoted(&uses::names(was.unwrap_or_default()), "or"),
        );
        return (About::Uses(None), text);
    };
    let Difference { edited, lost, new } = Difference::of(was, now);
    if let Some((first, ..)) = edited.first() {
        let names: Vec<&str> = edited.iter().map(|(name, ..)| *name).collect();
        let (has, it) = if names.len() == 1 { ("has", "it was") } else { ("have", "they were") };
        let texts: Vec<String> = edited
            .iter()
            .map(|(_, was, now)| format!("{} → {}", shortened(was), shortened(now)))
            .collect();
        let text = format!(
            "version {version}{of_group} uses {}, which {has} changed since it was sealed ({}): it \
             would do something else on a new database than it did on those that have applied it. \
             Undo the edit; or keep what {it} in the migration's own file, and name that in `uses` \
             (the checksum stays); if no database has applied it yet, run `{reseal}`",
            quoted(&names, "and"),
            texts.join(", "),
        );
        return (About::Uses(Some((*first).to_owned())), text);
    }
    let mut parts = Vec::new();
    if !lost.is_empty() {
        parts.push(format!("no longer names {}", quoted(&lost, "and")));
    }
    if !new.is_empty() {
        parts.push(format!("now names {}, which the sealed one did not", quoted(&new, "and")));
    }
    let way_back = match (lost.as_slice(), new.as_slice()) {
        ([], new) => format!("take {} out of `uses` again", quoted(new, "and")),
        (lost, []) => format!("name {} in `uses` again", quoted(lost, "and")),
        (lost, new) => format!(
            "name {} in `uses` again, and take {} out",
            quoted(lost, "and"),
            quoted(new, "and")
        ),
    };
    let text = format!(
        "the `uses` of version {version}{of_group} {}: {way_back}; if no database has applied the \
         migration yet, run `{reseal}`",
        parts.join(", and ")
    );
    (About::Uses(None), text)
}

/// Returns the names as a list, the last after a word.
fn quoted(names: &[&str], word: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => {
            format!("{} {word} {last}", others.join(", "))
        }
        _ => names.concat(),
    }
}

/// Shortens a checksum for people: its algorithm and its first digits.
pub fn shortened(checksum: &str) -> String {
    const DIGITS: usize = 12;
    match checksum.rsplit_once(':') {
        Some((algorithm, hex)) if hex.len() > DIGITS && hex.is_ascii() => {
            format!("{algorithm}:{}…", &hex[..DIGITS])
        }
        _ if checksum.len() > DIGITS && checksum.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            format!("{}…", &checksum[..DIGITS])
        }
        _ => checksum.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    //! Each rule, with and without its exceptions.

    use super::*;

    const A: &str = "v1:sha256:aaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "v1:sha256:bbbbbbbbbbbbbbbbbbbbbbbb";

    fn sealed(version: i64, name: &str) -> Sealed {
        let (group, name) = ("default".to_owned(), name.to_owned());
        Sealed { group, version, name, checksum: A.to_owned(), rollback: None, uses: None }
    }

    fn declared<'a>(version: i64, name: &'a str, checksum: &'a str) -> Declared<'a> {
        let (rollback, uses, out_of_order) = (Undo::None, Uses::Unseen, false);
        Declared { group: "default", version, name, checksum, rollback, uses, out_of_order }
    }

    fn verdict(new: Declared<'_>) -> Option<(About, String)> {
        let mut sum = Sum::default();
        sum.push(sealed(2, "two"));
        sum.push(sealed(5, "five"));
        sum.judge(new, |next| next).map(|complaint| (complaint.about, complaint.text))
    }

    #[test]
    fn what_did_not_change_and_what_is_newer_is_sound() {
        assert_eq!(verdict(declared(2, "two", A)), None);
        assert_eq!(verdict(declared(6, "six", B)), None);
        let other = Declared { group: "audit", ..declared(1, "one", B) };
        assert_eq!(verdict(other), None, "another history");
        let late = Declared { out_of_order: true, ..declared(3, "three", B) };
        assert_eq!(verdict(late), None);
    }

    #[test]
    fn an_edit_names_both_checksums_and_the_command() {
        let (about, text) = verdict(declared(2, "two", B)).unwrap();
        assert_eq!(about, About::Body);
        for part in
            ["v1:sha256:aaaaaaaaaaaa…", "v1:sha256:bbbbbbbbbbbb…", "cargo mongrate reseal 2"]
        {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_rollback_that_is_lost_or_edited_is_seen() {
        let mut sum = Sum::default();
        let rollback = Some(B.to_owned());
        sum.push(Sealed { rollback, ..sealed(2, "two") });
        sum.push(sealed(3, "old"));
        let verdict = |version, name, rollback| {
            let new = Declared { rollback, ..declared(version, name, A) };
            sum.judge(new, |next| next).map(|complaint| (complaint.about, complaint.text))
        };
        assert_eq!(verdict(2, "two", Undo::Seen(B)), None);
        assert_eq!(verdict(2, "two", Undo::Unseen), None, "what one cannot see another does");
        for any in [Undo::None, Undo::Unseen, Undo::Seen(A)] {
            assert_eq!(verdict(3, "old", any), None, "its line says nothing of a rollback");
        }
        let (about, text) = verdict(2, "two", Undo::None).unwrap();
        assert_eq!(about, About::Rollback);
        assert!(text.contains("has lost its `reversible`: restore it"), "{text}");
        assert!(text.ends_with("`cargo mongrate reseal 2`"), "{text}");
        let (about, text) = verdict(2, "two", Undo::Seen(A)).unwrap();
        assert_eq!(about, About::Rollback);
        for part in ["the rollback v1:sha256:bbbbbbbbbbbb…", "now v1:sha256:aaaaaaaaaaaa…"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn an_item_that_changed_is_named_and_not_the_body() {
        let mut sum = Sum::default();
        sum.push(Sealed { uses: Some("Price:0a,round:0b".to_owned()), ..sealed(2, "two") });
        let verdict = |uses| {
            let new = Declared { uses, ..declared(2, "two", B) };
            sum.judge(new, |next| next).map(|complaint| (complaint.about, complaint.text)).unwrap()
        };
        let (about, text) = verdict(Uses::Seen("Price:0a,round:0c"));
        assert_eq!(about, About::Uses(Some("round".to_owned())));
        assert!(
            text.starts_with("version 2 uses `round`, which has changed since it was"),
            "{text}"
        );
        assert!(
            text.contains("(0b → 0c)") && text.ends_with("`cargo mongrate reseal 2`"),
            "{text}"
        );
        let (_, text) = verdict(Uses::Seen("Price:01,round:02"));
        assert!(
            text.starts_with("version 2 uses `Price` and `round`, which have changed"),
            "{text}"
        );
        let (about, text) = verdict(Uses::Seen("round:0b,scale:0d"));
        assert_eq!(about, About::Uses(None));
        assert!(text.contains("no longer names `Price`, and now names `scale`"), "{text}");
        let (about, text) = verdict(Uses::Seen("Price:0a,round:0b"));
        assert_eq!(about, About::Body, "{text}");
        let (_, text) = verdict(Uses::Unseen);
        assert!(text.contains("or `Price` or `round` in its `uses`"), "{text}");
    }

    #[test]
    fn a_new_name_a_new_version_and_another_migration_are_told_apart() {
        let (about, text) = verdict(declared(2, "zwei", A)).unwrap();
        assert_eq!(about, About::Name);
        assert!(text.contains("add `name = \"two\"`"), "{text}");
        let (about, text) = verdict(declared(7, "two", A)).unwrap();
        assert_eq!(about, About::Version);
        assert!(text.contains("declare `version = 2`"), "{text}");
        let (about, _) = verdict(declared(7, "two", B)).unwrap();
        assert_eq!(about, About::Name);
        let (about, text) = verdict(declared(2, "another", B)).unwrap();
        assert_eq!(about, About::Version);
        assert!(text.contains("declare `version = 6`"), "{text}");
    }

    #[test]
    fn late_is_refused_with_the_next_free_version() {
        let (about, text) = verdict(declared(3, "three", B)).unwrap();
        assert_eq!(about, About::Version);
        assert!(text.contains("`version = 6`"), "{text}");
    }
}

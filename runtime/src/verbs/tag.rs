//! `tag`: names for states of the history.

use mongodb::bson::Document;

use crate::{
    model::{
        config,
        error::Error,
        named::Named,
        report::tag::{Tag, TagAction, TagReport, TagsReport},
    },
    protocol::{
        audit::entry::Note,
        engine::Engine,
        history::History,
        read::read_all,
        record::Record,
        tag::{self, StoredTag},
    },
    run::{
        Runner,
        plan::{self, back},
    },
};

/// The longest name of a tag, in bytes.
const NAME_BYTES_MAX: usize = 100;

/// The most tags of a history: their records are read with the history.
const TAGS_MAX: usize = 1_000;

/// What is to become of a tag.
#[derive(Clone, Debug)]
pub(crate) struct Tagging {
    pub name: String,
    /// Taken from the state that it names now.
    pub moves: bool,
    pub why: Option<String>,
}

/// The verb of policies, also for removing a tag.
const VERB: &str = "tag";

/// What under the lock turned out to be written.
struct Decided {
    report: TagReport,
    /// Empty: nothing is to be written.
    statements: Vec<Document>,
}

impl Runner {
    /// Gives the present state a name, under the lock: no run can change the state meanwhile.
    pub(crate) async fn tag(&self, tagging: Tagging) -> Result<TagReport, Error> {
        let Tagging { name, moves, why } = tagging;
        check_name(&name)?;
        config::check_why(why.as_deref())?;
        self.refuse_caller(VERB).await?;
        self.decide(why, |engine, history| {
            let undoable = plan::undoable(&self.registry, history);
            refuse_half_done(&undoable)?;
            let Some(last) = undoable.first() else {
                let problem = "nothing is applied, so there is no state to name; `down --all` leads back \
                               to it; nothing was written";
                return Err(Error::Settings { setting: "tag", problem: problem.to_owned() });
            };
            let set = back::applied(history, &undoable);
            let found = back::tagged(history, &name);
            let stamp = engine.stamp();
            let report = |action| self.tag_report(&name, action, set.count(), last.named());
            if let Some((holder, found)) = found {
                if found.applied == set {
                    return Ok(Decided {
                        report: report(TagAction::Unchanged),
                        statements: Vec::new(),
                    });
                }
                if !moves {
                    return Err(Error::TagTaken {
                        tag: name.clone(),
                        applied: count(found),
                        last: holder.named(),
                    });
                }
                let mut statements = vec![tag::set_statement(last.version, &name, set, &stamp)];
                if holder.version != last.version {
                    statements.push(tag::remove_statement(holder.version, &name, &stamp));
                }
                return Ok(Decided { report: report(TagAction::Moved), statements });
            }
            if back::tags(history).count() >= TAGS_MAX {
                let problem = format!(
                    "there are {TAGS_MAX} tags, which is the most; remove some with `tag --remove NAME`; \
                     nothing was written"
                );
                return Err(Error::Settings { setting: "tag", problem });
            }
            let statements = vec![tag::set_statement(last.version, &name, set, &stamp)];
            Ok(Decided { report: report(TagAction::Set), statements })
        })
        .await
    }

    /// Removes a tag, under the lock.
    pub(crate) async fn untag(&self, name: String) -> Result<TagReport, Error> {
        self.refuse_caller(VERB).await?;
        self.decide(None, |engine, history| {
            let Some((holder, found)) = back::tagged(history, &name) else {
                let known = back::tags(history).map(|(_, tag)| tag.name.clone()).collect();
                return Err(Error::UnknownTag { tag: name.clone(), known });
            };
            let (count, last) = (found.applied.count(), holder.named());
            let statements = vec![tag::remove_statement(holder.version, &name, &engine.stamp())];
            Ok(Decided {
                report: self.tag_report(&name, TagAction::Removed, count, last),
                statements,
            })
        })
        .await
    }

    /// The tags. Two round trips, no lock.
    pub(crate) async fn tags(&self) -> Result<TagsReport, Error> {
        self.peek().await?;
        let (history, _) = read_all(&self.control, None).await?;
        let undoable = plan::undoable(&self.registry, &history);
        let tags =
            back::tags(&history).map(|(holder, found)| shown(holder, found, &history, &undoable));
        let mut tags: Vec<Tag> = tags.collect();
        tags.sort_by(|one, other| (one.at, &one.name).cmp(&(other.at, &other.name)));
        Ok(TagsReport { group: self.settings.group.clone(), database: self.database_name(), tags })
    }

    /// Takes the lock, decides by the history as it is then, writes, and gives the lock back.
    async fn decide(
        &self,
        why: Option<String>,
        decide: impl FnOnce(&Engine, &History) -> Result<Decided, Error>,
    ) -> Result<TagReport, Error> {
        let (mut engine, history) = self.enter_own_history().await?;
        engine.why = why;
        let decided = decide(&engine, &history);
        match decided {
            Ok(Decided { report, statements }) if statements.is_empty() => {
                engine.close().await;
                Ok(report)
            }
            Ok(Decided { report, statements }) => {
                let digest = engine.applied();
                let text = tag::note(&report.name, engine.why.as_deref());
                let note = Note::new(event(report.action)).text(text);
                self.write_all(engine, digest, statements, vec![note]).await?;
                Ok(report)
            }
            Err(error) => {
                engine.close().await;
                Err(error)
            }
        }
    }

    fn tag_report(&self, name: &str, action: TagAction, count: i64, last: Named) -> TagReport {
        TagReport {
            group: self.settings.group.clone(),
            database: self.database_name(),
            name: name.to_owned(),
            action,
            applied: u64::try_from(count).unwrap_or(0),
            last,
        }
    }
}

fn count(tag: &StoredTag) -> u64 {
    u64::try_from(tag.applied.count()).unwrap_or(0)
}

fn shown(holder: &Record, found: &StoredTag, history: &History, undoable: &[&Record]) -> Tag {
    Tag {
        name: found.name.clone(),
        applied: count(found),
        last: holder.named(),
        at: found.at,
        by: found.by.clone(),
        why: found.why.clone(),
        later: back::later_than(found.applied, history, undoable),
    }
}

/// Refuses names that a shell, a terminal or a person would not give back as they are.
fn check_name(name: &str) -> Result<(), Error> {
    let is_wrong = name.is_empty()
        || name.len() > NAME_BYTES_MAX
        || name.trim() != name
        || name.starts_with('-')
        || name.contains(char::is_control);
    if is_wrong {
        return Err(Error::Settings {
            setting: "tag",
            problem: format!(
                "`{}` is not a name: 1 to {NAME_BYTES_MAX} bytes, no control characters, no blank at \
                 either end, no `-` at the beginning; nothing was written",
                name.escape_debug()
            ),
        });
    }
    Ok(())
}

/// Refuses to name a state that no rollback leads back to.
fn refuse_half_done(undoable: &[&Record]) -> Result<(), Error> {
    match undoable.iter().find(|record| !record.is_applied()) {
        None => Ok(()),
        Some(record) => Err(Error::WrongState {
            version: record.version,
            state: record.state.as_str(),
            hint: "it is half-done, and a tag names a whole state; finish it with `up` or `down` first",
        }),
    }
}

/// What the audit log calls it.
fn event(action: TagAction) -> &'static str {
    match action {
        TagAction::Set | TagAction::Unchanged => "tagged",
        TagAction::Moved => "tag_moved",
        TagAction::Removed => "untagged",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_back_as_it_was_given() {
        for name in ["v1", "shop 1.3.9", "before/the-sale", "größer", &"t".repeat(100)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", " a", "a ", "-a", "--list", "a\n", "a\u{1b}b", &"t".repeat(101)] {
            let error = check_name(name).expect_err(name).to_string();
            assert!(error.starts_with("tag: `"), "{error}");
            assert!(!error.contains(char::is_control), "{error:?}");
        }
    }
}

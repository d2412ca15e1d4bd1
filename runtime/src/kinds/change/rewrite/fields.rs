//! Pure: what is done to a field of each document, and what undoes it.
//!
//! Both ways are expressions from a document to a document. The server finds the documents that the
//! way back does not restore, by evaluating both expressions; see `rewrite`.

use mongodb::bson::{Bson, Document, doc};

use super::{
    convert::{FieldType, Others, backward, converted, unconvertible},
    expr::{self, Way, any_of, bind, cond, is_missing, is_present, literal, member, var},
};
use crate::{
    kinds::change::names::{self, Path},
    model::state::Direction,
};

/// An edit of one field.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Rename { from: Path, to: Path },
    Add { path: Path, value: Bson },
    Remove { path: Path },
    Convert { path: Path, from: FieldType, to: FieldType, others: Others },
    Move { from: Path, to: Path },
}

/// The documents that an edit refuses.
pub(crate) struct Refusal {
    /// The filter of the documents to test; an index can help with it.
    pub filter: Document,
    /// The expression that is true for a document that is refused.
    pub test: Bson,
    /// What is wrong with the documents; stands after their number.
    pub problem: String,
}

impl Edit {
    pub(super) fn forward_text(&self, collection: &str) -> String {
        match self {
            Self::Rename { from, to } => {
                format!("rename field `{}` of `{collection}` to `{}`", from.text(), to.text())
            }
            Self::Add { path, value } => {
                format!("add field `{}` to `{collection}`, default {value}", path.text())
            }
            Self::Remove { path } => format!("remove field `{}` of `{collection}`", path.text()),
            Self::Convert { path, from, to, others } => {
                let others = match others {
                    Others::Refuse => String::new(),
                    Others::Leave => ", other values stay".to_owned(),
                    Others::Replace(value) => format!(", other values become {value}"),
                };
                let (path, from, to) = (path.text(), from.as_str(), to.as_str());
                format!("convert field `{path}` of `{collection}` from {from} to {to}{others}")
            }
            Self::Move { from, to } => {
                format!("move field `{}` of `{collection}` to `{}`", from.text(), to.text())
            }
        }
    }

    pub(super) fn undo_text(&self, collection: &str) -> String {
        match self {
            Self::Rename { from, to } => {
                format!("rename field `{}` of `{collection}` back to `{}`", to.text(), from.text())
            }
            Self::Add { path, .. } => {
                format!("remove field `{}` of `{collection}`, where it was added", path.text())
            }
            Self::Remove { path } => {
                format!("bring field `{}` of `{collection}` back", path.text())
            }
            Self::Convert { path, from, to, .. } => {
                let (path, from, to) = (path.text(), from.as_str(), to.as_str());
                format!("convert field `{path}` of `{collection}` back from {to} to {from}")
            }
            Self::Move { from, to } => {
                format!("move field `{}` of `{collection}` back to `{}`", to.text(), from.text())
            }
        }
    }

    pub(super) fn problems(&self, collection: &str) -> Vec<String> {
        let mut problems: Vec<String> = names::collection(collection).into_iter().collect();
        problems.extend(self.paths().into_iter().filter_map(Path::problem));
        match self {
            Self::Rename { from, to } if from == to => {
                problems.push("a field is renamed to the name that it has".to_owned());
            }
            Self::Rename { from, to } if from.parent() != to.parent() => {
                problems.push(format!(
                    "`{}` and `{}` are not in the same document: use `move_field`",
                    from.text(),
                    to.text()
                ));
            }
            Self::Convert { from, to, .. } if from == to => {
                problems.push("a field is converted to the type that it has".to_owned());
            }
            Self::Move { from, to } if from.holds(to) || to.holds(from) => {
                problems.push(format!(
                    "one of `{}` and `{}` is in the other: move it to another name first",
                    from.text(),
                    to.text()
                ));
            }
            _ => {}
        }
        problems
    }

    /// The paths whose values the edit may change.
    pub(in crate::kinds::change) fn paths(&self) -> Vec<&Path> {
        match self {
            Self::Rename { from, to } | Self::Move { from, to } => vec![from, to],
            Self::Add { path, .. } | Self::Remove { path } | Self::Convert { path, .. } => {
                vec![path]
            }
        }
    }

    /// The path where types matter, which the server's comparison does not see.
    pub(super) fn typed(&self) -> Option<&Path> {
        match self {
            Self::Convert { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Whether a rollback changes only the documents whose values were kept.
    pub(crate) fn is_one_way(&self) -> bool {
        matches!(self, Self::Remove { .. })
    }

    /// The document in the variable `holder`, after the edit or after its inverse.
    pub(super) fn apply(&self, direction: Direction, holder: &str) -> Bson {
        self.apply_or(direction, holder, None)
    }

    /// The same, to look at. `failed`: what stands in the place of a value that cannot be converted;
    /// otherwise the server fails.
    pub(super) fn apply_or(
        &self,
        direction: Direction,
        holder: &str,
        failed: Option<&Bson>,
    ) -> Bson {
        match (direction, self) {
            (Direction::Up, Self::Rename { from, to }) => rename(holder, from, to.last()),
            (Direction::Down, Self::Rename { from, to }) => rename(holder, to, from.last()),
            (Direction::Up, Self::Add { path, value }) => {
                let way = Way { create: Some(value), prune_below: None };
                let set = |holder: &str, field: &str| {
                    let added = expr::with(holder, field, literal(value.clone()));
                    cond(is_missing(member(holder, field)), added, var(holder))
                };
                expr::rebuild(holder, path.fields(), way, &set)
            }
            (Direction::Down, Self::Add { path, .. }) => {
                let way = Way { create: None, prune_below: Some(0) };
                expr::rebuild(holder, path.fields(), way, &expr::without)
            }
            (Direction::Up, Self::Remove { path }) => {
                expr::rebuild(holder, path.fields(), Way::default(), &expr::without)
            }
            (Direction::Down, Self::Remove { .. }) => var(holder),
            (Direction::Up, Self::Convert { path, from, to, others }) => {
                convert(holder, path, (*from, *to), others, failed)
            }
            (Direction::Down, Self::Convert { path, from, to, others }) => {
                convert(holder, path, (*to, *from), &backward(others), failed)
            }
            (Direction::Up, Self::Move { from, to }) => relocate(holder, from, to, Way::default()),
            (Direction::Down, Self::Move { from, to }) => {
                relocate(holder, to, from, Way { create: None, prune_below: Some(0) })
            }
        }
    }

    /// The filter of the documents that may be changed, or have to be remembered. Other documents
    /// are not looked at.
    pub(super) fn involved(&self, direction: Direction) -> Document {
        match (self, direction) {
            (Self::Rename { from, to } | Self::Move { from, to }, _) => doc! { "$or": [
                { from.text(): { "$exists": true } }, { to.text(): { "$exists": true } },
            ] },
            (Self::Add { .. }, Direction::Up) | (Self::Remove { .. }, Direction::Down) => doc! {},
            (Self::Add { path, .. } | Self::Remove { path } | Self::Convert { path, .. }, _) => {
                doc! { path.text(): { "$exists": true } }
            }
        }
    }

    /// The filter of the documents that the edit changes, to count them beforehand.
    pub(super) fn touched(&self, direction: Direction) -> Document {
        match (direction, self) {
            (Direction::Up, Self::Add { path, .. }) => {
                doc! { path.text(): { "$exists": false } }
            }
            (Direction::Up, Self::Convert { path, from, .. }) => {
                doc! { path.text(): { "$type": from.as_str() } }
            }
            (Direction::Down, Self::Convert { path, to, .. }) => {
                doc! { path.text(): { "$type": to.as_str() } }
            }
            (Direction::Up, Self::Rename { from: path, .. } | Self::Move { from: path, .. })
            | (Direction::Down, Self::Rename { to: path, .. } | Self::Move { to: path, .. })
            | (_, Self::Add { path, .. } | Self::Remove { path }) => {
                doc! { path.text(): { "$exists": true } }
            }
        }
    }

    /// The documents that have to be fixed before the edit can go this way.
    pub(super) fn refusal(&self, direction: Direction) -> Option<Refusal> {
        match self {
            Self::Rename { from, to } => {
                let (from, to) = there(direction, from, to);
                Some(rename_refusal(from, to))
            }
            Self::Move { from, to } => {
                let (from, to) = there(direction, from, to);
                Some(move_refusal(from, to))
            }
            Self::Convert { path, from, to, others } => {
                let (from, to, others) = match direction {
                    Direction::Up => (*from, *to, others.clone()),
                    Direction::Down => (*to, *from, backward(others)),
                };
                (others == Others::Refuse).then(|| convert_refusal(path, from, to))
            }
            Self::Add { .. } | Self::Remove { .. } => None,
        }
    }
}

/// Documents that have both fields.
fn rename_refusal(from: &Path, to: &Path) -> Refusal {
    let both = |holder: &str, field: &str| {
        let has_field = is_present(member(holder, field));
        expr::all(vec![has_field, is_present(member(holder, to.last()))])
    };
    Refusal {
        filter: exists(from),
        test: expr::any(expr::ROOT, from.fields(), &both),
        problem: format!("with both `{}` and `{}`, which would be lost", from.text(), to.text()),
    }
}

/// Documents with something at the new path, or with an array on the way to the old path.
fn move_refusal(from: &Path, to: &Path) -> Refusal {
    let present = is_present(expr::get(expr::ROOT, from.fields()));
    let test = any_of(vec![
        expr::all(vec![present, expr::blocked(expr::ROOT, to.fields())]),
        expr::through_array(expr::ROOT, from.fields()),
    ]);
    Refusal {
        filter: exists(from),
        test,
        problem: format!(
            "whose `{}` cannot be moved: something is at `{}` already, or an array is on the way",
            from.text(),
            to.text()
        ),
    }
}

/// Documents with a value that cannot be converted.
fn convert_refusal(path: &Path, from: FieldType, to: FieldType) -> Refusal {
    Refusal {
        filter: exists(path),
        test: expr::any(expr::ROOT, path.fields(), &|holder, field| {
            unconvertible(member(holder, field), from, to)
        }),
        problem: format!(
            "whose `{}` is no {} that can become {}",
            path.text(),
            from.as_str(),
            to.as_str()
        ),
    }
}

/// Where a field is, and where it goes, in this direction.
fn there<'a>(direction: Direction, from: &'a Path, to: &'a Path) -> (&'a Path, &'a Path) {
    match direction {
        Direction::Up => (from, to),
        Direction::Down => (to, from),
    }
}

fn exists(path: &Path) -> Document {
    doc! { path.text(): { "$exists": true } }
}

fn rename(holder: &str, from: &Path, to: &str) -> Bson {
    expr::rebuild(holder, from.fields(), Way::default(), &|holder, field| {
        expr::renamed(holder, field, to)
    })
}

fn relocate(holder: &str, from: &Path, to: &Path, way: Way<'_>) -> Bson {
    let rest = expr::rebuild(holder, from.fields(), way, &expr::without);
    let moved = bind("rest", rest, expr::assign("rest", to.fields(), &var("moved")));
    let moved = cond(is_missing(var("moved")), var(holder), moved);
    bind("moved", expr::get(holder, from.fields()), moved)
}

fn convert(
    holder: &str,
    path: &Path,
    types: (FieldType, FieldType),
    others: &Others,
    failed: Option<&Bson>,
) -> Bson {
    expr::rebuild(holder, path.fields(), Way::default(), &|holder, field| {
        let value = member(holder, field);
        let changed = expr::with(holder, field, converted(&value, types, others, failed));
        cond(is_missing(value), var(holder), changed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(edit: &Edit) -> usize {
        edit.problems("users").len()
    }

    fn rename(from: &str, to: &str) -> Edit {
        Edit::Rename { from: Path::new(from), to: Path::new(to) }
    }

    fn moved(from: &str, to: &str) -> Edit {
        Edit::Move { from: Path::new(from), to: Path::new(to) }
    }

    #[test]
    fn what_cannot_be_done_is_told_before_anything_is() {
        assert_eq!(problems(&rename("a", "b")), 0);
        assert_eq!(problems(&rename("a.x", "a.y")), 0);
        assert_eq!(problems(&rename("a", "a")), 1);
        assert_eq!(problems(&rename("a.x", "b.x")), 1);
        assert_eq!(problems(&rename("$a", "_id")), 2);
        assert_eq!(problems(&moved("a", "b.a")), 0);
        assert_eq!(problems(&moved("a", "a.b")), 1);
        assert_eq!(problems(&moved("a.b", "a")), 1);
        assert_eq!(problems(&Edit::Remove { path: Path::new("") }), 1);
        let (from, to) = (FieldType::Int, FieldType::Int);
        let same = Edit::Convert { path: Path::new("a"), from, to, others: Others::Refuse };
        assert_eq!(problems(&same), 1);
    }
}

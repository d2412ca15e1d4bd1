//! Deltas of the status: the last answers are remembered by their tags, so that a client that names one
//! gets only the migrations that have changed since.

use std::{
    collections::{HashMap, VecDeque, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};

/// How many answers are remembered: for 2,000 migrations that are 2 MB.
const REMEMBERED_MAX: usize = 32;

/// The last answers, the newest last.
#[derive(Debug, Default)]
pub(super) struct Deltas {
    remembered: Mutex<VecDeque<Arc<Remembered>>>,
}

/// An answer, by the hashes of its migrations.
#[derive(Debug)]
struct Remembered {
    tag: String,
    migrations: HashMap<i64, u64>,
}

impl Deltas {
    /// Remembers an answer with all migrations. If the client names a remembered one, only what differs
    /// from that one stays in the answer.
    pub(super) fn apply(&self, tag: &str, status: &mut Value, since: Option<&str>) {
        let then = since.and_then(|since| self.find(since));
        let now = self.remember(tag, status);
        let Some(then) = then else { return };
        let Some(fields) = status.as_object_mut() else { return };
        if let Some(Value::Array(migrations)) = fields.get_mut("migrations") {
            migrations.retain(|one| {
                let version = version(one);
                version.is_none_or(|it| then.migrations.get(&it) != now.migrations.get(&it))
            });
        }
        let gone = then.migrations.keys().filter(|it| !now.migrations.contains_key(it));
        let mut gone: Vec<i64> = gone.copied().collect();
        gone.sort_unstable();
        fields.insert("since".to_owned(), json!(then.tag));
        fields.insert("gone".to_owned(), json!(gone));
    }

    /// Remembers an answer with all migrations.
    fn remember(&self, tag: &str, status: &Value) -> Arc<Remembered> {
        let mut remembered = self.remembered();
        if let Some(at) = remembered.iter().position(|one| one.tag == tag)
            && let Some(known) = remembered.remove(at)
        {
            remembered.push_back(Arc::clone(&known));
            return known;
        }
        drop(remembered);
        let migrations = status.get("migrations").and_then(Value::as_array);
        let migrations = migrations.into_iter().flatten();
        let migrations = migrations.filter_map(|one| Some((version(one)?, hash(one)))).collect();
        let new = Arc::new(Remembered { tag: tag.to_owned(), migrations });
        let mut remembered = self.remembered();
        remembered.push_back(Arc::clone(&new));
        if remembered.len() > REMEMBERED_MAX {
            remembered.pop_front();
        }
        new
    }

    fn find(&self, tag: &str) -> Option<Arc<Remembered>> {
        self.remembered().iter().find(|one| one.tag == tag).cloned()
    }

    fn remembered(&self) -> MutexGuard<'_, VecDeque<Arc<Remembered>>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn version(migration: &Value) -> Option<i64> {
    migration.get("version")?.as_i64()
}

fn hash(migration: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    migration.to_string().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(migrations: &[(i64, &str)]) -> Value {
        let one = |(version, state): &(i64, &str)| json!({ "version": version, "state": state });
        let migrations: Vec<Value> = migrations.iter().map(one).collect();
        json!({ "applied": 1, "migrations": migrations })
    }

    #[test]
    fn only_what_differs_stays() {
        let deltas = Deltas::default();
        let mut first = status(&[(1, "applied"), (2, "pending"), (3, "pending"), (-4, "applied")]);
        deltas.apply("a", &mut first, None);
        assert_eq!(first.get("since"), None, "all migrations are there");

        let after = [(1, "applied"), (2, "applied"), (-4, "applied"), (5, "pending")];
        let mut second = status(&after);
        deltas.apply("b", &mut second, Some("a"));
        let mut expected = status(&[(2, "applied"), (5, "pending")]);
        expected["since"] = json!("a");
        expected["gone"] = json!([3]);
        assert_eq!(second, expected);

        // The answer is remembered as a whole, though only a part was sent.
        let mut third = status(&after);
        deltas.apply("b", &mut third, Some("b"));
        assert_eq!((&third["migrations"], &third["gone"]), (&json!([]), &json!([])));

        let mut unknown = status(&after);
        deltas.apply("b", &mut unknown, Some("never given"));
        assert_eq!(unknown, status(&after));
    }

    #[test]
    fn what_is_asked_for_again_is_forgotten_last() {
        let deltas = Deltas::default();
        let first = status(&[(1, "applied")]);
        for n in 0..REMEMBERED_MAX * 2 {
            deltas.apply("first", &mut first.clone(), None);
            deltas.apply(&format!("{n}"), &mut first.clone(), None);
        }
        assert!(deltas.find("first").is_some());
        assert!(deltas.find("0").is_none());
        assert_eq!(deltas.remembered().len(), REMEMBERED_MAX);
    }
}

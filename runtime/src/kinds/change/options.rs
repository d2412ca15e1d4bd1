//! The options of a collection: its validator, and what else `collMod` changes.

use mongodb::bson::{Bson, Document, doc};

use super::names;
use crate::{
    kinds::{catalog, online::Online},
    model::result::BoxError,
};

/// The value with which `collMod` unsets an option; `None` if the option cannot be unset.
fn unset(option: &str) -> Option<Bson> {
    Some(match option {
        "validator" => doc! {}.into(),
        "validationLevel" => "strict".into(),
        "validationAction" => "error".into(),
        "changeStreamPreAndPostImages" => doc! { "enabled": false }.into(),
        "recordPreImages" => false.into(),
        "expireAfterSeconds" => "off".into(),
        "cappedMax" => 0.into(),
        _ => return None,
    })
}

/// The options that `collMod` is known to change. Others are passed on, with a lint.
pub(super) const KNOWN: [&str; 10] = [
    "cappedMax",
    "cappedSize",
    "changeStreamPreAndPostImages",
    "expireAfterSeconds",
    "pipeline",
    "recordPreImages",
    "validationAction",
    "validationLevel",
    "validator",
    "viewOn",
];

/// The options that a collection always has.
const ALWAYS: [&str; 3] = ["cappedSize", "viewOn", "pipeline"];

/// The name under which `listCollections` shows an option.
fn shown(option: &str) -> &str {
    match option {
        "cappedSize" => "size",
        "cappedMax" => "max",
        option => option,
    }
}

/// Sets options to values, or unsets them (`None`).
#[derive(Clone, Debug)]
pub(super) struct Modify {
    pub collection: String,
    pub options: Vec<(String, Option<Bson>)>,
}

impl Modify {
    pub(super) fn forward_text(&self) -> String {
        let options: Vec<String> = self
            .options
            .iter()
            .map(|(option, value)| match value {
                Some(value) => format!("set {option} to {value}"),
                None => format!("unset {option}"),
            })
            .collect();
        format!("of `{}`, {}", self.collection, options.join(", "))
    }

    pub(super) fn undo_text(&self) -> String {
        let options: Vec<&str> = self.options.iter().map(|(option, _)| option.as_str()).collect();
        format!("of `{}`, restore {}", self.collection, options.join(", "))
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = names::collection(&self.collection).into_iter().collect();
        if self.options.is_empty() {
            problems.push("it changes no option: say `.set(…)` or `.unset(…)`".to_owned());
        }
        for (at, (option, value)) in self.options.iter().enumerate() {
            if self.options.iter().take(at).any(|(earlier, _)| earlier == option) {
                problems.push(format!("`{option}` is given twice"));
            }
            let problem = match option.as_str() {
                "index" => "is for indexes: use `hide_index`, `unhide_index` or `expire_after`",
                "timeseries" => {
                    "cannot be restored on the server: change it in an online migration"
                }
                option if ALWAYS.contains(&option) && value.is_none() => "cannot be unset",
                option if ALWAYS.contains(&option) || unset(option).is_some() => continue,
                _ if value.is_none() => {
                    "is not an option that is known, so it is not known how the server unsets it"
                }
                option => {
                    problems.extend(names::option(option));
                    continue;
                }
            };
            problems.push(format!("`{option}` {problem}"));
        }
        problems
    }

    pub(super) async fn observe(&self, on: &mut Online<'_>) -> Result<Document, BoxError> {
        let Some(found) = catalog::collection(on, &self.collection).await? else {
            return Err(format!("there is no collection `{}`", self.collection).into());
        };
        let mut before = Document::new();
        let mut unset_before = Vec::new();
        for (option, _) in &self.options {
            let value = found.options.get(shown(option)).cloned().or_else(|| unset(option));
            let Some(mut value) = value else {
                if KNOWN.contains(&option.as_str()) {
                    return Err(format!("`{}` has no `{option}` to change", self.collection).into());
                }
                unset_before.push(option.as_str());
                continue;
            };
            // The server shows "no limit" as the greatest number.
            if option == "cappedMax" && value == Bson::Int32(i32::MAX) {
                value = 0.into();
            }
            before.insert(option, value);
        }
        let mut seen = doc! { "before": before };
        if !unset_before.is_empty() {
            seen.insert("unset", unset_before);
        }
        Ok(seen)
    }

    /// Refuses a rollback to what no command leads to: an option that is not known, and was not set.
    pub(super) fn ready(&self, found: &Document) -> Result<(), BoxError> {
        let unset = found.get_array("unset").into_iter().flatten().find_map(Bson::as_str);
        match unset {
            None => Ok(()),
            Some(option) => Err(format!(
                "`{}` had no `{option}` before, and it is not known how the server unsets it; \
                 nothing was changed: unset it yourself, and record that with `resolve`",
                self.collection
            )
            .into()),
        }
    }

    pub(super) async fn forward(&self, on: &mut Online<'_>) -> Result<(), BoxError> {
        let mut command = doc! { "collMod": &self.collection };
        for (option, value) in &self.options {
            if let Some(value) = value.clone().or_else(|| unset(option)) {
                command.insert(option, value);
            }
        }
        Ok(on.ddl(command).await?)
    }

    pub(super) async fn backward(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        let mut command = doc! { "collMod": &self.collection };
        command.extend(found.get_document("before")?.clone());
        Ok(on.ddl(command).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_set_back_is_told() {
        let problems = |options: &[(&str, Option<Bson>)]| {
            let options = options.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
            Modify { collection: "a".to_owned(), options: options.collect() }.problems().len()
        };
        assert_eq!(problems(&[]), 1);
        assert_eq!(problems(&[("validator", None), ("expireAfterSeconds", Some(5.into()))]), 0);
        assert_eq!(problems(&[("validator", None), ("validator", None)]), 1);
        assert_eq!(problems(&[("index", None), ("timeseries", None), ("validatr", None)]), 3);
        assert_eq!(problems(&[("newInServer9", Some(5.into()))]), 0);
        assert_eq!(problems(&[("$newInServer9", Some(5.into())), ("lsid", Some(5.into()))]), 2);
        assert_eq!(problems(&[("cappedSize", None)]), 1);
        assert_eq!(problems(&[("cappedSize", Some(4_096.into()))]), 0);
    }
}

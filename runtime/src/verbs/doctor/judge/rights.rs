//! What this user may do, of what docs/production.md lists.

use crate::{
    kinds::effect::Operation,
    model::{
        error::Error,
        report::doctor::{
            DoctorCheck as Check, DoctorFinding as Finding, DoctorVerdict as Verdict,
        },
    },
    mongo::privileges::Privileges,
    verbs::doctor::{
        facts::{Facts, Pending},
        finding::{answer, finding, unknown},
    },
};

/// The actions that migrations need on the collections of their database, and what a migration cannot do
/// without it. The role of
/// the guide has these, and no others: a test compares them.
const RIGHTS: [(&str, &str); 11] = [
    ("find", "read documents"),
    ("insert", "insert documents, or create a collection"),
    ("update", "update documents"),
    ("remove", "delete documents, or rename or drop a collection"),
    ("dropCollection", "rename or drop a collection, and `purge` cannot remove what is kept"),
    ("createIndex", "create an index, or restore a dropped one"),
    ("dropIndex", "drop an index, or roll back a new one"),
    ("collMod", "set a validator, or other options of a collection or an index"),
    ("listCollections", "create, rename or drop a collection: it looks first"),
    ("listIndexes", "create or drop an index: it looks first"),
    ("bypassDocumentValidation", "rewrite documents that a validator refuses"),
];

/// What a run needs on the control collection, whatever its migrations do.
const OF_THE_CONTROL: [&str; 3] = ["find", "insert", "update"];

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let user = match &facts.privileges {
        Ok(user) => user,
        Err(error) => return vec![unknown(Check::Right, "what this user may do", error)],
    };
    if user.users.is_empty() {
        return vec![without_sign_in(facts)];
    }
    if is_open(user, facts) {
        let found = "everything is allowed: the server has no access control";
        return vec![finding(Check::Right, Verdict::Ok, found)];
    }
    let missing: Vec<&str> = RIGHTS
        .iter()
        .map(|(action, _)| *action)
        .filter(|action| !user.allow(action, &facts.database, ""))
        .collect();
    let mut findings = of_the_control(user, facts);
    for (action, what) in RIGHTS {
        let all = format!("`{action}` on the collections of `{}`", facts.database);
        findings.push(match missing.contains(&action) {
            false => finding(Check::Right, Verdict::Ok, all).of(action),
            true => {
                let (verdict, means) = without(user, facts, action, what);
                let grant = grant(&facts.database, "", &missing);
                let found = format!("{all}: missing");
                finding(Check::Right, verdict, found).of(action).means(means).way_out(grant)
            }
        });
    }
    findings
}

/// Whether the server allows what the user has no privilege for: then it asks nobody.
fn is_open(user: &Privileges, facts: &Facts) -> bool {
    let read = facts.state.is_ok() && !user.allow("find", &facts.database, &facts.control);
    let looked = facts.status.is_ok() && !user.allow_on_the_cluster("serverStatus");
    let asked = facts.parameters.is_ok() && !user.allow_on_the_cluster("getParameter");
    read || looked || asked
}

fn without_sign_in(facts: &Facts) -> Finding {
    match &facts.state {
        Err(Error::Unauthorized { .. }) => {
            finding(Check::Right, Verdict::Error, "nobody is signed in, and the server asks for it")
                .means("migrations are refused")
                .way_out("name user and password in the connection string, and `authSource`")
        }
        _ => finding(
            Check::Right,
            Verdict::Ok,
            "everything is allowed: nobody is signed in, and nobody needs to be",
        ),
    }
}

fn of_the_control(user: &Privileges, facts: &Facts) -> Vec<Finding> {
    let Facts { database, control, .. } = facts;
    let missing: Vec<&str> = OF_THE_CONTROL
        .into_iter()
        .filter(|action| !user.allow(action, database, control))
        .collect();
    let all = format!("the control collection `{control}`");
    if missing.is_empty() {
        let found = format!("{} on {all}", OF_THE_CONTROL.join(", "));
        return vec![finding(Check::Right, Verdict::Ok, found).of(control)];
    }
    let may_check = !missing.contains(&"find");
    let means = match may_check {
        true => {
            "this user can check the state of the migrations \
                 (`MIGRATE_ON_START=check`), and cannot run any"
        }
        false => "this user can neither check nor run migrations",
    };
    let found = format!("{} on {all}: missing", listed(&missing));
    let grant = grant(database, control, &missing);
    vec![finding(Check::Right, Verdict::Error, found).of(control).means(means).way_out(grant)]
}

/// What is refused without the action, and how bad that is: an error if a pending migration declares
/// that it needs it.
fn without(user: &Privileges, facts: &Facts, action: &str, what: &str) -> (Verdict, String) {
    let is_refused = |pending: &&Pending| {
        let needed = pending.operations.iter().flat_map(needs);
        let mut needed = needed.filter(|(needed, _)| *needed == action);
        needed.any(|(_, collection)| !user.allow(action, &facts.database, collection))
    };
    let refused: Vec<String> = facts.pending.iter().filter(is_refused).map(Pending::text).collect();
    match refused.as_slice() {
        [] => (Verdict::Warning, format!("a migration cannot {what}")),
        _ => (Verdict::Error, format!("pending migrations are refused: {}", refused.join(", "))),
    }
}

/// The actions that a declared operation needs, and on which collection.
fn needs(operation: &Operation) -> Vec<(&'static str, &str)> {
    let (collection, actions): (&str, &[&'static str]) = match operation {
        Operation::CreateCollection { name, .. } => (name, &["insert", "listCollections"]),
        Operation::DropCollection { name, .. } => (name, &["dropCollection", "remove"]),
        Operation::RenameCollection { from, .. } => (from, &["dropCollection", "remove", "insert"]),
        Operation::CreateIndex(index) => (&index.collection, &["createIndex", "listIndexes"]),
        Operation::DropIndex { collection, .. } => (collection, &["dropIndex", "listIndexes"]),
        Operation::SetValidator { collection, .. }
        | Operation::MakeUnique { collection, .. }
        | Operation::Modify { collection, .. } => (collection, &["collMod"]),
        Operation::Field { collection, .. } => (collection, &["find", "update"]),
        Operation::Write { .. }
        | Operation::Other { .. }
        | Operation::PassedOn { .. }
        | Operation::Search { .. }
        | Operation::Unknown => return Vec::new(),
    };
    actions.iter().map(|action| (*action, collection)).collect()
}

fn listed(actions: &[&str]) -> String {
    actions.iter().map(|action| format!("`{action}`")).collect::<Vec<_>>().join(", ")
}

/// The command that grants the actions to the role of the guide.
fn grant(database: &str, collection: &str, actions: &[&str]) -> String {
    let actions: Vec<String> = actions.iter().map(|action| format!("{action:?}")).collect();
    format!(
        "give the user the role of docs/production.md; or add to that role: \
         db.getSiblingDB({database:?}).grantPrivilegesToRole(\"mongrateMigrate\", [{{ resource: {{ db: \
         {database:?}, collection: {collection:?} }}, actions: [{}] }}])",
        actions.join(", ")
    )
}

/// Whether the control collection is Mongrate's. What else the state could not be read for has a
/// finding of its own.
pub(super) fn control_collection(facts: &Facts) -> Finding {
    let check = Check::ControlCollection;
    match &facts.state {
        Ok(()) => finding(check, Verdict::Ok, format!("`{}` can be read", facts.control)),
        Err(error @ Error::Corrupt { .. }) => finding(check, Verdict::Error, error.to_string())
            .means("migrations are refused before the first write"),
        Err(error) => {
            let why = match error {
                Error::Server { source, .. } | Error::Unauthorized { source, .. } => answer(source),
                _ => "see above".to_owned(),
            };
            finding(check, Verdict::Unknown, format!("`{}` cannot be read: {why}", facts.control))
        }
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Bson, Document, doc};

    use super::*;
    use crate::{
        kinds::effect::Index,
        mongo::server_error::ServerError,
        verbs::doctor::judge::tests::{healthy, of},
    };

    /// A server that asks.
    fn guarded() -> Facts {
        let no = || ServerError::in_reply("no", Some(13));
        Facts { status: Err(no()), parameters: Err(no()), ..healthy() }
    }

    fn user(granted: Vec<Document>) -> Privileges {
        let granted: Vec<Bson> = granted.into_iter().map(Bson::Document).collect();
        let info = doc! {
            "authenticatedUsers": [{ "user": "migrator", "db": "shop" }],
            "authenticatedUserPrivileges": granted,
        };
        Privileges::parse(&doc! { "authInfo": info }).unwrap()
    }

    fn on(collection: &str, actions: Vec<&str>) -> Document {
        doc! { "resource": { "db": "shop", "collection": collection }, "actions": actions }
    }

    #[test]
    fn each_right_is_judged_for_itself() {
        let all: Vec<&str> = RIGHTS.iter().map(|(action, _)| *action).collect();
        for left_out in &all {
            let mut facts = guarded();
            let others = all.iter().copied().filter(|action| action != left_out).collect();
            facts.privileges = Ok(user(vec![on("", others)]));
            facts.state = match *left_out {
                "find" => Err(Error::Standalone),
                _ => Ok(()),
            };
            let missing: Vec<Finding> = findings(&facts)
                .into_iter()
                .filter(|finding| finding.verdict > Verdict::Ok)
                .collect();
            let is_of_the_control = OF_THE_CONTROL.contains(left_out);
            assert_eq!(missing.len(), 1 + usize::from(is_of_the_control), "{missing:?}");
            assert_eq!(missing.last().unwrap().of.as_deref(), Some(*left_out));
            let worst = of(&facts, Check::Right).verdict;
            assert_eq!(worst == Verdict::Error, is_of_the_control, "{missing:?}");
        }
    }

    #[test]
    fn a_user_that_only_checks_is_told_so() {
        let mut facts = guarded();
        facts.privileges = Ok(user(vec![on("migrations", vec!["find"])]));
        let found = findings(&facts).remove(0);
        assert_eq!(found.verdict, Verdict::Error);
        assert!(found.consequence.unwrap().contains("MIGRATE_ON_START=check"));
        assert!(found.found.contains("`insert`, `update` on the control collection `migrations`"));
    }

    #[test]
    fn a_right_that_a_pending_migration_needs_is_an_error_unless_its_collection_has_it() {
        let mut facts = guarded();
        let index = Index {
            collection: "users".to_owned(),
            keys: doc! { "a": 1 },
            options: doc! {},
            given_name: None,
            name: "a_1".to_owned(),
            if_not_exists: false,
        };
        let version = crate::model::version::Version::new(7);
        let operations = vec![Operation::CreateIndex(index)];
        facts.pending = vec![Pending { version, name: "index", operations, documents: 0 }];
        let others = RIGHTS.iter().map(|(action, _)| *action).filter(|one| *one != "createIndex");
        let others = on("", others.collect());
        facts.privileges = Ok(user(vec![others.clone()]));
        let found = of(&facts, Check::Right);
        assert_eq!(found.verdict, Verdict::Error);
        assert!(found.consequence.unwrap().contains("7 `index`"));
        facts.privileges = Ok(user(vec![others, on("users", vec!["createIndex"])]));
        assert_eq!(of(&facts, Check::Right).verdict, Verdict::Warning);
    }

    #[test]
    fn a_server_without_access_control_asks_nobody() {
        let mut facts = healthy();
        facts.privileges = Ok(user(vec![on("", vec!["find"])]));
        assert_eq!(of(&facts, Check::Right).verdict, Verdict::Ok);
        let mut facts = guarded();
        facts.privileges = Ok(user(vec![]));
        assert_eq!(of(&facts, Check::Right).verdict, Verdict::Ok);
    }

    #[test]
    fn nobody_signed_in() {
        let mut facts = guarded();
        facts.privileges = Ok(Privileges::default());
        assert_eq!(of(&facts, Check::Right).verdict, Verdict::Ok);
        let source = Box::new(ServerError::in_reply("no", Some(13)));
        facts.state = Err(Error::Unauthorized { action: "read", source });
        assert_eq!(of(&facts, Check::Right).verdict, Verdict::Error);
    }
}

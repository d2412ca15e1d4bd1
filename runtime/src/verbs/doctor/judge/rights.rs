//! What this user may do, of what docs/production.md lists and of what pending migrations need.

use std::collections::{BTreeMap, BTreeSet};

use super::needs::{Right, needs};
use crate::{
    model::{
        error::kind::Kind,
        report::doctor::{
            DoctorCheck as Check, DoctorFinding as Finding, DoctorVerdict as Verdict,
        },
    },
    mongo::privileges::Privileges,
    verbs::doctor::{
        facts::{Facts, Pending},
        finding::{MONITOR, error, finding, unknown},
    },
};

/// The actions that migrations need on the collections of their database, and what a migration cannot do
/// without it. The role of the guide has these, and no others: a test compares them.
const RIGHTS: [(&str, &str); 11] = [
    ("find", "read documents"),
    ("insert", "insert documents, create a collection, or keep what it removes"),
    ("update", "update documents"),
    ("remove", "delete documents, or finish a backfill"),
    ("dropCollection", "rename or drop a collection, and `purge` cannot remove kept values"),
    ("createIndex", "create an index, or rename or drop a collection"),
    ("dropIndex", "drop an index, or roll back a new one"),
    ("collMod", "set a validator, or other options of a collection or an index"),
    (
        "listCollections",
        "create, change or drop a collection, because it lists the collections first",
    ),
    ("listIndexes", "create or drop an index, because it lists the indexes first"),
    ("bypassDocumentValidation", "rewrite documents that a validator refuses"),
];

/// What a run needs on the control collection, whatever its migrations do.
const OF_THE_CONTROL: [&str; 3] = ["find", "insert", "update"];

/// What a run needs on the audit log: it reads the log when the log begins.
const OF_THE_LOG: [&str; 2] = ["find", "insert"];

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let user = match &facts.privileges {
        Ok(user) => user,
        Err(error) => return vec![unknown(Check::Right, "what this user may do", error, MONITOR)],
    };
    if user.users.is_empty() {
        return vec![without_sign_in(facts)];
    }
    if is_open(user, facts) {
        let found = "everything is allowed: the server has no access control";
        return vec![finding(Check::Right, Verdict::Ok, found)];
    }
    let mut refused = unmet(user, facts);
    let lacks = |action: &str| !user.allow(action, &facts.database, "");
    let mut missing: BTreeSet<&str> =
        RIGHTS.iter().map(|(action, _)| *action).filter(|action| lacks(action)).collect();
    missing.extend(refused.keys());
    let grant = grant(&facts.database, "", &missing);
    let mut findings = vec![of_the_control(user, facts)];
    findings.extend(of_the_log(user, facts));
    let all = |action: &str| format!("`{action}` on the collections of `{}`", facts.database);
    let needed = |action: &str, of: &[String]| {
        error(Check::Right, Kind::Forbidden, format!("{}: missing", all(action)))
            .of(action)
            .means(format!("pending migrations are refused: {}", of.join(", ")))
            .way_out(grant.clone())
    };
    for (action, what) in RIGHTS {
        findings.push(match refused.remove(action) {
            Some(of) => needed(action, &of),
            None if lacks(action) => {
                finding(Check::Right, Verdict::Warning, format!("{}: missing", all(action)))
                    .of(action)
                    .means(format!("a migration cannot {what}"))
                    .way_out(grant.clone())
            }
            None => finding(Check::Right, Verdict::Ok, all(action)).of(action),
        });
    }
    findings.extend(refused.iter().map(|(action, of)| needed(action, of)));
    findings
}

/// Whether the server allows what the user has no privilege for: then it asks nobody.
fn is_open(user: &Privileges, facts: &Facts) -> bool {
    let read = facts.state.is_ok() && !user.allow("find", &facts.database, &facts.control);
    let looked = facts.status.is_ok() && !user.allow_on_the_cluster("serverStatus");
    let asked = facts.parameters.is_ok() && !user.allow_on_the_cluster("getParameter");
    // One alone may be a service that answers in the server's place.
    read || (looked && asked)
}

/// The rights that pending migrations need and this user lacks, with the migrations.
fn unmet(user: &Privileges, facts: &Facts) -> BTreeMap<&'static str, Vec<String>> {
    let mut unmet: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for pending in facts.known() {
        let rights = pending.operations.iter().flat_map(|one| needs(one, &facts.control));
        let lacking = rights.filter(|right| !right.is_given(user, &facts.database));
        let actions: BTreeSet<&'static str> = lacking.map(|right: Right| right.action).collect();
        for action in actions {
            unmet.entry(action).or_default().push(Pending::text(pending));
        }
    }
    unmet
}

fn without_sign_in(facts: &Facts) -> Finding {
    let is_refused = matches!(facts.state, Err(crate::model::error::Error::Unauthorized { .. }));
    match is_refused {
        true => {
            let found = "nobody is signed in, and the server asks for it";
            error(Check::Right, Kind::Forbidden, found)
                .means("migrations are refused")
                .way_out("name user and password in the connection string, and `authSource`")
        }
        false => {
            let found = "nobody is signed in, and nobody needs to be: everything is allowed";
            finding(Check::Right, Verdict::Ok, found)
        }
    }
}

fn of_the_control(user: &Privileges, facts: &Facts) -> Finding {
    let Facts { database, control, .. } = facts;
    let missing: BTreeSet<&str> = OF_THE_CONTROL
        .into_iter()
        .filter(|action| !user.allow(action, database, control))
        .collect();
    let all = format!("the control collection `{control}`");
    if missing.is_empty() {
        let found = format!("{} on {all}", OF_THE_CONTROL.join(", "));
        return finding(Check::Right, Verdict::Ok, found).of(control);
    }
    let means = match missing.contains("find") {
        false => {
            "this user can check the state of the migrations (`MIGRATE_ON_START=check`), and cannot run \
             any"
        }
        true => "this user can neither check nor run migrations",
    };
    let listed: Vec<String> = missing.iter().map(|action| format!("`{action}`")).collect();
    error(Check::Right, Kind::Forbidden, format!("{} on {all}: missing", listed.join(", ")))
        .of(control)
        .means(means)
        .way_out(grant(database, control, &missing))
}

/// What runs need on the audit log, if they write into one.
fn of_the_log(user: &Privileges, facts: &Facts) -> Option<Finding> {
    let (database, log) = (&facts.database, facts.log.as_ref()?);
    let missing: BTreeSet<&str> =
        OF_THE_LOG.into_iter().filter(|action| !user.allow(action, database, log)).collect();
    let all = format!("the audit log `{log}`");
    if missing.is_empty() {
        let found = format!("{} on {all}", OF_THE_LOG.join(", "));
        return Some(finding(Check::Right, Verdict::Ok, found).of(log));
    }
    let listed: Vec<String> = missing.iter().map(|action| format!("`{action}`")).collect();
    let found = format!("{} on {all}: missing", listed.join(", "));
    let finding = error(Check::Right, Kind::Forbidden, found).of(log);
    let means = "migrations are refused: each writes an entry";
    Some(finding.means(means).way_out(grant(database, log, &missing)))
}

/// The command that grants the actions to the role of the guide.
fn grant(database: &str, collection: &str, actions: &BTreeSet<&str>) -> String {
    let actions: Vec<String> = actions.iter().map(|action| format!("{action:?}")).collect();
    format!(
        "give the user the role `mongrateMigrate` of the guide \"Running in production\" (on Atlas: a custom role in its \
         UI); if the role exists, add to it: \
         db.getSiblingDB({database:?}).grantPrivilegesToRole(\"mongrateMigrate\", [{{ resource: {{ db: \
         {database:?}, collection: {collection:?} }}, actions: [{}] }}])",
        actions.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Bson, Document, doc};

    use super::*;
    use crate::{
        kinds::effect::{Index, Operation},
        model::error::Error,
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
    fn a_log_needs_its_own_rights() {
        let on_the_control = || on("migrations", vec!["find", "insert", "update"]);
        let of_the_log = |granted| {
            let mut facts = guarded();
            facts.log = Some("migrations.audit_log".to_owned());
            facts.privileges = Ok(user(granted));
            findings(&facts).remove(1)
        };
        let found = of_the_log(vec![on_the_control()]);
        assert_eq!(found.verdict, Verdict::Error);
        assert!(found.way_out.unwrap().contains("\"migrations.audit_log\""));
        // Who may only add to it may run.
        let appends = on("migrations.audit_log", vec!["find", "insert"]);
        assert_eq!(of_the_log(vec![on_the_control(), appends]).verdict, Verdict::Ok);
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
        facts.pending =
            Some(vec![Pending { version, name: "index", operations, rewrites: vec![] }]);
        let others = RIGHTS.iter().map(|(action, _)| *action).filter(|one| *one != "createIndex");
        let others = on("", others.collect());
        facts.privileges = Ok(user(vec![others.clone()]));
        let found = of(&facts, Check::Right);
        assert_eq!(found.verdict, Verdict::Error);
        assert!(found.consequence.unwrap().contains("7 `index`"));
        facts.privileges = Ok(user(vec![others, on("users", vec!["createIndex"])]));
        assert_eq!(of(&facts, Check::Right).verdict, Verdict::Warning);
    }

    /// What a view, a capped collection, a rename and a rewrite need beyond the usual.
    #[test]
    fn each_operation_needs_its_own_rights() {
        let name = || "adults".to_owned();
        let create = |options| Operation::CreateCollection { name: name(), options };
        let view = doc! { "viewOn": "users", "pipeline": [] };
        let capped = doc! { "capped": true, "size": 4_096 };
        let rename = Operation::RenameCollection { from: name(), to: "elders".to_owned() };
        let drop = Operation::DropCollection { name: name(), is_required: true };
        let rewrite = Operation::Rewrite { collection: name() };
        let hide = Operation::Modify { collection: name(), options: doc! {} };
        let guide: Vec<&str> = RIGHTS.iter().map(|(action, _)| *action).collect();
        let without = |left_out: &str| {
            let rights = guide.iter().copied().filter(|action| *action != left_out);
            on("", rights.collect())
        };
        let check = |operation: &Operation, privileges: Vec<Document>| {
            let mut facts = guarded();
            facts.privileges = Ok(user(privileges));
            let version = crate::model::version::Version::new(7);
            let operations = vec![operation.clone()];
            facts.pending =
                Some(vec![Pending { version, name: "x", operations, rewrites: vec![] }]);
            let found = findings(&facts);
            let errors = found.into_iter().filter(|finding| finding.verdict == Verdict::Error);
            errors.filter_map(|finding| finding.of).collect::<Vec<String>>()
        };
        let all = || on("", guide.clone());
        assert_eq!(check(&create(view.clone()), vec![all()]), ["createCollection"]);
        let may = || on("adults", vec!["createCollection", "convertToCapped"]);
        assert_eq!(check(&create(view), vec![all(), may()]), Vec::<String>::new());
        assert_eq!(check(&create(capped.clone()), vec![all()]), ["convertToCapped"]);
        assert_eq!(check(&create(capped), vec![all(), may()]), Vec::<String>::new());
        for (operation, needed, needless) in [
            (&rename, "createIndex", "remove"),
            (&rename, "dropCollection", "update"),
            (&drop, "createIndex", "remove"),
            (&rewrite, "remove", "createIndex"),
            (&rewrite, "dropCollection", "collMod"),
            (&hide, "collMod", "remove"),
        ] {
            let missing = check(operation, vec![without(needed)]);
            assert!(missing.contains(&needed.to_owned()), "{operation:?} {needed}: {missing:?}");
            let missing = check(operation, vec![without(needless)]);
            assert!(
                !missing.contains(&needless.to_owned()) || needless == "update",
                "{operation:?} {needless}: {missing:?}"
            );
        }
    }

    #[test]
    fn a_server_without_access_control_asks_nobody() {
        let mut facts = healthy();
        facts.privileges = Ok(user(vec![on("", vec!["find"])]));
        assert_eq!(of(&facts, Check::Right).verdict, Verdict::Ok);
        let mut facts = guarded();
        facts.privileges = Ok(user(vec![]));
        assert_eq!(of(&facts, Check::Right).verdict, Verdict::Ok);
        // A service may answer for the server.
        let mut facts = guarded();
        facts.status = healthy().status;
        facts.privileges = Ok(user(vec![on("migrations", vec!["find"])]));
        assert_eq!(of(&facts, Check::Right).verdict, Verdict::Error);
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

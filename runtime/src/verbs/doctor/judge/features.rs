//! What pending migrations declare that this version of the server does not know.

use mongodb::bson::Document;

use crate::{
    kinds::{change::search::is_without_search, effect::Operation},
    model::{
        error::kind::Kind,
        report::doctor::{
            DoctorCheck as Check, DoctorFinding as Finding, DoctorVerdict as Verdict,
        },
    },
    verbs::doctor::{
        facts::{Facts, Pending},
        finding::{MONITOR, error, finding},
        tested::series,
    },
};

/// A version of the server: the first two numbers.
type Since = (u32, u32);

/// Options of `create` and `collMod`, with the version that knows them. Each from the server's
/// documentation of the command.
const OF_COLLECTIONS: [(&str, Since); 8] = [
    ("cappedMax", (6, 0)),
    ("cappedSize", (6, 0)),
    ("changeStreamPreAndPostImages", (6, 0)),
    ("clusteredIndex", (5, 3)),
    ("encryptedFields", (7, 0)),
    ("timeseries", (5, 0)),
    ("timeseries.bucketMaxSpanSeconds", (6, 3)),
    ("timeseries.bucketRoundingSeconds", (6, 3)),
];

/// The same of indexes.
const OF_INDEXES: [(&str, Since); 2] = [("prepareUnique", (6, 0)), ("hidden", (4, 4))];

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let version = facts.build_info.get_str("version").unwrap_or_default();
    let binary = series(version);
    let feature = feature_version(facts);
    let here = feature.as_deref().map_or(binary, series);
    let mut findings = Vec::new();
    if here < binary && here > (0, 0) {
        findings.push(half_upgraded(version, binary, here));
    }
    let Some(all) = &facts.pending else {
        let found = "what pending migrations declare is not known: the history could not be read";
        findings.push(finding(Check::Features, Verdict::Unknown, found));
        return findings;
    };
    let refused = all.iter().flat_map(|pending| refusals(pending, here, facts));
    let before = findings.len();
    findings.extend(refused);
    if findings.len() == before {
        let depends = all.iter().flat_map(|pending| &pending.operations).flat_map(gates);
        // What a half-done upgrade may refuse.
        if here > (0, 0) && feature.is_none() && depends.count() > 0 {
            let found = format!(
                "MongoDB {version} knows all that the pending migrations declare, but its feature \
                 compatibility version, which may be older, is not known"
            );
            findings.push(finding(Check::Features, Verdict::Unknown, found).way_out(format!(
                "ask again as a user that has {MONITOR}; a mongos does not tell it"
            )));
            return findings;
        }
        findings.push(match (all.is_empty(), here > (0, 0)) {
            (true, _) => finding(Check::Features, Verdict::Ok, "no migration is pending"),
            (false, true) => {
                let found = "this version knows all that the pending migrations declare";
                finding(Check::Features, Verdict::Ok, found)
            }
            (false, false) => {
                let found = "what this server knows is not known: it tells no version";
                finding(Check::Features, Verdict::Unknown, found)
            }
        });
    }
    findings
}

fn half_upgraded(version: &str, binary: Since, here: Since) -> Finding {
    let found = format!(
        "the feature compatibility version is {}.{}, and the server is {version}",
        here.0, here.1
    );
    let confirm = if binary >= (7, 0) { ", confirm: true" } else { "" };
    finding(Check::Features, Verdict::Note, found)
        .means("what the newer version brought is refused until the upgrade is completed")
        .way_out(format!(
            "once you will not downgrade any more (on Atlas, in its UI): db.adminCommand({{ setFeatureCompatibilityVersion: \
             \"{}.{}\"{confirm} }})",
            binary.0, binary.1
        ))
}

/// What the server refuses of a migration.
fn refusals(pending: &Pending, here: Since, facts: &Facts) -> Vec<Finding> {
    let of = pending.text();
    let refused = |found: String, way_out: &str| {
        error(Check::Features, Kind::Failed, found)
            .of(of.clone())
            .means("the server refuses that operation; what comes before it is applied")
            .way_out(way_out)
    };
    let mut findings = Vec::new();
    let needs_search = pending.operations.iter().any(|one| matches!(one, Operation::Search { .. }));
    if needs_search && facts.search.as_ref().is_err_and(is_without_search) {
        let found = format!("{of} declares search indexes, and this deployment has no search");
        let way_out = "a deployment with search: MongoDB 6.0.7 or newer on Atlas, a local Atlas deployment, \
                       or a server with a `mongot`";
        findings.push(refused(found, way_out));
    }
    for (what, since) in pending.operations.iter().flat_map(gates) {
        if here > (0, 0) && here < since {
            let found = format!(
                "{of} declares {what}, which MongoDB has since {}.{}; the feature compatibility version here is \
                 {}.{}",
                since.0, since.1, here.0, here.1
            );
            let way_out = "upgrade the server and its feature compatibility version, or change the \
                           migration";
            findings.push(refused(found, way_out));
        }
    }
    findings
}

/// The feature compatibility version, as `6.0`, if this user may read it.
pub(in crate::verbs::doctor) fn feature_version(facts: &Facts) -> Option<String> {
    let parameters = facts.parameters.as_ref().ok()?;
    let version = parameters.get_document("featureCompatibilityVersion").ok()?;
    version.get_str("version").ok().map(str::to_owned)
}

/// What the operation needs of the server, with the version that has it.
fn gates(operation: &Operation) -> Vec<(String, Since)> {
    match operation {
        Operation::CreateCollection { options, .. } | Operation::Modify { options, .. } => {
            let mut gates = named(&OF_COLLECTIONS, options);
            if options.get_str("validationAction").is_ok_and(|action| action == "errorAndLog") {
                gates.push(("`validationAction: errorAndLog`".to_owned(), (8, 1)));
            }
            gates
        }
        Operation::CreateIndex(index) => {
            let mut gates = named(&OF_INDEXES, &index.options);
            let is_wildcard = index.keys.keys().any(|field| field.ends_with("$**"));
            if is_wildcard && index.keys.len() > 1 {
                gates.push(("a wildcard index with more keys".to_owned(), (7, 0)));
            }
            let is_hashed = index.keys.values().any(|kind| kind.as_str() == Some("hashed"));
            if is_hashed && index.keys.len() > 1 {
                gates.push(("a hashed index with more keys".to_owned(), (4, 4)));
            }
            gates
        }
        Operation::SetValidator { chain, .. } if chain.contains("errorAndLog") => {
            vec![("`validationAction: errorAndLog`".to_owned(), (8, 1))]
        }
        Operation::MakeUnique { .. } => {
            vec![("to make an index unique where it is".to_owned(), (6, 0))]
        }
        _ => Vec::new(),
    }
}

fn named(table: &[(&str, Since)], options: &Document) -> Vec<(String, Since)> {
    let has = |path: &str| match path.split_once('.') {
        Some((outer, inner)) => {
            options.get_document(outer).is_ok_and(|outer| outer.contains_key(inner))
        }
        None => options.contains_key(path),
    };
    let found = table.iter().filter(|(path, _)| has(path));
    found.map(|(path, since)| (format!("`{path}`"), *since)).collect()
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;
    use crate::{
        kinds::effect::Index,
        model::version::Version,
        verbs::doctor::{
            facts::Pending,
            judge::tests::{healthy, of},
        },
    };

    fn index(keys: Document, options: Document) -> Operation {
        let (collection, name) = ("users".to_owned(), "x".to_owned());
        Operation::CreateIndex(Index {
            collection,
            keys,
            options,
            given_name: None,
            name,
            if_not_exists: false,
        })
    }

    fn create(options: Document) -> Operation {
        Operation::CreateCollection { name: "users".to_owned(), options }
    }

    #[test]
    fn what_a_version_does_not_know_is_an_error_before_it_is_tried() {
        let series = || doc! { "timeseries": { "timeField": "at", "bucketMaxSpanSeconds": 60 } };
        let table = [
            ("4.4", create(series()), 2),
            ("6.0", create(series()), 1),
            ("7.0", create(series()), 0),
            ("6.0", index(doc! { "$**": 1, "a": 1 }, doc! {}), 1),
            ("7.0", index(doc! { "$**": 1, "a": 1 }, doc! {}), 0),
            ("6.0", index(doc! { "$**": 1 }, doc! {}), 0),
            ("5.0", index(doc! { "a": 1 }, doc! { "prepareUnique": true }), 1),
            ("8.0", create(doc! { "validationAction": "errorAndLog" }), 1),
        ];
        let version = Version::new(3);
        for (feature, operation, expected) in table {
            let mut facts = healthy();
            facts.parameters = Ok(doc! { "featureCompatibilityVersion": { "version": feature } });
            facts.build_info = doc! { "version": format!("{feature}.1") };
            let text = format!("{feature} {operation:?}");
            facts.pending = Some(vec![Pending {
                version,
                name: "new",
                operations: vec![operation],
                rewrites: vec![],
            }]);
            let errors = findings(&facts);
            let errors = errors.iter().filter(|finding| finding.verdict == Verdict::Error);
            assert_eq!(errors.count(), expected, "{text}");
        }
    }

    #[test]
    fn a_half_done_upgrade_is_told_and_counts() {
        let mut facts = healthy();
        facts.build_info = doc! { "version": "7.0.1" };
        let found = of(&facts, Check::Features);
        assert_eq!(found.verdict, Verdict::Note);
        assert!(
            found.way_out.unwrap().contains("setFeatureCompatibilityVersion: \"7.0\", confirm")
        );
    }
}

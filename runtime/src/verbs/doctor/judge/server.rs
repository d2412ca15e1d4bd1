//! What the server is.

use mongodb::bson::Document;

use crate::{
    model::report::doctor::{
        DoctorCheck as Check, DoctorFinding as Finding, DoctorVerdict as Verdict,
    },
    mongo::product::Product,
    verbs::doctor::{facts::Facts, finding::finding, tested},
};

const PAGE: &str = "docs/servers.md says what is needed, and why";

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let product = Product::recognise(&facts.hello, &facts.build_info);
    vec![server(product, facts), topology(product, &facts.hello)]
}

fn server(product: Product, facts: &Facts) -> Finding {
    let name = product.name();
    let version = facts.build_info.get_str("version").unwrap_or_default();
    let what = format!("{name} {version}").trim_end().to_owned();
    if let Some(lack) = product.lacks() {
        return finding(Check::Server, Verdict::Error, format!("{what}: {lack}"))
            .means("migrations are refused before the first write")
            .way_out(PAGE);
    }
    let warns = |found: String| {
        finding(Check::Server, Verdict::Warning, found)
            .means("what Mongrate promises was not tried on it")
            .way_out("try your migrations in a copy of the database; docs/servers.md says how to run Mongrate's own tests on it")
    };
    if product == Product::DocumentDb {
        return warns(format!("{what}: untested"));
    }
    match tested::is_tested(version) {
        true => finding(Check::Server, Verdict::Ok, format!("{what}, a version that is tested")),
        false => warns(format!("{what}: untested (tested are {})", tested::SERIES.join(", "))),
    }
}

fn topology(product: Product, hello: &Document) -> Finding {
    if product == Product::Standalone {
        return finding(
            Check::Topology,
            Verdict::Error,
            "a standalone server, which has no transactions",
        )
        .means("migrations are refused before the first write")
        .way_out(
            "start `mongod` with `--replSet rs0`, and run `rs.initiate()` once; one node is enough",
        );
    }
    if hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid") {
        return finding(Check::Topology, Verdict::Warning, "a sharded cluster: untested")
            .means("what Mongrate promises was not tried on it")
            .way_out(
                "try your migrations in a copy of the cluster; docs/servers.md says what is known",
            );
    }
    let count = |name: &str| hello.get_array(name).map_or(0, Vec::len);
    let is_primary = ["isWritablePrimary", "ismaster"]
        .into_iter()
        .any(|name| hello.get_bool(name).unwrap_or(false));
    let (members, arbiters) = (count("hosts") + count("passives"), count("arbiters"));
    let set = hello
        .get_str("setName")
        .map_or_else(|_| "a replica set".to_owned(), |name| format!("the replica set `{name}`"));
    if !is_primary {
        return finding(Check::Topology, Verdict::Error, format!("a member of {set} that takes no writes"))
            .means("migrations cannot write")
            .way_out("connect to the whole set: `replicaSet=NAME` in the connection string instead of `directConnection=true`; or wait for the end of an election");
    }
    let voters = match arbiters {
        0 => String::new(),
        1 => " and an arbiter".to_owned(),
        more => format!(" and {more} arbiters"),
    };
    let plural = if members == 1 { "" } else { "s" };
    let found = format!("{set}: {members} member{plural} with data{voters}");
    match members {
        0 | 3.. if arbiters == 0 => finding(Check::Topology, Verdict::Ok, found),
        1 => finding(Check::Topology, Verdict::Note, found)
            .means("right for development; in production nothing is available while this node restarts, and its disk has the only copy"),
        _ => finding(Check::Topology, Verdict::Warning, found)
            .means("if a member with data is down, no majority may be left to confirm a write: then migrations wait, and fail")
            .way_out("three members with data"),
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;
    use crate::verbs::doctor::judge::tests::{healthy, of};

    #[test]
    fn products_and_versions() {
        let amazon = doc! { "setName": "rs0", "me": "x.docdb.amazonaws.com:27017" };
        let table = [
            (None, doc! { "version": "4.4.2" }, Verdict::Ok, "MongoDB 4.4.2"),
            (None, doc! { "version": "6.0.27" }, Verdict::Ok, "MongoDB 6.0.27"),
            (None, doc! { "version": "8.2.1" }, Verdict::Warning, "MongoDB 8.2.1: untested"),
            (None, doc! { "version": "6.1.0-rc1" }, Verdict::Warning, "untested"),
            (None, doc! {}, Verdict::Warning, "untested"),
            (
                Some(amazon),
                doc! { "version": "5.0.0" },
                Verdict::Error,
                "Amazon DocumentDB 5.0.0: ",
            ),
            (None, doc! { "ferretdbVersion": "1" }, Verdict::Error, "FerretDB: "),
        ];
        for (hello, build_info, verdict, text) in table {
            let mut facts = healthy();
            facts.hello = hello.unwrap_or(facts.hello);
            facts.build_info = build_info;
            let found = of(&facts, Check::Server);
            assert_eq!(found.verdict, verdict, "{found:?}");
            assert!(found.found.contains(text), "{found:?}");
        }
    }

    #[test]
    fn topologies() {
        let primary =
            |hosts: &[&str]| doc! { "setName": "rs0", "isWritablePrimary": true, "hosts": hosts };
        let with = |mut hello: Document, more: Document| {
            hello.extend(more);
            hello
        };
        let table = [
            (primary(&["a", "b", "c"]), Verdict::Ok, "3 members with data"),
            (primary(&["a"]), Verdict::Note, "1 member with data"),
            (primary(&["a", "b"]), Verdict::Warning, "2 members with data"),
            (
                with(primary(&["a", "b"]), doc! { "arbiters": ["c"] }),
                Verdict::Warning,
                "and an arbiter",
            ),
            (
                with(primary(&["a"]), doc! { "isWritablePrimary": false }),
                Verdict::Error,
                "takes no writes",
            ),
            (doc! { "msg": "isdbgrid", "isWritablePrimary": true }, Verdict::Warning, "sharded"),
            (doc! { "isWritablePrimary": true }, Verdict::Error, "standalone"),
        ];
        for (hello, verdict, text) in table {
            let mut facts = healthy();
            facts.hello = hello;
            let found = of(&facts, Check::Topology);
            assert_eq!(found.verdict, verdict, "{found:?}");
            assert!(found.found.contains(text), "{found:?}");
        }
    }
}

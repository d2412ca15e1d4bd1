//! What the server is.

use mongodb::bson::Document;

use super::members::Members;
use crate::{
    model::{
        error::kind::Kind,
        report::doctor::{
            DoctorCheck as Check, DoctorFinding as Finding, DoctorVerdict as Verdict,
        },
    },
    mongo::product::Product,
    verbs::doctor::{
        facts::Facts,
        finding::{error, finding},
        tested,
    },
};

const PAGE: &str = "the guide \"Which servers work\" says what is needed, and why";

const REFUSED: &str = "migrations are refused before the first write";

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let product = Product::recognise(&facts.hello, &facts.build_info);
    vec![server(product, facts), topology(product, facts)]
}

fn server(product: Product, facts: &Facts) -> Finding {
    let name = product.name();
    let version = facts.build_info.get_str("version").unwrap_or_default();
    let what = format!("{name} {version}").trim_end().to_owned();
    if let Some(lack) = product.lacks() {
        return error(Check::Server, Kind::Unavailable, format!("{what}: {lack}"))
            .means(REFUSED)
            .way_out(PAGE);
    }
    if version.is_empty() {
        return finding(Check::Server, Verdict::Unknown, format!("{what}: it tells no version"));
    }
    if product != Product::DocumentDb && tested::is_tested(version) {
        return finding(
            Check::Server,
            Verdict::Ok,
            format!("{what}: Mongrate's tests run on this series"),
        );
    }
    let tested = tested::SERIES.join(", ");
    let found = format!("{what}: not tested (tested are MongoDB {tested})");
    finding(Check::Server, Verdict::Warning, found)
        .means("what Mongrate promises was not tried on it")
        .way_out(
            "try your migrations in a copy of the database; the guide \"Which servers work\" says how to run Mongrate's \
             own tests on it",
        )
}

fn topology(product: Product, facts: &Facts) -> Finding {
    let hello = &facts.hello;
    let check = Check::Topology;
    if product == Product::Standalone {
        return error(check, Kind::Unavailable, "a standalone server, which has no transactions")
            .means(REFUSED)
            .way_out(
                "start `mongod` with `--replSet rs0`, and run `rs.initiate()` once; one node is enough",
            );
    }
    if hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid") {
        return finding(check, Verdict::Warning, "a sharded cluster: not tested")
            .means("what Mongrate promises was not tried on it")
            .way_out(
                "try your migrations in a copy of the cluster; the guide \"Which servers work\" says what is known",
            );
    }
    let set = hello
        .get_str("setName")
        .map_or_else(|_| "a replica set".to_owned(), |name| format!("the replica set `{name}`"));
    if !takes_writes(hello) {
        return error(check, Kind::Unavailable, format!("a member of {set} that takes no writes"))
            .means("migrations cannot write")
            .way_out(
                "connect to the whole set: `replicaSet=NAME` in the connection string instead of \
                 `directConnection=true`; or wait for the end of an election",
            );
    }
    members(&set, Members::of(facts))
}

fn takes_writes(hello: &Document) -> bool {
    let is = |name: &str| hello.get_bool(name).unwrap_or(false);
    is("isWritablePrimary") || is("ismaster")
}

fn members(set: &str, members: Members) -> Finding {
    let check = Check::Topology;
    let Members { with_data, arbiters, is_exact } = members;
    let plural = if with_data == 1 { "" } else { "s" };
    let voters = match arbiters {
        0 => String::new(),
        1 => " and an arbiter".to_owned(),
        more => format!(" and {more} arbiters"),
    };
    let seen = if is_exact { "" } else { " that clients see" };
    let found = format!("{set}: {with_data} member{plural} with data{voters}{seen}");
    if with_data == 0 || members.outlive_one() {
        return finding(check, Verdict::Ok, found);
    }
    if !is_exact {
        return finding(check, Verdict::Note, found).means(
            "if the set has no hidden members, no write gets a majority while a member with data is \
                    down; a user with `clusterMonitor` is told",
        );
    }
    if with_data == 1 && arbiters == 0 {
        return finding(check, Verdict::Note, found).means(
            "right for development; in production nothing is available while this node restarts, and \
             its disk has the only copy",
        );
    }
    let way_out = match arbiters {
        0 => "add a member with data",
        _ => {
            "replace the arbiter by a member with data, or remove it if the number of members with \
              data is odd"
        }
    };
    finding(check, Verdict::Warning, found)
        .means(
            "while a member with data is down, no write gets a majority: migrations wait, and fail",
        )
        .way_out(way_out)
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;
    use crate::{
        mongo::server_error::ServerError,
        verbs::doctor::judge::tests::{healthy, of},
    };

    #[test]
    fn products_and_versions() {
        let amazon = doc! { "setName": "rs0", "me": "x.docdb.amazonaws.com:27017" };
        let table = [
            (None, doc! { "version": "4.4.2" }, Verdict::Ok, "MongoDB 4.4.2"),
            (None, doc! { "version": "6.0.27" }, Verdict::Ok, "MongoDB 6.0.27"),
            (None, doc! { "version": "8.2.1" }, Verdict::Warning, "MongoDB 8.2.1: not tested"),
            (None, doc! { "version": "6.1.0-rc1" }, Verdict::Warning, "not tested"),
            (None, doc! {}, Verdict::Unknown, "no version"),
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
        let hello = |writes: bool, hosts: &[&str]| {
            doc! {
                "setName": "rs0", "isWritablePrimary": writes, "hosts": hosts,
            }
        };
        let member = |votes: i32, arbiter: bool| doc! { "votes": votes, "arbiterOnly": arbiter };
        let config = |members: Vec<Document>| Some(doc! { "members": members });
        let (data, arbiter, silent) = (member(1, false), member(1, true), member(0, false));
        let three = vec![data.clone(), data.clone(), data.clone()];
        let two = vec![data.clone(), data.clone(), silent];
        let mixed = vec![data.clone(), data.clone(), arbiter.clone()];
        let even = [three.clone(), vec![arbiter]].concat();
        let seen = hello(true, &["a", "b"]);
        let table = [
            (seen.clone(), config(three), Verdict::Ok, "3 members with data"),
            (seen.clone(), config(vec![data]), Verdict::Note, "1 member with data"),
            (seen.clone(), config(two), Verdict::Warning, "2 members with data"),
            (seen.clone(), config(mixed), Verdict::Warning, "2 members with data and an arbiter"),
            (seen.clone(), config(even), Verdict::Warning, "3 members with data and an arbiter"),
            // A hidden member may be the third.
            (seen, None, Verdict::Note, "2 members with data that clients see"),
            (hello(true, &["a", "b", "c"]), None, Verdict::Ok, "3 members"),
            (hello(false, &["a"]), None, Verdict::Error, "takes no writes"),
            (doc! { "msg": "isdbgrid", "ismaster": true }, None, Verdict::Warning, "sharded"),
            (doc! { "isWritablePrimary": true }, None, Verdict::Error, "standalone"),
        ];
        for (hello, config, verdict, text) in table {
            let mut facts = healthy();
            facts.hello = hello;
            facts.config = config.ok_or_else(|| ServerError::in_reply("no", Some(13)));
            let found = of(&facts, Check::Topology);
            assert_eq!(found.verdict, verdict, "{found:?}");
            assert!(found.found.contains(text), "{found:?}");
        }
    }
}

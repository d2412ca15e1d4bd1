//! A look-alike of a mongos: what it says of itself and of transactions, in front of a replica set of one
//! node. It is no sharded cluster: there is one shard, and no collection is sharded.
//! <https://github.com/mongodb/specifications/blob/master/source/transactions/transactions.md#sharded-transactions>

use mongrate::bson::{Document, doc};

use crate::between::Between;

/// What a member of a replica set says of itself in `hello`, and a mongos does not.
const OF_A_MEMBER: [&str; 14] = [
    "arbiterOnly",
    "arbiters",
    "electionId",
    "hidden",
    "hosts",
    "isreplicaset",
    "lastWrite",
    "me",
    "passive",
    "passives",
    "primary",
    "secondary",
    "setName",
    "setVersion",
];

/// Commands of a member of a replica set.
const UNKNOWN: [&str; 3] = ["replSetGetConfig", "replSetGetStatus", "replSetStepDown"];

/// The look-alike.
#[derive(Clone, Copy, Debug)]
pub struct Mongos;

fn name(command: &Document) -> &str {
    command.keys().next().map(String::as_str).unwrap_or_default()
}

impl Between for Mongos {
    fn answer(&self, command: &Document) -> Option<Document> {
        let name = name(command);
        if UNKNOWN.contains(&name) {
            let text = format!("no such command: '{name}'");
            return Some(
                doc! { "ok": 0, "code": 59, "codeName": "CommandNotFound", "errmsg": text },
            );
        }
        let asked = "featureCompatibilityVersion";
        (name == "getParameter" && command.contains_key(asked)).then(|| {
            doc! { "ok": 0, "code": 72, "codeName": "InvalidOptions", "errmsg": "no option found to get" }
        })
    }

    /// What names the shard that knows how a transaction ended is between a client and a mongos.
    fn command(&self, command: &Document) -> Option<Document> {
        command.contains_key("recoveryToken").then(|| {
            let mut command = command.clone();
            command.remove("recoveryToken");
            command
        })
    }

    fn reply(&self, command: Option<&Document>, reply: &Document) -> Option<Document> {
        let mut reply = reply.clone();
        if reply.contains_key("maxWireVersion") {
            OF_A_MEMBER.into_iter().for_each(|own| drop(reply.remove(own)));
            reply.insert("msg", "isdbgrid");
            return Some(reply);
        }
        let own =
            ["electionId", "opTime", "$gleStats", "lastCommittedOpTime", "oplog", "wiredTiger"];
        own.into_iter().for_each(|own| drop(reply.remove(own)));
        let in_a_transaction = command.is_some_and(|command| {
            command.get_bool("autocommit").is_ok_and(|auto| !auto)
                && reply.get_f64("ok").is_ok_and(|ok| ok > 0.0)
        });
        if in_a_transaction {
            reply.insert("recoveryToken", doc! { "recoveryShardId": "shard0" });
        }
        Some(reply)
    }
}

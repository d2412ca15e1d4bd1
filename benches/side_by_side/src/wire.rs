//! Commands on the wire as the server counts them, for programs in any language.

use std::collections::BTreeMap;

use mongodb::{
    Client,
    bson::{Bson, doc},
};

use crate::problem::Problem;

/// Commands of a connection, and those of the counting itself.
const NOT_COUNTED: [&str; 11] = [
    "hello",
    "isMaster",
    "ismaster",
    "ping",
    "endSessions",
    "saslStart",
    "saslContinue",
    "authenticate",
    "getnonce",
    "serverStatus",
    "top",
];

/// The number of times each command was run since the server started.
#[derive(Clone, Debug, Default)]
pub struct CommandCounts(BTreeMap<String, i64>);

impl CommandCounts {
    /// Reads the counts from the server.
    ///
    /// # Errors
    ///
    /// The driver's errors.
    pub async fn now(client: &Client) -> Result<Self, Problem> {
        let admin = client.database("admin");
        let reply = admin.run_command(doc! { "serverStatus": 1 }).await?;
        let commands = reply.get_document("metrics")?.get_document("commands")?;
        let counted = commands.iter().filter_map(|(name, about)| {
            let total = whole(about.as_document()?.get("total"));
            (!NOT_COUNTED.contains(&name.as_str())).then(|| (name.clone(), total))
        });
        let mut counted: BTreeMap<String, i64> = counted.collect();
        // The server looks for a session's earlier transactions with a `find` of its own, which no
        // client has sent.
        let reply = admin.run_command(doc! { "top": 1 }).await?;
        let own = reply.get_document("totals")?.iter().filter_map(|(name, about)| {
            let inner = name.starts_with("config.") || name.starts_with("local.");
            let queries = about.as_document().filter(|_| inner)?.get_document("queries").ok()?;
            Some(whole(queries.get("count")))
        });
        let own: i64 = own.sum();
        counted.entry("find".to_owned()).and_modify(|total| *total -= own);
        Ok(Self(counted))
    }

    /// The commands since `before`, by name.
    pub fn since(&self, before: &Self) -> BTreeMap<String, u64> {
        let more = |name: &str, total: i64| {
            u64::try_from(total - before.0.get(name).copied().unwrap_or_default()).unwrap_or(0)
        };
        let all = self.0.iter().map(|(name, total)| (name.clone(), more(name, *total)));
        all.filter(|(_, more)| *more > 0).collect()
    }
}

fn whole(number: Option<&Bson>) -> i64 {
    match number {
        Some(Bson::Int64(number)) => *number,
        Some(Bson::Int32(number)) => i64::from(*number),
        _ => 0,
    }
}

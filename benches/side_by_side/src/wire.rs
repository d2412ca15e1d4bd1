//! Commands on the wire, as the server counts them: of any process, in any language.

use std::collections::BTreeMap;

use mongodb::{
    Client,
    bson::{Bson, Document, doc},
};

use crate::Problem;

/// Of connections rather than of work, or our own. `serverStatus` is what the counting itself sends.
const NOT_COUNTED: [&str; 10] = [
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
];

/// How often each command was run since the server started.
#[derive(Clone, Debug, Default)]
pub struct Count(BTreeMap<String, i64>);

impl Count {
    /// As the server has it now.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub async fn now(client: &Client) -> Result<Self, Problem> {
        let reply = client.database("admin").run_command(doc! { "serverStatus": 1 }).await?;
        let commands = reply.get_document("metrics")?.get_document("commands")?;
        let total = |about: &Document| match about.get("total") {
            Some(Bson::Int64(total)) => *total,
            Some(Bson::Int32(total)) => i64::from(*total),
            _ => 0,
        };
        let counted = commands.iter().filter_map(|(name, about)| {
            let about = about.as_document()?;
            (!NOT_COUNTED.contains(&name.as_str())).then(|| (name.clone(), total(about)))
        });
        Ok(Self(counted.collect()))
    }

    /// What has come since `before`, by name.
    pub fn since(&self, before: &Self) -> BTreeMap<String, u64> {
        let more = |name: &str, total: i64| {
            u64::try_from(total - before.0.get(name).copied().unwrap_or_default()).unwrap_or(0)
        };
        let all = self.0.iter().map(|(name, total)| (name.clone(), more(name, *total)));
        all.filter(|(_, more)| *more > 0).collect()
    }
}

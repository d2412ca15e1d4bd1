//! What happens to a replica set of three while rounds run on it: stepdowns, kills and
//! freezes of its primary.

use std::time::{Duration, Instant};

use mongrate::{
    bson::{Bson, Document, doc},
    embedded::Embedded,
    mongodb::{Client, error::Error, options::ClientOptions},
};

/// A replica set of three that elects fast.
#[derive(Debug)]
pub struct Set {
    /// The servers.
    pub server: Embedded,
    admin: Client,
}

/// What went wrong with the set itself, which is no verdict on Mongrate.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long an election may take before the set itself counts as broken.
const ELECTION_MAX: Duration = Duration::from_secs(60);

impl Set {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub async fn start() -> Result<Self, Failure> {
        let server = Embedded::builder().test_commands().private().quiet(true).nodes(3);
        let server = server.start().await?;
        let mut options = ClientOptions::parse(server.uri()).await?;
        options.server_selection_timeout = Some(Duration::from_secs(5));
        let admin = Client::with_options(options)?;
        let set = Self { server, admin };
        set.elect_fast().await?;
        Ok(set)
    }

    /// A quarter of a second between heartbeats, one until an election, so that there can be
    /// many; the default is ten.
    async fn elect_fast(&self) -> Result<(), Error> {
        let admin = self.admin.database("admin");
        let reply = admin.run_command(doc! { "replSetGetConfig": 1 }).await?;
        let Ok(config) = reply.get_document("config") else { return Ok(()) };
        let mut config = config.clone();
        let version = match config.get("version") {
            Some(Bson::Int32(version)) => i64::from(*version),
            Some(Bson::Int64(version)) => *version,
            _ => 1,
        };
        config.insert("version", version + 1);
        if let Ok(settings) = config.get_document_mut("settings") {
            settings.insert("electionTimeoutMillis", 1_000);
            settings.insert("heartbeatIntervalMillis", 250);
        }
        admin.run_command(doc! { "replSetReconfig": config }).await.map(drop)
    }

    /// The node that takes writes, by asking each: `None` while there is none.
    pub async fn primary(&self) -> Option<usize> {
        let admin = self.admin.database("admin");
        let hello: Document = admin.run_command(doc! { "hello": 1 }).await.ok()?;
        let name = hello.get_str("primary").ok()?;
        self.server.hosts().iter().position(|host| host == name)
    }

    /// Waits until there is a primary that is not `former`; how long that took.
    ///
    /// # Errors
    ///
    /// When there is none for a minute.
    pub async fn elected(&self, former: Option<usize>) -> Result<Duration, Failure> {
        let begun = Instant::now();
        while begun.elapsed() < ELECTION_MAX {
            match self.primary().await {
                Some(primary) if Some(primary) != former => return Ok(begun.elapsed()),
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        Err("no primary for a minute".into())
    }

    /// The primary is told to step down at once.
    ///
    /// # Errors
    ///
    /// When there is no new one.
    pub async fn step_down(&self) -> Result<Duration, Failure> {
        let command = doc! { "replSetStepDown": 1, "secondaryCatchUpPeriodSecs": 0, "force": true };
        loop {
            match self.admin.database("admin").run_command(command.clone()).await {
                Ok(_) => return self.elected(None).await,
                // Not a primary any more, or the connection went with it; the latter has
                // stepped down, but is not counted.
                Err(_) => drop(self.elected(None).await?),
            }
        }
    }

    /// `kill -9` of the primary, an election, and its restart. How long the election took.
    ///
    /// # Errors
    ///
    /// When the set does not recover.
    pub async fn kill_primary(&self) -> Result<Duration, Failure> {
        self.elected(None).await?;
        let primary = self.primary().await.ok_or("no primary")?;
        self.server.kill_node(primary).await?;
        let election = self.elected(Some(primary)).await?;
        self.server.restart_node(primary).await?;
        Ok(election)
    }

    /// The primary is frozen until another one is elected, and thawed.
    ///
    /// # Errors
    ///
    /// When the set does not recover.
    pub async fn freeze_primary(&self) -> Result<Duration, Failure> {
        self.elected(None).await?;
        let primary = self.primary().await.ok_or("no primary")?;
        self.server.freeze_node(primary)?;
        let mut options = ClientOptions::parse(self.server.uri()).await?;
        options.hosts.remove(primary);
        options.server_selection_timeout = Some(Duration::from_secs(30));
        let begun = Instant::now();
        let others = Client::with_options(options)?;
        let ping = others.database("admin").run_command(doc! { "ping": 1 }).await;
        let election = begun.elapsed();
        self.server.thaw_node(primary)?;
        ping?;
        Ok(election)
    }

    /// Ends it.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

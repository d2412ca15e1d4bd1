//! Runs a command with `MONGODB_URI` set to a sharded cluster of its own, and ends with its exit code: a
//! config server, two shards of one node each, and a mongos. `MONGOD` and `MONGOS` name the programs:
//! `MONGOS=/path/to/mongos bash tests/matrix cluster`.

use std::{
    error::Error,
    net::TcpListener,
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use mongrate::{
    bson::{Document, doc},
    mongodb::{Client, options::ClientOptions},
};

type Failure = Box<dyn Error + Send + Sync>;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, killed with this process's value.
struct Server {
    process: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    fn start(program: &str, place: &Path, name: &str, own: &[&str]) -> Result<Self, Failure> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(program);
        command.args(["--bind_ip", "127.0.0.1", "--port", &port.to_string()]).args(own);
        command.args(["--setParameter", "enableTestCommands=1"]);
        command.arg("--logpath").arg(place.join(format!("{name}.log"))).stdout(Stdio::null());
        Ok(Self { process: command.spawn()?, address: format!("127.0.0.1:{port}") })
    }

    async fn client(&self) -> Result<Client, Failure> {
        let uri = format!("mongodb://{}/?directConnection=true", self.address);
        let mut options = ClientOptions::parse(uri).await?;
        options.server_selection_timeout = Some(Duration::from_secs(2));
        Ok(Client::with_options(options)?)
    }

    /// Sends the command until it succeeds.
    async fn until_done(&self, command: Document) -> Result<Document, Failure> {
        let (admin, begun) = (self.client().await?.database("admin"), Instant::now());
        loop {
            match admin.run_command(command.clone()).await {
                Ok(reply) => return Ok(reply),
                Err(error) if begun.elapsed() > PATIENCE => return Err(error.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// A replica set of one node, as a shard or as the config server of a cluster.
    async fn member(mongod: &str, place: &Path, set: &str, role: &str) -> Result<Self, Failure> {
        let data = place.join(set);
        std::fs::create_dir(&data)?;
        let data = data.to_string_lossy().into_owned();
        let own = [role, "--replSet", set, "--dbpath", &data, "--wiredTigerCacheSizeGB", "0.25"];
        let server = Self::start(mongod, place, set, &own)?;
        let members = vec![doc! { "_id": 0, "host": &server.address }];
        let config = doc! { "_id": set, "configsvr": role == "--configsvr", "members": members };
        server.until_done(doc! { "replSetInitiate": config }).await?;
        let begun = Instant::now();
        loop {
            let hello = server.until_done(doc! { "hello": 1 }).await?;
            if hello.get_bool("isWritablePrimary").unwrap_or(false) {
                return Ok(server);
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("{set} has no primary").into());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

async fn run(arguments: &[std::ffi::OsString]) -> Result<u8, Failure> {
    let named = |name: &str| std::env::var(name).map_err(|_| format!("{name} names no program"));
    let (mongod, mongos) = (named("MONGOD")?, named("MONGOS")?);
    let place = tempfile::tempdir()?;
    let config = Server::member(&mongod, place.path(), "config", "--configsvr").await?;
    let mut shards = Vec::new();
    for set in ["shard0", "shard1"] {
        shards.push((set, Server::member(&mongod, place.path(), set, "--shardsvr").await?));
    }
    let of = format!("config/{}", config.address);
    let router = Server::start(&mongos, place.path(), "mongos", &["--configdb", &of])?;
    for (set, shard) in &shards {
        let add = doc! { "addShard": format!("{set}/{}", shard.address) };
        router.until_done(add).await?;
    }
    let (program, rest) = arguments.split_first().ok_or("usage: cluster COMMAND [ARGUMENT…]")?;
    let mut command = Command::new(program);
    command
        .args(rest)
        .env("MONGODB_URI", format!("mongodb://{}/?retryWrites=true", router.address));
    let status = tokio::task::spawn_blocking(move || command.status()).await??;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match run(&arguments).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(69)
        }
    }
}

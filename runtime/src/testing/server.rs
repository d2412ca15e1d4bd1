//! The server of all tests, and what one process needs to reach it: one runtime, one client.
//!
//! A driver's client lives on the runtime that it was made on. Tests come and go, so both the
//! client and the runtime belong to the process.

use std::{env, sync::OnceLock, time::Duration};

use mongodb::{Client, options::ClientOptions};
use tokio::runtime::{Builder, Runtime};

use super::error::TestError;
use crate::embedded::Embedded;

/// The most connections of a process to one server, besides those that monitor it.
const CONNECTIONS_MAX: u32 = 48;

const SELECTION_WAIT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct Server {
    pub(super) runtime: Runtime,
    pub(super) client: Client,
    pub(super) uri: String,
    /// How long the embedded server runs after its last user; `None`: it is not embedded.
    pub(super) linger: Option<Duration>,
    _embedded: Option<Embedded>,
}

/// The server of this process; the first call starts it.
pub(super) fn get() -> Result<&'static Server, TestError> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    match SERVER.get_or_init(|| start().map_err(|error| error.to_string())) {
        Ok(server) => Ok(server),
        Err(problem) => Err(TestError::set_up("reach a MongoDB for the tests", problem)),
    }
}

fn start() -> Result<Server, Box<dyn std::error::Error>> {
    let workers = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("mongrate-test")
        .enable_all()
        .build()?;
    let given = env::var("MONGODB_URI").ok().filter(|uri| !uri.trim().is_empty());
    let (uri, linger, embedded) = match given {
        Some(uri) => (uri, None, None),
        None => {
            let mut builder = Embedded::builder().test_commands();
            let mut linger = Duration::from_secs(5);
            if let Some(asked) = env::var_os("MONGRATE_TEST_LINGER") {
                let asked = asked.to_string_lossy();
                let seconds = asked.trim().parse().map_err(|_| {
                    format!("MONGRATE_TEST_LINGER is a number of seconds, not `{asked}`")
                })?;
                linger = Duration::from_secs(seconds);
                builder = builder.linger(linger);
            }
            let embedded = runtime.block_on(builder.start())?;
            (embedded.uri().to_owned(), Some(linger), Some(embedded))
        }
    };
    let client = runtime.block_on(client(&uri, "mongrate-test", |_| {}))?;
    Ok(Server { runtime, client, uri, linger, _embedded: embedded })
}

/// A client of its own.
pub(super) async fn client(
    uri: &str,
    app: &str,
    change: impl FnOnce(&mut ClientOptions),
) -> Result<Client, mongodb::error::Error> {
    let mut options = ClientOptions::parse(uri).await?;
    options.app_name = Some(app.to_owned());
    options.max_pool_size = Some(CONNECTIONS_MAX);
    options.server_selection_timeout = Some(SELECTION_WAIT);
    change(&mut options);
    Client::with_options(options)
}

//! Settings of an embedded server, each with its default.

use std::{path::PathBuf, time::Duration};

use super::{Embedded, EmbeddedError, settings::Settings};

/// Settings of an [`Embedded`] server; from [`Embedded::builder`].
///
/// Without any, it is a scratch server for tests: all processes of this user with equal settings
/// share it, its data are gone when it ends, and it ends 5 s after its last user.
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is started before `start`"]
pub struct EmbeddedBuilder {
    settings: Settings,
}

impl EmbeddedBuilder {
    /// Keeps the data in this directory, which is created if need be. Default: nowhere.
    ///
    /// All processes that name the same directory share the server. Its port, and so its URI, stay
    /// the same between starts unless another program has taken the port meanwhile.
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.data_dir = Some(path.into());
        self
    }

    /// How long the server goes on after its last user has gone, so that the next need not start
    /// one. At most an hour, with the milliseconds' precision of `sleep`. Default: 5 s for the
    /// shared scratch server, otherwise none.
    ///
    /// Whoever starts the server decides; those who join it do not change that.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.settings.linger = Some(linger);
        self
    }

    /// Sets a server parameter, as `mongod --setParameter name=value` does. Default: none.
    pub fn server_parameter(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.settings.parameters.insert(name.into(), value.to_string());
        self
    }

    /// Allows the server's test commands, `configureFailPoint` among them. Default: off.
    ///
    /// Short for the server parameter `enableTestCommands`.
    pub fn test_commands(self) -> Self {
        self.server_parameter("enableTestCommands", 1)
    }

    /// The number of nodes, 1 or 3. Default: 1.
    ///
    /// Three are for tests of failover: always a scratch server, and never shared.
    pub fn nodes(mut self, nodes: u8) -> Self {
        // 0 stands for the default inside; outside it is a mistake like any other.
        self.settings.nodes = if nodes == 0 { u8::MAX } else { nodes };
        self
    }

    /// No replica set, just a server: without transactions. Default: a replica set.
    pub fn standalone(mut self) -> Self {
        self.settings.standalone = true;
        self
    }

    /// A scratch server that nobody else finds, for a test that does it harm. Default: shared.
    pub fn private(mut self) -> Self {
        self.settings.private = true;
        self
    }

    /// Says nothing on stderr, not even that it downloads a server. Default: `false`.
    pub fn quiet(mut self, quiet: bool) -> Self {
        self.settings.quiet = quiet;
        self
    }

    /// The `mongod` to run, before all other places. Default: see [`mongod_binary`].
    ///
    /// [`mongod_binary`]: super::mongod_binary
    pub fn binary(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.binary = Some(path.into());
        self
    }

    /// Joins the server with these settings if it runs (3 ms), otherwise starts it (1 s; more if
    /// a `mongod` has to be downloaded first), and waits until it takes writes.
    ///
    /// # Errors
    ///
    /// See [`EmbeddedError`]. Whatever was started before the error is ended; data are kept.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future gives the attempt up within milliseconds, and ends what it
    /// had started. A download begins anew the next time.
    pub async fn start(self) -> Result<Embedded, EmbeddedError> {
        Embedded::start_with(self.settings).await
    }
}

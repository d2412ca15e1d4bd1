//! Settings of an embedded server, each with its default, and the ways to a server from them.

use std::{path::PathBuf, time::Duration};

use crate::{Embedded, error::EmbeddedError, settings::Settings};

/// Settings of an [`Embedded`] server; from [`Embedded::builder`].
///
/// The defaults give a scratch server for tests: all processes of this user with equal settings
/// share the server, its data is removed when it ends, and it ends 5 s after its last user.
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is started before `start`"]
pub struct EmbeddedBuilder {
    settings: Settings,
}

impl EmbeddedBuilder {
    /// Keeps the data in this directory, and creates the directory if need be. Default: the data is
    /// not kept.
    ///
    /// All processes that name the same directory share the server. Its port, and so its URI, stay
    /// the same between starts unless another program has taken the port meanwhile.
    ///
    /// If the first start on a directory is broken off, the next puts what is there aside and begins anew:
    /// a `mongod` that is killed while it creates its database may leave files that it cannot open.
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.data_dir = Some(path.into());
        self
    }

    /// Sets how long the server runs after its last user has ended, so that the next user need not
    /// start a server. At most an hour, with the milliseconds' precision of `sleep`. Default: 5 s
    /// for the shared scratch server, otherwise none.
    ///
    /// The process that starts the server decides; the processes that join it do not change that.
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

    /// Sets the number of nodes, 1 or 3. Default: 1.
    ///
    /// Three nodes are for tests of failover: always a scratch server, and never shared.
    pub fn nodes(mut self, nodes: u8) -> Self {
        // In `Settings` 0 is the default; from a caller 0 is as wrong as any other number.
        self.settings.nodes = if nodes == 0 { u8::MAX } else { nodes };
        self
    }

    /// Starts a single server that is no replica set, and so has no transactions. Default: a replica
    /// set.
    pub fn standalone(mut self) -> Self {
        self.settings.standalone = true;
        self
    }

    /// Starts a scratch server that no other process finds: for a test that does harm to the server.
    /// Default: shared.
    pub fn private(mut self) -> Self {
        self.settings.private = true;
        self
    }

    /// Prints nothing to stderr, not even that a server is downloaded. Default: `false`.
    pub fn quiet(mut self, quiet: bool) -> Self {
        self.settings.quiet = quiet;
        self
    }

    /// Sets the `mongod` to run; no other place is tried. Default: see [`mongod_binary`].
    ///
    /// [`mongod_binary`]: crate::mongod_binary
    pub fn binary(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.binary = Some(path.into());
        self
    }

    /// Joins the server with these settings if it runs (3 ms), otherwise starts it (1 s; more if
    /// a `mongod` has to be downloaded first), and waits until it takes writes.
    ///
    /// # Errors
    ///
    /// See [`EmbeddedError`]. Whatever was started before the error is ended; data is kept.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future cancels the start within milliseconds, and ends what the
    /// start had launched. A download starts again the next time.
    pub async fn start(self) -> Result<Embedded, EmbeddedError> {
        Embedded::start_with(self.settings).await
    }
}

// Here, so that the handle does not have to know its builder.
impl Embedded {
    /// Returns the default settings, to change and start from.
    pub fn builder() -> EmbeddedBuilder {
        EmbeddedBuilder::default()
    }

    /// Joins or starts the shared scratch server with default settings: [`EmbeddedBuilder::start`].
    ///
    /// # Errors
    ///
    /// As [`EmbeddedBuilder::start`].
    ///
    /// # Cancel safety
    ///
    /// As [`EmbeddedBuilder::start`].
    pub async fn start() -> Result<Self, EmbeddedError> {
        Self::builder().start().await
    }
}

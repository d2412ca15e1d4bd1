//! `serve`: the verbs over HTTP, for an app without a server of its own.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    app::Cli,
    args::CliArgs,
    connect::unless_cancelled,
    erased::Erased,
    error::CliError,
    logging,
    out::Out,
    print_error::print_error,
    render::style::safe,
    signals::{Cancelled, Signals},
};
use crate::{
    Error, Kind, Observer,
    http::{
        Api, PREFIX,
        auth::{Auth, Scope, Token},
    },
    model::secret_file,
    telemetry::redact,
};

/// The default log filter: warnings, and who changes what.
const LOG: &str = "warn,mongrate::audit=info";

const READ_TOKEN: &str = "MONGRATE_READ_TOKEN";

const WRITE_TOKEN: &str = "MONGRATE_WRITE_TOKEN";

const TOKENS_FILE: &str = "MONGRATE_TOKENS_FILE";

/// How `serve` serves: the HTTP interface and its dashboard, for an app without a server of its
/// own.
///
/// It is part of [`Cli::run`]'s command line. An app with a parser of its own can mount it. An app
/// with a server better merges [`http::router`](crate::http::router) into that.
///
/// Tokens come from the environment or a file, never from the arguments, which others on the
/// machine can see: `MONGRATE_READ_TOKEN`, `MONGRATE_WRITE_TOKEN`, and the file that
/// `MONGRATE_TOKENS_FILE` or `--tokens-file` names.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Address to listen on. There is no TLS: for other machines, put a proxy with TLS in front
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6480")]
    pub listen: SocketAddr,

    /// Path of the routes
    #[arg(long, value_name = "PATH", default_value = PREFIX)]
    pub prefix: String,

    /// File of tokens, one a line: `name read|write secret` [env: MONGRATE_TOKENS_FILE]
    #[arg(long, value_name = "FILE")]
    pub tokens_file: Option<PathBuf>,

    /// Another host name of this server, such as `migrations.example.org` (may be repeated)
    /// [default: this machine's names if it listens on loopback, else any]
    #[arg(long, value_name = "HOST")]
    pub allow_host: Vec<String>,

    /// Another site whose pages may send changes, such as `https://admin.example.org` (may be
    /// repeated)
    #[arg(long, value_name = "ORIGIN")]
    pub allow_origin: Vec<String>,

    /// For development: let clients write new migration files, as `create` does
    #[arg(long)]
    pub allow_create: bool,

    /// Show the messages of failed migrations, which may quote documents
    #[arg(long)]
    pub show_failures: bool,

    /// Where the events of the runs are sent to.
    #[cfg(feature = "webhook")]
    #[command(flatten)]
    pub webhook: super::args::webhook::WebhookArgs,
}

impl ServeArgs {
    /// Serves until Ctrl-C or SIGTERM, which cancel a run in order. The exit code is 0 then.
    pub async fn execute(&self, cli: &Cli, args: &CliArgs) -> ExitCode {
        self.erased(cli, args).await
    }

    fn erased<'a>(&'a self, cli: &'a Cli, args: &'a CliArgs) -> Erased<'a> {
        Box::pin(self.execute_typed(cli, args))
    }

    async fn execute_typed(&self, cli: &Cli, args: &CliArgs) -> ExitCode {
        let out = Out::new(args);
        if let Some(uri) = &args.uri {
            redact::learn(uri.expose());
        }
        let mut logged = args.clone();
        let from_env = std::env::var("RUST_LOG").is_ok_and(|filter| !filter.trim().is_empty());
        if logged.log.is_none() && logged.verbose == 0 && !from_env {
            logged.log = Some(LOG.to_owned());
        }
        if let Err(error) = logging::init(&logged, out) {
            return args.fail(&error);
        }
        let signals = Signals::listen(out, Cancelled::Verb);
        match self.serve(cli, args, out, signals.token()).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let next = error.next(&cli.program(), "serve", &args.repeated());
                print_error(out, &error, next.as_deref());
                if error.kind() == Kind::Cancelled {
                    return ExitCode::from(signals.exit_code());
                }
                ExitCode::from(error.kind().exit_code())
            }
        }
    }

    async fn serve(
        &self,
        cli: &Cli,
        args: &CliArgs,
        out: Out,
        stop: &CancellationToken,
    ) -> Result<(), CliError> {
        let auth = Auth::bearer(self.tokens()?)?;
        #[cfg(feature = "webhook")]
        let webhook = self.webhook.webhook()?;
        // For dry runs; it records nothing otherwise.
        let observer = Observer::new();
        let connecting = cli.connect_observed(args, Some(&observer));
        let connection = unless_cancelled(stop, connecting).await?;
        let migrator = cli.migrator(args, connection.database());
        let migrator = migrator.observer(&observer).cancel_on(stop.clone());
        // A run is over when it is, as this process lives on: the end of the process waits instead.
        #[cfg(feature = "webhook")]
        let migrator = match webhook {
            Some(hook) => migrator.webhook(hook).listener_wait(self.webhook.wait()),
            None => migrator,
        };
        let (migrator, last) = migrator.wait_later();
        let served = async {
            // Report an unsound build now, not at the first request.
            migrator.migrations()?;
            let mut api =
                Api::new(migrator, auth).prefix(&self.prefix)?.show_failures(self.show_failures);
            for origin in &self.allow_origin {
                api = api.allow_origin(origin);
            }
            for host in self.hosts() {
                api = api.allow_host(host);
            }
            if self.allow_create {
                api = api.create_in(&cli.migrations_dir);
            }
            let listener =
                TcpListener::bind(self.listen).await.map_err(|error| self.cannot_listen(&error))?;
            let address = listener.local_addr().map_err(|error| self.cannot_listen(&error))?;
            self.announce(cli, out, address, connection.database().name());
            api.serve(listener, stop.clone()).await.map_err(|error| self.cannot_listen(&error))
        }
        .await;
        out.wait(&last).await;
        connection.close().await;
        served
    }

    /// The host names that requests may use. If only this machine can reach the server, its own
    /// names: a web page whose host name resolves to this machine is refused.
    fn hosts(&self) -> Vec<String> {
        let mut hosts = self.allow_host.clone();
        if self.listen.ip().is_loopback() {
            hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
            hosts.push(match self.listen {
                SocketAddr::V4(address) => address.ip().to_string(),
                SocketAddr::V6(address) => format!("[{}]", address.ip()),
            });
        }
        hosts
    }

    fn announce(&self, cli: &Cli, out: Out, address: SocketAddr, database: &str) {
        let prefix = self.prefix.trim_matches('/');
        let url = format!("http://{address}/{prefix}");
        if out.json {
            out.document(json!({ "url": url, "database": database }));
        } else {
            out.note(&format!(
                "{} serves {} at {url} (Ctrl-C ends it)",
                safe(&cli.program()),
                safe(database)
            ));
        }
        if !address.ip().is_loopback() {
            out.note(
                "warning: other machines can reach this address, and nothing is encrypted: put a proxy \
                 with TLS in front of it",
            );
        }
    }

    fn cannot_listen(&self, error: &std::io::Error) -> CliError {
        CliError::new(
            Kind::Unavailable,
            "listen",
            format!("cannot listen on {}: {error}; choose another with `--listen`", self.listen),
        )
    }

    /// The tokens, from the environment and the file.
    fn tokens(&self) -> Result<Vec<Token>, CliError> {
        let mut tokens = Vec::new();
        for (variable, name, scope) in
            [(READ_TOKEN, "read", Scope::Read), (WRITE_TOKEN, "write", Scope::Write)]
        {
            let Some(secret) = std::env::var_os(variable).filter(|secret| !secret.is_empty())
            else {
                continue;
            };
            let Some(secret) = secret.to_str() else {
                let message = format!("the environment variable {variable} is not UTF-8");
                return Err(CliError::usage("bad_token", message));
            };
            let token = Token::new(name, scope, secret.trim());
            tokens.push(token.map_err(|error| bad_token(variable, &error))?);
        }
        let from_env = || std::env::var_os(TOKENS_FILE).filter(|path| !path.is_empty());
        if let Some(path) = self.tokens_file.clone().or_else(|| from_env().map(PathBuf::from)) {
            tokens.extend(read_tokens(&path)?);
        }
        if tokens.is_empty() {
            return Err(CliError::usage(
                "no_token",
                format!(
                    "no token is set, so nobody could sign in: set {WRITE_TOKEN}, and {READ_TOKEN} for users \
                     who only read, or name a file with `--tokens-file`, one token a line: `name \
                     read|write secret`; `openssl rand -hex 32` makes a good secret"
                ),
            ));
        }
        Ok(tokens)
    }
}

fn bad_token(place: &str, error: &Error) -> CliError {
    CliError::usage("bad_token", format!("{place}: {error}"))
}

/// Reads a file of tokens, one a line: `name read|write secret`; `#` begins a comment.
fn read_tokens(path: &Path) -> Result<Vec<Token>, CliError> {
    let refuse =
        |problem: String| CliError::usage("bad_token", format!("{}: {problem}", path.display()));
    let text = secret_file::read(path).map_err(refuse)?;
    let mut tokens = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = format!("{}:{}", path.display(), at + 1);
        let mut words = line.split_whitespace();
        let (Some(name), Some(scope), Some(secret), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(CliError::usage(
                "bad_token",
                format!("{place}: expected `name read|write secret`"),
            ));
        };
        let scope = match scope {
            "read" => Scope::Read,
            "write" => Scope::Write,
            _ => {
                return Err(CliError::usage(
                    "bad_token",
                    format!("{place}: expected `read` or `write` after the name"),
                ));
            }
        };
        tokens.push(Token::new(name, scope, secret).map_err(|error| bad_token(&place, &error))?);
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        use std::io::Write as _;

        // It is made for its owner alone.
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn a_file_of_tokens_is_read() {
        let text = "# who\n\nci read 0123456789abcdef\nops write\tfedcba9876543210 \n";
        assert_eq!(read_tokens(file(text).path()).unwrap().len(), 2);
        for (text, wrong) in [
            ("ci 0123456789abcdef", ":1: expected `name read|write secret`"),
            ("\nci all 0123456789abcdef", ":2: expected `read` or `write`"),
            ("ci read short", "has 5 bytes"),
        ] {
            let error = read_tokens(file(text).path()).unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
            assert!(!error.contains("0123456789abcdef"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;

        let file = file("ci read 0123456789abcdef");
        let exposed = std::fs::Permissions::from_mode(0o640);
        std::fs::set_permissions(file.path(), exposed).unwrap();
        let error = read_tokens(file.path()).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }
}

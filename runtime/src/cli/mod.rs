//! *Feature `cli`.* The command line of an app: arguments in, one call of the library, a report out.
//! It decides nothing.
//!
//! Either it is the whole program ([`main()`], [`Cli::run`]), or an app mounts the verbs
//! ([`Command`]) into its own parser. The guide `docs/command-line.md` shows every verb.
//!
//! # The whole command line
//!
//! ```no_run
//! #[tokio::main]
//! async fn main() -> std::process::ExitCode {
//!     mongrate::cli::Cli::new().app("shop 1.2.0").database("shop").run().await
//! }
//! ```
//!
//! Without settings, [`main()`] is shorter.
//!
//! # Under an app's own command line
//!
//! ```
//! use std::process::ExitCode;
//!
//! use mongrate::cli::{Cli, CliArgs, Command, clap};
//!
//! /// A shop.
//! #[derive(clap::Parser)]
//! #[command(version, after_help = mongrate::cli::AFTER_HELP)]
//! struct Shop {
//!     #[command(flatten)]
//!     args: CliArgs,
//!     #[command(subcommand)]
//!     verb: Verb,
//! }
//!
//! #[derive(clap::Subcommand)]
//! enum Verb {
//!     #[command(flatten)]
//!     Migrate(Command),
//!     /// Serve customers
//!     Serve,
//! }
//!
//! async fn main_of(args: impl IntoIterator<Item = &'static str>) -> ExitCode {
//!     let mut cli = Cli::new().app("shop 1.2.0").database("shop");
//!     let shop: Shop = match cli.parse_from(args) {
//!         Ok(shop) => shop,
//!         Err(code) => return code,
//!     };
//!     match shop.verb {
//!         Verb::Migrate(command) => command.execute(&cli, &shop.args).await,
//!         Verb::Serve => {
//!             let connection = match cli.connect(&shop.args).await {
//!                 Ok(connection) => connection,
//!                 Err(error) => return shop.args.fail(&error),
//!             };
//!             let started = cli.migrator(&shop.args, connection.database()).on_start().await;
//!             if let Err(error) = started {
//!                 connection.close().await;
//!                 return shop.args.fail(&error.into());
//!             }
//!             // … serve …
//!             connection.close().await;
//!             ExitCode::SUCCESS
//!         }
//!     }
//! }
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # let code = runtime.block_on(main_of(["shop", "status", "--steps=1"]));
//! # assert_eq!(code, ExitCode::from(64));
//! ```
//!
//! # Under a subcommand of an app's own command line
//!
//! The verbs can stand below a subcommand, here `shop db status`, `shop db up`:
//!
//! ```
//! use std::process::ExitCode;
//!
//! use mongrate::cli::{Cli, CliArgs, Command, clap};
//!
//! /// A shop.
//! #[derive(clap::Parser)]
//! #[command(version)]
//! enum Shop {
//!     /// Migrate the database
//!     #[command(after_help = mongrate::cli::AFTER_HELP)]
//!     Db(Box<Db>),
//!     /// Serve customers
//!     Serve,
//! }
//!
//! #[derive(clap::Args)]
//! struct Db {
//!     #[command(flatten)]
//!     args: CliArgs,
//!     #[command(subcommand)]
//!     verb: Command,
//! }
//!
//! async fn main_of(args: impl IntoIterator<Item = &'static str>) -> ExitCode {
//!     let mut cli = Cli::new().app("shop 1.2.0").database("shop");
//!     match cli.parse_from(args) {
//!         Ok(Shop::Db(db)) => db.verb.execute(&cli, &db.args).await,
//!         Ok(Shop::Serve) => ExitCode::SUCCESS, // …
//!         Err(code) => code,
//!     }
//! }
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # let code = runtime.block_on(main_of(["shop", "db", "completions", "bash"]));
//! # assert_eq!(code, ExitCode::SUCCESS);
//! # let code = runtime.block_on(main_of(["shop", "db", "down", "--uri=mongodb://127.0.0.1:1"]));
//! # assert_eq!(code, ExitCode::from(64));
//! ```
//!
//! [`Cli::parse`] finds where the verbs are, so that hints say `shop db up`; if an app parses its
//! arguments by itself, [`Cli::called`] says so. `shop db completions bash` prints the
//! completion script of the whole `shop`. For `cargo mongrate up`, name the subcommand in the app's
//! `Cargo.toml`:
//!
//! ```toml
//! [package.metadata.mongrate]
//! subcommand = "db"
//! ```
//!
//! # Which server, which database
//!
//! The server is named by `--uri`, by `MONGODB_URI`, or else it is the app's embedded server
//! (`Cli::embedded`). The search for it ends after 10 s unless the URI sets
//! `serverSelectionTimeoutMS`; the `appName` is `mongrate` unless the URI sets it. The database is
//! named by `--database`, by `MONGODB_DATABASE`, by the URI, or else by the app
//! ([`Cli::database`]).
//!
//! Blanks and newlines around both are removed, as a variable that is read from a file ends with
//! one. `admin`, `local` and `config` in the URI are refused, as there they usually name the
//! database to sign in at; `--database` may name them. Read preference, read concern and write
//! concern of the URI are not used: migrations read from the primary and write to the majority
//! (`w=0` is refused).
//!
//! No output contains passwords: neither help nor errors, logs or reports.
//!
//! # Exit codes
//!
//! | code | [kind](Kind) | meaning |
//! |---|---|---|
//! | 0 | | done, or nothing to do |
//! | 1 | `failed` | a migration failed, also in a dry run; for `create`, a file could not be written |
//! | 3 | `pending` | `check`, and `wait` after its timeout: migrations are pending; `drift --strict`: so are differences |
//! | 64 | `usage` | the arguments are wrong, a confirmation is missing, a version is unknown |
//! | 65 | `needs_operator` | refused, a person has to decide: drift, order, irreversible, `check --strict` with lints, `drift --strict` with differences, `--atomic` over an online migration, … |
//! | 69 | `unavailable` | MongoDB is out of reach, or cannot do what is needed |
//! | 70 | `bad_build` | the migrations of this build are unsound |
//! | 75 | `busy` | another process is migrating, or took over; or the history is paused |
//! | 77 | `forbidden` | the sign-in failed, or the user's rights do not suffice |
//! | 130 | `cancelled` | cancelled by Ctrl-C or by `cancel`, or not confirmed |
//! | 143 | `cancelled` | cancelled by SIGTERM |
//!
//! The first Ctrl-C or SIGTERM ends a run in order: the transaction is aborted, the outcome
//! recorded, the lock released; it says how far the run is, and how to go on. The second ends the
//! process at once, and says what that leaves: other processes wait until its lease runs out.
//!
//! # JSON
//!
//! With `--json`, stdout holds one document: the verb's report, or an error. The shape is stable:
//! fields may be added, none is renamed or removed within a major version.
//!
//! | verb | report |
//! |---|---|
//! | `status` | [`StatusReport`](crate::StatusReport); with `--watch` one on each line |
//! | `up`, `down`, `redo` | [`RunReport`](crate::RunReport) |
//! | `plan`, `--dry-run=plan` | [`PlanReport`](crate::PlanReport) |
//! | `--dry-run`, `--shadow` | [`DryRunReport`](crate::DryRunReport); exit code 1 if a migration did not complete |
//! | `history` | [`HistoryReport`](crate::HistoryReport); with `--runs` [`RunsReport`](crate::RunsReport) |
//! | `audit` | [`AuditPage`](crate::AuditPage); `--verify`: [`AuditVerification`](crate::AuditVerification); `--head`: `{"head"}`; `--enable`, `--disable`: [`AuditChange`](crate::AuditChange); `--prune`: [`AuditPruned`](crate::AuditPruned); `--export`: an entry on each line |
//! | `check` | [`CheckReport`](crate::CheckReport) |
//! | `wait` | [`WaitReport`](crate::WaitReport) |
//! | `drift` | [`SchemaDriftReport`](crate::SchemaDriftReport) |
//! | `drift --adopt` | [`SchemaAdoptionReport`] |
//! | `pause`, `resume`, `tune`, `cancel` | [`SteeringReport`](crate::SteeringReport) |
//! | `lock-status`, `force-unlock` | [`LockReport`](crate::LockReport), [`UnlockReport`](crate::UnlockReport) |
//! | `baseline`, `resolve` | [`RecordReport`](crate::RecordReport) |
//! | `import` | [`ImportReport`](crate::ImportReport) |
//! | `tag` | [`TagReport`](crate::TagReport); with `--list` [`TagsReport`](crate::TagsReport) |
//! | `repair` | [`RepairReport`](crate::RepairReport) |
//! | `purge` | [`PurgeReport`](crate::PurgeReport) |
//! | `create` | [`Created`] |
//! | `completions` | `{"shell", "script"}` |
//! | `webhook` (feature `webhook`) | `WebhookAnswer`; with `--print`: `{"body"}` |
//! | `serve` (feature `http`) | `{"url", "database"}`, once it listens |
//!
//! ```json
//! { "error": { "code": "pending", "kind": "pending", "message": "…", "docs": "…", "next": "…", "report": {} } }
//! ```
//!
//! - `code` is [`Error::code`](crate::Error::code) or one of `usage`, `no_uri`, `bad_uri`,
//!   `no_database`, `reserved_database`, `embedded`, `bad_log_filter`, `bad_mapping`,
//!   `confirmation_needed`, `declined`, `bad_name`, `name_taken`, `no_directory`, `no_version`,
//!   `bad_sum`, `bad_key`, `no_audit_log`, `no_webhook`, `no_token`, `bad_token`, `listen`, `io`.
//! - `kind` is the [`Kind`].
//! - `next`, if it is there, is text for people.
//! - `docs` is where the book explains the error, from its front page on.
//! - `report`, if a run had begun, is the [`RunReport`](crate::RunReport) of what was done.

mod app;
mod args;
mod audit;
mod completions;
mod confirm;
mod connect;
mod drift;
mod duration;
mod erased;
mod error;
mod history;
mod line;
mod log_filter;
mod logging;
mod mapping;
mod out;
mod plan_file;
mod print_error;
mod progress;
mod render;
#[cfg(feature = "http")]
mod serve;
mod signals;
mod tag;
mod uri;
mod usage;
mod verbs;
mod wait;
mod watch;
#[cfg(feature = "webhook")]
mod webhook;

use std::{ffi::OsString, process::ExitCode, sync::OnceLock};

pub use clap;
pub use mongrate_seal::create::{CreateError, Created, NewMigration, Template};

#[cfg(feature = "webhook")]
pub use self::args::webhook::{WebhookArgs, WebhookTestArgs};
#[cfg(feature = "http")]
pub use self::serve::ServeArgs;
pub use self::{
    app::Cli,
    args::{
        CliArgs, Color, Uri,
        audit::AuditArgs,
        common::{
            ConfirmArgs, DryRunArgs, DryRunHow, LintArgs, LockArgs, PolicyArgs, UpTargetArgs,
        },
        release::{AloneArgs, HistoryArgs, TagArgs},
        steering::{AskArgs, BeginArgs, TuneArgs, TuningArgs},
        verb::{
            Answer, BaselineArgs, CheckArgs, Command, CompletionsArgs, CreateArgs, DownArgs,
            DriftArgs, ForceUnlockArgs, ImportArgs, KindArg, PlanArgs, RedoArgs, RepairArgs,
            ResolveArgs, SchemaArgs, StatusArgs, UpArgs,
        },
        wait::WaitArgs,
    },
    connect::Connection,
    error::CliError,
    usage::AFTER_HELP,
};
use self::{
    erased::Erased,
    out::Out,
    print_error::print_error,
    signals::{Cancelled, Signals},
};
pub use crate::model::report::schema_drift::SchemaAdoptionReport;
use crate::{Kind, telemetry::redact};

/// The whole command line, for the migrations that are linked into this binary:
/// [`Cli::new()`](Cli::new)`.run()`.
///
/// ```no_run
/// #[tokio::main]
/// async fn main() -> std::process::ExitCode {
///     mongrate::cli::main().await
/// }
/// ```
pub async fn main() -> ExitCode {
    Cli::new().run().await
}

impl Cli {
    /// Runs the verb in the process's arguments. Return the exit code from `main`.
    pub async fn run(self) -> ExitCode {
        self.run_from(std::env::args_os()).await
    }

    /// Runs the verb in these arguments; the first is the program's name.
    pub async fn run_from<A>(self, args: impl IntoIterator<Item = A>) -> ExitCode
    where
        A: Into<OsString> + Clone,
    {
        self.run_whole(args.into_iter().map(Into::into).collect()).await
    }

    fn run_whole(mut self, args: Vec<OsString>) -> Erased<'static> {
        Box::pin(async move {
            match self.parse_from::<usage::CommandLine, _>(args) {
                // Boxed: the future holds the arguments across its waits, and they are large.
                Ok(whole) => match Box::new(whole).as_ref() {
                    usage::CommandLine { verb: usage::Verb::Migrate(command), args } => {
                        command.execute(&self, args).await
                    }
                    #[cfg(feature = "http")]
                    usage::CommandLine { verb: usage::Verb::Serve(serve), args } => {
                        serve.execute(&self, args).await
                    }
                },
                Err(code) => code,
            }
        })
    }
}

impl Command {
    /// Runs the verb, prints its report, and returns the exit code.
    ///
    /// Catches Ctrl-C and SIGTERM meanwhile, and sets up logging to stderr unless the app has set
    /// it up.
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
        let is_logged = match logging::init(args, out) {
            Ok(is_logged) => is_logged,
            Err(error) => return args.fail(&error),
        };
        let signals = Signals::listen(out, self.cancelled());
        let cancel = signals.token();
        let run = verbs::VerbRun { cli, args, out, is_logged, cancel, last: OnceLock::new() };
        let code = match run.output(self).await {
            Ok(output) => {
                if output.is_printed {
                    // Each report on its own, as `status --watch` does.
                } else if out.json {
                    out.document(output.json);
                } else {
                    out.print(&output.text);
                }
                output.exit_code
            }
            Err(error) => {
                let error = if self.only_reads() { error.of_reading() } else { error };
                let next = error.next(&cli.program(), self.name(), &args.repeated());
                print_error(out, &error, next.as_deref());
                match error.kind() == Kind::Cancelled && cancel.is_cancelled() {
                    true => signals.exit_code(),
                    false => error.kind().exit_code(),
                }
            }
        };
        if let Some(last) = run.last.get() {
            signals::over();
            let is_cancelled = cancel.is_cancelled();
            tokio::select! {
                () = out.wait(last) => {}
                // The work is done: who does not want to wait for its events loses only them.
                () = cancel.cancelled(), if !is_cancelled => {}
            }
        }
        out.exit(ExitCode::from(code))
    }
}

impl Command {
    /// Whether the verb never runs a migration and writes nothing, whatever its options are.
    fn only_reads(&self) -> bool {
        matches!(
            self,
            Self::Status(_)
                | Self::Plan(_)
                | Self::Check(_)
                | Self::History(_)
                | Self::Doctor(_)
                | Self::Drift(_)
                | Self::Schema(_)
                | Self::LockStatus
        )
    }

    /// What the first Ctrl-C means for the verb.
    fn cancelled(&self) -> Cancelled {
        match self {
            Self::Status(args) if args.watch => Cancelled::Nothing,
            Self::Up(args) if args.dry_run.how().is_none() => Cancelled::Run,
            Self::Down(args) if args.dry_run.how().is_none() => Cancelled::Run,
            Self::Redo(args) if args.dry_run.how().is_none() => Cancelled::Run,
            _ => Cancelled::Verb,
        }
    }
}

impl CliArgs {
    /// Prints an error as the verbs do, and returns its exit code: for an app's own
    /// subcommands.
    pub fn fail(&self, error: &CliError) -> ExitCode {
        print_error(Out::new(self), error, None);
        ExitCode::from(error.kind().exit_code())
    }
}

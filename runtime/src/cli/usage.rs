//! Parses the arguments, and reports wrong ones: exit code 64, JSON with `--json`, no password.

use std::{ffi::OsString, process::ExitCode};

use clap::{Parser, Subcommand, error::ErrorKind};

use super::{
    app::{Cli, stem},
    args::{CliArgs, Color, verb::Command},
    error::CliError,
    out::Out,
};
use crate::{Kind, telemetry::redact};

/// The exit codes, as text for the end of `--help`.
pub const AFTER_HELP: &str = "\
Exit codes:
  0    done, or nothing to do
  1    a migration failed, also in a dry run
  3    `check`: migrations are pending; `drift --strict`: so are differences
  64   wrong arguments, an unknown version, or a missing confirmation
  65   refused; a person has to decide (drift, order, irreversible, lints, ...)
  69   MongoDB is out of reach, or cannot do what is needed
  70   the migrations of this build are unsound
  75   another process is migrating, or took over; or the history is paused
  77   the sign-in failed, or the user's rights do not suffice
  130  cancelled by Ctrl-C or by `cancel`, or not confirmed (143: by SIGTERM)";

/// Migrates a MongoDB database.
#[derive(Parser, Debug)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
pub(super) struct CommandLine {
    #[command(flatten)]
    pub(super) args: CliArgs,
    #[command(subcommand)]
    pub(super) verb: Verb,
}

/// The verbs of the whole command line. `serve` is not among the verbs that an app mounts, as many
/// apps have a `serve` of their own.
#[derive(Subcommand, Debug)]
pub(super) enum Verb {
    #[command(flatten)]
    Migrate(Command),

    /// Serve the verbs over HTTP, with a dashboard
    #[cfg(feature = "http")]
    Serve(super::serve::ServeArgs),
}

impl Cli {
    /// Parses the process's arguments with an app's own parser. For wrong arguments, `--help` and
    /// `--version` it prints the message.
    ///
    /// # Errors
    ///
    /// The exit code to return from `main`: 0 for `--help` and `--version`, 64 for wrong
    /// arguments.
    pub fn parse<P: clap::Parser>(&mut self) -> Result<P, ExitCode> {
        self.parse_from(std::env::args_os())
    }

    /// Parses these arguments, as [`parse`](Self::parse) does; the first is the program's name.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_from<P, A>(&mut self, args: impl IntoIterator<Item = A>) -> Result<P, ExitCode>
    where
        P: clap::Parser,
        A: Into<OsString> + Clone,
    {
        let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
        if let Ok(uri) = std::env::var("MONGODB_URI") {
            redact::learn(&uri);
        }
        self.invoked = args.first().and_then(|path| stem(path));
        let mut command = P::command();
        self.mounted = mounted(&command).unwrap_or_default();
        if let Some((name, version)) = self.app.rsplit_once(' ')
            && command.get_version().is_none()
        {
            // A few bytes, once per process: clap wants them for its whole life.
            let version: &'static str = version.to_owned().leak();
            command = command.display_name(name.to_owned()).version(version);
        }
        self.clap = Some(command.clone());
        if let Some(name) = unreadable(&command) {
            let message = format!(
                "the environment variable {name} is not UTF-8; set it again, or unset it; nothing \
                 was run"
            );
            let error = command.error(ErrorKind::InvalidUtf8, message);
            return Err(print_clap(&error, &args));
        }
        command
            .try_get_matches_from_mut(&args)
            .and_then(|mut matches| P::from_arg_matches_mut(&mut matches))
            .map_err(|error| print_clap(&error.format(&mut command), &args))
    }

    /// The app's own parser, if it was given to [`parse`](Self::parse).
    pub(super) fn clap_command(&self) -> Option<clap::Command> {
        self.clap.clone()
    }
}

/// The name of a variable that an argument is read from and that is not UTF-8. Clap's own message
/// does not name the variable.
fn unreadable(command: &clap::Command) -> Option<String> {
    let own = command.get_arguments().filter_map(clap::Arg::get_env);
    let of_verbs = command.get_subcommands().filter_map(unreadable);
    own.filter(|name| std::env::var_os(name).is_some_and(|value| value.to_str().is_none()))
        .map(|name| name.to_string_lossy().into_owned())
        .chain(of_verbs)
        .next()
}

/// The subcommands that lead to the verbs; `None` if the parser has no verbs.
pub(super) fn mounted(command: &clap::Command) -> Option<Vec<String>> {
    let has = |verb| command.get_subcommands().any(|subcommand| subcommand.get_name() == verb);
    if has("lock-status") && has("force-unlock") {
        return Some(Vec::new());
    }
    command.get_subcommands().find_map(|subcommand| {
        let mut path = mounted(subcommand)?;
        path.insert(0, subcommand.get_name().to_owned());
        Some(path)
    })
}

/// Prints clap's message. As the arguments are not parsed, it looks for `--json` and `--color`
/// itself.
fn print_clap(error: &clap::Error, args: &[OsString]) -> ExitCode {
    let before_dashes = || args.iter().skip(1).take_while(|arg| *arg != "--");
    for arg in args {
        // The argument may be the value of `--uri`, or of a mistyped option.
        let arg = arg.to_string_lossy();
        redact::learn(arg.split_once('=').map_or(&*arg, |(_, value)| value));
        redact::learn(&arg);
    }
    let json = before_dashes().any(|arg| arg == "--json");
    let color = before_dashes().zip(before_dashes().skip(1).map(Some).chain([None])).find_map(
        |(arg, next)| match (arg.to_str()?, next.and_then(|next| next.to_str())) {
            ("--color=never", _) | ("--color", Some("never")) => Some(Color::Never),
            ("--color=always", _) | ("--color", Some("always")) => Some(Color::Always),
            _ => None,
        },
    );
    let out = Out::with(json, color.unwrap_or_default());
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            out.print(&error.render().ansi().to_string());
            out.exit(ExitCode::SUCCESS)
        }
        _ => {
            if json {
                let message = error.render().to_string();
                let message = message.trim_start_matches("error: ").trim_end();
                out.document(CliError::usage("usage", message).to_json(None));
            } else {
                out.note(&error.render().ansi().to_string());
            }
            ExitCode::from(Kind::Usage.exit_code())
        }
    }
}

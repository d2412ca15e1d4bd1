//! Log lines on stderr.

use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use super::{
    args::CliArgs,
    error::CliError,
    out::Out,
    progress::{Follow, LogWriter},
};

/// Sets up logging, once per process; where the app has done so already, its set-up stays.
///
/// `--log` decides, or else `-v`, or else `RUST_LOG`, or else warnings only.
pub(super) fn init(args: &CliArgs, out: Out) -> Result<(), CliError> {
    let from_env = || std::env::var("RUST_LOG").ok().filter(|filter| !filter.trim().is_empty());
    let directives = match (&args.log, args.verbose) {
        (Some(filter), _) => filter.clone(),
        (None, 0) => from_env().unwrap_or_else(|| "warn".to_owned()),
        (None, 1) => "warn,mongrate=info".to_owned(),
        (None, _) => "info,mongrate=debug".to_owned(),
    };
    let filter = EnvFilter::builder().parse(&directives).map_err(|error| {
        CliError::usage(
            "bad_log_filter",
            format!("`{directives}` is not a log filter ({error}); try `info` or `mongrate=debug`"),
        )
    })?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| LogWriter)
        .with_ansi(out.colors_stderr())
        .with_target(args.verbose > 1)
        .compact()
        .with_filter(filter);
    let follow = Follow.with_filter(Targets::new().with_target("mongrate", LevelFilter::INFO));
    let _ = tracing_subscriber::registry().with(lines).with(follow).try_init();
    Ok(())
}

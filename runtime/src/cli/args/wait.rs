//! The arguments of `wait`.

use std::time::Duration;

use clap::Args;

use super::common::PolicyArgs;
use crate::cli::duration;

/// How `wait` waits.
#[derive(Args, Clone, Copy, Debug)]
pub struct WaitArgs {
    /// The longest wait [default: for ever]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,

    /// How often to look, 100ms to 1h; each look is one command
    #[arg(
        long, value_name = "DURATION", value_parser = duration::parse, default_value = "2s"
    )]
    pub every: Duration,

    /// What to do in doubtful cases.
    #[command(flatten)]
    pub policy: PolicyArgs,
}

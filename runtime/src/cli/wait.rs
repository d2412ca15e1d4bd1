//! `wait`: until nothing is pending.

use std::{fmt::Display, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    args::wait::WaitArgs,
    connect::{Connection, unless_cancelled},
    error::CliError,
    render::{operator, style::safe},
    verbs::{Output, VerbRun},
};
use crate::Kind;

impl VerbRun<'_> {
    /// Connects, however long that takes within the timeout, and waits.
    pub(super) async fn wait(&self, args: WaitArgs) -> Result<Output, CliError> {
        let begun = Instant::now();
        let connection = self.connected(args, begun).await?;
        let migrator = self.cli.migrator(self.args, connection.database());
        let migrator = args.policy.apply(migrator.called_by_cli().cancel_on(self.cancel.clone()));
        let out = self.out;
        let mut wait = migrator
            .wait_until_current()
            .every(args.every)
            .telling(move |waiting_for| out.note(&waiting(waiting_for)));
        if let Some(timeout) = args.timeout {
            wait = wait.timeout(timeout.saturating_sub(begun.elapsed()));
        }
        let waited = self.read("waiting until nothing is pending", wait.into_future()).await;
        connection.close().await;
        let report = waited?;
        Output::new(&report, operator::waited(&report))
    }

    /// The name in a `mongodb+srv` URI may not be there yet, either.
    async fn connected(&self, args: WaitArgs, begun: Instant) -> Result<Connection, CliError> {
        let mut told = String::new();
        loop {
            let connecting = self.cli.connect(self.args);
            let error = match unless_cancelled(self.cancel, connecting).await {
                Err(error) if error.kind() == Kind::Unavailable => error,
                connected => return connected,
            };
            let is_over = args.timeout.is_some_and(|it| begun.elapsed() + args.every >= it);
            if is_over || error.code() == "embedded" {
                return Err(error);
            }
            let text = waiting(&error);
            if text != told {
                self.out.note(&text);
                told = text;
            }
            let slept = async {
                sleep(args.every.max(Duration::from_millis(100))).await;
                Ok(())
            };
            unless_cancelled(self.cancel, slept).await?;
        }
    }
}

fn waiting(for_what: &impl Display) -> String {
    format!("waiting: {}", safe(&for_what.to_string()))
}

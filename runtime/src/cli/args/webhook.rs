//! Where the events of a run are sent to.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::address::Uri;
use crate::{Error, Migrator, cli::duration, webhook::Webhook};

const WEBHOOK: &str = "Webhook";

/// How long the end of the process waits for the webhook, unless `--webhook-wait` says so.
const WAIT: Duration = Duration::from_secs(15);

/// Which events of a run are sent over HTTP, where to, and in which form.
///
/// The secret that signs the requests, and the header `Authorization`, come from the environment or a
/// file, never from the arguments, which others on the machine can see.
#[derive(Args, Clone, Debug, Default)]
pub struct WebhookArgs {
    /// Send the events of the run to this address. If the address is a secret, as a chat's is, set the
    /// variable. Signed with MONGRATE_WEBHOOK_SECRET; MONGRATE_WEBHOOK_AUTHORIZATION is sent as
    /// `Authorization`
    #[arg(
        long, env = "MONGRATE_WEBHOOK", hide_env_values = true, value_name = "URL",
        help_heading = WEBHOOK
    )]
    pub webhook: Option<Uri>,

    /// Which events: `migration.failed,run.*`, `all` [default: run.*,migration.failed,missed]
    #[arg(
        long, env = "MONGRATE_WEBHOOK_EVENTS", hide_env_values = true, value_name = "EVENTS",
        help_heading = WEBHOOK
    )]
    pub webhook_events: Option<String>,

    /// In which form: `slack`, `teams`, `discord`, `pagerduty`, `opsgenie`, or a file
    #[arg(
        long, env = "MONGRATE_WEBHOOK_TEMPLATE", hide_env_values = true, value_name = "NAME|FILE",
        help_heading = WEBHOOK
    )]
    pub webhook_template: Option<String>,

    /// File with the secret that signs the requests [env: MONGRATE_WEBHOOK_SECRET_FILE]
    #[arg(long, value_name = "FILE", help_heading = WEBHOOK)]
    pub webhook_secret_file: Option<PathBuf>,

    /// Send the messages of failed migrations and of servers, too
    #[arg(long, help_heading = WEBHOOK)]
    pub webhook_show_failures: bool,

    /// How long the verb waits at its end, after its result, until all is sent, up to 10m
    /// [default: 15s]
    #[arg(
        long, value_name = "DURATION", value_parser = duration::parse, help_heading = WEBHOOK
    )]
    pub webhook_wait: Option<Duration>,
}

impl WebhookArgs {
    /// The webhook; `None`: none is asked for.
    ///
    /// # Errors
    ///
    /// [`Error::Settings`]: something is wrong with it, or with the variables beside it. No connection
    /// was made.
    pub(crate) fn webhook(&self) -> Result<Option<Webhook>, Error> {
        let url = self.webhook.as_ref().map(Uri::expose).filter(|url| !url.trim().is_empty());
        let Some(url) = url else { return Ok(None) };
        let file = self.webhook_secret_file.as_deref();
        let mut hook = Webhook::new(url)?.secrets_from_env(file)?;
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        if let Some(events) = given(&self.webhook_events) {
            hook = hook.events(&events)?;
        }
        if let Some(template) = given(&self.webhook_template) {
            hook = hook.template(template.trim())?;
        }
        Ok(Some(hook.show_failures(self.webhook_show_failures)))
    }

    /// Adds the webhook to a migrator, and says how long to wait for it at the end.
    pub(crate) fn apply(&self, migrator: Migrator) -> Result<Migrator, Error> {
        match self.webhook()? {
            Some(hook) => Ok(migrator.webhook(hook).listener_wait(self.wait())),
            None => Ok(migrator),
        }
    }

    pub(crate) fn wait(&self) -> Duration {
        self.webhook_wait.unwrap_or(WAIT)
    }
}

/// What `webhook` sends.
#[derive(Args, Clone, Debug)]
pub struct WebhookTestArgs {
    /// The event
    #[arg(long, value_name = "EVENT", default_value = "migration.failed")]
    pub event: String,

    /// Only show the body; send nothing
    #[arg(long)]
    pub print: bool,

    /// Where to, and in which form.
    #[command(flatten)]
    pub webhook: WebhookArgs,
}

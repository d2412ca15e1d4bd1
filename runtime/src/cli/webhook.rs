//! `webhook`: tries the webhook with a made-up event.

use serde_json::json;

use super::{
    args::webhook::WebhookTestArgs,
    error::CliError,
    render,
    verbs::{Output, VerbRun},
};
use crate::Kind;

impl VerbRun<'_> {
    pub(super) async fn webhook(&self, args: &WebhookTestArgs) -> Result<Output, CliError> {
        let Some(hook) = args.webhook.webhook()? else {
            return Err(CliError::usage(
                "no_webhook",
                "no webhook is set: set MONGRATE_WEBHOOK, or name the address with `--webhook`; nothing \
                 was sent",
            ));
        };
        let hook = hook.sample_app(&self.cli.app);
        if args.print {
            let body = hook.sample_body(&args.event)?;
            let text = serde_json::to_string_pretty(&body).unwrap_or_default();
            return Output::new(&json!({ "body": body }), text + "\n");
        }
        let answer = self.read("sending", hook.send_sample(&args.event)).await?;
        let mut output = Output::new(&answer, render::webhook::answer(&answer))?;
        if !answer.delivered {
            output.exit_code = Kind::Unavailable.exit_code();
        }
        Ok(output)
    }
}

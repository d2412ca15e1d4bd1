//! The webhook that the environment describes.

use std::{env, path::Path};

use super::hook::Webhook;
use crate::model::{error::Error, secret_file};

/// The address. It is no argument where it is a secret, as the arguments of a process can be seen.
pub const MONGRATE_WEBHOOK: &str = "MONGRATE_WEBHOOK";
/// The secret that signs the requests; see [`Webhook::secret`].
pub const MONGRATE_WEBHOOK_SECRET: &str = "MONGRATE_WEBHOOK_SECRET";
/// A file with that secret, which only its owner may read.
pub const MONGRATE_WEBHOOK_SECRET_FILE: &str = "MONGRATE_WEBHOOK_SECRET_FILE";
/// The header `Authorization`; see [`Webhook::authorization`].
pub const MONGRATE_WEBHOOK_AUTHORIZATION: &str = "MONGRATE_WEBHOOK_AUTHORIZATION";
/// Which events; see [`Webhook::events`].
pub const MONGRATE_WEBHOOK_EVENTS: &str = "MONGRATE_WEBHOOK_EVENTS";
/// The template; see [`Webhook::template`].
pub const MONGRATE_WEBHOOK_TEMPLATE: &str = "MONGRATE_WEBHOOK_TEMPLATE";

impl Webhook {
    /// The webhook that `MONGRATE_WEBHOOK` and the variables beside it describe, as the command line
    /// reads them; `None`: the variable is unset or empty. For apps that call
    /// [`on_start`](crate::Migrator::on_start).
    ///
    /// ```no_run
    /// use mongrate::{Migrator, webhook::Webhook};
    ///
    /// # async fn example(db: mongrate::mongodb::Database) -> Result<(), mongrate::Error> {
    /// let mut migrator = Migrator::new(&db).app("shop 1.4.0");
    /// if let Some(webhook) = Webhook::from_env()? {
    ///     migrator = migrator.webhook(webhook);
    /// }
    /// migrator.on_start().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Settings`]: what a variable says is wrong; it names the variable, and never its value.
    pub fn from_env() -> Result<Option<Self>, Error> {
        let Some(url) = variable(MONGRATE_WEBHOOK)? else { return Ok(None) };
        let mut hook = Self::new(&url)?.secrets_from_env(None)?;
        if let Some(events) = variable(MONGRATE_WEBHOOK_EVENTS)? {
            hook = hook.events(&events)?;
        }
        if let Some(template) = variable(MONGRATE_WEBHOOK_TEMPLATE)? {
            hook = hook.template(&template)?;
        }
        Ok(Some(hook))
    }

    /// What must not be an argument: the secret and the authorization. `file`: before the variable that
    /// names one.
    pub(crate) fn secrets_from_env(mut self, file: Option<&Path>) -> Result<Self, Error> {
        let from_env = variable(MONGRATE_WEBHOOK_SECRET_FILE)?;
        let file = file.or(from_env.as_deref().map(Path::new));
        if let Some(path) = file {
            let read = secret_file::read(path).map_err(|problem| Error::Settings {
                setting: "webhook secret",
                problem: format!("{}: {problem}", path.display()),
            })?;
            self = self.secret(&read)?;
        } else if let Some(secret) = variable(MONGRATE_WEBHOOK_SECRET)? {
            self = self.secret(&secret)?;
        }
        if let Some(authorization) = variable(MONGRATE_WEBHOOK_AUTHORIZATION)? {
            self = self.authorization(&authorization)?;
        }
        Ok(self)
    }
}

fn variable(name: &'static str) -> Result<Option<String>, Error> {
    let Some(value) = env::var_os(name) else { return Ok(None) };
    let Some(text) = value.to_str().map(str::trim) else {
        let problem = "the variable is not UTF-8".to_owned();
        return Err(Error::Settings { setting: name, problem });
    };
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

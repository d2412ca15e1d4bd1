//! [`Webhook`]: where to, signed with what, which events, and in which form.

use std::{fmt, time::Duration};

use serde::Serialize;
use ureq::http::{HeaderValue, Uri};

use super::{
    body::Body,
    events::Events,
    sample,
    secret::Secret,
    send::{self, Attempt, Request},
    template::Template,
};
use crate::{
    model::error::Error,
    telemetry::{listen::event::Event, redact},
};

/// The default of [`Webhook::give_up_after`].
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

/// A path that is longer than this is masked in all output: it may be a chat's.
const SECRET_PATH_BYTES_MIN: usize = 20;

const GIVE_UP_MAX: Duration = Duration::from_secs(600);

/// The default of [`Webhook::timeout`].
const TIMEOUT: Duration = Duration::from_secs(10);

/// *Feature `webhook`.* Sends the events of runs over HTTP: to a chat, an incident tool, or a service of
/// your own. The guide `docs/notifications.md` shows the body and how to verify a signature.
///
/// ```no_run
/// use mongrate::{Migrator, webhook::Webhook};
///
/// # async fn example(db: mongrate::mongodb::Database) -> Result<(), mongrate::Error> {
/// let webhook = Webhook::new("https://hooks.example.org/mongrate")?
///     .secret(&std::env::var("WEBHOOK_SECRET").unwrap_or_default())?
///     .events("migration.failed,run.ended")?;
/// Migrator::new(&db).webhook(webhook).up().await?;
/// # Ok(())
/// # }
/// ```
///
/// A webhook does no harm to a run: it is a [listener](crate::Migrator::webhook). An event is sent again after
/// answers 408, 429 and 5xx, and if there is no answer within 10 s: up to 8 times, with pauses that grow
/// from half a second (or those of `Retry-After`), for [a minute](Self::give_up_after). The order of the
/// events is kept. Redirects are not followed. After an event that could not be delivered, each further
/// event is tried once, until one arrives. The first attempt that fails is logged as a warning, and so is
/// the first event that is lost.
///
/// So while the process lives, an event arrives *at least once* within these bounds, with the same
/// `webhook-id` if it arrives again. What a killed process had not delivered is lost.
///
/// The address counts as a secret, as those of chats are: no output holds more of it than its host.
#[derive(Clone)]
pub struct Webhook {
    url: String,
    /// For people: the scheme and the host.
    pub(super) place: String,
    secrets: Vec<Secret>,
    authorization: Option<HeaderValue>,
    events: Option<Events>,
    template: Option<Template>,
    show_failures: bool,
    /// The app, in made-up events.
    app: String,
    pub(super) give_up_after: Duration,
    pub(super) timeout: Duration,
}

/// What came of a sample; see [`Webhook::send_sample`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WebhookAnswer {
    /// Whether the event was accepted: the status is 2xx.
    pub delivered: bool,
    /// Scheme and host.
    pub to: String,
    /// The name of the event.
    pub event: String,
    /// The status of the answer; `None`: there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The beginning of the answer's body, at most 2,000 bytes.
    pub answer: String,
    /// Why it was not accepted, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

impl Webhook {
    /// Creates a webhook that sends to this address, `https://…` or `http://…`.
    ///
    /// # Errors
    ///
    /// [`Error::Settings`], as in all methods here: what is wrong, never with the address or a secret.
    pub fn new(url: &str) -> Result<Self, Error> {
        let refuse = |problem: &str| {
            Err(Error::Settings { setting: "webhook", problem: problem.to_owned() })
        };
        let url = url.trim();
        redact::learn_secret(url);
        let Ok(uri) = url.parse::<Uri>() else {
            return refuse("the address is no URL; it begins with `https://` or `http://`");
        };
        let (Some(scheme @ ("http" | "https")), Some(authority)) =
            (uri.scheme_str(), uri.authority())
        else {
            return refuse("the address begins neither with `https://` nor with `http://`");
        };
        if authority.as_str().contains('@') {
            return refuse(
                "there is a user in the address; put what authorizes the requests into \
                 MONGRATE_WEBHOOK_AUTHORIZATION, such as `Basic …`",
            );
        }
        if authority.host().is_empty() {
            return refuse("the address names no host");
        }
        // Else a password that was written without its `@` would count as a port, and be shown as a place.
        let port = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        if !port.is_empty() && authority.port_u16().is_none() {
            return refuse("what stands after the host and a `:` is no port");
        }
        // The path of a chat's address is its password.
        let path = uri.path_and_query().map(|path| path.as_str().trim_matches('/'));
        if let Some(path) = path.filter(|path| path.len() >= SECRET_PATH_BYTES_MIN) {
            redact::learn_secret(path);
        }
        Ok(Self {
            place: format!("{scheme}://{authority}"),
            url: url.to_owned(),
            secrets: Vec::new(),
            authorization: None,
            events: None,
            template: None,
            show_failures: false,
            app: String::new(),
            give_up_after: GIVE_UP_AFTER,
            timeout: TIMEOUT,
        })
    }

    /// Signs each request with this secret: `whsec_` and the base64 of 24 to 64 bytes, as Standard
    /// Webhooks has them. Up to four, with blanks between them, while you exchange one for another.
    /// Default: requests are not signed.
    ///
    /// # Errors
    ///
    /// [`Error::Settings`]: it is no such secret.
    pub fn secret(mut self, secret: &str) -> Result<Self, Error> {
        secret.split_whitespace().for_each(redact::learn_secret);
        self.secrets = Secret::parse(secret)?;
        Ok(self)
    }

    /// The header `Authorization` of each request, such as `Bearer …` or `GenieKey …`. Default: none.
    ///
    /// # Errors
    ///
    /// [`Error::Settings`]: it has characters that no header may have.
    pub fn authorization(mut self, value: &str) -> Result<Self, Error> {
        value.split_whitespace().for_each(redact::learn_secret);
        let Ok(mut header) = HeaderValue::from_str(value.trim()) else {
            let problem = "has characters that no header may have, such as a line break".to_owned();
            return Err(Error::Settings { setting: "webhook authorization", problem });
        };
        header.set_sensitive(true);
        self.authorization = Some(header);
        Ok(self)
    }

    /// Which events are sent: names with commas between them, `run.*`, `migration.*` or `all`. Default:
    /// as the template says, or else `run.*,migration.failed,missed`.
    ///
    /// # Errors
    ///
    /// [`Error::Settings`]: there is no such event.
    pub fn events(mut self, events: &str) -> Result<Self, Error> {
        self.events = Some(Events::parse(events)?);
        Ok(self)
    }

    /// Sends a body of your own: a ready-made template (`slack`, `teams`, `discord`, `pagerduty`,
    /// `opsgenie`), or the name of a file with a template. Default: the body of `docs/notifications.md`.
    ///
    /// # Errors
    ///
    /// [`Error::Settings`]: the file cannot be read, is no JSON, or names what does not exist.
    pub fn template(mut self, name_or_file: &str) -> Result<Self, Error> {
        self.template = Some(Template::named_or_file(name_or_file)?);
        Ok(self)
    }

    /// Whether the texts of failed migrations and of servers are sent. They hold no value that a server
    /// quoted, but may name servers, and what a migration says. Default: no, only codes and the way out.
    #[must_use]
    pub fn show_failures(mut self, yes: bool) -> Self {
        self.show_failures = yes;
        self
    }

    /// For how long an event is tried, up to 10 min; default 60 s.
    #[must_use]
    pub fn give_up_after(mut self, time: Duration) -> Self {
        self.give_up_after = time.min(GIVE_UP_MAX);
        self
    }

    /// How long one attempt may take, from the look-up of the name to the answer, up to 10 min; default
    /// 10 s.
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time.clamp(Duration::from_millis(1), GIVE_UP_MAX);
        self
    }

    /// The name of the app in [made-up events](Self::send_sample); the events of a run have that of
    /// [`Migrator::app`](crate::Migrator::app). Default: none.
    #[must_use]
    pub fn sample_app(mut self, name: impl Into<String>) -> Self {
        self.app = name.into();
        self
    }

    /// Sends a made-up event once, and returns the answer. Its `summary` begins with `TEST`.
    ///
    /// # Errors
    ///
    /// [`Error::Settings`]: there is no event with this name. Nothing was sent.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not take back what is being sent.
    pub async fn send_sample(&self, event: &str) -> Result<WebhookAnswer, Error> {
        let sample = self.sample(event)?;
        let hook = self.clone();
        let sent = tokio::task::spawn_blocking(move || hook.try_once(&sample)).await;
        sent.map_err(|_| Error::Settings {
            setting: "webhook",
            problem: "the runtime shuts down; nothing is known of the answer".to_owned(),
        })
    }

    /// The body of a made-up event, as it would be sent.
    ///
    /// # Errors
    ///
    /// [`Error::Settings`]: there is no event with this name.
    pub fn sample_body(&self, event: &str) -> Result<serde_json::Value, Error> {
        Ok(self.filled(&sample::body(&self.sample(event)?, self.show_failures)))
    }

    fn sample(&self, event: &str) -> Result<Event, Error> {
        sample::event(event, &self.app).ok_or_else(|| {
            Events::parse(event).err().unwrap_or_else(|| Error::Settings {
                setting: "webhook events",
                problem: format!("`{}` is more than one event", event.escape_debug()),
            })
        })
    }

    fn try_once(&self, event: &Event) -> WebhookAnswer {
        let begun = std::time::Instant::now();
        let body = self.filled(&sample::body(event, self.show_failures));
        let attempt = send::attempt(&send::agent(self.timeout), &self.with_body(event, &body));
        let (delivered, status, answer, problem) = match attempt {
            Attempt::Delivered { status, answer } => (true, Some(status), answer, None),
            Attempt::Refused { status, why, answer } => (false, Some(status), answer, Some(why)),
            Attempt::Later { status, why, answer, .. } => (false, status, answer, Some(why)),
        };
        WebhookAnswer {
            delivered,
            to: self.place.clone(),
            event: event.name().to_owned(),
            status,
            answer,
            problem,
            duration_ms: crate::model::clock::ms(begun.elapsed()),
        }
    }

    pub(crate) fn sends(&self, event: &Event) -> bool {
        let of_template = self.template.as_ref().and_then(|template| template.events.as_ref());
        match self.events.as_ref().or(of_template) {
            Some(events) => events.contain(event.name()),
            None => Events::default().contain(event.name()),
        }
    }

    /// For people: what warnings call it.
    pub(crate) fn name(&self) -> String {
        format!("webhook {}", self.place)
    }

    fn filled(&self, body: &Body) -> serde_json::Value {
        match &self.template {
            Some(template) => template.fill(body),
            None => serde_json::to_value(body).unwrap_or_default(),
        }
    }

    pub(super) fn request(&self, event: &Event) -> Request<'_> {
        self.with_body(event, &self.filled(&Body::new(event, self.show_failures)))
    }

    fn with_body(&self, event: &Event, body: &serde_json::Value) -> Request<'_> {
        Request {
            url: &self.url,
            secrets: &self.secrets,
            authorization: self.authorization.as_ref(),
            timeout: self.timeout,
            id: event.id(),
            body: body.to_string().into_bytes(),
        }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("to", &self.place).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_be_is_refused_and_not_quoted() {
        for wrong in [
            "",
            "hooks.example.org/hunter2",
            "ftp://example.org/hunter2",
            "https://user:hunter2@example.org/",
            "https://exa mple.org/hunter2",
            "https:///hunter2",
            "https://user:hunter2/services",
            "https://example.org:99999/hunter2",
        ] {
            let error = Webhook::new(wrong).unwrap_err().to_string();
            assert!(error.contains("webhook") && !error.contains("hunter2"), "{error}");
        }
        let hook =
            Webhook::new(" https://example.org:8443/services/T0/hunter2hunter2?a=b\n").unwrap();
        assert_eq!(format!("{hook:?}"), "Webhook { to: \"https://example.org:8443\", .. }");
        let logged =
            redact::clean("POST https://example.org:8443/services/T0/hunter2hunter2?a=b failed");
        assert!(!logged.contains("hunter2"), "{logged}");
        assert!(hook.authorization("Bearer a\nb: c").is_err());
    }
}

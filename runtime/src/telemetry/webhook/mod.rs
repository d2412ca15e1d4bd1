//! Webhooks (feature `webhook`): a listener that sends events over HTTP, signed, with retries that are
//! bounded in number and time. Decides nothing about runs.

pub(crate) mod body;
pub(crate) mod deliver;
pub(crate) mod events;
pub(crate) mod from_env;
pub(crate) mod hook;
pub(crate) mod placeholders;
pub(crate) mod sample;
pub(crate) mod secret;
pub(crate) mod send;
pub(crate) mod template;

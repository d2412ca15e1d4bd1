//! Ends a process when half of the documents are changed, as `kill -9` would.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use mongodb::{
    Client, Database,
    bson::Document,
    event::{EventHandler, command::CommandEvent},
    options::ClientOptions,
};

use super::data::THINGS;
use crate::{problem::Problem, work::print_work};

/// A database whose client ends this process once the server has changed half of the documents. The
/// batch of that moment is not committed.
///
/// # Errors
///
/// The driver's errors.
pub async fn database(uri: &str, name: &str) -> Result<Database, Problem> {
    let all = Client::with_uri_str(uri).await?.database(name);
    let all = all.collection::<Document>(THINGS).estimated_document_count().await?;
    let left = Arc::new(AtomicI64::new(i64::try_from(all / 2)?));
    let begun = Instant::now();
    let mut options = ClientOptions::parse(uri).await?;
    options.command_event_handler = Some(EventHandler::callback(move |event: CommandEvent| {
        let CommandEvent::Succeeded(event) = event else { return };
        if event.command_name == "update"
            && let Ok(changed) = event.reply.get_i32("n")
            && (1..=changed.into()).contains(&left.fetch_sub(changed.into(), Ordering::SeqCst))
        {
            print_work(begun.elapsed());
            process::exit(0);
        }
    }));
    Ok(Client::with_options(options)?.database(name))
}

//! Reads the driver's errors: codes, labels, texts. Pure.

use std::error::Error as StdError;

use mongodb::{
    bson::Document,
    error::{Error, ErrorKind, WriteFailure},
};

use super::{
    code,
    refusal::{Denied, Details, without_values},
};

/// The server's error code, wherever the driver put it.
pub(crate) fn code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        ErrorKind::InsertMany(many) => many
            .write_errors
            .as_ref()
            .and_then(|errors| errors.first())
            .map(|write| write.code)
            .or_else(|| many.write_concern_error.as_ref().map(|concern| concern.code)),
        _ => None,
    }
}

/// Whether a transaction asked for more than the server allows it: TransactionTooLarge,
/// TransactionExceededLifetimeLimitSeconds, TransactionTooLargeForCache. The server refuses the
/// command that passes the limit, which may be the commit.
pub(crate) const fn is_limit(code: i32) -> bool {
    matches!(
        code,
        code::TRANSACTION_TOO_LARGE
            | code::TRANSACTION_EXCEEDED_LIFETIME_LIMIT_SECONDS
            | code::TRANSACTION_TOO_LARGE_FOR_CACHE
    )
}

/// The name of the server's error code, if the server sent one.
pub(crate) fn code_name(error: &Error) -> Option<String> {
    match &*error.kind {
        ErrorKind::Command(command) => Some(command.code_name.clone()),
        ErrorKind::Write(WriteFailure::WriteError(write)) => write.code_name.clone(),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => {
            Some(concern.code_name.clone())
        }
        _ => None,
    }
    .filter(|name| !name.is_empty())
}

/// The error for people: the message with its code; never the raw reply.
pub(crate) fn describe(error: &Error) -> String {
    let message = match &*error.kind {
        ErrorKind::Command(command) => command.message.clone(),
        ErrorKind::Write(WriteFailure::WriteError(write)) => write.message.clone(),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => concern.message.clone(),
        ErrorKind::InsertMany(many) => {
            let first = many.write_errors.as_ref().and_then(|errors| errors.first());
            first.map_or_else(|| error.kind.to_string(), |write| write.message.clone())
        }
        ErrorKind::InvalidArgument { message, .. } | ErrorKind::Authentication { message, .. } => {
            message.clone()
        }
        ErrorKind::ServerSelection { message, .. } => out_of_reach(message),
        kind => kind.to_string(),
    };
    let message = match (code(error), Denied::read(&message)) {
        (Some(code::UNAUTHORIZED), Some(denied)) => denied.to_string(),
        _ => without_values(&message),
    };
    let suffix = details(error).map(|details| details.suffix(&message)).unwrap_or_default();
    match (code(error), code_name(error)) {
        (Some(code::TRANSACTION_TOO_LARGE_FOR_CACHE), _) => {
            format!("{message} (code 388); write an online migration, in smaller steps")
        }
        (Some(code), Some(name)) => format!("{message} (code {code}, {name}){suffix}"),
        (Some(code), None) => format!("{message} (code {code}){suffix}"),
        _ => message,
    }
}

/// What the server says of the document that the error is about.
pub(crate) fn details(error: &Error) -> Option<Details> {
    let reply = Document::try_from(error.server_response()?.as_ref()).ok();
    let details = Details::read(&reply?);
    (details != Details::default()).then_some(details)
}

/// Why the driver does not support the server. It has only a text for that: `Server at a:1 reports
/// wire version 8, but this version of the MongoDB Rust driver requires at least 9 (MongoDB 4.4).`
pub(crate) fn incompatibility(message: &str) -> Option<String> {
    let is_unsupported = message.starts_with("Server at ") && message.contains(" wire version ");
    is_unsupported.then(|| message.trim_end_matches('.').to_owned())
}

/// Why the driver could not reach each server. The driver's text is a dump of all that it knows:
/// `… Topology: { …, Servers: [ { Address: a:1, Type: Unknown, Error: Kind: I/O error:
/// Connection refused (os error 111), labels: {} }, … ] }`.
fn out_of_reach(message: &str) -> String {
    let servers: Vec<String> = message
        .split("Address: ")
        .skip(1)
        .filter_map(|server| {
            let (address, rest) = server.split_once([',', ' '])?;
            let reason = rest.split_once("Error: Kind: ").map(|(_, reason)| reason);
            let reason = reason.and_then(|reason| reason.split(", labels: ").next());
            let kind =
                rest.split_once("Type: ").and_then(|(_, kind)| kind.split([',', ' ']).next());
            Some(match (reason, kind) {
                (Some(reason), _) => format!("{address}: {reason}"),
                (None, Some(kind)) if kind != "Unknown" => format!("{address} is a {kind}"),
                (None, _) => format!("{address} does not answer"),
            })
        })
        .collect();
    if servers.is_empty() {
        return format!("no server could be reached in time: {message}");
    }
    format!(
        "no server that takes writes could be reached in time ({}); is it running, and is \
         the address right?",
        servers.join("; ")
    )
}

/// The driver's error in a chain of sources.
pub(crate) fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    chain(error).find_map(|inner| inner.downcast_ref::<Error>())
}

/// An error and its sources, outermost first.
pub(crate) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let link = next?;
        next = link.source();
        Some(link)
    })
}

/// Whether an error of a migration body carries one of the driver's labels.
///
/// A *transparent* wrapper forwards `source()` past the driver's error, so the chain does not show
/// that error; but the wrapper forwards its text, too, and the text ends in the labels.
pub(crate) fn has_label(error: &(dyn StdError + 'static), label: &str) -> bool {
    find(error).is_some_and(|inner| inner.contains_label(label))
        || chain(error).any(|inner| inner.to_string().contains(&format!("\"{label}\"")))
}

/// Whether the same command may succeed if it is sent again.
pub(crate) fn is_retryable(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. })
        || error.contains_label(mongodb::error::RETRYABLE_WRITE_ERROR)
        || error.contains_label(mongodb::error::RETRYABLE_ERROR)
        || code(error).is_some_and(is_retryable_code)
}

/// Whether the code is in the list of the driver specification "Retryable Reads".
pub(crate) fn is_retryable_code(code: i32) -> bool {
    matches!(
        code,
        code::HOST_UNREACHABLE
            | code::HOST_NOT_FOUND
            | code::NETWORK_TIMEOUT
            | code::SHUTDOWN_IN_PROGRESS
            | code::READ_CONCERN_MAJORITY_NOT_AVAILABLE_YET
            | code::PRIMARY_STEPPED_DOWN
            | code::EXCEEDED_TIME_LIMIT
            | code::SOCKET_EXCEPTION
            | code::NOT_WRITABLE_PRIMARY
            | code::INTERRUPTED_AT_SHUTDOWN
            | code::INTERRUPTED_DUE_TO_REPL_STATE_CHANGE
            | code::NOT_PRIMARY_NO_SECONDARY_OK
            | code::NOT_PRIMARY_OR_SECONDARY
    )
}

//! Runs the commands for the MongoDB shell that a report has, as the shell would.

use mongrate::{
    bson::{Bson, Document, doc},
    mongodb::Database,
};

/// Runs a command; panics if it is of another form than those that `drift` writes.
pub(super) async fn run(db: &Database, command: &str) {
    let sent = parsed(command).unwrap_or_else(|| panic!("not read: {command}"));
    let ran = db.run_command(sent.clone()).await;
    ran.unwrap_or_else(|error| panic!("{command}\n{sent}\n{error}"));
}

fn parsed(command: &str) -> Option<Document> {
    if let Some(arguments) = command.strip_prefix("db.runCommand(") {
        return read(arguments.strip_suffix(')')?)?.as_document().cloned();
    }
    let rest = command.strip_prefix("db.getCollection(")?;
    let (name, call) = rest.split_once(").")?;
    let name = read(name)?;
    let (method, arguments) = call.strip_suffix(')')?.split_once('(')?;
    match method {
        "drop" => Some(doc! { "drop": name }),
        "dropIndex" => Some(doc! { "dropIndexes": name, "index": read(arguments)? }),
        "createIndex" => {
            let both = read(&format!("[{arguments}]"))?;
            let [Bson::Document(key), Bson::Document(options)] = both.as_array()?.as_slice() else {
                return None;
            };
            let mut index = doc! { "key": key.clone() };
            index.extend(options.clone());
            Some(doc! { "createIndexes": name, "indexes": [index] })
        }
        _ => None,
    }
}

fn read(text: &str) -> Option<Bson> {
    serde_json::from_str(text).ok()
}

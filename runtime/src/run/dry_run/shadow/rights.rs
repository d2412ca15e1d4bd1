//! Whether the user may make, fill and drop a scratch database: asked before one is made.

use mongodb::{
    Database,
    bson::{Bson, Document, doc},
};

use crate::{
    model::error::Error,
    mongo::{code, server_error::ServerError},
};

/// The actions that a shadow run needs in its scratch database.
const NEEDED: [&str; 9] = [
    "find",
    "insert",
    "update",
    "remove",
    "createCollection",
    "createIndex",
    "collMod",
    "dropCollection",
    "dropDatabase",
];

/// Refuses a shadow run if one of these rights is missing. Without authentication everything is
/// allowed.
pub(super) async fn check(source: &Database, scratch: &str) -> Result<(), Error> {
    let ask = doc! { "connectionStatus": 1, "showPrivileges": true };
    let reply = match source.run_command(ask).await.map_err(ServerError::from) {
        Ok(reply) => reply,
        // A client of the strict Stable API may not ask; what is missing shows by itself.
        Err(error) if error.code() == Some(code::API_STRICT_ERROR) => return Ok(()),
        Err(error) => return Err(Error::server("ask what the user may do", error)),
    };
    let Ok(info) = reply.get_document("authInfo") else { return Ok(()) };
    let missing = missing(info, scratch);
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::ShadowForbidden { database: scratch.to_owned(), missing: missing.join(", ") })
}

fn missing(info: &Document, scratch: &str) -> Vec<&'static str> {
    let empty = |key: &str| info.get_array(key).map_or(true, Vec::is_empty);
    if empty("authenticatedUsers") {
        return Vec::new();
    }
    let privileges: Vec<&Document> = info
        .get_array("authenticatedUserPrivileges")
        .map(|all| all.iter().filter_map(Bson::as_document).collect())
        .unwrap_or_default();
    let covers = |resource: &Document| {
        resource.get_bool("anyResource").unwrap_or(false)
            || match (resource.get_str("db"), resource.get_str("collection")) {
                (Ok(db), Ok(collection)) => {
                    (db.is_empty() || db == scratch) && collection.is_empty()
                }
                _ => false,
            }
    };
    let has = |action: &str| {
        privileges.iter().any(|privilege| {
            privilege.get_document("resource").is_ok_and(covers)
                && privilege.get_array("actions").is_ok_and(|actions| {
                    actions.iter().any(
                        |one| matches!(one.as_str(), Some(it) if it == action || it == "anyAction"),
                    )
                })
        })
    };
    NEEDED.into_iter().filter(|action| !has(action)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(resource: Document, actions: &[&str]) -> Document {
        doc! {
            "authenticatedUsers": [{ "user": "anna", "db": "admin" }],
            "authenticatedUserPrivileges": [{ "resource": resource, "actions": actions }],
        }
    }

    #[test]
    fn rights_on_any_database_or_on_this_one_do() {
        let name = "mongrate_shadow_0";
        let any = doc! { "db": "", "collection": "" };
        assert!(missing(&info(any.clone(), &NEEDED), name).is_empty());
        assert!(missing(&info(doc! { "anyResource": true }, &["anyAction"]), name).is_empty());
        assert!(missing(&info(doc! { "db": name, "collection": "" }, &NEEDED), name).is_empty());
        assert_eq!(missing(&info(doc! { "db": "shop", "collection": "" }, &NEEDED), name), NEEDED);
        let but_drop: Vec<&str> =
            NEEDED.into_iter().filter(|action| *action != "dropDatabase").collect();
        assert_eq!(missing(&info(any, &but_drop), name), ["dropDatabase"]);
    }

    #[test]
    fn without_authentication_everything_is_allowed() {
        let info = doc! { "authenticatedUsers": [], "authenticatedUserPrivileges": [] };
        assert!(missing(&info, "mongrate_shadow_0").is_empty());
    }
}

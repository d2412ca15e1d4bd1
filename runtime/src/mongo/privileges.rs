//! What a user may do, as `connectionStatus` lists it. Pure.
//! <https://www.mongodb.com/docs/manual/reference/command/connectionStatus/>

use mongodb::bson::{Bson, Document, doc};

/// Who is signed in, and what that user may do.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Privileges {
    /// The users, as `name@database`. None: without sign-in.
    pub users: Vec<String>,
    granted: Vec<Document>,
}

impl Privileges {
    /// Takes the answer to `connectionStatus` with `showPrivileges`; `None` if it lists none.
    pub(crate) fn parse(reply: &Document) -> Option<Self> {
        let info = reply.get_document("authInfo").ok()?;
        let documents = |name: &str| {
            let listed = info.get_array(name).ok()?.iter();
            Some(listed.filter_map(Bson::as_document).cloned().collect::<Vec<_>>())
        };
        let users = documents("authenticatedUsers")?.into_iter().map(|user| {
            let part = |name: &str| user.get_str(name).unwrap_or("?").to_owned();
            format!("{}@{}", part("user"), part("db"))
        });
        let granted = documents("authenticatedUserPrivileges")?;
        Some(Self { users: users.collect(), granted })
    }

    /// Whether the action is allowed on the cluster.
    pub(crate) fn allow_on_the_cluster(&self, action: &str) -> bool {
        self.allowing(action).any(|resource| resource.get_bool("cluster").unwrap_or(false))
    }

    /// Whether the action is allowed on this collection of the database; with an empty name, on each
    /// of its collections but those of the server.
    pub(crate) fn allow(&self, action: &str, database: &str, collection: &str) -> bool {
        self.allowing(action).any(|resource| {
            let names = |name: &str, wanted: &str| {
                resource.get_str(name).is_ok_and(|found| found.is_empty() || found == wanted)
            };
            names("db", database) && names("collection", collection)
        })
    }

    /// The resources on which the action is allowed; the whole world counts as each of them.
    fn allowing(&self, action: &str) -> impl Iterator<Item = Document> {
        self.granted.iter().filter_map(move |privilege| {
            let actions = privilege.get_array("actions").into_iter().flatten();
            let mut actions = actions.filter_map(Bson::as_str);
            actions.find(|found| *found == action || *found == "anyAction")?;
            let resource = privilege.get_document("resource").ok()?;
            Some(match resource.get_bool("anyResource") {
                Ok(true) => doc! { "cluster": true, "db": "", "collection": "" },
                _ => resource.clone(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_privilege_covers_what_its_resource_covers() {
        let reply = doc! { "authInfo": {
            "authenticatedUsers": [{ "user": "migrator", "db": "shop" }],
            "authenticatedUserPrivileges": [
                { "resource": { "db": "shop", "collection": "" }, "actions": ["find"] },
                { "resource": { "db": "shop", "collection": "migrations" }, "actions": ["insert"] },
                { "resource": { "db": "", "collection": "" }, "actions": ["collMod"] },
                { "resource": { "cluster": true }, "actions": ["serverStatus"] },
                { "resource": { "system_buckets": "x", "db": "shop" }, "actions": ["remove"] },
            ],
        } };
        let user = Privileges::parse(&reply).unwrap();
        assert_eq!(user.users, ["migrator@shop"]);
        let table = [
            ("find", "shop", "", true),
            ("find", "shop", "users", true),
            ("find", "other", "users", false),
            ("insert", "shop", "migrations", true),
            ("insert", "shop", "", false),
            ("insert", "shop", "users", false),
            ("collMod", "other", "users", true),
            ("serverStatus", "shop", "", false),
            ("remove", "shop", "users", false),
        ];
        for (action, database, collection, expected) in table {
            let found = user.allow(action, database, collection);
            assert_eq!(found, expected, "{action} on {database}.{collection}");
        }
        assert!(user.allow_on_the_cluster("serverStatus"));
        assert!(!user.allow_on_the_cluster("find"));
        let any = doc! { "authInfo": {
            "authenticatedUsers": [],
            "authenticatedUserPrivileges": [
                { "resource": { "anyResource": true }, "actions": ["anyAction"] },
            ],
        } };
        let any = Privileges::parse(&any).unwrap();
        assert!(any.allow("find", "a", "b") && any.allow_on_the_cluster("serverStatus"));
        assert_eq!(Privileges::parse(&doc! { "ok": 1 }), None);
    }
}

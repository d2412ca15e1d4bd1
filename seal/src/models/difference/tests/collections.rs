//! Collections, validators and indexes, and the order of everything.

use super::*;

const USERS: &str = "users options collection moderate/error
    users User root object@User
    users User field a int";

#[test]
fn everything_is_new_at_first() {
    let new = snapshot(&format!(
        "{USERS}
        users index a_-1 {{\"key\":{{\"a\":-1}},\"unique\":true}}
        users index a_1 {{\"key\":{{\"a\":1}}}}
        logs options timeseries {{\"timeseries\":{{\"timeField\":\"at\"}}}}
        logs Log root object@Log
        v options view
        v V root object@V"
    ));
    check(
        &snapshot(""),
        &new,
        &[],
        &[
            "+ create time series `logs`",
            "+ create collection `users` with its validator",
            "+ create index `a_1` of `users`",
            "+ create unique index `a_-1` of `users`",
            "- `v`: a view: a migration of yours defines it",
        ],
    );
    assert!(lines(&new, &new, &[]).is_empty());
    assert!(!new.difference(&new, &mut Answers::default()).differs);
}

#[test]
fn no_document_is_judged_while_fields_change() {
    let new = USERS.replace("field a int", "field b string was=a");
    check(
        &snapshot(&format!("{USERS}\nusers index a_1 {{\"key\":{{\"a\":1}},\"unique\":true}}")),
        &snapshot(&format!("{new}\nusers index b_1 {{\"key\":{{\"b\":1}},\"unique\":true}}")),
        &[],
        &[
            "+ drop index `a_1` of `users`",
            "+ remove the validator of `users` while its fields change",
            "+ rename field `a` of `users` to `b`",
            "+ convert field `b` of `users` from int to string",
            "+ set the validator of `users` (moderate/error)",
            "+ create unique index `b_1` of `users`",
        ],
    );
    // No document changes: the validator is replaced at once.
    let more = format!("{USERS}\nusers User field b optional int");
    check(
        &snapshot(USERS),
        &snapshot(&more),
        &[],
        &["+ set the validator of `users` (moderate/error)"],
    );
    let strict = USERS.replace("moderate/error", "strict/warn");
    check(
        &snapshot(USERS),
        &snapshot(&strict),
        &[],
        &["+ set the validator of `users` (strict/warn)"],
    );
    let none = USERS.replace(" moderate/error", "");
    check(&snapshot(USERS), &snapshot(&none), &[], &["+ remove the validator of `users`"]);
    check(&snapshot(&none), &snapshot(USERS), &[], &["+ set the validator of `users`"]);
}

#[test]
fn a_collection_is_renamed_dropped_or_left() {
    let new =
        USERS.replace("users", "people").replace("moderate/error", "moderate/error was=users");
    check(&snapshot(USERS), &snapshot(&new), &[], &["+ rename collection `users` to `people`"]);
    let renamed = new.replace("field a int", "field b int was=a");
    check(
        &snapshot(USERS),
        &snapshot(&renamed),
        &[],
        &[
            "+ rename collection `users` to `people`",
            "+ remove the validator of `people` while",
            "+ rename field `a` of `people` to `b`",
            "+ set the validator of `people`",
        ],
    );
    let unsaid = USERS.replace("users", "people");
    let asks = "? users: no model has this collection any more";
    check(&snapshot(USERS), &snapshot(&unsaid), &[], &[asks]);
    check(&snapshot(USERS), &snapshot(""), &[], &[asks]);
    check(&snapshot(USERS), &snapshot(""), &["--remove users"], &["+ drop collection `users`"]);
    check(
        &snapshot(USERS),
        &snapshot(""),
        &["--leave users"],
        &["- `users`: no model has it any more"],
    );
    check(
        &snapshot(USERS),
        &snapshot(&unsaid),
        &["--remove users"],
        &["+ create collection `people`", "+ drop collection `users`"],
    );
    let series = "logs options timeseries {\"timeseries\":{\"timeField\":\"at\"}}";
    let renamed = series.replace("logs", "log") + " was=logs";
    check(
        &snapshot(series),
        &snapshot(&renamed),
        &[],
        &["? log: it was `logs`, and the server renames"],
    );
    check(
        &snapshot(series),
        &snapshot(""),
        &["--remove logs"],
        &["? logs: no model has it any more, and a"],
    );
}

#[test]
fn another_kind_of_collection_is_a_question() {
    let series = "users options timeseries {\"timeseries\":{\"timeField\":\"at\"}}
        users User root object@User
        users User field a int";
    check(
        &snapshot(USERS),
        &snapshot(series),
        &[],
        &["? users: it is another kind of collection now"],
    );
    check(&snapshot(USERS), &snapshot(series), &["--leave users"], &["- `users`: left to you"]);
    let hours = series.replace("\"at\"", "\"at\",\"granularity\":\"hours\"");
    check(
        &snapshot(series),
        &snapshot(&hours),
        &[],
        &["? users: the options of the time series changed"],
    );
    let expires = series.replace("\"at\"}", "\"at\"},\"expireAfterSeconds\":60");
    check(
        &snapshot(series),
        &snapshot(&expires),
        &[],
        &["+ let documents of `users` expire after 60 s"],
    );
    check(
        &snapshot(&expires),
        &snapshot(series),
        &[],
        &["+ let documents of `users` never expire"],
    );
    let field = series.replace("field a int", "field b int was=a");
    check(
        &snapshot(series),
        &snapshot(&field),
        &[],
        &["? users: its fields changed, and operations reach"],
    );
}

#[test]
fn one_value_for_all_and_a_unique_index_are_noted() {
    let plain = USERS.replace(" moderate/error", "");
    let with = |fields: &str, key: &str| {
        let index = format!("users index i {{\"key\":{{{key}}},\"unique\":true}}");
        snapshot(&format!("{plain}\n{fields}\n{index}"))
    };
    let (old, b) = (snapshot(&plain), "users User field b int default=\"5\"");
    let (adds, builds) =
        ("+ add field `b` to `users`, default 5", "+ create unique index `i` of `users`");
    let noted =
        "- `users`: documents without the field all get the same value, and the unique index `i`";
    check(&old, &with(b, "\"b\":1"), &[], &[adds, builds, noted]);
    check(&old, &with(b, "\"a\":1,\"b\":1"), &[], &[adds, builds]);
    check(&with("", "\"b\":1"), &with(b, "\"b\":1"), &[], &[adds]);
}

#[test]
fn indexes_are_changed_in_place_where_the_server_can() {
    let index = |index: &str| snapshot(&format!("{USERS}\nusers index i {index}"));
    let plain = index("{\"key\":{\"a\":1},\"expireAfterSeconds\":5}");
    for (new, expected) in [
        (
            "{\"key\":{\"a\":1},\"expireAfterSeconds\":6}",
            &["+ let documents of `users` expire after 6 s by index `i`"][..],
        ),
        (
            "{\"key\":{\"a\":1},\"expireAfterSeconds\":5,\"hidden\":true}",
            &["+ hide index `i` of `users`"],
        ),
        ("{\"key\":{\"a\":1}}", &["+ drop index `i` of `users`", "+ create index `i` of `users`"]),
        (
            "{\"key\":{\"a\":-1},\"expireAfterSeconds\":5,\"unique\":true}",
            &["+ drop index `i` of `users`", "+ create unique index `i` of `users`"],
        ),
    ] {
        check(&plain, &index(new), &[], expected);
    }
}

#[test]
fn several_models_are_alternatives() {
    let two = format!("{USERS}\nusers Admin root object@Admin\nusers Admin field b int");
    check(&snapshot(USERS), &snapshot(&two), &[], &["+ set the validator of `users`"]);
    check(
        &snapshot(&two),
        &snapshot(USERS),
        &[],
        &["+ set the validator of `users`", "? users: one of 2"],
    );
    // The type has another name.
    let other = USERS.replace("users User", "users Person").replace("@User", "@Person");
    check(&snapshot(USERS), &snapshot(&other), &[], &[]);
    let difference = snapshot(USERS).difference(&snapshot(&other), &mut Answers::default());
    assert!(difference.differs, "models.snap changes");
}

/// The collection would be empty, and its documents elsewhere.
#[test]
fn a_former_name_that_leads_to_no_collection_asks() {
    let one = |name: &str, was: &str| {
        USERS.replace("users", name).replace("/error", &format!("/error{was}"))
    };
    let says = |name: &str| format!("? {name}: it is new and says that it was `");
    let people = snapshot(&one("people", " was=user"));
    let gone = "+ drop collection `users`";
    check(&snapshot(USERS), &people, &["--remove users"], &[gone, &says("people")]);
    check(
        &snapshot(USERS),
        &people,
        &["--remove users", "--leave people"],
        &["+ create collection `people`", gone, "- `people`: created, although it says"],
    );
    // `b` is what `a` was, and `c` is what `b` was: that is no rename of one collection.
    let chain = format!("{}\n{}", one("b", " was=a"), one("c", " was=b"));
    let old = snapshot(&format!("{}\n{}", one("a", ""), one("b", "")));
    check(&old, &snapshot(&chain), &["--remove a"], &["+ drop collection `a`", &says("c")]);
    let twice = format!("{}\n{}", one("b", " was=a"), one("c", " was=a"));
    let renamed = "+ rename collection `a` to `b`";
    check(&snapshot(&one("a", "")), &snapshot(&twice), &[], &[renamed, &says("c")]);
    // The first snapshot has nothing that could be renamed.
    check(&snapshot(""), &people, &[], &["+ create collection `people`"]);
}

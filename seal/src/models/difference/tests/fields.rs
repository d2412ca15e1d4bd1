//! Fields that are added, removed, renamed, moved, retyped.

use super::*;

#[test]
fn a_new_field_has_a_default_or_is_optional() {
    field("a int", "a int\nb optional string", &[]);
    field(
        "a int",
        "a int\nb optional string default=\"\\\"x\\\"\"",
        &["+ add field `b` to `users`, default \"x\""],
    );
    field("a int", "a int\nb long default=\"5\"", &["+ add field `b` to `users`, default 5"]);
    field("a int", "a int\nb long", &["? users.b: the field is new and required (long)"]);
    answered("a int", "a int\nb long", &["--leave users.b"], &["- `users.b`: left to you"]);
    // In the elements of an array that every document has.
    field(
        "items [object]\nitems[].a int",
        "items [object]\nitems[].a int\nitems[].b long default=\"5\"",
        &["+ add field `items.b` to `users`, default 5"],
    );
    // `add_field` would create the document around it.
    field(
        "to optional object\nto.a int",
        "to optional object\nto.a int\nto.b long default=\"5\"",
        &["+ add field `to.b` to `users` where its document is, default 5"],
    );
    field(
        "to object|null\nto.a int",
        "to object|null\nto.a int\nto.b long default=\"5\"",
        &["+ add field `to.b` to `users` where its document is, default 5"],
    );
    // In the values of a map.
    field(
        "to {object}\nto{}.a int",
        "to {object}\nto{}.a int\nto{}.b long default=\"5\"",
        &["+ add field `to{}.b` to `users` where its document is, default 5"],
    );
    field(
        "_id object\n_id.a int",
        "_id object\n_id.a int\n_id.b int default=\"5\"",
        &["? users._id.b: the field is required, and declared operations do not reach it"],
    );
}

#[test]
fn a_new_document_is_made_of_the_defaults_of_its_fields() {
    field(
        "a int",
        "a int\nto object@To\nto.b int default=\"1\"\nto.c optional int",
        &["+ add field `to.b` to `users`, default 1"],
    );
    field(
        "a int",
        "a int\nto object@To\nto.c optional int",
        &["+ add field `to` to `users`, default {}"],
    );
    field(
        "a int",
        "a int\nto object@To\nto.b int",
        &["? users.to.b: the field is new and required (int)"],
    );
    field("a int", "a int\nto optional object@To\nto.b int", &[]);
    field(
        "o optional object@O\no.a int",
        "o optional object@O\no.a int\no.to object@To\no.to.b int default=\"1\"",
        &[
            "+ add field `o.to` to `users` where its document is, default {}",
            "+ add field `o.to.b` to `users` where its document is, default 1",
        ],
    );
}

#[test]
fn a_field_is_removed_unless_it_may_be_another_one() {
    field("a int\nb string", "a int", &["+ remove field `b` of `users`"]);
    answered("a int\nb string", "a int", &["--leave users.b"], &["- `users.b`: left to you"]);
    answered("a int\nb string", "a int", &["--remove users.b"], &["+ remove field `b` of `users`"]);
    // Another type: not the same field.
    field("a int\nb string", "a int\nc optional bool", &["+ remove field `b` of `users`"]);
    let asks = "? users.b: the field is gone, and `c` is new, also string";
    field("a int\nb string", "a int\nc string", &[asks]);
    field("a int\nb string", "a int\nc optional string", &[asks]);
    field("a int\nb \"x\"|\"y\"", "a int\nc string", &["? users.b: the field is gone, and `c`"]);
    field(
        "b string",
        "c string\nd optional string|null",
        &["? users.b: the field is gone, and `c` or `d`"],
    );
    answered(
        "a int\nb string",
        "a int\nc optional string",
        &["--remove users.b"],
        &["+ remove field `b` of `users`"],
    );
    answered(
        "a int\nb string",
        "a int\nc string",
        &["--remove users.b"],
        &["+ remove field `b` of `users`", "? users.c: the field is new and required"],
    );
    field(
        "to {object}\nto{}.a int\nto{}.b int",
        "to {object}\nto{}.a int",
        &["? users.to{}.b: the field is gone, and declared operations do not reach it"],
    );
}

/// A removed field is not silently one of the same name in another document.
#[test]
fn a_field_is_removed_unless_it_may_have_moved() {
    let asks = "? users.city: the field is gone, and `to.city` is new, also string: it may have moved there";
    let (old, new) =
        ("city string\nto object@To\nto.a int", "to object@To\nto.a int\nto.city optional string");
    field(old, new, &[asks]);
    answered(old, new, &["--remove users.city"], &["+ remove field `city` of `users`"]);
    answered(old, new, &["--leave users.city"], &["- `users.city`: left to you"]);
    // Outwards, and into a document that is new.
    field(
        "to object@To\nto.a int\nto.city string",
        "city optional string\nto object@To\nto.a int",
        &["? users.to.city: the field is gone, and `city` is new"],
    );
    field("a int\ncity string", "a int\nto optional object@To\nto.city string", &[asks]);
    // Of another type, or there before, perhaps in a document that has another name now.
    let removed = "+ remove field `city` of `users`";
    field(old, "to object@To\nto.a int\nto.city optional bool", &[removed]);
    let both = "city string\nto object@To\nto.a int\nto.city string";
    field(both, "to object@To\nto.a int\nto.city string", &[removed]);
    field(
        both,
        "at object@To was=\"to\"\nat.a int\nat.city string",
        &["+ rename field `to` of `users` to `at`", removed],
    );
}

#[test]
fn a_field_is_renamed_by_its_former_name() {
    field("b string", "c string was=b", &["+ rename field `b` of `users` to `c`"]);
    field("b string", "c string was=x was=b", &["+ rename field `b` of `users` to `c`"]);
    // The hint stays in the type after the migration.
    field("c string", "c string was=b", &[]);
    // …and the old name may be given away again.
    field("c string", "b optional string\nc string was=b", &[]);
    field(
        "b string",
        "b string\nc string was=b",
        &[
            "? users.c: the field is new and says that it was `b`, but documents still have a field `b`",
        ],
    );
    field(
        "b int",
        "c string was=b",
        &[
            "+ rename field `b` of `users` to `c`",
            "+ convert field `c` of `users` from int to string",
        ],
    );
    field(
        "addr object\naddr.town string",
        "address object was=addr\naddress.city string was=town",
        &[
            "+ rename field `addr` of `users` to `address`",
            "+ rename field `address.town` of `users` to `address.city`",
        ],
    );
    field(
        "items [object]\nitems[].b int",
        "items [object]\nitems[].c int was=b",
        &["+ rename field `items.b` of `users` to `items.c`"],
    );
    field(
        "to {object}\nto{}.b int",
        "to {object}\nto{}.c int was=b",
        &["? users.to{}.c: it was `b`, and declared operations do not reach it"],
    );
    answered("b string", "c string was=b", &["--leave users.c"], &["- `users.c`: left to you"]);
}

#[test]
fn a_field_moves_into_and_out_of_documents() {
    field(
        "city string\nx int",
        "x int\naddress object@A\naddress.city string was=city",
        &["+ move field `city` of `users` to `address.city`"],
    );
    field(
        "city optional string",
        "address optional object@A\naddress.city optional string was=city",
        &["+ move field `city` of `users` to `address.city`"],
    );
    field(
        "address object@A\naddress.city string\naddress.zip string",
        "address object@A\naddress.zip string\ncity string was=\"address.city\"",
        &["+ move field `address.city` of `users` to `city`"],
    );
    // The document that it is in has another name now.
    field(
        "addr object@A\naddr.city string\naddr.zip string",
        "address object@A was=addr\naddress.zip string\ncity string was=\"addr.city\"",
        &[
            "+ rename field `addr` of `users` to `address`",
            "+ move field `address.city` of `users` to `city`",
        ],
    );
    // Beside it comes first; with a dot it is from the outermost document.
    field(
        "city string\nto object@A\nto.city int",
        "city string\nto object@A\nto.town int was=city",
        &["+ rename field `to.city` of `users` to `to.town`"],
    );
    field(
        "city int\nto object@A\nto.x int",
        "to object@A\nto.town long was=\".city\"\nto.x int",
        &[
            "+ move field `city` of `users` to `to.town`",
            "+ convert field `to.town` of `users` from int to long",
        ],
    );
    field(
        "city string\nitems [object]\nitems[].x int",
        "items [object]\nitems[].x int\nitems[].city string was=city",
        &[
            "+ remove field `city` of `users`",
            "? users.items[].city: the field is new and says that it was `city`, but",
        ],
    );
}

#[test]
fn a_type_is_converted_where_the_server_can() {
    for (old, new, from, to) in [
        ("int", "string", "int", "string"),
        ("string", "long", "string", "long"),
        ("string", "int|long", "string", "long"),
        ("int", "double", "int", "double"),
        ("double", "decimal", "double", "decimal"),
        ("string", "objectId", "string", "objectId"),
        ("objectId", "string", "objectId", "string"),
        ("string", "date", "string", "date"),
        ("date", "long", "date", "long"),
        ("long", "date", "long", "date"),
        ("bool", "int", "bool", "int"),
        ("string|null", "date|null", "string", "date"),
        ("string", "date|null", "string", "date"),
    ] {
        let expected = format!("+ convert field `a` of `users` from {from} to {to}");
        field(&format!("a {old}"), &format!("a {new}"), &[&expected]);
    }
    for (old, new) in [
        ("string", "bool"),
        ("int", "date"),
        ("objectId", "long"),
        ("binData", "string"),
        ("string", "binData"),
        ("string", "int|date"),
    ] {
        field(&format!("a {old}"), &format!("a {new}"), &["? users.a: "]);
        let leave = ["--leave users.a"];
        answered(&format!("a {old}"), &format!("a {new}"), &leave, &["- `users.a`: left to you"]);
    }
    for (old, new) in
        [("int", "int|long"), ("int", "any"), ("int", "int|null"), ("\"x\"", "string")]
    {
        field(&format!("a {old}"), &format!("a {new}"), &[]);
    }
    field(
        "a int|long",
        "a string",
        &[
            "+ convert field `a` of `users` from int to string",
            "+ convert field `a` of `users` from long to string",
        ],
    );
    field(
        "to object\nto.a [object]\nto.a[].b int",
        "to object\nto.a [object]\nto.a[].b string",
        &["+ convert field `to.a.b` of `users` from int to string"],
    );
    field("a [int]", "a [string]", &["? users.a[]: int became string, and declared operations"]);
    field("a int", "a [int]", &["? users.a: int became array of int, and no declared"]);
    field("a object@A\na.b int", "a string", &["? users.a: document `A` became string"]);
}

#[test]
fn values_of_enums_are_added_and_replaced() {
    field("a \"x\"|\"y\"", "a \"x\"|\"y\"|\"z\"", &[]);
    field(
        "a \"x\"|\"y\"",
        "a \"x\"",
        &["? users.a: the value `y` is gone, and nothing says what documents with it get"],
    );
    answered(
        "a \"x\"|\"y\"",
        "a \"x\"",
        &["--becomes users.a:y=x"],
        &["+ replace \"y\" by \"x\" in `a` of `users`"],
    );
    answered(
        "a \"x\"|\"y\"",
        "a \"x\"",
        &["--becomes users.a:y=z"],
        &["? users.a: `y` is to become `z`, which is no value of it"],
    );
    answered(
        "a [object]\na[].b [\"x\"|\"y\"|\"z\"]",
        "a [object]\na[].b [\"x\"]",
        &["--becomes users.a.b:y=x", "--becomes users.a[].b[]:z=x"],
        &["+ replace \"y\" by \"x\", \"z\" by \"x\" in `a[].b[]` of `users`"],
    );
    field(
        "a string",
        "a \"x\"",
        &["- `users.a`: documents with another value than \"x\" do not fit"],
    );
    answered("a int", "a int", &["--leave users.b"], &["! --leave users.b"]);
    answered("a int", "a int", &["--becomes users.a:x=y"], &["! --becomes users.a:x=y"]);
}

#[test]
fn what_documents_may_lack_is_filled_or_told() {
    field("a optional int", "a int", &["- `users.a`: the field is required now"]);
    field("a optional int", "a int default=\"1\"", &["+ add field `a` to `users`, default 1"]);
    field("a int", "a optional int", &[]);
    field("a int|null", "a int", &["- `users.a`: null is no value of it any more"]);
    field(
        "a optional int|null",
        "a int default=\"1\"",
        &["+ put 1 where `a` of `users` is null", "+ add field `a` to `users`, default 1"],
    );
    // What the default is changes nothing in documents that have the field.
    field("a int", "a int default=\"1\"", &[]);
}

/// The values would be left behind, or removed, without a word.
#[test]
fn a_former_name_that_leads_nowhere_asks() {
    let (new, says) =
        ("email optional object was=mial", "? users.email: the field is new and says that it was");
    field("mail string", new, &["+ remove field `mail` of `users`", says]);
    answered("mail string", new, &["--leave users.email"], &["+ remove field `mail` of `users`"]);
    // Two fields cannot both be the one from before.
    field(
        "city string\nx object@A\ny object@A",
        "x object@A\nx.city string was=city\ny object@A\ny.city optional string was=city",
        &[
            "+ move field `city` of `users` to `x.city`",
            "? users.y.city: the field is new and says that it was `city`, but documents still have",
        ],
    );
    // Nothing is known of the document that it moves to.
    field(
        "city string\nx object",
        "x object@A\nx.city string was=city",
        &[
            "? users.x.city: it was `city`, and what is around it had any shape",
            "- `users.x`: documents whose value is no document `A` do not fit",
        ],
    );
    // Operations do not take a field out of an array.
    field(
        "a [object]\na[].x int",
        "x optional int was=\"a.x\"",
        &[
            "+ remove field `a` of `users`",
            "? users.x: the field is new and says that it was `a.x`",
        ],
    );
    // A type that is used in a new place has its attributes from another place.
    field("a int", "a int\nto optional object\nto.city string was=town", &[]);
    field(
        "a int",
        "a int\nto object\nto.city optional string was=town",
        &["+ add field `to` to `users`, default {}"],
    );
}

#[test]
fn a_field_that_may_be_in_a_flattened_map_now_asks() {
    let new = "a int\nb optional long";
    let map = |fields: &str| {
        let text = users(fields).render().replace("object@User", "object+{int}@User");
        crate::models::Snapshot::parse(&text).unwrap()
    };
    let asks =
        ["? users.c: the field is gone, and the type takes any other field in a flattened map"];
    check(&map(&format!("{new}\nc int")), &map(new), &[], &asks);
    check(
        &map(&format!("{new}\nc int")),
        &map(new),
        &["--remove users.c"],
        &["+ remove field `c` of `users`"],
    );
    check(&map(&format!("{new}\nc date")), &map(new), &[], &["+ remove field `c` of `users`"]);
}

//! Documents: open and closed, with alternatives, that contain themselves.

use super::*;

fn roots(old: &str, new: &str, answers: &[&str], expected: &[&str]) {
    let all = |lines: &str| snapshot(&format!("users options collection\n{lines}"));
    check(&all(old), &all(new), answers, expected);
}

#[test]
fn a_closed_document_may_not_fit() {
    roots(
        "users User root object@U",
        "users User root object!@U",
        &[],
        &["- `users`: documents with other"],
    );
    roots("users User root object!@U", "users User root object@U", &[], &[]);
    roots(
        "users User root object+{int}@U",
        "users User root object+{int|long}@U",
        &[],
        &["- `users`: "],
    );
}

#[test]
fn any_document_becomes_a_type_and_back() {
    field(
        "a object",
        "a object@A\na.b int",
        &["- `users.a`: documents whose value is no document `A`"],
    );
    field("a object@A\na.b int", "a object", &[]);
    field("a any", "a int", &["- `users.a`: documents whose value is no int do not fit"]);
    field("a {any}", "a {int}", &["- `users.a`: documents whose value is no document with"]);
}

#[test]
fn a_type_that_contains_itself_is_left_to_the_user() {
    let old = "a int\nreplies [^1]";
    field(old, "a int\nb optional int\nreplies [^1]", &[]);
    field(
        old,
        "a int\nb int default=\"1\"\nreplies [^1]",
        &["? users: the type contains itself, and operations would reach only its outermost"],
    );
    let tree = "a optional object@Tree\na.v int\na.next optional ^1";
    field(
        tree,
        "a optional object@Tree\na.next optional ^1",
        &["? users.a: the type contains itself"],
    );
    answered(
        tree,
        "a optional object@Tree\na.next optional ^1",
        &["--leave users.a"],
        &["- `users.a`: left to you"],
    );
}

#[test]
fn alternatives_are_told_apart_by_a_tag_or_by_their_fields() {
    let old = "pay <Card:object@Card,Iban:object@Iban>
        pay<Card>.kind \"card\"
        pay<Card>.number string
        pay<Iban>.kind \"iban\"
        pay<Iban>.iban string";
    let with = |more: &str| format!("{old}\n{more}");
    field(
        old,
        &with("pay<Card>.year int default=\"1\""),
        &["+ add field `pay.year` to `users` where"],
    );
    field(&with("pay<Card>.cvc string"), old, &["+ remove field `pay.cvc` of `users`"]);
    // Both have it: the path reaches both.
    let both = with("pay<Card>.note string\npay<Iban>.note string");
    field(
        &both,
        &with("pay<Iban>.note string"),
        &["? users.pay.note: the field is gone, and declared operations do not reach it"],
    );
    let untagged = "pay <A:object,B:object>\npay<A>.a int\npay<B>.b int";
    field(
        untagged,
        &format!("{untagged}\npay<A>.c int default=\"1\""),
        &["? users.pay.c: the field is required, and declared operations do not reach it"],
    );
    field(
        untagged,
        &untagged.replace("<A>.a int", "<A>.a string"),
        &["+ convert field `pay.a` of `users` from int to string"],
    );
    // The usual form of an enum: the name of the alternative is a field.
    let usual =
        "pay <A:object,B:object>\npay<A>.A object\npay<A>.A.x int\npay<B>.B object\npay<B>.B.x int";
    field(
        usual,
        &format!("{usual}\npay<A>.A.y int default=\"1\""),
        &["+ add field `pay.A.y` to `users` where its document is, default 1"],
    );
}

#[test]
fn alternatives_come_and_go() {
    let one = "pay <A:object>\npay<A>.a int";
    let two = "pay <A:object,B:object>\npay<A>.a int\npay<B>.b int";
    field(one, two, &[]);
    field(two, one, &["? users.pay: the alternative `B` is gone"]);
    answered(two, one, &["--leave users.pay"], &["- `users.pay`: left to you"]);
    // Another label is nothing in documents.
    field(one, "pay <Z:object>\npay<Z>.a int", &[]);
    field("pay object@P\npay.a int", two, &[]);
    field("pay object@P\npay.z int", two, &["? users.pay: document `P` became one of 2 shapes"]);
    field("pay int", "pay <A:int,B:string>", &[]);
}

#[test]
fn flattened_enums_are_alternatives_of_their_document() {
    let part = |lines: &str| {
        let lines = lines.lines().map(|line| format!("users User {}\n", line.trim()));
        let lines: String = lines.collect();
        snapshot(&format!("users options collection\nusers User root object@User\n{lines}"))
    };
    let old = "field x int
        part +pay <A:object,B:object>
        field +pay<A>.a int
        field +pay<B>.b int";
    check(
        &part(old),
        &part(&old.replace("<A>.a int", "<A>.a string")),
        &[],
        &["+ convert field `a` of `users` from int to string"],
    );
    check(
        &part("field x int"),
        &part(old),
        &[],
        &["? users: the flattened `pay` is new, and nothing says"],
    );
    check(&part(old), &part("field x int"), &[], &["? users: the flattened `pay` is gone"]);
}

//! The code of each operation, as `rustfmt` leaves it.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use super::*;

#[test]
fn each_operation_is_written() {
    let old = snapshot(
        "gone options collection
        gone Gone root object@Gone
        old options collection
        old Old root object@Old
        users options collection moderate/error
        users User root object@User
        users User field age int|long
        users User field mail string
        users User field plan \"free\"|\"trial\"
        users User field city string
        users User field left optional string
        users User field note optional bool
        users User field to optional object@To
        users User field to.a int
        users index mail_1 {\"key\":{\"mail\":1},\"unique\":true}
        users index seen {\"key\":{\"left\":1},\"expireAfterSeconds\":60}",
    );
    let new = snapshot(
        "new options collection strict/warn was=old
        new Old root object@Old
        things options timeseries {\"timeseries\":{\"timeField\":\"at\"},\"expireAfterSeconds\":3600}
        things Thing root object@Thing
        users options collection moderate/error
        users User root object@User
        users User field address object@Address
        users User field address.city string was=city
        users User field age string
        users User field email string was=mail
        users User field left optional string
        users User field limits [long] default=\"[1,2]\"
        users User field plan \"free\"|\"pro\"
        users User field rate double default=\"1\"
        users User field to optional object@To
        users User field to.a int
        users User field to.price string default=\"\\\"$5\\\"\"
        users index email_1 {\"key\":{\"email\":1},\"collation\":{\"locale\":\"en\",\"strength\":2},\"unique\":true}
        users index seen {\"key\":{\"left\":1},\"expireAfterSeconds\":90,\"hidden\":true}
        users index some_long_name_of_an_index {\"key\":{\"plan\":1,\"address.city\":-1},\"partialFilterExpression\":{\"plan\":{\"$exists\":true},\"address.city\":{\"$gt\":\"\"}}}",
    );
    let mut answers = Answers::default();
    answers.remove("gone");
    answers.becomes("users.plan:trial=free").unwrap();
    let difference = old.difference(&new, &mut answers);
    assert_eq!(difference.questions, []);
    let Code { imports, body } = difference.code();
    let code = format!("{imports}\nfn name(change: &mut Change) {{\n{body}}}\n");
    assert_eq!(code, include_str!("code.txt"), "\n{code}");
    assert_eq!(formatted(&code), code);
}

/// What `rustfmt` makes of a code, with its default settings.
fn formatted(code: &str) -> String {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024"])
        // Away from the settings of this repository.
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    rustfmt.stdin.take().unwrap().write_all(code.as_bytes()).unwrap();
    let output = rustfmt.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

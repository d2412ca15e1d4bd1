//! What the guide shows: the program that checks an export, and the role that only adds.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use mongrate_tests::TestDb;

use super::{THREE, audited, exported};

const GUIDE: &str = include_str!("../../../docs/audit.md");

fn checked(lines: &[String]) -> Output {
    let program = GUIDE.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(program.lines().count() <= 12, "about ten lines");
    let mut python = Command::new("python3")
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    python.wait_with_output().unwrap()
}

#[tokio::test]
async fn ten_lines_of_python_check_an_export() {
    let fresh = TestDb::new("audit_python").await;
    let migrator = audited(&fresh, THREE).user("Ünal \"\u{1}\n\\ 日本 \u{7f}\u{2028}");
    migrator.up().await.unwrap();
    let mut lines = exported(&migrator).await;
    let output = checked(&lines);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    let head = migrator.audit_head().await.unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), head.to_string());
    // The user is what it was.
    let page = migrator.audit().await.unwrap();
    assert_eq!(page.entries[1].user.as_deref(), Some("Ünal \"\u{1}\n\\ 日本 \u{7f}\u{2028}"));
    lines[1] = lines[1].replace("日本", "日木");
    let output = checked(&lines);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("line 3:"));
    fresh.pass().await;
}

/// Python's `json` makes the same text of what the server has: what the guide says of PyMongo.
#[tokio::test]
async fn another_program_makes_the_same_text() {
    let fresh = TestDb::new("audit_same_text").await;
    let migrator = audited(&fresh, THREE).user("Ünal \"\u{1}\n\\ 日本 \u{7f}\u{2028}");
    migrator.up().await.unwrap();
    let again = "import json, sys\n\
        for line in sys.stdin:\n\
        \x20   again = json.dumps(json.loads(line), ensure_ascii=False, separators=(',', ':'))\n\
        \x20   assert again == line.rstrip('\\n'), again\n";
    let mut python = Command::new("python3")
        .args(["-c", again])
        .env("PYTHONUTF8", "1")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text: String = exported(&migrator).await.iter().map(|line| format!("{line}\n")).collect();
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fresh.pass().await;
}

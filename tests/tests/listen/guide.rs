//! What the guide to notifications shows is so: the ways to verify a signature, the body, the names.

use std::{collections::BTreeSet, fs, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use mongrate::{EventKind, webhook::Webhook};
use mongrate_tests::receiver::{Received, Receiver};
use serde_json::Value;
use sha2::Sha256;

const GUIDE: &str = include_str!("../../../docs/notifications.md");

const SECRET: &str = "whsec_dGhlIHNlY3JldCBvZiB0aGUgZ3VpZGUsIGluIGJ5dGVz";

const OTHER: &str = "whsec_YW5vdGhlciBzZWNyZXQsIHdoaWxlIHRoZXkgY2hhbmdl";

#[rustfmt::skip] // As the guide has it.
fn is_signed(secret: &str, id: &str, timestamp: &str, body: &[u8], signatures: &str) -> Option<bool> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(&[id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat());
    let is_valid = |signature: &str| {
        let signature = STANDARD.decode(signature.strip_prefix("v1,")?).ok()?;
        Some(mac.clone().verify_slice(&signature).is_ok())
    };
    Some(signatures.split(' ').any(|signature| is_valid(signature) == Some(true)))
}

/// A request that was signed with both secrets.
async fn signed() -> Received {
    let receiver = Receiver::start([]);
    let hook = Webhook::new(&receiver.url("/")).unwrap();
    let hook = hook.secret(&format!("{OTHER}\n{SECRET}\n")).unwrap();
    assert!(hook.send_sample("migration.failed").await.unwrap().delivered);
    receiver.wait(1).await.remove(0)
}

/// The code of the guide in this language.
fn block(language: &str) -> &'static str {
    let begin = format!("```{language}\n");
    let blocks = GUIDE.split(&begin).skip(1);
    let mut blocks = blocks.filter_map(|block| block.split_once("```").map(|(code, _)| code));
    blocks.find(|code| code.contains("secret") && !code.contains("shop up")).unwrap()
}

#[tokio::test]
async fn a_signature_can_be_verified_in_rust() {
    let own = include_str!("guide.rs");
    assert!(own.contains(block("rust,ignore")), "the guide shows the function above");
    let request = signed().await;
    let (id, timestamp) = (request.header("webhook-id"), request.header("webhook-timestamp"));
    let signatures = request.header("webhook-signature");
    assert_eq!(signatures.split(' ').count(), 2);
    for secret in [SECRET, OTHER] {
        assert_eq!(is_signed(secret, id, timestamp, &request.body, signatures), Some(true));
    }
    for (secret, id, timestamp, body) in [
        ("whsec_ZHJhdyBhbm90aGVyIGNvbmNsdXNpb24=", id, timestamp, &request.body[..]),
        (SECRET, "another", timestamp, &request.body),
        (SECRET, id, "1", &request.body),
        (SECRET, id, timestamp, b"{}"),
    ] {
        assert_eq!(is_signed(secret, id, timestamp, body, signatures), Some(false));
    }
}

#[tokio::test]
async fn a_signature_can_be_verified_in_a_shell_and_in_python() {
    let request = signed().await;
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("body.json"), &request.body).unwrap();
    let python = format!(
        "{}\nimport os, sys\nbody = open('body.json', 'rb').read()\nok = is_signed(os.environ['secret'], \
         os.environ['id'], os.environ['timestamp'], body, os.environ['signatures'])\n\
         print('genuine' if ok else 'forged')\n",
        block("python")
    );
    let programs = [("bash", format!("set -euo pipefail\n{}", block("sh"))), ("python3", python)];
    for (program, code) in programs {
        for (secret, said) in [(SECRET, "genuine"), (OTHER, "genuine"), ("whsec_eA==", "forged")] {
            let output = Command::new(program)
                .args(["-c", &code])
                .current_dir(dir.path())
                .env("secret", secret)
                .env("id", request.header("webhook-id"))
                .env("timestamp", request.header("webhook-timestamp"))
                .env("signatures", request.header("webhook-signature"))
                .output()
                .unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{program}: {errors}");
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), said, "{program} {secret}");
        }
    }
}

/// The paths of all fields of a document.
fn fields(of: &Value, path: &str, into: &mut BTreeSet<String>) {
    let Some(object) = of.as_object() else { return };
    for (name, value) in object {
        let path = format!("{path}/{name}");
        fields(value, &path, into);
        into.insert(path);
    }
}

#[test]
fn the_body_of_the_guide_has_the_fields_that_are_sent() {
    let json = GUIDE.split("```json\n").find(|block| block.contains("\"way_out\"")).unwrap();
    let shown: Value = serde_json::from_str(json.split_once("```").unwrap().0).unwrap();
    let hook = Webhook::new("http://127.0.0.1:1/").unwrap();
    let sent = hook.sample_body("migration.failed").unwrap();
    let (mut in_guide, mut in_body) = (BTreeSet::new(), BTreeSet::new());
    fields(&shown, "", &mut in_guide);
    fields(&sent, "", &mut in_body);
    assert_eq!(in_guide, in_body);
}

#[test]
fn every_event_and_every_placeholder_is_in_the_guide() {
    for name in EventKind::NAMES {
        assert!(GUIDE.contains(&format!("`{name}`")), "{name}");
    }
    let error = Webhook::new("http://127.0.0.1:1/").unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), r#"["{{nothing}}"]"#).unwrap();
    let error = error.template(file.path().to_str().unwrap()).unwrap_err().to_string();
    let (_, names) = error.split_once("there are ").unwrap();
    let names: Vec<&str> = names.split(", ").filter(|name| !name.starts_with("and")).collect();
    assert!(names.len() > 25, "{names:?}");
    let (_, table) = GUIDE.split_once("| placeholder |").unwrap();
    let table = table.split_once("\n\n").unwrap().0;
    for name in names {
        assert!(table.contains(&format!("`{name}`")), "{name}");
    }
    // The template that the guide shows is one.
    let shown = GUIDE.split("```json\n").find(|block| block.contains("$mongrate")).unwrap();
    let shown = shown.split_once("```").unwrap().0.replace("{{env:MY_TOOL_KEY}}", "key");
    fs::write(file.path(), shown).unwrap();
    let hook = Webhook::new("http://127.0.0.1:1/").unwrap();
    hook.template(file.path().to_str().unwrap()).unwrap();
}

//! The cargo program, the output of `cargo metadata`, and helpers that read values of it.

use std::{env, ffi::OsString, path::Path, process::Command};

use serde_json::Value;

/// Returns the output of `cargo metadata` with these flags.
pub(crate) fn metadata(manifest: Option<&Path>, flags: &[&str]) -> Result<Value, String> {
    let mut command = Command::new(program());
    command.args(["metadata", "--format-version", "1"]).args(flags);
    if let Some(manifest) = manifest {
        command.arg("--manifest-path").arg(manifest);
    }
    let output = command.output().map_err(|error| format!("cannot run cargo: {error}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(text.trim().trim_start_matches("error: ").to_owned());
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cannot read the output of `cargo metadata`: {error}"))
}

/// The cargo that started this process, or the cargo on the `PATH`.
pub(crate) fn program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The array at a key; empty if there is none.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The string at a key.
pub(crate) fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

/// The table `metadata.mongrate` of a package, or of the workspace.
pub(crate) fn settings(value: &Value) -> Value {
    value.pointer("/metadata/mongrate").cloned().unwrap_or_default()
}

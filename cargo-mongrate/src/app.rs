//! The verbs that need the app: `cargo run` builds the app's own binary and runs it with the verb.

use std::{
    ffi::{OsStr, OsString},
    process::{Command, ExitCode, Stdio},
};

use serde_json::Value;

use crate::{
    arguments::Call,
    build::Build,
    cargo,
    package::{Package, Selection, Workspace, name_list},
    report::{USAGE, print_to_stderr},
};

/// Replaces this process by the app: terminal, signals and exit code are the app's.
pub(crate) fn run(workspace: &Workspace, selection: &Selection<'_>, call: &Call<'_>) -> ExitCode {
    match prepared(workspace, selection, call) {
        Ok(command) => replace(command),
        Err(problem) => {
            print_to_stderr("error: ", &[problem]);
            ExitCode::from(USAGE)
        }
    }
}

/// Runs the app, and returns what it prints to stdout, whatever its exit code is. What it prints to stderr
/// is shown.
pub(crate) fn printed(
    workspace: &Workspace,
    selection: &Selection<'_>,
    call: &Call<'_>,
) -> Result<String, String> {
    let mut command = prepared(workspace, selection, call)?;
    let output = command.stderr(Stdio::inherit()).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("cannot run cargo: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs the app, and returns what it prints to stdout. What it prints to stderr is shown.
pub(crate) fn output(
    workspace: &Workspace,
    selection: &Selection<'_>,
    call: &Call<'_>,
) -> Result<String, String> {
    let mut command = prepared(workspace, selection, call)?;
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("cannot run cargo: {error}"))?;
    if !output.status.success() {
        let why =
            said(&output.stdout).map_or(format!(" ({})", output.status), |why| format!(": {why}"));
        return Err(format!("the app's `{}` failed{why}", call.verb));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| format!("the app's `{}` did not print text", call.verb))
}

/// Why the app failed, as its JSON says it: `{"error": {"message", "report"?}}`. Of a run, what the
/// migrations said: it was none of a database that you have.
fn said(stdout: &[u8]) -> Option<String> {
    let printed: Value = serde_json::from_slice(stdout).ok()?;
    let error = printed.get("error")?;
    let steps = error.pointer("/report/steps").and_then(Value::as_array);
    let failures = steps.into_iter().flatten().filter_map(|step| {
        let message = step.pointer("/failure/message")?.as_str()?;
        let version = step.get("version")?;
        Some(format!("{version} `{}` failed: {message}", step.get("name")?.as_str()?))
    });
    let failures: Vec<String> = failures.collect();
    if !failures.is_empty() {
        return Some(failures.join("\n"));
    }
    let message = error.get("message")?.as_str()?;
    let message = message.trim_end();
    Some(message.strip_suffix("; nothing was run").unwrap_or(message).to_owned())
}

fn prepared(
    workspace: &Workspace,
    selection: &Selection<'_>,
    call: &Call<'_>,
) -> Result<Command, String> {
    let package = package(workspace, selection)?;
    command(package, &binary(package, call.build)?, call)
}

#[cfg(unix)]
fn replace(mut command: Command) -> ExitCode {
    use std::os::unix::process::CommandExt as _;

    let error = command.exec();
    print_to_stderr("error: ", &[format!("cannot run cargo: {error}")]);
    ExitCode::FAILURE
}

#[cfg(not(unix))]
fn replace(mut command: Command) -> ExitCode {
    match command.status() {
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            code.map_or(ExitCode::FAILURE, ExitCode::from)
        }
        Err(error) => {
            print_to_stderr("error: ", &[format!("cannot run cargo: {error}")]);
            ExitCode::FAILURE
        }
    }
}

/// The package whose binary has the command line.
pub(crate) fn package<'a>(
    workspace: &'a Workspace,
    selection: &Selection<'_>,
) -> Result<&'a Package, String> {
    match selection.names {
        [] => {}
        [_] => {
            let selected = workspace.select(selection).map_err(|problems| problems.join("\n"))?;
            return match selected[..] {
                [package] => suits(workspace, package).map(|()| package),
                _ => Err("name one package with `-p`".to_owned()),
            };
        }
        _ => return Err("an app's verb runs one app: name one package with `-p`".to_owned()),
    }
    let current = workspace.current_package();
    if let Some(current) = current
        && suits(workspace, current).is_ok()
    {
        return Ok(current);
    }
    let setting = workspace.settings.get("package").and_then(Value::as_str);
    if let Some(name) = setting {
        let package = workspace.get(name).ok_or_else(|| {
            format!("`[workspace.metadata.mongrate]` names `{name}`, and there is no such package")
        })?;
        return suits(workspace, package).map(|()| package);
    }
    // In a library of migrations, the app is the package that depends on it.
    let library = current.filter(|current| current.uses_mongrate);
    let is_its_app = |package: &&Package| {
        library.is_none_or(|library| workspace.depends_on(package, &library.name))
    };
    let apps: Vec<&Package> = workspace
        .packages
        .iter()
        .filter(|package| suits(workspace, package).is_ok())
        .filter(is_its_app)
        .collect();
    match apps[..] {
        [app] => Ok(app),
        [] => match library {
            Some(library) => suits(workspace, library).and(Err(String::new())),
            None => Err(format!(
                "no package of this workspace has a binary with mongrate's command line: {MOUNT}"
            )),
        },
        _ => Err(format!(
            "several packages have a binary with mongrate's command line: say which with `-p`, or \
             once and for all with `package = \"…\"` in `[workspace.metadata.mongrate]`: {}",
            name_list(&apps)
        )),
    }
}

const MOUNT: &str = "add `mongrate` with `features = [\"cli\"]`, and call `mongrate::cli::main()` \
                     in `main`, or mount `mongrate::cli::Command`";

/// Checks that a package is an app with mongrate's command line. An app without it would start, and
/// do whatever it does with an unknown argument.
fn suits(workspace: &Workspace, package: &Package) -> Result<(), String> {
    let name = &package.name;
    if package.binaries.is_empty() {
        return Err(format!("package `{name}` has no binary: name the app with `-p`"));
    }
    if !workspace.has_cli(package) && package.settings.get("bin").is_none() {
        return Err(format!(
            "package `{name}` does not enable mongrate's command line, so its binary is not run: \
             {MOUNT}; if the app has the command line anyway, name its binary as `bin = \"…\"` \
             in `[package.metadata.mongrate]`"
        ));
    }
    Ok(())
}

/// The binary to run.
fn binary(package: &Package, build: &Build) -> Result<String, String> {
    let has = |name: &str| package.binaries.iter().any(|binary| binary == name);
    let all = || {
        let all: Vec<String> =
            package.binaries.iter().map(|binary| format!("`{binary}`")).collect();
        all.join(", ")
    };
    let setting = package.settings.get("bin").and_then(Value::as_str);
    match (&build.bin, setting, &package.default_run, &package.binaries[..]) {
        (Some(name), ..) if has(name) => Ok(name.clone()),
        (Some(name), ..) => {
            Err(format!("package `{}` has no binary `{name}`; it has {}", package.name, all()))
        }
        (None, Some(name), ..) if has(name) => Ok(name.to_owned()),
        (None, Some(name), ..) => Err(format!(
            "`bin` in `[package.metadata.mongrate]` of `{}` is `{name}`, and its binaries are {}",
            package.name,
            all()
        )),
        (None, None, Some(name), _) => Ok(name.clone()),
        (None, None, None, [binary]) => Ok(binary.clone()),
        (None, None, None, _) => Err(format!(
            "package `{}` has several binaries: say which with `--bin`, or once and for all with \
             `bin = \"…\"` in `[package.metadata.mongrate]`: {}",
            package.name,
            all()
        )),
    }
}

/// `cargo run … -- <where it is mounted> <verb> …`
fn command(package: &Package, binary: &str, call: &Call<'_>) -> Result<Command, String> {
    let mut command = Command::new(cargo::program());
    command.arg("run").arg("--manifest-path").arg(&package.manifest).args(["--bin", binary]);
    let Build { bin: _, release, profile, features, all_features, no_default_features } =
        call.build;
    for (flag, is_set) in [
        ("--release", release),
        ("--all-features", all_features),
        ("--no-default-features", no_default_features),
    ] {
        if *is_set {
            command.arg(flag);
        }
    }
    for (flag, values) in [("--profile", profile.as_slice()), ("--features", features)] {
        command.args(values.iter().flat_map(|value| [flag, value]));
    }
    let (arguments, uri) = without_uri(call.arguments);
    if let Some(uri) = uri {
        command.env("MONGODB_URI", uri);
    }
    // Cargo would print the command, with a connection string in it.
    if arguments.iter().any(|argument| argument.to_string_lossy().contains("mongodb")) {
        command.arg("--quiet");
    }
    command.arg("--").args(mounted(package)?).arg(call.verb).args(arguments);
    Ok(command)
}

/// Splits the app's arguments from the value of `--uri`. That value goes through the environment,
/// so that neither cargo nor `ps` shows its password.
fn without_uri(arguments: &[OsString]) -> (Vec<OsString>, Option<OsString>) {
    let (mut rest, mut uri) = (Vec::new(), None);
    let mut all = arguments.iter();
    while let Some(argument) = all.next() {
        if argument == OsStr::new("--") {
            rest.push(argument.clone());
            rest.extend(all.cloned());
            break;
        }
        let text = argument.to_str().unwrap_or_default();
        if let Some(value) = text.strip_prefix("--uri=") {
            uri = Some(value.into());
        } else if text == "--uri" && all.len() > 0 {
            uri = all.next().cloned();
        } else {
            rest.push(argument.clone());
        }
    }
    (rest, uri)
}

/// The subcommand under which the app has mongrate's verbs: a text, `subcommand = "db"`, or a list.
fn mounted(package: &Package) -> Result<Vec<String>, String> {
    let Some(setting) = package.settings.get("subcommand") else { return Ok(Vec::new()) };
    let words = match setting {
        Value::String(words) => Some(words.split_whitespace().map(str::to_owned).collect()),
        Value::Array(words) => words.iter().map(|word| word.as_str().map(str::to_owned)).collect(),
        _ => None,
    };
    words.ok_or_else(|| {
        format!(
            "`subcommand` in `[package.metadata.mongrate]` of `{}` is a text, or a list of them",
            package.name
        )
    })
}

#[cfg(test)]
mod tests {
    //! The connection string among the app's arguments.

    use super::*;

    fn split(arguments: &[&str]) -> (Vec<String>, Option<String>) {
        let arguments: Vec<OsString> = arguments.iter().map(Into::into).collect();
        let (rest, uri) = without_uri(&arguments);
        let text = |argument: OsString| argument.into_string().unwrap();
        (rest.into_iter().map(text).collect(), uri.map(text))
    }

    #[test]
    fn the_cause_is_read_from_the_apps_json() {
        let cause = |text: &str| said(text.as_bytes());
        assert_eq!(
            cause(r#"{"error":{"code":"server","message":"out of reach; nothing was run"}}"#)
                .unwrap(),
            "out of reach"
        );
        let failed = r#"{"error":{"message":"fix it and run `up` again","report":{"steps":[
            {"version":3,"name":"three","outcome":"applied"},
            {"version":4,"name":"four","failure":{"message":"boom: no countries file"}}]}}}"#;
        assert_eq!(cause(failed).unwrap(), "4 `four` failed: boom: no countries file");
        assert_eq!(cause("no json"), None);
        assert_eq!(cause(""), None);
    }

    #[test]
    fn a_connection_string_is_no_argument() {
        let (rest, uri) = split(&["--dry-run", "--uri", "mongodb://u:p@h", "--json"]);
        assert_eq!(
            (rest.join(" "), uri.unwrap()),
            ("--dry-run --json".into(), "mongodb://u:p@h".into())
        );
        assert_eq!(
            split(&["--uri=x", "--steps", "1"]),
            (vec!["--steps".into(), "1".into()], Some("x".into()))
        );
        assert_eq!(split(&["--", "--uri", "x"]).1, None);
        assert_eq!(split(&["--uri"]), (vec!["--uri".into()], None));
    }
}

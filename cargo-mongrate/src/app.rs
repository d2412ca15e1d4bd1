//! The verbs that need the app: its own binary is built and run, with the verb.

use std::ffi::{OsStr, OsString};
use std::process::{Command, ExitCode};

use serde_json::Value;

use crate::USAGE;
use crate::arguments::Build;
use crate::package::{Asked, Package, Workspace, cargo, listed};

/// What the app is to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) verb: &'static str,
    pub(crate) build: &'a Build,
    pub(crate) arguments: &'a [OsString],
}

/// Runs it in this process's place: terminal, signals and exit code are the app's.
pub(crate) fn run(workspace: &Workspace, asked: &Asked<'_>, call: &Call<'_>) -> ExitCode {
    let command = package(workspace, asked)
        .and_then(|package| command(package, &binary(package, call.build)?, call));
    match command {
        Ok(command) => replace(command),
        Err(problem) => {
            crate::complain("error: ", &[problem]);
            ExitCode::from(USAGE)
        }
    }
}

#[cfg(unix)]
fn replace(mut command: Command) -> ExitCode {
    use std::os::unix::process::CommandExt as _;

    let error = command.exec();
    crate::complain("error: ", &[format!("cannot run cargo: {error}")]);
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
            crate::complain("error: ", &[format!("cannot run cargo: {error}")]);
            ExitCode::FAILURE
        }
    }
}

/// The package whose binary has the command line.
fn package<'a>(workspace: &'a Workspace, asked: &Asked<'_>) -> Result<&'a Package, String> {
    match asked.names {
        [] => {}
        [_] => {
            let named = workspace.select(asked).map_err(|problems| problems.join("\n"))?;
            return match named[..] {
                [package] => suits(workspace, package).map(|()| package),
                _ => Err("name one package with `-p`".to_owned()),
            };
        }
        _ => return Err("an app's verb runs one app: name one package with `-p`".to_owned()),
    }
    let around = workspace.around();
    if let Some(around) = around
        && suits(workspace, around).is_ok()
    {
        return Ok(around);
    }
    let named = workspace.settings.get("package").and_then(Value::as_str);
    if let Some(name) = named {
        let package = workspace.get(name).ok_or_else(|| {
            format!("`[workspace.metadata.mongrate]` names `{name}`, and there is no such package")
        })?;
        return suits(workspace, package).map(|()| package);
    }
    // In a library of migrations: the app that they are for.
    let around = around.filter(|around| around.uses_mongrate);
    let is_for = |one: &&Package| around.is_none_or(|around| workspace.depends(one, &around.name));
    let apps: Vec<&Package> = workspace
        .packages
        .iter()
        .filter(|one| suits(workspace, one).is_ok())
        .filter(is_for)
        .collect();
    match apps[..] {
        [one] => Ok(one),
        [] => match around {
            Some(around) => suits(workspace, around).and(Err(String::new())),
            None => Err(format!(
                "no package of this workspace has a binary with mongrate's command line: {MOUNT}"
            )),
        },
        _ => Err(format!(
            "several packages have a binary with mongrate's command line: say which with `-p`, or \
             once and for all with `package = \"…\"` in `[workspace.metadata.mongrate]`: {}",
            listed(&apps)
        )),
    }
}

const MOUNT: &str = "add `mongrate` with `features = [\"cli\"]`, and call `mongrate::cli::main()` \
                     in `main`, or mount `mongrate::cli::Command`";

/// Whether a package can be what is run. An app without the command line would start, and do
/// whatever it does with an argument that it does not know.
fn suits(workspace: &Workspace, package: &Package) -> Result<(), String> {
    let name = &package.name;
    if package.binaries.is_empty() {
        return Err(format!("package `{name}` has no binary: name the app with `-p`"));
    }
    if !workspace.has_cli(package) && package.settings.get("bin").is_none() {
        return Err(format!(
            "package `{name}` does not ask for mongrate's command line, so its binary is not run: \
             {MOUNT}; if it has it all the same, name the binary as `bin = \"…\"` in \
             `[package.metadata.mongrate]`"
        ));
    }
    Ok(())
}

fn binary(package: &Package, build: &Build) -> Result<String, String> {
    let has = |name: &str| package.binaries.iter().any(|one| one == name);
    let all = || {
        let all: Vec<String> = package.binaries.iter().map(|one| format!("`{one}`")).collect();
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
        (None, None, None, [one]) => Ok(one.clone()),
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
    let mut command = Command::new(cargo());
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
    // Cargo shows what it runs.
    if arguments.iter().any(|one| one.to_string_lossy().contains("mongodb")) {
        command.arg("--quiet");
    }
    command.arg("--").args(mounted(package)?).arg(call.verb).args(arguments);
    Ok(command)
}

/// The app's arguments, and the value of `--uri` among them: that goes through the environment,
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

/// The subcommand under which the app has mongrate's verbs: `subcommand = "db"`, or a list.
fn mounted(package: &Package) -> Result<Vec<String>, String> {
    let Some(setting) = package.settings.get("subcommand") else { return Ok(Vec::new()) };
    let words = match setting {
        Value::String(words) => Some(words.split_whitespace().map(str::to_owned).collect()),
        Value::Array(words) => words.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
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
    //! What becomes of a connection string.

    use super::*;

    fn split(arguments: &[&str]) -> (Vec<String>, Option<String>) {
        let arguments: Vec<OsString> = arguments.iter().map(Into::into).collect();
        let (rest, uri) = without_uri(&arguments);
        let text = |one: OsString| one.into_string().unwrap();
        (rest.into_iter().map(text).collect(), uri.map(text))
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

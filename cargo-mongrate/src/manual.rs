//! Completion scripts and manual pages of `cargo mongrate`, from the same arguments that are parsed.

use std::path::Path;

use clap::{Args as _, Command};
use clap_complete::Shell;

use crate::arguments::Mongrate;

/// The program that cargo runs for `cargo mongrate`.
const PROGRAM: &str = "cargo-mongrate";

/// bash completes `cargo` by a function of cargo's; this one asks ours after `cargo mongrate`.
const BASH_OF_CARGO: &str = r#"
if declare -F _completion_loader >/dev/null; then _completion_loader cargo; fi
_cargo_mongrate_former=$(complete -p cargo 2>/dev/null | sed -nE 's/.* -F ([^ ]+) .*/\1/p')
_cargo_mongrate_or_former() {
    if [[ ${COMP_WORDS[1]} == mongrate && $COMP_CWORD -gt 1 ]]; then
        local -a after=("${COMP_WORDS[@]:2}")
        local -a COMP_WORDS=(cargo_mongrate "${after[@]}")
        local COMP_CWORD=$((COMP_CWORD - 1))
        _cargo_mongrate cargo_mongrate "$2" "$3"
    elif [[ -n $_cargo_mongrate_former ]]; then
        "$_cargo_mongrate_former" "$@"
    fi
}
complete -F _cargo_mongrate_or_former -o bashdefault -o default cargo"#;

/// The verbs as a program of their own. zsh asks the function of that name for `cargo mongrate`.
fn command(name: &'static str) -> Command {
    let command = Mongrate::augment_args(Command::new(name));
    command.bin_name(name).version(env!("CARGO_PKG_VERSION"))
}

/// The script for a shell.
pub(crate) fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    // The generator for bash is at odds with itself about names that begin with `cargo-`.
    let name = if shell == Shell::Bash { "cargo_mongrate" } else { PROGRAM };
    clap_complete::generate(shell, &mut command(name), name, &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if shell == Shell::Bash {
        script.push_str(BASH_OF_CARGO);
    }
    script
}

/// Writes `cargo-mongrate.1`, and a page for each verb, such as `cargo-mongrate-seal.1`.
pub(crate) fn write(folder: &Path) -> Result<Vec<String>, Vec<String>> {
    let fails = |what: &Path, error: std::io::Error| vec![format!("{}: {error}", what.display())];
    std::fs::create_dir_all(folder).map_err(|error| fails(folder, error))?;
    let mut all = command(PROGRAM).disable_help_subcommand(true);
    all.build();
    let mut written = Vec::new();
    for (name, page) in pages(&all, PROGRAM.to_owned(), "cargo mongrate") {
        let file = folder.join(format!("{name}.1"));
        let mut text = Vec::new();
        let made = clap_mangen::Man::new(page).title(name.to_uppercase()).render(&mut text);
        made.map_err(|error| fails(&file, error))?;
        std::fs::write(&file, &text).map_err(|error| fails(&file, error))?;
        written.push(file.display().to_string());
    }
    Ok(written)
}

/// A command and those below it, each with the name of its page. `typed` is what a user writes.
fn pages(command: &Command, name: String, typed: &str) -> Vec<(String, Command)> {
    let below = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    let below: Vec<(String, Command)> = below
        .flat_map(|verb| {
            let verb_name = verb.get_name();
            pages(verb, format!("{name}-{verb_name}"), &format!("{typed} {verb_name}"))
        })
        .collect();
    // clap keeps names for its whole life, and so does this process for its few moments.
    let title: &'static str = name.clone().leak();
    let own = command.clone().name(title).bin_name(typed);
    [(name, own)].into_iter().chain(below).collect()
}

//! Completion scripts for the whole program: if the verbs are mounted under a subcommand, the
//! script completes that subcommand, too.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{app::Cli, usage::CommandLine};

/// The script for `shell`.
pub(super) fn script(shell: Shell, cli: &Cli) -> String {
    let called: Vec<&str> =
        cli.program.iter().flat_map(|called| called.split_whitespace()).collect();
    let mounted: Vec<&str> = cli.mounted.iter().map(String::as_str).collect();
    let invoked = cli.invoked();
    let (mut command, program) = match cli.clap_command() {
        // Of `shop db`, the program is what stands before the subcommand. Cargo runs `cargo-shop`
        // as `cargo shop`.
        Some(command) => match called.strip_suffix(&mounted[..]).unwrap_or(&called) {
            [] => (command, invoked),
            words => (command, words.join("-")),
        },
        // The app parsed without `Cli::parse`: only `called` says where the verbs are.
        None => match called.split_first() {
            None => (CommandLine::command(), invoked),
            Some((program, path)) => {
                (mounted_below(CommandLine::command(), path), (*program).to_owned())
            }
        },
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, shell_safe(&program), &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The verbs below these subcommands.
fn mounted_below(verbs: clap::Command, path: &[&str]) -> clap::Command {
    path.iter().rev().fold(verbs, |inner, word| {
        // A few bytes, once per process: clap wants them for its whole life.
        let word: &'static str = (*word).to_owned().leak();
        clap::Command::new("app").subcommand(inner.name(word))
    })
}

/// A name that every shell accepts for a function and for a program.
fn shell_safe(program: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let mut name: String = program.chars().map(plain).collect();
    // The generator for bash splits names at two underscores.
    while name.contains("__") {
        name = name.replace("__", "_");
    }
    match name.trim_matches('-') {
        "" => "mongrate".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{
        args::{CliArgs, verb::Command},
        clap,
    };

    #[derive(clap::Parser)]
    #[command(name = "shop")]
    enum Shop {
        /// Migrate
        Db(Box<Db>),
        /// Serve
        Serve,
    }

    #[derive(clap::Args)]
    struct Db {
        #[command(flatten)]
        _args: CliArgs,
        #[command(subcommand)]
        _verb: Command,
    }

    #[derive(clap::Parser)]
    struct Deep {
        #[command(subcommand)]
        _all: Outer,
    }

    #[derive(clap::Subcommand)]
    enum Outer {
        /// More
        Admin {
            #[command(subcommand)]
            _shop: Shop,
        },
    }

    const SHELLS: [Shell; 5] =
        [Shell::Bash, Shell::Elvish, Shell::Fish, Shell::PowerShell, Shell::Zsh];

    fn parsed<P: clap::Parser>(mut cli: Cli, args: &[&str]) -> Cli {
        assert!(cli.parse_from::<P, _>(args.iter().copied()).is_ok());
        cli
    }

    #[test]
    fn the_verbs_are_found_below_a_subcommand() {
        let args = ["/opt/shop", "db", "status"];
        let cli = parsed::<Shop>(Cli::new(), &args);
        assert_eq!(cli.program(), "shop db");
        assert_eq!(parsed::<Shop>(Cli::new().called("s d"), &args).program(), "s d");
        let whole = parsed::<CommandLine>(Cli::new(), &["shop.exe", "status"]);
        assert_eq!(whole.program(), "shop");
        assert_eq!(crate::cli::usage::mounted(&Deep::command()).unwrap(), ["admin", "db"]);
    }

    #[test]
    fn each_shell_completes_the_whole_program() {
        let args = ["shop", "db", "status"];
        for cli in [
            Cli::new(),
            Cli::new().called("shop db"),
            Cli::new().called("  shop   db "),
            Cli::new().called("shop"),
        ] {
            let cli = parsed::<Shop>(cli, &args);
            for shell in SHELLS {
                let script = script(shell, &cli);
                for word in ["shop", "serve", "db", "force-unlock", "dry-run"] {
                    assert!(script.contains(word), "{shell}: no `{word}` in {script}");
                }
            }
            let bash = script(Shell::Bash, &cli);
            assert!(bash.contains(" -o default shop\n"), "{bash}");
        }
        let cargo = Cli::new().called("cargo shop db");
        let bash = script(Shell::Bash, &parsed::<Shop>(cargo, &["cargo-shop", "db", "status"]));
        assert!(bash.contains(" -o default cargo-shop\n"), "{bash}");
    }

    #[test]
    fn no_name_breaks_a_shell() {
        for called in [
            "",
            " ",
            "my shop db",
            "a/b",
            "it's",
            "$(x)",
            "\"",
            "日本",
            "db",
            "x__subcmd__y",
            "-",
            "a b c d",
        ] {
            for shell in SHELLS {
                let plain = script(shell, &Cli::new().called(called));
                // For fish the generator stops at the second level.
                let is_deep = called.split_whitespace().count() > 3;
                assert!(is_deep || plain.contains("force-unlock"), "{shell} {called}");
                let cli = parsed::<Shop>(Cli::new().called(called), &[called, "serve"]);
                let mounted = script(shell, &cli);
                assert!(mounted.contains("force-unlock"), "{shell} {called}");
                for script in [plain, mounted] {
                    assert!(!script.contains("$(x)") && !script.contains("it's"), "{shell}");
                }
            }
        }
    }

    /// What bash itself makes of it: the words that it offers.
    #[test]
    fn bash_completes_below_the_subcommand() {
        let offers = |cli: &Cli, words: &str| {
            let script = format!(
                "{}\nCOMP_WORDS=({words} '')\nCOMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
                 _shop \"${{COMP_WORDS[0]}}\" '' \"${{COMP_WORDS[COMP_CWORD-1]}}\"\n\
                 echo \"${{COMPREPLY[@]}}\"\n",
                script(Shell::Bash, cli)
            );
            let bash = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
            assert!(bash.stderr.is_empty(), "{}", String::from_utf8_lossy(&bash.stderr));
            String::from_utf8(bash.stdout).unwrap()
        };
        let parsed = parsed::<Shop>(Cli::new(), &["shop", "db", "status"]);
        assert!(offers(&parsed, "shop").contains("serve"));
        assert!(offers(&parsed, "shop db").contains("lock-status"));
        assert!(offers(&parsed, "shop db up").contains("--continue-on-error"));
        let called = Cli::new().called("shop db");
        assert!(offers(&called, "shop db").contains("lock-status"));
        assert!(offers(&called, "shop db up").contains("--continue-on-error"));
    }
}

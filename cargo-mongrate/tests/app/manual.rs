//! Completion scripts and manual pages of `cargo mongrate` itself.

use std::process::Command;

fn mongrate(arguments: &[&str]) -> std::process::Output {
    let place = tempfile::tempdir().expect("a directory");
    // In no package: these verbs need none.
    let program = env!("CARGO_BIN_EXE_cargo-mongrate");
    Command::new(program)
        .arg("mongrate")
        .args(arguments)
        .current_dir(&place)
        .output()
        .expect("it runs")
}

#[test]
fn each_shell_has_a_script_with_every_verb() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = mongrate(&["shell-completions", shell]);
        assert!(output.status.success(), "{output:?}");
        let script = String::from_utf8(output.stdout).unwrap();
        for verb in ["seal", "rebase", "squash", "lock-status", "man", "allow-out-of-order"] {
            // Arguments of the app are the app's.
            assert_eq!(script.contains(verb), verb != "allow-out-of-order", "{shell}: {verb}");
        }
    }
    assert_eq!(mongrate(&["shell-completions", "tcsh"]).status.code(), Some(64));
}

/// What bash itself makes of it: the words that it offers after `cargo mongrate`, and that those of cargo's
/// own function stay.
#[test]
fn bash_completes_after_cargo() {
    let output = mongrate(&["shell-completions", "bash"]);
    let script = String::from_utf8(output.stdout).unwrap();
    let offers = |words: &str| {
        let script = format!(
            "_former() {{ COMPREPLY=(build bench); }}\ncomplete -F _former cargo\n{script}\n\
             COMP_WORDS=({words} '')\nCOMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             $(complete -p \"${{COMP_WORDS[0]}}\" | sed -nE 's/.* -F ([^ ]+) .*/\\1/p') \
             \"${{COMP_WORDS[0]}}\" '' \"${{COMP_WORDS[COMP_CWORD-1]}}\"\necho \"${{COMPREPLY[@]}}\"\n"
        );
        let bash = Command::new("bash").args(["-c", &script]).output().unwrap();
        assert!(bash.stderr.is_empty(), "{}", String::from_utf8_lossy(&bash.stderr));
        String::from_utf8(bash.stdout).unwrap()
    };
    assert!(offers("cargo mongrate").contains("rebase"), "{}", offers("cargo mongrate"));
    assert!(offers("cargo mongrate rebase").contains("--onto"));
    assert_eq!(offers("cargo").trim(), "build bench");
}

#[test]
fn there_is_a_page_for_each_verb() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("man");
    let output = mongrate(&["man", "--out", folder.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let help = String::from_utf8(mongrate(&["--help"]).stdout).unwrap();
    let verbs = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let verbs = verbs.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let verbs: Vec<&str> = verbs
        .filter_map(|line| line.split_whitespace().next())
        .filter(|it| *it != "help")
        .collect();
    assert!(verbs.len() > 20, "{verbs:?}");
    for verb in verbs {
        let page = folder.join(format!("cargo-mongrate-{verb}.1"));
        let text = std::fs::read_to_string(&page).unwrap_or_else(|e| panic!("{verb}: {e}"));
        let typed = format!("cargo mongrate {verb}").replace('-', "\\-");
        assert!(text.contains(".TH") && text.contains(&typed), "{typed}: {text}");
    }
    let first = std::fs::read_to_string(folder.join("cargo-mongrate.1")).unwrap();
    assert!(
        first.contains("cargo mongrate") && first.contains("EXIT") || first.contains("Exit codes")
    );

    // A folder that cannot be made.
    let file = place.path().join("file");
    std::fs::write(&file, "").unwrap();
    let output = mongrate(&["man", "--out", file.join("man").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

//! Groups the imports of files as `mongrate_tests::imports` has them, and formats those files: of
//! the files and folders that are named, or of the whole repository in which it is started.

use std::{
    env,
    path::PathBuf,
    process::{Command, ExitCode},
};

use mongrate_tests::imports;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("imports: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let top = Command::new("git").args(["rev-parse", "--show-toplevel"]).output()?;
    let root = PathBuf::from(String::from_utf8(top.stdout)?.trim_end());
    let places: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let places = places.iter().map(|place| env::current_dir().map(|here| here.join(place)));
    let places = places.collect::<Result<Vec<_>, _>>()?;
    for file in imports::files(&root)? {
        if !places.is_empty() && !places.iter().any(|place| file.starts_with(place)) {
            continue;
        }
        let source = std::fs::read_to_string(&file)?;
        let name = file.display();
        let Some(grouped) =
            imports::grouped(&source).map_err(|error| format!("{name}: {error}"))?
        else {
            continue;
        };
        std::fs::write(&file, grouped)?;
        let config = root.join("rustfmt.toml");
        let mut rustfmt = Command::new("rustfmt");
        rustfmt.args(["--edition", "2024", "--config-path"]).arg(config);
        // Rustfmt would format the modules of the file as well, which lie elsewhere.
        let formatted = rustfmt.stdin(std::fs::File::open(&file)?).output()?;
        if !formatted.status.success() {
            return Err(format!("{name}: {}", String::from_utf8_lossy(&formatted.stderr)).into());
        }
        std::fs::write(&file, formatted.stdout)?;
        println!("{name}");
    }
    Ok(())
}

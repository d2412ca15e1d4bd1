//! Plan files: `plan --out`, `down --out`, and `--plan` of `up` and `down`.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Read as _, Write as _},
    path::Path,
};

use serde_json::{Value, json};

use super::{error::CliError, render::style::safe};
use crate::{
    Direction, PlanFile,
    model::{error::text::short, plan_file::PLAN_BYTES_MAX},
};

/// The path that stands for stdin or stdout.
const STANDARD: &str = "-";

/// Reads an approved plan.
pub(super) fn read(path: &Path) -> Result<PlanFile, CliError> {
    let read = || {
        let mut bytes = Vec::new();
        // One more shows whether there are too many.
        let most = PLAN_BYTES_MAX as u64 + 1;
        if path == Path::new(STANDARD) {
            std::io::stdin().lock().take(most).read_to_end(&mut bytes)?;
        } else {
            std::fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
        }
        if bytes.len() > PLAN_BYTES_MAX {
            let problem = format!("it has more than {PLAN_BYTES_MAX} bytes");
            return Err(std::io::Error::new(ErrorKind::InvalidData, problem));
        }
        String::from_utf8(bytes).map_err(|error| {
            std::io::Error::new(ErrorKind::InvalidData, format!("it is no text ({error})"))
        })
    };
    let text = read().map_err(|error| {
        let path = safe(&path.to_string_lossy());
        CliError::usage(
            "plan_file",
            format!("cannot read the plan {path}: {error}; nothing was run"),
        )
    })?;
    Ok(PlanFile::parse(&text)?)
}

/// Writes a plan to be approved; to stdout for `-`. Overwrites a file only if it is forced to. Returns
/// what is reported, as JSON and as text.
pub(super) fn write(
    path: &Path,
    force: bool,
    plan: &PlanFile,
) -> Result<(Value, String), CliError> {
    if path == Path::new(STANDARD) {
        return Ok((json!(plan), plan.to_json()));
    }
    let shown = safe(&path.to_string_lossy());
    let written = || {
        let mut options = OpenOptions::new();
        let options = options.write(true);
        let options = match force {
            true => options.create(true).truncate(true),
            false => options.create_new(true),
        };
        let mut file = options.open(path)?;
        file.write_all(plan.to_json().as_bytes())?;
        file.sync_all()
    };
    written().map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => CliError::usage(
            "plan_file",
            format!("{shown} is there already; `--force` overwrites it; nothing was written"),
        ),
        _ => CliError::usage("plan_file", format!("cannot write the plan {shown}: {error}")),
    })?;
    let going = |direction| plan.steps.iter().filter(|step| step.direction == direction).count();
    let (up, down) = (going(Direction::Up), going(Direction::Down));
    let mut text = format!(
        "plan {} written to {shown}: {up} to apply, {down} to roll back · database {}\n",
        short(&plan.digest),
        safe(&plan.database)
    );
    if plan.steps.is_empty() {
        text += "there is nothing to do\n";
    } else {
        let verb = plan.direction.as_str();
        text += &format!("`{verb} --plan {shown}` runs exactly this, or refuses\n");
    }
    let report = json!({
        "file": path.to_string_lossy(), "plan": plan.digest, "steps": plan.steps.len(),
        "database": plan.database, "group": plan.group,
    });
    Ok((report, text))
}

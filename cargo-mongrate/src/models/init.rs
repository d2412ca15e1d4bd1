//! `cargo mongrate models init`: the first `models.snap`, for a package that has migrations or a database
//! already.
//!
//! What documents look like is taken from the types. Which collections, validators and indexes there are is
//! taken from `schema.snap`; `diff` writes the migration for the rest.

use std::{collections::BTreeMap, fs};

use mongrate_seal::models::{
    Collection, CollectionKind, Index, Json, Snapshot, Validation, ValidationAction,
    ValidationLevel,
};

use super::{
    ask, file,
    options::{Compile, Init},
    schema::{self, Live},
};
use crate::{
    app,
    arguments::Call,
    build::Build,
    package::{Package, Selection, Workspace},
    places::shown,
    report::Report,
    write,
};

pub(crate) fn run(
    workspace: &Workspace,
    selection: &Selection<'_>,
    package: &Package,
    init: &Init,
) -> Result<Report, Vec<String>> {
    let single = |problem: String| vec![problem];
    let path = file::path(package);
    if path.exists() {
        return Err(single(format!(
            "{} exists: `cargo mongrate diff` compares the types with it; nothing was written",
            shown(&path)
        )));
    }
    let schema = match init {
        Init { as_applied: true, .. } => None,
        Init { live: true, .. } => Some(live(workspace, selection, package, init).map_err(single)?),
        _ => Some(schema(package, init).map_err(single)?),
    };
    let wanted = ask::wanted(workspace, package, &init.compile).map_err(single)?;
    let Some(wanted) = wanted else {
        return Err(single(format!(
            "no type of package `{}` derives `mongrate::Model` with a collection; nothing was written",
            package.name
        )));
    };
    let mut report = Report::default();
    let snapshot = match schema {
        None => wanted.clone(),
        Some(schema) => {
            let mut snapshot = Snapshot::default();
            for (name, collection) in &wanted.collections {
                match schema.get(name) {
                    Some(live) => {
                        let known = known(name, collection, live, &mut report).map_err(single)?;
                        snapshot.collections.insert(name.clone(), known);
                    }
                    None => {
                        report.lines.push(format!("{name}: not in the schema: it counts as new"))
                    }
                }
            }
            for name in schema.keys().filter(|name| !wanted.collections.contains_key(*name)) {
                report.lines.push(format!("{name}: no model has it: it is left alone"));
            }
            snapshot
        }
    };
    write::replace(&path, &snapshot.render())
        .map_err(|error| single(format!("cannot write {}: {error}", shown(&path))))?;
    report.lines.push(format!("wrote {}", shown(&path)));
    report.lines.push(match snapshot.render() == wanted.render() {
        true => {
            "the types are what it holds: from now on, `cargo mongrate diff` writes what changes"
                .to_owned()
        }
        false => "next: `cargo mongrate diff` writes a migration for what the types want besides"
            .to_owned(),
    });
    Ok(report)
}

fn schema(package: &Package, init: &Init) -> Result<BTreeMap<String, Live>, String> {
    let path = init.from.clone().unwrap_or_else(|| package.directory.join("schema.snap"));
    let text = fs::read_to_string(&path).map_err(|error| {
        format!(
            "cannot read {}: {error}; nothing was written: read the database with `--live`, or name the file \
             with `--from` (`assert_schema` of `mongrate::testing` writes it), or say with `--as-applied` that \
             the database has all that the types want",
            shown(&path)
        )
    })?;
    schema::parse(&text).map_err(|line| {
        format!("{}:{line}: this is no line of a schema; nothing was written", shown(&path))
    })
}

/// Asks the app, which knows how to connect.
fn live(
    workspace: &Workspace,
    selection: &Selection<'_>,
    package: &Package,
    init: &Init,
) -> Result<BTreeMap<String, Live>, String> {
    let Compile { features, all_features, no_default_features, profile } = init.compile.clone();
    let build = Build {
        bin: init.bin.clone(),
        release: false,
        profile,
        features,
        all_features,
        no_default_features,
    };
    let call = Call { verb: "schema", build: &build, arguments: &init.rest };
    // The types may be in a library: its app is another package.
    let any = Selection { names: &[], all: false };
    let selection = if package.binaries.is_empty() { &any } else { selection };
    let text = app::output(workspace, selection, &call)
        .map_err(|problem| format!("{problem}; nothing was written"))?;
    schema::parse(&text).map_err(|line| {
        format!(
            "line {line} of what the app's `schema` printed is no line of a schema; nothing was \
             written: its stdout has to be that text alone"
        )
    })
}

/// What is known of a collection: its documents from the types, the rest from the schema.
fn known(
    name: &str,
    wanted: &Collection,
    live: &Live,
    report: &mut Report,
) -> Result<Collection, String> {
    let kind = match wanted.kind {
        CollectionKind::Collection => "collection",
        CollectionKind::View => "view",
        CollectionKind::TimeSeries(_) => "timeseries",
    };
    if kind != live.kind {
        return Err(format!(
            "`{name}` is a {} in the schema, and a {kind} for its model; nothing was written",
            live.kind
        ));
    }
    let mut known = wanted.clone().without_hints();
    known.indexes.clear();
    for (index, about) in &live.indexes {
        match wanted.indexes.get(index) {
            Some(wanted) if same_index(wanted, about) => {
                known.indexes.insert(index.clone(), wanted.clone());
            }
            Some(_) => {
                known.indexes.insert(index.clone(), about.clone());
                report.lines.push(format!(
                    "{name}: the index `{index}` is another one in the schema: `diff` replaces it"
                ));
            }
            None => report.warnings.push(format!(
                "{name}: the index `{index}` is in no model: it is left alone, unless you add it to the type"
            )),
        }
    }
    known.validation = validation(wanted, live);
    if let (None, true) = (known.validation, live.options.contains_key("validator")) {
        report
            .lines
            .push(format!("{name}: its validator is another one in the schema: `diff` sets it"));
    }
    Ok(known)
}

/// How the collection is validated, if its validator is the one of the types.
fn validation(wanted: &Collection, live: &Live) -> Option<Validation> {
    let validator = live.options.get("validator")?;
    let own = wanted.validator()?;
    let option = |name: &str| match live.options.get(name) {
        Some(Json::String(text)) => text.clone(),
        _ => String::new(),
    };
    let level = ValidationLevel::named(&option("validationLevel"));
    let action = ValidationAction::named(&option("validationAction"));
    (own == *validator).then_some(Validation {
        level: level.unwrap_or(ValidationLevel::Strict),
        action: action.unwrap_or(ValidationAction::Error),
    })
}

/// Whether a server's index is the wanted one. The server adds options of its own.
fn same_index(wanted: &Index, live: &Index) -> bool {
    const OF_THE_SERVER: [&str; 5] = [
        "2dsphereIndexVersion",
        "textIndexVersion",
        "default_language",
        "language_override",
        "weights",
    ];
    let is_text = |kind: &Json| *kind == Json::text("text");
    let keys_are_same = wanted.keys == live.keys || wanted.keys.iter().any(|(_, it)| is_text(it));
    let options_are_same = wanted
        .options
        .iter()
        .filter(|(name, value)| !(name.as_str() == "hidden" && **value == Json::Bool(false)))
        .all(|(name, value)| live.options.get(name) == Some(value));
    let extra = live.options.keys().filter(|name| !wanted.options.contains_key(*name));
    keys_are_same
        && options_are_same
        && extra.into_iter().all(|it| OF_THE_SERVER.contains(&it.as_str()))
}

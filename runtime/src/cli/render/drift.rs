//! The reports of `drift`.

use super::{
    notes::{ahead_notes, names},
    operator::created,
    style::{ACCENT, FAINT, GOOD, WARNING, paint, safe},
    table::{one_line, wrapped},
    view::{View, number},
};
use crate::{
    SchemaDifference, SchemaDifferenceKind as Kind, SchemaDriftReport, SchemaSample,
    model::{numbers::grouped, report::schema_drift::SchemaAdoptionReport},
};

/// The differences, each with what fixes it. `app` is how users call the command line.
pub(crate) fn drift(report: &SchemaDriftReport, view: View, app: &str) -> String {
    let mut text = String::new();
    for difference in &report.differences {
        text += &headline(difference);
        text += &details(difference, view);
        for command in &difference.shell {
            text += &code("fix", command);
        }
        if difference.shell.is_empty() && difference.change.is_empty() {
            let way_out = "no command can change that: move the documents to another collection, \
                           in a migration";
            text += &hint(way_out, view);
        }
    }
    if report.differences.iter().any(|difference| !difference.change.is_empty()) {
        let how = format!(
            "`{} drift --adopt NAME` instead writes a migration that declares what is in the \
             database",
            safe(app)
        );
        text += &hint(&how, view);
    }
    for sample in &report.samples {
        text += &sampled(sample);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    if !report.pending.is_empty() {
        text += &format!(
            "{} migrations are pending, so differences are to be expected; `{} up` applies them\n{}",
            paint(WARNING, "!"),
            safe(app),
            names(&report.pending)
        );
    }
    text += &ahead_notes(&report.ahead);
    let mark = if report.is_clean() { paint(GOOD, "✓") } else { paint(WARNING, "!") };
    let ignored = match report.ignored {
        0 => String::new(),
        count => format!(" · {} ignored", number(count)),
    };
    text + &format!(
        "{mark} {} {}\n",
        counted(report.differences.len(), "difference"),
        paint(
            FAINT,
            format!(
                "· {} with models{ignored} · database {}",
                counted(report.compared, "collection"),
                safe(&report.database)
            )
        )
    )
}

/// What was adopted, and what has to follow.
pub(crate) fn adopted(report: &SchemaAdoptionReport, view: View) -> String {
    let mut text = String::new();
    for difference in &report.adopted {
        text += &headline(difference);
        // A collection without a model has no type to change.
        let attribute = difference.attribute.as_ref().filter(|_| report.models.is_some());
        if let Some(attribute) = attribute {
            text += &code("model", &format!("#[model({attribute})]"));
        }
    }
    if let Some(file) = &report.created {
        text += &created(file);
    }
    if let Some(file) = &report.models {
        text += &format!("{} wrote {}\n", paint(GOOD, "✓"), file.display());
        let next = "change the types as shown: until then they do not compile, as models.snap says \
                    what the migrations lead to";
        text += &hint(next, view);
    }
    for difference in &report.left {
        text += &format!("{} not declared: ", paint(WARNING, "!"));
        text += &headline(difference);
    }
    if !report.left.is_empty() {
        let why = "a migration cannot declare these: fix them in the database (`drift` shows how), \
                   or change the types and let `cargo mongrate diff` write the migration";
        text += &hint(why, view);
    }
    let database = paint(FAINT, format!("· database {}", safe(&report.database)));
    text + &format!("{} adopted {database}\n", counted(report.adopted.len(), "difference"))
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", number(count))
}

fn headline(difference: &SchemaDifference) -> String {
    let name = safe(&difference.collection);
    let index = difference.index.as_deref().map(safe).unwrap_or_default();
    let (mark, what) = match difference.kind {
        Kind::CollectionMissing => ("-", "the collection is missing".to_owned()),
        Kind::CollectionExtra => {
            ("+", "the collection is in no model and no declared migration".to_owned())
        }
        Kind::CollectionChanged => ("~", "the collection is of another kind".to_owned()),
        Kind::ValidatorMissing => ("-", "the validator is missing".to_owned()),
        Kind::ValidatorExtra => ("+", "the validator is in no model".to_owned()),
        Kind::ValidatorChanged => ("~", "the validator is another one".to_owned()),
        Kind::IndexMissing => ("-", format!("the index `{index}` is missing")),
        Kind::IndexExtra => ("+", format!("the index `{index}` is in no migration")),
        Kind::IndexChanged => ("~", format!("the index `{index}` is another one")),
    };
    format!("{} {}: {what}\n", paint(WARNING, mark), paint(ACCENT, name))
}

fn details(difference: &SchemaDifference, view: View) -> String {
    let mut text = String::new();
    if !difference.options.is_empty() {
        let options = format!("differs in {}", safe(&difference.options.join(", ")));
        for line in wrapped(&options, view, 4) {
            text += &format!("    {line}\n");
        }
    }
    for (label, value) in [("expected", &difference.expected), ("found   ", &difference.found)] {
        if let Some(value) = value {
            let line = one_line(&safe(value), view, 14);
            text += &format!("    {} {}\n", paint(FAINT, label), paint(FAINT, line));
        }
    }
    text
}

fn code(label: &str, code: &str) -> String {
    format!("    {} {}\n", paint(GOOD, format!("{label:8}")), safe(code))
}

fn hint(text: &str, view: View) -> String {
    let lines = wrapped(text, view, 4).into_iter();
    lines.map(|line| format!("    {}\n", paint(FAINT, line))).collect()
}

fn sampled(sample: &SchemaSample) -> String {
    let mark = if sample.misfits == 0 { paint(GOOD, "✓") } else { paint(WARNING, "!") };
    let mut text = format!(
        "{mark} {}: {} of {} sampled documents do not have the shape of the model\n",
        paint(ACCENT, safe(&sample.collection)),
        grouped(sample.misfits),
        grouped(sample.documents)
    );
    for field in &sample.fields {
        text += &format!("    {:>9}  {}\n", grouped(field.documents), safe(&field.field));
    }
    text
}

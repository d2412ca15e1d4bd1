//! The reports as text, at any width of the terminal.

use chrono::{DateTime, Utc};

use super::{notes::failure, plan::plan, run::run, status::status, view::View};
use crate::{
    Direction, Failure, LockReport, MigrationKind, MigrationStatus, Named, PlanReport, PlanStep,
    RunReport, State, StatusReport, StepOutcome, StepProgress, StepReport, Who,
};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn view(width: u16) -> View {
    let width = (width > 0).then_some(width);
    View { width, now: at("2025-01-22T12:00:00Z") }
}

fn migration(version: i64, name: &str, state: State, kind: MigrationKind) -> MigrationStatus {
    let applied = state == State::Applied;
    MigrationStatus {
        repeatable: false,
        labels: Vec::new(),
        stands_for: None,
        replaced_by: None,
        version: version.into(),
        name: name.to_owned(),
        recorded_as: None,
        state,
        kind,
        reversible: true,
        linked: true,
        drifted: false,
        batch: applied.then_some(1),
        applied_at: applied.then(|| at("2025-01-22T10:30:12Z")),
        duration_ms: applied.then_some(1_240),
        by: None,
        failure: None,
        half_done: None,
        finished_steps: Vec::new(),
        progress: Vec::new(),
        percent: None,
        direction: None,
        source: None,
        group: String::new(),
        release: None,
        replaces: None,
        after: Vec::new(),
        last_event_at: None,
    }
}

#[test]
fn a_rollback_that_failed_is_shown_as_that_with_the_ways_out() {
    let half_done = |direction, down, gives_up_rollback| {
        Some(crate::HalfDone { direction, up: true, gives_up_rollback, down })
    };
    let shown = |half_done| {
        let mut report = status_report();
        let failed =
            report.migrations.iter_mut().find(|migration| migration.state == State::Failed);
        let failed = failed.unwrap();
        (failed.kind, failed.half_done) = (MigrationKind::Change, half_done);
        let text = stripped(&status(&report, view(0)));
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let back = shown(half_done(Direction::Down, true, true));
    assert!(back.contains("load_countries rollback failed change"), "{back}");
    assert!(back.contains("E11000"), "the reason: {back}");
    assert!(back.contains("`down` retries it, `up` gives it up"), "{back}");
    let back = shown(half_done(Direction::Down, true, false));
    assert!(back.contains("`resolve 20250122003 --as") && !back.contains("gives it up"), "{back}");
    let forth = shown(half_done(Direction::Up, true, false));
    assert!(forth.contains("load_countries failed change"), "{forth}");
    assert!(forth.contains("`up` resumes it, `down` undoes what it did"), "{forth}");
    assert!(!shown(None).contains("half-done"));
}

fn status_report() -> StatusReport {
    let mut failed =
        migration(20_250_122_003, "load_countries", State::Failed, MigrationKind::Transaction);
    failed.failure = Some(Failure {
        message: "E11000 \u{1b}[2J".to_owned(),
        code: None,
        code_name: None,
        documents: Vec::new(),
    });
    let mut unknown =
        migration(20_250_122_004, "from_elsewhere", State::Applied, MigrationKind::Online);
    unknown.linked = false;
    StatusReport {
        skipped: 0,
        selected: Vec::new(),
        replaced: 0,
        group: "default".to_owned(),
        database: "clinic".to_owned(),
        collection: "migrations".to_owned(),
        applied: 2,
        pending: 1,
        failed: 1,
        running: 0,
        interrupted: 0,
        orphaned: 0,
        app: String::new(),
        migrations: vec![
            migration(
                20_250_122_001,
                "initialize_migrations",
                State::Applied,
                MigrationKind::Transaction,
            ),
            failed,
            unknown,
            migration(20_250_122_005, "split_names", State::Pending, MigrationKind::Transaction),
        ],
        lock: LockReport {
            held: true,
            holder: Some(Who { host: "box".to_owned(), pid: 7, app: String::new() }),
            fence: 3,
            remaining_ms: 28_000,
            ..LockReport::default()
        },
        policies: Vec::new(),
    }
}

/// What a terminal without colours shows.
fn stripped(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

fn lines(text: &str) -> Vec<String> {
    stripped(text).lines().map(str::to_owned).collect()
}

#[test]
fn a_status_fits_every_width() {
    let report = status_report();
    for width in [20, 40, 60, 80, 120, 200] {
        let text = lines(&status(&report, view(width)));
        // The table ends at the first empty line; what follows is for the terminal to wrap.
        let table: Vec<_> = text.iter().take_while(|line| !line.is_empty()).collect();
        for line in &table {
            assert!(
                line.chars().count() <= usize::from(width.max(40)),
                "{width}: {line:?}\n{table:#?}"
            );
            assert_eq!(line.trim_end(), line.as_str(), "{width}");
        }
        assert!(table.iter().any(|line| line.contains("20250122001")), "{width}: {table:#?}");
    }
}

#[test]
fn a_wide_status_says_more() {
    let report = status_report();
    let first = |width| lines(&status(&report, view(width))).remove(1);
    assert_eq!(
        first(120),
        "20250122001  initialize_migrations  applied    transaction  yes             1  \
         2025-01-22 10:30:12 (1 h ago)  1.2 s"
    );
    assert_eq!(
        first(80),
        "20250122001  initialize_migrations  applied    tx      yes   1 h ago  1.2 s"
    );
    assert_eq!(first(60), "20250122001  initialize_migrations  applied    1 h ago");
    // Where it is piped, it is whole, and says nothing that ages.
    assert_eq!(
        first(0),
        "20250122001  initialize_migrations  applied    transaction  yes             1  \
         2025-01-22 10:30:12  1.2 s"
    );
}

#[test]
fn a_status_names_what_is_odd_and_obeys_no_control_characters() {
    let text = status(&status_report(), view(120));
    assert!(!text.contains("\u{1b}[2J"), "{text:?}");
    let text = lines(&text);
    let has = |line: &str| assert!(text.iter().any(|found| found == line), "{line}: {text:#?}");
    has("2 applied, 1 failed, 1 pending · database clinic");
    has("● locked by box pid 7, fence 3, for another 28.0 s unless renewed");
    has("! 20250122003 load_countries: E11000 \\u{1b}[2J");
    has("! 20250122004 from_elsewhere: not in this build");
}

#[test]
fn what_was_interrupted_is_not_running() {
    let mut report = status_report();
    let first = report.migrations.first_mut().unwrap();
    first.state = State::Interrupted;
    first.direction = Some(Direction::Up);
    first.percent = Some(19);
    first.progress = vec![StepProgress {
        name: "month".to_owned(),
        documents: 19_500,
        total: Some(100_000),
        per_second: None,
        remaining_ms: None,
        updated_at: None,
    }];
    (report.applied, report.interrupted) = (1, 1);
    report.lock.dead = true;
    let text = lines(&status(&report, view(0)));
    let has = |line: &str| assert!(text.iter().any(|found| found == line), "{line}: {text:#?}");
    assert!(text[1].contains("  interrupted at 19 %  "), "{text:#?}");
    has("1 applied, 1 failed, 1 interrupted, 1 pending · database clinic");
    has("! 20250122001 initialize_migrations: interrupted at `month`: 19,500 of 100,000 \
         documents (19 %); `up` resumes it");
    has("● locked by box pid 7, fence 3: that process has ended; its lease ends in 28.0 s at \
         the latest, and the next run takes the lock");
    assert!(!text.join("\n").contains("running"), "{text:#?}");

    let first = report.migrations.first_mut().unwrap();
    first.direction = Some(Direction::Down);
    first.progress.clear();
    first.finished_steps = vec!["operation 2".to_owned()];
    let text = stripped(&status(&report, view(0)));
    let expected = "its rollback was interrupted after `operation 2`; `down` finishes it\n";
    assert!(text.contains(expected), "{text}");

    // At a terminal, a remark does not run over its end.
    let text = lines(&status(&report, view(60)));
    let remarks = text.iter().skip_while(|line| !line.starts_with("! "));
    assert!(remarks.clone().count() > 2, "{text:#?}");
    assert!(remarks.clone().all(|line| line.chars().count() <= 60), "{text:#?}");
}

#[test]
fn a_long_name_wraps_and_the_numbers_do_not() {
    let mut report = status_report();
    if let Some(first) = report.migrations.first_mut() {
        first.name = "a_name_that_is_as_long_as_names_can_be_and_then_some_more".to_owned();
    }
    let text = lines(&status(&report, view(60)));
    assert!(text.iter().any(|line| line.starts_with("20250122001  a_name_that")), "{text:#?}");
    let mut table = text.iter().take_while(|line| !line.is_empty());
    assert!(table.all(|line| line.chars().count() <= 60), "{text:#?}");
}

fn run_report(steps: &[(i64, &str, StepOutcome)]) -> RunReport {
    RunReport {
        skipped: Vec::new(),
        stands: None,
        group: "default".to_owned(),
        database: "clinic".to_owned(),
        batch: Some(2),
        fence: Some(1),
        steps: steps
            .iter()
            .map(|(version, name, outcome)| StepReport {
                version: (*version).into(),
                name: (*name).to_owned(),
                kind: MigrationKind::Transaction,
                direction: Direction::Up,
                outcome: *outcome,
                duration_ms: 20,
                attempts: 1,
                failure: None,
                progress: Vec::new(),
            })
            .collect(),
        waited_ms: 0,
        ahead: Vec::new(),
        cancelled_by: None,
    }
}

#[test]
fn a_run_is_a_line_each_and_a_sum() {
    let report = run_report(&[(1, "a", StepOutcome::Applied), (22, "bcd", StepOutcome::Applied)]);
    assert_eq!(
        stripped(&run(&report, view(80))),
        "✓  1   a    20 ms\n✓  22  bcd  20 ms\n\n2 applied in 40 ms, batch 2 · database clinic\n"
    );

    let report = run_report(&[
        (1, "a", StepOutcome::Applied),
        (2, "b", StepOutcome::Failed),
        (3, "c", StepOutcome::NotRun),
    ]);
    let text = stripped(&run(&report, view(80)));
    assert!(text.contains("✗  2  b  failed after 20 ms\n·  3  c  not run\n"), "{text}");
    assert!(text.contains("1 applied, 1 failed, 1 not run in 60 ms, batch 2"), "{text}");

    let empty = RunReport { batch: None, ..run_report(&[]) };
    assert_eq!(stripped(&run(&empty, view(80))), "nothing to do · database clinic\n");
}

#[test]
fn a_plan_says_which_way_it_goes() {
    let step = |direction| PlanStep {
        version: 7.into(),
        name: "a".to_owned(),
        kind: MigrationKind::Online,
        direction,
        reversible: true,
        resumes: direction == Direction::Up,
        source: "src/migrations/m7_a.rs:3".to_owned(),
        operations: Vec::new(),
    };
    let report = PlanReport {
        skipped: Vec::new(),
        selected: Vec::new(),
        stands: None,
        group: "default".to_owned(),
        database: "clinic".to_owned(),
        steps: vec![step(Direction::Down), step(Direction::Up)],
        lints: Vec::new(),
        ahead: vec![Named { version: 9.into(), name: "later".to_owned() }],
        late: Vec::new(),
    };
    let text = stripped(&plan(&report, view(80)));
    assert!(text.contains("roll back  7        a            online  yes"), "{text}");
    assert!(text.contains("apply      7        a (resumes)  online  yes"), "{text}");
    assert!(text.contains("1 to roll back, 1 to apply · database clinic"), "{text}");
    assert!(text.contains("  9 later\nnothing was written\n"), "{text}");
    let narrow = lines(&plan(&report, view(40)));
    assert!(narrow.iter().take(3).all(|line| line.chars().count() <= 40), "{narrow:#?}");
}

#[test]
fn a_failure_says_what_to_do_next() {
    assert_eq!(
        stripped(&failure("one\ntwo", Some("clinic up"), "errors.html#pending", view(0))),
        "error: one\n  two\nnext: clinic up\ndocs: errors.html#pending\n"
    );
}

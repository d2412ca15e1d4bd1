//! The example as a process, and a collector in this one, which reads what arrives with the official types
//! of OTLP.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use mongrate_tests::{
    TestDb,
    receiver::{Received, Receiver},
};
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::{metric::Data, number_data_point::Value as Number},
    trace::v1::Span,
};
use prost::Message as _;
use tokio::process::Command;

async fn run(fresh: &TestDb, collector: &Receiver, fails: bool) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mongrate-example-opentelemetry"));
    command
        .env("MONGODB_URI", &fresh.uri)
        .env("MONGODB_DATABASE", fresh.db.name())
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url(""))
        .env_remove("RUST_LOG")
        .env_remove("EXAMPLE_FAILS");
    if fails {
        command.env("EXAMPLE_FAILS", "1");
    }
    command.output().await.unwrap()
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|found| found.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        other => format!("{other:?}"),
    }
}

fn sent_to<'a>(received: &'a [Received], path: &str) -> Vec<&'a Received> {
    let line = format!("POST {path} HTTP/1.1");
    let sent: Vec<&Received> = received.iter().filter(|request| request.line == line).collect();
    for request in &sent {
        assert_eq!(request.header("content-type"), "application/x-protobuf");
    }
    sent
}

fn spans(received: &[Received]) -> Vec<Span> {
    let mut spans = Vec::new();
    for request in sent_to(received, "/v1/traces") {
        let export = ExportTraceServiceRequest::decode(&request.body[..]).unwrap();
        for resource in export.resource_spans {
            let of = resource.resource.unwrap();
            assert_eq!(text(&of.attributes, "service.name"), "shop");
            spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    spans
}

/// The last value of each metric, by its name and its outcome or nothing: for a histogram, how often.
fn numbers(received: &[Received]) -> BTreeMap<String, f64> {
    let mut numbers = BTreeMap::new();
    for request in sent_to(received, "/v1/metrics") {
        let export = ExportMetricsServiceRequest::decode(&request.body[..]).unwrap();
        let scopes =
            export.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        for metric in scopes.flat_map(|scope| scope.metrics) {
            let outcome = |attributes: &[KeyValue]| {
                let outcome = text(attributes, "outcome");
                if outcome == "None" { String::new() } else { format!(" {outcome}") }
            };
            let name = metric.name;
            match metric.data.unwrap() {
                Data::Gauge(gauge) => {
                    for point in gauge.data_points {
                        if let Some(Number::AsDouble(value)) = point.value {
                            numbers.insert(name.clone(), value);
                        }
                    }
                }
                Data::Histogram(histogram) => {
                    for point in histogram.data_points {
                        // In seconds: the SDK's own bounds are for milliseconds.
                        assert!(point.explicit_bounds.contains(&0.05), "{point:?}");
                        let count = u32::try_from(point.count).unwrap();
                        let key = format!("{name}{}", outcome(&point.attributes));
                        *numbers.entry(key).or_default() += f64::from(count);
                    }
                }
                _ => {}
            }
        }
    }
    numbers
}

#[tokio::test]
async fn spans_and_metrics_of_a_run_arrive_at_a_collector() {
    let fresh = TestDb::new("opentelemetry").await;
    let collector = Receiver::start([]);
    let output = run(&fresh, &collector, true).await;
    assert!(!output.status.success(), "{output:?}");

    let received = collector.received();
    let found = spans(&received);
    let names: BTreeSet<&str> = found.iter().map(|span| span.name.as_str()).collect();
    assert!(names.contains("run") && names.contains("migration"), "{names:?}");
    let run_span = found.iter().find(|span| span.name == "run").unwrap();
    assert_eq!(text(&run_span.attributes, "database"), fresh.db.name());
    assert_eq!(text(&run_span.attributes, "group"), "default");
    let migrations: Vec<&Span> = found.iter().filter(|span| span.name == "migration").collect();
    let of = |key: &str| -> Vec<String> {
        migrations.iter().map(|span| text(&span.attributes, key)).collect()
    };
    assert_eq!(of("version"), ["20250122001", "20250122002"]);
    assert_eq!(of("name"), ["default_plan", "first_user"]);
    assert_eq!(of("direction"), ["up", "up"]);
    for span in &migrations {
        assert_eq!(span.parent_span_id, run_span.span_id, "within the run");
        assert_eq!(span.trace_id, run_span.trace_id);
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
    }
    let events: Vec<&str> =
        found.iter().flat_map(|span| &span.events).map(|event| event.name.as_str()).collect();
    for event in ["applying", "giving everybody the free plan", "applied", "failed"] {
        assert!(events.contains(&event), "{event}: {events:?}");
    }

    let numbers = numbers(&received);
    let number = |name: &str| numbers.get(name).copied();
    assert_eq!(number("mongrate_migrations_applied"), Some(1.0), "{numbers:#?}");
    assert_eq!(number("mongrate_migrations_pending"), Some(1.0), "{numbers:#?}");
    assert_eq!(number("mongrate_migration_duration_seconds applied"), Some(1.0), "{numbers:#?}");
    assert_eq!(number("mongrate_migration_duration_seconds failed"), Some(1.0), "{numbers:#?}");

    // And then it is whole. A collector that is gone does not keep an app from starting.
    let collector = Receiver::start([]);
    assert!(run(&fresh, &collector, false).await.status.success());
    let names: Vec<String> =
        spans(&collector.received()).into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["migration", "run"]);
    let mut gone = Receiver::start([]);
    gone.port = 1;
    let output = run(&fresh, &gone, false).await;
    assert!(output.status.success(), "{output:?}");
    fresh.pass().await;
}

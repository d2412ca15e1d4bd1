//! Where spans and metrics go: over OTLP (HTTP, protobuf) to the collector that
//! `OTEL_EXPORTER_OTLP_ENDPOINT` names, `http://localhost:4318` by default.

use std::error::Error;

use metrics_opentelemetry::{OpenTelemetryMetrics, OpenTelemetryRecorder};
use opentelemetry::{metrics::MeterProvider as _, trace::TracerProvider as _};
use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_sdk::{Resource, metrics::SdkMeterProvider, trace::SdkTracerProvider};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Ends the export: nothing that was measured may be lost with the process.
pub(crate) struct Telemetry {
    spans: SdkTracerProvider,
    metrics: SdkMeterProvider,
}

impl Telemetry {
    pub(crate) fn start(service: &'static str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let resource = Resource::builder().with_service_name(service).build();

        // The spans of `tracing`: `run`, and within it a `migration` for each.
        let exporter = SpanExporter::builder().with_http().build()?;
        let spans = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_batch_exporter(exporter)
            .build();
        let layer = tracing_opentelemetry::layer().with_tracer(spans.tracer("mongrate"));
        let filter = EnvFilter::try_from_default_env()
            .unwrap_or_else(|_| EnvFilter::new("warn,mongrate=info"));
        tracing_subscriber::registry()
            .with(filter)
            .with(layer)
            .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr))
            .try_init()?;

        // The numbers of the `metrics` facade.
        let exporter = MetricExporter::builder().with_http().build()?;
        let provider = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_periodic_exporter(exporter)
            .build();
        let recorder =
            OpenTelemetryRecorder::new(OpenTelemetryMetrics::new(provider.meter("mongrate")));
        // The SDK's own bounds are for milliseconds.
        recorder.set_histogram_bounds(
            ["mongrate_migration_duration_seconds", "mongrate_lock_wait_seconds"].into_iter(),
            &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0, 3_600.0],
        );
        metrics::set_global_recorder(recorder)?;
        Ok(Self { spans, metrics: provider })
    }

    /// Sends the rest. Blocks for at most a few seconds if the collector is out of reach.
    pub(crate) fn end(&self) {
        for (what, ended) in
            [("spans", self.spans.shutdown()), ("metrics", self.metrics.shutdown())]
        {
            if let Err(error) = ended {
                tracing::warn!(%error, "the last {what} are lost");
            }
        }
    }
}

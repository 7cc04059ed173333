//! The binary: parses the arguments and calls the library.

use std::process::ExitCode;

use clap::Parser as _;
use creditrail::cli::{self, Cli, LogFormat};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt as _, dynamic_filter_fn},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// A sixth more deliveries a second than with the system's (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    #[cfg(feature = "otel")]
    let provider = otel::provider();
    #[cfg(feature = "otel")]
    let spans = provider.as_ref().map(otel::layer);
    #[cfg(not(feature = "otel"))]
    let spans = None;
    log(cli.log_format, spans);
    let ended = run(cli);
    // What is gathered is sent before the end.
    #[cfg(feature = "otel")]
    if let Some(Err(error)) = provider.map(|provider| provider.shutdown()) {
        eprintln!("creditrail: the last spans were not sent: {error}");
    }
    ended
}

fn run(cli: Cli) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("creditrail: the runtime cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(cli::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("creditrail: {}", creditrail::failure::chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// What takes spans.
type Spans = Box<dyn Layer<Registry> + Send + Sync>;

/// Lines to standard error, as `CREDITRAIL_LOG` asks for. Spans are not for them: each line has what
/// it is about.
fn log(format: LogFormat, spans: Option<Spans>) {
    let filter =
        EnvFilter::try_from_env("CREDITRAIL_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // `dynamic`: it is asked for each line. Of a filter that is asked once for each place, the "no" to
    // another place can stand when the thread's next line comes, which is lost then
    // (tokio-rs/tracing#2519): one line in five of those at a busy start.
    let no_spans = dynamic_filter_fn(|metadata, _| !metadata.is_span());
    let lines = lines.with_filter(filter.and(no_spans));
    tracing_subscriber::registry().with(spans).with(lines).init();
}

#[cfg(feature = "otel")]
mod otel {
    //! Spans to a collector, where `OTEL_EXPORTER_OTLP_ENDPOINT` names one: OTLP, protobuf over HTTP.
    //! The other variables of OpenTelemetry hold too, such as `OTEL_SERVICE_NAME`.

    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::{Layer as _, filter::dynamic_filter_fn};

    const ENDPOINTS: [&str; 2] =
        ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

    /// Where spans go, if anywhere.
    pub fn provider() -> Option<SdkTracerProvider> {
        ENDPOINTS.iter().find_map(std::env::var_os)?;
        let protocol = opentelemetry_otlp::Protocol::HttpBinary;
        match SpanExporter::builder().with_http().with_protocol(protocol).build() {
            Ok(exporter) => {
                Some(SdkTracerProvider::builder().with_batch_exporter(exporter).build())
            }
            Err(error) => {
                eprintln!("creditrail: spans are not sent: {error}");
                None
            }
        }
    }

    /// The calls, and nothing else.
    pub fn layer(provider: &SdkTracerProvider) -> super::Spans {
        let calls = dynamic_filter_fn(|metadata, _| {
            metadata.is_span() && metadata.target().starts_with("creditrail::")
        });
        let tracer = provider.tracer("creditrail");
        tracing_opentelemetry::layer().with_tracer(tracer).with_filter(calls).boxed()
    }
}

//! The binary: parses the arguments and calls the library.

use std::process::ExitCode;

use clap::Parser as _;
use creditrail::cli::{self, Cli, LogFormat};

/// A sixth more deliveries a second than with the system's (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log(cli.log_format);
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

/// Lines to standard error, as `CREDITRAIL_LOG` asks for.
fn log(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("CREDITRAIL_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
}

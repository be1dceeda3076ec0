//! The program: flags in, one line out, and an end on SIGINT or SIGTERM.

#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use jupyterlite_webrtc_signaling::options::Options;
use jupyterlite_webrtc_signaling::server::Server;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

fn main() -> ExitCode {
    let options = Options::parse();
    log_to_stderr(options.log);
    match start(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let result = runtime.block_on(run(options));
    // The server has waited for its clients already; a file being read is no reason to wait on.
    runtime.shutdown_background();
    result
}

async fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    // Before the address is printed, so that who has read it can stop the server properly.
    let stop = stop_signal()?;
    let server = Server::bind(options).await?;
    let address = server.address();
    tracing::info!("listening on {address}");
    // A reader that closed its end has chosen not to know.
    let _ = writeln!(io::stdout(), "{address}").and_then(|()| io::stdout().flush());
    server.run(stop).await;
    Ok(())
}

/// Only this program's own messages, whatever the level: the libraries below would log what
/// clients send.
fn log_to_stderr(level: LevelFilter) {
    let own = Targets::new().with_target("jupyterlite_webrtc_signaling", level);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    tracing_subscriber::registry().with(lines).with(own).init();
}

/// Ready when the program is asked to end.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ready when the program is asked to end.
#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a way to be told, run until killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

//! What the person who runs the server can set on the command line.

use std::path::PathBuf;

use clap::Parser;
use tracing::level_filters::LevelFilter;

use crate::limits::Limits;

/// A signaling server for jupyterlite-webrtc and y-webrtc; it can serve a built site too.
///
/// Prints the address it listens on as one line on standard output. Logs go to standard error and
/// hold counts only, never what clients send.
#[derive(Debug, Clone, Parser)]
#[command(name = "jupyterlite-webrtc-signaling", version)]
pub struct Options {
    /// Address or name to listen on. Use 0.0.0.0 or :: to be reachable from other machines.
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,

    /// Port to listen on; 0 takes any free one.
    // `PORT` is what y-webrtc's own server reads, so this one can stand in for it.
    #[arg(long, env = "PORT", default_value_t = 4444)]
    pub port: u16,

    /// Serve the static site in this folder on the same port. Everything in it is public.
    #[arg(long, value_name = "DIR")]
    pub site: Option<PathBuf>,

    /// Take the client's IP address from the last entry of X-Forwarded-For. Only behind a proxy
    /// that sets it: otherwise clients could choose their address.
    #[arg(long)]
    pub trust_proxy: bool,

    /// How much to log: off, error, warn, info or debug.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub log: LevelFilter,

    /// The limits.
    #[command(flatten)]
    pub limits: Limits,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_flags_are_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn the_default_queue_takes_the_largest_message() {
        let options = Options::parse_from(["signaling", "--port", "0"]);
        assert!(options.limits.queue_fits_a_message());
    }

    #[test]
    fn zero_and_excess_are_refused() {
        for flag in [
            ["--queue-messages", "0"],
            ["--messages-per-second", "0"],
            ["--max-message-bytes", "4294967295"],
            ["--ping-interval", "0"],
        ] {
            let arguments = std::iter::once("signaling").chain(flag);
            assert!(Options::try_parse_from(arguments).is_err(), "{flag:?}");
        }
    }
}

//! What a request is for: signaling, or a file of the site.
//!
//! A WebSocket handshake is signaling on any path, because y-webrtc users give any URL. Every other
//! request goes to the site; without one the answer is `okay`, as y-webrtc's server says it, which
//! is enough for a hosting platform that wants to know whether the server is up.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Request};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use crate::admission::{Admission, Pass};
use crate::connection;
use crate::limits::Limits;
use crate::site::Site;
use crate::topics::Topics;

/// The buffer for reading from one client. The library's default of 128 KiB would be most of the
/// memory of an idle server; messages larger than the buffer make it grow while they are read.
const READ_BUFFER_BYTES: usize = 4096;

/// What all requests share.
#[derive(Debug)]
pub struct App {
    /// What a client may use.
    pub limits: Limits,
    /// Whether a proxy says who the client is.
    pub trust_proxy: bool,
    /// Files to serve.
    pub site: Option<Site>,
    /// Who is subscribed to what.
    pub topics: Arc<Topics>,
    /// Counts the signaling connections.
    pub admission: Arc<Admission>,
    /// Ends all connections.
    pub shutdown: CancellationToken,
    /// What has to be finished before the server ends.
    pub tasks: TaskTracker,
}

/// The other end of the TCP connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// Its right to a socket, which a WebSocket keeps after the HTTP part is over.
    pub socket: Arc<Pass>,
}

/// Answers one request.
pub async fn answer(app: Arc<App>, peer: Peer, request: Request) -> Result<Response, Infallible> {
    if wants_websocket(request.headers()) {
        return Ok(upgrade(app, peer, request).await);
    }
    Ok(match &app.site {
        Some(site) => site.serve(request).await,
        None => "okay".into_response(),
    })
}

fn wants_websocket(headers: &HeaderMap) -> bool {
    let value = headers.get(header::UPGRADE);
    value.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

async fn upgrade(app: Arc<App>, peer: Peer, request: Request<Body>) -> Response {
    let (mut parts, _) = request.into_parts();
    let handshake = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(handshake) => handshake,
        Err(rejection) => return rejection.into_response(),
    };
    let address = client_address(&parts.headers, peer.address, app.trust_proxy);
    let admitted = app.admission.enter(address);
    let running = app.tasks.token();
    let largest = app.limits.max_message_bytes as usize;
    handshake
        .read_buffer_size(READ_BUFFER_BYTES)
        // Each message is flushed when it is sent, so collecting bytes first only costs memory.
        .write_buffer_size(0)
        .max_message_size(largest)
        .max_frame_size(largest)
        .on_upgrade(async move |socket| {
            // A client that is turned away learns why, so it too needs a finished handshake.
            match &admitted {
                Err(ending) => connection::refuse(socket, *ending).await,
                Ok(_pass) => {
                    debug!(open = app.admission.count(), "a client connected");
                    connection::serve(socket, &app.topics, &app.limits, &app.shutdown).await;
                }
            }
            drop((admitted, peer.socket, running));
        })
}

/// The client's address: the other end of the connection, or what a trusted proxy says it is.
///
/// A proxy appends the address it sees to `X-Forwarded-For`, so only the last entry is its own
/// word; what stands before it came from the client, who may have made it up.
fn client_address(headers: &HeaderMap, peer: IpAddr, trust_proxy: bool) -> IpAddr {
    if !trust_proxy {
        return peer;
    }
    let forwarded = headers.get_all("x-forwarded-for").iter().next_back();
    let last = forwarded.and_then(|value| value.to_str().ok()).and_then(|value| value.rsplit(',').next());
    last.and_then(|entry| entry.trim().parse().ok()).unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn address(headers: &[&'static str], trust_proxy: bool) -> String {
        let mut map = HeaderMap::new();
        for value in headers {
            map.append("x-forwarded-for", HeaderValue::from_static(value));
        }
        client_address(&map, IpAddr::from([127, 0, 0, 1]), trust_proxy).to_string()
    }

    #[test]
    fn a_header_counts_only_from_a_trusted_proxy() {
        assert_eq!(address(&["192.0.2.1"], false), "127.0.0.1");
        assert_eq!(address(&["192.0.2.1"], true), "192.0.2.1");
    }

    #[test]
    fn only_the_last_entry_is_the_proxys_word() {
        let headers = ["192.0.2.7", "192.0.2.8, 2001:db8::1"];
        assert_eq!(address(&headers, true), "2001:db8::1");
    }

    #[test]
    fn nonsense_falls_back_to_the_connection() {
        for headers in [&[][..], &[""], &["unknown"], &["192.0.2.1,"]] {
            assert_eq!(address(headers, true), "127.0.0.1");
        }
    }
}

//! The listening socket: taking connections in, and letting all of them go at the end.
//!
//! Before a connection is a WebSocket it is an HTTP connection, and those are limited too, a little
//! above the limits for signaling: a browser that loads the site opens up to six of them, and a
//! client that is refused needs one to hear why. Whoever sends no request in time is dropped.
//!
//! The end has an order: stop listening, tell everyone (a close frame to WebSockets, a last answer
//! to HTTP), wait for them, and leave after a few seconds whether they have answered or not.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::admission::Admission;
use crate::connection::CLOSING_TIME;
use crate::http::{App, Peer, answer};
use crate::options::Options;
use crate::site::Site;

/// How long a connection may take to send a request, and may be idle between two.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// How long the server waits at its end for connections to close.
const SHUTDOWN_TIME: Duration = Duration::from_secs(4);
/// After an error in accepting, which usually means that there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Sockets for HTTP beyond those for signaling, in all and from one address.
const SPARE_SOCKETS: u32 = 1024;
const SPARE_SOCKETS_PER_IP: u32 = 512;

/// Why the server cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {host}:{port}: {source}")]
    Listen {
        /// As given on the command line.
        host: String,
        /// As given on the command line.
        port: u16,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// There is no folder to serve.
    #[error("the site {0} is not a folder")]
    NoSite(PathBuf),
    /// The flags contradict each other.
    #[error("--queue-bytes must be at least 32 more than --max-message-bytes")]
    QueueTooSmall,
}

/// A server that listens but does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: Arc<App>,
    sockets: Arc<Admission>,
}

impl Server {
    /// Checks the options and starts to listen.
    pub async fn bind(options: Options) -> Result<Self, StartError> {
        if !options.limits.queue_fits_a_message() {
            return Err(StartError::QueueTooSmall);
        }
        if let Some(folder) = options.site.as_ref().filter(|folder| !folder.is_dir()) {
            return Err(StartError::NoSite(folder.clone()));
        }
        let (listener, address) = match listen(&options.host, options.port).await {
            Ok(bound) => bound,
            Err(source) => {
                let Options { host, port, .. } = options;
                return Err(StartError::Listen { host, port, source });
            }
        };
        Ok(Self { listener, address, sockets: sockets(&options), app: Arc::new(app(options)) })
    }

    /// Where it listens, with the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready, then closes all connections.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, from)) => self.take_in(stream, from.ip()),
                    Err(_) => {
                        warn!(open = self.sockets.count(), "cannot accept a connection");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        self.close().await;
    }

    fn take_in(&self, stream: TcpStream, address: IpAddr) {
        // Over the limit there is nothing to say: dropping the stream closes it.
        if let Ok(pass) = self.sockets.enter(address) {
            let socket = Arc::new(pass);
            let peer = Peer { address, socket };
            let task = serve_http(stream, peer, Arc::clone(&self.app));
            self.app.tasks.spawn(task);
        }
    }

    async fn close(self) {
        info!(open = self.app.admission.count(), "shutting down");
        drop(self.listener);
        self.app.shutdown.cancel();
        self.app.tasks.close();
        if timeout(SHUTDOWN_TIME, self.app.tasks.wait()).await.is_err() {
            warn!(left = self.sockets.count(), "some connections did not close");
        }
    }
}

async fn listen(host: &str, port: u16) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((host, port)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn app(options: Options) -> App {
    App {
        admission: Admission::new(options.limits.max_connections, options.limits.max_connections_per_ip),
        site: options.site.as_deref().map(Site::new),
        limits: options.limits,
        trust_proxy: options.trust_proxy,
        topics: Arc::default(),
        shutdown: CancellationToken::new(),
        tasks: TaskTracker::new(),
    }
}

fn sockets(options: &Options) -> Arc<Admission> {
    let most = options.limits.max_connections.saturating_add(SPARE_SOCKETS);
    let per_ip = options.limits.max_connections_per_ip;
    // Behind a proxy all sockets come from one address.
    let most_per_ip = match options.trust_proxy {
        true => most,
        false => per_ip.saturating_add(SPARE_SOCKETS_PER_IP),
    };
    Admission::new(most, most_per_ip)
}

/// Serves the requests of one connection, of which the last may turn it into a WebSocket.
async fn serve_http(stream: TcpStream, peer: Peer, app: Arc<App>) {
    // Signaling is small messages that somebody waits for; they must not be held back to be sent
    // together with later ones. Without this the connection still works.
    let _ = stream.set_nodelay(true);
    let shutdown = app.shutdown.clone();
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        answer(Arc::clone(&app), peer.clone(), request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIME)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    tokio::select! {
        // An error is the client's affair: it went away, or did not speak HTTP.
        _ = connection.as_mut() => return,
        () = shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    // A browser keeps connections open just in case, and hyper waits for the first request of one
    // that never had any, so waiting has an end here too.
    let _ = timeout(CLOSING_TIME, connection).await;
}

//! What the tests share: a server on a free port, and clients that speak WebSocket to it.
//!
//! Nothing here sleeps to wait for something: each step waits for the event itself, and the whole
//! for at most [`PATIENCE`].

#![allow(dead_code)]

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use jupyterlite_webrtc_signaling::options::Options;
use jupyterlite_webrtc_signaling::server::Server;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, client::IntoClientRequest};
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;

/// Far more than any step takes, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something that must happen.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(PATIENCE, what).await;
    result.expect("did not happen in time")
}

/// A server in this process. It ends with the test.
pub struct TestServer {
    pub address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl TestServer {
    /// Starts a server with these flags, on a free port.
    pub async fn start(flags: &[&str]) -> Self {
        let arguments = ["signaling", "--port", "0"].iter().chain(flags);
        let server = Server::bind(Options::parse_from(arguments)).await.unwrap();
        let address = server.address();
        let stop = CancellationToken::new();
        let task = tokio::spawn(server.run(stop.clone().cancelled_owned()));
        Self { address, stop, task }
    }

    /// Begins to stop the server.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until the server has ended.
    pub async fn ended(self) {
        soon(self.task).await.unwrap();
    }

    pub async fn client(&self) -> Client {
        self.client_with("/", &[]).await
    }

    /// A client that subscribed to a topic, which took effect.
    pub async fn subscriber(&self, topic: &str) -> Client {
        let mut client = self.client().await;
        client.subscribe(&[topic]).await;
        client.settled().await;
        client
    }

    pub async fn client_with(&self, path: &str, headers: &[(&'static str, &str)]) -> Client {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (socket, _) = soon(client_async(request, stream)).await.unwrap();
        Client { socket }
    }

    /// Sends raw bytes as a request and returns the raw answer.
    pub async fn http(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        soon(stream.read_to_end(&mut answer)).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The answer to a plain GET.
    pub async fn get(&self, path: &str) -> String {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n");
        self.http(&format!("{head}Connection: close\r\n\r\n")).await
    }
}

/// One WebSocket client.
pub struct Client {
    pub socket: WebSocketStream<TcpStream>,
}

impl Client {
    pub async fn send(&mut self, message: impl Into<Message>) {
        soon(self.socket.send(message.into())).await.unwrap();
    }

    pub async fn send_json(&mut self, value: Value) {
        self.send(value.to_string()).await;
    }

    pub async fn subscribe(&mut self, topics: &[&str]) {
        self.send_json(json!({"type": "subscribe", "topics": topics})).await;
    }

    pub async fn publish(&mut self, topic: &str, data: &str) {
        self.send_json(json!({"type": "publish", "topic": topic, "data": data})).await;
    }

    /// The next message; pings are answered on the way.
    pub async fn receive(&mut self) -> Value {
        loop {
            match soon(self.socket.next()).await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("expected a message, got {other:?}"),
            }
        }
    }

    /// Returns once the server has handled everything sent so far.
    pub async fn settled(&mut self) {
        self.send_json(json!({"type": "ping"})).await;
        assert_eq!(self.receive().await, json!({"type": "pong"}));
    }

    /// Publishes until the echo says that so many clients receive it. The first echo of another
    /// count only means that the server has not seen the change yet.
    pub async fn wait_for_clients(&mut self, topic: &str, clients: u64) {
        let repeated = async {
            loop {
                self.publish(topic, "how many?").await;
                if self.receive().await["clients"] == clients {
                    return;
                }
            }
        };
        soon(repeated).await;
    }

    /// The close frame that ends the connection: code and reason. Skips messages before it.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            match soon(self.socket.next()).await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    let code: CloseCode = frame.code;
                    return (code.into(), frame.reason.to_string());
                }
                Some(Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("expected a close frame, got {other:?}"),
            }
        }
    }

    /// Returns once the connection is gone, with or without a close frame.
    pub async fn gone(&mut self) {
        loop {
            match soon(self.socket.next()).await {
                None | Some(Err(Error::ConnectionClosed)) => return,
                Some(Err(_)) => return,
                Some(Ok(_)) => {}
            }
        }
    }
}

//! The program itself: the line it prints, its exit code, and what it logs.

mod common;

use std::process::{Output, Stdio};

use common::soon;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

fn program(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jupyterlite-webrtc-signaling"));
    command.args(["--port", "0"]).args(flags).env_remove("PORT");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    command
}

/// Starts the program and reads its address from the line it prints.
async fn start(flags: &[&str]) -> (Child, String) {
    let mut child = program(flags).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    soon(stdout.read_line(&mut line)).await.unwrap();
    (child, line.trim_end().to_owned())
}

async fn connect(address: &str) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    let url = format!("ws://{address}/");
    soon(client_async(url, stream)).await.unwrap().0
}

async fn fails(flags: &[&str]) -> Output {
    soon(program(flags).output()).await.unwrap()
}

#[cfg(unix)]
async fn stop(child: &Child, signal: &str) {
    let id = child.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-s", signal, &id]).status();
    assert!(sent.await.unwrap().success());
}

#[cfg(unix)]
#[tokio::test]
async fn sigterm_and_sigint_end_it_cleanly() {
    for signal in ["TERM", "INT"] {
        let (mut child, address) = start(&[]).await;
        let mut client = connect(&address).await;
        stop(&child, signal).await;
        let frame = match soon(client.next()).await {
            Some(Ok(Message::Close(Some(frame)))) => frame,
            other => panic!("expected a close frame, got {other:?}"),
        };
        assert_eq!(u16::from(frame.code), 1001);
        assert!(soon(client.next()).await.is_none_or(|end| end.is_err()));
        assert_eq!(soon(child.wait()).await.unwrap().code(), Some(0));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_that_clients_send_is_logged() {
    // The library's own variable for log levels must not change that.
    let mut child = program(&["--log", "trace"]).env("RUST_LOG", "trace").spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    soon(stdout.read_line(&mut line)).await.unwrap();
    let mut client = connect(line.trim_end()).await;
    for message in [
        json!({"type": "subscribe", "topics": ["private-topic"]}),
        json!({"type": "publish", "topic": "private-topic", "data": "private-data"}),
        json!({"type": "publish", "private-mistake": 1}),
    ] {
        client.send(message.to_string().into()).await.unwrap();
    }
    while let Some(Ok(_)) = soon(client.next()).await {}
    stop(&child, "TERM").await;
    let mut log = String::new();
    let mut stderr = child.stderr.take().unwrap();
    soon(stderr.read_to_string(&mut log)).await.unwrap();
    assert!(log.contains("malformed message"), "{log}");
    assert!(!log.contains("private"), "{log}");
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_says_so() {
    let (_child, address) = start(&[]).await;
    let port = address.rsplit(':').next().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_jupyterlite-webrtc-signaling"));
    let output = soon(command.args(["--port", port]).output()).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains(&format!("cannot listen on 127.0.0.1:{port}")));
}

#[tokio::test]
async fn flags_that_cannot_work_are_refused() {
    for (flags, reason) in [
        (["--site", "/no/such/folder"], "is not a folder"),
        (["--queue-bytes", "65536"], "--queue-bytes must be"),
    ] {
        let output = fails(&flags).await;
        assert_eq!(output.status.code(), Some(1), "{flags:?}");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(message.contains(reason), "{message}");
    }
}

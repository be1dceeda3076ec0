//! What no honest client sends. The sender learns what was wrong; nobody else notices.

mod common;

use common::{Client, TestServer};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, coding::*};

async fn closed_after(server: &TestServer, message: impl Into<Message>) -> u16 {
    let mut client = server.client().await;
    client.send(message).await;
    client.closed().await.0
}

#[tokio::test]
async fn malformed_messages_are_answered_with_1007() {
    let server = TestServer::start(&[]).await;
    let mut witness = server.subscriber("room").await;
    for text in [
        "",
        "not json",
        "null",
        "[1]",
        r#"{"type":"publish"}"#,
        r#"{"type":"subscribe","topics":{"a":1}}"#,
        r#"{"type":"subscribe","topics":[null]}"#,
        &"[".repeat(60_000),
    ] {
        assert_eq!(closed_after(&server, text).await, 1007);
    }
    witness.settled().await;
}

#[tokio::test]
async fn unknown_types_are_ignored() {
    let server = TestServer::start(&[]).await;
    let mut client = server.client().await;
    for message in [json!({}), json!({"type": "dance"}), json!({"type": [1]})] {
        client.send_json(message).await;
    }
    client.settled().await;
}

#[tokio::test]
async fn binary_is_answered_with_1003() {
    let server = TestServer::start(&[]).await;
    let ping = br#"{"type":"ping"}"#.to_vec();
    assert_eq!(closed_after(&server, ping).await, 1003);
}

#[tokio::test]
async fn text_that_is_not_utf8_is_answered_with_1007() {
    let server = TestServer::start(&[]).await;
    let frame = Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true);
    assert_eq!(closed_after(&server, Message::Frame(frame)).await, 1007);
}

#[tokio::test]
async fn bytes_that_are_no_frame_are_answered_with_1002() {
    let server = TestServer::start(&[]).await;
    let mut client = server.client().await;
    // An opcode that does not exist.
    client.socket.get_mut().write_all(&[0x83, 0x80, 0, 0, 0, 0]).await.unwrap();
    assert_eq!(client.closed().await.0, 1002);
}

#[tokio::test]
async fn a_count_from_a_client_is_replaced() {
    let server = TestServer::start(&[]).await;
    let mut client = server.subscriber("room").await;
    client.send_json(json!({"type": "publish", "topic": "room", "clients": 99})).await;
    assert_eq!(client.receive().await["clients"], 1);
}

#[tokio::test]
async fn a_handshake_without_a_key_is_an_http_error() {
    let server = TestServer::start(&[]).await;
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\n\
        Upgrade: websocket\r\n\r\n";
    let answer = server.http(request).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn bytes_that_are_not_http_end_their_own_connection_only() {
    let server = TestServer::start(&[]).await;
    let mut witness = server.client().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&[0x16, 3, 1, 0, 0xff, 13, 10, 13, 10]).await.unwrap();
    let mut answer = Vec::new();
    // An answer or a reset, both are fine.
    let _ = common::soon(stream.read_to_end(&mut answer)).await;
    witness.settled().await;
}

#[tokio::test]
async fn a_client_that_vanishes_in_the_middle_of_a_message_is_harmless() {
    let server = TestServer::start(&["--message-burst", "4000000000"]).await;
    let mut witness = server.subscriber("room").await;
    let mut half: Client = server.subscriber("room").await;
    witness.wait_for_clients("room", 2).await;
    half.socket.get_mut().write_all(&[0x81, 0xfe, 1, 0, 1, 2, 3, 4, 5]).await.unwrap();
    drop(half);
    witness.wait_for_clients("room", 1).await;
}

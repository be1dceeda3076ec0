//! Each limit, met by a client that goes over it. The others must not notice.

mod common;

use common::{Client, TestServer};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

async fn expect_close(client: &mut Client, code: u16, reason: &str) {
    assert_eq!(client.closed().await, (code, reason.to_owned()));
}

#[tokio::test]
async fn message_size() {
    let server = TestServer::start(&["--max-message-bytes", "2000"]).await;
    let mut fits = server.subscriber("room").await;
    fits.publish("room", &"x".repeat(1900)).await;
    fits.receive().await;
    // A frame of which the server reads only the beginning: the reason must arrive all the same.
    let mut large = server.client().await;
    large.publish("room", &"x".repeat(500_000)).await;
    expect_close(&mut large, 1009, "message too large").await;
    fits.settled().await;
}

#[tokio::test]
async fn message_size_in_fragments() {
    use tokio_tungstenite::tungstenite::protocol::frame::{Frame, coding::*};
    let server = TestServer::start(&["--max-message-bytes", "2000"]).await;
    let mut client = server.client().await;
    for opcode in [Data::Text, Data::Continue, Data::Continue] {
        let frame = Frame::message(vec![b'x'; 900], OpCode::Data(opcode), false);
        client.send(Message::Frame(frame)).await;
    }
    expect_close(&mut client, 1009, "message too large").await;
}

#[tokio::test]
async fn number_of_topics() {
    let server = TestServer::start(&["--max-topics", "2"]).await;
    let mut client = server.client().await;
    client.subscribe(&["a", "b"]).await;
    client.subscribe(&["a", "b"]).await;
    client.settled().await;
    client.subscribe(&["c"]).await;
    expect_close(&mut client, 1008, "too many topics").await;
}

#[tokio::test]
async fn length_of_topics() {
    let server = TestServer::start(&["--max-topic-bytes", "64"]).await;
    let mut client = server.subscriber(&"f".repeat(64)).await;
    client.subscribe(&[&"f".repeat(65)]).await;
    expect_close(&mut client, 1008, "topic name too long").await;
}

#[tokio::test]
async fn connections_in_all() {
    let server = TestServer::start(&["--max-connections", "2"]).await;
    let mut first = server.client().await;
    let mut second = server.client().await;
    let mut third = server.client().await;
    expect_close(&mut third, 1013, "the server is full").await;
    // A place is free again once its client has gone.
    first.socket.close(None).await.unwrap();
    first.gone().await;
    wait_for_admission(&server, &[]).await;
    second.settled().await;
}

#[tokio::test]
async fn connections_from_one_address() {
    let server = TestServer::start(&["--max-connections-per-ip", "1"]).await;
    let _first = server.client().await;
    // The header changes nothing: anybody can send it.
    let mut second = from(&server, "192.0.2.1").await;
    expect_close(&mut second, 1013, "too many connections from this address").await;
}

#[tokio::test]
async fn connections_from_one_address_behind_a_proxy() {
    let server = TestServer::start(&["--max-connections-per-ip", "1", "--trust-proxy"]).await;
    let mut first = from(&server, "192.0.2.1").await;
    let mut other = from(&server, "192.0.2.2").await;
    let mut again = from(&server, "203.0.113.9, 192.0.2.1").await;
    expect_close(&mut again, 1013, "too many connections from this address").await;
    first.settled().await;
    other.settled().await;
    drop(first);
    wait_for_admission(&server, &[("x-forwarded-for", "192.0.2.1")]).await;
}

async fn from(server: &TestServer, address: &str) -> Client {
    server.client_with("/", &[("x-forwarded-for", address)]).await
}

async fn wait_for_admission(server: &TestServer, headers: &[(&'static str, &str)]) {
    let admitted = async {
        loop {
            let mut client = server.client_with("/", headers).await;
            // Fails when the server has closed already, which the answer tells better.
            let _ = client.socket.send(Message::text(r#"{"type":"ping"}"#)).await;
            if let Some(Ok(Message::Text(_))) = client.socket.next().await {
                return;
            }
        }
    };
    common::soon(admitted).await;
}

#[tokio::test]
async fn rate_of_messages() {
    let flags = ["--messages-per-second", "1", "--message-burst", "5"];
    let server = TestServer::start(&flags).await;
    let mut calm = server.client().await;
    let mut hasty = server.client().await;
    for _ in 0..50 {
        // The last ones can meet a connection that is closed already.
        let ping = json!({"type": "ping"}).to_string();
        let _ = hasty.socket.send(ping.into()).await;
    }
    expect_close(&mut hasty, 1008, "too many messages").await;
    calm.settled().await;
}

#[tokio::test]
async fn rate_of_control_frames() {
    let flags = ["--messages-per-second", "1", "--message-burst", "5"];
    let server = TestServer::start(&flags).await;
    let mut hasty = server.client().await;
    for _ in 0..50 {
        let _ = hasty.socket.send(Message::Ping(Vec::new().into())).await;
    }
    expect_close(&mut hasty, 1008, "too many messages").await;
}

#[tokio::test]
async fn a_slow_reader_is_dropped_and_holds_up_nobody() {
    let flags = ["--queue-messages", "8", "--message-burst", "4000000000"];
    let server = TestServer::start(&flags).await;
    let mut slow = server.subscriber("room").await;
    let mut a = server.subscriber("room").await;
    // Fills the buffers of the operating system, then the queue, which takes a few megabytes.
    let data = "x".repeat(60_000);
    let mut published = 0;
    let dropped = async {
        loop {
            a.publish("room", &data).await;
            published += 1;
            if a.receive().await["clients"] == 1 {
                return;
            }
        }
    };
    common::soon(dropped).await;
    assert!(published > 8);
    // What had been queued is not sent any more: fewer messages arrive than were published.
    let mut received = 0;
    while let Some(Ok(message)) = common::soon(slow.socket.next()).await {
        received += usize::from(message.is_text());
    }
    assert!(received < published, "{received} of {published}");
}

#[tokio::test]
async fn a_client_that_does_not_read_its_pongs_is_dropped() {
    let flags = ["--queue-messages", "8", "--message-burst", "4000000000"];
    let server = TestServer::start(&flags).await;
    let mut client = server.client().await;
    // Never reads. Ends when the server has closed the connection.
    let flood = async { while client.socket.send(Message::text(r#"{"type":"ping"}"#)).await.is_ok() {} };
    common::soon(flood).await;
}

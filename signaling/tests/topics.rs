//! Subscribing, publishing, and the count by which clients know that they are alone.

mod common;

use common::TestServer;
use serde_json::json;

/// So that publishing in a loop never meets the rate limit.
const FAST: [&str; 2] = ["--message-burst", "4000000000"];

#[tokio::test]
async fn everyone_subscribed_receives_the_sender_too() {
    let server = TestServer::start(&[]).await;
    let mut a = server.subscriber("room").await;
    let mut b = server.subscriber("room").await;
    let mut stranger = server.subscriber("elsewhere").await;
    a.publish("room", "hello").await;
    let expected = json!({"type": "publish", "topic": "room", "data": "hello", "clients": 2});
    assert_eq!(a.receive().await, expected);
    assert_eq!(b.receive().await, expected);
    stranger.settled().await; // would fail if the message had come before the pong
}

#[tokio::test]
async fn who_is_not_subscribed_can_publish_but_hears_nothing() {
    let server = TestServer::start(&[]).await;
    let mut listener = server.subscriber("room").await;
    let mut speaker = server.client().await;
    speaker.publish("room", "hello").await;
    assert_eq!(listener.receive().await["clients"], 1);
    speaker.publish("nobody-there", "hello").await;
    speaker.settled().await;
}

#[tokio::test]
async fn unknown_fields_are_forwarded_as_they_came() {
    let server = TestServer::start(&[]).await;
    let mut a = server.subscriber("room").await;
    let message = r#"{"type":"publish","topic":"room","v":2,"n":1.50,"to":{"b":1,"a":[]}"#;
    a.send(format!("{message}}}")).await;
    let received = common::soon(futures_util::StreamExt::next(&mut a.socket)).await;
    let text = received.unwrap().unwrap().into_text().unwrap();
    assert_eq!(text.as_str(), format!(r#"{message},"clients":1}}"#));
}

#[tokio::test]
async fn unsubscribing_ends_it() {
    let server = TestServer::start(&[]).await;
    let mut a = server.subscriber("room").await;
    let mut b = server.subscriber("room").await;
    b.send_json(json!({"type": "unsubscribe", "topics": ["room"]})).await;
    b.settled().await;
    a.publish("room", "hello").await;
    assert_eq!(a.receive().await["clients"], 1);
    b.settled().await;
}

#[tokio::test]
async fn messages_arrive_in_the_same_order_everywhere() {
    let server = TestServer::start(&FAST).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(server.subscriber("room").await);
    }
    for round in 0..20 {
        for (index, client) in clients.iter_mut().enumerate() {
            client.publish("room", &format!("{round} {index}")).await;
        }
    }
    let mut orders = Vec::new();
    for client in &mut clients {
        let mut order = Vec::new();
        for _ in 0..60 {
            order.push(client.receive().await["data"].to_string());
        }
        orders.push(order);
    }
    assert_eq!(orders[0], orders[1]);
    assert_eq!(orders[0], orders[2]);
}

#[tokio::test]
async fn a_client_that_says_goodbye_is_not_counted() {
    let server = TestServer::start(&FAST).await;
    let mut a = server.subscriber("room").await;
    let mut b = server.subscriber("room").await;
    a.wait_for_clients("room", 2).await;
    b.socket.close(None).await.unwrap();
    a.wait_for_clients("room", 1).await;
    b.gone().await;
}

#[tokio::test]
async fn a_client_that_breaks_off_is_not_counted() {
    let server = TestServer::start(&FAST).await;
    let mut a = server.subscriber("room").await;
    let finished = server.subscriber("room").await;
    let reset = server.subscriber("room").await;
    a.wait_for_clients("room", 3).await;
    // A process that ends sends FIN, or RST when it had unread bytes; neither sends a close frame.
    drop(finished);
    a.wait_for_clients("room", 2).await;
    reset.socket.get_ref().set_zero_linger().unwrap();
    drop(reset);
    a.wait_for_clients("room", 1).await;
}

#[tokio::test]
async fn a_client_that_falls_silent_is_not_counted() {
    let quick = ["--ping-interval", "0.2", "--ping-timeout", "0.2"];
    let server = TestServer::start(&[&FAST[..], &quick].concat()).await;
    let mut a = server.subscriber("room").await;
    // Like a laptop that is closed: the connection stays, nothing answers the pings.
    let mut silent = server.subscriber("room").await;
    a.wait_for_clients("room", 2).await;
    a.wait_for_clients("room", 1).await;
    assert_eq!(silent.closed().await, (1008, "no answer to ping".into()));
}

#[tokio::test]
async fn a_client_that_answers_pings_stays_without_saying_anything() {
    let quick = ["--ping-interval", "0.1", "--ping-timeout", "5"];
    let server = TestServer::start(&quick).await;
    let mut quiet = server.subscriber("room").await;
    for _ in 0..5 {
        let frame = common::soon(futures_util::StreamExt::next(&mut quiet.socket)).await;
        assert!(frame.unwrap().unwrap().is_ping());
    }
    quiet.settled().await;
}

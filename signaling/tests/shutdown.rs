//! How the server ends.

mod common;

use common::TestServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn everyone_is_told_and_nobody_new_comes_in() {
    let server = TestServer::start(&[]).await;
    let mut subscriber = server.subscriber("room").await;
    let mut idle = server.client().await;
    let address = server.address;
    server.stop();
    let reason = (1001, "the server is shutting down".to_owned());
    assert_eq!(subscriber.closed().await, reason);
    assert_eq!(idle.closed().await, reason);
    subscriber.gone().await;
    idle.gone().await;
    server.ended().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn it_waits_for_nobody_forever() {
    let server = TestServer::start(&["--message-burst", "4000000000"]).await;
    // One that never answers the close frame, one that sent half a request, one that is idle
    // after a request, and one that sent nothing.
    let _deaf = server.subscriber("room").await;
    let mut half = TcpStream::connect(server.address).await.unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nHos").await.unwrap();
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    idle.write_all(request).await.unwrap();
    let mut answer = [0; 12];
    common::soon(idle.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let _mute = TcpStream::connect(server.address).await.unwrap();
    server.stop();
    let begin = std::time::Instant::now();
    server.ended().await;
    assert!(begin.elapsed() < std::time::Duration::from_secs(5));
}

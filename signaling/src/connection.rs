//! One client's life, from the finished handshake to the goodbye.
//!
//! Reading and writing run side by side in one task, so that neither waits for the other: a client
//! that does not read can still be heard, and a client that says nothing still receives. Whichever
//! of the two ends first ends the connection, and so do the end of the server and a full queue. The
//! client leaves its topics *before* the closing handshake, which can take a moment: the others
//! should not count on somebody who is going.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::ending::Ending;
use crate::limits::{Bucket, Limits};
use crate::outbox::{Inbox, Outbox, queue};
use crate::protocol::{PONG, Request};
use crate::topics::{Membership, Topics};

type Input = SplitStream<WebSocket>;
type Output = SplitSink<WebSocket, Message>;

/// How long a client may take for its part of the closing handshake.
pub const CLOSING_TIME: Duration = Duration::from_secs(1);

/// Serves one client until its connection has ended.
pub async fn serve(socket: WebSocket, topics: &Arc<Topics>, limits: &Limits, shutdown: &CancellationToken) {
    let (mut output, mut input) = socket.split();
    let (outbox, inbox) = queue(limits);
    let client = Client { membership: topics.join(outbox.clone()), outbox: outbox.clone(), limits };
    let ending = tokio::select! {
        ending = client.read(&mut input) => ending,
        ending = write(&mut output, inbox, limits.ping_interval) => ending,
        () = outbox.evicted() => Ending::TooSlow,
        () = shutdown.cancelled() => Ending::ShuttingDown,
    };
    drop(client);
    debug!("a connection ends: {ending}");
    say_goodbye(output, input, ending).await;
}

/// Turns a client away that was not admitted.
pub async fn refuse(socket: WebSocket, ending: Ending) {
    debug!("a connection is refused: {ending}");
    let (output, input) = socket.split();
    say_goodbye(output, input, ending).await;
}

/// What reading needs.
struct Client<'a> {
    membership: Membership,
    outbox: Outbox,
    limits: &'a Limits,
}

impl Client<'_> {
    async fn read(&self, input: &mut Input) -> Ending {
        let Limits { messages_per_second, message_burst, .. } = *self.limits;
        let mut bucket = Bucket::new(messages_per_second, message_burst, Instant::now());
        loop {
            // Any frame is a sign of life; the answers to the server's pings are frames too.
            let message = match timeout(self.limits.longest_silence(), input.next()).await {
                Err(_) => return Ending::Silent,
                Ok(None) => return Ending::Left,
                Ok(Some(Err(error))) => return unreadable(error),
                Ok(Some(Ok(message))) => message,
            };
            // Pings and pongs of the client cost work as well, so they count.
            if !bucket.take(Instant::now()) {
                return Ending::TooFast;
            }
            if let Err(ending) = self.handle(message) {
                return ending;
            }
        }
    }

    fn handle(&self, message: Message) -> Result<(), Ending> {
        match message {
            Message::Text(text) => self.answer(&text),
            Message::Binary(_) => Err(Ending::Binary),
            Message::Close(_) => Err(Ending::Left),
            // The WebSocket library has answered the ping already.
            Message::Ping(_) | Message::Pong(_) => Ok(()),
        }
    }

    fn answer(&self, text: &str) -> Result<(), Ending> {
        match Request::parse(text).map_err(|_| Ending::Malformed)? {
            Request::Subscribe(topics) => self.membership.subscribe(&topics, self.limits)?,
            Request::Unsubscribe(topics) => self.membership.unsubscribe(&topics),
            Request::Publish(publication) => self.membership.publish(&publication),
            Request::Ping => self.send(PONG)?,
            Request::Unknown => {}
        }
        Ok(())
    }

    fn send(&self, text: Utf8Bytes) -> Result<(), Ending> {
        let place = self.outbox.reserve(text.len()).ok_or(Ending::TooSlow)?;
        place.fill(text);
        Ok(())
    }
}

/// Writes what is in the queue, and a ping from time to time.
async fn write(output: &mut Output, mut inbox: Inbox, ping_interval: Duration) -> Ending {
    let mut pings = interval(ping_interval);
    // After a long write, one ping is enough to find out whether the client is there.
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    loop {
        let written = tokio::select! {
            queued = inbox.next() => match queued {
                Some(queued) => output.send(Message::Text(queued.text.clone())).await,
                None => return Ending::TooSlow,
            },
            _ = pings.tick() => output.send(Message::Ping(Default::default())).await,
        };
        if written.is_err() {
            return Ending::Left;
        }
    }
}

/// Tells from the library's error what the client did wrong.
fn unreadable(error: axum::Error) -> Ending {
    use tungstenite::Error;
    match error.into_inner().downcast_ref::<Error>() {
        Some(Error::Capacity(_)) => Ending::TooLarge,
        Some(Error::Utf8(_)) => Ending::NotUtf8,
        Some(Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)) => {
            Ending::Left
        }
        Some(Error::Protocol(_)) => Ending::BadFrame,
        _ => Ending::Left,
    }
}

/// The closing handshake: a close frame with the reason, then waiting for the client's own.
async fn say_goodbye(mut output: Output, mut input: Input, ending: Ending) {
    let farewell = async {
        if let Some(code) = ending.code() {
            let reason = Utf8Bytes::from(ending.to_string());
            let frame = Message::Close(Some(CloseFrame { code, reason }));
            if output.send(frame).await.is_err() {
                return;
            }
        }
        if ending.can_still_read() {
            while let Some(Ok(_)) = input.next().await {}
        } else {
            // Closing a socket that holds unread bytes resets it, and the reset can overtake the
            // close frame. The rest of a refused frame cannot be read, so leave the client the
            // time to see the reason.
            std::future::pending::<()>().await;
        }
    };
    let _ = timeout(CLOSING_TIME, farewell).await;
}

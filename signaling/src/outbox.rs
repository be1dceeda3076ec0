//! The queue between those who publish and one client that reads.
//!
//! Publishers must never wait for a reader: one person on a slow phone would hold up the room.
//! So each client has a queue. It is bounded twice, in messages and in bytes, because a thousand
//! short messages are harmless and a thousand long ones are not. A client whose queue is full is
//! dropped ([`Outbox::evict`]): missing a message silently would be worse, as clients count on
//! hearing everything while they are connected, and reconnecting brings them up to date.
//!
//! Publishing takes two steps, [`Outbox::reserve`] and [`Place::fill`], because the message tells
//! how many clients receive it, and that is known only once each of them has a place for it.

use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::limits::Limits;

/// The end of the queue where messages are put in.
#[derive(Debug, Clone)]
pub struct Outbox {
    queue: mpsc::Sender<Queued>,
    bytes_left: Arc<Semaphore>,
    evicted: CancellationToken,
}

/// The end of the queue where the client's connection takes them out.
#[derive(Debug)]
pub struct Inbox {
    queue: mpsc::Receiver<Queued>,
}

/// A message in the queue. Its bytes are given back when it is dropped, which should be after it
/// was written.
#[derive(Debug)]
pub struct Queued {
    /// The message.
    pub text: Utf8Bytes,
    _bytes: OwnedSemaphorePermit,
}

/// A place in the queue for one message.
#[derive(Debug)]
pub struct Place<'a> {
    slot: mpsc::Permit<'a, Queued>,
    bytes: OwnedSemaphorePermit,
}

/// Makes the queue of one client.
pub fn queue(limits: &Limits) -> (Outbox, Inbox) {
    let (sender, receiver) = mpsc::channel(limits.queue_messages as usize);
    let outbox = Outbox {
        queue: sender,
        bytes_left: Arc::new(Semaphore::new(limits.queue_bytes as usize)),
        evicted: CancellationToken::new(),
    };
    (outbox, Inbox { queue: receiver })
}

impl Outbox {
    /// A place for a message of at most so many bytes, or `None` when the queue is full or its
    /// client is gone.
    pub fn reserve(&self, max_bytes: usize) -> Option<Place<'_>> {
        let slot = self.queue.try_reserve().ok()?;
        let bytes_left = Arc::clone(&self.bytes_left);
        let amount = u32::try_from(max_bytes).ok()?;
        let bytes = bytes_left.try_acquire_many_owned(amount).ok()?;
        Some(Place { slot, bytes })
    }

    /// Tells the client's connection that it was too slow and has to end.
    pub fn evict(&self) {
        self.evicted.cancel();
    }

    /// Waits until someone calls [`evict`](Self::evict).
    pub async fn evicted(&self) {
        self.evicted.cancelled().await;
    }
}

impl Place<'_> {
    /// Puts the message into the queue.
    pub fn fill(self, text: Utf8Bytes) {
        self.slot.send(Queued { text, _bytes: self.bytes });
    }
}

impl Inbox {
    /// The next message; `None` when nobody can put one in any more.
    pub async fn next(&mut self) -> Option<Queued> {
        self.queue.recv().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use clap::Parser;

    fn small_queue(messages: &str, bytes: &str) -> (Outbox, Inbox) {
        let flags = ["--queue-messages", messages, "--queue-bytes", bytes];
        let arguments = std::iter::once("signaling").chain(flags);
        queue(&Options::parse_from(arguments).limits)
    }

    fn offer(outbox: &Outbox, text: &'static str) -> bool {
        let place = outbox.reserve(text.len());
        let taken = place.is_some();
        if let Some(place) = place {
            place.fill(Utf8Bytes::from_static(text));
        }
        taken
    }

    #[tokio::test]
    async fn is_bounded_in_messages() {
        let (outbox, mut inbox) = small_queue("2", "100");
        assert!(offer(&outbox, "a") && offer(&outbox, "b"));
        assert!(!offer(&outbox, "c"));
        assert_eq!(inbox.next().await.unwrap().text.as_str(), "a");
        assert!(offer(&outbox, "c"));
    }

    #[tokio::test]
    async fn is_bounded_in_bytes_until_a_message_is_written() {
        let (outbox, mut inbox) = small_queue("100", "10");
        assert!(offer(&outbox, "12345678"));
        assert!(!offer(&outbox, "123"));
        let writing = inbox.next().await;
        assert!(!offer(&outbox, "123"), "still in memory while written");
        drop(writing);
        assert!(offer(&outbox, "123"));
    }

    #[test]
    fn a_place_that_is_not_filled_costs_nothing() {
        let (outbox, _inbox) = small_queue("1", "10");
        drop(outbox.reserve(10));
        assert!(outbox.reserve(10).is_some());
    }

    #[test]
    fn a_closed_queue_takes_nothing() {
        let (outbox, inbox) = small_queue("1", "10");
        drop(inbox);
        assert!(!offer(&outbox, "a"));
    }
}

//! What a peer may cost us.
//!
//! Everything from a peer is hostile until checked. Each limit is far above what honest use needs and
//! far below what would hurt the page; who passes one is dropped with a reason (or, for presence, not
//! heard), and the page and its documents live on.

/// Milliseconds since the Unix epoch, never going backwards within a page.
pub type Millis = f64;

/// The largest frame accepted on a data channel, in bytes.
pub const FRAME: usize = 64 * 1024;
/// The largest message put together from frames, in bytes.
pub const MESSAGE: usize = 512 * 1024 * 1024;
/// The same on the fast lane, in bytes.
pub const FAST_MESSAGE: usize = 32 * 1024 * 1024;
/// Messages of one lane that may be under way at once.
pub const PARTIAL_MESSAGES: usize = 4;
/// The longest text taken from a signaling server, in bytes.
pub const SIGNAL: usize = 128 * 1024;
/// The longest session description, in bytes.
pub const DESCRIPTION: usize = 32 * 1024;
/// The longest ICE candidate, in bytes.
pub const CANDIDATE: usize = 2 * 1024;
/// ICE candidates kept for a description that has not arrived.
pub const EARLY_CANDIDATES: usize = 64;
/// Pages known at once, ready or not.
pub const PEERS: usize = 256;
/// Connections begun at once, and in a second in the long run: a class that comes at once, and no more.
pub const CONNECTS: (u32, u32) = (100, 5);
/// The same for signals from all servers.
pub const SIGNALS: (u32, u32) = (8_000, 400);
/// Lines in the room's index.
pub const INDEX_ENTRIES: usize = 10_000;
/// The highest Lamport clock of a line: who claimed more would have the path for ever.
pub const LAMPORT: u32 = 1 << 20;
/// The longest path, content type or format in the index, in bytes.
pub const INDEX_TEXT: usize = 1024;
/// Bytes of updates kept for one document that wait for earlier ones; each counts for some more.
pub const AHEAD_BYTES: usize = 64 * 1024 * 1024;
/// Messages that wait to be sent to a peer: one that asks all the time and reads nothing has more.
pub const QUEUED: usize = 100_000;
/// Finding what a peer lacks of so many bytes of a document costs as much as a small document does.
pub const SYNC_BYTES: usize = 256 * 1024;
/// Clients in one presence update.
pub const PRESENCE_CLIENTS: usize = 64;
/// The longest presence update, in bytes.
pub const PRESENCE: usize = 64 * 1024;
/// Documents for which one peer's presence is kept.
pub const PRESENCE_CHANNELS: usize = 256;

/// A token bucket: `burst` at once, `per_second` in the long run.
#[derive(Clone, Debug)]
pub struct Rate {
    burst: f64,
    per_second: f64,
    tokens: f64,
    at: Millis,
}

impl Rate {
    /// A full bucket.
    pub fn new(burst: u32, per_second: u32, now: Millis) -> Self {
        Self { burst: burst.into(), per_second: per_second.into(), tokens: burst.into(), at: now }
    }

    /// Takes one token; false when there is none.
    pub fn take(&mut self, now: Millis) -> bool {
        self.take_many(1, now)
    }

    /// Takes so many tokens; false when there is none. More than there are is a debt.
    pub fn take_many(&mut self, count: usize, now: Millis) -> bool {
        let elapsed = (now - self.at).max(0.0);
        self.tokens = (self.tokens + elapsed / 1000.0 * self.per_second).min(self.burst);
        self.at = now;
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= count as f64;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_refills() {
        let mut rate = Rate::new(2, 1, 0.0);
        assert!(rate.take(0.0) && rate.take(0.0) && !rate.take(0.0));
        assert!(rate.take(1000.0) && !rate.take(1000.0));
        assert!(rate.take_many(1, 2000.0) && rate.take_many(3, 4000.0));
        assert!(!rate.take(5000.0) && rate.take(6000.0), "a debt is paid first");
        // A clock that jumps back gives nothing.
        assert!(!rate.take(0.0));
        assert!(rate.take(100_000.0) && rate.take(100_000.0) && !rate.take(100_000.0));
    }
}

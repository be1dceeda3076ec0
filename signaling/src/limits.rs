//! What one client may use, and how a rate is measured.
//!
//! A signaling server is open to anybody who knows its address, so everything a client can make
//! grow has an upper bound: the memory of the server is at most (connections) × (queue + one
//! message), whatever the clients do. The defaults fit a school: a class behind one IP address, all
//! opening the notebook in the same minute.
//!
//! The rate of messages is measured by a *token bucket*: it holds up to `burst` tokens and gains
//! `per_second` of them each second; a message takes one. So a client may send many messages at
//! once (joining a room of thirty means a few hundred), but not for long.

use std::time::{Duration, Instant};

use clap::{Args, value_parser};

use crate::protocol::ENVELOPE_BYTES;

/// The limits, each of which is a flag.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// Largest message a client may send, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 65_536)]
    #[arg(value_parser = value_parser!(u32).range(1024..=16_777_216))]
    pub max_message_bytes: u32,

    /// Topics one connection may be subscribed to.
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub max_topics: u32,

    /// Longest topic name, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    pub max_topic_bytes: u32,

    /// Connections in all.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub max_connections: u32,

    /// Connections from one IP address (for IPv6, from one /64 network).
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub max_connections_per_ip: u32,

    /// Messages per second one connection may send on average.
    #[arg(long, value_name = "N", default_value_t = 50)]
    #[arg(value_parser = value_parser!(u32).range(1..))]
    pub messages_per_second: u32,

    /// Messages one connection may send at once after a quiet time.
    #[arg(long, value_name = "N", default_value_t = 500)]
    #[arg(value_parser = value_parser!(u32).range(1..))]
    pub message_burst: u32,

    /// Messages that may wait for a client that reads slowly.
    #[arg(long, value_name = "N", default_value_t = 1024)]
    #[arg(value_parser = value_parser!(u32).range(1..))]
    pub queue_messages: u32,

    /// Bytes that may wait for a client that reads slowly.
    #[arg(long, value_name = "BYTES", default_value_t = 1_048_576)]
    #[arg(value_parser = value_parser!(u32).range(1..=1_073_741_824))]
    pub queue_bytes: u32,

    /// Seconds between the pings the server sends to each client.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub ping_interval: Duration,

    /// Seconds a client has to answer a ping.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub ping_timeout: Duration,
}

impl Limits {
    /// Whether even the largest message allowed fits into a queue; else it would end the
    /// connection of everyone who should receive it.
    pub fn queue_fits_a_message(&self) -> bool {
        self.queue_bytes as usize >= self.max_message_bytes as usize + ENVELOPE_BYTES
    }

    /// How long a client may be silent: a ping is sent within the interval, and then it has the
    /// time to answer.
    pub fn longest_silence(&self) -> Duration {
        self.ping_interval + self.ping_timeout
    }
}

/// Reads a positive number of seconds, such as `30` or `0.5`.
fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    // A millisecond to a day: less would spin, more could overflow when added to a clock.
    if !(0.001..=86_400.0).contains(&number) {
        return Err("must be between 0.001 and 86400 seconds".to_owned());
    }
    Ok(Duration::from_secs_f64(number))
}

/// A token bucket. It has no clock of its own: the caller says what time it is.
#[derive(Debug)]
pub struct Bucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    filled_at: Instant,
}

impl Bucket {
    /// A full bucket.
    pub fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let (per_second, burst) = (f64::from(per_second), f64::from(burst));
        Self { per_second, burst, tokens: burst, filled_at: now }
    }

    /// Takes one token; `false` when there is none.
    pub fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled_at);
        self.tokens = (self.tokens + passed.as_secs_f64() * self.per_second).min(self.burst);
        self.filled_at = now;
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_allows_the_burst_and_then_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 3, start);
        assert!((0..3).all(|_| bucket.take(start)));
        assert!(!bucket.take(start));
        assert!(!bucket.take(start + Duration::from_millis(99)));
        assert!(bucket.take(start + Duration::from_millis(201)));
        assert!(bucket.take(start + Duration::from_millis(201)));
        assert!(!bucket.take(start + Duration::from_millis(201)));
    }

    #[test]
    fn a_bucket_never_holds_more_than_the_burst() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 3, start);
        let later = start + Duration::from_secs(3600);
        assert_eq!((0..10).filter(|_| bucket.take(later)).count(), 3);
    }

    #[test]
    fn a_clock_that_steps_back_is_harmless() {
        let start = Instant::now() + Duration::from_secs(10);
        let mut bucket = Bucket::new(1, 1, start);
        assert!(bucket.take(start - Duration::from_secs(5)));
        assert!(!bucket.take(start - Duration::from_secs(5)));
    }

    #[test]
    fn seconds_are_positive_and_finite() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["", "0", "-1", "NaN", "inf", "1e300", "ten"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}

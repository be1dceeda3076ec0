//! Why a connection ends.
//!
//! WebSocket has a small vocabulary for goodbyes (RFC 6455, section 7.4.1): a number, and a short
//! text for people. A client that is told `1013 reading too slowly` can be repaired; one whose
//! connection just vanishes is a mystery. So every way in which a connection can end has a name
//! here, and a name has one code and one reason.

use axum::extract::ws::{CloseCode, close_code};
use thiserror::Error;

/// The reason for which a connection ended. Its `Display` is the text in the close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Ending {
    /// The client said goodbye, or its connection broke. There is nobody to send a reason to.
    #[error("the client left")]
    Left,
    /// This server is being stopped.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// Nothing was heard from the client for a ping interval and the time to answer.
    #[error("no answer to ping")]
    Silent,
    /// The client's frames break the rules of WebSocket.
    #[error("not a valid WebSocket frame")]
    BadFrame,
    /// A binary frame: this protocol is text.
    #[error("binary messages are not supported")]
    Binary,
    /// A text frame that is not UTF-8.
    #[error("text is not UTF-8")]
    NotUtf8,
    /// A text frame that is not a JSON object, or lacks what its type needs.
    #[error("malformed message")]
    Malformed,
    /// A message above the size limit.
    #[error("message too large")]
    TooLarge,
    /// More messages in a short time than the rate limit allows.
    #[error("too many messages")]
    TooFast,
    /// More topics than one connection may subscribe to.
    #[error("too many topics")]
    TooManyTopics,
    /// The name of a topic is longer than allowed.
    #[error("topic name too long")]
    TopicTooLong,
    /// The client does not read what it subscribed to, and its queue is full.
    #[error("reading too slowly")]
    TooSlow,
    /// The server has all the connections it takes.
    #[error("the server is full")]
    ServerFull,
    /// The client's network address has all the connections one address may have.
    #[error("too many connections from this address")]
    AddressFull,
}

impl Ending {
    /// The WebSocket close code that goes with the reason, or `None` where nobody is listening.
    pub fn code(self) -> Option<CloseCode> {
        match self {
            Self::Left => None,
            Self::ShuttingDown => Some(close_code::AWAY),
            Self::BadFrame => Some(close_code::PROTOCOL),
            Self::Binary => Some(close_code::UNSUPPORTED),
            Self::NotUtf8 | Self::Malformed => Some(close_code::INVALID),
            Self::TooLarge => Some(close_code::SIZE),
            Self::Silent | Self::TooFast | Self::TooManyTopics | Self::TopicTooLong => {
                Some(close_code::POLICY)
            }
            Self::TooSlow | Self::ServerFull | Self::AddressFull => Some(close_code::AGAIN),
        }
    }

    /// Whether the input is still in step, so that the client's own close frame can be awaited.
    /// After a frame that was refused half-read, nothing that follows can be understood.
    pub fn can_still_read(self) -> bool {
        !matches!(self, Self::BadFrame | Self::NotUtf8 | Self::TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_fit_into_a_close_frame() {
        // A control frame carries 125 bytes, two of which are the code.
        for ending in [Ending::AddressFull, Ending::Binary, Ending::TooSlow] {
            assert!(ending.to_string().len() <= 123);
        }
    }

    #[test]
    fn only_a_client_that_left_gets_no_code() {
        assert_eq!(Ending::Left.code(), None);
        assert_eq!(Ending::ShuttingDown.code(), Some(1001));
        assert_eq!(Ending::TooSlow.code(), Some(1013));
    }
}

//! What peers say to each other once both have proved that they belong here.
//!
//! A message is a header in postcard's format, then, for those that carry one, a body of raw bytes up
//! to the end: an update of 40 MB is never copied just to be wrapped. Every message names what it is
//! about (a document, a channel) and where it came from, and is idempotent, so that it may be
//! repeated, and forwarded by others, without harm.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::bytes::Bytes;
use super::ids::{DocumentId, PeerId};
use super::index::Line;
use super::limits;
use super::replica::Fingerprint;

/// A message's fixed part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Header {
    /// Lines of the sender's index. With `confirm`, the receiver says when it has merged them.
    Index {
        lines: Vec<Line>,
        confirm: Option<u32>,
    },
    /// The index message with this number has been merged, and everything that the sender had
    /// claimed before that was sent ahead of this.
    IndexConfirmed {
        number: u32,
    },
    /// Yjs sync step 1, and a subscription: the body is the sender's state vector. The answer is
    /// what it lacks, and from then on every update made on the other side. `held` says that the
    /// sender has the document's content, and can be asked for it. The answer bears the number.
    Sync {
        document: DocumentId,
        held: bool,
        number: u32,
    },
    /// A Yjs update, in the body. `answers` is the number of the `Sync` whose answer ends with it.
    Update {
        document: DocumentId,
        origin: PeerId,
        answers: Option<u32>,
    },
    /// What the sender has of a document it holds, as hashes. Sent now and then after changes, so that
    /// pages that missed one notice.
    Digest {
        document: DocumentId,
        fingerprint: Fingerprint,
    },
    /// The answer of who has no content of this document and so is no source for it; `seeking` if it is
    /// just being sent it.
    Missing {
        document: DocumentId,
        seeking: bool,
        number: u32,
    },
    /// A y-protocols awareness update, in the body, about the room or about one document.
    Presence {
        channel: Option<DocumentId>,
        origin: PeerId,
    },
    /// The sender is leaving.
    Bye,
    /// Are you there? Answered at once, with the same number.
    Ping {
        number: u32,
    },
    Pong {
        number: u32,
    },
    /// A page for which the sender spoke is gone.
    Gone {
        origin: PeerId,
    },
}

impl Header {
    /// The document that this is about.
    pub fn document(&self) -> Option<DocumentId> {
        match self {
            Self::Sync { document, .. }
            | Self::Update { document, .. }
            | Self::Digest { document, .. }
            | Self::Missing { document, .. } => Some(*document),
            Self::Presence { channel, .. } => *channel,
            _ => None,
        }
    }
}

/// A header and its body. The body is shared between the queues of all who get it.
#[derive(Clone, Debug)]
pub struct Message {
    pub header: Header,
    pub body: Bytes,
}

/// Why bytes are no message.
#[derive(Debug, Error, PartialEq)]
pub enum MessageError {
    #[error("a message that cannot be read")]
    Unreadable,
    #[error("an index of more than {} entries", limits::INDEX_ENTRIES)]
    TooManyEntries,
    #[error("a name in the index that is not a path")]
    BadEntry,
}

impl Message {
    /// A message without a body.
    pub fn bare(header: Header) -> Self {
        Self { header, body: Bytes::default() }
    }

    /// The header as it goes over the wire; the body follows it as it is.
    pub fn encode_header(&self) -> Vec<u8> {
        postcard::to_allocvec(&self.header).expect("a header has no value that postcard refuses")
    }

    /// Reads a header and returns it with what follows.
    pub fn decode(bytes: &[u8]) -> Result<(Header, &[u8]), MessageError> {
        let (header, body) =
            postcard::take_from_bytes::<Header>(bytes).map_err(|_| MessageError::Unreadable)?;
        if let Header::Index { lines, .. } = &header {
            if lines.len() > limits::INDEX_ENTRIES {
                return Err(MessageError::TooManyEntries);
            }
            if !lines.iter().all(Line::is_valid) {
                return Err(MessageError::BadEntry);
            }
        }
        Ok((header, body))
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        let header =
            Header::Update { document: DocumentId([1; 32]), origin: PeerId([2; 16]), answers: Some(300) };
        let message = Message { header: header.clone(), body: Bytes::from(&b"update"[..]) };
        let bytes = [&message.encode_header()[..], &message.body[..]].concat();
        assert_eq!(Message::decode(&bytes), Ok((header, &b"update"[..])));
    }

    #[test]
    fn an_entry_that_is_not_a_path_is_refused() {
        let line = Line { path: "../x".into(), resident: None, lamport: 1, since: 0 };
        let header = Header::Index { lines: vec![line], confirm: None };
        assert_eq!(Message::decode(&Message::bare(header).encode_header()), Err(MessageError::BadEntry));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::decode(&bytes);
        }
    }
}

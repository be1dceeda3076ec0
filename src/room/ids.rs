//! The names of things: people's pages, rooms, documents, connections.
//!
//! All of them are fixed-size byte strings or small numbers, so that a name that arrives from outside
//! is either exactly right or refused where it enters, and is cheap to copy, compare and sort.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A page in a room: 16 random bytes, new with every page load.
///
/// The order of two ids decides who is *polite* when both make an offer at once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerId(pub [u8; 16]);

/// A document, named by its genesis: a hash of how its history began. Whoever claims a document chooses
/// it; to the room it is a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DocumentId(pub [u8; 32]);

/// A room: SHA-256 of `prefix-room`, as in jupyterlab-webrtc-docprovider. Signaling sees it as topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId(pub [u8; 32]);

/// One RTCPeerConnection of this page. Never used twice, so what comes late from a connection that
/// was given up is recognised and dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u32);

/// The position of a signaling server in the list the room was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub usize);

impl RoomId {
    /// The id of the room `name` under `prefix`.
    pub fn derive(prefix: &str, name: &str) -> Self {
        Self(Sha256::digest(format!("{prefix}-{name}")).into())
    }

    /// The topic on which the whole room listens.
    pub fn topic(&self) -> String {
        hex(&self.0)
    }

    /// The topic on which only `peer` listens. Descriptions and candidates are meant for one page;
    /// on the room's topic everyone would receive and decrypt them, which in a class of thirty is
    /// thirty times the work.
    pub fn inbox(&self, peer: PeerId) -> String {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(peer.0);
        hex(&hash.finalize())
    }
}

impl DocumentId {
    /// The id of the document whose history begins with `update`.
    pub fn of(update: &[u8]) -> Self {
        Self(Sha256::digest(update).into())
    }

    /// Reads 64 hexadecimal digits; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let high = (pair[0] as char).to_digit(16)?;
            let low = (pair[1] as char).to_digit(16)?;
            *byte = (high * 16 + low) as u8;
        }
        Some(Self(bytes))
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

macro_rules! shown_as_hex {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0[..4]))
            }
        }
    )*};
}

shown_as_hex!(PeerId, DocumentId, RoomId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_id_is_the_one_of_jupyterlab_webrtc_docprovider() {
        // printf 'prefix-room' | sha256sum
        assert_eq!(
            RoomId::derive("prefix", "room").topic(),
            "2050f9735c47e557487bd593690a8bd0fe1aaf06295bc25c5bec4d86009ec25d"
        );
    }

    #[test]
    fn document_ids_are_read_strictly() {
        let id = DocumentId::of(b"x");
        assert_eq!(DocumentId::parse(&id.to_string()), Some(id));
        assert_eq!(DocumentId::parse(""), None);
        assert_eq!(DocumentId::parse(&"g".repeat(64)), None);
        assert_eq!(DocumentId::parse(&"é".repeat(32)), None);
    }
}

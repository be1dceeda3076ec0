//! Presence: who is here, where their cursor is, what they are called.
//!
//! The states themselves are y-protocols' *awareness* and live in the page, which renews and expires
//! them. The room only carries the updates, about the room as a whole or about one document, and
//! remembers two things: our newest, for who comes later, and which awareness clients came from which
//! peer, so that they go when the peer goes and not half a minute later.

use thiserror::Error;

use super::bytes::Bytes;
use super::ids::DocumentId;
use super::json;
use super::limits;
use super::sorted::{SortedMap, SortedSet};

/// What presence is about: the room (`None`) or one of its documents.
pub type Channel = Option<DocumentId>;

/// Why a presence update was refused.
#[derive(Debug, Error, PartialEq)]
pub enum PresenceError {
    #[error("presence that cannot be read")]
    Unreadable,
    #[error("presence of more than {} bytes or {} clients", limits::PRESENCE, limits::PRESENCE_CLIENTS)]
    TooLarge,
}

/// The presence that one peer has told us.
#[derive(Default)]
pub struct PeerPresence {
    channels: SortedMap<Channel, Told>,
}

#[derive(Default)]
struct Told {
    newest: Option<Bytes>,
    clients: SortedSet<u64>,
}

impl PeerPresence {
    /// Whether this peer has spoken for a client.
    pub fn speaks_for(&self, channel: Channel, client: u64) -> bool {
        self.channels.get(&channel).is_some_and(|told| told.clients.contains(&client))
    }

    /// Takes an update that speaks of `clients`. Those beyond the limit on channels are not remembered.
    pub fn take(&mut self, channel: Channel, update: Bytes, clients: Vec<u64>) {
        if self.channels.contains_key(&channel) || self.channels.len() < limits::PRESENCE_CHANNELS {
            let told = self.channels.get_or_default(channel);
            told.newest = Some(update);
            if told.clients.len() < limits::PRESENCE_CLIENTS {
                told.clients.extend(clients);
            }
        }
    }

    /// The newest update about `channel`.
    pub fn newest(&self, channel: Channel) -> Option<Bytes> {
        self.channels.get(&channel)?.newest.clone()
    }

    /// Everything this peer spoke for, by channel.
    pub fn into_clients(self) -> impl Iterator<Item = (Channel, Vec<u64>)> {
        self.channels.into_entries().map(|(channel, told)| (channel, told.clients.into_iter().collect()))
    }
}

/// The clients that an awareness update speaks of. The format (y-protocols, `encodeAwarenessUpdate`):
/// their number, then for each its id, its clock and its state as JSON text with its length in front.
pub fn clients(update: &[u8]) -> Result<Vec<u64>, PresenceError> {
    if update.len() > limits::PRESENCE {
        return Err(PresenceError::TooLarge);
    }
    let mut rest = update;
    let count = number(&mut rest)?;
    if count > limits::PRESENCE_CLIENTS as u64 {
        return Err(PresenceError::TooLarge);
    }
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(number(&mut rest)?);
        number(&mut rest)?;
        let length = number(&mut rest)?;
        let length = usize::try_from(length).map_err(|_| PresenceError::Unreadable)?;
        let (state, after) = rest.split_at_checked(length).ok_or(PresenceError::Unreadable)?;
        let state = std::str::from_utf8(state).map_err(|_| PresenceError::Unreadable)?;
        if !json::is_json(state) {
            return Err(PresenceError::Unreadable);
        }
        rest = after;
    }
    if rest.is_empty() { Ok(clients) } else { Err(PresenceError::Unreadable) }
}

/// An unsigned LEB128 number of at most 53 bits, as lib0 writes it.
fn number(bytes: &mut &[u8]) -> Result<u64, PresenceError> {
    let mut number = 0;
    for shift in (0..53).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(PresenceError::Unreadable)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(PresenceError::Unreadable)
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Client 300 at clock 1 with `{"a":1}`, and client 2, gone.
    const UPDATE: &[u8] = b"\x02\xac\x02\x01\x07{\"a\":1}\x02\x05\x04null";

    #[test]
    fn clients_are_remembered_until_the_peer_goes() {
        let mut presence = PeerPresence::default();
        presence.take(None, UPDATE.into(), clients(UPDATE).unwrap());
        assert!(presence.speaks_for(None, 300) && !presence.speaks_for(None, 3));
        assert_eq!(presence.newest(None).as_deref(), Some(UPDATE));
        assert_eq!(presence.into_clients().collect::<Vec<_>>(), [(None, vec![2, 300])]);
    }

    #[test]
    fn what_is_not_an_awareness_update_is_refused() {
        for i in 1..UPDATE.len() {
            assert!(clients(&UPDATE[..i]).is_err(), "{i}");
        }
        assert_eq!(clients(&[&[0xff; 8][..], &[1]].concat()), Err(PresenceError::Unreadable));
        assert_eq!(clients(&[100]), Err(PresenceError::TooLarge));
        assert_eq!(clients(&vec![0; limits::PRESENCE + 1]), Err(PresenceError::TooLarge));
        assert_eq!(clients(b"\x01\x01\x01\x02{]"), Err(PresenceError::Unreadable));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = clients(&bytes);
        }
    }
}

//! Presence: who is here, where their cursor is, what they are called.
//!
//! The states themselves are y-protocols' *awareness* and live in the page, which renews and expires
//! them. The room only carries the updates, about the room as a whole or about one document, and
//! remembers two things: our newest, for who comes later, and which awareness clients came from which
//! peer, so that they go when the peer goes and not half a minute later.

use thiserror::Error;

use super::bytes::Bytes;
use super::ids::{DocumentId, PeerId};
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
    told: SortedMap<(PeerId, Channel), Told>,
}

#[derive(Default)]
struct Told {
    newest: Option<Bytes>,
    clients: SortedSet<u64>,
}

impl PeerPresence {
    /// Whether this peer has spoken for a client.
    pub fn speaks_for(&self, channel: Channel, client: u64) -> bool {
        let about = self.told.iter().filter(|((_, about), _)| *about == channel);
        about.into_iter().any(|(_, told)| told.clients.contains(&client))
    }

    /// Takes an update of the page `origin` that speaks of `clients`. Those beyond the limit are not
    /// remembered. Returns whether it is the first one.
    pub fn take(&mut self, channel: Channel, origin: PeerId, update: Bytes, clients: Vec<u64>) -> bool {
        let key = (origin, channel);
        let is_first = !self.told.contains_key(&key);
        if is_first && self.told.len() >= limits::PRESENCE_CHANNELS {
            return false;
        }
        let told = self.told.get_or_default(key);
        told.newest = Some(update);
        if told.clients.len() < limits::PRESENCE_CLIENTS {
            told.clients.extend(clients);
        }
        is_first
    }

    /// The newest updates about `channel`, one of each page.
    pub fn newest(&self, channel: Channel) -> impl Iterator<Item = Bytes> {
        let about = self.told.iter().filter(move |((_, about), _)| *about == channel);
        about.filter_map(|(_, told)| told.newest.clone())
    }

    /// The newest updates about everything, and whose they are.
    pub fn all(&self) -> impl Iterator<Item = (Channel, PeerId, Bytes)> {
        let told = self.told.iter();
        told.filter_map(|(&(origin, channel), told)| Some((channel, origin, told.newest.clone()?)))
    }

    /// The pages this peer spoke for.
    pub fn origins(&self) -> impl Iterator<Item = PeerId> {
        self.told.keys().map(|(origin, _)| *origin)
    }

    /// Forgets what was told of a page; returns its clients, by channel.
    pub fn forget(&mut self, origin: PeerId) -> Vec<(Channel, Vec<u64>)> {
        let keys: Vec<_> = self.told.keys().filter(|(whose, _)| *whose == origin).copied().collect();
        let gone = keys.into_iter().filter_map(|key| Some((key.1, self.told.remove(&key)?)));
        gone.map(|(channel, told)| (channel, told.clients.into_iter().collect())).collect()
    }

    /// Everything this peer spoke for, by channel.
    pub fn into_clients(self) -> impl Iterator<Item = (Channel, Vec<u64>)> {
        self.told.into_entries().map(|((_, channel), told)| (channel, told.clients.into_iter().collect()))
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
        let page = PeerId([1; 16]);
        assert!(presence.take(None, page, UPDATE.into(), clients(UPDATE).unwrap()));
        assert!(presence.speaks_for(None, 300) && !presence.speaks_for(None, 3));
        assert_eq!(presence.newest(None).collect::<Vec<_>>(), [UPDATE.into()]);
        assert_eq!(presence.forget(PeerId([2; 16])), []);
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

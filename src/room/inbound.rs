//! What peers say: frames put together, messages read, and handed to where they belong.

use super::bytes::Bytes;
use super::frame::Assembled;
use super::ids::PeerId;
use super::message::{Header, Message};
use super::outbox::Lane;
use super::presence::{self, Channel};
use super::{Action, Room};

impl Room {
    pub(super) fn frame_arrived(&mut self, id: PeerId, lane: Lane, frame: &[u8]) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.heartbeat.heard(now);
        peer.received += frame.len() as u64;
        match peer.assemblers[lane as usize].take(frame) {
            Ok(Assembled::Message(bytes)) => self.message_arrived(id, bytes),
            Ok(Assembled::Partial { received, total }) => self.part_arrived(id, lane, frame, received, total),
            Err(error) => self.refuse(id, &error.to_string()),
        }
    }

    pub(super) fn part_arrived(
        &mut self,
        id: PeerId,
        lane: Lane,
        frame: &[u8],
        received: usize,
        total: usize,
    ) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let start = peer.assemblers[lane as usize].start_of(frame).unwrap_or_default();
        // Only the header is read; the message may well be 40 MB.
        let start = &start[..start.len().min(128)];
        let Ok((Header::Update { document, .. }, _)) = Message::decode(start) else {
            return;
        };
        if self.documents.contains_key(&document) {
            let before = peer.agreement(document).arriving.replace((received, total));
            self.status_changed |= is_progress(before, (received, total));
        }
    }

    pub(super) fn message_arrived(&mut self, id: PeerId, bytes: Vec<u8>) {
        let taken = match Message::decode(&bytes) {
            Ok((header, body)) => {
                let start = bytes.len() - body.len();
                self.take_message(id, header, Bytes::from(bytes).after(start))
            }
            Err(error) => Err(error.to_string()),
        };
        if let Err(reason) = taken {
            self.refuse(id, &reason);
        } else if self.peers.get(&id).is_some_and(|peer| peer.outbox.is_overrun()) {
            self.refuse(id, "it asks and does not read the answers");
        }
    }

    pub(super) fn take_message(&mut self, id: PeerId, header: Header, body: Bytes) -> Result<(), String> {
        match header {
            Header::Index { lines, confirm } => self.index_arrived(id, lines, confirm),
            Header::IndexConfirmed { number } => self.confirmed(id, number),
            Header::Sync { document, held, number } => {
                self.sync_arrived(id, document, held, number, &body)?
            }
            Header::Update { document, origin, answers } => {
                self.update_arrived(id, document, origin, &body, answers)?
            }
            Header::Digest { document, fingerprint } => self.digest_arrived(id, document, fingerprint),
            Header::Missing { document, seeking, number } => {
                self.missing_arrived(id, document, seeking, number)
            }
            Header::Presence { channel, origin } => self.presence_arrived(id, channel, origin, &body)?,
            Header::Ping { number } => self.ping_arrived(id, number),
            Header::Pong { number } => self.pong_arrived(id, number),
            Header::Gone { origin } => self.gone(id, origin),
            Header::Bye => self.drop_peer(id),
        }
        Ok(())
    }

    pub(super) fn presence_arrived(
        &mut self,
        id: PeerId,
        channel: Channel,
        origin: PeerId,
        update: &[u8],
    ) -> Result<(), String> {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(&id) else {
            return Ok(());
        };
        if !peer.is_tab && !peer.presence_rate.take(now) {
            return Ok(());
        }
        let clients = presence::clients(update).map_err(|error| error.to_string())?;
        let is_taken = |client: &u64| {
            let mut others = self.peers.iter().filter(|(other, _)| **other != id);
            others.any(|(_, other)| other.presence.speaks_for(channel, *client))
        };
        if clients.iter().any(is_taken) {
            return Ok(()); // somebody else speaks for that client, and nobody for another
        }
        let update: Bytes = update.into();
        if let Some(peer) = self.peers.get_mut(&id) {
            self.status_changed |= peer.presence.take(channel, origin, update.clone(), clients);
        }
        let message = Message { header: Header::Presence { channel, origin }, body: update.clone() };
        self.across(id).for_each(|(_, peer)| peer.outbox.push(&message));
        let shown =
            channel.is_none_or(|id| self.documents.get(&id).is_some_and(|document| document.attached));
        if shown {
            self.act(Action::Presence { channel, update });
        }
        Ok(())
    }
}

/// A hundredth is news for a person. A frame, of which there are thousands, is not.
fn is_progress(before: Option<(usize, usize)>, now: (usize, usize)) -> bool {
    let hundredth = |(received, total): (usize, usize)| received / total.div_ceil(100).max(1);
    before.map(hundredth) != Some(hundredth(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_thousands_of_frames_a_hundred_are_news() {
        let total = 40_000_000;
        let told = |step: usize| {
            let received = (step..total).step_by(step).map(|received| (received, total));
            let before = std::iter::once(None).chain(received.clone().map(Some));
            before.zip(received).filter(|(before, now)| is_progress(*before, *now)).count()
        };
        assert_eq!(told(16 * 1024), 100);
        assert_eq!(told(4_000_000), 9, "what comes in few pieces is told piece by piece");
        assert!(is_progress(None, (0, 0)) && !is_progress(Some((0, 0)), (0, 0)));
    }
}

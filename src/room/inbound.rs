//! What peers say: frames put together, messages read, and handed to where they belong.

use super::frame::Assembled;
use super::ids::PeerId;
use super::message::{Header, Message};
use super::outbox::Lane;
use super::presence::Channel;
use super::{Action, Room};
use std::rc::Rc;

impl Room {
    pub(super) fn frame_arrived(&mut self, id: PeerId, lane: Lane, frame: &[u8]) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.heard = now;
        match peer.assemblers[lane as usize].take(frame) {
            Ok(Assembled::Message(bytes)) => self.message_arrived(id, &bytes),
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
            peer.agreement(document).arriving = Some((received, total));
            self.status_changed = true;
        }
    }

    pub(super) fn message_arrived(&mut self, id: PeerId, bytes: &[u8]) {
        let taken = match Message::decode(bytes) {
            Ok((header, body)) => self.take_message(id, header, body),
            Err(error) => Err(error.to_string()),
        };
        if let Err(reason) = taken {
            self.refuse(id, &reason);
        }
    }

    pub(super) fn take_message(&mut self, id: PeerId, header: Header, body: &[u8]) -> Result<(), String> {
        match header {
            Header::Index { lines, confirm } => self.index_arrived(id, lines, confirm),
            Header::IndexConfirmed { number } => self.confirmed(id, number),
            Header::Sync { document, held } => self.sync_arrived(id, document, held, body)?,
            Header::Update { document, answers, .. } => self.update_arrived(id, document, body, answers)?,
            Header::Digest { document, deletions } => self.digest_arrived(id, document, deletions, body)?,
            Header::Missing { document, seeking } => self.missing_arrived(id, document, seeking),
            Header::Presence { channel, .. } => self.presence_arrived(id, channel, body)?,
            Header::Bye => self.drop_peer(id),
        }
        Ok(())
    }

    pub(super) fn presence_arrived(
        &mut self,
        id: PeerId,
        channel: Channel,
        update: &[u8],
    ) -> Result<(), String> {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(&id) else {
            return Ok(());
        };
        if !peer.presence_rate.take(now) {
            return Ok(());
        }
        let update: Rc<[u8]> = update.into();
        peer.presence.take(channel, update.clone()).map_err(|error| error.to_string())?;
        let shown =
            channel.is_none_or(|id| self.documents.get(&id).is_some_and(|document| document.attached));
        if shown {
            self.act(Action::Presence { channel, update });
        }
        Ok(())
    }
}

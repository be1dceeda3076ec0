//! Synchronising documents with peers: Yjs's sync protocol, with a subscription.
//!
//! A `Sync` message is Yjs's sync step 1, which carries the state vector, and asks to be told of what
//! comes after. The answer is what the asker lacks. Both sides ask, so both are told.
//!
//! The answer bears the question's number: what was lacking depends on what there was when it was asked,
//! and the document may have been forgotten since, and named again.

use super::Room;
use super::bytes::Bytes;
use super::ids::{DocumentId, PeerId};
use super::limits::{self, Millis};
use super::message::{Header, Message};
use super::peer::Peer;
use super::replica::ReplicaError;

/// A peer that is being sent a document is asked for it again after this.
const RETRY: Millis = 5_000.0;

impl Room {
    /// Asks a peer for what we lack of a document, and to be told of every update from then on.
    pub(super) fn ask(&mut self, id: PeerId, document_id: DocumentId) {
        let Some(document) = self.documents.get(&document_id) else {
            return;
        };
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_ready()) else {
            return;
        };
        let agreement = peer.agreement(document_id);
        if agreement.asked.is_none() {
            self.questions = self.questions.wrapping_add(1);
            let number = self.questions;
            agreement.asked = Some(number);
            let header = Header::Sync { document: document_id, held: document.held, number };
            peer.outbox.push(&Message { header, body: document.replica.state_vector().into() });
        }
    }

    /// Brings a new peer and every document that is here together.
    pub(super) fn sync_all_with(&mut self, id: PeerId) {
        let held = self.documents.iter().filter(|(_, document)| document.held).map(|(id, _)| *id);
        for document in held.collect::<Vec<_>>() {
            self.ask(id, document);
        }
        self.seek = true;
    }

    pub(super) fn sync_with_all(&mut self, document: DocumentId) {
        let peers: Vec<_> = self.ready_peers().map(|(id, _)| id).collect();
        peers.into_iter().for_each(|id| self.ask(id, document));
    }

    pub(super) fn sync_arrived(
        &mut self,
        id: PeerId,
        document_id: DocumentId,
        held: bool,
        number: u32,
        state_vector: &[u8],
    ) -> Result<(), String> {
        let now = self.now;
        let origin = self.me;
        let arrives =
            |peer: &Peer| peer.documents.get(&document_id).is_some_and(|agreed| agreed.arriving.is_some());
        let is_arriving = self.peers.values().any(arrives) || self.will_relay(id, document_id);
        if held {
            self.relay_unnamed(id, document_id);
        }
        if held && self.is_tab(id) {
            self.keep_unnamed(document_id); // it may have it from the store
        }
        let is_known = self.documents.contains_key(&document_id);
        let Some(peer) = self.peers.get_mut(&id) else { return Ok(()) };
        if is_known {
            peer.agreement(document_id).missing = !held;
            self.seek |= held;
        }
        let document = self.documents.get(&document_id).filter(|document| document.held);
        let Some(document) = document else {
            let seeking = is_arriving;
            peer.outbox.push(&Message::bare(Header::Missing { document: document_id, seeking, number }));
            return Ok(());
        };
        // Only what costs something is counted: a room may have ten thousand documents.
        let cost = 1 + document.replica.bytes_compared(state_vector) / limits::SYNC_BYTES;
        if !peer.is_tab && !peer.sync_rate.take_many(cost, now) {
            return Err("it asks for documents more often than can be answered".into());
        }
        let mut updates = document.replica.missing_from(state_vector).map_err(|error| error.to_string())?;
        if updates.is_empty() {
            updates.push(yrs::Update::EMPTY_V1.into());
        }
        let last = updates.len() - 1;
        let answer = updates.into_iter().enumerate().map(|(i, body)| {
            let header =
                Header::Update { document: document_id, origin, answers: (i == last).then_some(number) };
            Message { header, body }
        });
        peer.outbox.push_in_order(&answer.collect::<Vec<_>>());
        peer.agreement(document_id).subscribed = true;
        // It has the document, but did not when we asked, or has something new.
        let lacks = document.replica.lacks(state_vector).map_err(|error| error.to_string())?;
        let agreement = peer.agreement(document_id);
        if lacks || (held && !agreement.following) {
            self.ask(id, document_id);
        }
        Ok(())
    }

    pub(super) fn update_arrived(
        &mut self,
        id: PeerId,
        document: DocumentId,
        origin: PeerId,
        update: &Bytes,
        answers: Option<u32>,
    ) -> Result<(), String> {
        if !self.documents.contains_key(&document) {
            // Of a document that has been replaced at its path, or was never named.
            return Ok(());
        }
        let Some(peer) = self.peers.get_mut(&id) else { return Ok(()) };
        let agreement = peer.agreement(document);
        agreement.arriving = None;
        let answered = answers.is_some() && answers == agreement.asked;
        if answers.is_some() {
            agreement.missing = false;
            self.seek = true; // the answer may be to what was asked before the document was forgotten
        }
        if answered {
            agreement.asked = None;
            agreement.following = true;
        }
        self.status_changed = true;
        match self.integrate(document, update, false) {
            Ok(news) => self.relay(id, origin, document, &news),
            // It was not kept, so it is asked for again, after what it waits for.
            Err(ReplicaError::TooFarAhead) => {
                self.sync_with_all(document);
                return Ok(());
            }
            Err(error) => return Err(error.to_string()),
        }
        let held = self.documents.get(&document).is_some_and(|document| document.held);
        if answered && !held {
            self.held(document);
            self.sync_with_all(document);
        }
        Ok(())
    }

    pub(super) fn missing_arrived(
        &mut self,
        id: PeerId,
        document_id: DocumentId,
        seeking: bool,
        number: u32,
    ) {
        if !self.documents.contains_key(&document_id) {
            return;
        }
        let retry_at = seeking.then_some(self.now + RETRY);
        let agreement = self.peers.get_mut(&id).map(|peer| peer.agreement(document_id));
        let Some(agreement) = agreement.filter(|agreement| agreement.asked == Some(number)) else { return };
        agreement.missing = true;
        agreement.retry_at = retry_at;
        agreement.asked = None;
        self.forget_source(document_id, id);
    }
}

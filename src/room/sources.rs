//! Where a document that is not here may be had.
//!
//! It is asked of one peer at a time: it may be 40 MB, and a class is thirty people. A source that
//! falls silent is given up for another; when all have said that they don't have it, nobody has.

use super::ids::{DocumentId, PeerId};
use super::limits::Millis;
use super::peer::{Agreement, Peer};
use super::{Action, Room};

/// A source that sends nothing for this long is given up for another.
pub const SOURCE_PATIENCE: Millis = 15_000.0;

impl Room {
    /// Finds a source for every document that is not here and has none.
    pub(super) fn seek_documents(&mut self) {
        if !std::mem::take(&mut self.seek) {
            return;
        }
        let sought =
            self.documents.iter().filter(|(_, document)| !document.held && document.source.is_none());
        for document in sought.map(|(id, _)| *id).collect::<Vec<_>>() {
            match self.source_for(document) {
                Some(source) => self.seek_from(source, document),
                None => self.maybe_unavailable(document),
            }
        }
    }

    /// A peer that may have the document. Pages choose differently, so that not all of a class ask the
    /// same one.
    pub(super) fn source_for(&self, document: DocumentId) -> Option<PeerId> {
        let distance = |peer: &PeerId| -> [u8; 16] { std::array::from_fn(|i| peer.0[i] ^ self.me.0[i]) };
        let may_have = |peer: &Peer| {
            peer.is_ready() && !peer.documents.get(&document).is_some_and(|agreed| agreed.missing)
        };
        self.peers.iter().filter(|(_, peer)| may_have(peer)).map(|(id, _)| *id).min_by_key(distance)
    }

    pub(super) fn seek_from(&mut self, source: PeerId, id: DocumentId) {
        let now = self.now;
        if let Some(document) = self.documents.get_mut(&id) {
            document.source = Some((source, now));
            document.unavailable = false;
        }
        self.ask(source, id);
    }

    /// Nobody has it when all have said so and nobody else is to be expected.
    pub(super) fn maybe_unavailable(&mut self, id: DocumentId) {
        let now = self.now;
        // One to which no connection comes about is not waited for, and neither is it counted.
        let counts = |peer: &PeerId, state: &Peer| {
            !state.informed && !self.failures.contains_key(peer) && state.since + SOURCE_PATIENCE > now
        };
        let somebody_comes = self.peers.iter().any(|(peer, state)| counts(peer, state));
        let is_sent_it =
            |peer: &Peer| peer.documents.get(&id).is_some_and(|agreed| agreed.retry_at.is_some());
        let somebody_gets_it = self.peers.values().any(is_sent_it);
        let is_expected = self.expected_until > now || self.role.seeks();
        let nobody = self.settlement.is_some() && !somebody_comes && !somebody_gets_it && !is_expected;
        let Some(document) = self.documents.get_mut(&id) else { return };
        if nobody && !std::mem::replace(&mut document.unavailable, true) {
            self.act(Action::Unavailable(id));
        }
    }

    /// Forgets that peers had nothing which were being sent it a while ago.
    pub(super) fn retry_sources(&mut self) {
        let now = self.now;
        for agreement in self.peers.values_mut().flat_map(|peer| peer.documents.values_mut()) {
            if agreement.retry_at.take_if(|at| *at <= now).is_some() {
                agreement.missing = false;
                self.seek = true;
            }
        }
    }

    pub(super) fn retry_wake_at(&self) -> Millis {
        let agreements = self.peers.values().flat_map(|peer| peer.documents.values());
        agreements.filter_map(|agreement| agreement.retry_at).fold(Millis::INFINITY, Millis::min)
    }

    pub(super) fn forget_source(&mut self, id: DocumentId, source: PeerId) {
        let document = self.documents.get_mut(&id);
        if let Some(document) =
            document.filter(|document| document.source.is_some_and(|(peer, _)| peer == source))
        {
            document.source = None;
        }
        self.seek = true;
    }

    pub(super) fn give_up_source(&mut self, id: DocumentId) {
        let Some((source, heard)) = self.documents.get(&id).and_then(|document| document.source) else {
            return;
        };
        // A source is patient work: it may be sending something else first.
        let heard = self.peers.get(&source).map_or(heard, |peer| peer.heartbeat.heard.max(heard));
        if heard + SOURCE_PATIENCE > self.now {
            return;
        }
        // Not for good: it is asked again when it says that it has the document.
        if let Some(peer) = self.peers.get_mut(&source) {
            *peer.agreement(id) = Agreement { missing: true, ..Agreement::default() };
        }
        self.forget_source(id, source);
    }

    pub(super) fn peer_dropped(&mut self, id: PeerId) {
        self.claims.forget(id);
        self.finish_claims();
        for document in self.documents.keys().copied().collect::<Vec<_>>() {
            self.forget_source(document, id);
        }
    }
}

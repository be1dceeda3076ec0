//! Digests: how pages notice that they have missed something.
//!
//! Each page sends what it made to everybody it is connected to. Who was not connected to the author
//! at that moment, and meets only others later, would never learn of it. So after changes pages tell
//! each other what they have: the state vector, and a hash of what is deleted. Who sees that it lacks
//! something waits a little, for it may be on its way, and then asks.

use super::Room;
use super::ids::{DocumentId, PeerId};
use super::limits::Millis;
use super::message::{Header, Message};
use super::peer::Doubt;
use super::replica::ReplicaError;

/// After a change pages tell each other what they have, this often.
const DIGEST_EVERY: Millis = 10_000.0;
/// What a digest shows to be missing is waited for this long: it may just be on its way.
const DOUBT: Millis = 2_000.0;

impl Room {
    /// Tells everybody what we have of what has changed.
    pub(super) fn tell_digests(&mut self) {
        if self.digest_at > self.now {
            return;
        }
        self.digest_at = self.now + DIGEST_EVERY;
        let mut digests = Vec::new();
        for (id, document) in
            self.documents.iter_mut().filter(|(_, document)| document.held && document.changed)
        {
            document.changed = false;
            let header = Header::Digest { document: *id, deletions: document.replica.deletions() };
            digests.push(Message { header, body: document.replica.state_vector().into() });
        }
        digests.iter().for_each(|digest| self.tell_everybody(digest));
    }

    /// Asks those who still seem to have something that we lack.
    pub(super) fn settle_doubts(&mut self) {
        let now = self.now;
        let mut due = Vec::new();
        for (id, peer) in self.peers.iter_mut() {
            for (document, agreement) in peer.documents.iter_mut() {
                let doubt = agreement.doubted.take_if(|doubt| doubt.until <= now);
                due.extend(doubt.map(|doubt| (*id, *document, doubt)));
            }
        }
        for (id, document, doubt) in due {
            // It was read when it came.
            if self.doubts(document, &doubt).unwrap_or(false) {
                self.ask(id, document);
            }
        }
    }

    pub(super) fn doubts_wake_at(&self) -> Millis {
        let agreements = self.peers.values().flat_map(|peer| peer.documents.values());
        let moments = agreements.filter_map(|agreement| agreement.doubted.as_ref().map(|doubt| doubt.until));
        moments.fold(Millis::INFINITY, Millis::min)
    }

    pub(super) fn digest_arrived(
        &mut self,
        id: PeerId,
        document: DocumentId,
        deletions: u64,
        state_vector: &[u8],
    ) -> Result<(), String> {
        if !self.documents.contains_key(&document) {
            return Ok(());
        }
        let until = self.now + DOUBT;
        let doubt = Doubt { state_vector: state_vector.to_owned(), deletions, until };
        let doubted = self.doubts(document, &doubt).map_err(|error| error.to_string())?;
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.agreement(document).doubted = doubted.then_some(doubt);
        }
        Ok(())
    }

    /// Whether somebody who has this may have something that we lack.
    pub(super) fn doubts(&self, document: DocumentId, theirs: &Doubt) -> Result<bool, ReplicaError> {
        let Some(document) = self.documents.get(&document).filter(|document| document.held) else {
            return Ok(false);
        };
        Ok(document.replica.lacks(&theirs.state_vector)? || document.replica.deletions() != theirs.deletions)
    }
}

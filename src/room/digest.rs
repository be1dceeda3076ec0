//! Digests: how pages notice that they have missed something.
//!
//! Each page sends what it made to everybody it is connected to. Who was not connected to the author
//! at that moment, and meets only others later, would never learn of it. So after changes pages tell
//! each other what they have, as hashes: a state vector has a line for every page load that ever wrote,
//! which is kilobytes after some months.
//!
//! A hash that is another does not say who lacks something, so whoever sees one asks, and who is asked
//! by somebody with more asks back. But while people type hashes differ all the time, for what is on
//! its way. So one that differs is waited for a little; and when what is here has changed meanwhile it
//! has become old, and another one will come. Two who never agree, whatever they send each other, ask
//! ever more rarely.

use super::Room;
use super::ids::{DocumentId, PeerId};
use super::limits::Millis;
use super::message::{Header, Message};
use super::replica::Fingerprint;

/// After a change pages tell each other what they have, this often.
const DIGEST_EVERY: Millis = 10_000.0;
/// What a digest shows to be different is waited for this long: it may just be on its way.
const DOUBT: Millis = 2_000.0;
/// Where somebody types all the time no digest is ever seen to be true: then one is asked for after this.
const RESTLESS: Millis = 60_000.0;
/// The wait is doubled so many times, with each question after which there is no agreement.
const DOUBLINGS: u32 = 8;

/// A peer that has not the same of a document as we have.
pub struct Doubt {
    theirs: Fingerprint,
    /// What was here when it said so.
    ours: Fingerprint,
    /// Since when there has been no agreement, or when it was asked last.
    since: Millis,
    /// When to look again, if it has said something new.
    until: Option<Millis>,
    /// How often it was asked, and until when it is not asked again.
    asked: u32,
    not_before: Millis,
}

impl Doubt {
    fn new(theirs: Fingerprint, ours: Fingerprint, now: Millis) -> Self {
        Self { theirs, ours, since: now, until: None, asked: 0, not_before: now }
    }

    fn renew(&mut self, theirs: Fingerprint, ours: Fingerprint, now: Millis) {
        self.theirs = theirs;
        self.ours = ours;
        self.until = Some(self.not_before.max(now + DOUBT));
    }

    /// Whether it is not known yet if they have more.
    pub fn is_open(&self) -> bool {
        self.until.is_some()
    }

    /// Whether it is to be asked, with this here now.
    fn asks(&mut self, ours: Fingerprint, now: Millis) -> bool {
        self.until = None;
        let is_old = ours != self.ours && now < self.since + RESTLESS;
        let asks = ours != self.theirs && !is_old;
        if asks {
            self.asked = (self.asked + 1).min(DOUBLINGS);
            self.since = now;
            self.not_before = now + DOUBT * f64::from(1 << self.asked);
        }
        asks
    }
}

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
            let fingerprint = document.replica.fingerprint();
            digests.push(Message::bare(Header::Digest { document: *id, fingerprint }));
        }
        digests.iter().for_each(|digest| self.tell_everybody(digest));
    }

    /// Asks those who still seem to have something else than we have.
    pub(super) fn settle_doubts(&mut self) {
        let now = self.now;
        let mut due = Vec::new();
        for (id, peer) in self.peers.iter_mut() {
            for (document, agreement) in peer.documents.iter_mut() {
                let doubt = agreement.doubted.as_mut();
                let Some(doubt) = doubt.filter(|doubt| doubt.until.is_some_and(|until| until <= now)) else {
                    continue;
                };
                let held = self.documents.get(document).filter(|document| document.held);
                if held.is_some_and(|held| doubt.asks(held.replica.fingerprint(), now)) {
                    due.push((*id, *document));
                }
            }
        }
        due.into_iter().for_each(|(id, document)| self.ask(id, document));
    }

    pub(super) fn doubts_wake_at(&self) -> Millis {
        let agreements = self.peers.values().flat_map(|peer| peer.documents.values());
        let moments = agreements.filter_map(|agreement| agreement.doubted.as_ref()?.until);
        moments.fold(Millis::INFINITY, Millis::min)
    }

    pub(super) fn digest_arrived(&mut self, id: PeerId, document_id: DocumentId, theirs: Fingerprint) {
        let now = self.now;
        let Some(document) = self.documents.get(&document_id).filter(|document| document.held) else {
            return;
        };
        let ours = document.replica.fingerprint();
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let doubted = &mut peer.agreement(document_id).doubted;
        // What it said before has come: that is settled.
        doubted.take_if(|doubt| ours == theirs || ours == doubt.theirs);
        if ours != theirs {
            doubted.get_or_insert_with(|| Doubt::new(theirs, ours, now)).renew(theirs, ours, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn state(number: u64) -> Fingerprint {
        Fingerprint { state: number, deletions: 0 }
    }

    #[test]
    fn what_is_on_its_way_is_not_asked_for() {
        let mut doubt = Doubt::new(state(2), state(1), 0.0);
        doubt.renew(state(2), state(1), 0.0);
        assert_eq!(doubt.until, Some(DOUBT));
        assert!(!doubt.asks(state(2), DOUBT), "it has come");
        assert!(!doubt.asks(state(3), DOUBT), "another digest will tell");
        assert!(doubt.asks(state(1), DOUBT), "nothing has come");
        assert_eq!(doubt.until, None, "and not again for the same digest");
    }

    #[test]
    fn who_types_all_the_time_asks_now_and_then() {
        let mut doubt = Doubt::new(state(0), state(1), 0.0);
        let asked = |n: u64| {
            let now = n as f64 * DIGEST_EVERY;
            doubt.renew(state(100 + n), state(2 * n), now);
            doubt.asks(state(2 * n + 1), now + DOUBT)
        };
        assert_eq!((0..30).map(asked).filter(|asked| *asked).count(), 4);
    }

    #[test]
    fn who_never_agree_ask_ever_more_rarely() {
        let mut doubt = Doubt::new(state(2), state(1), 0.0);
        let mut asked = Vec::new();
        for n in 0..1_000 {
            let now = f64::from(n) * DIGEST_EVERY;
            doubt.renew(state(2), state(1), now);
            if doubt.until.is_some_and(|until| until <= now + DOUBT) && doubt.asks(state(1), now + DOUBT) {
                asked.push(n);
            }
        }
        assert_eq!(asked[..2], [0, 1]);
        assert!(asked.len() < 30, "{asked:?}");
    }
}

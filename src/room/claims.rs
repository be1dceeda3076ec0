//! Claims: how a document gets its line in the room's index.
//!
//! A claim is told to everybody who is here, and counts as confirmed when all of them have merged it.
//! Whoever claimed the same path before that had told so by then, so the entry that stands is known.

use super::ids::PeerId;
use super::index::{Change, Entry};
use super::limits::Millis;
use super::message::{Header, Message};
use super::sorted::{SortedMap, SortedSet};
use super::{Action, Claim, Room};

/// Claims that not everybody has confirmed.
#[derive(Default)]
pub struct Claims {
    open: SortedMap<u32, OpenClaim>,
}

struct OpenClaim {
    since: Millis,
    entry: Entry,
    unconfirmed: SortedSet<PeerId>,
}

/// A peer that has not confirmed a claim after this is not waited for.
const CONFIRM_WITHIN: Millis = 10_000.0;

impl Claims {
    /// When the oldest claim is no longer waited for.
    pub fn wake_at(&self) -> Millis {
        self.open.values().map(|claim| claim.since + CONFIRM_WITHIN).fold(Millis::INFINITY, Millis::min)
    }

    /// Nobody waits for a peer that is gone.
    pub fn forget(&mut self, peer: PeerId) {
        for claim in self.open.values_mut() {
            claim.unconfirmed.remove(&peer);
        }
    }
}

impl Room {
    pub(super) fn claim(&mut self, number: u32, claim: Claim) {
        let standing = self.index.get(&claim.path).cloned();
        let taken = standing.as_ref().filter(|entry| entry.document != claim.document && !claim.replace);
        if let Some(entry) = taken {
            return self.act(Action::Claimed { number, entry: entry.clone() });
        }
        let mut entry =
            Entry::claim(&claim.path, claim.document, &claim.content_type, &claim.format, self.now);
        if let Some(standing) = standing {
            entry.lamport = standing.lamport.saturating_add(u32::from(standing.document != claim.document));
            entry.since = if standing.document == claim.document { standing.since } else { entry.since };
        }
        if !entry.is_valid() {
            // Peers would not take it. The page goes on by itself.
            return self.act(Action::Claimed { number, entry });
        }
        self.hold(claim.document, claim.update.into());
        self.merge_entries(vec![entry.clone()], None);
        let message = Message::bare(Header::Index { entries: vec![entry.clone()], confirm: Some(number) });
        self.tell_everybody(&message);
        self.sync_with_all(claim.document);
        let unconfirmed = self.ready_peers().map(|(id, _)| id).collect();
        self.claims.open.insert(number, OpenClaim { since: self.now, entry, unconfirmed });
        self.finish_claims();
    }

    pub(super) fn index_arrived(&mut self, id: PeerId, entries: Vec<Entry>, confirm: Option<u32>) {
        self.merge_entries(entries, Some(id));
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.informed = true;
        self.seek = true;
        if let Some(number) = confirm {
            peer.outbox.push(&Message::bare(Header::IndexConfirmed { number }));
        }
    }

    /// Merges lines and passes on those that are news: not everybody may be connected to everybody.
    pub(super) fn merge_entries(&mut self, entries: Vec<Entry>, from: Option<PeerId>) {
        let changes: Vec<Change> = entries.into_iter().filter_map(|entry| self.index.merge(entry)).collect();
        if changes.is_empty() {
            return;
        }
        if from.is_some() {
            let entries = changes.iter().map(|change| change.entry.clone()).collect();
            let message = Message::bare(Header::Index { entries, confirm: None });
            let others = self.ready_peers().filter(|(id, _)| Some(*id) != from);
            others.for_each(|(_, peer)| peer.outbox.push(&message));
        }
        self.seek = true;
        for change in changes {
            self.documents.get_or_default(change.entry.document);
            if let Some(previous) = &change.previous {
                self.forget_if_unnamed(previous.document);
            }
            self.act(Action::Index(change));
        }
    }

    pub(super) fn confirmed(&mut self, id: PeerId, number: u32) {
        if let Some(claim) = self.claims.open.get_mut(&number) {
            claim.unconfirmed.remove(&id);
        }
        self.finish_claims();
    }

    pub(super) fn finish_claims(&mut self) {
        let now = self.now;
        let done = |claim: &OpenClaim| claim.unconfirmed.is_empty() || claim.since + CONFIRM_WITHIN <= now;
        let numbers: Vec<_> =
            self.claims.open.iter().filter(|(_, claim)| done(claim)).map(|(number, _)| *number).collect();
        for number in numbers {
            let Some(claim) = self.claims.open.remove(&number) else {
                continue;
            };
            let entry = self.index.get(&claim.entry.path).cloned().unwrap_or(claim.entry);
            self.act(Action::Claimed { number, entry });
        }
    }
}

//! Claims: how a document gets its line in the room's index.
//!
//! A claim is told to everybody who is here, and counts as confirmed when all of them have merged it.
//! Whoever claimed the same path before that had told so by then, so the entry that stands is known.
//!
//! A page that relays between tabs and others confirms a claim when those have confirmed it to whom it
//! passed it on.

use super::ids::PeerId;
use super::index::{Entry, Line};
use super::limits::Millis;
use super::message::{Header, Message};
use super::sorted::{SortedMap, SortedSet};
use super::{Action, Claim, Room};

/// Claims that not everybody has confirmed.
#[derive(Default)]
pub struct Claims {
    open: SortedMap<u32, OpenClaim>,
    numbered: u32,
}

struct OpenClaim {
    since: Millis,
    asker: Asker,
    unconfirmed: SortedSet<PeerId>,
}

/// Who waits for the confirmation, with their number for it.
enum Asker {
    Page(u32, Entry),
    Peer(u32, PeerId),
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

    fn number(&mut self) -> u32 {
        self.numbered = self.numbered.wrapping_add(1);
        self.numbered
    }
}

impl Room {
    pub(super) fn claim(&mut self, number: u32, claim: Claim) {
        let Claim { path, document, content_type, format, update, replace } = claim;
        let entry = Entry { path, document, content_type, format };
        // Something lives there, or it lives elsewhere (it was moved there under our feet).
        let standing =
            self.index.get(&entry.path).filter(|standing| standing.document != document && !replace);
        let elsewhere = self.index.home(document).filter(|home| home.path != entry.path);
        if let Some(taken) = standing.or(elsewhere) {
            return self.act(Action::Claimed { number, entry: taken });
        }
        let line = self.index.claim(&entry, self.now);
        if !line.is_valid() {
            // Peers would not take it. The page goes on by itself.
            return self.act(Action::Claimed { number, entry });
        }
        self.hold(document, update.into());
        self.take_lines(vec![line.clone()]);
        let everybody: Vec<_> = self.ready_peers().map(|(id, _)| id).collect();
        self.have_confirmed(vec![line], everybody, Asker::Page(number, entry));
        self.sync_with_all(document);
    }

    /// Moves what lives at a path. Where another document lives at the new one, that one has to go:
    /// the page asks first.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        let lines = self.index.moving(from, to, self.now);
        if lines.iter().all(Line::is_valid) {
            self.merge_lines(lines, None);
        }
    }

    /// Takes away what lives at a path.
    pub(super) fn remove(&mut self, path: &str) {
        let lines = self.index.removing(path, self.now);
        if lines.iter().all(Line::is_valid) {
            self.merge_lines(lines, None);
        }
    }

    /// Tells peers of lines and waits until all of them have merged them.
    fn have_confirmed(&mut self, lines: Vec<Line>, peers: Vec<PeerId>, asker: Asker) {
        let number = self.claims.number();
        let message = Message::bare(Header::Index { lines, confirm: Some(number) });
        for id in &peers {
            if let Some(peer) = self.peers.get_mut(id) {
                peer.outbox.push(&message);
            }
        }
        let unconfirmed = peers.into_iter().collect();
        self.claims.open.insert(number, OpenClaim { since: self.now, asker, unconfirmed });
        self.finish_claims();
    }

    pub(super) fn index_arrived(&mut self, id: PeerId, lines: Vec<Line>, confirm: Option<u32>) {
        self.merge_lines(lines.clone(), Some(id));
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.informed = true;
            self.seek = true;
        }
        if let Some(number) = confirm {
            let across = self.across(id).map(|(id, _)| id).collect();
            self.have_confirmed(lines, across, Asker::Peer(number, id));
        }
    }

    /// Merges lines and passes on those that are news: not everybody may be connected to everybody.
    pub(super) fn merge_lines(&mut self, lines: Vec<Line>, from: Option<PeerId>) {
        let lines = self.take_lines(lines);
        if !lines.is_empty() {
            let message = Message::bare(Header::Index { lines, confirm: None });
            let others = self.ready_peers().filter(|(id, _)| Some(*id) != from);
            others.for_each(|(_, peer)| peer.outbox.push(&message));
        }
    }

    /// Merges lines; returns those that were news.
    fn take_lines(&mut self, lines: Vec<Line>) -> Vec<Line> {
        let (lines, changes) = self.index.merge(lines);
        lines.iter().for_each(|line| self.keeper.line(line));
        self.seek |= !lines.is_empty();
        for change in changes {
            self.moved(&change);
            self.act(Action::Index(change));
        }
        lines
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
            match claim.asker {
                Asker::Page(number, entry) => {
                    let entry = self.index.get(&entry.path).unwrap_or(entry);
                    self.act(Action::Claimed { number, entry });
                }
                Asker::Peer(number, id) => {
                    if let Some(peer) = self.peers.get_mut(&id) {
                        peer.outbox.push(&Message::bare(Header::IndexConfirmed { number }));
                    }
                }
            }
        }
    }
}

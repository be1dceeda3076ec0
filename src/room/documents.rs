//! The documents of a room, as the page deals with them.
//!
//! Every page of a room holds every document of its index, so that a document outlives the page it
//! came from. The page attaches those that it shows, and hears of their changes.

use std::collections::VecDeque;

use yrs::StateVector;

use super::bytes::Bytes;
use super::history::Keeper;
use super::ids::{DocumentId, PeerId};
use super::index::{Change, Entry};
use super::limits::Millis;
use super::message::{Header, Message};
use super::peer::{Agreement, Peer};
use super::presence::Channel;
use super::replica::{Replica, ReplicaError};
use super::sorted::SortedMap;
use super::sources::SOURCE_PATIENCE;
use super::{Action, DocumentState, DocumentStatus, Room};

/// A history that has become long is made one update after this, when nobody waits for anything.
const COMPACT_AFTER: Millis = 3_000.0;
/// Updates that wait for earlier ones this long make us ask everybody again.
const GAP_PATIENCE: Millis = 5_000.0;

/// A document of the room.
#[derive(Default)]
pub struct Document {
    pub replica: Replica,
    /// Its content is here: a whole answer has arrived, or the page brought it.
    pub held: bool,
    /// The page hears of every change.
    pub attached: bool,
    /// Whom we have asked for the content, and when it last sent something.
    pub source: Option<(PeerId, Millis)>,
    /// The page was told that nobody has it.
    pub unavailable: bool,
    /// What this person wrote in it, in this page or before.
    pub own: StateVector,
    /// The page has kept what it wanted of that, should the document go.
    pub released: bool,
    /// Where it lives, or lived last.
    pub last_home: Option<Entry>,
    /// Something changed since the last digest.
    pub changed: bool,
    /// When to make one update of its history, which has become long.
    compact_at: Option<Millis>,
    /// How often we asked for what updates wait for.
    gaps_asked: u32,
    /// Since when updates wait for earlier ones.
    pub waits_since: Option<Millis>,
}

impl Document {
    /// Whether it is here.
    pub fn state(&self) -> DocumentState {
        match (self.held, self.unavailable) {
            (true, _) => DocumentState::Held,
            (false, false) => DocumentState::Sought,
            (false, true) => DocumentState::Unavailable,
        }
    }

    /// Whether this person wrote in it what is kept nowhere else.
    pub fn is_own(&self) -> bool {
        !self.own.is_empty() && !self.released
    }

    /// Makes one update of the history. A page that shows the document can encode it without what was
    /// deleted; it is asked for that. Where none does, merging has to do.
    fn compact(&mut self, id: DocumentId, tasks: &mut VecDeque<Action>, keeper: &mut Keeper) {
        self.compact_at = None;
        if self.attached {
            tasks.push_back(Action::Compact(id));
        } else if self.replica.compact() {
            keeper.rewrite(id);
        }
    }
}

impl Room {
    pub(super) fn hold(&mut self, document: DocumentId, update: Bytes) {
        // The page made it, in its own Y.Doc; it cannot be unreadable, and nothing waits for it.
        self.integrate(document, &update, true).ok();
        self.held(document);
    }

    pub(super) fn held(&mut self, id: DocumentId) {
        let document = self.documents.get_or_default(id);
        document.source = None;
        document.unavailable = false;
        if !std::mem::replace(&mut document.held, true) {
            // Who was asked by a page that did not have it takes it that it cannot be had here.
            let agreements = self.peers.values_mut().filter_map(|peer| peer.documents.get_mut(&id));
            agreements.for_each(|agreement| agreement.asked = None);
            self.status_changed = true;
            self.keeper.rewrite(id);
            if !document.own.is_empty() {
                self.keeper.own(id); // the store may have lost the note of that
            }
            self.act(Action::Held(id));
        }
    }

    pub(super) fn attach(&mut self, document: DocumentId) {
        self.documents.get_or_default(document).attached = true;
        let channel = Some(document);
        let told: Vec<_> = self.peers.values().flat_map(|peer| peer.presence.newest(channel)).collect();
        told.into_iter().for_each(|update| self.act(Action::Presence { channel, update }));
    }

    pub(super) fn detach(&mut self, id: DocumentId) {
        if let Some(document) = self.documents.get_mut(&id) {
            document.attached = false;
        }
        self.forget_if_unnamed(id);
    }

    /// A document lives elsewhere now, or nowhere.
    pub(super) fn moved(&mut self, change: &Change) {
        if let Some(home) = &change.after {
            let document = self.documents.get_or_default(home.document);
            document.last_home = Some(home.clone());
            let (is_own, is_held) = (!document.own.is_empty(), document.held);
            if is_held && self.shares_store() {
                self.keeper.keep_apart(home.document);
            } else if is_held || is_own {
                self.keeper.append(home.document, &[], is_own); // it is looked whether the rest is there
            }
        } else if let Some(home) = &change.before {
            self.forget_if_unnamed(home.document);
            self.keep_unnamed(home.document);
        }
    }

    /// Whether another page that is known of writes to the same log, or may do so.
    fn shares_store(&self) -> bool {
        !self.tabs || self.peers.values().any(|peer| peer.is_tab)
    }

    /// A document that lives nowhere is forgotten, unless a page shows it or this person wrote in it
    /// what may be nowhere else: then it is an orphan, which the page is to look after.
    pub(super) fn forget_if_unnamed(&mut self, id: DocumentId) {
        let needed = self
            .documents
            .get(&id)
            .is_some_and(|document| document.attached || (document.is_own() && document.last_home.is_some()));
        if !needed && !self.index.names(id) && !self.is_relayed(id) {
            // What is on its way will not be taken; whoever names the document again asks anew.
            for agreement in self.peers.values_mut().filter_map(|peer| peer.documents.get_mut(&id)) {
                let Agreement { subscribed, following, .. } = *agreement;
                *agreement = Agreement { subscribed, following, ..Agreement::default() };
            }
            self.keeper.forget(id);
            let removed = self.documents.remove(&id);
            if removed.is_some_and(|document| !document.held) {
                self.act(Action::Unavailable(id));
            }
        }
    }

    /// What lives nowhere and is needed here may be forgotten by another tab, which then takes away what both
    /// found in the store: it is written once more.
    pub(super) fn keep_unnamed(&mut self, id: DocumentId) {
        if self.documents.contains_key(&id) && !self.index.names(id) {
            self.keeper.keep_apart(id);
        }
    }

    pub(super) fn edited(&mut self, id: DocumentId, update: Bytes) {
        self.integrate(id, &update, true).ok();
        self.note_own(id, &update);
        let header = Header::Update { document: id, origin: self.me, answers: None };
        let message = Message { header, body: update };
        let wants = |peer: &Peer| peer.documents.get(&id).is_some_and(|agreed| agreed.subscribed);
        self.ready_peers().filter(|(_, peer)| wants(peer)).for_each(|(_, peer)| peer.outbox.push(&message));
    }

    /// The page encoded the whole document. If it has changed since, it is asked again.
    pub(super) fn compacted(&mut self, id: DocumentId, whole: Bytes) {
        let again = self.now + COMPACT_AFTER;
        let document = self.documents.get_mut(&id);
        let Some(document) = document.filter(|document| document.replica.is_long()) else { return };
        if document.replica.compact_to(whole) {
            self.keeper.rewrite(id);
        } else {
            document.compact_at = Some(again);
        }
    }

    /// Takes an update into the replica and gives the page what follows from it, but for what it made
    /// itself. Returns what was news.
    pub(super) fn integrate(
        &mut self,
        id: DocumentId,
        update: &Bytes,
        own: bool,
    ) -> Result<Vec<Bytes>, ReplicaError> {
        let now = self.now;
        let document = self.documents.get_or_default(id);
        let integrated = document.replica.integrate(update.clone());
        document.waits_since = document.replica.waits().then(|| document.waits_since.unwrap_or(now));
        if document.waits_since.is_none() {
            document.gaps_asked = 0;
        }
        let integrated = integrated?;
        document.changed |= !integrated.is_empty();
        if document.held && !integrated.is_empty() {
            self.keeper.append(id, &integrated, false);
        }
        // Before the content is here the page gets nothing: it takes the whole then.
        if document.attached && document.held {
            let news = integrated.iter().filter(|news| !own || !news.is(update)).cloned();
            self.tasks.extend(news.map(|update| Action::Apply { document: id, update }));
        }
        self.compact_soon(id);
        Ok(integrated)
    }

    /// Compacts a history that has become long, in a while.
    pub(super) fn compact_soon(&mut self, id: DocumentId) {
        let at = self.now + COMPACT_AFTER;
        if let Some(document) = self.documents.get_mut(&id).filter(|document| document.replica.is_long()) {
            document.compact_at.get_or_insert(at);
        }
    }

    pub(super) fn present(&mut self, channel: Channel, update: Bytes) {
        self.presence.insert(channel, update.clone());
        let origin = self.me;
        self.tell_everybody(&Message { header: Header::Presence { channel, origin }, body: update });
    }

    pub(super) fn transfers(&self) -> Vec<(DocumentId, usize, usize)> {
        let mut transfers = SortedMap::new();
        for (id, agreed) in self.peers.values().flat_map(|peer| peer.documents.iter()) {
            if let Some(arriving) = agreed.arriving {
                let furthest = transfers.get_or_insert_with(*id, || arriving);
                *furthest = (*furthest).max(arriving);
            }
        }
        transfers.into_entries().map(|(id, (received, total))| (id, received, total)).collect()
    }

    /// The state of every document of the room.
    pub(super) fn document_statuses(&self) -> Vec<DocumentStatus> {
        let status = |(id, document): (&DocumentId, &Document)| DocumentStatus {
            id: *id,
            state: document.state(),
            is_behind: document.waits_since.is_some() || self.has_more(*id),
        };
        self.documents.iter().map(status).collect()
    }

    /// Whether somebody who is here is known to have more of a document.
    fn has_more(&self, id: DocumentId) -> bool {
        let more =
            |agreed: &Agreement| agreed.asked.is_some() || agreed.arriving.is_some() || agreed.is_doubted();
        self.peers.values().any(|peer| peer.is_ready() && peer.documents.get(&id).is_some_and(more))
    }

    pub(super) fn documents_wake_at(&self) -> Millis {
        let moments = self.documents.values().flat_map(|document| {
            let source = document.source.map(|(peer, asked)| {
                let heard = self.peers.get(&peer).map_or(asked, |peer| peer.heartbeat.heard.max(asked));
                heard + SOURCE_PATIENCE
            });
            let patience = GAP_PATIENCE * f64::from(1 << document.gaps_asked.min(6));
            let gap = document.waits_since.filter(|_| document.held).map(|since| since + patience);
            source.into_iter().chain(gap).chain(document.compact_at)
        });
        let tells = self.documents.values().any(|document| document.changed).then_some(self.digest_at);
        moments.chain(tells).fold(self.doubts_wake_at().min(self.retry_wake_at()), Millis::min)
    }

    pub(super) fn wake_documents(&mut self) {
        let now = self.now;
        self.tell_digests();
        self.retry_sources();
        self.settle_doubts();
        for id in self.documents.keys().copied().collect::<Vec<_>>() {
            let Some(document) = self.documents.get_mut(&id) else {
                continue;
            };
            if document.compact_at.is_some_and(|at| at <= now) {
                document.compact(id, &mut self.tasks, &mut self.keeper);
            }
            let patience = GAP_PATIENCE * f64::from(1 << document.gaps_asked.min(6));
            if document.held && document.waits_since.is_some_and(|since| since + patience <= now) {
                document.waits_since = Some(now);
                document.gaps_asked += 1;
                let turn = document.gaps_asked as usize;
                self.ask_again(id, turn);
            }
            self.give_up_source(id);
        }
    }

    /// Asks one peer, another one each time, for what some update waits for.
    pub(super) fn ask_again(&mut self, document: DocumentId, turn: usize) {
        let idle = |peer: &Peer| peer.documents.get(&document).is_none_or(|agreed| agreed.arriving.is_none());
        let peers: Vec<_> =
            self.peers.iter().filter(|(_, peer)| peer.is_ready() && idle(peer)).map(|(id, _)| *id).collect();
        if peers.is_empty() {
            return;
        }
        let id = peers[turn % peers.len()];
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.agreement(document).asked = None;
        }
        self.ask(id, document);
    }
}

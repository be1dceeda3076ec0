//! Documents between pages: who has what, what is asked of whom, what is passed on.
//!
//! Every page of a room holds every document of its index, so that a document outlives the page it
//! came from. What is lacking is asked for with a `Sync` message: Yjs's sync step 1, which carries the
//! state vector, and a subscription to what comes after. A document of which nothing is here is asked
//! of one peer at a time (it may be 40 MB, and a class is thirty people); once it is here all others
//! are asked as well, for the little that they may have beyond it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use super::frame::Assembled;
use super::ids::{DocumentId, PeerId};
use super::index::{Change, Entry};
use super::limits::Millis;
use super::message::{Header, Message};
use super::outbox::Lane;
use super::peer::{Agreement, Doubt, Peer};
use super::presence::Channel;
use super::replica::{Replica, ReplicaError};
use super::{Action, Claim, DocumentState, Room};

/// A source that sends nothing for this long is given up for another.
const SOURCE_PATIENCE: Millis = 15_000.0;
/// After a change pages tell each other what they have, this often.
pub const DIGEST_EVERY: Millis = 10_000.0;
/// What a digest shows to be missing is waited for this long: it may just be on its way.
const DOUBT: Millis = 2_000.0;
/// Updates that wait for earlier ones this long make us ask everybody again.
const GAP_PATIENCE: Millis = 5_000.0;

/// A document of the room.
#[derive(Default)]
pub struct Document {
    pub replica: Replica,
    /// Its content is here: a whole answer has arrived, or the page brought it.
    pub held: bool,
    /// The page hears of every change.
    attached: bool,
    /// Whom we have asked for the content, and when it last sent something.
    source: Option<(PeerId, Millis)>,
    /// The page was told that nobody has it.
    unavailable: bool,
    /// Something changed since the last digest.
    changed: bool,
    /// Since when updates wait for earlier ones.
    waits_since: Option<Millis>,
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
}

impl Document {
    /// A page that shows the document can encode it without what was deleted. It is asked once the
    /// history has grown by half; until it answers, and where no page shows it, merging has to do.
    fn compact(&mut self, id: DocumentId, actions: &mut VecDeque<Action>) {
        self.replica.compact();
        if self.attached {
            actions.push_back(Action::Compact(id));
        }
    }
}

/// Claims that not everybody has confirmed.
#[derive(Default)]
pub struct Claims {
    open: BTreeMap<u32, OpenClaim>,
}

struct OpenClaim {
    path: String,
    unconfirmed: BTreeSet<PeerId>,
}

/// What the page does.
impl Room {
    pub(super) fn claim(&mut self, number: u32, claim: Claim) {
        let standing = self.index.get(&claim.path).cloned();
        let taken = standing
            .as_ref()
            .filter(|entry| entry.document != claim.document && !claim.replace);
        if let Some(entry) = taken {
            return self.act(Action::Claimed {
                number,
                entry: entry.clone(),
            });
        }
        let mut entry = Entry::claim(
            &claim.path,
            claim.document,
            &claim.content_type,
            &claim.format,
            self.now,
        );
        if let Some(standing) = standing {
            entry.lamport = standing
                .lamport
                .saturating_add(u32::from(standing.document != claim.document));
            entry.since = if standing.document == claim.document {
                standing.since
            } else {
                entry.since
            };
        }
        self.hold(claim.document, claim.update.into());
        self.merge_entries(vec![entry.clone()], None);
        let message = Message::bare(Header::Index {
            entries: vec![entry],
            confirm: Some(number),
        });
        self.tell_everybody(&message);
        self.sync_with_all(claim.document);
        let unconfirmed = self.ready_peers().map(|(id, _)| id).collect();
        self.claims.open.insert(
            number,
            OpenClaim {
                path: claim.path,
                unconfirmed,
            },
        );
        self.finish_claims();
    }

    fn hold(&mut self, document: DocumentId, update: Rc<[u8]>) {
        // The page made it, in its own Y.Doc; it cannot be unreadable, and nothing waits for it.
        self.integrate(document, &update, true).ok();
        self.held(document);
    }

    fn held(&mut self, id: DocumentId) {
        let document = self.documents.entry(id).or_default();
        document.source = None;
        document.unavailable = false;
        if !std::mem::replace(&mut document.held, true) {
            self.status_changed = true;
            self.act(Action::Held(id));
        }
    }

    pub(super) fn attach(&mut self, document: DocumentId) {
        self.documents.entry(document).or_default().attached = true;
        let channel = Some(document);
        let told: Vec<_> = self
            .peers
            .values()
            .filter_map(|peer| peer.presence.newest(channel))
            .collect();
        told.into_iter()
            .for_each(|update| self.act(Action::Presence { channel, update }));
    }

    pub(super) fn detach(&mut self, id: DocumentId) {
        if let Some(document) = self.documents.get_mut(&id) {
            document.attached = false;
        }
        self.forget_if_unnamed(id);
    }

    fn forget_if_unnamed(&mut self, id: DocumentId) {
        let attached = self
            .documents
            .get(&id)
            .is_some_and(|document| document.attached);
        if !attached && !self.index.names(id) {
            self.documents.remove(&id);
        }
    }

    pub(super) fn edited(&mut self, id: DocumentId, update: Rc<[u8]>) {
        self.integrate(id, &update, true).ok();
        let header = Header::Update {
            document: id,
            origin: self.me,
            answers: false,
        };
        let message = Message {
            header,
            body: update,
        };
        let wants = |peer: &Peer| {
            peer.documents
                .get(&id)
                .is_some_and(|agreed| agreed.subscribed)
        };
        self.ready_peers()
            .filter(|(_, peer)| wants(peer))
            .for_each(|(_, peer)| peer.outbox.push(&message));
    }

    /// The page encoded the whole document. If it has changed since, the next time will do.
    pub(super) fn compacted(&mut self, id: DocumentId, whole: Rc<[u8]>) {
        if let Some(document) = self.documents.get_mut(&id) {
            document.replica.compact_to(whole);
        }
    }

    pub(super) fn present(&mut self, channel: Channel, update: Rc<[u8]>) {
        self.presence.insert(channel, update.clone());
        let origin = self.me;
        self.tell_everybody(&Message {
            header: Header::Presence { channel, origin },
            body: update,
        });
    }
}

/// What peers say.
impl Room {
    pub(super) fn frame_arrived(&mut self, id: PeerId, lane: Lane, frame: &[u8]) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        match peer.assemblers[lane as usize].take(frame) {
            Ok(Assembled::Message(bytes)) => self.message_arrived(id, &bytes),
            Ok(Assembled::Partial { received, total }) => {
                self.part_arrived(id, lane, frame, received, total)
            }
            Err(error) => self.refuse(id, &error.to_string()),
        }
    }

    fn part_arrived(
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
        let start = peer.assemblers[lane as usize]
            .start_of(frame)
            .unwrap_or_default();
        // Only the header is read; the message may well be 40 MB.
        let start = &start[..start.len().min(128)];
        let Ok((Header::Update { document, .. }, _)) = Message::decode(start) else {
            return;
        };
        peer.agreement(document).arriving = Some((received, total));
        self.status_changed = true;
        let now = self.now;
        let document = self.documents.get_mut(&document);
        if let Some((source, heard)) = document.and_then(|document| document.source.as_mut()) {
            if *source == id {
                *heard = now;
            }
        }
    }

    fn message_arrived(&mut self, id: PeerId, bytes: &[u8]) {
        let taken = match Message::decode(bytes) {
            Ok((header, body)) => self.take_message(id, header, body),
            Err(error) => Err(error.to_string()),
        };
        if let Err(reason) = taken {
            self.refuse(id, &reason);
        }
    }

    fn take_message(&mut self, id: PeerId, header: Header, body: &[u8]) -> Result<(), String> {
        match header {
            Header::Index { entries, confirm } => self.index_arrived(id, entries, confirm),
            Header::IndexConfirmed { number } => self.confirmed(id, number),
            Header::Sync { document, held } => self.sync_arrived(id, document, held, body)?,
            Header::Update {
                document, answers, ..
            } => self.update_arrived(id, document, body, answers)?,
            Header::Digest {
                document,
                deletions,
            } => self.digest_arrived(id, document, deletions, body)?,
            Header::Missing { document } => self.missing_arrived(id, document),
            Header::Presence { channel, .. } => self.presence_arrived(id, channel, body)?,
            Header::Bye => self.drop_peer(id),
        }
        Ok(())
    }

    fn index_arrived(&mut self, id: PeerId, entries: Vec<Entry>, confirm: Option<u32>) {
        self.merge_entries(entries, Some(id));
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.informed = true;
        self.seek = true;
        if let Some(number) = confirm {
            peer.outbox
                .push(&Message::bare(Header::IndexConfirmed { number }));
        }
    }

    /// Merges lines and passes on those that are news: not everybody may be connected to everybody.
    fn merge_entries(&mut self, entries: Vec<Entry>, from: Option<PeerId>) {
        let changes: Vec<Change> = entries
            .into_iter()
            .filter_map(|entry| self.index.merge(entry))
            .collect();
        if changes.is_empty() {
            return;
        }
        if from.is_some() {
            let entries = changes.iter().map(|change| change.entry.clone()).collect();
            let message = Message::bare(Header::Index {
                entries,
                confirm: None,
            });
            let others = self.ready_peers().filter(|(id, _)| Some(*id) != from);
            others.for_each(|(_, peer)| peer.outbox.push(&message));
        }
        self.seek = true;
        for change in changes {
            self.documents.entry(change.entry.document).or_default();
            if let Some(previous) = &change.previous {
                self.forget_if_unnamed(previous.document);
            }
            self.act(Action::Index(change));
        }
    }

    fn confirmed(&mut self, id: PeerId, number: u32) {
        if let Some(claim) = self.claims.open.get_mut(&number) {
            claim.unconfirmed.remove(&id);
        }
        self.finish_claims();
    }

    fn finish_claims(&mut self) {
        let done = |claim: &OpenClaim| claim.unconfirmed.is_empty();
        let numbers: Vec<_> = self
            .claims
            .open
            .iter()
            .filter(|(_, claim)| done(claim))
            .map(|(number, _)| *number)
            .collect();
        for number in numbers {
            let Some(claim) = self.claims.open.remove(&number) else {
                continue;
            };
            if let Some(entry) = self.index.get(&claim.path).cloned() {
                self.act(Action::Claimed { number, entry });
            }
        }
    }

    fn sync_arrived(
        &mut self,
        id: PeerId,
        document_id: DocumentId,
        held: bool,
        state_vector: &[u8],
    ) -> Result<(), String> {
        let now = self.now;
        let origin = self.me;
        let Some(peer) = self.peers.get_mut(&id) else {
            return Ok(());
        };
        if !peer.sync_rate.take(now) {
            return Err("it asks for documents more often than can be answered".into());
        }
        peer.agreement(document_id).missing = !held;
        self.seek |= held;
        let document = self
            .documents
            .get(&document_id)
            .filter(|document| document.held);
        let Some(document) = document else {
            peer.outbox.push(&Message::bare(Header::Missing {
                document: document_id,
            }));
            return Ok(());
        };
        let mut updates = document
            .replica
            .missing_from(state_vector)
            .map_err(|error| error.to_string())?;
        if updates.is_empty() {
            updates.push(Rc::from(yrs::Update::EMPTY_V1));
        }
        let last = updates.len() - 1;
        let answer = updates.into_iter().enumerate().map(|(i, body)| {
            let header = Header::Update {
                document: document_id,
                origin,
                answers: i == last,
            };
            Message { header, body }
        });
        peer.outbox.push_in_order(&answer.collect::<Vec<_>>());
        peer.agreement(document_id).subscribed = true;
        // It has the document, but did not when we asked, or has something new.
        let lacks = document
            .replica
            .lacks(state_vector)
            .map_err(|error| error.to_string())?;
        let agreement = peer.agreement(document_id);
        if lacks || (held && !agreement.following) {
            self.ask(id, document_id);
        }
        Ok(())
    }

    fn update_arrived(
        &mut self,
        id: PeerId,
        document: DocumentId,
        update: &[u8],
        answers: bool,
    ) -> Result<(), String> {
        let Some(peer) = self.peers.get_mut(&id) else {
            return Ok(());
        };
        let agreement = peer.agreement(document);
        agreement.arriving = None;
        if answers {
            agreement.asked = false;
            agreement.missing = false;
            agreement.following = true;
        }
        if !self.documents.contains_key(&document) {
            // Of a document that has been replaced at its path, or was never named.
            return Ok(());
        }
        self.status_changed = true;
        match self.integrate(document, &Rc::from(update), false) {
            Ok(()) => {}
            // It was not kept, so it is asked for again, after what it waits for.
            Err(ReplicaError::TooFarAhead) => self.sync_with_all(document),
            Err(error) => return Err(error.to_string()),
        }
        let held = self
            .documents
            .get(&document)
            .is_some_and(|document| document.held);
        if answers && !held {
            self.held(document);
            self.sync_with_all(document);
        }
        Ok(())
    }

    /// Takes an update into the replica and gives the page what follows from it, but for what it made
    /// itself.
    fn integrate(
        &mut self,
        id: DocumentId,
        update: &Rc<[u8]>,
        own: bool,
    ) -> Result<(), ReplicaError> {
        let now = self.now;
        let document = self.documents.entry(id).or_default();
        let integrated = document.replica.integrate(update.clone());
        document.waits_since = document
            .replica
            .waits()
            .then(|| document.waits_since.unwrap_or(now));
        let integrated = integrated?;
        document.changed |= !integrated.is_empty();
        let news = integrated
            .into_iter()
            .filter(|news| !own || !Rc::ptr_eq(news, update));
        if document.attached {
            self.actions.extend(news.map(|update| Action::Apply {
                document: id,
                update,
            }));
        }
        // After what is given to the page: its encoding is asked for with that in it.
        if document.replica.is_long() {
            document.compact(id, &mut self.actions);
        }
        Ok(())
    }

    fn digest_arrived(
        &mut self,
        id: PeerId,
        document: DocumentId,
        deletions: u64,
        state_vector: &[u8],
    ) -> Result<(), String> {
        let until = self.now + DOUBT;
        let doubt = Doubt {
            state_vector: state_vector.to_owned(),
            deletions,
            until,
        };
        let doubted = self
            .doubts(document, &doubt)
            .map_err(|error| error.to_string())?;
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.agreement(document).doubted = doubted.then_some(doubt);
        }
        Ok(())
    }

    /// Whether somebody who has this may have something that we lack.
    fn doubts(&self, document: DocumentId, theirs: &Doubt) -> Result<bool, ReplicaError> {
        let Some(document) = self
            .documents
            .get(&document)
            .filter(|document| document.held)
        else {
            return Ok(false);
        };
        Ok(document.replica.lacks(&theirs.state_vector)?
            || document.replica.deletions() != theirs.deletions)
    }

    fn missing_arrived(&mut self, id: PeerId, document_id: DocumentId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            let agreement = peer.agreement(document_id);
            agreement.missing = true;
            agreement.asked = false;
        }
        self.forget_source(document_id, id);
    }

    fn presence_arrived(
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
        peer.presence
            .take(channel, update.clone())
            .map_err(|error| error.to_string())?;
        let shown = channel.is_none_or(|id| {
            self.documents
                .get(&id)
                .is_some_and(|document| document.attached)
        });
        if shown {
            self.act(Action::Presence { channel, update });
        }
        Ok(())
    }
}

/// What is asked of whom.
impl Room {
    /// Asks a peer for what we lack of a document, and to be told of every update from then on.
    fn ask(&mut self, id: PeerId, document_id: DocumentId) {
        let Some(document) = self.documents.get(&document_id) else {
            return;
        };
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_ready()) else {
            return;
        };
        if !std::mem::replace(&mut peer.agreement(document_id).asked, true) {
            let header = Header::Sync {
                document: document_id,
                held: document.held,
            };
            peer.outbox.push(&Message {
                header,
                body: document.replica.state_vector().into(),
            });
        }
    }

    /// Brings a new peer and every document that is here together.
    pub(super) fn sync_all_with(&mut self, id: PeerId) {
        let held = self
            .documents
            .iter()
            .filter(|(_, document)| document.held)
            .map(|(id, _)| *id);
        for document in held.collect::<Vec<_>>() {
            self.ask(id, document);
        }
        self.seek = true;
    }

    fn sync_with_all(&mut self, document: DocumentId) {
        let peers: Vec<_> = self.ready_peers().map(|(id, _)| id).collect();
        peers.into_iter().for_each(|id| self.ask(id, document));
    }

    /// Finds a source for every document that is not here and has none.
    pub(super) fn seek_documents(&mut self) {
        if !std::mem::take(&mut self.seek) {
            return;
        }
        let sought = self
            .documents
            .iter()
            .filter(|(_, document)| !document.held && document.source.is_none());
        for document in sought.map(|(id, _)| *id).collect::<Vec<_>>() {
            match self.source_for(document) {
                Some(source) => self.seek_from(source, document),
                None => self.maybe_unavailable(document),
            }
        }
    }

    /// A peer that may have the document. Pages choose differently, so that not all of a class ask the
    /// same one.
    fn source_for(&self, document: DocumentId) -> Option<PeerId> {
        let distance =
            |peer: &PeerId| -> [u8; 16] { std::array::from_fn(|i| peer.0[i] ^ self.me.0[i]) };
        let may_have = |peer: &Peer| {
            peer.is_ready()
                && !peer
                    .documents
                    .get(&document)
                    .is_some_and(|agreed| agreed.missing)
        };
        self.peers
            .iter()
            .filter(|(_, peer)| may_have(peer))
            .map(|(id, _)| *id)
            .min_by_key(distance)
    }

    fn seek_from(&mut self, source: PeerId, id: DocumentId) {
        let now = self.now;
        if let Some(document) = self.documents.get_mut(&id) {
            document.source = Some((source, now));
        }
        self.ask(source, id);
    }

    /// Nobody has it when all have said so and nobody else is to be expected.
    fn maybe_unavailable(&mut self, id: DocumentId) {
        let all_here = self.settlement.is_some() && self.peers.values().all(|peer| peer.informed);
        let Some(document) = self.documents.get_mut(&id) else {
            return;
        };
        if all_here && !std::mem::replace(&mut document.unavailable, true) {
            self.act(Action::Unavailable(id));
        }
    }

    fn forget_source(&mut self, id: DocumentId, source: PeerId) {
        let document = self.documents.get_mut(&id);
        if let Some(document) =
            document.filter(|document| document.source.is_some_and(|(peer, _)| peer == source))
        {
            document.source = None;
        }
        self.seek = true;
    }

    pub(super) fn peer_dropped(&mut self, id: PeerId) {
        for claim in self.claims.open.values_mut() {
            claim.unconfirmed.remove(&id);
        }
        self.finish_claims();
        for document in self.documents.keys().copied().collect::<Vec<_>>() {
            self.forget_source(document, id);
        }
    }

    /// Tells everybody what we have of what has changed.
    fn tell_digests(&mut self) {
        if self.digest_at > self.now {
            return;
        }
        self.digest_at = self.now + DIGEST_EVERY;
        let mut digests = Vec::new();
        for (id, document) in self
            .documents
            .iter_mut()
            .filter(|(_, document)| document.held && document.changed)
        {
            document.changed = false;
            let header = Header::Digest {
                document: *id,
                deletions: document.replica.deletions(),
            };
            digests.push(Message {
                header,
                body: document.replica.state_vector().into(),
            });
        }
        digests
            .iter()
            .for_each(|digest| self.tell_everybody(digest));
    }

    /// Asks those who still seem to have something that we lack.
    fn settle_doubts(&mut self) {
        let now = self.now;
        let mut due = Vec::new();
        for (id, peer) in &mut self.peers {
            for (document, agreement) in &mut peer.documents {
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

    fn doubts_wake_at(&self) -> Millis {
        let agreements = self.peers.values().flat_map(|peer| peer.documents.values());
        let moments =
            agreements.filter_map(|agreement| agreement.doubted.as_ref().map(|doubt| doubt.until));
        moments.fold(Millis::INFINITY, Millis::min)
    }

    pub(super) fn documents_wake_at(&self) -> Millis {
        let moments = self.documents.values().flat_map(|document| {
            let source = document.source.map(|(_, heard)| heard + SOURCE_PATIENCE);
            let gap = document.waits_since.map(|since| since + GAP_PATIENCE);
            source.into_iter().chain(gap)
        });
        let tells = self
            .documents
            .values()
            .any(|document| document.changed)
            .then_some(self.digest_at);
        moments
            .chain(tells)
            .fold(self.doubts_wake_at(), Millis::min)
    }

    pub(super) fn wake_documents(&mut self) {
        let now = self.now;
        self.tell_digests();
        self.settle_doubts();
        for id in self.documents.keys().copied().collect::<Vec<_>>() {
            let Some(document) = self.documents.get_mut(&id) else {
                continue;
            };
            if document
                .waits_since
                .is_some_and(|since| since + GAP_PATIENCE <= now)
            {
                document.waits_since = Some(now);
                self.ask_again(id);
            }
            self.give_up_source(id);
        }
    }

    fn ask_again(&mut self, document: DocumentId) {
        self.ready_peers()
            .for_each(|(_, peer)| peer.agreement(document).asked = false);
        self.sync_with_all(document);
    }

    fn give_up_source(&mut self, id: DocumentId) {
        let Some((source, heard)) = self.documents.get(&id).and_then(|document| document.source)
        else {
            return;
        };
        if heard + SOURCE_PATIENCE > self.now {
            return;
        }
        // Not for good: it is asked again when it says that it has the document.
        if let Some(peer) = self.peers.get_mut(&source) {
            *peer.agreement(id) = Agreement {
                missing: true,
                ..Agreement::default()
            };
        }
        self.forget_source(id, source);
    }

    pub(super) fn transfers(&self) -> Vec<(DocumentId, usize, usize)> {
        let mut transfers = BTreeMap::new();
        for (id, agreed) in self.peers.values().flat_map(|peer| &peer.documents) {
            if let Some(arriving) = agreed.arriving {
                let furthest = transfers.entry(*id).or_insert(arriving);
                *furthest = (*furthest).max(arriving);
            }
        }
        transfers
            .into_iter()
            .map(|(id, (received, total))| (id, received, total))
            .collect()
    }
}

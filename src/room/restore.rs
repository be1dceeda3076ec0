//! The room and its store: what was kept comes back, and what happens is kept.
//!
//! A page knows what its store has before it decides anything (see [`super::settlement`]): its own
//! history is a source like a peer. A document whose log has a gap (the store was emptied while another
//! page went on writing) is not whole: what there is waits until a peer has sent the rest.

use yrs::StateVector;
use yrs::updates::encoder::Encode;

use super::bytes::Bytes;
use super::history::{History, LastWords, Owned, Record, View, Written};
use super::ids::DocumentId;
use super::index::{Change, Line};
use super::limits::Millis;
use super::record;
use super::sorted::SortedMap;
use super::update::{Outline, read_state_vector};
use super::{Action, Notice, Room};

/// A store that has not answered after this is not waited for.
const RESTORE_WITHIN: Millis = 10_000.0;

impl Room {
    /// The store has told what it has, or can't.
    pub(super) fn restored(&mut self, history: Result<History, String>) {
        if self.keeper.is_restored() {
            return; // nobody asks twice
        }
        self.seek = true;
        match history {
            Ok(history) => {
                self.take_history(history);
                self.history_is_back();
            }
            Err(reason) => {
                self.keeper.give_up();
                self.notice(Notice::HistoryFailed, reason);
            }
        }
    }

    fn history_is_back(&mut self) {
        if self.noticed.remove(&Notice::HistoryFailed) {
            self.act(Action::Notice { notice: Notice::HistoryBack, detail: String::new() });
        }
    }

    fn take_history(&mut self, history: History) {
        let History { lines, owned, records, given_back, mut last_words } = history;
        self.keeper.restored();
        given_back.into_iter().for_each(|given_back| self.take_clients(given_back));
        self.take_kept(lines, &owned);
        for (_, words) in &mut last_words {
            self.take_kept(std::mem::take(&mut words.lines), &words.owned);
        }
        let mut by_document: SortedMap<DocumentId, Vec<Record>> = SortedMap::new();
        for record in records {
            by_document.get_or_default(record.row.document).push(record);
        }
        for (document, records) in by_document.into_entries() {
            self.take_records(document, records);
        }
        for (name, words) in last_words {
            self.take_last_words(name, words);
        }
        if self.settlement.is_some() {
            self.tell_orphans();
        }
    }

    /// A document that is not whole is sought, as one that is not here at all. Returns whether it is whole.
    fn hold_if_whole(&mut self, id: DocumentId) -> bool {
        let document = self.documents.get_or_default(id);
        let is_whole = !document.replica.waits() && document.replica.content().next().is_some();
        document.changed = is_whole;
        if is_whole {
            self.held(id);
            self.sync_with_all(id);
        }
        is_whole
    }

    fn take_kept(&mut self, mut lines: Vec<Line>, owned: &[Owned]) {
        lines.retain(Line::is_valid);
        self.merge_lines(lines, None);
        owned.iter().for_each(|owned| self.take_owned(owned));
    }

    /// What a page before said last, to be written as if it were new: most of it is in that page's last
    /// write, too. Lines, and what is owned, have been taken.
    fn take_last_words(&mut self, name: String, words: LastWords) {
        words.owned.iter().for_each(|owned| self.keeper.own(owned.entry.document));
        let mut is_whole = true;
        for (document, update) in words.updates {
            self.integrate(document, &update.into(), false).ok();
            self.hold_if_whole(document);
            self.forget_if_unnamed(document);
            // What can't be written yet must not go.
            is_whole &= self.documents.get(&document).is_none_or(|document| document.held);
        }
        if is_whole {
            self.keeper.heard(name);
        }
    }

    /// The store has answered late: the page has looked for what it is to look after, and looks again.
    fn tell_orphans(&mut self) {
        let gone = self.orphans().map(|orphan| Change { before: Some(orphan.entry), after: None });
        let gone: Vec<_> = gone.collect();
        gone.into_iter().for_each(|change| self.act(Action::Index(change)));
    }

    fn take_owned(&mut self, owned: &Owned) {
        let Ok(state_vector) = read_state_vector(&owned.state_vector) else { return };
        if owned.entry.is_valid() {
            let document = self.documents.get_or_default(owned.entry.document);
            document.own.merge(state_vector);
            if !self.index.names(owned.entry.document) {
                document.last_home = Some(owned.entry.clone());
            }
            self.keeper.found_owned(owned);
        }
    }

    fn take_records(&mut self, id: DocumentId, records: Vec<Record>) {
        let keys: Vec<_> = records.iter().map(|record| record.key).collect();
        // The store answered late: what was made meanwhile is not in it.
        let is_late = self.documents.get(&id).is_some_and(|document| document.held);
        // Whether nothing but the first update is in the records that it fills.
        let alone = |count: usize| records[..count].iter().all(|record| record.row.updates.len() == 1);
        let (updates, first_records) = record::join(records.iter().map(|record| record.row.clone()));
        let first = updates.first().filter(|_| alone(first_records)).cloned();
        for update in updates {
            // What can't be read is as good as not there; a peer has it. If the store answered so late
            // that the page shows the document already, it is told.
            self.integrate(id, &update, false).ok();
        }
        let document = self.documents.get_or_default(id);
        let is_snapshot = first.is_some_and(|first| document.replica.begins_with(&first));
        if self.hold_if_whole(id) && !is_late {
            self.keeper.found(id, &keys, if is_snapshot { first_records } else { 0 });
        } else {
            self.keeper.found_in_part(id, &keys);
            self.keeper.own(id);
        }
        self.compact_soon(id);
        self.forget_if_unnamed(id);
    }

    /// The store has answered to a write.
    pub(super) fn written(&mut self, number: u32, written: Result<Written, String>) {
        match written {
            Ok(written) => {
                if self.keeper.written(number, written) {
                    self.history_is_back();
                }
            }
            Err(reason) => {
                self.keeper.failed(number, self.now);
                self.notice(Notice::HistoryFailed, reason);
            }
        }
        self.status_changed |= self.keeper.is_done();
    }

    /// What was in the store is gone: all that is here is written again.
    pub(super) fn history_lost(&mut self) {
        let held = self.documents.iter().filter(|(_, document)| document.held);
        self.keeper.lost(held.map(|(id, _)| *id));
        self.index.lines().for_each(|line| self.keeper.line(line));
    }

    /// Gives the store what it is to keep.
    pub(super) fn keep(&mut self, leaving: bool) {
        let given_back = if leaving { self.all_given_back() } else { None };
        let (me, documents) = (self.me, &self.documents);
        let view = |id| {
            let document = documents.get(&id).filter(|document| document.held)?;
            let owned = document.last_home.clone().filter(|_| !document.own.is_empty());
            let state_vector = document.own.encode_v1();
            let owned = owned.map(|entry| Owned { name: format!("{id} {me}"), entry, state_vector });
            Some(View { replica: &document.replica, owned })
        };
        let write = match leaving {
            true => self.keeper.last_write(self.now, given_back, view),
            false => self.keeper.next_write(self.now, view),
        };
        if let Some((number, write)) = write {
            self.act(Action::Write { number, write });
        }
    }

    pub(super) fn keep_wake_at(&self) -> Millis {
        let patience = if self.keeper.is_awaited() { self.began + RESTORE_WITHIN } else { Millis::INFINITY };
        self.keeper.wake_at().min(patience)
    }

    pub(super) fn wake_history(&mut self) {
        if self.keeper.is_awaited() && self.began + RESTORE_WITHIN <= self.now {
            self.keeper.waive();
            self.notice(Notice::HistoryFailed, "it does not answer");
        }
    }

    /// Notes that this person made an update: it is theirs to keep, whatever becomes of the document.
    pub(super) fn note_own(&mut self, id: DocumentId, update: &Bytes) {
        let Ok(outline) = Outline::of(update) else { return };
        let Some(document) = self.documents.get_mut(&id) else { return };
        for &(client, _, end) in &outline.inserts {
            document.own.set_max(client, end);
        }
        document.released = false;
        self.keeper.own(id);
    }

    /// Documents that live nowhere any more, that no page shows, and in which this person wrote: where
    /// they lived last, and the state vector of what the person wrote.
    pub fn orphans(&self) -> impl Iterator<Item = Owned> {
        let orphans = self.documents.iter().filter(|(id, document)| {
            document.held && !document.attached && document.is_own() && !self.index.names(**id)
        });
        orphans.filter_map(|(_, document)| {
            let state_vector = document.own.encode_v1();
            Some(Owned { name: String::new(), entry: document.last_home.clone()?, state_vector })
        })
    }

    /// The page has kept what it wanted of an orphan. That took a while: if the document lives somewhere
    /// again, more may have been written in it.
    pub(super) fn release(&mut self, id: DocumentId) {
        if let Some(document) = self.documents.get_mut(&id).filter(|_| !self.index.names(id)) {
            document.released = true;
            document.own = StateVector::default();
        }
        self.forget_if_unnamed(id);
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::room::history::{Row, Write};
    use crate::room::ids::RoomId;
    use crate::room::index::Entry;
    use crate::room::{Claim, Config, Event};
    use crate::store::memory::MemoryStore;
    use yrs::{Doc, ReadTxn, Text, Transact};

    const D: DocumentId = DocumentId([1; 32]);
    const ROOM: RoomId = RoomId([0; 32]);

    fn handle(room: &mut Room, store: &MemoryStore, event: Event) {
        room.handle(event, room.now + 1_000.0);
        while let Some(action) = room.poll() {
            if let Action::Write { number, write } = action {
                let written = Ok(store.apply(ROOM, &write));
                room.handle(Event::Written { number, written }, room.now + 1_000.0);
            }
        }
    }

    /// The update that comes of typing.
    fn typed(doc: &Doc, text: &str) -> Vec<u8> {
        let content = doc.get_or_insert_text("text");
        let mut transaction = doc.transact_mut();
        content.push(&mut transaction, text);
        transaction.encode_update_v1()
    }

    /// A page that has loaded what is in the store.
    fn page(store: &MemoryStore, seed: u8) -> Room {
        let (prefix, name, seed) = ("prefix".into(), "room".into(), [seed; 32]);
        let config = Config { prefix, name, secret: None, servers: 0, seed, history: true, tabs: false };
        let mut room = Room::join(config, 0.0);
        handle(&mut room, store, Event::Restored(Ok(store.take(ROOM))));
        room
    }

    #[test]
    fn what_was_owned_of_a_document_that_was_sought_when_the_store_was_lost_is_noted_when_it_is_held() {
        let store = MemoryStore::default();
        let doc = Doc::with_client_id(7);
        let (first, second) = (typed(&doc, "a"), typed(&doc, "b"));
        let (content_type, format) = ("file".into(), "text".into());
        let entry = Entry { path: "a".into(), document: D, content_type, format };
        let state_vector = doc.transact().state_vector().encode_v1();
        let owned = Owned { name: "a".into(), entry, state_vector: state_vector.clone() };
        let row = Row { document: D, updates: vec![second.into()], continues: false };
        store.apply(ROOM, &Write { owned: vec![owned], appended: vec![row], ..Write::default() });
        let mut room = page(&store, 1);
        store.clear();
        handle(&mut room, &store, Event::HistoryLost);
        room.integrate(D, &first.into(), true).unwrap();
        room.held(D);
        handle(&mut room, &store, Event::Wake);
        let noted = store.history(ROOM).owned;
        assert_eq!(noted.iter().map(|owned| &owned.state_vector).collect::<Vec<_>>(), [&state_vector]);
    }

    /// Two pages that have loaded a document which one before them has made, and what types in it.
    fn two_pages() -> (MemoryStore, Doc, [Room; 2]) {
        let store = MemoryStore::default();
        let doc = Doc::with_client_id(7);
        let (path, content_type, format) = ("a".into(), "file".into(), "text".into());
        let claim =
            Claim { path, document: D, content_type, format, update: typed(&doc, "a"), replace: false };
        handle(&mut page(&store, 1), &store, Event::Claim { number: 1, claim });
        let pages = [page(&store, 2), page(&store, 3)];
        (store, doc, pages)
    }

    #[test]
    fn what_is_typed_in_a_document_that_another_page_has_taken_from_the_store_is_kept_with_the_document() {
        let (store, doc, [mut shows, _]) = two_pages();
        handle(&mut shows, &store, Event::Attach(D));
        handle(&mut shows, &store, Event::Release(D));
        handle(&mut shows, &store, Event::Remove("a".into()));
        drop(page(&store, 4)); // it takes it for nobody's
        handle(&mut shows, &store, Event::Edited { document: D, update: typed(&doc, "b") });
        assert!(shows.status().kept);
        drop(shows);
        let next = page(&store, 5);
        assert_eq!(next.orphans().count(), 1);
        assert_eq!(next.state_vector(D), Some(doc.transact().state_vector().encode_v1()));
    }

    #[test]
    fn what_one_page_renames_stays_in_the_store_when_another_deletes_it_at_the_same_time() {
        let (store, doc, [mut renames, mut deletes]) = two_pages();
        handle(&mut renames, &store, Event::Rename { from: "a".into(), to: "b".into() });
        handle(&mut deletes, &store, Event::Remove("a".into()));
        assert!(renames.status().kept);
        drop((renames, deletes));
        let next = page(&store, 4);
        assert_eq!(next.entry("b").map(|entry| entry.document), Some(D));
        assert_eq!(next.state_vector(D), Some(doc.transact().state_vector().encode_v1()));
    }

    #[test]
    fn what_one_tab_shows_stays_in_the_store_when_another_tab_forgets_it() {
        let (store, doc, [mut forgets, mut shows]) = two_pages();
        handle(&mut shows, &store, Event::Attach(D));
        for room in [&mut shows, &mut forgets] {
            handle(room, &store, Event::Remove("a".into()));
        }
        handle(&mut shows, &store, Event::Edited { document: D, update: typed(&doc, "b") });
        assert!(shows.status().kept && forgets.status().kept);
        drop(shows); // it crashes
        let next = page(&store, 4);
        assert_eq!(next.orphans().count(), 1);
        let all = doc.transact().state_vector().encode_v1();
        assert_eq!(next.state_vector(D), Some(all));
    }
}

//! History: what a room's store keeps, so that a reload, a crash or a day without network goes on
//! with the same documents.
//!
//! The store is an append-only log: each record holds some updates of one document and gets a key when
//! it is written. A document's records are one *snapshot* and the *tail* of what came after it. When the
//! tail has become many records it is written as one; when the replica has been compacted, both are
//! written anew. A write takes place as a whole or not at all, old records go in the same write that
//! brings the new ones, and only records that this page knows are ever taken away. (A large snapshot is
//! several records, see [`super::record`].) So another page of
//! the same browser may write to the same log: what both wrote is there twice, which updates don't
//! mind, until a page loads it all and compacts it. But another page may also take away what this one
//! builds upon. So a write names a record of each document that it goes on with; where that is gone, the
//! document is written once more.
//!
//! One write is under way at a time. What comes meanwhile waits, and goes together.

mod last_words;

use std::mem;

use super::bytes::Bytes;
use super::clients::GivenBack;
use super::ids::DocumentId;
use super::index::Line;
use super::limits::Millis;
use super::record::cut;
pub use super::record::{History, Key, Owned, Record, Row, Write, Written};
use super::replica::Replica;
use super::sorted::SortedMap;
pub use last_words::LastWords;

/// Records of a tail before they are written as one.
const TAIL_RECORDS: usize = 200;
/// Between two writes there is at least this, so that a class that types costs ten writes a second.
const PAUSE: Millis = 100.0;
/// The first wait after a write that failed; doubled each time, up to the last.
const RETRY_FIRST: Millis = 2_000.0;
const RETRY_LAST: Millis = 120_000.0;

/// What of a document is still to be written.
#[derive(Default)]
struct Pending {
    scope: Scope,
    updates: Vec<Bytes>,
    owned: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    /// What has come.
    #[default]
    News,
    /// The tail, as one record.
    Tail,
    /// Snapshot and tail.
    Whole,
    /// Nothing; what is in the store goes.
    Gone,
}

/// The records of a document that are in the store.
#[derive(Default)]
struct Kept {
    snapshot: Vec<Key>,
    tail: Vec<Key>,
    /// They hold all of the document, but for what is pending, and no other page takes them away.
    whole: bool,
}

impl Kept {
    fn new(keys: &[Key], snapshot: usize, whole: bool) -> Self {
        let (snapshot, tail) = keys.split_at(snapshot.min(keys.len()));
        Self { snapshot: snapshot.to_vec(), tail: tail.to_vec(), whole }
    }
}

/// A write that has not been acknowledged.
struct UnderWay {
    number: u32,
    write: Write,
    documents: Vec<Rows>,
}

/// How many of a write's records are a document's, and how many of these its snapshot.
struct Rows {
    document: DocumentId,
    scope: Scope,
    snapshot: usize,
    all: usize,
    /// What of it was not in the store before.
    news: Vec<Bytes>,
    owned: bool,
}

/// What a document looks like to whoever writes it.
pub struct View<'a> {
    pub replica: &'a Replica,
    pub owned: Option<Owned>,
}

/// What is kept, what is to be kept, and what is under way.
#[derive(Default)]
pub struct Keeper {
    enabled: bool,
    /// It is known what the store has.
    restored: bool,
    /// That is not waited for any more.
    waived: bool,
    kept: SortedMap<DocumentId, Kept>,
    /// The names of what the store has of this person's own in a document, and this page knows.
    owned: SortedMap<DocumentId, Vec<String>>,
    lines: SortedMap<String, Line>,
    pending: SortedMap<DocumentId, Pending>,
    heard: Vec<String>,
    under_way: Option<UnderWay>,
    numbered: u32,
    write_at: Millis,
    failures: u32,
}

impl Keeper {
    /// A keeper that waits to hear what the store has; one that is not `enabled` keeps nothing.
    pub fn new(enabled: bool) -> Self {
        Self { enabled, restored: !enabled, ..Self::default() }
    }

    /// Whether it is known what the store has.
    pub fn is_restored(&self) -> bool {
        self.restored
    }

    /// Whether that is still to be waited for.
    pub fn is_awaited(&self) -> bool {
        !self.restored && !self.waived
    }

    /// It takes too long. When the store answers after all, what it has is taken then.
    pub fn waive(&mut self) {
        self.waived = true;
    }

    /// Whether all there is has been written.
    pub fn is_done(&self) -> bool {
        !self.enabled || (self.has_nothing() && self.under_way.is_none())
    }

    fn has_nothing(&self) -> bool {
        self.pending.is_empty() && self.lines.is_empty() && self.heard.is_empty()
    }

    /// The store can't be used at all.
    pub fn give_up(&mut self) {
        *self = Self { restored: true, ..Self::default() };
    }

    /// The store has these records of a document, in this order, and all that is here is in them. The first
    /// `snapshot` of them hold what the replica's snapshot is now, and nothing else; 0 when none do.
    pub fn found(&mut self, document: DocumentId, keys: &[Key], snapshot: usize) {
        self.pending.remove(&document);
        let kept = Kept::new(keys, snapshot, true);
        if snapshot == 0 {
            self.rewrite(document);
        } else if kept.tail.len() > TAIL_RECORDS {
            self.raise(document, Scope::Tail);
        }
        self.kept.insert(document, kept);
    }

    /// The store has these records of a document, and lacks something: there is a gap in them, or the page
    /// had the document before it heard of them.
    pub fn found_in_part(&mut self, document: DocumentId, keys: &[Key]) {
        self.kept.insert(document, Kept::new(keys, 0, false));
        self.rewrite(document);
    }

    /// What a page before said last is here, and with the next write in the store.
    pub fn heard(&mut self, last_words: String) {
        self.heard.push(last_words);
    }

    /// It is known now what the store has.
    pub fn restored(&mut self) {
        self.restored = true;
    }

    /// A line of the index is new.
    pub fn line(&mut self, line: &Line) {
        if self.enabled {
            self.lines.insert(line.path.clone(), line.clone());
        }
    }

    /// A document has these updates more.
    pub fn append(&mut self, document: DocumentId, updates: &[Bytes], owned: bool) {
        if self.enabled {
            let pending = self.pending.get_or_default(document);
            pending.updates.extend_from_slice(updates);
            pending.owned |= owned;
        }
    }

    /// What is kept of a document as this person's own has changed.
    pub fn own(&mut self, document: DocumentId) {
        self.append(document, &[], true);
    }

    /// The store has this of this person's own in a document.
    pub fn found_owned(&mut self, owned: &Owned) {
        self.owned.get_or_default(owned.entry.document).push(owned.name.clone());
    }

    /// A document is new here, or has been compacted.
    pub fn rewrite(&mut self, document: DocumentId) {
        self.raise(document, Scope::Whole);
    }

    /// Another page may take away what the store has of a document: this one writes it once more.
    pub fn keep_apart(&mut self, document: DocumentId) {
        self.kept.get_or_default(document).whole = false;
        self.rewrite(document);
        self.own(document);
    }

    /// A document is nobody's any more.
    pub fn forget(&mut self, document: DocumentId) {
        if let Some(kept) = self.kept.get_mut(&document) {
            kept.whole = false;
        }
        self.raise(document, Scope::Gone);
        if let Some(pending) = self.pending.get_mut(&document) {
            pending.updates.clear();
        }
    }

    /// What was in the store is gone: all of these are to be written again.
    pub fn lost(&mut self, documents: impl Iterator<Item = DocumentId>) {
        self.kept.clear();
        self.heard.extend(self.under_way.take().into_iter().flat_map(|under_way| under_way.write.heard));
        documents.for_each(|document| self.keep_apart(document));
    }

    fn raise(&mut self, document: DocumentId, scope: Scope) {
        if self.enabled {
            let pending = self.pending.get_or_default(document);
            pending.scope = match (pending.scope, scope) {
                // It is back, but not what this person wrote in it before.
                (Scope::Gone, Scope::Whole) => {
                    pending.owned = true;
                    Scope::Whole
                }
                (before, scope) => before.max(scope),
            };
        }
    }

    /// When to ask for the next write, if there is something to write.
    pub fn wake_at(&self) -> Millis {
        let waits = self.enabled && self.restored && self.under_way.is_none() && !self.is_done();
        if waits { self.write_at } else { Millis::INFINITY }
    }

    /// The next write, if it is time for one. `view` shows a document that is held.
    pub fn next_write<'a>(
        &mut self,
        now: Millis,
        view: impl Fn(DocumentId) -> Option<View<'a>>,
    ) -> Option<(u32, Write)> {
        (self.wake_at() <= now).then(|| self.write(now, view))
    }

    /// All that is to be written, with what is given back, and what is under way once more, for nobody will
    /// hear whether that took place: the page is about to go.
    pub fn last_write<'a>(
        &mut self,
        now: Millis,
        given_back: Option<GivenBack>,
        view: impl Fn(DocumentId) -> Option<View<'a>>,
    ) -> Option<(u32, Write)> {
        if let Some(number) = self.under_way.as_ref().map(|under_way| under_way.number) {
            self.failed(number, now);
        }
        if !self.enabled || (self.has_nothing() && given_back.is_none()) {
            return None;
        }
        let last = Some(self.last_words(&view));
        if !self.restored {
            return Some((self.numbered, Write { last, ..Write::default() }));
        }
        let (number, write) = self.write(now, view);
        Some((number, Write { given_back, last, ..write }))
    }

    fn write<'a>(&mut self, now: Millis, view: impl Fn(DocumentId) -> Option<View<'a>>) -> (u32, Write) {
        self.numbered += 1;
        let mut write = Write {
            lines: mem::take(&mut self.lines).into_entries().map(|(_, line)| line).collect(),
            heard: mem::take(&mut self.heard),
            ..Write::default()
        };
        let mut documents = Vec::new();
        for (document, pending) in mem::take(&mut self.pending).into_entries() {
            let Pending { scope, owned, .. } = pending;
            let known = self.owned.get_or_default(document);
            if scope == Scope::Gone {
                write.disowned.extend_from_slice(known);
                write.gone.push((document, self.keys(document, scope)));
                documents.push(Rows { document, scope, snapshot: 0, all: 0, news: Vec::new(), owned });
                continue;
            }
            let Some(view) = view(document) else { continue };
            if owned {
                write.disowned.extend_from_slice(known);
                if let Some(mut owned) = view.owned {
                    owned.name = format!("{} {}", owned.name, self.numbered);
                    known.push(owned.name.clone());
                    write.owned.push(owned);
                }
            }
            let snapshot = match scope {
                Scope::Whole => cut(document, view.replica.snapshot()),
                _ => Vec::new(),
            };
            let tail = match scope {
                Scope::News => pending.updates.clone(),
                _ => view.replica.tail(),
            };
            let tail = cut(document, tail);
            documents.push(Rows {
                document,
                scope,
                snapshot: snapshot.len(),
                all: snapshot.len() + tail.len(),
                news: pending.updates,
                owned,
            });
            write.appended.extend(snapshot.into_iter().chain(tail));
            if scope != Scope::Whole {
                let base = self.kept.get(&document).and_then(|kept| kept.snapshot.first());
                write.bases.extend(base.map(|key| (document, *key)));
            }
            write.dropped.extend(self.keys(document, scope));
        }
        self.write_at = now + PAUSE;
        self.under_way = Some(UnderWay { number: self.numbered, write: write.clone(), documents });
        (self.numbered, write)
    }

    fn keys(&self, document: DocumentId, scope: Scope) -> Vec<Key> {
        let Some(kept) = self.kept.get(&document) else { return Vec::new() };
        match scope {
            Scope::News => Vec::new(),
            Scope::Tail => kept.tail.clone(),
            Scope::Whole | Scope::Gone => kept.snapshot.iter().chain(&kept.tail).copied().collect(),
        }
    }

    /// The write with this number took place. True if writes had failed before.
    pub fn written(&mut self, number: u32, written: Written) -> bool {
        let Some(done) = self.under_way.take_if(|under_way| under_way.number == number) else { return false };
        let mut keys = written.keys.into_iter();
        for Rows { document, scope, snapshot, all, .. } in done.documents {
            let new: Vec<_> = keys.by_ref().take(all).collect();
            self.owned.get_or_default(document).retain(|name| !done.write.disowned.contains(name));
            let kept = self.kept.get_or_default(document);
            // Unless something has come between, what was written is all that is here.
            let whole = self.pending.get(&document).is_none_or(|pending| pending.scope < Scope::Whole);
            match scope {
                Scope::News => kept.tail.extend(new),
                Scope::Tail => kept.tail = new,
                Scope::Whole => *kept = Kept::new(&new, snapshot, whole),
                // They may be there still. If the document comes back, they go then.
                Scope::Gone => {}
            }
            if self.kept.get(&document).is_some_and(|kept| kept.tail.len() > TAIL_RECORDS) {
                self.raise(document, Scope::Tail);
            }
        }
        written.baseless.into_iter().for_each(|document| self.keep_apart(document));
        mem::take(&mut self.failures) > 0
    }

    /// It did not, and nothing of it is in the store. It is tried again later.
    pub fn failed(&mut self, number: u32, now: Millis) {
        let Some(failed) = self.under_way.take_if(|under_way| under_way.number == number) else { return };
        let wait = (RETRY_FIRST * f64::from(1 << self.failures.min(10))).min(RETRY_LAST);
        self.failures += 1;
        self.write_at = now + wait;
        for line in failed.write.lines {
            self.lines.get_or_insert_with(line.path.clone(), || line);
        }
        self.heard.extend(failed.write.heard);
        for Rows { document, scope, news, owned, .. } in failed.documents {
            let pending = self.pending.get_or_default(document);
            pending.owned |= owned;
            pending.updates.splice(0..0, news);
            // What has come since comes after it: a document that was to go may be back.
            let since = mem::replace(&mut pending.scope, scope);
            self.raise(document, since);
        }
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::room::index::Entry;
    use crate::room::record::LENGTH;
    use yrs::{Doc, Text, Transact};

    pub const D: DocumentId = DocumentId([1; 32]);

    pub struct Author {
        doc: Doc,
        pub replica: Replica,
        pub keeper: Keeper,
        pub now: Millis,
    }

    impl Author {
        pub fn new() -> Self {
            let mut keeper = Keeper::new(true);
            keeper.restored();
            let mut author =
                Self { doc: Doc::with_client_id(1), replica: Replica::default(), keeper, now: 0.0 };
            author.types("a");
            author.keeper.rewrite(D);
            author
        }

        /// One whose first write has taken place.
        pub fn kept() -> (Self, Write) {
            let mut author = Self::new();
            let (number, write) = author.next().unwrap();
            author.keeper.written(number, keys([1]));
            (author, write)
        }

        pub fn types(&mut self, text: &str) {
            let content = self.doc.get_or_insert_text("text");
            let mut transaction = self.doc.transact_mut();
            content.push(&mut transaction, text);
            let update: Bytes = transaction.encode_update_v1().into();
            self.replica.integrate(update.clone()).unwrap();
            self.keeper.append(D, &[update], true);
        }

        pub fn next(&mut self) -> Option<(u32, Write)> {
            self.now += PAUSE;
            let Self { replica, keeper, now, .. } = self;
            keeper.next_write(*now, |_| Some(View { replica, owned: Some(owned(replica)) }))
        }

        /// All that is written down before this page goes.
        pub fn goes(&mut self) -> Option<(u32, Write)> {
            let Self { replica, keeper, now, .. } = self;
            keeper.last_write(*now, None, |_| Some(View { replica, owned: Some(owned(replica)) }))
        }

        pub fn last_words(&mut self) -> LastWords {
            self.goes().and_then(|(_, write)| write.last).unwrap_or_default()
        }
    }

    fn keys(keys: impl IntoIterator<Item = Key>) -> Written {
        Written { keys: keys.into_iter().collect(), ..Written::default() }
    }

    pub fn owned(replica: &Replica) -> Owned {
        let (content_type, format) = ("file".into(), "text".into());
        let entry = Entry { path: "a".into(), document: D, content_type, format };
        Owned { name: "a".into(), entry, state_vector: replica.state_vector() }
    }

    #[test]
    fn what_was_heard_is_told_with_a_write_that_takes_place() {
        let (mut author, _) = Author::kept();
        author.keeper.heard("words".into());
        let (number, write) = author.next().unwrap();
        assert_eq!(write.heard, ["words"]);
        author.keeper.failed(number, author.now);
        assert!(!author.keeper.is_done());
        author.now += RETRY_FIRST;
        let (number, write) = author.next().unwrap();
        assert_eq!(write.heard, ["words"]);
        author.keeper.written(number, keys([]));
        assert!(author.keeper.is_done());
    }

    #[test]
    fn what_comes_while_a_write_is_under_way_goes_together() {
        let mut author = Author::new();
        let (first, write) = author.next().unwrap();
        assert_eq!(write.appended.len(), 1, "the snapshot");
        author.types("b");
        author.types("c");
        assert!(author.next().is_none() && !author.keeper.is_done());
        author.keeper.written(first, keys([10]));
        let (second, write) = author.next().unwrap();
        assert_eq!(write.appended.iter().map(|row| row.updates.len()).collect::<Vec<_>>(), [2]);
        assert!(write.dropped.is_empty());
        author.keeper.written(second, keys([11]));
        assert!(author.keeper.is_done() && author.next().is_none());
    }

    #[test]
    fn a_write_that_failed_is_tried_again_with_what_came_after_it() {
        let mut author = Author::new();
        let (first, _) = author.next().unwrap();
        author.keeper.written(first, keys([1]));
        author.types("b");
        let (second, failed) = author.next().unwrap();
        author.types("c");
        author.keeper.failed(second, author.now);
        assert!(author.next().is_none(), "not at once");
        author.now += RETRY_FIRST;
        let (third, write) = author.next().unwrap();
        assert_eq!(write.appended[0].updates[..1], failed.appended[0].updates);
        assert_eq!(write.appended[0].updates.len(), 2);
        assert_eq!(write.owned.len(), 1);
        assert!(author.keeper.written(third, keys([2])), "it works again");
    }

    #[test]
    fn a_long_tail_becomes_one_record_and_the_old_ones_go_with_the_same_write() {
        let mut author = Author::new();
        let (number, _) = author.next().unwrap();
        author.keeper.written(number, keys([0]));
        for key in 1..=TAIL_RECORDS as Key + 1 {
            author.types("x");
            let (number, _) = author.next().unwrap();
            author.keeper.written(number, keys([key]));
        }
        let (number, write) = author.next().unwrap();
        assert_eq!(write.dropped, (1..=TAIL_RECORDS as Key + 1).collect::<Vec<_>>());
        assert_eq!(write.appended.len(), 1);
        assert_eq!(write.appended[0].updates.len(), TAIL_RECORDS + 1);
        author.keeper.written(number, keys([1_000]));
        author.replica.compact();
        author.keeper.rewrite(D);
        let (_, write) = author.next().unwrap();
        assert_eq!((write.dropped, write.appended.len()), (vec![0, 1_000], 1));
    }

    #[test]
    fn a_large_snapshot_is_several_records_that_come_and_go_together() {
        let mut author = Author::new();
        author.types(&"long ".repeat(LENGTH / 2));
        author.replica.compact();
        let (number, write) = author.next().unwrap();
        let count = write.appended.len() as Key;
        assert_eq!(count, 3);
        author.keeper.failed(number, author.now);
        author.now += RETRY_FIRST;
        let (number, again) = author.next().unwrap();
        assert_eq!(write.appended, again.appended);
        author.keeper.written(number, keys(1..=count));
        author.keeper.rewrite(D);
        let (_, write) = author.next().unwrap();
        assert_eq!(write.dropped, (1..=count).collect::<Vec<_>>());
    }

    #[test]
    fn a_document_that_is_forgotten_leaves_nothing() {
        let mut author = Author::new();
        let (number, _) = author.next().unwrap();
        author.keeper.written(number, keys([5]));
        author.types("b");
        author.keeper.forget(D);
        let (number, write) = author.next().unwrap();
        assert_eq!((write.gone, write.appended.len(), write.owned), (vec![(D, vec![5])], 0, Vec::new()));
        assert_eq!(write.disowned.len(), 1);
        author.keeper.written(number, keys([]));
        author.keeper.rewrite(D);
        let (_, write) = author.next().unwrap();
        assert_eq!((write.dropped, write.appended.len()), (vec![5], 2), "it came back");
    }

    #[test]
    fn a_document_that_is_back_before_it_could_be_taken_away_is_kept() {
        let taken_away = || {
            let (mut author, _) = Author::kept();
            author.keeper.forget(D);
            let (number, write) = author.next().unwrap();
            assert_eq!((write.gone, write.appended.len()), (vec![(D, vec![1])], 0));
            author.keeper.rewrite(D);
            (author, number)
        };
        let (mut author, number) = taken_away();
        author.keeper.failed(number, author.now);
        author.now += RETRY_FIRST;
        let (_, write) = author.next().unwrap();
        assert_eq!((write.dropped, write.appended.len()), (vec![1], 1), "it failed");
        let (_, write) = taken_away().0.goes().unwrap();
        assert_eq!((write.dropped, write.appended.len()), (vec![1], 1), "the page goes");
    }

    #[test]
    fn what_is_built_upon_a_record_that_is_not_there_is_written_with_all_the_rest() {
        let (mut author, _) = Author::kept();
        author.types("b");
        let (number, write) = author.next().unwrap();
        assert_eq!((write.bases, write.appended.len()), (vec![(D, 1)], 1));
        author.keeper.written(number, Written { keys: vec![2], baseless: vec![D] });
        assert!(!author.keeper.is_done());
        let (_, write) = author.next().unwrap();
        assert_eq!((write.bases, write.appended.len(), write.owned.len()), (vec![], 2, 1));
    }

    #[test]
    fn what_was_owned_of_a_document_goes_with_it_even_if_it_is_back_at_once() {
        let (mut author, _) = Author::kept();
        author.keeper.forget(D);
        author.keeper.rewrite(D);
        let (_, write) = author.next().unwrap();
        assert_eq!((write.appended.len(), write.owned.len()), (1, 1));
    }

    #[test]
    fn what_waits_for_others_is_not_written_and_the_document_comes_back_whole() {
        let (mut author, _) = Author::kept();
        let other = Doc::with_client_id(2);
        let content = other.get_or_insert_text("text");
        content.push(&mut other.transact_mut(), "not here");
        let mut transaction = other.transact_mut();
        content.push(&mut transaction, "early");
        let early = transaction.encode_update_v1();
        author.replica.integrate(early.into()).unwrap();
        assert!(author.replica.waits());
        author.types("b");
        author.keeper.rewrite(D);
        let (_, write) = author.next().unwrap();
        let mut again = Replica::default();
        for update in write.appended.iter().flat_map(|row| &row.updates) {
            again.integrate(update.clone()).unwrap();
        }
        assert!(!again.waits());
        assert_eq!(again.state_vector(), author.replica.state_vector());
    }

    #[test]
    fn nothing_is_written_before_it_is_known_what_is_there() {
        let mut keeper = Keeper::new(true);
        keeper.line(&Line { path: "a".into(), resident: None, lamport: 1, since: 0 });
        assert!(keeper.next_write(1e9, |_| None).is_none());
        keeper.restored();
        assert!(keeper.next_write(1e9, |_| None).is_some());
    }

    #[test]
    fn who_keeps_nothing_writes_nothing() {
        let mut keeper = Keeper::new(false);
        keeper.rewrite(D);
        assert!(keeper.is_restored() && keeper.is_done() && keeper.wake_at().is_infinite());
    }
}

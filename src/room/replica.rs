//! One document, as a page holds it for the room.
//!
//! A live yrs `Doc` of a large notebook costs twice its size and more, and wasm memory never shrinks.
//! So a replica holds only updates as they came: a *snapshot*, a *tail* of later updates, and the
//! *state vector* of both. Bytes that come in are the bytes that go out. A `Doc` is brought up for a
//! moment to compact, which also drops the content of what was deleted, and is freed again.
//!
//! A Yjs update continues the history of the clients in it. One whose beginning lies beyond the state
//! vector comes too early (another lane, another peer was slower): it waits in `ahead` until what is
//! before it has arrived, so that the page's own Y.Doc is only ever given what it can use.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;
use yrs::updates::encoder::Encode;
use yrs::{IdSet, StateVector, Update};

use super::bytes::Bytes;
use super::limits;
use super::ranges::{add, covers};
use super::update::{Outline, read_state_vector};
use super::waiting::{Early, Waiting};

/// Compact when the tail is this many bytes, or a quarter of the snapshot, whichever is more. It
/// bounds the tail that has to be read when the document is opened again; that a shorter one than this
/// opens sooner could not be measured.
const TAIL: usize = 64 * 1024;

/// Why an update or a state vector was refused.
#[derive(Debug, Error, PartialEq)]
pub enum ReplicaError {
    #[error("an update that cannot be read")]
    UnreadableUpdate,
    #[error("a state vector that cannot be read")]
    UnreadableStateVector,
    #[error("more than {} bytes of updates that wait for earlier ones", limits::AHEAD_BYTES)]
    TooFarAhead,
}

/// What a replica has, as hashes: who has the same has the same ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fingerprint {
    pub state: u64,
    /// A state vector does not tell what has been deleted.
    pub deletions: u64,
}

/// The document's updates, in the order in which they were integrated.
#[derive(Default)]
pub struct Replica {
    snapshot: Option<Bytes>,
    tail: Vec<Bytes>,
    tail_bytes: usize,
    /// Whether something was deleted by what is in the tail.
    tail_deletes: bool,
    state_vector: StateVector,
    deleted: IdSet,
    ahead: Waiting,
    /// The length of a tail that could not be merged, doubled.
    cannot_merge: usize,
    /// yrs is not to take any of it apart, see [`Outline`].
    is_for_yjs_only: bool,
}

impl Replica {
    /// Takes an update from anywhere. Returns those that can be applied now, in order: this one and
    /// whatever waited for it, or none when it waits itself or brings nothing.
    pub fn integrate(&mut self, update: Bytes) -> Result<Vec<Bytes>, ReplicaError> {
        let outline = Outline::of(&update).map_err(|_| ReplicaError::UnreadableUpdate)?;
        if !outline.brings_anything_new(&self.state_vector, &self.deleted) {
            return Ok(Vec::new());
        }
        if let Some(lack) = outline.lacks(&self.state_vector) {
            let kept = self.ahead.put(lack, Early { update, outline });
            return kept.map(|()| Vec::new()).map_err(|_| ReplicaError::TooFarAhead);
        }
        let mut integrated = Vec::new();
        self.append(update, &outline, &mut integrated);
        self.take_what_waited(outline, &mut integrated);
        Ok(integrated)
    }

    /// Takes what waited for `outline`, and what waited for that.
    fn take_what_waited(&mut self, outline: Outline, integrated: &mut Vec<Bytes>) {
        let mut came = vec![outline];
        while let Some(outline) = came.pop() {
            for (client, ..) in outline.inserts {
                for early in self.ahead.take(client, self.state_vector.get(&client)) {
                    came.extend(self.look_again(early, integrated));
                }
            }
        }
    }

    /// Takes an update that waited, if it waits no longer.
    fn look_again(&mut self, early: Early, integrated: &mut Vec<Bytes>) -> Option<Outline> {
        if let Some(lack) = early.outline.lacks(&self.state_vector) {
            // There was room for it before.
            self.ahead.put(lack, early).ok();
            return None;
        }
        let Early { update, outline } = early;
        let is_new = outline.brings_anything_new(&self.state_vector, &self.deleted);
        is_new.then(|| {
            self.append(update, &outline, integrated);
            outline
        })
    }

    fn append(&mut self, update: Bytes, outline: &Outline, integrated: &mut Vec<Bytes>) {
        for &(client, _, end) in &outline.inserts {
            self.state_vector.set_max(client, end);
        }
        add(&mut self.deleted, &outline.deletes);
        self.is_for_yjs_only |= outline.is_for_yjs_only;
        match self.snapshot {
            None => self.snapshot = Some(update.clone()),
            Some(_) => {
                self.tail_bytes += update.len();
                self.tail_deletes |= !outline.deletes.is_empty();
                self.tail.push(update.clone());
            }
        }
        integrated.push(update);
    }

    /// How far a client has come: its next clock. None while updates wait for earlier ones, which may be
    /// this client's.
    pub fn clock(&self, client: u64) -> Option<u32> {
        let clock = self.state_vector.iter().find(|(id, _)| id.get() == client).map(|(_, clock)| *clock);
        (!self.waits()).then_some(clock.unwrap_or(0))
    }

    /// The state vector, encoded as Yjs does.
    pub fn state_vector(&self) -> Vec<u8> {
        self.state_vector.encode_v1()
    }

    /// What is here, in few bytes.
    pub fn fingerprint(&self) -> Fingerprint {
        // In the order of the clients: a state vector comes in any.
        let mut clocks = BTreeMap::new();
        for (client, clock) in self.state_vector.iter() {
            clocks.insert(*client, *clock);
        }
        let clocks: Vec<_> = clocks.iter().map(|(client, clock)| (client.get(), *clock)).collect();
        let state = postcard::to_allocvec(&clocks).unwrap_or_default();
        Fingerprint { state: hash(&state), deletions: hash(&self.deleted.encode_v1()) }
    }

    /// Whether a peer with this state vector has something that we lack.
    pub fn lacks(&self, state_vector: &[u8]) -> Result<bool, ReplicaError> {
        let other = decode_state_vector(state_vector)?;
        Ok(other.iter().any(|(client, clock)| *clock > self.state_vector.get(client)))
    }

    /// Whether some updates still wait for earlier ones.
    pub fn waits(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Everything, as the updates it is made of.
    pub fn content(&self) -> impl Iterator<Item = &Bytes> {
        self.snapshot.iter().chain(&self.tail)
    }

    /// The updates that came after the snapshot. Those that still wait for earlier ones are others', who send
    /// them again; in the store they would make a whole document one with a gap.
    pub fn tail(&self) -> Vec<Bytes> {
        self.tail.clone()
    }

    /// How many bytes are looked through to find what somebody lacks. Who has nothing is given all there is.
    pub fn bytes_compared(&self, state_vector: &[u8]) -> usize {
        let snapshot = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.len());
        if state_vector.len() > 1 { snapshot + self.tail_bytes } else { 0 }
    }

    /// The update that the others came after, if there is anything.
    pub fn snapshot(&self) -> Vec<Bytes> {
        self.snapshot.iter().cloned().collect()
    }

    /// Whether the snapshot is this very update.
    pub fn begins_with(&self, update: &Bytes) -> bool {
        self.snapshot.as_ref().is_some_and(|snapshot| snapshot.is(update))
    }

    /// What a replica with this state vector lacks, as one or two updates. All deletions are
    /// included: a state vector does not tell which of them are known.
    pub fn missing_from(&self, state_vector: &[u8]) -> Result<Vec<Bytes>, ReplicaError> {
        let known = decode_state_vector(state_vector)?;
        if self.state_vector.iter().all(|(client, clock)| *clock <= known.get(client)) {
            return Ok(self.only_deletions());
        }
        let is_given_all = known.is_empty() || self.is_for_yjs_only;
        let mut updates = Vec::new();
        for update in self.snapshot.iter().cloned().chain(self.merged_tail()) {
            // Yjs takes more than yrs does (half a surrogate pair in an embed, for one). What yrs cannot
            // cut is sent whole: nothing is lost by hearing it twice.
            let difference =
                (!is_given_all).then(|| yrs::diff_updates_v1(&update, state_vector).ok()).flatten();
            match difference {
                None => updates.push(update),
                Some(difference) if difference == Update::EMPTY_V1 => {}
                Some(difference) => updates.push(difference.into()),
            }
        }
        Ok(updates)
    }

    /// An update without content. yrs would take all of it apart to find as much.
    fn only_deletions(&self) -> Vec<Bytes> {
        let no_clients = [0];
        let update = || [&no_clients[..], &self.deleted.encode_v1()].concat().into();
        (!self.deleted.is_empty()).then(update).into_iter().collect()
    }

    fn merged_tail(&self) -> Vec<Bytes> {
        if self.tail.len() < 2 || self.is_for_yjs_only {
            return self.tail.clone();
        }
        let merged = yrs::merge_updates_v1(self.tail.iter().map(|update| &update[..]));
        merged.map_or_else(|_| self.tail.clone(), |merged| vec![merged.into()])
    }

    /// Whether it is time to compact. A keystroke is some 30 bytes, but each costs a look when
    /// somebody asks for the difference. Few large updates that delete nothing are as good as they get:
    /// encoding 40 MB again would hold up the page for nothing.
    pub fn is_long(&self) -> bool {
        let snapshot = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.len());
        self.tail_length() > TAIL.max(snapshot / 4).max(self.cannot_merge)
    }

    fn tail_length(&self) -> usize {
        let bytes = if self.tail_deletes { self.tail_bytes } else { 0 };
        bytes.max(self.tail.len() * 256)
    }

    /// Makes one update of snapshot and tail, if that is possible. Nothing is dropped, not even what was
    /// deleted.
    pub fn compact(&mut self) -> bool {
        let merge = || yrs::merge_updates_v1(self.content().map(|update| &update[..])).ok();
        match (!self.is_for_yjs_only).then(merge).flatten() {
            Some(merged) => {
                self.replace(merged.into());
                true
            }
            // See `missing_from`. It stays as it is, and is tried again when it is twice as long.
            None => {
                self.cannot_merge = 2 * self.tail_length();
                false
            }
        }
    }

    /// Takes the page's own encoding of the whole document instead, which leaves out the content of
    /// what was deleted. False, and nothing is changed, when it is not the same state.
    pub fn compact_to(&mut self, whole: Bytes) -> bool {
        let Ok(outline) = Outline::of(&whole) else { return false };
        let same = outline.reached() == self.state_vector && covers(&outline.deletes, &self.deleted);
        if same {
            self.deleted.merge_with(outline.deletes);
            self.replace(whole);
        }
        same
    }

    fn replace(&mut self, snapshot: Bytes) {
        self.snapshot = Some(snapshot);
        self.tail.clear();
        self.tail_bytes = 0;
        self.tail_deletes = false;
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let hash = Sha256::digest(bytes);
    u64::from_be_bytes(std::array::from_fn(|i| hash[i]))
}

fn decode_state_vector(bytes: &[u8]) -> Result<StateVector, ReplicaError> {
    read_state_vector(bytes).map_err(|_| ReplicaError::UnreadableStateVector)
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::Index;
    use yrs::updates::decoder::Decode;
    use yrs::{Doc, GetString, ReadTxn, Text, Transact};

    /// One thing that somebody does in a text.
    #[derive(Clone, Debug)]
    enum Edit {
        Insert(usize, Index, String),
        Delete(usize, Index, Index),
        Exchange(usize, usize),
    }

    const WRITERS: usize = 3;

    fn edits() -> impl Strategy<Value = Vec<Edit>> {
        let writer = || 0..WRITERS;
        proptest::collection::vec(
            prop_oneof![
                4 => (writer(), any::<Index>(), "[a-cé😀]{1,4}").prop_map(|(w, at, text)| Edit::Insert(w, at, text)),
                2 => (writer(), any::<Index>(), any::<Index>()).prop_map(|(w, at, len)| Edit::Delete(w, at, len)),
                1 => (writer(), writer()).prop_map(|(from, to)| Edit::Exchange(from, to)),
            ],
            1..40,
        )
    }

    /// Everybody's updates, in the order in which they were made, and the text they lead to.
    fn write(edits: &[Edit]) -> (Vec<Bytes>, String) {
        let docs: Vec<_> = (1..=WRITERS as u64).map(Doc::with_client_id).collect();
        let texts: Vec<_> = docs.iter().map(|doc| doc.get_or_insert_text("text")).collect();
        let mut updates: Vec<Bytes> = Vec::new();
        for edit in edits {
            match edit {
                Edit::Insert(w, at, chunk) => {
                    let mut transaction = docs[*w].transact_mut();
                    let boundaries: Vec<_> = boundaries(&texts[*w].get_string(&transaction));
                    texts[*w].insert(&mut transaction, *at.get(&boundaries), chunk);
                    updates.push(transaction.encode_update_v1().into());
                }
                Edit::Delete(w, at, to) => {
                    let mut transaction = docs[*w].transact_mut();
                    let boundaries: Vec<_> = boundaries(&texts[*w].get_string(&transaction));
                    let (at, to) = (*at.get(&boundaries), *to.get(&boundaries));
                    texts[*w].remove_range(&mut transaction, at.min(to), at.max(to) - at.min(to));
                    updates.push(transaction.encode_update_v1().into());
                }
                Edit::Exchange(from, to) if from != to => {
                    let known = docs[*to].transact().state_vector();
                    let update = docs[*from].transact().encode_diff_v1(&known);
                    docs[*to].transact_mut().apply_update(Update::decode_v1(&update).unwrap()).unwrap();
                }
                Edit::Exchange(..) => {}
            }
        }
        (updates.clone(), text_of(&updates))
    }

    fn boundaries(text: &str) -> Vec<u32> {
        text.char_indices().map(|(at, _)| at as u32).chain([text.len() as u32]).collect()
    }

    fn text_of<'a>(updates: impl IntoIterator<Item = &'a Bytes>) -> String {
        let doc = Doc::with_client_id(99);
        let text = doc.get_or_insert_text("text");
        let mut transaction = doc.transact_mut();
        for update in updates {
            transaction.apply_update(Update::decode_v1(update).unwrap()).unwrap();
        }
        text.get_string(&transaction)
    }

    proptest! {
        #[test]
        fn any_order_of_arrival_gives_the_page_everything_once(edits in edits(), picks in proptest::collection::vec(any::<Index>(), 0..80)) {
            let (updates, expected) = write(&edits);
            let mut replica = Replica::default();
            let mut given = Vec::new();
            // Shuffled, and some delivered twice.
            let repeated = picks.iter().filter(|_| !updates.is_empty()).map(|pick| pick.get(&updates).clone());
            for update in repeated.chain(updates.iter().cloned().rev()).collect::<Vec<_>>() {
                given.extend(replica.integrate(update).unwrap());
            }
            prop_assert!(!replica.waits());
            prop_assert_eq!(text_of(&given), &expected[..]);
            prop_assert_eq!(text_of(replica.content()), &expected[..]);
            replica.compact();
            prop_assert!(replica.tail.is_empty());
            prop_assert_eq!(text_of(replica.content()), &expected[..]);
        }

        #[test]
        fn what_is_missing_completes_whoever_asks(edits in edits(), split in any::<Index>(), compacted in any::<bool>()) {
            let (updates, expected) = write(&edits);
            let mut source = Replica::default();
            let mut asking = Replica::default();
            let known = split.index(updates.len() + 1);
            for (i, update) in updates.iter().enumerate() {
                source.integrate(update.clone()).unwrap();
                if i < known {
                    asking.integrate(update.clone()).unwrap();
                }
            }
            if compacted {
                source.compact();
            }
            for update in source.missing_from(&asking.state_vector()).unwrap() {
                asking.integrate(update).unwrap();
            }
            prop_assert!(!asking.waits());
            prop_assert!(!asking.lacks(&source.state_vector()).unwrap());
            prop_assert_eq!(text_of(asking.content()), expected);
        }

        #[test]
        fn any_bytes_are_taken_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut replica = Replica::default();
            let _ = replica.integrate(Bytes::from(&bytes[..]));
            let _ = replica.missing_from(&bytes);
            let _ = replica.lacks(&bytes);
        }
    }

    #[test]
    fn a_thousand_page_loads_make_a_long_state_vector_and_the_same_fingerprint_in_any_order() {
        let updates = (0..1_000).map(|load| {
            let doc = Doc::with_client_id(u64::from(u32::MAX) - load);
            doc.get_or_insert_text("text").insert(&mut doc.transact_mut(), 0, "x");
            Bytes::from(doc.transact().encode_state_as_update_v1(&StateVector::default()))
        });
        let updates: Vec<_> = updates.collect();
        let [mut one, mut other] = [Replica::default(), Replica::default()];
        updates.iter().for_each(|update| drop(one.integrate(update.clone()).unwrap()));
        assert_eq!(one.state_vector().len(), 2 + 1_000 * 6);
        updates.iter().rev().skip(1).for_each(|update| drop(other.integrate(update.clone()).unwrap()));
        assert_ne!(one.fingerprint(), other.fingerprint());
        other.integrate(updates[999].clone()).unwrap();
        assert_eq!(one.fingerprint(), other.fingerprint());
        let digest = postcard::to_allocvec(&one.fingerprint()).unwrap();
        assert!(digest.len() <= 20, "two numbers");
    }

    #[test]
    fn who_has_everything_is_told_what_is_deleted_and_no_more() {
        let doc = Doc::with_client_id(1);
        let text = doc.get_or_insert_text("text");
        let mut replica = Replica::default();
        let mut edit = |deletes: bool| {
            let mut transaction = doc.transact_mut();
            text.insert(&mut transaction, 0, &"long ".repeat(1_000));
            if deletes {
                text.remove_range(&mut transaction, 10, 20);
            }
            replica.integrate(transaction.encode_update_v1().into()).unwrap();
            replica.missing_from(&replica.state_vector()).unwrap()
        };
        assert!(edit(false).is_empty());
        let [deletions] = &edit(true)[..] else { panic!("one update") };
        assert!(deletions.len() < 20);
        assert_eq!(Outline::of(deletions).unwrap().deletes, replica.deleted);
    }

    #[test]
    fn the_pages_own_encoding_drops_what_was_deleted() {
        let doc = Doc::with_client_id(1);
        let text = doc.get_or_insert_text("text");
        let mut replica = Replica::default();
        for _ in 0..5_000 {
            let mut transaction = doc.transact_mut();
            text.insert(&mut transaction, 0, "a progress bar");
            text.remove_range(&mut transaction, 0, 14);
            replica.integrate(transaction.encode_update_v1().into()).unwrap();
        }
        assert!(replica.is_long());
        let whole = doc.transact().encode_state_as_update_v1(&StateVector::default());
        text.insert(&mut doc.transact_mut(), 0, "more");
        let newer = doc.transact().encode_state_as_update_v1(&StateVector::default());
        assert!(!replica.compact_to(newer.into()), "it is ahead of what is here");
        let length = whole.len();
        assert!(replica.compact_to(whole.into()) && !replica.is_long());
        assert_eq!(replica.content().map(|update| update.len()).sum::<usize>(), length);
        assert!(length < 1_000, "{length}");
    }
}

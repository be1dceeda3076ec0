//! What goes to the store, and comes back from it.
//!
//! The log's records are updates, cut so that none of them is large: a browser copies what it is to
//! keep, and holds up the page for as long as that takes. So a record has some updates, or a part of a
//! large one: then it `continues` in the next record of its document.

use serde::{Deserialize, Serialize};

use super::bytes::Bytes;
use super::clients::GivenBack;
use super::history::LastWords;
use super::ids::DocumentId;
use super::index::{Entry, Line};

/// What the store calls a record.
pub type Key = u64;

/// Bytes in one record, roughly: a part of an update is never longer.
pub const LENGTH: usize = 1024 * 1024;

/// A record before it has a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub document: DocumentId,
    /// In the order in which they were integrated.
    pub updates: Vec<Bytes>,
    /// The last one goes on in the document's next record.
    pub continues: bool,
}

/// A record in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub key: Key,
    pub row: Row,
}

/// All that a store has of one room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    pub lines: Vec<Line>,
    pub owned: Vec<Owned>,
    /// In the order in which they were written.
    pub records: Vec<Record>,
    /// By the page that was in this browser tab before. It is not in the store any more.
    pub given_back: Option<GivenBack>,
    /// Of pages that went, until they are heard; each with what the store calls it.
    pub last_words: Vec<(String, LastWords)>,
}

/// What this person wrote of a document: it must not go with the document's place in the index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Owned {
    /// What the store calls it: never twice the same, so that a page takes away only what it has read or
    /// written itself.
    pub name: String,
    /// Where the document lived last.
    pub entry: Entry,
    /// The state vector of this person's own updates, encoded as Yjs does.
    pub state_vector: Vec<u8>,
}

/// One write. It takes place as a whole or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Write {
    /// To be put in place of those for the same paths.
    pub lines: Vec<Line>,
    /// To be put under their names.
    pub owned: Vec<Owned>,
    /// The names of those to be taken away.
    pub disowned: Vec<String>,
    /// New records; the store gives each a key.
    pub appended: Vec<Row>,
    /// Records to be taken away.
    pub dropped: Vec<Key>,
    /// Documents that are nobody's any more, and their records: to be taken away, unless something that is
    /// kept says after this that somebody wrote in the document. Another page may have, since.
    pub gone: Vec<(DocumentId, Vec<Key>)>,
    /// Documents of which something is written that is built upon a record, and that record.
    pub bases: Vec<(DocumentId, Key)>,
    /// For the next page of this browser tab, in place of what was there.
    pub given_back: Option<GivenBack>,
    /// What a page before said last, all of which is in the store when this is. It need not be kept.
    pub heard: Vec<String>,
    /// The page is about to go: nothing may wait, whatever that costs.
    pub last: Option<LastWords>,
}

/// What came of a write that took place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// The keys of what was appended, in order.
    pub keys: Vec<Key>,
    /// Documents whose base is not there: another page has taken it away.
    pub baseless: Vec<DocumentId>,
}

impl Row {
    /// The bytes of its updates.
    pub fn length(&self) -> usize {
        self.updates.iter().map(|update| update.len()).sum()
    }
}

/// Cuts a document's updates into records.
pub fn cut(document: DocumentId, updates: Vec<Bytes>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for update in updates {
        if update.len() > LENGTH {
            let starts = (0..update.len()).step_by(LENGTH);
            rows.extend(starts.map(|start| Row {
                document,
                continues: start + LENGTH < update.len(),
                updates: vec![update.range(start, start + LENGTH)],
            }));
            continue;
        }
        match rows.last_mut().filter(|row| row.length() + update.len() <= LENGTH) {
            Some(row) => row.updates.push(update),
            None => rows.push(Row { document, updates: vec![update], continues: false }),
        }
    }
    rows
}

/// The updates of a document's records, and of how many records the first one was made. One without its
/// end is left out.
pub fn join(rows: impl IntoIterator<Item = Row>) -> (Vec<Bytes>, usize) {
    let (mut updates, mut first, mut count): (Vec<Bytes>, _, _) = (Vec::new(), 0, 0);
    let mut parts: Vec<Bytes> = Vec::new();
    for row in rows {
        count += 1;
        let length = row.updates.len();
        for (i, update) in row.updates.into_iter().enumerate() {
            parts.push(update);
            if row.continues && i + 1 == length {
                break;
            }
            updates.push(whole(&mut parts));
            if updates.len() == 1 {
                first = count;
            }
        }
    }
    (updates, first)
}

fn whole(parts: &mut Vec<Bytes>) -> Bytes {
    match parts.len() {
        1 => parts.swap_remove(0),
        _ => {
            let parts = std::mem::take(parts);
            let mut whole = Vec::new();
            whole.reserve_exact(parts.iter().map(|part| part.len()).sum());
            parts.iter().for_each(|part| whole.extend_from_slice(part));
            whole.into()
        }
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const D: DocumentId = DocumentId([1; 32]);

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]
        #[test]
        fn what_is_cut_is_joined(lengths in proptest::collection::vec(prop_oneof![0..9_usize, LENGTH - 3..LENGTH + 3, 0..3 * LENGTH], 0..6)) {
            let updates: Vec<Bytes> =
                lengths.iter().enumerate().map(|(i, length)| vec![i as u8; *length].into()).collect();
            let rows = cut(D, updates.clone());
            prop_assert!(rows.iter().all(|row| row.document == D && row.length() <= LENGTH));
            let total: usize = lengths.iter().sum();
            prop_assert!(rows.len() <= 2 * total.div_ceil(LENGTH) + 1, "few records");
            let first = rows.iter().take_while(|row| row.continues).count() + usize::from(!rows.is_empty());
            prop_assert_eq!(join(rows), (updates, first));
        }
    }

    #[test]
    fn an_update_without_its_end_is_left_out() {
        let mut rows = cut(D, vec![vec![1; 2 * LENGTH].into()]);
        rows.pop();
        assert_eq!(join(rows), (vec![], 0));
    }

    #[test]
    fn what_is_in_one_record_is_not_copied() {
        let update = Bytes::from(vec![1, 2, 3]);
        let (updates, _) = join(cut(D, vec![update.clone()]));
        assert!(updates[0].is(&update));
    }
}

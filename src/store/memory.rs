//! A store that lasts as long as the program: for tests, and as the plainest description of what a
//! store does.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::{Store, StoreError};
use crate::room::clients::GivenBack;
use crate::room::history::{History, Key, LastWords, Owned, Record, Row, Write, Written};
use crate::room::ids::{DocumentId, RoomId};
use crate::room::index::Line;
use crate::room::limits::Millis;

/// What is kept of all rooms.
#[derive(Default)]
pub struct MemoryStore {
    rooms: RefCell<BTreeMap<RoomId, Kept>>,
    next: RefCell<Key>,
}

#[derive(Default)]
struct Kept {
    used: Millis,
    lines: BTreeMap<String, Line>,
    owned: BTreeMap<String, Owned>,
    records: BTreeMap<Key, Record>,
    given_back: Option<GivenBack>,
    last_words: Vec<(String, LastWords)>,
}

impl MemoryStore {
    /// What is kept of a room, and what was given back, once.
    pub fn take(&self, room: RoomId) -> History {
        let given_back = self.rooms.borrow_mut().get_mut(&room).and_then(|kept| kept.given_back.take());
        History { given_back, ..self.history(room) }
    }

    /// What is kept of a room.
    pub fn history(&self, room: RoomId) -> History {
        self.rooms.borrow().get(&room).map(Kept::history).unwrap_or_default()
    }

    /// Takes what a page says last, as a browser does when it takes nothing else any more.
    pub fn take_last_words(&self, room: RoomId, words: LastWords) {
        let words =
            Some(words).filter(|words| !words.is_empty()).map(|words| (self.next_key().to_string(), words));
        self.rooms.borrow_mut().entry(room).or_default().last_words.extend(words);
    }

    fn next_key(&self) -> Key {
        let mut next = self.next.borrow_mut();
        *next += 1;
        *next
    }

    /// Does a write, but for what it says last.
    pub fn apply(&self, room: RoomId, write: &Write) -> Written {
        let mut rooms = self.rooms.borrow_mut();
        let kept = rooms.entry(room).or_default();
        for line in &write.lines {
            kept.lines.insert(line.path.clone(), line.clone());
        }
        for owned in &write.owned {
            kept.owned.insert(owned.name.clone(), owned.clone());
        }
        kept.owned.retain(|name, _| !write.disowned.contains(name));
        kept.last_words.retain(|(name, _)| !write.heard.contains(name));
        let append = |row: &Row| {
            let key = self.next_key();
            kept.records.insert(key, Record { key, row: row.clone() });
            key
        };
        let keys = write.appended.iter().map(append).collect();
        let gone = write.gone.iter().filter(|(document, _)| write.last.is_none() && !kept.notes(*document));
        let dropped: Vec<_> = gone.flat_map(|(_, keys)| keys).chain(&write.dropped).collect();
        kept.records.retain(|key, _| !dropped.contains(&key));
        kept.given_back = write.given_back.clone().or(kept.given_back.take());
        let baseless = write.bases.iter().filter(|(_, key)| !kept.records.contains_key(key));
        Written { keys, baseless: baseless.map(|(document, _)| *document).collect() }
    }

    /// Everything goes, as when a person clears what a site has stored.
    pub fn clear(&self) {
        self.rooms.borrow_mut().clear();
    }
}

impl Kept {
    /// Whether it says that somebody wrote in a document.
    fn notes(&self, document: DocumentId) -> bool {
        let mut said = self.last_words.iter().flat_map(|(_, words)| &words.updates);
        self.owned.values().any(|owned| owned.entry.document == document)
            || said.any(|(other, _)| *other == document)
    }

    fn history(&self) -> History {
        History {
            lines: self.lines.values().cloned().collect(),
            owned: self.owned.values().cloned().collect(),
            records: self.records.values().cloned().collect(),
            given_back: None,
            last_words: self.last_words.clone(),
        }
    }
}

impl Store for MemoryStore {
    async fn load(&self, room: RoomId, now: Millis) -> Result<History, StoreError> {
        let mut rooms = self.rooms.borrow_mut();
        rooms.entry(room).or_default().used = now;
        drop(rooms);
        Ok(self.take(room))
    }

    async fn write(&self, room: RoomId, write: &Write) -> Result<Written, StoreError> {
        let is_known = self.rooms.borrow().contains_key(&room);
        let written = self.apply(room, write);
        if is_known { Ok(written) } else { Err(StoreError::Lost) }
    }

    async fn forget(&self, room: RoomId) -> Result<(), StoreError> {
        self.rooms.borrow_mut().remove(&room);
        Ok(())
    }

    async fn forget_unused(&self, before: Millis) -> Result<usize, StoreError> {
        let mut rooms = self.rooms.borrow_mut();
        let all = rooms.len();
        rooms.retain(|_, kept| kept.used >= before);
        Ok(all - rooms.len())
    }
}

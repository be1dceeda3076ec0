//! The store of a person in the simulation: it takes its time, fails, is emptied, and loses what was
//! under way when the page crashes. Tabs of one browser have one store.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use jupyterlite_webrtc::room::Event;
use jupyterlite_webrtc::room::history::{History, Row, Write};
use jupyterlite_webrtc::room::ids::{DocumentId, RoomId};
use jupyterlite_webrtc::store::memory::MemoryStore;
use yrs::updates::decoder::Decode;
use yrs::{ClientID, Doc, StateVector, Transact, Update};

use crate::page::text_of;

const ROOM: RoomId = RoomId([0; 32]);

/// A store, and what it has been asked to do.
#[derive(Default)]
pub struct Disk {
    store: Rc<MemoryStore>,
    asked: VecDeque<(f64, Request)>,
    /// The next write fails.
    pub fails: bool,
    /// What was given back is not forgotten when it is lent: a planted bug.
    pub lends_twice: bool,
    /// What a page says last is only written: a planted bug.
    pub is_deaf: bool,
    /// What was there before the last write, for the bug of a store that forgets.
    before: History,
}

enum Request {
    Restore,
    Write(u32, Box<Write>),
}

impl Disk {
    /// What a page asks of a store.
    pub fn of(store: Rc<MemoryStore>) -> Self {
        Self { store, ..Self::default() }
    }

    /// Whether both ask the same store.
    pub fn is_shared(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.store, &other.store)
    }

    pub fn restore(&mut self, at: f64) {
        self.asked.push_back((at, Request::Restore));
    }

    pub fn write(&mut self, at: f64, number: u32, write: Write) {
        if let Some(words) = write.last.clone().filter(|_| !self.is_deaf) {
            self.store.take_last_words(ROOM, words);
        }
        // One after the other.
        let at = self.asked.back().map_or(at, |(last, _)| last.max(at));
        self.asked.push_back((at, Request::Write(number, Box::new(write))));
    }

    pub fn next_at(&self) -> f64 {
        self.asked.front().map_or(f64::INFINITY, |(at, _)| *at)
    }

    /// Does what was asked for first, and reports.
    pub fn next(&mut self) -> Event {
        match self.asked.pop_front().expect("something was asked").1 {
            Request::Restore => Event::Restored(Ok(self.load())),
            Request::Write(number, _) if std::mem::take(&mut self.fails) => {
                Event::Written { number, written: Err("there is no room".into()) }
            }
            Request::Write(number, write) => {
                self.before = self.store.history(ROOM);
                Event::Written { number, written: Ok(self.store.apply(ROOM, &write)) }
            }
        }
    }

    fn load(&mut self) -> History {
        let history = self.store.take(ROOM);
        if self.lends_twice {
            let given_back = history.given_back.clone();
            self.store.apply(ROOM, &Write { given_back, ..Write::default() });
        }
        history
    }

    /// The page is gone. Of what was under way some may still take place, in order.
    pub fn crash(&mut self, mut lucky: impl FnMut() -> bool, forgets: bool) {
        for (_, request) in std::mem::take(&mut self.asked) {
            match request {
                Request::Write(_, write) if !self.fails && lucky() => drop(self.store.apply(ROOM, &write)),
                _ => break,
            }
        }
        if forgets {
            self.store.clear();
            let before = std::mem::take(&mut self.before);
            self.put(before);
        }
        self.fails = false;
    }

    fn put(&mut self, history: History) {
        let write = Write {
            lines: history.lines,
            owned: history.owned,
            appended: history.records.into_iter().map(|record| record.row).collect(),
            ..Write::default()
        };
        self.store.apply(ROOM, &write);
    }

    /// Everything goes.
    pub fn empty(&self) {
        self.store.clear();
    }

    /// Everything went, and what was under way fails.
    pub fn lost(&mut self) {
        self.asked.retain(|(_, request)| matches!(request, Request::Restore));
    }

    /// Whether it is kept that these updates are the person's own.
    pub fn owns(&self, client: ClientID, clock: u32) -> bool {
        let history = self.store.history(ROOM);
        let said = history.last_words.into_iter().flat_map(|(_, words)| words.owned);
        history.owned.into_iter().chain(said).any(|owned| {
            let own = StateVector::decode_v1(&owned.state_vector).expect("the room writes it");
            own.get(&client) >= clock
        })
    }

    /// All that is kept, of all documents.
    pub fn text(&self) -> String {
        let updates = self.updates();
        let documents: BTreeSet<_> = updates.iter().map(|(document, _)| *document).collect();
        documents.into_iter().filter_map(|document| self.document(document)).collect()
    }

    /// What is kept of a document; none where it is not whole.
    pub fn document(&self, document: DocumentId) -> Option<String> {
        let doc = Doc::with_client_id(1);
        let updates = self.updates();
        let mut updates = updates.iter().filter(|(other, _)| *other == document).peekable();
        updates.peek()?;
        for (_, update) in updates {
            doc.transact_mut().apply_update(Update::decode_v1(update).expect("valid")).expect("it applies");
        }
        Some(text_of(&doc))
    }

    /// In the log, and of pages that went.
    fn updates(&self) -> Vec<(DocumentId, Vec<u8>)> {
        let history = self.store.history(ROOM);
        let rows = history.records.into_iter().map(|record| record.row);
        let of = |row: Row| row.updates.into_iter().map(move |update| (row.document, update.to_vec()));
        rows.flat_map(of).chain(history.last_words.into_iter().flat_map(|(_, words)| words.updates)).collect()
    }
}

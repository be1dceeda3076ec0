//! A page of the simulation: a room, a drive, and documents that are open in it. It opens documents as
//! the JupyterLab shim does.

use std::collections::{BTreeMap, BTreeSet};

use jupyterlite_webrtc::room::clients::Client;
use jupyterlite_webrtc::room::ids::DocumentId;
use jupyterlite_webrtc::room::index::{Change, Entry};
use jupyterlite_webrtc::room::{Claim, Config, Event, Room};

use crate::disk::Disk;
use crate::world::{Person, PersonId};
use sha2::{Digest, Sha256};
use yrs::updates::decoder::Decode;
use yrs::{ClientID, Doc, GetString, ReadTxn, StateVector, Text, Transact, Update};

/// A document that is open in a page.
pub struct Open {
    pub document: DocumentId,
    pub doc: Doc,
}

/// Files by path.
pub type Drive = BTreeMap<String, String>;

/// For each path the content that was last saved, of which document, and the state vector it had.
pub type Ledger = BTreeMap<String, Saved>;

#[derive(Clone)]
pub struct Saved {
    document: DocumentId,
    content: String,
    state_vector: StateVector,
    /// The file is there only because the room has it, and this person never wrote in it.
    given: bool,
}

/// A page.
pub struct Page {
    pub room: Room,
    /// How far its clock is ahead of the world's.
    pub clock: f64,
    /// When the room wants to be woken, by its own clock: a hundred rooms are asked all the time.
    pub wake_at: f64,
    pub person: PersonId,
    pub drive: Drive,
    pub disk: Disk,
    pub settled: bool,
    /// Paths to open, as soon as it is known how.
    pub wanted: BTreeSet<String>,
    /// Claims that are not confirmed: number, path.
    pub claims: BTreeMap<u32, String>,
    pub open: BTreeMap<String, Open>,
    /// What was saved when: it tells an older state of the room's document from another file.
    pub ledger: Ledger,
    /// The awareness updates that the page was told, newest last.
    pub presence: Vec<Vec<u8>>,
    /// The clients of whom it was told, and not that they are gone.
    pub present: BTreeSet<u64>,
    client: u64,
    claimed: u32,
    random_seeds: bool,
}

impl Page {
    pub fn new(
        seed: [u8; 32],
        client: u64,
        person: Person,
        random_seeds: bool,
        tabs: bool,
        now: f64,
        clock: f64,
    ) -> Self {
        let config = Config {
            prefix: "simulation".into(),
            name: "room".into(),
            secret: None,
            servers: 2,
            seed,
            history: true,
            tabs,
        };
        Self {
            room: Room::join(config, now + clock),
            clock,
            wake_at: now + clock,
            person: person.id,
            drive: person.drive,
            disk: person.disk,
            settled: false,
            wanted: BTreeSet::new(),
            claims: BTreeMap::new(),
            open: BTreeMap::new(),
            ledger: person.ledger,
            presence: Vec::new(),
            present: BTreeSet::new(),
            client,
            claimed: 0,
            random_seeds,
        }
    }

    /// When the room wants to be woken, by the world's clock.
    pub fn wake_at(&self) -> f64 {
        self.wake_at - self.clock
    }

    /// What stays when the page goes.
    pub fn into_person(self) -> Person {
        Person { id: self.person, drive: self.drive, ledger: self.ledger, disk: self.disk }
    }

    /// All that the person sees of a path.
    pub fn text_at(&self, path: &str) -> String {
        let open = self.open.get(path).map(|open| text_of(&open.doc));
        let room = self.room.entry(path).and_then(|entry| doc_of(&self.room, entry.document));
        let file = self.drive.get(path).cloned();
        [open, room.map(|doc| text_of(&doc)), file].into_iter().flatten().collect()
    }

    /// What is open at a path.
    pub fn text_of(&self, path: &str) -> Option<String> {
        self.open.get(path).map(|open| text_of(&open.doc))
    }

    /// All that is here of all documents.
    pub fn held(&self) -> String {
        let open = self.open.values().map(|open| text_of(&open.doc));
        let orphans = self.room.orphans().map(|orphan| orphan.entry.document);
        let held = self.room.entries().map(|entry| entry.document).chain(orphans);
        let held = held.filter_map(|document| doc_of(&self.room, document)).map(|doc| text_of(&doc));
        open.chain(held).collect()
    }

    /// Goes on with opening what is wanted. Returns what the room is to be told.
    pub fn proceed(&mut self) -> Vec<Event> {
        if !self.settled {
            return Vec::new();
        }
        let claimed: BTreeSet<_> = self.claims.values().cloned().collect();
        let wanted: Vec<_> = self.wanted.difference(&claimed).cloned().collect();
        wanted.into_iter().flat_map(|path| self.proceed_with(path)).collect()
    }

    fn proceed_with(&mut self, path: String) -> Vec<Event> {
        use jupyterlite_webrtc::room::DocumentState::*;
        let Some(entry) = self.room.entry(&path) else {
            return self.claim(path, false);
        };
        match self.room.document_state(entry.document) {
            Some(Held) => self.attach(path, &entry),
            Some(Unavailable) => self.claim(path, true),
            Some(Sought) | None => Vec::new(),
        }
    }

    /// Seeds from the own drive. Where the drive has nothing there is nothing to open yet.
    fn claim(&mut self, path: String, replace: bool) -> Vec<Event> {
        let Some(content) = self.drive.get(&path) else {
            return Vec::new();
        };
        let update = seed(&path, content, if self.random_seeds { self.client } else { 0 });
        self.claimed += 1;
        let number = self.claimed;
        // With the planted bug, two different histories bear the same name.
        let generation = self.room.generation(&path);
        let document = if self.random_seeds {
            DocumentId::of(content.as_bytes())
        } else {
            genesis(&path, content, generation)
        };
        let (content_type, format) = ("file".into(), "text".into());
        self.claims.insert(number, path.clone());
        vec![Event::Claim { number, claim: Claim { path, document, content_type, format, update, replace } }]
    }

    fn attach(&mut self, path: String, entry: &Entry) -> Vec<Event> {
        self.wanted.remove(&path);
        let lent = self.room.lend(entry.document).map(|client| client.id);
        self.client += 1;
        let doc = Doc::with_client_id(lent.unwrap_or(self.client));
        let text = doc.get_or_insert_text("text");
        for update in self.room.content(entry.document).expect("it is held") {
            apply(&doc, &update);
        }
        let content = text.get_string(&doc.transact());
        // Here and not only at the end: it would be saved.
        assert!(!content.is_empty(), "{path} is opened without content");
        let state_vector = doc.transact().state_vector();
        let own = self.drive.get(&path).cloned();
        // An own file that the document began from, or an older state of it, is no other file.
        let is_other = |own: &String| {
            let generation = self.room.generation(&path);
            let seeded = (0..=generation).any(|generation| genesis(&path, own, generation) == entry.document);
            *own != content && !seeded && !self.is_older(&path, own, entry.document, &state_vector)
        };
        if let Some(own) = own.filter(is_other) {
            self.keep_copy(&path, own);
        }
        self.open.insert(path.clone(), Open { document: entry.document, doc });
        self.save(&path);
        vec![Event::Attach(entry.document)]
    }

    /// Whether the own file is what this page's owner saved of `document`, and all of that is in it.
    fn is_older(&self, path: &str, own: &str, document: DocumentId, reached: &StateVector) -> bool {
        self.ledger.get(path).is_some_and(|saved| {
            let covered = saved.state_vector.iter().all(|(client, clock)| *clock <= reached.get(client));
            saved.document == document && saved.content == own && covered
        })
    }

    /// Saves an open document to the own drive.
    pub fn save(&mut self, path: &str) {
        let Some(open) = self.open.get(path) else {
            return;
        };
        let content = text_of(&open.doc);
        let state_vector = open.doc.transact().state_vector();
        let document = open.document;
        let before = self.ledger.get(path).is_some_and(|saved| saved.document == document && saved.given);
        let is_new = !self.drive.contains_key(path);
        let given = (before || is_new) && self.room.own(document).is_none();
        let saved = Saved { document, content: content.clone(), state_vector, given };
        self.ledger.insert(path.to_owned(), saved);
        self.drive.insert(path.to_owned(), content);
    }

    fn keep_copy(&mut self, path: &str, content: String) {
        let copies = self.drive.keys().filter(|other| other.starts_with(&format!("{path} (my copy"))).count();
        self.drive.insert(format!("{path} (my copy {copies})"), content);
    }

    /// A document lives elsewhere now, or nowhere. Returns what the room is to be told.
    pub fn changed(&mut self, change: &Change) -> Vec<Event> {
        let mut events = Vec::new();
        match (&change.before, &change.after) {
            (before, Some(after)) => {
                events.extend(self.displaced(after));
                if let Some(before) = before {
                    self.follow(before, after);
                }
            }
            (Some(before), None) => self.gone(before),
            (None, None) => {}
        }
        events.extend(self.look_after_orphans());
        events
    }

    /// Another document stands at a path now. If an older one is open there it is kept as a copy and
    /// the path is opened again.
    fn displaced(&mut self, entry: &Entry) -> Vec<Event> {
        let Some(open) = self.open.get(&entry.path).filter(|open| open.document != entry.document) else {
            return Vec::new();
        };
        let (given_back, document, content) = (given_back(open), open.document, text_of(&open.doc));
        self.keep_copy(&entry.path, content);
        self.drive.remove(&entry.path);
        self.ledger.remove(&entry.path);
        self.open.remove(&entry.path);
        self.wanted.insert(entry.path.clone());
        let detached = self.detach(document);
        [given_back].into_iter().chain(detached).chain([Event::Release(document)]).collect()
    }

    /// Nothing is written any more: the page is about to go. Returns what the room is to be told.
    pub fn close(&self) -> Vec<Event> {
        self.open.values().map(given_back).collect()
    }

    /// Nothing shows the document any more, unless it is open elsewhere.
    fn detach(&self, document: DocumentId) -> Option<Event> {
        let is_open = self.open.values().any(|open| open.document == document);
        (!is_open).then_some(Event::Detach(document))
    }

    /// The document has been moved: file and tab follow, if they are of this document.
    fn follow(&mut self, before: &Entry, after: &Entry) {
        let document = after.document;
        let is_open = self.open.get(&before.path).is_some_and(|open| open.document == document);
        let is_file = self.ledger.get(&before.path).is_some_and(|saved| saved.document == document);
        if is_file || is_open {
            if let Some(other) = self.drive.remove(&after.path) {
                self.keep_copy(&after.path, other);
            }
            self.relocate(&before.path, &after.path, is_open);
        }
    }

    fn relocate(&mut self, from: &str, to: &str, with_tab: bool) {
        if let Some(content) = self.drive.remove(from) {
            self.drive.insert(to.to_owned(), content);
        }
        self.ledger.remove(to);
        if let Some(saved) = self.ledger.remove(from) {
            self.ledger.insert(to.to_owned(), saved);
        }
        if with_tab && let Some(open) = self.open.remove(from) {
            self.open.insert(to.to_owned(), open);
        }
        if self.wanted.remove(from) {
            self.wanted.insert(to.to_owned());
        }
    }

    /// The document has been deleted. A file that was only ever the room's goes; what this person
    /// wrote, or has open, stays.
    fn gone(&mut self, before: &Entry) {
        let path = &before.path;
        let is_deleted = self.room.entry(path).is_none();
        let saved = self.ledger.get(path).filter(|saved| saved.document == before.document);
        let is_the_rooms = saved.is_some_and(|saved| {
            saved.given
                && self.drive.get(path) == Some(&saved.content)
                && self.room.own(before.document).is_none()
        });
        if is_deleted && is_the_rooms && !self.open.contains_key(path) {
            self.drive.remove(path);
            self.ledger.remove(path);
            self.wanted.remove(path);
        }
    }

    /// What this person wrote in documents that live nowhere any more is kept, unless the drive has it.
    pub fn look_after_orphans(&mut self) -> Vec<Event> {
        if !self.settled {
            return Vec::new();
        }
        let orphans: Vec<_> = self.room.orphans().collect();
        let mut events = Vec::new();
        for orphan in orphans {
            let Entry { path, document, .. } = orphan.entry;
            let own = StateVector::decode_v1(&orphan.state_vector).expect("the room writes it");
            let saved = self.ledger.get(&path).is_some_and(|saved| {
                let covered = own.iter().all(|(client, clock)| *clock <= saved.state_vector.get(client));
                saved.document == document && self.drive.get(&path) == Some(&saved.content) && covered
            });
            if !saved {
                let content = text_of(&doc_of(&self.room, document).expect("an orphan is held"));
                self.keep_copy(&path, content);
            }
            events.push(Event::Release(document));
        }
        events
    }

    /// Whether the file at a path is one of the room's, and which.
    fn room_file(&self, path: &str) -> Option<DocumentId> {
        let entry = self.room.entry(path)?;
        let open = self.open.get(path).is_some_and(|open| open.document == entry.document);
        let saved = self.ledger.get(path).is_some_and(|saved| saved.document == entry.document);
        (open || saved).then_some(entry.document)
    }

    /// The person renames a file, if the name is free.
    pub fn rename(&mut self, from: &str, to: &str) -> Vec<Event> {
        let is_free =
            !self.drive.contains_key(to) && !self.open.contains_key(to) && self.room.entry(to).is_none();
        if from == to
            || !is_free
            || !self.drive.contains_key(from)
            || self.claims.values().any(|path| path == from)
        {
            return Vec::new();
        }
        let of_room = self.room_file(from).is_some();
        self.relocate(from, to, true);
        let event = Event::Rename { from: from.to_owned(), to: to.to_owned() };
        if of_room { vec![event] } else { Vec::new() }
    }

    /// The person deletes a file and closes its tab.
    pub fn delete(&mut self, path: &str) -> Vec<Event> {
        let document = self.room_file(path);
        self.drive.remove(path);
        self.ledger.remove(path);
        self.wanted.remove(path);
        let mut events = Vec::new();
        if let Some(open) = self.open.remove(path) {
            events.push(given_back(&open));
            events.extend(self.detach(open.document));
        }
        if let Some(document) = document {
            events.push(Event::Remove(path.to_owned()));
            events.push(Event::Release(document));
        }
        events
    }

    /// Types `marker` at a place that `pick` chooses. Returns what the room is to be told.
    pub fn type_marker(&mut self, path: &str, marker: &str, pick: usize) -> Option<Event> {
        let open = self.open.get(path)?;
        let text = open.doc.get_or_insert_text("text");
        let mut transaction = open.doc.transact_mut();
        let length = text.len(&transaction);
        // Not inside of another marker.
        let content = text.get_string(&transaction);
        let gaps: Vec<_> = content.match_indices('[').map(|(at, _)| at as u32).chain([length]).collect();
        text.insert(&mut transaction, gaps[pick % gaps.len()], marker);
        let (document, update) = (open.document, transaction.encode_update_v1());
        drop(transaction);
        // What came back at another path may be open at both.
        let others = self.open.iter().filter(|(other, open)| *other != path && open.document == document);
        others.for_each(|(_, open)| apply(&open.doc, &update));
        Some(Event::Edited { document, update })
    }

    /// Whether it is known here that these updates are the person's own.
    pub fn owns(&self, client: ClientID, clock: u32) -> bool {
        let orphans = self.room.orphans().map(|orphan| orphan.entry.document);
        let documents = self.room.entries().map(|entry| entry.document).chain(orphans);
        documents.chain(self.open.values().map(|open| open.document)).any(|document| {
            let own =
                self.room.own(document).map(|own| StateVector::decode_v1(&own).expect("the room made it"));
            own.is_some_and(|own| own.get(&client) >= clock)
        })
    }

    /// How far what is written at a path has come.
    pub fn clock(&self, path: &str) -> Option<(ClientID, u32)> {
        let doc = &self.open.get(path)?.doc;
        Some((doc.client_id(), doc.transact().state_vector().get(&doc.client_id())))
    }

    /// Gives the open documents an update.
    pub fn apply(&self, document: DocumentId, update: &[u8]) {
        for open in self.open.values().filter(|open| open.document == document) {
            apply(&open.doc, update);
        }
    }

    /// The page's encoding of a document.
    pub fn whole(&self, document: DocumentId) -> Option<Event> {
        let open = self.open.values().find(|open| open.document == document)?;
        let whole = open.doc.transact().encode_state_as_update_v1(&StateVector::default());
        Some(Event::Compacted { document, whole })
    }
}

/// What the room is told when nothing is written in a document any more.
fn given_back(open: &Open) -> Event {
    let id = open.doc.client_id();
    let clock = open.doc.transact().state_vector().get(&id);
    Event::GiveBack { document: open.document, client: Client { id: id.get(), clock } }
}

/// The content of an open document.
pub fn text_of(doc: &Doc) -> String {
    doc.get_or_insert_text("text").get_string(&doc.transact())
}

fn apply(doc: &Doc, update: &[u8]) {
    let mut transaction = doc.transact_mut();
    transaction
        .apply_update(Update::decode_v1(update).expect("the room gives valid updates"))
        .expect("they apply");
    drop(transaction);
    // What the room gives the page can be used at once.
    assert!(doc.transact().store().pending_update().is_none(), "the page was given an update too early");
}

/// A document of the room, if it is here.
pub fn doc_of(room: &Room, document: DocumentId) -> Option<Doc> {
    let doc = Doc::with_client_id(1);
    for update in room.content(document)? {
        doc.transact_mut().apply_update(Update::decode_v1(&update).expect("valid")).expect("it applies");
    }
    Some(doc)
}

/// The name of a document: of its content, of its path (two files of the same content are two
/// documents), and of how often there was another one there.
fn genesis(path: &str, content: &str, generation: u32) -> DocumentId {
    let update = seed(path, content, 0);
    DocumentId::of(&[&update[..], path.as_bytes(), &generation.to_be_bytes()].concat())
}

/// A deterministic seed. `salt` other than 0 plants the bug of one that is not.
fn seed(path: &str, content: &str, salt: u64) -> Vec<u8> {
    let hash = Sha256::digest(format!("{path}\0{content}"));
    let client = u64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])) + (salt << 32);
    let doc = Doc::with_client_id(ClientID::new(client).get());
    doc.get_or_insert_text("text").push(&mut doc.transact_mut(), content);
    let transaction = doc.transact();
    transaction.encode_state_as_update_v1(&StateVector::default())
}

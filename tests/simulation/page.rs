//! A page of the simulation: a room, a drive, and documents that are open in it. It opens documents as
//! the JupyterLab shim does.

use std::collections::{BTreeMap, BTreeSet};

use jupyterlite_webrtc::room::ids::DocumentId;
use jupyterlite_webrtc::room::index::Entry;
use jupyterlite_webrtc::room::{Claim, Config, Event, Room};
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

pub struct Saved {
    document: DocumentId,
    content: String,
    state_vector: StateVector,
}

/// A page.
pub struct Page {
    pub room: Room,
    pub drive: Drive,
    pub settled: bool,
    /// Paths to open, as soon as it is known how.
    pub wanted: BTreeSet<String>,
    /// Claims that are not confirmed: number, path.
    pub claims: BTreeMap<u32, String>,
    pub open: BTreeMap<String, Open>,
    /// What was saved when: it tells an older state of the room's document from another file.
    pub ledger: Ledger,
    client: u64,
    claimed: u32,
    random_seeds: bool,
}

impl Page {
    pub fn new(
        seed: [u8; 32],
        client: u64,
        drive: Drive,
        ledger: Ledger,
        random_seeds: bool,
        now: f64,
    ) -> Self {
        let config =
            Config { prefix: "simulation".into(), name: "room".into(), secret: None, servers: 2, seed };
        Self {
            room: Room::join(config, now),
            drive,
            settled: false,
            wanted: BTreeSet::new(),
            claims: BTreeMap::new(),
            open: BTreeMap::new(),
            ledger,
            client,
            claimed: 0,
            random_seeds,
        }
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
        let Some(entry) = self.room.entry(&path).cloned() else {
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
        let document =
            if self.random_seeds { DocumentId::of(content.as_bytes()) } else { DocumentId::of(&update) };
        let (content_type, format) = ("file".into(), "text".into());
        self.claims.insert(number, path.clone());
        vec![Event::Claim { number, claim: Claim { path, document, content_type, format, update, replace } }]
    }

    fn attach(&mut self, path: String, entry: &Entry) -> Vec<Event> {
        self.wanted.remove(&path);
        self.client += 1;
        let doc = Doc::with_client_id(self.client);
        let text = doc.get_or_insert_text("text");
        for update in self.room.content(entry.document).expect("it is held") {
            apply(&doc, &update);
        }
        let content = text.get_string(&doc.transact());
        let state_vector = doc.transact().state_vector();
        let own = self.drive.get(&path).cloned();
        // An own file that the document began from, or an older state of it, is no other file.
        let is_other = |own: &String| {
            let seeded = DocumentId::of(&seed(&path, own, 0)) == entry.document;
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
        let saved = Saved { document: open.document, content: content.clone(), state_vector };
        self.ledger.insert(path.to_owned(), saved);
        self.drive.insert(path.to_owned(), content);
    }

    fn keep_copy(&mut self, path: &str, content: String) {
        let copies = self.drive.keys().filter(|other| other.starts_with(&format!("{path} (my copy"))).count();
        self.drive.insert(format!("{path} (my copy {copies})"), content);
    }

    /// Another document stands at a path now. If an older one is open there it is kept as a copy and
    /// the path is opened again.
    pub fn displaced(&mut self, entry: &Entry) -> Vec<Event> {
        let Some(open) = self.open.get(&entry.path).filter(|open| open.document != entry.document) else {
            return Vec::new();
        };
        let (document, content) = (open.document, text_of(&open.doc));
        self.keep_copy(&entry.path, content);
        self.drive.remove(&entry.path);
        self.open.remove(&entry.path);
        self.wanted.insert(entry.path.clone());
        vec![Event::Detach(document)]
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
        Some(Event::Edited { document: open.document, update: transaction.encode_update_v1() })
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

/// A deterministic seed, of the path too: two files of the same content are two documents. `salt` other than 0 plants the bug of one that is not.
fn seed(path: &str, content: &str, salt: u64) -> Vec<u8> {
    let hash = Sha256::digest(format!("{path}\0{content}"));
    let client = u64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])) + (salt << 32);
    let doc = Doc::with_client_id(ClientID::new(client).get());
    doc.get_or_insert_text("text").push(&mut doc.transact_mut(), content);
    let transaction = doc.transact();
    transaction.encode_state_as_update_v1(&StateVector::default())
}

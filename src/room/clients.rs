//! Client ids, used again.
//!
//! Yjs names whoever writes by a *client id*, which each Y.Doc draws by chance. A state vector has a line
//! for each, and none ever goes; a document that was open on three hundred mornings would have three
//! hundred lines from one person. So a page that goes gives its client ids back, with how far it has
//! come under each, and the next page of the same browser tab goes on under them.
//!
//! Two who write under one client id tear a document apart for good: both call different things by the
//! same name. So an id is lent only where everything that it ever named must be here:
//!
//! - Only a page that goes in order gives its ids back. One that crashes may have sent what it had not
//!   written down, and its ids are never used again.
//! - The store hands them out once, and has forgotten them durably before anybody has them.
//! - One is lent while the document here has come exactly as far as the page that gave it back.
//! - A copy of a browser's profile has copies of what was given back. It is lent only to the browser tab
//!   that gave it back, within a day.

use serde::{Deserialize, Serialize};

use super::Room;
use super::ids::DocumentId;
use super::limits::Millis;
use super::sorted::SortedMap;

/// What was given back longer ago is not lent any more.
const LENT_FOR: Millis = 24.0 * 3_600_000.0;

/// A client id that nobody uses at the moment, and how far it has come: its next clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    pub id: u64,
    pub clock: u32,
}

/// What a page gave back when it went, and when that was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GivenBack {
    pub at: Millis,
    pub clients: Vec<(DocumentId, Client)>,
}

/// The client ids that this page may lend.
pub type Clients = SortedMap<DocumentId, Client>;

impl Room {
    /// Lends a client id to a Y.Doc that has all of a document's content and has written nothing yet. It
    /// must have come exactly as far, and has to be given back before the room is left.
    pub fn lend(&mut self, document: DocumentId) -> Option<Client> {
        let client = *self.clients.get(&document)?;
        self.has_come_to(document, client).then(|| self.clients.remove(&document)).flatten()
    }

    /// A Y.Doc writes no more under this client id.
    pub(super) fn give_back(&mut self, document: DocumentId, client: Client) {
        if client.clock > 0 && self.has_come_to(document, client) {
            self.clients.insert(document, client);
        }
    }

    pub(super) fn take_clients(&mut self, given_back: GivenBack) {
        if (self.now - given_back.at).abs() < LENT_FOR {
            for (document, client) in given_back.clients {
                self.clients.insert(document, client);
            }
        }
    }

    /// What the next page of this browser tab may go on under.
    pub(super) fn all_given_back(&mut self) -> Option<GivenBack> {
        let clients: Vec<_> = std::mem::take(&mut self.clients).into_entries().collect();
        (!clients.is_empty()).then_some(GivenBack { at: self.now, clients })
    }

    fn has_come_to(&self, document: DocumentId, client: Client) -> bool {
        let document = self.documents.get(&document).filter(|document| document.held);
        document.is_some_and(|document| document.replica.clock(client.id) == Some(client.clock))
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::room::history::{History, Write};
    use crate::room::{Action, Claim, Config, Event};
    use yrs::{Doc, ReadTxn, StateVector, Text, Transact};

    const D: DocumentId = DocumentId([1; 32]);
    const DAY: Millis = 86_400_000.0;

    fn room(given_back: Option<GivenBack>, now: Millis) -> Room {
        let config = Config {
            prefix: "a prefix".into(),
            name: "room".into(),
            secret: None,
            servers: 0,
            seed: [3; 32],
            history: true,
            tabs: false,
        };
        let mut room = Room::join(config, now);
        room.handle(Event::Restored(Ok(History { given_back, ..History::default() })), now);
        room
    }

    /// The page brings a document in which client 7 has written so much.
    fn hold(room: &mut Room, length: usize) {
        let doc = Doc::with_client_id(7);
        doc.get_or_insert_text("text").push(&mut doc.transact_mut(), &"x".repeat(length));
        let update = doc.transact().encode_state_as_update_v1(&StateVector::default());
        let (content_type, format) = ("file".into(), "text".into());
        let claim = Claim { path: "a".into(), document: D, content_type, format, update, replace: false };
        let now = room.now;
        room.handle(Event::Claim { number: 1, claim }, now);
    }

    fn given_back(clock: u32, at: Millis) -> Option<GivenBack> {
        Some(GivenBack { at, clients: vec![(D, Client { id: 7, clock })] })
    }

    fn last_write(room: &mut Room) -> Write {
        let now = room.now;
        room.handle(Event::Leave, now);
        let write = |action| if let Action::Write { write, .. } = action { Some(write) } else { None };
        std::iter::from_fn(|| room.poll()).filter_map(write).last().expect("something is written")
    }

    #[test]
    fn it_is_lent_once_and_only_where_the_document_has_come_as_far() {
        for (length, clock, is_lent) in [(3, 3, true), (3, 4, false), (4, 3, false)] {
            let mut room = room(given_back(clock, 0.0), 5.0);
            assert_eq!(room.lend(D), None, "nothing is here yet");
            hold(&mut room, length);
            assert_eq!(room.lend(D), is_lent.then_some(Client { id: 7, clock }));
            assert_eq!(room.lend(D), None);
        }
    }

    #[test]
    fn it_is_lent_within_a_day() {
        for (at, is_lent) in [(DAY, true), (1.0, false), (2.0, true), (1.9 * DAY, true), (2.1 * DAY, false)] {
            let mut room = room(given_back(3, at), DAY + 1.5);
            hold(&mut room, 3);
            assert_eq!(room.lend(D).is_some(), is_lent, "{at}");
        }
    }

    #[test]
    fn what_was_lent_and_not_given_back_is_left_to_nobody() {
        let mut room = room(given_back(3, 0.0), 5.0);
        hold(&mut room, 3);
        room.lend(D).unwrap();
        assert_eq!(last_write(&mut room).given_back, None);
    }

    #[test]
    fn what_is_given_back_or_was_not_wanted_is_left_to_the_next_page() {
        for wanted in [true, false] {
            let mut room = room(given_back(3, 0.0), 5.0);
            hold(&mut room, 3);
            if wanted {
                let client = room.lend(D).unwrap();
                room.handle(Event::GiveBack { document: D, client }, 5.0);
            }
            assert_eq!(last_write(&mut room).given_back, given_back(3, 5.0));
        }
    }

    #[test]
    fn one_that_has_not_told_everything_is_not_taken_back() {
        for (id, clock) in [(7, 4), (7, 2), (8, 0), (u64::MAX, 1)] {
            let mut room = room(None, 5.0);
            hold(&mut room, 3);
            room.handle(Event::GiveBack { document: D, client: Client { id, clock } }, 5.0);
            assert_eq!(last_write(&mut room).given_back, None);
        }
    }
}

//! The room's history in the browser's database: requests go in, and what became of them is reported to
//! the room.
//!
//! The database is opened once. From then on a write begins at once, whatever is under way: it may be the
//! last thing that the page does, and the browser keeps transactions in their order.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;

use super::driver::Inbox;
use super::indexed_db::IndexedDb;
use super::last_words::WebStorage;
use crate::room::Event;
use crate::room::history::Write;
use crate::room::ids::RoomId;
use crate::store::{Store, StoreError};

/// Who talks to the database. What was asked of it is done even when this is dropped.
#[derive(Clone)]
pub struct Keeper {
    database: Rc<str>,
    tab: Option<String>,
    room: RoomId,
    opened: Rc<RefCell<Option<Rc<IndexedDb>>>>,
}

impl Keeper {
    /// A keeper of `room` in the database of this name, for a page in this browser tab.
    pub fn new(database: String, tab: Option<String>, room: RoomId) -> Self {
        Self { database: database.into(), tab, room, opened: Rc::default() }
    }

    /// Asks for all that is kept.
    pub fn restore(&self, inbox: Inbox) {
        let keeper = self.clone();
        spawn_local(async move {
            let history = match keeper.open().await {
                Ok(store) => store.load(keeper.room, super::now()).await,
                Err(error) => Err(error),
            };
            inbox.put(Event::Restored(history.map_err(|error| error.to_string())));
        });
    }

    /// Keeps something.
    pub fn write(&self, number: u32, write: Write, inbox: Inbox) {
        if let Some(words) = &write.last {
            WebStorage::open(&self.database).inspect(|storage| storage.put(&self.room.topic(), words));
        }
        let keeper = self.clone();
        spawn_local(async move {
            let written = match keeper.open().await {
                Ok(store) => store.write(keeper.room, &write).await,
                Err(error) => Err(error),
            };
            if written == Err(StoreError::Lost) {
                // It is made anew, and the room fills it again.
                keeper.opened.take();
                return inbox.put(Event::HistoryLost);
            }
            inbox.put(Event::Written { number, written: written.map_err(|error| error.to_string()) });
        });
    }

    async fn open(&self) -> Result<Rc<IndexedDb>, StoreError> {
        let opened = self.opened.borrow().clone();
        if let Some(store) = opened {
            return Ok(store);
        }
        let store = Rc::new(IndexedDb::open(&self.database, self.tab.clone()).await?);
        self.opened.replace(Some(store.clone()));
        Ok(store)
    }
}

//! The room's history in the browser's database: requests go in, one after the other; what became of
//! them is reported to the room.

use std::rc::Rc;

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use wasm_bindgen_futures::spawn_local;

use super::driver::Inbox;
use super::indexed_db::IndexedDb;
use crate::room::Event;
use crate::room::history::Write;
use crate::room::ids::RoomId;
use crate::store::{Store, StoreError};

/// Who talks to the database. What was asked of it is done even when this is dropped.
pub struct Keeper {
    requests: UnboundedSender<(Request, Inbox)>,
}

enum Request {
    Restore,
    Write(u32, Write),
}

impl Keeper {
    /// A keeper of `room` in the database of this name.
    pub fn new(database: String, room: RoomId) -> Self {
        let (requests, mut to_do) = unbounded::<(Request, Inbox)>();
        spawn_local(async move {
            let mut opened = None;
            while let Some((request, inbox)) = to_do.next().await {
                let events = answer(&database, &mut opened, room, request).await;
                events.into_iter().for_each(|event| inbox.put(event));
            }
        });
        Self { requests }
    }

    /// Asks for all that is kept.
    pub fn restore(&self, inbox: Inbox) {
        self.ask(Request::Restore, inbox);
    }

    /// Keeps something.
    pub fn write(&self, number: u32, write: Write, inbox: Inbox) {
        self.ask(Request::Write(number, write), inbox);
    }

    fn ask(&self, request: Request, inbox: Inbox) {
        // The task lives as long as this.
        self.requests.unbounded_send((request, inbox)).ok();
    }
}

/// Does one thing. A database that was emptied is made anew, and the room is told to fill it again.
async fn answer(
    database: &str,
    opened: &mut Option<Rc<IndexedDb>>,
    room: RoomId,
    request: Request,
) -> Vec<Event> {
    match request {
        Request::Restore => {
            let history = match open(database, opened).await {
                Ok(store) => store.load(room, super::now()).await,
                Err(error) => Err(error),
            };
            vec![Event::Restored(history.map_err(|error| error.to_string()))]
        }
        Request::Write(number, write) => {
            let keys = match open(database, opened).await {
                Ok(store) => store.write(room, &write).await,
                Err(error) => Err(error),
            };
            if keys == Err(StoreError::Lost) {
                *opened = None;
                return vec![Event::HistoryLost];
            }
            vec![Event::Written { number, keys: keys.map_err(|error| error.to_string()) }]
        }
    }
}

async fn open(database: &str, opened: &mut Option<Rc<IndexedDb>>) -> Result<Rc<IndexedDb>, StoreError> {
    if let Some(store) = opened {
        return Ok(store.clone());
    }
    let store = Rc::new(IndexedDb::open(database).await?);
    *opened = Some(store.clone());
    Ok(store)
}

//! The store in a browser: IndexedDB.
//!
//! One database for all rooms of a site, with five object stores:
//!
//! | store | key | value |
//! |---|---|---|
//! | `rooms` | room | `{used}`, when it was used last |
//! | `lines` | `[room, path]` | a line of the index, postcard |
//! | `owned` | `[room, name]` | what this person wrote in a document, postcard |
//! | `clients` | room | `{tab, clients}`: the client ids that the page which went last gave back, postcard, and its browser tab |
//! | `log` | counted up by the browser | `{room, document, updates, continues}`; index `room` |
//!
//! What pages say last is in the web storage, see [`super::last_words`].
//!
//! Rooms and documents are hexadecimal texts, updates `Uint8Array`s. What is read is not believed more
//! than what a peer says: what can't be read is left out.
//!
//! The browser copies what it is to keep before it lets the page go on. So a large write asks for one
//! record after the other, each in a task of its own, and all in one transaction.
//!
//! A person may clear the site's data at any time, or another page may delete the database. Then the
//! connection ends with an event, and what is asked of it after that is answered by
//! [`StoreError::Lost`].

use std::cell::RefCell;
use std::rc::Rc;

use futures::channel::oneshot;
use js_sys::{Array, Function, Reflect, Uint8Array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use web_sys::{
    IdbDatabase, IdbFactory, IdbIndexParameters, IdbKeyRange, IdbObjectStore, IdbObjectStoreParameters,
    IdbRequest, IdbTransaction,
};

use super::last_words::WebStorage;
use super::live::Live;
use super::member::{self, list, object};
use crate::room::clients::GivenBack;
use crate::room::history::{History, Key, Owned, Record, Row, Write, Written};
use crate::room::ids::{DocumentId, RoomId};
use crate::room::limits::Millis;
use crate::room::record;
use crate::store::{Store, StoreError};

const ROOMS: &str = "rooms";
const LINES: &str = "lines";
const OWNED: &str = "owned";
const LOG: &str = "log";
const CLIENTS: &str = "clients";
const ALL: [&str; 5] = [ROOMS, LINES, OWNED, LOG, CLIENTS];
const VERSION: u32 = 2;
const BY_ROOM: &str = "room";

/// A connection to the database.
pub struct IndexedDb {
    database: IdbDatabase,
    last_words: Option<WebStorage>,
    /// The browser tab, for what its pages leave to each other.
    tab: Option<String>,
    ended: Rc<RefCell<bool>>,
    /// A write that is under way and needs the page.
    unfinished: RefCell<Option<IdbTransaction>>,
    _callbacks: [Closure<dyn FnMut(JsValue)>; 2],
    _live: Live,
}

impl IndexedDb {
    /// Opens the database, or makes it, for a page in this browser tab.
    pub async fn open(name: &str, tab: Option<String>) -> Result<Self, StoreError> {
        let request = factory()?.open_with_u32(name, VERSION)?;
        let opening = request.clone();
        let make = Closure::once(move |_: JsValue| make_stores(&opening));
        request.set_onupgradeneeded(Some(make.as_ref().unchecked_ref()));
        let database: IdbDatabase = result_of(&request).await?.unchecked_into();
        let ended = Rc::new(RefCell::new(false));
        let callbacks = [on_end(&database, &ended, true), on_end(&database, &ended, false)];
        database.set_onversionchange(Some(callbacks[0].as_ref().unchecked_ref()));
        database.set_onclose(Some(callbacks[1].as_ref().unchecked_ref()));
        let live = Live::new(&database);
        let last_words = WebStorage::open(name);
        let unfinished = RefCell::default();
        Ok(Self { database, last_words, tab, ended, unfinished, _callbacks: callbacks, _live: live })
    }

    /// Asks for all of a write: at once if it is small, so that a page that is about to go has said it.
    async fn ask_for(
        &self,
        write: &Write,
        room: &str,
        transaction: &Transaction,
    ) -> Result<Vec<IdbRequest>, StoreError> {
        transaction.store(ROOMS)?.put_with_key(&used(super::now()), &room.into())?;
        let lines = transaction.store(LINES)?;
        for line in &write.lines {
            lines.put_with_key(&encoded(line)?, &pair(room, &line.path))?;
        }
        let store = transaction.store(OWNED)?;
        for owned in &write.owned {
            store.put_with_key(&encoded(owned)?, &pair(room, &owned.name))?;
        }
        for name in &write.disowned {
            store.delete(&pair(room, name))?;
        }
        if let (Some(given_back), Some(tab)) = (&write.given_back, &self.tab) {
            let value = object(&[("tab", tab.into()), ("clients", encoded(given_back)?)]);
            transaction.store(CLIENTS)?.put_with_key(&value, &room.into())?;
        }
        let log = transaction.store(LOG)?;
        for key in &write.dropped {
            log.delete(&(*key as f64).into())?;
        }
        // Who asks has to wait for the answer. A page that goes can't; the next one finds what is left.
        if write.last.is_none() && !write.gone.is_empty() {
            self.unfinished.replace(Some(transaction.inner.clone()));
            let noted = self.noted(write, room, &store).await?;
            let gone = write.gone.iter().filter(|(document, _)| !noted.contains(document));
            for key in gone.flat_map(|(_, keys)| keys) {
                log.delete(&(*key as f64).into())?;
            }
        }
        let length: usize = write.appended.iter().map(Row::length).sum();
        let in_turn = write.last.is_none() && length > record::LENGTH;
        if in_turn {
            self.unfinished.replace(Some(transaction.inner.clone()));
        }
        let mut requests = Vec::new();
        for row in &write.appended {
            let request = log.put(&value_of(room, row))?;
            if in_turn {
                result_of(&request).await?;
            }
            requests.push(request);
        }
        Ok(requests)
    }

    /// The documents of which something that stays says that somebody wrote in them.
    async fn noted(
        &self,
        write: &Write,
        room: &str,
        owned: &IdbObjectStore,
    ) -> Result<Vec<DocumentId>, StoreError> {
        let owned: Array = result_of(&owned.get_all_with_key(&keys_of(room)?)?).await?.unchecked_into();
        let owned = owned.iter().filter_map(|owned| decoded::<Owned>(&owned));
        let mut noted: Vec<_> = owned.map(|owned| owned.entry.document).collect();
        for (name, words) in self.last_words.iter().flat_map(|words| words.all(room)) {
            if !write.heard.contains(&name) {
                noted.extend(words.updates.iter().map(|(document, _)| document));
            }
        }
        Ok(noted)
    }

    /// What the page before in this browser tab gave back; it is taken out.
    async fn take_given_back(
        &self,
        room: &str,
        transaction: &Transaction,
    ) -> Result<Option<GivenBack>, StoreError> {
        let store = transaction.store(CLIENTS)?;
        let found = result_of(&store.get(&room.into())?).await?;
        if member::text(&found, "tab").is_none_or(|tab| Some(tab) != self.tab) {
            return Ok(None);
        }
        store.delete(&room.into())?;
        Ok(decoded(&member::get(&found, "clients")))
    }

    /// A transaction on all stores, to read and to write. One that is `strict` waits for the disk.
    fn begin(&self, durability: &str) -> Result<Transaction, StoreError> {
        if *self.ended.borrow() {
            return Err(StoreError::Lost);
        }
        let names: JsValue = list(ALL.iter().map(|name| JsValue::from_str(name)));
        let options = object(&[("durability", durability.into())]);
        // In web-sys the call that takes options is not stable.
        let begin = member::get(&self.database, "transaction").dyn_into::<Function>()?;
        let transaction = begin.call3(&self.database, &names, &"readwrite".into(), &options);
        // Where the database was just closed this throws, before the event has come.
        Ok(Transaction { inner: transaction.map_err(|_| StoreError::Lost)?.unchecked_into() })
    }
}

impl Drop for IndexedDb {
    fn drop(&mut self) {
        self.database.set_onversionchange(None);
        self.database.set_onclose(None);
        self.database.close();
    }
}

/// The database is deleted by another page, which waits until we let go of it; or by the browser.
fn on_end(database: &IdbDatabase, ended: &Rc<RefCell<bool>>, closes: bool) -> Closure<dyn FnMut(JsValue)> {
    let (database, ended) = (database.clone(), ended.clone());
    Closure::new(move |_| {
        ended.replace(true);
        if closes {
            database.close();
        }
    })
}

fn factory() -> Result<IdbFactory, StoreError> {
    let window = web_sys::window().ok_or_else(|| StoreError::Refused("no window".into()))?;
    window.indexed_db()?.ok_or_else(|| StoreError::Refused("this browser gives no IndexedDB".into()))
}

fn make_stores(opening: &IdbRequest) {
    // What fails here makes the opening fail.
    let Ok(database) = opening.result().map(JsCast::unchecked_into::<IdbDatabase>) else { return };
    for name in [ROOMS, LINES, OWNED, CLIENTS] {
        database.create_object_store(name).ok(); // it may be there
    }
    let counted = IdbObjectStoreParameters::new();
    counted.set_auto_increment(true);
    if let Ok(log) = database.create_object_store_with_optional_parameters(LOG, &counted) {
        log.create_index_with_str_and_optional_parameters(BY_ROOM, "room", &IdbIndexParameters::new()).ok();
    }
}

impl Store for IndexedDb {
    async fn load(&self, room: RoomId, now: Millis) -> Result<History, StoreError> {
        let room = room.topic();
        let transaction = self.begin("strict")?;
        transaction.store(ROOMS)?.put_with_key(&used(now), &room.as_str().into())?;
        let log = transaction.store(LOG)?.index(BY_ROOM)?;
        let requests = [
            transaction.store(LINES)?.get_all_with_key(&keys_of(&room)?)?,
            transaction.store(OWNED)?.get_all_with_key(&keys_of(&room)?)?,
            log.get_all_keys_with_key(&room.as_str().into())?,
            log.get_all_with_key(&room.as_str().into())?,
        ];
        let given_back = self.take_given_back(&room, &transaction).await?;
        transaction.done().await?;
        let mut results = Vec::new();
        for request in requests {
            results.push(request.result()?.unchecked_into::<Array>());
        }
        let records = results[2].iter().zip(results[3].iter());
        Ok(History {
            lines: results[0].iter().filter_map(|line| decoded(&line)).collect(),
            owned: results[1].iter().filter_map(|owned| decoded(&owned)).collect(),
            records: records.filter_map(|(key, value)| record(&key, &value)).collect(),
            given_back,
            last_words: self.last_words.as_ref().map(|words| words.all(&room)).unwrap_or_default(),
        })
    }

    async fn write(&self, room: RoomId, write: &Write) -> Result<Written, StoreError> {
        let room = room.topic();
        if let Some(unfinished) = self.unfinished.take().filter(|_| write.last.is_some()) {
            // It would wait for a page that is gone, and this write for it.
            unfinished.abort().ok();
        }
        let transaction = self.begin("default")?;
        let known = transaction.store(ROOMS)?.get(&room.as_str().into())?;
        let log = transaction.store(LOG)?;
        let base = |(document, key): &(DocumentId, Key)| Ok((*document, log.get_key(&(*key as f64).into())?));
        let bases: Vec<_> = write.bases.iter().map(base).collect::<Result<_, JsValue>>()?;
        let appended = match self.ask_for(write, &room, &transaction).await {
            Ok(appended) => appended,
            Err(error) => {
                transaction.inner.abort().ok(); // as a whole or not at all
                return Err(error);
            }
        };
        transaction.commit();
        transaction.done().await?;
        if known.result()?.is_undefined() {
            return Err(StoreError::Lost); // another page has forgotten the room, and what this builds upon
        }
        if let Some(words) = &self.last_words {
            words.remove(&write.heard);
        }
        let mut written = Written::default();
        for request in appended {
            written.keys.push(key_of(&request.result()?)?);
        }
        for (document, request) in bases {
            if request.result()?.is_undefined() {
                written.baseless.push(document);
            }
        }
        Ok(written)
    }

    async fn forget(&self, room: RoomId) -> Result<(), StoreError> {
        let room = room.topic();
        let transaction = self.begin("default")?;
        transaction.forget(&room).await?;
        transaction.done().await?;
        self.last_words.iter().for_each(|words| words.forget(&room));
        Ok(())
    }

    async fn forget_unused(&self, before: Millis) -> Result<usize, StoreError> {
        let transaction = self.begin("default")?;
        let rooms = transaction.store(ROOMS)?;
        let (names, used) = (rooms.get_all_keys()?, rooms.get_all()?);
        let names: Array = result_of(&names).await?.unchecked_into();
        let used: Array = result_of(&used).await?.unchecked_into();
        let mut forgotten = Vec::new();
        for (name, value) in names.iter().zip(used.iter()) {
            let used = member::get(&value, "used").as_f64();
            if let Some(name) = name.as_string().filter(|_| used.is_none_or(|used| used < before)) {
                transaction.forget(&name).await?;
                forgotten.push(name);
            }
        }
        transaction.done().await?;
        if let Some(words) = &self.last_words {
            forgotten.iter().for_each(|room| words.forget(room));
        }
        Ok(forgotten.len())
    }
}

struct Transaction {
    inner: IdbTransaction,
}

impl Transaction {
    fn store(&self, name: &str) -> Result<IdbObjectStore, StoreError> {
        Ok(self.inner.object_store(name)?)
    }

    async fn forget(&self, room: &str) -> Result<(), StoreError> {
        self.store(ROOMS)?.delete(&room.into())?;
        self.store(CLIENTS)?.delete(&room.into())?;
        self.store(LINES)?.delete(&keys_of(room)?)?;
        self.store(OWNED)?.delete(&keys_of(room)?)?;
        let log = self.store(LOG)?;
        let keys = log.index(BY_ROOM)?.get_all_keys_with_key(&room.into())?;
        let keys: Array = result_of(&keys).await?.unchecked_into();
        for key in keys.iter() {
            log.delete(&key)?;
        }
        Ok(())
    }

    /// Nothing more is to come: a page that goes now takes nothing back. (Old browsers have no such call,
    /// and web-sys deprecates it for its signature.)
    fn commit(&self) {
        let commit = Reflect::get(&self.inner, &"commit".into()).ok().and_then(|it| it.dyn_into().ok());
        commit.map(|commit: js_sys::Function| commit.call0(&self.inner));
    }

    /// Resolves when all of it has taken place, or fails when nothing of it has.
    async fn done(self) -> Result<(), StoreError> {
        let (sender, receiver) = oneshot::channel();
        let sender = RefCell::new(Some(sender));
        let end = Closure::<dyn FnMut(web_sys::Event)>::new(move |event: web_sys::Event| {
            if let Some(sender) = sender.borrow_mut().take() {
                sender.send(event.type_() == "complete").ok();
            }
        });
        let function = end.as_ref().unchecked_ref();
        self.inner.set_oncomplete(Some(function));
        self.inner.set_onabort(Some(function));
        if receiver.await.unwrap_or(false) {
            return Ok(());
        }
        let reason = self.inner.error().map(|error| error.message());
        Err(StoreError::Refused(reason.unwrap_or_else(|| "the browser gave up".into())))
    }
}

/// Waits for a request's result.
async fn result_of(request: &IdbRequest) -> Result<JsValue, StoreError> {
    let (sender, receiver) = oneshot::channel();
    let sender = RefCell::new(Some(sender));
    let end = Closure::<dyn FnMut(JsValue)>::new(move |_| {
        if let Some(sender) = sender.borrow_mut().take() {
            sender.send(()).ok();
        }
    });
    let function = end.as_ref().unchecked_ref();
    request.set_onsuccess(Some(function));
    request.set_onerror(Some(function));
    receiver.await.ok();
    match request.error()? {
        Some(error) => Err(StoreError::Refused(error.message())),
        None => Ok(request.result()?),
    }
}

fn value_of(room: &str, row: &Row) -> JsValue {
    let updates: Array = row.updates.iter().map(|update| Uint8Array::from(&update[..])).collect();
    object(&[
        ("room", room.into()),
        ("document", row.document.to_string().into()),
        ("updates", updates.into()),
        ("continues", row.continues.into()),
    ])
}

fn record(key: &JsValue, value: &JsValue) -> Option<Record> {
    let updates = member::get(value, "updates").dyn_into::<Array>().ok()?;
    let bytes = |update: JsValue| Some(update.dyn_into::<Uint8Array>().ok()?.to_vec().into());
    let row = Row {
        document: DocumentId::parse(&member::text(value, "document")?)?,
        updates: updates.iter().map(bytes).collect::<Option<Vec<_>>>()?,
        continues: member::is_true(value, "continues"),
    };
    Some(Record { key: key_of(key).ok()?, row })
}

fn key_of(key: &JsValue) -> Result<Key, StoreError> {
    key.as_f64().map(|key| key as Key).ok_or_else(|| StoreError::Refused("a key that is no number".into()))
}

fn encoded(value: &impl Serialize) -> Result<JsValue, StoreError> {
    let bytes = postcard::to_allocvec(value).map_err(|error| StoreError::Refused(error.to_string()))?;
    Ok(Uint8Array::from(&bytes[..]).into())
}

fn decoded<T: DeserializeOwned>(value: &JsValue) -> Option<T> {
    postcard::from_bytes(&value.dyn_ref::<Uint8Array>()?.to_vec()).ok()
}

fn used(now: Millis) -> JsValue {
    object(&[("used", now.into())])
}

fn pair(room: &str, name: &str) -> JsValue {
    Array::of2(&room.into(), &name.into()).into()
}

/// All keys `[room, …]`: an array sorts after every text.
fn keys_of(room: &str) -> Result<JsValue, StoreError> {
    let last = Array::of2(&room.into(), &Array::new());
    Ok(IdbKeyRange::bound(&Array::of1(&room.into()), &last)?.into())
}

impl From<JsValue> for StoreError {
    fn from(error: JsValue) -> Self {
        Self::Refused(super::reason(&error))
    }
}

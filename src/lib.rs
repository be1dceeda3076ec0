//! The engine of jupyterlite-webrtc: real-time collaboration for JupyterLite, peer to peer.
//!
//! [`room`] is the protocol as a state machine without I/O; it runs natively in tests. `web` joins it
//! to a browser. This file is the surface that JavaScript sees, and nothing else.

#![forbid(unsafe_code)]

pub mod room;
pub mod store;
#[cfg(target_arch = "wasm32")]
pub mod web;

#[cfg(target_arch = "wasm32")]
pub use surface::{Engine, forget_room, forget_unused, genesis_of};

#[cfg(target_arch = "wasm32")]
mod surface {
    use std::cell::RefCell;
    use std::panic::PanicHookInfo;
    use std::rc::Rc;
    use std::sync::Once;

    use js_sys::{Array, Function, Uint8Array};
    use wasm_bindgen::prelude::*;

    use crate::room::clients::Client;
    use crate::room::ids::{DocumentId, RoomId};
    use crate::room::index::Entry;
    use crate::room::key::RoomKey;
    use crate::room::tabs::name_of;
    use crate::room::{Config, Event, Room};
    use crate::store::Store;
    use crate::web::Ice;
    use crate::web::driver::{Driver, Servers};
    use crate::web::indexed_db::IndexedDb;
    use crate::web::member::list;
    use crate::web::page::{self, Options, Page};

    static HOOK: Once = Once::new();

    thread_local! {
        /// Who is told of a panic. A wasm trap does not unwind: all engines are lost, the page is not, and
        /// engines that are made after that are in a new instance.
        static ON_PANIC: RefCell<Vec<Function>> = const { RefCell::new(Vec::new()) };
    }

    /// The genesis id of the document whose history begins with `update`.
    #[wasm_bindgen(js_name = genesisOf)]
    pub fn genesis_of(update: &[u8]) -> String {
        DocumentId::of(update).to_string()
    }

    /// Has the browser compile what joining a room needs, when it has nothing else to do.
    #[wasm_bindgen]
    pub fn rehearse() {
        crate::web::idle::rehearse();
    }

    /// What the tabs of this browser that are in a room find each other by, and are elected for.
    #[wasm_bindgen(js_name = tabsOf)]
    pub fn tabs_of(prefix: &str, room: &str, secret: Option<String>) -> String {
        let id = RoomId::derive(prefix, room);
        name_of(&RoomKey::derive(id, prefix, room, secret.as_deref()))
    }

    /// Takes away all that is kept of a room in the database of this name.
    #[wasm_bindgen(js_name = forgetRoom)]
    pub async fn forget_room(database: String, prefix: String, room: String) -> Result<(), JsError> {
        let store = IndexedDb::open(&database, None).await?;
        Ok(store.forget(RoomId::derive(&prefix, &room)).await?)
    }

    /// Takes away the rooms that were last used so many days ago. Returns how many.
    #[wasm_bindgen(js_name = forgetUnused)]
    pub async fn forget_unused(database: String, days: f64) -> Result<usize, JsError> {
        let store = IndexedDb::open(&database, None).await?;
        Ok(store.forget_unused(crate::web::now() - days * 24.0 * 3_600_000.0).await?)
    }

    /// A room, run in this page.
    #[wasm_bindgen]
    pub struct Engine {
        driver: Rc<Driver>,
        _panics: PanicListener,
    }

    #[wasm_bindgen]
    impl Engine {
        /// Joins the room of `options` (`IRoomOptions`). `sockets` are those of its signaling servers
        /// that are being dialled already, or null. `listener` hears what happens; `failed` is called
        /// with a message if the engine breaks.
        #[wasm_bindgen(constructor)]
        pub fn new(
            options: JsValue,
            sockets: &Array,
            listener: Function,
            failed: Function,
        ) -> Result<Engine, JsError> {
            let panics = PanicListener::new(failed);
            let ice = Ice::of(&options);
            let Options { signaling: urls, prefix, room: name, secret, history, tabs, browser_tab } =
                Options::read(&options).map_err(unusable)?;
            let seed = crate::web::random_seed()
                .map_err(|_| JsError::new("this browser gives no random numbers"))?;
            let config =
                Config { prefix, name, secret, servers: urls.len(), seed, history: history.is_some(), tabs };
            let room = Room::join(config, crate::web::now());
            let dialled = sockets.iter().map(|socket| socket.dyn_into().ok()).collect();
            let servers = Servers { urls, dialled, ice, history, browser_tab };
            let driver = Driver::start(room, servers, Page::new(listener));
            Ok(Self { driver, _panics: panics })
        }

        /// The room's id: its topic on signaling servers.
        pub fn id(&self) -> String {
            self.driver.room(|room| room.id().topic())
        }

        /// What lives at a path, or undefined.
        pub fn entry(&self, path: &str) -> JsValue {
            optional(self.driver.room(|room| room.entry(path)))
        }

        /// Where a document lives, or undefined.
        pub fn home(&self, genesis: &str) -> JsValue {
            optional(self.driver.room(|room| room.home(DocumentId::parse(genesis)?)))
        }

        /// How often something was put at a path or taken away.
        pub fn generation(&self, path: &str) -> u32 {
            self.driver.room(|room| room.generation(path))
        }

        /// The state vector of what this person wrote in a document, or undefined.
        pub fn own(&self, genesis: &str) -> Option<Vec<u8>> {
            self.driver.room(|room| room.own(DocumentId::parse(genesis)?))
        }

        /// What this person wrote in documents that live nowhere any more (`IOwned`).
        pub fn orphans(&self) -> JsValue {
            self.driver.room(|room| list(room.orphans().map(JsValue::from)))
        }

        /// All that lives somewhere.
        pub fn entries(&self) -> JsValue {
            self.driver.room(|room| list(room.entries().map(JsValue::from)))
        }

        /// A picture of the room now. `signaling` has states in the order of the URLs.
        pub fn status(&self) -> JsValue {
            self.driver.room(Room::status).into()
        }

        /// Puts a document into the room (`IIndexEntry`, its content); `claimed` with this number
        /// follows.
        pub fn claim(
            &self,
            number: u32,
            entry: JsValue,
            update: Vec<u8>,
            replace: bool,
        ) -> Result<(), JsError> {
            let claim = page::claim(&entry, update, replace).map_err(unusable)?;
            self.driver.put(Event::Claim { number, claim });
            Ok(())
        }

        /// `held`, `sought`, `unavailable` or `unknown`.
        #[wasm_bindgen(js_name = documentState)]
        pub fn document_state(&self, genesis: &str) -> String {
            let state = DocumentId::parse(genesis)
                .and_then(|document| self.driver.room(|room| room.document_state(document)));
            page::document_state(state).to_owned()
        }

        /// The content of a document, as updates, if it is here.
        pub fn content(&self, genesis: &str) -> Option<Array> {
            let content = self.driver.room(|room| room.content(DocumentId::parse(genesis)?))?;
            Some(content.iter().map(|update| Uint8Array::from(&update[..])).collect())
        }

        /// The state vector of a document, if it is here.
        #[wasm_bindgen(js_name = stateVector)]
        pub fn state_vector(&self, genesis: &str) -> Option<Vec<u8>> {
            self.driver.room(|room| room.state_vector(DocumentId::parse(genesis)?))
        }

        /// From now on `apply` tells of every change of the document.
        pub fn attach(&self, genesis: &str) -> Result<(), JsError> {
            self.driver.put(Event::Attach(parse(genesis)?));
            Ok(())
        }

        /// No longer.
        pub fn detach(&self, genesis: &str) -> Result<(), JsError> {
            self.driver.put(Event::Detach(parse(genesis)?));
            Ok(())
        }

        /// The client id under which a Y.Doc with all of the document's content may go on, undefined where
        /// there is none. It has to be given back.
        pub fn lend(&self, genesis: &str) -> Option<f64> {
            let client = self.driver.take(|room| room.lend(DocumentId::parse(genesis)?));
            client.map(|client| client.id as f64)
        }

        /// Nothing is written under this client id any more, which has come to this clock.
        #[wasm_bindgen(js_name = giveBack)]
        pub fn give_back(&self, genesis: &str, id: f64, clock: u32) -> Result<(), JsError> {
            let client = Client { id: id as u64, clock };
            self.driver.put(Event::GiveBack { document: parse(genesis)?, client });
            Ok(())
        }

        /// Moves what lives at a path.
        pub fn rename(&self, from: String, to: String) {
            self.driver.put(Event::Rename { from, to });
        }

        /// Takes away what lives at a path.
        pub fn remove(&self, path: String) {
            self.driver.put(Event::Remove(path));
        }

        /// The page has kept what it wanted of a document that lives nowhere any more.
        pub fn release(&self, genesis: &str) -> Result<(), JsError> {
            self.driver.put(Event::Release(parse(genesis)?));
            Ok(())
        }

        /// The page's Y.Doc made this update.
        pub fn edited(&self, genesis: &str, update: Vec<u8>) -> Result<(), JsError> {
            self.driver.put(Event::Edited { document: parse(genesis)?, update });
            Ok(())
        }

        /// The page's encoding of a whole document, after `compact`.
        pub fn compacted(&self, genesis: &str, whole: Vec<u8>) -> Result<(), JsError> {
            self.driver.put(Event::Compacted { document: parse(genesis)?, whole });
            Ok(())
        }

        /// The page's awareness made this update, about a document or (undefined) about the room.
        pub fn presence(&self, channel: Option<String>, update: Vec<u8>) -> Result<(), JsError> {
            let channel = channel.as_deref().map(parse).transpose()?;
            self.driver.put(Event::Presence { channel, update });
            Ok(())
        }

        /// The page no longer takes part in this channel.
        #[wasm_bindgen(js_name = presenceEnded)]
        pub fn presence_ended(&self, channel: Option<String>) -> Result<(), JsError> {
            self.driver.put(Event::PresenceEnded(channel.as_deref().map(parse).transpose()?));
            Ok(())
        }

        /// There is a network again, or another one: what waits for one is tried at once.
        #[wasm_bindgen(js_name = networkChanged)]
        pub fn network_changed(&self) {
            self.driver.put(Event::NetworkChanged);
        }

        /// The browser has made this page the one that leads its tabs.
        pub fn lead(&self) {
            self.driver.put(Event::Leads);
        }

        /// The browser has made another page that.
        pub fn follow(&self) {
            self.driver.put(Event::Follows);
        }

        /// Says goodbye. Nothing is heard after this.
        pub fn leave(&self) {
            self.driver.put(Event::Leave);
        }
    }

    fn optional(entry: Option<Entry>) -> JsValue {
        entry.map_or(JsValue::UNDEFINED, JsValue::from)
    }

    fn parse(genesis: &str) -> Result<DocumentId, JsError> {
        DocumentId::parse(genesis).ok_or_else(|| unusable("genesis"))
    }

    fn unusable(name: &str) -> JsError {
        JsError::new(&format!("{name} is missing, or not what it has to be"))
    }

    /// Has a function told of panics until it is dropped.
    struct PanicListener(Function);

    impl PanicListener {
        fn new(failed: Function) -> Self {
            ON_PANIC.with_borrow_mut(|listeners| listeners.push(failed.clone()));
            HOOK.call_once(|| std::panic::set_hook(Box::new(tell_of_panic)));
            Self(failed)
        }
    }

    impl Drop for PanicListener {
        fn drop(&mut self) {
            ON_PANIC.with_borrow_mut(|listeners| {
                if let Some(at) = listeners.iter().position(|listener| *listener == self.0) {
                    listeners.swap_remove(at);
                }
            });
        }
    }

    fn tell_of_panic(info: &PanicHookInfo) {
        console_error_panic_hook::hook(info);
        crate::web::live::close_all();
        // The next call from JavaScript gets a new instance.
        wasm_bindgen::handler::schedule_reinit();
        let message = JsValue::from_str(&info.to_string());
        let listeners = ON_PANIC.with_borrow(Vec::clone);
        listeners.iter().for_each(|listener| drop(listener.call1(&JsValue::NULL, &message)));
    }
}

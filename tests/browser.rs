//! The engine in a real browser: rooms joined by real RTCPeerConnections, both ends in one page, over
//! the real signaling server.
//!
//! `scripts/with-signaling.sh` starts the server and says where it is.

#![cfg(target_arch = "wasm32")]

#[path = "store/conformance.rs"]
mod conformance;

use std::cell::RefCell;
use std::rc::Rc;

use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::future::{Either, select};
use futures::lock::Mutex;
use futures::{FutureExt, StreamExt, pin_mut};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Function, Object, Reflect, Uint8Array};
use jupyterlite_webrtc::room::history::{LastWords, Write};
use jupyterlite_webrtc::room::ids::RoomId;
use jupyterlite_webrtc::store::Store;
use jupyterlite_webrtc::web::indexed_db::IndexedDb;
use jupyterlite_webrtc::web::last_words::WebStorage;
use jupyterlite_webrtc::{Engine, genesis_of};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::*;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, ReadTxn, StateVector, Text, Transact, Update};

wasm_bindgen_test_configure!(run_in_browser);

const SIGNALING: Option<&str> = option_env!("SIGNALING_URL");
/// Where nobody listens.
const NOWHERE: &str = "ws://127.0.0.1:9/";
/// How long anything may take before it counts as broken, in milliseconds.
const PATIENCE: u32 = 30_000;

/// How a page joins.
struct Setup<'a> {
    url: &'a str,
    /// What has been dialled already.
    sockets: Array,
    room: &'a str,
    secret: Option<&'a str>,
    database: Option<&'a str>,
    tabs: bool,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self { url: NOWHERE, sockets: Array::new(), room: "", secret: None, database: None, tabs: false }
    }
}

/// A page in a room.
struct Page {
    engine: Engine,
    events: Mutex<UnboundedReceiver<JsValue>>,
    _ears: [Closure<dyn FnMut(JsValue)>; 2],
}

impl Page {
    fn join(room: &str, secret: Option<&str>) -> Self {
        Self::join_at(SIGNALING.expect("run by scripts/with-signaling.sh"), room, secret)
    }

    fn join_at(url: &str, room: &str, secret: Option<&str>) -> Self {
        Self::join_with(Setup { url, room, secret, ..Setup::default() })
    }

    /// Without network, and with a history in a database.
    fn offline(room: &str, database: &str) -> Self {
        Self::join_with(Setup { room, database: Some(database), ..Setup::default() })
    }

    /// Without network, as one of several tabs.
    fn tab(room: &str) -> Self {
        Self::join_with(Setup { room, tabs: true, ..Setup::default() })
    }

    fn join_with(Setup { url, sockets, room, secret, database, tabs }: Setup) -> Self {
        let options = Object::new();
        if let Some(database) = database {
            set(&options, "history", &database.into());
        }
        set(&options, "signaling", &Array::of1(&url.into()));
        set(&options, "prefix", &"the browser tests".into());
        set(&options, "room", &room.into());
        set(&options, "tabs", &tabs.into());
        if let Some(secret) = secret {
            set(&options, "secret", &secret.into());
        }
        let (heard, events) = unbounded();
        let ear = Closure::new(move |event| drop(heard.unbounded_send(event)));
        let failed = Closure::new(|message: JsValue| panic!("the engine failed: {message:?}"));
        let function = |ear: &Closure<dyn FnMut(JsValue)>| ear.as_ref().unchecked_ref::<Function>().clone();
        let engine = Engine::new(options.into(), &sockets, function(&ear), function(&failed))
            .expect("the engine starts");
        Self { engine, events: Mutex::new(events), _ears: [ear, failed] }
    }

    /// The next event of a kind, for which `matches` is true.
    async fn hears(&self, kind: &str, matches: impl Fn(&JsValue) -> bool) -> JsValue {
        let mut events = self.events.lock().await;
        let heard = async {
            loop {
                let event = events.next().await.expect("the engine keeps its listener");
                if text(&event, "type") == kind && matches(&event) {
                    return event;
                }
            }
        };
        let late = TimeoutFuture::new(PATIENCE);
        pin_mut!(heard);
        match select(heard, late).await {
            Either::Left((event, _)) => event,
            Either::Right(_) => panic!("never heard {kind}"),
        }
    }

    async fn settles(&self) -> String {
        text(&self.hears("settled", |_| true).await, "settlement")
    }

    /// Puts a text into the room; returns its genesis id.
    async fn claims(&self, path: &str, content: &str) -> String {
        let doc = Doc::with_client_id(7);
        doc.get_or_insert_text("text").push(&mut doc.transact_mut(), content);
        let update = doc.transact().encode_state_as_update_v1(&StateVector::default());
        let genesis = genesis_of(&update);
        let entry = Object::new();
        for (key, value) in
            [("path", path), ("genesis", &genesis), ("contentType", "file"), ("format", "text")]
        {
            set(&entry, key, &value.into());
        }
        self.engine.claim(1, entry.into(), update, false).expect("a good claim");
        self.hears("claimed", |_| true).await;
        genesis
    }

    /// Waits until all that is here is in the database.
    async fn is_kept(&self) {
        let kept = || get(&self.engine.status(), "kept").as_bool() == Some(true);
        if !kept() {
            self.hears("status", |_| kept()).await;
        }
    }

    /// Waits until the document is here; returns its text.
    async fn holds(&self, genesis: &str) -> String {
        if self.engine.document_state(genesis) != "held" {
            self.hears("held", |event| text(event, "genesis") == genesis).await;
        }
        let doc = Doc::with_client_id(8);
        let content = doc.get_or_insert_text("text");
        for update in self.engine.content(genesis).expect("it is held").iter() {
            apply(&doc, &update);
        }
        content.get_string(&doc.transact())
    }
}

fn apply(doc: &Doc, update: &JsValue) {
    let update = Uint8Array::new(update).to_vec();
    doc.transact_mut().apply_update(Update::decode_v1(&update).unwrap()).unwrap();
}

fn set(object: &Object, key: &str, value: &JsValue) {
    Reflect::set(object, &key.into(), value).unwrap();
}

fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap()
}

fn text(object: &JsValue, key: &str) -> String {
    get(object, key).as_string().unwrap_or_default()
}

fn unique(name: &str) -> String {
    format!("{name} {}", js_sys::Math::random())
}

fn fresh_room() -> String {
    unique("room")
}

async fn delete_database(name: &str) {
    let factory = web_sys::window().unwrap().indexed_db().unwrap().unwrap();
    let request = factory.delete_database(name).unwrap();
    let (done, deleted) = futures::channel::oneshot::channel();
    let done = Closure::once(move |_: JsValue| done.send(()).unwrap());
    request.set_onsuccess(Some(done.as_ref().unchecked_ref()));
    deleted.await.unwrap();
}

#[wasm_bindgen_test]
async fn alone_is_what_the_server_says() {
    let page = Page::join(&fresh_room(), None);
    assert_eq!(page.settles().await, "alone");
}

#[wasm_bindgen_test]
async fn no_server_is_no_answer() {
    let page = Page::join_at(NOWHERE, &fresh_room(), None);
    page.hears("status", |_| true).await;
    let servers = Reflect::get(&page.engine.status(), &"signaling".into()).expect("a status");
    assert_ne!(Array::from(&servers).get(0), "open", "a socket that is being dialled is not open");
    page.hears("notice", |event| text(event, "code") == "signaling-unreachable").await;
    assert_eq!(page.settles().await, "unanswered");
}

/// A WebSocket to the signaling server, as a page dials it.
fn dial() -> JsValue {
    let socket = Reflect::get(&js_sys::global(), &"WebSocket".into()).expect("a browser has WebSockets");
    let url = SIGNALING.expect("run by scripts/with-signaling.sh");
    Reflect::construct(socket.unchecked_ref::<Function>(), &Array::of1(&url.into())).expect("a good URL")
}

#[wasm_bindgen_test]
async fn a_socket_that_the_page_has_dialled_is_used_if_it_lives() {
    for lives in [true, false] {
        let socket = dial();
        if !lives {
            let close = Reflect::get(&socket, &"close".into()).expect("a WebSocket can be closed");
            close.unchecked_ref::<Function>().call0(&socket).expect("it is closed");
        }
        let url = SIGNALING.expect("run by scripts/with-signaling.sh");
        let (sockets, room) = (Array::of1(&socket), fresh_room());
        let page = Page::join_with(Setup { url, sockets, room: &room, ..Setup::default() });
        page.hears("status", |_| true).await;
        if lives {
            assert_eq!(page.settles().await, "alone");
        } else {
            page.hears("notice", |event| text(event, "code") == "signaling-unreachable").await;
            page.hears("notice", |event| text(event, "code") == "signaling-back").await;
        }
    }
}

#[wasm_bindgen_test]
async fn two_who_join_at_once_share_and_edit() {
    let room = fresh_room();
    let (a, b) = (Page::join(&room, None), Page::join(&room, None));
    let (at_a, at_b) = futures::join!(a.settles(), b.settles());
    // The server may have counted one before it heard of the other.
    assert!([at_a, at_b].contains(&"together".to_owned()));
    let genesis = a.claims("a.txt", "hello").await;
    assert_eq!(b.holds(&genesis).await, "hello");

    b.engine.attach(&genesis).unwrap();
    let doc = Doc::with_client_id(9);
    let content = doc.get_or_insert_text("text");
    a.engine.content(&genesis).unwrap().iter().for_each(|update| apply(&doc, &update));
    let mut transaction = doc.transact_mut();
    content.push(&mut transaction, " world");
    a.engine.edited(&genesis, transaction.encode_update_v1()).unwrap();
    let heard = b.hears("apply", |event| text(event, "genesis") == genesis).await;
    assert!(Uint8Array::new(&get(&heard, "update")).length() > 0);
    assert_eq!(b.holds(&genesis).await, "hello world");
}

#[wasm_bindgen_test]
async fn forty_megabytes_arrive() {
    let room = fresh_room();
    let a = Page::join(&room, Some("a secret"));
    a.settles().await;
    let large = "0123456789abcdef".repeat(40 * 1024 * 1024 / 16);
    let genesis = a.claims("large.txt", &large).await;
    let b = Page::join(&room, Some("a secret"));
    assert_eq!(b.settles().await, "together");
    assert!(b.holds(&genesis).await == large, "it is not what was sent");
}

#[wasm_bindgen_test]
async fn another_secret_gets_nothing_but_a_message() {
    let room = fresh_room();
    let a = Page::join(&room, Some("a secret"));
    a.settles().await;
    let genesis = a.claims("a.txt", "for us only").await;
    let stranger = Page::join(&room, Some("another secret"));
    stranger.hears("notice", |event| text(event, "code") == "wrong-secret").await;
    assert_eq!(stranger.settles().await, "unanswered");
    assert_eq!(stranger.engine.document_state(&genesis), "unknown");
    assert!(stranger.engine.entry("a.txt").is_undefined());
}

#[wasm_bindgen_test]
async fn presence_comes_and_goes_with_its_page() {
    let room = fresh_room();
    let (a, b) = (Page::join(&room, None), Page::join(&room, None));
    futures::join!(a.settles(), b.settles());
    // Client 5 at clock 1 with the state {}.
    a.engine.presence(None, vec![1, 5, 1, 2, b'{', b'}']).unwrap();
    b.hears("presence", |event| get(event, "channel").is_null()).await;
    a.engine.leave();
    let gone = b.hears("presence-gone", |_| true).await;
    assert_eq!(Array::from(&get(&gone, "clients")).get(0), JsValue::from(5));
}

#[wasm_bindgen_test]
async fn tabs_need_no_network_between_them_and_another_one_takes_over() {
    let room = fresh_room();
    let pages = [Page::tab(&room), Page::tab(&room), Page::tab(&room)];
    let [first, second, third] = &pages;
    first.engine.lead();
    let settled = futures::join!(first.settles(), second.settles(), third.settles());
    assert_eq!(settled, ("unanswered".into(), "unanswered".into(), "unanswered".into()));
    let large = "0123456789abcdef".repeat(8 * 1024 * 1024 / 16);
    let genesis = second.claims("large.txt", &large).await;
    assert!(third.holds(&genesis).await == large, "it is not what was sent");
    third.engine.presence(None, vec![1, 5, 1, 2, b'{', b'}']).unwrap();
    second.hears("presence", |_| true).await;

    first.engine.leave();
    second.hears("presence-gone", |_| true).await;
    third.engine.lead();
    second.hears("presence", |_| true).await;
    let small = second.claims("small.txt", "small").await;
    assert_eq!(third.holds(&small).await, "small");

    // The browser may take that from one that does not answer.
    second.engine.lead();
    third.engine.follow();
    let last = third.claims("last.txt", "last").await;
    assert_eq!(second.holds(&last).await, "last");
    assert_eq!(get(&second.engine.status(), "pages").as_f64(), Some(2.0));
}

#[wasm_bindgen_test]
async fn the_page_may_call_back_at_once() {
    // What JupyterLab does: it edits the document while it is being told of a change.
    let room = fresh_room();
    let (a, b) = (Page::join(&room, None), Page::join(&room, None));
    futures::join!(a.settles(), b.settles());
    let genesis = a.claims("a.txt", "x").await;
    b.holds(&genesis).await;
    let answers = Rc::new(RefCell::new(0));
    let b = Rc::new(b);
    b.engine.attach(&genesis).unwrap();
    let edit = {
        let doc = Doc::with_client_id(10);
        let content = doc.get_or_insert_text("text");
        a.engine.content(&genesis).unwrap().iter().for_each(|update| apply(&doc, &update));
        move |chunk: &str| {
            let mut transaction = doc.transact_mut();
            content.push(&mut transaction, chunk);
            transaction.encode_update_v1()
        }
    };
    a.engine.edited(&genesis, edit("y")).unwrap();
    let listening = async {
        b.hears("apply", |_| {
            *answers.borrow_mut() += 1;
            let doc = Doc::with_client_id(11);
            let content = doc.get_or_insert_text("text");
            b.engine.content(&genesis).unwrap().iter().for_each(|update| apply(&doc, &update));
            let mut transaction = doc.transact_mut();
            content.push(&mut transaction, "z");
            b.engine.edited(&genesis, transaction.encode_update_v1()).is_ok()
        })
        .await
    };
    listening.fuse().await;
    a.engine.attach(&genesis).unwrap();
    if !a.holds(&genesis).await.contains('z') {
        a.hears("apply", |_| true).await;
    }
    assert_eq!(a.holds(&genesis).await, "xyz");
    assert_eq!(*answers.borrow(), 1);
}

#[wasm_bindgen_test]
async fn the_store_in_the_browser() {
    let name = unique("conformance");
    let store = IndexedDb::open(&name, Some("tab".into())).await.expect("it opens");
    let storage = WebStorage::open(&name).expect("there is one");
    conformance::check(&store, |room, words| storage.put(&room.topic(), &words)).await;
}

#[wasm_bindgen_test]
async fn client_ids_go_to_one_page_of_the_tab_that_gave_them_back() {
    let (database, room) = (unique("clients"), RoomId([9; 32]));
    let open =
        async |tab: Option<&str>| IndexedDb::open(&database, tab.map(Into::into)).await.expect("it opens");
    let (ours, twin, other) = (open(Some("ours")).await, open(Some("ours")).await, open(Some("other")).await);
    let nameless = open(None).await;
    ours.load(room, 0.0).await.unwrap();
    let write = Write {
        given_back: conformance::given_back(5),
        last: Some(LastWords::default()),
        ..Write::default()
    };
    ours.write(room, &write).await.unwrap();
    assert_eq!(other.load(room, 0.0).await.unwrap().given_back, None);
    assert_eq!(nameless.load(room, 0.0).await.unwrap().given_back, None);
    // A tab that was duplicated has the same name.
    let (one, two) = futures::join!(ours.load(room, 0.0), twin.load(room, 0.0));
    let lent: Vec<_> = [one, two].into_iter().filter_map(|history| history.unwrap().given_back).collect();
    assert_eq!(lent, conformance::given_back(5).into_iter().collect::<Vec<_>>());
    nameless.write(room, &write).await.unwrap();
    assert_eq!(nameless.load(room, 0.0).await.unwrap().given_back, None, "nobody's tab");
}

#[wasm_bindgen_test]
async fn a_page_that_comes_back_has_what_it_had_without_anybody() {
    let (room, database) = (unique("history"), unique("database"));
    let page = Page::offline(&room, &database);
    page.settles().await;
    let genesis = page.claims("a.txt", "kept").await;
    page.is_kept().await;
    page.engine.leave();
    let again = Page::offline(&room, &database);
    assert_eq!(again.settles().await, "unanswered");
    assert_eq!(again.holds(&genesis).await, "kept");
    assert_eq!(text(&again.engine.entry("a.txt"), "genesis"), genesis);
}

#[wasm_bindgen_test]
async fn a_database_that_is_deleted_is_filled_again() {
    let (room, database) = (unique("history"), unique("database"));
    let page = Page::offline(&room, &database);
    page.settles().await;
    let genesis = page.claims("a.txt", "kept").await;
    page.is_kept().await;
    delete_database(&database).await;
    page.engine.rename("a.txt".into(), "b.txt".into());
    page.is_kept().await;
    let again = Page::offline(&room, &database);
    again.settles().await;
    assert_eq!(again.holds(&genesis).await, "kept");
    assert_eq!(text(&again.engine.entry("b.txt"), "genesis"), genesis);
}

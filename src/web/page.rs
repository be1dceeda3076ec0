//! The page's side of the engine: what it hears, and in which form.
//!
//! The page gives one function, which is called with one object for each thing that happened. Its
//! shapes are those of `js-shim/api/engine.ts`.

use js_sys::{Function, Uint8Array};
use wasm_bindgen::JsValue;

use super::member::{self, list, object};
use crate::room::history::Owned;
use crate::room::ids::DocumentId;
use crate::room::index::{Change, Entry};
use crate::room::{
    Action, Claim, DocumentState, DocumentStatus, Notice, PeerState, PeerStatus, Route, ServerState,
    Settlement, Status,
};

/// What a page says to join a room.
pub struct Options {
    pub signaling: Vec<String>,
    pub prefix: String,
    pub room: String,
    pub secret: Option<String>,
    /// The database to keep the room's history in; absent where none is kept.
    pub history: Option<String>,
    /// Whether tabs of this browser find each other; the page says which one leads.
    pub tabs: bool,
    /// What this browser tab is called, the same for one page after the other.
    pub browser_tab: Option<String>,
}

impl Options {
    /// Reads `IRoomOptions`. The error is the name of what is not as it has to be.
    pub fn read(options: &JsValue) -> Result<Self, &'static str> {
        Ok(Self {
            signaling: member::texts(options, "signaling").ok_or("signaling")?,
            prefix: member::text(options, "prefix").ok_or("prefix")?,
            room: member::text(options, "room").ok_or("room")?,
            secret: member::text(options, "secret"),
            history: member::text(options, "history"),
            tabs: member::is_true(options, "tabs"),
            browser_tab: member::text(options, "browserTab"),
        })
    }
}

/// The claim that the page makes with an `IIndexEntry`. The error is the name of what is not as it has to be.
pub fn claim(entry: &JsValue, update: Vec<u8>, replace: bool) -> Result<Claim, &'static str> {
    let text = |name| member::text(entry, name).ok_or(name);
    Ok(Claim {
        path: text("path")?,
        document: DocumentId::parse(&text("genesis")?).ok_or("genesis")?,
        content_type: text("contentType")?,
        format: text("format")?,
        update,
        replace,
    })
}

/// `IIndexEntry`.
impl From<Entry> for JsValue {
    fn from(entry: Entry) -> Self {
        object(&[
            ("path", entry.path.into()),
            ("genesis", name(entry.document)),
            ("contentType", entry.content_type.into()),
            ("format", entry.format.into()),
        ])
    }
}

/// `IOwned`.
impl From<Owned> for JsValue {
    fn from(owned: Owned) -> Self {
        object(&[("entry", owned.entry.into()), ("stateVector", bytes(&owned.state_vector))])
    }
}

/// `EngineStatus`.
impl From<Status> for JsValue {
    fn from(status: Status) -> Self {
        let transfer = |(genesis, received, total)| {
            object(&[
                ("genesis", name(genesis)),
                ("received", Self::from(received as f64)),
                ("total", Self::from(total as f64)),
            ])
        };
        object(&[
            ("signaling", list(status.servers.into_iter().map(|state| server_state(state).into()))),
            ("peers", list(status.peers.into_iter().map(Self::from))),
            ("settlement", status.settlement.map_or(Self::NULL, |answer| settlement(answer).into())),
            ("documents", list(status.documents.into_iter().map(Self::from))),
            ("transfers", list(status.transfers.into_iter().map(transfer))),
            ("kept", status.kept.into()),
            ("pages", Self::from(status.pages as f64)),
        ])
    }
}

/// `IPeerStatus`.
impl From<PeerStatus> for JsValue {
    fn from(peer: PeerStatus) -> Self {
        object(&[
            ("id", peer.id.to_string().into()),
            ("state", peer_state(peer.state).into()),
            ("roundTrip", peer.round_trip.map_or(Self::NULL, Self::from)),
            ("route", peer.route.map_or(Self::NULL, |it| route(it).into())),
            ("sent", Self::from(peer.sent as f64)),
            ("received", Self::from(peer.received as f64)),
            ("queued", Self::from(peer.queued as f64)),
        ])
    }
}

/// `IDocumentStatus`.
impl From<DocumentStatus> for JsValue {
    fn from(document: DocumentStatus) -> Self {
        object(&[
            ("genesis", name(document.id)),
            ("state", document_state(Some(document.state)).into()),
            ("isBehind", document.is_behind.into()),
        ])
    }
}

fn name(document: DocumentId) -> JsValue {
    document.to_string().into()
}

fn bytes(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

fn server_state(state: ServerState) -> &'static str {
    match state {
        ServerState::Connecting => "connecting",
        ServerState::Open => "open",
        ServerState::Closed => "closed",
    }
}

fn peer_state(state: PeerState) -> &'static str {
    match state {
        PeerState::Connecting => "connecting",
        PeerState::Proving => "proving",
        PeerState::Ready => "ready",
        PeerState::Interrupted => "interrupted",
    }
}

fn route(route: Route) -> &'static str {
    match route {
        Route::Direct => "direct",
        Route::Relayed => "relayed",
        Route::Tab => "tab",
    }
}

/// The state of a document, for the page.
pub fn document_state(state: Option<DocumentState>) -> &'static str {
    match state {
        Some(DocumentState::Held) => "held",
        Some(DocumentState::Sought) => "sought",
        Some(DocumentState::Unavailable) => "unavailable",
        None => "unknown",
    }
}

fn settlement(settlement: Settlement) -> &'static str {
    match settlement {
        Settlement::Alone => "alone",
        Settlement::Together => "together",
        Settlement::Unanswered => "unanswered",
    }
}

fn code(notice: Notice) -> &'static str {
    match notice {
        Notice::SignalingUnreachable => "signaling-unreachable",
        Notice::SignalingBack => "signaling-back",
        Notice::PeerUnreachable => "peer-unreachable",
        Notice::WrongSecret => "wrong-secret",
        Notice::UnknownVersion => "unknown-version",
        Notice::BadPeer => "bad-peer",
        Notice::HistoryFailed => "history-failed",
        Notice::HistoryBack => "history-back",
    }
}

/// The page's ear.
pub struct Page {
    listener: Function,
}

impl Page {
    /// A page that hears through `listener`.
    pub fn new(listener: Function) -> Self {
        Self { listener }
    }

    /// Tells the page what happened. What is no news for a page is not told.
    pub fn tell(&self, action: Action) {
        let channel_name = |channel: Option<DocumentId>| channel.map_or(JsValue::NULL, name);
        let place = |entry: Option<Entry>| entry.map_or(JsValue::NULL, JsValue::from);
        match action {
            Action::Apply { document, update } => {
                self.hear("apply", &[("genesis", name(document)), ("update", bytes(&update))])
            }
            Action::Depose => self.hear("depose", &[]),
            Action::Compact(document) => self.hear("compact", &[("genesis", name(document))]),
            Action::Presence { channel, update } => {
                self.hear("presence", &[("channel", channel_name(channel)), ("update", bytes(&update))])
            }
            Action::PresenceGone { channel, clients } => {
                let clients = list(clients.into_iter().map(|client| JsValue::from(client as f64)));
                self.hear("presence-gone", &[("channel", channel_name(channel)), ("clients", clients)])
            }
            Action::Index(Change { before, after }) => {
                self.hear("index", &[("before", place(before)), ("after", place(after))])
            }
            Action::Claimed { number, entry } => {
                self.hear("claimed", &[("number", number.into()), ("entry", entry.into())])
            }
            Action::Held(document) => self.hear("held", &[("genesis", name(document))]),
            Action::Unavailable(document) => self.hear("unavailable", &[("genesis", name(document))]),
            Action::Settled(answer) => self.hear("settled", &[("settlement", settlement(answer).into())]),
            Action::StatusChanged => self.hear("status", &[]),
            Action::Notice { notice, detail } => {
                self.hear("notice", &[("code", code(notice).into()), ("detail", detail.into())])
            }
            Action::Dial(_)
            | Action::Hang(_)
            | Action::TellTabs(_)
            | Action::Join { .. }
            | Action::Restore
            | Action::Write { .. }
            | Action::Say(..)
            | Action::Connect(_)
            | Action::Offer(_)
            | Action::Restart(_)
            | Action::Accept { .. }
            | Action::AddCandidate { .. }
            | Action::Close(_)
            | Action::Send { .. } => {}
        }
    }

    fn hear(&self, kind: &str, fields: &[(&str, JsValue)]) {
        let heard = object(fields);
        member::set(&heard, "type", &kind.into());
        // What the page's function throws is the page's affair, the room goes on.
        self.listener.call1(&JsValue::NULL, &heard).ok();
    }
}

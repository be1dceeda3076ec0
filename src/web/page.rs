//! The page's side of the engine: what it hears, and in which form.
//!
//! The page gives one function, which is called with one object for each thing that happened. Its
//! shapes are those of `js-shim/api/engine.ts`.

use js_sys::Function;
use serde::Serialize;
use serde_bytes::Bytes;
use wasm_bindgen::JsValue;

use super::member;
use crate::room::history::Owned;
use crate::room::ids::DocumentId;
use crate::room::index::Entry;
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
        })
    }
}

/// An index entry, as the page has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageEntry {
    pub path: String,
    pub genesis: String,
    pub content_type: String,
    pub format: String,
}

impl From<Entry> for PageEntry {
    fn from(entry: Entry) -> Self {
        Self {
            path: entry.path,
            genesis: entry.document.to_string(),
            content_type: entry.content_type,
            format: entry.format,
        }
    }
}

/// What this person wrote in a document, as the page has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageOwned {
    entry: PageEntry,
    #[serde(with = "serde_bytes")]
    state_vector: Vec<u8>,
}

impl From<Owned> for PageOwned {
    fn from(owned: Owned) -> Self {
        Self { entry: owned.entry.into(), state_vector: owned.state_vector }
    }
}

impl PageEntry {
    /// The claim that the page makes with an `IIndexEntry`. The error is the name of what is not as it
    /// has to be.
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
}

/// What the page hears.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum Heard<'a> {
    Apply { genesis: String, update: &'a Bytes },
    Compact { genesis: String },
    Presence { channel: Option<String>, update: &'a Bytes },
    PresenceGone { channel: Option<String>, clients: Vec<u64> },
    Index { before: Option<PageEntry>, after: Option<PageEntry> },
    Claimed { number: u32, entry: PageEntry },
    Held { genesis: String },
    Unavailable { genesis: String },
    Depose,
    Settled { settlement: &'static str },
    Status,
    Notice { code: &'static str, detail: String },
}

/// A picture of the room, as the page has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageStatus {
    signaling: Vec<&'static str>,
    peers: Vec<PagePeer>,
    settlement: Option<&'static str>,
    documents: Vec<PageDocument>,
    transfers: Vec<PageTransfer>,
    kept: bool,
    pages: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PagePeer {
    id: String,
    state: &'static str,
    round_trip: Option<f64>,
    route: Option<&'static str>,
    sent: f64,
    received: f64,
    queued: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageDocument {
    genesis: String,
    state: &'static str,
    is_behind: bool,
}

#[derive(Serialize)]
struct PageTransfer {
    genesis: String,
    received: usize,
    total: usize,
}

impl From<Status> for PageStatus {
    fn from(status: Status) -> Self {
        let peer = |peer: PeerStatus| PagePeer {
            id: peer.id.to_string(),
            state: peer_state(peer.state),
            round_trip: peer.round_trip,
            route: peer.route.map(route),
            sent: peer.sent as f64,
            received: peer.received as f64,
            queued: peer.queued,
        };
        let document = |document: DocumentStatus| PageDocument {
            genesis: document.id.to_string(),
            state: document_state(Some(document.state)),
            is_behind: document.is_behind,
        };
        let transfer = |(genesis, received, total): (DocumentId, usize, usize)| PageTransfer {
            genesis: genesis.to_string(),
            received,
            total,
        };
        Self {
            signaling: status.servers.into_iter().map(server_state).collect(),
            peers: status.peers.into_iter().map(peer).collect(),
            settlement: status.settlement.map(settlement),
            documents: status.documents.into_iter().map(document).collect(),
            transfers: status.transfers.into_iter().map(transfer).collect(),
            kept: status.kept,
            pages: status.pages,
        }
    }
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
        let name = |channel: Option<DocumentId>| channel.map(|document| document.to_string());
        match action {
            Action::Apply { document, update } => {
                self.hear(&Heard::Apply { genesis: document.to_string(), update: Bytes::new(&update) });
            }
            Action::Depose => self.hear(&Heard::Depose),
            Action::Compact(document) => self.hear(&Heard::Compact { genesis: document.to_string() }),
            Action::Presence { channel, update } => {
                self.hear(&Heard::Presence { channel: name(channel), update: Bytes::new(&update) });
            }
            Action::PresenceGone { channel, clients } => {
                self.hear(&Heard::PresenceGone { channel: name(channel), clients })
            }
            Action::Index(change) => {
                let before = change.before.map(PageEntry::from);
                self.hear(&Heard::Index { before, after: change.after.map(PageEntry::from) });
            }
            Action::Claimed { number, entry } => self.hear(&Heard::Claimed { number, entry: entry.into() }),
            Action::Held(document) => self.hear(&Heard::Held { genesis: document.to_string() }),
            Action::Unavailable(document) => self.hear(&Heard::Unavailable { genesis: document.to_string() }),
            Action::Settled(answer) => self.hear(&Heard::Settled { settlement: settlement(answer) }),
            Action::StatusChanged => self.hear(&Heard::Status),
            Action::Notice { notice, detail } => self.hear(&Heard::Notice { code: code(notice), detail }),
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

    fn hear(&self, heard: &Heard) {
        let serializer = serde_wasm_bindgen::Serializer::json_compatible().serialize_bytes_as_arrays(false);
        // The shapes above have nothing that JavaScript lacks; and what the page's function throws is
        // the page's affair, the room goes on.
        if let Ok(heard) = heard.serialize(&serializer) {
            self.listener.call1(&JsValue::NULL, &heard).ok();
        }
    }
}

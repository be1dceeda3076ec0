//! The room: everything that pages say to each other, as a state machine without I/O.
//!
//! Events go in ([`Room::handle`]: a text from a signaling server, a frame from a peer, a keystroke
//! from the page), actions come out ([`Room::poll`]: send this, connect to that one, apply this to the
//! page). The clock is an argument and randomness a seed, so thousands of rooms can be simulated in a
//! test and a failure runs again from its seed.
//!
//! How a keystroke travels: the page's Y.Doc makes an update; it is taken into the document's
//! [`replica`]; a [`message`] for every peer that wants the document goes to that peer's [`outbox`];
//! there it is cut into [`frame`]s, sent when the data channel has room, put together on the other
//! side, taken into the replica there, and applied to that page's Y.Doc.
//!
//! How two pages meet: both announce themselves through [`signaling`], sealed with the room's [`key`];
//! they negotiate a connection ([`negotiation`]), prove to each other that they belong here
//! ([`handshake`]), and exchange the [`index`] of documents and what each lacks of them.

mod action;
pub mod bytes;
mod claims;
pub mod clients;
mod connections;
#[cfg(any(test, fuzzing))]
pub mod decoders;
mod digest;
mod documents;
pub mod entropy;
mod event;
mod frame;
mod handshake;
mod heartbeat;
pub mod history;
#[cfg(any(test, fuzzing))]
mod hostile;
pub mod ids;
mod inbound;
pub mod index;
mod json;
pub mod key;
pub mod limits;
mod message;
mod negotiation;
pub mod outbox;
mod peer;
mod presence;
mod ranges;
pub mod record;
pub mod rehearsal;
mod replica;
mod restore;
mod servers;
mod settlement;
pub mod signaling;
pub mod sorted;
mod sources;
mod status;
mod sync;
pub mod tabs;
mod update;
mod waiting;

use std::collections::VecDeque;

use yrs::updates::encoder::Encode;

pub use self::action::{Action, Notice};
use self::bytes::Bytes;
use self::claims::Claims;
use self::clients::Clients;
use self::documents::Document;
use self::entropy::Entropy;
pub use self::event::{Claim, Event};
use self::history::Keeper;
use self::ids::{DocumentId, LinkId, PeerId, RoomId};
use self::index::{Entry, Index};
use self::key::RoomKey;
use self::limits::{Millis, Rate};
use self::message::Message;
use self::outbox::Lane;
use self::peer::Peer;
pub use self::presence::Channel;
pub use self::settlement::Settlement;
use self::signaling::Mailbox;
use self::sorted::{SortedMap, SortedSet};
pub use self::status::{DocumentState, DocumentStatus, PeerState, PeerStatus, Route, ServerState, Status};
use self::tabs::Role;
pub use self::tabs::Word;

/// What a room is made from.
pub struct Config {
    /// The room prefix and the room's name; together they give the room's id.
    pub prefix: String,
    pub name: String,
    /// The secret of a shared room; `None` for a named one.
    pub secret: Option<String>,
    /// How many signaling servers there are.
    pub servers: usize,
    /// 32 bytes from the operating system.
    pub seed: [u8; 32],
    /// Whether there is a store that keeps the room's history.
    pub history: bool,
    /// Whether tabs of this browser find each other, and the browser makes one of them the leader.
    pub tabs: bool,
}

/// A room, as one page sees it.
pub struct Room {
    me: PeerId,
    id: RoomId,
    mailbox: Mailbox,
    entropy: Entropy,
    began: Millis,
    tabs: bool,
    role: Role,
    /// Since when it has been asked who else is here.
    asked_at: Millis,
    /// Until when others are expected who were here before.
    expected_until: Millis,
    now: Millis,
    left: bool,
    servers: Vec<servers::Server>,
    announce_at: Millis,
    strangers_answered: u32,
    connects: Rate,
    signals: Rate,
    peers: SortedMap<PeerId, Peer>,
    links: SortedMap<LinkId, PeerId>,
    last_link: u32,
    failures: SortedMap<PeerId, u32>,
    index: Index,
    documents: SortedMap<DocumentId, Document>,
    claims: Claims,
    clients: Clients,
    keeper: Keeper,
    /// Counts what peers were asked.
    questions: u32,
    /// Whether somebody new might have a document that we seek.
    seek: bool,
    digest_at: Millis,
    presence: SortedMap<Channel, Bytes>,
    settlement: Option<Settlement>,
    noticed: SortedSet<Notice>,
    status_changed: bool,
    /// What goes out; and what this page is to do, or its store.
    actions: VecDeque<Action>,
    tasks: VecDeque<Action>,
}

impl Room {
    /// Joins: from here on there are actions to be done.
    pub fn join(config: Config, now: Millis) -> Self {
        let mut entropy = Entropy::new(config.seed);
        let id = RoomId::derive(&config.prefix, &config.name);
        let key = RoomKey::derive(id, &config.prefix, &config.name, config.secret.as_deref());
        let me = PeerId(entropy.draw());
        let mut room = Self {
            me,
            id,
            mailbox: Mailbox::new(me, id, key),
            entropy,
            began: now,
            tabs: config.tabs,
            role: Role::new(config.tabs, now),
            asked_at: now,
            expected_until: Millis::NEG_INFINITY,
            now,
            left: false,
            servers: (0..config.servers).map(|_| servers::Server::new()).collect(),
            announce_at: now + servers::ANNOUNCE_EVERY,
            strangers_answered: 0,
            connects: Rate::new(limits::CONNECTS.0, limits::CONNECTS.1, now),
            signals: Rate::new(limits::SIGNALS.0, limits::SIGNALS.1, now),
            peers: SortedMap::new(),
            links: SortedMap::new(),
            last_link: 0,
            failures: SortedMap::new(),
            index: Index::default(),
            documents: SortedMap::new(),
            claims: Claims::default(),
            clients: Clients::new(),
            keeper: Keeper::new(config.history),
            questions: 0,
            seek: false,
            digest_at: now,
            presence: SortedMap::new(),
            settlement: None,
            noticed: SortedSet::default(),
            status_changed: true,
            actions: VecDeque::new(),
            tasks: VecDeque::new(),
        };
        if config.history {
            room.act(Action::Restore);
        }
        match room.role {
            Role::Leads => room.dial_all(),
            Role::Follows(_) => room.seek_leader(),
        }
        room.after_event();
        room
    }

    /// This page's id in the room.
    pub fn me(&self) -> PeerId {
        self.me
    }

    /// The room's id, which is its topic on signaling servers.
    pub fn id(&self) -> RoomId {
        self.id
    }

    /// What the tabs of this browser find each other by; `None` for a page that takes no part in that.
    pub fn tabs(&self) -> Option<String> {
        self.tabs.then(|| tabs::name_of(self.mailbox.key()))
    }

    /// Takes an event. `now` is in milliseconds since the Unix epoch.
    pub fn handle(&mut self, event: Event, now: Millis) {
        let before = self.now;
        self.now = now.max(before);
        if self.left {
            return;
        }
        self.notice_sleep(self.now - before);
        match event {
            Event::Wake => self.wake(),
            Event::ServerOpened(server) => self.server_opened(server),
            Event::ServerClosed(server) => self.server_closed(server),
            Event::ServerSaid(server, text) => self.server_said(server, &text),
            Event::Described { link, kind, sdp } => self.described(link, kind, sdp),
            Event::Found { link, candidate } => self.found(link, candidate),
            Event::LaneOpened { link, lane } => self.lane_opened(link, lane),
            Event::LinkLost { link, reason } => self.link_lost(link, &reason),
            Event::LinkInterrupted(link) => self.interrupted(link, true),
            Event::LinkResumed(link) => self.interrupted(link, false),
            Event::Routed { link, is_relayed } => self.routed(link, is_relayed),
            Event::NetworkChanged => self.network_changed(),
            Event::Leads => self.lead(),
            Event::Follows => self.follow(),
            Event::TabSaid { from, word } => self.tab_said(from, word),
            Event::Received { link, lane, frame } => self.received(link, lane, &frame),
            Event::Drained { link, lane, buffered } => self.drained(link, lane, buffered),
            Event::Claim { number, claim } => self.claim(number, claim),
            Event::Attach(document) => self.attach(document),
            Event::Detach(document) => self.detach(document),
            Event::GiveBack { document, client } => self.give_back(document, client),
            Event::Edited { document, update } => self.edited(document, update.into()),
            Event::Compacted { document, whole } => self.compacted(document, whole.into()),
            Event::Presence { channel, update } => self.present(channel, update.into()),
            Event::PresenceEnded(channel) => drop(self.presence.remove(&channel)),
            Event::Rename { from, to } => self.rename(&from, &to),
            Event::Remove(path) => self.remove(&path),
            Event::Release(document) => self.release(document),
            Event::Restored(history) => self.restored(history),
            Event::Written { number, written } => self.written(number, written),
            Event::HistoryLost => self.history_lost(),
            Event::Leave => self.leave(),
        }
        self.after_event();
    }

    /// The next thing to do. What others wait for comes before what this page is to do, which may take a
    /// while; otherwise the oldest.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front().or_else(|| self.tasks.pop_front())
    }

    /// When to hand in [`Event::Wake`] if nothing else happens before.
    pub fn wake_at(&self) -> Millis {
        let settle = self.settlement.is_none().then(|| self.settle_again_at());
        if self.left {
            return Millis::INFINITY;
        }
        let moments = [
            self.servers_wake_at(),
            self.links_wake_at(),
            self.heartbeats_wake_at(),
            self.documents_wake_at(),
            self.tabs_wake_at(),
            self.claims.wake_at(),
            self.keep_wake_at(),
        ];
        moments.into_iter().chain(settle).fold(self.announce_at, Millis::min)
    }

    /// What lives at a path.
    pub fn entry(&self, path: &str) -> Option<Entry> {
        self.index.get(path)
    }

    /// Everything that lives somewhere, by path.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.index.entries()
    }

    /// The state vector of what this person wrote in a document, if they did and it is here.
    pub fn own(&self, document: DocumentId) -> Option<Vec<u8>> {
        let document = self.documents.get(&document)?;
        document.is_own().then(|| document.own.encode_v1())
    }

    /// Where a document lives.
    pub fn home(&self, document: DocumentId) -> Option<Entry> {
        self.index.home(document)
    }

    /// How often something was put at a path or taken away. A new document at a path where another one
    /// was is another document, even if it begins with the same content: its genesis counts this in.
    pub fn generation(&self, path: &str) -> u32 {
        self.index.generation(path)
    }

    /// Whether a document of the room is here; `None` for one that the room does not know.
    pub fn document_state(&self, document: DocumentId) -> Option<DocumentState> {
        self.documents.get(&document).map(Document::state)
    }

    /// A document's content, as the updates it is made of, if it is here.
    pub fn content(&self, document: DocumentId) -> Option<Vec<Bytes>> {
        let document = self.documents.get(&document).filter(|document| document.held)?;
        Some(document.replica.content().cloned().collect())
    }

    /// A document's state vector, if it is here.
    pub fn state_vector(&self, document: DocumentId) -> Option<Vec<u8>> {
        let document = self.documents.get(&document).filter(|document| document.held)?;
        Some(document.replica.state_vector())
    }

    /// A picture of the room now.
    pub fn status(&self) -> Status {
        Status {
            servers: self.server_states(),
            peers: self.peers.iter().map(|(id, peer)| peer.status(*id)).collect(),
            settlement: self.settlement,
            documents: self.document_statuses(),
            transfers: self.transfers(),
            kept: self.keeper.is_done(),
            pages: self.pages(),
        }
    }

    fn wake(&mut self) {
        self.wake_history();
        self.wake_tabs();
        self.wake_servers();
        self.wake_links();
        self.wake_heartbeats();
        self.wake_documents();
        self.finish_claims();
    }

    /// What follows from any event: the answer to who is here, what can be sent, what is news.
    fn after_event(&mut self) {
        self.settle();
        self.seek_documents();
        self.flush();
        self.keep(false);
        if std::mem::take(&mut self.status_changed) {
            self.act(Action::StatusChanged);
        }
    }

    fn act(&mut self, action: Action) {
        let queue = if action.goes_out() { &mut self.actions } else { &mut self.tasks };
        queue.push_back(action);
    }

    /// Tells the person, once for each kind of thing until it has passed.
    fn notice(&mut self, notice: Notice, detail: impl Into<String>) {
        if self.noticed.insert(notice) {
            self.act(Action::Notice { notice, detail: detail.into() });
        }
    }

    fn ready_peers(&mut self) -> impl Iterator<Item = (PeerId, &mut Peer)> {
        self.peers.iter_mut().filter(|(_, peer)| peer.is_ready()).map(|(id, peer)| (*id, peer))
    }

    fn tell_everybody(&mut self, message: &Message) {
        self.ready_peers().for_each(|(_, peer)| peer.outbox.push(message));
    }

    /// Gives the browser what it has room for.
    fn flush(&mut self) {
        for peer in self.peers.values_mut().filter(|peer| peer.is_ready()) {
            let lanes: &[Lane] = if peer.is_welcomed() { &Lane::ALL } else { &[Lane::Fast] };
            while let Some((lane, frame)) = peer.outbox.next_frame(lanes) {
                self.actions.push_back(Action::Send { link: peer.link, lane, frame });
            }
        }
    }
}

//! From a text on a signaling server to a peer that has proved that it belongs here, and back.
//!
//! Whoever hears the announcement of a page that it does not know connects to it. All signaling
//! servers are used at once; any that works is enough. What is lost is dialled, or announced, again.

use super::handshake::{Ends, Handshake, HandshakeError};
use super::ids::{LinkId, PeerId, ServerId};
use super::limits::{self, Millis};
use super::message::{Header, Message};
use super::negotiation::Step;
use super::outbox::Lane;
use super::peer::Peer;
use super::settlement::{ServerView, View};
use super::signaling::{Candidate, DescriptionKind, Heard, Signal, VERSION};
use super::{Action, Notice, Room, ServerState};

/// A page announces itself now and then, for those who missed it.
pub const ANNOUNCE_EVERY: Millis = 30_000.0;
/// After losing a peer, it announces itself soon.
const ANNOUNCE_SOON: Millis = 1_000.0;
/// y-webrtc's servers drop who has not spoken for 30 s.
const PING_EVERY: Millis = 15_000.0;
/// A server that has said nothing for this long, not even an answer to a ping, is lost.
const SERVER_PATIENCE: Millis = 40_000.0;
/// The first wait before dialling a lost server again; doubled each time, up to the last.
const REDIAL_FIRST: Millis = 500.0;
const REDIAL_LAST: Millis = 30_000.0;
/// A connection that is not ready after this is given up.
const CONNECT_WITHIN: Millis = 20_000.0;
/// Failures after which the person is told.
const FAILURES: u32 = 2;

/// The connection to one signaling server.
pub struct Server {
    view: ServerView,
    dial_at: Option<Millis>,
    ping_at: Millis,
    heard_at: Millis,
    failures: u32,
}

impl Server {
    /// A server that has not been dialled.
    pub fn new() -> Self {
        Self {
            view: ServerView::Dialing,
            dial_at: None,
            ping_at: 0.0,
            heard_at: 0.0,
            failures: 0,
        }
    }

    /// Its state, for a person.
    pub fn state(&self) -> ServerState {
        match self.view {
            ServerView::Dialing => ServerState::Connecting,
            ServerView::Closed => ServerState::Closed,
            ServerView::Open | ServerView::Echoed { .. } => ServerState::Open,
        }
    }

    fn is_open(&self) -> bool {
        self.state() == ServerState::Open
    }
}

/// Signaling.
impl Room {
    pub(super) fn dial_all(&mut self) {
        (0..self.servers.len()).for_each(|server| self.act(Action::Dial(ServerId(server))));
    }

    pub(super) fn server_opened(&mut self, id: ServerId) {
        let now = self.now;
        let Some(server) = self.servers.get_mut(id.0) else {
            return;
        };
        *server = Server {
            view: ServerView::Open,
            ping_at: now + PING_EVERY,
            heard_at: now,
            ..Server::new()
        };
        self.status_changed = true;
        if self.noticed.remove(&Notice::SignalingUnreachable) {
            self.act(Action::Notice {
                notice: Notice::SignalingBack,
                detail: String::new(),
            });
        }
        let subscribe = self.mailbox.subscribe();
        self.act(Action::Say(id, subscribe));
        let announce = self.mailbox.to_room(Signal::Announce, &mut self.entropy);
        self.act(Action::Say(id, announce));
    }

    pub(super) fn server_closed(&mut self, id: ServerId) {
        // Jitter, so that a class does not come back all at the same instant.
        let jitter = 0.5 + f64::from(self.entropy.draw::<1>()[0]) / 255.0;
        let Some(server) = self.servers.get_mut(id.0) else {
            return;
        };
        let wait = (REDIAL_FIRST * f64::from(1 << server.failures.min(8))).min(REDIAL_LAST);
        server.failures += 1;
        server.view = ServerView::Closed;
        server.dial_at = Some(self.now + wait * jitter);
        self.status_changed = true;
        if self
            .servers
            .iter()
            .all(|server| server.view == ServerView::Closed)
        {
            self.notice(Notice::SignalingUnreachable, "");
        }
    }

    pub(super) fn server_said(&mut self, id: ServerId, text: &str) {
        let now = self.now;
        if let Some(server) = self.servers.get_mut(id.0) {
            server.heard_at = now;
        }
        // A server that talks nonsense harms nobody but itself: what it says is dropped.
        let Ok(heard) = self.mailbox.hear(text) else {
            return;
        };
        match heard {
            Heard::Nothing => {}
            Heard::Echo { clients } => self.echoed(id, clients),
            Heard::Signal { from, signal } => self.signalled(from, signal),
            Heard::Sealed => {
                if !self.peers.values().any(Peer::is_ready) {
                    self.notice(Notice::WrongSecret, "");
                }
            }
            Heard::OtherVersion(theirs) => self.other_version(theirs),
        }
    }

    fn echoed(&mut self, id: ServerId, clients: Option<u32>) {
        let at = self.now;
        if let Some(server) = self.servers.get_mut(id.0).filter(|server| server.is_open()) {
            // Only the count at joining matters, and its moment.
            server.view = ServerView::Echoed { clients, at };
        }
    }

    fn signalled(&mut self, from: PeerId, signal: Signal) {
        match signal {
            Signal::Announce if !self.peers.contains_key(&from) => {
                if self.begin(from) {
                    self.step(from, |peer| vec![peer.negotiation.offer()]);
                }
            }
            Signal::Announce => {}
            Signal::Description { kind, sdp } => self.description(from, kind, sdp),
            Signal::Candidate(candidate) => {
                self.step(from, |peer| {
                    peer.negotiation.candidate(candidate).into_iter().collect()
                });
            }
            Signal::Leave => self.drop_peer(from),
        }
    }

    fn signal(&mut self, to: PeerId, signal: Signal) {
        let text = self.mailbox.to_peer(to, signal, &mut self.entropy);
        self.say_everywhere(&text);
    }

    fn say_everywhere(&mut self, text: &str) {
        for (id, server) in self.servers.iter().enumerate() {
            if server.is_open() {
                self.actions
                    .push_back(Action::Say(ServerId(id), text.to_owned()));
            }
        }
    }

    fn announce(&mut self) {
        self.announce_at = self.now + ANNOUNCE_EVERY;
        let text = self.mailbox.to_room(Signal::Announce, &mut self.entropy);
        self.say_everywhere(&text);
    }

    pub(super) fn servers_wake_at(&self) -> Millis {
        let moments = self.servers.iter().map(|server| match server.view {
            ServerView::Closed => server.dial_at.unwrap_or(Millis::INFINITY),
            ServerView::Dialing => Millis::INFINITY,
            _ => server.ping_at,
        });
        moments.fold(Millis::INFINITY, Millis::min)
    }

    pub(super) fn wake_servers(&mut self) {
        (0..self.servers.len()).for_each(|server| self.wake_server(ServerId(server)));
        if self.announce_at <= self.now {
            self.announce();
        }
    }

    fn wake_server(&mut self, id: ServerId) {
        let now = self.now;
        let server = &mut self.servers[id.0];
        if server.dial_at.is_some_and(|at| at <= now) {
            server.dial_at = None;
            self.act(Action::Dial(id));
        } else if server.is_open() && server.ping_at <= now {
            server.ping_at = now + PING_EVERY;
            let lost = server.heard_at + SERVER_PATIENCE <= now;
            let ping = self.mailbox.ping();
            match lost {
                true => self.server_closed(id),
                false => self.act(Action::Say(id, ping)),
            }
        }
    }
}

/// Connections.
impl Room {
    /// Begins a connection to a peer; false when there are too many.
    fn begin(&mut self, id: PeerId) -> bool {
        if self.peers.len() >= limits::PEERS {
            return false;
        }
        self.last_link += 1;
        let link = LinkId(self.last_link);
        self.peers
            .insert(id, Peer::new(link, self.me < id, self.now));
        self.links.insert(link, id);
        self.status_changed = true;
        self.act(Action::Connect(link));
        true
    }

    fn description(&mut self, from: PeerId, kind: DescriptionKind, sdp: String) {
        let offers = kind == DescriptionKind::Offer;
        // Nobody offers over a connection that works. Who does has lost it, and begins anew.
        if offers && self.peers.get(&from).is_some_and(Peer::is_ready) {
            self.drop_peer(from);
        }
        if offers && !self.peers.contains_key(&from) && !self.begin(from) {
            return;
        }
        self.step(from, |peer| {
            let steps = peer.negotiation.description(kind, sdp.clone());
            if !steps.is_empty() {
                peer.remote_sdp = Some(sdp);
            }
            steps
        });
    }

    fn step(&mut self, id: PeerId, decide: impl FnOnce(&mut Peer) -> Vec<Step>) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let link = peer.link;
        let actions = decide(peer).into_iter().map(|step| match step {
            Step::Offer => Action::Offer(link),
            Step::Accept { kind, sdp } => Action::Accept { link, kind, sdp },
            Step::Add(candidate) => Action::AddCandidate { link, candidate },
        });
        self.actions.extend(actions);
    }

    fn linked(&mut self, link: LinkId) -> Option<(PeerId, &mut Peer)> {
        let id = *self.links.get(&link)?;
        Some((id, self.peers.get_mut(&id)?))
    }

    pub(super) fn described(&mut self, link: LinkId, kind: DescriptionKind, sdp: String) {
        let Some((id, peer)) = self.linked(link) else {
            return;
        };
        if peer.negotiation.sends(kind) {
            peer.local_sdp = Some(sdp.clone());
            self.signal(id, Signal::Description { kind, sdp });
        }
    }

    pub(super) fn found(&mut self, link: LinkId, candidate: Candidate) {
        let Some((id, _)) = self.linked(link) else {
            return;
        };
        self.signal(id, Signal::Candidate(candidate));
    }

    pub(super) fn lane_opened(&mut self, link: LinkId, lane: Lane) {
        let me = self.me;
        let nonce = self.entropy.draw();
        let Some((id, peer)) = self.linked(link) else {
            return;
        };
        peer.lanes_open[lane as usize] = true;
        if !peer.can_prove() {
            return;
        }
        let (Some(local_sdp), Some(remote_sdp)) = (peer.local_sdp.clone(), peer.remote_sdp.clone())
        else {
            return;
        };
        let (handshake, hello) = Handshake::begin(
            Ends {
                me,
                peer: id,
                local_sdp,
                remote_sdp,
            },
            nonce,
        );
        peer.handshake = Some(handshake);
        let early = std::mem::take(&mut peer.early);
        self.status_changed = true;
        self.act(Action::Send {
            link,
            lane: Lane::Fast,
            frame: hello,
        });
        early.iter().for_each(|message| self.handshake(id, message));
    }

    pub(super) fn link_lost(&mut self, link: LinkId, reason: &str) {
        let Some((id, peer)) = self.linked(link) else {
            return;
        };
        let was_ready = peer.is_ready();
        self.drop_peer(id);
        self.announce_at = self.announce_at.min(self.now + ANNOUNCE_SOON);
        if !was_ready {
            self.failed(id, reason);
        }
    }

    fn failed(&mut self, id: PeerId, reason: &str) {
        if self.failures.len() >= limits::PEERS && !self.failures.contains_key(&id) {
            self.failures.clear();
        }
        let failures = self.failures.entry(id).or_default();
        *failures += 1;
        if *failures == FAILURES {
            self.notice(Notice::PeerUnreachable, reason);
        }
    }

    /// Forgets a peer and closes the connection to it.
    pub(super) fn drop_peer(&mut self, id: PeerId) {
        let Some(peer) = self.peers.remove(&id) else {
            return;
        };
        self.links.remove(&peer.link);
        self.status_changed = true;
        self.act(Action::Close(peer.link));
        for (channel, clients) in peer.presence.into_clients() {
            self.act(Action::PresenceGone { channel, clients });
        }
        self.peer_dropped(id);
    }

    /// Drops a peer that broke the protocol, and says why.
    pub(super) fn refuse(&mut self, id: PeerId, reason: &str) {
        self.notice(Notice::BadPeer, reason);
        self.drop_peer(id);
    }

    pub(super) fn drained(&mut self, link: LinkId, lane: Lane, buffered: usize) {
        if let Some((_, peer)) = self.linked(link) {
            peer.outbox.drained(lane, buffered);
        }
    }

    pub(super) fn received(&mut self, link: LinkId, lane: Lane, frame: &[u8]) {
        let Some((id, peer)) = self.linked(link) else {
            return;
        };
        let proved = peer.handshake.as_ref().is_some_and(Handshake::is_proved);
        match lane {
            _ if peer.is_ready() => self.frame_arrived(id, lane, frame),
            Lane::Bulk if proved => self.frame_arrived(id, lane, frame),
            Lane::Bulk => self.refuse(
                id,
                "it sent documents before it had proved that it belongs here",
            ),
            // Our own lanes may open later than the peer's. It has three messages to say at most.
            Lane::Fast if peer.handshake.is_none() && peer.early.len() < 3 => {
                peer.early.push(frame.to_owned())
            }
            Lane::Fast => self.handshake(id, frame),
        }
    }

    fn handshake(&mut self, id: PeerId, message: &[u8]) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let link = peer.link;
        let key = self.mailbox.key();
        let taken = match &mut peer.handshake {
            Some(handshake) => handshake.take(message, key),
            None => Err(HandshakeError::Unreadable),
        };
        let done = peer.is_ready();
        match taken {
            Ok(answer) => {
                self.actions.extend(answer.map(|frame| Action::Send {
                    link,
                    lane: Lane::Fast,
                    frame,
                }));
                if done {
                    self.greet(id);
                }
            }
            Err(HandshakeError::OtherVersion { theirs }) => {
                self.other_version(theirs);
                self.drop_peer(id);
            }
            Err(HandshakeError::WrongKey) => {
                self.notice(Notice::WrongSecret, "");
                self.drop_peer(id);
            }
            Err(error) => self.refuse(id, &error.to_string()),
        }
    }

    fn other_version(&mut self, theirs: u8) {
        let detail = format!("version {theirs} of the protocol, this page version {VERSION}");
        self.notice(Notice::UnknownVersion, detail);
    }

    /// The first words to a peer that has proved itself: the index, and our presence.
    fn greet(&mut self, id: PeerId) {
        self.status_changed = true;
        self.failures.remove(&id);
        self.noticed.remove(&Notice::WrongSecret);
        self.noticed.remove(&Notice::PeerUnreachable);
        let entries = self.index.entries().cloned().collect();
        let presence = self.presence.clone();
        let origin = self.me;
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.outbox.push(&Message::bare(Header::Index {
            entries,
            confirm: None,
        }));
        for (channel, body) in presence {
            peer.outbox.push(&Message {
                header: Header::Presence { channel, origin },
                body,
            });
        }
        self.sync_all_with(id);
    }

    pub(super) fn links_wake_at(&self) -> Millis {
        let waiting = self.peers.values().filter(|peer| !peer.is_ready());
        waiting
            .map(|peer| peer.since + CONNECT_WITHIN)
            .fold(Millis::INFINITY, Millis::min)
    }

    pub(super) fn wake_links(&mut self) {
        let late = |peer: &Peer| !peer.is_ready() && peer.since + CONNECT_WITHIN <= self.now;
        let late: Vec<_> = self
            .peers
            .values()
            .filter(|peer| late(peer))
            .map(|peer| peer.link)
            .collect();
        for link in late {
            self.link_lost(link, "no connection came about in time");
        }
    }

    /// Says goodbye to everybody and ends.
    pub(super) fn leave(&mut self) {
        self.tell_everybody(&Message::bare(Header::Bye));
        self.flush();
        let text = self.mailbox.to_room(Signal::Leave, &mut self.entropy);
        self.say_everywhere(&text);
        let unsubscribe = self.mailbox.unsubscribe();
        self.say_everywhere(&unsubscribe);
        for id in self.peers.keys().copied().collect::<Vec<_>>() {
            self.drop_peer(id);
        }
        self.left = true;
    }
}

/// Who else is here.
impl Room {
    fn with_view<T>(&self, answer: impl FnOnce(&View) -> T) -> T {
        let servers: Vec<_> = self.servers.iter().map(|server| server.view).collect();
        let informed = self.peers.values().filter(|peer| peer.informed).count();
        let connecting = self.peers.len() - informed;
        answer(&View {
            began: self.began,
            servers: &servers,
            connecting,
            informed,
        })
    }

    pub(super) fn settle(&mut self) {
        if self.settlement.is_some() {
            return;
        }
        self.settlement = self.with_view(|view| view.settle(self.now));
        if let Some(settlement) = self.settlement {
            self.status_changed = true;
            self.seek = true;
            self.act(Action::Settled(settlement));
        }
    }

    pub(super) fn settle_again_at(&self) -> Millis {
        self.with_view(|view| view.ask_again(self.now))
    }
}

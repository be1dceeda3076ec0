//! Signaling servers: dialled, spoken to, lost and dialled again.
//!
//! All of them are used at once; any that works is enough.

use super::ids::ServerId;
use super::limits::Millis;
use super::peer::Peer;
use super::settlement::{ServerView, View};
use super::signaling::{Heard, Signal, VERSION};
use super::tabs::Role;
use super::{Action, Notice, Room, ServerState};

/// A page announces itself now and then, for those who missed it.
pub const ANNOUNCE_EVERY: Millis = 30_000.0;
/// After losing a peer, it announces itself soon.
pub const ANNOUNCE_SOON: Millis = 1_000.0;
/// Announcements made because of somebody with another key.
const STRANGERS: u32 = 5;
/// y-webrtc's servers drop who has not spoken for 30 s.
const PING_EVERY: Millis = 15_000.0;
/// A server that has said nothing for this long after a ping is lost.
const SERVER_PATIENCE: Millis = 25_000.0;
/// The first wait before dialling a lost server again; doubled each time, up to the last.
const REDIAL_FIRST: Millis = 500.0;
const REDIAL_LAST: Millis = 30_000.0;

/// The connection to one signaling server.
pub struct Server {
    view: ServerView,
    dial_at: Option<Millis>,
    ping_at: Millis,
    /// Since when a ping has not been answered.
    unanswered: Option<Millis>,
    failures: u32,
}

impl Server {
    /// A server that has not been dialled.
    pub fn new() -> Self {
        Self { view: ServerView::Dialing, dial_at: None, ping_at: 0.0, unanswered: None, failures: 0 }
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

    /// The state of each, for a person. Who follows another tab uses none.
    pub(super) fn server_states(&self) -> Vec<ServerState> {
        let state = |server: &Server| match self.role {
            Role::Leads => server.state(),
            Role::Follows(_) => ServerState::Closed,
        };
        self.servers.iter().map(state).collect()
    }

    /// Whether a peer can be told something.
    pub(super) fn can_signal(&self) -> bool {
        self.servers.iter().any(Server::is_open)
    }

    /// Dials all that are lost now, and doubles no wait for it.
    pub(super) fn redial_all(&mut self) {
        for server in self.servers.iter_mut().filter(|server| server.dial_at.is_some()) {
            (server.dial_at, server.failures) = (Some(self.now), 0);
        }
        self.wake_servers();
    }

    pub(super) fn server_opened(&mut self, id: ServerId) {
        let now = self.now;
        let Some(server) = self.servers.get_mut(id.0) else {
            return;
        };
        *server = Server { view: ServerView::Open, ping_at: now + PING_EVERY, ..Server::new() };
        self.status_changed = true;
        if self.noticed.remove(&Notice::SignalingUnreachable) {
            self.act(Action::Notice { notice: Notice::SignalingBack, detail: String::new() });
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
        if self.servers.iter().all(|server| server.view == ServerView::Closed) {
            self.notice(Notice::SignalingUnreachable, "");
        }
    }

    pub(super) fn server_said(&mut self, id: ServerId, text: &str) {
        if let Some(server) = self.servers.get_mut(id.0) {
            server.unanswered = None;
        }
        if !self.signals.take(self.now) {
            return;
        }
        // A server that talks nonsense harms nobody but itself: what it says is dropped.
        let Ok(heard) = self.mailbox.hear(text) else {
            return;
        };
        match heard {
            Heard::Nothing => {}
            Heard::Echo { clients } => self.echoed(id, clients),
            Heard::Signal { from, signal } => self.signalled(from, signal),
            Heard::Sealed => self.stranger_heard(),
            Heard::OtherVersion(theirs) => self.other_version(theirs),
        }
    }

    /// Somebody here has another key. We tell our person, and announce ourselves so that theirs is
    /// told too; not for ever, or two rooms' worth of strangers would keep each other talking.
    fn stranger_heard(&mut self) {
        if !self.peers.values().any(Peer::is_ready) {
            self.notice(Notice::WrongSecret, "");
        }
        if self.strangers_answered < STRANGERS {
            self.strangers_answered += 1;
            self.announce_at = self.announce_at.min(self.now + ANNOUNCE_SOON);
        }
    }

    fn echoed(&mut self, id: ServerId, clients: Option<u32>) {
        let now = self.now;
        if let Some(server) = self.servers.get_mut(id.0) {
            // How long others have had to answer is counted from the first one that came back.
            let at = match server.view {
                ServerView::Open => now,
                ServerView::Echoed { at, .. } => at,
                ServerView::Dialing | ServerView::Closed => return,
            };
            server.view = ServerView::Echoed { clients, at };
        }
    }

    pub(super) fn say_everywhere(&mut self, text: &str) {
        for (id, server) in self.servers.iter().enumerate() {
            if server.is_open() {
                self.actions.push_back(Action::Say(ServerId(id), text.to_owned()));
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
            let since = *server.unanswered.get_or_insert(now);
            let lost = since + SERVER_PATIENCE <= now;
            let ping = self.mailbox.ping();
            match lost {
                true => self.server_closed(id),
                false => self.act(Action::Say(id, ping)),
            }
        }
    }

    pub(super) fn other_version(&mut self, theirs: u8) {
        let detail = format!("protocol version {theirs}, here {VERSION}");
        self.notice(Notice::UnknownVersion, detail);
    }
}

/// Who else is here.
impl Room {
    fn with_view<T>(&self, answer: impl FnOnce(&View) -> T) -> T {
        let servers: Vec<_> = self.servers.iter().map(|server| server.view).collect();
        let informed = self.peers.values().filter(|peer| peer.informed).count();
        let connecting = self.peers.len() - informed;
        answer(&View { began: self.asked_at, servers: &servers, connecting, informed })
    }

    pub(super) fn settle(&mut self) {
        if self.settlement.is_some() || self.keeper.is_awaited() {
            return;
        }
        let is_informed = self.peers.values().any(|peer| peer.informed);
        self.settlement = match &self.role {
            Role::Leads => self.with_view(|view| view.settle(self.now)),
            follows => follows.settlement().filter(|_| is_informed),
        };
        if let Some(settlement) = self.settlement {
            self.status_changed = true;
            self.seek = true;
            self.act(Action::Settled(settlement));
            if matches!(self.role, Role::Leads) {
                self.tell_tabs_who_leads();
            }
        }
    }

    pub(super) fn settle_again_at(&self) -> Millis {
        match self.role {
            Role::Leads => self.with_view(|view| view.ask_again(self.now)),
            Role::Follows(_) => Millis::INFINITY,
        }
    }
}

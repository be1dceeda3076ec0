//! Tabs: pages of one browser that are in one room.
//!
//! They need no network between them, and only one of them needs one to everybody else: the *leader*,
//! elected by the browser, which gives a lock to one page at a time. The others *follow*: they have one
//! link, to the leader, through a BroadcastChannel, and no signaling. All that they say and hear goes over
//! the leader, which relays *across*: what came from a tab goes to everybody else, and what came from
//! anybody else goes to the tabs. Where a message came from is in it, so a cursor stays that of its page.
//!
//! When the leader's page ends, the browser gives the lock to another one, which connects to everybody
//! and says that it leads. When a leader falls silent (the browser has frozen its page, a dialog holds it
//! up), who follows it has it *deposed*.
//!
//! A page on the same site can do whatever this one can, so a tab is no stranger: it proves nothing, and
//! no limits are set to it. That both have the same key is in the name under which they find each other.

use super::bytes::Bytes;
use super::ids::{DocumentId, PeerId, ServerId};
use super::key::RoomKey;
use super::limits::{self, Millis};
use super::message::{Header, Message};
use super::peer::{Agreement, Peer};
use super::servers::Server;
use super::signaling::Signal;
use super::sorted::SortedSet;
use super::sources::SOURCE_PATIENCE;
use super::{Action, Room, Settlement, signaling};

/// Who follows nobody asks for a leader this often.
const SEEK_EVERY: Millis = 1_000.0;
/// A leader that has not answered for this long is deposed.
const LEADER_PATIENCE: Millis = 5_000.0;

/// What the tabs of this browser that are in one room, with this key, find each other by.
pub fn name_of(key: &RoomKey) -> String {
    format!("jupyterlite-webrtc {} {}", signaling::VERSION, key.tag())
}

/// What tabs tell each other apart from messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Who leads?
    Seek,
    /// I do, and don't know yet who else is here.
    Wait,
    /// I do. `unanswered`: nobody could be reached, and so nobody is known to be here or not.
    Lead { unanswered: bool },
    /// I follow you.
    Follow,
}

impl Word {
    const ALL: [Self; 5] = [
        Self::Seek,
        Self::Wait,
        Self::Lead { unanswered: false },
        Self::Lead { unanswered: true },
        Self::Follow,
    ];

    /// As one byte.
    pub fn encode(self) -> u8 {
        Self::ALL.iter().position(|word| *word == self).unwrap_or_default() as u8
    }

    /// Reads what [`Word::encode`] made; `None` for anything else.
    pub fn decode(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }
}

/// What this page is among the tabs.
pub enum Role {
    /// It has connections to others. So does every page that takes no part in tabs.
    Leads,
    Follows(Following),
}

/// How a page follows.
pub struct Following {
    leader: Option<PeerId>,
    /// What the leader said when it was met.
    unanswered: bool,
    /// When somebody who leads was last heard of.
    heard: Millis,
    seek_at: Millis,
}

impl Role {
    /// At first, in a page that takes part in tabs or does not.
    pub fn new(tabs: bool, now: Millis) -> Self {
        if tabs { Self::follows(now) } else { Self::Leads }
    }

    fn follows(now: Millis) -> Self {
        Self::Follows(Following { leader: None, unanswered: false, heard: now, seek_at: now })
    }

    fn following(&mut self) -> Option<&mut Following> {
        match self {
            Self::Leads => None,
            Self::Follows(following) => Some(following),
        }
    }

    /// Whether it follows nobody yet, and does not lead.
    pub fn seeks(&self) -> bool {
        matches!(self, Self::Follows(Following { leader: None, .. }))
    }

    /// The settlement of a page that follows, as it is after its leader's index has come; `None` for one
    /// that leads.
    pub fn settlement(&self) -> Option<Settlement> {
        match self {
            Self::Leads => None,
            Self::Follows(Following { unanswered: true, .. }) => Some(Settlement::Unanswered),
            Self::Follows(_) => Some(Settlement::Together),
        }
    }
}

/// Leading and following.
impl Room {
    /// The browser has made this page the leader.
    pub(super) fn lead(&mut self) {
        if matches!(self.role, Role::Leads) {
            return;
        }
        self.drop_everybody();
        self.role = Role::Leads;
        self.asked_at = self.now;
        if self.settlement.is_some() {
            self.expect();
        }
        self.dial_all();
        self.tell_tabs_who_leads();
    }

    /// The browser has made another page the leader.
    pub(super) fn follow(&mut self) {
        if matches!(self.role, Role::Follows(_)) || !self.tabs {
            return;
        }
        self.say_goodbye();
        for (id, server) in self.servers.iter_mut().enumerate() {
            *server = Server::new();
            self.actions.push_back(Action::Hang(ServerId(id)));
        }
        self.role = Role::follows(self.now);
        self.status_changed = true;
        self.expect();
        self.seek_leader();
    }

    /// Says goodbye to everybody, tabs among them.
    pub(super) fn say_goodbye(&mut self) {
        self.tell_everybody(&Message::bare(Header::Bye));
        self.flush();
        let text = self.mailbox.to_room(Signal::Leave, &mut self.entropy);
        self.say_everywhere(&text);
        let unsubscribe = self.mailbox.unsubscribe();
        self.say_everywhere(&unsubscribe);
        self.drop_everybody();
    }

    fn drop_everybody(&mut self) {
        for id in self.peers.keys().copied().collect::<Vec<_>>() {
            self.drop_peer(id);
        }
    }

    /// Others are about to be met who were here before: what they have is not out of the world.
    fn expect(&mut self) {
        self.expected_until = self.now + SOURCE_PATIENCE;
    }

    pub(super) fn tell_tabs(&mut self, word: Word) {
        if self.tabs {
            self.act(Action::TellTabs(word));
        }
    }

    /// Tabs are taken in once it is known who else is here: what they ask for depends on that.
    pub(super) fn tell_tabs_who_leads(&mut self) {
        let word = match self.settlement {
            None => Word::Wait,
            Some(settlement) => {
                let meets_somebody = self.peers.values().any(|peer| peer.informed);
                Word::Lead { unanswered: settlement == Settlement::Unanswered && !meets_somebody }
            }
        };
        self.tell_tabs(word);
    }

    pub(super) fn tab_said(&mut self, from: PeerId, word: Word) {
        let now = self.now;
        match (&mut self.role, word) {
            (Role::Leads, Word::Seek) => self.tell_tabs_who_leads(),
            (Role::Leads, Word::Follow) => self.admit(from, false),
            (Role::Follows(following), Word::Wait) => following.heard = now,
            (Role::Follows(following), Word::Lead { unanswered }) => {
                following.heard = now;
                if following.leader != Some(from) {
                    following.unanswered = unanswered;
                    self.drop_everybody();
                    self.admit(from, true);
                }
            }
            _ => {}
        }
    }

    pub(super) fn is_tab(&self, id: PeerId) -> bool {
        self.peers.get(&id).is_some_and(|peer| peer.is_tab)
    }

    /// Takes a tab in: one that follows, or the one that this page `follows`.
    fn admit(&mut self, id: PeerId, follows: bool) {
        self.drop_peer(id);
        if self.peers.len() >= limits::PEERS {
            return;
        }
        let link = self.new_link(id);
        self.peers.insert(id, Peer::tab(link, self.now));
        if let Some(following) = self.role.following() {
            following.leader = Some(id);
        }
        self.act(Action::Join { link, peer: id, follows });
        self.greet(id);
    }

    /// Who loses its leader looks for another one.
    pub(super) fn leader_lost(&mut self, id: PeerId) {
        let now = self.now;
        if let Some(following) = self.role.following().filter(|following| following.leader == Some(id)) {
            (following.leader, following.heard) = (None, now);
            self.expect();
            self.seek_leader();
        }
    }

    pub(super) fn seek_leader(&mut self) {
        let now = self.now;
        if let Some(following) = self.role.following() {
            following.seek_at = now + SEEK_EVERY;
            self.tell_tabs(Word::Seek);
        }
    }

    pub(super) fn tabs_wake_at(&self) -> Millis {
        let expected = if self.expected_until > self.now { self.expected_until } else { Millis::INFINITY };
        match &self.role {
            Role::Follows(following) if following.leader.is_none() => following.seek_at.min(expected),
            _ => expected,
        }
    }

    pub(super) fn wake_tabs(&mut self) {
        let now = self.now;
        if self.expected_until <= now && self.expected_until.is_finite() {
            self.expected_until = Millis::NEG_INFINITY;
            self.seek = true;
        }
        let Some(following) = self.role.following().filter(|following| following.leader.is_none()) else {
            return;
        };
        if following.heard + LEADER_PATIENCE <= now {
            following.heard = now;
            self.act(Action::Depose);
        }
        if self.role.following().is_some_and(|following| following.seek_at <= now) {
            self.seek_leader();
        }
    }
}

/// Relaying.
impl Room {
    /// Those to whom what came from a peer is to be relayed.
    pub(super) fn across(&mut self, from: PeerId) -> impl Iterator<Item = (PeerId, &mut Peer)> {
        let is_tab = self.is_tab(from);
        self.ready_peers().filter(move |(id, peer)| *id != from && (is_tab || peer.is_tab))
    }

    /// Relays updates that were news here.
    pub(super) fn relay(&mut self, from: PeerId, origin: PeerId, document: DocumentId, news: &[Bytes]) {
        let wants = |peer: &Peer| peer.documents.get(&document).is_some_and(|agreed| agreed.subscribed);
        let header = Header::Update { document, origin, answers: None };
        let messages: Vec<_> =
            news.iter().map(|body| Message { header: header.clone(), body: body.clone() }).collect();
        for (_, peer) in self.across(from).filter(|(_, peer)| wants(peer)) {
            messages.iter().for_each(|message| peer.outbox.push(message));
        }
    }

    /// Whether a tab gets what others write in a document, and they what it writes: a tab may show one
    /// that lives nowhere any more, as others do.
    pub(super) fn is_relayed(&self, document: DocumentId) -> bool {
        let wants = |peer: &Peer| peer.documents.get(&document).is_some_and(|agreed| agreed.subscribed);
        self.peers.values().any(|peer| peer.is_tab && wants(peer)) && matches!(self.role, Role::Leads)
    }

    /// A peer has a document. If it is a tab, and the document lives nowhere, it is relayed all the same,
    /// from now on: another tab may go before it is here.
    pub(super) fn relay_unnamed(&mut self, id: PeerId, document: DocumentId) {
        let tab = self.peers.get_mut(&id).filter(|peer| peer.is_tab);
        if let Some(tab) = tab.filter(|_| matches!(self.role, Role::Leads)) {
            tab.agreement(document).subscribed = true;
            self.documents.get_or_default(document);
        }
    }

    /// What was here only for a tab that is gone is forgotten.
    pub(super) fn relay_no_more(&mut self) {
        for document in self.documents.keys().copied().collect::<Vec<_>>() {
            self.forget_if_unnamed(document);
        }
    }

    /// Whether a document that is not here may still come from somebody whose answer is relayed to `id`. A
    /// tab asks nobody else, and is not to think that nobody has it before this page does.
    pub(super) fn will_relay(&mut self, id: PeerId, document: DocumentId) -> bool {
        let Some(sought) = self.documents.get(&document) else { return false };
        if self.is_tab(id) {
            return matches!(self.role, Role::Leads) && !sought.unavailable;
        }
        let may_have = |agreed: &Agreement| !agreed.missing || agreed.retry_at.is_some();
        self.across(id).any(|(_, tab)| tab.documents.get(&document).is_none_or(may_have))
    }

    /// Tells a peer who is here behind this page, or beside it.
    pub(super) fn tell_presence(&mut self, id: PeerId) {
        let is_tab = self.is_tab(id);
        let others = self.peers.iter().filter(|(other, peer)| **other != id && (is_tab || peer.is_tab));
        let told: Vec<_> = others.flat_map(|(_, peer)| peer.presence.all()).collect();
        if let Some(peer) = self.peers.get_mut(&id) {
            for (channel, origin, body) in told {
                peer.outbox.push(&Message { header: Header::Presence { channel, origin }, body });
            }
        }
    }

    /// Somebody for whom a peer spoke is gone.
    pub(super) fn gone(&mut self, from: PeerId, origin: PeerId) {
        let told = self.peers.get_mut(&from).map(|peer| peer.presence.forget(origin)).unwrap_or_default();
        for (channel, clients) in told {
            self.act(Action::PresenceGone { channel, clients });
        }
        self.status_changed = true;
        let message = Message::bare(Header::Gone { origin });
        self.across(from).for_each(|(_, peer)| peer.outbox.push(&message));
    }

    /// How many pages are here, this one among them, tabs behind others too.
    pub(super) fn pages(&self) -> usize {
        let ready = self.peers.iter().filter(|(_, peer)| peer.is_ready());
        let mut pages = SortedSet::default();
        pages.extend(ready.flat_map(|(id, peer)| peer.presence.origins().chain([*id])));
        pages.insert(self.me);
        pages.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::Cutter;
    use super::super::ids::LinkId;
    use super::super::outbox::Lane;
    use super::super::{Config, DocumentState, Event};
    use super::*;

    /// A page that leads, and two tabs that follow it.
    fn leader() -> (Room, [LinkId; 2]) {
        let config = Config {
            prefix: "prefix".into(),
            name: "room".into(),
            secret: None,
            servers: 0,
            seed: [5; 32],
            history: false,
            tabs: true,
        };
        let mut room = Room::join(config, 0.0);
        room.handle(Event::Leads, 0.0);
        let links = [8, 9].map(|tab| {
            room.handle(Event::TabSaid { from: PeerId([tab; 16]), word: Word::Follow }, 0.0);
            room.peers.get(&PeerId([tab; 16])).expect("it is taken in").link
        });
        (room, links)
    }

    fn says(room: &mut Room, link: LinkId, header: Header) {
        let mut cutter = Cutter::new(1, &Message::bare(header));
        while let Some(frame) = cutter.next_frame() {
            room.handle(Event::Received { link, lane: Lane::Fast, frame }, 0.0);
        }
    }

    #[test]
    fn what_one_tab_shows_and_lives_nowhere_is_not_forgotten_when_another_tab_goes() {
        let (mut room, [shows, goes]) = leader();
        let document = DocumentId([1; 32]);
        says(&mut room, shows, Header::Sync { document, held: true, number: 1 });
        assert_eq!(room.document_state(document), Some(DocumentState::Sought));
        says(&mut room, goes, Header::Bye);
        assert_eq!(room.document_state(document), Some(DocumentState::Sought));
        says(&mut room, shows, Header::Bye);
        assert_eq!(room.document_state(document), None);
    }

    #[test]
    fn words_are_bytes() {
        Word::ALL.iter().for_each(|word| assert_eq!(Word::decode(word.encode()), Some(*word)));
        assert_eq!(Word::decode(5), None);
    }
}

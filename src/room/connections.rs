//! From an announcement to a peer that has proved that it belongs here, and to its end.
//!
//! Whoever hears the announcement of a page that it does not know connects to it. What fails is
//! announced, and so begun, again.

use super::handshake::{Ends, Handshake, HandshakeError};
use super::ids::{LinkId, PeerId};
use super::limits::{self, Millis};
use super::message::{Header, Message};
use super::negotiation::Step;
use super::outbox::Lane;
use super::peer::Peer;
use super::servers::ANNOUNCE_SOON;
use super::signaling::{Candidate, DescriptionKind, Signal};
use super::{Action, Notice, Room};

/// A connection that is not ready after this is given up.
const CONNECT_WITHIN: Millis = 20_000.0;
/// Who announces itself while an attempt has not got on for so long is met anew.
const STUCK: Millis = 8_000.0;
/// Failures after which the person is told.
const FAILURES: u32 = 2;

impl Room {
    pub(super) fn signalled(&mut self, from: PeerId, signal: Signal) {
        if self.is_doubtful(from, &signal) {
            return self.doubt(from, signal);
        }
        self.got_on(from, &signal);
        match signal {
            Signal::Announce if self.is_to_be_met(from) => {
                self.drop_peer(from);
                if self.begin(from) {
                    self.step(from, |peer| vec![peer.negotiation.offer()]);
                }
            }
            Signal::Announce => {}
            Signal::Description { kind, sdp } => self.description(from, kind, sdp),
            Signal::Candidate(candidate) => {
                self.step(from, |peer| peer.negotiation.candidate(candidate).into_iter().collect());
            }
            Signal::Leave => self.drop_peer(from),
            Signal::Restart { kind, sdp } => self.restarted(from, kind, sdp),
        }
    }

    /// An attempt to connect gets on with each signal that belongs to it.
    fn got_on(&mut self, from: PeerId, signal: &Signal) {
        let now = self.now;
        let belongs = matches!(signal, Signal::Description { .. } | Signal::Candidate(_));
        if let Some(peer) = self.peers.get_mut(&from).filter(|peer| belongs && !peer.is_ready()) {
            peer.heartbeat.heard(now);
        }
    }

    /// Whether a page that announces itself is not known, or all that came of it is an attempt that does
    /// not get on: what one side has given up, the other still waits for.
    fn is_to_be_met(&self, id: PeerId) -> bool {
        self.peers.get(&id).is_none_or(|peer| !peer.is_ready() && peer.heartbeat.heard + STUCK <= self.now)
    }

    /// Whether a signal is to be doubted: it ends a connection that seems to work.
    fn is_doubtful(&self, from: PeerId, signal: &Signal) -> bool {
        if !self.peers.get(&from).is_some_and(Peer::is_ready) {
            return false;
        }
        match signal {
            Signal::Announce | Signal::Restart { .. } => false,
            Signal::Leave | Signal::Description { .. } => true,
            Signal::Candidate(_) => self.is_doubted(from),
        }
    }

    fn signal(&mut self, to: PeerId, signal: Signal) {
        let text = self.mailbox.to_peer(to, signal, &mut self.entropy);
        self.say_everywhere(&text);
    }

    /// Begins a connection to a peer; false when there are too many, or too many at once. Who is honest
    /// announces itself again.
    fn begin(&mut self, id: PeerId) -> bool {
        if self.peers.len() >= limits::PEERS || !self.connects.take(self.now) {
            return false;
        }
        let link = self.new_link(id);
        self.peers.insert(id, Peer::new(link, self.me < id, self.now));
        self.act(Action::Connect(link));
        true
    }

    pub(super) fn new_link(&mut self, id: PeerId) -> LinkId {
        self.last_link += 1;
        let link = LinkId(self.last_link);
        self.links.insert(link, id);
        self.status_changed = true;
        link
    }

    fn description(&mut self, from: PeerId, kind: DescriptionKind, sdp: String) {
        let offers = kind == DescriptionKind::Offer;
        // It has given up the attempt that we still have, and begins another.
        let is_another = |peer: &Peer| peer.remote_sdp.is_some() && !peer.is_same_end(&sdp);
        if offers && self.peers.get(&from).is_some_and(|peer| !peer.is_ready() && is_another(peer)) {
            self.drop_peer(from);
        }
        if offers && !self.peers.contains_key(&from) && !self.begin(from) {
            return;
        }
        self.take_description(from, kind, sdp);
    }

    /// The other side restarts ICE, or answers to that.
    fn restarted(&mut self, from: PeerId, kind: DescriptionKind, sdp: String) {
        if self.peers.get(&from).is_some_and(|peer| peer.is_ready() && peer.is_same_end(&sdp)) {
            self.take_description(from, kind, sdp);
        }
    }

    fn take_description(&mut self, from: PeerId, kind: DescriptionKind, sdp: String) {
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
            let signal = match peer.is_ready() {
                true => Signal::Restart { kind, sdp },
                false => Signal::Description { kind, sdp },
            };
            self.signal(id, signal);
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
        let Some((id, peer)) = self.linked(link) else {
            return;
        };
        peer.lanes_open[lane as usize] = true;
        if !peer.can_prove() {
            return;
        }
        let (Some(local_sdp), Some(remote_sdp)) = (peer.local_sdp.clone(), peer.remote_sdp.clone()) else {
            return;
        };
        let ends = Ends { me, peer: id, local_sdp, remote_sdp };
        let (handshake, proof) = match Handshake::begin(&ends, self.mailbox.key()) {
            Ok(begun) => begun,
            Err(error) => return self.refuse(id, &error.to_string()),
        };
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.handshake = Some(handshake);
        let early = peer.early.take();
        self.status_changed = true;
        self.act(Action::Send { link, lane: Lane::Fast, frame: proof });
        early.into_iter().for_each(|message| self.handshake(id, &message));
    }

    pub(super) fn link_lost(&mut self, link: LinkId, reason: &str) {
        let Some((id, peer)) = self.linked(link) else {
            return;
        };
        let was_ready = peer.is_ready();
        self.lose(id);
        self.announce_at = self.announce_at.min(self.now + ANNOUNCE_SOON);
        if !was_ready {
            self.failed(id, reason);
        }
    }

    fn failed(&mut self, id: PeerId, reason: &str) {
        if self.failures.len() >= limits::PEERS && !self.failures.contains_key(&id) {
            self.failures.clear();
        }
        let failures = self.failures.get_or_default(id);
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
        let was_tab = peer.is_tab;
        let mut gone: Vec<_> = peer.presence.origins().collect();
        gone.dedup(); // one for each channel, in their order
        for (channel, clients) in peer.presence.into_clients() {
            self.act(Action::PresenceGone { channel, clients });
        }
        let others = self.ready_peers().filter(|(_, other)| was_tab || other.is_tab);
        for (_, other) in others {
            gone.iter().for_each(|&origin| other.outbox.push(&Message::bare(Header::Gone { origin })));
        }
        self.peer_dropped(id);
        if was_tab {
            self.relay_no_more();
        }
        self.leader_lost(id);
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
        let Some((id, peer)) = self.linked(link) else { return };
        match lane {
            Lane::Bulk if peer.is_ready() => self.frame_arrived(id, lane, frame),
            Lane::Bulk => self.refuse(id, "it sent documents before it had proved that it belongs here"),
            Lane::Fast if peer.is_welcomed() => self.frame_arrived(id, lane, frame),
            // Our own lanes may open later than the peer's. It has proved itself at most.
            Lane::Fast if peer.handshake.is_none() && peer.early.is_none() => {
                peer.early = Some(frame.to_owned())
            }
            Lane::Fast => self.handshake(id, frame),
        }
    }

    fn handshake(&mut self, id: PeerId, message: &[u8]) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let link = peer.link;
        let was_ready = peer.is_ready();
        let key = self.mailbox.key();
        let taken = match &mut peer.handshake {
            Some(handshake) => handshake.take(message, key),
            None => Err(HandshakeError::Unreadable),
        };
        let proved = !was_ready && peer.is_ready();
        match taken {
            Ok(answer) => {
                self.actions.extend(answer.map(|frame| Action::Send { link, lane: Lane::Fast, frame }));
                if proved {
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

    /// The first words to a peer that has proved itself: the index, and our presence.
    pub(super) fn greet(&mut self, id: PeerId) {
        self.status_changed = true;
        self.failures.remove(&id);
        self.noticed.remove(&Notice::WrongSecret);
        self.noticed.remove(&Notice::PeerUnreachable);
        // From now on it speaks for itself.
        self.peers.values_mut().for_each(|peer| drop(peer.presence.forget(id)));
        let lines = self.index.lines().cloned().collect();
        let presence = self.presence.clone();
        let origin = self.me;
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.outbox.push(&Message::bare(Header::Index { lines, confirm: None }));
        for (channel, body) in presence.into_entries() {
            peer.outbox.push(&Message { header: Header::Presence { channel, origin }, body });
        }
        self.tell_presence(id);
        self.sync_all_with(id);
    }

    pub(super) fn links_wake_at(&self) -> Millis {
        let waiting = self.peers.values().filter(|peer| !peer.is_ready());
        waiting.map(|peer| peer.since + CONNECT_WITHIN).fold(Millis::INFINITY, Millis::min)
    }

    pub(super) fn wake_links(&mut self) {
        let late = |peer: &Peer| !peer.is_ready() && peer.since + CONNECT_WITHIN <= self.now;
        let late: Vec<_> = self.peers.values().filter(|peer| late(peer)).map(|peer| peer.link).collect();
        for link in late {
            self.link_lost(link, "no connection came about in time");
        }
    }

    /// Says goodbye to everybody and ends.
    pub(super) fn leave(&mut self) {
        self.keep(true);
        self.say_goodbye();
        self.left = true;
    }
}

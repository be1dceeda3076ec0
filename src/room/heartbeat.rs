//! Heartbeats: whether a peer that has proved itself is still there, and what is done when it is not.
//!
//! A data channel does not tell that the other side has vanished: its page crashed, its laptop sleeps,
//! its network is gone. So a peer that says nothing is asked with a *ping*, whose answer also gives the
//! round-trip time. Who stays silent has probably lost its path: ICE is *restarted* (RFC 8445, 2.4) over
//! signaling, which keeps the connection and all that is on its way. Who stays silent longer is given
//! up, and met again like somebody new when it comes back.
//!
//! When the page itself has slept, nobody could have been heard. Then everybody gets a little time to
//! be heard before they are given up, and no more than that when they have surely given up us.
//!
//! Signaling is no proof of anything: whoever has the room's key can speak in another page's name. An
//! offer of a new connection, or a farewell, in the name of a peer whose connection works is therefore
//! a *doubt*, which a ping settles: only if nothing is heard is the peer let go.

use super::ids::{LinkId, PeerId};
use super::limits::Millis;
use super::message::{Header, Message};
use super::peer::Peer;
use super::servers::ANNOUNCE_SOON;
use super::signaling::Signal;
use super::{Action, Room, Route};

/// Who has said nothing for this long is asked; the round trip is measured this often.
const PING_EVERY: Millis = 5_000.0;
/// Who has said nothing for this long may have lost its path.
const SILENT: Millis = 8_000.0;
/// Who has said nothing for this long is given up.
const LOST: Millis = 25_000.0;
/// A page that was not woken for this long has slept.
const SLEPT: Millis = 10_000.0;
/// After a long sleep others are given this long to be heard.
const AFTER_SLEEP: Millis = 5_000.0;
/// Between two restarts of ICE there is at least this.
const RESTART_EVERY: Millis = 5_000.0;
/// A doubt is settled after this.
const DOUBT: Millis = 2_000.0;
/// Signals kept in doubt.
const DOUBTFUL_SIGNALS: usize = 64;

/// The pulse of one peer.
pub struct Heartbeat {
    /// When its last frame came; while it is being connected to, when that attempt began or last got on.
    pub heard: Millis,
    /// When to ask next.
    ping_at: Millis,
    /// What was asked and is not answered, and when that was.
    pending: Option<(u32, Millis)>,
    asked: u32,
    /// The last round trip.
    pub round_trip: Option<Millis>,
    /// The browser says that there is no path at the moment.
    is_interrupted: bool,
    restart_at: Millis,
    doubt: Option<Doubt>,
}

/// Signals in the name of a peer that seems to be there, and when they count after all.
struct Doubt {
    until: Millis,
    signals: Vec<Signal>,
}

impl Heartbeat {
    /// Of a peer to which a connection is begun now.
    pub fn new(now: Millis) -> Self {
        Self {
            heard: now,
            ping_at: now,
            pending: None,
            asked: 0,
            round_trip: None,
            is_interrupted: false,
            restart_at: now,
            doubt: None,
        }
    }

    /// A frame of it came: it is there, whatever was said in its name. While it is being connected to, a
    /// signal came with which that attempt gets on: it is timed by this, too.
    pub fn heard(&mut self, now: Millis) {
        self.heard = now;
        self.doubt = None;
    }

    /// Whether the browser says that there is no path at the moment.
    pub fn is_interrupted(&self) -> bool {
        self.is_interrupted
    }

    fn ping(&mut self, now: Millis) -> Message {
        self.asked = self.asked.wrapping_add(1);
        // The first one that is not answered counts.
        self.pending.get_or_insert((self.asked, now));
        self.ping_at = now + PING_EVERY;
        Message::bare(Header::Ping { number: self.asked })
    }

    fn answered(&mut self, number: u32, now: Millis) {
        if let Some((_, at)) = self.pending.take_if(|(asked, _)| *asked <= number) {
            self.round_trip = Some(now - at);
        }
    }

    /// Whether to restart ICE now.
    fn restarts(&mut self, now: Millis) -> bool {
        let restarts = self.restart_due() <= now;
        if restarts {
            self.restart_at = now + RESTART_EVERY;
        }
        restarts
    }

    fn restart_due(&self) -> Millis {
        let silent = if self.is_interrupted { self.restart_at } else { self.heard + SILENT };
        silent.max(self.restart_at)
    }

    fn wake_at(&self) -> Millis {
        let doubt = self.doubt.as_ref().map_or(Millis::INFINITY, |doubt| doubt.until);
        self.ping_at.min(self.heard + LOST).min(self.restart_due()).min(doubt)
    }
}

impl Room {
    pub(super) fn heartbeats_wake_at(&self) -> Millis {
        let ready = self.peers.values().filter(|peer| peer.is_ready());
        ready.map(|peer| peer.heartbeat.wake_at()).fold(Millis::INFINITY, Millis::min)
    }

    pub(super) fn wake_heartbeats(&mut self) {
        let now = self.now;
        for id in self.ready_peers().map(|(id, _)| id).collect::<Vec<_>>() {
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            let (link, heartbeat) = (peer.link, &mut peer.heartbeat);
            if heartbeat.doubt.as_ref().is_some_and(|doubt| doubt.until <= now) {
                self.lose(id);
            } else if heartbeat.heard + LOST <= now {
                self.link_lost(link, "it has fallen silent");
            } else {
                if heartbeat.ping_at <= now {
                    let ping = heartbeat.ping(now);
                    peer.outbox.push(&ping);
                }
                self.restart_if_silent(id);
            }
        }
    }

    fn restart_if_silent(&mut self, id: PeerId) {
        let (now, can_signal) = (self.now, self.can_signal());
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.heartbeat.restarts(now) && can_signal && !peer.is_tab {
            peer.negotiation.offer();
            let link = peer.link;
            self.act(Action::Restart(link));
        }
    }

    pub(super) fn ping_arrived(&mut self, id: PeerId, number: u32) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.outbox.push(&Message::bare(Header::Pong { number }));
        }
    }

    pub(super) fn pong_arrived(&mut self, id: PeerId, number: u32) {
        let now = self.now;
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.heartbeat.answered(number, now);
        }
    }

    /// The browser has lost the path to a peer, or has it again.
    pub(super) fn interrupted(&mut self, link: LinkId, is_interrupted: bool) {
        let Some(id) = self.links.get(&link).copied() else { return };
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_ready()) else { return };
        self.status_changed |= peer.heartbeat.is_interrupted != is_interrupted;
        peer.heartbeat.is_interrupted = is_interrupted;
        if is_interrupted {
            self.restart_if_silent(id);
        } else {
            self.compare_all();
        }
    }

    /// The browser says which way a connection goes.
    pub(super) fn routed(&mut self, link: LinkId, is_relayed: bool) {
        let peer = self.links.get(&link).and_then(|id| self.peers.get_mut(id));
        if let Some(peer) = peer {
            peer.route = Some(if is_relayed { Route::Relayed } else { Route::Direct });
            self.status_changed = true;
        }
    }

    /// Nothing on a channel is lost while there was no path. To be sure of it everybody tells what they
    /// have.
    fn compare_all(&mut self) {
        self.digest_at = self.now;
        for document in self.documents.values_mut().filter(|document| document.held) {
            document.changed = true;
        }
    }

    /// The browser says that there is a network again, or another one: whatever waits is tried now.
    pub(super) fn network_changed(&mut self) {
        let now = self.now;
        self.redial_all();
        self.announce_at = self.announce_at.min(now + ANNOUNCE_SOON);
        for (_, peer) in self.ready_peers() {
            peer.heartbeat.ping_at = now;
            peer.heartbeat.restart_at = now;
        }
        self.wake_heartbeats();
    }

    /// Takes note when the page was not woken for long: it slept, and nobody else did.
    pub(super) fn notice_sleep(&mut self, slept: Millis) {
        if slept < SLEPT {
            return;
        }
        let now = self.now;
        for (_, peer) in self.ready_peers() {
            let heartbeat = &mut peer.heartbeat;
            heartbeat.heard = (heartbeat.heard + slept).min(now);
            if slept > LOST {
                heartbeat.heard = now - LOST + AFTER_SLEEP;
            }
            (heartbeat.ping_at, heartbeat.restart_at) = (now, now + AFTER_SLEEP);
        }
    }

    /// Something was signalled in the name of a peer whose connection seems to work.
    pub(super) fn doubt(&mut self, id: PeerId, signal: Signal) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.heartbeat.doubt.is_none() {
            let ping = peer.heartbeat.ping(now);
            peer.outbox.push(&ping);
        }
        let begun = || Doubt { until: now + DOUBT, signals: Vec::new() };
        let doubt = peer.heartbeat.doubt.get_or_insert_with(begun);
        if doubt.signals.len() < DOUBTFUL_SIGNALS {
            doubt.signals.push(signal);
        }
    }

    /// Whether what was signalled in a peer's name is being doubted.
    pub(super) fn is_doubted(&self, id: PeerId) -> bool {
        self.peers.get(&id).is_some_and(|peer| peer.heartbeat.doubt.is_some())
    }

    /// Lets a peer go, and hears what was signalled in its name meanwhile.
    pub(super) fn lose(&mut self, id: PeerId) {
        let doubt = self.peers.get_mut(&id).and_then(|peer: &mut Peer| peer.heartbeat.doubt.take());
        self.drop_peer(id);
        for signal in doubt.into_iter().flat_map(|doubt| doubt.signals) {
            self.signalled(id, signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ping_that_is_not_answered_gives_the_round_trip() {
        let mut heartbeat = Heartbeat::new(0.0);
        heartbeat.ping(100.0);
        heartbeat.ping(200.0);
        heartbeat.answered(2, 350.0);
        assert_eq!(heartbeat.round_trip, Some(250.0));
        heartbeat.answered(2, 900.0);
        assert_eq!(heartbeat.round_trip, Some(250.0), "nothing was asked");
    }

    #[test]
    fn ice_is_restarted_when_the_peer_is_silent_or_the_path_is_lost_and_not_all_the_time() {
        let mut heartbeat = Heartbeat::new(0.0);
        assert!(!heartbeat.restarts(SILENT - 1.0));
        assert!(heartbeat.restarts(SILENT) && !heartbeat.restarts(SILENT));
        assert!(heartbeat.restarts(SILENT + RESTART_EVERY));
        heartbeat.heard(20_000.0);
        heartbeat.is_interrupted = true;
        assert!(heartbeat.restarts(20_000.0));
    }
}

//! Another page, as this one knows it: the connection to it and what has been agreed over it.

use super::digest::Doubt;
use super::frame::Assembler;
use super::handshake::{Handshake, has_same_certificate};
use super::heartbeat::Heartbeat;
use super::ids::{DocumentId, LinkId, PeerId};
use super::limits::{self, Millis, Rate};
use super::negotiation::Negotiation;
use super::outbox::{Lane, Outbox};
use super::presence::PeerPresence;
use super::sorted::SortedMap;
use super::status::{PeerState, PeerStatus, Route};

/// A peer to which there is a connection, complete or not.
pub struct Peer {
    pub link: LinkId,
    /// It is a tab of this browser: nothing has to be negotiated or proved.
    pub is_tab: bool,
    /// When the connection was begun.
    pub since: Millis,
    pub heartbeat: Heartbeat,
    pub negotiation: Negotiation,
    pub local_sdp: Option<String>,
    pub remote_sdp: Option<String>,
    pub lanes_open: [bool; 2],
    /// What came of the handshake before our own lanes were both open.
    pub early: Option<Vec<u8>>,
    pub handshake: Option<Handshake>,
    pub assemblers: [Assembler; 2],
    pub outbox: Outbox,
    /// Whether its index has arrived.
    pub informed: bool,
    pub documents: SortedMap<DocumentId, Agreement>,
    pub presence: PeerPresence,
    pub sync_rate: Rate,
    pub presence_rate: Rate,
    pub route: Option<Route>,
    /// Bytes of frames that came.
    pub received: u64,
}

/// What has been agreed with a peer about one document.
#[derive(Default)]
pub struct Agreement {
    /// It wants every update that is made here.
    pub subscribed: bool,
    /// The number of our question for what we lack, which it has not finished answering.
    pub asked: Option<u32>,
    /// It has answered, and since then tells us of every update that is made there.
    pub following: bool,
    /// It has no content of the document.
    pub missing: bool,
    /// It has no content because it is being sent it: when to ask again.
    pub retry_at: Option<Millis>,
    /// It has not the same as we have, unless that is still on its way.
    pub doubted: Option<Doubt>,
    /// Bytes of an update that is arriving: received and announced.
    pub arriving: Option<(usize, usize)>,
}

impl Agreement {
    /// Whether it is being found out if the peer has more than we have.
    pub fn is_doubted(&self) -> bool {
        self.doubted.as_ref().is_some_and(Doubt::is_open)
    }
}

impl Peer {
    /// A peer to which a connection has just been begun.
    pub fn new(link: LinkId, polite: bool, now: Millis) -> Self {
        Self {
            link,
            is_tab: false,
            since: now,
            heartbeat: Heartbeat::new(now),
            negotiation: Negotiation::new(polite),
            local_sdp: None,
            remote_sdp: None,
            lanes_open: [false; 2],
            early: None,
            handshake: None,
            assemblers: [Assembler::new(limits::FAST_MESSAGE), Assembler::new(limits::MESSAGE)],
            outbox: Outbox::default(),
            informed: false,
            documents: SortedMap::new(),
            presence: PeerPresence::default(),
            sync_rate: Rate::new(4_000, 100, now),
            presence_rate: Rate::new(400, 100, now),
            route: None,
            received: 0,
        }
    }

    /// A tab of this browser.
    pub fn tab(link: LinkId, now: Millis) -> Self {
        Self { is_tab: true, route: Some(Route::Tab), ..Self::new(link, false, now) }
    }

    /// How far the connection has come.
    pub fn state(&self) -> PeerState {
        match &self.handshake {
            _ if self.is_tab => PeerState::Ready,
            None => PeerState::Connecting,
            Some(_) if !self.is_ready() => PeerState::Proving,
            Some(_) if self.heartbeat.is_interrupted() => PeerState::Interrupted,
            Some(_) => PeerState::Ready,
        }
    }

    /// All that a person may want to know of it.
    pub fn status(&self, id: PeerId) -> PeerStatus {
        PeerStatus {
            id,
            state: self.state(),
            round_trip: self.heartbeat.round_trip,
            route: self.route,
            sent: self.outbox.sent(),
            received: self.received,
            queued: self.outbox.queued(),
        }
    }

    /// Whether it has proved that it belongs here.
    pub fn is_ready(&self) -> bool {
        self.is_tab || self.handshake.as_ref().is_some_and(Handshake::is_proved)
    }

    /// Whether it has checked our proof.
    pub fn is_welcomed(&self) -> bool {
        self.is_tab || self.handshake.as_ref().is_some_and(Handshake::is_welcomed)
    }

    /// Whether a session description is of the very end that this peer has proved to be: of its
    /// certificate.
    pub fn is_same_end(&self, sdp: &str) -> bool {
        self.remote_sdp.as_deref().is_some_and(|known| has_same_certificate(known, sdp))
    }

    /// Whether the handshake can begin.
    pub fn can_prove(&self) -> bool {
        self.handshake.is_none() && Lane::ALL.iter().all(|lane| self.lanes_open[*lane as usize])
    }

    /// What has been agreed about `document`.
    pub fn agreement(&mut self, document: DocumentId) -> &mut Agreement {
        self.documents.get_or_default(document)
    }
}

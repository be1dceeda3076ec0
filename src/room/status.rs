//! A picture of the room, for whoever shows it to a person.

use super::ids::{DocumentId, PeerId};
use super::limits::Millis;
use super::settlement::Settlement;

/// A picture of the room at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    pub servers: Vec<ServerState>,
    pub peers: Vec<PeerStatus>,
    pub settlement: Option<Settlement>,
    pub documents: Vec<DocumentStatus>,
    /// Documents on their way to us: bytes received and announced.
    pub transfers: Vec<(DocumentId, usize, usize)>,
    /// Whether everything that is here is also in the store, if there is one.
    pub kept: bool,
    /// How many pages are here, this one among them, also those that another page speaks for.
    pub pages: usize,
}

/// Another page, and the connection to it.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerStatus {
    pub id: PeerId,
    pub state: PeerState,
    /// The last round trip.
    pub round_trip: Option<Millis>,
    /// `None` where the browser does not say.
    pub route: Option<Route>,
    /// Bytes of frames.
    pub sent: u64,
    pub received: u64,
    /// Bytes that wait to be given to the browser.
    pub queued: usize,
}

/// How the two pages reach each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    Direct,
    /// Through a TURN server.
    Relayed,
    /// A tab of the same browser.
    Tab,
}

/// A document of the room, as it is here.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentStatus {
    pub id: DocumentId,
    pub state: DocumentState,
    /// It is known that somebody who is here has more of it.
    pub is_behind: bool,
}

/// The state of the connection to a signaling server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerState {
    Connecting,
    Open,
    Closed,
}

/// Whether a document of the room is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentState {
    /// Its content is here.
    Held,
    /// It is being looked for, or is on its way.
    Sought,
    /// Nobody who is here has it.
    Unavailable,
}

/// How far the connection to a peer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerState {
    Connecting,
    Proving,
    Ready,
    /// It has proved itself, and there is no path to it at the moment.
    Interrupted,
}

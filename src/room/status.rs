//! A picture of the room, for whoever shows it to a person.

use super::ids::{DocumentId, PeerId};
use super::settlement::Settlement;

/// A picture of the room at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    pub servers: Vec<ServerState>,
    pub peers: Vec<(PeerId, PeerState)>,
    pub settlement: Option<Settlement>,
    /// Documents on their way to us: bytes received and announced.
    pub transfers: Vec<(DocumentId, usize, usize)>,
    /// Whether everything that is here is also in the store, if there is one.
    pub kept: bool,
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
}

//! What comes out of the room: what the browser, the page and the store are to do.

use super::bytes::Bytes;
use super::history::Write;
use super::ids::{DocumentId, LinkId, PeerId, ServerId};
use super::index::{Change, Entry};
use super::outbox::Lane;
use super::presence::Channel;
use super::settlement::Settlement;
use super::signaling::{Candidate, DescriptionKind};
use super::tabs::Word;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Open a WebSocket to a signaling server, or say something to it.
    Dial(ServerId),
    Say(ServerId, String),
    /// Close it, without a report.
    Hang(ServerId),
    /// Tell all tabs of this browser something.
    TellTabs(Word),
    /// Make a link to a tab, and tell it that this page `follows` it.
    Join {
        link: LinkId,
        peer: PeerId,
        follows: bool,
    },
    /// Whoever leads the tabs does not answer: have the browser make this page the leader.
    Depose,
    /// Make an RTCPeerConnection with both data channels; negotiate as told; close it.
    Connect(LinkId),
    Offer(LinkId),
    /// Make an offer that restarts ICE.
    Restart(LinkId),
    Accept {
        link: LinkId,
        kind: DescriptionKind,
        sdp: String,
    },
    AddCandidate {
        link: LinkId,
        candidate: Candidate,
    },
    Close(LinkId),
    /// Send a frame.
    Send {
        link: LinkId,
        lane: Lane,
        frame: Vec<u8>,
    },
    /// Give the page an update of a document it has attached.
    Apply {
        document: DocumentId,
        update: Bytes,
    },
    /// Ask the page for its encoding of a whole document.
    Compact(DocumentId),
    /// Give the page an awareness update, or take clients away from a channel.
    Presence {
        channel: Channel,
        update: Bytes,
    },
    PresenceGone {
        channel: Channel,
        clients: Vec<u64>,
    },
    /// A document now lives elsewhere, or nowhere.
    Index(Change),
    /// Tell what the store has of this room; keep this.
    Restore,
    Write {
        number: u32,
        write: Write,
    },
    /// The claim with this number has been confirmed by all; this is the entry that stands.
    Claimed {
        number: u32,
        entry: Entry,
    },
    /// The document's content is here; or nobody has it any more.
    Held(DocumentId),
    Unavailable(DocumentId),
    /// It is known who else is here.
    Settled(Settlement),
    /// [`Room::status`] changed.
    StatusChanged,
    /// Something a person should be told.
    Notice {
        notice: Notice,
        detail: String,
    },
}

impl Action {
    /// Whether it is for others: other pages, servers, tabs.
    pub(super) fn goes_out(&self) -> bool {
        match self {
            Self::Dial(_)
            | Self::Say(..)
            | Self::Hang(_)
            | Self::TellTabs(_)
            | Self::Join { .. }
            | Self::Depose
            | Self::Connect(_)
            | Self::Offer(_)
            | Self::Restart(_)
            | Self::Accept { .. }
            | Self::AddCandidate { .. }
            | Self::Close(_)
            | Self::Send { .. } => true,
            Self::Apply { .. }
            | Self::Compact(_)
            | Self::Presence { .. }
            | Self::PresenceGone { .. }
            | Self::Index(_)
            | Self::Restore
            | Self::Write { .. }
            | Self::Claimed { .. }
            | Self::Held(_)
            | Self::Unavailable(_)
            | Self::Settled(_)
            | Self::StatusChanged
            | Self::Notice { .. } => false,
        }
    }
}

/// The kinds of things that a person should be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// No signaling server can be reached; trying again.
    SignalingUnreachable,
    /// One can be reached again.
    SignalingBack,
    /// A page is here but no connection to it comes about.
    PeerUnreachable,
    /// Somebody in the room has another secret.
    WrongSecret,
    /// Somebody in the room runs another version.
    UnknownVersion,
    /// A peer broke the protocol and was dropped.
    BadPeer,
    /// The history can't be kept in this browser.
    HistoryFailed,
    /// It can be kept again.
    HistoryBack,
}

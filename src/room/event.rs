//! What goes into the room: what the browser, the page and the store report.

use super::clients::Client;
use super::history::{History, Written};
use super::ids::{DocumentId, LinkId, PeerId, ServerId};
use super::outbox::Lane;
use super::presence::Channel;
use super::signaling::{Candidate, DescriptionKind};
use super::tabs::Word;

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The moment asked for by [`Room::wake_at`] has come.
    Wake,
    /// A signaling server was reached, was lost, or said something.
    ServerOpened(ServerId),
    ServerClosed(ServerId),
    ServerSaid(ServerId, String),
    /// A local description has been set.
    Described {
        link: LinkId,
        kind: DescriptionKind,
        sdp: String,
    },
    /// A local ICE candidate was found.
    Found {
        link: LinkId,
        candidate: Candidate,
    },
    /// A data channel of the connection is open.
    LaneOpened {
        link: LinkId,
        lane: Lane,
    },
    /// The connection failed, or one of its channels closed.
    LinkLost {
        link: LinkId,
        reason: String,
    },
    /// There is no path to the other side at the moment; there is one again.
    LinkInterrupted(LinkId),
    LinkResumed(LinkId),
    /// Whether what goes over the connection goes through a relay.
    Routed {
        link: LinkId,
        is_relayed: bool,
    },
    /// There is a network again, or another one.
    NetworkChanged,
    /// The browser has made this page the leader of its tabs, or another one.
    Leads,
    Follows,
    /// A tab of this browser said something.
    TabSaid {
        from: PeerId,
        word: Word,
    },
    /// A frame arrived.
    Received {
        link: LinkId,
        lane: Lane,
        frame: Vec<u8>,
    },
    /// The browser's send buffer of this lane is down to `buffered` bytes.
    Drained {
        link: LinkId,
        lane: Lane,
        buffered: usize,
    },
    /// The page puts a document into the room; answered by [`Action::Claimed`] with this number.
    Claim {
        number: u32,
        claim: Claim,
    },
    /// The page wants to hear of every change to this document, or no longer.
    Attach(DocumentId),
    Detach(DocumentId),
    /// The page's Y.Doc, of which all updates were told, writes no more under this client id.
    GiveBack {
        document: DocumentId,
        client: Client,
    },
    /// The page's Y.Doc made an update.
    Edited {
        document: DocumentId,
        update: Vec<u8>,
    },
    /// The page's encoding of a whole document, as asked for by [`Action::Compact`].
    Compacted {
        document: DocumentId,
        whole: Vec<u8>,
    },
    /// The page's awareness made an update.
    Presence {
        channel: Channel,
        update: Vec<u8>,
    },
    /// The page no longer takes part in this channel.
    PresenceEnded(Channel),
    /// The page moved what lives at a path, or took it away.
    Rename {
        from: String,
        to: String,
    },
    Remove(String),
    /// The page has kept what it wanted of a document that lives nowhere any more.
    Release(DocumentId),
    /// What the store has of this room, or why it can't be used.
    Restored(Result<History, String>),
    /// What came of the write with this number, or why it did not take place.
    Written {
        number: u32,
        written: Result<Written, String>,
    },
    /// The store was emptied under our feet.
    HistoryLost,
    /// The page leaves the room.
    Leave,
}

/// A document that the page puts at a path.
#[derive(Clone, Debug)]
pub struct Claim {
    pub path: String,
    pub document: DocumentId,
    pub content_type: String,
    pub format: String,
    /// The document's content, beginning with its genesis.
    pub update: Vec<u8>,
    /// Claim the path even when another document lives there.
    pub replace: bool,
}

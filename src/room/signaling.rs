//! What goes through a signaling server, and what it sees of it.
//!
//! The server speaks y-webrtc's protocol: JSON over WebSocket, topics, `publish` forwarded to all who
//! subscribed. A page subscribes to the room's topic, on which it announces itself, and to its own
//! inbox, where it gets what is meant for it alone. Everything published is sealed with the room's
//! key. The server adds to each message how many subscribers its topic has: our own announcement
//! coming back with `clients: 1` is the server's word that nobody else is here.

use std::collections::VecDeque;

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::entropy::Entropy;
use super::ids::{PeerId, RoomId};
use super::json;
use super::key::RoomKey;
use super::limits;

/// The version of everything that pages say to each other. Pages of different versions do not talk.
pub const VERSION: u8 = 1;

/// Sealed messages remembered, to drop what a second server delivers again.
const REMEMBERED: usize = 4096;

/// What one page tells others through signaling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Signal {
    /// I am here; whoever does not know me yet, connect.
    Announce,
    /// A session description of the connection between the two of us.
    Description { kind: DescriptionKind, sdp: String },
    /// An ICE candidate for it.
    Candidate(Candidate),
    /// I am gone.
    Leave,
    /// A session description that restarts ICE. It is nothing to who does not have the connection (any
    /// more): a page that could not be reached for a while gets all that was tried meanwhile.
    Restart { kind: DescriptionKind, sdp: String },
}

/// `RTCSdpType`, as far as it is used. A rollback is implied by an offer (W3C WebRTC, 4.4.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DescriptionKind {
    Offer,
    Answer,
}

/// `RTCIceCandidateInit`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    pub candidate: String,
    pub sdp_mid: Option<String>,
    pub sdp_m_line_index: Option<u16>,
}

/// A text from a server, understood.
#[derive(Debug, PartialEq)]
pub enum Heard {
    /// Another page spoke.
    Signal { from: PeerId, signal: Signal },
    /// Our own announcement came back; this many pages listen, we among them.
    Echo { clients: Option<u32> },
    /// Somebody spoke whom we cannot understand: another key, or noise.
    Sealed,
    /// A page of another version spoke.
    OtherVersion(u8),
    /// Nothing of interest: a pong, something heard before.
    Nothing,
}

/// Why a text from a server was refused.
#[derive(Debug, Error, PartialEq)]
pub enum SignalError {
    #[error("a text of more than {} bytes", limits::SIGNAL)]
    TooLong,
    #[error("a text that is not of the signaling protocol")]
    Unreadable,
}

/// The part of a server's message that matters here. What we say ourselves is written by hand: topics
/// are hexadecimal, data is base64, and neither needs escaping.
#[derive(Default)]
struct Envelope {
    kind: Option<String>,
    topic: Option<String>,
    data: Option<String>,
    clients: Option<u32>,
}

impl Envelope {
    /// Reads a message; `None` for what is none. Other members are none of our business.
    fn read(text: &str) -> Option<Self> {
        let mut envelope = Self::default();
        for (name, value) in json::members(text)? {
            match &name[..] {
                "type" => envelope.kind = Some(json::string(value)?),
                _ if value == "null" => {}
                "topic" => envelope.topic = Some(json::string(value)?),
                "data" => envelope.data = Some(json::string(value)?),
                "clients" => envelope.clients = Some(value.parse().ok()?),
                _ => {}
            }
        }
        envelope.kind.is_some().then_some(envelope)
    }
}

/// What is sealed: the version first, so that later versions can be told apart.
#[derive(Serialize, Deserialize)]
struct Sealed {
    from: PeerId,
    signal: Signal,
}

/// This page's voice and ears on the signaling servers.
pub struct Mailbox {
    me: PeerId,
    room: RoomId,
    key: RoomKey,
    remembered: VecDeque<[u8; 12]>,
}

impl Mailbox {
    /// The mailbox of page `me` in `room`.
    pub fn new(me: PeerId, room: RoomId, key: RoomKey) -> Self {
        Self { me, room, key, remembered: VecDeque::new() }
    }

    /// The key that this mailbox seals with.
    pub fn key(&self) -> &RoomKey {
        &self.key
    }

    /// The first thing to say to a server.
    pub fn subscribe(&self) -> String {
        self.with_topics("subscribe")
    }

    /// The last thing to say to a server.
    pub fn unsubscribe(&self) -> String {
        self.with_topics("unsubscribe")
    }

    /// Keeps a connection from being taken for dead.
    pub fn ping(&self) -> String {
        r#"{"type":"ping"}"#.to_owned()
    }

    fn topics(&self) -> [String; 2] {
        [self.room.topic(), self.room.inbox(self.me)]
    }

    fn with_topics(&self, kind: &str) -> String {
        let [room, inbox] = self.topics();
        format!(r#"{{"type":"{kind}","topics":["{room}","{inbox}"]}}"#)
    }

    /// The text that tells everybody in the room.
    pub fn to_room(&self, signal: Signal, entropy: &mut Entropy) -> String {
        self.publish(self.room.topic(), signal, entropy)
    }

    /// The text that tells `peer` alone.
    pub fn to_peer(&self, peer: PeerId, signal: Signal, entropy: &mut Entropy) -> String {
        self.publish(self.room.inbox(peer), signal, entropy)
    }

    fn publish(&self, topic: String, signal: Signal, entropy: &mut Entropy) -> String {
        let sealed = Sealed { from: self.me, signal };
        let mut plain = vec![VERSION];
        plain.extend(postcard::to_allocvec(&sealed).expect("a signal has no value that postcard refuses"));
        let data = Base64::encode_string(&self.key.seal(&topic, &plain, entropy));
        format!(r#"{{"type":"publish","topic":"{topic}","data":"{data}"}}"#)
    }

    /// Understands a text from a server.
    pub fn hear(&mut self, text: &str) -> Result<Heard, SignalError> {
        if text.len() > limits::SIGNAL {
            return Err(SignalError::TooLong);
        }
        let envelope = Envelope::read(text).ok_or(SignalError::Unreadable)?;
        if envelope.kind.as_deref() != Some("publish") {
            return Ok(Heard::Nothing);
        }
        let (Some(topic), Some(data)) = (envelope.topic, envelope.data) else {
            return Err(SignalError::Unreadable);
        };
        if !self.topics().contains(&topic) {
            return Ok(Heard::Nothing);
        }
        Ok(self.unseal(&topic, &data, envelope.clients))
    }

    fn unseal(&mut self, topic: &str, data: &str, clients: Option<u32>) -> Heard {
        let Ok(sealed) = Base64::decode_vec(data) else { return Heard::Sealed };
        let Some(plain) = self.key.open(topic, &sealed) else { return Heard::Sealed };
        let Some((&version, plain)) = plain.split_first() else { return Heard::Sealed };
        if version != VERSION {
            return Heard::OtherVersion(version);
        }
        let Ok(Sealed { from, signal }) = postcard::from_bytes(plain) else { return Heard::Sealed };
        match signal {
            Signal::Announce if from == self.me => Heard::Echo { clients },
            _ if from == self.me || self.heard_before(&sealed) || !signal.is_valid() => Heard::Nothing,
            signal => Heard::Signal { from, signal },
        }
    }

    fn heard_before(&mut self, sealed: &[u8]) -> bool {
        let Some(nonce) = sealed.first_chunk::<12>() else {
            return true;
        };
        let before = self.remembered.contains(nonce);
        if !before {
            self.remembered.push_back(*nonce);
            if self.remembered.len() > REMEMBERED {
                self.remembered.pop_front();
            }
        }
        before
    }
}

impl Signal {
    fn is_valid(&self) -> bool {
        match self {
            Self::Announce | Self::Leave => true,
            Self::Description { sdp, .. } | Self::Restart { sdp, .. } => sdp.len() <= limits::DESCRIPTION,
            Self::Candidate(candidate) => candidate.candidate.len() <= limits::CANDIDATE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(me: u8, secret: &str) -> Mailbox {
        let room = RoomId::derive("prefix", "room");
        Mailbox::new(PeerId([me; 16]), room, RoomKey::derive(room, "prefix", "room", Some(secret)))
    }

    fn with_clients(text: &str, clients: u32) -> String {
        let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
        value["clients"] = clients.into();
        value.to_string()
    }

    #[test]
    fn pages_with_the_key_hear_each_other_once() {
        let mut entropy = Entropy::new([1; 32]);
        let (a, mut b) = (mailbox(1, "s"), mailbox(2, "s"));
        let text = a.to_room(Signal::Announce, &mut entropy);
        let heard = Heard::Signal { from: PeerId([1; 16]), signal: Signal::Announce };
        assert_eq!(b.hear(&text), Ok(heard));
        assert_eq!(b.hear(&text), Ok(Heard::Nothing), "a second server delivers it again");
        assert_eq!(mailbox(2, "other").hear(&text), Ok(Heard::Sealed));
        assert!(!text.contains("room"), "the server sees no name");
    }

    #[test]
    fn what_is_meant_for_one_is_heard_by_one() {
        let mut entropy = Entropy::new([1; 32]);
        let text = mailbox(1, "s").to_peer(PeerId([2; 16]), Signal::Leave, &mut entropy);
        assert!(matches!(mailbox(2, "s").hear(&text), Ok(Heard::Signal { .. })));
        assert_eq!(mailbox(3, "s").hear(&text), Ok(Heard::Nothing));
    }

    #[test]
    fn the_echo_tells_how_many_listen() {
        let mut a = mailbox(1, "s");
        let text = a.to_room(Signal::Announce, &mut Entropy::new([1; 32]));
        assert_eq!(a.hear(&with_clients(&text, 1)), Ok(Heard::Echo { clients: Some(1) }));
        assert_eq!(a.hear(&text), Ok(Heard::Echo { clients: None }));
    }

    #[test]
    fn servers_may_write_json_as_they_like() {
        let mut a = mailbox(1, "s");
        let text = a.to_room(Signal::Announce, &mut Entropy::new([1; 32]));
        let more =
            text.replace('/', "\\/").replace(":\"publish\"", " : \"publish\", \"from\": [{\"é\": 1e9}]");
        assert_eq!(a.hear(&more), Ok(Heard::Echo { clients: None }));
        assert_eq!(a.hear(&more.replacen('{', "{\"clients\":null,", 1)), Ok(Heard::Echo { clients: None }));
        assert_eq!(a.hear(&more.replacen('{', "{\"clients\":1.5,", 1)), Err(SignalError::Unreadable));
    }

    #[test]
    fn noise_is_refused() {
        let mut a = mailbox(1, "s");
        for text in
            ["", "{", "[]", "{\"type\":\"publish\"}", "{\"type\":1}", "{\"type\":\"publish\",\"topic\":1}"]
        {
            assert_eq!(a.hear(text), Err(SignalError::Unreadable), "{text}");
        }
        assert_eq!(a.hear(&"x".repeat(limits::SIGNAL + 1)), Err(SignalError::TooLong));
        assert_eq!(a.hear("{\"type\":\"pong\"}"), Ok(Heard::Nothing));
        let topic = RoomId::derive("prefix", "room").topic();
        for data in ["\"\"", "\"!\"", "\"AAAA\""] {
            let text = format!("{{\"type\":\"publish\",\"topic\":\"{topic}\",\"data\":{data}}}");
            assert_eq!(a.hear(&text), Ok(Heard::Sealed), "{data}");
        }
    }
}

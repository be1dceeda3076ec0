//! The authenticated start of a connection.
//!
//! WebRTC encrypts a data channel between two DTLS certificates, but says nothing about who holds
//! them. So before any document data both sides prove, over the data channel, that they know the
//! room's key, and bind the proof to both certificates' fingerprints, which sit in the session
//! descriptions: nobody in the middle can pass a proof on. Three small messages each way on the fast
//! lane, before anything else:
//!
//! 1. *hello*: the protocol's version, the sender's id, a nonce;
//! 2. *proof*: an HMAC over both ids, both nonces and both fingerprints, the prover's first;
//! 3. *welcome*: your proof was right.
//!
//! A page uses the fast lane as soon as it has checked the other's proof, because its own is ahead of
//! what it sends there, and the bulk lane once it has been welcomed. Hello keeps its
//! first five bytes in every version, so that pages of different versions can at least say so.

use thiserror::Error;

use super::ids::PeerId;
use super::key::{PROOF, RoomKey};
use super::signaling::VERSION;
use super::sorted::SortedSet;

const MAGIC: &[u8; 4] = b"JLWR";
const HELLO: u8 = 1;
const PROVE: u8 = 2;
const WELCOME: u8 = 3;

/// The length of a nonce in bytes.
pub const NONCE: usize = 32;

/// Why a connection was refused.
#[derive(Debug, Error, PartialEq)]
pub enum HandshakeError {
    #[error("not a message of the handshake")]
    Unreadable,
    #[error("version {theirs} of the protocol; this page has version {VERSION}")]
    OtherVersion { theirs: u8 },
    #[error("another page than the one that was announced")]
    OtherPeer,
    #[error("no knowledge of the room's secret")]
    WrongKey,
    #[error("a session description without a certificate's fingerprint")]
    NoFingerprint,
}

/// What is known about both ends of a connection before the handshake.
pub struct Ends {
    pub me: PeerId,
    pub peer: PeerId,
    /// Our session description.
    pub local_sdp: String,
    /// Theirs.
    pub remote_sdp: String,
}

/// The handshake with one peer.
pub struct Handshake {
    ends: Ends,
    nonce: [u8; NONCE],
    their_nonce: Option<[u8; NONCE]>,
    verified: bool,
    welcomed: bool,
}

impl Handshake {
    /// Begins; returns the hello to send.
    pub fn begin(ends: Ends, nonce: [u8; NONCE]) -> (Self, Vec<u8>) {
        let hello = [&MAGIC[..], &[VERSION, HELLO], &ends.me.0, &nonce].concat();
        (Self { ends, nonce, their_nonce: None, verified: false, welcomed: false }, hello)
    }

    /// Whether the peer has proved that it belongs here. Our own proof went out before that, so what
    /// we send on the same lane from now on arrives after it.
    pub fn is_proved(&self) -> bool {
        self.verified
    }

    /// Whether the peer has checked our proof: what overtakes it on the other lane is taken, too.
    pub fn is_welcomed(&self) -> bool {
        self.welcomed
    }

    /// Takes one message; returns the answer to send, if any.
    pub fn take(&mut self, message: &[u8], key: &RoomKey) -> Result<Option<Vec<u8>>, HandshakeError> {
        let (&version, rest) =
            message.strip_prefix(MAGIC).and_then(<[u8]>::split_first).ok_or(HandshakeError::Unreadable)?;
        if version != VERSION {
            return Err(HandshakeError::OtherVersion { theirs: version });
        }
        let (&kind, body) = rest.split_first().ok_or(HandshakeError::Unreadable)?;
        match kind {
            HELLO if self.their_nonce.is_none() => self.hello(body, key).map(Some),
            PROVE if !self.verified => self.proof(body, key).map(Some),
            WELCOME if self.verified && body.is_empty() => {
                self.welcomed = true;
                Ok(None)
            }
            _ => Err(HandshakeError::Unreadable),
        }
    }

    fn hello(&mut self, body: &[u8], key: &RoomKey) -> Result<Vec<u8>, HandshakeError> {
        let (id, nonce) = body.split_first_chunk::<16>().ok_or(HandshakeError::Unreadable)?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| HandshakeError::Unreadable)?;
        if PeerId(*id) != self.ends.peer || self.ends.peer == self.ends.me {
            return Err(HandshakeError::OtherPeer);
        }
        self.their_nonce = Some(nonce);
        let ends = &self.ends;
        let facts = facts([ends.me, ends.peer], [&self.nonce, &nonce], [&ends.local_sdp, &ends.remote_sdp])?;
        Ok([&MAGIC[..], &[VERSION, PROVE], &key.prove(&facts)].concat())
    }

    fn proof(&mut self, body: &[u8], key: &RoomKey) -> Result<Vec<u8>, HandshakeError> {
        let their_nonce = self.their_nonce.ok_or(HandshakeError::Unreadable)?;
        let proof: &[u8; PROOF] = body.try_into().map_err(|_| HandshakeError::Unreadable)?;
        let ends = &self.ends;
        let facts =
            facts([ends.peer, ends.me], [&their_nonce, &self.nonce], [&ends.remote_sdp, &ends.local_sdp])?;
        if !key.verify(&facts, proof) {
            return Err(HandshakeError::WrongKey);
        }
        self.verified = true;
        Ok([&MAGIC[..], &[VERSION, WELCOME]].concat())
    }
}

/// What a proof is about, the prover's side first. Every part has a fixed length or is prefixed with
/// it, so no two different sets of facts give the same bytes.
fn facts(ids: [PeerId; 2], nonces: [&[u8; NONCE]; 2], sdps: [&str; 2]) -> Result<Vec<u8>, HandshakeError> {
    let mut facts = Vec::new();
    ids.iter().for_each(|id| facts.extend(id.0));
    nonces.iter().for_each(|nonce| facts.extend(nonce.iter()));
    for sdp in sdps {
        let fingerprints = fingerprints(sdp).ok_or(HandshakeError::NoFingerprint)?;
        facts.extend((fingerprints.len() as u32).to_be_bytes());
        facts.extend(fingerprints.into_bytes());
    }
    Ok(facts)
}

/// Whether two session descriptions name the same certificate.
pub fn has_same_certificate(one: &str, other: &str) -> bool {
    fingerprints(one).is_some_and(|one| fingerprints(other) == Some(one))
}

/// The certificate fingerprints of a session description (RFC 8122), sorted, without repetition.
fn fingerprints(sdp: &str) -> Option<String> {
    let lines = sdp.lines().filter_map(|line| line.trim().strip_prefix("a=fingerprint:"));
    let mut found = SortedSet::default();
    found.extend(lines.map(str::to_ascii_lowercase));
    let mut all = String::new();
    for line in found {
        all += &line;
        all.push('\n');
    }
    // Between them, not behind the last one.
    all.pop().map(|_| all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::ids::RoomId;

    fn key(secret: &str) -> RoomKey {
        RoomKey::derive(RoomId::derive("prefix", "room"), "prefix", "room", Some(secret))
    }

    fn sdp(fingerprint: &str) -> String {
        format!("v=0\r\na=fingerprint:sha-256 {fingerprint}\r\nm=application\r\n")
    }

    fn begin(me: u8, peer: u8, local: &str, remote: &str) -> (Handshake, Vec<u8>) {
        let ends = Ends {
            me: PeerId([me; 16]),
            peer: PeerId([peer; 16]),
            local_sdp: sdp(local),
            remote_sdp: sdp(remote),
        };
        Handshake::begin(ends, [me; NONCE])
    }

    /// Passes messages both ways until nothing is left, or somebody refuses.
    fn run(
        a: (Handshake, Vec<u8>),
        b: (Handshake, Vec<u8>),
        keys: [&RoomKey; 2],
    ) -> Result<[Handshake; 2], HandshakeError> {
        let (mut a, hello_a) = a;
        let (mut b, hello_b) = b;
        let (mut to_a, mut to_b) = (vec![hello_b], vec![hello_a]);
        while !to_a.is_empty() || !to_b.is_empty() {
            for message in std::mem::take(&mut to_a) {
                to_b.extend(a.take(&message, keys[0])?);
            }
            for message in std::mem::take(&mut to_b) {
                to_a.extend(b.take(&message, keys[1])?);
            }
        }
        Ok([a, b])
    }

    #[test]
    fn two_who_know_the_key_are_done() {
        let key = key("s");
        let [a, b] = run(begin(1, 2, "AA", "BB"), begin(2, 1, "BB", "AA"), [&key, &key]).unwrap();
        assert!(a.is_proved() && a.is_welcomed() && b.is_proved() && b.is_welcomed());
    }

    #[test]
    fn another_key_is_noticed() {
        let result = run(begin(1, 2, "AA", "BB"), begin(2, 1, "BB", "AA"), [&key("s"), &key("t")]);
        assert_eq!(result.err(), Some(HandshakeError::WrongKey));
    }

    #[test]
    fn somebody_in_the_middle_is_noticed() {
        // Each side is connected to a certificate in the middle, which passes all messages on.
        let key = key("s");
        let result = run(begin(1, 2, "AA", "MM"), begin(2, 1, "BB", "MM"), [&key, &key]);
        assert_eq!(result.err(), Some(HandshakeError::WrongKey));
    }

    #[test]
    fn a_proof_cannot_be_reflected() {
        let key = key("s");
        let (mut a, _) = begin(1, 2, "AA", "AA");
        let hello = [&MAGIC[..], &[VERSION, HELLO], &[2; 16], &[1; NONCE]].concat();
        let proof = a.take(&hello, &key).unwrap().unwrap();
        assert_eq!(a.take(&proof, &key), Err(HandshakeError::WrongKey));
    }

    #[test]
    fn another_version_and_noise_are_refused() {
        let (mut a, mut hello) = begin(1, 2, "AA", "BB");
        assert_eq!(a.take(b"x", &key("s")), Err(HandshakeError::Unreadable));
        assert_eq!(a.take(&hello, &key("s")), Err(HandshakeError::OtherPeer));
        hello[4] = 9;
        assert_eq!(a.take(&hello, &key("s")), Err(HandshakeError::OtherVersion { theirs: 9 }));
    }
}

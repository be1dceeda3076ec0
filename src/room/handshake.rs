//! The authenticated start of a connection.
//!
//! WebRTC encrypts a data channel between two DTLS certificates, but says nothing about who holds
//! them. So before any document data both sides prove, over the data channel, that they know the
//! room's key, and bind the proof to the *credentials* in both session descriptions: the certificates'
//! fingerprints, so that nobody in the middle can pass a proof on, and what ICE drew by chance for this
//! connection, so that no proof is good for another one. Two small messages each way on the fast lane,
//! before anything else:
//!
//! 1. *proof*, as soon as the lanes are open: an HMAC over both ids and both sides' credentials, the
//!    prover's first;
//! 2. *welcome*: your proof was right.
//!
//! A page uses the fast lane as soon as it has checked the other's proof, because its own is ahead of
//! what it sends there, and the bulk lane once it has been welcomed. The first five bytes are the same in
//! every version, so that pages of different versions can at least say so.

use thiserror::Error;

use super::ids::PeerId;
use super::key::{PROOF, RoomKey};
use super::signaling::VERSION;
use super::sorted::SortedSet;

const MAGIC: &[u8; 4] = b"JLWR";
const PROVE: u8 = 1;
const WELCOME: u8 = 2;

/// What a certificate is known by (RFC 8122).
const FINGERPRINT: &str = "a=fingerprint:";
/// What ICE draws by chance for each connection, 128 bits and more (RFC 8839, 5.4).
const ICE: [&str; 2] = ["a=ice-ufrag:", "a=ice-pwd:"];

/// Why a connection was refused.
#[derive(Debug, Error, PartialEq)]
pub enum HandshakeError {
    #[error("not a message of the handshake")]
    Unreadable,
    #[error("version {theirs} of the protocol; this page has version {VERSION}")]
    OtherVersion { theirs: u8 },
    #[error("no knowledge of the room's secret")]
    WrongKey,
    #[error("a session description without credentials")]
    NoCredentials,
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
    /// What the peer has to prove.
    facts: Vec<u8>,
    verified: bool,
    welcomed: bool,
}

impl Handshake {
    /// Begins; returns the proof to send.
    pub fn begin(ends: &Ends, key: &RoomKey) -> Result<(Self, Vec<u8>), HandshakeError> {
        let Ends { me, peer, local_sdp, remote_sdp } = ends;
        let (local, remote) = (credentials(local_sdp)?, credentials(remote_sdp)?);
        if me == peer {
            return Err(HandshakeError::WrongKey); // our own proof would do
        }
        let proof = key.prove(&facts([me, peer], [&local, &remote]));
        let facts = facts([peer, me], [&remote, &local]);
        let message = [&MAGIC[..], &[VERSION, PROVE], &proof].concat();
        Ok((Self { facts, verified: false, welcomed: false }, message))
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
            PROVE if !self.verified => self.proof(body, key).map(Some),
            WELCOME if self.verified && body.is_empty() => {
                self.welcomed = true;
                Ok(None)
            }
            _ => Err(HandshakeError::Unreadable),
        }
    }

    fn proof(&mut self, body: &[u8], key: &RoomKey) -> Result<Vec<u8>, HandshakeError> {
        let proof: &[u8; PROOF] = body.try_into().map_err(|_| HandshakeError::Unreadable)?;
        if !key.verify(&self.facts, proof) {
            return Err(HandshakeError::WrongKey);
        }
        self.verified = true;
        Ok([&MAGIC[..], &[VERSION, WELCOME]].concat())
    }
}

/// What a proof is about, the prover's side first. Every part has a fixed length or is prefixed with
/// it, so no two different sets of facts give the same bytes.
fn facts(ids: [&PeerId; 2], credentials: [&str; 2]) -> Vec<u8> {
    let mut facts = Vec::new();
    ids.iter().for_each(|id| facts.extend(id.0));
    for credentials in credentials {
        facts.extend((credentials.len() as u32).to_be_bytes());
        facts.extend(credentials.as_bytes());
    }
    facts
}

/// Whether two session descriptions name the same certificate.
pub fn has_same_certificate(one: &str, other: &str) -> bool {
    let fingerprints = |sdp| lines(sdp, &[FINGERPRINT]);
    !fingerprints(one).is_empty() && fingerprints(one) == fingerprints(other)
}

fn credentials(sdp: &str) -> Result<String, HandshakeError> {
    let [ufrag, password] = ICE;
    let all = lines(sdp, &[FINGERPRINT, ufrag, password]);
    let is_complete = [FINGERPRINT, password].iter().all(|one| all.contains(one));
    is_complete.then_some(all).ok_or(HandshakeError::NoCredentials)
}

/// The lines of a session description that begin so, sorted, without repetition; fingerprints, which are
/// hexadecimal in either case, in lower case.
fn lines(sdp: &str, beginnings: &[&str]) -> String {
    let mut found = SortedSet::default();
    for line in sdp.lines().map(str::trim) {
        if beginnings.iter().any(|beginning| line.starts_with(beginning)) {
            let is_hex = line.starts_with(FINGERPRINT);
            found.insert(if is_hex { line.to_ascii_lowercase() } else { line.to_owned() });
        }
    }
    let mut all = String::new();
    for line in found {
        all += &line;
        all.push('\n');
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::ids::RoomId;

    fn key(secret: &str) -> RoomKey {
        RoomKey::derive(RoomId::derive("prefix", "room"), "prefix", "room", Some(secret))
    }

    fn sdp(fingerprint: &str) -> String {
        let ice = "a=ice-ufrag:Ab\r\na=ice-pwd:0123456789abcdefghijkL\r\n";
        format!("v=0\r\na=fingerprint:sha-256 {fingerprint}\r\nm=application\r\n{ice}")
    }

    fn ends(me: u8, peer: u8, local_sdp: String, remote_sdp: String) -> Ends {
        Ends { me: PeerId([me; 16]), peer: PeerId([peer; 16]), local_sdp, remote_sdp }
    }

    fn begin(key: &RoomKey, me: u8, peer: u8, local: &str, remote: &str) -> (Handshake, Vec<u8>) {
        Handshake::begin(&ends(me, peer, sdp(local), sdp(remote)), key).unwrap()
    }

    /// Passes messages both ways until nothing is left, or somebody refuses.
    fn run(
        a: (Handshake, Vec<u8>),
        b: (Handshake, Vec<u8>),
        keys: [&RoomKey; 2],
    ) -> Result<[Handshake; 2], HandshakeError> {
        let (mut a, proof_a) = a;
        let (mut b, proof_b) = b;
        let (mut to_a, mut to_b) = (vec![proof_b], vec![proof_a]);
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

    /// The end of a handshake between two that are connected to these certificates.
    fn meet(keys: [&RoomKey; 2], one: [&str; 2], other: [&str; 2]) -> Result<[Handshake; 2], HandshakeError> {
        run(begin(keys[0], 1, 2, one[0], one[1]), begin(keys[1], 2, 1, other[0], other[1]), keys)
    }

    #[test]
    fn two_who_know_the_key_are_done() {
        let key = key("s");
        let [a, b] = meet([&key, &key], ["AA", "BB"], ["BB", "AA"]).unwrap();
        assert!(a.is_proved() && a.is_welcomed() && b.is_proved() && b.is_welcomed());
    }

    #[test]
    fn another_key_is_noticed() {
        let result = meet([&key("s"), &key("t")], ["AA", "BB"], ["BB", "AA"]);
        assert_eq!(result.err(), Some(HandshakeError::WrongKey));
    }

    #[test]
    fn somebody_in_the_middle_is_noticed() {
        // Each side is connected to a certificate in the middle, which passes all messages on.
        let key = key("s");
        let result = meet([&key, &key], ["AA", "MM"], ["BB", "MM"]);
        assert_eq!(result.err(), Some(HandshakeError::WrongKey));
    }

    #[test]
    fn a_proof_cannot_be_reflected() {
        let key = key("s");
        let (mut a, proof) = begin(&key, 1, 2, "AA", "AA");
        assert_eq!(a.take(&proof, &key), Err(HandshakeError::WrongKey));
        let alone = ends(1, 1, sdp("AA"), sdp("AA"));
        assert_eq!(Handshake::begin(&alone, &key).err(), Some(HandshakeError::WrongKey));
    }

    #[test]
    fn a_proof_is_good_for_one_connection() {
        let key = key("s");
        let (mut a, _) = begin(&key, 1, 2, "AA", "BB");
        for (what, by) in [("0123", "4567"), ("ufrag:Ab", "ufrag:aB")] {
            let before = ends(2, 1, sdp("BB").replace(what, by), sdp("AA"));
            let (_, old) = Handshake::begin(&before, &key).unwrap();
            assert_eq!(a.take(&old, &key), Err(HandshakeError::WrongKey), "{what}");
        }
        let (_, proof) = begin(&key, 2, 1, "bb", "aa");
        assert!(a.take(&proof, &key).is_ok(), "the same one");
        assert_eq!(a.take(&proof, &key), Err(HandshakeError::Unreadable), "once");
    }

    #[test]
    fn a_description_without_credentials_is_refused() {
        for what in ["a=fingerprint", "a=ice-pwd"] {
            let ends = ends(1, 2, sdp("AA"), sdp("BB").replace(what, "a=x"));
            assert_eq!(Handshake::begin(&ends, &key("s")).err(), Some(HandshakeError::NoCredentials));
        }
        assert!(
            has_same_certificate(&sdp("AA"), &sdp("aa")) && !has_same_certificate(&sdp("AA"), &sdp("BB"))
        );
        assert!(!has_same_certificate("", ""), "none is none");
    }

    #[test]
    fn another_version_and_noise_are_refused() {
        let key = key("s");
        let (mut a, _) = begin(&key, 1, 2, "AA", "BB");
        let (_, mut proof) = begin(&key, 2, 1, "BB", "AA");
        let welcome = [&proof[..5], &[WELCOME]].concat();
        for noise in [&b"x"[..], &proof[..4], &proof[..20], &welcome] {
            assert_eq!(a.take(noise, &key), Err(HandshakeError::Unreadable));
        }
        proof[4] = 9;
        assert_eq!(a.take(&proof, &key), Err(HandshakeError::OtherVersion { theirs: 9 }));
    }
}

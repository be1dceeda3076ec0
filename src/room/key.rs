//! The room's key, and what is done with it.
//!
//! From one secret two keys are derived with HKDF (RFC 5869), bound to the room's id: one encrypts
//! what goes through signaling (AES-256-GCM, so a server can neither read nor change it), the other
//! proves to a peer, over the data channel, that one belongs here.
//!
//! A *shared* room's secret is random and travels in the URL fragment, which no host's log sees. A
//! *named* room has no secret: its key comes from prefix and name, so whoever can guess both can join.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::entropy::Entropy;
use super::ids::{RoomId, hex};

const NONCE: usize = 12;

/// Keys of one room.
pub struct RoomKey {
    seal: Aes256Gcm,
    proof: [u8; 32],
    tag: [u8; 32],
}

/// The length of a proof in bytes.
pub const PROOF: usize = 32;

impl RoomKey {
    /// The keys of `room`, from the secret of a shared room or, for a named room, from the name.
    pub fn derive(room: RoomId, prefix: &str, name: &str, secret: Option<&str>) -> Self {
        let (material, kind) = match secret {
            Some(secret) => (secret.to_owned(), "shared"),
            None => (format!("{prefix}-{name}"), "named"),
        };
        let hkdf = Hkdf::<Sha256>::new(Some(&room.0), material.as_bytes());
        let expand = |purpose: &str| {
            let mut key = [0; 32];
            let info = format!("jupyterlite-webrtc 1 {kind} {purpose}");
            hkdf.expand(info.as_bytes(), &mut key).expect("32 bytes are within HKDF's limit");
            key
        };
        Self { seal: Aes256Gcm::new(&expand("signaling").into()), proof: expand("proof"), tag: expand("tag") }
    }

    /// A name for the key, which gives nothing of it away.
    pub fn tag(&self) -> String {
        hex(&self.tag)
    }

    /// Encrypts `plain` for `topic`: a random nonce, then the ciphertext with its tag. The topic is
    /// authenticated too, so a server cannot move a message to another person's inbox.
    pub fn seal(&self, topic: &str, plain: &[u8], entropy: &mut Entropy) -> Vec<u8> {
        let nonce: [u8; NONCE] = entropy.draw();
        let payload = Payload { msg: plain, aad: topic.as_bytes() };
        let sealed = self
            .seal
            .encrypt(Nonce::from_slice(&nonce), payload)
            .expect("AES-GCM takes any message that fits in memory");
        [&nonce[..], &sealed].concat()
    }

    /// Decrypts what `seal` made; `None` when it was made with another key or changed on its way.
    pub fn open(&self, topic: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE)?;
        let payload = Payload { msg: sealed, aad: topic.as_bytes() };
        self.seal.decrypt(Nonce::from_slice(nonce), payload).ok()
    }

    /// Proves knowledge of the key for exactly these `facts`.
    pub fn prove(&self, facts: &[u8]) -> [u8; PROOF] {
        self.mac(facts).finalize().into_bytes().into()
    }

    /// Checks a proof in constant time.
    pub fn verify(&self, facts: &[u8], proof: &[u8]) -> bool {
        self.mac(facts).verify_slice(proof).is_ok()
    }

    fn mac(&self, facts: &[u8]) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.proof).expect("HMAC takes any key length");
        mac.update(facts);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: Option<&str>) -> RoomKey {
        RoomKey::derive(RoomId::derive("prefix", "room"), "prefix", "room", secret)
    }

    #[test]
    fn only_the_same_secret_topic_and_bytes_open() {
        let mut entropy = Entropy::new([7; 32]);
        let sealed = key(Some("s")).seal("topic", b"hello", &mut entropy);
        assert_eq!(key(Some("s")).open("topic", &sealed).as_deref(), Some(&b"hello"[..]));
        assert_eq!(key(Some("S")).open("topic", &sealed), None);
        assert_eq!(key(None).open("topic", &sealed), None);
        assert_eq!(key(Some("s")).open("other", &sealed), None);
        for i in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            assert_eq!(key(Some("s")).open("topic", &changed), None);
            assert_eq!(key(Some("s")).open("topic", &sealed[..i]), None);
        }
    }

    #[test]
    fn nonces_differ() {
        let mut entropy = Entropy::new([7; 32]);
        let key = key(None);
        assert_ne!(key.seal("t", b"x", &mut entropy)[..NONCE], key.seal("t", b"x", &mut entropy)[..NONCE]);
    }

    #[test]
    fn a_proof_is_good_for_its_facts_only() {
        let proof = key(None).prove(b"facts");
        assert!(key(None).verify(b"facts", &proof));
        assert!(!key(None).verify(b"other", &proof));
        assert!(!key(Some("s")).verify(b"facts", &proof));
        assert!(!key(None).verify(b"facts", &proof[..31]));
    }
}

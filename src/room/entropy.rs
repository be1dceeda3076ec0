//! Random bytes without a source of randomness.
//!
//! The room is a function of its inputs, so that a simulation can run it again from a seed. What it
//! needs of randomness (nonces) it draws from the 32 bytes that it was given when it was made: block
//! number `n` is HMAC-SHA256(seed, n), a pseudo-random function in counter mode.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// A deterministic generator of unpredictable bytes, as good as the seed it was given.
pub struct Entropy {
    seed: [u8; 32],
    drawn: u64,
}

impl Entropy {
    /// Everything drawn follows from `seed`: 32 bytes from the operating system, or a test's.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    /// The next `N` bytes, at most 32.
    pub fn draw<const N: usize>(&mut self) -> [u8; N] {
        const { assert!(N <= 32) }
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.seed).expect("HMAC takes any key length");
        mac.update(&self.drawn.to_be_bytes());
        self.drawn += 1;
        let block = mac.finalize().into_bytes();
        std::array::from_fn(|i| block[i])
    }
}

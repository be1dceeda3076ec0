//! The store in memory does what every store must do.

#![cfg(not(target_arch = "wasm32"))]

mod conformance;

use futures::FutureExt;
use jupyterlite_webrtc::store::memory::MemoryStore;

#[test]
fn the_store_in_memory() {
    let store = MemoryStore::default();
    let say_last = |room, words| store.take_last_words(room, words);
    conformance::check(&store, say_last).now_or_never().expect("it waits for nothing");
}

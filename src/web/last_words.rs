//! What pages say last, in the browser's web storage.
//!
//! A write that a page asks of IndexedDB as it goes is nearly always done, but need not be: the browser
//! drops it if the one before it has not ended when the page has. Web storage (`localStorage`) is written
//! before the call returns, holds little, and makes the page wait. So only last words go there, and stay
//! until a page has them in its database.
//!
//! An item is named `jupyterlite-webrtc:last-words:DATABASE:ROOM:NUMBER`, with a random number, and is postcard in base64.

use base64ct::{Base64, Encoding};
use web_sys::Storage;

use crate::room::history::LastWords;
use crate::room::ids::hex;

/// The last words of the pages that use one database.
pub struct WebStorage {
    storage: Storage,
    database: String,
}

impl WebStorage {
    /// None where the browser gives none.
    pub fn open(database: &str) -> Option<Self> {
        let storage = web_sys::window()?.local_storage().ok()??;
        Some(Self { storage, database: database.into() })
    }

    /// Takes them at once. What does not fit is not taken: the database has been asked, too.
    pub fn put(&self, room: &str, words: &LastWords) {
        let bytes = postcard::to_allocvec(words).ok().filter(|_| !words.is_empty());
        if let (Some(bytes), Ok(seed)) = (bytes, super::random_seed()) {
            let name = self.prefix(room) + &hex(&seed);
            self.storage.set_item(&name, &Base64::encode_string(&bytes)).ok();
        }
    }

    /// All of a room, with their names.
    pub fn all(&self, room: &str) -> Vec<(String, LastWords)> {
        let mut all = Vec::new();
        for name in self.names(room) {
            all.extend(self.get(&name).map(|words| (name, words)));
        }
        all
    }

    fn get(&self, name: &str) -> Option<LastWords> {
        let text = self.storage.get_item(name).ok()??;
        postcard::from_bytes(&Base64::decode_vec(&text).ok()?).ok()
    }

    /// Takes away the words of these names.
    pub fn remove(&self, names: &[String]) {
        names.iter().for_each(|name| drop(self.storage.remove_item(name)));
    }

    /// Takes away all of a room.
    pub fn forget(&self, room: &str) {
        self.remove(&self.names(room));
    }

    fn names(&self, room: &str) -> Vec<String> {
        let prefix = self.prefix(room);
        let names = (0..self.storage.length().unwrap_or(0)).filter_map(|i| self.storage.key(i).ok()?);
        names.filter(|name| name.starts_with(&prefix)).collect()
    }

    fn prefix(&self, room: &str) -> String {
        format!("jupyterlite-webrtc:last-words:{}:{room}:", self.database)
    }
}

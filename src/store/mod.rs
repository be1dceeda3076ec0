//! Where the history of rooms is kept: an interface, and a store in memory.
//!
//! The store in a browser is in `web::indexed_db`. Both pass one conformance suite
//! (`tests/store/conformance.rs`), so what the simulation shows with the one holds for the other.

pub mod memory;

use thiserror::Error;

use crate::room::history::{History, Write, Written};
use crate::room::ids::RoomId;
use crate::room::limits::Millis;

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum StoreError {
    /// The browser refuses: no room, no permission, no IndexedDB.
    #[error("{0}")]
    Refused(String),
    /// What was kept of the room is gone: the database was deleted, or another page forgot the room. What
    /// is here has to be written again.
    #[error("the browser's storage was emptied")]
    Lost,
}

/// A store. The histories of different rooms don't touch each other.
pub trait Store {
    /// All that is kept of a room, which counts as used now. What was given back comes once: the store has
    /// forgotten it, durably, before this resolves.
    fn load(&self, room: RoomId, now: Millis) -> impl Future<Output = Result<History, StoreError>>;

    /// One write to a room that was loaded, as a whole or not at all; resolves when it would survive a crash
    /// of the page. Keys only grow, and are never used twice. Last words are not taken: they go where a page
    /// need not wait. What is gone stays with a last write, as nobody is there to hear whether it may go.
    fn write(&self, room: RoomId, write: &Write) -> impl Future<Output = Result<Written, StoreError>>;

    /// Takes away all that is kept of a room.
    fn forget(&self, room: RoomId) -> impl Future<Output = Result<(), StoreError>>;

    /// Takes away the rooms that were used last before a moment. Returns how many.
    fn forget_unused(&self, before: Millis) -> impl Future<Output = Result<usize, StoreError>>;
}

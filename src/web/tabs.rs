//! Tabs of this browser: what they say to each other goes through BroadcastChannels.
//!
//! All tabs of a room hear a common channel, and each its own inbox. A link is known by who follows and by
//! a number that it chose, so that what comes late from an earlier link of the same two pages is not taken
//! for the new one's. A BroadcastChannel has no backpressure: the other side says what it has taken, and
//! what it has not counts as buffered, as in a data channel.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use js_sys::Uint8Array;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BroadcastChannel, MessageEvent};

use super::driver::Inbox;
use super::live::Live;
use crate::room::ids::{LinkId, PeerId, hex};
use crate::room::outbox::Lane;
use crate::room::sorted::SortedMap;
use crate::room::{Event, Word};

/// What a message begins with: its kind, its sender, and the number of the link that it is about.
const HEAD: usize = 1 + 16 + 4;

/// What a message says.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A word, in the byte that follows.
    Word,
    /// I follow you, over the link of this number.
    Follow,
    /// A frame for a lane, and that so many bytes of such have been taken.
    Frame(Lane),
    Taken(Lane),
    /// There is no such link, or no longer.
    Closed,
}

impl Kind {
    /// In the order of their numbers.
    const ALL: [Self; 7] = [
        Self::Word,
        Self::Follow,
        Self::Frame(Lane::Fast),
        Self::Frame(Lane::Bulk),
        Self::Taken(Lane::Fast),
        Self::Taken(Lane::Bulk),
        Self::Closed,
    ];

    fn encode(self) -> u8 {
        Self::ALL.iter().position(|kind| *kind == self).unwrap_or_default() as u8
    }
}

/// A link to a tab.
struct TabLink {
    link: LinkId,
    peer: PeerId,
    number: u32,
    channel: Channel,
    buffered: [Cell<usize>; 2],
}

/// A channel that is closed when it is dropped.
struct Channel(BroadcastChannel, #[expect(dead_code, reason = "it is kept to be dropped")] Live);

impl Channel {
    fn open(name: &str) -> Result<Self, JsValue> {
        let channel = BroadcastChannel::new(name)?;
        let live = Live::new(&channel);
        Ok(Self(channel, live))
    }

    fn post(&self, bytes: &[u8]) {
        // Fails on a channel that is closed only.
        self.0.post_message(&Uint8Array::from(bytes)).ok();
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.0.set_onmessage(None);
        self.0.close();
    }
}

type Listener = Closure<dyn FnMut(MessageEvent)>;

/// This page's side of all channels.
pub struct Tabs {
    name: String,
    me: PeerId,
    common: Channel,
    own: Channel,
    links: RefCell<Vec<Rc<TabLink>>>,
    /// The numbers by which pages that follow know their links.
    followed: RefCell<SortedMap<PeerId, u32>>,
    inbox: Inbox,
    listener: RefCell<Option<Listener>>,
}

impl Tabs {
    /// Begins to listen. `name` is the same in all tabs of the room.
    pub fn open(name: String, me: PeerId, inbox: Inbox) -> Result<Rc<Self>, JsValue> {
        let common = Channel::open(&name)?;
        let own = Channel::open(&inbox_name(&name, me))?;
        let (links, followed, listener) = Default::default();
        let tabs = Rc::new(Self { name, me, common, own, links, followed, inbox, listener });
        let weak = Rc::downgrade(&tabs);
        let closure = Listener::new(move |event: MessageEvent| {
            if let (Some(tabs), Ok(bytes)) = (Weak::upgrade(&weak), event.data().dyn_into::<Uint8Array>()) {
                tabs.hear(&bytes);
            }
        });
        for channel in [&tabs.common, &tabs.own] {
            channel.0.set_onmessage(Some(closure.as_ref().unchecked_ref()));
        }
        tabs.listener.replace(Some(closure));
        Ok(tabs)
    }

    /// Says something to all tabs.
    pub fn tell(&self, word: Word) {
        self.common.post(&self.message(Kind::Word, 0, &[word.encode()]));
    }

    /// Makes a link to a tab, and has it know that this page follows.
    pub fn join(&self, link: LinkId, peer: PeerId, follows: bool) {
        let number = match follows {
            true => link.0,
            false => self.followed.borrow_mut().remove(&peer).unwrap_or_default(),
        };
        let Ok(channel) = Channel::open(&inbox_name(&self.name, peer)) else { return };
        if follows {
            channel.post(&self.message(Kind::Follow, number, &[]));
        }
        let tab = TabLink { link, peer, number, channel, buffered: Default::default() };
        self.links.borrow_mut().push(Rc::new(tab));
    }

    /// Sends a frame, if the link is one to a tab.
    pub fn send(&self, link: LinkId, lane: Lane, frame: &[u8]) {
        if let Some(tab) = self.find(|tab| tab.link == link) {
            let buffered = &tab.buffered[lane as usize];
            buffered.set(buffered.get() + frame.len());
            tab.channel.post(&self.message(Kind::Frame(lane), tab.number, frame));
        }
    }

    /// Closes a link, if it is one to a tab.
    pub fn close(&self, link: LinkId) {
        if let Some(tab) = self.find(|tab| tab.link == link) {
            self.links.borrow_mut().retain(|other| other.link != link);
            tab.channel.post(&self.message(Kind::Closed, tab.number, &[]));
        }
    }

    fn find(&self, is_it: impl Fn(&TabLink) -> bool) -> Option<Rc<TabLink>> {
        self.links.borrow().iter().find(|tab| is_it(tab)).cloned()
    }

    fn message(&self, kind: Kind, number: u32, body: &[u8]) -> Vec<u8> {
        [&[kind.encode()], &self.me.0[..], &number.to_le_bytes(), body].concat()
    }

    fn hear(&self, bytes: &Uint8Array) {
        let head = bytes.subarray(0, HEAD as u32).to_vec();
        let Ok(head) = <[u8; HEAD]>::try_from(head) else { return };
        let Some(kind) = Kind::ALL.get(usize::from(head[0])).copied() else { return };
        let from = PeerId(std::array::from_fn(|i| head[1 + i]));
        let number = u32::from_le_bytes(std::array::from_fn(|i| head[17 + i]));
        let body = bytes.subarray(HEAD as u32, bytes.length()).to_vec();
        match kind {
            Kind::Word => {
                if let Some(word) = body.first().copied().and_then(Word::decode) {
                    self.inbox.put(Event::TabSaid { from, word });
                }
            }
            Kind::Follow => {
                self.followed.borrow_mut().insert(from, number);
                self.inbox.put(Event::TabSaid { from, word: Word::Follow });
            }
            _ => match self.find(|tab| tab.peer == from && tab.number == number) {
                Some(tab) => self.hear_on(&tab, kind, body),
                None => self.refuse(kind, from, number),
            },
        }
    }

    fn hear_on(&self, tab: &TabLink, kind: Kind, body: Vec<u8>) {
        let link = tab.link;
        match kind {
            Kind::Frame(lane) => {
                let taken = (body.len() as u32).to_le_bytes();
                tab.channel.post(&self.message(Kind::Taken(lane), tab.number, &taken));
                self.inbox.put(Event::Received { link, lane, frame: body });
            }
            Kind::Taken(lane) => {
                let Ok(taken) = body.try_into().map(u32::from_le_bytes) else { return };
                let cell = &tab.buffered[lane as usize];
                let before = cell.replace(cell.get().saturating_sub(taken as usize));
                let (buffered, low) = (cell.get(), lane.low_water());
                if buffered <= low && (before > low || buffered == 0) {
                    self.inbox.put(Event::Drained { link, lane, buffered });
                }
            }
            _ => self.inbox.put(Event::LinkLost { link, reason: "the other tab closed it".into() }),
        }
    }

    /// A page that was frozen does not know that it was given up meanwhile.
    fn refuse(&self, kind: Kind, from: PeerId, number: u32) {
        if let (Kind::Frame(_), Ok(channel)) = (kind, Channel::open(&inbox_name(&self.name, from))) {
            channel.post(&self.message(Kind::Closed, number, &[]));
        }
    }
}

fn inbox_name(name: &str, peer: PeerId) -> String {
    format!("{name} {}", hex(&peer.0))
}

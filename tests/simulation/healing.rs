//! Connections that break in the ways that real ones do, one at a time.

use jupyterlite_webrtc::room::entropy::Entropy;
use jupyterlite_webrtc::room::ids::ServerId;
use jupyterlite_webrtc::room::key::RoomKey;
use jupyterlite_webrtc::room::signaling::{DescriptionKind, Mailbox, Signal};
use jupyterlite_webrtc::room::{Event, PeerState};

use crate::network::PageId;
use crate::run;
use crate::world::World;

const PATH: &str = "a.ipynb";

fn pages(world: &mut World, count: usize) -> Vec<PageId> {
    let pages: Vec<_> = (0..count).map(|_| world.page(&[(PATH, "the same")])).collect();
    pages.iter().for_each(|page| world.open(*page, PATH));
    pages.iter().for_each(|page| world.until_open(*page, PATH));
    world.expect_no_copies();
    world.type_for_a_while(10);
    world.until_ready(pages[0], count - 1);
    pages
}

impl World {
    fn ready(&self, page: PageId) -> usize {
        let peers = self.pages[&page].room.status().peers;
        peers.iter().filter(|peer| peer.state != PeerState::Connecting).count()
    }

    pub fn until_ready(&mut self, page: PageId, count: usize) {
        let patience = self.now + 60_000.0;
        while self.ready(page) != count {
            assert!(self.now < patience, "page {page} has {} peers, not {count}", self.ready(page));
            self.pass(50.0);
        }
    }

    /// All open documents are equal within so many milliseconds.
    fn until_equal(&mut self, patience: f64) {
        let end = self.now + patience;
        while !self.is_equal() {
            assert!(self.now < end, "not equal after {patience} ms");
            self.pass(20.0);
        }
    }

    /// A page is gone, and nobody is told.
    fn vanishes(&mut self, page: PageId) {
        for end in self.network.ends_of(page) {
            self.network.cut(end, self.now, || 0.0, [false, false]);
        }
        self.is_gone(page, true);
    }

    /// There is no path to a page for so long, and then one for who looks for it.
    fn path_is_lost(&mut self, page: PageId, time: f64) {
        for end in self.network.ends_of(page) {
            let (back, chance) = (self.now + time, &mut self.chance);
            self.network.interrupt(end, back, self.now, || chance.bool().then_some(5_000.0));
        }
    }

    fn sleeps(&mut self, page: PageId) {
        self.asleep.insert(page, Vec::new());
    }

    fn wakes(&mut self, page: PageId) {
        for event in self.asleep.remove(&page).unwrap_or_default() {
            self.handle(page, event);
        }
    }

    /// Somebody who has the room's key says things to `to` in the name of `page`.
    fn somebody_signals_as(&mut self, page: PageId, to: PageId) {
        let [me, to_peer] = [page, to].map(|page| self.pages[&page].room.me());
        let room = self.pages[&page].room.id();
        let mailbox = Mailbox::new(me, room, RoomKey::derive(room, "simulation", "room", None));
        let mut entropy = Entropy::new([self.below(256) as u8; 32]);
        let sdp = "end=999/9\r\na=fingerprint:sha-256 not:theirs\r\na=ice-pwd:x\r\n".to_owned();
        for signal in [Signal::Leave, Signal::Description { kind: DescriptionKind::Offer, sdp }] {
            let text = mailbox.to_peer(to_peer, signal, &mut entropy);
            let mut said: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            said["clients"] = 2.into();
            self.handle(to, Event::ServerSaid(ServerId(0), said.to_string()));
        }
    }

    fn is_equal(&self) -> bool {
        let mut texts = self.pages.values().map(|page| page.text_of(PATH));
        let first = texts.next();
        texts.all(|text| Some(text) == first)
    }
}

#[test]
fn who_vanishes_without_a_word_is_gone_within_half_a_minute() {
    run("who_vanishes_without_a_word", |world| {
        let pages = pages(world, 3);
        world.vanishes(pages[2]);
        assert_eq!(world.ready(pages[0]), 2, "nobody can know yet");
        world.pass(30_000.0);
        assert_eq!(world.ready(pages[0]), 1);
    });
}

#[test]
fn a_path_that_is_lost_is_found_again_over_the_same_connection() {
    run("a_path_that_is_lost", |world| {
        let pages = pages(world, 2);
        let links = world.network.ends_of(pages[0]);
        world.path_is_lost(pages[0], 10_000.0);
        world.type_for_a_while(40);
        world.pass(10_000.0);
        world.until_equal(10_000.0);
        assert_eq!(world.network.ends_of(pages[0]), links, "nothing was begun anew");
    });
}

#[test]
fn a_path_that_is_lost_for_long_is_given_up_and_all_is_merged_over_another() {
    run("a_path_that_is_lost_for_long", |world| {
        let pages = pages(world, 2);
        world.path_is_lost(pages[0], f64::INFINITY);
        world.type_for_a_while(40);
        world.pass(26_000.0);
        world.until_equal(20_000.0);
    });
}

#[test]
fn a_laptop_that_slept_is_back_within_seconds() {
    run("a_laptop_that_slept", |world| {
        let pages = pages(world, 3);
        world.sleeps(pages[1]);
        world.pass(10.0 * 60_000.0);
        world.wakes(pages[1]);
        world.type_for_a_while(20);
        world.until_equal(15_000.0);
    });
}

#[test]
fn who_speaks_in_anothers_name_cannot_take_its_place() {
    run("who_speaks_in_anothers_name", |world| {
        let pages = pages(world, 2);
        let links = world.network.ends_of(pages[0]);
        world.somebody_signals_as(pages[1], pages[0]);
        world.type_for_a_while(20);
        world.pass(10_000.0);
        assert_eq!(world.network.ends_of(pages[0]), links);
        assert_eq!(world.ready(pages[0]), 1);
    });
}

#[test]
fn nobody_speaks_for_anothers_cursor() {
    run("nobody_speaks_for_anothers_cursor", |world| {
        let pages = pages(world, 3);
        // One client each, at clock 1, with a state of two bytes.
        let presence = |client: u8, clock: u8, state: &[u8; 2]| [&[1, client, clock, 2][..], state].concat();
        let says = |world: &mut World, page, update| {
            world.handle(page, Event::Presence { channel: None, update });
            world.pass(1_000.0);
        };
        says(world, pages[0], presence(7, 1, b"{}"));
        says(world, pages[1], presence(8, 1, b"[]"));
        says(world, pages[1], presence(7, 9, b"12"));
        let heard = &world.pages[&pages[2]].presence;
        assert_eq!(heard[..], [presence(7, 1, b"{}"), presence(8, 1, b"[]")]);
    });
}

/// The plug of a page is pulled, and everything that was signalled meanwhile arrives when it is back.
#[test]
fn what_was_tried_in_vain_does_not_keep_pages_apart() {
    run("what_was_tried_in_vain", |world| {
        let pages = pages(world, 2);
        world.path_is_lost(pages[0], f64::INFINITY);
        world.network.delayed.insert(pages[0], world.now + 27_000.0);
        world.type_for_a_while(20);
        world.pass(27_000.0);
        world.until_equal(8_000.0);
    });
}

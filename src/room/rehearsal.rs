//! A rehearsal: two rooms meet in memory, so that the engine has been compiled when a peer is there.
//!
//! Browsers compile a function of WebAssembly when it is called for the first time. Between an open
//! channel and the first document nearly everything is called for the first time, by two pages in turn,
//! with somebody waiting: 20 ms of a join. So a page goes through all of it once, with nobody, in steps,
//! whenever it has nothing else to do.

use std::collections::VecDeque;

use super::ids::{DocumentId, LinkId};
use super::limits::Millis;
use super::outbox::Lane;
use super::signaling::DescriptionKind;
use super::{Action, Claim, Config, Event, Room};

/// So much text that it goes in several frames.
const LENGTH: usize = 50_000;

/// Both rooms, each with one link at most, and what is about to happen to which.
pub struct Rehearsal {
    rooms: [Room; 2],
    links: [Option<LinkId>; 2],
    queue: VecDeque<(usize, Event)>,
}

fn room(mut seed: [u8; 32], side: u8, now: Millis) -> Room {
    seed[0] ^= side;
    let name = DocumentId(seed).to_string();
    let config = Config {
        prefix: "rehearsal".into(),
        name: name[2..].into(),
        secret: None,
        servers: 1,
        seed,
        history: false,
        tabs: false,
    };
    Room::join(config, now)
}

/// A text, as Yjs encodes it: one item of one client, from clock 0, without neighbours, in what is named
/// "a"; and nothing is deleted.
fn update() -> Vec<u8> {
    let mut update = vec![1, 1, 1, 0, 4, 1, 1, b'a'];
    let length = [LENGTH & 0x7f | 0x80, LENGTH >> 7 & 0x7f | 0x80, LENGTH >> 14];
    update.extend(length.map(|part| part as u8));
    update.resize(update.len() + LENGTH, b'x');
    update.push(0);
    update
}

impl Rehearsal {
    /// A join, and a document that one has and the other gets. `seed` names all of it: it is nobody's room.
    pub fn new(seed: [u8; 32], now: Millis) -> Self {
        let document = DocumentId(seed);
        let claim = Claim {
            path: "a".into(),
            document,
            content_type: "file".into(),
            format: "text".into(),
            update: update(),
            replace: false,
        };
        Self {
            rooms: [0, 1].map(|side| room(seed, side, now)),
            links: [None; 2],
            queue: VecDeque::from([(0, Event::Claim { number: 1, claim }), (1, Event::Attach(document))]),
        }
    }

    /// Goes on with the next thing that happens. False at the end.
    pub fn step(&mut self, now: Millis) -> bool {
        let Some((side, event)) = self.queue.pop_front() else { return false };
        self.rooms[side].handle(event, now);
        while let Some(action) = self.rooms[side].poll() {
            self.perform(side, action);
        }
        true
    }

    fn perform(&mut self, side: usize, action: Action) {
        let other = 1 - side;
        match action {
            Action::Dial(server) => self.queue.push_back((side, Event::ServerOpened(server))),
            Action::Say(server, text) => self.queue.push_back((other, Event::ServerSaid(server, text))),
            Action::Connect(link) => self.links[side] = Some(link),
            Action::Offer(link) => self.describe(side, link, DescriptionKind::Offer),
            Action::Accept { link, kind: DescriptionKind::Offer, .. } => {
                self.describe(side, link, DescriptionKind::Answer);
            }
            Action::Accept { kind: DescriptionKind::Answer, .. } => {
                for (side, link) in self.links.into_iter().enumerate() {
                    let open = |lane| Some((side, Event::LaneOpened { link: link?, lane }));
                    self.queue.extend(Lane::ALL.into_iter().filter_map(open));
                }
            }
            Action::Send { lane, frame, .. } => {
                let link = self.links[other];
                self.queue.extend(link.map(|link| (other, Event::Received { link, lane, frame })));
            }
            _ => {}
        }
    }

    fn describe(&mut self, side: usize, link: LinkId, kind: DescriptionKind) {
        let sdp = format!("a=fingerprint:sha-256 {side}\na=ice-pwd:{side}");
        self.queue.push_back((side, Event::Described { link, kind, sdp }));
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn the_document_arrives() {
        for seed in 0..20 {
            let mut rehearsal = Rehearsal::new([seed; 32], 1e12);
            let steps = (0..200).take_while(|_| rehearsal.step(1e12)).count();
            assert!(steps < 200, "it has an end");
            let [_, other] = &rehearsal.rooms;
            assert_eq!(other.content(DocumentId([seed; 32])).map(|updates| updates.len()), Some(1));
        }
    }
}

//! A whole room with one peer that has proved that it belongs, and is hostile.
//!
//! The bytes are a list of things that happen, mostly things that the peer sends: frames as they come,
//! and well-made messages with anything in them. After each it is checked that the room holds what a
//! page relies on: its own document is there, with what it wrote itself and what the page was given,
//! and nothing else; what happened led to no more than so many actions; and the room does not ask to be
//! woken for ever at the same moment. A peer that is dropped comes back at once.

use yrs::updates::encoder::Encode;
use yrs::{Doc, GetString, IdSet, Text, Transact, TransactionMut};

use super::bytes::Bytes;
use super::entropy::Entropy;
use super::frame::{Cutter, FIRST, LAST, write_number};
use super::handshake::{Ends, Handshake};
use super::history::Written;
use super::ids::{DocumentId, LinkId, PeerId, ServerId};
use super::index::{Line, Resident};
use super::message::{Header, Message};
use super::outbox::Lane;
use super::ranges::{add, covers};
use super::replica::{Fingerprint, Replica};
use super::signaling::{DescriptionKind, Mailbox, Signal};
use super::update::Outline;
use super::{Action, Claim, Config, Event, Room};

const DOCUMENTS: [DocumentId; 3] = [DocumentId([1; 32]), DocumentId([2; 32]), DocumentId([3; 32])];
const MINE: DocumentId = DOCUMENTS[0];
const PEER: PeerId = PeerId([9; 16]);
const OURS: &str = "a=fingerprint:sha-256 00:11\na=ice-pwd:ours";
const THEIRS: &str = "a=fingerprint:sha-256 22:33\na=ice-pwd:theirs";
const ACTIONS: usize = 200;
const ACTIONS_PER_BYTE: usize = 8;

/// Everything that happens, from bytes.
pub fn room(bytes: &[u8]) {
    let mut world = World::new();
    let mut script = Script { bytes };
    for _ in 0..200 {
        let Some(choice) = script.byte() else { break };
        world.step(choice, &mut script);
        world.check();
    }
    world.expect_the_end();
}

/// The bytes that are left of it.
struct Script<'a> {
    bytes: &'a [u8],
}

impl<'a> Script<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(byte)
    }

    fn small(&mut self) -> u8 {
        self.byte().unwrap_or_default()
    }

    fn part(&mut self) -> &'a [u8] {
        let length = usize::from(u16::from_le_bytes([self.small(), self.small()])).min(self.bytes.len());
        let (part, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        part
    }

    fn document(&mut self) -> DocumentId {
        DOCUMENTS[usize::from(self.small()) % DOCUMENTS.len()]
    }

    fn line(&mut self) -> Line {
        let path = ["a", "b", "a/b", "ü.ipynb"][usize::from(self.small()) % 4].to_owned();
        let has_resident = !self.small().is_multiple_of(3);
        let (document, content_type, format) = (self.document(), "file".into(), "text".into());
        let resident = has_resident.then_some(Resident { document, content_type, format });
        let lamport = u32::from(self.small()) << (self.small() % 13);
        Line { path, resident, lamport, since: self.small().into() }
    }
}

struct World {
    room: Room,
    doc: Doc,
    now: f64,
    link: Option<LinkId>,
    written: u32,
    /// What the document must have: what the page wrote, and what it was given.
    expected: Replica,
    deleted: IdSet,
    given: bool,
    actions: usize,
    allowed: usize,
}

impl World {
    fn new() -> Self {
        let config = Config {
            prefix: "prefix".into(),
            name: "room".into(),
            secret: None,
            servers: 1,
            seed: [5; 32],
            history: true,
            tabs: false,
        };
        let mut world = Self {
            room: Room::join(config, 0.0),
            doc: Doc::with_client_id(1),
            now: 0.0,
            link: None,
            written: 0,
            expected: Replica::default(),
            deleted: IdSet::default(),
            given: false,
            actions: 0,
            allowed: ACTIONS,
        };
        world.handle(Event::Restored(Ok(super::history::History::default())));
        world.handle(Event::ServerOpened(ServerId(0)));
        let update = world.edit(|text, transaction| text.push(transaction, "mine 😀"));
        world.expect(&update.clone().into());
        let (path, content_type, format) = ("a".into(), "file".into(), "text".into());
        let claim = Claim { path, document: MINE, content_type, format, update, replace: false };
        world.handle(Event::Claim { number: 1, claim });
        world.handle(Event::Attach(MINE));
        world.page_writes(0);
        world.meet();
        world
    }

    fn edit(&mut self, edit: impl FnOnce(&yrs::TextRef, &mut TransactionMut)) -> Vec<u8> {
        let text = self.doc.get_or_insert_text("text");
        let mut transaction = self.doc.transact_mut();
        edit(&text, &mut transaction);
        transaction.encode_update_v1()
    }

    /// The page's Y.Doc is this person's alone: what the peer sent is not applied to it, so what they
    /// write is always their own history's continuation.
    fn page_writes(&mut self, choice: u8) {
        let update = match choice % 3 {
            0 => self.edit(|text, transaction| text.push(transaction, "é")),
            1 => self.edit(|text, transaction| text.insert(transaction, 0, "abc")),
            _ => self.edit(|text, transaction| {
                let first = text.get_string(transaction).chars().next();
                text.remove_range(transaction, 0, first.map_or(0, |first| first.len_utf8() as u32));
            }),
        };
        self.expect(&update.clone().into());
        self.handle(Event::Edited { document: MINE, update });
    }

    fn expect(&mut self, update: &Bytes) {
        let outline = Outline::of(update).expect("what the page gets or makes is an update");
        add(&mut self.deleted, &outline.deletes);
        self.expected.integrate(update.clone()).expect("it is readable");
    }

    fn handle(&mut self, event: Event) {
        self.room.handle(event, self.now);
        while let Some(action) = self.room.poll() {
            self.actions += 1;
            self.done(action);
        }
    }

    fn done(&mut self, action: Action) {
        match action {
            Action::Connect(link) => self.link = Some(link),
            Action::Close(link) if self.link == Some(link) => self.link = None,
            Action::Apply { document, update } => {
                Outline::of(&update).expect("the page is given updates only");
                if document == MINE {
                    self.given = true;
                    self.expect(&update);
                }
            }
            Action::Send { frame, .. } => assert!(frame.len() <= super::limits::FRAME),
            Action::Write { number, write } => {
                let first = u64::from(self.written);
                self.written += write.appended.len() as u32;
                let keys = (first..self.written.into()).collect();
                let written = Ok(Written { keys, ..Written::default() });
                self.room.handle(Event::Written { number, written }, self.now);
            }
            _ => {}
        }
    }

    /// The peer announces itself, and proves that it belongs here.
    fn meet(&mut self) {
        let me = self.room.me();
        let key = || super::RoomKey::derive(self.room.id(), "prefix", "room", None);
        let mailbox = Mailbox::new(PEER, self.room.id(), key());
        let seed = std::array::from_fn(|i| (self.actions >> (8 * (i % 8))) as u8);
        let mut entropy = Entropy::new(seed);
        let announce = mailbox.to_room(Signal::Announce, &mut entropy);
        self.handle(Event::ServerSaid(ServerId(0), announce));
        let Some(link) = self.link else { return };
        let kind = DescriptionKind::Offer;
        self.handle(Event::Described { link, kind, sdp: OURS.into() });
        let answer = Signal::Description { kind: DescriptionKind::Answer, sdp: THEIRS.into() };
        let answer = mailbox.to_peer(me, answer, &mut entropy);
        self.handle(Event::ServerSaid(ServerId(0), answer));
        self.prove(link, mailbox.key());
    }

    fn prove(&mut self, link: LinkId, key: &super::RoomKey) {
        let ends = Ends { me: PEER, peer: self.room.me(), local_sdp: THEIRS.into(), remote_sdp: OURS.into() };
        let (mut handshake, proof) = Handshake::begin(&ends, key).expect("they have credentials");
        let mut said = vec![proof];
        self.room.handle(Event::LaneOpened { link, lane: Lane::Bulk }, self.now);
        self.room.handle(Event::LaneOpened { link, lane: Lane::Fast }, self.now);
        while !handshake.is_welcomed() || !said.is_empty() {
            for frame in said.drain(..) {
                self.room.handle(Event::Received { link, lane: Lane::Fast, frame }, self.now);
            }
            let heard: Vec<_> = std::iter::from_fn(|| self.room.poll()).collect();
            for action in heard {
                match action {
                    Action::Send { frame, .. } if !handshake.is_welcomed() => {
                        let answer = handshake.take(&frame, key).expect("an honest handshake");
                        said.extend(answer);
                    }
                    action => self.done(action),
                }
            }
        }
    }

    fn step(&mut self, choice: u8, script: &mut Script) {
        match choice % 16 {
            0 => self.frame(Lane::Fast, script.part().to_vec()),
            1 => self.frame(Lane::Bulk, script.part().to_vec()),
            2 => self.framed(Lane::Fast, script.part()),
            3 => self.framed(Lane::Bulk, script.part()),
            4 | 5 => {
                let document = script.document();
                let answers = [None, self.asked(document), Some(0)][usize::from(script.small() % 3)];
                self.says(Header::Update { document, origin: PEER, answers }, script.part());
            }
            6 => {
                let (document, held) = (script.document(), script.small() % 2 == 1);
                self.says(Header::Sync { document, held, number: 1 }, script.part());
            }
            7 => {
                let confirm = (script.small() % 2 == 1).then_some(1);
                let lines = (0..script.small() % 5).map(|_| script.line()).collect();
                self.says(Header::Index { lines, confirm }, &[]);
            }
            8 => {
                let fingerprint =
                    Fingerprint { state: script.small().into(), deletions: script.small().into() };
                self.says(Header::Digest { document: script.document(), fingerprint }, &[]);
            }
            9 => {
                let (document, seeking) = (script.document(), script.small() % 2 == 1);
                let number = self.asked(document).unwrap_or_default();
                self.says(Header::Missing { document, seeking, number }, &[]);
            }
            10 => {
                let channel = (script.small() % 2 == 1).then(|| script.document());
                self.says(Header::Presence { channel, origin: PEER }, script.part());
            }
            11 => self.wait(f64::from(script.small()) * 100.0),
            12 => self.page_writes(script.small()),
            13 => self.page_looks(script),
            14 => self.signals(script.part()),
            _ => self.drained(script.small()),
        }
    }

    fn frame(&mut self, lane: Lane, frame: Vec<u8>) {
        if self.link.is_none() {
            self.meet();
        }
        self.allowed += ACTIONS + ACTIONS_PER_BYTE * frame.len();
        if let Some(link) = self.link {
            self.handle(Event::Received { link, lane, frame });
        }
    }

    /// A message of one frame.
    fn framed(&mut self, lane: Lane, message: &[u8]) {
        let mut frame = vec![FIRST | LAST, 2];
        write_number(&mut frame, message.len() as u64);
        frame.extend_from_slice(message);
        self.frame(lane, frame);
    }

    fn says(&mut self, header: Header, body: &[u8]) {
        let mut cutter = Cutter::new(1, &Message { header, body: body.into() });
        while let Some(frame) = cutter.next_frame() {
            self.frame(Lane::Fast, frame);
        }
    }

    /// The number of what the peer has been asked about a document, and has not answered.
    fn asked(&self, document: DocumentId) -> Option<u32> {
        self.room.peers.get(&PEER)?.documents.get(&document)?.asked
    }

    /// The page shows its document or not, and gives the room its encoding.
    fn page_looks(&mut self, script: &mut Script) {
        match script.small() % 4 {
            0 => self.handle(Event::Attach(MINE)),
            1 => self.handle(Event::Attach(DOCUMENTS[1])),
            2 => self.handle(Event::Detach(DOCUMENTS[1])),
            _ => {
                let whole = script.part().to_vec();
                self.handle(Event::Compacted { document: DOCUMENTS[1], whole });
            }
        }
    }

    /// Somebody who has the key says something over signaling.
    fn signals(&mut self, signal: &[u8]) {
        let room = self.room.id();
        let key = super::RoomKey::derive(room, "prefix", "room", None);
        let plain = [&[super::signaling::VERSION], &PEER.0[..], signal].concat();
        let seed = std::array::from_fn(|i| (self.actions >> (8 * (i % 8))) as u8 ^ 1);
        let sealed = key.seal(&room.topic(), &plain, &mut Entropy::new(seed));
        self.allowed += ACTIONS;
        self.handle(Event::ServerSaid(ServerId(0), super::decoders::envelope(&room.topic(), &sealed)));
    }

    fn drained(&mut self, buffered: u8) {
        self.allowed += ACTIONS;
        if let Some(link) = self.link {
            for lane in Lane::ALL {
                self.handle(Event::Drained { link, lane, buffered: usize::from(buffered) << 12 });
            }
        }
    }

    fn wait(&mut self, time: f64) {
        let end = self.now + time;
        let mut woken = 0;
        while self.room.wake_at() <= end {
            let before = self.now;
            self.now = self.now.max(self.room.wake_at());
            self.allowed += ACTIONS;
            self.handle(Event::Wake);
            woken = if self.now > before { 0 } else { woken + 1 };
            assert!(woken < 10, "it wants to be woken at the same moment again and again");
        }
        self.now = end;
    }

    fn check(&mut self) {
        assert!(self.actions <= self.allowed, "{} actions, {} allowed", self.actions, self.allowed);
        let state_vector = self.room.state_vector(MINE).expect("the page's document is there");
        let read = |bytes: &[u8]| super::update::read_state_vector(bytes).expect("a state vector");
        assert_eq!(read(&state_vector), read(&self.expected.state_vector()));
        let mut deleted = IdSet::default();
        for update in self.room.content(MINE).expect("it is held") {
            add(&mut deleted, &Outline::of(&update).expect("what is kept is readable").deletes);
        }
        assert!(covers(&deleted, &self.deleted) && covers(&self.deleted, &deleted));
    }

    /// Where nobody else wrote, the text is what the page has.
    fn expect_the_end(&mut self) {
        let text = self.doc.get_or_insert_text("text");
        let mine = text.get_string(&self.doc.transact());
        if !self.given {
            let doc = Doc::with_client_id(2);
            let text = doc.get_or_insert_text("text");
            let mut transaction = doc.transact_mut();
            for update in self.room.content(MINE).expect("it is held") {
                use yrs::updates::decoder::Decode;
                let update = yrs::Update::decode_v1(&update).expect("the page made it");
                transaction.apply_update(update).expect("the page made it");
            }
            assert_eq!(text.get_string(&transaction), mine);
        }
        let own = self.room.own(MINE).expect("the page wrote in it");
        assert!(!own.is_empty() && own != yrs::StateVector::default().encode_v1());
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::super::DocumentState;
    use super::*;
    use yrs::ReadTxn;

    /// How often the peer can say something before it is dropped.
    fn said(world: &mut World, most: usize, say: impl Fn(&mut World)) -> Option<usize> {
        (0..most).find(|_| {
            say(world);
            world.link.is_none()
        })
    }

    #[test]
    fn who_asks_for_the_difference_of_a_large_document_again_and_again_is_dropped() {
        let mut world = World::new();
        let update = world.edit(|text, transaction| text.push(transaction, &"x".repeat(4 << 20)));
        world.expect(&update.clone().into());
        world.handle(Event::Edited { document: MINE, update });
        let ask = |world: &mut World| {
            world.says(Header::Sync { document: MINE, held: false, number: 1 }, &[1, 50, 1]);
            world.drained(0);
        };
        let asked = said(&mut world, 4_000, ask).expect("it is dropped");
        assert!((100..1_000).contains(&asked), "{asked}");
        world.check();
    }

    /// A document is forgotten while a peer is asked about it, and named again.
    #[test]
    fn an_answer_to_what_was_asked_before_a_document_was_forgotten_is_not_all_of_it() {
        let mut world = World::new();
        let (path, document) = ("b", DOCUMENTS[1]);
        let resident =
            |document| Some(Resident { document, content_type: "file".into(), format: "text".into() });
        let names = |world: &mut World, document, lamport| {
            let lines = vec![Line { path: path.into(), resident: resident(document), lamport, since: 0 }];
            world.says(Header::Index { lines, confirm: None }, &[]);
        };
        let answers = |world: &mut World, number, update: &[u8]| {
            world.says(Header::Update { document, origin: PEER, answers: Some(number) }, update);
            world.room.document_state(document)
        };
        let theirs = Doc::with_client_id(8);
        theirs.get_or_insert_text("text").push(&mut theirs.transact_mut(), "all of it");
        let update = theirs.transact().encode_state_as_update_v1(&yrs::StateVector::default());
        let (content_type, format) = ("file".into(), "text".into());
        let claim = Claim {
            path: path.into(),
            document,
            content_type,
            format,
            update: update.clone(),
            replace: false,
        };
        world.handle(Event::Claim { number: 2, claim });
        let first = world.asked(document).expect("the peer is asked");
        names(&mut world, DOCUMENTS[2], 5);
        assert_eq!(world.room.document_state(document), None, "it is forgotten");
        names(&mut world, document, 6);
        let second = world.asked(document).expect("the peer is asked again");
        assert_eq!(answers(&mut world, first, yrs::Update::EMPTY_V1), Some(DocumentState::Sought));
        world.says(Header::Missing { document, seeking: false, number: first }, &[]);
        assert_eq!(world.asked(document), Some(second));
        assert_eq!(answers(&mut world, second, &update), Some(DocumentState::Held));
        assert_eq!(world.room.content(document), Some(vec![update.into()]));
        world.check();
    }

    #[test]
    fn who_was_asked_for_a_document_is_told_when_it_is_here_from_somewhere_else() {
        let mut world = World::new();
        let (path, document) = ("b", DOCUMENTS[1]);
        let resident = Some(Resident { document, content_type: "file".into(), format: "text".into() });
        let lines = vec![Line { path: path.into(), resident, lamport: 5, since: 0 }];
        world.says(Header::Index { lines, confirm: None }, &[]);
        let first = world.asked(document).expect("the peer is asked");
        let (path, content_type, format) = (path.into(), "file".into(), "text".into());
        let theirs = Doc::with_client_id(8);
        theirs.get_or_insert_text("text").push(&mut theirs.transact_mut(), "all of it");
        let update = theirs.transact().encode_state_as_update_v1(&yrs::StateVector::default());
        let claim = Claim { path, document, content_type, format, update, replace: false };
        world.handle(Event::Claim { number: 2, claim });
        assert_ne!(world.asked(document), Some(first), "it is asked by a page that has it");
        world.check();
    }

    /// A document is named again while the page keeps what was written in it.
    #[test]
    fn what_is_written_in_a_document_that_is_back_is_not_released_with_what_was_there_before() {
        let mut world = World::new();
        let names = |world: &mut World, resident, lamport| {
            let lines = vec![Line { path: "a".into(), resident, lamport, since: 0 }];
            world.says(Header::Index { lines, confirm: None }, &[]);
        };
        let mine = Resident { document: MINE, content_type: "file".into(), format: "text".into() };
        world.handle(Event::Detach(MINE));
        names(&mut world, None, 2);
        assert_eq!(world.room.orphans().count(), 1);
        names(&mut world, Some(mine), 3);
        world.handle(Event::Attach(MINE));
        world.page_writes(0);
        world.handle(Event::Release(MINE));
        world.handle(Event::Detach(MINE));
        names(&mut world, None, 4);
        assert_eq!(world.room.orphans().count(), 1);
        world.check();
    }

    #[test]
    fn who_asks_and_reads_no_answers_is_dropped() {
        let mut world = World::new();
        let ask = |world: &mut World| world.says(Header::Ping { number: 1 }, &[]);
        let asked = said(&mut world, 1_000_000, ask).expect("it is dropped");
        assert!(asked > super::super::limits::QUEUED, "{asked}");
        world.check();
    }
}

//! Every decoder of bytes that come from outside, as a function of nothing but those bytes.
//!
//! A browser page reads what strangers wrote: frames, updates, presence, what signaling servers say.
//! Each function here gives such bytes to the decoder that reads them in the room, and checks what that
//! decoder promises: it never panics, believes no length, and what it lets through is safe for who comes
//! next (yrs here, Yjs in the page, and the other pages, which read what we pass on with this same
//! code). A fuzzer calls them with bytes that it makes up (`fuzz/`), and the unit tests call them with
//! all that was ever worth keeping of those (`fuzz/corpus/`). They are in neither the library nor the
//! WebAssembly.

use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, StateVector, Transact, Update};

use super::bytes::Bytes;
use super::entropy::Entropy;
use super::frame::{Assembled, Assembler, Cutter};
use super::handshake::{Ends, Handshake};
use super::history::{LastWords, Written};
pub use super::hostile::room;
use super::ids::{DocumentId, PeerId, RoomId};
use super::index::Line;
use super::json::{self as walker, is_json};
use super::key::RoomKey;
use super::limits;
use super::message::Message;
use super::presence::{PeerPresence, clients};
use super::record::{History, Owned, Record, Row};
use super::replica::Replica;
use super::signaling::{Heard, Mailbox, Signal, VERSION};
use super::update::{Outline, read_state_vector};
use super::{Action, Config, Event, Room};

/// A decoder, by the name of its fuzz target and of the folder of its corpus.
pub type Decoder = (&'static str, fn(&[u8]));

/// All of them.
pub const ALL: [Decoder; 11] = [
    ("frames", frames),
    ("message", message),
    ("update", update),
    ("state_vector", state_vector),
    ("replica", replica),
    ("presence", presence),
    ("json", json),
    ("signaling", signaling),
    ("handshake", handshake),
    ("history", history),
    ("room", room),
];

fn room_id() -> RoomId {
    RoomId::derive("prefix", "room")
}

/// Several byte strings in one, each with its length in front (two bytes, little-endian). The last one
/// may be shorter than it says: a fuzzer cuts where it likes.
pub fn parts(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (part, rest) = rest.split_at(length);
        bytes = rest;
        Some(part)
    })
}

/// Frames of one lane: memory follows what has arrived, and what is put together can be cut again.
pub fn frames(bytes: &[u8]) {
    let mut assembler = Assembler::new(limits::MESSAGE);
    let mut arrived = 0;
    for frame in parts(bytes) {
        arrived += frame.len();
        match assembler.take(frame) {
            Ok(Assembled::Message(message)) => {
                assert!(message.len() <= arrived);
                self::message(&message);
            }
            Ok(Assembled::Partial { received, total }) => {
                assert!(received <= arrived && received <= total && total <= limits::MESSAGE);
                let start = assembler.start_of(frame).unwrap_or_default();
                let _ = Message::decode(&start[..start.len().min(128)]);
            }
            // The peer is dropped.
            Err(_) => return,
        }
        assert!(assembler.reserved() <= 3 * arrived);
    }
}

/// A message: what is read is what would be written.
pub fn message(bytes: &[u8]) {
    let Ok((header, body)) = Message::decode(bytes) else { return };
    let message = Message { header: header.clone(), body: body.into() };
    let encoded = [&message.encode_header()[..], body].concat();
    assert_eq!(Message::decode(&encoded), Ok((header, body)));
    if let Some(frame) = Cutter::new(1, &message).next_frame() {
        assert!(frame.len() <= limits::FRAME);
    }
}

/// A Yjs update: what the scanner takes, yrs takes or refuses without harm, alone and with others, and
/// both see the same in it.
pub fn update(bytes: &[u8]) {
    let Ok(outline) = Outline::of(bytes) else { return };
    if outline.is_for_yjs_only {
        return;
    }
    let _ = yrs::diff_updates_v1(bytes, &[0]);
    let _ = yrs::merge_updates_v1([bytes, Update::EMPTY_V1]);
    // Yjs takes more than yrs: half a surrogate pair in an embed, deeper nesting.
    let Ok(update) = Update::decode_v1(bytes) else { return };
    if outline.lacks(&StateVector::default()).is_some() {
        return; // no document is ever given it as it is
    }
    assert_eq!(outline.reached(), update.state_vector(), "the scanner and yrs see other clocks");
    let doc = Doc::with_client_id(1);
    let _ = doc.transact_mut().apply_update(update);
    let _ = doc.transact_mut().apply_update(Update::decode_v1(bytes).expect("it was read before"));
}

/// A state vector: what is read here yrs reads, too.
pub fn state_vector(bytes: &[u8]) {
    let Ok(read) = read_state_vector(bytes) else { return };
    assert!(read.len() <= bytes.len());
    let theirs = StateVector::decode_v1(bytes).expect("yrs takes what is taken here");
    assert_eq!(theirs.len(), read.len());
    assert_eq!(read_state_vector(&read.encode_v1()), Ok(read));
}

/// A document that gets hostile updates and is asked with hostile state vectors: whatever it gives to the
/// page can be applied there, what it gives to others they can read, and who is given everything has
/// everything.
pub fn replica(bytes: &[u8]) {
    let (mut replica, doc) = (Replica::default(), Doc::with_client_id(1));
    let mut parts = parts(bytes);
    let asked = parts.next().unwrap_or_default();
    for update in parts {
        for update in replica.integrate(update.into()).into_iter().flatten() {
            readable(&update);
            let is_for_yrs = Outline::of(&update).is_ok_and(|outline| !outline.is_for_yjs_only);
            if is_for_yrs && let Ok(update) = Update::decode_v1(&update) {
                let _ = doc.transact_mut().apply_update(update);
            }
        }
    }
    let _ = replica.lacks(asked);
    if let Ok(missing) = replica.missing_from(asked) {
        missing.iter().for_each(readable);
    }
    is_passed_on_whole(&replica);
    let before = replica.fingerprint();
    replica.compact();
    assert_eq!(replica.fingerprint(), before);
    is_passed_on_whole(&replica);
}

fn readable(update: &Bytes) {
    assert!(Outline::of(update).is_ok(), "a peer would drop us for it");
}

/// Somebody who has nothing is sent what is here, and so has it.
fn is_passed_on_whole(replica: &Replica) {
    let mut other = Replica::default();
    for update in replica.missing_from(&[0]).expect("this state vector is empty") {
        readable(&update);
        other.integrate(update).expect("it is readable");
    }
    assert_eq!(other.fingerprint(), replica.fingerprint(), "a newcomer gets something else");
}

/// A presence update.
pub fn presence(bytes: &[u8]) {
    let mut presence = PeerPresence::default();
    if let Ok(spoken_for) = clients(bytes) {
        let page = PeerId([1; 16]);
        presence.take(None, page, bytes.into(), spoken_for);
        assert_eq!(presence.newest(None).collect::<Vec<_>>(), [bytes.into()]);
        let clients = presence.into_clients().map(|(_, clients)| clients.len());
        assert!(clients.sum::<usize>() <= limits::PRESENCE_CLIENTS);
    }
}

/// Text that is JSON or not, as `serde_json` sees it; but for depth, which has a limit here.
pub fn json(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let taken = is_json(text);
    let read = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    let may_be_deep = bytes.iter().filter(|byte| matches!(byte, b'[' | b'{')).count() > walker::DEPTH;
    assert!(taken == read || (read && may_be_deep), "{text:?}");
    let members = walker::members(text);
    assert!(members.is_none() || taken);
    for (_, value) in members.unwrap_or_default() {
        let read = serde_json::from_str::<String>(value).ok();
        assert_eq!(walker::string(value), read, "{value:?}");
    }
}

/// What signaling says. The first byte chooses: a text as it comes, something that was sealed with the
/// room's key, or a whole envelope around any base64.
pub fn signaling(bytes: &[u8]) {
    let id = room_id();
    let key = || RoomKey::derive(id, "prefix", "room", None);
    let mut mailbox = Mailbox::new(PeerId([1; 16]), id, key());
    let Some((choice, rest)) = bytes.split_first() else { return };
    let topic = id.topic();
    let text = match choice % 3 {
        0 => String::from_utf8_lossy(rest).into_owned(),
        1 => envelope(&topic, &key().seal(&topic, rest, &mut Entropy::new([2; 32]))),
        _ => envelope(&topic, rest),
    };
    if let Ok(Heard::Signal { signal, .. }) = mailbox.hear(&text) {
        match signal {
            Signal::Announce | Signal::Leave => {}
            Signal::Description { sdp, .. } | Signal::Restart { sdp, .. } => {
                assert!(sdp.len() <= limits::DESCRIPTION)
            }
            Signal::Candidate(candidate) => assert!(candidate.candidate.len() <= limits::CANDIDATE),
        }
        assert_eq!(mailbox.hear(&text), Ok(Heard::Nothing), "it is heard once");
    }
}

pub fn envelope(topic: &str, data: &[u8]) -> String {
    let data = <base64ct::Base64 as base64ct::Encoding>::encode_string(data);
    format!(r#"{{"type":"publish","topic":"{topic}","data":"{data}","clients":2}}"#)
}

/// Messages of a handshake, after a session description; nobody gets in by them.
pub fn handshake(bytes: &[u8]) {
    let id = room_id();
    let key = RoomKey::derive(id, "prefix", "room", Some("nobody knows it"));
    let mut parts = parts(bytes);
    let sdp = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let ends = Ends {
        me: PeerId([1; 16]),
        peer: PeerId([2; 16]),
        local_sdp: "a=fingerprint:sha-256 00\na=ice-pwd:chance".into(),
        remote_sdp: sdp,
    };
    let Ok((mut handshake, proof)) = Handshake::begin(&ends, &key) else { return };
    assert_eq!(proof[..5], [b'J', b'L', b'W', b'R', VERSION]);
    for part in parts {
        if handshake.take(part, &key).is_err() {
            break;
        }
    }
    assert!(!handshake.is_proved() && !handshake.is_welcomed());
}

/// What a browser's storage gives back, which anybody may have written who can write to this origin's
/// storage: lines, what is said to be our own, records of two documents, and what pages said last. The
/// room goes on with it.
pub fn history(bytes: &[u8]) {
    let mut history = History::default();
    for (key, part) in (0..).zip(parts(bytes)) {
        let Some((kind, part)) = part.split_first() else { continue };
        match kind % 4 {
            _ if kind & 64 > 0 => {
                let words = postcard::from_bytes::<LastWords>(part);
                history.last_words.extend(words.map(|words| (key.to_string(), words)));
            }
            0 => history.lines.extend(postcard::from_bytes::<Line>(part)),
            1 => history.owned.extend(postcard::from_bytes::<Owned>(part)),
            continues => {
                let document = DocumentId([1 + (kind >> 7); 32]);
                let updates = parts(part).map(Bytes::from).collect();
                let row = Row { document, updates, continues: continues == 3 };
                history.records.push(Record { key, row });
            }
        }
    }
    let name = || "room".to_owned();
    let config = Config {
        prefix: name(),
        name: name(),
        secret: None,
        servers: 0,
        seed: [1; 32],
        history: true,
        tabs: false,
    };
    let mut room = Room::join(config, 0.0);
    room.handle(Event::Restored(Ok(history)), 1.0);
    for _ in 0..5 {
        let now = room.wake_at().min(1e12);
        room.handle(Event::Wake, now);
        while let Some(action) = room.poll() {
            if let Action::Write { number, write } = action {
                let keys = (1_000..).take(write.appended.len()).collect();
                let written = Ok(Written { keys, ..Written::default() });
                room.handle(Event::Written { number, written }, now);
            }
        }
    }
    for document in [DocumentId([1; 32]), DocumentId([2; 32])] {
        room.content(document).iter().flatten().for_each(readable);
        room.own(document).inspect(|own| assert!(read_state_vector(own).is_ok()));
    }
    assert!(room.entries().all(|entry| entry.is_valid()));
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::room::index::{Entry, Resident};
    use crate::room::message::Header;
    use crate::room::replica::Fingerprint;
    use crate::room::signaling::{Candidate, DescriptionKind};

    fn folder(target: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
    }

    /// The files of a target, by name; the test fails when there are none.
    fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
        let folder = folder(target);
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let read = |path: PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, fs::read(path).expect("a file of the corpus"))
        };
        let mut files: Vec<_> = entries.map(|entry| read(entry.expect("an entry").path())).collect();
        assert!(!files.is_empty(), "{} is empty", folder.display());
        files.sort();
        files
    }

    #[test]
    fn what_fuzzing_found_stays_harmless() {
        for (target, decoder) in ALL {
            for (name, bytes) in corpus(target) {
                eprintln!("{target}/{name}"); // shown when it fails
                decoder(&bytes);
            }
        }
    }

    #[test]
    fn what_yjs_makes_is_taken() {
        let made = |target| corpus(target).into_iter().filter(|(name, _)| name.starts_with("yjs-"));
        assert!(made("update").count() > 40 && made("state_vector").count() > 10);
        for (name, bytes) in made("update") {
            assert!(Outline::of(&bytes).is_ok(), "{name}");
        }
        for (name, bytes) in made("state_vector") {
            assert!(read_state_vector(&bytes).is_ok(), "{name}");
        }
        for (name, bytes) in made("presence") {
            assert!(clients(&bytes).is_ok(), "{name}");
        }
    }

    /// Files that begin with `refused-` are what Yjs would take, and would break a page with.
    #[test]
    fn what_would_break_yjs_is_refused() {
        let files = corpus("update").into_iter().filter(|(name, _)| name.starts_with("refused-"));
        let refused: Vec<_> =
            files.inspect(|(name, bytes)| assert!(Outline::of(bytes).is_err(), "{name}")).collect();
        assert!(!refused.is_empty());
    }

    fn joined<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let with_length = |part: &[u8]| [&(part.len() as u16).to_le_bytes()[..], part].concat();
        parts.into_iter().flat_map(with_length).collect()
    }

    fn write(target: &str, name: &str, bytes: &[u8]) {
        fs::create_dir_all(folder(target)).expect("a folder");
        fs::write(folder(target).join(format!("seed-{name}")), bytes).expect("a file");
    }

    fn headers() -> Vec<(&'static str, Header)> {
        let (document, origin) = (DocumentId([1; 32]), PeerId([9; 16]));
        let resident = Resident { document, content_type: "file".into(), format: "text".into() };
        let line = |path: &str, resident| Line { path: path.into(), resident, lamport: 300, since: 1 << 40 };
        let lines = vec![line("a", Some(resident)), line("a/ü", None)];
        vec![
            ("index", Header::Index { lines, confirm: Some(7) }),
            ("confirmed", Header::IndexConfirmed { number: 7 }),
            ("sync", Header::Sync { document, held: true, number: 300 }),
            ("update", Header::Update { document, origin, answers: Some(300) }),
            (
                "digest",
                Header::Digest { document, fingerprint: Fingerprint { state: 1, deletions: 1 << 60 } },
            ),
            ("missing", Header::Missing { document, seeking: true, number: 1 }),
            ("presence", Header::Presence { channel: Some(document), origin }),
            ("presence-room", Header::Presence { channel: None, origin }),
            ("ping", Header::Ping { number: 300 }),
            ("pong", Header::Pong { number: 1 }),
            ("bye", Header::Bye),
        ]
    }

    /// Writes what our own encoders make into the corpus, for the fuzzer to begin with. `fuzz/seeds.mjs`
    /// is to be run first: cargo test --lib seeds_are_written -- --ignored
    #[test]
    #[ignore = "it writes files"]
    fn seeds_are_written() {
        let updates: Vec<_> =
            corpus("update").into_iter().filter(|(name, _)| name.starts_with("yjs-")).collect();
        let body = &updates.iter().find(|(name, _)| name == "yjs-notebook").expect("a seed").1;
        let mut script = Vec::new();
        for (name, header) in headers() {
            let message =
                Message { header, body: if name == "update" { body[..].into() } else { Bytes::default() } };
            let encoded = [&message.encode_header()[..], body].concat();
            write("message", name, &encoded);
            let mut cutter = Cutter::new(
                300,
                &Message {
                    body: vec![1; if name == "update" { 20_000 } else { 20 }].into(),
                    ..message.clone()
                },
            );
            write(
                "frames",
                name,
                &joined(
                    std::iter::from_fn(|| cutter.next_frame()).collect::<Vec<_>>().iter().map(|f| &f[..]),
                ),
            );
            script.push([&[2][..], &joined([&message.encode_header()[..]])].concat());
        }
        write("frames", "two", &joined([&[1, 1, 4, 9][..], &[1, 2, 2, 10], &[2, 2, 1], &[2, 1, 1, 2, 3]]));
        write("room", "messages", &script.concat());
        for (name, update) in &updates {
            write("replica", name, &joined([&[1, 1, 1][..], update]));
            write(
                "room",
                name,
                &[&[4, 0, 1][..], &joined([&update[..]]), &[12, 0, 6, 0, 1, 3, 0, 1, 1, 1, 11, 255]].concat(),
            );
            write(
                "room",
                &format!("{name}-other"),
                &[&[7, 1, 1, 1, 1, 1, 5, 0, 5, 1, 0][..], &joined([&update[..]]), &[13, 1, 11, 9]].concat(),
            );
        }
        let all: Vec<_> = updates.iter().take(8).map(|(_, update)| &update[..]).collect();
        write("replica", "several", &joined([&[&[0][..]], &all[..]].concat()));
        let line = Line { path: "a".into(), resident: None, lamport: 3, since: 1 };
        let (path, content_type, format) = ("a".into(), "file".into(), "text".into());
        let entry = Entry { path, document: DocumentId([1; 32]), content_type, format };
        let owned = Owned { name: "a".into(), entry, state_vector: vec![1, 1, 1] };
        let encode =
            |kind, value: postcard::Result<Vec<u8>>| [&[kind][..], &value.expect("an encoding")].concat();
        let line = encode(0, postcard::to_allocvec(&line));
        let owned = encode(1, postcard::to_allocvec(&owned));
        let document = DocumentId([1; 32]);
        let words = LastWords {
            updates: vec![(document, all[0].to_vec()), (DocumentId([2; 32]), body.to_vec())],
            ..LastWords::default()
        };
        let (begin, end) = body.split_at(20);
        let records = [
            encode(64, postcard::to_allocvec(&words)),
            [&[2][..], &joined(all)].concat(),
            [&[3][..], &joined([begin])].concat(),
            [&[2][..], &joined([end])].concat(),
        ];
        write(
            "history",
            "several",
            &joined([&[line, owned][..], &records].concat().iter().map(|part| &part[..])),
        );
        for text in [
            r#"{"a":[1,-0.5e+9,"\ud83d\ude00é",null,true],"":{}}"#,
            "[[[]]]",
            r#"{"type":"publish","topic":"x","data":"AA==","clients":2}"#,
        ] {
            write("json", &text.len().to_string(), text.as_bytes());
            write("signaling", &format!("text-{}", text.len()), &[&[0], text.as_bytes()].concat());
        }
        let candidate = Candidate {
            candidate: "candidate:1".into(),
            sdp_mid: Some("0".into()),
            sdp_m_line_index: Some(0),
        };
        let description = Signal::Description { kind: DescriptionKind::Answer, sdp: "v=0".into() };
        for (i, signal) in
            [Signal::Announce, Signal::Leave, description, Signal::Candidate(candidate)].iter().enumerate()
        {
            let signal = postcard::to_allocvec(signal).expect("it has no value that postcard refuses");
            write("signaling", &format!("signal-{i}"), &[&[1, VERSION], &[9; 16][..], &signal].concat());
            write("room", &format!("signal-{i}"), &[&[14][..], &joined([&signal[..]]), &[11, 40]].concat());
        }
        let begin = [&b"JLWR"[..], &[VERSION]].concat();
        let proof = [&begin[..], &[1], &[5; 32]].concat();
        let sdp = &b"a=fingerprint:sha-256 AA\r\na=ice-ufrag:U\r\na=ice-pwd:P"[..];
        write("handshake", "all", &joined([sdp, &proof, &[&begin[..], &[2]].concat()]));
        write("handshake", "version", &joined([sdp, b"JLWR\x02\x01"]));
    }
}

//! The Yjs update format (version 1), read without being believed.
//!
//! An update is a list of structs for each client (items, garbage-collected ranges, gaps) and a set of
//! deleted ranges; see `UpdateEncoderV1` of Yjs, and lib0 for numbers and values. Before yrs or the
//! page's Yjs sees bytes that came from a peer, they are walked through here: every length is held
//! against the bytes that remain, nesting is bounded, nothing is allocated for what is only
//! announced. The walk finds, on the way, all that is needed to know where an update fits: which
//! clocks it brings, and which it builds upon.

use std::collections::BTreeMap;
use std::ops::Range;

use thiserror::Error;
use yrs::{ClientID, ID, IdSet, StateVector};

use super::json;
use super::ranges::covers;

/// Values in values, and no deeper.
const DEPTH: u32 = 256;
/// Client ids are JavaScript's safe integers.
const CLIENT: u64 = 1 << 53;

/// The bytes are no update, or no state vector.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[error("bytes that are not of Yjs's format")]
pub struct Malformed;

/// What an update brings and what it needs.
#[derive(Debug, Default, PartialEq)]
pub struct Outline {
    /// Runs of clocks that it inserts: client, first, one past the last. In the order of the bytes.
    pub inserts: Vec<(ClientID, u32, u32)>,
    /// What it deletes.
    pub deletes: IdSet,
    /// For each client the end of the history that it refers to: as origin, as parent, as deleted.
    needs: BTreeMap<ClientID, u32>,
    /// It has what yrs reads in another way than Yjs: it is not to be taken apart by it.
    pub is_for_yjs_only: bool,
}

impl Outline {
    /// Reads an update of version 1.
    pub fn of(update: &[u8]) -> Result<Self, Malformed> {
        let mut outline = Self::default();
        let mut reader = Reader { rest: update, has_hook: false };
        let mut parts: BTreeMap<ClientID, u32> = BTreeMap::new();
        for _ in 0..reader.number()? {
            let part = parts.entry(outline.client(&mut reader)?).or_default();
            *part += 1;
            // Of two parts for one client Yjs takes the second, and would lack what is in the first.
            if *part > 1 {
                return Err(Malformed);
            }
        }
        outline.deletions(&mut reader)?;
        // What it brings itself it does not need of others.
        for (client, _, end) in &outline.inserts {
            if let Some(needed) = outline.needs.get_mut(client).filter(|needed| **needed <= *end) {
                *needed = 0;
            }
        }
        outline.is_for_yjs_only = reader.has_hook;
        if reader.rest.is_empty() { Ok(outline) } else { Err(Malformed) }
    }

    /// The first thing that this update builds upon and `known` has not: the clock that a client has to
    /// have reached.
    pub fn lacks(&self, known: &StateVector) -> Option<(ClientID, u32)> {
        let mut before: Option<(ClientID, u32)> = None;
        for &(client, first, end) in &self.inserts {
            // The runs of one client stand together.
            let own = before.filter(|(other, _)| *other == client).map_or(0, |(_, end)| end);
            if first > known.get(&client).max(own) {
                return Some((client, first));
            }
            before = Some((client, end));
        }
        self.needs.iter().find(|(client, end)| **end > known.get(client)).map(|(client, end)| (*client, *end))
    }

    /// How many runs of clocks it speaks of.
    pub fn runs(&self) -> usize {
        let deleted = self.deletes.client_ids().filter_map(|client| self.deletes.get(&client));
        self.inserts.len() + self.needs.len() + deleted.map(|ranges| ranges.as_slice().len()).sum::<usize>()
    }

    /// The state vector of whoever has this update and nothing else. A client whose history does not
    /// begin in it, or has a gap in it, counts up to there.
    pub fn reached(&self) -> StateVector {
        let mut reached = StateVector::default();
        for &(client, first, end) in &self.inserts {
            if first == reached.get(&client) {
                reached.set_max(client, end);
            }
        }
        reached
    }

    /// Whether it has something that is not among what is `known` and `deleted`.
    pub fn brings_anything_new(&self, known: &StateVector, deleted: &IdSet) -> bool {
        let inserts = self.inserts.iter().any(|&(client, _, end)| end > known.get(&client));
        inserts || !covers(deleted, &self.deletes)
    }

    fn client(&mut self, reader: &mut Reader) -> Result<ClientID, Malformed> {
        let structs = reader.number()?;
        let client = reader.client()?;
        let mut clock = reader.clock()?;
        for _ in 0..structs {
            let info = reader.byte()?;
            let (length, is_gap) = match (info, info & 0x1f) {
                (0, _) => (reader.number()?, false),
                (10, _) => (reader.number()?, true),
                // Flags that these cannot have: Yjs and yrs would not agree on what it is.
                (_, 0 | 10) => return Err(Malformed),
                (_, content) => {
                    self.item(info, ID::new(client, clock), reader)?;
                    (reader.content(content)?, false)
                }
            };
            let end = advance(clock, length)?;
            if !is_gap {
                self.insert(client, clock, end);
            }
            clock = end;
        }
        Ok(client)
    }

    fn insert(&mut self, client: ClientID, first: u32, end: u32) {
        match self.inserts.last_mut() {
            Some((last, _, reached)) if *last == client && *reached == first => *reached = end,
            _ => self.inserts.push((client, first, end)),
        }
    }

    /// Where an item is. What it refers to of its own client comes before it: Yjs takes that for granted,
    /// and never gets over an item of which it is not true.
    fn item(&mut self, info: u8, item: ID, reader: &mut Reader) -> Result<(), Malformed> {
        let (has_left, has_right, has_key) = (info & 0x80 != 0, info & 0x40 != 0, info & 0x20 != 0);
        if has_left {
            self.refers_to(item, reader)?;
        }
        if has_right {
            self.refers_to(item, reader)?;
        }
        if !has_left && !has_right {
            match reader.number()? {
                1 => drop(reader.text()?),
                _ => self.refers_to(item, reader)?,
            }
            if has_key {
                reader.text()?;
            }
        }
        Ok(())
    }

    fn refers_to(&mut self, item: ID, reader: &mut Reader) -> Result<(), Malformed> {
        let client = reader.client()?;
        let clock = reader.clock()?;
        if client == item.client && clock >= item.clock {
            return Err(Malformed);
        }
        self.need(client, advance(clock, 1)?);
        Ok(())
    }

    fn need(&mut self, client: ClientID, end: u32) {
        let needed = self.needs.entry(client).or_default();
        *needed = (*needed).max(end);
    }

    fn deletions(&mut self, reader: &mut Reader) -> Result<(), Malformed> {
        let mut deletes: Vec<(ClientID, Range<u32>)> = Vec::new();
        for _ in 0..reader.number()? {
            let client = reader.client()?;
            for _ in 0..reader.number()? {
                let clock = reader.clock()?;
                let end = advance(clock, reader.number()?)?;
                self.need(client, end);
                deletes.push((client, clock..end));
            }
        }
        // Sorted first: a set that is built from its end is built in quadratic time.
        deletes.sort_unstable_by_key(|(client, range)| (*client, range.start));
        for (client, range) in deletes {
            self.deletes.insert(ID::new(client, range.start), range.end - range.start);
        }
        Ok(())
    }
}

/// Reads a state vector: how many clients, and for each its id and its clock.
pub fn read_state_vector(bytes: &[u8]) -> Result<StateVector, Malformed> {
    let mut reader = Reader { rest: bytes, has_hook: false };
    let mut state_vector = StateVector::default();
    for _ in 0..reader.number()? {
        let client = reader.client()?;
        state_vector.set_max(client, reader.clock()?);
    }
    if reader.rest.is_empty() { Ok(state_vector) } else { Err(Malformed) }
}

/// Yjs counts in UTF-16. Of UTF-8's bytes each that begins a character is one unit, and that of a
/// character of four bytes is two.
fn utf16_length(text: &str) -> u64 {
    if text.is_ascii() {
        return text.len() as u64;
    }
    let units = text.bytes().map(|byte| u64::from(byte & 0xc0 != 0x80) + u64::from(byte >= 0xf0));
    units.sum()
}

fn advance(clock: u32, length: u64) -> Result<u32, Malformed> {
    let length = u32::try_from(length).ok().filter(|length| *length > 0).ok_or(Malformed)?;
    clock.checked_add(length).ok_or(Malformed)
}

struct Reader<'a> {
    rest: &'a [u8],
    /// There was an XML hook, whose name yrs takes for the next item.
    has_hook: bool,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, Malformed> {
        let (&byte, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(byte)
    }

    fn bytes(&mut self, length: u64) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(length).map_err(|_| Malformed)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// lib0's variable-length unsigned integer, up to 2^53.
    fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..56).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return if number < CLIENT { Ok(number) } else { Err(Malformed) };
            }
        }
        Err(Malformed)
    }

    fn client(&mut self) -> Result<ClientID, Malformed> {
        self.number().map(ClientID::new)
    }

    fn clock(&mut self) -> Result<u32, Malformed> {
        u32::try_from(self.number()?).map_err(|_| Malformed)
    }

    fn text(&mut self) -> Result<&'a str, Malformed> {
        let length = self.number()?;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| Malformed)
    }

    /// An item's content, by its reference number; returns its length in clocks.
    fn content(&mut self, content: u8) -> Result<u64, Malformed> {
        match content {
            // Deleted
            1 => self.number(),
            // Binary
            3 => {
                let length = self.number()?;
                self.bytes(length).map(|_| 1)
            }
            // String
            4 => self.text().map(utf16_length),
            // Embed
            5 => self.json().map(|()| 1),
            // Format
            6 => {
                self.text()?;
                self.json().map(|()| 1)
            }
            7 => self.shared_type().map(|()| 1),
            // Any
            8 => self.repeated(|reader| reader.any(0)),
            // Subdocument
            9 => {
                self.text()?;
                self.any(0).map(|()| 1)
            }
            _ => Err(Malformed),
        }
    }

    fn repeated(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<u64, Malformed> {
        let count = self.number()?;
        for _ in 0..count {
            read(self)?;
        }
        Ok(count)
    }

    fn json(&mut self) -> Result<(), Malformed> {
        let text = self.text()?;
        if json::is_json(text) { Ok(()) } else { Err(Malformed) }
    }

    /// Array, map, text, XML element, XML fragment, XML hook, XML text.
    fn shared_type(&mut self) -> Result<(), Malformed> {
        match self.number()? {
            0 | 1 | 2 | 4 | 6 => Ok(()),
            kind @ (3 | 5) => {
                self.has_hook |= kind == 5;
                self.text().map(drop)
            }
            _ => Err(Malformed),
        }
    }

    /// A value of lib0's `any` encoding.
    fn any(&mut self, depth: u32) -> Result<(), Malformed> {
        if depth > DEPTH {
            return Err(Malformed);
        }
        match self.byte()? {
            // undefined, null, false, true
            127 | 126 | 121 | 120 => Ok(()),
            // A signed integer is as long as an unsigned one.
            125 => self.signed(),
            124 => self.bytes(4).map(drop),
            123 | 122 => self.bytes(8).map(drop),
            119 => self.text().map(drop),
            118 => self.repeated(|reader| reader.text().and_then(|_| reader.any(depth + 1))).map(drop),
            117 => self.repeated(|reader| reader.any(depth + 1)).map(drop),
            116 => {
                let length = self.number()?;
                self.bytes(length).map(drop)
            }
            _ => Err(Malformed),
        }
    }

    /// Six bits in the first byte, and JavaScript's safe integers at most.
    fn signed(&mut self) -> Result<(), Malformed> {
        let mut number = self.byte()?;
        let mut value = u64::from(number & 0x3f);
        let mut shift = 6;
        while number & 0x80 != 0 {
            number = self.byte()?;
            value |= u64::from(number & 0x7f).checked_shl(shift).ok_or(Malformed)?;
            shift += 7;
        }
        if value < CLIENT && shift < 63 { Ok(()) } else { Err(Malformed) }
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::Index;
    use std::collections::HashMap;
    use yrs::types::ToJson;
    use yrs::updates::decoder::Decode;
    use yrs::updates::encoder::Encode;
    use yrs::{
        Any, Array, ArrayPrelim, Doc, Map, MapPrelim, ReadTxn, Text, TextPrelim, Transact, Update,
        XmlElementPrelim, XmlFragment,
    };

    /// A document with every kind of content that a notebook, or any Yjs app, may have.
    fn varied() -> Vec<u8> {
        let doc = Doc::with_client_id(7);
        let (map, array, text) =
            (doc.get_or_insert_map("m"), doc.get_or_insert_array("a"), doc.get_or_insert_text("t"));
        let xml = doc.get_or_insert_xml_fragment("x");
        let mut transaction = doc.transact_mut();
        map.insert(&mut transaction, "map", MapPrelim::from([("k", 1)]));
        map.insert(&mut transaction, "map", 2.5);
        map.insert(&mut transaction, "big", Any::from(1i64 << 60));
        map.insert(&mut transaction, "bytes", Any::Buffer(vec![1, 2, 3].into()));
        let nested = Any::from(HashMap::from([(
            "é".to_owned(),
            Any::from(vec![Any::Null, Any::Undefined, true.into(), (-70).into()]),
        )]));
        array.push_back(&mut transaction, nested);
        array.push_back(&mut transaction, TextPrelim::new("in a cell 😀"));
        array.push_back(&mut transaction, ArrayPrelim::default());
        array.insert_range(&mut transaction, 1, [1, 2, 3]);
        array.remove_range(&mut transaction, 2, 1);
        text.push(&mut transaction, "hello 😀");
        text.insert_with_attributes(&mut transaction, 2, "bold", HashMap::from([("b".into(), true.into())]));
        text.insert_embed(&mut transaction, 1, Any::from("embed"));
        text.remove_range(&mut transaction, 0, 1);
        xml.push_back(&mut transaction, XmlElementPrelim::empty("p"));
        assert!(array.to_json(&transaction) != Any::Null);
        drop(transaction);
        doc.transact().encode_state_as_update_v1(&StateVector::default())
    }

    #[test]
    fn every_kind_of_content_is_read() {
        let outline = Outline::of(&varied()).unwrap();
        let update = Update::decode_v1(&varied()).unwrap();
        let end = update.state_vector().get(&ClientID::new(7));
        assert_eq!(outline.inserts, [(ClientID::new(7), 0, end)]);
        assert!(!outline.deletes.is_empty() && outline.lacks(&StateVector::default()).is_none());
    }

    #[test]
    fn what_is_built_upon_is_found() {
        let (one, two) = (Doc::with_client_id(1), Doc::with_client_id(2));
        let (text_one, text_two) = (one.get_or_insert_text("t"), two.get_or_insert_text("t"));
        text_one.push(&mut one.transact_mut(), "abc");
        let first = one.transact().encode_state_as_update_v1(&StateVector::default());
        two.transact_mut().apply_update(Update::decode_v1(&first).unwrap()).unwrap();
        let mut transaction = two.transact_mut();
        text_two.push(&mut transaction, "d");
        let second = Outline::of(&transaction.encode_update_v1()).unwrap();
        assert!(
            second.lacks(&StateVector::default()).is_some(),
            "it stands behind what another client wrote"
        );
        assert!(second.lacks(&one.transact().state_vector()).is_none());
        drop(transaction);
        let mut transaction = two.transact_mut();
        text_two.remove_range(&mut transaction, 0, 1);
        let deletion = Outline::of(&transaction.encode_update_v1()).unwrap();
        assert!(deletion.lacks(&StateVector::default()).is_some(), "it deletes what another client wrote");
    }

    #[test]
    fn a_value_nested_without_end_is_refused() {
        let mut update = vec![1, 1, 1, 0, 8, 1, 1, b't', 1];
        update.extend([117, 1].repeat(100_000));
        update.extend([126, 0]);
        assert_eq!(Outline::of(&update), Err(Malformed));
    }

    #[test]
    fn texts_are_counted_as_yjs_counts_them() {
        for text in ["", "abc", "é", "日本", "a😀b", "\u{10ffff}\u{ffff}"] {
            assert_eq!(utf16_length(text), text.encode_utf16().count() as u64, "{text}");
        }
    }

    #[test]
    fn a_state_vector_is_read_strictly() {
        let state_vector = StateVector::from_iter([(ClientID::new(1), 5), (ClientID::new(1 << 40), 9)]);
        assert_eq!(read_state_vector(&state_vector.encode_v1()), Ok(state_vector));
        assert_eq!(read_state_vector(&[]), Err(Malformed));
        assert_eq!(read_state_vector(&[1, 1]), Err(Malformed));
        assert_eq!(read_state_vector(&[0, 0]), Err(Malformed));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// What passes here is safe to give to yrs: it decodes, merges, and takes it into a document.
        #[test]
        fn what_passes_does_not_break_yrs(changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 0..4)) {
            let mut update = varied();
            for (at, byte) in changes {
                let at = at.index(update.len());
                update[at] = byte;
            }
            let decoded = Outline::of(&update).ok().and_then(|_| Update::decode_v1(&update).ok());
            if let Some(decoded) = decoded {
                    let doc = Doc::with_client_id(1);
                    let _ = doc.transact_mut().apply_update(decoded);
                    let _ = yrs::diff_updates_v1(&update, &[0]);
                    let _ = yrs::merge_updates_v1([&update, &varied()]);
            }
        }
    }
}

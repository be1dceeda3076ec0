//! Messages cut into frames, and put together again.
//!
//! A browser refuses data-channel messages above the peer's `maxMessageSize` (256 KiB in Chromium) and
//! one long message holds up everything behind it. So a message is cut into frames of at most
//! [`PAYLOAD`] bytes. A frame is: a byte of flags (first, last), the message's number and, in the first
//! frame, the message's length (both as LEB128), then the payload. The number lets frames of several
//! messages share a lane. Lanes are reliable and ordered, so a frame that does not continue what was
//! begun is a violation, and the peer is dropped.

use thiserror::Error;

use super::bytes::Bytes;
use super::limits;
use super::message::Message;
use super::sorted::SortedMap;

/// Payload bytes in one frame. Small, so that a keystroke never waits long behind one.
pub const PAYLOAD: usize = 16 * 1024;

/// Bytes of a message that have arrived before [`RESERVED`] more are made room for at once.
const BELIEVED: usize = 1024 * 1024;
const RESERVED: usize = 64 * 1024 * 1024;

pub const FIRST: u8 = 1;
pub const LAST: u8 = 2;

/// A message on its way out, cut as it is sent.
pub struct Cutter {
    number: u32,
    header: Vec<u8>,
    body: Bytes,
    sent: usize,
    finished: bool,
}

impl Cutter {
    /// Cuts `message` into frames that carry `number`.
    pub fn new(number: u32, message: &Message) -> Self {
        Self { number, header: message.encode_header(), body: message.body.clone(), sent: 0, finished: false }
    }

    /// The next frame, or `None` when all have been cut.
    pub fn next_frame(&mut self) -> Option<Vec<u8>> {
        if self.finished {
            return None;
        }
        let total = self.header.len() + self.body.len();
        let end = (self.sent + PAYLOAD).min(total);
        let mut frame = Vec::with_capacity(PAYLOAD.min(total) + 16);
        self.finished = end == total;
        let first = if self.sent == 0 { FIRST } else { 0 };
        frame.push(first | if self.finished { LAST } else { 0 });
        write_number(&mut frame, self.number.into());
        if first != 0 {
            write_number(&mut frame, total as u64);
        }
        self.copy_range(self.sent, end, &mut frame);
        self.sent = end;
        Some(frame)
    }

    /// Whether all frames have been cut.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Bytes that have not been cut.
    pub fn remaining(&self) -> usize {
        self.header.len() + self.body.len() - self.sent
    }

    fn copy_range(&self, start: usize, end: usize, frame: &mut Vec<u8>) {
        let split = self.header.len();
        frame.extend_from_slice(&self.header[start.min(split)..end.min(split)]);
        frame.extend_from_slice(&self.body[start.max(split) - split..end.max(split) - split]);
    }
}

/// Why a frame was refused.
#[derive(Debug, Error, PartialEq)]
pub enum FrameError {
    #[error("a frame that cannot be read")]
    Unreadable,
    #[error("a frame of more than {} bytes", limits::FRAME)]
    TooLarge,
    #[error("a message that is longer than allowed")]
    MessageTooLarge,
    #[error("more than {} messages at once", limits::PARTIAL_MESSAGES)]
    TooManyMessages,
    #[error("a frame that does not continue its message")]
    OutOfOrder,
}

/// What one frame led to.
#[derive(Debug, PartialEq)]
pub enum Assembled {
    /// The message is complete.
    Message(Vec<u8>),
    /// `received` of `total` bytes of the message have arrived.
    Partial { received: usize, total: usize },
}

/// Messages of one lane that are arriving.
pub struct Assembler {
    longest: usize,
    partial: SortedMap<u64, Partial>,
}

struct Partial {
    total: usize,
    bytes: Vec<u8>,
}

impl Assembler {
    /// Takes messages of at most `longest` bytes.
    pub fn new(longest: usize) -> Self {
        Self { longest, partial: SortedMap::new() }
    }

    /// Takes one frame.
    pub fn take(&mut self, frame: &[u8]) -> Result<Assembled, FrameError> {
        if frame.len() > limits::FRAME {
            return Err(FrameError::TooLarge);
        }
        let (&flags, rest) = frame.split_first().ok_or(FrameError::Unreadable)?;
        if flags > FIRST | LAST {
            return Err(FrameError::Unreadable);
        }
        let (number, rest) = read_number(rest).ok_or(FrameError::Unreadable)?;
        let payload = if flags & FIRST != 0 { self.begin(number, rest)? } else { rest };
        self.append(number, payload)?;
        self.finish(number, flags & LAST != 0)
    }

    fn begin<'a>(&mut self, number: u64, rest: &'a [u8]) -> Result<&'a [u8], FrameError> {
        let (total, payload) = read_number(rest).ok_or(FrameError::Unreadable)?;
        let total = usize::try_from(total)
            .ok()
            .filter(|total| *total <= self.longest)
            .ok_or(FrameError::MessageTooLarge)?;
        if self.partial.len() >= limits::PARTIAL_MESSAGES {
            return Err(FrameError::TooManyMessages);
        }
        let partial = Partial { total, bytes: Vec::new() };
        match self.partial.insert(number, partial) {
            None => Ok(payload),
            Some(_) => Err(FrameError::OutOfOrder),
        }
    }

    fn append(&mut self, number: u64, payload: &[u8]) -> Result<(), FrameError> {
        let partial = self.partial.get_mut(&number).ok_or(FrameError::OutOfOrder)?;
        if payload.len() > partial.total - partial.bytes.len() {
            return Err(FrameError::OutOfOrder);
        }
        // Memory follows what has arrived, not what was announced.
        if partial.bytes.capacity() - partial.bytes.len() < payload.len() {
            let length = partial.bytes.len();
            // Who has sent a megabyte is believed to send more; growing in steps would copy it all often.
            let more = if length < BELIEVED { length * 2 } else { length.max(RESERVED) };
            let more = more.max(payload.len()).min(partial.total - length);
            partial.bytes.reserve_exact(more);
        }
        partial.bytes.extend_from_slice(payload);
        Ok(())
    }

    fn finish(&mut self, number: u64, last: bool) -> Result<Assembled, FrameError> {
        let partial = self.partial.get(&number).ok_or(FrameError::OutOfOrder)?;
        let (received, total) = (partial.bytes.len(), partial.total);
        match (last, received == total) {
            (false, _) => Ok(Assembled::Partial { received, total }),
            (true, false) => Err(FrameError::OutOfOrder),
            (true, true) => self
                .partial
                .remove(&number)
                .map(|p| Assembled::Message(p.bytes))
                .ok_or(FrameError::OutOfOrder),
        }
    }

    /// The beginning of the message that `frame` belongs to, if it is still arriving.
    pub fn start_of(&self, frame: &[u8]) -> Option<&[u8]> {
        let (number, _) = read_number(frame.get(1..)?)?;
        self.partial.get(&number).map(|partial| &partial.bytes[..])
    }

    /// Bytes of memory that are set aside.
    #[cfg(any(test, fuzzing))]
    pub fn reserved(&self) -> usize {
        self.partial.values().map(|partial| partial.bytes.capacity()).sum()
    }
}

/// Unsigned LEB128.
pub fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn read_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (i, byte) in bytes.iter().enumerate().take(9) {
        number |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[i + 1..]));
        }
    }
    None
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::room::ids::{DocumentId, PeerId};
    use crate::room::message::Header;
    use proptest::prelude::*;

    fn message(length: usize) -> Message {
        let header = Header::Update { document: DocumentId([1; 32]), origin: PeerId([2; 16]), answers: None };
        Message { header, body: (0..length).map(|i| i as u8).collect::<Vec<_>>().into() }
    }

    fn frames(number: u32, message: &Message) -> Vec<Vec<u8>> {
        let mut cutter = Cutter::new(number, message);
        std::iter::from_fn(|| cutter.next_frame()).collect()
    }

    fn whole(message: &Message) -> Vec<u8> {
        [&message.encode_header()[..], &message.body[..]].concat()
    }

    #[test]
    fn messages_of_every_size_arrive_as_they_were() {
        let header = message(0).encode_header().len();
        for length in
            [0, 1, PAYLOAD - header - 1, PAYLOAD - header, PAYLOAD - header + 1, 3 * PAYLOAD, 1_000_000]
        {
            let message = message(length);
            let mut assembler = Assembler::new(limits::MESSAGE);
            let mut last = None;
            for frame in frames(1, &message) {
                assert!(frame.len() <= PAYLOAD + 16);
                last = Some(assembler.take(&frame).unwrap());
            }
            assert_eq!(last, Some(Assembled::Message(whole(&message))), "{length}");
        }
    }

    #[test]
    fn frames_of_two_messages_may_alternate() {
        let (a, b) = (message(40_000), message(50_000));
        let mut assembler = Assembler::new(limits::MESSAGE);
        let mut done = Vec::new();
        let (mut from_a, mut from_b) = (frames(1, &a).into_iter(), frames(2, &b).into_iter());
        loop {
            let pair = [from_a.next(), from_b.next()];
            if pair.iter().all(Option::is_none) {
                break;
            }
            for frame in pair.into_iter().flatten() {
                if let Assembled::Message(bytes) = assembler.take(&frame).unwrap() {
                    done.push(bytes);
                }
            }
        }
        assert_eq!(done, [whole(&a), whole(&b)]);
    }

    #[test]
    fn a_dropped_or_repeated_frame_is_noticed() {
        let frames = frames(1, &message(3 * PAYLOAD));
        for i in 0..frames.len() {
            let mut dropped = frames.clone();
            dropped.remove(i);
            let mut repeated = frames.clone();
            repeated.insert(i, frames[i].clone());
            for wrong in [dropped, repeated] {
                let mut assembler = Assembler::new(limits::MESSAGE);
                let results: Vec<_> = wrong.iter().map(|frame| assembler.take(frame)).collect();
                let noticed = results.iter().any(Result::is_err);
                let delivered = results.iter().any(|r| matches!(r, Ok(Assembled::Message(_))));
                assert!(noticed || !delivered, "frame {i}");
            }
        }
    }

    #[test]
    fn an_announced_length_costs_no_memory() {
        let mut frame = vec![FIRST, 1];
        write_number(&mut frame, limits::MESSAGE as u64);
        frame.push(0);
        let mut assembler = Assembler::new(limits::MESSAGE);
        assembler.take(&frame).unwrap();
        assert!(assembler.partial.get(&1).unwrap().bytes.capacity() < 64);
        let mut frame = vec![FIRST, 2];
        write_number(&mut frame, limits::MESSAGE as u64 + 1);
        assert_eq!(assembler.take(&frame), Err(FrameError::MessageTooLarge));
    }

    proptest! {
        #[test]
        fn any_frames_are_taken_or_refused(frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20)) {
            let mut assembler = Assembler::new(limits::MESSAGE);
            for frame in frames {
                let _ = assembler.take(&frame);
            }
        }
    }
}

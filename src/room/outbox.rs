//! What waits to be sent to one peer: lanes, priority, backpressure.
//!
//! A connection has two data channels. The *fast* lane takes what is small and urgent (keystrokes,
//! presence, the index), the *bulk* lane what is large. A browser queues what cannot be sent yet and
//! closes the channel when that queue overruns, so a lane is only fed while its `bufferedAmount` is
//! low, and messages are cut into frames at the last moment: a keystroke finds at most one full bulk
//! buffer's worth of network time ahead of it, never a 40 MB notebook.
//!
//! On the bulk lane documents take turns, frame by frame, so that a small one does not wait for a large
//! one that came before it. What is about one document keeps its order.
//!
//! Presence is not queued. The newest is kept for each page and channel and sent when the fast lane is free; an
//! older one that was not sent by then is not missed.

use std::collections::VecDeque;

use super::frame::Cutter;
use super::ids::{DocumentId, PeerId};
use super::limits;
use super::message::{Header, Message};
use super::sorted::SortedMap;

/// The two data channels of a connection; the number is the channel's negotiated id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    Fast = 0,
    Bulk = 1,
}

impl Lane {
    /// Both, the urgent one first.
    pub const ALL: [Self; 2] = [Self::Fast, Self::Bulk];

    /// Bytes given to the browser before waiting for its buffer to drain.
    pub fn high_water(self) -> usize {
        match self {
            Self::Fast => 1024 * 1024,
            Self::Bulk => 512 * 1024,
        }
    }

    /// `bufferedAmountLowThreshold`: more is wanted when the browser's buffer is down to this.
    pub fn low_water(self) -> usize {
        self.high_water() / 2
    }
}

/// A body larger than this goes by the bulk lane.
const SMALL: usize = 32 * 1024;

/// Documents that take turns on the bulk lane. The other side puts as many messages together at once.
const TURNS: usize = 4;
const _: () = assert!(TURNS <= limits::PARTIAL_MESSAGES);

/// The queues of one connection.
#[derive(Default)]
pub struct Outbox {
    lanes: [Queue; 2],
    presence: SortedMap<(Option<DocumentId>, PeerId), Message>,
    numbered: u32,
    sent: u64,
}

#[derive(Default)]
struct Queue {
    /// Those before [`TURNS`] take turns.
    streams: VecDeque<Stream>,
    /// What the browser has taken and not yet sent, as far as we know.
    buffered: usize,
}

/// What waits to be sent about one document or, on the fast lane, about anything.
struct Stream {
    document: Option<DocumentId>,
    messages: VecDeque<Cutter>,
}

impl Outbox {
    /// Queues a message on the lane that suits it.
    pub fn push(&mut self, message: &Message) {
        match message.header {
            Header::Presence { channel, origin } => {
                self.presence.insert((channel, origin), message.clone());
            }
            _ => {
                if let Header::Gone { origin } = message.header {
                    self.presence.retain(|(_, whose)| *whose != origin);
                }
                self.push_in_order(std::slice::from_ref(message));
            }
        }
    }

    /// Queues messages that only make sense in this order: all on one lane.
    pub fn push_in_order(&mut self, messages: &[Message]) {
        let is_small = |message: &Message| message.body.len() <= SMALL;
        let lane = if messages.iter().all(is_small) { Lane::Fast } else { Lane::Bulk };
        messages.iter().for_each(|message| self.queue(lane, message));
    }

    fn queue(&mut self, lane: Lane, message: &Message) {
        self.numbered = self.numbered.wrapping_add(1);
        let document = if lane == Lane::Bulk { message.header.document() } else { None };
        self.lanes[lane as usize].push(document, Cutter::new(self.numbered, message));
    }

    /// The browser's buffer of this lane is down to `buffered` bytes.
    pub fn drained(&mut self, lane: Lane, buffered: usize) {
        self.lanes[lane as usize].buffered = buffered;
    }

    /// The next frame to send on one of `lanes`, in their order; `None` when there is none or no room
    /// for it.
    pub fn next_frame(&mut self, lanes: &[Lane]) -> Option<(Lane, Vec<u8>)> {
        self.queue_presence();
        let frame =
            lanes.iter().find_map(|&lane| Some((lane, self.lanes[lane as usize].next_frame(lane)?)))?;
        self.sent += frame.1.len() as u64;
        Some(frame)
    }

    /// Bytes of frames that were given to the browser.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Bytes that wait to be given to it.
    pub fn queued(&self) -> usize {
        let streams = self.lanes.iter().flat_map(|queue| &queue.streams);
        streams.flat_map(|stream| &stream.messages).map(Cutter::remaining).sum()
    }

    /// Whether more waits than for anybody who reads what is sent.
    pub fn is_overrun(&self) -> bool {
        self.lanes.iter().any(|queue| queue.length() > limits::QUEUED)
    }

    fn queue_presence(&mut self) {
        let fast = &self.lanes[Lane::Fast as usize];
        if fast.streams.is_empty() && fast.buffered < Lane::Fast.low_water() {
            for (_, message) in std::mem::take(&mut self.presence).into_entries() {
                self.queue(Lane::Fast, &message);
            }
        }
    }

    /// Whether everything has been given to the browser.
    pub fn is_empty(&self) -> bool {
        self.presence.is_empty() && self.lanes.iter().all(|queue| queue.streams.is_empty())
    }
}

impl Queue {
    fn length(&self) -> usize {
        self.streams.iter().map(|stream| stream.messages.len()).sum()
    }

    fn push(&mut self, document: Option<DocumentId>, message: Cutter) {
        match self.streams.iter_mut().find(|stream| stream.document == document) {
            Some(stream) => stream.messages.push_back(message),
            None => self.streams.push_back(Stream { document, messages: [message].into() }),
        }
    }

    fn next_frame(&mut self, lane: Lane) -> Option<Vec<u8>> {
        if self.buffered >= lane.high_water() {
            return None;
        }
        let mut stream = self.streams.pop_front()?;
        let frame = stream.next_frame();
        if !stream.messages.is_empty() {
            // Behind those whose turn it is, before those that wait for one.
            let turns = self.streams.len().min(TURNS - 1);
            self.streams.insert(turns, stream);
        }
        self.buffered += frame.as_ref().map_or(0, Vec::len);
        frame
    }
}

impl Stream {
    /// A message's last frame takes the message with it.
    fn next_frame(&mut self) -> Option<Vec<u8>> {
        let message = self.messages.front_mut()?;
        let frame = message.next_frame();
        if message.is_finished() {
            self.messages.pop_front();
        }
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::frame::{Assembled, Assembler};
    use crate::room::ids::PeerId;

    fn update(length: usize) -> Message {
        let header = Header::Update { document: DocumentId([1; 32]), origin: PeerId([2; 16]), answers: None };
        Message { header, body: vec![0; length].into() }
    }

    fn presence(byte: u8) -> Message {
        let header = Header::Presence { channel: None, origin: PeerId([2; 16]) };
        Message { header, body: vec![byte].into() }
    }

    fn drain(outbox: &mut Outbox) -> Vec<(Lane, usize)> {
        std::iter::from_fn(|| outbox.next_frame(&Lane::ALL))
            .map(|(lane, frame)| (lane, frame.len()))
            .collect()
    }

    #[test]
    fn a_keystroke_overtakes_a_transfer_that_waits_for_the_network() {
        let mut outbox = Outbox::default();
        outbox.push(&update(40_000_000));
        let sent: usize = drain(&mut outbox).iter().map(|(_, length)| length).sum();
        assert!(sent >= Lane::Bulk.high_water() && sent < Lane::Bulk.high_water() + 20_000);
        outbox.push(&update(10));
        assert_eq!(drain(&mut outbox).iter().map(|(lane, _)| *lane).collect::<Vec<_>>(), [Lane::Fast]);
        outbox.drained(Lane::Bulk, Lane::Bulk.low_water());
        assert!(drain(&mut outbox).iter().all(|(lane, _)| *lane == Lane::Bulk));
    }

    #[test]
    fn documents_take_turns_and_each_keeps_its_order() {
        let mut outbox = Outbox::default();
        let of = |document: u8, length| {
            let mut message = update(length);
            message.header = Header::Update {
                document: DocumentId([document; 32]),
                origin: PeerId([2; 16]),
                answers: None,
            };
            message
        };
        let [large, small] = [300_000, 40_000];
        for document in 1..=6 {
            outbox.push_in_order(&[of(document, large), of(document, small)]);
        }
        let mut assembler = Assembler::new(limits::MESSAGE);
        let mut arrived = Vec::new();
        loop {
            outbox.drained(Lane::Bulk, 0);
            let Some((_, frame)) = outbox.next_frame(&[Lane::Bulk]) else { break };
            if let Assembled::Message(bytes) = assembler.take(&frame).expect("not more at once than allowed")
            {
                let (header, body) = Message::decode(&bytes).expect("whole");
                arrived.push((header.document().expect("of one").0[0], body.len()));
            }
        }
        assert!(outbox.is_empty() && outbox.queued() == 0);
        let expected = |documents: std::ops::RangeInclusive<u8>| {
            let each = move |length| documents.clone().map(move |document| (document, length));
            each(large).chain(each(small)).collect::<Vec<_>>()
        };
        assert_eq!(arrived[..8], expected(1..=4), "side by side");
        assert_eq!(arrived[8..], expected(5..=6));
    }

    #[test]
    fn who_asks_and_reads_nothing_overruns_it() {
        let mut outbox = Outbox::default();
        outbox.drained(Lane::Fast, Lane::Fast.high_water());
        (0..limits::QUEUED).for_each(|_| outbox.push(&Message::bare(Header::Pong { number: 1 })));
        assert!(!outbox.is_overrun() && outbox.next_frame(&Lane::ALL).is_none());
        outbox.push(&update(1));
        assert!(outbox.is_overrun());
    }

    #[test]
    fn only_the_newest_presence_is_sent() {
        let mut outbox = Outbox::default();
        outbox.drained(Lane::Fast, Lane::Fast.high_water());
        (0..100).for_each(|i| {
            outbox.push(&presence(i));
            assert_eq!(outbox.next_frame(&Lane::ALL), None);
        });
        outbox.drained(Lane::Fast, 0);
        let frames: Vec<_> = std::iter::from_fn(|| outbox.next_frame(&Lane::ALL)).collect();
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0].1.last(), Some(&99));
        assert!(outbox.is_empty());
    }
}

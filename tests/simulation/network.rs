//! The network of the simulation: what is sent, and when it arrives.
//!
//! Signaling is ordered for each server and page. A data channel is reliable and ordered until its
//! connection is cut; what is on its way then is lost, and each side learns of it in its own time.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use jupyterlite_webrtc::room::Event;
use jupyterlite_webrtc::room::ids::{LinkId, ServerId};
use jupyterlite_webrtc::room::outbox::Lane;

/// A page in the world. A page that comes back is a new one.
pub type PageId = usize;

/// One end of a connection.
pub type End = (PageId, LinkId);

/// Something that will happen to a page.
pub struct Delivery {
    pub at: f64,
    order: u64,
    pub page: PageId,
    pub event: Event,
    /// The connection it comes over; if that is cut before, it never arrives.
    over: Option<(End, u64)>,
}

impl PartialEq for Delivery {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Delivery {}

impl PartialOrd for Delivery {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Delivery {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives the greatest first; we want the earliest.
        other.at.total_cmp(&self.at).then(other.order.cmp(&self.order))
    }
}

/// What is known of one end of a connection.
#[derive(Default)]
struct Wire {
    other: Option<End>,
    /// The other end as told by the description that was accepted.
    accepted: Option<End>,
    opened: bool,
    cut: bool,
    /// There is no path: what arrives meanwhile waits here. A restart of ICE finds one from this moment
    /// on, if both ends still have the connection.
    interrupted: Option<f64>,
    waiting: Vec<Event>,
    /// When the last frame of each lane arrives; later ones arrive after it.
    last: [f64; 2],
    described: u32,
}

/// The network.
#[derive(Default)]
pub struct Network {
    queue: BinaryHeap<Delivery>,
    order: u64,
    topics: BTreeMap<(ServerId, String), BTreeSet<PageId>>,
    open: BTreeSet<(ServerId, PageId)>,
    server_last: BTreeMap<(ServerId, PageId), f64>,
    wires: BTreeMap<End, Wire>,
    pub signaling_up: bool,
    /// Pages that reach nobody.
    pub cut_off: BTreeSet<PageId>,
    /// Pages whose signaling takes until a moment, to them and from them, and then all comes at once.
    pub delayed: BTreeMap<PageId, f64>,
}

impl Network {
    /// A network whose signaling servers are up.
    pub fn up() -> Self {
        Self { signaling_up: true, ..Self::default() }
    }

    /// Has `event` happen to `page` at `at`.
    pub fn schedule(&mut self, at: f64, page: PageId, event: Event) {
        self.push(at, page, event, None);
    }

    fn push(&mut self, at: f64, page: PageId, event: Event, over: Option<(End, u64)>) {
        self.order += 1;
        let order = self.order;
        self.queue.push(Delivery { at, order, page, event, over });
    }

    /// When something arrives next.
    pub fn next_at(&self) -> Option<f64> {
        self.queue.peek().map(|delivery| delivery.at)
    }

    /// The next thing to arrive, unless it was lost on its way.
    pub fn next(&mut self) -> Option<Delivery> {
        let delivery = self.queue.pop()?;
        let Some((end, _)) = delivery.over else { return Some(delivery) };
        let wire = self.wires.get_mut(&end).filter(|wire| !wire.cut)?;
        if wire.interrupted.is_some() {
            wire.waiting.push(delivery.event);
            return None;
        }
        Some(delivery)
    }

    // ------------------------------------------------------------ signaling

    pub fn dial(&mut self, page: PageId, server: ServerId, now: f64, delay: f64) {
        let up = self.signaling_up && !self.cut_off.contains(&page);
        let event = if up { Event::ServerOpened(server) } else { Event::ServerClosed(server) };
        if up {
            self.open.insert((server, page));
        }
        self.server_last.insert((server, page), now + delay);
        self.schedule(now + delay, page, event);
    }

    /// What the server makes of a text: the same as y-webrtc's, which counts subscribers.
    pub fn say(
        &mut self,
        page: PageId,
        server: ServerId,
        text: &str,
        now: f64,
        mut delay: impl FnMut() -> f64,
    ) {
        if !self.open.contains(&(server, page)) {
            return;
        }
        let mut json: serde_json::Value = serde_json::from_str(text).expect("the room speaks JSON");
        match json["type"].as_str() {
            Some("subscribe") => self.subscribe(page, server, &json),
            Some("unsubscribe") => self.unsubscribe(page),
            Some("publish") => {
                let topic = json["topic"].as_str().expect("a topic").to_owned();
                let subscribers = self.topics.get(&(server, topic)).cloned().unwrap_or_default();
                json["clients"] = subscribers.len().into();
                for subscriber in subscribers {
                    let last = self.server_last.entry((server, subscriber)).or_default();
                    let until = |page: &PageId| self.delayed.get(page).copied().unwrap_or(now);
                    *last = last.max(now + delay()).max(until(&page)).max(until(&subscriber));
                    let at = *last;
                    self.schedule(at, subscriber, Event::ServerSaid(server, json.to_string()));
                }
            }
            Some("ping") => {
                let at = now + delay();
                self.schedule(at, page, Event::ServerSaid(server, r#"{"type":"pong"}"#.into()));
            }
            _ => {}
        }
    }

    fn subscribe(&mut self, page: PageId, server: ServerId, json: &serde_json::Value) {
        for topic in json["topics"].as_array().expect("topics") {
            let topic = topic.as_str().expect("a topic").to_owned();
            self.topics.entry((server, topic)).or_default().insert(page);
        }
    }

    /// The page is gone for all servers.
    pub fn unsubscribe(&mut self, page: PageId) {
        for subscribers in self.topics.values_mut() {
            subscribers.remove(&page);
        }
        self.open.retain(|(_, open)| *open != page);
    }

    /// Cuts a page off from everything, or lets it reach others again. True if it is cut off now.
    pub fn toggle(&mut self, page: PageId, now: f64, mut delay: impl FnMut() -> f64) -> bool {
        if self.cut_off.remove(&page) {
            return false;
        }
        self.cut_off.insert(page);
        for end in self.ends_of(page) {
            self.cut(end, now, &mut delay, [true, true]);
        }
        let servers: Vec<_> = self.open.iter().filter(|(_, open)| *open == page).copied().collect();
        self.unsubscribe(page);
        for (server, page) in servers {
            self.schedule(now + 1.0, page, Event::ServerClosed(server));
        }
        true
    }

    /// All servers go down: who was connected learns of it.
    pub fn signaling_down(&mut self, now: f64) {
        self.signaling_up = false;
        self.topics.clear();
        for (server, page) in std::mem::take(&mut self.open) {
            self.schedule(now + 1.0, page, Event::ServerClosed(server));
        }
    }

    // ------------------------------------------------------------ connections

    pub fn connect(&mut self, end: End) {
        self.wires.insert(end, Wire::default());
    }

    /// A description that `end` makes. It says whose it is, and has a fingerprint of its own.
    pub fn describe(&mut self, end: End) -> Option<String> {
        let wire = self.wires.get_mut(&end).filter(|wire| !wire.cut)?;
        wire.described += 1;
        let (page, LinkId(link)) = end;
        Some(format!(
            "end={page}/{link}\r\na=fingerprint:sha-256 {page:04x}:{link:04x}\r\na=ice-pwd:{page}/{link}\r\n"
        ))
    }

    /// `end` accepts a description; when both have accepted each other's, the connection opens.
    pub fn accept(&mut self, end: End, sdp: &str, now: f64, mut delay: impl FnMut() -> f64) {
        let other = read_end(sdp);
        let Some(wire) = self.wires.get_mut(&end) else {
            return;
        };
        wire.accepted = Some(other);
        if wire.opened && wire.other == Some(other) && wire.interrupted.is_some_and(|back| back <= now) {
            self.resume(end, now, &mut delay);
        }
        let mutual = self.wires.get(&other).is_some_and(|wire| wire.accepted == Some(end) && !wire.cut);
        let fresh = |wires: &BTreeMap<End, Wire>, end| {
            wires.get(&end).is_some_and(|wire: &Wire| !wire.opened && !wire.cut)
        };
        if !mutual || !fresh(&self.wires, end) || !fresh(&self.wires, other) {
            return;
        }
        for (this, that) in [(end, other), (other, end)] {
            let wire = self.wires.get_mut(&this).expect("just looked at");
            wire.opened = true;
            wire.other = Some(that);
            let mut at = now;
            for lane in Lane::ALL {
                at += delay();
                wire.last[lane as usize] = at;
            }
            for lane in Lane::ALL {
                let at = self.wires[&this].last[lane as usize];
                self.push(at, this.0, Event::LaneOpened { link: this.1, lane }, Some((this, 0)));
            }
        }
    }

    /// A frame goes out; it arrives after those before it, and then the sender's buffer is free.
    pub fn send(&mut self, end: End, lane: Lane, frame: Vec<u8>, now: f64, delay: f64) {
        let Some(other) = self.wires.get(&end).filter(|wire| !wire.cut).and_then(|wire| wire.other) else {
            return;
        };
        let Some(wire) = self.wires.get_mut(&other).filter(|wire| !wire.cut) else {
            return;
        };
        // 20 MB a second.
        let length = frame.len() as f64 / 20_000.0;
        let at = (now + delay).max(wire.last[lane as usize]) + length;
        wire.last[lane as usize] = at;
        self.push(at, other.0, Event::Received { link: other.1, lane, frame }, Some((other, 0)));
        self.push(at, end.0, Event::Drained { link: end.1, lane, buffered: 0 }, Some((end, 0)));
    }

    /// Closes or cuts a connection. Ends that are `told` learn of it after a while.
    pub fn cut(&mut self, end: End, now: f64, mut delay: impl FnMut() -> f64, told: [bool; 2]) {
        let Some(wire) = self.wires.get_mut(&end) else {
            return;
        };
        let ends = [Some(end), wire.other];
        for (end, told) in ends.into_iter().zip(told) {
            let Some(end) = end else { continue };
            let Some(wire) = self.wires.get_mut(&end) else {
                continue;
            };
            if !std::mem::replace(&mut wire.cut, true) && told {
                let event = Event::LinkLost { link: end.1, reason: "cut".into() };
                let at = now + delay();
                self.schedule(at, end.0, event);
            }
        }
    }

    /// There is no path between two ends until `back`, and then one only for who looks for it. Each end
    /// notices, in its own time or never.
    pub fn interrupt(&mut self, end: End, back: f64, now: f64, mut notices: impl FnMut() -> Option<f64>) {
        let Some(other) =
            self.wires.get(&end).filter(|wire| wire.opened && !wire.cut).and_then(|it| it.other)
        else {
            return;
        };
        for end in [end, other] {
            if let Some(wire) = self.wires.get_mut(&end).filter(|wire| !wire.cut) {
                wire.interrupted = Some(back);
                if let Some(delay) = notices() {
                    self.schedule(now + delay, end.0, Event::LinkInterrupted(end.1));
                }
            }
        }
    }

    /// The two ends have a path again: nothing that was sent is lost.
    fn resume(&mut self, end: End, now: f64, delay: &mut impl FnMut() -> f64) {
        let other = self.wires.get(&end).and_then(|wire| wire.other);
        for end in [Some(end), other].into_iter().flatten() {
            let Some(wire) = self.wires.get_mut(&end).filter(|wire| wire.interrupted.is_some()) else {
                continue;
            };
            wire.interrupted = None;
            let mut at = now;
            let waiting = std::mem::take(&mut wire.waiting);
            for event in waiting {
                at += delay();
                self.push(at, end.0, event, Some((end, 0)));
            }
            if let Some(wire) = self.wires.get_mut(&end) {
                wire.last = wire.last.map(|last| last.max(at));
            }
            self.schedule(now + delay(), end.0, Event::LinkResumed(end.1));
        }
    }

    /// All paths are there again, for who looks for them.
    pub fn paths_are_back(&mut self, now: f64) {
        for wire in self.wires.values_mut().filter(|wire| wire.interrupted.is_some()) {
            wire.interrupted = Some(now);
        }
    }

    /// The ends of all open connections of a page.
    pub fn ends_of(&self, page: PageId) -> Vec<End> {
        self.wires.iter().filter(|(end, wire)| end.0 == page && !wire.cut).map(|(end, _)| *end).collect()
    }
}

fn read_end(sdp: &str) -> End {
    let (page, link) =
        sdp.lines().next().and_then(|line| line.strip_prefix("end=")?.split_once('/')).expect("an end");
    (page.parse().expect("a page"), LinkId(link.parse().expect("a link")))
}

//! The world of the simulation: people and their pages, the network between them, time and chance.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::rc::Rc;
use std::time::Instant;

use jupyterlite_webrtc::room::signaling::DescriptionKind;
use jupyterlite_webrtc::room::{Action, Event};
use jupyterlite_webrtc::store::memory::MemoryStore;
use yrs::ClientID;

use crate::browsers::{BrowserId, Browsers};
use crate::class::Meter;
use crate::disk::Disk;
use crate::network::{Network, PageId};
use crate::page::{Drive, Ledger, Page};

/// What may go wrong.
#[derive(Clone, Copy, Default)]
pub struct Faults {
    pub crashes: bool,
    pub cuts: bool,
    pub signaling: bool,
    /// Writes to the store fail, and the store is emptied.
    pub storage: bool,
    /// Files are renamed and deleted.
    pub files: bool,
    /// Files are changed by something else than the page.
    pub outside: bool,
    /// Clocks differ, and laptops sleep.
    pub clocks: bool,
    /// Several people are tabs of one browser.
    pub tabs: bool,
}

impl Faults {
    pub fn all() -> Self {
        Self {
            crashes: true,
            cuts: true,
            signaling: true,
            storage: true,
            files: true,
            outside: true,
            clocks: true,
            tabs: true,
        }
    }
}

/// Bugs that tests plant, to see that they are caught.
#[derive(Clone, Copy, Default)]
pub struct Bugs {
    pub random_seeds: bool,
    pub drops_frames: bool,
    pub store_forgets: bool,
    /// The store does not forget the client ids that it has handed out.
    pub lends_twice: bool,
    /// The store does not take what a page says last.
    pub store_is_deaf: bool,
    /// A person's pages all write under one client id, also after a crash.
    pub same_clients: bool,
}

/// Who somebody is, whichever page they are in.
pub type PersonId = usize;

/// A person: what stays when a page crashes or is closed.
pub struct Person {
    pub id: PersonId,
    pub drive: Drive,
    pub ledger: Ledger,
    pub disk: Disk,
}

pub struct World {
    pub seed: u64,
    pub faults: Faults,
    pub bugs: Bugs,
    pub(crate) chance: fastrand::Rng,
    pub(crate) now: f64,
    pub(crate) network: Network,
    pub(crate) browsers: Browsers,
    /// What the tabs of a browser keep.
    pub(crate) stores: BTreeMap<BrowserId, Rc<MemoryStore>>,
    pub(crate) pages: BTreeMap<PageId, Page>,
    /// People without a page, who may come back.
    pub(crate) gone: Vec<Person>,
    pub(crate) people: usize,
    pub(crate) made: usize,
    pub(crate) typed: u32,
    /// Markers that must be somewhere, and who typed them; and those that a crash may have taken.
    pub(crate) certain: BTreeMap<String, PersonId>,
    pub(crate) doubtful: BTreeSet<String>,
    /// The client that wrote each marker, and how far it had come with that.
    pub(crate) clocks: BTreeMap<String, (ClientID, u32)>,
    pub(crate) copies_expected: bool,
    /// Pages that sleep, and what happens to them when they wake.
    pub(crate) asleep: BTreeMap<PageId, Vec<Event>>,
    /// What each page has sent and worked.
    pub(crate) meters: BTreeMap<PageId, Meter>,
    /// What is handled when what is being handled is done, as in a browser.
    inbox: VecDeque<(PageId, Event)>,
    handles: bool,
    talks: bool,
}

impl World {
    pub fn new(seed: u64, talks: bool) -> Self {
        Self {
            seed,
            faults: Faults::default(),
            bugs: Bugs::default(),
            chance: fastrand::Rng::with_seed(seed),
            now: 1_700_000_000_000.0,
            network: Network::up(),
            browsers: Browsers::default(),
            stores: BTreeMap::new(),
            pages: BTreeMap::new(),
            gone: Vec::new(),
            people: 0,
            made: 0,
            typed: 0,
            certain: BTreeMap::new(),
            doubtful: BTreeSet::new(),
            clocks: BTreeMap::new(),
            copies_expected: true,
            asleep: BTreeMap::new(),
            meters: BTreeMap::new(),
            inbox: VecDeque::new(),
            handles: false,
            talks,
        }
    }

    pub(crate) fn log(&self, what: impl FnOnce() -> String) {
        if self.talks {
            println!("{:9.1} {}", self.now - 1_700_000_000_000.0, what());
        }
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.chance.usize(0..end)
    }

    pub fn between(&mut self, start: usize, end: usize) -> usize {
        self.chance.usize(start..end)
    }

    // ------------------------------------------------------------ time

    /// Lets time pass, and all that is due happen.
    pub fn pass(&mut self, time: f64) {
        let end = self.now + time;
        while let Some(at) = self.next_at().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.step();
        }
        self.now = end;
    }

    fn next_at(&self) -> Option<f64> {
        let wakes = self.awake().map(|(_, page)| page.wake_at().min(page.disk.next_at()));
        let next =
            wakes.chain(self.network.next_at()).chain(self.browsers.next_at()).fold(f64::INFINITY, f64::min);
        next.is_finite().then_some(next)
    }

    fn awake(&self) -> impl Iterator<Item = (&PageId, &Page)> {
        self.pages.iter().filter(|(id, _)| !self.asleep.contains_key(id))
    }

    fn step(&mut self) {
        let due: Vec<_> =
            self.awake().filter(|(_, page)| page.wake_at() <= self.now).map(|(id, _)| *id).collect();
        let disks = self.awake().filter(|(_, page)| page.disk.next_at() <= self.now);
        for id in disks.map(|(id, _)| *id).collect::<Vec<_>>() {
            let page = self.pages.get_mut(&id).expect("it was just there");
            let event = page.disk.next();
            self.handle(id, event);
        }
        for id in due {
            self.handle(id, Event::Wake);
            let wake_at = self.pages[&id].wake_at();
            assert!(wake_at > self.now, "a page that wakes all the time: {wake_at}");
        }
        self.tabs_hear();
        while self.network.next_at().is_some_and(|at| at <= self.now) {
            if let Some(delivery) = self.network.next() {
                let lost = self.bugs.drops_frames
                    && matches!(delivery.event, Event::Received { .. })
                    && self.below(20) == 0;
                if !lost {
                    self.handle(delivery.page, delivery.event);
                }
            }
        }
    }

    /// Everything works again, and goes on until nothing is left to be done.
    pub fn calm_down(&mut self) {
        self.log(|| "calm".into());
        self.network.signaling_up = true;
        self.network.cut_off.clear();
        self.network.paths_are_back(self.now);
        self.bugs.drops_frames = false;
        self.everybody_comes_back();
        self.pass(180_000.0);
    }

    // ------------------------------------------------------------ the driver

    pub(crate) fn handle(&mut self, id: PageId, event: Event) {
        self.inbox.push_back((id, event));
        if mem::replace(&mut self.handles, true) {
            return;
        }
        while let Some((id, event)) = self.inbox.pop_front() {
            self.handle_next(id, event);
        }
        self.handles = false;
    }

    fn handle_next(&mut self, id: PageId, event: Event) {
        if let Some(later) = self.asleep.get_mut(&id) {
            return later.push(event);
        }
        let Some(page) = self.pages.get_mut(&id) else {
            return;
        };
        let began = Instant::now();
        page.room.handle(event, self.now + page.clock);
        self.meters.entry(id).or_default().worked += began.elapsed();
        self.perform(id);
    }

    pub(crate) fn proceed(&mut self, id: PageId) {
        let Some(page) = self.pages.get_mut(&id) else {
            return;
        };
        for event in page.proceed() {
            self.handle(id, event);
        }
    }

    pub(crate) fn perform(&mut self, id: PageId) {
        while let Some(action) = self.pages.get_mut(&id).and_then(|page| page.room.poll()) {
            self.act(id, action);
        }
        if let Some(page) = self.pages.get_mut(&id) {
            page.wake_at = page.room.wake_at();
        }
    }

    fn act(&mut self, id: PageId, action: Action) {
        let now = self.now;
        let chance = &mut self.chance;
        let mut delay = || 1.0 + chance.f64() * 80.0;
        let Some(page) = self.pages.get_mut(&id) else {
            return;
        };
        self.meters.entry(id).or_default().count(&action);
        match action {
            Action::Dial(server) => self.network.dial(id, server, now, delay()),
            Action::Say(server, text) => self.network.say(id, server, &text, now, delay),
            Action::Connect(link) => self.network.connect((id, link)),
            Action::Offer(link) | Action::Restart(link) => self.describe(id, link, DescriptionKind::Offer),
            Action::Accept { link, kind, sdp } => {
                self.network.accept((id, link), &sdp, now, delay);
                if kind == DescriptionKind::Offer {
                    self.describe(id, link, DescriptionKind::Answer);
                }
            }
            Action::AddCandidate { .. } => {}
            Action::Close(link) => {
                self.network.cut((id, link), now, delay, [false, true]);
                self.closes_tab(id, link);
            }
            Action::Send { link, lane, frame } => {
                let delay = delay();
                if !self.sends_to_tab(id, link, lane, &frame) {
                    self.network.send((id, link), lane, frame, now, delay);
                }
            }
            Action::Hang(_) => self.network.unsubscribe(id),
            Action::TellTabs(word) => self.tells_tabs(id, word),
            Action::Join { link, peer, follows } => self.joins_tab(id, link, peer, follows),
            Action::Depose => self.deposes(id),
            Action::Apply { document, update } => page.apply(document, &update),
            Action::Compact(document) => {
                let whole = page.whole(document);
                whole.into_iter().for_each(|event| self.handle(id, event));
            }
            Action::Restore => {
                let wait = delay() * 3.0;
                // A store may answer when it is not waited for any more.
                let is_slow = self.faults.storage && self.chance.usize(0..4) == 0;
                let slow = if is_slow { self.chance.f64() * 14_000.0 } else { 0.0 };
                page.disk.restore(now + wait + slow);
            }
            Action::Write { number, write } => page.disk.write(now + delay(), number, write),
            Action::Index(change) => {
                let events = page.changed(&change);
                events.into_iter().for_each(|event| self.handle(id, event));
                self.proceed(id);
            }
            Action::Claimed { number, .. } => {
                page.claims.remove(&number);
                self.proceed(id);
            }
            Action::Held(_) | Action::Unavailable(_) => self.proceed(id),
            Action::Settled(settlement) => {
                page.settled = true;
                let events = page.look_after_orphans();
                events.into_iter().for_each(|event| self.handle(id, event));
                self.log(|| format!("page {id} is settled: {settlement:?}"));
                self.proceed(id);
            }
            Action::Notice { notice, detail } => self.log(|| format!("page {id}: {notice:?} {detail}")),
            Action::Presence { update, .. } => {
                page.present.extend(update.get(1).map(|client| u64::from(*client)));
                page.presence.push(update.to_vec());
            }
            Action::PresenceGone { clients, .. } => {
                page.present.retain(|client| !clients.contains(client));
            }
            Action::StatusChanged => {}
        }
    }

    fn describe(&mut self, id: PageId, link: jupyterlite_webrtc::room::ids::LinkId, kind: DescriptionKind) {
        if let Some(sdp) = self.network.describe((id, link)) {
            let at = self.now + self.chance.f64() * 20.0;
            self.network.schedule(at, id, Event::Described { link, kind, sdp });
        }
    }
}

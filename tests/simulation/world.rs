//! The world of the simulation: pages, the network between them, time, chance, and what must hold.

use std::collections::{BTreeMap, BTreeSet};

use jupyterlite_webrtc::room::{Action, Event};

use crate::network::{Network, PageId};
use crate::page::{Drive, Ledger, Page, text_of};

/// What may go wrong.
#[derive(Clone, Copy, Default)]
pub struct Faults {
    pub crashes: bool,
    pub cuts: bool,
    pub signaling: bool,
}

impl Faults {
    pub fn all() -> Self {
        Self { crashes: true, cuts: true, signaling: true }
    }
}

/// Bugs that tests plant, to see that they are caught.
#[derive(Clone, Copy, Default)]
pub struct Bugs {
    pub random_seeds: bool,
    pub drops_frames: bool,
}

/// A person: what stays when a page crashes or is closed.
struct Person {
    drive: Drive,
    ledger: Ledger,
}

pub struct World {
    pub seed: u64,
    pub faults: Faults,
    pub bugs: Bugs,
    chance: fastrand::Rng,
    now: f64,
    network: Network,
    pages: BTreeMap<PageId, Page>,
    /// Pages that are gone, by the person who may come back.
    gone: Vec<Person>,
    made: usize,
    typed: u32,
    /// Markers that must be somewhere, and those that a crash may have taken.
    certain: BTreeSet<String>,
    doubtful: BTreeSet<String>,
    copies_expected: bool,
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
            pages: BTreeMap::new(),
            gone: Vec::new(),
            made: 0,
            typed: 0,
            certain: BTreeSet::new(),
            doubtful: BTreeSet::new(),
            copies_expected: true,
            talks,
        }
    }

    fn log(&self, what: impl FnOnce() -> String) {
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

    // ------------------------------------------------------------ what people do

    /// Somebody with these files opens the site.
    pub fn page(&mut self, files: &[(&str, &str)]) -> PageId {
        let drive = files.iter().map(|(path, content)| ((*path).to_owned(), (*content).to_owned())).collect();
        self.join(Person { drive, ledger: Ledger::new() })
    }

    fn join(&mut self, person: Person) -> PageId {
        self.made += 1;
        let id = self.made;
        let mut seed = [0; 32];
        self.chance.fill(&mut seed);
        let client = 1_000_000 + id as u64 * 1_000;
        let page = Page::new(seed, client, person.drive, person.ledger, self.bugs.random_seeds, self.now);
        self.log(|| format!("page {id} joins as {:?}", page.room.me()));
        self.pages.insert(id, page);
        self.perform(id);
        id
    }

    pub fn open(&mut self, page: PageId, path: &str) {
        let state = self.pages.get_mut(&page).filter(|state| !state.open.contains_key(path));
        if let Some(state) = state {
            state.wanted.insert(path.to_owned());
            self.proceed(page);
        }
    }

    /// Waits until `path` is open in `page`.
    pub fn until_open(&mut self, page: PageId, path: &str) {
        let patience = self.now + 60_000.0;
        while !self.pages[&page].open.contains_key(path) {
            assert!(self.now < patience, "page {page} never opened {path}");
            self.pass(50.0);
        }
    }

    /// People type, now and then, in whatever is open.
    pub fn type_for_a_while(&mut self, times: usize) {
        for _ in 0..times {
            self.somebody_types();
            let wait = self.below(120);
            self.pass(wait as f64);
        }
    }

    fn somebody_types(&mut self) {
        let open: Vec<_> = self
            .pages
            .iter()
            .flat_map(|(id, page)| page.open.keys().map(|path| (*id, path.clone())))
            .collect();
        if open.is_empty() {
            return;
        }
        let (id, path) = open[self.below(open.len())].clone();
        self.typed += 1;
        let marker = format!("[{}]", self.typed);
        let pick = self.below(1_000);
        let Some(page) = self.pages.get_mut(&id) else {
            return;
        };
        if let Some(event) = page.type_marker(&path, &marker, pick) {
            self.certain.insert(marker);
            self.handle(id, event);
        }
    }

    /// One of all that can happen.
    pub fn something_happens(&mut self, paths: &[&str]) {
        match self.below(20) {
            0..=9 => self.somebody_types(),
            10 | 11 => self.somebody_opens(paths),
            12 => self.somebody_saves(),
            13 if self.faults.cuts => self.a_connection_is_cut(),
            14 if self.faults.crashes => self.somebody_is_gone(true),
            15 => self.somebody_is_gone(false),
            16 if self.faults.signaling => {
                let up = !self.network.signaling_up;
                self.signaling(up);
            }
            17 | 18 => self.somebody_comes_back(paths),
            _ => {}
        }
        let wait = [5, 50, 500, 5_000][self.below(4)];
        let wait = self.below(wait);
        self.pass(wait as f64);
    }

    fn somebody(&mut self) -> Option<PageId> {
        let pages: Vec<_> = self.pages.keys().copied().collect();
        (!pages.is_empty()).then(|| pages[self.below(pages.len())])
    }

    fn somebody_opens(&mut self, paths: &[&str]) {
        if let Some(page) = self.somebody() {
            let path = paths[self.below(paths.len())];
            self.open(page, path);
        }
    }

    fn somebody_saves(&mut self) {
        let Some(id) = self.somebody() else { return };
        self.save_all(id);
    }

    fn save_all(&mut self, id: PageId) {
        let Some(page) = self.pages.get_mut(&id) else {
            return;
        };
        let paths: Vec<_> = page.open.keys().cloned().collect();
        paths.iter().for_each(|path| page.save(path));
    }

    fn a_connection_is_cut(&mut self) {
        let Some(id) = self.somebody() else { return };
        let ends = self.network.ends_of(id);
        if ends.is_empty() {
            return;
        }
        let end = ends[self.below(ends.len())];
        self.log(|| format!("connection {end:?} is cut"));
        let chance = &mut self.chance;
        self.network.cut(end, self.now, || chance.f64() * 5_000.0, [true, true]);
    }

    /// A page is closed, after saving, or crashes.
    fn somebody_is_gone(&mut self, crashes: bool) {
        let Some(id) = self.somebody() else { return };
        self.log(|| format!("page {id} {}", if crashes { "crashes" } else { "leaves" }));
        if !crashes {
            self.save_all(id);
            self.handle(id, Event::Leave);
        }
        let Some(page) = self.pages.remove(&id) else {
            return;
        };
        if crashes {
            // What it typed may have been on its way.
            let texts = page.open.values().map(|open| text_of(&open.doc));
            self.doubt(&texts.collect::<String>());
        }
        for end in self.network.ends_of(id) {
            let chance = &mut self.chance;
            self.network.cut(end, self.now, || chance.f64() * 20_000.0, [false, crashes]);
        }
        self.network.unsubscribe(id);
        self.gone.push(Person { drive: page.drive, ledger: page.ledger });
    }

    fn doubt(&mut self, text: &str) {
        let (certain, doubtful) = (&mut self.certain, &mut self.doubtful);
        certain.retain(|marker| {
            let doubted = text.contains(marker.as_str());
            if doubted {
                doubtful.insert(marker.clone());
            }
            !doubted
        });
    }

    fn somebody_comes_back(&mut self, paths: &[&str]) {
        if self.gone.is_empty() {
            return;
        }
        let at = self.below(self.gone.len());
        let person = self.gone.swap_remove(at);
        let id = self.join(person);
        let path = paths[self.below(paths.len())];
        self.open(id, path);
    }

    pub fn signaling(&mut self, up: bool) {
        self.log(|| format!("signaling is {}", if up { "up" } else { "down" }));
        if up {
            self.network.signaling_up = true;
        } else {
            self.network.signaling_down(self.now);
        }
    }

    pub fn expect_no_copies(&mut self) {
        self.copies_expected = false;
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
        let wakes = self.pages.values().map(|page| page.room.wake_at());
        let next = wakes.chain(self.network.next_at()).fold(f64::INFINITY, f64::min);
        next.is_finite().then_some(next)
    }

    fn step(&mut self) {
        let due: Vec<_> = self
            .pages
            .iter()
            .filter(|(_, page)| page.room.wake_at() <= self.now)
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.handle(id, Event::Wake);
            let wake_at = self.pages[&id].room.wake_at();
            assert!(wake_at > self.now, "a page that wakes all the time: {wake_at}");
        }
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
        self.bugs.drops_frames = false;
        self.pass(120_000.0);
    }

    // ------------------------------------------------------------ the driver

    fn handle(&mut self, id: PageId, event: Event) {
        let Some(page) = self.pages.get_mut(&id) else {
            return;
        };
        page.room.handle(event, self.now);
        self.perform(id);
    }

    fn proceed(&mut self, id: PageId) {
        let Some(page) = self.pages.get_mut(&id) else {
            return;
        };
        for event in page.proceed() {
            self.handle(id, event);
        }
    }

    fn perform(&mut self, id: PageId) {
        while let Some(action) = self.pages.get_mut(&id).and_then(|page| page.room.poll()) {
            self.act(id, action);
        }
    }

    fn act(&mut self, id: PageId, action: Action) {
        let now = self.now;
        let chance = &mut self.chance;
        let mut delay = || 1.0 + chance.f64() * 80.0;
        let Some(page) = self.pages.get_mut(&id) else {
            return;
        };
        match action {
            Action::Dial(server) => self.network.dial(id, server, now, delay()),
            Action::Say(server, text) => self.network.say(id, server, &text, now, delay),
            Action::Connect(link) => self.network.connect((id, link)),
            Action::Offer(link) => {
                self.describe(id, link, jupyterlite_webrtc::room::signaling::DescriptionKind::Offer)
            }
            Action::Accept { link, kind, sdp } => {
                use jupyterlite_webrtc::room::signaling::DescriptionKind::{Answer, Offer};
                self.network.accept((id, link), &sdp, now, delay);
                if kind == Offer {
                    self.describe(id, link, Answer);
                }
            }
            Action::AddCandidate { .. } => {}
            Action::Close(link) => self.network.cut((id, link), now, delay, [false, true]),
            Action::Send { link, lane, frame } => self.network.send((id, link), lane, frame, now, delay()),
            Action::Apply { document, update } => page.apply(document, &update),
            Action::Compact(document) => {
                let whole = page.whole(document);
                whole.into_iter().for_each(|event| self.handle(id, event));
            }
            Action::Index(change) => {
                let events = page.displaced(&change.entry);
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
                self.log(|| format!("page {id} is settled: {settlement:?}"));
                self.proceed(id);
            }
            Action::Notice { notice, detail } => self.log(|| format!("page {id}: {notice:?} {detail}")),
            Action::Presence { .. } | Action::PresenceGone { .. } | Action::StatusChanged => {}
        }
    }

    fn describe(
        &mut self,
        id: PageId,
        link: jupyterlite_webrtc::room::ids::LinkId,
        kind: jupyterlite_webrtc::room::signaling::DescriptionKind,
    ) {
        if let Some(sdp) = self.network.describe((id, link)) {
            let at = self.now + self.chance.f64() * 20.0;
            self.network.schedule(at, id, Event::Described { link, kind, sdp });
        }
    }

    // ------------------------------------------------------------ what must hold

    pub fn check(&self) {
        self.check_indexes();
        self.check_documents();
        self.check_markers();
        if !self.copies_expected {
            let copies = self
                .pages
                .values()
                .flat_map(|page| page.drive.keys())
                .filter(|path| path.contains("copy"))
                .count();
            assert_eq!(copies, 0, "nobody had a file of their own, and there are copies");
        }
    }

    fn check_indexes(&self) {
        let indexes: BTreeMap<_, Vec<_>> =
            self.pages.iter().map(|(id, page)| (id, page.room.entries().collect())).collect();
        let mut all = indexes.iter();
        if let Some((first, index)) = all.next() {
            for (id, other) in all {
                assert_eq!(index, other, "pages {first} and {id} have different indexes");
            }
        }
    }

    fn check_documents(&self) {
        let mut texts: BTreeMap<&str, (PageId, String)> = BTreeMap::new();
        for (id, page) in &self.pages {
            for (path, open) in &page.open {
                let text = text_of(&open.doc);
                assert!(!text.is_empty(), "page {id} has an empty {path}");
                let (first, expected) = texts.entry(path).or_insert((*id, text.clone()));
                let held_here = |id: &PageId| self.pages.get(id).and_then(|page| held(page, open.document));
                assert_eq!(
                    *expected,
                    text,
                    "pages {first} and {id} differ in {path}; they hold {:?} and {:?} of {:?}",
                    held_here(first),
                    held_here(id),
                    open.document
                );
            }
            if let Some(path) = page.wanted.iter().find(|path| page.drive.contains_key(*path)) {
                let entry = page.room.entry(path);
                let state = entry.and_then(|entry| page.room.document_state(entry.document));
                let status = page.room.status();
                let claims = &page.claims;
                panic!("page {id} never opened {path}: {entry:?} {state:?} {claims:?} {status:?}");
            }
        }
    }

    fn check_markers(&self) {
        let mut per_place = Vec::new();
        for page in self.pages.values() {
            per_place.extend(page.open.values().map(|open| text_of(&open.doc)));
            per_place.extend(page.drive.values().cloned());
            per_place.extend(page.room.entries().filter_map(|entry| held(page, entry.document)));
        }
        per_place.extend(self.gone.iter().flat_map(|person| person.drive.values().cloned()));
        for marker in self.certain.iter().chain(&self.doubtful) {
            let most = per_place.iter().map(|text| text.matches(marker.as_str()).count()).max().unwrap_or(0);
            assert!(most <= 1, "{marker} is not there exactly once, but {most} times");
            let may_miss = self.doubtful.contains(marker);
            assert!(most == 1 || may_miss, "{marker} is not there exactly once, but nowhere");
        }
        for text in &per_place {
            let heads = ["the same", "only the author has this", "also the same"];
            assert!(
                heads.iter().all(|head| text.matches(head).count() <= 1),
                "content is there not exactly once: {text}"
            );
        }
    }
}

/// The content of a document that a page holds for the room.
fn held(page: &Page, document: jupyterlite_webrtc::room::ids::DocumentId) -> Option<String> {
    use yrs::updates::decoder::Decode;
    use yrs::{Transact, Update};
    let doc = yrs::Doc::with_client_id(1);
    for update in page.room.content(document)? {
        doc.transact_mut().apply_update(Update::decode_v1(&update).expect("valid")).expect("it applies");
    }
    Some(text_of(&doc))
}

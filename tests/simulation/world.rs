//! The world of the simulation: people and their pages, the network between them, time and chance.

use std::collections::{BTreeMap, BTreeSet};

use jupyterlite_webrtc::room::signaling::DescriptionKind;
use jupyterlite_webrtc::room::{Action, Event};

use crate::disk::Disk;
use crate::network::{Network, PageId};
use crate::page::{Drive, Ledger, Page, text_of};

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
}

impl Faults {
    pub fn all() -> Self {
        Self { crashes: true, cuts: true, signaling: true, storage: true, files: true, outside: true }
    }
}

/// Bugs that tests plant, to see that they are caught.
#[derive(Clone, Copy, Default)]
pub struct Bugs {
    pub random_seeds: bool,
    pub drops_frames: bool,
    pub store_forgets: bool,
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
    chance: fastrand::Rng,
    now: f64,
    network: Network,
    pub(crate) pages: BTreeMap<PageId, Page>,
    /// People without a page, who may come back.
    pub(crate) gone: Vec<Person>,
    people: usize,
    made: usize,
    typed: u32,
    /// Markers that must be somewhere, and who typed them; and those that a crash may have taken.
    pub(crate) certain: BTreeMap<String, PersonId>,
    pub(crate) doubtful: BTreeSet<String>,
    pub(crate) copies_expected: bool,
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
            people: 0,
            made: 0,
            typed: 0,
            certain: BTreeMap::new(),
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
        self.people += 1;
        self.join(Person { id: self.people, drive, ledger: Ledger::new(), disk: Disk::default() })
    }

    fn join(&mut self, person: Person) -> PageId {
        self.made += 1;
        let id = self.made;
        let mut seed = [0; 32];
        self.chance.fill(&mut seed);
        let client = 1_000_000 + id as u64 * 1_000;
        let page = Page::new(seed, client, person, self.bugs.random_seeds, self.now);
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
            let person = page.person;
            self.certain.insert(marker, person);
            self.handle(id, event);
        }
    }

    /// One of all that can happen.
    pub fn something_happens(&mut self, paths: &[&str]) {
        match self.below(26) {
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
            19 | 20 if self.faults.files => self.somebody_renames(paths),
            21 if self.faults.files => self.somebody_deletes(paths),
            22 if self.faults.storage => self.a_store_fails(),
            23 if self.faults.outside => self.a_file_changes(paths),
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
        if let Some(id) = self.somebody() {
            self.is_gone(id, crashes);
        }
    }

    pub fn is_gone(&mut self, id: PageId, crashes: bool) {
        self.log(|| format!("page {id} {}", if crashes { "crashes" } else { "leaves" }));
        if !crashes {
            self.save_all(id);
            self.handle(id, Event::Leave);
        }
        let Some(mut page) = self.pages.remove(&id) else {
            return;
        };
        // What the room says is kept must be there, whatever becomes of the last writes.
        let is_kept = page.room.status().kept;
        let chance = &mut self.chance;
        page.disk.crash(|| !crashes || chance.bool(), self.bugs.store_forgets);
        if crashes && !is_kept {
            // What it typed may have been on its way.
            let kept = page.disk.text();
            let texts: String = page.open.values().map(|open| text_of(&open.doc)).collect();
            self.doubt(|marker, _| texts.contains(marker) && !kept.contains(marker));
        }
        for end in self.network.ends_of(id) {
            let chance = &mut self.chance;
            self.network.cut(end, self.now, || chance.f64() * 20_000.0, [false, crashes]);
        }
        self.network.unsubscribe(id);
        self.gone.push(page.into_person());
    }

    fn doubt(&mut self, doubted: impl Fn(&str, PersonId) -> bool) {
        let doubtful = &mut self.doubtful;
        self.certain.retain(|marker, person| {
            let is_doubted = doubted(marker, *person);
            if is_doubted {
                doubtful.insert(marker.clone());
            }
            !is_doubted
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

    pub fn everybody_comes_back(&mut self) {
        while let Some(person) = self.gone.pop() {
            self.join(person);
        }
    }

    // ------------------------------------------------------------ files and storage

    fn somebody_renames(&mut self, paths: &[&str]) {
        let names = [paths, &["new.ipynb", "c/other.txt"]].concat();
        let Some(id) = self.somebody() else { return };
        let (from, to) = (names[self.below(names.len())], names[self.below(names.len())]);
        self.renames(id, from, to);
    }

    pub fn renames(&mut self, id: PageId, from: &str, to: &str) {
        let Some(page) = self.pages.get_mut(&id) else { return };
        let events = page.rename(from, to);
        self.log(|| format!("page {id} renames {from} to {to}: {events:?}"));
        events.into_iter().for_each(|event| self.handle(id, event));
        self.proceed(id);
    }

    fn somebody_deletes(&mut self, paths: &[&str]) {
        let names = [paths, &["new.ipynb"]].concat();
        let Some(id) = self.somebody() else { return };
        let path = names[self.below(names.len())];
        self.deletes(id, path);
    }

    pub fn deletes(&mut self, id: PageId, path: &str) {
        let Some(page) = self.pages.get_mut(&id) else { return };
        // What one wrote oneself, and deletes, is gone as it should be.
        let (person, seen) = (page.person, page.text_at(path));
        let events = page.delete(path);
        self.log(|| format!("page {id} deletes {path}: {events:?}"));
        self.doubt(|marker, author| author == person && seen.contains(marker));
        events.into_iter().for_each(|event| self.handle(id, event));
    }

    /// The next write to somebody's store fails, or all that is in it goes.
    fn a_store_fails(&mut self) {
        let Some(id) = self.somebody() else { return };
        let empties = self.below(3) == 0;
        let Some(page) = self.pages.get_mut(&id) else { return };
        if empties {
            let (kept, held) = (page.disk.text(), page.held());
            page.disk.empty();
            // What had not been loaded yet is gone with it.
            self.doubt(|marker, _| kept.contains(marker) && !held.contains(marker));
            self.log(|| format!("the store of page {id} is emptied"));
            self.handle(id, Event::HistoryLost);
        } else {
            page.disk.fails = true;
        }
    }

    /// Something else than the page writes a file that is not open.
    fn a_file_changes(&mut self, paths: &[&str]) {
        let Some(id) = self.somebody() else { return };
        let path = paths[self.below(paths.len())];
        self.typed += 1;
        let marker = format!("[{}]", self.typed);
        let Some(page) = self.pages.get_mut(&id) else { return };
        let is_open = page.open.contains_key(path) || page.wanted.contains(path);
        let Some(content) = page.drive.get_mut(path).filter(|_| !is_open) else { return };
        content.push_str(&marker);
        let person = page.person;
        self.certain.insert(marker, person);
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
        let wakes = self.pages.values().map(|page| page.room.wake_at().min(page.disk.next_at()));
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
        let disks = self.pages.iter().filter(|(_, page)| page.disk.next_at() <= self.now);
        for id in disks.map(|(id, _)| *id).collect::<Vec<_>>() {
            let page = self.pages.get_mut(&id).expect("it was just there");
            let event = page.disk.next();
            self.handle(id, event);
        }
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
        self.everybody_comes_back();
        self.pass(180_000.0);
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
            Action::Offer(link) => self.describe(id, link, DescriptionKind::Offer),
            Action::Accept { link, kind, sdp } => {
                self.network.accept((id, link), &sdp, now, delay);
                if kind == DescriptionKind::Offer {
                    self.describe(id, link, DescriptionKind::Answer);
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
            Action::Restore => page.disk.restore(now + delay() * 3.0),
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
            Action::Presence { .. } | Action::PresenceGone { .. } | Action::StatusChanged => {}
        }
    }

    fn describe(&mut self, id: PageId, link: jupyterlite_webrtc::room::ids::LinkId, kind: DescriptionKind) {
        if let Some(sdp) = self.network.describe((id, link)) {
            let at = self.now + self.chance.f64() * 20.0;
            self.network.schedule(at, id, Event::Described { link, kind, sdp });
        }
    }
}

//! What people do, and what happens to them.

use jupyterlite_webrtc::room::Event;

use crate::browsers::BrowserId;
use crate::disk::Disk;
use crate::network::PageId;
use crate::page::{Ledger, Page};
use crate::world::{Person, PersonId, World};

impl World {
    /// Somebody with these files opens the site.
    pub fn page(&mut self, files: &[(&str, &str)]) -> PageId {
        let drive = files.iter().map(|(path, content)| ((*path).to_owned(), (*content).to_owned())).collect();
        self.people += 1;
        let store =
            self.browser_of(self.people).map(|browser| self.stores.entry(browser).or_default().clone());
        let disk = Disk::of(store.unwrap_or_default());
        self.join(Person { id: self.people, drive, ledger: Ledger::new(), disk })
    }

    /// Two people in three share two browsers.
    fn browser_of(&self, person: PersonId) -> Option<BrowserId> {
        Some(person % 3).filter(|browser| self.faults.tabs && *browser < 2)
    }

    /// Whether one person's store is also another's.
    fn keep_together(&self, one: PersonId, other: PersonId) -> bool {
        one == other || self.browser_of(one).is_some_and(|browser| self.browser_of(other) == Some(browser))
    }

    fn join(&mut self, mut person: Person) -> PageId {
        self.made += 1;
        let id = self.made;
        person.disk.lends_twice = self.bugs.lends_twice;
        person.disk.is_deaf = self.bugs.store_is_deaf;
        let mut seed = [0; 32];
        self.chance.fill(&mut seed);
        let named = if self.bugs.same_clients { person.id } else { id };
        let client = 1_000_000 + named as u64 * 1_000;
        // Half a day, either way; whole milliseconds, which can be added and taken away without rounding.
        let ahead = ((self.chance.f64() - 0.5) * 86_400_000.0).round();
        let clock = if self.faults.clocks { ahead } else { 0.0 };
        let browser = self.browser_of(person.id);
        let tabs = browser.is_some();
        let page = Page::new(seed, client, person, self.bugs.random_seeds, tabs, self.now, clock);
        self.log(|| format!("page {id} joins as {:?}, person {}", page.room.me(), page.person));
        self.pages.insert(id, page);
        if let Some(browser) = browser {
            self.elects(id, browser);
        }
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
            let clock = page.clock(&path);
            self.log(|| format!("page {id} types {marker} in {path}"));
            self.clocks.extend(clock.map(|clock| (marker.clone(), clock)));
            self.certain.insert(marker, person);
            self.handle(id, event);
        }
    }

    /// Files come and go faster than anything is told or kept.
    pub fn files_happen(&mut self, paths: &[&str]) {
        match self.below(20) {
            0..=4 => self.somebody_types(),
            5..=7 => self.somebody_opens(paths),
            8..=10 => self.somebody_renames(paths),
            11..=13 => self.somebody_deletes(paths),
            14 => self.somebody_saves(),
            15 => self.a_store_fails(),
            16 => self.somebody_goes(),
            17 => self.somebody_comes_back(paths),
            18 => self.a_connection_is_cut(),
            _ => self.somebody_is_cut_off(),
        }
        let wait = [5, 30, 100, 1_000][self.below(4)];
        let wait = self.below(wait);
        self.pass(wait as f64);
    }

    /// One of all that can happen, and less than one of these milliseconds until the next.
    pub fn something_happens(&mut self, paths: &[&str], waits: &[usize]) {
        match self.below(27) {
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
            24 if self.faults.clocks => self.somebody_sleeps(),
            25 if self.faults.cuts => self.somebody_is_cut_off(),
            26 if self.faults.cuts => self.a_path_is_interrupted(),
            _ => {}
        }
        let wait = waits[self.below(waits.len())];
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

    /// A laptop is closed, and opened again minutes later: its clock has gone on, and nothing else.
    fn somebody_sleeps(&mut self) {
        let Some(id) = self.somebody() else { return };
        let minutes = self.between(1, 30) as f64;
        self.log(|| format!("page {id} sleeps for {minutes} minutes"));
        if let Some(page) = self.pages.get_mut(&id) {
            page.clock += minutes * 60_000.0;
        }
    }

    /// The path of a connection is gone for a while, with what is on its way.
    fn a_path_is_interrupted(&mut self) {
        let Some(id) = self.somebody() else { return };
        let ends = self.network.ends_of(id);
        if ends.is_empty() {
            return;
        }
        let end = ends[self.below(ends.len())];
        let back = self.now + self.below(40_000) as f64;
        self.log(|| format!("the path of page {id} at {end:?} is interrupted"));
        let chance = &mut self.chance;
        let notices = || chance.bool().then(|| 5_000.0 + chance.f64() * 1_000.0);
        self.network.interrupt(end, back, self.now, notices);
    }

    /// A page is alone for a while, or can reach the others again.
    fn somebody_is_cut_off(&mut self) {
        let Some(id) = self.somebody() else { return };
        let chance = &mut self.chance;
        let is_off = self.network.toggle(id, self.now, || chance.f64() * 5_000.0);
        self.log(|| format!("page {id} is {}", if is_off { "cut off" } else { "back" }));
    }

    /// A page is closed, saved or not, or crashes.
    fn somebody_is_gone(&mut self, crashes: bool) {
        if let Some(id) = self.somebody() {
            self.is_gone(id, crashes);
        }
    }

    pub fn is_gone(&mut self, id: PageId, crashes: bool) {
        self.log(|| format!("page {id} {}", if crashes { "crashes" } else { "leaves" }));
        if !crashes {
            if self.chance.bool() {
                self.save_all(id);
            }
            let last = self.pages[&id].close();
            last.into_iter().chain([Event::Leave]).for_each(|event| self.handle(id, event));
        }
        let Some(mut page) = self.pages.remove(&id) else {
            return;
        };
        // What the room says is kept must be there, whatever becomes of the last writes. The browser need
        // not do them for a page that is closed either.
        let is_kept = page.room.status().kept;
        let chance = &mut self.chance;
        let is_lucky = !crashes && !self.faults.crashes;
        page.disk.crash(|| is_lucky || chance.bool(), self.bugs.store_forgets);
        if crashes && !is_kept {
            // What it typed may have been on its way.
            let kept = page.disk.text();
            let held = page.held();
            let clocks = self.clocks.clone();
            let owns = |marker: &str| clocks.get(marker).is_none_or(|at| page.disk.owns(at.0, at.1));
            let is_kept =
                |marker: &str, author| kept.contains(marker) && (author != page.person || owns(marker));
            self.doubt(|marker, author| held.contains(marker) && !is_kept(marker, author));
        }
        for end in self.network.ends_of(id) {
            let chance = &mut self.chance;
            // Who is not told has to find out.
            let is_told = crashes && chance.bool();
            self.network.cut(end, self.now, || chance.f64() * 20_000.0, [false, is_told]);
        }
        self.network.unsubscribe(id);
        self.ends(id);
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

    /// Somebody's page is closed or crashes.
    pub fn somebody_goes(&mut self) {
        let crashes = self.chance.bool();
        self.somebody_is_gone(crashes);
    }

    pub fn everybody_comes_back_to(&mut self, path: &str) {
        self.everybody_comes_back();
        let pages: Vec<_> = self.pages.keys().copied().collect();
        pages.into_iter().for_each(|page| self.open(page, path));
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
        let together: Vec<_> = (1..=self.people).filter(|other| self.keep_together(person, *other)).collect();
        self.doubt(|marker, author| together.contains(&author) && seen.contains(marker));
        events.into_iter().for_each(|event| self.handle(id, event));
    }

    /// The next write to somebody's store fails, or all that is in it goes.
    fn a_store_fails(&mut self) {
        let Some(id) = self.somebody() else { return };
        let empties = self.below(3) == 0;
        if empties {
            self.a_store_is_emptied(id);
        } else if let Some(page) = self.pages.get_mut(&id) {
            page.disk.fails = true;
            self.log(|| format!("the next write of page {id} fails"));
        }
    }

    fn a_store_is_emptied(&mut self, id: PageId) {
        let page = &self.pages[&id];
        let kept = page.disk.text();
        let tabs = self.pages.iter().filter(|(_, other)| other.disk.is_shared(&page.disk));
        let tabs: Vec<_> = tabs.map(|(id, _)| *id).collect();
        // What no page has loaded is gone with it, be it only that this person wrote it.
        let gone: Vec<_> = self
            .certain
            .iter()
            .filter(|(marker, author)| {
                let knows = |other: &Page| {
                    let is_mine = self.keep_together(**author, other.person);
                    let owns = self.clocks.get(*marker).is_none_or(|at| other.owns(at.0, at.1));
                    other.held().contains(*marker) && (owns || !is_mine)
                };
                kept.contains(*marker) && !tabs.iter().any(|tab| knows(&self.pages[tab]))
            })
            .map(|(marker, _)| marker.clone())
            .collect();
        page.disk.empty();
        self.doubt(|marker, _| gone.iter().any(|one| one == marker));
        self.log(|| format!("the store of page {id} is emptied"));
        for tab in tabs {
            if let Some(page) = self.pages.get_mut(&tab) {
                page.disk.lost();
            }
            self.handle(tab, Event::HistoryLost);
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
        self.log(|| format!("{path} of page {id} gets {marker} from outside"));
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
}

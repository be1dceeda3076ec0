//! Browsers of the simulation: what tabs of one browser have in common, a lock and a channel.
//!
//! The browser gives the lock to one page at a time, in the order in which they asked, and to the next
//! one when that page ends. What a tab says arrives at each other one in the order in which it was said.

use std::collections::{BTreeMap, VecDeque};

use jupyterlite_webrtc::room::ids::{LinkId, PeerId};
use jupyterlite_webrtc::room::outbox::Lane;
use jupyterlite_webrtc::room::{Event, Word};

use crate::network::PageId;
use crate::world::World;

/// Which one of them.
pub type BrowserId = usize;

/// All browsers.
#[derive(Default)]
pub struct Browsers {
    of: BTreeMap<PageId, BrowserId>,
    /// Who has the lock, and who waits for it.
    locks: BTreeMap<BrowserId, VecDeque<PageId>>,
    /// The links of each page: to whom, and the number that both ends know it by.
    links: BTreeMap<(PageId, LinkId), (PeerId, u32)>,
    /// The number with which somebody followed.
    followed: BTreeMap<(PageId, PeerId), u32>,
    last: BTreeMap<(PageId, PageId), f64>,
    queue: Vec<Said>,
}

/// Something said by one tab to another.
struct Said {
    at: f64,
    from: (PageId, PeerId),
    to: PageId,
    what: What,
}

enum What {
    Word(Word, u32),
    Frame(Lane, Vec<u8>, u32),
    Taken(Lane, u32),
    Closed(u32),
}

impl Browsers {
    /// When something is heard next.
    pub fn next_at(&self) -> Option<f64> {
        self.queue.iter().map(|said| said.at).min_by(f64::total_cmp)
    }

    pub fn leader(&self, browser: BrowserId) -> Option<PageId> {
        self.locks.get(&browser)?.front().copied()
    }

    fn link(&self, page: PageId, peer: PeerId, number: u32) -> Option<LinkId> {
        let is_it = |&(&(owner, _), &end): &(&(PageId, LinkId), &(PeerId, u32))| {
            owner == page && end == (peer, number)
        };
        self.links.iter().find(is_it).map(|((_, link), _)| *link)
    }
}

impl World {
    /// A page asks its browser for the lock.
    pub(crate) fn elects(&mut self, page: PageId, browser: BrowserId) {
        self.browsers.of.insert(page, browser);
        let lock = self.browsers.locks.entry(browser).or_default();
        lock.push_back(page);
        if lock.len() == 1 {
            self.network.schedule(self.now + 1.0, page, Event::Leads);
        }
    }

    /// A page has ended: the next one gets the lock.
    pub(crate) fn ends(&mut self, page: PageId) {
        let Some(browser) = self.browsers.of.remove(&page) else { return };
        let lock = self.browsers.locks.entry(browser).or_default();
        let led = lock.front() == Some(&page);
        lock.retain(|other| *other != page);
        let next = lock.front().copied().filter(|_| led);
        if let Some(next) = next {
            self.log(|| format!("page {next} leads the tabs"));
            self.network.schedule(self.now + 1.0, next, Event::Leads);
        }
        self.browsers.links.retain(|(owner, _), _| *owner != page);
    }

    /// A page takes the lock from whoever has it.
    pub(crate) fn deposes(&mut self, page: PageId) {
        let Some(browser) = self.browsers.of.get(&page).copied() else { return };
        let lock = self.browsers.locks.entry(browser).or_default();
        let before = lock.pop_front();
        lock.retain(|other| *other != page);
        lock.push_front(page);
        self.log(|| format!("page {page} deposes {before:?}"));
        if let Some(before) = before.filter(|before| *before != page) {
            self.network.schedule(self.now + 1.0, before, Event::Follows);
        }
        self.network.schedule(self.now + 1.0, page, Event::Leads);
    }

    pub(crate) fn tells_tabs(&mut self, page: PageId, word: Word) {
        let Some(browser) = self.browsers.of.get(&page).copied() else { return };
        let others = self.browsers.of.iter().filter(|(other, of)| **of == browser && **other != page);
        for to in others.map(|(other, _)| *other).collect::<Vec<_>>() {
            self.says(page, to, What::Word(word, 0));
        }
    }

    pub(crate) fn joins_tab(&mut self, page: PageId, link: LinkId, peer: PeerId, follows: bool) {
        let number = if follows { link.0 } else { self.browsers.followed[&(page, peer)] };
        self.browsers.links.insert((page, link), (peer, number));
        if follows {
            self.says_to_peer(page, peer, What::Word(Word::Follow, number));
        }
    }

    /// Whether the link is one to a tab; then the frame is sent.
    pub(crate) fn sends_to_tab(&mut self, page: PageId, link: LinkId, lane: Lane, frame: &[u8]) -> bool {
        let Some((peer, number)) = self.browsers.links.get(&(page, link)).copied() else { return false };
        self.says_to_peer(page, peer, What::Frame(lane, frame.to_vec(), number));
        true
    }

    pub(crate) fn closes_tab(&mut self, page: PageId, link: LinkId) {
        if let Some((peer, number)) = self.browsers.links.remove(&(page, link)) {
            self.says_to_peer(page, peer, What::Closed(number));
        }
    }

    fn says_to_peer(&mut self, page: PageId, peer: PeerId, what: What) {
        let to = self.pages.iter().find(|(_, other)| other.room.me() == peer).map(|(id, _)| *id);
        if let Some(to) = to {
            self.says(page, to, what);
        }
    }

    fn says(&mut self, page: PageId, to: PageId, what: What) {
        let Some(me) = self.pages.get(&page).map(|page| page.room.me()) else { return };
        let delay = self.chance.f64() * 3.0;
        let last = self.browsers.last.entry((page, to)).or_default();
        let at = last.max(self.now + delay) + 0.001;
        *last = at;
        self.browsers.queue.push(Said { at, from: (page, me), to, what });
    }

    /// What is due is heard.
    pub(crate) fn tabs_hear(&mut self) {
        while let Some(at) = self.browsers.next_at().filter(|at| *at <= self.now) {
            let index = self.browsers.queue.iter().position(|said| said.at == at).expect("it is there");
            let said = self.browsers.queue.remove(index);
            self.hears(said);
        }
    }

    fn hears(&mut self, Said { from: (page, peer), to, what, .. }: Said) {
        match what {
            What::Word(word, number) => {
                if word == Word::Follow {
                    self.browsers.followed.insert((to, peer), number);
                }
                self.handle(to, Event::TabSaid { from: peer, word });
            }
            What::Frame(lane, frame, number) => match self.browsers.link(to, peer, number) {
                Some(link) => {
                    self.says(to, page, What::Taken(lane, number));
                    self.handle(to, Event::Received { link, lane, frame });
                }
                None => self.says(to, page, What::Closed(number)),
            },
            What::Taken(lane, number) => {
                if let Some(link) = self.browsers.link(to, peer, number) {
                    self.handle(to, Event::Drained { link, lane, buffered: 0 });
                }
            }
            What::Closed(number) => {
                if let Some(link) = self.browsers.link(to, peer, number) {
                    self.handle(to, Event::LinkLost { link, reason: "closed".into() });
                }
            }
        }
    }
}

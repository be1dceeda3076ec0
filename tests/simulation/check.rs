//! What must hold when the world has calmed down.

use std::collections::BTreeMap;

use jupyterlite_webrtc::room::DocumentState;
use jupyterlite_webrtc::room::ids::DocumentId;
use yrs::{ReadTxn, Transact};

use crate::network::PageId;
use crate::page::{Page, doc_of, text_of};
use crate::world::World;

impl World {
    pub fn check(&self) {
        self.check_indexes();
        self.check_documents();
        self.check_everybody_holds();
        self.check_markers();
        self.check_stores();
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

    /// How many clients ever wrote what is open at a path.
    pub fn clients(&self, page: PageId, path: &str) -> usize {
        self.pages[&page].open[path].doc.transact().state_vector().len()
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
        let mut texts: BTreeMap<DocumentId, (PageId, String)> = BTreeMap::new();
        for (id, page) in &self.pages {
            for (path, open) in &page.open {
                let text = text_of(&open.doc);
                assert!(!text.is_empty(), "page {id} has an empty {path}");
                // Who shows what was deleted goes on showing it; what lives there is shown by all.
                if let Some(entry) = page.room.entry(path) {
                    assert_eq!(entry.document, open.document, "page {id} shows another {path}");
                }
                let (first, expected) = texts.entry(open.document).or_insert((*id, text.clone()));
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
                let state = entry.as_ref().and_then(|entry| page.room.document_state(entry.document));
                let status = page.room.status();
                let claims = &page.claims;
                panic!("page {id} never opened {path}: {entry:?} {state:?} {claims:?} {status:?}");
            }
        }
    }

    /// What one page holds of the index, all hold.
    fn check_everybody_holds(&self) {
        for (id, page) in &self.pages {
            for entry in page.room.entries() {
                let holds =
                    |page: &Page| page.room.document_state(entry.document) == Some(DocumentState::Held);
                let holder = self.pages.iter().find(|(_, page)| holds(page));
                if let Some((holder, _)) = holder.filter(|_| !holds(page)) {
                    let state = page.room.document_state(entry.document);
                    panic!("page {holder} holds {} and to page {id} it is {state:?}", entry.path);
                }
                if let Some((holder, other)) = holder {
                    let (theirs, here) = (held(other, entry.document), held(page, entry.document));
                    assert_eq!(theirs, here, "pages {holder} and {id} hold another {}", entry.path);
                }
            }
        }
    }

    /// What a page holds is in its store, all of it, and whoever loads that has the same.
    fn check_stores(&self) {
        for (id, page) in &self.pages {
            assert!(page.room.status().kept, "page {id} has not kept everything: {:?}", page.room.status());
            for entry in page.room.entries() {
                let kept = page.disk.document(entry.document);
                assert_eq!(held(page, entry.document), kept, "page {id} keeps another {}", entry.path);
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
        for marker in self.certain.keys().chain(&self.doubtful) {
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
fn held(page: &Page, document: DocumentId) -> Option<String> {
    doc_of(&page.room, document).map(|doc| text_of(&doc))
}

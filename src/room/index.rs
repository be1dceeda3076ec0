//! The room's index: which document lives at which path.
//!
//! It is a last-writer-wins map (Shapiro et al., "A comprehensive study of convergent and commutative
//! replicated data types", 2011), merged line by line, so everybody who has seen the same lines in
//! whatever order has the same index. The order of two lines for one path is total:
//!
//! 1. the higher Lamport clock wins: somebody saw the other line and replaced it on purpose;
//! 2. then the earlier claim: two people who each thought they were alone, the one who was there first;
//! 3. then the smaller document id, to decide in any case.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::ids::DocumentId;
use super::limits::{self, Millis};
use super::sorted::SortedMap;

/// One line of the index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Relative path in everybody's own drive, with `/` between its parts.
    pub path: String,
    /// The document that lives there.
    pub document: DocumentId,
    /// Jupyter content type: `notebook`, `file`, …
    pub content_type: String,
    /// Jupyter file format: `json`, `text`, …
    pub format: String,
    /// Lamport clock: one more than that of the line it replaced.
    pub lamport: u32,
    /// When it was claimed, in milliseconds since the Unix epoch by the claimer's clock.
    pub since: u64,
}

impl Entry {
    /// The first line for a path.
    pub fn claim(path: &str, document: DocumentId, content_type: &str, format: &str, now: Millis) -> Self {
        Self {
            path: path.to_owned(),
            document,
            content_type: content_type.to_owned(),
            format: format.to_owned(),
            lamport: 1,
            since: now as u64,
        }
    }

    /// Whether the texts are of a possible length and the path stays inside the drive.
    pub fn is_valid(&self) -> bool {
        let texts = [&self.path, &self.content_type, &self.format];
        let parts_are_names = || self.path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        let printable = || !self.path.chars().any(char::is_control);
        texts.iter().all(|text| !text.is_empty() && text.len() <= limits::INDEX_TEXT)
            && parts_are_names()
            && printable()
    }

    /// Whether this line stands against `other` for the same path.
    fn wins_over(&self, other: &Self) -> bool {
        let order = self.lamport.cmp(&other.lamport);
        let order = order.then(other.since.cmp(&self.since));
        let order = order.then(other.document.cmp(&self.document));
        let kind = |entry: &Self| (entry.content_type.clone(), entry.format.clone());
        order.then_with(|| kind(other).cmp(&kind(self))) == Ordering::Greater
    }
}

/// All lines that stand.
#[derive(Default)]
pub struct Index {
    entries: SortedMap<String, Entry>,
}

/// A line that now stands where another one, or none, did.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub entry: Entry,
    pub previous: Option<Entry>,
}

impl Index {
    /// The line that stands for `path`.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// All lines, by path.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Whether some path leads to `document`.
    pub fn names(&self, document: DocumentId) -> bool {
        self.entries.values().any(|entry| entry.document == document)
    }

    /// Merges one line. Returns what changed, if it stands and did not before.
    pub fn merge(&mut self, entry: Entry) -> Option<Change> {
        let previous = self.entries.get(&entry.path);
        let stands = previous.is_none_or(|previous| entry.wins_over(previous));
        let room = previous.is_some() || self.entries.len() < limits::INDEX_ENTRIES;
        if !stands || !room {
            return None;
        }
        let previous = self.entries.insert(entry.path.clone(), entry.clone());
        Some(Change { entry, previous })
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(path: u8, document: u8, lamport: u32, since: u64) -> Entry {
        Entry {
            lamport,
            since,
            ..Entry::claim(&format!("p{path}"), DocumentId([document; 32]), "file", "text", 0.0)
        }
    }

    #[test]
    fn who_was_there_first_keeps_the_path_until_it_is_replaced_on_purpose() {
        let mut index = Index::default();
        index.merge(entry(1, 9, 1, 100));
        assert_eq!(index.merge(entry(1, 1, 1, 200)), None);
        assert_eq!(index.get("p1").unwrap().document, DocumentId([9; 32]));
        let change = index.merge(entry(1, 1, 2, 200)).unwrap();
        assert_eq!(change.previous.unwrap().document, DocumentId([9; 32]));
    }

    #[test]
    fn paths_stay_inside_the_drive() {
        for path in ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a\nb", &"x".repeat(2000)] {
            assert!(!Entry::claim(path, DocumentId([0; 32]), "file", "text", 0.0).is_valid(), "{path:?}");
        }
        for path in ["a.ipynb", "klasse/übung 1.ipynb", "..a/b..", "日本.txt"] {
            assert!(Entry::claim(path, DocumentId([0; 32]), "file", "text", 0.0).is_valid(), "{path:?}");
        }
    }

    proptest! {
        #[test]
        fn any_order_gives_the_same_index(
            lines in proptest::collection::vec((0..3u8, 0..4u8, 1..4u32, 0..4u64), 0..30),
            shuffle in any::<u64>(),
        ) {
            let mut lines: Vec<_> = lines.into_iter().map(|(p, d, l, s)| entry(p, d, l, s)).collect();
            let mut one = Index::default();
            lines.iter().cloned().for_each(|line| { one.merge(line); });
            let length = lines.len().max(1);
            lines.rotate_left(shuffle as usize % length);
            lines.reverse();
            let mut other = Index::default();
            lines.into_iter().for_each(|line| { other.merge(line); });
            prop_assert_eq!(one.entries, other.entries);
        }
    }
}

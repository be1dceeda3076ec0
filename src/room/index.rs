//! The room's index: which document lives at which path.
//!
//! It is a last-writer-wins map (Shapiro et al., "A comprehensive study of convergent and commutative
//! replicated data types", 2011) from paths to *lines*, merged line by line, so everybody who has seen
//! the same lines in whatever order has the same index. The order of two lines for one path is total:
//!
//! 1. the higher Lamport clock wins: somebody saw the other line and replaced it on purpose;
//! 2. then a document wins over nothing: what somebody deletes while another puts it there, stays;
//! 3. then the earlier claim: two people who each thought they were alone, the one who was there first;
//! 4. then the smaller document id, to decide in any case.
//!
//! A line without a document is a *tombstone*: what lived there was deleted or moved away. Moving a
//! document writes two lines, a tombstone where it was and a line where it is now. Two people may move
//! one document at once, to two places; so a document has one *home*, the best of the lines that name
//! it by the same order, and then by path. A line that names a document whose home is elsewhere counts
//! for nothing. The home is computed from the lines alone, so it is the same for everybody, too.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::ids::DocumentId;
use super::limits::{self, Millis};
use super::sorted::SortedMap;

/// A document and where it lives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Relative path in everybody's own drive, with `/` between its parts.
    pub path: String,
    pub document: DocumentId,
    /// Jupyter content type: `notebook`, `file`, …
    pub content_type: String,
    /// Jupyter file format: `json`, `text`, …
    pub format: String,
}

/// One line of the index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub path: String,
    /// `None` for a tombstone.
    pub resident: Option<Resident>,
    /// Lamport clock: one more than that of the line it replaced.
    pub lamport: u32,
    /// When it was written, in milliseconds since the Unix epoch by the writer's clock.
    pub since: u64,
}

/// What lives at a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Resident {
    pub document: DocumentId,
    pub content_type: String,
    pub format: String,
}

impl Entry {
    /// Whether it can be a line of the index.
    pub fn is_valid(&self) -> bool {
        let line = Line { path: self.path.clone(), resident: Some(self.resident()), lamport: 1, since: 0 };
        line.is_valid()
    }

    fn resident(&self) -> Resident {
        Resident {
            document: self.document,
            content_type: self.content_type.clone(),
            format: self.format.clone(),
        }
    }
}

impl Line {
    /// Whether the texts are of a possible length and the path stays inside the drive.
    pub fn is_valid(&self) -> bool {
        let kinds = self.resident.iter().flat_map(|resident| [&resident.content_type, &resident.format]);
        let text = |text: &String| !text.is_empty() && text.len() <= limits::INDEX_TEXT;
        let is_name = |part| !matches!(part, "" | "." | "..");
        std::iter::once(&self.path).chain(kinds).all(text)
            && self.path.split('/').all(is_name)
            && !self.path.chars().any(char::is_control)
            && self.lamport <= limits::LAMPORT
    }

    fn document(&self) -> Option<DocumentId> {
        self.resident.as_ref().map(|resident| resident.document)
    }

    fn entry(&self) -> Option<Entry> {
        let Resident { document, content_type, format } = self.resident.clone()?;
        Some(Entry { path: self.path.clone(), document, content_type, format })
    }

    /// The order of lines; the greatest stands.
    fn order(&self, other: &Self) -> Ordering {
        let order = self.lamport.cmp(&other.lamport);
        let order = order.then(self.resident.is_some().cmp(&other.resident.is_some()));
        let order = order.then(other.since.cmp(&self.since));
        order.then_with(|| other.resident.cmp(&self.resident)).then_with(|| other.path.cmp(&self.path))
    }
}

/// All lines, and where each document lives.
#[derive(Default)]
pub struct Index {
    lines: SortedMap<String, Line>,
    /// The paths of the lines that name a document, in the order of those lines: it lives at the last one.
    /// There may be ten thousand, so all of them are never looked at to find it.
    named: SortedMap<DocumentId, Vec<String>>,
}

/// A document that lives elsewhere than it did: new, moved, or gone.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub before: Option<Entry>,
    pub after: Option<Entry>,
}

impl Index {
    /// What lives at `path`.
    pub fn get(&self, path: &str) -> Option<Entry> {
        self.lines.get(path).filter(|line| self.is_home(line)).and_then(Line::entry)
    }

    /// Everything that lives somewhere, by path.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.lines.values().filter(|line| self.is_home(line)).filter_map(Line::entry)
    }

    /// All lines, as they are passed on and kept.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.values()
    }

    /// Where `document` lives.
    pub fn home(&self, document: DocumentId) -> Option<Entry> {
        self.home_line(document).and_then(Line::entry)
    }

    /// Whether `document` lives somewhere.
    pub fn names(&self, document: DocumentId) -> bool {
        self.named.contains_key(&document)
    }

    /// How often something was put at `path` or taken away; 0 where nothing ever was.
    pub fn generation(&self, path: &str) -> u32 {
        self.lines.get(path).map_or(0, |line| line.lamport)
    }

    fn home_line(&self, document: DocumentId) -> Option<&Line> {
        self.lines.get(self.named.get(&document)?.last()?)
    }

    fn is_home(&self, line: &Line) -> bool {
        let home = line.document().and_then(|document| self.home_line(document));
        home.is_some_and(|home| home.path == line.path)
    }

    /// The line that puts `entry` where nothing stands, or instead of what does.
    pub fn claim(&self, entry: &Entry, now: Millis) -> Line {
        let before = self.lines.get(&entry.path);
        if let Some(same) = before.filter(|line| line.document() == Some(entry.document)) {
            return Line { resident: Some(entry.resident()), ..same.clone() };
        }
        self.replace(&entry.path, Some(entry.resident()), now)
    }

    /// The lines that move what lives at `from`; none where that can't be done.
    pub fn moving(&self, from: &str, to: &str, now: Millis) -> Vec<Line> {
        let has_room = self.lines.contains_key(to) || self.lines.len() < limits::INDEX_ENTRIES;
        let Some(entry) = self.get(from).filter(|_| from != to && has_room) else { return Vec::new() };
        let mut there = self.replace(to, Some(entry.resident()), now);
        let named = self.named.get(&entry.document).into_iter().flatten();
        let others: Vec<_> =
            named.filter(|path| *path != to).map(|path| self.replace(path, None, now)).collect();
        // It beats every line that ever named the document, or the document would live there again.
        there.lamport = others.iter().map(|line| line.lamport).fold(there.lamport, u32::max);
        others.into_iter().chain([there]).collect()
    }

    /// The lines that take away what lives at `path`.
    pub fn removing(&self, path: &str, now: Millis) -> Vec<Line> {
        let document = self.get(path).map(|entry| entry.document);
        let named = document.and_then(|document| self.named.get(&document)).into_iter().flatten();
        named.map(|path| self.replace(path, None, now)).collect()
    }

    fn replace(&self, path: &str, resident: Option<Resident>, now: Millis) -> Line {
        let lamport = self.generation(path).saturating_add(1);
        Line { path: path.to_owned(), resident, lamport, since: now as u64 }
    }

    /// Merges lines. Returns those that were news, and what they changed.
    pub fn merge(&mut self, lines: Vec<Line>) -> (Vec<Line>, Vec<Change>) {
        let mut touched = SortedMap::new();
        let mut news = Vec::new();
        for line in lines {
            if self.stands(&line) {
                let before = self.lines.get(&line.path).and_then(Line::document);
                for document in before.into_iter().chain(line.document()) {
                    touched.get_or_insert_with(document, || self.home(document));
                }
                self.insert(line.clone());
                news.push(line);
            }
        }
        let changes = touched.into_entries().map(|(document, before)| {
            let after = self.home(document);
            Change { before, after }
        });
        let changes = changes.filter(|change| change.before != change.after).collect();
        (news, changes)
    }

    /// Whether a line stands against the one that is there.
    fn stands(&self, line: &Line) -> bool {
        match self.lines.get(&line.path) {
            Some(before) => line.order(before) == Ordering::Greater,
            None => self.lines.len() < limits::INDEX_ENTRIES,
        }
    }

    fn insert(&mut self, line: Line) {
        if let Some(before) = self.lines.get(&line.path)
            && let Some(document) = before.document()
            && let Ok(at) = self.place(document, before)
            && let Some(paths) = self.named.get_mut(&document)
        {
            paths.remove(at);
            if paths.is_empty() {
                self.named.remove(&document);
            }
        }
        if let Some(document) = line.document() {
            let at = self.place(document, &line).unwrap_or_else(|at| at);
            self.named.get_or_default(document).insert(at, line.path.clone());
        }
        self.lines.insert(line.path.clone(), line);
    }

    /// Where a line's path is among those that name its document, or else where it would be.
    fn place(&self, document: DocumentId, line: &Line) -> Result<usize, usize> {
        let paths = self.named.get(&document).map_or(&[][..], |paths| &paths[..]);
        let order = |path: &String| self.lines.get(path).map_or(Ordering::Less, |other| other.order(line));
        paths.binary_search_by(order)
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn entry(path: &str, document: u8) -> Entry {
        Entry {
            path: path.into(),
            document: DocumentId([document; 32]),
            content_type: "file".into(),
            format: "text".into(),
        }
    }

    fn line(path: &str, document: Option<u8>, lamport: u32, since: u64) -> Line {
        let resident = document.map(|document| entry(path, document).resident());
        Line { path: path.into(), resident, lamport, since }
    }

    fn document_at(index: &Index, path: &str) -> Option<u8> {
        index.get(path).map(|entry| entry.document.0[0])
    }

    #[test]
    fn who_was_there_first_keeps_the_path_until_it_is_replaced_on_purpose() {
        let mut index = Index::default();
        index.merge(vec![line("a", Some(9), 1, 100)]);
        assert_eq!(index.merge(vec![line("a", Some(1), 1, 200)]), (vec![], vec![]));
        assert_eq!(document_at(&index, "a"), Some(9));
        let (_, changes) = index.merge(vec![index.claim(&entry("a", 1), 200.0)]);
        assert_eq!(document_at(&index, "a"), Some(1));
        let gone = Change { before: Some(entry("a", 9)), after: None };
        assert_eq!(changes, [Change { before: None, after: Some(entry("a", 1)) }, gone]);
    }

    #[test]
    fn a_document_that_moves_is_one_change() {
        let mut index = Index::default();
        index.merge(vec![line("a", Some(1), 1, 0)]);
        let (_, changes) = index.merge(index.moving("a", "b", 5.0));
        assert_eq!(changes, [Change { before: Some(entry("a", 1)), after: Some(entry("b", 1)) }]);
        assert_eq!((document_at(&index, "a"), document_at(&index, "b")), (None, Some(1)));
        let (_, changes) = index.merge(index.removing("b", 6.0));
        assert_eq!(changes, [Change { before: Some(entry("b", 1)), after: None }]);
        assert_eq!(index.entries().count(), 0);
        assert_eq!((index.generation("a"), index.generation("b"), index.generation("c")), (2, 3, 0));
    }

    /// Two indexes that have the same line, and then each other's lines.
    fn meanwhile(one: impl Fn(&Index) -> Vec<Line>, other: impl Fn(&Index) -> Vec<Line>) -> Vec<Entry> {
        let mut indexes = [Index::default(), Index::default()];
        indexes.iter_mut().for_each(|index| drop(index.merge(vec![line("a", Some(1), 1, 0)])));
        let lines = [one(&indexes[0]), other(&indexes[1])];
        indexes[0].merge(lines[0].clone());
        indexes[0].merge(lines[1].clone());
        indexes[1].merge(lines[1].clone());
        indexes[1].merge(lines[0].clone());
        let [one, other] = indexes.map(|index| index.entries().collect::<Vec<_>>());
        assert_eq!(one, other);
        one
    }

    #[test]
    fn two_who_move_one_document_agree_where_it_lives() {
        let entries = meanwhile(|i| i.moving("a", "b", 5.0), |i| i.moving("a", "c", 6.0));
        assert_eq!(entries, [entry("b", 1)]);
    }

    #[test]
    fn what_one_deletes_while_another_moves_it_lives_on() {
        let entries = meanwhile(|i| i.removing("a", 5.0), |i| i.moving("a", "c", 6.0));
        assert_eq!(entries, [entry("c", 1)]);
    }

    #[test]
    fn what_one_deletes_while_another_replaces_it_is_the_new_one() {
        let replace = |i: &Index| vec![i.claim(&entry("a", 2), 6.0)];
        assert_eq!(meanwhile(|i| i.removing("a", 5.0), replace), [entry("a", 2)]);
    }

    #[test]
    fn a_document_moved_to_two_places_is_deleted_in_both() {
        let mut index = Index::default();
        index.merge(vec![line("a", Some(1), 2, 0), line("b", Some(1), 2, 1)]);
        assert_eq!(index.entries().count(), 1);
        index.merge(index.removing("a", 5.0));
        assert_eq!(index.entries().count(), 0);
    }

    #[test]
    fn a_document_goes_where_it_is_moved_last() {
        let mut index = Index::default();
        index.merge(vec![line("a", Some(1), 7, 0)]);
        for (from, to) in [("a", "b"), ("b", "a"), ("a", "c")] {
            index.merge(index.moving(from, to, 5.0));
            assert_eq!(index.entries().collect::<Vec<_>>(), [entry(to, 1)]);
        }
    }

    #[test]
    fn ten_thousand_lines_may_name_one_document() {
        let begun = std::time::Instant::now();
        let all = |lamport, document| (0..10_000).map(move |i| line(&format!("{i}"), document, lamport, 0));
        let mut index = Index::default();
        index.merge(all(1, Some(1)).collect());
        assert_eq!(index.entries().count(), 1);
        all(2, None).for_each(|line| drop(index.merge(vec![line])));
        assert!(index.entries().next().is_none() && !index.names(DocumentId([1; 32])));
        // It is a tenth of a second; looking at all of them each time were minutes.
        assert!(begun.elapsed().as_secs() < 20);
    }

    #[test]
    fn paths_stay_inside_the_drive() {
        for path in ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a\nb", &"x".repeat(2000)] {
            assert!(!line(path, Some(0), 1, 0).is_valid(), "{path:?}");
        }
        for path in ["a.ipynb", "klasse/übung 1.ipynb", "..a/b..", "日本.txt"] {
            assert!(line(path, Some(0), 1, 0).is_valid(), "{path:?}");
            assert!(line(path, None, 1, 0).is_valid(), "{path:?}");
        }
        assert!(!line("a", None, u32::MAX, 0).is_valid(), "nobody could ever put something there again");
    }

    proptest! {
        #[test]
        fn any_order_gives_the_same_index(
            lines in proptest::collection::vec((0..3u8, proptest::option::of(0..4u8), 1..4u32, 0..4u64), 0..30),
            shuffle in any::<u64>(),
            parts in 1..7usize,
        ) {
            let mut lines: Vec<_> =
                lines.into_iter().map(|(path, document, l, s)| line(&format!("p{path}"), document, l, s)).collect();
            let mut one = Index::default();
            lines.iter().cloned().for_each(|line| { one.merge(vec![line]); });
            let length = lines.len().max(1);
            lines.rotate_left(shuffle as usize % length);
            lines.reverse();
            let mut other = Index::default();
            let mut homes = BTreeMap::new();
            for part in lines.chunks(parts) {
                for Change { before, after } in other.merge(part.to_vec()).1 {
                    let document = before.as_ref().or(after.as_ref()).unwrap().document;
                    prop_assert_eq!(homes.insert(document, after), before.map(Some), "changes follow each other");
                }
                homes.retain(|_, home| home.is_some());
            }
            prop_assert_eq!(&one.lines, &other.lines);
            // The changes tell of the whole index.
            let told: BTreeSet<_> = homes.into_values().flatten().map(|entry| entry.path).collect();
            prop_assert_eq!(told, other.entries().map(|entry| entry.path).collect::<BTreeSet<_>>());
        }
    }
}

//! What every store must do. The stores in memory and in a browser are held against the same list.

use jupyterlite_webrtc::room::bytes::Bytes;
use jupyterlite_webrtc::room::clients::{Client, GivenBack};
use jupyterlite_webrtc::room::history::{History, LastWords, Owned, Row, Write};
use jupyterlite_webrtc::room::ids::{DocumentId, RoomId};
use jupyterlite_webrtc::room::index::{Entry, Line};
use jupyterlite_webrtc::store::{Store, StoreError};

const ROOM: RoomId = RoomId([1; 32]);
const OTHER: RoomId = RoomId([2; 32]);
const A: DocumentId = DocumentId([10; 32]);
const B: DocumentId = DocumentId([11; 32]);

/// Holds an empty store against all of it. `say_last` is how it takes last words.
pub async fn check(store: &impl Store, say_last: impl Fn(RoomId, LastWords)) {
    nothing_is_kept_of_a_room_that_never_was(store).await;
    records_come_back_in_the_order_of_writing(store).await;
    new_records_come_and_old_ones_go_in_one_write(store).await;
    what_is_gone_stays_while_something_says_that_somebody_wrote_in_it(store, &say_last).await;
    lines_and_what_is_owned_are_replaced_by_name(store).await;
    what_was_given_back_comes_once(store).await;
    last_words_are_kept_until_they_are_heard(store, &say_last).await;
    rooms_do_not_touch_each_other(store).await;
    large_writes_come_back_whole(store).await;
    the_last_write_takes_the_place_of_a_large_one_that_is_under_way(store).await;
    a_room_is_forgotten_whole(store).await;
    rooms_that_nobody_used_are_forgotten(store).await;
    who_writes_to_a_room_that_was_forgotten_is_told(store).await;
}

fn row(document: DocumentId, updates: &[&[u8]]) -> Row {
    Row { document, updates: updates.iter().map(|bytes| Bytes::from(*bytes)).collect(), continues: false }
}

fn append(document: DocumentId, updates: &[&[u8]]) -> Write {
    Write { appended: vec![row(document, updates)], ..Write::default() }
}

fn line(path: &str, lamport: u32) -> Line {
    Line { path: path.into(), resident: None, lamport, since: 5 }
}

fn owned(document: DocumentId, path: &str) -> Owned {
    let (content_type, format) = ("file".into(), "text".into());
    let name = document.to_string();
    Owned {
        name,
        entry: Entry { path: path.into(), document, content_type, format },
        state_vector: vec![1, 2, 3],
    }
}

fn records(history: &History) -> Vec<(DocumentId, Vec<Vec<u8>>)> {
    let bytes = |updates: &[Bytes]| updates.iter().map(|update| update.to_vec()).collect();
    history.records.iter().map(|record| (record.row.document, bytes(&record.row.updates))).collect()
}

async fn nothing_is_kept_of_a_room_that_never_was(store: &impl Store) {
    assert_eq!(store.load(ROOM, 0.0).await, Ok(History::default()));
}

async fn records_come_back_in_the_order_of_writing(store: &impl Store) {
    store.load(ROOM, 0.0).await.unwrap();
    let one = store.write(ROOM, &append(B, &[b"1", b"2"])).await.unwrap();
    let write = Write { appended: vec![row(A, &[b"3"]), row(B, &[b"", b"5"])], ..Write::default() };
    let more = store.write(ROOM, &write).await.unwrap();
    let history = store.load(ROOM, 0.0).await.unwrap();
    let expected = [
        (B, vec![b"1".to_vec(), b"2".to_vec()]),
        (A, vec![b"3".to_vec()]),
        (B, vec![b"".to_vec(), b"5".to_vec()]),
    ];
    assert_eq!(records(&history), expected);
    let keys: Vec<_> = history.records.iter().map(|record| record.key).collect();
    assert_eq!(keys, [one.keys, more.keys].concat());
    assert!(keys.is_sorted());
    store.forget(ROOM).await.unwrap();
}

async fn new_records_come_and_old_ones_go_in_one_write(store: &impl Store) {
    store.load(ROOM, 0.0).await.unwrap();
    let old = store.write(ROOM, &append(A, &[b"old"])).await.unwrap().keys;
    let write = Write { dropped: old.clone(), ..append(A, &[b"new"]) };
    let new = store.write(ROOM, &write).await.unwrap().keys;
    assert_ne!(old, new, "keys are not used twice");
    assert_eq!(records(&store.load(ROOM, 0.0).await.unwrap()), [(A, vec![b"new".to_vec()])]);
    // Another page may have dropped them already.
    let bases = vec![(A, old[0]), (B, new[0])];
    let written = store.write(ROOM, &Write { dropped: old, bases, ..Write::default() }).await.unwrap();
    assert_eq!((written.keys, written.baseless), (vec![], vec![A]));
    assert_eq!(store.load(ROOM, 0.0).await.unwrap().records.len(), 1);
    store.forget(ROOM).await.unwrap();
}

async fn what_is_gone_stays_while_something_says_that_somebody_wrote_in_it(
    store: &impl Store,
    say_last: impl Fn(RoomId, LastWords),
) {
    store.load(ROOM, 0.0).await.unwrap();
    let keys = store.write(ROOM, &append(A, &[b"1"])).await.unwrap().keys;
    let others = Write { owned: vec![owned(B, "b")], ..append(B, &[b"1"]) };
    store.write(ROOM, &others).await.unwrap();
    let left = async |write: Write| {
        store.write(ROOM, &write).await.unwrap();
        let records = store.load(ROOM, 0.0).await.unwrap().records;
        records.iter().filter(|record| record.row.document == A).count()
    };
    let gone = || Write { gone: vec![(A, keys.clone())], ..Write::default() };
    let note = owned(A, "a");
    let disowned = vec![note.name.clone()];
    assert_eq!(left(Write { owned: vec![note], ..gone() }).await, 1, "another page has noted it");
    let words = LastWords { updates: vec![(A, b"2".to_vec())], ..LastWords::default() };
    say_last(ROOM, words);
    assert_eq!(left(Write { disowned, ..gone() }).await, 1, "a page has said it last");
    let heard = store.load(ROOM, 0.0).await.unwrap().last_words.remove(0).0;
    assert_eq!(left(Write { heard: vec![heard], ..gone() }).await, 0);
    assert_eq!(store.load(ROOM, 0.0).await.unwrap().records.len(), 1, "of the other");
    store.forget(ROOM).await.unwrap();
}

async fn lines_and_what_is_owned_are_replaced_by_name(store: &impl Store) {
    store.load(ROOM, 0.0).await.unwrap();
    let lines = vec![line("a/ü.ipynb", 1), line("b", 1)];
    let write = Write { lines, owned: vec![owned(A, "x"), owned(B, "y")], ..Write::default() };
    store.write(ROOM, &write).await.unwrap();
    let (owned_again, disowned) = (vec![owned(A, "z")], vec![B.to_string()]);
    let write = Write { lines: vec![line("b", 2)], owned: owned_again, disowned, ..Write::default() };
    store.write(ROOM, &write).await.unwrap();
    let history = store.load(ROOM, 0.0).await.unwrap();
    assert_eq!(history.lines, [line("a/ü.ipynb", 1), line("b", 2)]);
    assert_eq!(history.owned, [owned(A, "z")]);
    store.forget(ROOM).await.unwrap();
}

pub fn given_back(clock: u32) -> Option<GivenBack> {
    Some(GivenBack { at: 7.5, clients: vec![(A, Client { id: 1 << 52, clock })] })
}

async fn what_was_given_back_comes_once(store: &impl Store) {
    store.load(ROOM, 0.0).await.unwrap();
    for clock in 1..=2 {
        let write =
            Write { given_back: given_back(clock), last: Some(LastWords::default()), ..append(A, &[b"1"]) };
        store.write(ROOM, &write).await.unwrap();
    }
    store.write(ROOM, &append(A, &[b"2"])).await.unwrap();
    store.load(OTHER, 0.0).await.unwrap();
    assert_eq!(store.load(ROOM, 0.0).await.unwrap().given_back, given_back(2), "the newest");
    assert_eq!(store.load(ROOM, 0.0).await.unwrap().given_back, None, "once");
    store.write(ROOM, &Write { given_back: given_back(3), ..Write::default() }).await.unwrap();
    store.forget(ROOM).await.unwrap();
    assert_eq!(store.load(ROOM, 0.0).await, Ok(History::default()));
    store.forget(ROOM).await.unwrap();
    store.forget(OTHER).await.unwrap();
}

async fn last_words_are_kept_until_they_are_heard(store: &impl Store, say_last: impl Fn(RoomId, LastWords)) {
    let updates = vec![(A, b"1".to_vec()), (B, vec![200; 1_000_000])];
    let words = LastWords { lines: vec![line("a", 1)], owned: vec![owned(A, "a")], updates };
    store.load(ROOM, 0.0).await.unwrap();
    store.load(OTHER, 0.0).await.unwrap();
    say_last(ROOM, words.clone());
    say_last(ROOM, LastWords::default());
    assert_eq!(store.load(OTHER, 0.0).await.unwrap().last_words, []);
    let kept = store.load(ROOM, 0.0).await.unwrap().last_words;
    assert_eq!(
        kept.iter().map(|(_, words)| words).collect::<Vec<_>>(),
        [&words],
        "and nothing that is empty"
    );
    store.write(ROOM, &append(A, &[b"1"])).await.unwrap();
    assert_eq!(store.load(ROOM, 0.0).await.unwrap().last_words, kept, "nobody has heard them");
    say_last(ROOM, words);
    store.write(ROOM, &Write { heard: vec![kept[0].0.clone()], ..Write::default() }).await.unwrap();
    let later = store.load(ROOM, 0.0).await.unwrap().last_words;
    assert!(later.len() == 1 && later[0].0 != kept[0].0, "only these");
    store.forget(ROOM).await.unwrap();
    assert_eq!(store.load(ROOM, 0.0).await, Ok(History::default()));
    store.forget(ROOM).await.unwrap();
    store.forget(OTHER).await.unwrap();
}

async fn rooms_do_not_touch_each_other(store: &impl Store) {
    store.load(ROOM, 0.0).await.unwrap();
    store.load(OTHER, 0.0).await.unwrap();
    store.write(ROOM, &Write { lines: vec![line("a", 1)], ..append(A, &[b"1"]) }).await.unwrap();
    store.write(OTHER, &Write { lines: vec![line("a", 2)], ..append(A, &[b"2"]) }).await.unwrap();
    store.forget(ROOM).await.unwrap();
    assert_eq!(store.load(ROOM, 0.0).await, Ok(History::default()));
    let other = store.load(OTHER, 0.0).await.unwrap();
    assert_eq!((other.lines, other.records.len()), (vec![line("a", 2)], 1));
    store.forget(OTHER).await.unwrap();
}

async fn large_writes_come_back_whole(store: &impl Store) {
    for last in [false, true] {
        store.load(ROOM, 0.0).await.unwrap();
        let large: Vec<u8> = (0..1_000_000_u32).map(|i| (i / 7) as u8).collect();
        let part = |i: u8| Row { continues: i < 19, ..row(A, &[&[i], &large]) };
        let appended: Vec<_> = (0..20).map(part).collect();
        let last = last.then(LastWords::default);
        let write = Write { appended: appended.clone(), last, ..Write::default() };
        let keys = store.write(ROOM, &write).await.unwrap().keys;
        let history = store.load(ROOM, 0.0).await.unwrap();
        assert_eq!(history.records.iter().map(|record| record.key).collect::<Vec<_>>(), keys);
        assert!(history.records.into_iter().map(|record| record.row).eq(appended));
        store.forget(ROOM).await.unwrap();
    }
}

async fn the_last_write_takes_the_place_of_a_large_one_that_is_under_way(store: &impl Store) {
    store.load(ROOM, 0.0).await.unwrap();
    let appended: Vec<_> = (0..20).map(|i| row(A, &[&[i; 1_000_000]])).collect();
    let large = Write { appended, ..Write::default() };
    let last = Write { last: Some(LastWords::default()), ..large.clone() };
    let (under_way, last) = futures::future::join(store.write(ROOM, &large), store.write(ROOM, &last)).await;
    let records = store.load(ROOM, 0.0).await.unwrap().records.len();
    assert_eq!(records, if under_way.is_ok() { 40 } else { 20 });
    assert!(last.is_ok());
    store.forget(ROOM).await.unwrap();
}

async fn a_room_is_forgotten_whole(store: &impl Store) {
    store.load(ROOM, 0.0).await.unwrap();
    let write = Write { lines: vec![line("a", 1)], owned: vec![owned(A, "a")], ..append(A, &[b"1"]) };
    store.write(ROOM, &write).await.unwrap();
    store.forget(ROOM).await.unwrap();
    store.forget(ROOM).await.unwrap();
    assert_eq!(store.load(ROOM, 0.0).await, Ok(History::default()));
    store.forget(ROOM).await.unwrap();
}

async fn rooms_that_nobody_used_are_forgotten(store: &impl Store) {
    for (room, used) in [(ROOM, 100.0), (OTHER, 200.0)] {
        store.load(room, used).await.unwrap();
        store.write(room, &append(A, &[b"1"])).await.unwrap();
        // Writing is using, too: the last use is this.
        store.load(room, used).await.unwrap();
    }
    assert_eq!(store.forget_unused(100.0).await, Ok(0));
    assert_eq!(store.forget_unused(150.0).await, Ok(1));
    assert_eq!(records(&store.load(ROOM, 300.0).await.unwrap()), []);
    assert_eq!(records(&store.load(OTHER, 300.0).await.unwrap()).len(), 1);
    store.forget(ROOM).await.unwrap();
    store.forget(OTHER).await.unwrap();
}

async fn who_writes_to_a_room_that_was_forgotten_is_told(store: &impl Store) {
    store.load(ROOM, 0.0).await.unwrap();
    store.write(ROOM, &append(A, &[b"1"])).await.unwrap();
    store.forget(ROOM).await.unwrap();
    assert_eq!(store.write(ROOM, &append(A, &[b"2"])).await, Err(StoreError::Lost));
    assert!(store.write(ROOM, &append(A, &[b"1", b"2"])).await.is_ok(), "once");
    store.forget(ROOM).await.unwrap();
}

//! Last words: what a page that goes does not know to be in the store.
//!
//! A browser need not do what a page asks of its database that late. So the page says it once more, to a
//! place that takes it before the call returns, and the next page to come hears it from there. It is
//! written then like anything else that is news, and most of it is none: the database did its work.

use serde::{Deserialize, Serialize};

use super::{Keeper, Scope, View};
use crate::room::ids::DocumentId;
use crate::room::index::Line;
use crate::room::record::Owned;

/// Bytes of last words, roughly. All pages of a site share about five million.
const LENGTH: usize = 1024 * 1024;

/// What a page says last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LastWords {
    pub lines: Vec<Line>,
    pub owned: Vec<Owned>,
    pub updates: Vec<(DocumentId, Vec<u8>)>,
}

impl LastWords {
    /// Whether they say nothing.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.owned.is_empty() && self.updates.is_empty()
    }
}

impl Keeper {
    /// What is not in the store, but for documents with too much of it.
    pub(super) fn last_words<'a>(&self, view: impl Fn(DocumentId) -> Option<View<'a>>) -> LastWords {
        let mut words = LastWords { lines: self.lines.values().cloned().collect(), ..LastWords::default() };
        let mut left = LENGTH;
        for (document, pending) in self.pending.iter().filter(|(_, pending)| pending.scope != Scope::Gone) {
            let Some(view) = view(*document) else { continue };
            let mut updates = pending.updates.clone();
            if !self.kept.get(document).is_some_and(|kept| kept.whole) {
                updates = view.replica.snapshot();
                updates.append(&mut view.replica.tail());
            }
            let length: usize = updates.iter().map(|update| update.len()).sum();
            if length <= left {
                left -= length;
                words.owned.extend(view.owned.filter(|_| pending.owned));
                updates.iter().for_each(|update| words.updates.push((*document, update.to_vec())));
            }
        }
        words
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::super::tests::{Author, owned};
    use super::*;
    use crate::room::history::tests::D;
    use yrs::updates::decoder::Decode;
    use yrs::{Doc, GetString, Transact, Update};

    /// What a page would read that finds these updates.
    fn text(updates: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
        let doc = Doc::with_client_id(2);
        for update in updates {
            let update = Update::decode_v1(update.as_ref()).unwrap();
            doc.transact_mut().apply_update(update).unwrap();
        }
        let text = doc.get_or_insert_text("text");
        text.get_string(&doc.transact())
    }

    #[test]
    fn last_words_are_all_that_is_not_known_to_be_in_the_store() {
        let mut author = Author::new();
        author.next().unwrap();
        author.types("b");
        let words = author.last_words();
        assert_eq!(text(words.updates.iter().map(|(_, update)| update)), "ab", "a write was under way");
        assert_eq!(words.owned, [owned(&author.replica)]);

        let (mut author, write) = Author::kept();
        assert!(author.goes().is_none(), "nothing");
        let kept = write.appended[0].updates.iter().map(|update| update.to_vec());
        for scope in [Scope::News, Scope::Tail, Scope::Whole] {
            author = Author::kept().0;
            author.types("c");
            author.keeper.raise(D, scope);
            author.next().unwrap();
            author.types("d");
            let words: Vec<_> = author.last_words().updates.into_iter().map(|(_, update)| update).collect();
            assert_eq!(words.len(), 2, "not what the store has");
            assert_eq!(text(kept.clone().chain(words)), "acd", "{scope:?}");
        }
    }

    #[test]
    fn last_words_are_also_what_was_typed_before_the_store_answered() {
        let mut author = Author::new();
        author.types("b");
        author.keeper.found_in_part(D, &[7]);
        author.next().unwrap();
        let words = author.last_words().updates;
        assert_eq!(text(words.iter().map(|(_, update)| update)), "ab");
    }

    #[test]
    fn last_words_are_all_of_a_document_that_another_page_may_have_taken_away() {
        let (mut author, _) = Author::kept();
        author.keeper.keep_apart(D);
        let (number, _) = author.next().unwrap();
        author.keeper.failed(number, author.now);
        author.types("b");
        let words = author.last_words().updates;
        assert_eq!(text(words.iter().map(|(_, update)| update)), "ab");
    }

    #[test]
    fn last_words_of_a_document_that_is_back_are_those_of_now() {
        let (mut author, _) = Author::kept();
        author.types("let go");
        author.keeper.forget(D);
        author.replica = Author::new().replica;
        author.keeper.rewrite(D);
        let words = author.last_words().updates;
        assert_eq!(text(words.iter().map(|(_, update)| update)), "a");
    }

    #[test]
    fn too_many_last_words_are_left_to_the_database() {
        let mut author = Author::new();
        author.types(&"long ".repeat(LENGTH / 5));
        let (_, write) = author.goes().unwrap();
        assert!(write.last.is_some_and(|words| words.is_empty()) && !write.appended.is_empty());
    }

    #[test]
    fn last_words_are_said_before_it_is_known_what_the_store_has() {
        let mut author = Author::new();
        author.keeper.restored = false;
        author.types("b");
        let (_, write) = author.goes().unwrap();
        assert!(write.appended.is_empty() && !write.last.unwrap().updates.is_empty());
    }
}

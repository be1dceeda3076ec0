//! Maps and sets that are sorted lists.
//!
//! They are used like those of [`std::collections`] and iterate in the same order, so that a failing
//! simulation runs again from its seed. `BTreeMap` is fast for millions of keys, and every pair of
//! types that it is used with is seven kilobytes of WebAssembly; a list with binary search is one.
//!
//! Inserting moves what is behind. That is cheap for the room's tables, which have hundreds of keys or,
//! for documents, ten thousand at most (see [`limits`](super::limits)): values are boxed, so that what
//! moves is little. Whatever a peer can make longer than that belongs in a tree.

use std::borrow::Borrow;
use std::vec;

/// Values by key, in the order of the keys.
#[derive(Clone, Debug, PartialEq)]
pub struct SortedMap<K, V> {
    entries: Vec<(K, Box<V>)>,
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// A map with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where `key` is, or else where it would be.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.entries.binary_search_by(|(other, _)| other.borrow().cmp(key))
    }

    /// The value at `key`.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| &*self.entries[at].1)
    }

    /// The same, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| &mut *self.entries[at].1)
    }

    /// Whether there is a value at `key`.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Puts a value at `key`, and gives what was there before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(at) => Some(std::mem::replace(&mut *self.entries[at].1, value)),
            Err(at) => {
                self.entries.insert(at, (key, Box::new(value)));
                None
            }
        }
    }

    /// The value at `key`; one that `value` makes, if there was none.
    pub fn get_or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        let at = self.find(&key).unwrap_or_else(|at| {
            self.entries.insert(at, (key, Box::new(value())));
            at
        });
        &mut self.entries[at].1
    }

    /// The value at `key`; the default, if there was none.
    pub fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.get_or_insert_with(key, V::default)
    }

    /// Takes the value at `key` out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| *self.entries.remove(at).1)
    }
}

impl<K, V> SortedMap<K, V> {
    /// Keeps those whose keys are to stay.
    pub fn retain(&mut self, mut stays: impl FnMut(&K) -> bool) {
        self.entries.retain(|(key, _)| stays(key));
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Keys and values.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, value)| (key, &**value))
    }

    /// Keys, and values to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.entries.iter_mut().map(|(key, value)| (&*key, &mut **value))
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.entries.iter().map(|(key, _)| key)
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().map(|(_, value)| &**value)
    }

    /// All values, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.iter_mut().map(|(_, value)| &mut **value)
    }

    /// Takes it apart into keys and values.
    pub fn into_entries(self) -> impl Iterator<Item = (K, V)> {
        self.entries.into_iter().map(|(key, value)| (key, *value))
    }
}

/// Keys, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct SortedSet<K> {
    keys: Vec<K>,
}

impl<K> Default for SortedSet<K> {
    fn default() -> Self {
        Self { keys: Vec::new() }
    }
}

impl<K: Ord> SortedSet<K> {
    /// Puts a key in; false when it was there.
    pub fn insert(&mut self, key: K) -> bool {
        let at = self.keys.binary_search(&key);
        if let Err(at) = at {
            self.keys.insert(at, key);
        }
        at.is_err()
    }

    /// Takes a key out; false when it was not there.
    pub fn remove(&mut self, key: &K) -> bool {
        let at = self.keys.binary_search(key);
        at.map(|at| self.keys.remove(at)).is_ok()
    }

    /// Whether a key is in it.
    pub fn contains(&self, key: &K) -> bool {
        self.keys.binary_search(key).is_ok()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl<K: Ord> Extend<K> for SortedSet<K> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, keys: I) {
        for key in keys {
            self.insert(key);
        }
    }
}

impl<K: Ord> FromIterator<K> for SortedSet<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut set = Self::default();
        set.extend(keys);
        set
    }
}

impl<K> IntoIterator for SortedSet<K> {
    type Item = K;
    type IntoIter = vec::IntoIter<K>;

    fn into_iter(self) -> Self::IntoIter {
        self.keys.into_iter()
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u8, u32),
        Remove(u8),
        Change(u8),
        Clear,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            8 => any::<(u8, u32)>().prop_map(|(key, value)| Step::Insert(key % 32, value)),
            4 => any::<u8>().prop_map(|key| Step::Remove(key % 32)),
            4 => any::<u8>().prop_map(|key| Step::Change(key % 32)),
            1 => Just(Step::Clear),
        ];
        proptest::collection::vec(step, 0..60)
    }

    proptest! {
        #[test]
        fn a_map_is_what_the_tree_is(steps in steps()) {
            let (mut map, mut tree) = (SortedMap::new(), BTreeMap::new());
            for step in steps {
                match step {
                    Step::Insert(key, value) => prop_assert_eq!(map.insert(key, value), tree.insert(key, value)),
                    Step::Remove(key) => prop_assert_eq!(map.remove(&key), tree.remove(&key)),
                    Step::Change(key) => {
                        *map.get_or_default(key) ^= 1;
                        *tree.entry(key).or_default() ^= 1;
                        prop_assert_eq!(map.get(&key), tree.get(&key));
                    }
                    Step::Clear => {
                        map.clear();
                        tree.clear();
                    }
                }
                map.values_mut().for_each(|value| *value ^= 2);
                tree.values_mut().for_each(|value| *value ^= 2);
                prop_assert_eq!((map.len(), map.is_empty()), (tree.len(), tree.is_empty()));
                prop_assert!(map.iter().eq(&tree) && map.keys().eq(tree.keys()) && map.values().eq(tree.values()));
                prop_assert!((0..32u8).all(|key| map.contains_key(&key) == tree.contains_key(&key)));
            }
            prop_assert!(map.iter_mut().eq(&mut tree) && map.into_entries().eq(tree));
        }

        #[test]
        fn a_set_is_what_the_tree_is(keys in proptest::collection::vec(any::<u8>(), 0..40), gone in any::<Vec<u8>>()) {
            let mut set: SortedSet<u8> = keys.iter().copied().collect();
            let mut tree: BTreeSet<u8> = keys.iter().copied().collect();
            for key in gone {
                prop_assert_eq!(set.remove(&key), tree.remove(&key));
                prop_assert_eq!(set.insert(key / 2), tree.insert(key / 2));
            }
            prop_assert_eq!((set.len(), set.is_empty()), (tree.len(), tree.is_empty()));
            prop_assert!(set.into_iter().eq(tree));
        }
    }
}

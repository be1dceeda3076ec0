//! Bytes that several hold at once: an update lies in the replica, in the queues of all peers, and is
//! given to the page.
//!
//! `Rc<[u8]>` would do, were it not made by copying: 40 MB that arrive hold up the page for that.

use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

/// Shared bytes. Made from a `Vec` as it is, and cloned without copying.
#[derive(Clone, Default)]
pub struct Bytes {
    all: Rc<Vec<u8>>,
    start: usize,
    end: usize,
}

impl Bytes {
    /// What follows the first `count` bytes; nothing when there are no more.
    pub fn after(self, count: usize) -> Self {
        self.range(count, usize::MAX)
    }

    /// Those from `start` to `end`, or as many of them as there are.
    pub fn range(&self, start: usize, end: usize) -> Self {
        let within = |at: usize| self.start.saturating_add(at).min(self.end);
        Self { all: self.all.clone(), start: within(start), end: within(end.max(start)) }
    }

    /// Whether these are the very same bytes, not only equal ones.
    pub fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.all, &other.all) && (self.start, self.end) == (other.start, other.end)
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        let end = bytes.len();
        Self { all: Rc::new(bytes), start: 0, end }
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.all[self.start..self.end]
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        self[..].fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_vec_is_the_vec_itself() {
        let vec = vec![1, 2, 3];
        let at = vec.as_ptr();
        let all = Bytes::from(vec);
        let rest = all.clone().after(1);
        assert_eq!(rest[..], [2, 3]);
        assert_eq!(rest.as_ptr(), at.wrapping_add(1));
        assert_eq!(rest.clone().after(1)[..], [3]);
        assert!(rest.clone().after(9).is_empty());
        assert!(rest.is(&all.clone().after(1)) && !rest.is(&all));
        assert!(rest == Bytes::from(&[2, 3][..]) && !rest.is(&Bytes::from(&[2, 3][..])));
        assert_eq!(all.range(0, 2).range(1, 9)[..], [2]);
        assert!(all.range(2, 1).is_empty() && !all.range(0, 2).is(&all));
    }
}

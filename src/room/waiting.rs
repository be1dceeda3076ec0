//! Updates that came too early, by what each of them waits for.
//!
//! Whoever is in the room can send as many of them as they like, in the worst order there is. So none is
//! looked at again before something has come that it lacks, and each counts for more than its bytes.

use yrs::ClientID;

use super::bytes::Bytes;
use super::limits;
use super::update::Outline;

/// A clock that has to be reached.
pub type Lack = (ClientID, u32);

/// What one costs beside its bytes, and each run of clocks in it.
const EACH: usize = 4 * 1024;
const EACH_RUN: usize = 32;

/// An update, and what is known of it.
pub struct Early {
    pub update: Bytes,
    pub outline: Outline,
}

impl Early {
    fn cost(&self) -> usize {
        EACH + EACH_RUN * self.outline.runs() + self.update.len()
    }
}

/// All that wait, sorted by the first thing that each lacks.
#[derive(Default)]
pub struct Waiting {
    all: Vec<(Lack, Box<Early>)>,
    cost: usize,
}

impl Waiting {
    /// Takes one in; gives it back when there are too many.
    pub fn put(&mut self, lack: Lack, early: Early) -> Result<(), Early> {
        if self.cost + early.cost() > limits::AHEAD_BYTES {
            return Err(early);
        }
        self.cost += early.cost();
        let at = self.all.partition_point(|(other, _)| *other <= lack);
        self.all.insert(at, (lack, Box::new(early)));
        Ok(())
    }

    /// Takes out those that waited for no more than that `client` has reached this clock.
    pub fn take(&mut self, client: ClientID, reached: u32) -> Vec<Early> {
        let begin = self.all.partition_point(|(lack, _)| *lack < (client, 0));
        let end = self.all.partition_point(|(lack, _)| *lack <= (client, reached));
        let taken: Vec<_> = self.all.drain(begin..end).map(|(_, early)| *early).collect();
        self.cost -= taken.iter().map(Early::cost).sum::<usize>();
        taken
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::super::replica::{Replica, ReplicaError};
    use super::*;

    /// An update that brings one clock of a client below 128, and nothing else.
    fn update(client: u8, clock: u32) -> Bytes {
        let mut update = vec![1, 1, client];
        super::super::frame::write_number(&mut update, clock.into());
        [&update[..], &[0, 1, 0]].concat().into()
    }

    #[test]
    fn thousands_in_the_worst_order_cost_little() {
        let begun = std::time::Instant::now();
        let mut replica = Replica::default();
        for clock in (1..10_000).rev() {
            assert_eq!(replica.integrate(update(2, clock)), Ok(vec![]));
        }
        for clock in 0..1_000 {
            assert_eq!(replica.integrate(update(1, clock)).map(|integrated| integrated.len()), Ok(1));
        }
        assert_eq!(replica.integrate(update(2, 0)).map(|integrated| integrated.len()), Ok(10_000));
        assert!(!replica.waits());
        // It is a tenth of a second; looking at all of them each time were minutes.
        assert!(begun.elapsed().as_secs() < 20);
    }

    #[test]
    fn many_small_ones_are_too_many() {
        let mut replica = Replica::default();
        let most = (limits::AHEAD_BYTES / EACH) as u32;
        let full = (1..=most).rev().find_map(|clock| replica.integrate(update(2, clock)).err());
        assert_eq!(full, Some(ReplicaError::TooFarAhead));
        // Those that are kept are still taken.
        assert!((0..most).all(|clock| replica.integrate(update(2, clock)).is_ok()) && !replica.waits());
    }

    #[test]
    fn one_that_lacks_several_things_waits_for_all_of_them() {
        let mut replica = Replica::default();
        let two_gaps = [&[2, 1, 2, 1, 0, 1][..], &[1, 3, 1, 0, 1, 0]].concat();
        assert_eq!(replica.integrate(two_gaps[..].into()), Ok(vec![]));
        assert_eq!(replica.integrate(update(2, 0)).map(|integrated| integrated.len()), Ok(1));
        assert!(replica.waits());
        assert_eq!(replica.integrate(update(3, 0)).map(|integrated| integrated.len()), Ok(2));
    }
}

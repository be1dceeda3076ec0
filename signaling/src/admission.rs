//! Who may come in: the number of connections, in all and from one network address.
//!
//! A [`Pass`] is the right to be connected. It is counted from [`Admission::enter`] until it is
//! dropped, so no path through the program can forget to give it back.
//!
//! One address means one IPv4 address or one IPv6 network of 64 bits: that is what a provider gives
//! to one customer, who can choose the other half freely.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ending::Ending;

/// Counts what is open.
#[derive(Debug)]
pub struct Admission {
    most: u32,
    most_per_network: u32,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: u32,
    by_network: HashMap<IpAddr, u32>,
}

/// The right to be connected, until dropped.
#[derive(Debug)]
pub struct Pass {
    admission: Arc<Admission>,
    network: IpAddr,
}

impl Admission {
    /// Nobody is in, and this many may be.
    pub fn new(most: u32, most_per_network: u32) -> Arc<Self> {
        Arc::new(Self { most, most_per_network, open: Mutex::default() })
    }

    /// Asks to come in.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Pass, Ending> {
        let network = network(address);
        let mut open = self.lock();
        if open.all >= self.most {
            return Err(Ending::ServerFull);
        }
        if open.by_network.get(&network).copied().unwrap_or(0) >= self.most_per_network {
            return Err(Ending::AddressFull);
        }
        open.all += 1;
        *open.by_network.entry(network).or_default() += 1;
        Ok(Pass { admission: Arc::clone(self), network })
    }

    /// How many are in.
    pub fn count(&self) -> u32 {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut open = self.admission.lock();
        open.all = open.all.saturating_sub(1);
        if let Some(count) = open.by_network.get_mut(&self.network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.by_network.remove(&self.network);
            }
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let upper_half = !u128::from(u64::MAX);
            Ipv6Addr::from_bits(v6.to_bits() & upper_half).into()
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn counts_in_all_and_per_address() {
        let admission = Admission::new(3, 2);
        let first = admission.enter(ip("192.0.2.1")).unwrap();
        let _second = admission.enter(ip("::ffff:192.0.2.1")).unwrap();
        let third = admission.enter(ip("192.0.2.1"));
        assert_eq!(third.unwrap_err(), Ending::AddressFull);
        let _other = admission.enter(ip("192.0.2.2")).unwrap();
        let fourth = admission.enter(ip("192.0.2.3"));
        assert_eq!(fourth.unwrap_err(), Ending::ServerFull);
        drop(first);
        assert_eq!(admission.count(), 2);
        assert!(admission.enter(ip("192.0.2.1")).is_ok());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let admission = Admission::new(9, 1);
        let _pass = admission.enter(ip("2001:db8:0:1::1")).unwrap();
        assert!(admission.enter(ip("2001:db8:0:1:ffff::2")).is_err());
        assert!(admission.enter(ip("2001:db8:0:2::1")).is_ok());
    }

    #[test]
    fn who_left_leaves_nothing_behind() {
        let admission = Admission::new(9, 9);
        drop(admission.enter(ip("192.0.2.1")));
        assert!(admission.lock().by_network.is_empty());
    }
}

//! Who may come in: how many connections all loops of a server have together, and those of one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::counter::Counter;
use crate::event_loop::Counted;

/// Limits for all loops of a server together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// Most connections.
    pub connections: u32,
    /// Most connections of one address; 0 for no limit. For IPv6 a network of 64 bits counts as one address, as that is
    /// what one customer gets (RFC 6177).
    pub per_address: u32,
    /// Most connections that one address may open in a second; 0 for no limit.
    pub per_address_and_second: u32,
}

/// The door of a server: every accepted socket has to get past it.
#[derive(Debug)]
pub(crate) struct Admission {
    limits: AdmissionLimits,
    connections: AtomicU32,
    /// Used only where a limit needs it.
    addresses: Mutex<Addresses>,
}

/// The right to be there, as long as it exists.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    /// `None` for those that have none.
    address: Option<IpAddr>,
    /// Where the connection counts as one of a loop's.
    pub(crate) load: Option<Counted>,
}

#[derive(Debug, Default)]
struct Addresses {
    /// Each is kept only as long as it says something.
    known: HashMap<IpAddr, Address>,
    /// When they were last looked through for those that say nothing any more.
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Address {
    connections: u32,
    /// Connections that have been opened since `since`.
    opened: u32,
    since: Instant,
}

impl Admission {
    pub(crate) fn new(limits: AdmissionLimits) -> Self {
        Self {
            limits,
            connections: AtomicU32::new(0),
            addresses: Mutex::default(),
        }
    }

    /// Lets a connection in, unless that would be one too many, of all or of its address: then it says what counts that.
    pub(crate) fn admit(
        self: &Arc<Self>,
        ip: Option<IpAddr>,
        now: Instant,
    ) -> Result<Admitted, Counter> {
        if !self.count_in() {
            return Err(Counter::RefusedOfAll);
        }
        let mut admitted = Admitted {
            admission: Arc::clone(self),
            address: None,
            load: None,
        };
        admitted.counts_as(ip, now).map(|()| admitted)
    }

    fn count_in(&self) -> bool {
        let counted = |count| (count < self.limits.connections).then_some(count + 1);
        self.connections
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, counted)
            .is_ok()
    }

    fn limits_addresses(&self) -> bool {
        self.limits.per_address > 0 || self.limits.per_address_and_second > 0
    }

    fn lock(&self) -> MutexGuard<'_, Addresses> {
        // Nothing in here panics half way.
        self.addresses
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Addresses {
    fn admit(
        &mut self,
        address: IpAddr,
        now: Instant,
        limits: &AdmissionLimits,
    ) -> Result<(), Counter> {
        self.sweep(now);
        let entry = self.known.entry(address).or_insert(Address {
            connections: 0,
            opened: 0,
            since: now,
        });
        if is_over(entry.since, now) {
            entry.since = now;
            entry.opened = 0;
        }
        let is_full = |count, limit| limit > 0 && count >= limit;
        if is_full(entry.connections, limits.per_address) {
            return Err(Counter::RefusedOfAddress);
        }
        if is_full(entry.opened, limits.per_address_and_second) {
            return Err(Counter::RefusedByRate);
        }
        entry.connections += 1;
        entry.opened += 1;
        Ok(())
    }

    fn leave(&mut self, address: IpAddr) {
        if let Some(entry) = self.known.get_mut(&address) {
            entry.connections -= 1;
        }
    }

    /// Forgets addresses that have no connections and have opened none in this second.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_some_and(|swept| !is_over(swept, now)) {
            return;
        }
        self.swept = Some(now);
        self.known
            .retain(|_, it| it.connections > 0 || !is_over(it.since, now));
    }
}

impl Admitted {
    /// From now on it counts as one of this address, and not of the one before; if that has too many, what counts that.
    pub(crate) fn counts_as(&mut self, ip: Option<IpAddr>, now: Instant) -> Result<(), Counter> {
        if !self.admission.limits_addresses() {
            return Ok(());
        }
        let mut addresses = self.admission.lock();
        if let Some(before) = self.address.take() {
            addresses.leave(before);
        }
        let Some(address) = ip.map(counted_as) else {
            return Ok(());
        };
        addresses.admit(address, now, &self.admission.limits)?;
        self.address = Some(address);
        Ok(())
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.admission.connections.fetch_sub(1, Ordering::Relaxed);
        if let Some(address) = self.address {
            self.admission.lock().leave(address);
        }
    }
}

/// The second that began at `since` is over.
fn is_over(since: Instant, now: Instant) -> bool {
    now.saturating_duration_since(since) >= Duration::from_secs(1)
}

/// The address that stands for `ip`.
fn counted_as(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => {
            let network = u128::from(ip) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_LIMITS: AdmissionLimits = AdmissionLimits {
        connections: u32::MAX,
        per_address: 0,
        per_address_and_second: 0,
    };

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn no_more_are_in_than_the_limit_and_each_that_leaves_makes_room() {
        let admission = Arc::new(Admission::new(AdmissionLimits {
            connections: 3,
            ..NO_LIMITS
        }));
        let now = Instant::now();
        let mut inside: Vec<_> = (0..3)
            .map(|n| {
                admission
                    .admit(Some(ip(&format!("10.0.0.{n}"))), now)
                    .unwrap()
            })
            .collect();
        assert!(admission.admit(Some(ip("10.0.0.9")), now).is_err());
        inside.pop();
        assert!(admission.admit(Some(ip("10.0.0.9")), now).is_ok());
        // Without limits for addresses nothing is kept of them.
        assert!(admission.lock().known.is_empty());
    }

    #[test]
    fn one_address_does_not_take_the_room_of_others() {
        let admission = Arc::new(Admission::new(AdmissionLimits {
            per_address: 2,
            ..NO_LIMITS
        }));
        let now = Instant::now();
        let same = ["10.0.0.1", "::ffff:10.0.0.1", "10.0.0.1"];
        let inside = same.map(|text| admission.admit(Some(ip(text)), now));
        assert_eq!(inside.each_ref().map(Result::is_ok), [true, true, false]);
        assert!(admission.admit(Some(ip("10.0.0.2")), now).is_ok());
        drop(inside);
        assert!(admission.admit(Some(ip("10.0.0.1")), now).is_ok());
    }

    #[test]
    fn the_addresses_of_an_ipv6_network_count_as_one() {
        let admission = Arc::new(Admission::new(AdmissionLimits {
            per_address: 1,
            ..NO_LIMITS
        }));
        let now = Instant::now();
        let _one = admission.admit(Some(ip("2001:db8:0:1::1")), now).unwrap();
        assert!(
            admission
                .admit(Some(ip("2001:db8:0:1:ffff::2")), now)
                .is_err()
        );
        assert!(admission.admit(Some(ip("2001:db8:0:2::1")), now).is_ok());
    }

    #[test]
    fn an_address_opens_so_many_a_second_whether_they_stay_or_not() {
        let admission = Arc::new(Admission::new(AdmissionLimits {
            per_address_and_second: 5,
            ..NO_LIMITS
        }));
        let start = Instant::now();
        let mut opened = 0;
        for ms in 0..3000 {
            let now = start + Duration::from_millis(ms);
            opened += u32::from(admission.admit(Some(ip("10.0.0.1")), now).is_ok());
        }
        assert_eq!(opened, 15);
    }

    #[test]
    fn addresses_are_forgotten_when_they_say_nothing_any_more() {
        let admission = Arc::new(Admission::new(AdmissionLimits {
            per_address: 1,
            per_address_and_second: 1,
            ..NO_LIMITS
        }));
        let start = Instant::now();
        let stays = admission.admit(Some(ip("10.0.0.1")), start).unwrap();
        for n in 0..100 {
            assert!(
                admission
                    .admit(Some(ip(&format!("10.0.1.{n}"))), start)
                    .is_ok()
            );
        }
        let later = start + Duration::from_secs(1);
        assert!(admission.admit(Some(ip("10.0.0.2")), later).is_ok());
        assert_eq!(admission.lock().known.len(), 2);
        drop(stays);
        assert_eq!(admission.connections.load(Ordering::Relaxed), 0);
    }
}

//! How many connections one file is worth. Pure: must not know connections or clocks.

use std::time::Duration;

/// How often it is thought over.
pub const TICK: Duration = Duration::from_millis(50);
/// A file that is there so soon needs no help.
const SOON: Duration = Duration::from_millis(400);
/// By how many times there are more from tick to tick: a few ticks are enough to reach any bound.
const STEP: usize = 4;

/// The number of connections that there should be, and may be.
#[derive(Clone, Copy, Debug)]
pub struct Ramp {
    now: usize,
    most: usize,
}

/// What was seen since the last time.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// How long that was.
    pub lasted: Duration,
    /// How long of it the hash waited for bytes.
    pub idle: Duration,
    /// How many bytes came.
    pub came: u64,
    /// How many have still to come.
    pub missing: u64,
}

impl Ramp {
    /// One connection at first, up to `most` if they help.
    pub fn new(most: usize) -> Ramp {
        Ramp { now: 1, most: most.max(1) }
    }

    /// The number that there should be.
    pub fn connections(self) -> usize {
        self.now
    }

    /// Raises the number when the network is what holds the file back, and will for a while.
    pub fn step(&mut self, seen: Seen) {
        let nanoseconds = seen.lasted.as_nanos().max(1);
        let rate = u128::from(seen.came) * 1_000_000_000 / nanoseconds;
        let soon = rate * SOON.as_nanos() / 1_000_000_000;
        let waits = 2 * seen.idle > seen.lasted;
        if waits && u128::from(seen.missing) > soon {
            self.now = (STEP * self.now).min(self.most);
        }
    }

    /// The server serves only so many.
    pub fn limit(&mut self, connections: usize) {
        self.most = self.most.min(connections.max(1));
        self.now = self.now.min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;

    fn seen(idle_percent: u32, came: u64, missing: u64) -> Seen {
        Seen { lasted: TICK, idle: TICK * idle_percent / 100, came, missing }
    }

    #[test]
    fn a_slow_server_is_asked_by_more_and_more() {
        let mut ramp = Ramp::new(6);
        let slow = seen(95, 2 * MIB, 200 * MIB);
        let mut step = || {
            ramp.step(slow);
            ramp.connections()
        };
        assert_eq!([step(), step(), step()], [4, 6, 6]);
    }

    #[test]
    fn a_fast_one_and_an_almost_whole_file_need_no_help() {
        for fast in [seen(10, 60 * MIB, 900 * MIB), seen(90, 60 * MIB, 400 * MIB), seen(95, 2 * MIB, 4 * MIB)]
        {
            let mut ramp = Ramp::new(8);
            ramp.step(fast);
            assert_eq!(ramp.connections(), 1, "{fast:?}");
        }
    }

    proptest! {
        #[test]
        fn it_stays_within_its_bounds(
            most in 0..20_usize,
            steps in proptest::collection::vec((0..=100_u32, 0..u64::MAX, 0..u64::MAX, proptest::option::of(0..20_usize)), 0..30),
        ) {
            let mut ramp = Ramp::new(most);
            let mut bound = most.max(1);
            for (idle, came, missing, limit) in steps {
                ramp.step(seen(idle, came, missing));
                if let Some(limit) = limit {
                    ramp.limit(limit);
                    bound = bound.min(limit.max(1));
                }
                prop_assert!((1..=bound).contains(&ramp.connections()));
            }
        }
    }
}

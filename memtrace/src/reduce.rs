//! Events to answers. Pure: no file, no clock, no output. Must not know where events come from.

pub mod aggregate;
mod blocks;
pub mod calls;
pub mod compare;
mod high_water;
mod lifetimes;
mod live;
pub mod locations;
mod numbers;
pub mod profile;
pub mod rows;
pub mod sites;
pub mod timeline;
mod totals;
pub mod tree;

/// Bytes and how many blocks they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Bytes asked for.
    pub bytes: u64,
    /// Blocks.
    pub allocations: u64,
}

impl std::ops::AddAssign for Measure {
    fn add_assign(&mut self, other: Measure) {
        self.bytes += other.bytes;
        self.allocations += other.allocations;
    }
}

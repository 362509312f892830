//! Digests: their algorithms, their written forms, their computation. Must not know registries or files.

mod algorithm;
mod digest;
mod hasher;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use digest::{BadDigest, Digest};
pub use hasher::{CHUNK, Hasher};

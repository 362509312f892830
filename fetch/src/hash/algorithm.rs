//! The names of the digest algorithms, as registries write them. Must not know how a digest is computed.

use std::fmt;
use std::str::FromStr;

/// A digest algorithm that a registry, an SRI string or `--hash` may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Algorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512_224,
    Sha512_256,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
    Blake2b,
    Blake2s,
    Blake3,
    Xxh32,
    Xxh64,
    Xxh3_64,
    Xxh3_128,
}

/// Name and digest length in bytes, in the order of strength that SRI asks for: weakest first.
///
/// Names are those of Python's hashlib and xxhash, which pooch's registries use, and `blake3`.
const KNOWN: [(Algorithm, &str, usize); 19] = [
    (Algorithm::Xxh32, "xxh32", 4),
    (Algorithm::Xxh64, "xxh64", 8),
    (Algorithm::Xxh3_64, "xxh3_64", 8),
    (Algorithm::Xxh3_128, "xxh3_128", 16),
    (Algorithm::Md5, "md5", 16),
    (Algorithm::Sha1, "sha1", 20),
    (Algorithm::Sha224, "sha224", 28),
    (Algorithm::Sha512_224, "sha512_224", 28),
    (Algorithm::Sha3_224, "sha3_224", 28),
    (Algorithm::Sha256, "sha256", 32),
    (Algorithm::Sha512_256, "sha512_256", 32),
    (Algorithm::Sha3_256, "sha3_256", 32),
    (Algorithm::Blake2s, "blake2s", 32),
    (Algorithm::Blake3, "blake3", 32),
    (Algorithm::Sha384, "sha384", 48),
    (Algorithm::Sha3_384, "sha3_384", 48),
    (Algorithm::Blake2b, "blake2b", 64),
    (Algorithm::Sha3_512, "sha3_512", 64),
    (Algorithm::Sha512, "sha512", 64),
];

impl Algorithm {
    /// Every algorithm, weakest first.
    pub fn all() -> impl Iterator<Item = Algorithm> {
        KNOWN.iter().map(|known| known.0)
    }

    /// The name, in lower case.
    pub fn name(self) -> &'static str {
        self.known().1
    }

    /// The length of a digest in bytes.
    pub fn size(self) -> usize {
        self.known().2
    }

    /// Where the algorithm stands among all, 0 being the weakest.
    pub fn strength(self) -> usize {
        KNOWN.iter().position(|known| known.0 == self).unwrap_or_default()
    }

    fn known(self) -> &'static (Algorithm, &'static str, usize) {
        &KNOWN[self.strength()]
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no algorithm that is known here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown hash algorithm {0:?}")]
pub struct UnknownAlgorithm(pub String);

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Reads a name in any case; `xxh128` is xxhash's other name for `xxh3_128`, `sha-256` SRI's for `sha256`.
    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        let lower = text.to_ascii_lowercase();
        let name = match lower.as_str() {
            "xxh128" => "xxh3_128",
            "sha-1" => "sha1",
            "sha-256" => "sha256",
            "sha-384" => "sha384",
            "sha-512" => "sha512",
            name => name,
        };
        let found = KNOWN.iter().find(|known| known.1 == name);
        found.map(|known| known.0).ok_or_else(|| UnknownAlgorithm(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_name_in_any_case_is_its_algorithm(index in 0..KNOWN.len(), upper in any::<u32>()) {
            let (algorithm, name, size) = KNOWN[index];
            let mixed: String = name
                .char_indices()
                .map(|(at, letter)| if upper >> at & 1 == 1 { letter.to_ascii_uppercase() } else { letter })
                .collect();
            prop_assert_eq!(mixed.parse(), Ok(algorithm));
            prop_assert_eq!((algorithm.name(), algorithm.size(), algorithm.strength()), (name, size, index));
        }

        #[test]
        fn no_other_text_is_an_algorithm(text in "[a-z0-9_-]{0,12}") {
            let known = KNOWN.iter().any(|known| known.1 == text);
            let other = ["xxh128", "sha-1", "sha-256", "sha-384", "sha-512"].contains(&text.as_str());
            prop_assert_eq!(text.parse::<Algorithm>().is_ok(), known || other);
        }
    }
}

//! The names of the digest algorithms, as registries write them. Must not know how a digest is computed.

use std::fmt;
use std::str::FromStr;

/// A digest algorithm that a registry, an SRI string or `--hash` may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Algorithm {
    Md5,
    Sha1,
    Md5Sha1,
    Ripemd160,
    Sha224,
    Sha256,
    Sm3,
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
const KNOWN: [(Algorithm, &str, usize); 22] = [
    (Algorithm::Xxh32, "xxh32", 4),
    (Algorithm::Xxh64, "xxh64", 8),
    (Algorithm::Xxh3_64, "xxh3_64", 8),
    (Algorithm::Xxh3_128, "xxh3_128", 16),
    (Algorithm::Md5, "md5", 16),
    (Algorithm::Sha1, "sha1", 20),
    (Algorithm::Md5Sha1, "md5-sha1", 36),
    (Algorithm::Ripemd160, "ripemd160", 20),
    (Algorithm::Sha224, "sha224", 28),
    (Algorithm::Sha512_224, "sha512_224", 28),
    (Algorithm::Sha3_224, "sha3_224", 28),
    (Algorithm::Sm3, "sm3", 32),
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

/// Other spellings, in lower case: those of SRI, of xxhash, and of OpenSSL, which hashlib takes as well.
const ALIASES: [(&str, &str); 31] = [
    ("xxh128", "xxh3_128"),
    ("sha-1", "sha1"),
    ("sha-224", "sha224"),
    ("sha-256", "sha256"),
    ("sha-384", "sha384"),
    ("sha-512", "sha512"),
    ("sha2-224", "sha224"),
    ("sha2-256", "sha256"),
    ("sha2-384", "sha384"),
    ("sha2-512", "sha512"),
    ("sha512-224", "sha512_224"),
    ("sha512-256", "sha512_256"),
    ("sha-512/224", "sha512_224"),
    ("sha-512/256", "sha512_256"),
    ("sha2-512/224", "sha512_224"),
    ("sha2-512/256", "sha512_256"),
    ("sha3-224", "sha3_224"),
    ("sha3-256", "sha3_256"),
    ("sha3-384", "sha3_384"),
    ("sha3-512", "sha3_512"),
    ("blake2b512", "blake2b"),
    ("blake2b-512", "blake2b"),
    ("blake2s256", "blake2s"),
    ("blake2s-256", "blake2s"),
    ("md5_sha1", "md5-sha1"),
    ("ripemd", "ripemd160"),
    ("ripemd-160", "ripemd160"),
    ("rmd160", "ripemd160"),
    ("ssl3-md5", "md5"),
    ("ssl3-sha1", "sha1"),
    ("xxh3-128", "xxh3_128"),
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

    /// Reads a name, or another spelling of one, in any case.
    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        let lower = text.to_ascii_lowercase();
        let alias = ALIASES.iter().find(|alias| alias.0 == lower);
        let name = alias.map_or(lower.as_str(), |alias| alias.1);
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
        fn every_alias_is_of_an_algorithm(index in 0..ALIASES.len()) {
            let (alias, name) = ALIASES[index];
            prop_assert_eq!(alias.to_uppercase().parse::<Algorithm>(), name.parse());
            prop_assert!(KNOWN.iter().any(|known| known.1 == name));
        }

        #[test]
        fn no_other_text_is_an_algorithm(text in "[a-z0-9_-]{0,12}") {
            let known = KNOWN.iter().any(|known| known.1 == text);
            let other = ALIASES.iter().any(|alias| alias.0 == text);
            prop_assert_eq!(text.parse::<Algorithm>().is_ok(), known || other);
        }
    }
}

//! A digest and its three written forms: `alg:hex`, bare hex (which means sha256) and SRI's `alg-base64`.
//! Must not know how a digest is computed.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::algorithm::{Algorithm, UnknownAlgorithm};

/// The digest of some bytes by one algorithm.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

/// A text that is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDigest {
    /// Its algorithm is unknown.
    #[error(transparent)]
    Algorithm(#[from] UnknownAlgorithm),
    /// It has characters that are no hexadecimal digits.
    #[error("{0:?} is not hexadecimal")]
    NotHex(String),
    /// Its part behind the dash is not base64.
    #[error("{0:?} is not base64")]
    NotBase64(String),
    /// It is too long or too short.
    #[error("a {algorithm} digest has {} bytes, this one has {got}", algorithm.size())]
    Length {
        /// The algorithm named.
        algorithm: Algorithm,
        /// The number of bytes given.
        got: usize,
    },
    /// There is nothing in it.
    #[error("an empty hash")]
    Empty,
}

impl Digest {
    /// A digest that somebody names.
    pub fn new(algorithm: Algorithm, bytes: Vec<u8>) -> Result<Digest, BadDigest> {
        if bytes.len() != algorithm.size() {
            return Err(BadDigest::Length { algorithm, got: bytes.len() });
        }
        Ok(Digest { algorithm, bytes })
    }

    /// A digest just computed, whose length the algorithm itself vouches for.
    pub(super) fn computed(algorithm: Algorithm, bytes: Vec<u8>) -> Digest {
        Digest { algorithm, bytes }
    }

    /// Which algorithm it is by.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The bytes in lower-case hexadecimal.
    pub fn hex(&self) -> String {
        let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
        self.bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }

    /// Subresource-integrity metadata: digests apart by spaces, of which the strongest counts; options behind
    /// `?` are passed over, as <https://www.w3.org/TR/SRI/> has it.
    fn from_sri(text: &str) -> Result<Digest, BadDigest> {
        let read = |one: &str| -> Result<Digest, BadDigest> {
            let (name, rest) = one.split_once('-').ok_or_else(|| BadDigest::NotHex(one.to_owned()))?;
            let algorithm = name.parse()?;
            let encoded = rest.split('?').next().unwrap_or_default();
            let bytes = STANDARD.decode(encoded).map_err(|_| BadDigest::NotBase64(encoded.to_owned()))?;
            Digest::new(algorithm, bytes)
        };
        let digests: Vec<Digest> = text.split_whitespace().map(read).collect::<Result<_, _>>()?;
        digests.into_iter().max_by_key(|digest| digest.algorithm.strength()).ok_or(BadDigest::Empty)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.hex())
    }
}

impl FromStr for Digest {
    type Err = BadDigest;

    fn from_str(text: &str) -> Result<Digest, BadDigest> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BadDigest::Empty);
        }
        if let Some((name, hex)) = text.split_once(':') {
            return Digest::new(name.parse()?, from_hex(hex)?);
        }
        if text.contains('-') {
            return Digest::from_sri(text);
        }
        Digest::new(Algorithm::Sha256, from_hex(text)?)
    }
}

fn from_hex(text: &str) -> Result<Vec<u8>, BadDigest> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    bytes.collect::<Option<_>>().ok_or_else(|| BadDigest::NotHex(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_mean_the_same() -> Result<(), BadDigest> {
        let hex = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
        let bare: Digest = hex.parse()?;
        assert_eq!(bare, format!("sha256:{hex}").parse()?);
        assert_eq!(bare, "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=".parse()?);
        assert_eq!(bare.to_string(), format!("sha256:{}", hex.to_lowercase()));
        Ok(())
    }

    #[test]
    fn of_several_sri_digests_the_strongest_counts() -> Result<(), BadDigest> {
        let sha1 = "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=";
        let sha256 = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=?opt";
        for text in [format!("{sha1} {sha256}"), format!("{sha256} {sha1}")] {
            assert_eq!(text.parse::<Digest>()?.algorithm(), Algorithm::Sha256);
        }
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |text: &str| text.parse::<Digest>().map_err(|error| error.to_string());
        assert_eq!(said("crc:00"), Err("unknown hash algorithm \"crc\"".into()));
        assert_eq!(said("md5:0g"), Err("\"0g\" is not hexadecimal".into()));
        assert_eq!(said("abc"), Err("\"abc\" is not hexadecimal".into()));
        assert_eq!(said("md5:00"), Err("a md5 digest has 16 bytes, this one has 1".into()));
        assert_eq!(said("sha1-###"), Err("\"###\" is not base64".into()));
        assert_eq!(said("  "), Err("an empty hash".into()));
    }
}

//! Computes digests, one or several in the same pass. Must not know where the bytes come from.

use std::io::{self, Read};

use digest::DynDigest;
use xxhash_rust::{xxh3::Xxh3Default, xxh32::Xxh32, xxh64::Xxh64};

use super::{Algorithm, Digest};

/// How much is read at a time: big enough that system calls do not count, small enough for the L2 cache.
pub const CHUNK: usize = 256 * 1024;

/// The digest under way of one algorithm.
enum State {
    RustCrypto(Box<dyn DynDigest + Send>),
    /// One behind the other.
    Md5Sha1(Box<(md5::Md5, sha1::Sha1)>),
    Blake3(Box<blake3::Hasher>),
    Xxh32(Xxh32),
    Xxh64(Xxh64),
    Xxh3(Box<Xxh3Default>),
}

/// The digests under way of one stream of bytes.
pub struct Hasher {
    states: Vec<(Algorithm, State)>,
}

impl Hasher {
    /// Begins the digests by all `algorithms`, each once.
    pub fn new(algorithms: impl IntoIterator<Item = Algorithm>) -> Hasher {
        let mut states: Vec<(Algorithm, State)> = Vec::new();
        for algorithm in algorithms {
            if states.iter().all(|(other, _)| *other != algorithm) {
                states.push((algorithm, State::new(algorithm)));
            }
        }
        Hasher { states }
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for (_, state) in &mut self.states {
            match state {
                State::RustCrypto(state) => state.update(bytes),
                State::Md5Sha1(state) => {
                    digest::Digest::update(&mut state.0, bytes);
                    digest::Digest::update(&mut state.1, bytes);
                }
                State::Blake3(state) => {
                    state.update(bytes);
                }
                State::Xxh32(state) => state.update(bytes),
                State::Xxh64(state) => state.update(bytes),
                State::Xxh3(state) => state.update(bytes),
            }
        }
    }

    /// The digests, in the order in which they were asked for.
    pub fn finish(self) -> Vec<Digest> {
        let finish = |(algorithm, state): (Algorithm, State)| {
            let bytes = match state {
                State::RustCrypto(state) => state.finalize().into_vec(),
                State::Md5Sha1(state) => {
                    let (md5, sha1) = *state;
                    [&digest::Digest::finalize(md5)[..], &digest::Digest::finalize(sha1)].concat()
                }
                State::Blake3(state) => state.finalize().as_bytes().to_vec(),
                State::Xxh32(state) => state.digest().to_be_bytes().to_vec(),
                State::Xxh64(state) => state.digest().to_be_bytes().to_vec(),
                State::Xxh3(state) if algorithm == Algorithm::Xxh3_64 => {
                    state.digest().to_be_bytes().to_vec()
                }
                State::Xxh3(state) => state.digest128().to_be_bytes().to_vec(),
            };
            Digest::computed(algorithm, bytes)
        };
        self.states.into_iter().map(finish).collect()
    }

    /// The digests of all that `source` gives, and how many bytes that was.
    pub fn read(mut self, mut source: impl Read) -> io::Result<(Vec<Digest>, u64)> {
        let mut chunk = vec![0; CHUNK];
        let mut size = 0;
        loop {
            match source.read(&mut chunk) {
                Ok(0) => return Ok((self.finish(), size)),
                Ok(read) => {
                    self.update(&chunk[..read]);
                    size += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl State {
    fn new(algorithm: Algorithm) -> State {
        match algorithm {
            Algorithm::Md5 => State::of::<md5::Md5>(),
            Algorithm::Sha1 => State::of::<sha1::Sha1>(),
            Algorithm::Md5Sha1 => State::Md5Sha1(Box::default()),
            Algorithm::Ripemd160 => State::of::<ripemd::Ripemd160>(),
            Algorithm::Sm3 => State::of::<sm3::Sm3>(),
            Algorithm::Sha224 => State::of::<sha2::Sha224>(),
            Algorithm::Sha256 => State::of::<sha2::Sha256>(),
            Algorithm::Sha384 => State::of::<sha2::Sha384>(),
            Algorithm::Sha512 => State::of::<sha2::Sha512>(),
            Algorithm::Sha512_224 => State::of::<sha2::Sha512_224>(),
            Algorithm::Sha512_256 => State::of::<sha2::Sha512_256>(),
            Algorithm::Sha3_224 => State::of::<sha3::Sha3_224>(),
            Algorithm::Sha3_256 => State::of::<sha3::Sha3_256>(),
            Algorithm::Sha3_384 => State::of::<sha3::Sha3_384>(),
            Algorithm::Sha3_512 => State::of::<sha3::Sha3_512>(),
            Algorithm::Blake2b => State::of::<blake2::Blake2b512>(),
            Algorithm::Blake2s => State::of::<blake2::Blake2s256>(),
            Algorithm::Blake3 => State::Blake3(Box::default()),
            Algorithm::Xxh32 => State::Xxh32(Xxh32::new(0)),
            Algorithm::Xxh64 => State::Xxh64(Xxh64::new(0)),
            Algorithm::Xxh3_64 | Algorithm::Xxh3_128 => State::Xxh3(Box::default()),
        }
    }

    fn of<D: DynDigest + Default + Send + 'static>() -> State {
        State::RustCrypto(Box::<D>::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `hashlib.new(alg, b"abc").hexdigest()`, `xxhash.xxh…(b"abc").hexdigest()` and `b3sum`.
    const OF_ABC: [(&str, &str); 22] = [
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("md5-sha1", "900150983cd24fb0d6963f7d28e17f72a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("ripemd160", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"),
        ("sm3", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        ("sha224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "sha384",
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        ),
        (
            "sha512",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        ("sha512_224", "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa"),
        ("sha512_256", "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
        ("sha3_224", "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"),
        ("sha3_256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
        (
            "sha3_384",
            "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
        ),
        (
            "sha3_512",
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
        ),
        (
            "blake2b",
            "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
        ),
        ("blake2s", "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"),
        ("blake3", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
        ("xxh32", "32d153ff"),
        ("xxh64", "44bc2cf5ad770999"),
        ("xxh3_64", "78af5f94892f3950"),
        ("xxh3_128", "06b05ab6733a618578af5f94892f3950"),
    ];

    #[test]
    fn every_algorithm_agrees_with_python() {
        let algorithms: Vec<Algorithm> = OF_ABC.iter().filter_map(|(name, _)| name.parse().ok()).collect();
        assert_eq!(algorithms.len(), Algorithm::all().count());
        let mut hasher = Hasher::new(algorithms);
        hasher.update(b"a");
        hasher.update(b"bc");
        let found: Vec<String> = hasher.finish().iter().map(Digest::to_string).collect();
        let wanted: Vec<String> = OF_ABC.iter().map(|(name, hex)| format!("{name}:{hex}")).collect();
        assert_eq!(found, wanted);
        assert!(OF_ABC.iter().all(|(name, hex)| format!("{name}:{hex}").parse::<Digest>().is_ok()));
    }
}

//! The keys that a host is known by, from files as sshd(8) describes them: plain names, patterns, hashed names,
//! `[host]:port`, revoked keys. Must not know how a key was shown.

use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::{Algorithm, PublicKey};
use sha1::Sha1;

use super::config::{home, matches_list};

/// The port that names in the files go without.
const PORT: u16 = 22;
/// The files below the home folder.
const OWN: [&str; 2] = [".ssh/known_hosts", ".ssh/known_hosts2"];
/// The files of the system.
const SYSTEM: [&str; 2] = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];

/// What is known of one host.
#[derive(Debug, Default)]
pub struct KnownHost {
    keys: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    key: PublicKey,
    /// Its file and line.
    place: String,
    revoked: bool,
}

/// What to think of a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the host's.
    Known,
    /// Nothing is known of the host.
    Unknown,
    /// The host is known by another key, or this one was revoked.
    Another {
        /// Where that is written.
        place: String,
    },
}

impl KnownHost {
    /// What the files of the user and of the system say of a host.
    pub fn read(host: &str, port: u16) -> KnownHost {
        let home = home().unwrap_or_default();
        let own = OWN.iter().map(|name| home.join(name));
        let mut known = KnownHost::default();
        for path in own.chain(SYSTEM.iter().map(PathBuf::from)) {
            // A file that cannot be read knows nobody, and whom nobody knows is refused.
            known.add(&std::fs::read(&path).unwrap_or_default(), &path, host, port);
        }
        known
    }

    fn add(&mut self, text: &[u8], path: &Path, host: &str, port: u16) {
        let host = host.to_ascii_lowercase();
        let name = if port == PORT { host } else { format!("[{host}]:{port}") };
        for (number, line) in String::from_utf8_lossy(text).lines().enumerate() {
            // Lines of kinds that are not known here help nobody.
            let Ok(entry) = line.trim().replace('\t', " ").parse::<Entry>() else { continue };
            let revoked = match entry.marker() {
                None => false,
                Some(Marker::Revoked) => true,
                // It signs certificates, which are not asked for.
                Some(Marker::CertAuthority) => continue,
            };
            if is_named(entry.host_patterns(), &name) {
                let place = format!("{}, line {}", path.display(), number + 1);
                self.keys.push(Known { key: entry.public_key().clone(), place, revoked });
            }
        }
    }

    /// Whether the host is known by a key of this kind.
    pub fn has_kind(&self, kind: &Algorithm) -> bool {
        let same = |key: &Algorithm| match (key, kind) {
            (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => true,
            (key, kind) => key == kind,
        };
        self.keys.iter().any(|known| !known.revoked && same(&known.key.algorithm()))
    }

    /// What to think of the key that the host shows.
    pub fn judge(&self, key: &PublicKey) -> Verdict {
        let same: Vec<&Known> =
            self.keys.iter().filter(|known| known.key.key_data() == key.key_data()).collect();
        if let Some(revoked) = same.iter().find(|known| known.revoked) {
            return Verdict::Another { place: format!("{}, which revokes it", revoked.place) };
        }
        match self.keys.iter().find(|known| !known.revoked) {
            _ if !same.is_empty() => Verdict::Known,
            Some(another) => Verdict::Another { place: another.place.clone() },
            None => Verdict::Unknown,
        }
    }
}

fn is_named(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::Patterns(patterns) => matches_list(patterns.iter().map(String::as_str), name),
        HostPatterns::HashedName { salt, hash } => Hmac::<Sha1>::new_from_slice(salt)
            .is_ok_and(|mac| mac.chain_update(name).verify_slice(hash).is_ok()),
    }
}

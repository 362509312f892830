//! The files of `sha256sum` and its siblings: `hash  name`, or `ALGORITHM (name) = hash` as `--tag` and the BSDs have
//! it. Must not know other forms.
//!
//! A name with a backslash or the end of a line in it is escaped, and its line begins with a backslash:
//! <https://www.gnu.org/software/coreutils/manual/html_node/cksum-output-modes.html>. The first shape does not name
//! its algorithm; the length of the hash does, 128 digits standing for sha512.

use super::{BadSum, RegistryError};
use crate::hash::{Algorithm, Digest};
use crate::source::registry::Entry;

/// Reads a whole file; the error names the line, counted from 1.
pub fn parse(text: &str) -> Result<Vec<Entry>, (usize, BadSum)> {
    let lines = text.lines().zip(1..).filter(|(line, _)| !is_idle(line));
    lines.map(|(line, number)| parse_line(line).map_err(|bad| (number, bad))).collect()
}

/// Whether a text looks like one of these files, by the first line that says something.
pub fn looks_so(text: &str) -> bool {
    let line = text.lines().find(|line| !is_idle(line));
    line.is_some_and(|line| {
        // `name hash` with a name that is a hash as well is a line of pooch.
        let pooch = line.split_whitespace().nth(1).is_some_and(|hash| hash.parse::<Digest>().is_ok());
        parse_line(line).is_ok() && !pooch
    })
}

/// The lines of `sha256sum`.
pub fn format(entries: &[Entry]) -> Result<String, RegistryError> {
    let mut text = String::new();
    for Entry { name, digest, .. } in entries {
        if digest.algorithm() != Algorithm::Sha256 {
            let algorithm = digest.algorithm().name();
            return Err(RegistryError::OtherAlgorithm { name: name.clone(), algorithm });
        }
        let escaped = name.replace('\\', r"\\").replace('\n', r"\n").replace('\r', r"\r");
        let mark = if escaped == *name { "" } else { "\\" };
        text += &format!("{mark}{}  {escaped}\n", digest.hex());
    }
    Ok(text)
}

fn is_idle(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with('#')
}

fn parse_line(line: &str) -> Result<Entry, BadSum> {
    let (line, escaped) = line.strip_prefix('\\').map_or((line, false), |line| (line, true));
    let (name, digest) = match tagged(line) {
        Some((algorithm, name, hash)) => (name, format!("{algorithm}:{hash}").parse()?),
        None => plain(line)?,
    };
    let name = if escaped { unescape(name)? } else { name.to_owned() };
    Ok(Entry { name, digest, addresses: vec![] })
}

/// `ALGORITHM (name) = hash`; the name may have anything in it, so the hash is looked for from the end.
fn tagged(line: &str) -> Option<(String, &str, &str)> {
    let (algorithm, rest) = line.split_once(" (")?;
    let (name, hash) = rest.rsplit_once(") = ")?;
    algorithm.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-').then_some(())?;
    Some((algorithm.to_ascii_lowercase().replace("sha3-", "sha3_"), name, hash))
}

fn plain(line: &str) -> Result<(&str, Digest), BadSum> {
    let (hash, rest) = line.split_once(' ').ok_or(BadSum::Shape)?;
    // A space for a text, an asterisk for a binary file; the difference is none here.
    let name = rest.strip_prefix([' ', '*']).filter(|name| !name.is_empty()).ok_or(BadSum::Shape)?;
    let algorithm = match hash.len() {
        32 => Algorithm::Md5,
        40 => Algorithm::Sha1,
        56 => Algorithm::Sha224,
        64 => Algorithm::Sha256,
        96 => Algorithm::Sha384,
        128 => Algorithm::Sha512,
        _ => return Err(BadSum::Shape),
    };
    Ok((name, format!("{algorithm}:{hash}").parse()?))
}

fn unescape(name: &str) -> Result<String, BadSum> {
    let mut plain = String::new();
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        plain.push(match (character, character == '\\') {
            (other, false) => other,
            (_, true) => match characters.next() {
                Some('\\') => '\\',
                Some('n') => '\n',
                Some('r') => '\r',
                _ => return Err(BadSum::Escape),
            },
        });
    }
    Ok(plain)
}

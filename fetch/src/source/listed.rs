//! Requests from registries, each read from its line when its turn comes: a registry may have a hundred thousand lines,
//! and a request takes far more room than its line. Must not know how a line is read.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::registry::{BadEntry, Entry, parse_line};
use super::{Address, Request};
use crate::error::Error;

/// So much of the text is given back at a time.
const PIECE: usize = 1 << 20;

/// Registries, seen to be valid: of two entries with one name the later counts, as in pooch.
#[derive(Debug, Default)]
pub struct Registries {
    /// All of them, one behind the other.
    text: String,
    /// Where the lines begin that count, in the order in which their names came first.
    lines: Vec<usize>,
    /// Which of them has a name.
    places: HashMap<Short, usize>,
    keys: [RandomState; 2],
}

/// Stands for a name, which takes more room: hashed by keys that nobody outside this process knows, and so long that
/// no two names share one.
type Short = [u64; 2];

/// The requests that registries make.
#[derive(Debug)]
pub struct Listed {
    text: String,
    /// Where their lines begin.
    lines: Vec<usize>,
    base: Option<Address>,
}

impl Registries {
    /// Adds a registry; the error names the line, counted from 1.
    pub fn add(&mut self, text: String) -> Result<(), (usize, BadEntry)> {
        let mut from = self.text.len();
        if self.text.is_empty() {
            self.text = text;
        } else {
            self.text.push('\n');
            from += 1;
            self.text += &text;
        }
        for (line, number) in self.text[from..].split_inclusive('\n').zip(1..) {
            if let Some(Entry { name, .. }) = parse_line(line).map_err(|bad| (number, bad))? {
                let place = *self.places.entry(short(&self.keys, &name)).or_insert(self.lines.len());
                if place == self.lines.len() {
                    self.lines.push(from);
                } else {
                    self.lines[place] = from;
                }
            }
            from += line.len();
        }
        Ok(())
    }

    /// Requests for all entries, or for those that `names` picks, in the order of the names. Those without a URL are
    /// below `base`.
    pub fn requests(self, base: Option<Address>, names: &[String]) -> Result<Listed, Error> {
        let Registries { text, lines, places, keys } = self;
        let find = |name: &String| {
            let line = places.get(&short(&keys, name)).map(|place| lines[*place]);
            line.ok_or_else(|| Error::NotInRegistry { name: name.clone() })
        };
        let picked: Result<Vec<usize>, Error> = names.iter().map(find).collect();
        drop(places);
        let listed = Listed { lines: if names.is_empty() { lines } else { picked? }, text, base };
        if let Some(Request { name, .. }) = listed.iter().find(|request| request.addresses.is_empty()) {
            return Err(Error::NoBaseUrl { name });
        }
        Ok(listed)
    }
}

fn short(keys: &[RandomState; 2], name: &str) -> Short {
    [keys[0].hash_one(name), keys[1].hash_one(name)]
}

impl Listed {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.lines.len() as u64
    }

    /// The requests one by one.
    pub fn iter(&self) -> impl Iterator<Item = Request> {
        self.lines.iter().filter_map(|line| self.request(*line))
    }

    /// The same; what was read is given back on the way, as others need more room the longer the run takes.
    pub fn into_stream(mut self) -> impl Iterator<Item = Request> {
        let in_order = self.lines.is_sorted();
        let mut gone = 0;
        (0..self.lines.len()).filter_map(move |at| {
            let from = self.lines[at] - gone;
            if !in_order || from < PIECE {
                return self.request(from);
            }
            gone += from;
            self.text.drain(..from);
            self.text.shrink_to_fit();
            self.request(0)
        })
    }

    /// Never nothing, as the line was read before.
    fn request(&self, line: usize) -> Option<Request> {
        let entry = parse_line(self.text[line..].split('\n').next()?).ok()??;
        Some(entry.request(self.base.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(listed: &Listed) -> Vec<String> {
        let digest = |request: Request| request.expected.map(|digest| digest.hex()[..1].to_owned());
        listed.iter().map(|request| request.name.clone() + &digest(request).unwrap_or_default()).collect()
    }

    #[test]
    fn of_several_registries_the_later_counts() -> Result<(), Box<dyn std::error::Error>> {
        let line = |name: &str, digit: &str| format!("{name} {}", digit.repeat(64));
        let read = || {
            let mut registries = Registries::default();
            let first = [line("a", "0"), line("b", "0"), "# c\r".to_owned(), line("a", "1")].join("\n");
            let second = [line("c", "2") + "\r", line("'b b'", "2"), line("b", "2")].join("\n");
            [first, second].into_iter().try_for_each(|text| registries.add(text)).map(|()| registries)
        };
        let base = || Address::parse("http://host/");
        let bad = |(line, bad): (usize, BadEntry)| format!("{line}: {bad}");
        let all = read().map_err(bad)?.requests(Some(base()?), &[])?;
        assert_eq!(digests(&all), ["a1", "b2", "c2", "b b2"]);
        let picked = read().map_err(bad)?.requests(Some(base()?), &["b b".into(), "a".into()])?;
        assert_eq!(digests(&picked), ["b b2", "a1"]);
        assert_eq!(picked.into_stream().map(|request| request.name).collect::<Vec<_>>(), ["b b", "a"]);
        let refused = |base, name: &str| {
            let listed = read().map_err(bad).map(|registries| registries.requests(base, &[name.to_owned()]));
            listed.map(|listed| listed.map(|_| ()).map_err(|error| error.to_string()))
        };
        assert!(refused(None, "a")?.is_err_and(|error| error.contains('a')));
        assert!(refused(Some(base()?), "d")?.is_err());
        let mut registries = Registries::default();
        registries.add(line("a", "0")).map_err(bad)?;
        assert_eq!(registries.add("\n\nx".to_owned()), Err((3, BadEntry::Fields(1))));
        Ok(())
    }
}

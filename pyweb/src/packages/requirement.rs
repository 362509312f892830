//! A requirement on a package, as PEP 508 has it: `name[extra] >=1,<2; marker`. Must not know which Python asks.

use std::fmt;
use std::str::FromStr;

use pep440_rs::VersionSpecifiers;

use super::marker::Marker;
use super::wheel::canonical;

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The canonical name of the package.
    pub name: String,
    /// Its extras, by their canonical names.
    pub extras: Vec<String>,
    /// The versions that will do.
    pub versions: VersionSpecifiers,
    /// When it is one at all.
    pub marker: Marker,
}

impl FromStr for Requirement {
    type Err = String;

    fn from_str(text: &str) -> Result<Requirement, String> {
        let (requirement, marker) = match text.split_once(';') {
            Some((requirement, marker)) => (requirement.trim(), marker.parse()?),
            None => (text.trim(), Marker::All(Vec::new())),
        };
        let in_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let end = requirement.find(|c| !in_name(c)).unwrap_or(requirement.len());
        let (name, rest) = (canonical(&requirement[..end]), requirement[end..].trim_start());
        if name.is_empty() {
            return Err("it does not begin with the name of a package".into());
        }
        let (extras, rest) = match rest.strip_prefix('[') {
            None => (Vec::new(), rest),
            Some(rest) => {
                let (inside, rest) = rest.split_once(']').ok_or("its extras have no end")?;
                let extras = inside
                    .split(',')
                    .map(|extra| canonical(extra.trim()))
                    .filter(|extra| !extra.is_empty())
                    .collect();
                (extras, rest.trim_start())
            }
        };
        if rest.starts_with('@') {
            return Err("it names a URL".into());
        }
        let bare = rest.strip_prefix('(').and_then(|inside| inside.strip_suffix(')')).unwrap_or(rest).trim();
        let versions = match bare {
            "" => VersionSpecifiers::empty(),
            bare => VersionSpecifiers::from_str(bare).map_err(|_| format!("{bare:?} names no versions"))?,
        };
        Ok(Requirement { name, extras, versions, marker })
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if !self.extras.is_empty() {
            write!(f, "[{}]", self.extras.join(","))?;
        }
        write!(f, "{}", self.versions)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn all_parts_of_a_requirement() {
        let text = "Requests [Security, tests] >=2.8.1, ==2.8.* ; python_version > \"3.8\"";
        let requirement = Requirement::from_str(text).unwrap();
        assert_eq!(requirement.to_string(), "requests[security,tests]==2.8.*, >=2.8.1");
        assert!(matches!(requirement.marker, Marker::Compare(..)));
        assert_eq!(Requirement::from_str("zope.interface (>=4)").unwrap().to_string(), "zope-interface>=4");
        assert_eq!(Requirement::from_str("six").unwrap().to_string(), "six");
    }

    #[test]
    fn what_is_no_requirement_is_an_error() {
        for text in ["", "==1", "a[b", "a >=", "a @ https://x.org/a.whl", "a b", "a; b", "a>=1.*"] {
            assert!(Requirement::from_str(text).is_err(), "{text}");
        }
    }
}

//! Environment markers of requirements
//! (<https://packaging.python.org/en/latest/specifications/dependency-specifiers/>): read and evaluated.
//! Must not know which Python asks.

use std::collections::BTreeMap;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifier};

use super::wheel::canonical;

/// The values of the marker variables.
#[derive(Clone, Debug)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// These variables; every other is unknown and makes a marker wrong.
    pub fn new<const N: usize>(values: [(&str, &str); N]) -> Environment {
        Environment(values.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marker {
    /// All of them hold; an empty list always does.
    All(Vec<Marker>),
    /// One of them holds.
    Any(Vec<Marker>),
    /// A comparison.
    Compare(Value, Operator, Value),
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A variable.
    Variable(String),
    /// A text in quotes.
    Text(String),
}

/// How two values are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// One of PEP 440's, such as `>=`.
    Version(String),
    /// The left one is part of the right one.
    In,
    /// It is not.
    NotIn,
}

impl Marker {
    /// Whether it holds in `environment` for someone who asks for `extra`, if for any.
    pub fn holds(&self, environment: &Environment, extra: Option<&str>) -> bool {
        match self {
            Marker::All(markers) => markers.iter().all(|marker| marker.holds(environment, extra)),
            Marker::Any(markers) => markers.iter().any(|marker| marker.holds(environment, extra)),
            Marker::Compare(left, operator, right) => {
                let value = |side: &Value| match side {
                    Value::Text(text) => Some(text.clone()),
                    Value::Variable(name) if name == "extra" => Some(extra.unwrap_or_default().to_owned()),
                    Value::Variable(name) => environment.0.get(name).cloned(),
                };
                let (Some(mut one), Some(mut other)) = (value(left), value(right)) else { return false };
                if [left, right].iter().any(|side| **side == Value::Variable("extra".into())) {
                    (one, other) = (canonical(&one), canonical(&other));
                }
                compare(&one, operator, &other)
            }
        }
    }
}

/// As versions where both sides are, else as texts.
fn compare(left: &str, operator: &Operator, right: &str) -> bool {
    let operator = match operator {
        Operator::In => return right.contains(left),
        Operator::NotIn => return !right.contains(left),
        Operator::Version(operator) => operator.as_str(),
    };
    let specifier = VersionSpecifier::from_str(&format!("{operator}{right}"));
    if let (Ok(specifier), Ok(version)) = (specifier, Version::from_str(left)) {
        return specifier.contains(&version);
    }
    match operator {
        "==" | "===" => left == right,
        "!=" => left != right,
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        ">=" => left >= right,
        _ => false,
    }
}

impl FromStr for Marker {
    type Err = String;

    fn from_str(text: &str) -> Result<Marker, String> {
        let tokens = tokens(text)?;
        let mut reader = Reader { tokens: &tokens };
        let marker = reader.any(0)?;
        match reader.tokens {
            [] => Ok(marker),
            [rest, ..] => Err(format!("{rest:?} is not expected in the marker")),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Operator(String),
    Open,
    Close,
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' => {
                tokens.push(if first == '(' { Token::Open } else { Token::Close });
                1
            }
            '"' | '\'' => {
                let end = rest[1..].find(first).ok_or("a quote of the marker has no end")?;
                tokens.push(Token::Text(rest[1..=end].to_owned()));
                end + 2
            }
            '<' | '>' | '=' | '!' | '~' => {
                let end = rest.find(|c| !"<>=!~".contains(c)).unwrap_or(rest.len());
                tokens.push(Token::Operator(rest[..end].to_owned()));
                end
            }
            c if c.is_ascii_alphabetic() => {
                let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
                let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_owned()));
                end
            }
            other => return Err(format!("{other:?} is not expected in the marker")),
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// Brackets may nest this deep.
const MOST_NESTED: usize = 50;

struct Reader<'a> {
    tokens: &'a [Token],
}

impl<'a> Reader<'a> {
    fn any(&mut self, depth: usize) -> Result<Marker, String> {
        let mut markers = vec![self.all(depth)?];
        while self.takes_word("or") {
            markers.push(self.all(depth)?);
        }
        Ok(if markers.len() == 1 { markers.remove(0) } else { Marker::Any(markers) })
    }

    fn all(&mut self, depth: usize) -> Result<Marker, String> {
        let mut markers = vec![self.one(depth)?];
        while self.takes_word("and") {
            markers.push(self.one(depth)?);
        }
        Ok(if markers.len() == 1 { markers.remove(0) } else { Marker::All(markers) })
    }

    fn one(&mut self, depth: usize) -> Result<Marker, String> {
        if self.tokens.first() == Some(&Token::Open) {
            if depth == MOST_NESTED {
                return Err("the marker is nested too deep".into());
            }
            self.next();
            let marker = self.any(depth + 1)?;
            return match self.next() {
                Some(Token::Close) => Ok(marker),
                _ => Err("a bracket of the marker has no end".into()),
            };
        }
        let left = self.value()?;
        let operator = match self.next() {
            Some(Token::Operator(operator)) => Operator::Version(operator.clone()),
            Some(Token::Word(word)) if word == "in" => Operator::In,
            Some(Token::Word(word)) if word == "not" && self.takes_word("in") => Operator::NotIn,
            _ => return Err("a comparison of the marker has no operator".into()),
        };
        Ok(Marker::Compare(left, operator, self.value()?))
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.next() {
            Some(Token::Text(text)) => Ok(Value::Text(text.clone())),
            // `os.name` and the like are how PEP 345 wrote them.
            Some(Token::Word(word)) => Ok(Value::Variable(word.replace('.', "_"))),
            _ => Err("a comparison of the marker lacks a side".into()),
        }
    }

    fn next(&mut self) -> Option<&'a Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn takes_word(&mut self, wanted: &str) -> bool {
        let found = matches!(self.tokens.first(), Some(Token::Word(word)) if word == wanted);
        if found {
            self.next();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;
    use proptest::prelude::*;

    fn holds(marker: &str, extra: Option<&str>) -> bool {
        let environment = Environment::new([
            ("python_version", "3.14"),
            ("python_full_version", "3.14.2"),
            ("sys_platform", "emscripten"),
            ("os_name", "posix"),
        ]);
        Marker::from_str(marker).unwrap().holds(&environment, extra)
    }

    #[test]
    fn versions_are_compared_as_versions() {
        assert!(holds("python_version >= '3.9'", None), "as texts, 3.14 is less");
        assert!(holds("'3.9' < python_version", None));
        assert!(!holds("python_version < \"3.8\"", None));
        assert!(holds("python_full_version ~= '3.14.0'", None));
        assert!(holds("python_version in '3.13 3.14'", None));
    }

    #[test]
    fn and_binds_closer_than_or() {
        let text = "sys_platform == 'win32' and python_version < '3' or os_name == 'posix'";
        assert!(holds(text, None));
        assert!(!holds("sys_platform == 'win32' and (python_version < '3' or os_name == 'posix')", None));
        assert!(holds("os.name not in 'nt java'", None));
    }

    #[test]
    fn an_extra_holds_for_who_asks_for_it() {
        assert!(holds("extra == 'Dev_Tools'", Some("dev-tools")));
        assert!(!holds("extra == 'dev-tools'", None));
        assert!(holds("extra != 'dev-tools'", None));
    }

    #[test]
    fn what_is_no_marker_is_an_error() {
        let deep = "(".repeat(60) + "os_name == 'a'" + &")".repeat(60);
        for text in [
            "",
            "os_name",
            "os_name ==",
            "os_name == 'a",
            "(os_name == 'a'",
            "os_name == 'a' or",
            "a b c",
            &deep,
        ] {
            assert!(Marker::from_str(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "\\PC{0,40}") {
            let _ = Marker::from_str(&text);
        }
    }
}

//! What a request carries so that a server lets it in: login and headers. Never shown: `Debug` tells names only.
//! Must not know to which host it may be told; that is settled in `transfer`.

use std::fmt;

use serde_json::{Map, Value};

/// Headers that say which bytes are asked for or how they travel, which only the transfer may decide.
const OWN_HEADERS: [&str; 13] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
    "transfer-encoding",
    "upgrade",
];

/// Only variables of this prefix can be named in JSON, so that input from elsewhere cannot send off any other.
const VARIABLES: &str = "FETCH_";

/// The requester's own login and headers.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Who asks.
    pub login: Option<Login>,
    /// Further headers, each checked by [`Header::parse`] or [`Header::new`].
    pub headers: Vec<Header>,
}

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// User and password.
    Basic {
        /// The user's name.
        user: String,
        /// The password, perhaps empty.
        password: String,
    },
    /// A token, for `Authorization: Bearer`.
    Bearer(String),
}

/// Who asks, in words that tell one from another: perhaps secrets. A file that a server gave to one may not be what it
/// gives to another.
#[derive(Clone, PartialEq, Eq)]
pub struct Who(String);

impl Who {
    /// Whoever is known by these words.
    pub fn new(words: String) -> Who {
        Who(words)
    }

    /// The words, never to be shown or written down.
    pub fn words(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Who(***)")
    }
}

/// A header that a request carries.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    name: String,
    value: String,
}

/// What is wrong with a header or a login; never holds a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages are the documentation")]
pub enum BadAccess {
    #[error("a header is not `Name: value`")]
    NoHeader,
    #[error("{0:?} is no name of a header")]
    HeaderName(String),
    #[error("the value of header {0} has characters that no header may have")]
    HeaderValue(String),
    #[error("header {0} is set by fetch itself")]
    OwnHeader(String),
    #[error("\"headers\" is not an object of strings")]
    HeadersShape,
    #[error("\"auth\" has none of the forms {{\"user\", \"password\"}}, {{\"bearer\"}}, {{\"env\"}}")]
    LoginShape,
    #[error("\"auth\" names the variable {0:?}; only those that begin with {VARIABLES} are read")]
    Variable(String),
    #[error("\"auth\" names the variable {0}, which is not set")]
    NotSet(String),
}

impl Header {
    /// Reads `Name: value`, as curl has it.
    pub fn parse(line: &str) -> Result<Header, BadAccess> {
        let (name, value) = line.split_once(':').ok_or(BadAccess::NoHeader)?;
        Header::new(name.trim(), value.trim())
    }

    /// A header, when it is one by RFC 9110, section 5, and none that fetch itself sets.
    pub fn new(name: &str, value: &str) -> Result<Header, BadAccess> {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            // What has no name may be a value.
            let shown = if name.bytes().any(|byte| byte.is_ascii_whitespace()) { "…" } else { name };
            return Err(BadAccess::HeaderName(shown.to_owned()));
        }
        if OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(BadAccess::OwnHeader(name.to_owned()));
        }
        // ASCII alone: what a server makes of other bytes is anybody's guess.
        if !value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte)) {
            return Err(BadAccess::HeaderValue(name.to_owned()));
        }
        Ok(Header { name: name.to_owned(), value: value.to_owned() })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its value, for the wire alone.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether it is called so.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

impl Access {
    /// Takes `auth` and `headers` out of a request's JSON object, so that they never travel on into a record.
    pub fn take(object: &mut Map<String, Value>) -> Result<Access, BadAccess> {
        let login = match object.remove("auth") {
            None | Some(Value::Null) => None,
            Some(Value::Object(auth)) => Some(login(&auth)?),
            Some(_) => return Err(BadAccess::LoginShape),
        };
        let headers = match object.remove("headers") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Object(headers)) => headers
                .iter()
                .map(|(name, value)| Header::new(name, value.as_str().ok_or(BadAccess::HeadersShape)?))
                .collect::<Result<_, _>>()?,
            Some(_) => return Err(BadAccess::HeadersShape),
        };
        Ok(Access { login, headers })
    }
}

fn login(auth: &Map<String, Value>) -> Result<Login, BadAccess> {
    let text = |key: &str| auth.get(key).and_then(Value::as_str);
    let known = auth.keys().all(|key| ["user", "password", "bearer", "env"].contains(&key.as_str()));
    match (known, text("user"), text("bearer"), text("env")) {
        (true, Some(user), None, None) => {
            let password = match auth.get("password") {
                None | Some(Value::Null) => "",
                Some(password) => password.as_str().ok_or(BadAccess::LoginShape)?,
            };
            Ok(Login::Basic { user: user.to_owned(), password: password.to_owned() })
        }
        (true, None, Some(token), None) if auth.len() == 1 => Ok(Login::Bearer(token.to_owned())),
        (true, None, None, Some(name)) if auth.len() == 1 => variable(name),
        _ => Err(BadAccess::LoginShape),
    }
}

/// The login that an environment variable holds: `user:password`, or a token, which never has a colon.
fn variable(name: &str) -> Result<Login, BadAccess> {
    if !name.starts_with(VARIABLES) {
        return Err(BadAccess::Variable(name.to_owned()));
    }
    let text = std::env::var(name).map_err(|_| BadAccess::NotSet(name.to_owned()))?;
    Ok(match text.split_once(':') {
        Some((user, password)) => Login::Basic { user: user.to_owned(), password: password.to_owned() },
        None => Login::Bearer(text),
    })
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Login::Basic { .. } => "Basic(***)",
            Login::Bearer(_) => "Bearer(***)",
        })
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ***", self.name)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Access { login, headers } = self;
        f.debug_struct("Access").field("login", login).field("headers", headers).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn take(value: Value) -> Result<Access, BadAccess> {
        let Value::Object(mut object) = value else { unreachable!() };
        let access = Access::take(&mut object)?;
        assert!(object.is_empty(), "{object:?}");
        Ok(access)
    }

    #[test]
    fn every_form_is_read_and_none_is_shown() -> Result<(), BadAccess> {
        let basic = Login::Basic { user: "me".into(), password: "s3cret".into() };
        for (auth, login) in [
            (json!({"user": "me", "password": "s3cret"}), basic),
            (json!({"user": "me"}), Login::Basic { user: "me".into(), password: String::new() }),
            (json!({"bearer": "s3cret"}), Login::Bearer("s3cret".into())),
        ] {
            let access = take(json!({"auth": auth, "headers": {"X-Key": "s3cret"}}))?;
            assert_eq!(access.login, Some(login));
            assert_eq!((access.headers[0].name(), access.headers[0].value()), ("X-Key", "s3cret"));
            assert!(!format!("{access:?}").contains("s3cret"));
        }
        assert_eq!(take(json!({"auth": null, "headers": null}))?, Access::default());
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        for (object, said) in [
            (json!({"auth": "me:s3cret"}), "has none of the forms"),
            (json!({"auth": {"user": "me", "bearer": "s3cret"}}), "has none of the forms"),
            (json!({"auth": {"user": "me", "pasword": "s3cret"}}), "has none of the forms"),
            (json!({"auth": {"env": "HOME"}}), "only those that begin with FETCH_"),
            (json!({"auth": {"env": "FETCH_NOT_SET"}}), "FETCH_NOT_SET, which is not set"),
            (json!({"headers": ["s3cret"]}), "not an object of strings"),
            (json!({"headers": {"X-A": 7}}), "not an object of strings"),
            (json!({"headers": {"X-A": "s3cret\r\nX-B: s3cret"}}), "value of header X-A"),
            (json!({"headers": {"X A": "s3cret"}}), "no name of a header"),
            (json!({"headers": {"Range": "bytes=0-"}}), "Range is set by fetch itself"),
        ] {
            let error = take(object.clone()).err().map(|bad| bad.to_string()).unwrap_or_default();
            assert!(error.contains(said) && !error.contains("s3cret"), "{object}: {error}");
        }
        assert_eq!(Header::parse("s3cret"), Err(BadAccess::NoHeader));
    }
}

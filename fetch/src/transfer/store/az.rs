//! Azure Blob Storage. Must not know how a blob is used.
//!
//! `az://account/container/blob` names everything. When the environment names an account, `az://container/blob` is of
//! that one, as the tools of Azure take it; a first part with a dot, such as
//! `account.blob.core.windows.net`, is an account's host in any case. Credentials are used for the account alone that they are set for.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::problem::StoreSetup;
use super::reply;
use super::sigv4::hmac_sha256;
use super::{Client, Endpoint, Variables, conditions, encode, environment, setup, version_query};
use crate::error::Problem;
use crate::source::Object;
use crate::transfer::http::Header;
use crate::transfer::{Answer, Ask, Refusal};

/// The version of the service that requests are written for.
const VERSION: &str = "2021-12-02";
/// The end of the hosts of accounts.
const SUFFIX: &str = "blob.core.windows.net";
/// The ends of the hosts of accounts, those of the national clouds among them.
const SUFFIXES: [&str; 3] = [SUFFIX, "blob.core.chinacloudapi.cn", "blob.core.usgovcloudapi.net"];

/// Azure's store, as the environment sets it.
pub struct Az {
    anonymous: bool,
    settings: OnceLock<Result<Settings, StoreSetup>>,
}

/// What is set for Azure.
struct Settings {
    account: Option<Account>,
    /// Where the credentials are from, or why there are none.
    tried: String,
}

/// The account that the environment names.
struct Account {
    name: String,
    endpoint: Endpoint,
    access: Access,
}

/// In whose name blobs are asked for.
enum Access {
    Nobody,
    /// The account's key, which signs each request.
    Key(Vec<u8>),
    /// A shared access signature: a query.
    Signature(String),
}

/// Where a blob is asked for, and with what.
struct Target<'a> {
    account: &'a str,
    endpoint: Endpoint,
    access: &'a Access,
    tried: &'a str,
}

impl Az {
    /// The store; asked without credentials when `anonymous`.
    pub fn new(anonymous: bool) -> Az {
        Az { anonymous, settings: OnceLock::new() }
    }

    /// Asks for a blob.
    pub fn open(&self, http: &Client, object: &Object, ask: Ask<'_>) -> Result<Answer, Refusal> {
        let settings = self.settings.get_or_init(|| Settings::find(&environment, self.anonymous));
        let settings = settings.as_ref().map_err(|setup| Problem::from(setup.clone()))?;
        let Target { account, endpoint, access, tried } = settings.target(object).map_err(Problem::from)?;
        let Endpoint { scheme, host, path } = &endpoint;
        let mut query = version_query(object);
        let mut headers = conditions(ask);
        headers.push(("x-ms-version", VERSION.into()));
        let mut secrets = Vec::new();
        let (given, tried) = match (&object.signature, access) {
            (Some(signature), _) => (Some(signature), "asked with the signature of the URL"),
            (None, Access::Signature(signature)) => (Some(signature), tried),
            (None, _) => (None, tried),
        };
        if let Some(signature) = given {
            let mark = if query.is_empty() { '?' } else { '&' };
            query = format!("{query}{mark}{signature}");
            secrets = signature.split('&').filter_map(|pair| pair.strip_prefix("sig=")).collect();
            secrets.push(signature);
        } else if let Access::Key(key) = access {
            headers.push(("x-ms-date", Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()));
            let authorization = sign(account, key, path, object, &headers);
            headers.push(("authorization", authorization));
        }
        let url = format!("{scheme}://{host}{path}{query}");
        reply::ask(http, &url, &headers, ask, tried, &secrets).map_err(|refused| *refused.refusal)
    }
}

impl Settings {
    /// Looks at the environment.
    fn find(variables: Variables<'_>, anonymous: bool) -> Result<Settings, StoreSetup> {
        let (account, tried) = match variables("AZURE_STORAGE_CONNECTION_STRING") {
            Some(text) => (Some(connection(&text)?), "asked with AZURE_STORAGE_CONNECTION_STRING"),
            None => account(variables, anonymous)?,
        };
        if !anonymous {
            return Ok(Settings { account, tried: tried.to_owned() });
        }
        let account = account.map(|account| Account { access: Access::Nobody, ..account });
        Ok(Settings { account, tried: "asked without credentials, as --anonymous says".to_owned() })
    }

    /// Where an object is; the path of the endpoint is the blob's own then.
    fn target(&self, object: &Object) -> Result<Target<'_>, StoreSetup> {
        let (first, rest) = (object.bucket.as_str(), object.key.as_str());
        let set = self.account.as_ref();
        if let Some(account) = set.filter(|account| account.name != first && !first.contains('.')) {
            let endpoint = account.endpoint.below(&format!("/{first}/{}", encode(rest, "/")));
            return Ok(Target {
                account: &account.name,
                endpoint,
                access: &account.access,
                tried: &self.tried,
            });
        }
        if !rest.split_once('/').is_some_and(|(container, blob)| !container.is_empty() && !blob.is_empty()) {
            let hint = "write az://account/container/blob, or name the account in AZURE_STORAGE_ACCOUNT";
            return Err(setup(format!("{object} names no blob in a container of an account"), hint));
        }
        let path = format!("/{}", encode(rest, "/"));
        if let Some(account) = set.filter(|account| first == account.name || first == account.endpoint.host) {
            let endpoint = account.endpoint.below(&path);
            return Ok(Target {
                account: &account.name,
                endpoint,
                access: &account.access,
                tried: &self.tried,
            });
        }
        let host = match first.split_once('.') {
            None => format!("{first}.{SUFFIX}"),
            Some((_, suffix)) if SUFFIXES.contains(&suffix) => first.to_owned(),
            Some(_) => {
                let hint = "set AZURE_STORAGE_CONNECTION_STRING with a BlobEndpoint for servers elsewhere";
                return Err(setup(format!("{first} is no host of Azure's store"), hint));
            }
        };
        let tried = match set {
            Some(_) => "asked without credentials: those that are set are for another account",
            None => &self.tried,
        };
        let endpoint = Endpoint { scheme: "https".into(), host, path };
        Ok(Target { account: "", endpoint, access: &Access::Nobody, tried })
    }
}

/// What the variables of Azure's tools say.
fn account(variables: Variables<'_>, anonymous: bool) -> Result<(Option<Account>, &'static str), StoreSetup> {
    let (key, signature) = (variables("AZURE_STORAGE_KEY"), variables("AZURE_STORAGE_SAS_TOKEN"));
    let Some(name) = variables("AZURE_STORAGE_ACCOUNT") else {
        if (key.is_some() || signature.is_some()) && !anonymous {
            let message =
                "AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN is set, but not of which account it is";
            return Err(setup(message, "set AZURE_STORAGE_ACCOUNT too, or give --anonymous for public data"));
        }
        let tried = "asked without credentials: there is neither AZURE_STORAGE_CONNECTION_STRING nor \
                     AZURE_STORAGE_ACCOUNT, and `az login` and managed identities are not looked at";
        return Ok((None, tried));
    };
    let (access, tried) = match (key, signature) {
        (Some(key), _) => (account_key(&key, "AZURE_STORAGE_KEY")?, "asked with AZURE_STORAGE_KEY"),
        (None, Some(signature)) => (shared(&signature), "asked with AZURE_STORAGE_SAS_TOKEN"),
        (None, None) => {
            let tried = "asked without credentials: there is neither AZURE_STORAGE_KEY nor \
                         AZURE_STORAGE_SAS_TOKEN, and `az login` and managed identities are not looked at";
            (Access::Nobody, tried)
        }
    };
    let endpoint = Endpoint::parse(&format!("https://{name}.{SUFFIX}"))?;
    Ok((Some(Account { name, endpoint, access }), tried))
}

/// Reads a connection string: `Key=value` pairs between semicolons.
fn connection(text: &str) -> Result<Account, StoreSetup> {
    const VARIABLE: &str = "AZURE_STORAGE_CONNECTION_STRING";
    let value = |name: &str| {
        let mut pairs = text.split(';').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let hint = "copy it whole from the account's access keys";
    let name = value("AccountName").map(str::to_owned);
    let endpoint = match (value("BlobEndpoint"), &name) {
        (Some(endpoint), _) => Endpoint::parse(endpoint)?,
        (None, Some(name)) => {
            let protocol = value("DefaultEndpointsProtocol").unwrap_or("https");
            let suffix = value("EndpointSuffix").unwrap_or("core.windows.net");
            Endpoint::parse(&format!("{protocol}://{name}.blob.{suffix}"))?
        }
        (None, None) => {
            return Err(setup(format!("{VARIABLE} has neither AccountName nor BlobEndpoint"), hint));
        }
    };
    let first_label = || endpoint.host.split('.').next().unwrap_or_default().to_owned();
    let name = name.unwrap_or_else(first_label);
    let access = match (value("AccountKey"), value("SharedAccessSignature")) {
        (Some(key), _) => account_key(key, VARIABLE)?,
        (None, Some(signature)) => shared(signature),
        (None, None) => Access::Nobody,
    };
    Ok(Account { name, endpoint, access })
}

fn account_key(text: &str, variable: &str) -> Result<Access, StoreSetup> {
    let bad = |_| {
        setup(format!("the key of {variable} is not base64"), "copy it whole from the account's access keys")
    };
    STANDARD.decode(text).map(Access::Key).map_err(bad)
}

fn shared(signature: &str) -> Access {
    Access::Signature(signature.trim_start_matches('?').to_owned())
}

/// The `Authorization` of a GET, by "Authorize with Shared Key" of the service's reference.
fn sign(account: &str, key: &[u8], path: &str, object: &Object, headers: &[Header]) -> String {
    let header = |name: &str| headers.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value);
    // Content-Encoding, -Language, -Length, -MD5, -Type and Date, of which a GET with x-ms-date has none.
    let mut text = String::from("GET\n\n\n\n\n\n\n");
    for name in ["if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range"] {
        text += header(name);
        text.push('\n');
    }
    let mut own: Vec<&Header> = headers.iter().filter(|(name, _)| name.starts_with("x-ms-")).collect();
    own.sort();
    for (name, value) in own {
        text += &format!("{name}:{value}\n");
    }
    text += &format!("/{account}{path}");
    if let Some(version) = &object.version {
        text += &format!("\n{}:{}", version.query, version.name);
    }
    format!("SharedKey {account}:{}", STANDARD.encode(hmac_sha256(key, text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Host and path of what is asked for, and how.
    fn asked(given: &[(&str, &str)], object: &str) -> Option<(String, String)> {
        let variables =
            |name: &str| given.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let settings = Settings::find(&variables, false).ok()?;
        let Target { endpoint, access, .. } = settings.target(&Object::parse(object)?.ok()?).ok()?;
        let how = match access {
            Access::Nobody => "nobody",
            Access::Key(_) => "key",
            Access::Signature(_) => "signature",
        };
        Some((format!("{}://{}{}", endpoint.scheme, endpoint.host, endpoint.path), how.to_owned()))
    }

    #[test]
    fn a_blob_is_found_in_its_account() {
        let key = [("AZURE_STORAGE_ACCOUNT", "mine"), ("AZURE_STORAGE_KEY", "a2V5")];
        let found = |given, object: &str| asked(given, object).unwrap_or_default();
        let public = ("https://open.blob.core.windows.net/c/a%20b/d".to_owned(), "nobody".to_owned());
        assert_eq!(found(&[], "az://open/c/a b/d"), public);
        assert_eq!(found(&key, "az://open.blob.core.windows.net/c/a b/d"), public);
        let own = ("https://mine.blob.core.windows.net/c/b".to_owned(), "key".to_owned());
        for object in ["az://c/b", "az://mine/c/b", "az://mine.blob.core.windows.net/c/b"] {
            assert_eq!(found(&key, object), own);
        }
        for bad in ["az://open/c", "az://evil.example/c/b"] {
            assert_eq!(asked(&[], bad), None);
        }
    }

    #[test]
    fn a_connection_string_says_all() {
        let found =
            |text| asked(&[("AZURE_STORAGE_CONNECTION_STRING", text)], "az://c/b").unwrap_or_default();
        let text =
            "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;BlobEndpoint=http://host:1/a/;";
        assert_eq!(found(text), ("http://host:1/a/c/b".into(), "key".into()));
        assert_eq!(found("AccountName=a;AccountKey=not base64"), <_>::default());
        let text = "AccountName=a;SharedAccessSignature=sv=1&sig=x;EndpointSuffix=core.chinacloudapi.cn";
        let url = "https://a.blob.core.chinacloudapi.cn/c/b".to_owned();
        assert_eq!(found(text), (url, "signature".into()));
    }

    #[test]
    fn a_signature_without_an_account_is_shown_to_nobody() {
        assert_eq!(asked(&[("AZURE_STORAGE_SAS_TOKEN", "sig=x")], "az://any/c/b"), None);
    }
}

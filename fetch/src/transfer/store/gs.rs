//! Google Cloud Storage by its XML API. Must not know how a token is got or how a signature is made.

use std::path::PathBuf;
use std::sync::OnceLock;

use jiff::Timestamp;

use super::ini::Ini;
use super::oauth::Token;
use super::problem::StoreSetup;
use super::reply;
use super::sigv4::{self, Keys};
use super::{Client, Endpoint, Variables, conditions, encode, environment, setup, version_query};
use crate::error::Problem;
use crate::source::Object;
use crate::transfer::{Answer, Ask, Refusal};

/// Where the objects are that everybody can name.
const SERVICE: &str = "https://storage.googleapis.com";
/// The region that Google's own examples sign for; it takes any.
const REGION: &str = "auto";

/// Google's store, as the environment sets it.
pub struct Gs {
    anonymous: bool,
    settings: OnceLock<Result<Settings, StoreSetup>>,
}

struct Settings {
    endpoint: Endpoint,
    access: Access,
    /// Where the credentials are from, or why there are none.
    tried: String,
}

/// In whose name objects are asked for.
enum Access {
    Nobody,
    /// HMAC keys, with which Google speaks as S3 does.
    Keys(Keys),
    /// A token that somebody else has got.
    Bearer(String),
    /// A token to be got.
    Token(Box<Token>),
}

impl Gs {
    /// The store; asked without credentials when `anonymous`.
    pub fn new(anonymous: bool) -> Gs {
        Gs { anonymous, settings: OnceLock::new() }
    }

    /// Asks for an object.
    pub fn open(&self, http: &Client, object: &Object, ask: Ask<'_>) -> Result<Answer, Refusal> {
        let settings = self.settings.get_or_init(|| Settings::find(&environment, self.anonymous));
        let Settings { endpoint, access, tried } =
            settings.as_ref().map_err(|setup| Problem::from(setup.clone()))?;
        let path = format!("/{}/{}", object.bucket, encode(&object.key, "/"));
        let Endpoint { scheme, host, path } = &endpoint.below(&path);
        let query = version_query(object);
        let mut headers = conditions(ask);
        // Whoever does not take gzip gets objects that are stored so unpacked, which are not what was hashed.
        headers.push(("accept-encoding", "gzip".into()));
        let token = match access {
            Access::Token(token) => Some(token.get(http)?),
            Access::Bearer(token) => Some(token.clone()),
            Access::Keys(_) | Access::Nobody => None,
        };
        let mut secrets = Vec::new();
        if let Some(token) = &token {
            headers.push(("authorization", format!("Bearer {token}")));
            secrets.push(token.as_str());
        }
        if let Access::Keys(keys) = access {
            let query = query.trim_start_matches('?');
            let request = sigv4::Request { host, path, query, region: REGION, headers };
            headers = request.signed(keys, Timestamp::now());
            secrets.extend(keys.secrets());
        }
        let url = format!("{scheme}://{host}{path}{query}");
        reply::ask(http, &url, &headers, ask, tried, &secrets).map_err(|refused| *refused.refusal)
    }
}

impl Settings {
    /// Looks at the environment and at the files that it names.
    fn find(variables: Variables<'_>, anonymous: bool) -> Result<Settings, StoreSetup> {
        let emulator = variables("STORAGE_EMULATOR_HOST");
        let (access, tried) = if anonymous {
            (Access::Nobody, "asked without credentials, as --anonymous says".to_owned())
        } else if emulator.is_some() {
            // What Google's own libraries do: an emulator is nobody to show a token to.
            (Access::Nobody, "asked without credentials, as STORAGE_EMULATOR_HOST is set".to_owned())
        } else {
            access(variables)?
        };
        let emulator =
            emulator.map(|host| if host.contains("://") { host } else { format!("http://{host}") });
        let endpoint = emulator.or_else(|| variables("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE"));
        let endpoint = Endpoint::parse(endpoint.as_deref().unwrap_or(SERVICE))?;
        Ok(Settings { endpoint, access, tried })
    }
}

/// The first credentials that there are: what is set for a moment before what lies in files.
fn access(variables: Variables<'_>) -> Result<(Access, String), StoreSetup> {
    if let Some(token) = variables("CLOUDSDK_AUTH_ACCESS_TOKEN") {
        return Ok((Access::Bearer(token), "asked with CLOUDSDK_AUTH_ACCESS_TOKEN".into()));
    }
    if let Some(path) = variables("GOOGLE_APPLICATION_CREDENTIALS") {
        let hint = "let GOOGLE_APPLICATION_CREDENTIALS name a file that can be read, or give --anonymous";
        let text = std::fs::read_to_string(&path)
            .map_err(|error| setup(format!("failed to read {path}: {error}"), hint))?;
        let token = Token::parse(&text, &path)?;
        return Ok((
            Access::Token(Box::new(token)),
            format!("asked with {path} of GOOGLE_APPLICATION_CREDENTIALS"),
        ));
    }
    match (variables("GS_ACCESS_KEY_ID"), variables("GS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => {
            return Ok((keys(id, secret), "asked with GS_ACCESS_KEY_ID of the environment".into()));
        }
        (None, None) => {}
        _ => {
            let hint = "set both, or neither";
            return Err(setup("of GS_ACCESS_KEY_ID and GS_SECRET_ACCESS_KEY only one is set", hint));
        }
    }
    let home = variables("HOME").map(PathBuf::from).unwrap_or_default();
    let gcloud = variables("CLOUDSDK_CONFIG").map_or_else(|| home.join(".config/gcloud"), PathBuf::from);
    let default = gcloud.join("application_default_credentials.json");
    if let Ok(text) = std::fs::read_to_string(&default) {
        let path = default.display().to_string();
        let token = Token::parse(&text, &path)?;
        return Ok((Access::Token(Box::new(token)), format!("asked with {path}")));
    }
    let boto = variables("BOTO_CONFIG").map_or_else(|| home.join(".boto"), PathBuf::from);
    let settings = Ini::parse(&std::fs::read_to_string(&boto).unwrap_or_default());
    let get = |key| settings.get("Credentials", key).map(str::to_owned);
    if let (Some(id), Some(secret)) = (get("gs_access_key_id"), get("gs_secret_access_key")) {
        return Ok((keys(id, secret), format!("asked with the keys of {}", boto.display())));
    }
    let tried = format!(
        "asked without credentials: there is no GOOGLE_APPLICATION_CREDENTIALS, no GS_ACCESS_KEY_ID, no {}, no keys \
         in {}, and an instance's metadata are not looked at",
        default.display(),
        boto.display()
    );
    Ok((Access::Nobody, tried))
}

fn keys(id: String, secret: String) -> Access {
    Access::Keys(Keys { id, secret, token: None })
}

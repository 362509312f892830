//! Access tokens of Google, from the credentials that its tools write as JSON. Must not know what they open.
//!
//! A service account signs a JSON Web Token (RFC 7523) with its RSA key; a user's credentials hold a refresh token
//! (RFC 6749, section 6). Either is given for an access token at the address that the credentials name.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde::Deserialize;
use serde_json::json;

use super::problem::{StoreRefusal, StoreSetup};
use super::{conceal, setup};
use crate::error::Problem;
use crate::transfer::http::Client;

/// The right to read objects, and no other.
const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_only";
/// Where tokens are given when the credentials do not say.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
/// How long a signed request for a token is good: the longest that Google takes, in seconds.
const GOOD_FOR: i64 = 3600;
/// How long a token is used at most, whatever is said of it.
const LONGEST: Duration = Duration::from_hours(1);
/// How long before its end a token is no longer used.
const MARGIN: Duration = Duration::from_mins(1);

const HINT: &str = "put a token into the environment with \
    `CLOUDSDK_AUTH_ACCESS_TOKEN=$(gcloud auth print-access-token)`, or give --anonymous for public data";

/// What tokens are got with. It has no `Debug`, so that nothing can show it by accident.
pub struct Token {
    grant: Grant,
    /// Where the credentials are from.
    source: String,
    /// The token in use and its end. Who gets one holds the lock, so that all threads share it.
    current: Mutex<Option<(String, Instant)>>,
}

enum Grant {
    ServiceAccount { email: String, key_id: Option<String>, key: Box<RsaKeyPair>, token_uri: String },
    User { client_id: String, client_secret: String, refresh_token: String, token_uri: String },
}

/// The JSON of credentials, by its `type`.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Credentials {
    ServiceAccount {
        client_email: String,
        private_key: String,
        private_key_id: Option<String>,
        token_uri: Option<String>,
    },
    AuthorizedUser {
        client_id: String,
        client_secret: String,
        refresh_token: String,
        token_uri: Option<String>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Given {
    access_token: String,
    expires_in: u64,
}

/// RFC 6749, section 5.2.
#[derive(Default, Deserialize)]
struct Denied {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Token {
    /// Reads the JSON of the file at `path`.
    pub fn parse(text: &str, path: &str) -> Result<Token, StoreSetup> {
        let bad = |what: &str| setup(format!("{path}: {what}"), HINT);
        // The parser's message may quote what it stumbled over.
        let credentials = serde_json::from_str(text).map_err(|_| bad("these are no complete credentials"))?;
        let or_google = |uri: Option<String>| uri.unwrap_or_else(|| TOKEN_URI.to_owned());
        let grant = match credentials {
            Credentials::ServiceAccount { client_email, private_key, private_key_id, token_uri } => {
                Grant::ServiceAccount {
                    email: client_email,
                    key_id: private_key_id,
                    key: rsa_key(&private_key)
                        .map(Box::new)
                        .ok_or_else(|| bad("private_key is no RSA key in PKCS #8"))?,
                    token_uri: or_google(token_uri),
                }
            }
            Credentials::AuthorizedUser { client_id, client_secret, refresh_token, token_uri } => {
                let token_uri = or_google(token_uri);
                Grant::User { client_id, client_secret, refresh_token, token_uri }
            }
            Credentials::Other => {
                return Err(bad(
                    "credentials of another type than service_account and authorized_user are not supported",
                ));
            }
        };
        Ok(Token { grant, source: format!("asked with {path}"), current: Mutex::default() })
    }

    /// A token that is good for a while.
    pub fn get(&self, http: &Client) -> Result<String, Problem> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, _)) = current.as_ref().filter(|(_, end)| Instant::now() < *end) {
            return Ok(token.clone());
        }
        let given = self.ask(http)?;
        let lasts = Duration::from_secs(given.expires_in).min(LONGEST).saturating_sub(MARGIN);
        *current = Some((given.access_token.clone(), Instant::now() + lasts));
        Ok(given.access_token)
    }

    fn ask(&self, http: &Client) -> Result<Given, Problem> {
        let (token_uri, form, secrets) = match &self.grant {
            Grant::ServiceAccount { email, key_id, key, token_uri } => {
                let assertion = assertion(email, key_id.as_deref(), key, token_uri, Timestamp::now())?;
                let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned();
                (token_uri, vec![("grant_type", grant), ("assertion", assertion)], vec![])
            }
            Grant::User { client_id, client_secret, refresh_token, token_uri } => {
                let form = vec![
                    ("grant_type", "refresh_token".to_owned()),
                    ("client_id", client_id.clone()),
                    ("client_secret", client_secret.clone()),
                    ("refresh_token", refresh_token.clone()),
                ];
                (token_uri, form, vec![client_secret.as_str(), refresh_token])
            }
        };
        let pairs: Vec<(&str, &str)> = form.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let reply = http.post(token_uri, &pairs)?;
        let status = reply.status();
        let text = reply.text();
        if status == 200
            && let Ok(given) = serde_json::from_str(&text)
        {
            return Ok(given);
        }
        let denied: Denied = serde_json::from_str(&text).unwrap_or_default();
        Err(StoreRefusal {
            // What is wrong with a grant is said with 400, and no other attempt makes it right.
            status: if status == 400 { 401 } else { status },
            code: conceal(&denied.error, &secrets),
            message: conceal(&denied.error_description, &secrets),
            tried: format!("{} for an access token", self.source),
        }
        .into())
    }
}

/// The JSON Web Token that asks for a token in the name of a service account.
fn assertion(
    email: &str,
    key_id: Option<&str>,
    key: &RsaKeyPair,
    token_uri: &str,
    now: Timestamp,
) -> Result<String, StoreSetup> {
    let now = now.as_second();
    let mut header = json!({ "alg": "RS256", "typ": "JWT" });
    if let Some(key_id) = key_id {
        header["kid"] = key_id.into();
    }
    let claims = json!({ "iss": email, "scope": SCOPE, "aud": token_uri, "iat": now, "exp": now + GOOD_FOR });
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let text = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .map_err(|_| setup("failed to sign with the key of the service account", HINT))?;
    Ok(format!("{text}.{}", encode(&signature)))
}

/// Reads a private key in PEM (RFC 7468).
fn rsa_key(pem: &str) -> Option<RsaKeyPair> {
    let body = pem.split_once("-----BEGIN PRIVATE KEY-----")?.1.split_once("-----END")?.0;
    let body: String = body.split_whitespace().collect();
    RsaKeyPair::from_pkcs8(&STANDARD.decode(body).ok()?).ok()
}

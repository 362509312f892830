//! Amazon S3, and servers that speak like it. Must not know how keys are found or how a signature is made.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use jiff::Timestamp;

use super::aws::Settings;
use super::problem::StoreSetup;
use super::reply::{self, Refused};
use super::sigv4;
use super::{Client, Endpoint, conditions, encode, environment, version_query};
use crate::error::Problem;
use crate::source::Object;
use crate::transfer::{Answer, Ask, Refusal};

/// S3, as the environment sets it.
pub struct S3 {
    anonymous: bool,
    settings: OnceLock<Result<Settings, StoreSetup>>,
    /// The regions of buckets that are not where they were asked for at first.
    regions: Mutex<HashMap<String, String>>,
}

impl S3 {
    /// S3; asked without credentials when `anonymous`.
    pub fn new(anonymous: bool) -> S3 {
        S3 { anonymous, settings: OnceLock::new(), regions: Mutex::default() }
    }

    /// Asks for an object; a second time when its bucket is in another region.
    pub fn open(&self, http: &Client, object: &Object, ask: Ask<'_>) -> Result<Answer, Refusal> {
        let settings = self.settings.get_or_init(|| Settings::find(&environment, self.anonymous));
        let settings = settings.as_ref().map_err(|setup| Problem::from(setup.clone()))?;
        let region = self.region(&object.bucket).unwrap_or_else(|| settings.region.clone());
        let refused = match ask_in(http, settings, object, ask, &region) {
            Ok(answer) => return Ok(answer),
            Err(refused) => refused,
        };
        let Some(right) = refused.region.filter(|right| *right != region) else {
            return Err(*refused.refusal);
        };
        self.learn(&object.bucket, &right);
        ask_in(http, settings, object, ask, &right).map_err(|refused| *refused.refusal)
    }

    fn learn(&self, bucket: &str, region: &str) {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        regions.insert(bucket.to_owned(), region.to_owned());
    }

    fn region(&self, bucket: &str) -> Option<String> {
        self.regions.lock().unwrap_or_else(PoisonError::into_inner).get(bucket).cloned()
    }
}

/// Asks in one region.
fn ask_in(
    http: &Client,
    settings: &Settings,
    object: &Object,
    ask: Ask<'_>,
    region: &str,
) -> Result<Answer, Refused> {
    let Endpoint { scheme, host, path } =
        target(settings.endpoint.as_deref(), object, region).map_err(Problem::from)?;
    let query = version_query(object);
    let mut headers = conditions(ask);
    if settings.requester_pays {
        headers.push(("x-amz-request-payer", "requester".into()));
    }
    if let Some(keys) = &settings.keys {
        let query = query.trim_start_matches('?');
        let request = sigv4::Request { host: &host, path: &path, query, region, headers };
        headers = request.signed(keys, Timestamp::now());
    }
    let secrets = settings.keys.as_ref().map(sigv4::Keys::secrets).unwrap_or_default();
    reply::ask(http, &format!("{scheme}://{host}{path}{query}"), &headers, ask, &settings.tried, &secrets)
}

/// Where an object is: below its bucket's own host, as S3 wants it, where the bucket can be part of one; below
/// the host of the region where not, and of servers that others run, whose certificates do not cover buckets.
fn target(endpoint: Option<&str>, object: &Object, region: &str) -> Result<Endpoint, StoreSetup> {
    let (bucket, key) = (&object.bucket, encode(&object.key, "/"));
    if let Some(endpoint) = endpoint {
        return Ok(Endpoint::parse(endpoint)?.below(&format!("/{bucket}/{key}")));
    }
    let china = if region.starts_with("cn-") { ".cn" } else { "" };
    let host = format!("s3.{region}.amazonaws.com{china}");
    let label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let (host, path) = if bucket.bytes().all(label) {
        (format!("{bucket}.{host}"), format!("/{key}"))
    } else {
        (host, format!("/{bucket}/{key}"))
    };
    Ok(Endpoint { scheme: "https".into(), host, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(endpoint: Option<&str>, object: &str, region: &str) -> Option<String> {
        let object = Object::parse(object)?.ok()?;
        let Endpoint { scheme, host, path } = target(endpoint, &object, region).ok()?;
        Some(format!("{scheme}://{host}{path}"))
    }

    #[test]
    fn a_bucket_is_part_of_the_host_where_it_can_be() {
        let at = |object, region| url(None, object, region).unwrap_or_default();
        assert_eq!(at("s3://b-1/a b//c", "eu-west-1"), "https://b-1.s3.eu-west-1.amazonaws.com/a%20b//c");
        assert_eq!(at("s3://b.c/k", "us-east-1"), "https://s3.us-east-1.amazonaws.com/b.c/k");
        assert_eq!(at("s3://Old_one/k", "us-east-1"), "https://s3.us-east-1.amazonaws.com/Old_one/k");
        assert_eq!(at("s3://b//k", "cn-north-1"), "https://b.s3.cn-north-1.amazonaws.com.cn//k");
    }

    #[test]
    fn a_server_of_ones_own_has_its_buckets_in_the_path() {
        let at = |endpoint| url(Some(endpoint), "s3://b/k", "any");
        assert_eq!(at("http://127.0.0.1:9000").as_deref(), Some("http://127.0.0.1:9000/b/k"));
        assert_eq!(at("https://host/s3/").as_deref(), Some("https://host/s3/b/k"));
        assert_eq!(at("host:9000"), None);
    }
}

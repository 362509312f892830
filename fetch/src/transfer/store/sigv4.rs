//! Signature version 4 of AWS in headers, as its guide "Signature Version 4 signing process" has it.
//! Must not know whom the request is for, nor where keys come from.
//!
//! A signed URL would do too, but whoever sees one can use it, and servers and proxies log URLs.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::transfer::http::Header;

/// The digest of no body, which is what a GET has.
const NO_BODY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Keys that sign. They have no `Debug`, so that nothing can show them by accident.
#[derive(Clone)]
pub struct Keys {
    /// The access key's id, which every signature names.
    pub id: String,
    /// The secret of it.
    pub secret: String,
    /// The session that temporary keys are of.
    pub token: Option<String>,
}

impl Keys {
    /// What must never be shown of them.
    pub fn secrets(&self) -> Vec<&str> {
        [&self.secret].into_iter().chain(&self.token).map(String::as_str).collect()
    }
}

/// A GET that is to be signed.
pub struct Request<'a> {
    /// The host, with the port if it is none of the scheme's own.
    pub host: &'a str,
    /// The path, percent-encoded as it is sent.
    pub path: &'a str,
    /// The query, without `?`, percent-encoded and sorted.
    pub query: &'a str,
    /// The region of the service.
    pub region: &'a str,
    /// Headers that are sent besides, all of which are signed.
    pub headers: Vec<Header>,
}

impl Request<'_> {
    /// All headers to send, the signature with them.
    pub fn signed(mut self, keys: &Keys, now: Timestamp) -> Vec<Header> {
        let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        self.headers.push(("x-amz-content-sha256", NO_BODY.into()));
        self.headers.push(("x-amz-date", time.clone()));
        self.headers.extend(keys.token.iter().map(|token| ("x-amz-security-token", token.clone())));
        let mut lines: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        lines.push(("host", self.host));
        lines.sort_unstable();
        let names = lines.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let headers: String =
            lines.iter().map(|(name, value)| format!("{name}:{}\n", single_spaced(value))).collect();
        let canonical = format!("GET\n{}\n{}\n{headers}\n{names}\n{NO_BODY}", self.path, self.query);
        let day = &time[..8];
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let digest = hex(&Sha256::digest(canonical));
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}");
        let first = format!("AWS4{}", keys.secret).into_bytes();
        let key = [day, self.region, "s3", "aws4_request"]
            .iter()
            .fold(first, |key, part| hmac_sha256(&key, part.as_bytes()));
        let signature = hex(&hmac_sha256(&key, to_sign.as_bytes()));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={signature}",
            keys.id
        );
        self.headers.push(("authorization", authorization));
        self.headers
    }
}

/// HMAC with SHA-256, which Azure signs with too.
pub fn hmac_sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("a key");
    hmac.update(text);
    hmac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn single_spaced(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(path: &str, query: &str, headers: Vec<Header>, token: Option<&str>) -> String {
        // Keys, time and signatures of the examples in the S3 API reference, "Authenticating Requests: Using the
        // Authorization Header".
        let keys = Keys {
            id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            token: token.map(str::to_owned),
        };
        let host = "examplebucket.s3.amazonaws.com";
        let now = "2013-05-24T00:00:00Z".parse().unwrap_or_default();
        let headers = Request { host, path, query, region: "us-east-1", headers }.signed(&keys, now);
        let authorization = headers.into_iter().find(|(name, _)| *name == "authorization");
        authorization.map(|(_, value)| value).unwrap_or_default()
    }

    #[test]
    fn signatures_are_those_that_aws_publishes() {
        let range = vec![("range", "bytes=0-9".to_owned())];
        assert_eq!(
            signature("/test.txt", "", range, None),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        let lifecycle = signature("/", "lifecycle=", vec![], None);
        assert!(lifecycle.ends_with("=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
        let list = signature("/", "max-keys=2&prefix=J", vec![], None);
        assert!(list.ends_with("=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
    }

    #[test]
    fn a_session_is_signed() {
        let signed = signature("/test.txt", "", vec![], Some("session"));
        assert!(signed.contains(";x-amz-date;x-amz-security-token,"), "{signed}");
    }
}

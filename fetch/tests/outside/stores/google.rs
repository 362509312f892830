//! Google Cloud Storage: objects, and tokens for service accounts and users.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::{
    KEYS, World, a_rest_is_of_its_version, etag, every_key_arrives, halting_at, long, objects, records,
};
use crate::servers::stores::{Google, S3, Tokens};

#[test]
fn a_store_of_googles_kind_gives_objects() {
    let text = long();
    let kept = |key: &&str| !key.starts_with('/') && !key.contains("//");
    let objects: Vec<_> = objects(&text).into_iter().filter(|(key, _)| kept(key)).collect();
    let Ok(google) = Google::start(&objects) else { return };
    let (world, host) = (World::new(), google.host());
    let emulator = [("STORAGE_EMULATOR_HOST", &*host)];
    let keys: Vec<&str> = KEYS.into_iter().filter(kept).collect();
    every_key_arrives(&world, "gs://data", &keys, &emulator, &[]);
    assert_eq!(records(&world, &["gs://data/none"], &emulator, &[], 2)[0]["code"], "not_found");
    records(&world, &["gs://data/long"], &emulator, &[], 0);
    let etag = etag(&world);
    std::fs::remove_dir_all(world.path("data")).unwrap();
    halting_at(&world, "/data/long");
    let halting = world.server.url("");
    a_rest_is_of_its_version(
        &world,
        "gs://data/long",
        &etag,
        &[("STORAGE_EMULATOR_HOST", &halting)],
        &emulator,
    );
}

#[test]
fn google_is_asked_whether_an_object_has_changed() {
    // Of ours, as fake-gcs-server does not know If-None-Match.
    let world = World::new();
    world.server.file("/data/x", "hello\n");
    let endpoint = world.server.url("");
    let emulator = [("STORAGE_EMULATOR_HOST", &*endpoint)];
    for (refresh, status) in [("--anonymous", "downloaded"), ("--refresh", "not_modified")] {
        assert_eq!(records(&world, &[refresh, "gs://data/x"], &emulator, &[], 0)[0]["status"], status);
    }
    world.server.file("/data/x", "other\n");
    assert_eq!(records(&world, &["--refresh", "gs://data/x"], &emulator, &[], 0)[0]["status"], "updated");
    assert!(world.server.seen().iter().all(|seen| !seen.headers.contains_key("authorization")));
}

/// A key made by openssl: the private one as PEM, and the path of the public one.
fn rsa_key(world: &World) -> (String, PathBuf) {
    let (private, public) = (world.path("key.pem"), world.path("public.pem"));
    let openssl = |args: &[&str]| {
        kit::run(Command::new("openssl").args(args).current_dir(world.folder.path())).exits(0)
    };
    openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "key.pem"]);
    openssl(&["pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"]);
    (std::fs::read_to_string(private).unwrap(), public)
}

#[test]
fn a_service_account_of_google_signs_once_for_a_token() {
    let world = World::new();
    let (pem, public) = rsa_key(&world);
    let tokens = Tokens::giving(200, r#"{"access_token":"t0ken","expires_in":3599,"token_type":"Bearer"}"#);
    let credentials = serde_json::json!({
        "type": "service_account", "project_id": "p", "private_key_id": "k1", "private_key": pem,
        "client_email": "reader@p.iam.gserviceaccount.com", "token_uri": tokens.url(),
    });
    let path = world.write("account.json", &credentials.to_string());
    world.server.file("/b/x", "hello\n").file("/b/y", "hello\n");
    let endpoint = world.server.url("/");
    let variables = [
        ("GOOGLE_APPLICATION_CREDENTIALS", path.to_str().unwrap()),
        ("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", &endpoint),
    ];
    records(&world, &["gs://b/x", "gs://b/y"], &variables, &["t0ken"], 0);
    for seen in world.server.seen() {
        assert_eq!(
            (&*seen.headers["authorization"], &*seen.headers["accept-encoding"]),
            ("Bearer t0ken", "gzip")
        );
    }
    let assertions = tokens.asked("assertion");
    assert_eq!(assertions.len(), 1, "one token serves all");
    let parts: Vec<&str> = assertions[0].split('.').collect();
    let json = |part: &str| serde_json::from_slice::<Value>(&from_base64(part)).unwrap();
    assert_eq!(json(parts[0]), serde_json::json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
    let claims = json(parts[1]);
    assert_eq!(claims["iss"], "reader@p.iam.gserviceaccount.com");
    assert_eq!(claims["aud"], tokens.url());
    assert_eq!(claims["scope"], "https://www.googleapis.com/auth/devstorage.read_only");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    std::fs::write(world.path("signature"), from_base64(parts[2])).unwrap();
    std::fs::write(world.path("signed"), format!("{}.{}", parts[0], parts[1])).unwrap();
    let mut verify = Command::new("openssl");
    verify.args(["dgst", "-sha256", "-verify"]).arg(public).args(["-signature", "signature", "signed"]);
    assert_eq!(kit::run(verify.current_dir(world.folder.path())).exits(0).stdout.trim(), "Verified OK");
}

#[test]
fn a_user_of_google_is_refreshed_or_told_why_not() {
    let world = World::new();
    world.server.file("/b/x", "hello\n");
    std::fs::create_dir_all(world.path(".config/gcloud")).unwrap();
    let endpoint = world.server.url("");
    let variables = [("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", &*endpoint)];
    let secrets = ["cl1ent", "r3fresh", "t0ken"];
    let get = |tokens: &Tokens, exit| {
        let credentials = serde_json::json!({
            "type": "authorized_user", "client_id": "id", "client_secret": "cl1ent", "refresh_token": "r3fresh",
            "token_uri": tokens.url(),
        });
        world.write(".config/gcloud/application_default_credentials.json", &credentials.to_string());
        records(&world, &["gs://b/x"], &variables, &secrets, exit).remove(0)
    };
    let denied = r#"{"error":"invalid_grant","error_description":"r3fresh has been expired or revoked."}"#;
    let failed = get(&Tokens::giving(400, denied), 2);
    assert_eq!(failed["code"], "access_denied");
    assert_eq!(
        failed["message"],
        "the store answers invalid_grant: *** has been expired or revoked. (HTTP 401)"
    );
    assert_eq!(world.requests(), 0);
    let tokens = Tokens::giving(200, r#"{"access_token":"t0ken","expires_in":10}"#);
    assert_eq!(get(&tokens, 0)["status"], "downloaded");
    assert_eq!(tokens.asked("refresh_token"), ["r3fresh"]);
    assert_eq!(tokens.asked("grant_type"), ["refresh_token"]);
}

#[test]
fn googles_hmac_keys_sign_as_for_s3() {
    let text = long();
    let Ok(s3) = S3::checked(&objects(&text)) else { return };
    let (world, endpoint) = (World::new(), s3.endpoint());
    let secret = s3.text("/user/1");
    let boto = format!(
        "[Credentials]\ngs_access_key_id = {}\ngs_secret_access_key = {secret}\n",
        s3.text("/user/0")
    );
    world.write(".boto", &boto);
    let endpoint = [("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", &*endpoint)];
    every_key_arrives(&world, "gs://private", &KEYS, &endpoint, &[secret]);
}

/// Undoes base64 for URLs, by openssl.
fn from_base64(text: &str) -> Vec<u8> {
    let mut plain = text.replace('-', "+").replace('_', "/");
    while !plain.len().is_multiple_of(4) {
        plain.push('=');
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), plain).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["base64", "-d", "-A", "-in"]).arg(folder.path().join("x"));
    openssl.output().unwrap().stdout
}

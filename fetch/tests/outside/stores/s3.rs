//! S3: a server that checks signatures, and a server of ours that answers as S3 does.

use super::{
    KEYS, World, a_rest_is_of_its_version, etag, every_key_arrives, halting_at, long, objects, records,
};
use crate::server::{Fault, Seen};
use crate::servers::stores::S3;

#[test]
fn s3_holds_the_signature_of_every_key_against_its_own() {
    let text = long();
    let Ok(s3) = S3::checked(&objects(&text)) else { return };
    let (world, endpoint) = (World::new(), s3.endpoint());
    let (id, secret) = (s3.text("/user/0"), s3.text("/user/1"));
    let of_user =
        [("AWS_ENDPOINT_URL", &*endpoint), ("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)];
    every_key_arrives(&world, "s3://private", &KEYS, &of_user, &[secret]);

    // Versions, and a session.
    let token = s3.text("/session/2");
    let of_session = [
        ("AWS_ENDPOINT_URL_S3", &*endpoint),
        ("AWS_ACCESS_KEY_ID", s3.text("/session/0")),
        ("AWS_SECRET_ACCESS_KEY", s3.text("/session/1")),
        ("AWS_SESSION_TOKEN", token),
    ];
    let first = format!("s3://private/versioned?versionId={}", s3.text("/versions/0"));
    let file = &records(&world, &[&first], &of_session, &[token, s3.text("/session/1")], 0)[0];
    assert_eq!(file["url"], first);
    assert_eq!(std::fs::read_to_string(world.path("data/versioned")).unwrap(), "first\n");

    // The profile's keys, and those of another user.
    std::fs::create_dir(world.path(".aws")).unwrap();
    world.write(
        ".aws/credentials",
        &format!("[mine]\naws_access_key_id={id}\naws_secret_access_key={secret}\n"),
    );
    world.write(".aws/config", &format!("[profile mine]\nregion = eu-west-1\nendpoint_url = {endpoint}\n"));
    records(&world, &["s3://private/a.txt"], &[("AWS_PROFILE", "mine")], &[secret], 0);
    let wrong = [of_user[0], of_user[1], ("AWS_SECRET_ACCESS_KEY", "wrong-secret")];
    let failed = &records(&world, &["s3://private/dir/x"], &wrong, &["wrong-secret", secret], 2)[0];
    assert_eq!(failed["code"], "access_denied");
    assert!(
        failed["message"].as_str().unwrap().starts_with("the store answers SignatureDoesNotMatch: "),
        "{failed}"
    );
    assert!(
        failed["hint"].as_str().unwrap().starts_with("asked with AWS_ACCESS_KEY_ID of the environment; ")
    );
    let unknown = [of_user[0], ("AWS_ACCESS_KEY_ID", "AKIANOBODY"), of_user[2]];
    let failed = &records(&world, &["s3://private/dir/x"], &unknown, &[secret], 2)[0];
    assert!(failed["message"].as_str().unwrap().contains("InvalidAccessKeyId"), "{failed}");
}

#[test]
fn s3_gives_to_anybody_what_is_public() {
    let text = long();
    let Ok(s3) = S3::open(&objects(&text)) else { return };
    let (world, endpoint) = (World::new(), s3.endpoint());
    let nobody = [("AWS_ENDPOINT_URL", &*endpoint)];
    every_key_arrives(&world, "s3://public", &KEYS, &nobody, &[]);
    let failed = &records(&world, &["s3://private/a.txt"], &nobody, &[], 2)[0];
    assert_eq!(failed["code"], "access_denied");
    assert!(failed["hint"].as_str().unwrap().contains("there is no AWS_ACCESS_KEY_ID"), "{failed}");
    let refused = [nobody[0], ("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "s3cret")];
    let failed = &records(&world, &["--anonymous", "s3://private/a.txt"], &refused, &["s3cret"], 2)[0];
    assert!(failed["hint"].as_str().unwrap().contains("as --anonymous says"), "{failed}");
    let failed = &records(&world, &["s3://public/none"], &refused, &["s3cret"], 2)[0];
    assert_eq!(failed["code"], "not_found");
    assert!(
        failed["message"].as_str().unwrap().contains("NoSuchKey: The specified key does not exist"),
        "{failed}"
    );
    let failed = &records(&world, &["s3://nowhere/x"], &refused, &["s3cret"], 2)[0];
    assert!(failed["message"].as_str().unwrap().contains("NoSuchBucket"), "{failed}");

    records(&world, &["s3://public/long"], &nobody, &[], 0);
    assert_eq!(
        records(&world, &["--refresh", "s3://public/long"], &nobody, &[], 0)[0]["status"],
        "not_modified"
    );
    let etag = etag(&world);
    std::fs::remove_dir_all(world.path("data")).unwrap();
    halting_at(&world, "/public/long");
    let halting = world.server.url("");
    a_rest_is_of_its_version(&world, "s3://public/long", &etag, &[("AWS_ENDPOINT_URL", &halting)], &nobody);
}

/// An answer with a body, as S3 gives it.
fn answer(status: u16, headers: &str, body: &str) -> Fault {
    let length = body.len();
    Fault::Answer(format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{body}"))
}

#[test]
fn a_bucket_of_another_region_is_asked_for_there_and_remembered() {
    let malformed = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
    let answers = [
        answer(301, "x-amz-bucket-region: eu-west-1\r\nLocation: http://127.0.0.1:1/\r\n", ""),
        answer(400, "", malformed),
        answer(307, "x-amz-bucket-region: eu-west-1\r\nLocation: http://127.0.0.1:1/\r\n", ""),
    ];
    for elsewhere in answers {
        let world = World::new();
        world.server.file("/b/x", "hello\n").file("/b/y", "hello\n").faults("/b/x", [elsewhere]);
        let endpoint = world.server.url("");
        let variables = [
            ("AWS_ENDPOINT_URL", &*endpoint),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "s3cret"),
        ];
        records(&world, &["--jobs", "1", "s3://b/x", "s3://b/y"], &variables, &["s3cret"], 0);
        let scope = |seen: &Seen| {
            let authorization = &seen.headers["authorization"];
            authorization.split('/').nth(2).unwrap().to_owned()
        };
        let regions: Vec<String> = world.server.seen().iter().map(scope).collect();
        assert_eq!(regions, ["us-east-1", "eu-west-1", "eu-west-1"]);
    }
}

#[test]
fn a_store_that_points_to_itself_is_asked_twice_only() {
    let world = World::new();
    let elsewhere = |region| answer(301, &format!("x-amz-bucket-region: {region}\r\n"), "");
    world.server.faults("/b/x", [elsewhere("eu-west-1"), elsewhere("eu-west-2")]);
    world.server.faults("/b/y", [elsewhere("evil.example/"), elsewhere("us-east-1")]);
    let endpoint = world.server.url("");
    let failed = records(&world, &["s3://b/x"], &[("AWS_ENDPOINT_URL", &endpoint)], &[], 2);
    assert_eq!((world.requests(), &failed[0]["message"]), (2, &"the store answers HTTP 301".into()));
    for _ in 0..2 {
        records(&world, &["s3://b/y"], &[("AWS_ENDPOINT_URL", &endpoint)], &[], 2);
    }
    assert_eq!(world.requests(), 4, "neither a region that is none nor the same one is asked");
}

#[test]
fn a_store_that_is_busy_is_asked_again_and_what_it_repeats_is_not_shown() {
    let world = World::new();
    let slow = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
    world.server.file("/b/x", "hello\n").faults("/b/x", [answer(503, "Retry-After: 0\r\n", slow)]);
    let endpoint = world.server.url("");
    let variables = [
        ("AWS_ENDPOINT_URL", &*endpoint),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "s3cret"),
        ("AWS_SESSION_TOKEN", "t0ken"),
    ];
    let file = &records(&world, &["--retries", "1", "s3://b/x"], &variables, &["s3cret", "t0ken"], 0)[0];
    assert_eq!(file["attempts"], 2);
    let seen = world.server.seen().pop().unwrap();
    assert_eq!(seen.headers["x-amz-security-token"], "t0ken");
    let expired = "<Error><Code>ExpiredToken</Code><Message>The token t0ken &lt;s3cret> has expired.\nmore</Message>\
                   <Token-0>t0ken</Token-0></Error>";
    world.server.faults("/b/y", [answer(400, "", expired)]);
    let failed = &records(&world, &["s3://b/y"], &variables, &["s3cret", "t0ken"], 2)[0];
    assert_eq!(failed["code"], "access_denied");
    assert_eq!(
        failed["message"],
        "the store answers ExpiredToken: The token *** <***> has expired. (HTTP 400)"
    );
    assert!(failed["hint"].as_str().unwrap().contains("get new ones"), "{failed}");
}

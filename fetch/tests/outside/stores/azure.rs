//! Azure Blob Storage: keys and shared access signatures, held against Azurite's own.

use super::{
    KEYS, World, a_rest_is_of_its_version, etag, every_key_arrives, halting_at, long, objects, records,
};
use crate::servers::stores::Azure;

const VARIABLE: &str = "AZURE_STORAGE_CONNECTION_STRING";

#[test]
fn azure_takes_its_key_and_its_signatures_and_nobody_else() {
    let text = long();
    let blobs: Vec<_> = objects(&text).into_iter().filter(|(key, _)| !key.starts_with('/')).collect();
    let Ok(azure) = Azure::start(&blobs) else { return };
    let world = World::new();
    let keys: Vec<&str> = KEYS.into_iter().filter(|key| !key.starts_with('/')).collect();
    let signature = |name: &str| azure.filled[name].as_str().unwrap().to_owned();
    let (good, expired) = (signature("good"), signature("expired"));
    let sig = |text: &str| text.split("sig=").nth(1).unwrap().to_owned();
    let (with_key, with_good) =
        (format!("AccountKey={}", Azure::KEY), format!("SharedAccessSignature={good}"));
    for access in [&with_key, &with_good] {
        let connection = azure.connection(access);
        let secrets = [Azure::KEY, &sig(&good)];
        every_key_arrives(&world, "az://private", &keys, &[(VARIABLE, &connection)], &secrets);
        std::fs::remove_dir_all(world.path("keys")).unwrap();
    }
    let nobody = azure.connection("");
    every_key_arrives(&world, "az://public", &keys, &[(VARIABLE, &nobody)], &[]);
    let url = format!("az://{}/private/a.txt", Azure::ACCOUNT);
    let with_url = format!("{url}?{good}");
    let file = &records(&world, &[&with_url], &[(VARIABLE, &nobody)], &[&sig(&good)], 0)[0];
    assert_eq!(file["url"], url);

    let failed = |access: &str, secret: &str, url: &str| {
        let connection = azure.connection(access);
        records(&world, &[url], &[(VARIABLE, &connection)], &[secret], 2).remove(0)
    };
    let wrong = failed("AccountKey=d3Jvbmc=", "d3Jvbmc=", "az://private/ü/x");
    assert_eq!(wrong["code"], "access_denied");
    assert!(wrong["message"].as_str().unwrap().contains("AuthorizationFailure: Server failed"), "{wrong}");
    assert!(wrong["hint"].as_str().unwrap().starts_with("asked with AZURE_STORAGE_CONNECTION_STRING; "));
    let late = failed(&format!("SharedAccessSignature={expired}"), &sig(&expired), "az://private/ü/x");
    assert_eq!(late["code"], "access_denied");
    let none = failed(&with_key, Azure::KEY, "az://private/none");
    assert_eq!(none["code"], "not_found");
    assert!(none["message"].as_str().unwrap().contains("BlobNotFound"), "{none}");

    let connection = azure.connection(&with_key);
    let key = [(VARIABLE, &*connection)];
    records(&world, &["az://private/long"], &key, &[Azure::KEY], 0);
    assert_eq!(
        records(&world, &["--refresh", "az://private/long"], &key, &[], 0)[0]["status"],
        "not_modified"
    );
    let etag = etag(&world);
    std::fs::remove_dir_all(world.path("data")).unwrap();
    halting_at(&world, "/private/long");
    let halting = format!("AccountName=account;BlobEndpoint={}", world.server.url(""));
    a_rest_is_of_its_version(&world, "az://private/long", &etag, &[(VARIABLE, &halting)], &key);
}

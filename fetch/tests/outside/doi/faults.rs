//! DOIs that lead nowhere, repositories that fail, and answers that cannot be right.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{DATAVERSE, Doi, FIGSHARE, INVENIO, ZENODO, answer};
use crate::server::Fault;
use crate::{HELLO, files};

#[track_caller]
fn failed(doi: &Doi, address: &str, exit: i32) -> Value {
    doi.records(&["get", "--retries", "0", "--cache", "data", address], exit).remove(0)
}

fn said(record: &Value) -> (&str, &str, &str) {
    let text = |key: &str| record[key].as_str().unwrap_or_default();
    (text("code"), text("message"), text("hint"))
}

#[test]
fn the_wrong_bytes_are_not_published() {
    let doi = Doi::new();
    doi.zenodo("zenodo");
    doi.world.server.file("/api/records/3939050/files/tiny-data.txt/content", "jello\n");
    let failed = failed(&doi, &format!("doi:{ZENODO}/tiny-data.txt"), 1);
    assert_eq!(failed["code"], "hash_mismatch");
    assert_eq!(failed["expected"], "md5:b1946ac92492d2347c6235b4d2611184");
    // hashlib.md5(b"jello\n").hexdigest()
    assert_eq!(failed["got"], "md5:b2a4b403048802992c3671afccb9f13b");
    assert!(files(&doi.world.path("data")).is_empty());
}

#[test]
fn a_digest_of_the_users_own_goes_before_that_of_the_repository() {
    let doi = Doi::new();
    doi.zenodo("zenodo");
    doi.world.server.file("/api/records/3939050/files/tiny-data.txt/content", "jello\n");
    let address = format!("doi:{ZENODO}/tiny-data.txt");
    let failed = doi.records(&["get", "--hash", HELLO, &address], 1).remove(0);
    let got = failed["got"].as_str().unwrap().to_owned();
    assert!(got.starts_with("sha256:"), "{got}");
    doi.leads(ZENODO, "https://zenodo.org/record/3939050", 1);
    assert_eq!(doi.records(&["get", "--hash", &got, &address], 0)[0]["pinned"], true);
}

#[test]
fn a_name_that_is_not_there_gets_the_nearest_that_are() {
    let doi = Doi::new();
    doi.zenodo("zenodo");
    let wrong = failed(&doi, &format!("doi:{ZENODO}/tinydata.txt"), 2);
    let hint = "it has \"tiny-data.txt\", \"sub dir/a b#1.csv\"";
    let message = format!("the record {ZENODO} has no file \"tinydata.txt\"");
    assert_eq!(said(&wrong), ("not_found", message.as_str(), hint));
    let nameless = failed(&doi, &format!("doi:{ZENODO}"), 2);
    assert_eq!(said(&nameless).0, "not_found");
    assert!(said(&nameless).2.contains("tiny-data.txt"), "{nameless}");
}

#[test]
fn a_doi_that_there_is_not_is_said_to_be_none() {
    let doi = Doi::new();
    let unknown = failed(&doi, "doi:10.7910/DVN/NONE/a.txt", 2);
    assert_eq!(said(&unknown).0, "not_found");
    assert!(said(&unknown).1.contains("knows no DOI 10.7910/DVN/NONE"), "{unknown}");
    assert_eq!(unknown["attempts"], 1);

    // doi.org knows it, its repository does not.
    doi.leads(&format!("{FIGSHARE}.v9"), "https://figshare.com/articles/dataset/T/14763051/9", 1);
    let gone = failed(&doi, &format!("doi:{FIGSHARE}.v9/tiny-data.txt"), 2);
    assert_eq!(said(&gone).0, "not_found");
    assert!(said(&gone).1.contains("has no public record with the DOI"), "{gone}");
}

#[test]
fn a_host_that_is_no_repository_is_named() {
    let doi = Doi::new();
    doi.host.file("/journal/article/7", "<html>");
    doi.leads("10.1000/182", &doi.host.url("/journal/article/7"), 1);
    let unknown = failed(&doi, "doi:10.1000/182/data.csv", 2);
    let (code, message, hint) = said(&unknown);
    assert_eq!((code, hint), ("unknown_repository", "give the file's own URL"));
    assert!(message.contains(&doi.host.url("").replace("http://", "")), "{message}");
    // What has /records/ in its URLs need not be an InvenioRDM.
    doi.leads("10.1000/183", &doi.host.url("/records/7"), 1);
    doi.host.file("/api/records/7", "<html>");
    assert_eq!(failed(&doi, "doi:10.1000/183/data.csv", 2)["code"], "unknown_repository");
}

#[test]
fn restricted_files_are_said_to_be_so() {
    let doi = Doi::new();
    doi.leads(ZENODO, "https://zenodo.org/record/3939050", 3);
    doi.world.server.faults("/api/records/3939050", [Fault::Status(403, None)]);
    let address = format!("doi:{ZENODO}/tiny-data.txt");
    let refused = failed(&doi, &address, 2);
    assert_eq!(said(&refused).0, "access_denied");
    assert!(
        said(&refused).1.contains("does not let everybody have the files")
            && said(&refused).1.contains("403")
    );

    for mut closed in [json!({"files": []}), json!({})] {
        closed["id"] = 3_939_050.into();
        closed["metadata"] = json!({"access_right": "restricted"});
        doi.world.server.file("/api/records/3939050", closed.to_string());
        assert_eq!(failed(&doi, &address, 2)["code"], "access_denied");
    }

    let restricted =
        answer("invenio", &doi.host).replace("\"files\": \"public\"", "\"files\": \"restricted\"");
    doi.host.file("/api/records/ab1cd-2ef34", restricted);
    doi.leads(INVENIO, &doi.host.url("/records/ab1cd-2ef34"), 1);
    assert_eq!(failed(&doi, &format!("doi:{INVENIO}/data.txt"), 2)["code"], "access_denied");

    // The list is public, the file is not.
    doi.dataverse();
    doi.host.faults("/api/access/datafile/6297258", [Fault::Status(403, None)]);
    let closed = failed(&doi, &format!("doi:{DATAVERSE}/readme.md"), 2);
    assert_eq!(said(&closed).0, "access_denied");
    assert!(said(&closed).2.contains("owners"), "{closed}");
}

#[test]
fn a_repository_that_is_busy_is_asked_again_when_it_says_and_once_for_all() {
    let doi = Doi::new();
    doi.zenodo("zenodo");
    doi.world.server.faults("/api/records/3939050", [Fault::Status(429, Some("1"))]);
    // hashlib.md5 of "hello\n" and of "x,y\n1,2\n"
    let tiny = "tiny-data.txt md5:b1946ac92492d2347c6235b4d2611184";
    let table = "'sub dir/a b#1.csv' md5:344fd2323dd33d5c058b7cf27de029e8";
    doi.world.write("r.txt", &format!("{tiny}\n{table}\n"));
    let began = Instant::now();
    let base = format!("doi:{ZENODO}/");
    let got = doi.records(&["get", "-r", "r.txt", "--base-url", &base], 0);
    assert!(got.iter().all(|file| file["attempts"] == 2), "{got:?}");
    assert!(began.elapsed() >= Duration::from_secs(1), "Retry-After is a lower bound");
    assert_eq!(doi.asked("/api/records/3939050") - doi.asked("/api/records/3939050/"), 2);
    assert_eq!(doi.asked("/doi/"), 2);

    // One that asks for too long a wait is not asked again.
    doi.leads(&format!("{FIGSHARE}.v1"), "https://figshare.com/articles/dataset/T/14763051/1", 1);
    doi.world.server.faults("/v2/articles/14763051/versions/1", [Fault::Status(429, Some("86400"))]);
    let busy = doi.records(&["get", &format!("doi:{FIGSHARE}.v1/x")], 2).remove(0);
    assert_eq!((&busy["code"], &busy["attempts"]), (&"http_status".into(), &1.into()));
    assert!(said(&busy).1.contains("did not tell what the DOI stands for"), "{busy}");
}

#[test]
fn answers_of_another_shape_are_one_clear_line() {
    let doi = Doi::new();
    let address = format!("doi:{ZENODO}/tiny-data.txt");
    for bad in [
        "",
        "<html>not JSON</html>",
        "[]",
        "{}",
        "null",
        "{\"files\":7}",
        "{\"id\":1,\"files\":[{}]}",
        "{\"files\":{\"entries\":[1]}}",
    ] {
        doi.leads(ZENODO, "https://zenodo.org/record/3939050", 1);
        doi.world.server.file("/api/records/3939050", bad);
        let failed = failed(&doi, &address, 2);
        let (code, message, hint) = said(&failed);
        assert_eq!(code, "bad_answer", "{bad}");
        assert!(
            message.contains("is not as expected") && !message.contains('\n') && !hint.is_empty(),
            "{failed}"
        );
    }
    // A link must lead into the web, never to a file of this machine.
    let secret = doi.world.write("secret", "hello\n");
    let link = format!("file://{}", secret.display());
    let record = json!({"id": 1, "files": [{"key": "tiny-data.txt", "links": {"self": link}}]});
    doi.leads(ZENODO, "https://zenodo.org/record/3939050", 1);
    doi.world.server.file("/api/records/3939050", record.to_string());
    assert_eq!(failed(&doi, &address, 2)["code"], "bad_answer");
}

#[test]
fn offline_asks_nobody() {
    let doi = Doi::new();
    doi.zenodo("zenodo");
    let missed = doi.records(&["get", "--offline", &format!("doi:{ZENODO}/tiny-data.txt")], 2).remove(0);
    assert_eq!((missed["code"].as_str(), doi.asked("/")), (Some("offline_miss"), 0));
}

#[test]
fn what_is_no_doi_is_refused_at_once() {
    let doi = Doi::new();
    for bad in ["doi://10.5281/zenodo.3939050/x", "doi:zenodo.3939050/x", "doi:10.5281"] {
        let ran = kit::run(&mut doi.fetch(&["get", bad])).exits(2);
        assert!(ran.stderr.contains("has no DOI") && ran.stderr.contains("hint:"), "{}", ran.stderr);
    }
    let ran =
        kit::run(doi.fetch(&["get", "doi:10.5281/zenodo.1/x"]).env("FETCH_DOI_URL", "nonsense")).exits(2);
    assert!(ran.stderr.contains("FETCH_DOI_URL"), "{}", ran.stderr);
}

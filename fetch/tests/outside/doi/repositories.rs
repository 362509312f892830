//! Each kind of repository, in the shapes of its answers.

use super::super::{HELLO, files};
use super::{DATAVERSE, Doi, FIGSHARE, INVENIO, ZENODO, answer};
use crate::server::Fault;

/// `hashlib.md5(b"hello\n").hexdigest()`
const HELLO_MD5: &str = "md5:b1946ac92492d2347c6235b4d2611184";

#[test]
fn zenodo_is_understood_in_both_shapes() {
    for fixture in ["zenodo", "zenodo-2023"] {
        let doi = Doi::new();
        doi.zenodo(fixture);
        let address = format!("doi:{ZENODO}/tiny-data.txt");
        let (record, bytes) = doi.get(&address);
        assert_eq!(bytes, "hello\n", "{fixture}");
        assert_eq!((&record["name"], &record["url"]), (&"tiny-data.txt".into(), &address.as_str().into()));
        assert_eq!(record["digest"], format!("sha256:{HELLO}"));
        assert_eq!((&record["pinned"], &record["attempts"]), (&false.into(), &1.into()));
        // A name with folders, and with what a URL would have to escape.
        let (record, bytes) = doi.get(&format!("doi:{ZENODO}/sub dir/a b#1.csv"));
        assert_eq!((record["name"].as_str(), bytes.as_str()), (Some("a b#1.csv"), "x,y\n1,2\n"), "{fixture}");
        // A hit asks nobody, not even doi.org.
        let before = doi.asked("/");
        assert_eq!(doi.get(&address).0["status"], "cached");
        assert_eq!(doi.asked("/"), before);
    }
}

#[test]
fn all_files_of_a_record_take_one_resolution() {
    let doi = Doi::new();
    let server = &doi.world.server;
    // Contents of their own, as content that is there under another name is not got again.
    let md5 = |number: usize| {
        doi.world.write("x", &format!("{number}\n"));
        doi.records(&["hash", "-a", "md5", "x"], 0)[0]["digest"].as_str().unwrap().to_owned()
    };
    let md5s: Vec<String> = (0..10).map(md5).collect();
    let file = |number: usize| {
        let path = format!("/files/{number}");
        server.file(&path, format!("{number}\n"));
        let checksum = &md5s[number];
        serde_json::json!({"key": format!("f{number}"), "checksum": checksum, "links": {"self": server.url(&path)}})
    };
    let listed: Vec<_> = (0..10).map(file).collect();
    let record = serde_json::json!({"id": 3_939_050, "files": listed}).to_string();
    server.file("/api/records/3939050", record);
    doi.leads(ZENODO, "https://zenodo.org/record/3939050", 1);
    let lines: String = (0..10).map(|number| format!("f{number} {}\n", md5s[number])).collect();
    doi.world.write("r.txt", &lines);
    let base = format!("doi:{ZENODO}/");
    let got = doi.records(&["get", "-r", "r.txt", "--base-url", &base, "--cache", "data", "--jobs", "10"], 0);
    assert_eq!(got.len(), 10);
    assert!(got.iter().all(|file| file["pinned"] == true && file["status"] == "downloaded"), "{got:?}");
    assert!(got.iter().all(|file| file["url"] == format!("{base}{}", file["name"].as_str().unwrap())));
    assert_eq!((doi.asked("/doi/"), doi.asked("/api/"), doi.asked("/files/")), (1, 1, 10));
    assert_eq!(files(&doi.world.path("data")).len(), 10);
}

#[test]
fn a_figshare_doi_with_a_version_means_that_version() {
    let doi = Doi::new();
    let server = &doi.world.server;
    for (path, fixture) in
        [("/versions/1", "figshare-v1"), ("/versions/2", "figshare-v2"), ("", "figshare-v2")]
    {
        server.file(&format!("/v2/articles/14763051{path}"), answer(fixture, server));
    }
    server.file("/files/28372434", "one\n").file("/files/28374360", "two\n");
    for (version, bytes) in [(".v1", "one\n"), (".v2", "two\n"), ("", "two\n")] {
        let named = format!("{FIGSHARE}{version}");
        doi.leads(&named, "https://figshare.com/articles/dataset/Tiny_data_for_tests/14763051/1", 1);
        assert_eq!(doi.get(&format!("doi:{named}/tiny-data.txt")).1, bytes, "{named}");
    }
    // The figshare of an institution: neither DOI nor page has the number.
    server.file("/v2/articles?doi=10.1184%2FR1%2Fx.v1", answer("figshare-search", server));
    doi.leads("10.1184/R1/x.v1", &doi.host.url("/articles/dataset/T/some"), 1);
    assert_eq!(doi.get("doi:10.1184/R1/x.v1/tiny-data.txt").1, "one\n");
}

#[test]
fn an_article_with_many_files_is_read_to_its_last_page() {
    let doi = Doi::new();
    let server = &doi.world.server;
    let file = |number: u32| {
        serde_json::json!({"id": number, "name": format!("f{number}"), "computed_md5": HELLO_MD5.replace("md5:", ""),
            "download_url": server.url("/files/1")})
    };
    let all: Vec<_> = (0..1003).map(file).collect();
    let article = serde_json::json!({"id": 14_763_051, "files": all[..10]}).to_string();
    server.file("/v2/articles/14763051/versions/1", article).file("/files/1", "hello\n");
    for (page, some) in [(1, &all[..1000]), (2, &all[1000..])] {
        let path = format!("/v2/articles/14763051/versions/1/files?page={page}&page_size=1000");
        server.file(&path, serde_json::json!(some).to_string());
    }
    doi.leads(&format!("{FIGSHARE}.v1"), "https://figshare.com/articles/dataset/T/14763051/1", 1);
    let (_, bytes) = doi.get(&format!("doi:{FIGSHARE}.v1/f1002"));
    assert_eq!(bytes, "hello\n");
}

#[test]
fn a_dataverse_has_folders_and_tables_in_two_forms() {
    let doi = Doi::new();
    doi.dataverse();
    for (name, bytes) in [
        ("readme.md", "hello\n"),
        ("big.bin", "big\n"),
        ("data/table.csv", "x,y\n1,2\n"),
        ("data/table.tab", "x\ty\n1\t2\n"),
        // pooch knows no folders.
        ("table.csv", "x,y\n1,2\n"),
    ] {
        assert_eq!(doi.get(&format!("doi:{DATAVERSE}/{name}")).1, bytes, "{name}");
    }
    assert_eq!(doi.get(&format!("doi:{DATAVERSE}/data/b/part.txt")).1, "two\n");
}

#[test]
fn a_host_that_answers_as_a_dataverse_is_one() {
    let doi = Doi::new();
    doi.dataverse();
    // Its own page tells nothing, and there is one more redirect on the way to it.
    doi.leads("10.5072/FK2/X", &doi.host.url("/go"), 1);
    doi.host.faults("/go", [Fault::Redirect("/landing".into())]);
    doi.host.file("/landing", "<html>");
    let dataset = "/api/datasets/:persistentId?persistentId=doi%3A10.5072%2FFK2%2FX";
    doi.host.file(dataset, answer("dataverse", &doi.host));
    assert_eq!(doi.get("doi:10.5072/FK2/X/readme.md").1, "hello\n");
}

#[test]
fn an_invenio_lists_files_with_its_record_or_apart() {
    for fixture in ["invenio", "invenio-without-entries"] {
        let doi = Doi::new();
        let record = "/api/records/ab1cd-2ef34";
        doi.host.file(record, answer(fixture, &doi.host));
        doi.host.file(&format!("{record}/files"), answer("invenio-files", &doi.host));
        doi.host.file(&format!("{record}/files/data.txt/content"), "hello\n");
        let nested = ["nested/part.txt", "nested%2Fpart.txt"][usize::from(fixture != "invenio")];
        doi.host.file(&format!("{record}/files/{nested}/content"), "one\n");
        doi.leads(INVENIO, &doi.host.url("/records/ab1cd-2ef34"), 1);
        assert_eq!(doi.get(&format!("doi:{INVENIO}/data.txt")).1, "hello\n", "{fixture}");
        doi.leads(INVENIO, &doi.host.url("/records/ab1cd-2ef34"), 1);
        assert_eq!(doi.get(&format!("doi:{INVENIO}/nested/part.txt")).1, "one\n", "{fixture}");
    }
}

#[test]
fn refresh_asks_whether_the_file_has_changed() {
    let doi = Doi::new();
    doi.zenodo("zenodo");
    let address = format!("doi:{ZENODO}/tiny-data.txt");
    doi.get(&address);
    let again = &doi.records(&["get", "--refresh", &address], 0)[0];
    assert_eq!(again["status"], "not_modified");
}

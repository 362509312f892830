//! `fetch registry from-doi`.

use super::super::files;
use super::{DATAVERSE, Doi, ZENODO};
use crate::server::Fault;

#[test]
fn a_registry_of_a_record_gets_all_its_files() {
    let doi = Doi::new();
    doi.zenodo("zenodo");
    let ran = kit::run(&mut doi.fetch(&["registry", "from-doi", ZENODO])).exits(0);
    // hashlib.md5 of "x,y\n1,2\n" and of "hello\n"
    let expected = format!(
        "# the files of doi:{ZENODO}; to get them:\n# fetch get -r REGISTRY --base-url doi:{ZENODO}/\n\
         'sub dir/a b#1.csv' md5:344fd2323dd33d5c058b7cf27de029e8\n\
         tiny-data.txt md5:b1946ac92492d2347c6235b4d2611184\n"
    );
    assert_eq!(ran.stdout, expected);
    let other = Doi::new();
    other.zenodo("zenodo");
    let listed = other.records(&["registry", "from-doi", ZENODO, "--format", "jsonl"], 0);
    assert_eq!(listed[1]["name"], "tiny-data.txt");
    assert_eq!(listed[1]["digest"], "md5:b1946ac92492d2347c6235b4d2611184");
    assert_eq!(listed[1]["urls"][0], format!("doi:{ZENODO}/tiny-data.txt"));
    for form in ["doi:10.5281/zenodo.3939050/", "https://doi.org/10.5281/zenodo.3939050"] {
        let records = doi.records(&["registry", "from-doi", form, "-o", "made/registry.txt"], 0);
        let of = |kind: &str| records.iter().filter(|record| record["type"] == kind).count();
        assert_eq!((of("fetch.entry.converted"), of("fetch.registry.written")), (2, 1));
        assert_eq!(std::fs::read_to_string(doi.world.path("made/registry.txt")).unwrap(), expected);
    }
    let base = format!("doi:{ZENODO}/");
    let got = doi.records(&["get", "-r", "made/registry.txt", "--base-url", &base, "--cache", "data"], 0);
    assert!(got.iter().all(|file| file["pinned"] == true));
    assert_eq!(files(&doi.world.path("data")), ["sub dir/a b#1.csv", "tiny-data.txt"]);
}

#[test]
fn what_has_no_digest_is_a_comment_and_folders_are_kept() {
    let doi = Doi::new();
    doi.dataverse();
    let ran = kit::run(&mut doi.fetch(&["registry", "from-doi", DATAVERSE, "-o", "r.txt"])).exits(0);
    assert!(ran.stderr.contains("\"data/table.tab\" is only a comment"), "{}", ran.stderr);
    let text = std::fs::read_to_string(doi.world.path("r.txt")).unwrap();
    let lines: Vec<&str> = text.lines().skip(2).collect();
    assert_eq!(lines.len(), 6, "{text}");
    assert!(lines[0].starts_with("big.bin sha256:"), "{text}");
    assert_eq!(lines[4], "# no digest is known: data/table.tab");
    let base = format!("doi:{DATAVERSE}/");
    let got = doi.records(&["get", "-r", "r.txt", "--base-url", &base, "--cache", "data"], 0);
    assert_eq!(got.len(), 5);
    let there = files(&doi.world.path("data"));
    assert_eq!(there, ["big.bin", "data/a/part.txt", "data/b/part.txt", "data/table.csv", "readme.md"]);
    assert_eq!(doi.asked("/doi/"), 2, "the base URL tells where the DOI ends");
}

#[test]
fn what_fails_leaves_the_old_registry() {
    let doi = Doi::new();
    doi.world.write("r.txt", "old\n");
    let ran = kit::run(&mut doi.fetch(&["registry", "from-doi", ZENODO, "-o", "r.txt"])).exits(2);
    assert!(ran.stderr.contains("knows no DOI") && ran.stderr.contains("hint:"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(doi.world.path("r.txt")).unwrap(), "old\n");
    let ran = kit::run(&mut doi.fetch(&["registry", "from-doi", "zenodo.3939050"])).exits(2);
    assert!(ran.stderr.contains("has no DOI"), "{}", ran.stderr);

    doi.zenodo("zenodo").world.server.faults("/api/records/3939050", [Fault::Status(503, Some("0"))]);
    kit::run(&mut doi.fetch(&["registry", "from-doi", ZENODO, "-o", "r.txt"])).exits(0);
    assert!(std::fs::read_to_string(doi.world.path("r.txt")).unwrap().contains("tiny-data.txt"));
}

//! DOIs: doi.org and the repositories stand on loopback, with answers in the shapes that their interfaces document.

mod faults;
mod registry;
mod repositories;
mod versions;

use std::process::Command;

use serde_json::Value;

use super::World;
use super::server::{Fault, Server};

const ZENODO: &str = "10.5281/zenodo.3939050";
const FIGSHARE: &str = "10.6084/m9.figshare.14763051";
const DATAVERSE: &str = "10.7910/DVN/TJ1234";
const INVENIO: &str = "10.48436/ab1cd-2ef34";

/// A world with doi.org, Zenodo and figshare at `world.server`, and a repository with a host of its own.
struct Doi {
    world: World,
    host: Server,
}

impl Doi {
    fn new() -> Doi {
        Doi { world: World::new(), host: Server::new() }
    }

    /// Lets doi.org send the next `times` requests for a DOI to `page`.
    fn leads(&self, doi: &str, page: &str, times: usize) -> &Doi {
        let redirects = std::iter::repeat_n(Fault::Redirect(page.to_owned()), times);
        self.world.server.faults(&format!("/doi/{doi}"), redirects);
        self
    }

    /// Zenodo's record in one of its shapes, with its files.
    fn zenodo(&self, fixture: &str) -> &Doi {
        let server = &self.world.server;
        server.file("/api/records/3939050", answer(fixture, server));
        let links = [
            [
                "/api/records/3939050/files/tiny-data.txt/content",
                "/records/3939050/files/tiny-data.txt?download=1",
            ],
            [
                "/api/records/3939050/files/sub%20dir/a%20b%231.csv/content",
                "/records/3939050/files/sub%20dir/a%20b%231.csv?download=1",
            ],
        ];
        for (paths, text) in links.iter().zip(["hello\n", "x,y\n1,2\n"]) {
            server.file(paths[usize::from(fixture == "zenodo-2023")], text);
        }
        self.leads(ZENODO, "https://zenodo.org/doi/10.5281/zenodo.3939050", 4)
    }

    /// A Dataverse at the host of its own.
    fn dataverse(&self) -> &Doi {
        self.host.file(
            "/api/datasets/:persistentId?persistentId=doi%3A10.7910%2FDVN%2FTJ1234",
            answer("dataverse", &self.host),
        );
        for (file, text) in [
            ("6297258", "hello\n"),
            ("6297260", "big\n"),
            ("6297261", "one\n"),
            ("6297262", "two\n"),
            ("6297263", "x\ty\n1\t2\n"),
            ("6297263?format=original", "x,y\n1,2\n"),
        ] {
            self.host.file(&format!("/api/access/datafile/{file}"), text);
        }
        let page = self.host.url("/citation?persistentId=doi:10.7910/DVN/TJ1234");
        self.leads(DATAVERSE, &page, 8)
    }

    fn fetch(&self, args: &[&str]) -> Command {
        let mut command = self.world.fetch(args);
        command.env("FETCH_DOI_URL", self.world.server.url("/doi"));
        command.env("FETCH_ZENODO_URL", self.world.server.url(""));
        command.env("FETCH_FIGSHARE_URL", self.world.server.url("/v2"));
        command
    }

    #[track_caller]
    fn records(&self, args: &[&str], exit: i32) -> Vec<Value> {
        crate::records_of(&mut self.fetch(args), exit)
    }

    /// Gets one `doi:` address and gives its record and its bytes.
    #[track_caller]
    fn get(&self, address: &str) -> (Value, String) {
        let record = self.records(&["get", address], 0).remove(0);
        let bytes = std::fs::read_to_string(record["path"].as_str().unwrap()).unwrap();
        (record, bytes)
    }

    /// How many requests there were for paths that begin so, at both servers.
    fn asked(&self, prefix: &str) -> usize {
        let seen = [self.world.server.seen(), self.host.seen()].concat();
        seen.iter().filter(|request| request.path.starts_with(prefix)).count()
    }
}

/// A fixture, as the repository at `server` would answer.
fn answer(fixture: &str, server: &Server) -> String {
    let path = kit::root().join("fetch/tests/fixtures/doi").join(format!("{fixture}.json"));
    std::fs::read_to_string(path).unwrap().replace("@HOST@", server.url("").trim_end_matches('/'))
}

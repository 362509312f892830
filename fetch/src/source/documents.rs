//! Requests from the JSON that other programs print: npm's `dist` objects and pip's installation reports.
//! Must not know our own request objects.

use serde_json::{Map, Value};

use super::{Address, Request};
use crate::hash::{Algorithm, Digest};

/// The requests in an object that another program printed; nothing when it is none of those.
pub fn recognize(object: &Map<String, Value>) -> Result<Option<Vec<Request>>, String> {
    if let Some(installs) = object.get("install").and_then(Value::as_array) {
        return installs.iter().map(pip_install).collect::<Result<_, _>>().map(Some);
    }
    if let Some(dist) = object.get("dist").and_then(Value::as_object) {
        return npm_dist(dist, object).map(Some);
    }
    if text(object, "tarball").or(text(object, "dist.tarball")).is_some() {
        return npm_dist(object, object).map(Some);
    }
    Ok(None)
}

/// `npm view PACKAGE dist --json`, with `package` being what surrounds it: an object with the name and version.
///
/// <https://docs.npmjs.com/cli/commands/npm-view>; asked for single fields, npm writes `dist.tarball` for the key.
fn npm_dist(dist: &Map<String, Value>, package: &Map<String, Value>) -> Result<Vec<Request>, String> {
    let field = |name: &str| text(dist, name).or_else(|| text(dist, &format!("dist.{name}")));
    let tarball = field("tarball").ok_or("\"dist\" has no \"tarball\"")?;
    let hash =
        field("integrity").map(str::to_owned).or_else(|| field("shasum").map(|sha1| format!("sha1:{sha1}")));
    let expected =
        hash.map(|hash| hash.parse().map_err(|error| format!("bad integrity: {error}"))).transpose()?;
    let mut request = Request::of(Address::parse(tarball).map_err(|error| error.to_string())?, expected);
    describe(&mut request, text(package, "name"), text(package, "version"));
    Ok(vec![request])
}

/// One item of `install` in <https://pip.pypa.io/en/stable/reference/installation-report/>.
fn pip_install(install: &Value) -> Result<Request, String> {
    let download = &install["download_info"];
    let url = download["url"].as_str().ok_or("an item of \"install\" has no \"download_info.url\"")?;
    let archive = &download["archive_info"];
    let expected = match archive["hashes"].as_object() {
        Some(hashes) => strongest(hashes)?,
        // The older form, `sha256=…`.
        None => archive["hash"]
            .as_str()
            .map(|hash| hash.replacen('=', ":", 1).parse().map_err(|error| format!("bad hash: {error}")))
            .transpose()?,
    };
    let mut request = Request::of(Address::parse(url).map_err(|error| error.to_string())?, expected);
    let metadata = &install["metadata"];
    describe(&mut request, metadata["name"].as_str(), metadata["version"].as_str());
    Ok(request)
}

fn strongest(hashes: &Map<String, Value>) -> Result<Option<Digest>, String> {
    let known =
        hashes.iter().filter_map(|(name, hex)| Some((name.parse::<Algorithm>().ok()?, hex.as_str()?)));
    let Some((algorithm, hex)) = known.max_by_key(|(algorithm, _)| algorithm.strength()) else {
        return Ok(None);
    };
    format!("{algorithm}:{hex}").parse().map(Some).map_err(|error| format!("bad hash: {error}"))
}

fn describe(request: &mut Request, package: Option<&str>, version: Option<&str>) {
    for (key, value) in [("package", package), ("version", version)] {
        request.extra.extend(value.map(|value| (key.to_owned(), Value::from(value))));
    }
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::super::json::{Unaddressed, from_json};
    use crate::hash::Digest;
    use serde_json::json;

    const SHA1: &str = "a9993e364706816aba3e25717850c26c9cd0d89d";
    const SRI: &str = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";

    #[test]
    fn every_shape_of_npm_is_read() {
        let dist =
            json!({"shasum": SHA1, "tarball": "http://h/ms-2.1.3.tgz", "integrity": SRI, "fileCount": 4});
        let package = json!({"name": "ms", "version": "2.1.3", "dist": dist});
        let flat = json!({"dist.tarball": "http://h/ms-2.1.3.tgz", "dist.shasum": SHA1});
        for (document, count, algorithm) in [
            (dist.clone(), 1, "sha256"),
            (json!([dist, dist]), 2, "sha256"),
            (package, 1, "sha256"),
            (flat, 1, "sha1"),
        ] {
            let requests = from_json(document, &Unaddressed::Refused).unwrap_or_default();
            assert_eq!(requests.len(), count);
            assert_eq!(requests[0].name, "ms-2.1.3.tgz");
            let expected = requests[0].expected.as_ref().map(|digest| digest.algorithm().name());
            assert_eq!(expected, Some(algorithm));
        }
    }

    #[test]
    fn a_report_of_pip_is_read() {
        let report = json!({"version": "1", "install": [{
            "download_info": {"url": "http://h/six-1.0-py3-none-any.whl",
                "archive_info": {"hash": "md5=00", "hashes": {"sha1": SHA1, "odd": "1"}}},
            "metadata": {"name": "six", "version": "1.0"},
        }]});
        let requests = from_json(report, &Unaddressed::Refused).unwrap_or_default();
        assert_eq!(requests[0].name, "six-1.0-py3-none-any.whl");
        assert_eq!(requests[0].expected.as_ref().map(Digest::hex).as_deref(), Some(SHA1));
        assert_eq!(requests[0].extra["package"], "six");
    }
}

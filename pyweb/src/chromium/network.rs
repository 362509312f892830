//! What the requests of a page get: what a test says, else what the page's own site has; nothing else exists.
//! Must not know who asks for what.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::driver::{Driver, Fault};
use crate::headless::{Level, Site};
use crate::page::{environment, site};
use crate::runtime::address;

/// The header by which our own script in the page reads files of the site (`js/chromium-native.mjs`).
const OWN: &str = "x-pyweb-read";
/// What a test may answer in the place of the site: what the page's code asks for, not what it is made of.
const CODE: [&str; 2] = ["Document", "Script"];
/// What our own browser tells of on the console when it is not there.
const TOLD: [&str; 4] = ["Fetch", "Script", "Stylesheet", "XHR"];

/// A test's answer to requests.
struct Route {
    id: Value,
    /// A glob or a regular expression, as the steps write it.
    url: Value,
    /// What to answer; without it the test is asked.
    fulfill: Option<Value>,
}

/// What one page's requests get.
pub(super) struct Network {
    /// What tells our own script's requests from the page's.
    pub(super) token: String,
    /// Later ones come first.
    routes: Vec<Route>,
    offline: bool,
    /// The requests that wait for the test's answer, by number.
    waiting: HashMap<u64, Asked>,
    last_request: u64,
}

/// A request that the browser holds back.
#[derive(Clone)]
struct Asked {
    id: String,
    url: String,
    method: String,
    kind: String,
    /// Whether the page itself is to go there.
    moves: bool,
}

impl Asked {
    /// Whether the page itself is to go there by a form that posts.
    fn posts(&self) -> bool {
        self.moves && self.method != "GET"
    }
}

/// What is to become of a request.
enum Fate {
    /// The site answers.
    Site,
    /// There is no network.
    Offline,
    /// The route of this number answers or has the test asked.
    Route(usize),
}

impl Network {
    /// A network in which nothing is prepared.
    pub(super) fn new(token: String) -> Network {
        Network { token, routes: Vec::new(), offline: false, waiting: HashMap::new(), last_request: 0 }
    }

    /// Forgets what a test has prepared.
    pub(super) fn reset(&mut self) {
        self.routes.clear();
        self.offline = false;
    }
}

impl Driver {
    /// Carries out a step that prepares the network.
    pub(super) fn prepare_network(&mut self, step: &Value) -> Result<(), Fault> {
        let Some(page) = &mut self.page else { return Ok(()) };
        let network = &mut page.network;
        match step["step"].as_str() {
            Some("route") => {
                let fulfill = step["fulfill"].is_object().then(|| step["fulfill"].clone());
                let route = Route { id: step["route"].clone(), url: step["url"].clone(), fulfill };
                network.routes.insert(0, route);
                Ok(())
            }
            Some("unroute") => {
                let id = &step["route"];
                network.routes.retain(|route| !id.is_null() && route.id != *id);
                Ok(())
            }
            _ => {
                network.offline = step["offline"] == true;
                let session = page.session.clone();
                let none = json!({"offline": step["offline"], "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
                // What a page sees of it as `navigator.onLine`; its requests are ours anyway.
                self.call(Some(&session), "Network.emulateNetworkConditions", &none).map(drop)
            }
        }
    }

    /// A page asks for something.
    pub(super) fn requested(&mut self, params: &Value) -> Result<(), Fault> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let request = &params["request"];
        let asked = Asked {
            id: text(&params["requestId"]),
            url: text(&request["url"]),
            method: text(&request["method"]),
            kind: text(&params["resourceType"]),
            moves: params["resourceType"] == "Document"
                && self.page.as_ref().is_some_and(|page| params["frameId"] == page.frame.as_str()),
        };
        let empty = Map::new();
        let headers = request["headers"].as_object().unwrap_or(&empty);
        let own = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(OWN)).map(|(_, token)| token);
        let Some(page) = &self.page else { return self.fail(&asked, "Aborted") };
        if own.is_some_and(|token| *token == page.network.token.as_str()) {
            return self.answer_from_site(&asked, false);
        }
        match self.fate(&asked)? {
            Fate::Site => self.answer_from_site(&asked, true),
            Fate::Offline => self.fail(&asked, "InternetDisconnected"),
            Fate::Route(index) => self.routed(index, asked, headers, &request["postData"]),
        }
    }

    fn fate(&mut self, asked: &Asked) -> Result<Fate, Fault> {
        if CODE.contains(&asked.kind.as_str()) && !asked.posts() {
            return Ok(Fate::Site);
        }
        if let Some(index) = self.route_of(&asked.url)? {
            return Ok(Fate::Route(index));
        }
        let offline = self.page.as_ref().is_some_and(|page| page.network.offline) && !asked.posts();
        Ok(if offline { Fate::Offline } else { Fate::Site })
    }

    /// The first route that takes `url`, by the expressions of JavaScript.
    fn route_of(&mut self, url: &str) -> Result<Option<usize>, Fault> {
        let Some(page) = &self.page else { return Ok(None) };
        if page.network.routes.is_empty() {
            return Ok(None);
        }
        let patterns: Vec<&Value> = page.network.routes.iter().map(|route| &route.url).collect();
        let (patterns, base) = (json!(patterns), json!(page.opening.url));
        let url = json!(url);
        let find =
            format!("{patterns}.findIndex((pattern) => routes.expressionOf(pattern, {base}).test({url}))");
        let session = self.matcher()?;
        let found = self.call(Some(&session), "Runtime.evaluate", &json!({"expression": find}))?;
        Ok(found["result"]["value"].as_u64().and_then(|index| usize::try_from(index).ok()))
    }

    fn matcher(&mut self) -> Result<String, Fault> {
        if let Some(session) = &self.matcher {
            return Ok(session.clone());
        }
        let (_, session) = self.attached(&json!({"url": "about:blank"}))?;
        let routes = environment::script("routes.js").unwrap_or_default();
        let expression = format!("globalThis.__native = {{}};\n{routes}\nconst {{ routes }} = __native;");
        self.call(Some(&session), "Runtime.evaluate", &json!({"expression": expression}))?;
        self.matcher = Some(session.clone());
        Ok(session)
    }

    fn routed(
        &mut self,
        index: usize,
        asked: Asked,
        headers: &Map<String, Value>,
        body: &Value,
    ) -> Result<(), Fault> {
        let Some(page) = &mut self.page else { return self.fail(&asked, "Aborted") };
        let network = &mut page.network;
        let Some(route) = network.routes.get(index) else { return self.answer_from_site(&asked, true) };
        if let Some(given) = route.fulfill.clone() {
            return self.fulfill_as(&asked, &given);
        }
        network.last_request += 1;
        let (number, id) = (network.last_request, route.id.clone());
        let lower: Map<String, Value> =
            headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        let (url, method, moves) = (asked.url.clone(), asked.method.clone(), asked.moves);
        network.waiting.insert(number, asked);
        if moves {
            page.moves();
        }
        page.told(json!({
            "kind": "request", "request": number, "route": id, "url": url, "method": method,
            "headers": lower, "post_data": body,
        }));
        Ok(())
    }

    /// The test's answer to a request that waits.
    pub(super) fn answer_request(&mut self, answer: &Value) -> Result<(), Fault> {
        let Some(page) = &mut self.page else { return Ok(()) };
        let number = answer["request"].as_u64();
        let Some(asked) = number.and_then(|number| page.network.waiting.remove(&number)) else {
            return Ok(());
        };
        let offline = page.network.offline;
        match answer["action"].as_str() {
            Some("continue") if offline => self.fail(&asked, "InternetDisconnected"),
            Some("continue") => self.answer_from_site(&asked, true),
            Some("abort") => {
                // For a page on its way, another reason would lead to a page that says so.
                self.fail(&asked, if asked.moves { "Aborted" } else { "Failed" })?;
                if asked.moves { self.remains() } else { Ok(()) }
            }
            _ => self.fulfill_as(&asked, answer),
        }
    }

    /// Answers as a test says.
    fn fulfill_as(&mut self, asked: &Asked, given: &Value) -> Result<(), Fault> {
        if asked.moves
            && let Some(page) = &mut self.page
        {
            page.moves();
        }
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in given["headers"].as_object().into_iter().flatten() {
            headers.push((name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        }
        let named = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let kind = given["content_type"].as_str();
        if kind.is_some() || !named {
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            headers.push(("content-type".into(), kind.unwrap_or("text/plain").to_owned()));
        }
        let body = match given["body_base64"].as_str() {
            Some(encoded) => encoded.to_owned(),
            None => STANDARD.encode(given["body"].as_str().unwrap_or_default()),
        };
        self.fulfill(asked, given["status"].as_u64().unwrap_or(200), headers, &body)
    }

    /// Answers from the page's site; with `tells`, what is not there is said on the page's console.
    fn answer_from_site(&mut self, asked: &Asked, tells: bool) -> Result<(), Fault> {
        if asked.posts() && self.stays(&site::unanswered_post(&asked.url)) {
            return self.fail(asked, "Aborted");
        }
        let Some(page) = &mut self.page else { return self.fail(asked, "Aborted") };
        let Some(resource) = page.opening.site.get(&asked.url) else { return self.missing(asked, tells) };
        if asked.moves {
            page.moves();
        }
        if asked.url.starts_with(site::ORIGIN) && asked.method != "GET" && asked.method != "HEAD" {
            return self.fulfill(asked, 405, Vec::new(), "");
        }
        if let Some(whole) = address::whole(&asked.url) {
            // As the delivery networks do, so that what it imports is found beside it.
            return self.fulfill(asked, 302, vec![("location".to_owned(), whole)], "");
        }
        let (mut mime, mut bytes) = (resource.mime, resource.bytes);
        let mut headers = vec![("cross-origin-embedder-policy".to_owned(), "require-corp".to_owned())];
        if asked.kind == "Document" {
            mime += "; charset=utf-8";
            // Workers that share memory with their page need it.
            headers.push(("cross-origin-opener-policy".to_owned(), "same-origin".to_owned()));
            bytes = site::without_integrity(&bytes).map_or(bytes, Cow::Owned);
        }
        headers.push(("content-type".to_owned(), mime));
        self.fulfill(asked, 200, headers, &STANDARD.encode(&bytes))
    }

    /// Answers that there is no such thing.
    fn missing(&mut self, asked: &Asked, tells: bool) -> Result<(), Fault> {
        let url = &asked.url;
        let path = url.strip_prefix(site::ORIGIN).map(|path| path.split(['?', '#']).next().unwrap_or(path));
        if let Some(page) = &mut self.page
            && tells
            && TOLD.contains(&asked.kind.as_str())
        {
            let text = match path {
                Some(path) => format!("failed to load /{path}: it is not in the page's folder (404)"),
                None => {
                    format!("refused {url}: a page here has no network, only its own folder and the runtime")
                }
            };
            page.log(Level::Error, text);
        }
        if asked.moves && self.stays(&format!("{url} is not in the page's folder")) {
            self.fail(asked, "Aborted")
        } else if path.is_some() {
            self.fulfill(asked, 404, Vec::new(), "")
        } else {
            self.fail(asked, "BlockedByClient")
        }
    }

    fn fulfill(
        &mut self,
        asked: &Asked,
        status: u64,
        headers: Vec<(String, String)>,
        body: &str,
    ) -> Result<(), Fault> {
        let headers = headers.into_iter().chain([
            ("access-control-allow-origin".to_owned(), "*".to_owned()),
            ("cross-origin-resource-policy".to_owned(), "cross-origin".to_owned()),
            ("cache-control".to_owned(), "no-store".to_owned()),
        ]);
        let headers: Vec<Value> =
            headers.map(|(name, value)| json!({"name": name, "value": value})).collect();
        let answer =
            json!({"requestId": asked.id, "responseCode": status, "responseHeaders": headers, "body": body});
        self.say(None, "Fetch.fulfillRequest", &answer).map(drop)
    }

    fn fail(&mut self, asked: &Asked, reason: &str) -> Result<(), Fault> {
        self.say(None, "Fetch.failRequest", &json!({"requestId": asked.id, "errorReason": reason})).map(drop)
    }
}

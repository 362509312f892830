//! Requests through proxies, and servers that are real: TLS, logins, packed bodies.

use super::servers::nginx::Nginx;
use super::servers::proxy::Proxy;
use super::{HELLO, World};

#[test]
fn a_proxy_of_the_environment_is_asked_by_the_whole_url() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    // base64.b64encode(b"me:s3cret")
    let proxy = Proxy::http(Some("Basic bWU6czNjcmV0"));
    let url = world.server.url("/x?y");
    world.server.file("/x?y", "hello\n");
    let at = |login: &str| format!("http://{login}127.0.0.1:{}", proxy.port);
    let mut get = world.fetch(&["get", "-vv", "--cache", "a", "--hash", HELLO, &url]);
    let ran = kit::run(get.env("http_proxy", at("me:s3cret@"))).exits(0);
    let head = proxy.heads().pop().unwrap();
    assert!(head.starts_with(&format!("GET {url} HTTP/1.1\r\n")), "{head}");
    let seen = world.server.seen().pop().unwrap();
    assert_eq!(seen.headers["host"], world.server.url("").trim_start_matches("http://"));
    assert!(!ran.stdout.contains("s3cret") && !ran.stderr.contains("s3cret"));

    let mut get = world.fetch(&["get", "--cache", "b", &url]);
    let ran = kit::run(get.env("all_proxy", at("me:wrong@"))).exits(2);
    assert!(
        ran.stdout.contains("\"proxy_failed\"") && ran.stderr.contains("refuses (HTTP 407)"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stdout.contains("wrong") && !ran.stderr.contains("wrong"), "{}", ran.stderr);

    let asked = proxy.heads().len();
    let mut get = world.fetch(&["get", "--cache", "c", &url]);
    kit::run(get.env("http_proxy", at("")).env("no_proxy", "example.org,127.0.0.0/8")).exits(0);
    let mut get = world.fetch(&["get", "--cache", "d", "--proxy", "", &url]);
    kit::run(get.env("http_proxy", at(""))).exits(0);
    assert_eq!(proxy.heads().len(), asked, "both went past it");
}

#[test]
fn a_connection_to_a_proxy_serves_many_requests() {
    let world = World::new();
    let proxy = Proxy::http(None);
    let at = format!("http://127.0.0.1:{}", proxy.port);
    let urls = ["/a", "/b", "/c"].map(|path| world.server.file(path, path).url(path));
    world.records(&["get", "--jobs", "1", "--proxy", &at, &urls[0], &urls[1], &urls[2]], 0);
    let heads = proxy.heads();
    assert_eq!((heads.len(), proxy.clients()), (3, 1));
    for (head, url) in heads.iter().zip(urls) {
        assert!(head.starts_with(&format!("GET {url} HTTP/1.1\r\n")), "{head}");
    }
}

#[test]
fn a_dead_proxy_is_named() {
    let world = World::new();
    let get = ["get", "--retries", "0", "--proxy", "http://me:s3cret@127.0.0.1:9", "http://127.0.0.1:1/x"];
    let ran = kit::run(&mut world.fetch(&get)).exits(2);
    assert!(ran.stderr.contains("(through http://127.0.0.1:9)"), "{}", ran.stderr);
    assert!(!ran.stdout.contains("s3cret") && !ran.stderr.contains("s3cret"), "{}", ran.stdout);
}

#[test]
fn tls_is_verified_directly_and_through_every_proxy() {
    let Ok(nginx) = Nginx::start("") else { return };
    let world = World::new();
    std::fs::write(nginx.root().join("x"), "hello\n").unwrap();
    let url = nginx.tls_url("/x");
    let failed = &world.records(&["get", &url], 2)[0];
    assert_eq!((&failed["code"], &failed["attempts"]), (&"certificate_untrusted".into(), &1.into()));
    assert!(failed["hint"].as_str().unwrap().contains("SSL_CERT_FILE"), "{failed}");

    let (http, socks) = (Proxy::http(Some("Basic bWU6czNjcmV0")), Proxy::socks());
    let by_http = format!("me:s3cret@127.0.0.1:{}", http.port);
    let by_socks = format!("socks5://127.0.0.1:{}", socks.port);
    for (cache, proxy) in [("direct", ""), ("http", &*by_http), ("socks", &*by_socks)] {
        let mut get = world.fetch(&["get", "--cache", cache, "--hash", HELLO, &url]);
        let ran = kit::run(get.env("SSL_CERT_FILE", nginx.certificate()).env("HTTPS_PROXY", proxy)).exits(0);
        assert!(ran.stdout.contains("\"downloaded\""), "{}", ran.stdout);
    }
    let head = http.heads().pop().unwrap();
    assert!(head.starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", nginx.tls_port)), "{head}");
    assert_eq!((http.heads().len(), socks.heads().len()), (1, 1));
    // The certificate is good for localhost alone.
    let by_number = url.replace("localhost", "127.0.0.1");
    let mut get = world.fetch(&["get", "--retries", "0", &by_number]);
    let ran = kit::run(get.env("SSL_CERT_FILE", nginx.certificate())).exits(2);
    assert!(ran.stdout.contains("certificate_untrusted"), "{}", ran.stdout);
}

#[test]
fn a_redirect_from_https_to_http_carries_nothing() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let plain = world.server.url("/x").replace("127.0.0.1", "localhost");
    let Ok(nginx) = Nginx::start(&format!("location /away {{ return 302 {plain}; }}")) else { return };
    let netrc = world.write("netrc", "default login me password s3cret");
    let url = nginx.tls_url("/away");
    for (cache, url) in [("a", url.replace("//", "//me:s3cret@")), ("b", url)] {
        let mut get = world.fetch(&["get", "--cache", cache, "--hash", HELLO, "-H", "X-Token: s3cret", &url]);
        kit::run(get.env("SSL_CERT_FILE", nginx.certificate()).env("NETRC", &netrc)).exits(0);
        let headers = world.server.seen().pop().unwrap().headers;
        assert!(!headers.contains_key("authorization") && !headers.contains_key("x-token"), "{headers:?}");
    }
}

#[test]
fn a_server_that_wants_a_login_gets_it_from_netrc() {
    let locations = "location /in { auth_basic in; auth_basic_user_file users; try_files /x =404; }";
    let Ok(nginx) = Nginx::start(locations) else { return };
    let world = World::new();
    std::fs::write(nginx.root().join("x"), "hello\n").unwrap();
    std::fs::write(nginx.root().parent().unwrap().join("users"), "me:{PLAIN}s3cret\n").unwrap();
    let url = nginx.url("/in");
    for check in [false, true] {
        let mut args = vec!["get", &url];
        args.extend(check.then_some("--check"));
        let failed = &world.records(&args, 2)[0];
        assert_eq!(failed["code"], "access_denied", "{failed}");
        let netrc = world.write("netrc", "default login me password s3cret");
        args.extend(["--netrc-file", netrc.to_str().unwrap()]);
        let file = &world.records(&args, 0)[0];
        assert_eq!(file["size_bytes"], 6, "{file}");
    }
}

#[test]
fn packed_bodies_give_the_bytes_that_a_registry_pins() {
    let locations = "
        location /always { gzip_static always; }
        location /declared { add_header Content-Encoding gzip; }
        location /strange { add_header Content-Encoding br; }";
    let Ok(nginx) = Nginx::start(locations) else { return };
    let world = World::new();
    world.write("plain", "hello\n");
    let packed = std::process::Command::new("gzip").args(["-nc"]).arg(world.path("plain")).output().unwrap();
    for (path, bytes) in [
        ("always/x.txt.gz", &packed.stdout[..]),
        ("declared/x.gz", &packed.stdout),
        ("declared/cut.txt", &packed.stdout[..20]),
        ("strange/x.txt", b"hello\n"),
    ] {
        let path = nginx.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    // Packed although nobody asked for it: what is pinned is the file.
    let file = &world.records(&["get", "--hash", HELLO, &nginx.url("/always/x.txt")], 0)[0];
    assert_eq!(file["size_bytes"], 6);
    // A packed file that the server declares as packed: what is pinned is the packed file.
    let file = &world.records(&["get", &nginx.url("/declared/x.gz")], 0)[0];
    assert_eq!(std::fs::read(file["path"].as_str().unwrap()).unwrap(), packed.stdout);
    let failed = &world.records(&["get", "--retries", "0", &nginx.url("/declared/cut.txt")], 2)[0];
    assert_eq!(failed["code"], "truncated", "{failed}");
    let failed = &world.records(&["get", &nginx.url("/strange/x.txt")], 2)[0];
    assert_eq!((&failed["code"], &failed["attempts"]), (&"bad_encoding".into(), &1.into()));
}

#[test]
fn a_packed_file_is_asked_again_by_its_version() {
    let Ok(nginx) = Nginx::start("gzip_static always;") else { return };
    let world = World::new();
    world.write("plain", "hello\n");
    let packed = std::process::Command::new("gzip").args(["-nc"]).arg(world.path("plain")).output().unwrap();
    std::fs::write(nginx.root().join("x.txt.gz"), packed.stdout).unwrap();
    let url = nginx.url("/x.txt");
    for status in ["downloaded", "not_modified"] {
        assert_eq!(world.records(&["get", "--refresh", &url], 0)[0]["status"], status);
    }
}

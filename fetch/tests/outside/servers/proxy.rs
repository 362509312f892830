//! Proxies inside the test that really pass bytes on: HTTP, by tunnel and by whole URL, and SOCKS5.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A proxy; it listens until the test process ends.
#[derive(Clone)]
pub struct Proxy {
    pub port: u16,
    authorization: Option<&'static str>,
    heads: Arc<Mutex<Vec<String>>>,
    clients: Arc<AtomicUsize>,
}

impl Proxy {
    /// An HTTP proxy; with `authorization` it wants that value of `Proxy-Authorization`.
    pub fn http(authorization: Option<&'static str>) -> Proxy {
        Proxy::start(authorization, |proxy, client| while proxy.forward(&client).is_some() {})
    }

    /// A SOCKS5 proxy without a login.
    pub fn socks() -> Proxy {
        Proxy::start(None, |proxy, client| {
            let _ = proxy.tunnel_socks(client);
        })
    }

    /// The first lines and headers that it was sent.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// How many connections were made to it.
    pub fn clients(&self) -> usize {
        self.clients.load(Ordering::SeqCst)
    }

    fn start(authorization: Option<&'static str>, serve: fn(&Proxy, TcpStream)) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = Proxy { port, authorization, heads: Arc::default(), clients: Arc::default() };
        let serving = proxy.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let serving = serving.clone();
                serving.clients.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || serve(&serving, client));
            }
        });
        proxy
    }

    /// Answers one request; nothing when the connection is to end.
    fn forward(&self, mut client: &TcpStream) -> Option<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).ok()?;
        self.heads.lock().unwrap().push(head.clone());
        let wanted =
            self.authorization.map(|value| format!("proxy-authorization: {value}\r\n").to_lowercase());
        if wanted.is_some_and(|wanted| !head.to_lowercase().contains(&wanted)) {
            client.write_all(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n").ok()?;
            return None;
        }
        let mut words = head.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        if method == "CONNECT" {
            let server = TcpStream::connect(target).ok()?;
            client.write_all(b"HTTP/1.1 200 There\r\n\r\n").ok()?;
            pass(client.try_clone().ok()?, server);
            return None;
        }
        let (host, path) = target.strip_prefix("http://")?.split_once('/')?;
        let mut server = TcpStream::connect(host).ok()?;
        let rest = head.split_once("\r\n")?.1;
        write!(server, "{method} /{path} HTTP/1.1\r\nConnection: close\r\n{rest}").ok()?;
        server.shutdown(Shutdown::Write).ok()?;
        std::io::copy(&mut server, &mut client).ok()?;
        Some(())
    }

    /// RFC 1928, for IPv4 addresses.
    fn tunnel_socks(&self, mut client: TcpStream) -> Option<()> {
        let mut methods = [0; 2];
        client.read_exact(&mut methods).ok()?;
        client.read_exact(&mut vec![0; methods[1].into()]).ok()?;
        client.write_all(&[5, 0]).ok()?;
        let mut request = [0; 10];
        client.read_exact(&mut request).ok()?;
        let [5, 1, 0, 1, a, b, c, d, high, low] = request else { return None };
        let target = (Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low]));
        self.heads.lock().unwrap().push(format!("SOCKS {target:?}"));
        let server = TcpStream::connect(target).ok()?;
        client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).ok()?;
        pass(client, server);
        None
    }
}

/// Passes bytes both ways until both have ended.
fn pass(mut client: TcpStream, mut server: TcpStream) {
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let up = std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut server, &mut client);
    let _ = client.shutdown(Shutdown::Both);
    let _ = up.join();
}

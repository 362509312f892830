//! A way to a server that lets only so many bytes through, and then none.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A port that leads to another.
pub struct Slow {
    pub port: u16,
    way: Arc<Mutex<Way>>,
}

struct Way {
    /// So many bytes may still come back.
    left: usize,
    /// Both ends of all connections.
    streams: Vec<TcpStream>,
}

impl Slow {
    /// Leads to `port`, and lets `bytes` come back from there, over all connections.
    pub fn to(port: u16, bytes: usize) -> Slow {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let way = Arc::new(Mutex::new(Way { left: bytes, streams: Vec::new() }));
        let slow = Slow { port: listener.local_addr().unwrap().port(), way: Arc::clone(&way) };
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // Nobody there: the client's connection ends at once.
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let clone = |stream: &TcpStream| stream.try_clone().unwrap();
                way.lock().unwrap().streams.extend([clone(&client), clone(&server)]);
                let (there, back) = ((clone(&client), clone(&server)), (server, client));
                std::thread::spawn(move || carry(there, None));
                let way = Arc::clone(&way);
                std::thread::spawn(move || carry(back, Some(&way)));
            }
        });
        slow
    }

    /// Lets all through over connections that are made from now on.
    pub fn open(&self) {
        self.way.lock().unwrap().left = usize::MAX;
    }

    /// Breaks the connections that there are.
    pub fn cut(&self) {
        for stream in self.way.lock().unwrap().streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn carry((mut from, mut to): (TcpStream, TcpStream), way: Option<&Mutex<Way>>) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        let enough = |way: &Mutex<Way>| {
            let mut way = way.lock().unwrap();
            let left = way.left.checked_sub(count);
            way.left = left.unwrap_or(0);
            left.is_some()
        };
        if !way.is_none_or(enough) {
            // Silence; whoever waits is told nothing.
            return;
        }
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

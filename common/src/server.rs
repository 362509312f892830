//! The connections of a small HTTP server, from the first client to the signal that ends it. Must not know what is
//! asked for or answered.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// So many connections are served at once; more wait until one ends.
const CONNECTIONS: usize = 1000;
/// How long a client may take for the head of a request, and be silent between two.
const HEAD: Duration = Duration::from_secs(30);
/// How long a client may take nothing of what is sent to it, in milliseconds.
const UNREAD_MS: u32 = 60_000;
/// The longest head of a request in bytes.
const LONGEST_HEAD: usize = 64 * 1024;
/// The most headers of a request.
const MOST_HEADERS: usize = 100;
/// So many helpers wait for disks at once.
const HELPERS: usize = 16;

/// Ends a running server.
#[derive(Debug)]
pub struct Switch {
    writer: UnixStream,
}

/// What a server looks at to know that it is to end.
#[derive(Debug)]
pub struct Switched {
    reader: UnixStream,
}

impl Switch {
    /// A switch that Ctrl-C and SIGTERM turn as well.
    pub fn on_signals() -> io::Result<(Switch, Switched)> {
        let (writer, reader) = UnixStream::pair()?;
        writer.set_nonblocking(true)?;
        reader.set_nonblocking(true)?;
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
        }
        Ok((Switch { writer }, Switched { reader }))
    }

    /// Ends the server.
    pub fn turn(&self) {
        // It fails when the server has ended already, or has been told to more often than it can be.
        let _ = io::Write::write(&mut &self.writer, &[0]);
    }
}

/// Serves who comes to `listener`, which must not block, until the switch is turned.
///
/// Each connection gets an answerer from `connected`, for all its requests. One thread runs them all: what may wait
/// for a disk belongs into [`tokio::task::spawn_blocking`].
///
/// # Errors
/// Those of the listener and of the thread's event loop.
pub fn run<A, F, B>(
    listener: TcpListener,
    switched: Switched,
    connected: impl Fn() -> A + Send + Sync + 'static,
) -> io::Result<()>
where
    A: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    B::Data: Send,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(HELPERS)
        .build()?;
    let ended = runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        tokio::spawn(accept(listener, connected));
        tokio::net::UnixStream::from_std(switched.reader)?.readable().await
    });
    // Connections end here, wherever they are; a read that a disk holds up is not waited for.
    runtime.shutdown_background();
    ended
}

async fn accept<A, F, B>(listener: tokio::net::TcpListener, connected: impl Fn() -> A)
where
    A: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    B::Data: Send,
{
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let answer = connected();
                tokio::spawn(async move {
                    converse(stream, answer).await;
                    drop(place);
                });
            }
            // Too many open files, or a client that went away at once: what it is passes.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Answers the requests of one connection.
async fn converse<A, F, B>(stream: TcpStream, answer: A)
where
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<B>>,
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
{
    // Without these options a connection is slower or holds its place longer; it works all the same.
    let _ = stream.set_nodelay(true);
    let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, UNREAD_MS);
    let service = service_fn(move |request| {
        let answered = answer(request);
        async { Ok::<_, Infallible>(answered.await) }
    });
    // A connection that breaks concerns nobody but its client, who knows.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LONGEST_HEAD)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

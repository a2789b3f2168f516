//! The HTTP server: addresses, headers, limits, and an orderly end.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::access::Access;
use crate::api::Gate;
use crate::event::EVENT_STREAMS;
use crate::follow::asked_to_stop;
use crate::route;
use crate::state::ConsoleState;
use crate::tongue;

/// Connections open at once, in connections; more wait to be accepted.
pub const CONNECTIONS: usize = 1_024;
/// Where Linux says how many files this process may have open.
const LIMITS: &str = "/proc/self/limits";
/// How long the head of a request may take to come, from its first byte or the end of the one before.
pub const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// How long an orderly end may take; connections still open then are dropped.
pub const STOP_WITHIN: Duration = Duration::from_secs(3);

/// Nothing but our own style, script and stream; nobody may frame the pages.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The same for a page that shows a mail in a frame without scripts and without an origin: mails are
/// laid out by `style` attributes, since mail programs know no style sheets.
const MAIL_POLICY: &str = "default-src 'none'; style-src 'self'; style-src-attr 'unsafe-inline'; \
     script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// An answer that shows a mail says so by this.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShowsMail;

/// Over https a browser is to ask for nothing else for a year.
const HSTS: &str = "max-age=31536000";

/// What the handlers work with.
pub(crate) struct Desk {
    pub state: ConsoleState,
    pub streams: Arc<Semaphore>,
    pub shutdown: watch::Receiver<bool>,
    pub gate: Gate,
}

/// The console's addresses, to be served or mounted. Event streams end when `shutdown` turns true.
pub fn router(state: ConsoleState, shutdown: watch::Receiver<bool>) -> Router {
    let desk = Arc::new(Desk {
        state,
        streams: Arc::new(Semaphore::new(EVENT_STREAMS)),
        shutdown,
        gate: Gate::default(),
    });
    let secure = desk.state.access.as_ref().is_some_and(Access::is_secure);
    route::router(&desk)
        .layer(middleware::from_fn(tongue::remember))
        .layer(middleware::from_fn_with_state(secure, headers))
}

/// `/healthz`: the process runs.
pub(crate) async fn healthy() -> &'static str {
    "ok"
}

/// `/readyz`: pages can be shown: the log answers and is read up to its end, and the accounts can be
/// read.
pub(crate) async fn ready(State(desk): State<Arc<Desk>>) -> Response {
    let why = match desk.state.readiness().await {
        Ok(()) => return "ready".into_response(),
        Err(why) => why,
    };
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}

/// Headers that every answer bears.
async fn headers(State(secure): State<bool>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let policy = match response.extensions().get::<ShowsMail>() {
        Some(ShowsMail) => MAIL_POLICY,
        None => POLICY,
    };
    let headers = response.headers_mut();
    put(headers, CONTENT_SECURITY_POLICY, policy);
    put(headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(headers, REFERRER_POLICY, "no-referrer");
    put(headers, X_FRAME_OPTIONS, "DENY");
    if secure {
        put(headers, STRICT_TRANSPORT_SECURITY, HSTS);
    }
    put(
        headers,
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    if !headers.contains_key(CACHE_CONTROL) {
        put(headers, CACHE_CONTROL, "no-store");
    }
    response
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

/// Serves the console until `shutdown` says so: takes no more connections, ends the event streams,
/// finishes the answers under way, and drops what is still open after [`STOP_WITHIN`].
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    state: ConsoleState,
    shutdown: watch::Receiver<bool>,
) -> io::Result<()> {
    let app = TowerToHyperService::new(router(state, shutdown.clone()));
    let mut listener = Bounded {
        listener,
        free: Arc::new(Semaphore::new(connections())),
    };
    let mut begin = shutdown.clone();
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            () = asked_to_stop(&mut begin) => break,
            (stream, from) = listener.accept() => {
                open.spawn(connection(stream, from, app.clone(), shutdown.clone()));
            }
            Some(_) = open.join_next() => {}
        }
    }
    drop(listener);
    let ended = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_WITHIN, ended).await.is_err() {
        tracing::warn!("connections of the console were still open and are dropped");
    }
    Ok(())
}

/// Answers what comes on one connection, one request after the other, until either side has enough.
async fn connection(
    stream: Counted,
    from: SocketAddr,
    app: TowerToHyperService<Router>,
    mut shutdown: watch::Receiver<bool>,
) {
    let service = service_fn(move |mut request: axum::http::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(Peer(from)));
        app.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = asked_to_stop(&mut shutdown) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(fault) = ended {
        // Whoever hangs up, or is too slow, does it to nobody else.
        tracing::debug!(%fault, %from, "a connection ended");
    }
}

/// As many as [`CONNECTIONS`], but never more than half of the files this process may have open:
/// log and state of the same process need theirs.
fn connections() -> usize {
    let limits = std::fs::read_to_string(LIMITS).unwrap_or_default();
    let Some(files) = open_files(&limits) else {
        return CONNECTIONS;
    };
    let most = (files / 2).clamp(1, CONNECTIONS);
    if most < CONNECTIONS {
        tracing::warn!(
            files,
            "at most {most} connections to the pages at once, half of the files that this process may have open; \
             for more, raise the limit of open files (LimitNOFILE, ulimit -n)"
        );
    }
    most
}

/// The soft limit of open files among a process's limits; nothing if there is none.
fn open_files(limits: &str) -> Option<usize> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A listener that accepts at most [`connections`] at once.
struct Bounded {
    listener: TcpListener,
    free: Arc<Semaphore>,
}

impl Listener for Bounded {
    type Io = Counted;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Counted, SocketAddr) {
        let permit = Arc::clone(&self.free).acquire_owned().await.ok();
        let (stream, from) = Listener::accept(&mut self.listener).await;
        let counted = Counted {
            stream,
            _permit: permit,
        };
        (counted, from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub SocketAddr);

/// A connection that gives its place back when it ends.
struct Counted {
    stream: TcpStream,
    _permit: Option<OwnedSemaphorePermit>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_open_files_is_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max processes             95                   95                   processes\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(open_files(limits), Some(1_024));
        assert_eq!(
            open_files("Max open files            unlimited  unlimited  files\n"),
            None
        );
        assert_eq!(open_files(""), None);
    }
}

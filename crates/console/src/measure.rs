//! Measures for whoever watches the installation: `GET /metrics`, on the pages' own address and on
//! one of its own where pages are not served or not for everybody.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::follow::asked_to_stop;
use crate::serve::Desk;

/// How Prometheus names its text.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Tells how things stand, as Prometheus reads it.
///
/// The binary injects it, since what is measured is more than pages know.
pub trait Measure: Send + Sync {
    /// The text.
    fn measured(&self) -> String;
}

fn told(measure: &dyn Measure) -> Response {
    ([(CONTENT_TYPE, FORMAT)], measure.measured()).into_response()
}

/// The measures among the pages, if there are any.
pub(crate) async fn metrics(State(desk): State<Arc<Desk>>) -> Response {
    match &desk.state.measure {
        Some(measure) => told(&**measure),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Serves nothing but the measures, until `shutdown` says so.
///
/// # Errors
/// If the listener fails.
pub async fn serve_measures(
    listener: TcpListener,
    measure: Arc<dyn Measure>,
    mut shutdown: watch::Receiver<bool>,
) -> io::Result<()> {
    let answer = async |State(measure): State<Arc<dyn Measure>>| told(&*measure);
    let app = Router::new()
        .route("/metrics", get(answer))
        .with_state(measure);
    let server = axum::serve(listener, app);
    tokio::select! {
        ended = server => ended,
        // An answer is small and made at once: none is worth waiting for.
        () = asked_to_stop(&mut shutdown) => Ok(()),
    }
}

//! The page over HTTP: its files from this binary, events as server-sent events, frames by their hash.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream::{self, Stream, StreamExt};
use serde::Deserialize;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc;

use super::board::{Board, Told};
use crate::demo::evidence::Recorded;
use crate::demo::network::Network;

const PAGE: &str = include_str!("../../../web/demo/index.html");
const STYLE: &str = include_str!("../../../web/demo/demo.css");
const SCRIPT: &str = include_str!("../../../web/demo/demo.js");

/// Nothing from anywhere else: the page works without a network, and a frame is only ever a picture.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[derive(Clone)]
struct Shared {
    board: Arc<Board>,
    place: mpsc::Sender<Network>,
}

pub(super) fn router(board: Arc<Board>, place: mpsc::Sender<Network>, port: u16) -> Router {
    Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .route("/demo.css", get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) }))
        .route("/demo.js", get(|| async { ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT) }))
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .route("/events", get(events))
        .route("/frames/{hash}", get(frame))
        .route("/calls", post(call))
        .with_state(Shared { board, place })
        .layer(middleware::from_fn(move |request: Request, next: Next| guard(port, request, next)))
}

/// Serves only pages of this server: another site in the same browser cannot read frames by giving a name of its own to
/// 127.0.0.1, nor place calls.
async fn guard(port: u16, request: Request, next: Next) -> Response {
    if !is_from_here(request.headers(), port) {
        return (StatusCode::FORBIDDEN, "this page is for 127.0.0.1 only\n").into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A later version of the program may be at the same address; only frames say otherwise.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn is_from_here(headers: &HeaderMap, port: u16) -> bool {
    let of = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let hosts = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let is_ours = of(header::HOST).is_some_and(|host| hosts.iter().any(|ours| ours == host));
    let is_same = of(header::ORIGIN)
        .is_none_or(|origin| hosts.iter().any(|ours| origin.strip_prefix("http://") == Some(ours.as_str())));
    is_ours && is_same
}

async fn events(State(shared): State<Shared>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (history, live) = shared.board.join();
    // Begins with a mark, so that the page forgets what it showed before it was cut off.
    let begin = Told { event: "begin", data: "{}".to_owned() };
    let events = stream::iter(std::iter::once(begin).chain(history)).chain(stream::unfold(live, follow));
    Sse::new(events.map(|told| Ok(Event::default().event(told.event).data(told.data)))).keep_alive(KeepAlive::default())
}

/// The next event; the stream ends for a browser that is too far behind, and it comes back for the whole.
async fn follow(mut live: broadcast::Receiver<Told>) -> Option<(Told, broadcast::Receiver<Told>)> {
    match live.recv().await {
        Ok(told) => Some((told, live)),
        Err(RecvError::Lagged(_) | RecvError::Closed) => None,
    }
}

async fn frame(State(shared): State<Shared>, Path(hash): Path<String>) -> Response {
    let Some(path) = shared.board.frame_file(&hash) else { return StatusCode::NOT_FOUND.into_response() };
    match tokio::fs::read(&path).await {
        Ok(bytes) => {
            let kind = Recorded::media_type(&path);
            ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=31536000, immutable")], bytes)
                .into_response()
        }
        Err(_) => StatusCode::GONE.into_response(),
    }
}

#[derive(Deserialize)]
struct Order {
    network: Network,
}

async fn call(State(shared): State<Shared>, Query(order): Query<Order>) -> StatusCode {
    if !shared.board.claim() {
        return StatusCode::CONFLICT;
    }
    match shared.place.try_send(order.network) {
        Ok(()) => StatusCode::ACCEPTED,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

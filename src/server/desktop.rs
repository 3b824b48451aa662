//! The agent desktop: pages that work on the same API as everybody else, compiled into the binary.
//!
//! `GET /desktop` is the desk of a human agent, `GET /desktop/supervisor` the supervisor's figures. Both are plain HTML,
//! CSS and ES modules without a build step. They hold no data and need no key to be loaded; what they show they ask
//! `/v1` for, with the key that the person gives.

mod sample;

use std::sync::LazyLock;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use sha2::{Digest, Sha256};

use super::config::Cors;
use super::problem::Problem;
use super::state::ServerState;

pub(super) use sample::{PlaySample, SampleBegun};

/// Where the pages say their files are; replaced by the digest, so that files may be kept for ever.
const PLACE: &str = "assets/";
/// Hexadecimal digits of the digest in addresses.
const DIGITS: usize = 16;

struct Asset {
    name: &'static str,
    media_type: &'static str,
    text: &'static str,
}

macro_rules! assets {
    ($($name:literal as $media_type:expr),* $(,)?) => {
        &[$(Asset {
            name: $name,
            media_type: $media_type,
            text: include_str!(concat!("desktop/assets/", $name)),
        }),*]
    };
}

const JS: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

const ASSETS: &[Asset] = assets![
    "alerts.js" as JS,
    "api.js" as JS,
    "app.js" as JS,
    "base.css" as CSS,
    "cards.js" as JS,
    "desk.css" as CSS,
    "dom.js" as JS,
    "icon.svg" as "image/svg+xml",
    "note.js" as JS,
    "page.js" as JS,
    "panels.js" as JS,
    "parts.css" as CSS,
    "plot.js" as JS,
    "saving.js" as JS,
    "settings.js" as JS,
    "state.js" as JS,
    "store.js" as JS,
    "strings.js" as JS,
    "supervisor.css" as CSS,
    "supervisor.js" as JS,
    "talk.js" as JS,
];

const DESK: &str = include_str!("desktop/assets/index.html");
const SUPERVISOR: &str = include_str!("desktop/assets/supervisor.html");

/// The pages with the digest of everything they consist of.
struct Pages {
    digest: String,
    desk: String,
    supervisor: String,
}

static PAGES: LazyLock<Pages> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for text in ASSETS
        .iter()
        .map(|asset| asset.text)
        .chain([DESK, SUPERVISOR])
    {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    let digest: String = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        .chars()
        .take(DIGITS)
        .collect();
    let placed = |page: &str| page.replace(PLACE, &format!("{digest}/"));
    Pages {
        desk: placed(DESK),
        supervisor: placed(SUPERVISOR),
        digest,
    }
});

/// The pages, their files, and the sample call that the desk plays.
pub(super) fn router() -> Router<ServerState> {
    Router::new()
        .route("/desktop", get(desk))
        // Addresses in the page are relative, so that it works below a prefix too.
        .route(
            "/desktop/",
            get(|| async { Redirect::permanent("../desktop") }),
        )
        .route("/desktop/supervisor", get(supervisor))
        .route("/desktop/{digest}/{file}", get(file))
        .route("/v1/desktop/sample", post(sample::play))
}

async fn desk(State(state): State<ServerState>, headers: HeaderMap) -> Response {
    page(&PAGES.desk, &headers, &state.config.cors)
}

async fn supervisor(State(state): State<ServerState>, headers: HeaderMap) -> Response {
    page(&PAGES.supervisor, &headers, &state.config.cors)
}

/// A page is asked for each time, and answered by 304 while it is the same.
fn page(html: &str, headers: &HeaderMap, cors: &Cors) -> Response {
    let answer = [
        (CACHE_CONTROL, "no-cache".to_owned()),
        (CONTENT_SECURITY_POLICY, policy(cors)),
        (CONTENT_TYPE, HTML.to_owned()),
        (ETAG, tag()),
    ];
    if is_known(headers) {
        return (StatusCode::NOT_MODIFIED, answer).into_response();
    }
    (answer, html.to_owned()).into_response()
}

/// Only our own files, no script in the markup, no markup made of text; to be framed by ourselves and by the pages
/// that may call us (a desktop that shows the desk as a panel).
fn policy(cors: &Cors) -> String {
    let mut policy = "default-src 'self'; base-uri 'none'; form-action 'self'; object-src 'none'; \
                      require-trusted-types-for 'script'; frame-ancestors 'self'"
        .to_owned();
    for origin in &cors.origins {
        // What is no origin cannot add a directive of its own.
        if !origin.contains([';', ',', ' ', '*']) {
            policy.push(' ');
            policy.push_str(origin);
        }
    }
    policy
}

fn tag() -> String {
    format!("\"{}\"", PAGES.digest)
}

fn is_known(headers: &HeaderMap) -> bool {
    let tag = tag();
    headers
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|known| known.split(',').any(|one| one.trim() == tag))
}

/// A file under today's digest never changes. Under another one (a page that is open since an older version) today's
/// is served, and not kept.
async fn file(
    Path((digest, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asset = ASSETS
        .iter()
        .find(|asset| asset.name == name)
        .ok_or_else(|| Problem::not_found("the desktop has no such file"))?;
    let keep = if digest == PAGES.digest {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let answer = [
        (CACHE_CONTROL, keep.to_owned()),
        (CONTENT_TYPE, asset.media_type.to_owned()),
        (ETAG, tag()),
    ];
    if is_known(&headers) {
        return Ok((StatusCode::NOT_MODIFIED, answer).into_response());
    }
    Ok((answer, asset.text).into_response())
}

#[cfg(test)]
mod tests;

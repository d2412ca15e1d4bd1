//! The checks of every request before anything is done for it: size, host, sign-in, scope, origin,
//! a free place, a deadline. Every answer gets headers that keep it from being misused.
//!
//! The declaration of a route decides which of the two guards checks its requests. The guards do
//! not decide anything by a path.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Version, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::{
    ask::{WAIT_S_MAX, wait_preferred},
    auth::{Identity, Scope, Unknown},
    etag, page,
    peer::Peer,
    problem::Problem,
    seats::SignedIn,
    shared::Shared,
};
use crate::{Kind, telemetry::visible::Line};

const URI_BYTES_MAX: usize = 4 * 1024;

const HEADERS_MAX: usize = 64;

const HEADER_BYTES_MAX: usize = 16 * 1024;

/// The policy of an answer that is not the page: it may load nothing.
const NO_PAGE: &str = "default-src 'none'; frame-ancestors 'none'";

/// More than the page has.
const PAGE_BYTES_MAX: usize = 8 << 20;

/// How many requests are worked on at once. Further requests wait in the order of their arrival.
pub(super) const AT_ONCE_MAX: usize = 128;

/// How many requests may wait for a place.
pub(super) const QUEUE_MAX: usize = 2_000;

/// How many streams of events are open at once.
pub(super) const STREAMS_MAX: usize = 1_000;

/// How many requests may wait for the end of a run.
pub(super) const WAITS_MAX: usize = 32;

/// How long an answer may take, without the time that the client asked to wait.
const ANSWER_MAX: Duration = Duration::from_secs(30);

const CHALLENGE: &str = "Bearer realm=\"mongrate\"";

const CHALLENGE_WRONG: &str = "Bearer realm=\"mongrate\", error=\"invalid_token\"";

/// RFC 9110 requires a challenge; browsers show no sign-in dialog for this one.
const CHALLENGE_APP: &str = "Session realm=\"mongrate\"";

const CHALLENGE_SCOPE: &str = "Bearer realm=\"mongrate\", error=\"insufficient_scope\"";

/// Guards every route except the page, and every unknown path.
pub(super) async fn guard(
    State(shared): State<Arc<Shared>>,
    mut request: Request<Body>,
    next: Next,
) -> Response {
    let version = request.version();
    let asked = Known::of(&request);
    let mut response = match admit(&shared, &mut request).await {
        Err(refusal) => {
            let mut response = refusal.problem.into_response();
            if !refusal.is_signed_in {
                close(&mut response, version);
            }
            response
        }
        Ok((_place, identity)) => {
            let wait = wait_preferred(request.headers(), WAIT_S_MAX).unwrap_or(0);
            let most = ANSWER_MAX + Duration::from_secs(wait);
            let answered = tokio::time::timeout(most, next.run(request)).await;
            let mut response = match answered {
                Ok(response) => response,
                Err(_) => Problem::overloaded(
                    "timeout",
                    "the answer took too long, but the request may still be carried out; GET \
                     status shows the state",
                )
                .into_response(),
            };
            name(&mut response, &identity);
            known(&asked, response)
        }
    };
    harden(&mut response, HeaderValue::from_static(NO_PAGE));
    response
}

/// Guards the page, which needs no token because it holds no data. The page is in memory, so a
/// request for it takes no place.
pub(super) async fn open(
    State(shared): State<Arc<Shared>>,
    request: Request<Body>,
    next: Next,
) -> Response {
    let version = request.version();
    let refused = refuse_large(&request).and_then(|()| refuse_host(&shared, &request));
    let asked = Known::of(&request);
    let mut response = match refused {
        Err(problem) => problem.into_response(),
        Ok(()) => known(&asked, tagged(next.run(request).await).await),
    };
    close(&mut response, version);
    harden(&mut response, page::policy());
    response
}

/// What decides whether a client has an answer already.
struct Known {
    is_read: bool,
    headers: HeaderMap,
}

impl Known {
    fn of(request: &Request<Body>) -> Self {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let known = request.headers().get_all(header::IF_NONE_MATCH).iter();
        let headers = known.map(|known| (header::IF_NONE_MATCH, known.clone())).collect();
        Self { is_read, headers }
    }
}

/// The answer, or 304 if the client has it already.
fn known(asked: &Known, mut response: Response) -> Response {
    if !asked.is_read {
        response.headers_mut().remove(header::ETAG);
    } else if response.status() == StatusCode::OK
        && etag::is_known(&asked.headers, response.headers())
    {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_TYPE);
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}

/// The page with its tag. It is in memory as a whole.
async fn tagged(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, PAGE_BYTES_MAX).await else {
        return Problem::internal().into_response();
    };
    if parts.status == StatusCode::OK
        && let Some(tag) = etag::header(&etag::of_bytes(&bytes))
    {
        parts.headers.insert(header::ETAG, tag);
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Closes the connection after the answer: a client that is not signed in gets one per connection.
fn close(response: &mut Response, version: Version) {
    // Later versions of HTTP have no `Connection` header.
    if version <= Version::HTTP_11 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

/// Why the guard refuses a request.
struct Refusal {
    problem: Problem,
    is_signed_in: bool,
}

async fn admit(
    shared: &Shared,
    request: &mut Request<Body>,
) -> Result<(OwnedSemaphorePermit, Identity), Refusal> {
    let unknown = |problem| Refusal { problem, is_signed_in: false };
    let known = |problem| Refusal { problem, is_signed_in: true };
    refuse_large(request).map_err(unknown)?;
    refuse_host(shared, request).map_err(unknown)?;
    let identity = identify(shared, request).map_err(unknown)?;
    if let Some(signed_in) = request.extensions().get::<SignedIn>() {
        signed_in.set();
    }
    refuse_scope(&identity, request).map_err(known)?;
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        refuse_cross_origin(shared, request).map_err(known)?;
    }
    let identity = Identity { name: identity.shown(), scope: identity.scope };
    request.extensions_mut().insert(identity.clone());
    Ok((place(shared).await.map_err(known)?, identity))
}

/// Waits for a place among the requests that are worked on.
async fn place(shared: &Shared) -> Result<OwnedSemaphorePermit, Problem> {
    let full = || Problem::overloaded("overloaded", "too many requests at once; retry soon");
    if let Ok(place) = Arc::clone(&shared.places).try_acquire_owned() {
        return Ok(place);
    }
    let _queued = shared.queue.try_acquire().map_err(|_| full())?;
    let place = Arc::clone(&shared.places).acquire_owned();
    match tokio::time::timeout(ANSWER_MAX, place).await {
        Ok(Ok(place)) => Ok(place),
        _ => Err(full()),
    }
}

fn refuse_large(request: &Request<Body>) -> Result<(), Problem> {
    let refuse = |status, detail: String| Problem::new(status, Kind::Usage, "too_large", detail);
    let uri = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
    if uri > URI_BYTES_MAX {
        let detail = format!("the address has {uri} bytes; at most {URI_BYTES_MAX} are allowed");
        return Err(refuse(StatusCode::URI_TOO_LONG, detail));
    }
    let headers = request.headers();
    let bytes: usize =
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers.len() > HEADERS_MAX || bytes > HEADER_BYTES_MAX {
        let detail =
            format!("at most {HEADERS_MAX} headers of {HEADER_BYTES_MAX} bytes in all are allowed");
        return Err(refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail));
    }
    Ok(())
}

/// The host name by which the client addresses this server, with its port.
fn authority(request: &Request<Body>) -> Option<String> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok()?.to_owned(),
        (Some(_), Some(_)) => return None,
        (None, _) => request.uri().authority()?.as_str().to_owned(),
    };
    Some(host.trim().to_ascii_lowercase())
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Refuses a host name that is not this server's, as when a foreign DNS name points here.
fn refuse_host(shared: &Shared, request: &Request<Body>) -> Result<(), Problem> {
    if shared.hosts.is_empty() {
        return Ok(());
    }
    let is_known = authority(request).is_some_and(|authority| {
        let host = without_port(&authority);
        shared.hosts.iter().any(|known| known == host || *known == authority)
    });
    if is_known {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::MISDIRECTED_REQUEST,
        Kind::Forbidden,
        "unknown_host",
        "the `Host` of the request is not a name of this server; nothing was done",
    ))
}

/// Identifies the sender of a request. A peer that has tried too many unknown tokens has to wait,
/// unless its token was used from there before.
fn identify(shared: &Shared, request: &Request<Body>) -> Result<Identity, Problem> {
    let given = request.extensions().get::<Identity>();
    let (peer, now) = (Peer::from(request), Instant::now());
    match shared.auth.identify(request.headers(), given) {
        Ok(identity) => {
            let admitted = shared.guesses.right(peer, &identity.name, now);
            admitted.map_err(Problem::slowed)?;
            Ok(identity)
        }
        Err(Unknown::Wrong) => {
            shared.guesses.wrong(peer, now).map_err(Problem::slowed)?;
            Err(Problem::unauthenticated("the token is not known", CHALLENGE_WRONG))
        }
        Err(Unknown::Nothing) if shared.auth.is_external() => Err(Problem::unauthenticated(
            "sign in to the app that this interface is part of",
            CHALLENGE_APP,
        )),
        Err(Unknown::Nothing) => {
            Err(Problem::unauthenticated("send `Authorization: Bearer <token>`", CHALLENGE))
        }
    }
}

fn refuse_scope(identity: &Identity, request: &Request<Body>) -> Result<(), Problem> {
    let needed = match *request.method() {
        Method::GET | Method::HEAD => Scope::Read,
        _ => Scope::Write,
    };
    if identity.scope < needed {
        let token = identity.shown();
        tracing::warn!(
            target: "mongrate::audit", token, method = %request.method(),
            path = %Line(request.uri().path()), "refused: the token may only read"
        );
        let detail = format!("the token `{token}` may only read; nothing was done");
        let problem = Problem::forbidden("insufficient_scope", detail);
        return Err(
            problem.header(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE_SCOPE))
        );
    }
    Ok(())
}

/// Refuses a state change that a browser sends for a page of another site.
fn refuse_cross_origin(shared: &Shared, request: &Request<Body>) -> Result<(), Problem> {
    let refuse = || {
        Problem::forbidden(
            "cross_origin",
            "a page of another site sent the request; nothing was done",
        )
    };
    let mut origins = request.headers().get_all(header::ORIGIN).iter();
    let origin = match (origins.next(), origins.next()) {
        (_, Some(_)) => return Err(refuse()),
        (None, None) => None,
        (Some(origin), None) => Some(origin.to_str().map_err(|_| refuse())?.to_ascii_lowercase()),
    };
    if let Some(origin) = &origin {
        if shared.origins.iter().any(|known| known == origin) {
            return Ok(());
        }
        let authority = authority(request).ok_or_else(refuse)?;
        let (scheme, site) = origin.split_once("://").ok_or_else(refuse)?;
        let default = match scheme {
            "https" => ":443",
            "http" => ":80",
            _ => return Err(refuse()),
        };
        let strip = |text: &str| text.strip_suffix(default).unwrap_or(text).to_owned();
        if strip(site) != strip(&authority) {
            return Err(refuse());
        }
    }
    let site = request.headers().get("sec-fetch-site").map(HeaderValue::as_bytes);
    match site {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(refuse()),
    }
}

/// Adds the token's name and scope, so the dashboard offers only what the token may do.
fn name(response: &mut Response, identity: &Identity) {
    let scope = match identity.scope {
        Scope::Read => "read",
        Scope::Write => "write",
    };
    let headers = response.headers_mut();
    headers.insert("mongrate-scope", HeaderValue::from_static(scope));
    if let Ok(name) = HeaderValue::from_str(&identity.name) {
        headers.insert("mongrate-token", name);
    }
}

/// Adds headers that keep an answer from being shared, sniffed, framed, or read by another site.
fn harden(response: &mut Response, policy: HeaderValue) {
    let headers = response.headers_mut();
    // An answer with a tag may be kept by the client that got it, which asks again each time: without
    // a token it is 401. Everything else is kept nowhere.
    let kept = match headers.contains_key(header::ETAG) {
        true => "no-cache, private",
        false => "no-store",
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    if headers.contains_key(header::ETAG) {
        headers.append(header::VARY, HeaderValue::from_static("authorization, cookie"));
    }
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
}

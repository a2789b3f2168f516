//! What stands before every address: who asks, whether that one may, and whether a change comes from
//! a page of ours. A page asks nothing of this again.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, COOKIE, LOCATION, SET_COOKIE, USER_AGENT, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::accounts::By;
use super::form;
use super::page::{self, again, sign_in};
use super::right::Right;
use super::secret::{digest, secret};
use super::store::AccountsFault;
use super::viewer::{Via, Viewer};
use super::{Access, local};
use crate::answer::address;
use crate::api::Problem;
use crate::serve::Desk;

/// What an address asks of whom it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: whoever asks is answered. Changes need the key of a form all the same.
    Open,
    /// A link that is an authority of its own, which its handler looks at.
    Letter,
    /// A session, whatever its rights.
    SignedIn,
    /// A right.
    Right(Right),
}

/// What is behind an address, for whom is not signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// A page, before which one signs in.
    Page,
    /// Anything else.
    Data,
    /// The API, which answers programs with problems.
    Api,
}

/// What stands before one address.
#[derive(Clone)]
pub(crate) struct Post {
    pub desk: Arc<Desk>,
    pub need: Need,
    pub sort: Sort,
}

/// A request of a page that follows by itself does not keep a session alive.
const FOLLOWS: &str = "x-duban-follow";

/// A cookie by its name.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).iter();
    let mut all = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    all.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
        .filter(|value| !value.is_empty())
}

fn put_cookie(access: &Access, response: &mut Response, name: &str, value: &str, over: bool) {
    let secure = if access.is_secure() { "; Secure" } else { "" };
    let ends = if over { "; Max-Age=0" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{ends}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}

/// Gives the browser its session, and takes what it held before the sign-in.
pub(super) fn give_session(access: &Access, response: &mut Response, session: &str) {
    put_cookie(access, response, access.session_cookie(), session, false);
    put_cookie(access, response, access.form_cookie(), "", true);
}

/// Takes the session from the browser.
pub(super) fn take_session(access: &Access, response: &mut Response) {
    put_cookie(access, response, access.session_cookie(), "", true);
}

/// The key of forms that are filled in before the sign-in, and what the browser is to hold for it, if
/// it does not yet.
pub(super) fn open_key(access: &Access, headers: &HeaderMap) -> (String, Option<String>) {
    match cookie(headers, access.form_cookie()) {
        Some(held) => (digest("form", held), None),
        None => {
            let held = secret();
            (digest("form", &held), Some(held))
        }
    }
}

/// Gives the browser what the key of [`open_key`] follows from.
pub(super) fn give_open_key(access: &Access, response: &mut Response, held: Option<String>) {
    if let Some(held) = held {
        put_cookie(access, response, access.form_cookie(), &held, false);
    }
}

/// Who asks, and from where, for the record.
pub(super) fn by(viewer: Option<&Viewer>, request: &axum::http::request::Parts) -> By {
    let browser = request.headers.get(USER_AGENT);
    let browser = browser.and_then(|text| text.to_str().ok());
    By {
        who: viewer.map_or_else(String::new, |viewer| match viewer.via() {
            Via::Session { .. } => viewer.name().to_owned(),
            Via::Token { id, .. } => id.clone(),
        }),
        address: address(&request.extensions, &request.headers),
        browser: browser.unwrap_or_default().to_owned(),
    }
}

/// Who acts, as handlers get it.
#[derive(Clone, Debug)]
pub(crate) struct Acting(pub By);

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Acting {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &S,
    ) -> Result<Acting, Self::Rejection> {
        let viewer = parts.extensions.get::<Viewer>().cloned();
        Ok(Acting(by(viewer.as_ref(), parts)))
    }
}

/// Who asks, or why that cannot be said.
enum Asker {
    Nobody,
    /// A token that is none.
    Impostor,
    Known(Viewer),
}

async fn asker(access: &Access, headers: &HeaderMap) -> Result<Asker, AccountsFault> {
    if let Some(given) = headers.get(AUTHORIZATION) {
        let token = given.to_str().ok().and_then(|text| text.split_once(' '));
        let token = token.filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
        let Some((_, token)) = token else {
            return Ok(Asker::Impostor);
        };
        let known = access.accounts.by_token(token.trim())?;
        return Ok(known.map_or(Asker::Impostor, Asker::Known));
    }
    let Some(held) = cookie(headers, access.session_cookie()) else {
        return Ok(Asker::Nobody);
    };
    let Some((viewer, unnoted)) = access.accounts.by_cookie(held, access.is_demo())? else {
        return Ok(Asker::Nobody);
    };
    if unnoted
        && !headers.contains_key(FOLLOWS)
        && let Via::Session { digest, .. } = viewer.via()
    {
        let id = digest.clone();
        let noted = access
            .accounts
            .off(move |accounts| accounts.used(&id))
            .await;
        if let Err(fault) = noted {
            tracing::warn!(%fault, "it cannot be written down that a session is in use");
        }
    }
    Ok(Asker::Known(viewer))
}

/// Lets a request through to its handler, or answers it.
pub(crate) async fn guard(State(post): State<Post>, mut request: Request, next: Next) -> Response {
    if post.need == Need::Letter {
        return next.run(request).await;
    }
    let Some(access) = post.desk.state.access.clone() else {
        if post.need == Need::Open && is_safe(request.method()) {
            return next.run(request).await;
        }
        if post.sort == Sort::Api {
            return Problem::no_accounts().into_response();
        }
        return page::refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "没有账号",
            "这个进程没有账号目录,不能登录。",
        );
    };
    let asker = match asker(&access, request.headers()).await {
        Ok(asker) => asker,
        Err(_) if post.need == Need::Open => Asker::Nobody,
        Err(fault) => {
            let page = page::no_accounts(&fault);
            return refusal(&post, page, Problem::no_accounts);
        }
    };
    let viewer = match (post.need, asker) {
        (Need::Open | Need::Letter, Asker::Known(viewer)) => Some(viewer),
        (Need::Open | Need::Letter, _) => None,
        (_, Asker::Impostor) => return refusal(&post, impostor(), Problem::bad_token),
        (_, Asker::Nobody) if post.sort == Sort::Api => {
            return Problem::no_token().into_response();
        }
        (_, Asker::Nobody) => return nobody(&access, &post, request).await,
        (Need::SignedIn, Asker::Known(viewer)) => match viewer.via() {
            Via::Session { .. } => Some(viewer),
            Via::Token { .. } => return page::without_right(),
        },
        (Need::Right(right), Asker::Known(viewer)) => {
            if !viewer.may(right) {
                return refusal(&post, page::without_right(), Problem::no_right);
            }
            if viewer.must_change() {
                return refusal(&post, see_other("/me/password"), Problem::no_right);
            }
            Some(viewer)
        }
    };
    // What bears a token is no browser that somebody else's page could have told to ask.
    let by_token = post.need != Need::Open
        && viewer
            .as_ref()
            .is_some_and(|viewer| matches!(viewer.via(), Via::Token { .. }));
    if !is_safe(request.method()) && !by_token {
        let key = match (post.need, &viewer) {
            (Need::Open, _) | (_, None) => cookie(request.headers(), access.form_cookie())
                .map_or_else(String::new, |held| digest("form", held)),
            (_, Some(viewer)) => viewer.form_key().to_owned(),
        };
        request = match form::checked(request, &key).await {
            Ok(request) => request,
            Err(forged) => {
                let (status, heading, what) = forged.words();
                let page = page::refused(status, heading, what);
                return refusal(&post, page, Problem::no_right);
            }
        };
    }
    if let Some(viewer) = viewer {
        request.extensions_mut().insert(viewer);
    }
    next.run(request).await
}

/// A refusal as whoever asks this address understands it.
fn refusal(post: &Post, page: Response, problem: fn() -> Problem) -> Response {
    match post.sort {
        Sort::Api => problem().into_response(),
        Sort::Page | Sort::Data => page,
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// 303 to an address of ours.
pub(crate) fn see_other(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}

/// Whoever shows a token that is none is told so, and nothing else.
fn impostor() -> Response {
    let mut response = page::refused(
        StatusCode::UNAUTHORIZED,
        "令牌无效",
        "这个令牌不存在、已停用或已过期。",
    );
    let ask = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(WWW_AUTHENTICATE, ask);
    response
}

/// Nobody is signed in. A page is asked for again after the sign-in; a form is kept for it.
async fn nobody(access: &Access, post: &Post, request: Request) -> Response {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let path = local(path).to_owned();
    if is_safe(request.method()) {
        return match post.sort {
            Sort::Page => see_other(&sign_in::address(&path)),
            Sort::Data | Sort::Api => page::refused(
                StatusCode::UNAUTHORIZED,
                "没有登录",
                "请先登录;程序请使用令牌(Authorization: Bearer)。",
            ),
        };
    }
    let headers = request.headers().clone();
    let over = cookie(&headers, access.session_cookie());
    let key = over.map_or_else(String::new, |held| digest("form", held));
    let kept = form::carried(request, &key).await;
    let shown = sign_in::Shown {
        next: "/".to_owned(),
        again: kept.map(|fields| again::Again { path, fields }),
        over: true,
        ..sign_in::Shown::default()
    };
    sign_in::page(access, &headers, StatusCode::UNAUTHORIZED, &shown)
}

//! Every address of the console, once, with what it needs. The router is made from this table and
//! from nothing else, so an address without a right cannot be: whoever adds one says what it asks.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::access::page::{me, password, sign_in, tokens, trace, users};
use crate::access::{Need, Post, Right, Sort, guard};
use crate::serve::{Desk, healthy, ready};
use crate::{act, answer, api, asset, audit, define, event, measure, page};

/// One address.
pub(crate) struct Entry {
    #[cfg_attr(not(test), allow(dead_code, reason = "the table is read by its tests"))]
    pub method: Method,
    pub path: &'static str,
    pub need: Need,
    pub sort: Sort,
    handler: MethodRouter<Arc<Desk>>,
}

impl Entry {
    fn new<H, T>(method: Method, path: &'static str, need: Need, sort: Sort, handler: H) -> Entry
    where
        H: Handler<T, Arc<Desk>>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone());
        Entry {
            handler: on(filter.expect("a method that has a filter"), handler),
            method,
            path,
            need,
            sort,
        }
    }

    /// A page to read.
    pub fn page<H, T>(path: &'static str, need: Need, handler: H) -> Entry
    where
        H: Handler<T, Arc<Desk>>,
        T: 'static,
    {
        Entry::new(Method::GET, path, need, Sort::Page, handler)
    }

    /// What a form is sent to.
    pub fn form<H, T>(path: &'static str, need: Need, handler: H) -> Entry
    where
        H: Handler<T, Arc<Desk>>,
        T: 'static,
    {
        Entry::new(Method::POST, path, need, Sort::Page, handler)
    }

    /// What no person looks at.
    pub fn data<H, T>(path: &'static str, need: Need, handler: H) -> Entry
    where
        H: Handler<T, Arc<Desk>>,
        T: 'static,
    {
        Entry::new(Method::GET, path, need, Sort::Data, handler)
    }

    /// What programs ask of the API.
    pub fn api(
        method: Method,
        path: &'static str,
        need: Need,
        handler: MethodRouter<Arc<Desk>>,
    ) -> Entry {
        Entry {
            method,
            path,
            need,
            sort: Sort::Api,
            handler,
        }
    }

    /// The same with a larger body.
    pub fn taking(mut self, bytes: usize) -> Entry {
        self.handler = self
            .handler
            .layer(axum::extract::DefaultBodyLimit::max(bytes));
        self
    }
}

/// Every address.
pub(crate) fn table() -> Vec<Entry> {
    let see = Need::Right(Right::See);
    let manage = Need::Right(Right::ManageUsers);
    let mut table = vec![
        Entry::page("/", see, page::overview),
        Entry::page("/ledger/{ledger}", see, page::ledger),
        Entry::page("/ledger/{ledger}/export/{format}", see, page::export),
        Entry::page(
            "/ledger/{ledger}/circular",
            Need::Right(Right::ActForOffice),
            page::circular,
        ),
        Entry::page("/notices", Need::Right(Right::SeeNotices), page::notices),
        Entry::page(
            "/incidents",
            Need::Right(Right::SeeNotices),
            page::incidents,
        ),
        Entry::form(
            "/notices/retry",
            Need::Right(Right::ActForOffice),
            page::retry,
        ),
        Entry::page(
            "/notices/retry",
            Need::Right(Right::ActForOffice),
            page::back_to_notices,
        ),
        Entry::page("/file/{digest}/{*obligation}", see, page::file),
        Entry::page("/task/{ledger}/{task}", see, page::task),
        Entry::page("/o/{*obligation}", see, page::obligation),
        Entry::page("/unit/{unit}", see, page::unit),
        Entry::page("/rejections", Need::Right(Right::SeeAll), page::rejections),
        Entry::data("/events", see, event::events),
        Entry::data("/metrics", Need::Right(Right::Measure), measure::metrics),
        Entry::page("/sign-in", Need::Open, sign_in::show),
        Entry::form("/sign-in", Need::Open, sign_in::take),
        Entry::form("/sign-in/demo", Need::Open, sign_in::choose_role),
        Entry::page("/sign-in/link/{code}", Need::Open, sign_in::by_link),
        Entry::form("/sign-out", Need::SignedIn, sign_in::sign_out),
        Entry::page("/welcome/{code}", Need::Open, password::show_welcome),
        Entry::form("/welcome/{code}", Need::Open, password::take_welcome),
        Entry::page("/me", Need::SignedIn, me::show),
        Entry::form("/me/sessions", Need::SignedIn, me::end),
        Entry::form("/me/calendar", Need::SignedIn, me::calendar),
        Entry::page("/me/password", Need::SignedIn, password::show_own),
        Entry::form("/me/password", Need::SignedIn, password::take_own),
        Entry::page("/users", manage, users::show),
        Entry::form("/users", manage, users::invite),
        Entry::page("/users/{name}", manage, users::show_one),
        Entry::form("/users/{name}", manage, users::take),
        Entry::page("/tokens", manage, tokens::show),
        Entry::form("/tokens", manage, tokens::take),
        Entry::page("/access", Need::Right(Right::SeeAccess), trace::show),
        Entry::data("/healthz", Need::Open, healthy),
        Entry::data("/readyz", Need::Open, ready),
        Entry::data("/static/app.css", Need::Open, asset::style),
        Entry::data("/static/app.js", Need::Open, asset::script),
        Entry::data("/static/icon.svg", Need::Open, asset::sign),
        Entry::data("/static/define.css", Need::Open, asset::define_style),
        Entry::data("/static/define.js", Need::Open, asset::define_script),
    ];
    table.extend(answer::entries());
    table.extend(act::entries());
    table.extend(define::entries());
    table.extend(audit::entries());
    table.extend(api::entries());
    table
}

/// The router of all that is in the table, each with its guard.
pub(crate) fn router(desk: &Arc<Desk>) -> Router {
    let mut router = Router::new();
    for entry in table() {
        let post = Post {
            desk: Arc::clone(desk),
            need: entry.need,
            sort: entry.sort,
        };
        let guard = from_fn_with_state(post, guard);
        let guarded = match entry.sort {
            Sort::Page | Sort::Data => entry.handler.route_layer(guard),
            Sort::Api => entry
                .handler
                .route_layer(from_fn_with_state(Arc::clone(desk), api::within))
                .route_layer(guard)
                .route_layer(from_fn_with_state(Arc::clone(desk), api::front)),
        };
        router = router.route(entry.path, guarded);
    }
    router.fallback(nowhere).with_state(Arc::clone(desk))
}

/// Any other address, as whoever asks it understands.
async fn nowhere(uri: Uri) -> Response {
    if uri.path().starts_with("/api/") {
        api::nowhere()
    } else {
        page::nowhere()
    }
}

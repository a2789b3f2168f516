//! The HTTP API below `/api/v1`: events in, everything else out, for programs with a token.
//!
//! [`operations`] is the one list of what there is. The routes are made from it, and so is the
//! OpenAPI document, so that neither says more than the other.

mod asked;
mod body;
mod data;
mod definition;
mod document;
mod event;
mod export;
mod gate;
mod guide;
mod mode;
mod page;
mod problem;
mod read;
mod shape;
mod simulation;
#[cfg(test)]
mod tests;
mod told;

use std::collections::BTreeSet;
use std::future::{Ready, ready};
use std::sync::Arc;

use axum::extract::Request;
use axum::handler::Handler;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::access::{Need, Right};
use crate::page::address;
use crate::route::Entry;
use crate::serve::Desk;

pub use body::BODY_WITHIN;
pub use definition::{DEPLOY_WITHIN, PLAN_WITHIN, REASON_CHARACTERS, TEXTS_BYTES};
pub use event::{BATCH_BYTES, BATCH_EVENTS, INBOX_WITHIN, POSTS_AT_ONCE};
pub use export::FEED_DUTIES;
pub use gate::{
    ANSWER_WITHIN, API_WINDOW, BODIES_AT_ONCE, BODY_TURN, FEEDS_PER_SECRET, HEADERS, HEADERS_BYTES,
    POSTS_PER_ADDRESS, POSTS_PER_TOKEN, READS_PER_ADDRESS, READS_PER_TOKEN,
};
pub(crate) use gate::{Gate, front, within};
use problem::Code;
pub(crate) use problem::Problem;
pub use simulation::{
    SIMULATION_DAYS, SIMULATION_LINES, SIMULATION_TURN, SIMULATION_WITHIN, SIMULATIONS_AT_ONCE,
};

/// Where the API begins.
pub(crate) const BASE: &str = "/api/v1";

/// What is sent along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sends {
    Nothing,
    /// CloudEvents, in any of their modes.
    Events,
    /// JSON of one shape.
    Json,
}

/// One thing that the API does.
struct Operation {
    method: Method,
    path: &'static str,
    /// By which programs made from the document call it.
    id: &'static str,
    english: &'static str,
    chinese: &'static str,
    need: Need,
    handler: MethodRouter<Arc<Desk>>,
    query: fn(&mut SchemaGenerator) -> Schema,
    sends: Sends,
    /// What is sent, if it is JSON of one shape, and an example of it.
    body: fn(&mut SchemaGenerator) -> Schema,
    sample: fn() -> serde_json::Value,
    /// Why it in particular may be refused.
    codes: &'static [Code],
    /// It answers files, and no JSON.
    files: bool,
    answer: fn(&mut SchemaGenerator) -> Schema,
}

impl Operation {
    /// What is read with the parameters `Q` and answered by an `A`.
    fn read<Q: JsonSchema, A: JsonSchema, H, T>(
        path: &'static str,
        need: Need,
        handler: H,
        (id, english, chinese): (&'static str, &'static str, &'static str),
    ) -> Operation
    where
        H: Handler<T, Arc<Desk>>,
        T: 'static,
    {
        Operation {
            handler: on(MethodFilter::GET, handler),
            method: Method::GET,
            path,
            id,
            english,
            chinese,
            need,
            query: <Q as JsonSchema>::json_schema,
            sends: Sends::Nothing,
            body: <Q as JsonSchema>::json_schema,
            sample: || serde_json::Value::Null,
            codes: &[],
            files: false,
            answer: |schemas| schemas.subschema_for::<A>(),
        }
    }

    /// What is worked out of a `B` that is sent, and answered by an `A`.
    fn work<B: JsonSchema, A: JsonSchema, H, T>(
        path: &'static str,
        need: Need,
        handler: H,
        (id, english, chinese): (&'static str, &'static str, &'static str),
    ) -> Operation
    where
        H: Handler<T, Arc<Desk>>,
        T: 'static,
    {
        Operation {
            handler: on(MethodFilter::POST, handler)
                .layer(axum::extract::DefaultBodyLimit::disable()),
            method: Method::POST,
            path,
            id,
            english,
            chinese,
            need,
            query: <read::Nothing as JsonSchema>::json_schema,
            sends: Sends::Json,
            body: |schemas| schemas.subschema_for::<B>(),
            sample: || serde_json::Value::Null,
            codes: &[],
            files: false,
            answer: |schemas| schemas.subschema_for::<A>(),
        }
    }

    /// The parts of its path.
    fn parts(&self) -> impl Iterator<Item = &'static str> {
        let parts = self.path.split('/');
        parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

/// Any other method: what the address takes, or that it does not take this.
fn otherwise(request: &Request, allowed: &'static str) -> Ready<Response> {
    if request.method() == Method::OPTIONS {
        let allowed = HeaderValue::from_static(allowed);
        return ready((StatusCode::NO_CONTENT, [(header::ALLOW, allowed)]).into_response());
    }
    let method = request.method().as_str();
    let method = duban_model::record::cut(method, 20);
    ready(Problem::method_not_allowed(method, allowed).into_response())
}

/// Everything that the API does.
fn operations() -> Vec<Operation> {
    use read::{Nothing, OfNotices, OfObligations, Paged};
    use shape::{
        ExplanationItem, HistoryItem, LedgerItem, ObligationFull, ObligationItem, TaskItem,
    };
    use told::{NoticeItem, RejectionItem, UnitItem};

    let see = Need::Right(Right::See);
    let define = Need::Right(Right::EditDefinitions);
    vec![
        Operation {
            handler: on(MethodFilter::POST, event::take)
                .layer(axum::extract::DefaultBodyLimit::disable()),
            method: Method::POST,
            path: "/api/v1/events",
            id: "sendEvents",
            english: "Send events (CloudEvents 1.0), all or none.",
            chinese: "发送事件(CloudEvents 1.0),整批接收或整批不收",
            need: Need::Right(Right::SendEvents),
            query: Nothing::json_schema,
            sends: Sends::Events,
            body: Nothing::json_schema,
            sample: || serde_json::Value::Null,
            codes: &[
                Code::OtherTenant,
                Code::OtherUnit,
                Code::TypeNotTaken,
                Code::SameId,
                Code::BadEvent,
            ],
            files: false,
            answer: |schemas| schemas.subschema_for::<event::Receipt>(),
        },
        Operation::read::<Paged, page::Page<LedgerItem>, _, _>(
            "/api/v1/ledgers",
            see,
            read::ledgers,
            ("listLedgers", "The ledgers.", "台账"),
        ),
        Operation::read::<Nothing, LedgerItem, _, _>(
            "/api/v1/ledgers/{ledger}",
            see,
            read::ledger,
            ("getLedger", "One ledger.", "一个台账"),
        ),
        Operation::read::<Paged, page::Page<TaskItem>, _, _>(
            "/api/v1/ledgers/{ledger}/tasks",
            see,
            read::tasks,
            (
                "listTasks",
                "The rows of a ledger, in the order of the text in force.",
                "台账中的任务",
            ),
        ),
        Operation::read::<OfObligations, page::Page<ObligationItem>, _, _>(
            "/api/v1/obligations",
            see,
            read::obligations,
            (
                "listObligations",
                "Duties, in the order in which they were opened.",
                "责任事项",
            ),
        ),
        Operation::read::<Nothing, ObligationFull, _, _>(
            "/api/v1/obligations/{obligation}",
            see,
            read::obligation,
            ("getObligation", "One duty in full.", "一个责任事项"),
        ),
        Operation::read::<Nothing, HistoryItem, _, _>(
            "/api/v1/obligations/{obligation}/history",
            see,
            read::history,
            ("getHistory", "What happened to a duty.", "责任事项的经过"),
        ),
        Operation::read::<Nothing, ExplanationItem, _, _>(
            "/api/v1/obligations/{obligation}/explanation",
            see,
            read::explanation,
            (
                "getExplanation",
                "Why a duty stands as it does, and why what did not happen did not.",
                "责任事项为何如此、为何没有",
            ),
        ),
        Operation::read::<OfNotices, page::Page<NoticeItem>, _, _>(
            "/api/v1/notices",
            see,
            read::notices,
            ("listNotices", "Notices, the newest first.", "通知"),
        ),
        Operation::read::<Nothing, NoticeItem, _, _>(
            "/api/v1/notices/{notice}",
            see,
            read::notice,
            ("getNotice", "One notice.", "一条通知"),
        ),
        Operation::read::<Paged, page::Page<UnitItem>, _, _>(
            "/api/v1/units",
            see,
            read::units,
            ("listUnits", "The units of the directory in force.", "单位"),
        ),
        Operation::read::<Paged, page::Page<RejectionItem>, _, _>(
            "/api/v1/rejections",
            Need::Right(Right::SeeAll),
            read::rejections,
            (
                "listRejections",
                "Events that were refused after they had been taken, the newest first.",
                "接收之后被退回的事件",
            ),
        ),
        Operation {
            files: true,
            ..Operation::read::<Nothing, String, _, _>(
                "/api/v1/exports/ledgers/{file}",
                see,
                export::ledger,
                (
                    "exportLedger",
                    "The duties of a ledger as a file: xlsx, docx, csv or ics.",
                    "导出台账中的责任事项",
                ),
            )
        },
        Operation {
            sample: simulation::sample,
            codes: &[
                Code::OtherTenant,
                Code::OtherUnit,
                Code::TypeNotTaken,
                Code::NotFound,
                Code::SameId,
                Code::BadEvent,
                Code::BadBody,
                Code::BadDefinition,
                Code::TooMuch,
            ],
            ..Operation::work::<simulation::Simulation, simulation::SimulationAnswer, _, _>(
                "/api/v1/simulations",
                see,
                simulation::take,
                (
                    "simulate",
                    "What would be sent, and what would become of duties, until a day; nothing is kept.",
                    "试算到某一天会发哪些通知、事项会怎样,不留任何记录",
                ),
            )
        },
        Operation {
            sample: definition::to_plan,
            codes: &[Code::OtherTenant, Code::BadBody, Code::BadDefinition],
            ..Operation::work::<definition::ToPlan, definition::PlanAnswer, _, _>(
                "/api/v1/plans",
                define,
                definition::plan,
                (
                    "plan",
                    "What deploying the texts of a definition would change.",
                    "部署一份台账会改变什么",
                ),
            )
        },
        Operation {
            sample: definition::to_deploy,
            codes: &[
                Code::OtherTenant,
                Code::StalePlan,
                Code::BadBody,
                Code::BadDefinition,
                Code::NotDeployed,
            ],
            ..Operation::work::<definition::ToDeploy, definition::DeploymentAnswer, _, _>(
                "/api/v1/deployments",
                define,
                definition::deploy,
                (
                    "deploy",
                    "Bring the texts of a definition into force, as planned or not at all; answered once they are.",
                    "按看过的方案部署台账,生效后才回答",
                ),
            )
        },
        Operation::read::<read::OfDeployments, page::Page<definition::DeploymentItem>, _, _>(
            "/api/v1/deployments",
            define,
            definition::deployments,
            (
                "listDeployments",
                "What came into force, who deployed it and why, the newest first.",
                "部署过什么、由谁部署、为什么",
            ),
        ),
        Operation::read::<Nothing, document::Document, _, _>(
            "/api/v1/openapi.json",
            Need::Open,
            document::show,
            ("getDocument", "This document.", "接口说明文件"),
        ),
    ]
}

/// The addresses below `/api`.
pub(crate) fn entries() -> Vec<Entry> {
    let operations = operations();
    let takes = |path: &str, method: Method| {
        operations
            .iter()
            .any(|op| op.path == path && op.method == method)
    };
    let allowed = |path: &str| match (takes(path, Method::GET), takes(path, Method::POST)) {
        (true, true) => "GET, HEAD, POST, OPTIONS",
        (true, false) => "GET, HEAD, OPTIONS",
        (false, _) => "POST, OPTIONS",
    };
    let mut paths = BTreeSet::new();
    let says = operations.iter().map(|op| {
        // An address answers other methods once, however many it takes.
        paths.insert(op.path).then(|| allowed(op.path))
    });
    let says: Vec<Option<&'static str>> = says.collect();
    let api = operations.into_iter().zip(says).map(|(op, says)| {
        let handler = match says {
            Some(allowed) => op
                .handler
                .fallback(move |r: Request| otherwise(&r, allowed)),
            None => op.handler,
        };
        Entry::api(op.method, op.path, op.need, handler)
    });
    let guide = Entry::page("/api", Need::Open, guide::show);
    // Its secret is an authority of its own.
    let feed = on(MethodFilter::GET, export::feed)
        .fallback(|r: Request| otherwise(&r, "GET, HEAD, OPTIONS"));
    let feed = Entry::api(Method::GET, "/calendar/{secret}", Need::Letter, feed);
    api.chain([guide, feed]).collect()
}

/// The address of a duty: its id is one part of the path.
fn href_of(obligation: &str) -> String {
    format!("{BASE}/obligations/{}", address::encoded(obligation))
}

/// What is nowhere below `/api/`.
pub(crate) fn nowhere() -> Response {
    Problem::not_found("address").into_response()
}

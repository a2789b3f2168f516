//! Why a request is not answered: `application/problem+json` (RFC 9457), with a code that stays.

use std::time::Duration;

use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::define::{Diagnostic, Severity};

/// Media type of a problem.
pub(super) const PROBLEM: &str = "application/problem+json";
/// How the `type` of a problem begins; its code follows.
const TYPE: &str = "urn:duban:problem:";

macro_rules! codes {
    ($( $variant:ident = $status:ident $code:literal $english:literal $chinese:literal; )*) => {
        /// What sort of problem. A code, once released, keeps its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Code { $( #[doc = $english] $variant, )* }

        impl Code {
            /// All of them, by status.
            pub const ALL: &'static [Code] = &[ $( Code::$variant, )* ];

            /// The status it is answered with.
            pub fn status(self) -> StatusCode {
                match self { $( Code::$variant => StatusCode::$status, )* }
            }

            /// Its name.
            pub fn as_str(self) -> &'static str {
                match self { $( Code::$variant => $code, )* }
            }

            /// What it means.
            pub fn english(self) -> &'static str {
                match self { $( Code::$variant => $english, )* }
            }

            /// What it means, in Chinese.
            pub fn chinese(self) -> &'static str {
                match self { $( Code::$variant => $chinese, )* }
            }
        }
    };
}

codes! {
    BadRequest = BAD_REQUEST "bad-request" "The address or a parameter cannot be read" "地址或参数读不懂";
    BadJson = BAD_REQUEST "bad-json" "The body is not JSON" "正文不是JSON";
    BadHeader = BAD_REQUEST "bad-header" "A header cannot be read" "请求头读不懂";
    NoToken = UNAUTHORIZED "no-token" "No token was sent" "没有带令牌";
    BadToken = UNAUTHORIZED "bad-token" "The token is none, has ended, or was ended" "令牌不存在、已过期或已停用";
    NoRight = FORBIDDEN "no-right" "The token is not good for this" "令牌没有这项权限";
    OtherTenant = FORBIDDEN "other-tenant" "The event is of another office" "事件属于其他主管部门";
    OtherUnit = FORBIDDEN "other-unit" "The event is of another unit" "事件属于其他单位";
    TypeNotTaken = FORBIDDEN "type-not-taken" "Events of this type are not taken here" "接口不接收这种事件";
    NotFound = NOT_FOUND "not-found" "There is no such thing, or it is not yours to see" "没有找到,或不属于您可见的范围";
    MethodNotAllowed = METHOD_NOT_ALLOWED "method-not-allowed" "The address does not take this method" "这个地址不支持这种方法";
    NotAcceptable = NOT_ACCEPTABLE "not-acceptable" "No representation that the client accepts" "没有客户端要求的格式";
    SlowBody = REQUEST_TIMEOUT "slow-body" "The body did not come in time" "正文没有按时传完";
    SameId = CONFLICT "same-id" "Two events of one batch have one source and id" "同一批中两个事件的来源和编号相同";
    StalePlan = CONFLICT "stale-plan" "The plan is another one by now" "方案已不是当初看到的那一份";
    Changed = PRECONDITION_FAILED "changed" "It is not what If-Match names any more" "内容已不是If-Match所指的版本";
    TooLarge = PAYLOAD_TOO_LARGE "too-large" "More than is taken at once" "一次发送的内容过大";
    WrongMediaType = UNSUPPORTED_MEDIA_TYPE "wrong-media-type" "The body is of a type that is not taken here" "正文类型不对";
    BadEvent = UNPROCESSABLE_ENTITY "bad-event" "An event is not one" "事件不合格式";
    BadBody = UNPROCESSABLE_ENTITY "bad-body" "The body is not what the address takes" "正文不是这个地址要的内容";
    BadDefinition = UNPROCESSABLE_ENTITY "bad-definition" "The texts of a definition have faults" "台账文本有错误";
    NotDeployed = UNPROCESSABLE_ENTITY "not-deployed" "The services did not take the deployment" "部署没有被接受";
    TooMuch = UNPROCESSABLE_ENTITY "too-much" "More would come of it than is reckoned at once" "要计算的内容过多";
    TooMany = TOO_MANY_REQUESTS "too-many-requests" "Too many requests" "请求过于频繁";
    Internal = INTERNAL_SERVER_ERROR "internal" "A fault of this program" "程序出错";
    Unavailable = SERVICE_UNAVAILABLE "unavailable" "It cannot be done just now" "暂时不能办理";
}

/// One thing that is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Fault {
    /// Where: a JSON Pointer (RFC 6901) into the body; of a batch its first part is the event's
    /// place, from 0. Empty for the whole.
    pub pointer: String,
    /// What sort of fault, e.g. `unknown-type`.
    pub code: String,
    /// What was found.
    pub found: String,
    /// What is expected.
    pub expected: String,
    /// How to mend it.
    pub remedy: String,
}

/// Something about a text of a definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct DiagnosticItem {
    /// Its code, e.g. `D004`; `workflows/diagnostics.md` lists them.
    code: String,
    /// How bad: with an `error` nothing can be deployed.
    severity: SeverityName,
    /// The file.
    file: String,
    /// The line, from 1; 0 for the whole file.
    line: u64,
    /// The column, from 1, in characters; 0 for the whole line.
    column: u64,
    /// What was found, and what is expected.
    message: String,
    /// What holds for all of its sort, in Chinese.
    rule: String,
    /// How to mend it.
    remedy: String,
}

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SeverityName {
    /// Nothing can be deployed.
    Error,
    /// Something looks wrong.
    Warning,
    /// The office is to confirm a reading.
    Confirm,
}

impl From<Diagnostic> for DiagnosticItem {
    fn from(of: Diagnostic) -> DiagnosticItem {
        DiagnosticItem {
            code: of.code,
            severity: match of.severity {
                Severity::Error => SeverityName::Error,
                Severity::Warning => SeverityName::Warning,
                Severity::Confirm => SeverityName::Confirm,
            },
            file: of.file,
            line: of.line,
            column: of.column,
            message: of.message,
            rule: of.rule,
            remedy: of.remedy,
        }
    }
}

/// Why a request was not answered (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Written {
    /// `urn:duban:problem:` and a code that stays, e.g. `urn:duban:problem:bad-event`.
    #[serde(rename = "type")]
    #[schemars(regex(pattern = r"^urn:duban:problem:[a-z-]+$"))]
    kind: String,
    /// What the code means.
    title: String,
    /// The status of the answer.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// What was found, what is expected, and how to mend it, in one text.
    detail: String,
    /// What was found.
    found: String,
    /// What is expected.
    expected: String,
    /// How to mend it.
    remedy: String,
    /// What is wrong with which part of the body.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
    /// What is wrong with which line of which text of a definition, the worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    diagnostics: Vec<DiagnosticItem>,
}

/// A request that is not answered.
#[derive(Clone, Debug)]
pub(crate) struct Problem(Box<Told>);

#[derive(Clone, Debug)]
struct Told {
    code: Code,
    found: String,
    expected: String,
    remedy: String,
    errors: Vec<Fault>,
    diagnostics: Vec<DiagnosticItem>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub fn new(
        code: Code,
        found: impl Into<String>,
        expected: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Problem {
        Problem(Box::new(Told {
            code,
            found: found.into(),
            expected: expected.into(),
            remedy: remedy.into(),
            errors: Vec::new(),
            diagnostics: Vec::new(),
            headers: Vec::new(),
        }))
    }

    /// The same with what is wrong with which part of the body.
    pub fn with(mut self, errors: Vec<Fault>) -> Problem {
        self.0.errors = errors;
        self
    }

    /// The same with what is wrong with which line of a text.
    pub fn telling(mut self, diagnostics: Vec<DiagnosticItem>) -> Problem {
        self.0.diagnostics = diagnostics;
        self
    }

    fn bearing(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.0.headers.push((name, value));
        self
    }

    /// Worth asking again after so long.
    pub fn again_after(self, wait: Duration) -> Problem {
        let seconds = wait.as_secs().saturating_add(1);
        self.bearing(RETRY_AFTER, seconds.into())
    }

    #[cfg(test)]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Nobody is known by what was sent.
    pub fn no_token() -> Problem {
        Problem::new(
            Code::NoToken,
            "no token",
            "the header Authorization: Bearer dbn_…",
            "Ask an administrator for a token; how, says /api.",
        )
        .bearing(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// A token that is none.
    pub fn bad_token() -> Problem {
        Problem::new(
            Code::BadToken,
            "a token that does not exist, is past its time or was ended",
            "the header Authorization: Bearer dbn_… with a token that holds",
            "Ask an administrator for another one; `duban token list` shows which hold.",
        )
        .bearing(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer error=\"invalid_token\""),
        )
    }

    /// Known, and not allowed.
    pub fn no_right() -> Problem {
        Problem::new(
            Code::NoRight,
            "a token or account without this right",
            "a token with the scope that /api names for this address",
            "Ask an administrator for a token with that scope.",
        )
    }

    /// The accounts cannot be had.
    pub fn no_accounts() -> Problem {
        Problem::new(
            Code::Unavailable,
            "accounts that cannot be read",
            "a folder of accounts in order",
            "Nothing is wrong with the request. The administrator finds in the log what to do.",
        )
        .again_after(Duration::from_mins(1))
    }

    /// What is not there, or not for whom asks.
    pub fn not_found(what: &str) -> Problem {
        Problem::new(
            Code::NotFound,
            format!("no {what}"),
            format!("{what} that is there and yours to see"),
            "Take the address from a list that the API answers.",
        )
    }

    /// Another method than those that the address takes.
    pub fn method_not_allowed(method: &str, allowed: &'static str) -> Problem {
        Problem::new(
            Code::MethodNotAllowed,
            format!("the method {method}"),
            allowed,
            "Use one of these methods.",
        )
        .bearing(ALLOW, HeaderValue::from_static(allowed))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let told = *self.0;
        let status = told.code.status();
        let written = Written {
            kind: format!("{TYPE}{}", told.code.as_str()),
            title: told.code.english().to_owned(),
            status: status.as_u16(),
            detail: format!(
                "found {}; expected {}. {}",
                told.found, told.expected, told.remedy
            ),
            found: told.found,
            expected: told.expected,
            remedy: told.remedy,
            errors: told.errors,
            diagnostics: told.diagnostics,
        };
        let text = serde_json::to_vec(&written).unwrap_or_default();
        let mut response = (status, text).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in told.headers {
            headers.insert(name, value);
        }
        response
    }
}

//! Why a link does not lead to its page, said so that it tells nothing to whom it is not for.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use duban_model::{Timestamp, Zone};

use crate::asset::STYLE_DIGEST;
use crate::light::Stage;
use crate::page::answer;

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Not ours, or damaged.
    Forged,
    /// Its time is over.
    Ended(Timestamp),
    /// The duty is not there (any more) under this id.
    Unknown,
    /// The contact does not stand in the directory any more.
    Left,
    /// Nothing more is expected.
    Closed(Stage),
    /// Of another unit than the one that owes.
    Looks,
    /// Sent by a page that is not ours.
    Foreign,
    /// Too many requests.
    TooMany,
    /// Larger than a form may be.
    TooLarge,
    /// Not what our form sends.
    Unreadable,
    /// The inbox could not be reached.
    Unavailable,
    /// A file that is not there.
    NoFile,
}

#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage {
    style: String,
    heading: &'static str,
    what: String,
}

impl Refused {
    pub(crate) fn page(&self) -> Response {
        let (status, heading, what) = self.words();
        let page = RefusedPage {
            style: style(),
            heading,
            what,
        };
        answer(status, &page)
    }

    fn words(&self) -> (StatusCode, &'static str, String) {
        let (status, heading, what) = match self {
            Refused::Forged => (
                StatusCode::FORBIDDEN,
                "链接无效",
                "这个链接不完整或已损坏。请从通知中重新打开,或完整复制整个地址。",
            ),
            Refused::Ended(until) => {
                let until = until.date_in(Zone::SHANGHAI);
                let what = format!(
                    "这个链接的有效期到{until}为止。请使用最近一次通知中的链接,或联系主管部门。"
                );
                return (StatusCode::GONE, "链接已过期", what);
            }
            Refused::Unknown => (
                StatusCode::NOT_FOUND,
                "没有找到这个事项",
                "事项可能已调整给其他单位,或系统刚刚启动、尚未读完记录。请过几分钟再试,仍打不开时请联系主管部门。",
            ),
            Refused::Left => (
                StatusCode::GONE,
                "链接已失效",
                "收件人已不在现行通讯录中,不能再用这个链接办理。请由本单位现任联络员办理,或联系主管部门。",
            ),
            Refused::Closed(stage) => {
                let what = format!(
                    "本事项{},不需要再办理。如有疑问,请联系主管部门。",
                    {
                        match stage {
                            Stage::Lapsed => "期限已过,不再催办",
                            other => other.chinese(),
                        }
                    }
                );
                return (StatusCode::GONE, "事项已办结", what);
            }
            Refused::Looks => (
                StatusCode::FORBIDDEN,
                "不能代为办理",
                "您不是责任单位的联络员,这个链接只供查看。",
            ),
            Refused::Foreign => (
                StatusCode::FORBIDDEN,
                "没有受理",
                "这次提交不是从本页面发出的。请从通知中重新打开链接办理。",
            ),
            Refused::TooMany => (
                StatusCode::TOO_MANY_REQUESTS,
                "请求过于频繁",
                "请过10分钟再试。已经提交成功的内容不受影响。",
            ),
            Refused::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "内容过大",
                "一次提交的内容超过了限度,没有受理。请减少或压缩文件后重试。",
            ),
            Refused::Unreadable => (
                StatusCode::BAD_REQUEST,
                "没有受理",
                "提交的内容不完整。请重新打开原来的页面,再填写一次。",
            ),
            Refused::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "暂时不能受理",
                "系统暂时不能记录您办理的内容。请过几分钟返回上一页重新提交;重复提交只会记录一次。",
            ),
            Refused::NoFile => (
                StatusCode::NOT_FOUND,
                "没有这个文件",
                "本事项现有的报送中没有这个文件。",
            ),
        };
        (status, heading, what.to_owned())
    }
}

/// The address of the style sheet.
pub(crate) fn style() -> String {
    format!("/static/app.css?v={STYLE_DIGEST:08x}")
}

//! Records as Chinese sentences: what happened to a duty, and why.

use duban_model::decision::{Arose, Judged, NoticeRequested, Occasion};
use duban_model::fact::Outcome;
use duban_model::gathered::NoticeHeld;
use duban_model::{Body, Timestamp, Zone};

use super::history::Matter;
use crate::light::{kind_in_chinese, period_in_chinese, step_in_chinese, tier_in_chinese};

/// What a sentence may look up.
pub(super) trait Lookup {
    /// The zone of the ledger.
    fn zone(&self) -> Zone;
    /// A unit's name.
    fn unit(&self, id: &str) -> String;
    /// The name of a requirement of the duty at hand.
    fn requirement(&self, place: u32) -> String;
    /// A publication's title, if it was noted.
    fn publication(&self, id: &str) -> String;
}

/// Minutes are enough for people: `2021-10-08 09:10`.
pub(crate) fn minute(at: Timestamp, zone: Zone) -> String {
    at.utc()
        .with_timezone(&zone.0)
        .format("%Y-%m-%d %H:%M")
        .to_string()
}

/// What a notice waits for, and until when.
fn later(because: Option<&str>, until: Timestamp, zone: Zone) -> String {
    let because = match because {
        Some("maintenance") => "系统维护",
        _ => "免打扰时间",
    };
    format!("{because},{}后发出", minute(until, zone))
}

/// ` (who)`, or nothing.
fn by(who: Option<&str>) -> String {
    who.map(|who| format!("({who})")).unwrap_or_default()
}

/// `:why`, or nothing.
fn because(why: Option<&str>) -> String {
    why.filter(|why| !why.is_empty())
        .map(|why| format!(":{why}"))
        .unwrap_or_default()
}

fn late(late: bool) -> &'static str {
    if late { ",已逾期" } else { "" }
}

fn judged(at: &Judged, zone: Zone) -> String {
    let counts = minute(at.at, zone);
    if at.claimed == at.loggedat && at.at == at.claimed {
        return format!("认定时间{counts}");
    }
    format!(
        "认定时间{counts}(报送方所称{},收到{})",
        minute(at.claimed, zone),
        minute(at.loggedat, zone)
    )
}

fn request(r: &NoticeRequested, look: &impl Lookup) -> String {
    let covers = if r.covers.is_empty() {
        String::new()
    } else {
        let list: Vec<_> = r.covers.iter().map(|s| step_in_chinese(s)).collect();
        format!("(合并{})", list.join("、"))
    };
    format!(
        "{}·{}{covers},应告知{}{}:{}",
        kind_in_chinese(r.kind),
        step_in_chinese(&r.step),
        look.unit(&r.to),
        tier_in_chinese(r.tier),
        r.reason
    )
}

/// What a duty was opened for.
fn occasion(occasion: &Occasion) -> String {
    match &occasion.arose {
        Arose::Publication(_) => format!(",缘由:公开信息《{}》", occasion.title),
        Arose::Matter(_) => format!(",缘由:事由“{}”", occasion.title),
        Arose::Schedule => format!(",缘由:定时({})", occasion.title),
        Arose::Duty(_) => format!(",缘由:接续“{}”", occasion.title),
        Arose::Again => format!(",第{}期,前一期销号后再次启动", occasion.round),
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "已送达",
        Outcome::Refused => "被拒收",
        Outcome::Failed => "未成功",
        Outcome::Unknown => "结果不明",
    }
}

/// True if there is a sentence of a record about a duty.
pub(super) fn is_told(body: &Body) -> bool {
    matches!(
        body,
        Body::ObligationOpened(_)
            | Body::ObligationAccepted(_)
            | Body::ObligationProgressed(_)
            | Body::ObligationSubmitted(_)
            | Body::ObligationReturned(_)
            | Body::ObligationFulfilled(_)
            | Body::ObligationReopened(_)
            | Body::ObligationTicked(_)
            | Body::ObligationUnticked(_)
            | Body::ObligationExtensionRequested(_)
            | Body::ObligationExtended(_)
            | Body::ObligationExtensionRefused(_)
            | Body::ObligationDelegated(_)
            | Body::ObligationDisowned(_)
            | Body::ObligationStopped(_)
            | Body::ObligationResumed(_)
            | Body::ObligationRestarted(_)
            | Body::ObligationWaived(_)
            | Body::ObligationTriggered(_)
            | Body::ObligationWithdrawn(_)
            | Body::ObligationRedated(_)
            | Body::ObligationReladdered(_)
            | Body::ObligationTransferred(_)
            | Body::ObligationDueSoon(_)
            | Body::ObligationOverdue(_)
            | Body::ObligationLapsed(_)
            | Body::NoticeRequested(_)
            | Body::NoticeQueued(_)
            | Body::NoticeSuppressed(_)
            | Body::NoticeHeld(NoticeHeld {
                because: Some(_),
                ..
            })
            | Body::NoticeBundled(_)
            | Body::NoticeDropped(_)
            | Body::NoticeAttempted(_)
            | Body::NoticeDelivered(_)
            | Body::NoticeFailed(_)
            | Body::NoticeAbandoned(_)
    )
}

/// The sentence of a record about a duty, if people want to read it there ([`is_told`]).
pub(super) fn sentence(body: &Body, look: &impl Lookup) -> Option<(Matter, String)> {
    use Matter as M;
    Some(match body {
        Body::ObligationOpened(r) => {
            let period = r
                .period
                .map(|p| format!("{},", period_in_chinese(p)))
                .unwrap_or_default();
            let due = match (r.due, r.due_at) {
                (_, Some(at)) => format!("完成时限{}", minute(at, look.zone())),
                (Some(due), None) => format!("完成时限{due}"),
                (None, None) => "待启动后确定时限".to_owned(),
            };
            let arose = r.occasion.as_ref().map(occasion).unwrap_or_default();
            let text = format!(
                "产生责任事项:{}({}),{period}{due}{arose}",
                look.unit(&r.unit),
                r.role.chinese()
            );
            (M::Duty, text)
        }
        Body::ObligationAccepted(r) => (
            M::Duty,
            format!(
                "签收{}{}",
                by(r.by.as_deref()),
                because(r.reason.as_deref())
            ),
        ),
        Body::ObligationProgressed(r) => (
            M::Duty,
            format!(
                "报告进展{}{}",
                by(r.by.as_deref()),
                because(r.reason.as_deref())
            ),
        ),
        Body::ObligationSubmitted(r) => (
            M::Duty,
            format!(
                "报送{},佐证{}份,{}{}{}",
                by(r.by.as_deref()),
                r.evidence.len(),
                judged(&r.at, look.zone()),
                late(r.late),
                because(r.said.as_deref())
            ),
        ),
        Body::ObligationReturned(r) => (
            M::Duty,
            format!(
                "退回{}:{};限{}前重新报送",
                by(r.by.as_deref()),
                r.reason,
                r.due
            ),
        ),
        Body::ObligationFulfilled(r) => {
            let how = match r.how.as_str() {
                "publications" => "应公开的信息已齐".to_owned(),
                "verified" => format!("主管部门核实通过{}", by(r.by.as_deref())),
                other => format!("{other}{}", by(r.by.as_deref())),
            };
            let late = if r.late { ",逾期完成" } else { "" };
            (
                M::Duty,
                format!("销号:{how},认定时间{}{late}", minute(r.at, look.zone())),
            )
        }
        Body::ObligationReopened(r) => (
            M::Duty,
            format!(
                "恢复为未完成{}{}",
                by(r.by.as_deref()),
                because(r.reason.as_deref())
            ),
        ),
        Body::ObligationTicked(r) => (
            M::Evidence,
            format!(
                "计入「{}」:{}{},认定公开时间{}",
                look.requirement(r.requirement),
                look.publication(&r.publication),
                r.item
                    .as_deref()
                    .map(|item| format!(",记为{}", look.unit(item)))
                    .unwrap_or_default(),
                minute(r.at, look.zone())
            ),
        ),
        Body::ObligationUnticked(r) => (
            M::Evidence,
            format!(
                "不再计入「{}」:{}({})",
                look.requirement(r.requirement),
                look.publication(&r.publication),
                r.reason
            ),
        ),
        Body::ObligationExtensionRequested(r) => (
            M::Duty,
            format!(
                "申请延期至{}{}{}",
                r.to,
                by(r.by.as_deref()),
                because(r.reason.as_deref())
            ),
        ),
        Body::ObligationExtended(r) => {
            let from = r.from.map(|d| format!("由{d}")).unwrap_or_default();
            let text = format!(
                "批准延期{},完成时限{from}改为{}{}",
                by(r.by.as_deref()),
                r.to,
                because(r.reason.as_deref())
            );
            (M::Duty, text)
        }
        Body::ObligationExtensionRefused(r) => (
            M::Duty,
            format!(
                "不批准延期{}{}",
                by(r.by.as_deref()),
                because(r.reason.as_deref())
            ),
        ),
        Body::ObligationDelegated(r) => {
            let text = format!(
                "转办给{}{}{},此后先通知此人",
                r.contact_title,
                by(r.by.as_deref()),
                because(r.reason.as_deref())
            );
            (M::Duty, text)
        }
        Body::ObligationDisowned(r) => {
            let text = format!(
                "责任单位提出不由其承担{}{},报主管部门核实",
                by(r.by.as_deref()),
                because(r.reason.as_deref())
            );
            (M::Duty, text)
        }
        Body::ObligationStopped(r) => (
            M::Duty,
            format!(
                "停止计时{},{},剩余{}{}",
                by(r.by.as_deref()),
                judged(&r.at, look.zone()),
                r.left.as_deref().unwrap_or_default(),
                because(r.reason.as_deref())
            ),
        ),
        Body::ObligationResumed(r) | Body::ObligationRestarted(r) => {
            let what = match body {
                Body::ObligationResumed(_) => "恢复计时",
                _ => "重新计时",
            };
            let to = match (r.to, r.to_at) {
                (_, Some(at)) => minute(at, look.zone()),
                (to, None) => to.map(|to| to.to_string()).unwrap_or_default(),
            };
            let text = format!(
                "{what}{},{},完成时限由{}改为{to}{}",
                by(r.by.as_deref()),
                judged(&r.at, look.zone()),
                r.from,
                because(r.reason.as_deref())
            );
            (M::Duty, text)
        }
        Body::ObligationWaived(r) => (
            M::Duty,
            format!(
                "免办{}{}",
                by(r.by.as_deref()),
                because(r.reason.as_deref())
            ),
        ),
        Body::ObligationTriggered(r) => (
            M::Duty,
            format!(
                "启动{},完成时限{}{}",
                by(r.by.as_deref()),
                r.to,
                because(r.reason.as_deref())
            ),
        ),
        Body::ObligationWithdrawn(r) => (
            M::Duty,
            format!(
                "撤销{}{}",
                by(r.by.as_deref()),
                because(r.reason.as_deref())
            ),
        ),
        Body::ObligationRedated(r) => (M::Duty, r.reason.clone()),
        Body::ObligationReladdered(r) => {
            let list: Vec<_> = r.done.iter().map(|s| step_in_chinese(s)).collect();
            let text = if list.is_empty() {
                "提醒步骤重新推算".to_owned()
            } else {
                format!("提醒步骤重新推算,已办过的不再重复:{}", list.join("、"))
            };
            (M::Duty, text)
        }
        Body::ObligationTransferred(r) => (
            M::Duty,
            format!("{},本事项转由{}承担", r.reason, look.unit(&r.unit)),
        ),
        Body::ObligationDueSoon(r) => (M::Light, format!("转黄灯:临近完成时限{}", r.due)),
        Body::ObligationOverdue(r) => (M::Light, format!("转红灯:完成时限{}已过,尚未销号", r.due)),
        Body::ObligationLapsed(r) => (M::Light, format!("鼓励事项,期限{}已过,不再催办", r.due)),
        Body::NoticeRequested(r) => (M::Notice, request(r, look)),
        Body::NoticeQueued(r) => (
            M::Notice,
            format!(
                "{},发给{}({}){}",
                if r.instead_of.is_some() {
                    "收件人未能收到,改通知他人"
                } else {
                    "已生成通知"
                },
                r.contact_title,
                r.channel.chinese(),
                match &r.held {
                    Some(wait) if wait.because.is_some() => format!(
                        ";{}",
                        later(wait.because.as_deref(), wait.until, look.zone())
                    ),
                    _ => String::new(),
                }
            ),
        ),
        Body::NoticeSuppressed(r) => (M::Notice, format!("通知未发送:{}", r.reason)),
        Body::NoticeHeld(r) => (M::Notice, later(r.because.as_deref(), r.until, look.zone())),
        Body::NoticeBundled(_) => (M::Notice, "与同一收件人的其他通知合并发出".to_owned()),
        Body::NoticeDropped(r) => (M::Notice, format!("通知不再发送:{}", r.reason)),
        Body::NoticeAttempted(r) => {
            let twice = if r.possible_duplicate {
                ",前一次结果不明,对方可能收到两份"
            } else {
                ""
            };
            (M::Notice, format!("第{}次发送{twice}", r.attempt))
        }
        Body::NoticeDelivered(r) => (
            M::Notice,
            format!("第{}次发送已送达{}", r.attempt, because(Some(&r.detail))),
        ),
        Body::NoticeFailed(r) => (
            M::Notice,
            format!(
                "第{}次发送{}:{};{}再试",
                r.attempt,
                outcome(r.outcome),
                r.detail,
                minute(r.retry_at, look.zone())
            ),
        ),
        Body::NoticeAbandoned(r) => (
            M::Notice,
            format!("共发送{}次,不再发送:{}", r.attempts, r.reason),
        ),
        _ => return None,
    })
}

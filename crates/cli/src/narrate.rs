//! A record in one Chinese sentence.

use duban_model::decision::{Arose, Occasion, When};
use duban_model::fact::TaskAct;
use duban_model::silence::SilenceSet;
use duban_model::{Body, Record, Timestamp, Zone};

/// What a record says, for people who ask why.
///
/// `name` gives a unit's name for its id.
pub(crate) fn narrate(record: &Record, zone: Zone, name: &dyn Fn(&str) -> String) -> String {
    let by = |who: &Option<String>| who.as_deref().map(|w| format!("({w})")).unwrap_or_default();
    let why = |reason: &Option<String>| {
        reason
            .as_deref()
            .map(|r| format!(":{r}"))
            .unwrap_or_default()
    };
    let act = |what: &str, act: &TaskAct| {
        format!(
            "收到{what}:第{}项 {}{}{}{}",
            act.task,
            act.unit.as_deref().map_or("全部责任单位".to_owned(), name),
            match (act.due, act.extend) {
                (Some(due), _) => format!(",日期{due}"),
                (None, Some(extend)) => format!(",延长{extend}"),
                (None, None) => String::new(),
            },
            by(&act.by),
            why(&act.reason)
        )
    };
    match &record.body {
        Body::PublicationPublished(p) => {
            format!(
                "收到公开信息:{} 公开了《{}》({})",
                name(&p.unit),
                p.title,
                p.kind
            )
        }
        Body::PublicationUpdated(p) => {
            format!(
                "收到公开信息变更:{} 的《{}》({})",
                name(&p.unit),
                p.title,
                p.kind
            )
        }
        Body::PublicationWithdrawn(p) => format!(
            "收到公开信息撤回:{} 的 {}{}",
            name(&p.unit),
            p.publication,
            why(&p.reason)
        ),
        Body::MatterReported(m) => {
            format!("收到事由:{} 的“{}”({})", name(&m.unit), m.title, m.kind)
        }
        Body::MatterWithdrawn(m) => format!(
            "收到事由撤回:{} 的 {}{}",
            name(&m.unit),
            m.matter,
            why(&m.reason)
        ),
        Body::TaskAccepted(a) => act("签收", a),
        Body::TaskProgressed(a) => act("进展", a),
        Body::TaskSubmitted(a) => act("报送", a),
        Body::TaskVerified(a) => act("核实", a),
        Body::TaskReturned(a) => act("退回", a),
        Body::TaskExtensionRequested(a) => act("延期申请", a),
        Body::TaskExtensionApproved(a) => act("延期批准", a),
        Body::TaskExtensionRefused(a) => act("延期不予批准", a),
        Body::TaskDelegated(a) => act("转办", a),
        Body::TaskDisowned(a) => act("提出不由本单位承担", a),
        Body::TaskStopped(a) => act("停止计时", a),
        Body::TaskResumed(a) => act("恢复计时", a),
        Body::TaskRestarted(a) => act("重新计时", a),
        Body::TaskWaived(a) => act("免办", a),
        Body::TaskTriggered(a) => act("启动", a),
        Body::DefinitionDeployed(d) => {
            format!("部署台账定义 {}{}{}", d.ledger, by(&d.by), why(&d.reason))
        }
        Body::CalendarDeployed(d) => format!("部署工作日历 {}", d.calendar.id()),
        Body::DirectoryDeployed(d) => format!("部署单位名录,共{}个单位", d.directory.units.len()),
        Body::NoticeRetryRequested(r) => format!(
            "{} 要求重发通知 {}{}",
            r.by,
            r.notice.get(..8).unwrap_or(&r.notice),
            why(&r.reason)
        ),
        Body::ContactPreferred(r) => {
            let words: Vec<&str> = r.channels.iter().map(|c| c.as_str()).collect();
            format!(
                "{}/{} 选择渠道:{}({})",
                r.unit,
                r.contact,
                words.join("、"),
                r.by
            )
        }
        Body::DeliveryReported(r) => {
            format!("第{}次发送的结果:{:?} {}", r.attempt, r.outcome, r.detail)
        }
        Body::ClockAdvanced(c) => format!("时钟走到 {}", c.to.shown_in(zone)),
        Body::RejectionRecorded(r) => format!(
            "未受理[{}]:{};应为{}。{}",
            r.code, r.found, r.expected, r.remedy
        ),
        Body::DuplicateRecorded(r) => {
            format!("重复收到(第{}次),不再处理;首次见记录{}", r.repeats, r.first)
        }
        Body::DefinitionAdopted(r) => format!("台账 {} 启用,定义 {}", r.definition.ledger, r.hash),
        Body::CalendarAdopted(r) => format!("工作日历 {} 启用", r.calendar.id()),
        Body::DirectoryAdopted(_) => "单位名录启用".to_owned(),
        Body::PublicationNoted(r) => format!(
            "公开信息《{}》({})计入,以 {} 为准{}",
            r.title,
            r.kind,
            r.at.at.shown_in(zone),
            if r.at.at == r.at.claimed {
                ""
            } else {
                "(所报时间不予采信)"
            }
        ),
        Body::PublicationForgotten(r) => {
            format!("公开信息 {} 不再计入:{}", r.publication, r.reason)
        }
        Body::ObligationOpened(r) => {
            let what = r
                .occasion
                .as_ref()
                .map(|o| format!(",{}", occasion(o, zone)));
            let what = what.unwrap_or_default();
            match (r.due, r.due_at) {
                (_, Some(at)) => format!("责任事项建立,完成时限{}{what}", at.shown_in(zone)),
                (Some(due), None) => format!("责任事项建立,完成时限{due}{what}"),
                (None, None) => format!("责任事项建立,等待启动{what}"),
            }
        }
        Body::ObligationAccepted(r) => format!("签收{}", by(&r.by)),
        Body::ObligationProgressed(r) => format!("报告进展{}{}", by(&r.by), why(&r.reason)),
        Body::ObligationSubmitted(r) => format!(
            "报送{},以 {} 为准{}",
            by(&r.by),
            r.at.at.shown_in(zone),
            if r.late { ",超过时限" } else { "" }
        ),
        Body::ObligationReturned(r) => format!("退回{}:{};完成时限{}", by(&r.by), r.reason, r.due),
        Body::ObligationFulfilled(r) => format!(
            "销号({}){}{}",
            if r.how == "publications" {
                "公开信息齐全"
            } else {
                "经核实"
            },
            by(&r.by),
            if r.late { ",逾期完成" } else { "" }
        ),
        Body::ObligationReopened(r) => format!("重新打开{}", why(&r.reason)),
        Body::ObligationTicked(r) => {
            let item = r
                .item
                .as_deref()
                .map(|item| format!("(记为{})", name(item)));
            let item = item.unwrap_or_default();
            format!("第{}项要求计入 {}{item}", r.requirement + 1, r.publication)
        }
        Body::ObligationUnticked(r) => format!(
            "第{}项要求不再计入 {}:{}",
            r.requirement + 1,
            r.publication,
            r.reason
        ),
        Body::ObligationExtensionRequested(r) => {
            format!("申请延期至{}{}{}", r.to, by(&r.by), why(&r.reason))
        }
        Body::ObligationExtended(r) => format!(
            "延期:{}改为{}{}{}",
            r.from.map(|d| d.to_string()).unwrap_or_default(),
            r.to,
            by(&r.by),
            why(&r.reason)
        ),
        Body::ObligationExtensionRefused(r) => {
            format!("延期不予批准{}{}", by(&r.by), why(&r.reason))
        }
        Body::ObligationDelegated(r) => format!(
            "转办给{}({}){}{},此后先通知此人",
            r.contact_title,
            r.contact,
            by(&r.by),
            why(&r.reason)
        ),
        Body::ObligationDisowned(r) => {
            format!("责任单位提出不由其承担{}{}", by(&r.by), why(&r.reason))
        }
        Body::ObligationStopped(r) => format!(
            "停止计时{},自{}起,剩余{}{}",
            by(&r.by),
            r.at.at.date_in(zone),
            r.left.as_deref().unwrap_or_default(),
            why(&r.reason)
        ),
        Body::ObligationResumed(r) | Body::ObligationRestarted(r) => format!(
            "{}{},自{}起,完成时限由{}改为{}{}",
            if matches!(record.body, Body::ObligationResumed(_)) {
                "恢复计时"
            } else {
                "重新计时"
            },
            by(&r.by),
            r.at.at.date_in(zone),
            r.from,
            match (r.to, r.to_at) {
                (_, Some(at)) => at.shown_in(zone),
                (to, None) => to.map(|to| to.to_string()).unwrap_or_default(),
            },
            why(&r.reason)
        ),
        Body::ObligationWaived(r) => format!("免办{}{}", by(&r.by), why(&r.reason)),
        Body::ObligationWithdrawn(r) => format!("撤销{}{}", by(&r.by), why(&r.reason)),
        Body::ObligationRedated(r) => r.reason.clone(),
        Body::ObligationReladdered(r) if r.done.is_empty() => {
            "提醒步骤重新推算,没有需要略过的".to_owned()
        }
        Body::ObligationReladdered(r) => {
            format!("提醒步骤重新推算,已办过的不再重复:{}", r.done.join("、"))
        }
        Body::ObligationTransferred(r) => format!("{}:{} 转为 {}", r.reason, r.from, r.to),
        Body::LedgerRevised(r) => format!("台账 {} 的责任事项已按现行定义调整", r.ledger),
        Body::ObligationTriggered(r) => format!("启动,完成时限{}{}", r.to, by(&r.by)),
        Body::ObligationDueSoon(r) => format!("转为黄灯,时限{}", r.due),
        Body::ObligationOverdue(r) => format!("转为红灯,已过时限{}", r.due),
        Body::ObligationLapsed(r) => format!("鼓励事项,时限{}已过,不计红灯", r.due),
        Body::NoticeRequested(r) => format!(
            "决定通知 {}({},步骤{}):{}",
            name(&r.to),
            r.tier.as_str(),
            r.step,
            r.reason
        ),
        Body::TimerArmed(r) => match &r.when {
            When::At(at) => format!("定时 {}(步骤{})", at.shown_in(zone), r.step),
            When::Cron { expression, .. } => format!("按 {expression} 定时(步骤{})", r.step),
        },
        Body::TimerDisarmed(_) => "取消定时,此后不再提醒".to_owned(),
        Body::TimerNoted(r) => format!("定时登记 {}", r.due.shown_in(zone)),
        Body::TimerDropped(_) => "定时撤销".to_owned(),
        Body::TimerFired(r) => format!("到时 {}(步骤{})", r.due.shown_in(zone), r.step),
        Body::TimerMissed(r) => format!("错过{}次定时", r.count),
        Body::LedgerNoted(r) => format!("通知用语取自台账 {}", r.ledger),
        Body::ContactPreferenceNoted(r) => {
            let words: Vec<&str> = r.channels.iter().map(|c| c.as_str()).collect();
            format!(
                "{} 的通知先用渠道:{}({})",
                r.contact,
                words.join("、"),
                r.by
            )
        }
        Body::NoticeQueued(r) => format!(
            "通知 {} 发往 {}({}):{}{}{}",
            r.notice,
            r.contact,
            r.channel.as_str(),
            r.subject,
            match &r.instead_of {
                Some(failed) => format!("(通知 {failed} 未能送达,改发此人)"),
                None => String::new(),
            },
            match &r.held {
                Some(wait) => format!(";{}", waiting(wait.because.as_deref(), wait.until, zone)),
                None => String::new(),
            }
        ),
        Body::NoticeHeld(r) => {
            let waits = waiting(r.because.as_deref(), r.until, zone);
            format!("通知 {} {waits}", r.notice)
        }
        Body::NoticeReleased(r) => match &r.bundle {
            Some(bundle) => format!("通知 {} 随汇总通知 {bundle} 发出", r.notice),
            None => format!("通知 {} 等候结束,待发送", r.notice),
        },
        Body::NoticeBundled(r) => format!(
            "{}件通知合并为汇总通知 {},发往 {}({}):{}",
            r.covers.len(),
            r.notice,
            r.contact,
            r.channel.as_str(),
            r.subject
        ),
        Body::NoticeDropped(r) => format!("通知 {} 不再发送[{}]:{}", r.notice, r.code, r.reason),
        Body::CalendarNoted(r) => format!("发送通知按工作日历 {}", r.calendar.id()),
        Body::SilenceSet(r) => silence(r, zone),
        Body::SilenceNoted(r) => silence(&r.set, zone),
        Body::SilenceLifted(r) => format!("解除静默 {}({})", r.silence, r.by),
        Body::SilenceEnded(r) => match &r.by {
            Some(by) => format!("静默 {} 已由{by}解除", r.silence),
            None => format!("静默 {} 到期", r.silence),
        },
        Body::NoticeSuppressed(r) => format!("通知未发[{}]:{}", r.code, r.reason),
        Body::NoticeAttempted(r) => format!(
            "第{}次发送{}",
            r.attempt,
            if r.possible_duplicate {
                "(可能重复)"
            } else {
                ""
            }
        ),
        Body::NoticeDelivered(r) => format!("第{}次发送成功:{}", r.attempt, r.detail),
        Body::NoticeFailed(r) => format!(
            "第{}次发送{},{} 再试:{}",
            r.attempt,
            if r.outcome == duban_model::fact::Outcome::Unknown {
                "结果不明"
            } else {
                "失败"
            },
            r.retry_at.shown_in(zone),
            r.detail
        ),
        Body::NoticeAbandoned(r) => format!("停止发送(共{}次):{}", r.attempts, r.reason),
        Body::RulesContinue(_) | Body::SchedulerContinue(_) | Body::NotifierContinue(_) => {
            "(续)".to_owned()
        }
    }
}

/// What a duty was opened for, in words.
pub(crate) fn occasion(occasion: &Occasion, zone: Zone) -> String {
    let what = match &occasion.arose {
        Arose::Publication(name) => format!("公开信息《{}》({name})", occasion.title),
        Arose::Matter(name) => format!("事由“{}”({name})", occasion.title),
        Arose::Schedule => format!("定时,{}", occasion.title),
        Arose::Duty(of) => format!("接续“{}”({of})", occasion.title),
        Arose::Again => "前一期销号后再次启动".to_owned(),
    };
    let round = match occasion.round {
        1 => String::new(),
        round => format!(",第{round}期"),
    };
    format!("缘由:{what}{round},自{}起算", occasion.at.shown_in(zone))
}

/// How long a notice waits, and what for.
fn waiting(because: Option<&str>, until: Timestamp, zone: Zone) -> String {
    let because = match because {
        Some("quiet-hours") => "遇免打扰时间,等候发送",
        Some("maintenance") => "遇系统维护,等候发送",
        _ => "等候与其他通知合并发送",
    };
    format!("{because},不早于 {}", until.shown_in(zone))
}

/// A silence or maintenance in one line.
fn silence(set: &SilenceSet, zone: Zone) -> String {
    let scope: Vec<String> = [
        set.ledger.as_ref().map(|ledger| format!("台账 {ledger}")),
        set.task.as_ref().map(|task| format!("第{task}项")),
        set.unit.as_ref().map(|unit| format!("单位 {unit}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let what = if set.maintenance {
        "系统维护,暂停发送".to_owned()
    } else {
        format!("静默({})", scope.join(","))
    };
    format!(
        "{what} {} 至 {}({}):{}",
        set.silence,
        set.until.shown_in(zone),
        set.by,
        set.reason
    )
}

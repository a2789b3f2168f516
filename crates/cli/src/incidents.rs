//! `duban incidents`: what somebody has to look after, each with what happened, since when, and what
//! to do. An incident goes by itself once its cause is mended.

use std::collections::{BTreeMap, BTreeSet};

use duban_console::Refusals;
use duban_model::directory::Channel;
use duban_model::{Frame, Timestamp, Zone};

use duban_runtime::clock::Clock;

use crate::args::Format;
use crate::args_told::{Incidents, NoticeState};
use crate::notices::minutes;
use crate::reading::Reading;
use crate::table::{self, csv_line};
use crate::told::{Ledger, Told};
use crate::view::View;
use crate::watchdog::{Missing, Watchdog};
use crate::{Ended, Fault};

/// Refused events kept at most; the oldest are forgotten first.
const MAX_REFUSED: usize = 10_000;

/// Something to look after.
struct Incident {
    /// Its sort: in data, and for the clerk.
    kind: (&'static str, &'static str),
    since: Timestamp,
    ledger: String,
    unit: String,
    what: String,
    to_do: String,
    /// A notice, an obligation, an event: what the remedy names.
    id: String,
    /// How many of the same.
    count: u64,
}

pub(crate) async fn run(args: Incidents) -> Result<Ended, Fault> {
    let mut view = View::without_records();
    let mut ledger = Ledger::default();
    let mut refusals = Refusals::keeping(MAX_REFUSED);
    let mut watchdog: Watchdog<String> = Watchdog::default();
    let reading = Reading::open(&args.place).await?;
    reading
        .frames(|stored| {
            let frame: &Frame = &stored.frame;
            view.note(frame, None);
            ledger.note(frame, |_| true);
            watchdog.note(frame);
            let records = frame.records.iter();
            records.for_each(|record| refusals.note(frame.head.service, record));
        })
        .await?;
    let clock = Clock::Live.now().unwrap_or_default();
    let now = watchdog.now(clock);
    let mut all = unreached(&ledger, &view);
    all.extend(without_contact(&ledger, &view));
    all.extend(refused(&refusals, now));
    all.extend(watchdog.check(clock).into_iter().map(|m| missing(m, &view)));
    all.sort_by_key(|incident| incident.since);
    print(&args, &all, &view)?;
    Ok(if all.is_empty() {
        Ended::Well
    } else {
        Ended::Findings
    })
}

/// Whether a notice no longer needs to reach anybody: nothing more is expected of the unit, or it was
/// told of the same duty later.
struct Settled<'a> {
    view: &'a View,
    /// The last delivery about a duty to a unit's people.
    reached: BTreeMap<(&'a str, &'a str), Timestamp>,
}

impl<'a> Settled<'a> {
    fn of(ledger: &'a Ledger, view: &'a View) -> Settled<'a> {
        let mut reached = BTreeMap::new();
        for told in ledger.rows() {
            if told.state == NoticeState::Delivered {
                let key = (told.request.obligation.as_str(), told.request.to.as_str());
                let last: &mut Timestamp = reached.entry(key).or_default();
                *last = (*last).max(told.since);
            }
        }
        Settled { view, reached }
    }

    fn is(&self, told: &Told) -> bool {
        let obligation = self.view.state().obligation(&told.request.obligation);
        // One that is not there went over to another unit, or is none any more.
        obligation.is_none_or(|o| o.state.is_final())
            || self
                .reached
                .get(&(told.request.obligation.as_str(), told.request.to.as_str()))
                .is_some_and(|at| *at > told.since)
    }
}

/// Chains of notices of which none reached anybody, by their last.
fn unreached(ledger: &Ledger, view: &View) -> Vec<Incident> {
    let settled = Settled::of(ledger, view);
    let by_id: BTreeMap<&str, &Told> = ledger
        .rows()
        .iter()
        .map(|told| (told.notice.as_str(), told))
        .collect();
    let followed: BTreeSet<&str> = ledger
        .rows()
        .iter()
        .filter_map(|told| told.instead_of.as_deref())
        .collect();
    let mut all = Vec::new();
    for last in ledger.rows() {
        if followed.contains(last.notice.as_str())
            || last.state == NoticeState::Delivered
            || settled.is(last)
        {
            continue;
        }
        let mut chain = vec![last];
        // Ids are hashes of what came before: there is no circle.
        while let Some(before) = chain[chain.len() - 1]
            .instead_of
            .as_deref()
            .and_then(|id| by_id.get(id))
        {
            chain.push(before);
        }
        let is_abandoned = |told: &&&Told| told.state == NoticeState::Abandoned;
        let Some(first) = chain.iter().rfind(is_abandoned) else {
            continue;
        };
        let tried: Vec<String> = chain
            .iter()
            .rev()
            .map(|told| {
                let channel = told.channel.map(Channel::chinese).unwrap_or_default();
                let unit = view.name(&told.tenant, told.told_unit());
                let whom = format!("{unit} {}", told.contact_title);
                format!("{}({channel}):{}", whom.trim(), fate(told))
            })
            .collect();
        let to_do = if last.state == NoticeState::Abandoned {
            format!(
                "核对联络员和地址(名录或渠道配置),改正后 duban notices retry {} --by 经办人;同时电话告知",
                last.notice
            )
        } else {
            "已改发下一位,等待结果".to_owned()
        };
        all.push(Incident {
            kind: ("not-reached", "未能送达"),
            since: first.since,
            ledger: last.ledger.clone(),
            unit: view.name(&last.tenant, &last.request.to),
            what: format!("{}:{}", last.request.obligation, tried.join(";")),
            to_do,
            id: last.notice.clone(),
            count: chain.len() as u64,
        });
    }
    all
}

fn fate(told: &Told) -> String {
    if told.detail.is_empty() {
        told.state.chinese().to_owned()
    } else {
        told.detail.clone()
    }
}

/// Units that nobody could be told for, one incident a unit.
fn without_contact(ledger: &Ledger, view: &View) -> Vec<Incident> {
    let settled = Settled::of(ledger, view);
    let mut units: BTreeMap<(&str, &str), Incident> = BTreeMap::new();
    for told in ledger.rows() {
        if told.code.as_deref() != Some("no-contact") || settled.is(told) {
            continue;
        }
        let unit = view.name(&told.tenant, &told.request.to);
        units
            .entry((&told.tenant, &told.request.to))
            .and_modify(|incident| incident.count += 1)
            .or_insert_with(|| Incident {
                kind: ("no-contact", "无人可通知"),
                since: told.at,
                ledger: told.ledger.clone(),
                unit: unit.clone(),
                what: format!("{},如 {}", told.detail, told.request.obligation),
                to_do: format!(
                    "在 directory.yaml 为{unit}补充联络员,再 duban deploy;此前先电话告知"
                ),
                id: told.request.to.clone(),
                count: 1,
            });
    }
    units.into_values().collect()
}

/// Events that were refused and did not come again.
fn refused(refusals: &Refusals, now: Timestamp) -> impl Iterator<Item = Incident> {
    refusals.open(now).map(|refused| {
        let r = &refused.why;
        Incident {
            kind: ("rejection", "未受理"),
            since: refused.since,
            ledger: String::new(),
            unit: String::new(),
            what: format!(
                "{} {} {}[{}]:{};应为{}",
                r.event_type.as_deref().unwrap_or("?"),
                r.event_source.as_deref().unwrap_or_default(),
                r.event_id.as_deref().unwrap_or_default(),
                r.code,
                r.found,
                r.expected
            ),
            to_do: r.remedy.clone(),
            id: r.event_id.clone().unwrap_or_default(),
            count: refused.count,
        }
    })
}

/// What the watchdog found, in words.
fn missing(missing: Missing<String>, view: &View) -> Incident {
    let since = missing.since();
    let (kind, duty, what, to_do) = match missing {
        Missing::NextAction { duty, .. } => (
            ("no-next-action", "无下一步"),
            duty,
            "责任事项未完成,却没有下一步动作".to_owned(),
            "这是程序的错误:保留数据目录并报告;在此之前人工督办",
        ),
        Missing::Noted { duty, at } => (
            ("timer-unknown", "定时未登记"),
            duty,
            format!(
                "应于{}处理,而调度服务没有这个定时",
                minutes(&at.shown_in(Zone::SHANGHAI))
            ),
            "查看 scheduler 是否在运行(duban status);重启 duban serve 后仍在,则保留数据目录并报告",
        ),
        Missing::Firing { owner, timer, due } => (
            ("timer-late", "定时未触发"),
            timer,
            format!(
                "{owner} 的定时应于{}触发,至今未触发",
                minutes(&due.shown_in(Zone::SHANGHAI))
            ),
            "查看 duban serve 是否在运行、时钟是否正确、磁盘是否写得进(日志中的警告)",
        ),
    };
    let obligation = view.state().obligation(&duty);
    Incident {
        kind,
        since,
        ledger: obligation.map(|o| o.ledger.to_string()).unwrap_or_default(),
        unit: obligation
            .map(|o| view.name(&o.tenant, &o.unit))
            .unwrap_or_default(),
        what: format!("{duty}:{what}"),
        to_do: to_do.to_owned(),
        id: duty,
        count: 1,
    }
}

const KEYS: [&str; 8] = [
    "kind", "since", "ledger", "unit", "what", "to_do", "id", "count",
];

fn print(args: &Incidents, all: &[Incident], view: &View) -> Result<(), Fault> {
    let since = |incident: &Incident| incident.since.shown_in(view.zone(&incident.ledger));
    let json = |incident: &Incident| {
        serde_json::json!({
            "kind": incident.kind.0, "since": since(incident), "ledger": incident.ledger,
            "unit": incident.unit, "what": incident.what, "to_do": incident.to_do,
            "id": incident.id, "count": incident.count,
        })
    };
    match args.format {
        Format::Table => {
            if all.is_empty() {
                crate::say!("没有需要处理的事件");
                return Ok(());
            }
            let rows: Vec<Vec<String>> = all
                .iter()
                .map(|incident| {
                    vec![
                        incident.kind.1.to_owned(),
                        minutes(&since(incident)),
                        incident.unit.clone(),
                        incident.count.to_string(),
                        incident.what.clone(),
                        incident.to_do.clone(),
                    ]
                })
                .collect();
            table::print(&["事件", "起于", "单位", "次数", "情况", "如何处理"], &rows);
            crate::say!("共{}件", all.len());
        }
        Format::Csv => {
            crate::say!("{}", KEYS.join(","));
            for incident in all {
                crate::say!(
                    "{}",
                    csv_line(&[
                        incident.kind.0.to_owned(),
                        since(incident),
                        incident.ledger.clone(),
                        incident.unit.clone(),
                        incident.what.clone(),
                        incident.to_do.clone(),
                        incident.id.clone(),
                        incident.count.to_string(),
                    ])
                );
            }
        }
        Format::Json => {
            let rows: Vec<_> = all.iter().map(json).collect();
            crate::say!("{}", serde_json::to_string_pretty(&rows)?);
        }
        Format::Ndjson => {
            for incident in all {
                crate::say!("{}", json(incident));
            }
        }
    }
    Ok(())
}

//! `/incidents`: what somebody has to look after, each with what happened, since when, and what to do.
//! An incident goes by itself once its cause is mended; `duban incidents` lists the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use duban_model::{RecordId, Timestamp, Zone};
use serde::Deserialize;

use super::pager::Pager;
use super::{Head, address, answer, chosen_ledger};
use crate::access::{Right, Seen, Viewer};
use crate::answer::nonce;
use crate::light::{kind_in_chinese, step_in_chinese};
use crate::projection::{Fate, Notice, Settled, Unreached, minute};
use crate::serve::Desk;
use crate::tongue::{Asker, Tongue};
use crate::watch::{Lack, Missed, Watch};

/// Incidents on one page, in incidents.
const SHOWN: usize = 50;
/// Incidents that the overview counts, in incidents; of more it says so.
const COUNTED: usize = 99;

/// Sorts of incidents: the name in addresses and in `duban incidents`, and on the page.
const SORTS: [(&str, &str); 6] = [
    ("not-reached", "未能送达"),
    ("no-contact", "无人可通知"),
    ("rejection", "未受理"),
    ("no-next-action", "无下一步"),
    ("timer-unknown", "定时未登记"),
    ("timer-late", "定时未触发"),
];

fn sort_in_chinese(sort: &str) -> &'static str {
    let named = SORTS.iter().find(|(key, _)| *key == sort);
    named.map_or("", |(_, name)| name)
}

/// The query string.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// `all` for those that nobody has to look after any more, too.
    #[serde(default)]
    show: String,
    #[serde(default)]
    sort: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    page: Option<String>,
}

impl Asked {
    fn at(&self, page: usize) -> String {
        let [show, sort, unit] =
            [&self.show, &self.sort, &self.unit].map(|text| address::encoded(text));
        format!("?show={show}&sort={sort}&unit={unit}&page={page}")
    }

    fn is_all(&self) -> bool {
        self.show == "all"
    }
}

/// One incident.
struct Incident {
    sort: &'static str,
    since: Timestamp,
    zone: Zone,
    /// Who is concerned: id and name; empty if no unit is.
    unit: (String, String),
    what: String,
    /// Who was tried and what became of it, in order.
    tried: Vec<String>,
    to_do: &'static str,
    /// More of what to do, in the words of who found it.
    remedy: String,
    /// The duty: its address and id.
    duty: Option<(String, String)>,
    /// The notice: its address.
    notice: String,
    /// The notice that can be tried again.
    retry: Option<String>,
    count: u64,
    /// Why nobody has to look after it any more.
    settled: Option<&'static str>,
}

impl Incident {
    fn new(sort: &'static str, since: Timestamp, zone: Zone) -> Incident {
        Incident {
            sort,
            since,
            zone,
            unit: (String::new(), String::new()),
            what: String::new(),
            tried: Vec::new(),
            to_do: "",
            remedy: String::new(),
            duty: None,
            notice: String::new(),
            retry: None,
            count: 1,
            settled: None,
        }
    }

    fn name(&self) -> &'static str {
        sort_in_chinese(self.sort)
    }

    fn at(&self) -> String {
        minute(self.since, self.zone)
    }

    fn unit_address(&self) -> String {
        address::of_unit(&self.unit.0)
    }
}

fn in_words(settled: Settled) -> &'static str {
    match settled {
        Settled::Closed => "事项已办结、撤销或转走",
        Settled::ToldLater => "之后的通知已送达",
        Settled::Arrived => "改发后已送达",
    }
}

/// The zone of the ledger that a notice is about, and its office.
fn place<'a>(seen: &Seen<'a>, notice: &Notice) -> (Zone, &'a str) {
    let ledger = notice.ledger.and_then(|place| seen.ledger_at(place));
    ledger.map_or((Zone::SHANGHAI, ""), |l| (l.zone, l.tenant.as_str()))
}

fn duty_of(seen: &Seen<'_>, notice: &Notice) -> Option<(String, String)> {
    let duty = notice.duty.and_then(|place| seen.duty_at(place))?;
    Some((address::of_obligation(&duty.id), duty.id.to_string()))
}

/// Where a notice is listed with those that it hangs together with.
pub(super) fn of_notice(id: RecordId) -> String {
    format!("/notices?id={id}")
}

fn unreached(seen: &Seen<'_>, unreached: &Unreached<'_>) -> Incident {
    let last = unreached.last();
    let (zone, tenant) = place(seen, last);
    let unit = last.to.to_string();
    let tried = unreached.chain.iter().map(|notice| {
        let channel = notice.contact.as_ref();
        let (title, channel) = channel.map_or(("", ""), |(_, title, c)| (title, c.chinese()));
        let unit = seen.units().short(tenant, notice.told_unit());
        let detail = match &*notice.detail {
            "" => String::new(),
            detail => format!("({detail})"),
        };
        let whom = format!("{unit} {title}");
        format!(
            "{} {channel}:{}{detail}",
            whom.trim(),
            notice.fate.chinese()
        )
    });
    Incident {
        unit: (unit.clone(), seen.units().name(tenant, &unit).to_owned()),
        what: format!(
            "{}:{}",
            kind_in_chinese(last.kind),
            step_in_chinese(&last.step)
        ),
        tried: tried.collect(),
        to_do: if last.fate == Fate::Abandoned {
            if last.is_asked_again() {
                "已要求再试,正在处理"
            } else {
                "核对联络员和地址(名录或渠道配置),改正后再试一次;同时电话告知"
            }
        } else {
            "已改发,等待结果"
        },
        duty: duty_of(seen, last),
        notice: of_notice(last.id),
        retry: (last.can_be_retried() && seen.may(Right::ActForOffice))
            .then(|| last.id.to_string()),
        settled: unreached.settled.map(in_words),
        count: unreached.chain.len() as u64,
        ..Incident::new("not-reached", unreached.since, zone)
    }
}

/// Units that nobody could be told for, one incident a unit.
fn without_contact(seen: &Seen<'_>, all: bool, list: &mut Vec<Incident>) {
    let mut units: BTreeMap<(String, String, bool), Incident> = BTreeMap::new();
    for (notice, settled) in seen.without_contact() {
        if settled.is_some() && !all {
            continue;
        }
        let (zone, tenant) = place(seen, notice);
        let key = (tenant.to_owned(), notice.to.to_string(), settled.is_some());
        let incident = units.entry(key).or_insert_with(|| Incident {
            unit: (
                notice.to.to_string(),
                seen.units().name(tenant, &notice.to).to_owned(),
            ),
            what: notice.detail.to_string(),
            to_do: "在“台账与名录”里为该单位补充联络员并部署;此前先电话告知",
            duty: duty_of(seen, notice),
            notice: format!(
                "/notices?outcome=suppressed&unit={}",
                address::encoded(&notice.to)
            ),
            settled: settled.map(in_words),
            count: 0,
            ..Incident::new("no-contact", notice.since, zone)
        });
        incident.count += 1;
    }
    list.extend(units.into_values());
}

fn refused(seen: &Seen<'_>, zone: Zone, list: &mut Vec<Incident>) {
    list.extend(seen.refused().map(|refused| {
        let why = &refused.why;
        let event = [&why.event_type, &why.event_source, &why.event_id];
        let event: Vec<&str> = event.into_iter().flatten().map(String::as_str).collect();
        Incident {
            what: format!("[{}] {};应为{}", why.code, why.found, why.expected),
            tried: vec![event.join(" ")],
            to_do: "由发送方改正后重新发送同一事件",
            remedy: why.remedy.clone(),
            notice: "/rejections".to_owned(),
            count: refused.count,
            ..Incident::new("rejection", refused.since, zone)
        }
    }));
}

/// What the watchdog found, and itself.
type Found<'a> = (&'a [Missed], Option<&'a dyn Watch>);

/// What the watchdog found, with the duties that it is about.
fn missed(seen: &Seen<'_>, zone: Zone, (missed, watch): Found<'_>, list: &mut Vec<Incident>) {
    if missed.is_empty() {
        return;
    }
    // The watchdog keeps hashes; this is a fault of the program and no daily page.
    let wanted: BTreeMap<u64, &Missed> = missed.iter().map(|m| (m.key, m)).collect();
    let mut named = BTreeMap::new();
    for duty in seen.duties() {
        let key = watch.map_or(0, |watch| watch.key(&duty.id));
        if wanted.contains_key(&key) {
            named.insert(key, duty);
        }
    }
    for m in missed {
        let duty = named.get(&m.key);
        let is_of_duty = !matches!(m.lack, Lack::Firing(_));
        // What is about somebody else's duty is not for who does not see it.
        if duty.is_none() && is_of_duty {
            continue;
        }
        let (sort, what, to_do) = match m.lack {
            Lack::NextAction => (
                "no-next-action",
                "责任事项未完成,却没有下一步动作".to_owned(),
                "这是程序的错误:保留数据目录并报告;在此之前人工督办",
            ),
            Lack::Timer => (
                "timer-unknown",
                "到时应处理,而调度服务没有这个定时".to_owned(),
                "查看 scheduler 是否在运行(duban status);重启 duban serve 后仍在,则保留数据目录并报告",
            ),
            Lack::Firing(service) => (
                "timer-late",
                format!("{service} 的定时应于此时触发,至今未触发"),
                "查看 duban serve 是否在运行、时钟是否正确、磁盘是否写得进(日志中的警告)",
            ),
        };
        let unit = duty.map(|duty| {
            let tenant = &seen.ledger_of(duty).tenant;
            (
                duty.unit.to_string(),
                seen.units().name(tenant, &duty.unit).to_owned(),
            )
        });
        list.push(Incident {
            what,
            to_do,
            unit: unit.unwrap_or_default(),
            duty: duty.map(|d| (address::of_obligation(&d.id), d.id.to_string())),
            ..Incident::new(sort, m.since, zone)
        });
    }
}

/// How many incidents are open, and whether there are even more.
pub(super) fn open(seen: &Seen<'_>, watch: &[Missed]) -> Option<(usize, bool)> {
    if !seen.may(Right::SeeNotices) {
        return None;
    }
    let open = seen.unreached().filter(|u| u.settled.is_none());
    let mut count = open.take(COUNTED + 1).count();
    if count <= COUNTED {
        let mut units: Vec<&str> = Vec::new();
        for (notice, settled) in seen.without_contact() {
            if units.len() > COUNTED {
                break;
            }
            if !units.contains(&&*notice.to) && settled.is_none() {
                units.push(&notice.to);
            }
        }
        count += units.len() + seen.refused().count() + watch.len();
    }
    Some((count.min(COUNTED), count > COUNTED))
}

#[derive(Template)]
#[template(path = "incidents.html")]
struct IncidentsPage {
    head: Head,
    form_key: String,
    nonce: String,
    asked: Asked,
    sorts: Vec<(&'static str, &'static str, bool)>,
    rows: Vec<Incident>,
    pager: Pager,
    pages: Vec<(usize, String)>,
}

/// `/incidents`
pub(crate) async fn incidents(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Query(asked): Query<Asked>,
) -> Response {
    let found = watched(&desk);
    let page = {
        let look = desk.look(&viewer);
        let watch = desk.state.watch.as_deref();
        gather(&look.seen(), asked, (&found, watch), &asker)
    };
    answer(StatusCode::OK, &page)
}

/// What the watchdog found, before the projection is held.
pub(super) fn watched(desk: &Desk) -> Vec<Missed> {
    let watch = desk.state.watch.as_ref();
    watch.map_or_else(Vec::new, |watch| watch.missed())
}

fn gather(seen: &Seen<'_>, asked: Asked, found: Found<'_>, asker: &Asker) -> IncidentsPage {
    let tongue: Tongue = asker.tongue;
    let ledger = chosen_ledger(seen, None);
    let zone = ledger.map_or(Zone::SHANGHAI, |ledger| ledger.zone);
    let mut list: Vec<Incident> = seen
        .unreached()
        .filter(|u| asked.is_all() || u.settled.is_none())
        .map(|u| unreached(seen, &u))
        .collect();
    without_contact(seen, asked.is_all(), &mut list);
    refused(seen, zone, &mut list);
    missed(seen, zone, found, &mut list);
    let unit = asked.unit.trim();
    list.retain(|incident| {
        let (id, name) = &incident.unit;
        (asked.sort.is_empty() || asked.sort == incident.sort)
            && (unit.is_empty() || id == unit || name.contains(unit))
    });
    list.sort_by_key(|incident| std::cmp::Reverse(incident.since));
    let wanted = asked.page.as_deref().and_then(|page| page.parse().ok());
    let pager = Pager::new(wanted.unwrap_or(1), SHOWN, list.len());
    let rows = list.into_iter().skip(pager.skipped()).take(pager.size);
    IncidentsPage {
        rows: rows.collect(),
        head: Head::new(seen, ledger, tongue.say("需处理的异常"), asker),
        form_key: seen
            .viewer()
            .map_or_else(String::new, |viewer| viewer.form_key().to_owned()),
        nonce: nonce(),
        sorts: SORTS
            .iter()
            .map(|(key, name)| (*key, *name, *key == asked.sort))
            .collect(),
        pages: pager
            .named()
            .into_iter()
            .map(|page| (page, asked.at(page)))
            .collect(),
        pager,
        asked,
    }
}

#[cfg(test)]
mod tests {
    use duban_model::Service;

    use super::*;
    use crate::access::bed::Bed;
    use crate::sample::{Sample, day};

    /// Keeps an id by its length.
    struct Lengths;

    impl Watch for Lengths {
        fn missed(&self) -> Vec<Missed> {
            let missed = |lack, key| Missed {
                lack,
                key,
                since: Timestamp::default(),
            };
            vec![
                missed(Lack::NextAction, 36),
                missed(Lack::NextAction, 7),
                missed(Lack::Firing(Service::Notifier), 3),
            ]
        }

        fn key(&self, obligation: &str) -> u64 {
            obligation.len() as u64
        }
    }

    #[test]
    fn what_the_watchdog_found_is_told_of_duties_that_are_seen_and_of_services() {
        let mut sample = Sample::new();
        let duty = sample.open("1", "city-spj", Some(day(30)));
        assert_eq!(duty.len(), 36);
        let reader = Bed::new().reader();
        let seen = Seen::new(&sample.projection, Some(&reader));
        let found = Lengths.missed();
        let of = |asked| gather(&seen, asked, (&found, Some(&Lengths)), &Asker::default());
        let page = of(Asked::default());
        let rows: Vec<&str> = page.rows.iter().map(|row| row.sort).collect();
        assert_eq!(rows, ["no-next-action", "timer-late"]);
        assert_eq!(page.rows[0].duty.as_ref().map(|(_, id)| id), Some(&duty));
        assert_eq!(open(&seen, &found), Some((3, false)));
        let sort = "timer-late".to_owned();
        let page = of(Asked {
            sort,
            ..Asked::default()
        });
        assert!(page.rows.len() == 1 && page.render().unwrap().contains("notifier 的定时"));
    }
}

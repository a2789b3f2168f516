//! The ledger's table, its files, the overview and the unit's page, as those who use them see them.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveDate;
use duban_model::definition::Tier;

use super::{PATIENCE, served};
use crate::ahead::{Case, Expected, Foresee, Foreseen, Played, Unplayed};
use crate::sample::{Sample, day, task};
use duban_model::Service;

/// Expects the same of every ledger.
pub(super) struct Expecting;

impl Foresee for Expecting {
    fn foresee(&self, _: &str, _: u64, _: NaiveDate, _: Duration) -> Option<Foreseen> {
        let week = Expected {
            reminders: 4_321,
            escalations: 77,
            others: 0,
        };
        let weeks = BTreeMap::from([(day(7), week)]);
        Some(Foreseen { weeks })
    }

    fn play(&self, _: &Case<'_>, _: Duration) -> Result<Played, Unplayed> {
        Err(Unplayed::NoLedger)
    }
}

const TABLE: &str = "/ledger/tongliao-2021";

/// Three rows in two sections, four duties in several states.
fn few() -> Sample {
    let mut sample = Sample::empty();
    sample.directory(Service::Rules);
    let mut budget = task(2, "公开预算");
    budget.section = "二、财政".to_owned();
    sample.adopt_tasks("台账", vec![task(1, "公开规划"), budget, task(3, "未开始")]);
    let first = sample.open("1", "unit-01", Some(day(3)));
    sample.open("2", "unit-01", Some(day(3)));
    let third = sample.open("2", "unit-02", Some(day(40)));
    sample.open("2", "unit-03", None);
    sample.overdue(&first);
    sample.submitted(&third, false);
    sample
}

fn rows(body: &str) -> usize {
    let table = body.split("<tbody>").nth(1).unwrap_or_default();
    table
        .split("</tbody>")
        .next()
        .unwrap_or_default()
        .matches("<tr>")
        .count()
}

#[tokio::test]
async fn filters_narrow_tasks_and_duties() {
    let console = served(few()).await;
    let shown = async |query: &str| {
        let (status, _, body) = console.get(&format!("{TABLE}{query}")).await;
        assert_eq!(status, 200, "{query}");
        assert!(!body.contains("class=\"odd\""), "{query}: {body}");
        rows(&body)
    };
    for (query, expected) in [
        ("", 3),
        ("?light=red", 1),
        ("?light=red&light=green", 2),
        ("?unit=unit-01", 2),
        ("?unit=unit-02&light=red", 0),
        ("?q=%E9%A2%84%E7%AE%97", 1),
        ("?section=%E4%BA%8C%E3%80%81%E8%B4%A2%E6%94%BF", 1),
        ("?state=submitted", 1),
        ("?await=trigger", 1),
        ("?from=2021-07-01&to=2021-07-05", 2),
        ("?view=duties", 4),
        ("?view=duties&light=red", 1),
        ("?view=duties&unit=unit-01", 2),
        // 第2单位, by its name in lists.
        ("?view=duties&unit=%E7%AC%AC2%E5%8D%95%E4%BD%8D", 1),
        ("?view=duties&state=waiting", 1),
        ("?view=duties&await=verdict", 1),
        ("?view=duties&from=2021-07-01", 3),
        ("?view=duties&q=%E7%AC%AC3%E5%8D%95%E4%BD%8D", 1),
        ("?view=duties&q=2&light=&unit=", 4),
    ] {
        assert_eq!(shown(query).await, expected, "{query}");
    }
    console.end().await;
}

#[tokio::test]
async fn what_an_address_cannot_mean_is_said_and_left_out() {
    let console = served(few()).await;
    let query = "?light=purple&state=x&unit=nobody&section=y&from=soon&sort=z&size=7&page=-1&col=w";
    let (status, _, body) = console.get(&format!("{TABLE}{query}")).await;
    assert_eq!(status, 200);
    for said in [
        "没有名为“purple”的灯,已忽略;可用:red, yellow, green, done, grey。",
        "没有名为“x”的状态",
        "没有名为“nobody”的单位",
        "没有名为“y”的分类",
        "没有名为“soon”的时限",
        "没有名为“z”的排序",
        "没有名为“7”的每页行数",
        "没有名为“-1”的页码",
        "没有名为“w”的列",
    ] {
        assert!(body.contains(said), "{said}\n{body}");
    }
    assert_eq!(rows(&body), 3);
    let (_, _, body) = console
        .get(&format!("{TABLE}?from=2021-08-01&to=2021-07-01"))
        .await;
    assert!(body.contains("请对调两个日期"), "{body}");
    console.end().await;
}

#[tokio::test]
async fn pages_follow_one_another_and_beyond_the_end_is_the_last() {
    let console = served(Sample::full()).await;
    let (_, _, first) = console.get(&format!("{TABLE}?view=duties")).await;
    assert!(first.contains("第1–50行,共1550行"), "{first}");
    assert!(first.contains("href=\"?view=duties&amp;page=31\"") || first.contains("page=31"));
    let (status, _, last) = console.get(&format!("{TABLE}?view=duties&page=9999")).await;
    assert_eq!((status, rows(&last)), (200, 50));
    assert!(last.contains("第1501–1550行,共1550行"), "{last}");
    assert!(last.contains("rel=\"prev\"") && !last.contains("rel=\"next\""));
    // No duty stands on two pages, and none on no page.
    let mut seen = std::collections::BTreeSet::new();
    for sort in ["light", "due", "unit", "state", "-due", "-number"] {
        seen.clear();
        for page in 1..=8 {
            let query = format!("?view=duties&sort={sort}&size=200&page={page}&col=id");
            let (_, _, body) = console.get(&format!("{TABLE}{query}")).await;
            let table = body.split("tbody>").nth(1).unwrap();
            for cell in table.split("<span>").skip(1) {
                assert!(
                    seen.insert(cell.split('<').next().unwrap().to_owned()),
                    "{sort}"
                );
            }
        }
        assert_eq!(seen.len(), 1_550, "{sort}");
    }
    console.end().await;
}

#[tokio::test]
async fn the_order_is_the_one_asked_for_and_each_heading_turns_it() {
    let console = served(few()).await;
    let order = async |sort: &str| {
        let query = format!("?view=duties&sort={sort}&col=due&col=light");
        let (_, _, body) = console.get(&format!("{TABLE}{query}")).await;
        let table = body.split("<tbody>").nth(1).unwrap().to_owned();
        let dates = table.split("data-label=\"完成时限\"><span>").skip(1);
        let dates: Vec<String> = dates
            .map(|rest| rest.split('<').next().unwrap().to_owned())
            .collect();
        (dates, body)
    };
    let (dates, body) = order("due").await;
    assert_eq!(dates, ["2021-07-01", "2021-07-01", "2021-08-07", "待定"]);
    assert!(body.contains("aria-sort=\"ascending\""));
    assert!(body.contains("sort=-due"), "the heading turns the order");
    let (dates, body) = order("-due").await;
    assert_eq!(dates, ["待定", "2021-08-07", "2021-07-01", "2021-07-01"]);
    assert!(body.contains("aria-sort=\"descending\""));
    let (_, body) = order("light").await;
    let red = body.split("<tbody>").nth(1).unwrap();
    let lamp = |light: &str| red.find(&format!("class=\"lamp {light}"));
    assert!(lamp("red") < lamp("green") && lamp("green") < lamp("grey"));
    console.end().await;
}

#[tokio::test]
async fn a_file_has_the_rows_and_columns_that_the_page_shows_of_all_its_pages() {
    let console = served(Sample::full()).await;
    let query = "?view=duties&light=red&sort=due&col=unit&col=due&page=2&size=25";
    let (_, _, page) = console.get(&format!("{TABLE}{query}")).await;
    let (status, head, file) = console.get(&format!("{TABLE}/export/csv{query}")).await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/csv"), "{head}");
    assert!(head.contains("attachment; filename*=utf-8''%"), "{head}");
    let lines: Vec<&str> = file.lines().collect();
    assert!(lines[0].contains("只列 红灯"), "{}", lines[0]);
    assert_eq!(lines[1], "单位|完成时限");
    assert_eq!(lines.len(), 2 + 222, "all pages, not one");
    let shown = page.split("<tbody>").nth(1).unwrap();
    let first = lines[2 + 25].split('|').next().unwrap();
    assert!(
        shown.trim_start().contains(&format!(">{first}</a>")),
        "{first}"
    );
    assert_eq!(rows(&page), 25);
    let (_, _, dates) = console.get(&format!("{TABLE}/export/ics?light=red")).await;
    assert_eq!(dates.lines().count(), 1 + 222);
    let (status, ..) = console.get(&format!("{TABLE}/export/xlsx")).await;
    assert_eq!(status, 200);
    console.end().await;
}

#[tokio::test]
async fn the_overview_names_what_waits_what_is_due_and_what_is_red() {
    let mut sample = few();
    let asked = sample.open("1", "unit-05", Some(day(20)));
    sample.extension_asked(&asked, day(30));
    let up = sample.open("1", "unit-06", Some(day(1)));
    sample.overdue(&up);
    sample.escalated(&up, Tier::Leader);
    let console = served(sample).await;
    let (_, _, body) = console.get("/").await;
    let part = |from: &str, to: &str| {
        let rest = body.split(from).nth(1).unwrap_or_default();
        rest.split(to).next().unwrap_or_default().to_owned()
    };
    let waiting = part("待主管部门处理", "</section>");
    for what in ["待核实", "延期申请", "待启动"] {
        assert!(waiting.contains(what), "{what}: {waiting}");
    }
    assert!(waiting.contains("第5单位 · 1 公开规划"), "{waiting}");
    assert!(
        waiting.contains("?view=duties&amp;await=extension") || waiting.contains("await=extension")
    );
    let week = part("本周到期", "新转红灯");
    assert!(
        week.contains("周四") && week.contains("2021-07-01"),
        "{week}"
    );
    let red = part("新转红灯", "</section>");
    assert!(red.contains("今天 <b class=\"big bad\">2</b>"), "{red}");
    let escalated = part("督办升级中", "</section>");
    assert!(
        escalated.contains("分管负责人") && escalated.contains("第6单位"),
        "{escalated}"
    );
    // A chart is named, described and said in a table, too.
    assert!(body.contains("role=\"img\" aria-labelledby=\"by-section-t by-section-d\""));
    assert!(body.contains("id=\"units-data\""));
    console.end().await;
}

#[tokio::test]
async fn the_year_ahead_is_reckoned_beside_the_pages_and_then_shown() {
    let console = served(few()).await;
    let (_, _, first) = console.get("/").await;
    assert!(
        first.contains("通知数正在推算") && first.contains("data-again=\"5\""),
        "{first}"
    );
    let shown = async {
        loop {
            let (_, _, body) = console.get("/").await;
            if body.contains("4321") {
                return body;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let body = tokio::time::timeout(PATIENCE, shown).await.unwrap();
    assert!(body.contains("此后无人办理时会发出的") && !body.contains("data-again"));
    console.end().await;
}

#[tokio::test]
async fn a_units_page_says_what_to_do_next_and_its_head_sees_reds_and_signatures() {
    let mut sample = few();
    let signed = sample.open("3", "unit-01", Some(day(9)));
    sample.accepted(&signed);
    let console = served(sample).await;
    let (_, _, body) = console.get("/unit/unit-01").await;
    let at = |text: &str| body.find(text).unwrap_or_else(|| panic!("{text}: {body}"));
    assert!(at("要签收 <b class=\"big\">2</b>") < at("要报送 <b class=\"big\">1</b>"));
    let (_, _, head) = console.get("/unit/unit-01?view=head").await;
    assert!(head.contains("亮红灯的 <b class=\"big\">1</b>"), "{head}");
    assert!(head.contains("尚未签收的 <b class=\"big\">1</b>"), "{head}");
    assert!(!head.contains("要报送"), "{head}");
    console.end().await;
}

#[tokio::test]
async fn english_is_a_switch_that_is_remembered() {
    let console = served(few()).await;
    let (_, head, body) = console.get(&format!("{TABLE}?light=red&lang=en")).await;
    assert!(head.contains("set-cookie: duban_lang=en; path=/"), "{head}");
    assert!(body.contains("<html lang=\"en\">"));
    for said in ["Ledger", "Due", "Filter", ">Red <b", "Rows 1–1 of 1"] {
        assert!(body.contains(said), "{said}: {body}");
    }
    assert!(body.contains("light=red&#38;lang=zh") || body.contains("light=red&amp;lang=zh"));
    let (_, head, body) = console.get(TABLE).await;
    assert!(!head.contains("set-cookie") && body.contains("<html lang=\"zh-CN\">"));
    console.end().await;
}

#[tokio::test]
async fn a_history_and_its_steps_are_english_by_the_switch() {
    let mut sample = few();
    let id = sample.open("1", "unit-06", Some(day(1)));
    sample.overdue(&id);
    sample.requested(&id, "due");
    let console = served(sample).await;
    let (_, _, chinese) = console.get(&format!("/o/{id}")).await;
    let (_, _, english) = console.get(&format!("/o/{id}?lang=en")).await;
    for (zh, en) in [
        ("产生责任事项:", "Duty opened: "),
        ("转红灯:", "Turns red: due "),
        ("到期当日", "on the date"),
        ("尚未销号", "not fulfilled"),
    ] {
        assert!(chinese.contains(zh) && !chinese.contains(en), "{zh}");
        assert!(english.contains(en), "{en}: {english}");
        assert!(!english.contains(zh), "{zh}: {english}");
    }
    console.end().await;
}

#[tokio::test]
async fn addresses_of_former_filters_lead_to_the_table() {
    let console = served(few()).await;
    let (status, head, _) = console.get("/?light=red&unit=unit-01").await;
    assert_eq!(status, 303);
    assert!(
        head.contains("location: /ledger/tongliao-2021?light=red&unit=unit-01"),
        "{head}"
    );
    console.end().await;
}

#[tokio::test]
async fn a_contact_is_shown_and_given_own_duties_alone() {
    let mut sample = few();
    let up = sample.open("1", "unit-06", Some(day(1)));
    sample.overdue(&up);
    sample.escalated(&up, Tier::Leader);
    let console = served(sample).await;
    let get = async |path: &str| {
        let (status, _, body) = console.get_for("unit-01", path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    };
    for (query, expected) in [
        ("", 2),
        ("?light=grey", 0),
        ("?view=duties", 2),
        ("?view=duties&await=verdict", 0),
        ("?view=duties&sort=due", 2),
        ("?view=duties&unit=unit-02", 0),
        ("?view=duties&q=%E5%85%AC%E5%BC%80", 2),
    ] {
        let body = get(&format!("{TABLE}{query}")).await;
        // A unit that is not the contact's is none to this page.
        if query.contains("unit-02") {
            assert!(body.contains("没有名为“unit-02”的单位"), "{body}");
        } else {
            assert_eq!(rows(&body), expected, "{query}");
        }
        for other in ["第2单位", "第3单位", "第6单位"] {
            assert!(!body.contains(other), "{query}: {other}");
        }
    }
    let file = get(&format!("{TABLE}/export/csv?view=duties")).await;
    assert_eq!(file.lines().count(), 2 + 2, "{file}");
    let dates = get(&format!("{TABLE}/export/ics")).await;
    assert_eq!(dates.lines().count(), 1 + 2, "{dates}");
    let overview = get("/").await;
    for other in ["第2单位", "第3单位", "第6单位", "4321", "分管负责人"] {
        assert!(!overview.contains(other), "{other}: {overview}");
    }
    assert!(overview.contains("第1单位") && overview.contains("只列到期数"));
    for path in [
        "/unit/unit-02",
        "/unit/unit-02?view=head",
        "/task/tongliao-2021/3",
    ] {
        let (status, ..) = console.get_for("unit-01", path).await;
        assert_eq!(status, 404, "{path}");
    }
    console.end().await;
}

//! Pages as a browser gets them, over a bound loopback listener.

use std::sync::Arc;
use std::time::Duration;

use duban_journal::{Log, MemoryLog};
use duban_model::directory::Channel;
use duban_model::gathered::NoticeBundled;
use duban_model::silence::{SilenceNoted, SilenceSet};
use duban_model::{Body, Frame, Service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::access::Role;
use crate::access::bed::Bed;
use crate::projection::Place;
use crate::sample::{Plain, Sample, day, task};
use crate::state::{ConsoleState, Explain, Explanation};
use crate::{follow, serve};

mod incident;
mod table;

/// How long a test waits for anything, before it is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// A console being served.
struct Served {
    state: ConsoleState,
    port: u16,
    stop: watch::Sender<bool>,
    server: JoinHandle<std::io::Result<()>>,
    /// Whoever asks may read all.
    token: String,
    bed: Bed,
}

struct Reasons;

impl Explain for Reasons {
    fn explain(&self, obligation: &str) -> Option<Explanation> {
        assert!(!obligation.contains("city-fail"), "made to panic");
        Some(vec![(
            "没有发生的事".to_owned(),
            vec![format!("{obligation} <b>尚未到时</b>")],
        )])
    }
}

async fn served(mut sample: Sample) -> Served {
    serving(&mut sample).await
}

/// Serves what a sample has written so far; it may write on.
async fn serving(sample: &mut Sample) -> Served {
    serving_with(sample, Some(sample.log.clone())).await
}

/// The same, with another log or none.
async fn serving_with(sample: &mut Sample, log: Option<Log>) -> Served {
    let bed = Bed::new();
    let state = ConsoleState::new(log, Some(Arc::new(Reasons)))
        .guarded_by(bed.access.clone())
        .exported_by(Arc::new(Plain))
        .foreseen_by(Arc::new(table::Expecting));
    *state.write() = std::mem::take(&mut sample.projection);
    state.changed();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, shutdown) = watch::channel(false);
    let server = tokio::spawn(serve(listener, state.clone(), shutdown));
    Served {
        state,
        port,
        stop,
        server,
        token: bed.token("read"),
        bed,
    }
}

impl Served {
    async fn open(&self, path: &str) -> TcpStream {
        let who = format!("Authorization: Bearer {}", self.token);
        self.open_as(path, &who).await
    }

    async fn open_as(&self, path: &str, who: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: t\r\n{who}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Status, headers and body.
    async fn get(&self, path: &str) -> (u16, String, String) {
        Served::answer(self.open(path).await).await
    }

    /// The same as a contact of a unit gets it.
    async fn get_for(&self, unit: &str, path: &str) -> (u16, String, String) {
        let held = self.bed.signed_in("lianluo", &[Role::Contact], &[unit]);
        let who = format!("Cookie: duban={held}");
        Served::answer(self.open_as(path, &who).await).await
    }

    async fn answer(mut stream: TcpStream) -> (u16, String, String) {
        let mut bytes = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes))
            .await
            .unwrap()
            .unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head[9..12].parse().unwrap();
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    async fn end(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(PATIENCE, self.server)
            .await
            .expect("it ends")
            .unwrap()
            .unwrap();
    }
}

/// Reads until the text is there.
async fn until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0u8; 4096];
    let read = async {
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if text.contains(wanted) {
                return text;
            }
            let n = stream.read(&mut chunk).await.unwrap();
            assert!(n > 0, "ended with {text}");
            bytes.extend_from_slice(&chunk[..n]);
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap()
}

#[tokio::test]
async fn every_page_of_a_full_ledger_is_there_with_its_headers() {
    let console = served(Sample::full()).await;
    for path in [
        "/",
        "/ledger/tongliao-2021",
        "/ledger/tongliao-2021?view=duties&light=red",
        "/task/tongliao-2021/10",
        "/o/tongliao-2021/10/unit-03/responsible",
        "/unit/unit-03",
        "/rejections",
        "/healthz",
        "/static/app.css",
        "/static/app.js",
        "/static/icon.svg",
    ] {
        let (status, head, body) = console.get(path).await;
        assert_eq!(status, 200, "{path}");
        assert!(!body.is_empty());
        for header in [
            "content-security-policy: default-src 'none'",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
        ] {
            assert!(head.contains(header), "{path}: {head}");
        }
        // Nothing inline that the policy would have to allow, nothing from elsewhere.
        assert!(!body.contains("<script>") && !body.contains("style="));
        assert!(!body.contains("src=\"http"));
    }
    let (_, _, body) = console.get("/healthz").await;
    assert_eq!(body, "ok");
    console.end().await;
}

#[tokio::test]
async fn the_overview_shows_lights_clock_map_and_notices() {
    let console = served(Sample::full()).await;
    let (_, _, body) = console.get("/").await;
    assert!(body.contains("2021年6月28日 星期一"));
    assert!(body.contains("09:00:00"));
    assert!(body.contains("日志时间"));
    // 1,550 duties of one period each: as many squares.
    assert_eq!(body.matches("<td><a class=\"sq ").count(), 1_550);
    assert!(body.contains("<b id=\"count-red\">222</b>"), "red");
    assert!(body.contains("<b id=\"count-total\">1550</b>"));
    assert_eq!(body.matches("<li class=\"notice").count(), 20);
    assert!(body.contains("市级(40)"));
    console.end().await;
}

#[tokio::test]
async fn hostile_texts_stay_texts() {
    const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";
    let mut sample = Sample::empty();
    sample.directory(Service::Rules);
    sample.adopt_tasks(EVIL, vec![task(10, EVIL)]);
    let id = sample.open("10", "city-spj", Some(day(30)));
    sample.published("city-spj", "p1", "javascript:alert(3)");
    sample.noted("city-spj/p1", EVIL);
    sample.ticked(&id, "city-spj/p1");
    sample.returned(&id, EVIL, day(40));
    sample.submitted_with(&id, false, &["javascript:alert(4)", EVIL]);
    sample.rejected(EVIL);
    let odd = sample.open("10", EVIL, Some(day(30)));
    let console = served(sample).await;
    let search = "/ledger/tongliao-2021?q=%22%3E%3Cscript%3Ealert(5)%3C/script%3E";
    let address = super::address::of_obligation(&odd);
    for path in [
        "/",
        "/ledger/tongliao-2021",
        "/ledger/tongliao-2021?view=duties&unit=%3Cscript%3Ealert(6)%3C/script%3E",
        "/task/tongliao-2021/10",
        "/o/tongliao-2021/10/city-spj/responsible",
        "/rejections",
        "/unit/city-spj",
        "/unit/city-spj?view=head&lang=en",
        search,
        &address,
        &super::address::of_unit(EVIL),
    ] {
        let (status, _, body) = console.get(path).await;
        assert_eq!(status, 200, "{path}");
        assert!(!body.contains("<script>alert"), "{path}");
        assert!(!body.contains("<img"), "{path}");
        assert!(!body.contains("href=\"javascript"), "{path}");
    }
    console.end().await;
}

#[tokio::test]
async fn a_row_leads_to_its_rules_and_a_rule_to_its_row() {
    let mut sample = Sample::empty();
    sample.directory(Service::Rules);
    let mut rule = task(11, "逐件公开");
    rule.part_of = Some("10".to_owned());
    sample.adopt_tasks("台账", vec![task(10, "集中公开"), rule]);
    let served = served(sample).await;
    let (_, _, row) = served.get("/task/tongliao-2021/10").await;
    assert!(
        row.contains(r#"<a href="/task/tongliao-2021/11">第11项 逐件公开</a>"#),
        "{row}"
    );
    let (_, _, rule) = served.get("/task/tongliao-2021/11").await;
    assert!(
        rule.contains(r#"<a href="/task/tongliao-2021/10">第10项</a> › 规则"#),
        "{rule}"
    );
    served.end().await;
}

#[tokio::test]
async fn what_is_not_there_is_said_in_a_page() {
    let console = served(Sample::full()).await;
    for path in [
        "/nowhere",
        "/task/tongliao-2021/99",
        "/task/other/1",
        "/o/tongliao-2021/1/nobody/lead",
        "/unit/nobody",
        "/?ledger=other",
        "/ledger/other",
        "/ledger/tongliao-2021/export/pdf",
        "/file/abc/tongliao-2021/1/unit-00/responsible",
    ] {
        let (status, head, body) = console.get(path).await;
        assert_eq!(status, 404, "{path}");
        assert!(head.contains("text/html"));
        assert!(body.contains("没有找到"));
    }
    console.end().await;
    // Before the first frame there is a page, too.
    let console = served(Sample::empty()).await;
    let (status, _, body) = console.get("/").await;
    assert_eq!(status, 200);
    assert!(body.contains("还没有台账"));
    console.end().await;
}

#[tokio::test]
async fn an_obligation_shows_its_history_and_its_explanation() {
    let mut sample = Sample::new();
    let id = sample.open("10", "city-spj", Some(day(30)));
    sample.overdue(&id);
    let broken = sample.open("10", "city-fail", Some(day(30)));
    let console = served(sample).await;
    let (status, _, body) = console.get(&format!("/o/{id}")).await;
    assert_eq!(status, 200);
    for wanted in [
        "产生责任事项:市行政审批和政务服务局(责任单位),完成时限2021-07-28",
        "转红灯:完成时限2021-07-28已过",
        "尚缺",
        "认可的种类:办事指南",
        "没有发生的事",
        "&#60;b&#62;尚未到时",
    ] {
        assert!(body.contains(wanted), "{wanted}\n{body}");
    }
    // Whoever explains may fail; the page does not.
    let (status, _, body) = console.get(&format!("/o/{broken}")).await;
    assert_eq!(status, 200);
    assert!(!body.contains("没有发生的事"));
    console.end().await;
}

#[tokio::test]
async fn a_history_that_cannot_be_read_is_said_so() {
    let mut sample = Sample::new();
    let id = sample.open("10", "city-spj", Some(day(30)));
    let console = serving_with(&mut sample, None).await;
    let (status, _, body) = console.get(&format!("/o/{id}")).await;
    assert_eq!(status, 200);
    assert!(!body.contains("产生责任事项") && body.contains("日志暂时读不到"));
    console.end().await;
}

#[tokio::test]
async fn a_change_reaches_an_open_page_and_an_open_page_does_not_keep_it_running() {
    let mut sample = Sample::new();
    let id = sample.open("10", "city-spj", Some(day(30)));
    let console = serving(&mut sample).await;
    let mut stream = console.open("/events?ledger=tongliao-2021").await;
    let first = until(&mut stream, "\"red\":0").await;
    assert!(first.contains("text/event-stream"));
    assert!(first.contains("event: change"));
    // A record written behind the console's back, as its follower does.
    sample.projection = std::mem::take(&mut *console.state.write());
    sample.overdue(&id);
    *console.state.write() = sample.projection;
    console.state.changed();
    let second = until(&mut stream, "\"red\":1").await;
    assert!(second.contains("2021年6月28日"));
    console.end().await;
}

#[tokio::test]
async fn the_log_is_read_from_its_start_and_followed() {
    let mut sample = Sample::empty();
    let log = Log::Memory(MemoryLog::new());
    let state = ConsoleState::default();
    let (stop, shutdown) = watch::channel(false);
    let mut changes = state.changes.subscribe();
    sample.directory(Service::Rules);
    let mut expected = append(&log, &sample.last, 0).await;
    let follower = tokio::spawn(follow(log.clone(), state.clone(), shutdown));
    sample.adopt("台账", 36);
    expected = append(&log, &sample.last, expected).await;
    let id = sample.open("10", "city-spj", Some(day(30)));
    expected = append(&log, &sample.last, expected).await;
    let seen = changes.wait_for(|seq| *seq == expected);
    tokio::time::timeout(PATIENCE, seen).await.unwrap().unwrap();
    {
        let projection = state.read();
        let duty = projection.duty(&id).unwrap();
        assert_eq!(duty.history.first().next(), Some(Place::new(expected, 0)));
    }
    stop.send_replace(true);
    let ended = tokio::time::timeout(PATIENCE, follower).await.unwrap();
    assert_eq!(ended.unwrap(), Ok(()));
}

async fn append(log: &Log, frame: &Arc<Frame>, expected: u64) -> u64 {
    assert!(
        frame
            .records
            .iter()
            .all(|record| !matches!(record.body, Body::ClockAdvanced(_)))
    );
    log.append(Arc::clone(frame), expected).await.unwrap()
}

#[tokio::test]
async fn a_units_inbox_holds_what_its_people_were_told_and_one_message_ends_for_all_in_it() {
    let mut sample = Sample::empty();
    sample.directory(Service::Rules);
    sample.adopt_tasks("台账", vec![task(10, "集中公开"), task(11, "逐件公开")]);
    let mut notices = Vec::new();
    for row in ["10", "11"] {
        let id = sample.open(row, "city-spj", Some(day(30)));
        let notice = sample.requested(&id, "before:5wd");
        sample.queued(&id, &notice, "before:5wd");
        notices.push(notice);
    }
    let bundle = Body::NoticeBundled(NoticeBundled {
        notice: "00000000000000000000000000000001".to_owned(),
        covers: notices,
        contact: "city-spj/contact".to_owned(),
        contact_title: "政务公开联络员".to_owned(),
        channel: Channel::Inbox,
        address: None,
        subject: "【汇总】2项".to_owned(),
        text: String::new(),
    });
    sample.write(Service::Notifier, bundle);
    sample.attempted("00000000000000000000000000000001", 1);
    sample.delivered("00000000000000000000000000000001", 1);
    let served = served(sample).await;
    let (_, _, unit) = served.get("/unit/city-spj").await;
    let inbox = unit.split("站内信箱").nth(1).expect("an inbox");
    assert!(inbox.contains("最近 2 条"), "{inbox}");
    assert_eq!(inbox.matches("已送达").count(), 2, "{inbox}");
    let (_, _, other) = served.get("/unit/city-bgs").await;
    assert!(!other.contains("已送达"), "{other}");
    served.end().await;
}

#[tokio::test]
async fn a_silence_is_in_sight_as_long_as_it_lasts() {
    let mut sample = Sample::empty();
    sample.directory(Service::Rules);
    sample.adopt_tasks("台账", vec![task(10, "集中公开")]);
    let set = SilenceSet {
        silence: "s-1".to_owned(),
        ledger: None,
        task: Some("10".to_owned()),
        unit: None,
        maintenance: false,
        until: "2021-10-08T00:00:00+08:00".parse().expect("an instant"),
        by: "督查科<b>".to_owned(),
        reason: "机构改革".to_owned(),
    };
    let since = set.until.plus_millis(-1);
    sample.write(
        Service::Notifier,
        Body::SilenceNoted(SilenceNoted { set, since }),
    );
    let before = served(sample).await;
    let (_, _, page) = before.get("/").await;
    assert!(page.contains("静默中:第10项的通知至"), "{page}");
    assert!(!page.contains("督查科<b>"), "{page}");
    before.end().await;

    let mut sample = Sample::empty();
    sample.directory(Service::Rules);
    sample.adopt_tasks("台账", vec![task(10, "集中公开")]);
    let after = served(sample).await;
    let (_, _, page) = after.get("/").await;
    assert!(!page.contains("静默中"), "{page}");
    after.end().await;
}

//! Acts as people send them, over a bound loopback listener: what reaches the inbox, what is refused,
//! and what the page says of it.

use std::fmt::Write as _;
use std::time::Duration;

use duban_journal::{Log, MemoryLog};
use duban_model::decision::RejectionRecorded;
use duban_model::fact::TaskAct;
use duban_model::{Body, Envelope, Service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::ACTS_AT_ONCE;
use crate::access::Role;
use crate::access::bed::Bed;
use crate::sample::{LEDGER, Plain, Sample, day, task};
use crate::serve;
use crate::state::ConsoleState;

/// How long a test waits for anything, before it is a failure.
const PATIENCE: Duration = Duration::from_secs(30);
const NONCE: &str = "0123456789abcdef";
const OURS: &str = "tongliao-2021/1/unit-03/responsible";
const SUBMITTED: &str = "tongliao-2021/2/unit-03/responsible";
const THEIRS: &str = "tongliao-2021/1/unit-04/responsible";
const WAITING: &str = "tongliao-2021/3/unit-04/responsible";

/// A console with duties of two units, and nobody who decides: what is sent stays in the inbox.
struct Office {
    bed: Bed,
    port: u16,
    log: Log,
    state: ConsoleState,
    sample: Sample,
    files: tempfile::TempDir,
    _stop: watch::Sender<bool>,
}

/// Somebody who is signed in.
struct Who {
    session: String,
    key: String,
}

impl Office {
    async fn open() -> Office {
        let bed = Bed::new();
        let mut sample = Sample::empty();
        sample.directory(Service::Rules);
        let tasks = ["公开规划", "公开预算", "=1+1"];
        let tasks = (1..).zip(tasks).map(|(n, title)| task(n, title)).collect();
        sample.adopt_tasks("台账", tasks);
        sample.open("1", "unit-03", Some(day(30)));
        let submitted = sample.open("2", "unit-03", Some(day(30)));
        sample.submitted(&submitted, false);
        let red = sample.open("1", "unit-04", Some(day(0)));
        sample.overdue(&red);
        sample.open("3", "unit-04", None);
        let log = Log::Memory(MemoryLog::new());
        let files = tempfile::tempdir().unwrap();
        let state = ConsoleState::new(Some(log.clone()), None)
            .guarded_by(bed.access.clone())
            .exported_by(std::sync::Arc::new(Plain))
            .keeping_files_in(files.path().to_owned());
        *state.write() = std::mem::take(&mut sample.projection);
        state.changed();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, shutdown) = watch::channel(false);
        tokio::spawn(serve(listener, state.clone(), shutdown));
        Office {
            bed,
            port,
            log,
            state,
            sample,
            files,
            _stop: stop,
        }
    }

    fn who(&self, name: &str, role: Role, units: &[&str]) -> Who {
        let session = self.bed.signed_in(name, &[role], units);
        let key = self.bed.form_key(&session);
        Who { session, key }
    }

    fn contact(&self) -> Who {
        self.who("li", Role::Contact, &["unit-03"])
    }

    fn clerk(&self) -> Who {
        self.who("wang", Role::Office, &[])
    }

    async fn ask(&self, who: &Who, head: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let request = format!(
            "{head}host: t\r\nconnection: close\r\ncookie: duban={}\r\ncontent-length: {}\r\n\r\n{body}",
            who.session,
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        (text[9..12].parse().unwrap(), text)
    }

    async fn get(&self, who: &Who, path: &str) -> (u16, String) {
        self.ask(who, &format!("GET {path} HTTP/1.1\r\n"), "").await
    }

    /// Sends a form without files; its key is the first field.
    async fn send(&self, who: &Who, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let mut all = vec![("form_key", who.key.as_str()), ("nonce", NONCE)];
        all.extend(fields);
        let body = serde_urlencoded::to_string(all).unwrap();
        let head =
            format!("POST {path} HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded\r\n");
        self.ask(who, &head, &body).await
    }

    /// The same with a file.
    async fn send_with(
        &self,
        who: &Who,
        path: &str,
        fields: &[(&str, &str)],
        (name, content): (&str, &str),
    ) -> (u16, String) {
        let mut body = String::new();
        let mut all = vec![("form_key", who.key.as_str()), ("nonce", NONCE)];
        all.extend(fields);
        for (field, text) in all {
            let _ = write!(
                body,
                "--b\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{text}\r\n"
            );
        }
        let _ = write!(
            body,
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{content}\r\n--b--\r\n"
        );
        let head =
            format!("POST {path} HTTP/1.1\r\ncontent-type: multipart/form-data; boundary=b\r\n");
        self.ask(who, &head, &body).await
    }

    async fn inbox(&self) -> Vec<Envelope> {
        if self.log.inbox_head().await.unwrap() == 0 {
            return Vec::new();
        }
        let mut inbox = self.log.follow_inbox(0).await.unwrap();
        let sent = inbox.next(1_000).await.unwrap();
        let all = sent.iter();
        all.map(|message| Envelope::parse(&message.bytes).unwrap())
            .collect()
    }

    /// What was sent about duties, each with its kind.
    async fn acts(&self) -> Vec<(String, TaskAct)> {
        let all = self.inbox().await;
        all.iter()
            .filter_map(|event| Some((event.kind.as_str().to_owned(), event.body.act()?.clone())))
            .collect()
    }

    /// The intake refuses what was sent.
    fn refuse(&mut self, event: &Envelope, code: &str) {
        let body = Body::RejectionRecorded(RejectionRecorded {
            code: code.to_owned(),
            found: String::new(),
            expected: String::new(),
            remedy: String::new(),
            event_type: None,
            event_source: Some(event.source.clone()),
            event_id: Some(event.id.clone()),
            excerpt: None,
            seen: None,
        });
        self.sample.projection = std::mem::take(&mut *self.state.write());
        self.sample.write(Service::Intake, body);
        *self.state.write() = std::mem::take(&mut self.sample.projection);
        self.state.changed();
    }
}

fn location(page: &str) -> &str {
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix("location: "));
    line.unwrap_or_default()
}

#[tokio::test]
async fn a_contact_finds_the_forms_of_own_duties_and_what_is_sent_bears_the_name() {
    let office = Office::open().await;
    let li = office.contact();
    let (_, page) = office.get(&li, &format!("/o/{OURS}")).await;
    for form in ["accept", "progress", "submit", "extend", "disown"] {
        assert!(page.contains(&format!("id=\"act-{form}\"")), "{form}");
    }
    for not in [
        "act-verify",
        "act-waive",
        "act-delegate",
        "http-equiv=\"refresh\"",
    ] {
        assert!(!page.contains(not), "{not}");
    }
    let to = format!("/act/unit/{OURS}");
    let (status, answer) = office.send(&li, &to, &[("act", "accept")]).await;
    assert_eq!(status, 303, "{answer}");
    let there = location(&answer);
    assert!(there.starts_with(&format!("/o/{OURS}?r=")), "{there}");
    let (_, page) = office.get(&li, there).await;
    assert!(
        page.contains("已收到") && page.contains("data-again"),
        "{page}"
    );
    // The same form once more is the same act.
    office.send(&li, &to, &[("act", "accept")]).await;
    let sent = office.inbox().await;
    assert!(sent.iter().all(|event| event.id == sent[0].id));
    let (_, act) = office.acts().await.remove(0);
    assert_eq!(act.by.as_deref(), Some("li li"));
    assert_eq!(act.unit.as_deref(), Some("unit-03"));
    assert_eq!(act.note.as_deref(), Some("登录后在网页办理"));
}

#[tokio::test]
async fn a_report_brings_links_and_files_and_no_path_reaches_the_disk() {
    let office = Office::open().await;
    let li = office.contact();
    let to = format!("/act/unit/{OURS}");
    let fields = [
        ("act", "submit"),
        ("links", "https://example.cn/1"),
        ("said", "已公开"),
    ];
    let file = ("../../../etc/规划.pdf", "%PDF-1.7 text");
    let (status, answer) = office.send_with(&li, &to, &fields, file).await;
    assert_eq!(status, 303, "{answer}");
    let (kind, act) = office.acts().await.remove(0);
    assert_eq!(kind, "duban.task.submitted");
    assert_eq!(act.evidence[0], "https://example.cn/1");
    let (digest, name) = crate::answer::file_of(&act.evidence[1]).unwrap();
    assert_eq!(name, "规划.pdf");
    let kept: Vec<_> = std::fs::read_dir(office.files.path()).unwrap().collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].as_ref().unwrap().file_name(), *digest);
    // What is wrong is said beside what was filled in, and nothing is sent.
    let odd = ("a.exe", "MZ");
    let (status, page) = office.send_with(&li, &to, &fields, odd).await;
    assert_eq!(status, 422);
    assert!(
        page.contains("格式不受理") && page.contains(">已公开</textarea>"),
        "{page}"
    );
    let (status, page) = office.send(&li, &to, &[("act", "submit")]).await;
    assert!(status == 422 && page.contains("报送没有内容"));
    assert!(
        page.contains("class=\"flash bad still\""),
        "following would wipe it: {page}"
    );
    let (status, page) = office
        .send(&li, &to, &[("act", "extend"), ("due", "2021-07-01")])
        .await;
    assert!(status == 422 && page.contains("没有填写理由"), "{page}");
    assert_eq!(office.acts().await.len(), 1);
}

#[tokio::test]
async fn nobody_acts_on_what_is_not_theirs() {
    let office = Office::open().await;
    let li = office.contact();
    let accept = [("act", "accept")];
    let (status, _) = office
        .send(&li, &format!("/act/unit/{THEIRS}"), &accept)
        .await;
    assert_eq!(status, 404);
    let (status, _) = office
        .send(&li, &format!("/act/office/{OURS}"), &[("act", "verify")])
        .await;
    assert_eq!(status, 403);
    let (status, _) = office
        .send(&li, &format!("/act/unit/{OURS}"), &[("act", "verify")])
        .await;
    assert_eq!(status, 400);
    let (status, _) = office
        .send(&li, "/acts/unit/unit-04", &[("o", THEIRS)])
        .await;
    assert_eq!(status, 404);
    let (status, _) = office
        .send(&li, "/acts/unit/unit-03", &[("o", THEIRS)])
        .await;
    assert_eq!(status, 404);
    let forged = Who {
        key: "0".repeat(64),
        ..office.contact()
    };
    let (status, _) = office
        .send(&forged, &format!("/act/unit/{OURS}"), &accept)
        .await;
    assert_eq!(status, 403);
    let auditor = office.who("shen", Role::Auditor, &[]);
    let (_, page) = office.get(&auditor, &format!("/o/{OURS}")).await;
    assert!(page.contains("现在没有您可以办理的") && !page.contains("<textarea"));
    let head = office.who("zhao", Role::Head, &["unit-03"]);
    let (_, page) = office.get(&head, &format!("/o/{OURS}")).await;
    assert!(page.contains("act-accept") && !page.contains("act-extend"));
    let (status, _) = office
        .send(&head, &format!("/act/unit/{OURS}"), &accept)
        .await;
    assert_eq!(status, 403);
    assert!(office.inbox().await.is_empty());
    let (status, _) = office
        .send(&head, &format!("/act/sign/{OURS}"), &accept)
        .await;
    assert_eq!(status, 303);
    assert_eq!(office.acts().await.len(), 1);
}

#[tokio::test]
async fn the_office_does_what_the_state_allows_each_with_its_reason() {
    let office = Office::open().await;
    let wang = office.clerk();
    let to = format!("/act/office/{SUBMITTED}");
    let (_, page) = office.get(&wang, &format!("/o/{SUBMITTED}")).await;
    assert!(page.contains("act-verify") && page.contains("act-return"));
    assert!(!page.contains("act-grant") && !page.contains("act-accept"));
    let (status, page) = office.send(&wang, &to, &[("act", "return")]).await;
    assert!(status == 422 && page.contains("没有填写理由"));
    for (to, fields, kind) in [
        (SUBMITTED, vec![("act", "verify")], "verified"),
        (
            SUBMITTED,
            vec![("act", "return"), ("reason", "缺附件")],
            "returned",
        ),
        (
            OURS,
            vec![
                ("act", "grant"),
                ("due", "2021-08-30"),
                ("reason", "情况属实"),
            ],
            "extension_approved",
        ),
        (
            OURS,
            vec![("act", "waive"), ("reason", "职能划转")],
            "waived",
        ),
        (
            OURS,
            vec![("act", "stop"), ("reason", "等待上级")],
            "stopped",
        ),
        (
            WAITING,
            vec![("act", "trigger"), ("due", "2021-12-01")],
            "triggered",
        ),
    ] {
        let (status, page) = office
            .send(&wang, &format!("/act/office/{to}"), &fields)
            .await;
        assert_eq!(status, 303, "{kind}: {page}");
        let acts = office.acts().await;
        assert_eq!(acts.last().unwrap().0, format!("duban.task.{kind}"));
    }
    let trigger = format!("/trigger/{LEDGER}/3");
    let (status, _) = office.send(&wang, &trigger, &[("due", "2021-01-01")]).await;
    assert_eq!(status, 422);
    let (status, _) = office.send(&wang, &trigger, &[("due", "2021-12-01")]).await;
    assert_eq!(status, 303);
    assert_eq!(office.acts().await.last().unwrap().1.unit, None);
}

#[tokio::test]
async fn several_are_confirmed_sent_once_and_told_one_by_one() {
    let mut office = Office::open().await;
    let wang = office.clerk();
    let (_, page) = office
        .get(&wang, &format!("/ledger/{LEDGER}?view=duties"))
        .await;
    assert!(page.contains("name=\"shown\"") && page.contains("name=\"deed\""));
    let (_, of_contact) = office
        .get(&office.contact(), &format!("/ledger/{LEDGER}?view=duties"))
        .await;
    assert!(!of_contact.contains("name=\"deed\""));
    let chosen = [("o", OURS), ("o", THEIRS), ("o", SUBMITTED), ("o", WAITING)];
    let mut fields = vec![("deed", "grant")];
    fields.extend(chosen);
    let confirm = format!("/acts/office/{LEDGER}");
    let (status, page) = office.send(&wang, &confirm, &fields).await;
    assert_eq!(status, 200);
    assert!(
        page.contains("不办理的") && page.contains("不能批准延期"),
        "{page}"
    );
    assert_eq!(page.matches("name=\"o\"").count(), 2);
    assert!(
        office.inbox().await.is_empty(),
        "nothing happens before it is confirmed"
    );
    let act = format!("/acts/do/{LEDGER}");
    let (status, page) = office.send(&wang, &act, &fields).await;
    assert!(status == 422 && page.contains("没有填写理由"));
    fields.extend([("reason", "汛情"), ("due", "2021-07-15")]);
    let (status, answer) = office.send(&wang, &act, &fields).await;
    assert_eq!(status, 303, "{answer}");
    let done = location(&answer).to_owned();
    // One has a later date than the one chosen, which is told at once.
    let sent = office.inbox().await;
    office.send(&wang, &act, &fields).await;
    let again = office.inbox().await;
    let ids = |all: &[Envelope]| -> std::collections::BTreeSet<String> {
        all.iter().map(|event| event.id.clone()).collect()
    };
    assert_eq!(ids(&sent), ids(&again), "pressed twice, sent once");
    office.refuse(&sent[0], "wrong-state");
    let (_, page) = office.get(&wang, &done).await;
    assert!(
        page.contains("没有受理") && page.contains("事项的状态已经变化"),
        "{page}"
    );
    assert!(
        page.contains("不晚于现行完成时限") && page.contains("处理中"),
        "{page}"
    );
    let other = office.who("zhang", Role::Office, &[]);
    assert_eq!(office.get(&other, &done).await.0, 404);
    let many: Vec<String> = (0..=ACTS_AT_ONCE).map(|n| format!("x/{n}")).collect();
    let mut fields = vec![("deed", "verify")];
    fields.extend(many.iter().map(|id| ("o", id.as_str())));
    let (status, page) = office.send(&wang, &confirm, &fields).await;
    assert!(status == 422 && page.contains("最多200件"), "{page}");
}

#[tokio::test]
async fn a_contact_signs_all_that_is_listed_on_the_page_of_the_unit() {
    let office = Office::open().await;
    let li = office.contact();
    let (_, page) = office.get(&li, "/unit/unit-03").await;
    assert!(page.contains("action=\"/acts/unit/unit-03\""), "{page}");
    let fields = [("all", "1"), ("shown", OURS)];
    let (status, answer) = office.send(&li, "/acts/unit/unit-03", &fields).await;
    assert_eq!(status, 303, "{answer}");
    assert_eq!(office.acts().await[0].0, "duban.task.accepted");
    let (_, page) = office.get(&li, location(&answer)).await;
    assert!(page.contains("处理中") && page.contains("公开规划"));
    let (status, _) = office.send(&li, "/acts/unit/unit-03", &[]).await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn a_silence_has_a_scope_an_end_and_a_reason() {
    let office = Office::open().await;
    let wang = office.clerk();
    let whole = [
        ("kind", "silence"),
        ("unit", "第3单位"),
        ("until", "2021-07-10"),
        ("reason", "机构改革"),
    ];
    for left_out in ["unit", "until", "reason"] {
        let fields: Vec<_> = whole
            .into_iter()
            .filter(|(name, _)| *name != left_out)
            .collect();
        assert_eq!(
            office.send(&wang, "/silences", &fields).await.0,
            422,
            "{left_out}"
        );
    }
    assert_eq!(office.send(&wang, "/silences", &whole).await.0, 303);
    let sent = office.inbox().await;
    let Body::SilenceSet(set) = &sent[0].body else {
        panic!("{:?}", sent[0]);
    };
    assert_eq!(set.unit.as_deref(), Some("unit-03"));
    assert_eq!(
        set.until.shown_in(duban_model::Zone::SHANGHAI),
        "2021-07-11T00:00:00+08:00"
    );
    assert_eq!(set.by, "wang wang");
    let (status, page) = office
        .send(&wang, "/silences/lift", &[("silence", "none")])
        .await;
    assert!(status == 422 && page.contains("已经结束"));
    assert_eq!(office.get(&office.contact(), "/silences").await.0, 403);
}

#[tokio::test]
async fn a_draft_tells_what_is_overdue_by_unit_and_one_by_one() {
    let office = Office::open().await;
    let wang = office.clerk();
    let there = format!("/ledger/{LEDGER}/circular");
    let (status, draft) = office.get(&wang, &there).await;
    assert_eq!(status, 200);
    for part in [
        "关于台账逾期未办结事项的通报",
        "各有关单位",
        "逾期未办结1件,涉及1个单位",
        "第4单位全称",
        "第1项 公开规划",
        "通辽市行政审批和政务服务局",
    ] {
        assert!(draft.contains(part), "{part}: {draft}");
    }
    assert_eq!(office.get(&office.contact(), &there).await.0, 403);
    let (status, page) = office.get(&wang, "/notices").await;
    assert!(status == 200 && page.contains("没有符合条件的通知"));
    assert_eq!(
        office
            .send(&wang, "/notices/retry", &[("notice", "none")])
            .await
            .0,
        404
    );
}

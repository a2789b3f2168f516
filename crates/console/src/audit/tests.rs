//! The page as an auditor finds it, and who does not.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use duban_model::decision::ObligationActed;
use duban_model::fact::TaskAct;
use duban_model::{Body, RecordId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;
use crate::access::Role;
use crate::access::bed::Bed;
use crate::sample::{Plain, Sample, day, task};
use crate::serve;
use crate::state::ConsoleState;

/// How long a test waits for anything, before it is a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// Finds what the heads say, once it is let go.
struct Looking(Mutex<Receiver<()>>);

impl Verify for Looking {
    fn verify(&self, heads: &str, _: Duration) -> Result<Verdict, String> {
        self.0.lock().unwrap().recv().unwrap();
        let service = Chained {
            service: Service::Rules,
            frames: 7,
            records: 9,
            first: None,
            last: None,
            seq: 12,
            digest: "ab".repeat(32),
            since: Some(1),
        };
        let finding = Finding {
            service: Some(Service::Rules),
            seq: 12,
            expected: "甲".to_owned(),
            found: "<b>乙</b>".to_owned(),
            meaning: "the log was rewritten".to_owned(),
        };
        let is_bad = !heads.is_empty();
        Ok(Verdict {
            through: 12,
            whole: true,
            services: vec![service],
            notices: 3,
            heads: (u64::from(is_bad), 0),
            findings: if is_bad { vec![finding] } else { Vec::new() },
            found: u64::from(is_bad),
        })
    }
}

struct Office {
    bed: Bed,
    port: u16,
    _stop: watch::Sender<bool>,
}

impl Office {
    async fn open(mut sample: Sample, verify: Arc<dyn Verify>) -> Office {
        let bed = Bed::new();
        let state = ConsoleState::new(Some(sample.log.clone()), None)
            .guarded_by(bed.access.clone())
            .exported_by(Arc::new(Plain))
            .audited_by(Auditing::new(verify));
        *state.write() = std::mem::take(&mut sample.projection);
        state.changed();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, shutdown) = watch::channel(false);
        tokio::spawn(serve(listener, state, shutdown));
        Office {
            bed,
            port,
            _stop: stop,
        }
    }

    async fn ask(&self, session: &str, head: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let request = format!(
            "{head} HTTP/1.1\r\nhost: t\r\nconnection: close\r\ncookie: duban={session}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        (text[9..12].parse().unwrap(), text)
    }

    async fn get(&self, session: &str, path: &str) -> (u16, String) {
        self.ask(session, &format!("GET {path}"), "").await
    }

    async fn until(&self, session: &str, wanted: &str) -> String {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let (_, page) = self.get(session, "/audit").await;
            if page.contains(wanted) {
                return page;
            }
            assert!(tokio::time::Instant::now() < end, "no {wanted}: {page}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn idle() -> Arc<dyn Verify> {
    Arc::new(Looking(Mutex::new(channel().1)))
}

#[tokio::test]
async fn a_check_runs_beside_the_page_one_at_a_time_and_says_what_it_found() {
    let (go, wait) = channel();
    let office = Office::open(Sample::new(), Arc::new(Looking(Mutex::new(wait)))).await;
    let auditor = office.bed.signed_in("shen", &[Role::Auditor], &[]);
    let key = office.bed.form_key(&auditor);
    let (status, page) = office.get(&auditor, "/audit").await;
    assert!(status == 200 && page.contains("还没有核对过"), "{page}");
    let verify = "POST /audit/verify";
    let send = |heads: &str| format!("form_key={key}&heads={heads}");
    assert_eq!(office.ask(&auditor, verify, &send("")).await.0, 303);
    // The page does not wait for it, and a second one is not begun.
    let (_, page) = office.get(&auditor, "/audit").await;
    assert!(
        page.contains("正在核对") && !page.contains("现在核对"),
        "{page}"
    );
    let (_, said) = office.ask(&auditor, verify, &send("")).await;
    assert!(said.contains("location: /audit?said=running"), "{said}");
    go.send(()).unwrap();
    let page = office.until(&auditor, "日志完整").await;
    for part in [
        "3份通知的过程齐全",
        "核对到第12帧",
        &"ab".repeat(32),
        "shen",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(office.ask(&auditor, verify, &send("x")).await.0, 303);
    go.send(()).unwrap();
    let page = office.until(&auditor, "日志有问题").await;
    assert!(
        page.contains("&#60;b&#62;乙") && !page.contains("<b>乙</b>"),
        "{page}"
    );
    let clerk = office.bed.signed_in("wang", &[Role::Office], &[]);
    assert_eq!(office.get(&clerk, "/audit").await.0, 403);
    let key = office.bed.form_key(&clerk);
    let (status, _) = office.ask(&clerk, verify, &format!("form_key={key}")).await;
    assert_eq!(status, 403);
}

fn act(by: &str, reason: &str) -> TaskAct {
    TaskAct {
        task: "1".to_owned(),
        unit: Some("city-spj".to_owned()),
        role: None,
        period: None,
        occasion: None,
        by: Some(by.to_owned()),
        reason: Some(reason.to_owned()),
        evidence: Vec::new(),
        due: None,
        extend: None,
        contact: None,
        note: None,
    }
}

#[tokio::test]
async fn an_auditor_reads_who_did_what_and_why_and_takes_it_along() {
    let mut sample = Sample::empty();
    sample.directory(Service::Rules);
    sample.adopt_tasks("台账", vec![task(1, "公开规划")]);
    let duty = sample.open("1", "city-spj", Some(day(30)));
    let waived = Body::TaskWaived(act("王科长 wang", "机构撤并<script>"));
    let fact = sample.write(Service::Intake, waived);
    sample.caused(
        fact,
        Body::ObligationWaived(ObligationActed {
            obligation: duty.clone(),
            by: None,
            reason: None,
        }),
    );
    let returned = Body::TaskReturned(act("李科员 li", "=1+1"));
    let refused = sample.write(Service::Intake, returned);
    sample.refused(refused, "not-submitted");
    // What a unit does is no act of the office.
    sample.write(Service::Intake, Body::TaskAccepted(act("联络员", "")));
    let office = Office::open(sample, idle()).await;
    let auditor = office.bed.signed_in("shen", &[Role::Auditor], &[]);
    let (_, page) = office.get(&auditor, "/audit").await;
    for part in [
        "王科长 wang",
        "免办",
        "机构撤并&#60;script&#62;",
        "已生效",
        "[not-submitted]",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(page.contains(&format!("href=\"/o/{duty}\"")), "{page}");
    assert!(!page.contains("<script>") && !page.contains("联络员</td>"));
    assert!(page.contains("1–2 / 2"), "{page}");
    let (_, page) = office
        .get(&auditor, "/audit?sort=returned&outcome=refused")
        .await;
    assert!(
        page.contains("李科员") && !page.contains("王科长"),
        "{page}"
    );
    let (_, page) = office
        .get(&auditor, "/audit?by=%E7%8E%8B&from=2031-01-01")
        .await;
    assert!(page.contains("没有符合条件的办理"), "{page}");
    let (status, file) = office.get(&auditor, "/audit/acts/csv?sort=waived").await;
    assert!(status == 200 && file.contains("content-disposition: attachment"));
    assert!(
        file.contains("王科长 wang|免办") && !file.contains("李科员"),
        "{file}"
    );
    assert_eq!(office.get(&auditor, "/audit/acts/ics").await.0, 404);
    let english = office.get(&auditor, "/audit?lang=en").await.1;
    assert!(english.contains("What the office did") && english.contains("Refused"));
}

#[test]
fn acts_are_kept_within_their_bound() {
    let mut sample = Sample::new();
    for n in 0..=crate::projection::ACTS_KEPT {
        sample.write(Service::Intake, Body::TaskWaived(act("王", &n.to_string())));
    }
    let acts = sample.projection.acts();
    assert_eq!(acts.newest().count(), crate::projection::ACTS_KEPT);
    let oldest = acts.newest().last().unwrap();
    assert_eq!(
        (oldest.reason.as_str(), oldest.record == RecordId::default()),
        ("1", false)
    );
}

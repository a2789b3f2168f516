//! The page behind a link, over a bound loopback listener: who gets it, and who does not.

use std::collections::BTreeMap;
use std::time::Duration;

use duban_journal::{Log, MemoryLog};
use duban_model::decision::DirectoryAdopted;
use duban_model::directory::{Contact, Directory, Unit};
use duban_model::{Body, Envelope, Service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;
use crate::sample::{LEDGER, Sample, day};
use crate::serve;
use crate::state::ConsoleState;

/// How long a test waits for anything, before it is a failure.
const PATIENCE: Duration = Duration::from_secs(20);
const BOUNDARY: &str = "boundary-of-the-test";

/// Letters by the first word of their token: who, and for which duty; `old` ones have ended.
struct Post;

impl Letters for Post {
    fn open(&self, token: &str) -> Option<Letter> {
        let (contact, duty) = match token {
            "ours" | "old" => ("unit-03/office", "10/unit-03"),
            "gone" => ("unit-03/nobody", "10/unit-03"),
            "looks" => ("city-spj/office", "10/unit-03"),
            "nothing" => ("unit-03/office", "99/unit-03"),
            "waived" => ("unit-03/office", "11/unit-03"),
            "several" => ("unit-03/office", "digest"),
            "elsewhere" => ("unit-03/office", "10/unit-03"),
            _ => return None,
        };
        let tenant = if token == "elsewhere" {
            "other"
        } else {
            "tongliao"
        };
        let day = day(if token == "old" { 1 } else { 90 });
        Some(Letter {
            tenant: tenant.to_owned(),
            contact: contact.to_owned(),
            obligation: format!("{LEDGER}/{duty}/responsible"),
            notice: RecordId::derive(&[token.as_bytes()]),
            until: duban_model::Zone::SHANGHAI.instant(day, chrono::NaiveTime::MIN),
        })
    }

    fn token(&self, letter: &Letter) -> Option<String> {
        Some(format!("to-{}", letter.obligation.replace('/', "-")))
    }

    fn now(&self) -> Option<Timestamp> {
        let day = day(30);
        Some(duban_model::Zone::SHANGHAI.instant(day, chrono::NaiveTime::MIN))
    }
}

fn contact(id: &str, title: &str) -> Contact {
    Contact {
        id: id.to_owned(),
        title: title.to_owned(),
        mail: None,
        channels: Vec::new(),
        away: Vec::new(),
    }
}

fn unit(name: &str, contacts: Vec<Contact>) -> Unit {
    Unit {
        name: name.to_owned(),
        short: Vec::new(),
        level: String::new(),
        kind: String::new(),
        groups: Vec::new(),
        superior: None,
        certainty: None,
        hours: None,
        contacts,
        leader: None,
        formerly: Vec::new(),
    }
}

struct Served {
    port: u16,
    state: ConsoleState,
    folder: std::path::PathBuf,
    _stop: watch::Sender<bool>,
}

/// Serves one duty of a unit with two contacts, and one that was waived; answers go to `log`.
async fn served(test: &str, log: Option<Log>) -> Served {
    let mut sample = Sample::empty();
    let people = vec![contact("office", "<联络员>"), contact("other", "同事")];
    let units = BTreeMap::from([
        ("unit-03".to_owned(), unit("第三单位", people)),
        (
            "city-spj".to_owned(),
            unit("主管部门", vec![contact("office", "主管联络员")]),
        ),
    ]);
    let directory = Directory {
        tenant: "tongliao".to_owned(),
        units,
        ..Directory::default()
    };
    let adopted = DirectoryAdopted {
        directory,
        planned: false,
    };
    sample.write(Service::Rules, Body::DirectoryAdopted(adopted));
    sample.adopt("台账", 12);
    sample.open("10", "unit-03", Some(day(60)));
    let waived = sample.open("11", "unit-03", Some(day(60)));
    sample.waived(&waived);
    let ids = [format!("{LEDGER}/10/unit-03/responsible"), waived];
    let covers = ids.map(|id| sample.requested(&id, "due"));
    let bundle = duban_model::gathered::NoticeBundled {
        notice: RecordId::derive(&[b"several"]).to_string(),
        covers: covers.to_vec(),
        contact: "unit-03/office".to_owned(),
        contact_title: "联络员".to_owned(),
        channel: duban_model::directory::Channel::Mail,
        address: None,
        subject: String::new(),
        text: String::new(),
    };
    sample.write(Service::Notifier, Body::NoticeBundled(bundle));
    let mut state = ConsoleState::new(log, None);
    let folder = std::env::temp_dir().join(format!("duban-answer-{test}-{}", std::process::id()));
    state.answering = Some(Answering::new(Arc::new(Post), folder.clone()));
    *state.write() = std::mem::take(&mut sample.projection);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, shutdown) = watch::channel(false);
    tokio::spawn(serve(listener, state.clone(), shutdown));
    Served {
        port,
        state,
        folder,
        _stop: stop,
    }
}

impl Served {
    async fn ask(&self, head: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let request = format!(
            "{head}Host: t\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes))
            .await
            .unwrap()
            .unwrap();
        let text = String::from_utf8(bytes).unwrap();
        (text[9..12].parse().unwrap(), text)
    }

    async fn get(&self, token: &str) -> (u16, String) {
        self.ask(&format!("GET /a/{token} HTTP/1.1\r\n"), "").await
    }

    async fn post(&self, token: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let mut body = String::new();
        for (name, text) in fields {
            body += &[
                "--",
                BOUNDARY,
                "\r\nContent-Disposition: form-data; name=\"",
                name,
            ]
            .concat();
            body += &["\"\r\n\r\n", text, "\r\n"].concat();
        }
        body += &["--", BOUNDARY, "--\r\n"].concat();
        let head = format!(
            "POST /a/{token} HTTP/1.1\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        );
        self.ask(&head, &body).await
    }
}

async fn inbox(log: &Log) -> Vec<Envelope> {
    if log.inbox_head().await.unwrap() == 0 {
        return Vec::new();
    }
    let mut inbox = log.follow_inbox(0).await.unwrap();
    let sent = inbox.next(100).await.unwrap();
    sent.iter()
        .map(|message| Envelope::parse(&message.bytes).unwrap())
        .collect()
}

const ACCEPT: [(&str, &str); 2] = [("act", "accept"), ("nonce", "0123456789abcdef")];

#[tokio::test]
async fn each_letter_leads_where_it_may_and_says_why_not_without_telling_more() {
    let log = Log::Memory(MemoryLog::new());
    let served = served("leads", Some(log.clone())).await;
    for (token, status, says) in [
        ("ours", 200, "待签收"),
        ("looks", 200, "只供查看"),
        ("forged", 403, "链接无效"),
        ("old", 410, "有效期到2021-06-29为止"),
        ("gone", 410, "不在现行通讯录中"),
        ("nothing", 404, "没有找到这个事项"),
        ("elsewhere", 404, "没有找到这个事项"),
        ("waived", 410, "本事项免办"),
    ] {
        let (got, page) = served.get(token).await;
        assert_eq!(got, status, "{token}: {page}");
        assert!(page.contains(says), "{token}: {page}");
        assert_eq!(page.contains("第三单位"), status == 200, "{token}: {page}");
        let (got, page) = served.post(token, &ACCEPT).await;
        let expected = match (token, status) {
            ("ours", _) => 303,
            ("looks", _) => 403,
            (_, status) => status,
        };
        assert_eq!(got, expected, "{token}: {page}");
    }
    let sent = inbox(&log).await;
    assert_eq!(sent.len(), 1, "only who owes was heard");
    assert_eq!(sent[0].source, ANSWER_SOURCE);
    let Body::TaskAccepted(act) = &sent[0].body else {
        panic!("{:?}", sent[0]);
    };
    assert_eq!(act.by.as_deref(), Some("<联络员> unit-03/office"));
    let notice = RecordId::derive(&[b"ours"]).to_string();
    assert!(act.note.as_ref().unwrap().contains(&notice));
    let (_, page) = served.get("ours").await;
    assert!(page.contains("&#60;联络员&#62;"), "{page}");
    assert!(!served.folder.exists(), "no file, no folder");
}

#[tokio::test(start_paused = true)]
async fn the_page_says_so_while_an_answer_is_not_seen_on_the_log_yet() {
    let log = Log::Memory(MemoryLog::new());
    let served = served("seen", Some(log.clone())).await;
    let (_, answer) = served.post("ours", &ACCEPT).await;
    let again = served.post("ours", &ACCEPT).await.1;
    let to = |text: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("location: "));
        line.unwrap().trim().to_owned()
    };
    assert_eq!(to(&answer), to(&again), "one form, one answer");
    let sent = inbox(&log).await;
    assert_eq!(sent[0].id, sent[1].id);
    let path = to(&answer);
    let (status, page) = served.get(path.trim_start_matches("/a/")).await;
    assert_eq!(status, 200);
    assert!(
        page.contains("正在办理") && page.contains("待签收"),
        "{page}"
    );
    assert!(
        served
            .state
            .read()
            .answers()
            .fate(crate::projection::answer_key(&sent[0].id))
            .is_none()
    );
}

#[tokio::test]
async fn an_inbox_that_is_away_is_no_answer() {
    let served = served("away", None).await;
    let (status, page) = served.post("ours", &ACCEPT).await;
    assert_eq!(status, 503, "{page}");
    assert!(page.contains("暂时不能受理"));
}

#[tokio::test]
async fn one_link_may_not_be_used_without_end() {
    let served = served("rate", Some(Log::Memory(MemoryLog::new()))).await;
    for _ in 0..PER_TOKEN.1 {
        assert_eq!(served.post("ours", &ACCEPT[..1]).await.0, 400);
    }
    assert_eq!(served.post("ours", &ACCEPT).await.0, 429);
    assert_eq!(served.get("ours").await.0, 200);
}

#[tokio::test]
async fn a_message_for_several_duties_leads_to_each_that_is_open() {
    let served = served("several", Some(Log::Memory(MemoryLog::new()))).await;
    let (status, page) = served.get("several").await;
    assert_eq!(status, 200, "{page}");
    assert!(
        page.contains("2个责任事项") && page.contains("第11项"),
        "{page}"
    );
    assert_eq!(page.matches("href=\"/a/").count(), 1, "{page}");
    assert!(page.contains("/a/to-tongliao-2021-10-unit-03-responsible"));
    assert_eq!(served.post("several", &ACCEPT).await.0, 404);
}

/// A browser sends a field without name and content where no file was chosen. However the network
/// cuts it in pieces, no file came along.
#[tokio::test]
async fn where_no_file_was_chosen_none_came_along() {
    let folder = tempfile::tempdir().unwrap();
    let body = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"said\"\r\n\r\n已办\r\n\
         --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n\r\n--{BOUNDARY}--\r\n"
    );
    for piece in 1..=body.len() {
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> = body
            .as_bytes()
            .chunks(piece)
            .map(|bytes| Ok(bytes.to_vec()))
            .collect();
        let request = axum::extract::Request::builder()
            .method("POST")
            .header(
                "content-type",
                format!("multipart/form-data; boundary={BOUNDARY}"),
            )
            .body(axum::body::Body::from_stream(futures::stream::iter(pieces)))
            .unwrap();
        let form = act::read(Some(folder.path()), request).await.unwrap();
        assert_eq!(form.fault, None, "in pieces of {piece}");
        assert!(form.files.is_empty(), "in pieces of {piece}");
        assert_eq!(form.filled.said, "已办", "in pieces of {piece}");
    }
}

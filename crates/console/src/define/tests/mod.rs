//! A workshop for tests, and what of these pages needs no real one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use duban_model::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::draft::Draft;
use super::version::lines;
use super::{
    Checked, Defining, Deployed, Document, FieldFaults, Files, Order, Outline, Outlook, Person,
    Planned, Previewed, Reading, TaskDue, TaskForm, Version, Wish, Workshop,
};
use crate::access::Role;
use crate::access::bed::Bed;
use crate::sample::{Sample, day};
use crate::serve;
use crate::state::ConsoleState;

/// The draft that is there, of the sample's office.
pub(crate) const DRAFT: &str = "00000000000000d1";

/// Finds nothing wrong and nothing to do.
struct Idle;

impl Workshop for Idle {
    fn read(&self, _: &Document<'_>) -> Result<Reading, String> {
        Err("读不懂".to_owned())
    }

    fn check(&self, _: &Files) -> Checked {
        Checked {
            ledger: Some("tongliao-2021".to_owned()),
            ..Checked::default()
        }
    }

    fn plan(&self, _: &Files, _: Duration) -> Result<Planned, String> {
        Ok(Planned::default())
    }

    fn outlook(&self, _: &Files, _: Duration) -> Result<Outlook, String> {
        Ok(Outlook::default())
    }

    fn deploy(&self, _: &Files, _: &Order<'_>, _: Duration) -> Result<Deployed, String> {
        Ok(Deployed::Stale)
    }

    fn preview(&self, _: &Files, wish: &Wish) -> Result<Previewed, String> {
        Ok(Previewed {
            subject: "【提醒】<b>主题</b>".to_owned(),
            text: "正文 <script>alert(1)</script>".to_owned(),
            html: Some("<p style=\"margin:0\">&lt;script&gt;</p>".to_owned()),
            duty: wish.duty.as_ref().map(|duty| duty.id.clone()),
            ..Previewed::default()
        })
    }

    fn versions(&self, _: &str, _: Duration) -> Result<Vec<Version>, String> {
        Ok(Vec::new())
    }

    fn in_force(&self, _: &str, _: Duration) -> Result<Files, String> {
        Ok(Files::new())
    }

    fn outline(&self, _: &Files) -> Option<Outline> {
        let day = chrono::NaiveDate::from_ymd_opt(2021, 12, 31)?;
        Some(Outline {
            ledger: "tongliao-2021".to_owned(),
            title: "台账".to_owned(),
            tenant: "tongliao".to_owned(),
            issued: chrono::NaiveDate::from_ymd_opt(2021, 6, 28)?,
            ends: day,
            years: vec![2021],
            units: vec![("city-spj".to_owned(), "市审批局<script>".to_owned())],
            groups: vec![("旗县".to_owned(), 9)],
            tasks: vec![TaskForm {
                id: "1".to_owned(),
                is_new: false,
                outside: false,
                part_of: String::new(),
                section: "一".to_owned(),
                subsection: String::new(),
                title: "公开规划".to_owned(),
                text: "公开规划。".to_owned(),
                units_phrase: "市审批局".to_owned(),
                deadline_phrase: String::new(),
                required: true,
                urgent: false,
                due: TaskDue::Day(day),
                owners: Vec::new(),
                remark: String::new(),
            }],
        })
    }

    fn with_task(
        &self,
        files: &Files,
        task: &TaskForm,
        _: Duration,
    ) -> Result<(String, Files), FieldFaults> {
        let id = if task.id.is_empty() { "2" } else { &task.id };
        Ok((id.to_owned(), files.clone()))
    }

    fn people(&self, _: &str) -> Option<Vec<Person>> {
        Some(Vec::new())
    }

    fn with_people(&self, directory: &str, _: &[Person]) -> Result<String, String> {
        Ok(directory.to_owned())
    }
}

/// Definitions with one draft, kept in a folder.
pub(crate) fn defining(folder: &Path) -> Defining {
    let defining = Defining::new(Arc::new(Idle), folder.join("drafts"));
    let draft = Draft {
        id: DRAFT.to_owned(),
        tenant: "tongliao".to_owned(),
        title: "台账<script>".to_owned(),
        files: [("tasks.yaml".to_owned(), "tasks: []\n".to_owned())].into(),
        ..Draft::default()
    };
    let kept = defining.drafts.add(draft, None, Timestamp(0));
    kept.expect("an empty folder takes it");
    defining
}

#[test]
fn a_comparison_shows_what_changed_with_its_line_numbers() {
    let old = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n";
    let new = "a\nb\nC\nd\ne\nf\ng\nh\ni\nj\nk\nl\n";
    let all = lines(old, new);
    let of = |class| {
        let lines = all.iter().filter(move |line| line.class == class);
        let told = lines.map(|line| format!("{}{}{}", line.old, line.mark, line.text));
        told.collect::<Vec<_>>()
    };
    assert_eq!(of("out"), ["3-c"]);
    assert_eq!(of("in"), ["+C", "+l"]);
    assert_eq!(of("gap").len(), 1);
    assert!(lines(old, old).is_empty());
}

#[tokio::test]
async fn work_is_done_one_piece_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let defining = defining(folder.path());
    let (begun, wait) = std::sync::mpsc::channel();
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let first = defining.clone();
    let first = tokio::spawn(async move {
        let work = first.work(move |_| {
            begun.send(()).unwrap();
            gone.recv().unwrap();
            1
        });
        work.await
    });
    tokio::task::spawn_blocking(move || wait.recv().unwrap())
        .await
        .unwrap();
    let second = defining.clone();
    let second = tokio::spawn(async move { second.work(|_| 2).await });
    tokio::task::yield_now().await;
    assert!(!second.is_finished(), "it waits for the first");
    go.send(()).unwrap();
    assert_eq!(first.await.unwrap(), Ok(1));
    assert_eq!(second.await.unwrap(), Ok(2));
}

#[tokio::test]
async fn a_preview_shows_a_mail_in_a_frame_that_runs_nothing_and_everything_else_as_text() {
    let bed = Bed::new();
    let mut sample = Sample::new();
    let duty = sample.open("1", "city-spj", Some(day(30)));
    let state = ConsoleState::new(Some(sample.log.clone()), None)
        .guarded_by(bed.access.clone())
        .defined_by(defining(bed.folder.path()));
    *state.write() = std::mem::take(&mut sample.projection);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (_stop, shutdown) = watch::channel(false);
    tokio::spawn(serve(listener, state, shutdown));
    let session = bed.signed_in("wang", &[Role::Office], &[]);
    let ask = async |head: String, body: String| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let request = format!(
            "{head} HTTP/1.1\r\nhost: t\r\nconnection: close\r\ncookie: duban={session}\r\n\
             content-type: multipart/form-data; boundary=B\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    };
    let get = async |path: &str| ask(format!("GET {path}"), String::new()).await;
    let page = get(&format!("/notices/preview?duty={duty}")).await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    for part in [
        "【提醒】&#60;b&#62;主题",
        "正文 &#60;script&#62;alert(1)",
        "<iframe class=\"mail\" sandbox srcdoc=\"&#60;p style=",
        &format!("<code>{duty}</code>"),
        "style-src 'self'; style-src-attr 'unsafe-inline'; script-src 'self'",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<script>"), "{page}");
    // No other page allows what a mail needs.
    assert!(!get("/notices").await.contains("unsafe-inline"));
    let lost = get("/notices/preview?duty=none").await;
    assert!(lost.contains("没有这个编号的责任事项"), "{lost}");
    // What stands in the editor is shown, and goes along to the next preview; nothing is saved.
    let field = |name: &str, text: &str| {
        format!("--B\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    let drafts = get("/define").await;
    let (_, rest) = drafts.split_once("/define/draft/").unwrap();
    let id = &rest[..DRAFT.len()];
    let body = field("form_key", &bed.form_key(&session))
        + &field("file", "tasks.yaml")
        + &field("text", "tasks: [</textarea>]")
        + "--B--\r\n";
    let page = ask(format!("POST /define/draft/{id}/preview"), body).await;
    assert!(page.contains("还没有保存的文字"), "{page}");
    assert!(page.contains("tasks: [&#60;/textarea&#62;]"), "{page}");
    let saved = get(&format!("/define/draft/{id}/preview")).await;
    assert!(saved.contains("草稿已保存的文字"), "{saved}");
    assert!(
        get(&format!("/define/draft/{id}/edit"))
            .await
            .contains("tasks: []")
    );
}

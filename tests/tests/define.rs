//! From a Word document to a ledger in force, in the browser: what a clerk does with the real program,
//! and what somebody tries who may not.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use duban_tests::duban::{Duban, run, workspace};
use duban_tests::watch::until;
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_mins(2);
const BOUNDARY: &str = "----of-a-test";

/// An answer: status, head and text.
struct Heard {
    status: u16,
    head: String,
    text: String,
}

impl Heard {
    /// Where it sends the browser.
    fn location(&self) -> &str {
        let mut lines = self.head.lines();
        let found = lines.find_map(|line| line.strip_prefix("location: "));
        found.unwrap_or_else(|| panic!("no location: {}\n{}", self.head, self.text))
    }

    /// The value of a hidden field.
    fn field(&self, name: &str) -> String {
        let begins = format!("name=\"{name}\" value=\"");
        let rest = self.text.split(&begins).nth(1);
        let rest = rest.unwrap_or_else(|| panic!("no {name}: {}", self.text));
        unescaped(rest.split('"').next().unwrap())
    }

    fn cookie(&self, name: &str) -> String {
        let begins = format!("set-cookie: {name}=");
        let mut lines = self.head.lines();
        let value = lines.find_map(|line| line.strip_prefix(&begins)).unwrap();
        value.split(';').next().unwrap().to_owned()
    }
}

fn unescaped(text: &str) -> String {
    let text = text.replace("&#34;", "\"").replace("&#39;", "'");
    let text = text.replace("&#60;", "<").replace("&#62;", ">");
    text.replace("&#38;", "&")
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in fields {
        let _ = write!(out, "{}{name}=", if out.is_empty() { "" } else { "&" });
        for byte in value.bytes() {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A program with its folder and its pages.
struct Office {
    _program: Duban,
    folder: TempDir,
    at: String,
}

impl Office {
    fn open() -> Office {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().display().to_string();
        let any = "127.0.0.1:0";
        let program = Duban::start(&[
            "serve", "--clock", "virtual", "--http", any, "--data", &data,
        ]);
        let found = || {
            let out = program.out();
            let line = out.lines().find(|line| line.contains("pages: "))?;
            let rest = line.split_once("http://")?.1;
            Some(rest.split('/').next()?.to_owned())
        };
        assert!(until(LIMIT, || found().is_some()), "{}", program.err());
        let at = found().unwrap();
        Office {
            at,
            folder,
            _program: program,
        }
    }

    fn ask(&self, line: &str, cookie: &str, kind: &str, body: &[u8]) -> Heard {
        let mut stream = TcpStream::connect(&self.at).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {cookie}\r\n\
             Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            self.at,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // Whoever is refused early need not have been read to the end.
        let _ = stream.write_all(body);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let answer = String::from_utf8_lossy(&bytes);
        let (head, text) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        Heard {
            status: head.split(' ').nth(1).map_or(0, |s| s.parse().unwrap()),
            head: head.replace("\r\n", "\n"),
            text: text.to_owned(),
        }
    }

    /// Somebody who is signed in.
    fn person(&self, name: &str, args: &[&str]) -> Person<'_> {
        let data = self.folder.path().display().to_string();
        let mut command = vec!["user", "invite", name, "--data", &data];
        command.extend(args);
        let link = run(&command).with_code(0).out.trim().to_owned();
        let path = link.strip_prefix(&format!("http://{}", self.at)).unwrap();
        let page = self.ask(&format!("GET {path}"), "", "", b"");
        let held = format!("duban-form={}", page.cookie("duban-form"));
        let password = "correct horse battery";
        let body = encoded(&[
            ("form_key", &page.field("form_key")),
            ("password", password),
            ("password-again", password),
        ]);
        let kind = "application/x-www-form-urlencoded";
        let chosen = self.ask(&format!("POST {path}"), &held, kind, body.as_bytes());
        let mut person = Person {
            office: self,
            cookie: format!("duban={}", chosen.cookie("duban")),
            key: String::new(),
        };
        person.key = person.get("/me/password").field("form_key");
        person
    }
}

/// Who is signed in.
struct Person<'o> {
    office: &'o Office,
    cookie: String,
    key: String,
}

impl Person<'_> {
    fn get(&self, path: &str) -> Heard {
        self.office
            .ask(&format!("GET {path}"), &self.cookie, "", b"")
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Heard {
        let mut all = vec![("form_key", self.key.as_str())];
        all.extend(fields);
        let kind = "application/x-www-form-urlencoded";
        let body = encoded(&all);
        self.office
            .ask(&format!("POST {path}"), &self.cookie, kind, body.as_bytes())
    }

    /// A form with files: texts, and a document with its name.
    fn send(&self, path: &str, fields: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Heard {
        let mut body = Vec::new();
        let all = [("form_key", self.key.as_str())];
        for (name, value) in all.iter().chain(fields) {
            let part = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            body.extend_from_slice(part.as_bytes());
        }
        if let Some((name, bytes)) = file {
            let part = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
            );
            body.extend_from_slice(part.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        self.office
            .ask(&format!("POST {path}"), &self.cookie, &kind, &body)
    }

    /// A new draft from a document.
    fn upload(&self, name: &str, bytes: &[u8]) -> String {
        let heard = self.send("/define", &[("kind", "ledger")], Some((name, bytes)));
        heard.location().to_owned()
    }
}

fn document() -> Vec<u8> {
    std::fs::read(workspace().join("tests/documents/tongliao-2021-ledger.docx")).unwrap()
}

/// Values of the radio buttons of a question.
fn choices(page: &str) -> Vec<String> {
    let begins = "name=\"answer\" value=\"";
    let rest = page.split(begins).skip(1);
    rest.map(|rest| unescaped(rest.split('"').next().unwrap()))
        .collect()
}

#[test]
fn a_clerk_brings_a_word_document_into_force_changes_it_and_goes_back() {
    let office = Office::open();
    let wang = office.person("wang", &["--admin"]);
    let draft = wang.upload("../../台账.docx", &document());
    let page = wang.get(&draft);
    assert!(page.text.contains("任务36项") && page.text.contains("数目相符"));
    assert!(page.text.contains("台账.docx") && !page.text.contains("../"));

    // Question by question: the likeliest answer, and one that is put off.
    let questions = format!("{draft}/questions");
    let mut seen = 0;
    loop {
        let page = wang.get(&questions);
        if !page.text.contains("name=\"key\"") {
            assert!(page.text.contains("问题都看过了"), "{}", page.text);
            break;
        }
        let (key, version) = (page.field("key"), page.field("version"));
        let all = choices(&page.text);
        let act = if seen == 4 { "later" } else { "answer" };
        let said = wang.post(
            &questions,
            &[
                ("key", &key),
                ("version", &version),
                ("act", act),
                ("answer", &all[0]),
            ],
        );
        assert_eq!(said.status, 303, "{}", said.text);
        seen += 1;
        assert!(seen < 100);
    }
    assert!(seen > 10, "{seen}");
    let list = wang.get("/define");
    assert!(list.text.contains("可以看方案"), "{}", list.text);

    // The editor says what is wrong at its line, and nothing is lost by it.
    let edit = format!("{draft}/edit");
    let page = wang.get(&format!("{edit}?file=tasks.yaml"));
    let version = page.field("version");
    let text = page.text.split("<textarea").nth(1).unwrap();
    let text = text.split_once(">\n").unwrap().1;
    let text = unescaped(text.split("</textarea>").next().unwrap());
    let bad = text.replacen("due: 2021-12-31", "due: 2021-13-31", 1);
    let live = wang.send(
        &format!("{draft}/check"),
        &[("file", "tasks.yaml"), ("text", &bad)],
        None,
    );
    let told: serde_json::Value = serde_json::from_str(&live.text).unwrap();
    let line = bad.lines().position(|l| l.contains("2021-13-31")).unwrap() + 1;
    assert_eq!(told["diagnostics"][0]["line"], line, "{told}");
    assert_eq!(told["diagnostics"][0]["severity"], "error");
    let saved = wang.send(
        &edit,
        &[
            ("file", "tasks.yaml"),
            ("version", &version),
            ("text", &bad),
        ],
        None,
    );
    let page = wang.get(saved.location());
    assert!(page.text.contains(&format!("id=\"L{line}\"")) && page.text.contains("2021-13-31"));
    assert!(page.text.contains("class=\"error\""), "{}", page.text);
    let plan = wang.get(&format!("{draft}/plan"));
    assert!(plan.text.contains("还不能看方案"), "{}", plan.text);
    let version = page.field("version");
    wang.send(
        &edit,
        &[
            ("file", "tasks.yaml"),
            ("version", &version),
            ("text", &text),
        ],
        None,
    );

    // The plan, the year ahead, the deployment with its reason.
    let plan = wang.get(&format!("{draft}/plan"));
    assert!(plan.text.contains("新增事项"), "{}", plan.text);
    assert!(plan.text.contains("部署以后的安排"), "{}", plan.text);
    let (number, version) = (plan.field("plan"), plan.field("version"));
    let order = |number: &str, reason: &str| {
        let fields = [("plan", number), ("version", &*version), ("reason", reason)];
        wang.post(&format!("{draft}/plan"), &fields)
    };
    assert_eq!(order(&number, " ").status, 422, "without a reason");
    let stale = order("00000000000000000000000000000000", "按通知");
    assert_eq!(stale.status, 409, "{}", stale.text);
    assert!(stale.text.contains("没有部署"));
    let done = order(&number, "按市政府办公室通知");
    assert!(
        done.status == 200 && done.text.contains("已经生效"),
        "{}",
        done.text
    );
    let shown = || {
        wang.get("/ledger/tongliao-2021").text.contains("固定")
            || wang.get("/ledger/tongliao-2021").text.contains("十四五")
    };
    assert!(until(LIMIT, shown), "the ledger's page shows it");

    // A draft of what is in force, one date moved; then back.
    let begun = wang.post("/define/begin", &[("ledger", "tongliao-2021")]);
    let second = begun.location().to_owned();
    let page = wang.get(&format!("{second}/edit?file=tasks.yaml"));
    let moved = text.replacen("due: 2021-12-31", "due: 2021-11-30", 1);
    let version = page.field("version");
    let saved = wang.send(
        &format!("{second}/edit"),
        &[
            ("file", "tasks.yaml"),
            ("version", &version),
            ("text", &moved),
        ],
        None,
    );
    assert_eq!(saved.status, 303, "{}", saved.text);
    let plan = wang.get(&format!("{second}/plan"));
    assert!(plan.text.contains("改期事项"), "{}", plan.text);
    let fields = [
        ("plan", plan.field("plan")),
        ("version", plan.field("version")),
        ("reason", "提前一个月".to_owned()),
    ];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let done = wang.post(&format!("{second}/plan"), &fields);
    assert!(done.text.contains("已经生效"), "{}", done.text);
    let versions = wang.get("/define/versions");
    assert!(versions.text.contains("提前一个月") && versions.text.contains("按市政府办公室通知"));
    let ids: Vec<&str> = versions
        .text
        .split("name=\"old\" value=\"")
        .skip(1)
        .collect();
    let ids: Vec<&str> = ids
        .iter()
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    let first = versions
        .text
        .split("<tr>")
        .filter(|row| row.contains("台账 tongliao-2021"))
        .nth(1);
    let first = first
        .unwrap()
        .split("name=\"old\" value=\"")
        .nth(1)
        .unwrap();
    let first = first.split('"').next().unwrap();
    let compared = wang.get(&format!("/define/versions?old={first}&new={}", ids[0]));
    assert!(
        compared
            .text
            .contains("<td class=\"t\">    due: 2021-11-30"),
        "{}",
        compared.text
    );
    let back = wang.post(
        "/define/begin",
        &[("ledger", "tongliao-2021"), ("version", first)],
    );
    let third = back.location().to_owned();
    let plan = wang.get(&format!("{third}/plan"));
    assert!(plan.text.contains("改期事项"), "{}", plan.text);
}

#[test]
fn two_who_edit_the_same_draft_are_told_of_one_another() {
    let office = Office::open();
    let wang = office.person("wang", &["--admin"]);
    let li = office.person("li", &["--role", "office", "--title", "督办室 李"]);
    let draft = wang.upload("台账.docx", &document());
    let edit = format!("{draft}/edit");
    let version = wang.get(&edit).field("version");
    let file = ("file", "ledger.yaml");
    let first = li.send(
        &edit,
        &[file, ("version", &version), ("text", "ledger: 李写的\n")],
        None,
    );
    assert_eq!(first.status, 303, "{}", first.text);
    let second = wang.send(
        &edit,
        &[file, ("version", &version), ("text", "ledger: 王写的\n")],
        None,
    );
    assert_eq!(second.status, 409);
    assert!(
        second.text.contains("李写的") && second.text.contains("王写的"),
        "{}",
        second.text
    );
    assert!(
        li.get(&format!("{edit}?file=ledger.yaml"))
            .text
            .contains("李写的")
    );
    // Having seen it, the second one saves.
    let version = second.field("version");
    let third = wang.send(
        &edit,
        &[file, ("version", &version), ("text", "ledger: 合\n")],
        None,
    );
    assert_eq!(third.status, 303);
}

#[test]
fn documents_that_are_none_and_people_who_may_not_are_refused_in_words() {
    let office = Office::open();
    let wang = office.person("wang", &["--admin"]);
    let refused = |name: &str, bytes: &[u8]| {
        let heard = wang.send("/define", &[("kind", "ledger")], Some((name, bytes)));
        assert_eq!(heard.status, 422, "{name}: {}", heard.text);
        heard.text
    };
    assert!(refused("台账.exe", b"MZ").contains("格式不受理"));
    assert!(refused("台账.doc", b"\xd0\xcf\x11\xe0").contains("另存为"));
    assert!(refused("台账.docx", b"PK\x03\x04 and nothing else").contains("台账.docx"));
    assert!(refused("台账.docx", b"").contains("没有选择文件"));
    // 16 MB and one byte.
    let large = vec![b'x'; (16 << 20) + 1];
    let heard = wang.send("/define", &[("kind", "ledger")], Some(("a.csv", &large)));
    assert!(
        heard.status == 422 || heard.status == 413,
        "{}",
        heard.status
    );
    assert!(heard.text.contains("16 MB"), "{}", heard.text);
    assert!(wang.get("/define").text.contains("还没有草稿"));

    let draft = wang.upload("台账.docx", &document());
    // No text of a draft is named by a path.
    let edit = format!("{draft}/edit");
    let version = wang.get(&edit).field("version");
    let fields = [
        ("file", "../../users.json"),
        ("version", &*version),
        ("text", "x"),
    ];
    let heard = wang.send(&edit, &fields, None);
    assert!(heard.status == 422 && heard.text.contains("没有这个文件"));
    assert_eq!(wang.get("/define/draft/..%2F..%2Fusers").status, 404);
    // An auditor and a contact may not; another office has no such draft.
    for (name, args) in [
        ("shen", vec!["--role", "auditor", "--title", "审计 沈"]),
        (
            "zhao",
            vec![
                "--role",
                "contact",
                "--title",
                "水务局 赵",
                "--tenant",
                "tongliao",
                "--unit",
                "city-swj",
            ],
        ),
    ] {
        let person = office.person(name, &args);
        assert_eq!(person.get("/define").status, 403, "{name}");
        assert_eq!(person.get(&draft).status, 403, "{name}");
        assert_eq!(person.post("/define/begin", &[("ledger", "a")]).status, 403);
    }
    let elsewhere = [
        "--role",
        "office",
        "--title",
        "别处",
        "--tenant",
        "elsewhere",
    ];
    let other = office.person("other", &elsewhere);
    assert_eq!(other.get(&draft).status, 404);
    assert_eq!(other.get(&format!("{draft}/plan")).status, 404);
    assert!(!other.get("/define").text.contains("政务公开"));
}

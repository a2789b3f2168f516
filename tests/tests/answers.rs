//! A notice is answered by its link, with the real program: mail arrives with it, looking changes
//! nothing, each answer is a record, and nothing that is not ours is taken.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use duban_tests::duban::{Duban, run, workspace};
use duban_tests::watch::until;

const LIMIT: Duration = Duration::from_mins(1);
/// The duty that all of this is about: due on 2021-10-29, verified by the office.
const DUTY: &str = "small/8/kailu/responsible";
/// What its row is called.
const TITLE: &str = "第8项 抽查调度";
const LINE: &str = "duban-test-boundary";

/// A demo of the small ledger that has played two days and stays.
struct Office {
    demo: Duban,
    folder: tempfile::TempDir,
    port: u16,
}

/// An answer of the pages.
struct Heard {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Heard {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")))
    }

    fn with(self, status: u16) -> Heard {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.text());
        self
    }
}

/// A field of a form: its name, a file's name, its content.
type Field<'a> = (&'a str, Option<&'a str>, &'a [u8]);

impl Office {
    fn open() -> Office {
        let folder = tempfile::tempdir().unwrap();
        let ledger = workspace().join("tests/tests/scenarios/ledgers/small");
        let ledger = ledger.display().to_string();
        let data = folder.path().display().to_string();
        let mut demo = Duban::start(&[
            "demo",
            "--speed",
            "0",
            "--stay",
            "--ledger",
            &ledger,
            "--from",
            "2021-10-26",
            "--to",
            "2021-10-26",
            "--http",
            "127.0.0.1:0",
            "--data",
            &data,
        ]);
        let stays = until(LIMIT, || {
            assert_eq!(demo.ended(), None, "{}", demo.err());
            demo.out().contains("Ctrl-C")
        });
        assert!(stays, "{}", demo.out());
        let out = demo.out();
        let address = out.split("http://127.0.0.1:").nth(1).unwrap();
        let port = address.split('/').next().unwrap().parse().unwrap();
        Office { demo, folder, port }
    }

    fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Every mail: to whom, with which kind, about which text.
    fn mails(&self) -> Vec<(String, String, String)> {
        let mut list = Vec::new();
        for file in files(&self.data().join("mail")) {
            let mail = std::fs::read_to_string(file).unwrap();
            let head = |name: &str| {
                let line = mail.lines().find(|line| line.starts_with(name));
                line.unwrap_or_default().to_owned()
            };
            let to = head("To:")
                .split('<')
                .nth(1)
                .unwrap()
                .trim_end_matches('>')
                .to_owned();
            let kind = head("X-Duban-Kind:")
                .split_whitespace()
                .nth(1)
                .unwrap()
                .to_owned();
            let text = mail.split("Content-Type: text/plain").nth(1).unwrap();
            let text = text.split("\r\n\r\n").nth(1).unwrap();
            let lines = text.lines().take_while(|line| !line.starts_with("--"));
            let text = STANDARD.decode(lines.collect::<String>()).unwrap();
            list.push((to, kind, String::from_utf8(text).unwrap()));
        }
        list
    }

    /// Virtual time goes on, so that what was held for others leaves.
    fn advance(&self, to: &str) {
        let event = format!(
            r#"{{"specversion":"1.0","id":"to-{to}","source":"urn:test","type":"duban.clock.advanced","tenant":"test","data":{{"to":"{to}","fire":true}}}}"#
        );
        let file = self.data().join("clock.ndjson");
        std::fs::write(&file, event).unwrap();
        let (file, data) = (
            file.display().to_string(),
            self.data().display().to_string(),
        );
        run(&["send", &file, "--data", &data]).with_code(0);
    }

    /// The path by which somebody was told this about the duty: of the mail's own link, or where the
    /// mail is about several duties, the one that its page leads to.
    fn link(&self, to: &str, said: &str) -> String {
        let mut found = None;
        let there = until(LIMIT, || {
            found = self.mails().iter().find_map(|(address, _, text)| {
                let fits = address == to && text.contains(said);
                let link = text.split_whitespace().find(|word| word.contains("/a/"));
                let token = link.filter(|_| fits)?.split("/a/").nth(1)?;
                let path = format!("/a/{token}");
                let page = self.get(&path).with(200).text();
                if page.contains(DUTY) {
                    return Some(path);
                }
                let item = page.split("<li ").find(|item| item.contains(TITLE))?;
                let link = item.split("href=\"").nth(1)?;
                Some(link.split('"').next()?.to_owned())
            });
            found.is_some()
        });
        assert!(there, "no {said} to {to}: {:?}", self.mails());
        found.unwrap()
    }

    fn ask(&self, head: &str, body: &[u8]) -> Heard {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let request = format!(
            "{head}Host: 127.0.0.1:{}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        // Whoever is refused may be hung up on before all was said.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.expect("an answer");
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        Heard {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head,
            body: answer[end + 4..].to_vec(),
        }
    }

    fn get(&self, path: &str) -> Heard {
        self.ask(&format!("GET {path} HTTP/1.1\r\n"), &[])
    }

    fn post(&self, path: &str, fields: &[Field<'_>], headers: &str) -> Heard {
        let mut body = Vec::new();
        for (name, file, content) in fields {
            let file = file.map_or_else(String::new, |file| format!("; filename=\"{file}\""));
            body.extend(
                format!(
                    "--{LINE}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n"
                )
                .bytes(),
            );
            body.extend(*content);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{LINE}--\r\n").bytes());
        let head = format!(
            "POST {path} HTTP/1.1\r\nContent-Type: multipart/form-data; boundary={LINE}\r\n{headers}"
        );
        self.ask(&head, &body)
    }

    /// Sends a form of text fields as its page does, and follows to the page.
    fn fill(&self, path: &str, fields: &[(&str, &str)]) -> Heard {
        let page = self.get(path).with(200).text();
        let nonce = page.split("name=\"nonce\" value=\"").nth(1).unwrap();
        let nonce = nonce.split('"').next().unwrap().to_owned();
        let fields: Vec<Field<'_>> = fields
            .iter()
            .map(|(name, text)| (*name, None, text.as_bytes()))
            .chain([("nonce", None, nonce.as_bytes())])
            .collect();
        self.followed(&self.post(path, &fields, ""))
    }

    fn followed(&self, heard: &Heard) -> Heard {
        assert_eq!(heard.status, 303, "{}\n{}", heard.head, heard.text());
        self.get(heard.header("location").unwrap())
    }

    /// What happened to the duty, a line a record.
    fn history(&self) -> Vec<String> {
        let data = self.data().display().to_string();
        let said = run(&["explain", DUTY, "--data", &data, "--format", "json"]).with_code(0);
        let parts = said.json()["parts"].as_array().cloned().unwrap_or_default();
        let lines = parts.iter().filter_map(|part| part["lines"].as_array());
        lines
            .flatten()
            .map(|line| line.as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// How many of them say this.
    fn count(&self, what: &str) -> usize {
        let history = self.history();
        history.iter().filter(|line| line.contains(what)).count()
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut list = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list.extend(files(&path));
        } else if path.extension().is_some_and(|end| end == "eml") {
            list.push(path);
        }
    }
    list.sort();
    list
}

/// How the history says that the duty was signed for.
const ACCEPTED: &str = "  签收(";
const CONTACT: &str = "lianluo@kailu.test.example";
const COLLEAGUE: &str = "fenguan@kailu.test.example";
const OFFICE: &str = "lianluo@spj.test.example";

#[test]
fn a_unit_answers_by_the_link_of_its_mail() {
    let office = Office::open();
    let link = office.link(CONTACT, TITLE);

    // Mail scanners open links: nothing happens.
    let page = office.get(&link).with(200);
    assert!(page.text().contains("待签收") && page.text().contains("第8项"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(
        office
            .ask(&format!("HEAD {link} HTTP/1.1\r\n"), &[])
            .with(200)
            .body
            .is_empty()
    );
    assert_eq!(office.count(ACCEPTED), 0);
    assert!(office.get(&link).with(200).text().contains("待签收"));

    let page = office.fill(&link, &[("act", "accept")]).with(200).text();
    assert!(page.contains("已记录") && page.contains("已签收"), "{page}");
    assert!(
        page.contains("签收(开鲁县政府联络员 kailu/contact)"),
        "{page}"
    );
    assert_eq!(office.count(ACCEPTED), 1);

    let extension = [
        ("act", "extend"),
        ("due", "2021-11-05"),
        ("reason", "<script>alert(1)</script>"),
    ];
    let page = office.fill(&link, &extension).with(200).text();
    assert!(
        page.contains("已申请延至2021-11-05") && !page.contains("<script"),
        "{page}"
    );
    assert!(page.contains("&#60;script&#62;alert(1)"), "{page}");

    let handed = [
        ("act", "delegate"),
        ("contact", "leader"),
        ("reason", "由分管科室承办"),
    ];
    let page = office.fill(&link, &handed).with(200).text();
    assert!(page.contains("已转由开鲁县政府分管负责人办理"), "{page}");
    office.advance("2021-10-27T18:00:00+08:00");
    let colleague = office.link(COLLEAGUE, "转由您办理");
    assert_ne!(colleague, link);

    let page = office.fill(&colleague, &[("act", "disown"), ("reason", "职能已划转")]);
    assert!(
        page.with(200)
            .text()
            .contains("已提出不由本单位承担:职能已划转")
    );
    office.advance("2021-10-28T09:00:00+08:00");
    let seen = office.link(OFFICE, "不由其承担");
    let page = office.get(&seen).with(200).text();
    assert!(
        page.contains("只供查看") && !page.contains("<form"),
        "{page}"
    );
    let nonce: Field<'_> = ("nonce", None, b"0123456789abcdef");
    let waived = [("act", None, &b"accept"[..]), nonce];
    office.post(&seen, &waived, "").with(403);

    let pdf: Field<'_> = ("file", Some("../../报告 1.pdf"), b"%PDF-1.7 evidence");
    let sent = [
        ("act", None, &b"submit"[..]),
        ("links", None, b"https://kailu.example/plan\r\n"),
        ("said", None, "已按要求公开".as_bytes()),
        pdf,
        nonce,
    ];
    let page = office
        .followed(&office.post(&colleague, &sent, ""))
        .with(200)
        .text();
    assert!(
        page.contains("已报送") && page.contains("报告_1.pdf"),
        "{page}"
    );
    assert!(
        !page.contains("已提出不由本单位承担"),
        "who reports owns it: {page}"
    );
    let file = page
        .split("/file/")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let kept = office.data().join("evidence").join(file);
    assert_eq!(std::fs::read(&kept).unwrap(), b"%PDF-1.7 evidence");
    let mode = std::fs::metadata(&kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for who in [&colleague, &seen] {
        let given = office.get(&format!("{who}/file/{file}")).with(200);
        assert_eq!(given.body, b"%PDF-1.7 evidence");
        let disposition = given.header("content-disposition").unwrap();
        assert!(disposition.starts_with("attachment"), "{disposition}");
        assert_eq!(given.header("x-content-type-options"), Some("nosniff"));
    }
    office
        .get(&format!("{colleague}/file/{}", "0".repeat(64)))
        .with(404);

    // Nothing of a link is on the log, and nothing of it is said.
    let log = office.history().join("\n");
    assert!(log.contains("  报送("), "{log}");
    for secret in [&link, &colleague, &seen] {
        let token = secret.trim_start_matches("/a/");
        assert!(!log.contains(token) && !office.demo.err().contains(token));
    }
}

#[test]
fn what_is_not_ours_or_not_allowed_is_not_taken() {
    let office = Office::open();
    let link = office.link(CONTACT, TITLE);
    let nonce: Field<'_> = ("nonce", None, b"0123456789abcdef");
    let accept = [("act", None, &b"accept"[..]), nonce];

    // Forged, cut, of nobody.
    let mut forged = link.clone();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'B' } else { 'A' });
    for other in [&forged, &link[..link.len() - 4], "/a/x", "/a/..%2f..%2fetc"] {
        let page = office.get(other).with(403);
        assert!(!page.text().contains("开鲁"), "{}", page.text());
        office.post(other, &accept, "").with(403);
    }
    // From another site.
    office
        .post(&link, &accept, "Sec-Fetch-Site: cross-site\r\n")
        .with(403);
    office
        .post(&link, &accept, "Origin: https://evil.example\r\n")
        .with(403);
    // Without the number of a form, or with an act that there is not.
    office.post(&link, &accept[..1], "").with(400);
    office
        .post(&link, &[("act", None, b"waive"), nonce], "")
        .with(400);
    assert_eq!(office.count(ACCEPTED), 0);

    // The same form twice is one answer.
    for _ in 0..3 {
        office.followed(&office.post(&link, &accept, "")).with(200);
    }
    assert_eq!(office.count(ACCEPTED), 1);

    let submit = |fields: &[Field<'_>]| {
        let all = [&[("act", None, &b"submit"[..]), nonce], fields].concat();
        office.post(&link, &all, "").with(422).text()
    };
    assert!(submit(&[]).contains("报送没有内容"));
    assert!(submit(&[("links", None, b"javascript:alert(1)")]).contains("不是网址"));
    let odd: &[Field<'_>] = &[("file", Some("a.pdf"), b"<html><script>")];
    assert!(submit(odd).contains("与后缀pdf不符"));
    let program: &[Field<'_>] = &[("file", Some("a.exe"), b"MZ")];
    assert!(submit(program).contains("格式不受理"));
    let large = [b"%PDF-".to_vec(), vec![b' '; 20 << 20]].concat();
    assert!(submit(&[("file", Some("a.pdf"), &large)]).contains("超过20MB"));
    let past = [
        ("act", None, &b"extend"[..]),
        nonce,
        ("due", None, b"2021-10-01"),
        ("reason", None, b"x"),
    ];
    let page = office.post(&link, &past, "").with(422).text();
    assert!(page.contains("不晚于现行完成时限") && page.contains("value=\"2021-10-01\""));
    let stranger = [
        ("act", None, &b"delegate"[..]),
        nonce,
        ("contact", None, b"spj/contact"),
    ];
    office.post(&link, &stranger, "").with(422);
    let left: Vec<_> = std::fs::read_dir(office.data().join("evidence"))
        .into_iter()
        .flatten()
        .collect();
    assert!(left.is_empty(), "what is not taken is not kept: {left:?}");

    // The rules refuse in Chinese: the second report of a duty that is reported.
    let report: [Field<'_>; 3] = [
        ("act", None, b"submit"),
        nonce,
        ("said", None, "已办".as_bytes()),
    ];
    office.followed(&office.post(&link, &report, "")).with(200);
    let again: [Field<'_>; 3] = [
        ("act", None, b"submit"),
        nonce,
        ("said", None, "又办".as_bytes()),
    ];
    let page = office
        .followed(&office.post(&link, &again, ""))
        .with(200)
        .text();
    assert!(
        page.contains("没有受理") && page.contains("状态已经变化"),
        "{page}"
    );
    assert_eq!(office.count("  报送("), 1);
}

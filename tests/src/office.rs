//! What somebody does with the pages of the real program: signs in, opens pages, sends forms.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tempfile::TempDir;

use crate::duban::{Duban, run};
use crate::watch::until;

/// How long anything may take that is going to happen.
pub const LIMIT: Duration = Duration::from_mins(2);
const BOUNDARY: &str = "----of-a-test";

/// An answer: status, head and text.
pub struct Heard {
    /// The status.
    pub status: u16,
    /// The lines before the text.
    pub head: String,
    /// The text.
    pub text: String,
}

impl Heard {
    /// Where it sends the browser.
    pub fn location(&self) -> &str {
        let mut lines = self.head.lines();
        let found = lines.find_map(|line| line.strip_prefix("location: "));
        found.unwrap_or_else(|| panic!("no location: {}\n{}", self.head, self.text))
    }

    /// The value of a hidden field.
    pub fn field(&self, name: &str) -> String {
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

/// HTML read as text.
pub fn unescaped(text: &str) -> String {
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
pub struct Office {
    _program: Duban,
    folder: TempDir,
    at: String,
}

impl Office {
    /// With nothing in it, on virtual time.
    pub fn open() -> Office {
        Office::start(tempfile::tempdir().unwrap())
    }

    /// With the ledger of 2021 as the demo leaves it on a day.
    pub fn with_ledger(day: &str) -> Office {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().display().to_string();
        run(&[
            "demo",
            "--quiet",
            "--no-http",
            "--speed",
            "0",
            "--to",
            day,
            "--data",
            &data,
        ])
        .with_code(0);
        Office::start(folder)
    }

    fn start(folder: TempDir) -> Office {
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
    pub fn person(&self, name: &str, args: &[&str]) -> Person<'_> {
        let data = self.folder.path().display().to_string();
        let mut command = vec!["user", "invite", name, "--data", &data];
        command.extend(args);
        let link = run(&command).with_code(0).out.trim().to_owned();
        let path = link.strip_prefix(&format!("http://{}", self.at));
        let path = path.unwrap_or_else(|| panic!("a link to {}: {link}", self.at));
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
pub struct Person<'o> {
    office: &'o Office,
    cookie: String,
    key: String,
}

impl Person<'_> {
    /// A page.
    pub fn get(&self, path: &str) -> Heard {
        self.office
            .ask(&format!("GET {path}"), &self.cookie, "", b"")
    }

    /// A form sent.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Heard {
        let mut all = vec![("form_key", self.key.as_str())];
        all.extend(fields);
        let kind = "application/x-www-form-urlencoded";
        let body = encoded(&all);
        self.office
            .ask(&format!("POST {path}"), &self.cookie, kind, body.as_bytes())
    }

    /// A form with files: texts, and a document with its name.
    pub fn send(&self, path: &str, fields: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Heard {
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
    pub fn upload(&self, name: &str, bytes: &[u8]) -> String {
        let heard = self.send("/define", &[("kind", "ledger")], Some((name, bytes)));
        heard.location().to_owned()
    }
}

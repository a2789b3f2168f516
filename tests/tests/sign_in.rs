//! Sign-in with the real program: the first administrator by a command, commands beside a running
//! server, a damaged file of accounts, and a demo that everybody may enter.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use duban_tests::duban::{Duban, reader, run};
use duban_tests::watch::until;

const LIMIT: Duration = Duration::from_mins(1);

/// An answer: status, head and text.
struct Heard {
    status: u16,
    head: String,
    text: String,
}

impl Heard {
    fn cookie(&self, name: &str) -> String {
        let mut lines = self.head.lines();
        let found = lines.find_map(|line| line.strip_prefix(&format!("set-cookie: {name}=")));
        let value = found.unwrap_or_else(|| panic!("no {name}: {}", self.head));
        value.split(';').next().unwrap().to_owned()
    }
}

fn ask(address: &str, line: &str, headers: &str, body: &str) -> Heard {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    Heard {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        text: text.to_owned(),
    }
}

fn get(address: &str, path: &str, headers: &str) -> Heard {
    ask(address, &format!("GET {path}"), headers, "")
}

/// Where a program serves its pages, once it has said so.
fn address(program: &Duban, said: &str) -> String {
    let found = || {
        let out = program.out();
        let line = out.lines().find(|line| line.contains(said))?.to_owned();
        let rest = line.split_once("http://")?.1.to_owned();
        Some(rest.split('/').next()?.to_owned())
    };
    assert!(until(LIMIT, || found().is_some()), "{}", program.err());
    found().unwrap()
}

/// The key that the form of a page bears.
fn key(text: &str) -> &str {
    let rest = text.split("name=\"form_key\" value=\"").nth(1).unwrap();
    rest.split('"').next().unwrap()
}

#[test]
fn the_first_administrator_is_made_by_a_command_beside_the_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let any = "127.0.0.1:0";
    let mut office = Duban::start(&[
        "serve", "--clock", "virtual", "--http", any, "--data", &data,
    ]);
    let at = address(&office, "pages: ");
    let command = format!("duban user invite --admin NAME --data {data}");
    assert!(
        until(LIMIT, || office.err().contains(&command)),
        "{}",
        office.err()
    );
    let page = get(&at, "/", "");
    assert!(
        page.status == 303 && page.head.contains("location: /sign-in"),
        "{}",
        page.head
    );
    let page = get(&at, "/sign-in", "");
    assert!(
        page.text.contains("duban user invite --admin"),
        "{}",
        page.text
    );
    assert_eq!(get(&at, "/healthz", "").text, "ok");
    assert!(until(LIMIT, || get(&at, "/readyz", "").text == "ready"));

    let invited = run(&["user", "invite", "wang", "--admin", "--data", &data]).with_code(0);
    let link = invited.out.trim().to_owned();
    let path = link
        .strip_prefix(&format!("http://{at}"))
        .expect("where the pages are");
    let page = get(&at, path, "");
    let held = format!("Cookie: duban-form={}\r\n", page.cookie("duban-form"));
    let password = "password=correct+horse+battery&password-again=correct+horse+battery";
    let body = format!("form_key={}&{password}", key(&page.text));
    let chosen = ask(&at, &format!("POST {path}"), &held, &body);
    assert_eq!(chosen.status, 303, "{}", chosen.text);
    let session = format!("Cookie: duban={}\r\n", chosen.cookie("duban"));
    assert!(get(&at, "/users", &session).text.contains("wang"));
    assert_eq!(get(&at, path, "").status, 404, "once");

    let listed = run(&["user", "list", "--format", "ndjson", "--data", &data]).with_code(0);
    assert!(listed.out.contains("\"state\":\"正常\""), "{}", listed.out);
    run(&["user", "sessions", "end", "wang", "--data", &data]).with_code(0);
    assert_eq!(get(&at, "/users", &session).status, 303, "ended");
    let last = run(&["user", "disable", "wang", "--data", &data]).with_code(1);
    assert!(last.err.contains("最后一个管理员"), "{}", last.err);
    run(&["user", "invite", "li", "--data", &data]).with_code(2);

    let token = reader(folder.path());
    let bearer = format!("Authorization: Bearer {token}\r\n");
    assert_eq!(get(&at, "/", &bearer).status, 200);
    run(&["token", "end", &token[..12], "--data", &data]).with_code(0);
    assert_eq!(get(&at, "/", &bearer).status, 401);
    let wrong = run(&["token", "add", "x", "--scope", "write", "--data", &data]).with_code(2);
    assert!(wrong.err.contains("events:write"), "{}", wrong.err);

    // A damaged file shuts the door and stops nothing else.
    let users = folder.path().join("console/accounts/users.json");
    std::fs::write(&users, "{").unwrap();
    assert_eq!(get(&at, "/", &bearer).status, 503);
    assert!(
        until(LIMIT, || office.err().contains("users.json")),
        "{}",
        office.err()
    );
    let said = run(&["user", "invite", "li", "--admin", "--data", &data]).with_code(1);
    assert!(
        said.err.contains("users.json") && said.err.contains("backup"),
        "{}",
        said.err
    );
    assert_eq!(std::fs::read_to_string(&users).unwrap(), "{");
    assert_eq!(office.ended(), None, "{}", office.err());
    office.terminate();
    office.wait(LIMIT).with_code(0);
}

#[test]
fn a_demo_is_entered_by_one_click_and_only_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let any = "127.0.0.1:0";
    let last = [
        "--to",
        "2021-06-28",
        "--stay",
        "--http",
        any,
        "--data",
        &data,
    ];
    let demo = Duban::start(&[&["demo", "--speed", "0"], &last[..]].concat());
    let at = address(&demo, "page: ");
    assert!(
        until(LIMIT, || demo.out().contains("Ctrl-C")),
        "{}",
        demo.err()
    );
    let out = demo.out();
    let links: Vec<&str> = out
        .lines()
        .filter(|line| line.contains("/sign-in/link/"))
        .collect();
    assert_eq!(links.len(), 5, "{out}");
    let path = links[0].split_once(&at).unwrap().1.to_owned();
    let entered = get(&at, &path, "");
    assert_eq!(entered.status, 303, "{}", entered.text);
    let session = format!("Cookie: duban={}\r\n", entered.cookie("duban"));
    assert!(get(&at, "/", &session).text.contains("id=\"count-total\""));
    assert_eq!(get(&at, &path, "").status, 404, "once");

    let page = get(&at, "/sign-in", "");
    assert!(page.text.contains("选择一个角色"), "{}", page.text);
    let held = format!("Cookie: duban-form={}\r\n", page.cookie("duban-form"));
    let body = format!("form_key={}&name=demo-contact", key(&page.text));
    let entered = ask(&at, "POST /sign-in/demo", &held, &body);
    assert_eq!(entered.status, 303, "{}", entered.text);
    let contact = format!("Cookie: duban={}\r\n", entered.cookie("duban"));
    assert_eq!(get(&at, "/", &contact).status, 200);
    assert_eq!(get(&at, "/users", &contact).status, 403);
    demo.terminate();
    demo.wait(LIMIT).with_code(0);

    // The same folder in earnest lets none of them in.
    let office = Duban::start(&[
        "serve", "--clock", "virtual", "--http", any, "--data", &data,
    ]);
    let at = address(&office, "pages: ");
    assert_eq!(get(&at, "/", &session).status, 303);
    let page = get(&at, "/sign-in", "");
    assert!(!page.text.contains("选择一个角色"));
    let held = format!("Cookie: duban-form={}\r\n", page.cookie("duban-form"));
    let body = format!("form_key={}&name=demo-office", key(&page.text));
    assert_eq!(ask(&at, "POST /sign-in/demo", &held, &body).status, 404);
    office.terminate();
    office.wait(LIMIT).with_code(0);
}

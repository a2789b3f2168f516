//! How whoever watches an installation sees it: measures over HTTP, and a ping that stops when the
//! process does not get on.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use duban_tests::duban::{Duban, Play, reader, run};
use duban_tests::watch::until;
use serde_json::Value;

const LIMIT: Duration = Duration::from_mins(1);

/// What an address answers to GET: its head and its text.
fn get(address: &str, path: &str) -> (String, String) {
    ask(address, path, "")
}

/// The same with headers, each a line.
fn ask(address: &str, path: &str, headers: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    let (head, text) = all.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), text.to_owned())
}

/// Each measure with its labels, and its value. Every line must be one that Prometheus reads.
fn measures(text: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut named = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && line.parse::<u64>().is_err())
    {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            named.push(kind.split(' ').next().unwrap().to_owned());
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let family = name.split('{').next().unwrap();
        assert!(
            named.iter().any(|n| family.starts_with(n.as_str())),
            "{line}"
        );
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let before = all.insert(name.to_owned(), value.to_owned());
        assert_eq!(before, None, "{line} twice");
    }
    all
}

fn address(office: &Duban, what: &str) -> String {
    let found = || {
        let out = office.out();
        let line = out.lines().find(|line| line.starts_with(what))?.to_owned();
        let rest = line.split_once("http://")?.1;
        Some(rest.split('/').next()?.to_owned())
    };
    assert!(until(LIMIT, || found().is_some()), "{}", office.err());
    found().unwrap()
}

#[test]
fn a_year_played_is_measured_on_the_pages_and_on_an_address_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    run(&Play::sample("2021-07-09").demo(&data)).with_code(0);
    let token = reader(&data);
    let data = data.display().to_string();
    let any = "127.0.0.1:0";
    let args = [
        "serve",
        "--clock",
        "virtual",
        "--http",
        any,
        "--metrics",
        any,
        "--data",
        &data,
    ];
    let notices = run(&["notices", "--data", &data, "--format", "ndjson"]).with_code(0);
    let rows: Vec<Value> = notices
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told = |row: &&Value| row["contact"] != "";
    let queued = rows.iter().filter(told).count().to_string();
    // Several may have left as one message.
    let messages: BTreeSet<&str> = rows
        .iter()
        .filter(|row| row["state"] == "delivered")
        .filter_map(|row| row["bundle"].as_str().or(row["notice"].as_str()))
        .collect();
    assert!(messages.len() > 20);
    let count = messages.len().to_string();
    let office = Duban::start(&args);
    let (pages, own) = (address(&office, "pages"), address(&office, "measures"));
    let delivered = "duban_notices_total{event=\"delivered\",channel=\"mail\"}";
    let read = || measures(&get(&own, "/metrics").1);
    let there = until(LIMIT, || read().get(delivered) == Some(&count));
    let all = read();
    assert!(there, "{all:#?}");
    assert_eq!(
        all["duban_notices_total{event=\"queued\",channel=\"mail\"}"],
        queued
    );
    assert_eq!(
        all["duban_notices_total{event=\"abandoned\",channel=\"mail\"}"],
        "0"
    );
    assert_eq!(all["duban_notices_open"], "0");
    assert_eq!(all["duban_notice_oldest_open_seconds"], "0");
    let fired = &all["duban_timer_lateness_seconds_count"];
    assert!(fired.parse::<u64>().unwrap() > 100);
    assert_eq!(
        &all["duban_timer_lateness_seconds_bucket{le=\"+Inf\"}"],
        fired
    );
    assert_eq!(all["duban_leader{service=\"notifier\"}"], "1");
    assert_eq!(all["duban_lane_resting{endpoint=\"mail\"}"], "0");
    assert!(until(LIMIT, || read()["duban_inbox_waiting"] == "0"));
    let duties = || -> u64 {
        let lights = read().into_iter();
        let of = lights.filter(|(name, _)| name.starts_with("duban_obligations{"));
        of.map(|(_, value)| value.parse::<u64>().unwrap()).sum()
    };
    assert!(until(LIMIT, || duties() > 900), "{} duties", duties());

    let (head, _) = get(&pages, "/metrics");
    assert!(head.contains("401 "), "not for everybody: {head}");
    let (head, text) = ask(
        &pages,
        "/metrics",
        &format!("Authorization: Bearer {token}\r\n"),
    );
    assert!(
        head.contains("200 OK") && head.contains("text/plain; version=0.0.4"),
        "{head}"
    );
    assert_eq!(measures(&text)[delivered], count);
    assert!(!text.contains("政务公开联络员"), "no person is named");
    let (head, _) = get(&own, "/");
    assert!(
        head.contains("404"),
        "nothing but measures is served there: {head}"
    );
}

/// Counts who asks.
fn listening() -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let count = Arc::new(AtomicU64::new(0));
    let counted = count.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            assert!(request[..length].starts_with(b"GET /alive?key=1 "));
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(answer).unwrap();
        }
    });
    (at, count)
}

#[test]
fn the_ping_comes_while_the_process_gets_on_and_stops_when_it_does_not() {
    let (at, count) = listening();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let url = format!("http://{at}/alive?key=1");
    let args = [
        "serve",
        "--http",
        "127.0.0.1:0",
        "--data",
        &data,
        "--ping-url",
        &url,
        "--ping-every",
        "1s",
    ];
    let office = Duban::start(&args);
    let pings = || count.load(Ordering::SeqCst);
    assert!(until(LIMIT, || pings() >= 3), "{}", office.err());
    assert!(!office.err().contains("key=1"), "the address is not told");
    office.signal("STOP");
    // What was on its way arrives.
    until(Duration::from_secs(2), || false);
    let before = pings();
    let more = until(Duration::from_secs(3), || pings() > before);
    assert!(!more, "a process that stands still asks nobody");
    office.signal("CONT");
    assert!(until(LIMIT, || pings() > before));
    office.terminate();
    office.wait(LIMIT).with_code(0);
    let wrong = ["serve", "--data", &data, "--ping-url", "ftp://x"];
    let said = run(&wrong).with_code(1);
    assert!(said.err.contains("--ping-url"), "{}", said.err);
}

//! How many notices leave: by the effect runner alone, and by the whole process from request to
//! delivery, to receivers that take whatever comes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Days;
use duban_journal::{Log, MemoryLog};
use duban_model::directory::Channel;
use duban_model::{Effect, Message, RecordType, Service, Timestamp};
use duban_runtime::channel::{Channels, Endpoint, Serves, Smtp, Way, Webhook, compose_mail};
use duban_runtime::effects::{self, QUEUED_SENDS};
use duban_runtime::leadership::Tenure;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::Plan;
use crate::cost::{Stretch, memory, seconds};
use crate::line::{figure, median, note, rate, short, spread};
use crate::node::{Node, Watch, embedded, folder, submit_all};
use crate::sink::{Sink, Speaks};
use crate::world::World;

/// Messages of a run, over HTTP and over SMTP.
const MESSAGES: [usize; 2] = [50_000, 20_000];
/// Ledgers of 5,000 duties, each of which asks for a notice.
const LEDGERS: usize = 2;
/// Requests under way at once, as the runner has them for one endpoint.
const AT_ONCE: usize = 8;
const SECRET: [u8; 32] = *b"a secret known to two, made up..";
const FROM: &str = "督办 <duban@duban.example>";

fn way(speaks: Speaks, sink: &Sink) -> Way {
    match speaks {
        Speaks::Http => {
            let secret = format!("whsec_{}", STANDARD.encode(SECRET));
            let url = format!("http://{}/notices", sink.address);
            Way::Webhook(Webhook::new(&url, &secret).expect("a webhook"))
        }
        Speaks::Smtp => {
            let url = format!("smtp://{}", sink.address);
            Way::Smtp(Smtp::new(&url, FROM.to_owned()).expect("a mail server"))
        }
    }
}

fn channels(speaks: Speaks, sink: &Sink) -> Channels {
    let endpoint = Endpoint {
        name: "sink".to_owned(),
        serves: Serves::Default,
        way: way(speaks, sink),
        limits: Vec::new(),
    };
    Channels::new(vec![endpoint], BTreeMap::new()).expect("one endpoint")
}

/// A notice like most.
fn message(number: usize, speaks: Speaks) -> Message {
    Message {
        tenant: "shi".to_owned(),
        notice: format!("{number:032x}"),
        attempt: 1,
        possible_duplicate: false,
        channel: match speaks {
            Speaks::Http => Channel::Webhook,
            Speaks::Smtp => Channel::Mail,
        },
        contact: "u001/contact".to_owned(),
        owes: true,
        answer: None,
        address: Some("lianluo@u001.example".to_owned()),
        contact_title: "政务公开联络员".to_owned(),
        subject: "【提醒】第1局:第1项 公开各类规划信息(完成时限2026-12-31)".to_owned(),
        text: "政务公开联络员:\n\n第1局作为责任单位承担的第1项任务“公开各类规划信息”,距完成时限2026-12-31还有7个工作日,尚未销号。\n\n尚缺:第1类公开信息。\n\n任务原文:责任单位要主动公开各类规划信息,做好历史规划的归集整理。\n\n事项编号:l001/1/u001/responsible".to_owned(),
        obligation: "l001/1/u001/responsible".to_owned(),
        kind: "reminder".to_owned(),
        step: "before:7wd".to_owned(),
        due: "2026-12-31".parse().ok(),
        due_at: None,
        at: Timestamp(1_798_000_000_000),
    }
}

async fn until_taken(sink: &Sink, count: usize) {
    while sink.taken() < count {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
}

/// The effect runner with its lanes; reports go to a log in memory.
async fn runner(speaks: Speaks, count: usize) -> (f64, f64, usize) {
    let sink = Sink::start(speaks);
    let log = Log::Memory(MemoryLog::new());
    let (stop, shutdown) = watch::channel(false);
    let (runner, workers) =
        effects::start(log.clone(), Arc::new(channels(speaks, &sink)), shutdown);
    let tenure = Tenure::alone();
    let stretch = Stretch::begin();
    for number in 0..count {
        // What is beyond the queue would fail for now: it is handed over as it is taken.
        while number >= sink.taken() + QUEUED_SENDS / 2 {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        let effect = Effect::Send(message(number, speaks));
        runner.perform(effect, &tenure).await;
    }
    runner.settled().await;
    let (took, cpu) = (stretch.took(), stretch.own());
    assert_eq!(sink.taken(), count, "each is sent once");
    assert_eq!(log.inbox_head().await.expect("an inbox"), count as u64);
    drop(runner);
    workers.drain().await;
    drop(stop);
    (rate(count, took), cpu, sink.connections())
}

/// So many times the same mail on one connection, each in the five steps that the product takes.
async fn plain(stream: TcpStream, mail: &[u8], count: usize) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let greeting: [&[u8]; 2] = [b"", b"EHLO bench.example\r\n"];
    let from: &[u8] = b"MAIL FROM:<duban@duban.example>\r\n";
    let to: &[u8] = b"RCPT TO:<lianluo@u001.example>\r\n";
    let steps: [&[u8]; 5] = [b"NOOP\r\n", from, to, b"DATA\r\n", mail];
    let all = std::iter::repeat_n(steps, count).flatten();
    for step in greeting.into_iter().chain(all) {
        stream.write_all(step).await.expect("a receiver");
        loop {
            line.clear();
            stream.read_line(&mut line).await.expect("an answer");
            assert!(line.starts_with(['2', '3']), "a yes: {line}");
            if line.as_bytes()[3] != b'-' {
                break;
            }
        }
    }
}

/// The limit: the same bytes, without lanes, signatures, composing and reports; over HTTP by the same
/// client, over SMTP by none.
async fn bare(speaks: Speaks, count: usize) -> f64 {
    let sink = Sink::start(speaks);
    let notice = message(0, speaks);
    let stretch = Stretch::begin();
    let mut tasks = JoinSet::new();
    match speaks {
        Speaks::Http => {
            let client = reqwest::Client::new();
            let body = json!({"type": "duban.notice", "data": {"subject": notice.subject, "text": notice.text}});
            let body = body.to_string();
            let url = format!("http://{}/notices", sink.address);
            for _ in 0..AT_ONCE {
                let (client, body, url) = (client.clone(), body.clone(), url.clone());
                tasks.spawn(async move {
                    for _ in 0..count / AT_ONCE {
                        let request = client.post(&url).body(body.clone());
                        let answer = request.send().await.expect("an answer");
                        assert_eq!(answer.status(), 204);
                    }
                });
            }
        }
        Speaks::Smtp => {
            let mail = compose_mail(&notice, FROM).expect("a mail");
            let mail = [mail.formatted(), b".\r\n".to_vec()].concat();
            for _ in 0..AT_ONCE {
                let mail = mail.clone();
                let stream = TcpStream::connect(sink.address).await.expect("a receiver");
                tasks.spawn(async move { plain(stream, &mail, count / AT_ONCE).await });
            }
        }
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("a task ends well");
    }
    let took = stretch.took();
    assert_eq!(sink.taken(), count / AT_ONCE * AT_ONCE);
    rate(sink.taken(), took)
}

async fn alone(name: &str, speaks: Speaks, full: usize, plan: Plan) {
    let count = plan.size(full, 200);
    let (mut rates, mut cpu, mut limits, mut ratios, mut peaks) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        let (sent, used, connections) = runner(speaks, count).await;
        let limit = bare(speaks, count).await;
        note(&format!(
            "{name}: {sent:.0}/s over {connections} connections; bare {limit:.0}/s"
        ));
        rates.push(sent);
        cpu.push(used);
        limits.push(limit);
        ratios.push(sent / limit);
        peaks.extend(memory("self").map(|memory| memory.peak));
    }
    figure(
        name,
        &json!({"messages": count, "queued_at_most": QUEUED_SENDS, "at_once": AT_ONCE, "log": "memory"}),
        &json!({
            "per_s": spread(&rates), "bare_per_s": spread(&limits), "of_bare": short(median(&ratios)),
            "cpu_s": seconds(&cpu), "peak_mb": short(median(&peaks)),
        }),
    );
}

pub async fn alone_http(plan: Plan) {
    alone("send.http", Speaks::Http, MESSAGES[0], plan).await;
}

pub async fn alone_smtp(plan: Plan) {
    alone("send.smtp", Speaks::Smtp, MESSAGES[1], plan).await;
}

/// The whole process on the embedded log: requests lie on the log, and the notifier begins.
async fn process(speaks: Speaks, ledgers: usize) -> (f64, f64, (usize, usize)) {
    let sink = Sink::start(speaks);
    let today = duban_runtime::clock::wall_now().utc().date_naive();
    let world = World {
        issued: today - Days::new(30),
        due: today - Days::new(1),
        at: "00:00".to_owned(),
        steps: &["due", "overdue:10wd"],
        channel: match speaks {
            Speaks::Http => "webhook",
            Speaks::Smtp => "mail",
        },
        window: Some(0),
        ..World::with(ledgers)
    };
    let data = folder();
    let log = embedded(data.path());
    let mut node = Node::sending(log.clone(), data.path(), channels(speaks, &sink));
    // Directory and calendar are noted before the requests come.
    let mut watch = Watch::from(&log, 0).await;
    submit_all(&log, world.base()).await;
    watch.until(RecordType::DirectoryAdopted, 1).await;
    node.pause(Service::Notifier).await;
    for number in world.numbers() {
        submit_all(&log, vec![world.deploy(number)]).await;
    }
    watch
        .until(RecordType::NoticeRequested, world.duties())
        .await;
    watch.until(RecordType::TimerNoted, world.duties()).await;
    let count = world.duties();
    let head = log.head().await.expect("a head");
    let mut watch = Watch::from(&log, head).await;
    let stretch = Stretch::begin();
    node.resume(Service::Notifier);
    watch.until(RecordType::NoticeDelivered, count).await;
    let (took, cpu) = (stretch.took(), stretch.own());
    until_taken(&sink, count).await;
    node.stop().await;
    (rate(count, took), cpu, (count, sink.taken() - count))
}

async fn whole(name: &str, speaks: Speaks, plan: Plan) {
    let (mut rates, mut cpu, mut peaks, mut count) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let mut repeats = Vec::new();
    for _ in 0..plan.runs {
        let (sent, used, (messages, repeated)) = process(speaks, plan.size(LEDGERS, 1)).await;
        note(&format!("{name}: {sent:.0}/s"));
        rates.push(sent);
        cpu.push(used);
        peaks.extend(memory("self").map(|memory| memory.peak));
        count = messages;
        repeats.push(repeated as f64);
    }
    figure(
        name,
        &json!({"notices": count, "in_flight_at_most": duban_notifier::IN_FLIGHT, "at_once": AT_ONCE, "log": "embedded"}),
        &json!({"per_s": spread(&rates), "repeats": spread(&repeats), "cpu_s": seconds(&cpu), "peak_mb": short(median(&peaks))}),
    );
}

pub async fn whole_http(plan: Plan) {
    whole("notices.http", Speaks::Http, plan).await;
}

pub async fn whole_smtp(plan: Plan) {
    whole("notices.smtp", Speaks::Smtp, plan).await;
}

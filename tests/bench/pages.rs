//! The console's pages of a large ledger, read by many at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::Days;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::Plan;
use crate::child::{Client, Program};
use crate::cost::seconds;
use crate::line::{figure, latencies, note, rate, spread};
use crate::node::{folder, started};
use crate::world::World;

/// People with a page open.
const READERS: usize = 50;
/// Publications that fulfil a duty each before anything is measured.
const FULFILLED: usize = 5_000;
/// Pages that each reader opens one after the other, without a pause.
const AT_ONCE: usize = 200;
/// Pages that each reader opens with a second from one to the next.
const PACED: usize = 60;
/// From one page of a reader to its next.
const PAUSE: Duration = Duration::from_secs(1);

/// A kind of page, and the address of its `n`-th.
type Kind = (&'static str, fn(&World, usize) -> String);

const KINDS: &[Kind] = &[
    ("overview", |_, n| match n % 2 {
        0 => "/?ledger=l000".to_owned(),
        _ => format!("/?ledger=l000&units={}&rows={}", n % 25 + 1, n % 3 + 1),
    }),
    ("tasks", |_, n| {
        format!(
            "/ledger/l000?page={}&sort={}",
            n % 2 + 1,
            ["number", "light", "due"][n % 3]
        )
    }),
    ("duties", |world, n| {
        let pages = world.duties() / 50;
        format!("/ledger/l000?view=duties&page={}", n * 37 % pages + 1)
    }),
    ("filtered", |_, n| {
        let light = ["red", "yellow", "green", "done"][n % 4];
        let sort = ["due", "light", "unit", "-due"][n / 4 % 4];
        format!(
            "/ledger/l000?view=duties&light={light}&sort={sort}&page={}",
            n % 20 + 1
        )
    }),
    ("search", |_, n| {
        // 第7局; a twentieth of all units has such a number in its name.
        let digits = n % 100;
        format!("/ledger/l000?view=duties&q=%E7%AC%AC{digits}")
    }),
    ("task", |_, n| {
        format!("/task/l000/{}?page={}", n * 7 % 100, n % 5 + 1)
    }),
    ("unit", |_, n| match n % 2 {
        0 => format!("/unit/u{:03}", n * 7 % 1_000),
        _ => format!("/unit/u{:03}?view=head", n * 7 % 1_000),
    }),
    ("obligation", |world, n| {
        let (ledger, task, unit) = world.place(n * 13);
        format!("/o/l{ledger:03}/{task}/u{unit:03}/responsible")
    }),
];

/// What answers without any page: the limit.
const LIMIT: Kind = ("healthz", |_, _| "/healthz".to_owned());

/// Where the pages are, and who may read all of them.
#[derive(Clone)]
struct Served {
    port: u16,
    token: Arc<str>,
}

/// A connection that stays.
struct Reader {
    stream: BufReader<TcpStream>,
    token: Arc<str>,
}

impl Reader {
    async fn connect(served: &Served) -> Reader {
        let stream = TcpStream::connect(("127.0.0.1", served.port)).await;
        let stream = stream.expect("the pages are served");
        stream.set_nodelay(true).expect("an option of TCP");
        Reader {
            stream: BufReader::new(stream),
            token: Arc::clone(&served.token),
        }
    }

    /// Opens a page: status and bytes.
    async fn open(&mut self, path: &str) -> (u16, usize) {
        let token = &self.token;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n");
        let sent = self.stream.write_all(request.as_bytes()).await;
        sent.expect("a request");
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            let read = self.stream.read_line(&mut line).await;
            assert!(read.expect("a head") > 0, "{path}: the connection ended");
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().expect("a status");
            }
            if let Some(rest) = line.strip_prefix("content-length: ") {
                length = rest.parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        let read = self.stream.read_exact(&mut body).await;
        read.expect("a body");
        (status, length)
    }
}

/// Latencies by kind, in milliseconds, and the bytes of the largest page.
#[derive(Default)]
struct Seen {
    millis: BTreeMap<&'static str, Vec<f64>>,
    largest: BTreeMap<&'static str, usize>,
}

impl Seen {
    fn add(&mut self, other: Seen) {
        for (kind, millis) in other.millis {
            self.millis.entry(kind).or_default().extend(millis);
        }
        for (kind, bytes) in other.largest {
            let largest = self.largest.entry(kind).or_default();
            *largest = bytes.max(*largest);
        }
    }

    fn printed(&self) -> Value {
        let of = |(kind, millis): (&&'static str, &Vec<f64>)| {
            let mut line = latencies(millis.clone());
            line["largest_kb"] = json!(self.largest[kind] / 1_000);
            ((*kind).to_owned(), line)
        };
        let kinds: serde_json::Map<String, Value> = self.millis.iter().map(of).collect();
        let all: Vec<f64> = self.millis.values().flatten().copied().collect();
        json!({"all": latencies(all), "kinds": kinds})
    }
}

/// All readers open pages of these kinds in turn, each beginning with another.
async fn read(
    world: &Arc<World>,
    served: &Served,
    kinds: &'static [Kind],
    pages: usize,
    pause: Option<Duration>,
) -> Seen {
    let reading = (0..READERS).map(|number| {
        let (world, served) = (Arc::clone(world), served.clone());
        tokio::spawn(async move {
            let mut reader = Reader::connect(&served).await;
            let mut seen = Seen::default();
            let share = u32::try_from(number).unwrap_or(0);
            if let Some(pause) = pause {
                tokio::time::sleep(pause / READERS as u32 * share).await;
            }
            let mut ticks = pause.map(tokio::time::interval);
            for page in 0..pages {
                if let Some(ticks) = &mut ticks {
                    ticks.tick().await;
                }
                let (kind, address) = kinds[(number + page) % kinds.len()];
                let path = address(&world, number * pages + page);
                let begun = started();
                let (status, bytes) = reader.open(&path).await;
                let took = started().duration_since(begun);
                assert_eq!(status, 200, "{path}");
                seen.millis
                    .entry(kind)
                    .or_default()
                    .push(took.as_secs_f64() * 1e3);
                let largest = seen.largest.entry(kind).or_default();
                *largest = bytes.max(*largest);
            }
            seen
        })
    });
    let mut all = Seen::default();
    for seen in futures::future::join_all(reading).await {
        all.add(seen.expect("a reader reads to its end"));
    }
    all
}

/// 50 readers of a ledger with 50,000 duties: with a second between two pages of each, then without.
pub async fn pages(plan: Plan) {
    let today = duban_runtime::clock::wall_now().utc().date_naive();
    let world = Arc::new(World {
        // Two groups of 500 units: 50,000 duties in one ledger.
        groups: if plan.quick { 20 } else { 2 },
        issued: today - Days::new(40),
        spread: true,
        ..World::with(1)
    });
    let made = folder();
    let (data, ledger) = (made.path().join("data"), made.path().join("l000"));
    world.write(0, &ledger);
    let mut program = Program::serve(&data, &["--ledger", &ledger.display().to_string()]);
    let port = program.port().await;
    let folder_of = data.display().to_string();
    let token = [
        "token", "add", "bench", "--scope", "read", "--data", &folder_of,
    ];
    let served = Served {
        port,
        token: Program::start(&token).ended().await.trim().into(),
    };
    program.until_at_work().await;
    let mut client = Client::connect(&data).await;
    for n in 0..plan.size(FULFILLED, 100) {
        client.submit(&world.publication(n, true)).await;
    }
    program.until_at_rest().await;
    // The first reading of each kind makes what is kept.
    read(&world, &served, KINDS, KINDS.len(), None).await;
    program.until_at_rest().await;

    let (mut paced, mut busy, mut limit) = (Seen::default(), Seen::default(), Seen::default());
    let (mut rates, mut limits, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        paced.add(read(&world, &served, KINDS, plan.size(PACED, 3), Some(PAUSE)).await);
        let (used, begun) = (program.cpu(), started());
        let count = plan.size(AT_ONCE, KINDS.len());
        busy.add(read(&world, &served, KINDS, count, None).await);
        rates.push(rate(READERS * count, started().duration_since(begun)));
        cpu.push(program.cpu() - used);
        let begun = started();
        limit.add(read(&world, &served, &[LIMIT], count, None).await);
        limits.push(rate(READERS * count, started().duration_since(begun)));
        note(&format!(
            "console.pages: {:.0} pages/s",
            rates[rates.len() - 1]
        ));
    }
    let memory = program.memory();
    program.stop().await;
    figure(
        "console.pages",
        &json!({"process": "duban serve all", "duties": world.duties(), "readers": READERS, "connections": "kept", "pause_s": PAUSE.as_secs()}),
        &json!({
            "paced": paced.printed(), "at_once": busy.printed(), "pages_per_s": spread(&rates),
            "limit_healthz": limit.printed()["all"], "limit_per_s": spread(&limits),
            "cpu_s": seconds(&cpu), "rss_mb": memory.now,
        }),
    );
}

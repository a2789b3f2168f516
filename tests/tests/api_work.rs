//! What the HTTP API works out for a program: simulations, plans and deployments, and the examples
//! that its document shows, all on the sample ledger with the built program.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use duban_tests::duban::{Duban, LEDGER, Play, run, verified, workspace};
use duban_tests::watch::until;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long the server may take to be there.
const LIMIT: Duration = Duration::from_mins(1);
/// The day up to which the sample is played.
const PLAYED: &str = "2021-08-09";
/// The instant after which everything is still to come.
const NOW: &str = "2021-08-09T23:59:59+08:00";
/// Entries of a list that an example keeps, in entries.
const KEPT: usize = 2;

/// A server on the sample, with what programs ask it.
struct Office {
    program: Duban,
    data: TempDir,
    at: String,
    client: reqwest::Client,
    /// The checksum of what is on the log before anybody asks.
    before: String,
}

impl Office {
    async fn open() -> Office {
        let data = tempfile::tempdir().unwrap();
        run(&Play::sample(PLAYED).demo(data.path())).with_code(0);
        let before = verified(data.path());
        let folder = data.path().display().to_string();
        let any = ["--http", "127.0.0.1:0", "--data", &folder];
        let program = Duban::start(&[&["serve", "--clock", "virtual"][..], &any].concat());
        let address = || {
            let out = program.out();
            let line = out.lines().find(|line| line.starts_with("pages"))?;
            Some(line.split_once(": ")?.1.trim_end_matches('/').to_owned())
        };
        assert!(until(LIMIT, || address().is_some()), "{}", program.err());
        Office {
            at: address().unwrap(),
            program,
            data,
            client: reqwest::Client::new(),
            before,
        }
        .ready()
        .await
    }

    fn token(&self, name: &str, more: &[&str]) -> String {
        let data = self.data.path().display().to_string();
        let add = ["token", "add", name, "--data", &data];
        let made = run(&[&add[..], more].concat()).with_code(0);
        made.out.trim().to_owned()
    }

    async fn ask(&self, token: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let media = match path {
            "/events" => "application/cloudevents+json",
            _ => "application/json",
        };
        let address = format!("{}/api/v1{path}", self.at);
        let request = match body {
            None => self.client.get(address),
            Some(body) => self
                .client
                .post(address)
                .header("content-type", media)
                .body(body.to_string()),
        };
        let answer = request.bearer_auth(token).send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        let value = serde_json::from_str(&text);
        let value = value.unwrap_or_else(|fault| panic!("{fault}: {text}"));
        (status, value)
    }

    /// Waits until the pages have read all of the log.
    async fn ready(self) -> Office {
        let token = self.token("tests", &["--scope", "read"]);
        for _ in 0..600 {
            if self.ask(&token, "/ledgers", None).await.1["as_of"] == NOW {
                return self;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the log is not read: {}", self.program.err());
    }
}

/// The texts of the sample ledger.
fn texts() -> BTreeMap<&'static str, String> {
    let names = ["ledger.yaml", "tasks.yaml", "directory.yaml"];
    let text = |name| std::fs::read_to_string(workspace().join(LEDGER).join(name)).unwrap();
    names.into_iter().map(|name| (name, text(name))).collect()
}

/// The same with the first task due a month earlier.
fn earlier() -> BTreeMap<&'static str, String> {
    let mut texts = texts();
    let tasks = texts.get_mut("tasks.yaml").unwrap();
    *tasks = tasks.replacen("due: 2021-12-31", "due: 2021-11-30", 1);
    texts
}

/// A policy that might be published.
fn supposed() -> Value {
    json!({
        "specversion": "1.0", "id": "what-if-1", "source": "https://www.tongliao.example/cms",
        "type": "duban.publication.published", "time": "2021-08-20T09:00:00+08:00",
        "tenant": "tongliao",
        "data": {
            "publication": "what-if-1", "unit": "city-spj", "kind": "政策文件",
            "title": "关于食品安全的意见",
        },
    })
}

fn instant(text: &Value) -> chrono::DateTime<chrono::FixedOffset> {
    chrono::DateTime::parse_from_rfc3339(text.as_str().unwrap()).unwrap()
}

/// What `duban simulate` prints for the sample events up to now and some more, from now on; without
/// what is empty, and without the ledger, which the API names once.
fn simulated(to: &str, more: &[Value]) -> Vec<Value> {
    let sample = workspace().join(LEDGER).join("sample-events.ndjson");
    let sample = std::fs::read_to_string(sample).unwrap();
    let now = instant(&json!(NOW));
    let events = sample.lines().filter(|line| !line.trim().is_empty());
    let events = events.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events = events.filter(|event| instant(&event["time"]) <= now);
    let lines: Vec<String> = events
        .chain(more.iter().cloned())
        .map(|event| event.to_string())
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.ndjson");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let file = file.display().to_string();
    let span = ["--from", "2021-06-28", "--to", to, "--events", &file];
    let said = run(&[&["simulate", LEDGER, "--format", "ndjson"][..], &span].concat());
    let lines = said.with_code(0).out;
    let lines = lines.lines().map(|line| {
        let mut line: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
        line.retain(|name, value| name != "ledger" && *value != json!("") && *value != json!([]));
        Value::Object(line)
    });
    lines.filter(|line| instant(&line["at"]) > now).collect()
}

#[tokio::test]
async fn a_simulation_by_the_api_is_what_the_command_prints_and_leaves_nothing() {
    let office = Office::open().await;
    let token = office.token("reader", &["--scope", "read"]);
    let case = json!({
        "ledger": "tongliao-2021", "until": "2021-09-10", "events": [supposed()],
    });
    let (status, played) = office.ask(&token, "/simulations", Some(&case)).await;
    assert_eq!(status, 200, "{played}");
    let printed = simulated("2021-09-10", &[supposed()]);
    assert!(printed.len() > 500, "{}", printed.len());
    assert_eq!(played["notices"], Value::Array(printed));
    assert_eq!(played["from"], NOW);
    assert_eq!(played["refused"], json!([]));
    // What turns red by then, and only that.
    let red = played["changes"].as_array().unwrap().iter();
    let red = red.filter(|change| change["change"] == "overdue").count();
    assert!(red > 0);
    assert_eq!(played["sum"]["changes"]["overdue"], red);

    // An event of an unknown unit is told as refused, as it would be.
    let mut unknown = supposed();
    unknown["data"]["unit"] = json!("no-such-unit");
    let case = json!({ "ledger": "tongliao-2021", "until": "2021-08-20", "events": [unknown] });
    let (_, played) = office.ask(&token, "/simulations", Some(&case)).await;
    assert_eq!(played["refused"][0]["code"], "unknown-unit", "{played}");
    assert_eq!(played["refused"][0]["event_id"], "what-if-1");

    // A unit's program sees what is its own, and supposes nothing of others.
    let own = [
        "--tenant", "tongliao", "--unit", "city-rsj", "--scope", "read",
    ];
    let own = office.token("unit", &own);
    let case = json!({ "ledger": "tongliao-2021", "until": "2021-08-31" });
    let (_, played) = office.ask(&own, "/simulations", Some(&case)).await;
    let notices = played["notices"].as_array().unwrap();
    assert!(!notices.is_empty());
    for notice in notices {
        let told = notice["contact"].as_str().unwrap_or_default();
        assert!(
            notice["unit"] == "city-rsj" || told.starts_with("city-rsj/"),
            "{notice}"
        );
    }
    for change in played["changes"].as_array().unwrap() {
        assert_eq!(change["unit"], "city-rsj");
    }
    let case = json!({
        "ledger": "tongliao-2021", "until": "2021-08-31", "events": [supposed()],
    });
    let (status, refused) = office.ask(&own, "/simulations", Some(&case)).await;
    assert_eq!(
        (status, &refused["errors"][0]["pointer"]),
        (403, &json!("/events/0/data/unit"))
    );

    let Office {
        mut program,
        data,
        before,
        ..
    } = office;
    program.kill();
    assert_eq!(verified(data.path()), before, "nothing was appended");
}

#[tokio::test]
async fn an_offices_own_pipeline_plans_deploys_and_leaves_who_and_why() {
    let office = Office::open().await;
    let token = office.token(
        "公开办流水线",
        &["--scope", "definitions", "--scope", "read"],
    );
    let mut wrong = earlier();
    let tasks = wrong.get_mut("tasks.yaml").unwrap();
    *tasks = tasks.replacen("due: 2021-11-30", "due: 2021-11-31", 1);
    let (status, refused) = office
        .ask(&token, "/plans", Some(&json!({ "files": wrong })))
        .await;
    assert_eq!(
        (status, &refused["type"]),
        (422, &json!("urn:duban:problem:bad-definition"))
    );
    let first = &refused["diagnostics"][0];
    let line = wrong["tasks.yaml"]
        .lines()
        .position(|line| line.contains("2021-11-31"));
    assert_eq!(
        (&first["code"], &first["file"], &first["line"]),
        (
            &json!("D009"),
            &json!("tasks.yaml"),
            &json!(line.unwrap() + 1)
        )
    );
    let files = json!({ "files": earlier() });
    let (status, plan) = office.ask(&token, "/plans", Some(&files)).await;
    assert_eq!(status, 200, "{plan}");
    assert_eq!(
        (&plan["brings"], &plan["sum"]["moved"]),
        (&json!(["definition"]), &json!(12))
    );
    // What it would do is looked at without doing it.
    let case = json!({
        "ledger": "tongliao-2021", "until": "2021-08-20",
        "files": { "tasks.yaml": earlier()["tasks.yaml"] },
    });
    let (_, played) = office.ask(&token, "/simulations", Some(&case)).await;
    assert_eq!(played["sum"]["changes"]["redated"], 12, "{}", played["sum"]);
    let due = async || {
        let path = "/obligations/tongliao-2021%2F1%2Fban-huolin%2Fresponsible";
        office.ask(&token, path, None).await.1["due"].clone()
    };
    assert_eq!(due().await, "2021-12-31");

    let order =
        |plan: &Value, reason: &str| json!({ "files": earlier(), "plan": plan, "reason": reason });
    let stale = order(&json!("0"), "试");
    let (status, refused) = office.ask(&token, "/deployments", Some(&stale)).await;
    assert_eq!(
        (status, &refused["type"]),
        (409, &json!("urn:duban:problem:stale-plan"))
    );
    assert_eq!(due().await, "2021-12-31");
    let reason = "市政府办公室要求提前一个月";
    let told = order(&plan["plan"], reason);
    let (status, done) = office.ask(&token, "/deployments", Some(&told)).await;
    assert_eq!((status, &done["reason"]), (200, &json!(reason)), "{done}");
    let moved = async || due().await == "2021-11-30";
    let mut seen = false;
    for _ in 0..100 {
        seen = moved().await;
        if seen {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(seen, "the pages follow");
    let (_, list) = office.ask(&token, "/deployments", None).await;
    let newest = &list["items"][0];
    assert_eq!(
        (&newest["reason"], &newest["in_force"]),
        (&json!(reason), &json!(true))
    );
    assert!(
        newest["by"]
            .as_str()
            .unwrap()
            .starts_with("公开办流水线 dbn_"),
        "{newest}"
    );
    // A program of another office, or one that only reads, deploys nothing.
    let foreign = ["--scope", "definitions", "--tenant", "elsewhere"];
    let foreign = office.token("elsewhere", &foreign);
    assert_eq!(office.ask(&foreign, "/plans", Some(&files)).await.0, 403);
    let reader = office.token("reader", &["--scope", "read"]);
    assert_eq!(office.ask(&reader, "/plans", Some(&files)).await.0, 403);
    assert_eq!(office.ask(&reader, "/deployments", None).await.0, 403);
    // It was durable when that was said.
    let Office {
        mut program, data, ..
    } = office;
    program.kill();
    let folder = data.path().display().to_string();
    let listed = run(&["deploy", "--list", "--data", &folder, "--format", "json"]);
    assert!(listed.with_code(0).out.contains(reason));
}

/// The examples as they are kept beside the document.
fn kept() -> PathBuf {
    workspace().join("crates/console/src/api/examples.json")
}

/// An answer with long lists cut, and with ids and folders that chance gives replaced.
fn abridged(value: Value) -> Value {
    match value {
        Value::Array(list) => list.into_iter().take(KEPT).map(abridged).collect(),
        Value::Object(map) => {
            let map = map.into_iter().map(|(name, value)| (name, abridged(value)));
            Value::Object(map.collect())
        }
        Value::String(text) => {
            if let Some((name, _)) = text.split_once(" dbn_") {
                return json!(format!("{name} dbn_1f2e3d4c"));
            }
            // Where the demo keeps its mails.
            match text.split_once("/mail/") {
                Some((_, mail)) => json!(format!("/var/lib/duban/mail/{mail}")),
                None => json!(text),
            }
        }
        other => other,
    }
}

#[tokio::test]
async fn every_answer_has_an_example_that_the_program_gives_and_that_fits_its_schema() {
    let office = Office::open().await;
    let all = [
        "--scope",
        "read",
        "--scope",
        "definitions",
        "--scope",
        "events:write",
    ];
    let token = office.token("示例", &all);
    let duty = "/obligations/tongliao-2021%2F10%2Fcity-spj%2Fresponsible";
    let (_, notices) = office.ask(&token, "/notices?limit=1", None).await;
    let notice = format!(
        "/notices/{}",
        notices["items"][0]["notice"].as_str().unwrap()
    );
    let mut examples: BTreeMap<&str, Value> = BTreeMap::new();
    for (id, path) in [
        ("listLedgers", "/ledgers"),
        ("getLedger", "/ledgers/tongliao-2021"),
        ("listTasks", "/ledgers/tongliao-2021/tasks"),
        ("listObligations", "/obligations?unit=city-spj"),
        ("getObligation", duty),
        ("getHistory", &format!("{duty}/history")),
        ("getExplanation", &format!("{duty}/explanation")),
        ("listNotices", "/notices"),
        ("getNotice", &notice),
        ("listUnits", "/units"),
        ("listRejections", "/rejections"),
        ("listDeployments", "/deployments"),
    ] {
        let (status, answer) = office.ask(&token, path, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        examples.insert(id, abridged(answer));
    }
    let case = json!({ "ledger": "tongliao-2021", "until": "2021-09-10", "unit": "city-spj" });
    let plan = json!({ "files": earlier() });
    for (id, path, body) in [
        ("simulate", "/simulations", &case),
        ("plan", "/plans", &plan),
    ] {
        let (status, answer) = office.ask(&token, path, Some(body)).await;
        assert_eq!(status, 200, "{path}: {answer}");
        examples.insert(id, abridged(answer));
    }
    let order = json!({
        "files": earlier(), "plan": examples["plan"]["plan"],
        "reason": "市政府办公室要求提前一个月",
    });
    let (status, answer) = office.ask(&token, "/deployments", Some(&order)).await;
    assert_eq!(status, 200, "{answer}");
    examples.insert("deploy", abridged(answer));
    let (status, answer) = office.ask(&token, "/events", Some(&supposed())).await;
    assert_eq!(status, 202, "{answer}");
    examples.insert("sendEvents", abridged(answer));
    let text = serde_json::to_string_pretty(&examples).unwrap() + "\n";
    if std::env::var_os("DUBAN_WRITE_PAGES").is_some() {
        std::fs::write(kept(), &text).unwrap();
    }
    assert_eq!(
        text,
        std::fs::read_to_string(kept()).unwrap(),
        "the examples are others by now: look at them, and write them with DUBAN_WRITE_PAGES=1"
    );

    let (_, document) = office.ask(&token, "/openapi.json", None).await;
    let fits = |schema: &Value, value: &Value, what: &str| {
        let whole = json!({ "allOf": [schema], "components": document["components"] });
        let validator = jsonschema::validator_for(&whole).unwrap();
        let faults: Vec<String> = validator
            .iter_errors(value)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{what}: {faults:?}\n{value}");
    };
    let mut shown = 0;
    for methods in document["paths"].as_object().unwrap().values() {
        for operation in methods.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            let responses = &operation["responses"];
            let answer = responses.get("200").unwrap_or(&responses["202"]);
            let Some(content) = answer["content"].get("application/json") else {
                continue;
            };
            // The document is no example of itself.
            if id == "getDocument" {
                continue;
            }
            let example = &content["examples"]["sample"]["value"];
            assert_eq!(Some(example), examples.get(id), "{id} has no example");
            fits(&content["schema"], example, id);
            shown += 1;
            let Some(sent) = operation.get("requestBody") else {
                continue;
            };
            for (media, content) in sent["content"].as_object().unwrap() {
                let example = content.get("example");
                let example = example.unwrap_or(&content["examples"]["publication"]["value"]);
                fits(&content["schema"], example, &format!("{id}, {media}"));
            }
        }
    }
    assert_eq!(shown, examples.len());
}

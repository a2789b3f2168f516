//! What `duban plan` shows is what `duban deploy` then writes, on the real ledger in mid-year.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use duban_tests::duban::{Duban, Said, run, workspace};
use duban_tests::watch::until;
use serde_json::Value;

const LIMIT: Duration = Duration::from_mins(1);

/// A copy of the real ledger beside its calendars.
fn copied(folder: &Path, name: &str) -> std::path::PathBuf {
    let workflows = workspace().join("workflows");
    let copy = folder.join(name);
    for (source, target) in [
        (workflows.join("tongliao-2021"), copy.clone()),
        (workflows.join("calendars"), folder.join("calendars")),
    ] {
        std::fs::create_dir_all(&target).unwrap();
        for entry in std::fs::read_dir(source).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, target.join(path.file_name().unwrap())).unwrap();
        }
    }
    copy
}

fn edit(folder: &Path, file: &str, change: impl Fn(&str) -> String) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let changed = change(&text);
    assert_ne!(changed, text, "{file} stays as it was");
    std::fs::write(path, changed).unwrap();
}

/// Without one of its tasks.
fn without_task(text: &str, id: &str, next: &str) -> String {
    let begin = text.find(&format!("\n  - id: \"{id}\"")).unwrap();
    let end = text.find(&format!("\n  - id: \"{next}\"")).unwrap();
    format!("{}{}", &text[..begin], &text[end..])
}

fn obligations(data: &str) -> BTreeMap<String, Value> {
    let said = run(&[
        "status",
        "--obligations",
        "--data",
        data,
        "--format",
        "json",
    ]);
    let rows = said.with_code(0).json();
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| (row["obligation"].as_str().unwrap().to_owned(), row.clone()))
        .collect()
}

fn plan(folder: &Path, data: &str) -> Value {
    let folder = folder.display().to_string();
    run(&["plan", &folder, "--data", data, "--format", "json"])
        .with_code(0)
        .json()
}

fn deploy(data: &str, args: &[&str]) -> Said {
    run(&[&["deploy", "--data", data][..], args].concat())
}

#[test]
fn deploying_does_exactly_what_the_plan_showed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let new = copied(folder.path(), "new");
    run(&[
        "demo",
        "--speed",
        "0",
        "--no-http",
        "--quiet",
        "--to",
        "2021-10-15",
        "--data",
        &data,
    ])
    .with_code(0);
    edit(&new, "tasks.yaml", |text| {
        let text = text.replacen("due: 2021-12-31", "due: 2021-11-30", 1);
        without_task(&text, "10", "11")
    });
    edit(&new, "ledger.yaml", |text| {
        let own = "notices:\n  return: { subject: \"请{{ 单位 }}重报第{{ 任务号 }}项\" }\n";
        let text = text.replacen("before:15wd", "before:20wd", 1);
        format!("{text}{own}")
    });
    edit(&new, "directory.yaml", |text| {
        let renamed = text.replacen(
            "id: ban-kailu\n",
            "id: ban-kailuqu\n    formerly: [ban-kailu]\n",
            1,
        );
        let renamed = renamed.replace("superior: ban-kailu\n", "superior: ban-kailuqu\n");
        renamed.replacen("lianluo@city-fgw", "xinren@city-fgw", 1)
    });

    // What is worded otherwise is told too, by its sort.
    assert_eq!(plan(&new, &data)["worded"], serde_json::json!(["return"]));

    // The log of a stopped installation, at the last instant of its virtual clock.
    let offline = plan(&new, &data);
    let socket = Path::new(&data).join("duban.sock");
    let serve = Duban::start(&[
        "serve",
        "--data",
        &data,
        "--clock",
        "virtual",
        "--http",
        "127.0.0.1:0",
    ]);
    assert!(until(LIMIT, || socket.exists()), "{}", serve.err());
    let shown = plan(&new, &data);
    assert_eq!(shown["plan"], offline["plan"]);
    assert_eq!(shown["sum"], offline["sum"]);
    assert_eq!(shown["contacts"].as_array().unwrap().len(), 1);
    assert_eq!(shown["refused"], serde_json::json!([]));

    // The clerk reads Chinese; what a program reads keeps its keys.
    let folder_shown = new.display().to_string();
    let table = run(&["plan", &folder_shown, "--data", &data])
        .with_code(0)
        .out;
    for part in ["变动", "原因", "移交", "原联络员", "仅通知有变的事项"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    for key in ["withdrawn", "notices", "contacts"] {
        assert!(!table.contains(key), "{key}: {table}");
    }
    let csv = run(&["plan", &folder_shown, "--data", &data, "--format", "csv"]);
    let csv = csv.with_code(0).out;
    assert!(csv.starts_with("change,obligation,from,to,"), "{csv}");

    let before = obligations(&data);
    let hash = shown["plan"].as_str().unwrap();
    let new_folder = new.display().to_string();
    let refused = deploy(&data, &[&new_folder, "--plan", "0123"]);
    assert!(refused.with_code(1).err.contains("the plan is now"));
    assert_eq!(obligations(&data), before);
    let said = deploy(
        &data,
        &[
            &new_folder,
            "--plan",
            hash,
            "--by",
            "市大数据局",
            "--reason",
            "领导小组决定",
        ],
    )
    .with_code(0);
    for part in [
        "将生效:",
        "撤销事项",
        "改期事项",
        "方案号 ",
        "已生效(台账定义 ",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }

    let after = obligations(&data);
    let mut untold = after.clone();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for change in shown["changes"].as_array().unwrap() {
        let kind = change["change"].as_str().unwrap();
        *kinds.entry(kind).or_default() += 1;
        let id = change["obligation"].as_str().unwrap();
        let is = &after[id];
        untold.remove(id);
        assert_eq!(is["due"], change["to"], "{change}");
        match kind {
            "transferred" => {
                let from = change["from"].as_str().unwrap();
                assert!(!after.contains_key(from), "{change}");
                assert_eq!(before[from]["state"], is["state"], "{change}");
            }
            "withdrawn" => {
                assert_eq!(
                    (is["state"].as_str(), is["next_at"].as_str()),
                    (Some("withdrawn"), Some(""))
                );
            }
            "moved" => {
                assert_eq!(before[id]["due"], change["from"]);
                assert_ne!(before[id]["due"], is["due"]);
            }
            "notices" => assert_eq!(before[id]["state"], is["state"], "{change}"),
            _ => {}
        }
    }
    // What the plan does not name is as it was, to the next step.
    for (id, row) in &untold {
        assert_eq!(
            before.get(id),
            Some(row),
            "{id} changed, and the plan does not say so"
        );
    }
    for kind in ["transferred", "withdrawn", "moved", "notices"] {
        assert!(kinds.contains_key(kind), "no {kind} among {kinds:?}");
    }
    assert_eq!(plan(&new, &data)["brings"], serde_json::json!([]));

    let moved = shown["changes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|change| change["change"] == "moved" && change["to"] == "2021-11-30");
    let moved = moved.unwrap()["obligation"].as_str().unwrap();
    let explained = run(&["explain", moved, "--data", &data]);
    let explained = explained.with_code(0).out;
    assert!(
        explained.contains("(市大数据局):领导小组决定"),
        "{explained}"
    );
    assert!(
        explained.contains("完成时限由2021-12-31改为2021-11-30"),
        "{explained}"
    );

    what_became_of_them_is_told(folder.path(), &data, &shown);

    // Nobody owes what was withdrawn.
    let status = run(&["status", "--data", &data, "--format", "json"])
        .with_code(0)
        .json();
    let status = &status["ledgers"][0];
    assert_eq!(status["withdrawn"], kinds["withdrawn"]);
    let lights = ["green", "yellow", "red", "done", "grey"];
    let lights: u64 = lights.iter().map(|l| status[l].as_u64().unwrap()).sum();
    let all = u64::try_from(after.len()).unwrap();
    let withdrawn = status["withdrawn"].as_u64().unwrap();
    assert_eq!(status["obligations"], lights);
    assert_eq!(lights + withdrawn, all);

    // And back again.
    let list = deploy(&data, &["--list", "--format", "json"])
        .with_code(0)
        .json();
    let first = list[0]["definition"].as_str().unwrap();
    assert_eq!(list[1]["reason"], "领导小组决定");
    deploy(&data, &["--back", first]).with_code(0);
    let back = obligations(&data);
    let id = "tongliao-2021/1/city-fgw/responsible";
    assert_eq!(back[id]["due"], before[id]["due"]);
    assert!(
        back.values().all(|row| row["state"] != "withdrawn"),
        "task 10 is back"
    );
    let said = deploy(&data, &["--back", "no-such-hash"]).with_code(1);
    assert!(
        said.err.contains("found 0 such definitions"),
        "{}",
        said.err
    );
    drop(serve);
    let said = deploy(&data, &[&new_folder]).with_code(1);
    assert!(said.err.contains("no server runs"), "{}", said.err);
    run(&["replay", "--verify", "--data", &data]).with_code(0);
}

/// Explanations and exports know duties that went over, were withdrawn or got another date.
fn what_became_of_them_is_told(folder: &Path, data: &str, shown: &Value) {
    let changes = shown["changes"].as_array().unwrap();
    let to_file = folder.join("duties.csv");
    let file = to_file.display().to_string();
    let export = ["export", "--data", data, "--part", "duties", "--to", &file];
    run(&[&export[..], &["--encoding", "utf-8"]].concat()).with_code(0);
    let written = std::fs::read_to_string(&to_file).unwrap();
    let mut about = BTreeMap::new();
    // A record may go over several lines; it ends with its duty's id.
    let mut record = String::new();
    for line in written.lines().skip(1) {
        record.push_str(line);
        if let Some((_, id)) = line.rsplit_once(",tongliao-2021/") {
            about.insert(format!("tongliao-2021/{id}"), std::mem::take(&mut record));
        }
    }
    let of_kind = |kind: &'static str| changes.iter().filter(move |c| c["change"] == kind);
    let id_of = |change: &Value, field: &str| change[field].as_str().unwrap().to_owned();

    // One that went over, of which its unit had been told under the former id.
    let went_over = of_kind("transferred").map(|c| (id_of(c, "from"), id_of(c, "obligation")));
    let told = went_over.filter(|(_, to)| about[to].contains(",发给开鲁县 "));
    let (from, to) = { told }.next().unwrap();
    assert!(!about.contains_key(&from), "{from} is listed");
    assert!(about[&to].contains("更名或并入"), "{}", about[&to]);
    let explain = |id: &str| run(&["explain", id, "--data", data]).with_code(0).out;
    let explained = explain(&from);
    assert!(explained.contains(&to), "{explained}");
    let mut lines = explained.lines();
    let line = lines.find(|line| line.contains(" 发往 ban-kailu/"));
    let notice = line.and_then(|line| line.split_once("通知 ")?.1.split(' ').next());
    assert!(explain(notice.unwrap()).contains(" 发往 ban-kailu/"));

    let withdrawn = &about[&id_of(of_kind("withdrawn").next().unwrap(), "obligation")];
    assert!(withdrawn.contains("已撤销"), "{withdrawn}");
    let moved = of_kind("moved").find(|c| c["to"] == "2021-11-30").unwrap();
    let moved = &about[&id_of(moved, "obligation")];
    assert!(
        moved.contains("完成时限由2021-12-31改为2021-11-30"),
        "{moved}"
    );
    assert!(moved.contains(",2021-11-30,"), "{moved}");
}

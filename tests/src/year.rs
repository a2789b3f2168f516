//! Many made-up events, drawn from a seed, for the real units and kinds of the 2021 ledger.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::duban::{LEDGER, Play, workspace};

/// The first day of the span, in December 2021: the year's end is when most notices go out.
const FIRST_DAY: u64 = 20;
const DECEMBER: u64 = 31;
/// The hours in which things happen.
const HOURS: [u64; 4] = [9, 11, 14, 16];

/// What may be drawn: read from the ledger's sample, so that it exists.
struct Urns {
    units: Vec<String>,
    kinds: Vec<String>,
    duties: Vec<Value>,
}

fn urns() -> Urns {
    let folder = workspace().join(LEDGER);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("the ledger");
    let units = read("directory.yaml")
        .lines()
        .filter_map(|line| Some(line.strip_prefix("  - id: ")?.trim().to_owned()))
        .collect();
    let (mut kinds, mut duties) = (BTreeSet::new(), BTreeSet::new());
    for line in read("sample-events.ndjson").lines() {
        let event: Value = serde_json::from_str(line).expect("a sample event");
        let data = &event["data"];
        if let Some(kind) = data["kind"].as_str() {
            kinds.insert(kind.to_owned());
        }
        if data["task"].is_string() && data["role"].is_string() {
            let mut duty =
                json!({"task": data["task"], "unit": data["unit"], "role": data["role"]});
            if data["period"].is_string() {
                duty["period"] = data["period"].clone();
            }
            duties.insert(duty.to_string());
        }
    }
    Urns {
        units,
        kinds: kinds.into_iter().collect(),
        duties: duties
            .iter()
            .map(|duty| serde_json::from_str(duty).expect("as written above"))
            .collect(),
    }
}

/// Writes `count` events of `days` days into a folder, and says how to play them.
///
/// # Panics
/// When the ledger cannot be read or the folder not written.
pub fn draw(seed: u64, count: u64, days: u64, folder: &Path) -> Play {
    let urns = urns();
    let mut dice = Dice::new(seed);
    let mut text = String::new();
    for number in 0..count {
        let moment = number * days * HOURS.len() as u64 / count;
        let hour = HOURS[usize::try_from(moment).expect("small") % HOURS.len()];
        let time = format!("{}T{hour:02}:00:00+08:00", day(moment / HOURS.len() as u64));
        let event = if dice.below(5) < 3 {
            publication(&mut dice, &urns, number)
        } else {
            act(&mut dice, &urns)
        };
        let (kind, data) = event;
        let event = json!({
            "specversion": "1.0", "id": format!("drawn-{number:05}"), "source": "urn:duban:tests:drawn",
            "type": kind, "time": time, "tenant": "tongliao", "ledger": "tongliao-2021", "data": data,
        });
        writeln!(text, "{event}").expect("text grows");
    }
    let events: PathBuf = folder.join(format!("drawn-{seed}.ndjson"));
    std::fs::write(&events, text).expect("the events are written");
    Play {
        ledger: LEDGER.into(),
        from: day(0),
        to: day(days),
        events,
    }
}

/// A day of the span.
fn day(after: u64) -> String {
    let day = FIRST_DAY + after;
    if day <= DECEMBER {
        format!("2021-12-{day:02}")
    } else {
        assert!(day - DECEMBER <= 31, "spans end in January");
        format!("2022-01-{:02}", day - DECEMBER)
    }
}

fn publication(dice: &mut Dice, urns: &Urns, number: u64) -> (&'static str, Value) {
    let unit = dice.one_of(&urns.units);
    let data = json!({
        "publication": format!("drawn-{number:05}"), "unit": unit, "kind": dice.one_of(&urns.kinds),
        "title": format!("虚构公开信息第{number}号"), "note": "虚构样例",
    });
    ("duban.publication.published", data)
}

fn act(dice: &mut Dice, urns: &Urns) -> (&'static str, Value) {
    let mut data = dice.one_of(&urns.duties).clone();
    data["note"] = json!("虚构样例");
    let kind = match dice.below(10) {
        0..4 => "duban.task.accepted",
        4..6 => "duban.task.progressed",
        6..8 => {
            data["evidence"] = json!(["https://www.tongliao.example/baosong/1.pdf"]);
            "duban.task.submitted"
        }
        8 => "duban.task.verified",
        _ => {
            data["reason"] = json!("材料不全,请补充");
            "duban.task.returned"
        }
    };
    (kind, data)
}

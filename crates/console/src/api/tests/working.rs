//! What is worked out for a program, as far as the console decides it: who may ask, how much, how
//! often, and what of it is whose.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use chrono::NaiveDate;
use duban_model::{Timestamp, Zone};
use serde_json::{Value, json};

use super::super::simulation::SIMULATIONS_AT_ONCE;
use super::{Desk, Heard};
use crate::ahead::{Case, CaseChange, CaseNotice, Foresee, Foreseen, Played, Unplayed};
use crate::sample::LEDGER;

/// A case until this day waits until it is let go.
const SLOW: &str = "2021-12-31";
/// How many slow cases have begun, and whether they may go on.
static GATE: Mutex<(usize, bool)> = Mutex::new((0, false));
static GOES: Condvar = Condvar::new();

/// Plays every case the same way: a notice and a change of each of two units.
pub(super) struct Playing;

impl Foresee for Playing {
    fn foresee(&self, _: &str, _: u64, _: NaiveDate, _: Duration) -> Option<Foreseen> {
        None
    }

    fn play(&self, case: &Case<'_>, _: Duration) -> Result<Played, Unplayed> {
        if case.until.to_string() == SLOW {
            let mut gate = GATE.lock().unwrap();
            gate.0 += 1;
            drop(GOES.wait_while(gate, |gate| !gate.1).unwrap());
        }
        let at = Timestamp(1_625_000_000_000);
        let duty = |task: &str, unit: &str| format!("{LEDGER}/{task}/{unit}/responsible");
        let notice = |task: &str, unit: &str| CaseNotice {
            at,
            kind: "reminder",
            obligation: duty(task, unit),
            unit: unit.to_owned(),
            contact: format!("{unit}/contact"),
            notice: format!("notice-{unit}"),
            ..CaseNotice::default()
        };
        let change = |task: &str, unit: &str| CaseChange {
            at,
            change: "overdue",
            obligation: duty(task, unit),
            due: None,
        };
        Ok(Played {
            span: (at, at),
            zone: Zone::SHANGHAI,
            tenant: "tongliao".to_owned(),
            notices: vec![
                notice("1", "city-spj"),
                notice("2", "kailu"),
                CaseNotice {
                    kind: "digest",
                    unit: "kailu".to_owned(),
                    contact: "kailu/contact".to_owned(),
                    covers: vec!["notice-kailu".to_owned()],
                    ..CaseNotice::default()
                },
                CaseNotice {
                    kind: "digest",
                    unit: "kailu".to_owned(),
                    contact: "kailu/contact".to_owned(),
                    covers: vec!["of another ledger".to_owned()],
                    ..CaseNotice::default()
                },
            ],
            changes: vec![change("1", "city-spj"), change("2", "kailu")],
            refused: Vec::new(),
        })
    }
}

async fn work(desk: &Desk, token: &str, path: &str, body: &Value) -> Heard {
    let bearer = format!("authorization: Bearer {token}");
    let headers = [bearer.as_str(), "content-type: application/json"];
    let path = format!("/api/v1{path}");
    desk.ask("POST", &path, &headers, &body.to_string()).await
}

fn case(until: &str) -> Value {
    json!({ "ledger": LEDGER, "until": until })
}

#[tokio::test]
async fn a_simulation_shows_what_is_ones_own_and_what_is_the_ledgers() {
    let desk = Desk::open().await;
    let all = desk.bed.token("read");
    let heard = work(&desk, &all, "/simulations", &case("2021-09-30")).await;
    assert_eq!(heard.status, 200, "{heard:?}");
    let sum = heard.json()["sum"].clone();
    // The message of another ledger is left out.
    assert_eq!(
        sum,
        json!({ "notices": { "digest": 1, "reminder": 2 }, "changes": { "overdue": 2 }, "refused": 0 })
    );
    let own = desk.bed.token_of("read", "tongliao", &["city-spj"]);
    let heard = work(&desk, &own, "/simulations", &case("2021-09-30")).await;
    assert!(
        heard.body.contains("city-spj") && !heard.body.contains("kailu"),
        "{heard:?}"
    );
    let mut one = case("2021-09-30");
    one["unit"] = json!("kailu");
    let heard = work(&desk, &all, "/simulations", &one).await;
    assert!(
        heard.body.contains("kailu") && !heard.body.contains("city-spj"),
        "{heard:?}"
    );
    // Another office has no such ledger.
    let other = desk.bed.token_of("read", "elsewhere", &[]);
    let heard = work(&desk, &other, "/simulations", &case("2021-09-30")).await;
    assert_eq!((heard.status, heard.code()), (404, "not-found".to_owned()));
}

#[tokio::test]
async fn a_token_simulates_one_case_at_a_time_and_all_of_them_so_many() {
    let desk = std::sync::Arc::new(Desk::open().await);
    let tokens: Vec<String> = (0..=SIMULATIONS_AT_ONCE)
        .map(|_| desk.bed.token("read"))
        .collect();
    let ask = |place: usize, until: &'static str| {
        let (desk, token) = (std::sync::Arc::clone(&desk), tokens[place].clone());
        async move { work(&desk, &token, "/simulations", &case(until)).await }
    };
    let mut slow = vec![tokio::spawn(ask(0, SLOW))];
    let begun = async |wanted| {
        while GATE.lock().unwrap().0 < wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    begun(1).await;
    let heard = ask(0, "2021-09-30").await;
    assert_eq!(
        (heard.status, heard.code()),
        (429, "too-many-requests".to_owned())
    );
    assert!(heard.header("retry-after").is_some());
    assert_eq!(ask(1, "2021-09-30").await.status, 200, "another token");
    slow.extend((1..SIMULATIONS_AT_ONCE).map(|place| tokio::spawn(ask(place, SLOW))));
    begun(SIMULATIONS_AT_ONCE).await;
    let heard = ask(SIMULATIONS_AT_ONCE, "2021-09-30").await;
    assert_eq!(
        (heard.status, heard.code()),
        (503, "unavailable".to_owned())
    );
    GATE.lock().unwrap().1 = true;
    GOES.notify_all();
    for slow in slow {
        assert_eq!(slow.await.unwrap().status, 200);
    }
    assert_eq!(
        ask(0, "2021-09-30").await.status,
        200,
        "those before have ended"
    );
}

#[tokio::test]
async fn what_cannot_be_worked_out_is_refused_with_a_code_of_its_own() {
    let desk = Desk::open().await;
    let (read, define) = (desk.bed.token("read"), desk.bed.token("definitions"));
    let mut texts = case("2021-09-30");
    texts["files"] = json!({ "tasks.yaml": "tasks: []" });
    let mut foreign = case("2021-09-30");
    foreign["events"] = json!([{
        "specversion": "1.0", "id": "1", "source": "s", "tenant": "elsewhere",
        "type": "duban.matter.withdrawn", "data": { "matter": "1", "unit": "city-spj" },
    }]);
    let mut deploys = foreign.clone();
    deploys["events"][0]["type"] = json!("duban.clock.advanced");
    deploys["events"][0]["data"] = json!({ "to": "2021-09-30T00:00:00+08:00", "fire": true });
    deploys["events"][0]["tenant"] = json!("tongliao");
    let mut unknown = case("2021-09-30");
    unknown["colour"] = json!("red");
    for (token, path, body, status, code) in [
        (&read, "/simulations", case("2051-01-01"), 422, "too-much"),
        (&read, "/simulations", case("2021-9-30"), 422, "bad-body"),
        (&read, "/simulations", unknown, 422, "bad-body"),
        (&read, "/simulations", texts, 403, "no-right"),
        (&read, "/simulations", foreign, 403, "other-tenant"),
        (&read, "/simulations", deploys, 403, "type-not-taken"),
        (&define, "/simulations", case("2021-09-30"), 403, "no-right"),
        (&read, "/plans", json!({ "files": {} }), 403, "no-right"),
        (
            &define,
            "/plans",
            json!({ "files": { "../x": "" } }),
            422,
            "bad-body",
        ),
        (&define, "/plans", json!({}), 422, "bad-body"),
        (
            &define,
            "/deployments",
            json!({ "files": {}, "plan": "1", "reason": " " }),
            422,
            "bad-body",
        ),
        (
            &define,
            "/deployments",
            json!({ "files": {}, "plan": "1", "reason": "x" }),
            409,
            "stale-plan",
        ),
    ] {
        let heard = work(&desk, token, path, &body).await;
        assert_eq!(
            (heard.status, heard.code().as_str()),
            (status, code),
            "{path} {body}"
        );
    }
    let heard = desk.get("/deployments", &define).await;
    assert_eq!(
        (heard.status, heard.json()["items"].clone()),
        (200, json!([]))
    );
    // A person's browser deploys nothing that another site's page told it to.
    let office = desk
        .bed
        .signed_in("wang", &[crate::access::Role::Office], &[]);
    let cookie = format!("cookie: duban={office}");
    let headers = [cookie.as_str(), "content-type: application/json"];
    let heard = desk
        .ask("POST", "/api/v1/deployments", &headers, "{}")
        .await;
    assert_eq!((heard.status, heard.code()), (403, "no-right".to_owned()));
}

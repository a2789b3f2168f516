//! A task outside the ledger, in the browser: what a clerk fills in, sees and confirms, and what of the
//! other tasks stays as it was.

use duban_tests::office::{Heard, LIMIT, Office, Person, unescaped};
use duban_tests::watch::until;

const LEDGER: &str = "/ledger/tongliao-2021";
const FORM: &str = "/ledger/tongliao-2021/outside";
const DUTIES: &str = "/ledger/tongliao-2021/export/csv?view=duties&size=200&col=number&col=title&col=unit&col=role&col=period&col=due&col=state&col=light&col=id";

/// All hidden fields of the last form of a page.
fn hidden(heard: &Heard) -> Vec<(String, String)> {
    let form = heard.text.rsplit("<form").next().unwrap();
    let rest = form.split("<input type=\"hidden\" name=\"").skip(1);
    rest.map(|rest| {
        let (name, rest) = rest.split_once("\" value=\"").unwrap();
        (name.to_owned(), unescaped(rest.split('"').next().unwrap()))
    })
    .filter(|(name, _)| name != "form_key")
    .collect()
}

fn confirm(person: &Person<'_>, shown: &Heard) -> Heard {
    let mut fields = hidden(shown);
    fields.push(("act".to_owned(), "deploy".to_owned()));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (&**n, &**v)).collect();
    person.post(FORM, &fields)
}

const FILLED: [(&str, &str); 9] = [
    (
        "text",
        "报送汛期信息公开整改情况: #3 \"加急\"。\n逐项说明。",
    ),
    ("responsible", "u:city-jyj"),
    ("responsible", "g:旗县(市、区)政府"),
    ("lead", "u:city-fgw"),
    ("kind", "day"),
    ("day", "2021-12-10"),
    ("section", "台账外任务"),
    ("reason", "市政府第12次常务会议交办"),
    ("act", "plan"),
];

/// The lines of a table of duties that are not of a task.
fn others(csv: &str, number: &str) -> Vec<String> {
    let lines = csv.lines().skip(1);
    let of = lines.filter(|line| !line.starts_with(&format!("{number},")));
    of.map(ToOwned::to_owned).collect()
}

#[test]
fn a_task_outside_the_ledger_is_added_once_and_nothing_else_moves() {
    let office = Office::with_ledger("2021-07-05");
    let wang = office.person("wang", &["--role", "office", "--title", "督办室 王"]);
    assert!(until(LIMIT, || wang.get(LEDGER).text.contains("第1–36行")));
    let page = wang.get(LEDGER);
    assert!(page.text.contains(FORM), "the button: {}", page.text);
    let before = wang.get(DUTIES).text;

    // What is wrong is said at its field, and what was typed is there.
    let wrong = wang.post(
        FORM,
        &[
            ("text", "报送情况"),
            ("day", "2020-01-01"),
            ("responsible", "u:nobody"),
            ("act", "plan"),
        ],
    );
    assert_eq!(wrong.status, 422, "{}", wrong.text);
    for said in ["已经过去", "名录里没有“nobody”", "请写明增加的理由"] {
        assert!(wrong.text.contains(said), "{said}: {}", wrong.text);
    }
    assert!(wrong.text.contains(">报送情况</textarea>") && wrong.text.contains("2020-01-01"));
    let far = FILLED.map(|(n, v)| {
        if n == "day" {
            (n, "2031-01-01")
        } else {
            (n, v)
        }
    });
    let far = wang.post(FORM, &far);
    assert_eq!(far.status, 422, "no calendar: {}", far.text);
    assert!(far.text.contains("fault-day"), "{}", far.text);

    // Searching keeps what was filled in.
    let found = wang.post(
        FORM,
        &FILLED.map(|(n, v)| if n == "act" { (n, "find") } else { (n, v) }),
    );
    assert!(found.status == 200 && found.text.contains("市政府第12次常务会议交办"));

    // What would follow; nothing is there yet.
    let shown = wang.post(FORM, &FILLED);
    assert_eq!(shown.status, 200, "{}", shown.text);
    assert!(shown.text.contains("第37项") && shown.text.contains("通辽市教育局"));
    assert!(
        shown.text.contains("提前7个工作日")
            && shown
                .text
                .contains("<td data-label=\"件数\" class=\"num\">10<"),
        "{}",
        shown.text
    );
    assert_eq!(wang.get(DUTIES).text, before);

    // A plan that is no longer true is shown anew, with all that was filled in.
    let mut stale = hidden(&shown);
    for (name, value) in &mut stale {
        if name == "plan" {
            *value = "00000000000000000000000000000000".to_owned();
        }
    }
    stale.push(("act".to_owned(), "deploy".to_owned()));
    let stale: Vec<(&str, &str)> = stale.iter().map(|(n, v)| (&**n, &**v)).collect();
    let stale = wang.post(FORM, &stale);
    assert_eq!(stale.status, 409, "{}", stale.text);
    assert!(stale.text.contains("还没有增加") && stale.text.contains("第37项"));

    // Pressed twice, it is there once.
    let done = confirm(&wang, &shown);
    assert!(
        done.status == 200 && done.text.contains("已增加,已生效"),
        "{}",
        done.text
    );
    let twice = confirm(&wang, &shown);
    assert!(
        twice.status == 200 && twice.text.contains("已增加,已生效"),
        "{}",
        twice.text
    );
    let listed = || wang.get(LEDGER).text.matches("【台账外】").count();
    assert!(until(LIMIT, || listed() == 1), "{}", wang.get(LEDGER).text);
    let after = || wang.get(DUTIES).text;
    assert!(
        until(LIMIT, || after().matches("\r\n37,").count() == 10),
        "{}",
        after()
    );
    let (now, was) = (others(&after(), "37"), others(&before, "37"));
    let differs = now.iter().zip(&was).find(|(now, was)| now != was);
    assert!(now == was, "{} and {}: {differs:?}", now.len(), was.len());

    // Wherever tasks are listed it is marked, and the record says who, when and why.
    assert!(wang.get("/unit/city-jyj").text.contains("【台账外】"));
    assert!(
        wang.get("/task/tongliao-2021/37")
            .text
            .contains("台账外</span>")
    );
    let versions = wang.get("/define/versions").text;
    assert!(versions.contains("市政府第12次常务会议交办") && versions.contains("督办室 王"));

    // The text has one task more, and its remarks are where they were.
    let begun = wang.post("/define/begin", &[("ledger", "tongliao-2021")]);
    let edit = wang.get(&format!("{}/edit?file=tasks.yaml", begun.location()));
    let text = unescaped(edit.text.split("<textarea").nth(1).unwrap());
    assert!(text.contains("# ==== 一、紧扣重点领域信息") && text.contains("outside: true"));

    // Another one has the next number. Who may not, may not.
    let second = FILLED.map(|(n, v)| {
        if n == "text" {
            (n, "另一件事")
        } else {
            (n, v)
        }
    });
    let shown = wang.post(FORM, &second);
    assert!(shown.text.contains("第38项"), "{}", shown.text);
    let li = office.person(
        "li",
        &[
            "--role", "contact", "--tenant", "tongliao", "--unit", "city-jyj",
        ],
    );
    assert_eq!(li.get(FORM).status, 403);
    assert_eq!(li.post(FORM, &FILLED).status, 403);
    assert!(!li.get(LEDGER).text.contains(FORM));
}

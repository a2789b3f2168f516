//! From a Word document to a ledger in force, in the browser: what a clerk does with the real program,
//! and what somebody tries who may not.

use duban_tests::duban::workspace;
use duban_tests::office::{LIMIT, Office, unescaped};
use duban_tests::watch::until;

fn document() -> Vec<u8> {
    std::fs::read(workspace().join("tests/documents/tongliao-2021-ledger.docx")).unwrap()
}

/// Values of the radio buttons of a question.
fn choices(page: &str) -> Vec<String> {
    let begins = "name=\"answer\" value=\"";
    let rest = page.split(begins).skip(1);
    rest.map(|rest| unescaped(rest.split('"').next().unwrap()))
        .collect()
}

#[test]
fn a_clerk_brings_a_word_document_into_force_changes_it_and_goes_back() {
    let office = Office::open();
    let wang = office.person("wang", &["--admin"]);
    let draft = wang.upload("../../台账.docx", &document());
    let page = wang.get(&draft);
    assert!(page.text.contains("任务36项") && page.text.contains("数目相符"));
    assert!(page.text.contains("台账.docx") && !page.text.contains("../"));

    // Question by question: the likeliest answer, and one that is put off.
    let questions = format!("{draft}/questions");
    let mut seen = 0;
    loop {
        let page = wang.get(&questions);
        if !page.text.contains("name=\"key\"") {
            assert!(page.text.contains("问题都看过了"), "{}", page.text);
            break;
        }
        let (key, version) = (page.field("key"), page.field("version"));
        let all = choices(&page.text);
        let act = if seen == 4 { "later" } else { "answer" };
        let said = wang.post(
            &questions,
            &[
                ("key", &key),
                ("version", &version),
                ("act", act),
                ("answer", &all[0]),
            ],
        );
        assert_eq!(said.status, 303, "{}", said.text);
        seen += 1;
        assert!(seen < 100);
    }
    assert!(seen > 10, "{seen}");
    let list = wang.get("/define");
    assert!(list.text.contains("可以看方案"), "{}", list.text);

    // The editor says what is wrong at its line, and nothing is lost by it.
    let edit = format!("{draft}/edit");
    let page = wang.get(&format!("{edit}?file=tasks.yaml"));
    let version = page.field("version");
    let text = page.text.split("<textarea").nth(1).unwrap();
    let text = text.split_once(">\n").unwrap().1;
    let text = unescaped(text.split("</textarea>").next().unwrap());
    let bad = text.replacen("due: 2021-12-31", "due: 2021-13-31", 1);
    let live = wang.send(
        &format!("{draft}/check"),
        &[("file", "tasks.yaml"), ("text", &bad)],
        None,
    );
    let told: serde_json::Value = serde_json::from_str(&live.text).unwrap();
    let line = bad.lines().position(|l| l.contains("2021-13-31")).unwrap() + 1;
    assert_eq!(told["diagnostics"][0]["line"], line, "{told}");
    assert_eq!(told["diagnostics"][0]["severity"], "error");
    let saved = wang.send(
        &edit,
        &[
            ("file", "tasks.yaml"),
            ("version", &version),
            ("text", &bad),
        ],
        None,
    );
    let page = wang.get(saved.location());
    assert!(page.text.contains(&format!("id=\"L{line}\"")) && page.text.contains("2021-13-31"));
    assert!(page.text.contains("class=\"error\""), "{}", page.text);
    let plan = wang.get(&format!("{draft}/plan"));
    assert!(plan.text.contains("还不能看方案"), "{}", plan.text);
    let version = page.field("version");
    wang.send(
        &edit,
        &[
            ("file", "tasks.yaml"),
            ("version", &version),
            ("text", &text),
        ],
        None,
    );

    // The plan, the year ahead, the deployment with its reason.
    let plan = wang.get(&format!("{draft}/plan"));
    assert!(plan.text.contains("新增事项"), "{}", plan.text);
    assert!(plan.text.contains("部署以后的安排"), "{}", plan.text);
    let (number, version) = (plan.field("plan"), plan.field("version"));
    let order = |number: &str, reason: &str| {
        let fields = [("plan", number), ("version", &*version), ("reason", reason)];
        wang.post(&format!("{draft}/plan"), &fields)
    };
    assert_eq!(order(&number, " ").status, 422, "without a reason");
    let stale = order("00000000000000000000000000000000", "按通知");
    assert_eq!(stale.status, 409, "{}", stale.text);
    assert!(stale.text.contains("没有部署"));
    let done = order(&number, "按市政府办公室通知");
    assert!(
        done.status == 200 && done.text.contains("已经生效"),
        "{}",
        done.text
    );
    let shown = || {
        wang.get("/ledger/tongliao-2021").text.contains("固定")
            || wang.get("/ledger/tongliao-2021").text.contains("十四五")
    };
    assert!(until(LIMIT, shown), "the ledger's page shows it");

    // A draft of what is in force, one date moved; then back.
    let begun = wang.post("/define/begin", &[("ledger", "tongliao-2021")]);
    let second = begun.location().to_owned();
    let page = wang.get(&format!("{second}/edit?file=tasks.yaml"));
    let moved = text.replacen("due: 2021-12-31", "due: 2021-11-30", 1);
    let version = page.field("version");
    let saved = wang.send(
        &format!("{second}/edit"),
        &[
            ("file", "tasks.yaml"),
            ("version", &version),
            ("text", &moved),
        ],
        None,
    );
    assert_eq!(saved.status, 303, "{}", saved.text);
    let plan = wang.get(&format!("{second}/plan"));
    assert!(plan.text.contains("改期事项"), "{}", plan.text);
    let fields = [
        ("plan", plan.field("plan")),
        ("version", plan.field("version")),
        ("reason", "提前一个月".to_owned()),
    ];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let done = wang.post(&format!("{second}/plan"), &fields);
    assert!(done.text.contains("已经生效"), "{}", done.text);
    let versions = wang.get("/define/versions");
    assert!(versions.text.contains("提前一个月") && versions.text.contains("按市政府办公室通知"));
    let ids: Vec<&str> = versions
        .text
        .split("name=\"old\" value=\"")
        .skip(1)
        .collect();
    let ids: Vec<&str> = ids
        .iter()
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    let first = versions
        .text
        .split("<tr>")
        .filter(|row| row.contains("台账:"))
        .nth(1);
    let first = first
        .unwrap()
        .split("name=\"old\" value=\"")
        .nth(1)
        .unwrap();
    let first = first.split('"').next().unwrap();
    let compared = wang.get(&format!("/define/versions?old={first}&new={}", ids[0]));
    assert!(
        compared
            .text
            .contains("<td class=\"t\">    due: 2021-11-30"),
        "{}",
        compared.text
    );
    let back = wang.post(
        "/define/begin",
        &[("ledger", "tongliao-2021"), ("version", first)],
    );
    let third = back.location().to_owned();
    let plan = wang.get(&format!("{third}/plan"));
    assert!(plan.text.contains("改期事项"), "{}", plan.text);
}

#[test]
fn two_who_edit_the_same_draft_are_told_of_one_another() {
    let office = Office::open();
    let wang = office.person("wang", &["--admin"]);
    let li = office.person("li", &["--role", "office", "--title", "督办室 李"]);
    let draft = wang.upload("台账.docx", &document());
    let edit = format!("{draft}/edit");
    let version = wang.get(&edit).field("version");
    let file = ("file", "ledger.yaml");
    let first = li.send(
        &edit,
        &[file, ("version", &version), ("text", "ledger: 李写的\n")],
        None,
    );
    assert_eq!(first.status, 303, "{}", first.text);
    let second = wang.send(
        &edit,
        &[file, ("version", &version), ("text", "ledger: 王写的\n")],
        None,
    );
    assert_eq!(second.status, 409);
    assert!(
        second.text.contains("李写的") && second.text.contains("王写的"),
        "{}",
        second.text
    );
    assert!(
        li.get(&format!("{edit}?file=ledger.yaml"))
            .text
            .contains("李写的")
    );
    // Having seen it, the second one saves.
    let version = second.field("version");
    let third = wang.send(
        &edit,
        &[file, ("version", &version), ("text", "ledger: 合\n")],
        None,
    );
    assert_eq!(third.status, 303);
}

#[test]
fn documents_that_are_none_and_people_who_may_not_are_refused_in_words() {
    let office = Office::open();
    let wang = office.person("wang", &["--admin"]);
    let refused = |name: &str, bytes: &[u8]| {
        let heard = wang.send("/define", &[("kind", "ledger")], Some((name, bytes)));
        assert_eq!(heard.status, 422, "{name}: {}", heard.text);
        heard.text
    };
    assert!(refused("台账.exe", b"MZ").contains("格式不受理"));
    assert!(refused("台账.doc", b"\xd0\xcf\x11\xe0").contains("另存为"));
    assert!(refused("台账.docx", b"PK\x03\x04 and nothing else").contains("台账.docx"));
    assert!(refused("台账.docx", b"").contains("没有选择文件"));
    // 16 MB and one byte.
    let large = vec![b'x'; (16 << 20) + 1];
    let heard = wang.send("/define", &[("kind", "ledger")], Some(("a.csv", &large)));
    assert!(
        heard.status == 422 || heard.status == 413,
        "{}",
        heard.status
    );
    assert!(heard.text.contains("16 MB"), "{}", heard.text);
    assert!(wang.get("/define").text.contains("还没有草稿"));

    let draft = wang.upload("台账.docx", &document());
    // No text of a draft is named by a path.
    let edit = format!("{draft}/edit");
    let version = wang.get(&edit).field("version");
    let fields = [
        ("file", "../../users.json"),
        ("version", &*version),
        ("text", "x"),
    ];
    let heard = wang.send(&edit, &fields, None);
    assert!(heard.status == 422 && heard.text.contains("没有这个文件"));
    assert_eq!(wang.get("/define/draft/..%2F..%2Fusers").status, 404);
    // An auditor and a contact may not; another office has no such draft.
    for (name, args) in [
        ("shen", vec!["--role", "auditor", "--title", "审计 沈"]),
        (
            "zhao",
            vec![
                "--role",
                "contact",
                "--title",
                "水务局 赵",
                "--tenant",
                "tongliao",
                "--unit",
                "city-swj",
            ],
        ),
    ] {
        let person = office.person(name, &args);
        assert_eq!(person.get("/define").status, 403, "{name}");
        assert_eq!(person.get(&draft).status, 403, "{name}");
        assert_eq!(person.post("/define/begin", &[("ledger", "a")]).status, 403);
    }
    let elsewhere = [
        "--role",
        "office",
        "--title",
        "别处",
        "--tenant",
        "elsewhere",
    ];
    let other = office.person("other", &elsewhere);
    assert_eq!(other.get(&draft).status, 404);
    assert_eq!(other.get(&format!("{draft}/plan")).status, 404);
    assert!(!other.get("/define").text.contains("政务公开"));
}

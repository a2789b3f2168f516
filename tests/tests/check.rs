//! `duban check`, `explain CODE` and `schema`, as an administrator meets them.

use duban_model::decision::NoticeKind;
use std::path::Path;

use duban_tests::bad::{CALENDAR, FILES, cases, edited, good};
use duban_tests::duban::{LEDGER, run, workspace};
use duban_tests::scenario::read;
use serde_json::{Value, json};

/// The good folder with some files replaced, on disk.
fn folder(replaced: &[(&str, String)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for name in FILES.into_iter().chain([CALENDAR]) {
        let text = replaced.iter().find(|(n, _)| *n == name);
        let text = text.map_or_else(|| good(name), |(_, text)| text.clone());
        std::fs::write(dir.path().join(name), text).expect("a file");
    }
    dir
}

fn shown(dir: &Path) -> &str {
    dir.to_str().expect("a path in UTF-8")
}

#[test]
fn faults_of_the_calendar_file_are_told_at_their_place() {
    for case in cases().iter().filter(|case| case.is_of_the_program()) {
        let text = edited(case, &good(&case.file)).expect("a text");
        let dir = folder(&[(&case.file, text)]);
        let said = run(&["check", shown(dir.path())]).with_code(1);
        assert!(said.out.contains(&case.wanted()), "{}", said.out);
    }
}

#[test]
fn a_fault_is_drawn_under_double_width_characters() {
    let tasks = good("tasks.yaml").replace("group: 旗县政府", "group: 县旗政府");
    let dir = folder(&[("tasks.yaml", tasks)]);
    let said = run(&["check", shown(dir.path())]).with_code(1);
    let picture = "   13 |       - { group: 县旗政府, role: responsible }\n                         ^^^^^^^^\n";
    assert!(said.out.contains(picture), "{}", said.out);
    assert!(said.out.contains("duban explain D027"), "{}", said.out);
}

#[test]
fn only_what_is_confirmed_passes_a_strict_check() {
    let asked = format!("{}    confirm: [请确认单位。]\n", good("tasks.yaml"));
    let dir = folder(&[("tasks.yaml", asked.clone())]);
    run(&["check", shown(dir.path())]).with_code(0);
    let said = run(&["check", "--strict", shown(dir.path())]).with_code(1);
    assert!(said.out.contains("请确认单位"), "{}", said.out);
    let confirmed = format!(
        "{asked}confirmed:\n  - {{ code: C001, about: \"3\", by: 主管部门, date: 2021-07-05 }}\n"
    );
    let dir = folder(&[("tasks.yaml", confirmed)]);
    let said = run(&["check", "--strict", shown(dir.path())]).with_code(0);
    assert!(!said.out.contains("请确认单位"), "{}", said.out);
    assert!(
        said.out.contains("0 to confirm, 1 confirmed"),
        "{}",
        said.out
    );
    let said = run(&["check", "--strict", "--format", "json", shown(dir.path())]).with_code(0);
    assert_eq!(said.json(), json!([]));
}

#[test]
fn a_code_is_explained_in_both_languages_without_a_data_folder() {
    for case in cases() {
        let said = run(&["explain", &case.code.to_lowercase()]).with_code(0);
        assert!(said.out.starts_with(&case.code), "{}", said.out);
        assert!(said.out.contains("为什么 Why: "), "{}", said.out);
    }
    let said = run(&["explain", "D049"]).with_code(1);
    assert!(said.err.contains("D041"), "{}", said.err);
    let said = run(&["explain", "D020", "--format", "json"]).with_code(0);
    assert_eq!(said.json()["title"]["en"], "Unknown unit");
}

#[test]
fn a_preview_shows_the_ledgers_own_words_and_says_whose_they_are() {
    let own = "notices:\n  escalation:\n    subject: \"请{{ 单位 }}速办第{{ 任务号 }}项\"\n";
    let dir = folder(&[("ledger.yaml", format!("{}{own}", good("ledger.yaml")))]);
    let said = run(&["preview", shown(dir.path()), "--format", "json"]).with_code(0);
    let all = said.json();
    let all = all.as_array().expect("a list");
    assert_eq!(all.len(), NoticeKind::ALL.len());
    for notice in all {
        let subject = notice["subject"].as_str().expect("a subject");
        let text = notice["text"].as_str().expect("a text");
        if notice["kind"] == "escalation" {
            assert_eq!(notice["own"], true);
            assert_eq!(subject, "请开鲁县政府速办第1项");
        } else {
            assert_eq!(notice["own"], false);
            assert!(subject.starts_with('【'), "{subject}");
        }
        assert!(text.contains("开鲁"), "{text}");
        // A digest is about several duties, each in its line.
        let named = if notice["kind"] == "digest" {
            "2. 【提醒】第1项"
        } else {
            "事项编号:good/1/kailu/responsible"
        };
        assert!(text.contains(named), "{text}");
    }
    let said = run(&[
        "preview",
        shown(dir.path()),
        "--kind",
        "reminder",
        "--task",
        "2",
    ]);
    assert!(said.with_code(0).out.contains("第2项"));
    let said = run(&["preview", shown(dir.path()), "--kind", "remind"]).with_code(1);
    assert!(
        said.err.contains("the sorts are reminder, "),
        "{}",
        said.err
    );
    let english = run(&["preview", LEDGER, "--language", "en", "--kind", "reminder"]);
    assert!(english.with_code(0).out.contains("15 working days remain"));
}

fn schema(file: Option<&str>) -> Value {
    let mut args = vec!["schema"];
    args.extend(file);
    run(&args).with_code(0).json()
}

fn as_json(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("YAML")
}

#[test]
fn the_shipped_files_fit_their_schemas() {
    let whole = jsonschema::validator_for(&schema(None)).expect("a schema");
    for name in FILES {
        let file = name.strip_suffix(".yaml");
        let schema = schema(file);
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        let own = jsonschema::validator_for(&schema).expect("a schema");
        let shipped = read(&workspace().join(LEDGER).join(name)).expect("a shipped file");
        let other = |folder: &str| {
            let path = workspace().join("workflows").join(folder).join(name);
            read(&path).expect("a shipped file")
        };
        for text in [shipped, other("statutory"), other("template"), good(name)] {
            let value = as_json(&text);
            let faults: Vec<String> = own
                .iter_errors(&value)
                .map(|fault| format!("{}: {fault}", fault.instance_path()))
                .collect();
            assert!(faults.is_empty(), "{name}: {faults:#?}");
            assert!(whole.is_valid(&value), "{name} fits no part of the schema");
        }
    }
}

#[test]
fn an_editor_finds_every_part_of_a_schema_and_a_word_for_every_field() {
    fn walk(value: &Value, each: &mut dyn FnMut(&str, &Value)) {
        match value {
            Value::Object(fields) => {
                for (name, inner) in fields {
                    each(name, inner);
                    walk(inner, each);
                }
            }
            Value::Array(all) => all.iter().for_each(|inner| walk(inner, each)),
            _ => {}
        }
    }
    for file in [None, Some("ledger"), Some("tasks"), Some("directory")] {
        let schema = schema(file);
        walk(&schema, &mut |name, inner| {
            if name == "$ref" {
                // The language server that editors use follows no others within a file.
                let part = inner.as_str().expect("a reference");
                let part = part.strip_prefix('#').expect("a place in this schema");
                assert!(schema.pointer(part).is_some(), "{part} is nowhere");
            }
            if name == "properties" {
                for (field, about) in inner.as_object().expect("fields") {
                    let words = about["description"].as_str().unwrap_or_default();
                    assert!(words.contains(" | "), "{field} is not described: {words}");
                }
            }
        });
    }
}

#[test]
fn a_schema_refuses_what_check_refuses_by_shape() {
    for (name, find, replace) in [
        ("ledger.yaml", "yellow: 7wd", "yelow: 7wd"),
        ("ledger.yaml", "yellow: 7wd", "yellow: 7"),
        ("ledger.yaml", "issuer: 测试领导小组\n", ""),
        ("ledger.yaml", "to: leader }", "to: boss }"),
        ("ledger.yaml", "\"before:7wd\"", "\"befor:7wd\""),
        ("tasks.yaml", "role: lead }", "role: lead, colour: red }"),
        (
            "tasks.yaml",
            "{ unit: naiman,",
            "{ unit: naiman, group: 旗县政府,",
        ),
        ("tasks.yaml", "at_least: 1", "at_least: 0"),
        ("tasks.yaml", "due: 2021-10-31", "due: 十月底"),
        ("directory.yaml", "[mail, webhook]", "[mail, wechat]"),
        ("directory.yaml", "certainty: certain", "certainty: sure"),
    ] {
        let own = jsonschema::validator_for(&schema(name.strip_suffix(".yaml"))).expect("a schema");
        let whole = jsonschema::validator_for(&schema(None)).expect("a schema");
        let value = as_json(&good(name).replace(find, replace));
        assert!(!own.is_valid(&value), "{replace} is let pass");
        assert!(
            !whole.is_valid(&value),
            "{replace} is let pass by the whole"
        );
    }
}

#[test]
fn every_field_of_a_schema_is_described_in_both_languages() {
    for name in FILES {
        let schema = schema(name.strip_suffix(".yaml"));
        let forms = schema["$defs"].as_object().expect("forms").values();
        for form in forms.chain([&schema]) {
            let fields = form["properties"].as_object().expect("fields");
            for (field, about) in fields {
                let words = about["description"].as_str().unwrap_or_default();
                assert!(words.contains(" | "), "{name}: {field}: `{words}`");
            }
        }
    }
}

#[test]
fn an_office_begins_with_a_copy_of_the_template() {
    let workflows = workspace().join("workflows");
    let template = workflows.join("template");
    let said = run(&["check", "--strict", shown(&template), "--format", "json"]);
    assert_eq!(said.with_code(0).json(), json!([]));
    // As the guide says: beside the calendars, under its own ids.
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (own, calendars) = (dir.path().join("own"), dir.path().join("calendars"));
    for folder in [&own, &calendars] {
        std::fs::create_dir(folder).expect("a folder");
    }
    let mut tasks = String::new();
    for name in ["ledger.yaml", "tasks.yaml", "directory.yaml"] {
        let text = read(&template.join(name)).expect("a file of the template");
        let text = text.replace("example", "chifeng");
        std::fs::write(own.join(name), &text).expect("a file");
        if name == "tasks.yaml" {
            tasks = text;
        }
    }
    let calendar = "cn-workdays.csv";
    std::fs::copy(
        workflows.join("calendars").join(calendar),
        calendars.join(calendar),
    )
    .expect("the calendar");
    run(&["check", "--strict", shown(&own)]).with_code(0);
    // One example of each common shape.
    for shape in [
        "opens: activation",
        "opens: each_period",
        "opens: trigger",
        "strength: encouraged",
        "role: lead",
        "role: support",
        "submission: verified",
        "when: publication.",
    ] {
        assert!(tasks.contains(shape), "{shape}");
    }
}

/// The good folder with a matter and rules after its tasks.
fn with_rules(rules: &str) -> tempfile::TempDir {
    let ledger = format!("{}matters:\n  文件印发: 印发文件\n", good("ledger.yaml"));
    let tasks = format!("{}{rules}", good("tasks.yaml"));
    folder(&[("ledger.yaml", ledger), ("tasks.yaml", tasks)])
}

/// A rule that each document issued opens; `more` is the rest of its event.
fn rule(id: &str, more: &str, due: &str, owner: &str, evidence: &str) -> String {
    format!(
        "  - id: \"{id}\"\n    part_of: \"1\"\n    title: 规则{id}\n    strength: required\n    opens: event\n    event: {{ kinds: [文件印发]{more} }}\n    due: {due}\n    ladder: fixed\n    owners:\n      - {{ {owner}, role: responsible }}\n    fulfilled_by: {evidence}\n"
    )
}

const PUBLISHED: &str =
    "{ publications: [{ name: 该文件, kinds: [规划纲要], at_least: 1, about: opening }] }";

#[test]
fn an_office_hears_that_two_rules_ask_a_unit_the_same() {
    let own = "from: event, group: 旗县政府";
    let first = rule(
        "1-1",
        ", when: 'has(matter.note) && matter.title == \"甲\"'",
        "20wd",
        own,
        PUBLISHED,
    );
    // Who reads it is told of which event, whose duty, and where the other rule stands.
    for (more, owner) in [
        (
            ", when: '\"甲\" == matter.title && has( matter.note )'",
            own,
        ),
        ("", "from: event"),
        ("", "unit: naiman"),
    ] {
        let second = rule("1-2", more, "20wd", owner, PUBLISHED);
        let dir = with_rules(&format!("{first}{second}"));
        let said = run(&["check", shown(dir.path())]).with_code(0);
        for part in [
            "tasks.yaml:55:9: warning[W009]: task 1-2, which opens what task 1-1 (line 44) opens: at a matter of kind `文件印发` ",
            "owes both, due 20wd, and the same evidence meets both",
            "   55 |   - id: \"1-2\"",
            "duban explain W009",
        ] {
            assert!(said.out.contains(part), "{more}: {part}\n{}", said.out);
        }
    }
    let second = rule("1-2", "", "5wd", own, PUBLISHED);
    let dir = with_rules(&format!("{first}{second}"));
    let said = run(&["check", shown(dir.path())]).with_code(0);
    let part =
        "warning[W011]: task 1-2, due 5wd, which opens what task 1-1 (line 44) opens, due 20wd";
    assert!(said.out.contains(part), "{}", said.out);
}

#[test]
fn rules_that_only_look_alike_are_no_matter() {
    let event = "from: event";
    let with = |kind: &str| PUBLISHED.replace("规划纲要", kind);
    let submission = "{ submission: verified }".to_owned();
    let a = rule("1-1", "", "20wd", event, PUBLISHED);
    for (first, second, why) in [
        (
            a.clone(),
            rule("1-2", "", "20wd", event, &with("专项规划")),
            "other evidence",
        ),
        (
            rule("1-1", "", "20wd", "unit: kailu", PUBLISHED),
            rule("1-2", "", "20wd", "unit: naiman", PUBLISHED),
            "other units",
        ),
        (
            rule(
                "1-1",
                ", when: 'has(matter.note)'",
                "20wd",
                event,
                PUBLISHED,
            ),
            rule(
                "1-2",
                ", when: '!has(matter.note)'",
                "20wd",
                event,
                PUBLISHED,
            ),
            "other events",
        ),
        (
            rule("1-1", "", "5h", event, &submission),
            rule("1-2", "", "24h", event, &submission),
            "two reports, in five and in 24 hours",
        ),
        (
            rule("1-1", "", "3wd", event, &submission),
            rule("1-2", "", "3wd", event, &submission),
            "two reports by one date",
        ),
    ] {
        let dir = with_rules(&format!("{first}{second}"));
        let said = run(&["check", shown(dir.path())]).with_code(0);
        assert!(!said.out.contains("warning["), "{why}:\n{}", said.out);
    }
}

#[test]
fn the_shipped_folders_ask_nothing_twice() {
    for name in ["tongliao-2021", "statutory", "template"] {
        let dir = workspace().join("workflows").join(name);
        let said = run(&["check", "--format", "json", shown(&dir)]).with_code(0);
        let told = said.json();
        let codes: Vec<&str> = told
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|told| told["code"].as_str())
            .filter(|code| code.starts_with('W'))
            .collect();
        assert!(codes.is_empty(), "{name}: {codes:?}");
    }
}

#[test]
fn a_rule_that_is_meant_to_ask_twice_is_confirmed() {
    let own = "from: event";
    let rules = [
        rule("1-1", "", "20wd", own, PUBLISHED),
        rule("1-2", "", "5wd", own, PUBLISHED),
    ];
    let confirmed = "confirmed:\n  - { code: W011, about: \"1-2\", words: task 1-1, by: 主管部门, date: 2021-07-05 }\n";
    let dir = with_rules(&format!("{}{confirmed}", rules.concat()));
    let said = run(&["check", "--strict", shown(dir.path())]).with_code(0);
    assert!(said.out.contains("1 confirmed"), "{}", said.out);
}

//! Forms of a draft: a task's common fields and the days of a calendar are changed without writing
//! YAML, and all else of the texts stays as it was.

use duban_tests::office::{Heard, LIMIT, Office, Person, unescaped};
use duban_tests::watch::until;

/// A draft of what is in force.
fn draft(person: &Person<'_>) -> String {
    let begins = || person.post("/define/begin", &[("ledger", "tongliao-2021")]);
    let mut draft = String::new();
    assert!(until(LIMIT, || {
        let begun = begins();
        let there = begun.status == 303;
        if there {
            begun.location().clone_into(&mut draft);
        }
        there
    }));
    draft
}

/// A text of a draft.
fn text(person: &Person<'_>, draft: &str, file: &str) -> String {
    let page = person.get(&format!("{draft}/edit?file={file}"));
    let text = page.text.split("<textarea").nth(1).unwrap();
    let text = text.split_once(">\n").unwrap().1;
    unescaped(text.split("</textarea>").next().unwrap())
}

/// What a form of a task would send if nobody touched it.
fn fields(page: &Heard) -> Vec<(String, String)> {
    let form = page.text.split("taskform").nth(1).unwrap();
    let form = form.split("</form>").next().unwrap();
    let (mut fields, mut select) = (Vec::new(), String::new());
    for tag in form.split('<').skip(1) {
        let (tag, after) = tag.split_once('>').unwrap();
        let of = |name: &str| {
            let rest = tag.split(&format!(" {name}=\"")).nth(1)?;
            Some(unescaped(rest.split('"').next().unwrap()))
        };
        if tag.starts_with("option") && tag.contains(" selected") {
            fields.push((select.clone(), of("value").unwrap_or_default()));
        }
        let Some(name) = of("name") else { continue };
        if tag.starts_with("select") {
            select.clone_from(&name);
        }
        let is_choice = tag.contains("type=\"checkbox\"") || tag.contains("type=\"radio\"");
        if tag.starts_with("input") && (!is_choice || tag.contains(" checked")) {
            fields.push((name, of("value").unwrap_or_default()));
        } else if tag.starts_with("textarea") {
            fields.push((name, unescaped(after)));
        }
    }
    fields.retain(|(name, _)| name != "form_key" && name != "find");
    fields
}

fn send(person: &Person<'_>, path: &str, fields: &[(String, String)]) -> Heard {
    let mut all: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (&**n, &**v)).collect();
    all.push(("act", "save"));
    person.post(path, &all)
}

fn set(fields: &mut [(String, String)], name: &str, value: &str) {
    let field = fields.iter_mut().find(|(field, _)| field == name);
    value.clone_into(&mut field.unwrap_or_else(|| panic!("no {name}")).1);
}

/// The lines that two texts differ in: taken out, put in.
fn differing(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
    let lines = |text: &str, other: &str| -> Vec<String> {
        let there: Vec<&str> = other.lines().collect();
        let own = text.lines().filter(|line| !there.contains(line));
        own.map(|line| line.trim().to_owned()).collect()
    };
    (lines(old, new), lines(new, old))
}

#[test]
fn a_task_is_changed_in_a_form_and_the_rest_of_its_text_stays() {
    let office = Office::with_ledger("2021-07-05");
    let wang = office.person("wang", &["--role", "office", "--title", "督办室 王"]);
    let draft = draft(&wang);
    let before = text(&wang, &draft, "tasks.yaml");
    let list = wang.get(&format!("{draft}/tasks"));
    assert!(list.text.contains("公开各类规划信息") && list.text.contains("全年持续推进(每季度)"));

    // A form that nobody touched changes nothing, of whatever sort the task is.
    for task in ["1", "2", "2-1", "32", "33"] {
        let path = format!("{draft}/tasks/{task}");
        let page = wang.get(&path);
        let sent = send(&wang, &path, &fields(&page));
        let told = sent.text.split("class=\"flash").nth(1).unwrap_or_default();
        let told = told.split("</div>").next().unwrap_or_default();
        assert_eq!(sent.status, 303, "{task}: {told}");
        assert_eq!(text(&wang, &draft, "tasks.yaml"), before, "{task}");
    }

    // Title, date, and a unit more; the remark and the conditions of units stay.
    let path = format!("{draft}/tasks/1");
    let mut one = fields(&wang.get(&path));
    set(&mut one, "title", "公开本地区各类规划");
    set(&mut one, "day", "2021-11-30");
    set(&mut one, "deadline_phrase", "2021年11月底");
    one.push(("support".to_owned(), "u:city-jyj".to_owned()));
    let saved = send(&wang, &path, &one);
    assert_eq!(saved.status, 303, "{}", saved.text);
    let after = text(&wang, &draft, "tasks.yaml");
    let (out, new) = differing(&before, &after);
    assert_eq!(out, ["title: 公开各类规划信息"], "{new:?}");
    assert_eq!(new[0], "title: 公开本地区各类规划");
    assert!(
        new.iter()
            .any(|l| l.contains("unit: city-jyj, role: support"))
    );
    assert!(after.contains("due: 2021-11-30"), "{new:?}");
    let plan = wang.get(&format!("{draft}/plan"));
    assert!(plan.text.contains("改期事项") && plan.text.contains("新增事项"));

    // What a form cannot change it says, and nothing is lost of what was filled in.
    let by_lead = format!("{draft}/tasks/34");
    let mut one = fields(&wang.get(&by_lead));
    set(&mut one, "kind", "period");
    set(&mut one, "title", "换成全年");
    one.push(("every".to_owned(), "quarter".to_owned()));
    let refused = send(&wang, &by_lead, &one);
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(refused.text.contains("没有保存") && refused.text.contains("换成全年"));
    assert_eq!(text(&wang, &draft, "tasks.yaml"), after);
    let event = wang.get(&format!("{draft}/tasks/2-1"));
    assert!(event.text.contains("出现规定的事件即启动") && event.text.contains("#L"));

    // Whoever saves second is told, with what was filled in.
    let mut late = fields(&wang.get(&path));
    set(&mut late, "version", "1");
    set(&mut late, "title", "晚到的");
    let late = send(&wang, &path, &late);
    assert_eq!(late.status, 409);
    assert!(late.text.contains("晚到的"), "{}", late.text);
}

#[test]
fn days_of_the_calendar_are_changed_and_a_year_is_begun() {
    let office = Office::with_ledger("2021-07-05");
    let wang = office.person("wang", &["--role", "office", "--title", "督办室 王"]);
    let draft = draft(&wang);
    let path = format!("{draft}/calendar");
    let page = wang.get(&format!("{path}?year=2021"));
    assert!(
        page.text.contains("2021-10-09 星期六 调休上班 国庆节"),
        "{}",
        page.text
    );
    let before = text(&wang, &draft, "cn-workdays.csv");
    let day = wang.get(&format!("{path}?day=2021-11-15"));
    let version = day.field("version");
    let change = |fields: &[(&str, &str)]| {
        let mut all = vec![("version", &*version)];
        all.extend(fields);
        wang.post(&path, &all)
    };
    // A holiday has a name; a span does not run backwards.
    let nameless = change(&[("day", "2021-11-15"), ("kind", "holiday"), ("name", " ")]);
    assert!(nameless.status == 422 && nameless.text.contains("请写名称或备注"));
    let back = change(&[
        ("day", "2021-11-15"),
        ("to", "2021-11-01"),
        ("kind", "usual"),
    ]);
    assert_eq!(back.status, 422);
    let saved = change(&[
        ("day", "2021-11-15"),
        ("to", "2021-11-16"),
        ("kind", "holiday"),
        ("name", "市庆"),
        ("unsettled", "yes"),
    ]);
    assert_eq!(saved.status, 303, "{}", saved.text);
    let after = text(&wang, &draft, "cn-workdays.csv");
    let (out, new) = differing(&before, &after);
    assert!(out.is_empty(), "{out:?}");
    assert_eq!(
        new,
        [
            "2021-11-15,holiday,市庆(暂定)",
            "2021-11-16,holiday,市庆(暂定)"
        ]
    );
    let late = change(&[("day", "2021-11-17"), ("kind", "holiday"), ("name", "晚到")]);
    assert!(
        late.status == 409 && late.text.contains("晚到"),
        "{}",
        late.text
    );

    // The next year: weekends only, and it says that nothing is settled.
    let page = wang.get(&path);
    let next = wang.post(
        &path,
        &[("act", "begin"), ("version", &page.field("version"))],
    );
    assert_eq!(next.status, 303, "{}", next.text);
    let page = wang.get(next.location());
    assert!(page.text.contains("这一年有暂定的日子") && page.text.contains("元旦(暂定)"));
    let plan = wang.get(&format!("{draft}/plan"));
    assert!(plan.text.contains("工作日历"), "{}", plan.text);
}

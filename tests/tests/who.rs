//! Who is told, as an office sees it: substitutes in a simulation and a plan, a contact's choice of
//! channels at a running server, and a notice as each channel would send it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use duban_tests::duban::{Duban, LEDGER, Said, run, workspace};
use duban_tests::watch::until;
use serde_json::Value;

const LIMIT: Duration = Duration::from_mins(1);
/// A contact of the real ledger with a duty in its first days, and who stands in.
const AWAY: &str = "政务公开联络员, mail: lianluo@city-bgs.tongliao.example, channels: [mail], \
                    away: [{ from: 2021-06-01, to: 2021-07-15, substitute: leader }]";
const HERE: &str = "政务公开联络员, mail: lianluo@city-bgs.tongliao.example, channels: [mail]";

/// A copy of the real ledger beside its calendars, with its directory changed.
fn copied(folder: &Path, change: impl Fn(&str) -> String) -> PathBuf {
    let workflows = workspace().join("workflows");
    let copy = folder.join("ledger");
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
    let path = copy.join("directory.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let changed = change(&text);
    assert_ne!(changed, text);
    std::fs::write(path, changed).unwrap();
    copy
}

fn lines(said: Said) -> Vec<Value> {
    let lines = said.with_code(0).out;
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_substitute_is_told_on_the_days_away_and_the_plan_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let changed = copied(folder.path(), |text| text.replacen(HERE, AWAY, 1));
    let changed = changed.display().to_string();
    run(&["check", &changed]).with_code(0);
    let told = |dir: &str, until: &str| -> Vec<(String, String)> {
        let span = ["--from", "2021-06-28", "--to", until, "--format", "ndjson"];
        let said = lines(run(&[&["simulate", dir][..], &span].concat()));
        let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
        said.iter()
            .map(|line| (text(line, "at"), text(line, "contact")))
            .filter(|(_, contact)| contact.starts_with("city-bgs/"))
            .collect()
    };
    let before = told(LEDGER, "2021-12-31");
    let after = told(&changed, "2021-12-31");
    assert_eq!(before.len(), after.len());
    let mut stood_in = 0;
    for ((at, usual), (_, now)) in before.iter().zip(&after) {
        if usual == "city-bgs/contact" && at.as_str() < "2021-07-16" {
            assert_eq!(now, "city-bgs/leader", "{at}");
            stood_in += 1;
        } else {
            assert_eq!(now, usual, "{at}");
        }
    }
    assert!(stood_in > 0 && stood_in < before.len(), "{before:?}");

    let data = folder.path().join("data").display().to_string();
    let demo = ["demo", "--speed", "0", "--no-http", "--quiet", "--to"];
    run(&[&demo[..], &["2021-06-30", "--data", &data]].concat()).with_code(0);
    let plan = run(&["plan", &changed, "--data", &data, "--format", "json"]).with_code(0);
    let contacts = plan.json()["contacts"].clone();
    assert_eq!(contacts.as_array().map(Vec::len), Some(1), "{contacts}");
    let shown = contacts.to_string();
    assert!(
        shown.contains("[2021-06-01..2021-07-15: 分管负责人]"),
        "{shown}"
    );
}

#[test]
fn a_contact_chooses_among_the_channels_that_the_office_allows() {
    let folder = tempfile::tempdir().unwrap();
    let both = HERE.replace("[mail]", "[mail, sms]");
    let ledger = copied(folder.path(), |text| text.replacen(HERE, &both, 1));
    let ledger = ledger.display().to_string();
    let data = folder.path().join("data").display().to_string();
    let serve = Duban::start(&[
        "serve",
        "--data",
        &data,
        "--ledger",
        &ledger,
        "--http",
        "127.0.0.1:0",
    ]);
    let shows = |args: &[&str], says: &str| {
        let all = [&["prefer", "city-bgs/contact", "--data", &data][..], args].concat();
        until(LIMIT, || run(&all).out.contains(says))
    };
    assert!(
        shows(&[], "主管部门允许的渠道:mail(邮件)、sms(短信)"),
        "{}",
        serve.err()
    );
    assert!(shows(&[], "本人没有选择"));
    let by = ["--by", "本人"];
    let prefer = |contact: &str, args: &[&str]| {
        run(&[&["prefer", contact, "--data", &data][..], args, &by].concat())
    };
    let said = prefer("city-bgs/contact", &["--channels", "sms"]).with_code(0);
    assert!(said.out.contains("本人选择先用:sms(短信)"), "{}", said.out);
    for (contact, channels, code) in [
        ("city-bgs/contact", "webhook", "channel-not-allowed"),
        ("city-bgs/nobody", "mail", "unknown-contact"),
    ] {
        let said = prefer(contact, &["--channels", channels]).with_code(1);
        assert!(said.err.contains(code), "{}", said.err);
    }
    let said = run(&["prefer", "nowhere/contact", "--data", &data]).with_code(1);
    assert!(said.err.contains("no such unit"), "{}", said.err);
    assert!(
        shows(&[], "本人选择先用:sms(短信)"),
        "what was refused changed nothing"
    );
    let said = prefer("city-bgs/contact", &["--reset"]).with_code(0);
    assert!(said.out.contains("本人没有选择"), "{}", said.out);
    serve.terminate();
}

#[test]
fn a_preview_shows_a_notice_as_each_channel_would_send_it() {
    let preview = |more: &[&str]| run(&[&["preview", LEDGER, "--kind", "reminder"], more].concat());
    for (channel, limit) in [
        ("mail", None),
        ("webhook", Some(20_000)),
        ("wecom_robot", Some(4_096)),
        ("dingtalk_robot", Some(19_000)),
        ("feishu_robot", Some(19_000)),
        ("wecom_app", Some(2_048)),
        ("sms", Some(600)),
    ] {
        let said = preview(&["--channel", channel, "--format", "json"]).with_code(0);
        let notice = &said.json()[0];
        assert_eq!(notice["limit"].as_u64(), limit, "{channel}");
        let (bytes, cut) = (notice["bytes"].as_u64().unwrap(), &notice["cut"]);
        assert!(
            limit.is_none_or(|limit| bytes <= limit),
            "{channel}: {bytes}"
        );
        assert_eq!(*cut, channel == "sms", "{channel}");
        assert!(notice["content"].as_str().unwrap().contains("第1项"));
    }
    let said = preview(&["--channel", "sms", "--text-bytes", "200"]).with_code(0);
    assert!(said.out.contains("短信:"), "{}", said.out);
    assert!(said.out.contains("上限200字节,过长,已截断"), "{}", said.out);
    let said = preview(&["--channel", "mail"]).with_code(0);
    assert!(said.out.contains("字节,不限长"), "{}", said.out);

    let folder = tempfile::tempdir().unwrap();
    let (html, eml) = (folder.path().join("a.html"), folder.path().join("a.eml"));
    let (html_shown, eml_shown) = (html.display().to_string(), eml.display().to_string());
    let files = ["--html", &html_shown, "--eml", &eml_shown];
    preview(&files).with_code(0);
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(page.contains("<html lang=\"zh-CN\">") && page.contains("第1项"));
    let mail = std::fs::read_to_string(&eml).unwrap();
    assert!(mail.starts_with("From: ") && mail.contains("Auto-Submitted: auto-generated"));
    let again = preview(&files).with_code(1);
    assert!(again.err.contains("--replace"), "{}", again.err);
    preview(&[&files[..], &["--replace"]].concat()).with_code(0);
    let several = run(&["preview", LEDGER, "--html", &html_shown, "--replace"]).with_code(1);
    assert!(
        several.err.contains("name it with --kind"),
        "{}",
        several.err
    );
}

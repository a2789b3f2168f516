//! The file of `serve --channels`: endpoints by channel, whom they serve, and how people are reached.
//! Secrets stand in the environment or in files of their own, never here and never in a message.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use duban_runtime::channel::{
    DINGTALK_ROBOT_URL, DingtalkRobot, Endpoint, FEISHU_ROBOT_URL, FeishuRobot, Folder, Person,
    SMS_TEXT_BYTES, Secret, Serves, Sms, SmsBody, SmsField, SmsRequest, SmsSigns, Smtp,
    WECOM_APP_URL, WECOM_ROBOT_URL, Way, Webhook, WecomApp, WecomRobot,
};
use duban_runtime::lane::Limit;
use serde_saphyr::{Location, Spanned};

use crate::channels_source::{
    File, MailSource, PersonSource, SecretSource, SmsMethod, SmsSource, parse,
};

/// The largest file, in bytes.
const FILE_BYTES: u64 = 4 * 1024 * 1024;
/// The largest file with one secret or certificate, in bytes.
const SECRET_BYTES: u64 = 16 * 1024;
/// The most endpoints.
const MAX_ENDPOINTS: usize = 200;
/// A gateway that says it is busy is left alone for so long unless configured otherwise, in seconds.
const SMS_BUSY_SECONDS: u64 = 60;

/// What the file configures.
#[derive(Debug, Default)]
pub(crate) struct Configured {
    pub(crate) endpoints: Vec<Endpoint>,
    /// By `unit/contact`.
    pub(crate) people: BTreeMap<String, Person>,
}

/// Reads the file, telling every fault that can be told; `env` knows the environment.
pub(crate) fn read(path: &Path, env: Environment<'_>) -> Result<Configured, String> {
    let shown = path.display();
    let size = std::fs::metadata(path).map_err(|fault| {
        format!("{shown}: found nothing to read ({fault}), expected the file of --channels; correct the path")
    })?;
    if size.len() > FILE_BYTES {
        return Err(format!(
            "{shown}: found {} bytes, expected at most {FILE_BYTES}; correct the path",
            size.len()
        ));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|fault| format!("{shown}: found no text ({fault}), expected YAML in UTF-8"))?;
    let file = parse(&shown.to_string(), &text)?;
    let base = path.parent().unwrap_or(Path::new("."));
    let mut reading = Reading {
        env,
        file: shown.to_string(),
        base: base.to_owned(),
        faults: Vec::new(),
        names: BTreeSet::new(),
        configured: Configured::default(),
    };
    reading.all(file);
    if reading.faults.is_empty() {
        Ok(reading.configured)
    } else {
        Err(reading.faults.join("\n"))
    }
}

/// An environment variable's value.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

struct Reading<'a> {
    env: Environment<'a>,
    file: String,
    base: PathBuf,
    faults: Vec<String>,
    names: BTreeSet<String>,
    configured: Configured,
}

/// What all endpoints have in common.
struct Common {
    name: Spanned<String>,
    serves: Option<Vec<Spanned<String>>>,
    per_minute: Option<usize>,
}

macro_rules! common {
    ($source:expr) => {
        Common {
            name: $source.name,
            serves: $source.serves,
            per_minute: $source.per_minute,
        }
    };
}

impl Reading<'_> {
    fn all(&mut self, file: File) {
        for s in file.mail {
            let way = self.mail(&s);
            self.endpoint(common!(s), way);
        }
        for s in file.webhook {
            let secret = self.secret(&s.secret);
            let way = secret.and_then(|secret| Webhook::new(&s.url, &secret));
            self.endpoint(common!(s), way.map(Way::Webhook));
        }
        for s in file.wecom_robot {
            let url = s.url.as_deref().unwrap_or(WECOM_ROBOT_URL);
            let key = self.secret(&s.key).map(Secret::new);
            let way = key.and_then(|key| WecomRobot::new(keyless(url)?, key));
            self.endpoint(common!(s), way.map(Way::WecomRobot));
        }
        for s in file.dingtalk_robot {
            let url = s.url.as_deref().unwrap_or(DINGTALK_ROBOT_URL);
            let way = self
                .pair(&s.token, s.secret.as_ref())
                .and_then(|(token, secret)| DingtalkRobot::new(keyless(url)?, token, secret));
            self.endpoint(common!(s), way.map(Way::DingtalkRobot));
        }
        for s in file.feishu_robot {
            let url = s.url.as_deref().unwrap_or(FEISHU_ROBOT_URL);
            let way = self.pair(&s.id, s.secret.as_ref());
            let way = way.and_then(|(id, secret)| FeishuRobot::new(keyless(url)?, id, secret));
            self.endpoint(common!(s), way.map(Way::FeishuRobot));
        }
        for s in file.wecom_app {
            let url = s.url.as_deref().unwrap_or(WECOM_APP_URL);
            let secret = self.secret(&s.secret).map(Secret::new);
            let way =
                secret.and_then(|secret| WecomApp::new(keyless(url)?, s.corp, s.agent, secret));
            self.endpoint(common!(s), way.map(Way::WecomApp));
        }
        for mut s in file.sms {
            let way = self.sms(&mut s);
            self.endpoint(common!(s), way.map(Way::Sms));
        }
        for (contact, person) in file.people {
            self.person(contact, person);
        }
    }

    fn fault(&mut self, at: Location, what: &str) {
        let (file, line, column) = (&self.file, at.line(), at.column());
        self.faults.push(format!("{file}:{line}:{column}: {what}"));
    }

    fn endpoint(&mut self, common: Common, way: Result<Way, String>) {
        let at = common.name.referenced;
        let name = common.name.value;
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
            let what = format!(
                "found name `{name}`, expected 1 to 64 bytes of letters, digits, `-`, `_`, `.`; choose a plain name"
            );
            self.fault(at, &what);
        } else if !self.names.insert(name.clone()) {
            let what = format!("found `{name}` a second time, expected each name once; rename one");
            self.fault(at, &what);
        }
        if self.names.len() > MAX_ENDPOINTS {
            let what =
                format!("found more than {MAX_ENDPOINTS} endpoints, expected no more; remove some");
            return self.fault(at, &what);
        }
        let serves = match common.serves {
            None => Serves::Default,
            Some(names) => {
                let mut served = BTreeSet::new();
                for who in names {
                    if is_served(&who.value) {
                        served.insert(who.value);
                    } else {
                        let what = format!(
                            "found `{}` under serves, expected a unit's id or `unit/contact`; correct it",
                            who.value
                        );
                        self.fault(who.referenced, &what);
                    }
                }
                Serves::Only(served)
            }
        };
        let way = match way {
            Ok(way) => way,
            Err(why) => return self.fault(at, &format!("endpoint `{name}`: {why}")),
        };
        let mut limits = way.service_limits();
        if let Some(messages) = common.per_minute {
            let highest = limits
                .iter()
                .filter(|l| l.seconds == 60)
                .map(|l| l.messages)
                .min();
            if messages == 0 || highest.is_some_and(|highest| messages > highest) {
                let most = highest.map_or("any number".to_owned(), |n| {
                    format!("at most {n}, which the service takes")
                });
                let what = format!(
                    "found per_minute {messages}, expected 1 or more, {most}; lower it or leave it out"
                );
                return self.fault(at, &what);
            }
            limits.push(Limit {
                messages,
                seconds: 60,
            });
        }
        self.configured.endpoints.push(Endpoint {
            name,
            serves,
            way,
            limits,
        });
    }

    fn mail(&self, s: &MailSource) -> Result<Way, String> {
        let from = s.from.clone();
        match (&s.smtp, &s.folder, &s.authority) {
            (Some(url), None, None) => Ok(Way::Smtp(Smtp::new(&self.secret(url)?, from)?)),
            (Some(url), None, Some(path)) => {
                let pem = self.content(path, "certificate")?;
                let smtp = Smtp::trusting(&self.secret(url)?, from, Some(&pem));
                Ok(Way::Smtp(smtp?))
            }
            (None, Some(dir), None) => Ok(Way::Folder(Folder::new(self.base.join(dir), from))),
            (None, Some(_), Some(_)) => {
                Err("found authority beside folder, expected it beside smtp".to_owned())
            }
            _ => Err("found both or none of smtp and folder, expected one of them".to_owned()),
        }
    }

    fn pair(
        &self,
        first: &SecretSource,
        second: Option<&SecretSource>,
    ) -> Result<(Secret, Option<Secret>), String> {
        let first = Secret::new(self.secret(first)?);
        let second = second.map(|source| self.secret(source)).transpose()?;
        Ok((first, second.map(Secret::new)))
    }

    fn sms(&self, s: &mut SmsSource) -> Result<Sms, String> {
        let body = match (s.json.take(), s.form.take(), s.query.take()) {
            (Some(body), None, None) => SmsBody::Json(body),
            (None, Some(fields), None) => SmsBody::Form(fields),
            (None, None, Some(fields)) => SmsBody::Query(fields),
            _ => {
                return Err(
                    "found several or none of json, form and query, expected one".to_owned(),
                );
            }
        };
        let secrets = |sources: &BTreeMap<String, SecretSource>| {
            let read = sources
                .iter()
                .map(|(name, source)| Ok((name.clone(), Secret::new(self.secret(source)?))));
            read.collect::<Result<BTreeMap<_, _>, String>>()
        };
        let success = &mut s.success;
        if !success.at.is_empty() && !success.at.starts_with('/') {
            return Err(format!(
                "found at `{}`, expected where in the answer's JSON, such as /code",
                success.at
            ));
        }
        let request = SmsRequest {
            post: s.method == SmsMethod::Post,
            url: s.url.clone(),
            headers: secrets(&s.headers)?,
            body,
            secrets: secrets(&s.secrets)?,
            text_bytes: s.text_bytes.unwrap_or(SMS_TEXT_BYTES),
        };
        let signs = SmsSigns {
            statuses: std::mem::take(&mut success.status),
            yes: SmsField {
                pointer: std::mem::take(&mut success.at),
                values: std::mem::take(&mut success.is),
            },
            refused: std::mem::take(&mut success.refused),
            busy: std::mem::take(&mut success.busy),
            busy_seconds: success.busy_seconds.unwrap_or(SMS_BUSY_SECONDS),
        };
        Sms::new(request, signs)
    }

    fn person(&mut self, contact: String, person: Spanned<PersonSource>) {
        let at = person.referenced;
        if !contact.contains('/') || !is_served(&contact) {
            let what =
                format!("found `{contact}` under people, expected `unit/contact`; correct it");
            return self.fault(at, &what);
        }
        let PersonSource {
            phone,
            wecom,
            dingtalk,
            feishu,
        } = person.value;
        let digit = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-');
        if phone
            .as_ref()
            .is_some_and(|p| p.len() < 5 || p.len() > 20 || !p.chars().all(digit))
        {
            let what = format!(
                "found a phone of `{contact}` that is none, expected 5 to 20 digits in quotes; correct it"
            );
            return self.fault(at, &what);
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
        let is_one = |id: &str| {
            let everybody = matches!(id.to_ascii_lowercase().as_str(), "@all" | "all");
            !id.is_empty() && id.len() <= 64 && !everybody && id.chars().all(plain)
        };
        for (id, service) in [
            (&wecom, "WeCom"),
            (&dingtalk, "DingTalk"),
            (&feishu, "Feishu"),
        ] {
            if id.as_deref().is_some_and(|id| !is_one(id)) {
                let what = format!(
                    "found a {service} user id of `{contact}` that is none, expected one person's, at most 64 letters, digits, `-`, `_`, `.`, `@`; correct it"
                );
                return self.fault(at, &what);
            }
        }
        let person = Person {
            phone: phone.map(Secret::new),
            wecom: wecom.map(Secret::new),
            dingtalk: dingtalk.map(Secret::new),
            feishu: feishu.map(Secret::new),
        };
        self.configured.people.insert(contact, person);
    }

    /// A secret from its place, without the line end that editors add.
    /// A small file beside this one.
    fn content(&self, path: &Path, what: &str) -> Result<String, String> {
        let path = self.base.join(path);
        std::fs::metadata(&path)
            .and_then(|size| match size.len() {
                0..=SECRET_BYTES => std::fs::read_to_string(&path),
                _ => Err(std::io::Error::other(format!("it is too large for a {what}"))),
            })
            .map_err(|fault| {
                let shown = path.display();
                format!("found no {what} in file {shown} ({fault}), expected it there; write it or correct the path")
            })
    }

    fn secret(&self, source: &SecretSource) -> Result<String, String> {
        let (place, text) = match source {
            SecretSource::Env(name) => {
                let text = (self.env)(name).ok_or_else(|| {
                    format!(
                        "found no environment variable {name}, expected the secret in it; set it"
                    )
                })?;
                (format!("environment variable {name}"), text)
            }
            SecretSource::File(path) => {
                let place = format!("file {}", self.base.join(path).display());
                (place, self.content(path, "secret")?)
            }
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(format!(
                "found {place} empty, expected the secret in it; set it"
            ));
        }
        Ok(text.to_owned())
    }
}

/// An address without query: what stands after `?` is a key, and belongs among the secrets.
fn keyless(url: &str) -> Result<&str, String> {
    if url.contains('?') {
        Err("found an address with a key behind `?`, expected the address without it and the key as a secret; move it there".to_owned())
    } else {
        Ok(url)
    }
}

fn is_served(name: &str) -> bool {
    let part = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    match name.split_once('/') {
        None => part(name),
        Some((unit, contact)) => part(unit) && part(contact),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUSH: &str = "hush-hush";

    fn env(name: &str) -> Option<String> {
        match name {
            "DUBAN_SMTP" => Some(format!("smtps://user:{HUSH}@mail.city.example")),
            "DUBAN_WEBHOOK_SECRET" => Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()),
            "EMPTY" => Some("\n".to_owned()),
            "UNSET" => None,
            _ => Some(HUSH.to_owned()),
        }
    }

    fn read_text(text: &str) -> Result<Configured, String> {
        let folder = tempfile::tempdir().unwrap();
        let secrets = folder.path().join("secrets");
        std::fs::create_dir(&secrets).unwrap();
        for name in [
            "wecom-education",
            "dingtalk-token",
            "dingtalk-secret",
            "feishu-id",
            "feishu-secret",
            "sms-authorization",
        ] {
            std::fs::write(secrets.join(name), format!("{HUSH}\n")).unwrap();
        }
        let path = folder.path().join("channels.yaml");
        std::fs::write(&path, text).unwrap();
        let read = read(&path, &env);
        let base = format!("{}/", folder.path().display());
        read.map_err(|why| why.replace(&base, ""))
    }

    /// The pool of a mail server wants a runtime.
    #[tokio::test]
    async fn the_example_is_read_and_shows_no_secret() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/channels.yaml");
        let text = std::fs::read_to_string(example).unwrap();
        let configured = read_text(&text).unwrap();
        assert_eq!(configured.endpoints.len(), 8);
        assert_eq!(configured.people.len(), 2);
        let shown = format!("{configured:?} {configured:#?}");
        for secret in [HUSH, "13800000000", "education-office", "MfKQ9r8G"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        let Configured { endpoints, people } = configured;
        let of = |name: &str| endpoints.iter().find(|e| e.name == name).unwrap();
        assert_eq!(
            of("liaison-group").limits.last().map(|l| l.messages),
            Some(18)
        );
        assert_eq!(of("counties").limits.len(), 1, "the service's own");
        assert!(matches!(&of("education-group").serves, Serves::Only(who) if who.len() == 2));
        duban_runtime::channel::Channels::new(endpoints, people).unwrap();
    }

    #[test]
    fn nothing_configured_is_no_fault() {
        for text in ["", "# nothing\n", "people: {}\n"] {
            assert!(read_text(text).unwrap().endpoints.is_empty(), "{text}");
        }
    }

    #[test]
    fn faults_name_place_found_expected_and_remedy_and_never_the_secret() {
        let robot = |rest: &str| format!("wecom_robot:\n  - name: group\n{rest}");
        for (text, says) in [
            (
                robot("    key: {env: A}\n    colour: red\n"),
                &[
                    "channels.yaml:4:5: found unknown field `colour`",
                    "per_minute, url",
                ][..],
            ),
            (robot(""), &["channels.yaml:2:", "no field `key`"]),
            (
                robot(&format!("    key: {HUSH}\n")),
                &[
                    "channels.yaml:3:10: found a secret",
                    "expected `{env: NAME}`",
                    "move it",
                ],
            ),
            (
                robot("    key: 1234567\n"),
                &["channels.yaml:3:10: found a secret"],
            ),
            (
                robot("    key: {env: UNSET}\n"),
                &[
                    "channels.yaml:2:11: endpoint `group`: found no environment variable UNSET",
                    "set it",
                ],
            ),
            (
                robot("    key: {env: EMPTY}\n"),
                &["found environment variable EMPTY empty"],
            ),
            (
                robot("    key: {file: nowhere}\n"),
                &["found no secret in file nowhere", "correct the path"],
            ),
            (
                robot(&format!(
                    "    key: {{env: A}}\n    url: https://x.example/send?key={HUSH}\n"
                )),
                &["a key behind `?`", "move it there"],
            ),
            (
                robot("    key: {env: A}\n    url: http://x.example/send\n"),
                &["without encryption, expected https"],
            ),
            (
                robot("    key: {env: A}\n    per_minute: 21\n"),
                &["found per_minute 21, expected 1 or more, at most 20"],
            ),
            (
                robot("    key: {env: A}\n    serves: [a b]\n"),
                &["channels.yaml:4:14: found `a b` under serves"],
            ),
            (
                format!(
                    "{}  - name: group\n    key: {{env: A}}\n",
                    robot("    key: {env: A}\n")
                ),
                &["channels.yaml:4:11: found `group` a second time"],
            ),
            (
                "people:\n  a/b: {phone: secret-number}\n".to_owned(),
                &["channels.yaml:2:8: found a phone of `a/b` that is none"],
            ),
            ("people:\n  a: {}\n".to_owned(), &["found `a` under people"]),
            (
                "people:\n  a/b: {wecom: '@all'}\n".to_owned(),
                &["one person's"],
            ),
            (
                "people:\n  a/b: {feishu: all}\n".to_owned(),
                &["a Feishu user id of `a/b`", "one person's"],
            ),
            (
                "mail:\n  - {name: m, from: a@b.example}\n".to_owned(),
                &["both or none of smtp and folder"],
            ),
            (
                "mail:\n  - {name: m, from: a@b.example, folder: mail, authority: ca.pem}\n".to_owned(),
                &["endpoint `m`: found authority beside folder"],
            ),
            (
                "mail:\n  - {name: m, from: a@b.example, smtp: {env: DUBAN_SMTP}, authority: nowhere.pem}\n".to_owned(),
                &["endpoint `m`: found no certificate in file", "nowhere.pem"],
            ),
            (
                "mail:\n  - {name: m, from: a@b.example, smtp: {env: DUBAN_SMTP}, authority: channels.yaml}\n".to_owned(),
                &["endpoint `m`: mail server: found no certificate", "expected PEM"],
            ),
            (
                "robots: []\n".to_owned(),
                &[
                    "channels.yaml:1:1: found unknown field `robots`",
                    "wecom_robot",
                ],
            ),
            (
                "wecom_robot: 5\n".to_owned(),
                &["channels.yaml:1:14: found something else, expected sequence"],
            ),
            ("a: [".to_owned(), &["channels.yaml:1:"]),
        ] {
            let why = read_text(&text).unwrap_err();
            for part in says {
                assert!(why.contains(part), "`{part}` is not in: {why}\n{text}");
            }
            for secret in [HUSH, "secret-number", "1234567"] {
                assert!(!why.contains(secret), "{why}");
            }
        }
    }

    #[test]
    fn numbers_are_read_as_written() {
        let configured =
            read_text("people:\n  a/b: {phone: 13800000000}\n  a/c: {phone: \"0475-8880000\"}\n");
        assert_eq!(configured.unwrap().people.len(), 2);
    }
}

//! Plays a scenario: time passes, things arrive, and everything about a watched duty must be told.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use duban_model::fact::{
    Expects, Matter, MatterWithdrawn, Publication, PublicationWithdrawn, TaskAct,
};
use duban_model::{Body, Envelope, Record, Service, Timestamp};
use duban_rules::{Obligation, obligation_of, obligations_digest};
use duban_tests::scenario::{Folder, House};

use crate::script::{Act, Command, Fields, Line, instant_word, shown};
use crate::words::{due, light, told};

/// The office of every scenario.
const TENANT: &str = "test";

/// Something that happened, in the words of an expectation.
#[derive(Clone, Debug)]
struct Happening {
    at: Timestamp,
    words: Vec<String>,
    fields: Fields,
    told: bool,
}

/// Fields that must be told when they are there.
const MUST: &[&str] = &["late", "covers"];
/// Fields of which a part is enough.
const PART: &[&str] = &["reason", "text", "found", "expected"];
/// Fields shown when a happening is printed.
const SHOWN: &[&str] = &[
    "of", "due", "late", "on", "to", "covers", "missing", "found", "expected",
];

impl Happening {
    fn shown(&self) -> String {
        let mut text = format!("expect {} {}", shown(self.at), self.words.join(" "));
        for key in SHOWN {
            if let Some(value) = self.fields.get(*key) {
                let quote = if value.contains(' ') { "\"" } else { "" };
                let _ = write!(text, " {key}={quote}{value}{quote}");
            }
        }
        text
    }

    fn fits(&self, words: &[String], fields: &Fields) -> bool {
        self.words == words
            && fields.iter().all(|(key, wanted)| {
                let have = self.fields.get(key).map_or("", String::as_str);
                match key.as_str() {
                    "of" => names(wanted, have),
                    key if PART.contains(&key) => have.contains(wanted.as_str()),
                    _ => have == wanted,
                }
            })
            && MUST
                .iter()
                .all(|key| !self.fields.contains_key(*key) || fields.contains_key(*key))
    }
}

/// Whether `1/kailu`, `1/kailu/support` or `3/kailu/2021Q3` names a duty by its id without ledger.
fn names(query: &str, id: &str) -> bool {
    let mut wanted = query.split('/');
    let mut have = id.split('/');
    if query == "*" {
        return true;
    }
    wanted.by_ref().take(2).all(|w| have.next() == Some(w)) && {
        let rest: Vec<_> = have.collect();
        wanted.all(|w| rest.contains(&w))
    }
}

/// An event of the scenarios' office.
pub fn event(id: &str, time: Timestamp, ledger: &str, body: Body) -> Envelope {
    Envelope {
        id: id.to_owned(),
        source: "urn:test:scenario".to_owned(),
        kind: body.record_type(),
        time: Some(time),
        tenant: TENANT.to_owned(),
        ledger: Some(ledger.to_owned()),
        body,
    }
}

/// A scenario being played.
pub struct Stage {
    folders: BTreeMap<String, Folder>,
    folder: Option<String>,
    house: House,
    watched: Vec<String>,
    read: usize,
    happenings: Vec<Happening>,
    sent: u64,
    planned: Option<Expects>,
    root: std::path::PathBuf,
}

impl Stage {
    pub fn new(root: &Path) -> Stage {
        Stage {
            folders: BTreeMap::new(),
            folder: None,
            house: House::new(TENANT, true),
            watched: Vec::new(),
            read: 0,
            happenings: Vec::new(),
            sent: 0,
            planned: None,
            root: root.to_owned(),
        }
    }

    /// What a scenario would have to expect: its acts with all that happened written between them.
    pub fn transcribe(&mut self, lines: &[Line]) -> Result<String, String> {
        let mut text = String::new();
        for line in lines {
            match &line.command {
                Command::Expect(..) => continue,
                Command::At(at, act) => {
                    for event in self.events(*at, act)? {
                        self.house.arrive(*at, &event)?;
                    }
                    self.listen();
                    self.write(&mut text, *at);
                    let _ = writeln!(text, "{}", line.text);
                    self.rest()?;
                }
                Command::Until(at) => {
                    self.pass(*at)?;
                    self.write(&mut text, *at);
                    let _ = writeln!(text, "{}", line.text);
                }
                _ => {
                    let _ = writeln!(text, "{}", line.text);
                    self.line(line)?;
                }
            }
            self.write(&mut text, Timestamp(i64::MAX));
        }
        Ok(text)
    }

    fn write(&mut self, text: &mut String, before: Timestamp) {
        let one = self.watched.len() == 1;
        for happening in self
            .happenings
            .iter_mut()
            .filter(|h| !h.told && h.at < before)
        {
            happening.told = true;
            let mut shown = happening.clone();
            if one {
                shown.fields.remove("of");
            }
            let word = shown.words[0].as_str();
            let tier = shown.words.get(2).map(String::as_str);
            if word == "notice" {
                shown.fields.remove("due");
                if matches!(tier, Some("contact" | "leader")) {
                    shown.fields.remove("to");
                }
            }
            if word == "ticked" {
                shown.fields.remove("on");
            }
            let _ = writeln!(text, "{}", shown.shown());
        }
    }

    /// Does what one line says.
    pub fn line(&mut self, line: &Line) -> Result<(), String> {
        match &line.command {
            Command::Ledger(name, tasks) => {
                let own = self.root.join("scenarios/ledgers").join(name);
                let shipped = self.root.join("../../workflows").join(name);
                let dir = if own.exists() { &own } else { &shipped };
                let calendar = self.root.join("../../workflows/calendars/cn-workdays.csv");
                let mut folder = Folder::read(dir, &calendar)?;
                if *dir == shipped {
                    folder.rename(name, TENANT)?;
                }
                if !tasks.is_empty() {
                    folder.keep_only(tasks)?;
                }
                self.folders.insert(name.clone(), folder);
                self.folder = Some(name.clone());
                Ok(())
            }
            Command::Edit(what, find, with) => {
                let folder = self.folder.as_ref();
                let folder = folder.and_then(|name| self.folders.get_mut(name));
                let folder = folder.ok_or("no `ledger` line before this one")?;
                folder.edit(what, find, with)
            }
            Command::Watch(list) => {
                self.watched.extend(list.iter().cloned());
                Ok(())
            }
            Command::At(at, act) => {
                let events = self.events(*at, act)?;
                for event in events {
                    self.house.arrive(*at, &event)?;
                }
                self.listen();
                self.nothing_left(*at)
            }
            Command::Jump(at) => {
                self.rest()?;
                self.nothing_left(Timestamp(i64::MAX))?;
                self.house.jump(*at)?;
                self.listen();
                Ok(())
            }
            Command::Until(at) => {
                self.pass(*at)?;
                self.nothing_left(Timestamp(i64::MAX))
            }
            Command::Expect(at, words, fields) => {
                let at = at.unwrap_or(self.house.clock());
                if at < self.house.clock() {
                    return Err(format!(
                        "{} is over; it is {}",
                        shown(at),
                        shown(self.house.clock())
                    ));
                }
                self.pass(at)?;
                self.nothing_left(at)?;
                self.expect(at, words, fields)
            }
            Command::Check(duty, fields) => {
                self.rest()?;
                self.check(duty, fields)
            }
        }
    }

    /// After the last line: nothing untold, and the states once more.
    pub fn finish(&mut self) -> Result<(), String> {
        self.rest()?;
        self.nothing_left(Timestamp(i64::MAX))?;
        self.house.finish()
    }

    fn rest(&mut self) -> Result<(), String> {
        self.pass(self.house.clock())
    }

    fn pass(&mut self, until: Timestamp) -> Result<(), String> {
        self.house.pass(until)?;
        self.listen();
        Ok(())
    }

    /// Everything before `at` must have been told.
    fn nothing_left(&self, at: Timestamp) -> Result<(), String> {
        let untold: Vec<_> = self
            .happenings
            .iter()
            .filter(|h| !h.told && h.at < at)
            .map(Happening::shown)
            .collect();
        if untold.is_empty() {
            return Ok(());
        }
        Err(format!(
            "expected nothing more before this line, found\n    {}",
            untold.join("\n    ")
        ))
    }

    fn expect(&mut self, at: Timestamp, words: &[String], fields: &Fields) -> Result<(), String> {
        if words == ["nothing"] {
            return self.nothing_left(at.plus_millis(1));
        }
        let found = self
            .happenings
            .iter_mut()
            .find(|h| !h.told && h.at == at && h.fits(words, fields));
        if let Some(happening) = found {
            happening.told = true;
            return Ok(());
        }
        let there: Vec<_> = self
            .happenings
            .iter()
            .filter(|h| !h.told && h.at == at)
            .map(Happening::shown)
            .collect();
        let there = if there.is_empty() {
            "nothing".to_owned()
        } else {
            there.join("\n    ")
        };
        Err(format!("found\n    {there}"))
    }

    fn check(&self, duty: &str, fields: &Fields) -> Result<(), String> {
        let fitting: Vec<(String, &Obligation)> = self
            .house
            .rules()
            .obligations()
            .map(|(id, o)| (without_ledger(id).to_owned(), o))
            .filter(|(id, _)| names(duty, id))
            .collect();
        if let Some(wanted) = fields.get("count")
            && fitting.len().to_string() != *wanted
        {
            return Err(format!("found {} such duties", fitting.len()));
        }
        if fields.keys().all(|key| key == "count") {
            return Ok(());
        }
        let [(_, o)] = fitting.as_slice() else {
            let ids: Vec<_> = fitting.iter().map(|(id, _)| id.as_str()).collect();
            return Err(format!("expected one duty, found {ids:?}"));
        };
        let late = o
            .done
            .as_ref()
            .map(|d| d.late)
            .or(o.submitted.map(|(_, late)| late));
        for (key, wanted) in fields {
            let found = match key.as_str() {
                "state" => o.state.to_string(),
                "light" => light(o).to_owned(),
                "stopped" => o
                    .stopped_on(duban_model::Zone::SHANGHAI)
                    .unwrap_or_else(|| "no".to_owned()),
                "due" => due(o.due, o.due_at),
                "late" => late.map_or("none", yes).to_owned(),
                "next" => o
                    .armed
                    .as_ref()
                    .map_or_else(|| "none".to_owned(), |a| shown(a.at).replace(' ', "T")),
                "step" => o
                    .armed
                    .as_ref()
                    .map_or_else(|| "none".to_owned(), |a| a.step.to_string()),
                "ticks" => o
                    .ticks
                    .values()
                    .map(BTreeMap::len)
                    .sum::<usize>()
                    .to_string(),
                _ => continue,
            };
            if found != *wanted {
                return Err(format!("found {key}={found}"));
            }
        }
        Ok(())
    }

    /// Turns new records into happenings.
    fn listen(&mut self) {
        let new: Vec<_> = self.house.records()[self.read..].to_vec();
        self.read += new.len();
        for (service, record) in new {
            if let Some(happening) = self.happening(service, &record) {
                self.happenings.push(happening);
            }
        }
    }

    fn happening(&self, service: Service, record: &Record) -> Option<Happening> {
        let (words, mut fields) = told(service, &record.body)?;
        if let Some(id) = obligation_of(&record.body) {
            let id = without_ledger(id);
            if !self.watched.iter().any(|query| names(query, id)) {
                return None;
            }
            fields.insert("of".to_owned(), id.to_owned());
        }
        Some(Happening {
            at: record.loggedat,
            words,
            fields,
            told: false,
        })
    }

    fn events(&mut self, at: Timestamp, act: &Act) -> Result<Vec<Envelope>, String> {
        if act.verb == "plan" {
            self.planned = self.expects();
        }
        let bodies = self.bodies(act)?;
        let time = match act.fields.get("claimed").map(String::as_str) {
            None => Some(at),
            Some("none") => None,
            Some(text) => Some(instant_word(text)?),
        };
        let ledger = match act.fields.get("ledger") {
            Some(name) => Some(name.clone()),
            None => self.folder.clone(),
        };
        let mut events = Vec::new();
        for body in bodies {
            self.sent += 1;
            let id = act
                .fields
                .get("id")
                .cloned()
                .unwrap_or_else(|| format!("line-{}", self.sent));
            events.push(Envelope {
                id,
                source: "urn:test:scenario".to_owned(),
                kind: body.record_type(),
                time,
                tenant: TENANT.to_owned(),
                ledger: ledger.clone(),
                body,
            });
        }
        Ok(events)
    }

    /// What a plan made now would rest on.
    fn expects(&self) -> Option<Expects> {
        let name = self.folder.as_ref()?;
        let rules = self.house.rules();
        Some(Expects {
            definition: rules.ledger(name).map(|ledger| ledger.hash.clone()),
            obligations: Some(obligations_digest(rules, TENANT, Some(name))),
        })
    }

    fn bodies(&self, act: &Act) -> Result<Vec<Body>, String> {
        let word = |i: usize| act.words.get(i).cloned().unwrap_or_default();
        let field = |key: &str| act.fields.get(key).cloned();
        let publication = || Publication {
            publication: word(1),
            unit: word(0),
            kind: word(2),
            title: field("title").unwrap_or_else(|| format!("{}的{}", word(0), word(2))),
            url: None,
            category: field("category"),
            issuer: None,
            number: field("number"),
            written: field("written").and_then(|day| day.parse().ok()),
            validity: field("validity"),
            formats: field("formats")
                .map(|list| list.split(',').map(ToOwned::to_owned).collect())
                .unwrap_or_default(),
            note: None,
            about: field("about"),
        };
        Ok(vec![match act.verb.as_str() {
            "deploy" => return self.deployment(act),
            "plan" => return Ok(Vec::new()),
            "publish" => Body::PublicationPublished(publication()),
            "update" => Body::PublicationUpdated(publication()),
            "withdraw" => Body::PublicationWithdrawn(PublicationWithdrawn {
                publication: word(1),
                unit: word(0),
                reason: field("reason"),
                note: None,
            }),
            "report" => Body::MatterReported(Matter {
                matter: word(1),
                unit: word(0),
                kind: word(2),
                title: field("title").unwrap_or_else(|| format!("{}的{}", word(0), word(2))),
                about: field("about"),
                number: field("number"),
                note: None,
            }),
            "call-off" => Body::MatterWithdrawn(MatterWithdrawn {
                matter: word(1),
                unit: word(0),
                reason: field("reason"),
                note: None,
            }),
            verb => {
                let duty = word(0);
                let mut parts = duty.split('/');
                let due = field("due").map(|d| d.parse().map_err(|_| format!("`{d}` is no date")));
                let role = field("role").map(|r| {
                    serde_json::from_value(r.clone().into())
                        .map_err(|_| format!("`{r}` is no role"))
                });
                let period =
                    field("period").map(|p| p.parse().map_err(|_| format!("`{p}` is no period")));
                let extend =
                    field("extend").map(|s| s.parse().map_err(|_| format!("`{s}` is no span")));
                let reasoned = !matches!(
                    verb,
                    "accept" | "progress" | "submit" | "verify" | "trigger" | "resume"
                );
                let data = TaskAct {
                    task: parts.next().unwrap_or_default().to_owned(),
                    unit: parts.next().map(ToOwned::to_owned),
                    role: role.transpose()?,
                    period: period.transpose()?,
                    by: field("by").or_else(|| (verb == "stop").then(|| "主管部门".to_owned())),
                    reason: field("reason").or_else(|| reasoned.then(|| "理由".to_owned())),
                    evidence: Vec::new(),
                    due: due.transpose()?,
                    extend: extend.transpose()?,
                    contact: field("contact"),
                    note: None,
                    occasion: field("occasion"),
                };
                match verb {
                    "accept" => Body::TaskAccepted(data),
                    "progress" => Body::TaskProgressed(data),
                    "submit" => Body::TaskSubmitted(data),
                    "verify" => Body::TaskVerified(data),
                    "return" => Body::TaskReturned(data),
                    "request-extension" => Body::TaskExtensionRequested(data),
                    "approve-extension" => Body::TaskExtensionApproved(data),
                    "refuse-extension" => Body::TaskExtensionRefused(data),
                    "delegate" => Body::TaskDelegated(data),
                    "disown" => Body::TaskDisowned(data),
                    "stop" => Body::TaskStopped(data),
                    "resume" => Body::TaskResumed(data),
                    "restart" => Body::TaskRestarted(data),
                    "waive" => Body::TaskWaived(data),
                    _ => Body::TaskTriggered(data),
                }
            }
        }])
    }

    fn deployment(&self, act: &Act) -> Result<Vec<Body>, String> {
        let folder = self
            .folder
            .as_ref()
            .and_then(|name| self.folders.get(name))
            .ok_or("no `ledger` line before this one")?;
        let mut folder = folder.clone();
        if let Some(find) = act.fields.get("replacing") {
            let with = act
                .fields
                .get("with")
                .ok_or("`replacing=` without `with=`")?;
            let mut hits = 0;
            for file in &mut folder.files {
                hits += file.text.matches(find.as_str()).count();
                file.text = file.text.replace(find.as_str(), with);
            }
            if hits == 0 {
                return Err(format!("`{find}` stands nowhere in the definition"));
            }
        }
        match act.words.first().map(String::as_str) {
            None => Ok(vec![
                folder.calendar_event(),
                folder.directory_event(),
                folder.definition_event(),
            ]),
            Some("calendar") => Ok(vec![folder.calendar_event()]),
            Some("directory") => Ok(vec![folder.directory_event()]),
            Some("definition") => {
                let mut event = folder.definition_event();
                if let Body::DefinitionDeployed(deployed) = &mut event
                    && act.fields.contains_key("planned")
                {
                    deployed.expects.clone_from(&self.planned);
                }
                Ok(vec![event])
            }
            Some(other) => Err(format!(
                "`deploy {other}`; expected calendar, directory or definition"
            )),
        }
    }
}

fn without_ledger(id: &str) -> &str {
    id.split_once('/').map_or(id, |(_, rest)| rest)
}

fn yes(late: bool) -> &'static str {
    if late { "yes" } else { "no" }
}

//! A made-up city: 1,000 units, ledgers of 100 rules and 5,000 duties each, and publications of
//! about 500 bytes with Chinese text.

use std::fmt::Write;
use std::path::Path;

use chrono::{Datelike, Days, NaiveDate};
use duban_calendar::Calendar;
use duban_model::fact::{
    CalendarDeployed, DefinitionDeployed, DefinitionFile, DirectoryDeployed, Publication, TaskAct,
};
use duban_model::{Body, Directory, Envelope};
use duban_rules::read_directory;

/// Units of the city.
pub const UNITS: usize = 1_000;
/// Rules (tasks) of one ledger; each is owed by one group.
pub const TASKS: usize = 100;
/// The office that owns everything.
pub const TENANT: &str = "shi";

/// What is to be made.
#[derive(Clone, Debug)]
pub struct World {
    /// The number of its first ledger.
    pub first: usize,
    /// How many ledgers.
    pub ledgers: usize,
    /// Groups that the units are in, each unit in one.
    pub groups: usize,
    /// The date of the ledgers.
    pub issued: NaiveDate,
    /// The date on which all fall due, and the ledgers end.
    pub due: NaiveDate,
    /// Instead, each task has a date of its own, spread from `issued` to `due`.
    pub spread: bool,
    /// The time of day at which notices go out, `HH:MM`.
    pub at: String,
    /// Steps of the ladder, e.g. `before:7wd`.
    pub steps: &'static [&'static str],
    /// The channel of all contacts.
    pub channel: &'static str,
    /// Minutes of a window, if not as many as without a word.
    pub window: Option<u32>,
}

/// Every weekday of these years works; real holidays are not the point here.
fn calendar_text() -> String {
    "date,kind,name\n".to_owned()
        + &(2021..2060).fold(String::new(), |mut text, year| {
            let _ = writeln!(text, "{year}-01-01,holiday,元旦");
            text
        })
}

/// The city's calendar.
pub fn calendar() -> Calendar {
    Calendar::from_csv("bench", &calendar_text()).expect("a calendar")
}

impl World {
    /// A world that is due in a year's time, on a live clock.
    pub fn with(ledgers: usize) -> World {
        let today = duban_runtime::clock::wall_now().utc().date_naive();
        World {
            first: 0,
            ledgers,
            groups: 20,
            issued: today - Days::new(1),
            due: today + Days::new(360),
            spread: false,
            at: "09:10".to_owned(),
            steps: &["before:7wd", "due", "overdue:3wd"],
            channel: "mail",
            window: None,
        }
    }

    /// The numbers of its ledgers.
    pub fn numbers(&self) -> std::ops::Range<usize> {
        self.first..self.first + self.ledgers
    }

    /// How many rules there are.
    pub fn rules(&self) -> usize {
        self.ledgers * TASKS
    }

    /// How many duties there are.
    pub fn duties(&self) -> usize {
        self.ledgers * self.duties_of_one()
    }

    /// Duties of one ledger.
    fn duties_of_one(&self) -> usize {
        TASKS * UNITS / self.groups
    }

    /// The date of a task.
    pub fn due_of(&self, task: usize) -> NaiveDate {
        if !self.spread {
            return self.due;
        }
        let days = (self.due - self.issued).num_days() as u64;
        self.issued + Days::new(days * (task as u64 + 1) / TASKS as u64)
    }

    /// The text of the city's directory.
    pub fn directory_text(&self) -> String {
        let mut text = format!("tenant: {TENANT}\n");
        if let Some(minutes) = self.window {
            let _ = writeln!(text, "delivery: {{ window_minutes: {minutes} }}");
        }
        text.push_str("units:\n");
        let channel = self.channel;
        for unit in 0..UNITS {
            let _ = write!(
                text,
                "  - id: u{unit:03}\n    name: 第{unit}局\n    groups: [第{}组]\n    contacts:\n      - {{ id: contact, title: 政务公开联络员, mail: lianluo@u{unit:03}.example, channels: [{channel}] }}\n    leader: {{ id: leader, title: 分管负责人, mail: fenguan@u{unit:03}.example, channels: [mail] }}\n",
                unit % self.groups,
            );
        }
        text
    }

    /// The city's directory.
    pub fn directory(&self) -> Directory {
        let (directory, found) = read_directory(&self.directory_text());
        directory.unwrap_or_else(|| panic!("{found:?}"))
    }

    /// A ledger's name.
    pub fn ledger(number: usize) -> String {
        format!("l{number:03}")
    }

    /// A ledger's two texts.
    pub fn files(&self, number: usize) -> Vec<DefinitionFile> {
        let year = self.due.year();
        let ledger = World::ledger(number);
        let mut text = format!(
            "ledger: {ledger}\ntitle: 第{number}号政务公开工作台账\nissuer: 市政务公开办\nnumber: 政公字〔{year}〕{number}号\ntenant: {TENANT}\nyear: {year}\nissued: {}\nends: {}\nzone: Asia/Shanghai\ncalendar: bench\noffice: u000\nleading_group: u001\nat: \"{}\"\nyellow: 7wd\nbackdate: 2wd\nreturn_clock: 5wd\nverify_within: 5wd\nladders:\n  fixed:\n    steps:\n",
            self.issued, self.due, self.at
        );
        for step in self.steps {
            let _ = writeln!(text, "      - {{ when: \"{step}\", to: contact }}");
        }
        text.push_str("    repeat: { every: 20wd, to: office }\nkinds:\n");
        for task in 0..TASKS {
            let _ = writeln!(text, "  {}: 第{task}类公开信息", kind(number, task));
        }
        let mut tasks = "tasks:\n".to_owned();
        for task in 0..TASKS {
            let _ = write!(
                tasks,
                "  - id: \"{task}\"\n    section: 一、重点领域\n    subsection: (一)公开\n    title: 公开第{task}类信息\n    text: 责任单位要主动公开第{task}类信息。\n    units_phrase: 各有关单位\n    strength: required\n    opens: activation\n    due: {}\n    ladder: fixed\n    owners:\n      - {{ group: 第{}组, role: responsible }}\n    fulfilled_by:\n      publications:\n        - {{ name: 第{task}类信息, kinds: [{}], at_least: 1 }}\n",
                self.due_of(task),
                task % self.groups,
                kind(number, task),
            );
        }
        [("ledger.yaml", text), ("tasks.yaml", tasks)]
            .map(|(name, text)| DefinitionFile {
                name: name.to_owned(),
                text,
            })
            .to_vec()
    }

    /// The events that bring calendar and directory.
    pub fn base(&self) -> Vec<Envelope> {
        vec![
            event(
                "calendar".to_owned(),
                None,
                Body::CalendarDeployed(CalendarDeployed {
                    calendar: calendar(),
                    by: None,
                    reason: None,
                    expects: None,
                }),
            ),
            event(
                "directory".to_owned(),
                None,
                Body::DirectoryDeployed(DirectoryDeployed {
                    directory: self.directory(),
                    by: None,
                    reason: None,
                    expects: None,
                }),
            ),
        ]
    }

    /// The event that brings a ledger.
    pub fn deploy(&self, number: usize) -> Envelope {
        let ledger = World::ledger(number);
        event(
            format!("deploy-{ledger}"),
            Some(ledger.clone()),
            Body::DefinitionDeployed(DefinitionDeployed {
                ledger,
                files: self.files(number),
                by: None,
                reason: None,
                expects: None,
            }),
        )
    }

    /// Writes a ledger as a folder of definitions.
    pub fn write(&self, number: usize, folder: &Path) {
        std::fs::create_dir_all(folder).expect("a folder");
        for file in self.files(number) {
            std::fs::write(folder.join(&file.name), &file.text).expect("a file");
        }
        for (name, text) in [
            ("directory.yaml", self.directory_text()),
            ("bench-workdays.csv", calendar_text()),
        ] {
            std::fs::write(folder.join(name), text).expect("a file");
        }
    }

    /// The duty that the `n`-th publication is for: ledger, task and unit.
    pub fn place(&self, n: usize) -> (usize, usize, usize) {
        let duty = n % self.duties();
        // Neighbours in time are not neighbours in the key space.
        let duty = (duty * 7_919) % self.duties();
        let (ledger, rest) = (duty / self.duties_of_one(), duty % self.duties_of_one());
        let members = UNITS / self.groups;
        let (task, member) = (rest / members, rest % members);
        let unit = member * self.groups + task % self.groups;
        (self.first + ledger, task, unit)
    }

    /// The `n`-th publication: it fulfils a duty of its unit if `wanted`, or is of a kind that no
    /// rule asks for.
    pub fn publication(&self, n: usize, wanted: bool) -> Envelope {
        let (ledger, task, unit) = self.place(n);
        let kind = if wanted {
            kind(ledger, task)
        } else {
            format!("无关{}", n % 1_000)
        };
        event(
            format!("p{n}"),
            None,
            Body::PublicationPublished(Publication {
                publication: format!("2026/{n}"),
                unit: format!("u{unit:03}"),
                kind,
                title: format!("关于公开第{task}类信息第{n}号文件的通知"),
                url: Some(format!("https://www.u{unit:03}.example/zwgk/2026/{n}.html")),
                category: Some("综合政务".to_owned()),
                issuer: Some(format!("第{unit}局")),
                number: Some(format!("政公发〔2026〕{n}号")),
                written: None,
                validity: Some("有效".to_owned()),
                formats: vec!["html".to_owned(), "pdf".to_owned()],
                note: Some("虚构样例:与解读材料一并公开,已在政府网站首页推送".to_owned()),
                about: None,
            }),
        )
    }

    /// The office grants the `n`-th duty a later date: one day more each time round all duties.
    pub fn extension(&self, n: usize) -> Envelope {
        let (ledger, task, unit) = self.place(n);
        let later = 1 + (n / self.duties()) as u64;
        event(
            format!("x{n}"),
            Some(World::ledger(ledger)),
            Body::TaskExtensionApproved(TaskAct {
                task: task.to_string(),
                unit: Some(format!("u{unit:03}")),
                role: None,
                period: None,
                by: Some("市政务公开办".to_owned()),
                reason: Some(
                    "因上级文件调整公开时限,同意延期办理,请按新的时限完成公开。".to_owned(),
                ),
                evidence: Vec::new(),
                due: Some(self.due + Days::new(later)),
                contact: None,
                extend: None,
                note: None,
                occasion: None,
            }),
        )
    }
}

/// The kind of publication that a rule asks for.
pub fn kind(ledger: usize, task: usize) -> String {
    format!("种类{ledger}之{task}")
}

fn event(id: String, ledger: Option<String>, body: Body) -> Envelope {
    Envelope {
        id,
        source: "https://www.shi.example/cms".to_owned(),
        kind: body.record_type(),
        time: None,
        tenant: TENANT.to_owned(),
        ledger,
        body,
    }
}

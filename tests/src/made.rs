//! A made-up office with as many units and tasks as a test needs.

use std::fmt::Write;
use std::path::Path;

/// A unit with one contact, `ID/contact`, and its leader, `ID/leader`, who is told by mail.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Its id.
    pub id: String,
    /// The channel of its contact.
    pub channel: &'static str,
}

/// An office whose tasks are all owed by all of its units and due on one day.
#[derive(Clone, Debug)]
pub struct Office {
    /// The units.
    pub units: Vec<Unit>,
    /// How many tasks.
    pub tasks: usize,
    /// The date of the ledger.
    pub issued: &'static str,
    /// The day on which all is due.
    pub due: &'static str,
    /// The ledger's last day.
    pub ends: &'static str,
    /// The time of day at which notices go out, `HH:MM`.
    pub at: &'static str,
    /// Steps of the ladder, each with whom it tells.
    pub steps: &'static [(&'static str, &'static str)],
    /// Minutes of a window.
    pub window: u32,
}

/// The title of a unit's contact, by which messages in a group are told apart.
pub fn contact_title(unit: &str) -> String {
    format!("{unit}联络员")
}

/// What a task is called.
pub fn task_title(task: usize) -> String {
    format!("公开第{task}类信息")
}

impl Office {
    /// Writes its definitions into a folder.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder).expect("a folder");
        for (name, text) in [
            ("ledger.yaml", self.ledger()),
            ("tasks.yaml", self.task_list()),
            ("directory.yaml", self.directory()),
            ("made-workdays.csv", calendar()),
        ] {
            std::fs::write(folder.join(name), text).expect("a file");
        }
    }

    fn ledger(&self) -> String {
        let mut text = format!(
            "ledger: made\ntitle: 政务公开工作台账\nissuer: 市政务公开办\nnumber: 政公字〔2021〕1号\n\
             tenant: made\nyear: 2021\nissued: {}\nends: {}\nzone: Asia/Shanghai\ncalendar: made\n\
             office: office\nleading_group: office\nat: \"{}\"\nyellow: 7wd\nbackdate: 2wd\n\
             return_clock: 5wd\nverify_within: 5wd\nladders:\n  fixed:\n    steps:\n",
            self.issued, self.ends, self.at,
        );
        for (when, to) in self.steps {
            let _ = writeln!(text, "      - {{ when: \"{when}\", to: {to} }}");
        }
        text + "    repeat: { every: 20wd, to: office }\nkinds:\n  规划: 各类规划\n"
    }

    fn task_list(&self) -> String {
        let mut text = "tasks:\n".to_owned();
        for task in 1..=self.tasks {
            let title = task_title(task);
            let _ = write!(
                text,
                "  - id: \"{task}\"\n    section: 一、重点领域\n    subsection: (一)公开\n    title: {title}\n    \
                 text: 责任单位要主动{title}。\n    units_phrase: 各有关单位\n    strength: required\n    \
                 opens: activation\n    due: {}\n    ladder: fixed\n    owners:\n      \
                 - {{ group: 各单位, role: responsible }}\n    fulfilled_by:\n      publications:\n        \
                 - {{ name: 规划, kinds: [规划], at_least: 1 }}\n",
                self.due,
            );
        }
        text
    }

    fn directory(&self) -> String {
        let mut text = format!(
            "tenant: made\ndelivery: {{ window_minutes: {} }}\nunits:\n  - id: office\n    \
             name: 市政府办公室\n    groups: []\n    contacts:\n      \
             - {{ id: contact, title: 办公室联络员, mail: office@office.example, channels: [mail] }}\n",
            self.window,
        );
        for Unit { id, channel } in &self.units {
            let title = contact_title(id);
            let _ = write!(
                text,
                "  - id: {id}\n    name: {id}局\n    groups: [各单位]\n    contacts:\n      \
                 - {{ id: contact, title: {title}, mail: contact@{id}.example, channels: [{channel}] }}\n    \
                 leader: {{ id: leader, title: {id}分管负责人, mail: leader@{id}.example, channels: [mail] }}\n",
            );
        }
        text
    }
}

/// Every weekday works, for as long as these tests may be run.
fn calendar() -> String {
    (2021..2060).fold("date,kind,name\n".to_owned(), |mut text, year| {
        let _ = writeln!(text, "{year}-01-01,holiday,元旦");
        text
    })
}

//! Records made by hand, for the tests of projection and pages: a ledger of the real one's size.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Days, NaiveDate, NaiveTime};
use duban_model::decision::*;
use duban_model::definition::*;
use duban_model::delivery::Delivery;
use duban_model::directory::{Directory, Unit};
use duban_model::fact::{ClockAdvanced, Publication};
use duban_model::{
    Body, Definition, Frame, FrameHead, Position, Record, RecordId, Service, Timestamp, Zone,
};

use duban_journal::{Log, MemoryLog};
use futures::FutureExt;

use crate::projection::{Line, Projection};
use crate::recall::read_records;
use crate::sheet::{Circular, Export, FileFormat, Sheet};
use crate::tongue::Tongue;

mod told;

pub(crate) const LEDGER: &str = "tongliao-2021";

/// So many days after the ledger's issue.
pub(crate) fn day(days: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2021, 6, 28).unwrap() + Days::new(days)
}

/// A projection with what is needed to write to it.
pub(crate) struct Sample {
    pub projection: Projection,
    pub now: Timestamp,
    pub last: Arc<Frame>,
    /// Holds every frame that the projection has taken in.
    pub log: Log,
    /// The last frame of each service on it.
    places: BTreeMap<Service, u64>,
}

impl Sample {
    /// Nothing on the log yet.
    pub fn empty() -> Sample {
        let head = FrameHead {
            service: Service::Rules,
            incarnation: 1,
            number: 0,
            through: Position::START,
            release: "test".to_owned(),
            previous: None,
        };
        Sample {
            projection: Projection::new(),
            now: "2021-06-28T09:00:00+08:00".parse().unwrap(),
            last: Arc::new(Frame::new(head, Vec::new())),
            log: Log::Memory(MemoryLog::new()),
            places: BTreeMap::new(),
        }
    }

    /// Directory and ledger of 36 rows in force.
    pub fn new() -> Sample {
        let mut sample = Sample::empty();
        sample.directory(Service::Rules);
        sample.adopt("通辽市2021年政务公开工作要点分工台账", 36);
        sample
    }

    /// The real ledger's size: 36 rows, 81 units, 1,550 duties, in all lights.
    pub fn full() -> Sample {
        let mut sample = Sample::new();
        for n in 0..1_550u32 {
            let task = (n % 36 + 1).to_string();
            let unit = format!("unit-{:02}", n / 36);
            let id = sample.open(&task, &unit, Some(day(u64::from(n % 180))));
            match n % 7 {
                0 => sample.overdue(&id),
                1 => sample.due_soon(&id),
                2 => sample.fulfilled(&id, n % 14 == 2),
                3 => sample.waived(&id),
                _ => {}
            }
            let notice = sample.requested(&id, "before:15wd");
            sample.queued(&id, &notice, "before:15wd");
        }
        sample
    }

    pub fn write(&mut self, service: Service, body: Body) -> RecordId {
        self.written(service, None, body)
    }

    /// The rules decide on a fact.
    pub fn caused(&mut self, fact: RecordId, body: Body) {
        self.written(Service::Rules, Some(fact), body);
    }

    /// The rules refuse a fact.
    pub fn refused(&mut self, fact: RecordId, code: &str) {
        self.refused_by(Service::Rules, fact, code);
    }

    fn written(&mut self, service: Service, cause: Option<RecordId>, body: Body) -> RecordId {
        let seq = self.projection.seq() + 1;
        let id = RecordId::derive(&[&seq.to_le_bytes()]);
        let record = Record {
            id,
            source: Cow::Borrowed(service.source()),
            tenant: "tongliao".to_owned(),
            ledger: Some(LEDGER.to_owned()),
            subject: None,
            time: None,
            loggedat: self.now,
            cause,
            correlation: id,
            definition: None,
            origin: None,
            body,
        };
        let mut head = self.last.head.clone();
        head.service = service;
        head.number += 1;
        self.last = Arc::new(Frame::new(head, vec![Arc::new(record)]));
        let expected = self.places.insert(service, seq).unwrap_or(0);
        let appended = self.log.append(Arc::clone(&self.last), expected);
        // A log in memory never makes anybody wait.
        let appended = appended.now_or_never();
        assert_eq!(appended.unwrap().unwrap(), seq);
        self.projection.apply(seq, &self.last);
        id
    }

    /// The lines of a duty's history, as its page makes them.
    pub fn lines(&self, id: &str) -> Vec<Line> {
        self.lines_in(id, Tongue::Chinese)
    }

    /// The same in a language.
    pub fn lines_in(&self, id: &str, tongue: Tongue) -> Vec<Line> {
        let duty = self.projection.duty(id).unwrap();
        let places: Vec<_> = duty.history.first().chain(duty.history.last()).collect();
        let read = read_records(&self.log, &places).now_or_never();
        let records = read.unwrap().unwrap();
        let line = |place| self.projection.line(duty, place, &records[&place], tongue);
        places.into_iter().filter_map(line).collect()
    }

    fn rules(&mut self, body: Body) -> RecordId {
        self.write(Service::Rules, body)
    }

    pub fn directory(&mut self, service: Service) {
        self.directory_naming(service, "市行政审批和政务服务局");
    }

    pub fn directory_naming(&mut self, service: Service, short: &str) {
        let mut units = BTreeMap::new();
        let mut put = |id: String, name: &str, short: &str, level: &str| {
            let unit = Unit {
                name: name.to_owned(),
                short: vec![short.to_owned()],
                level: level.to_owned(),
                kind: String::new(),
                groups: Vec::new(),
                superior: None,
                certainty: None,
                contacts: Vec::new(),
                leader: None,
                formerly: Vec::new(),
                hours: None,
            };
            units.insert(id, unit);
        };
        put(
            "city-spj".to_owned(),
            "通辽市行政审批和政务服务局",
            short,
            "市级",
        );
        for n in 0..80 {
            let level = if n < 40 { "市级" } else { "旗县级" };
            put(
                format!("unit-{n:02}"),
                &format!("第{n}单位全称"),
                &format!("第{n}单位"),
                level,
            );
        }
        let directory = Directory {
            tenant: "tongliao".to_owned(),
            delivery: Delivery::default(),
            units,
        };
        self.write(
            service,
            Body::DirectoryAdopted(DirectoryAdopted {
                directory,
                planned: false,
            }),
        );
    }

    pub fn adopt(&mut self, title: &str, rows: u32) {
        let tasks = (1..=rows).map(|n| task(n, "公开政务服务信息")).collect();
        self.adopt_tasks(title, tasks);
    }

    pub fn adopt_tasks(&mut self, title: &str, tasks: Vec<Task>) {
        let definition = Definition {
            ledger: LEDGER.to_owned(),
            title: title.to_owned(),
            issuer: "领导小组".to_owned(),
            number: "通政公字【2021】1号".to_owned(),
            tenant: "tongliao".to_owned(),
            year: 2021,
            issued: day(0),
            ends: NaiveDate::from_ymd_opt(2021, 12, 31).unwrap(),
            zone: Zone::SHANGHAI,
            calendar: "cn".to_owned(),
            office: "city-spj".to_owned(),
            leading_group: "city-ldxz".to_owned(),
            at: NaiveTime::from_hms_opt(9, 10, 0).unwrap(),
            yellow: "7wd".parse().unwrap(),
            backdate: "2wd".parse().unwrap(),
            return_clock: "5wd".parse().unwrap(),
            verify_within: "5wd".parse().unwrap(),
            ladders: BTreeMap::new(),
            kinds: BTreeMap::new(),
            tasks,
            matters: BTreeMap::new(),
            language: duban_model::definition::Language::default(),
            notices: BTreeMap::new(),
        };
        self.rules(Body::DefinitionAdopted(DefinitionAdopted {
            hash: "abc".to_owned(),
            at: self.now,
            definition,
        }));
    }

    pub fn open(&mut self, task: &str, unit: &str, due: Option<NaiveDate>) -> String {
        let obligation = format!("{LEDGER}/{task}/{unit}/responsible");
        self.rules(Body::ObligationOpened(ObligationOpened {
            obligation: obligation.clone(),
            at: self.now,
            task: task.to_owned(),
            unit: unit.to_owned(),
            role: Role::Responsible,
            owner: 0,
            period: None,
            due,
            due_at: None,
            occasion: None,
        }));
        obligation
    }

    fn acted(id: &str, reason: &str) -> ObligationActed {
        ObligationActed {
            obligation: id.to_owned(),
            by: Some("主管部门".to_owned()),
            reason: Some(reason.to_owned()),
        }
    }

    fn lit(id: &str) -> ObligationLit {
        ObligationLit {
            obligation: id.to_owned(),
            due: day(30),
        }
    }

    fn dated(id: &str, to: NaiveDate) -> ObligationDated {
        ObligationDated {
            obligation: id.to_owned(),
            from: None,
            to,
            by: None,
            reason: None,
            clock: None,
        }
    }

    pub fn due_soon(&mut self, id: &str) {
        self.rules(Body::ObligationDueSoon(Self::lit(id)));
    }

    pub fn overdue(&mut self, id: &str) {
        self.rules(Body::ObligationOverdue(Self::lit(id)));
    }

    pub fn waived(&mut self, id: &str) {
        self.rules(Body::ObligationWaived(Self::acted(id, "职能划转")));
    }

    pub fn reopened(&mut self, id: &str) {
        self.rules(Body::ObligationReopened(Self::acted(id, "公开信息已撤下")));
    }

    pub fn extended(&mut self, id: &str, to: NaiveDate) {
        self.rules(Body::ObligationExtended(Self::dated(id, to)));
    }

    pub fn triggered(&mut self, id: &str, to: NaiveDate) {
        self.rules(Body::ObligationTriggered(Self::dated(id, to)));
    }

    pub fn submitted(&mut self, id: &str, late: bool) {
        self.submitted_with(id, late, &["https://example.cn/proof"]);
    }

    pub fn submitted_with(&mut self, id: &str, late: bool, evidence: &[&str]) {
        self.rules(Body::ObligationSubmitted(ObligationSubmitted {
            obligation: id.to_owned(),
            by: Some("联络员".to_owned()),
            evidence: evidence.iter().map(|&e| e.to_owned()).collect(),
            said: None,
            at: self.judged(),
            late,
        }));
    }

    pub fn returned(&mut self, id: &str, reason: &str, due: NaiveDate) {
        self.rules(Body::ObligationReturned(ObligationReturned {
            obligation: id.to_owned(),
            by: None,
            reason: reason.to_owned(),
            due,
            clock: None,
        }));
    }

    pub fn fulfilled(&mut self, id: &str, late: bool) {
        self.rules(Body::ObligationFulfilled(ObligationFulfilled {
            obligation: id.to_owned(),
            how: "verified".to_owned(),
            by: None,
            at: self.now,
            late,
        }));
    }

    fn judged(&self) -> Judged {
        Judged {
            at: self.now,
            claimed: self.now,
            loggedat: self.now,
        }
    }

    pub fn published(&mut self, unit: &str, publication: &str, url: &str) {
        let body = Body::PublicationPublished(Publication {
            publication: publication.to_owned(),
            unit: unit.to_owned(),
            kind: "办事指南".to_owned(),
            title: "办事指南".to_owned(),
            url: Some(url.to_owned()),
            category: None,
            issuer: None,
            number: None,
            written: None,
            validity: None,
            formats: Vec::new(),
            note: None,
            about: None,
        });
        self.write(Service::Intake, body);
    }

    pub fn noted(&mut self, publication: &str, title: &str) {
        self.rules(Body::PublicationNoted(PublicationNoted {
            publication: publication.to_owned(),
            unit: "city-spj".to_owned(),
            kind: "办事指南".to_owned(),
            title: title.to_owned(),
            at: self.judged(),
            carried: Carried::default(),
        }));
    }

    pub fn forgotten(&mut self, publication: &str) {
        self.rules(Body::PublicationForgotten(PublicationForgotten {
            publication: publication.to_owned(),
            reason: "已撤下".to_owned(),
        }));
    }

    pub fn ticked(&mut self, id: &str, publication: &str) {
        self.rules(Body::ObligationTicked(ObligationTicked {
            obligation: id.to_owned(),
            requirement: 0,
            publication: publication.to_owned(),
            at: self.now,
            item: None,
        }));
    }

    pub fn request(&self, id: &str, step: &str) -> NoticeRequested {
        let duty = self.projection.duty(id).unwrap();
        NoticeRequested {
            obligation: id.to_owned(),
            task: duty.task.to_string(),
            unit: duty.unit.to_string(),
            role: duty.role,
            kind: NoticeKind::Reminder,
            step: step.to_owned(),
            tier: Tier::Contact,
            to: duty.unit.to_string(),
            first: None,
            due: duty.due,
            covers: Vec::new(),
            missing: Vec::new(),
            reason: "距完成时限还有15个工作日,尚未销号".to_owned(),
            due_at: None,
            occasion: None,
        }
    }

    pub fn accepted(&mut self, id: &str) {
        self.rules(Body::ObligationAccepted(Self::acted(id, "")));
    }

    pub fn extension_asked(&mut self, id: &str, to: NaiveDate) {
        self.rules(Body::ObligationExtensionRequested(Self::dated(id, to)));
    }

    /// Somebody above is told.
    pub fn escalated(&mut self, id: &str, tier: Tier) {
        let mut request = self.request(id, "overdue:5wd");
        request.kind = NoticeKind::Escalation;
        request.tier = tier;
        self.rules(Body::NoticeRequested(request));
    }

    /// Returns the notice's id.
    pub fn requested(&mut self, id: &str, step: &str) -> String {
        let body = Body::NoticeRequested(self.request(id, step));
        self.rules(body).to_string()
    }

    pub fn rejected(&mut self, found: &str) {
        let body = Body::RejectionRecorded(RejectionRecorded {
            code: "unknown-unit".to_owned(),
            found: found.to_owned(),
            expected: "a unit of the directory".to_owned(),
            remedy: "correct the id".to_owned(),
            event_type: None,
            event_source: None,
            event_id: None,
            excerpt: None,
            seen: None,
        });
        self.write(Service::Intake, body);
    }

    pub fn clock(&mut self, to: Timestamp) {
        let body = Body::ClockAdvanced(ClockAdvanced { to, fire: true });
        self.write(Service::Intake, body);
    }
}

/// A row that is met by one publication.
pub(crate) fn task(number: u32, title: &str) -> Task {
    let requirement = Requirement {
        name: "办事指南".to_owned(),
        kinds: vec!["办事指南".to_owned()],
        at_least: 1,
        ..Requirement::default()
    };
    Task {
        id: number.to_string(),
        section: "一、紧扣重点领域信息,深化主动公开工作".to_owned(),
        subsection: "(四)推动政务服务信息公开".to_owned(),
        title: title.to_owned(),
        text: "全面准确公开政务服务事项、办事指南、办事流程、办事机构等信息。".to_owned(),
        units_phrase: "市旗两级政务服务部门".to_owned(),
        deadline_phrase: Some("2021年6月底".to_owned()),
        strength: Strength::Required,
        opens: Opens::Activation,
        due: DueRule::Date(day(30)),
        owners: vec![Owner {
            group: None,
            units: vec!["city-spj".to_owned()],
            role: Role::Responsible,
            ladder: "fixed".to_owned(),
            fulfilled_by: Fulfilment::Publications(vec![requirement]),
            from: None,
        }],
        merged: Vec::new(),
        confirm: Vec::new(),
        no_sooner_than: None,
        roll: duban_model::calendar::Roll::None,
        again: false,
        urgent: false,
        extension: None,
        part_of: None,
        outside: false,
    }
}

/// Writes the texts of a table, a line a row; of a calendar the dates.
pub(crate) struct Plain;

impl Export for Plain {
    fn circular(&self, circular: &Circular) -> Result<Vec<u8>, String> {
        Ok(format!("{circular:?}").into_bytes())
    }

    fn write(&self, format: FileFormat, sheet: &Sheet) -> Result<Vec<u8>, String> {
        let mut lines = vec![sheet.caption.clone()];
        if format == FileFormat::Ics {
            let dates = sheet.entries.iter();
            lines.extend(dates.map(|entry| format!("{} {}", entry.due, entry.summary)));
        } else {
            let headings: Vec<&str> = sheet.columns.iter().map(|(heading, _)| *heading).collect();
            lines.push(headings.join("|"));
            for row in &sheet.rows {
                let cells: Vec<&str> = row.iter().map(|cell| cell.text.as_str()).collect();
                lines.push(cells.join("|"));
            }
        }
        Ok(lines.join("\n").into_bytes())
    }
}

//! What explanations are made from: the rules' state folded from the log, and the records that
//! concern each obligation.

use std::collections::BTreeMap;
use std::sync::Arc;

use duban_model::calendar::{CountError, Derivation, Moment};
use duban_model::{Body, Frame, Input, Record, RecordId, Service, Timestamp, Zone};
use duban_rules::{
    Obligation, ObligationState, Rules, RulesState, derivation, next_step, obligation_of,
};
use duban_runtime::machine::Machine;

use crate::due_days;
use crate::narrate::narrate;

/// Publications kept to explain why they did not count; older ones are forgotten first.
pub(crate) const MAX_PUBLICATIONS: usize = 200_000;
/// Records kept for one obligation.
pub(crate) const MAX_PER_OBLIGATION: usize = 2_000;

/// An explanation: headings with their lines.
pub(crate) type Explanation = Vec<(String, Vec<String>)>;

/// The log as explanations need it.
pub(crate) struct View {
    rules: Machine<Rules>,
    keeps_records: bool,
    by_obligation: BTreeMap<String, Vec<Arc<Record>>>,
    facts: BTreeMap<RecordId, Arc<Record>>,
    notices: BTreeMap<String, String>,
    /// Messages that stand for several notices, with what became of them.
    bundles: BTreeMap<String, Vec<Arc<Record>>>,
    /// Obligations that went over to another unit, by the id that they had.
    moved: BTreeMap<String, String>,
    pub(crate) publications: std::collections::VecDeque<Arc<Record>>,
    latest: Timestamp,
}

impl View {
    pub(crate) fn new() -> View {
        View {
            rules: Machine::new(0, Vec::new()).expect("no rows, no unreadable row"),
            keeps_records: true,
            by_obligation: BTreeMap::new(),
            facts: BTreeMap::new(),
            notices: BTreeMap::new(),
            bundles: BTreeMap::new(),
            moved: BTreeMap::new(),
            publications: std::collections::VecDeque::new(),
            latest: Timestamp::default(),
        }
    }

    /// One for those who ask how things stand and not why: it keeps no records and explains nothing.
    pub(crate) fn without_records() -> View {
        View {
            keeps_records: false,
            ..View::new()
        }
    }

    pub(crate) fn state(&self) -> &RulesState {
        self.rules.state()
    }

    pub(crate) fn latest(&self) -> Timestamp {
        self.latest
    }

    /// The zone of an obligation's ledger.
    pub(crate) fn zone(&self, ledger: &str) -> Zone {
        self.state()
            .ledger(ledger)
            .map_or(Zone::SHANGHAI, |l| l.definition.zone)
    }

    /// Lets the rules' state take a frame into account that was noted before.
    pub(crate) fn adopt(&mut self, frame: &Frame) {
        self.rules.replay(frame);
        let _ = self.rules.drain();
    }

    /// Decides an input in memory, with all that follows from it, and gives the records that would
    /// be written. The view stands after them from then on.
    pub(crate) fn decide(&mut self, input: &Record) -> Vec<Arc<Record>> {
        let mut records = Vec::new();
        self.rules.decide(&Input::Record(input), None);
        loop {
            records.extend(self.rules.close(None).frame.records.iter().cloned());
            let Some(continuation) = self.rules.continuation() else {
                break;
            };
            self.rules.go_on(&continuation);
        }
        let _ = self.rules.drain();
        records
    }

    /// Takes a frame into account, up to an instant if one is given.
    pub(crate) fn note(&mut self, frame: &Frame, until: Option<Timestamp>) {
        let within = |record: &Record| until.is_none_or(|until| record.loggedat <= until);
        if frame.head.service == Service::Rules {
            if frame.records.iter().all(|r| within(r)) {
                self.rules.replay(frame);
            } else {
                let part = Frame::new(
                    frame.head.clone(),
                    frame
                        .records
                        .iter()
                        .filter(|r| within(r))
                        .cloned()
                        .collect(),
                );
                self.rules.replay(&part);
            }
            let _ = self.rules.drain();
        }
        for record in frame.records.iter().filter(|r| within(r)) {
            self.latest = self.latest.max(record.loggedat);
            if self.keeps_records {
                self.note_record(record);
            }
        }
    }

    fn note_record(&mut self, record: &Arc<Record>) {
        match &record.body {
            Body::PublicationPublished(_)
            | Body::PublicationUpdated(_)
            | Body::PublicationWithdrawn(_)
            | Body::MatterReported(_)
            | Body::MatterWithdrawn(_) => {
                if self.publications.len() >= MAX_PUBLICATIONS
                    && let Some(old) = self.publications.pop_front()
                {
                    self.facts.remove(&old.id);
                }
                self.publications.push_back(record.clone());
                self.facts.insert(record.id, record.clone());
            }
            body if is_told_cause(body) => {
                self.facts.insert(record.id, record.clone());
            }
            Body::NoticeQueued(r) => {
                self.notices
                    .insert(r.notice.clone(), r.request.obligation.clone());
            }
            Body::NoticeSuppressed(r) => {
                self.notices
                    .insert(r.notice.clone(), r.request.obligation.clone());
            }
            Body::NoticeBundled(r) => {
                self.bundles.insert(r.notice.clone(), vec![record.clone()]);
            }
            _ => {}
        }
        if let Some(of_it) = sent(&record.body).and_then(|id| self.bundles.get_mut(id)) {
            of_it.push(record.clone());
        }
        if let Body::ObligationTransferred(r) = &record.body {
            // Its history goes with it.
            let list = self.by_obligation.remove(&r.from).unwrap_or_default();
            self.by_obligation.insert(r.to.clone(), list);
            self.moved.insert(r.from.clone(), r.to.clone());
        }
        if let Some(id) = about(record) {
            let list = self.by_obligation.entry(id.to_owned()).or_default();
            if list.len() < MAX_PER_OBLIGATION {
                list.push(record.clone());
            }
        }
    }

    /// The id that an obligation has now, which may have gone over to another unit, and to another
    /// again.
    fn current<'a>(&'a self, id: &'a str) -> &'a str {
        let mut id = id;
        for _ in 0..self.moved.len() {
            match self.moved.get(id) {
                // A unit may get back what it had.
                Some(next) if self.state().obligation(id).is_none() => id = next,
                _ => break,
            }
        }
        id
    }

    /// The explanation of an obligation or a notice. An obligation is found by its former ids too.
    pub(crate) fn explain(&self, id: &str) -> Option<Explanation> {
        let id = self.current(id);
        if let Some(obligation) = self.state().obligation(id) {
            return Some(self.explain_obligation(id, obligation));
        }
        if let Some(records) = self.bundles.get(id) {
            return Some(self.explain_bundle(records));
        }
        let obligation = self.current(self.notices.get(id)?);
        self.explain_notice(id, obligation)
    }

    fn line(&self, record: &Record, zone: Zone) -> String {
        let id = record.id.to_string();
        let cause = record
            .cause
            .map(|c| format!(" ← {}", &c.to_string()[..8]))
            .unwrap_or_default();
        format!(
            "{}  {}  [{}{cause}]",
            record.loggedat.shown_in(zone),
            narrate(record, zone, &|unit| self.name(&record.tenant, unit)),
            &id[..8]
        )
    }

    /// A unit's name as notices print it.
    pub(crate) fn name(&self, tenant: &str, unit: &str) -> String {
        self.state()
            .directory(tenant)
            .map_or_else(|| unit.to_owned(), |directory| directory.shown(unit))
    }

    fn explain_obligation(&self, id: &str, obligation: &Obligation) -> Explanation {
        let zone = self.zone(&obligation.ledger);
        let mut parts = vec![("现状".to_owned(), self.standing(id, obligation, zone))];
        if let Some(derived) = derivation(self.state(), obligation) {
            parts.push((
                "时限的推算(逐日)".to_owned(),
                derived_in_chinese(derived, zone),
            ));
        }
        let days = due_days::lines(self.state(), obligation, self.latest);
        if !days.is_empty() {
            parts.push(("时限与提醒的日子(逐日)".to_owned(), days));
        }
        // Timers moved by their obligation are noise beside what moved them; only the armed one counts.
        let mut chain = Vec::new();
        let mut told = std::collections::BTreeSet::new();
        for record in self.by_obligation.get(id).into_iter().flatten() {
            // A long act is decided on its own continuation; what began it is the outermost cause.
            let of_revision = |body: &Body| !matches!(body, Body::NoticeRequested(_));
            let of_event = |body: &Body| {
                matches!(
                    body,
                    Body::ObligationOpened(_) | Body::ObligationWithdrawn(_)
                )
            };
            let deployed = self.facts.get(&record.correlation).filter(|fact| {
                record.cause.is_some()
                    && if is_deployment(&fact.body) {
                        of_revision(&record.body)
                    } else {
                        of_event(&record.body)
                    }
            });
            let cause = record.cause.and_then(|c| self.facts.get(&c));
            if let Some(fact) = cause.or(deployed)
                && told.insert(fact.id)
            {
                chain.push(self.line(fact, zone));
            }
            if !matches!(record.body, Body::TimerArmed(_)) {
                chain.push(self.line(record, zone));
            }
        }
        parts.push(("经过(每行末尾:记录号 ← 起因)".to_owned(), chain));
        parts.push((
            "没有发生的及其原因".to_owned(),
            self.misses(obligation, zone),
        ));
        parts
    }

    fn standing(&self, id: &str, obligation: &Obligation, zone: Zone) -> Vec<String> {
        let due = obligation.deadline();
        let mut lines = vec![format!(
            "{id}:{},时限{}",
            state_in_chinese(obligation),
            match due.map(|due| due.shown(zone)) {
                None => "未定".to_owned(),
                Some(due) if obligation.is_stopped() && !obligation.state.is_final() => {
                    format!("待恢复计时后确定(停止前为{due})")
                }
                Some(due) => due,
            }
        )];
        if let Some(occasion) = &obligation.occasion {
            lines.push(crate::narrate::occasion(occasion, zone));
        }
        if let Some(done) = &obligation.done {
            lines.push(format!(
                "完成于 {}{}",
                done.at.shown_in(zone),
                if done.late { "(逾期)" } else { "" }
            ));
        }
        let definition = self
            .state()
            .ledger(&obligation.ledger)
            .map(|l| &l.definition);
        if let Some((_, task)) = definition.and_then(|d| d.task(&obligation.task)) {
            lines.push(format!("第{}项 {}", task.id, task.text));
            if let Some(owner) = obligation.owner_of(task) {
                let unit = |unit: &str| self.name(&obligation.tenant, unit);
                let missing = obligation.missing(&owner.fulfilled_by, &unit);
                if !missing.is_empty() && !obligation.state.is_final() {
                    lines.push(format!("尚缺:{}", missing.join("、")));
                }
            }
        }
        lines
    }

    /// What did not happen: publications looked at that did not count, steps still ahead, steps
    /// that fell away.
    fn misses(&self, obligation: &Obligation, zone: Zone) -> Vec<String> {
        let mut lines = self.uncounted(obligation, zone);
        let state = self.state();
        let next = next_step(state, obligation);
        if obligation.state.is_final() {
            lines.push("此后的提醒和督办:不再发出,因为事项已了结".to_owned());
        } else if let (Some(at), Some(step)) = (next.at, &next.step) {
            if obligation.is_stopped() {
                lines.push("对责任单位的提醒:停止计时,恢复前不再发出".to_owned());
            }
            lines.push(format!("下一步 {step}:尚未到时,定于 {}", at.shown_in(zone)));
            for step in next.remaining.iter().skip(1) {
                lines.push(format!("之后 {}:{}", step.label, step.at.shown_in(zone)));
            }
        } else if obligation.state == ObligationState::Waiting {
            lines.push(match obligation.occasion {
                None => "没有提醒:适时推进,等待 task.triggered".to_owned(),
                Some(_) => "没有提醒:时限所在年份没有工作日历".to_owned(),
            });
        }
        if obligation.state == ObligationState::Submitted {
            lines.push("对责任单位的提醒:已报送,停止;等待核实".to_owned());
        }
        lines
    }

    /// One message for several notices: what became of it, and for which it stood.
    fn explain_bundle(&self, records: &[Arc<Record>]) -> Explanation {
        let ledger = records.first().and_then(|r| r.ledger.as_deref());
        let zone = self.zone(ledger.unwrap_or_default());
        let lines = records.iter().map(|r| self.line(r, zone)).collect();
        let mut parts = vec![("通知的经过".to_owned(), lines)];
        if let Some(Body::NoticeBundled(bundle)) = records.first().map(|r| &r.body) {
            let covers = bundle.covers.iter().map(|id| {
                let about = self.notices.get(id).map_or("", String::as_str);
                format!("{id}  {about}")
            });
            parts.push(("合并的通知".to_owned(), covers.collect()));
            let text = bundle.text.lines().map(ToOwned::to_owned).collect();
            parts.push(("正文".to_owned(), text));
        }
        parts
    }

    fn explain_notice(&self, notice: &str, obligation: &str) -> Option<Explanation> {
        let records = self.by_obligation.get(obligation)?;
        let zone = self.zone(obligation.split('/').next().unwrap_or_default());
        let about = |record: &&Arc<Record>| match &record.body {
            Body::NoticeQueued(r) => r.notice == notice,
            Body::NoticeSuppressed(r) => r.notice == notice,
            Body::NoticeHeld(r) => r.notice == notice,
            Body::NoticeReleased(r) => r.notice == notice && r.bundle.is_none(),
            Body::NoticeDropped(r) => r.notice == notice,
            body => sent(body).is_some_and(|id| id == notice),
        };
        let own: Vec<&Arc<Record>> = records.iter().filter(about).collect();
        let mut chain = Vec::new();
        let mut cause = own.first().and_then(|r| r.cause);
        let by_id: BTreeMap<RecordId, &Arc<Record>> = records.iter().map(|r| (r.id, r)).collect();
        while let Some(record) =
            cause.and_then(|c| by_id.get(&c).copied().or_else(|| self.facts.get(&c)))
        {
            chain.push(self.line(record, zone));
            cause = record.cause;
        }
        chain.reverse();
        let text = own.iter().find_map(|r| match &r.body {
            Body::NoticeQueued(q) => Some(q.text.lines().map(ToOwned::to_owned).collect()),
            _ => None,
        });
        // What became of the message that stood for it became of it.
        let stands_for = |records: &&Vec<Arc<Record>>| {
            let first = records.first().map(|record| &record.body);
            matches!(first, Some(Body::NoticeBundled(r)) if r.covers.iter().any(|id| id == notice))
        };
        let bundle = self.bundles.values().find(stands_for);
        let course = own.into_iter().chain(bundle.into_iter().flatten());
        let mut parts = vec![
            ("起因(由远及近)".to_owned(), chain),
            (
                "通知的经过".to_owned(),
                course.map(|r| self.line(r, zone)).collect(),
            ),
        ];
        if let Some(text) = text {
            parts.push(("正文".to_owned(), text));
        }
        Some(parts)
    }
}

/// How a date was derived, day by day.
fn derived_in_chinese(derived: Result<Derivation, CountError>, zone: Zone) -> Vec<String> {
    let derived = match derived {
        Ok(derived) => derived,
        Err(fault) => return vec![format!("现行工作日历推算不出:{fault}")],
    };
    let instant = |at| Timestamp::from_utc(at).shown_in(zone);
    let mut lines = derived.chinese(&instant);
    lines.push(match (derived.due, derived.left) {
        (Some(Moment::Day(due)), _) => format!("完成时限:{due}"),
        (Some(Moment::Instant(due)), _) => format!("完成时限:{}", instant(due)),
        (None, left) => format!(
            "停止计时,剩余{},恢复后确定完成时限",
            left.map(|left| left.chinese()).unwrap_or_default()
        ),
    });
    lines
}

/// Facts that put something in force.
pub(crate) fn is_deployment(body: &Body) -> bool {
    matches!(
        body,
        Body::DefinitionDeployed(_) | Body::CalendarDeployed(_) | Body::DirectoryDeployed(_)
    )
}

/// Facts that explanations name as the cause of a decision, besides publications.
pub(crate) fn is_told_cause(body: &Body) -> bool {
    let is_matter = matches!(body, Body::MatterReported(_) | Body::MatterWithdrawn(_));
    body.act().is_some() || is_deployment(body) || is_matter
}

/// The obligation that an explanation tells a record under. That the scheduler keeps a timer is of no
/// interest to anybody but itself.
pub(crate) fn about(record: &Record) -> Option<&str> {
    obligation_of(&record.body)
        .or(record.subject.as_deref())
        .filter(|_| !matches!(record.body, Body::TimerNoted(_) | Body::TimerDropped(_)))
}

/// Which notice or message a record of a send is about.
fn sent(body: &Body) -> Option<&String> {
    match body {
        Body::NoticeAttempted(r) => Some(&r.notice),
        Body::NoticeDelivered(r) => Some(&r.notice),
        Body::NoticeFailed(r) => Some(&r.notice),
        Body::NoticeAbandoned(r) => Some(&r.notice),
        _ => None,
    }
}

/// The kinds of publications that an obligation asks for.
pub(crate) fn wanted_kinds(state: &RulesState, obligation: &Obligation) -> Vec<String> {
    state
        .ledger(&obligation.ledger)
        .and_then(|l| l.definition.task(&obligation.task))
        .and_then(|(_, task)| obligation.owner_of(task))
        .map(|owner| {
            let asked = owner.fulfilled_by.requirements().iter();
            asked.flat_map(|r| r.kinds.clone()).collect()
        })
        .unwrap_or_default()
}

/// An obligation's state and light in Chinese.
pub(crate) fn state_in_chinese(obligation: &Obligation) -> String {
    use ObligationState as S;
    let state = match obligation.state {
        S::Waiting => "待启动",
        S::Open => "待签收",
        S::Accepted => "已签收",
        S::Submitted => "已报送待核实",
        S::Returned => "已退回",
        S::Fulfilled => "已销号",
        S::Waived => "免办",
        S::Withdrawn => "已撤销",
        S::Lapsed => "鼓励事项,已过时限",
    };
    let stopped = if obligation.is_stopped() && !obligation.state.is_final() {
        ",停止计时"
    } else {
        ""
    };
    format!("{state}{stopped},{}", light_of(obligation).1)
}

/// The light: its name in data, and in Chinese.
pub(crate) fn light_of(obligation: &Obligation) -> (&'static str, &'static str) {
    use ObligationState as S;
    match obligation.state {
        S::Fulfilled => ("done", "完成"),
        S::Waived | S::Lapsed | S::Waiting | S::Withdrawn => ("grey", "灰"),
        _ if obligation.overdue => ("red", "红灯"),
        S::Returned => ("yellow", "黄灯"),
        _ if obligation.due_soon => ("yellow", "黄灯"),
        _ => ("green", "绿灯"),
    }
}

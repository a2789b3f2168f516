//! Where a duty stands and which light that is, with the words and marks the pages show.

use duban_model::calendar::{Period, PeriodKind, Span, SpanUnit};
use duban_model::decision::NoticeKind;
use duban_model::definition::{StepWhen, Tier};

/// Where a duty stands. Overdue is not a stage: an open duty can be overdue, and so can a submitted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It sleeps until its trigger (适时推进).
    Waiting,
    /// Nobody has signed for it yet.
    Open,
    /// 签收
    Accepted,
    /// 报送: the office must verify.
    Submitted,
    /// 退回: a bounded clock runs.
    Returned,
    /// 销号
    Fulfilled,
    /// 免办
    Waived,
    /// An encouraged duty whose date passed.
    Lapsed,
    /// 撤销: a definition or directory no longer has it.
    Withdrawn,
}

impl Stage {
    /// All of them, in the order in which a duty may go through them.
    pub const ALL: [Stage; 9] = [
        Stage::Waiting,
        Stage::Open,
        Stage::Accepted,
        Stage::Submitted,
        Stage::Returned,
        Stage::Fulfilled,
        Stage::Waived,
        Stage::Lapsed,
        Stage::Withdrawn,
    ];

    /// Its name in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Waiting => "waiting",
            Stage::Open => "open",
            Stage::Accepted => "accepted",
            Stage::Submitted => "submitted",
            Stage::Returned => "returned",
            Stage::Fulfilled => "fulfilled",
            Stage::Waived => "waived",
            Stage::Lapsed => "lapsed",
            Stage::Withdrawn => "withdrawn",
        }
    }

    /// The stage with this name in addresses.
    pub fn parse(name: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.as_str() == name)
    }

    /// Its name on the pages.
    pub fn chinese(self) -> &'static str {
        match self {
            Stage::Waiting => "待启动",
            Stage::Open => "待签收",
            Stage::Accepted => "已签收",
            Stage::Submitted => "已报送,待核实",
            Stage::Returned => "已退回",
            Stage::Fulfilled => "已销号",
            Stage::Waived => "免办",
            Stage::Lapsed => "已过期限(鼓励)",
            Stage::Withdrawn => "已撤销",
        }
    }

    /// Nothing more is expected of the unit.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Stage::Fulfilled | Stage::Waived | Stage::Lapsed | Stage::Withdrawn
        )
    }
}

/// 红黄绿灯, from the gravest to the one that needs no attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Light {
    /// The date has passed and the duty is not fulfilled.
    Red,
    /// The date is near, or the submission was sent back.
    Yellow,
    /// In time.
    Green,
    /// Fulfilled.
    Done,
    /// Nothing runs: waived, withdrawn, lapsed, or waiting for its trigger.
    Grey,
}

impl Light {
    /// All of them, gravest first.
    pub const ALL: [Light; 5] = [
        Light::Red,
        Light::Yellow,
        Light::Green,
        Light::Done,
        Light::Grey,
    ];

    /// Its name in addresses and style classes.
    pub fn as_str(self) -> &'static str {
        match self {
            Light::Red => "red",
            Light::Yellow => "yellow",
            Light::Green => "green",
            Light::Done => "done",
            Light::Grey => "grey",
        }
    }

    /// The light with this name.
    pub fn parse(name: &str) -> Option<Light> {
        Light::ALL.into_iter().find(|light| light.as_str() == name)
    }

    /// Its name on the pages.
    pub fn chinese(self) -> &'static str {
        match self {
            Light::Red => "红灯",
            Light::Yellow => "黄灯",
            Light::Green => "绿灯",
            Light::Done => "完成",
            Light::Grey => "不计",
        }
    }

    /// What it stands for.
    pub fn meaning(self) -> &'static str {
        match self {
            Light::Red => "完成时限已过,尚未销号",
            Light::Yellow => "临近完成时限,或报送被退回",
            Light::Green => "在期限内",
            Light::Done => "已销号",
            Light::Grey => "免办、撤销、待启动、已过期限的鼓励事项",
        }
    }

    /// A mark beside the colour, for those who cannot tell colours and for print.
    pub fn mark(self) -> &'static str {
        match self {
            Light::Red => "!",
            Light::Yellow => "△",
            Light::Green => "·",
            Light::Done => "✓",
            Light::Grey => "–",
        }
    }

    /// Its place in [`Light::ALL`].
    pub fn place(self) -> usize {
        self as usize
    }
}

/// How many duties show each light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    by: [u64; Light::ALL.len()],
    /// Of those done, how many were late.
    pub late: u64,
}

impl Counts {
    /// Duties with this light.
    pub fn of(&self, light: Light) -> u64 {
        self.by[light.place()]
    }

    /// All duties.
    pub fn total(&self) -> u64 {
        self.by.iter().sum()
    }

    /// The gravest light that any duty shows.
    pub fn worst(&self) -> Option<Light> {
        Light::ALL.into_iter().find(|light| self.of(*light) > 0)
    }

    /// The same counts of some lights alone; of all of them if none is named.
    #[must_use]
    pub fn only(&self, lights: &[Light]) -> Counts {
        if lights.is_empty() {
            return *self;
        }
        let mut only = Counts::default();
        for light in lights {
            only.by[light.place()] = self.of(*light);
        }
        if lights.contains(&Light::Done) {
            only.late = self.late;
        }
        only
    }

    /// Counts others too.
    pub fn merge(&mut self, other: &Counts) {
        for (mine, theirs) in self.by.iter_mut().zip(other.by) {
            *mine += theirs;
        }
        self.late += other.late;
    }

    /// Counts one more.
    pub fn add(&mut self, light: Light, late: bool) {
        self.by[light.place()] += 1;
        self.late += u64::from(late);
    }

    /// Counts one less.
    pub fn remove(&mut self, light: Light, late: bool) {
        self.by[light.place()] = self.by[light.place()].saturating_sub(1);
        self.late = self.late.saturating_sub(u64::from(late));
    }
}

/// A ladder step in Chinese.
pub fn step_in_chinese(step: &str) -> String {
    match step.parse::<StepWhen>() {
        Ok(StepWhen::Before(span)) => format!("提前{}", span.chinese()),
        Ok(StepWhen::Due) => "到期当日".to_owned(),
        Ok(StepWhen::Overdue(span)) => format!("超期{}", span.chinese()),
        Ok(StepWhen::Unsigned(span)) => format!("启动{}未签收", span.chinese()),
        Err(_) => match step {
            "catchup" => "启动前各步合并".to_owned(),
            "returned" => "报送退回".to_owned(),
            "opened" => "新增事项告知".to_owned(),
            "reopened" => "重新打开告知".to_owned(),
            "relook" => "等待工作日历".to_owned(),
            "yellow" => "转黄灯".to_owned(),
            "red" => "转红灯".to_owned(),
            "lapse" => "期限过后停止催办".to_owned(),
            "extended" => "延期获批".to_owned(),
            "extension_refused" => "延期未获批".to_owned(),
            "waived" => "免办".to_owned(),
            "delegated" => "转办告知".to_owned(),
            "disowned" => "单位提出不由其承担".to_owned(),
            "stopped" => "停止计时".to_owned(),
            "resumed" => "恢复计时".to_owned(),
            "restarted" => "重新计时".to_owned(),
            other => {
                let span = |prefix| other.strip_prefix(prefix).and_then(|s| s.parse().ok());
                match (span("verify:"), span("stopped:")) {
                    (Some(span), _) => format!("报送后{}未核实", span_in_chinese(span)),
                    (_, Some(span)) => format!("停止计时满{}未恢复", span_in_chinese(span)),
                    _ => other.to_owned(),
                }
            }
        },
    }
}

/// A period in Chinese.
pub fn period_in_chinese(period: Period) -> String {
    let (year, index) = (period.year(), period.index());
    match period.kind() {
        PeriodKind::Month => format!("{year}年{index}月"),
        PeriodKind::Quarter => format!("{year}年第{index}季度"),
        PeriodKind::HalfYear => {
            let half = if index == 1 { "上" } else { "下" };
            format!("{year}年{half}半年")
        }
        PeriodKind::Year => format!("{year}年全年"),
    }
}

/// A kind of notice in Chinese.
pub fn kind_in_chinese(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Reminder => "催办",
        NoticeKind::Escalation => "督办",
        NoticeKind::Catchup => "补发催办",
        NoticeKind::Verification => "待核实",
        NoticeKind::Return => "退回",
        NoticeKind::Reopened => "重新打开",
        NoticeKind::Extended => "延期获批",
        NoticeKind::ExtensionRefused => "延期未获批",
        NoticeKind::Waived => "免办",
        NoticeKind::Stopped => "停止计时",
        NoticeKind::Resumed => "恢复计时",
        NoticeKind::Restarted => "重新计时",
        NoticeKind::StillStopped => "仍停止计时",
        NoticeKind::Opened => "新增事项",
        NoticeKind::Delegated => "转办",
        NoticeKind::Disowned => "单位提出异议",
        NoticeKind::Digest => "汇总",
    }
}

/// A rung of escalation in Chinese.
pub fn tier_in_chinese(tier: Tier) -> &'static str {
    match tier {
        Tier::Contact => "联络员",
        Tier::Lead => "牵头单位",
        Tier::Leader => "分管负责人",
        Tier::Office => "主管部门",
        Tier::LeadingGroup => "领导小组",
    }
}

/// A span as people say it.
pub fn span_in_chinese(span: Span) -> String {
    match span.unit() {
        SpanUnit::WorkingDays => format!("{}个工作日", span.n()),
        SpanUnit::CalendarDays => format!("{}天", span.n()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_the_list_and_names_read_back() {
        for (place, light) in Light::ALL.into_iter().enumerate() {
            assert_eq!(light.place(), place);
            assert_eq!(Light::parse(light.as_str()), Some(light));
        }
    }

    #[test]
    fn periods_are_said_in_chinese() {
        let said = |text: &str| period_in_chinese(text.parse().unwrap());
        assert_eq!(said("2021Q3"), "2021年第3季度");
        assert_eq!(said("2021H2"), "2021年下半年");
        assert_eq!(said("2021-07"), "2021年7月");
        assert_eq!(said("2021"), "2021年全年");
    }

    #[test]
    fn steps_are_said_in_chinese_and_unknown_ones_as_they_are() {
        assert_eq!(step_in_chinese("before:15wd"), "提前15个工作日");
        assert_eq!(step_in_chinese("verify:5wd"), "报送后5个工作日未核实");
        let standing = step_in_chinese("stopped:5wd");
        assert_eq!(standing, "停止计时满5个工作日未恢复");
        assert_eq!(step_in_chinese("whatever"), "whatever");
    }
}

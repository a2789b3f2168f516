//! The YAML of a definition as administrators write it. Unknown fields are errors.
//!
//! What stands above a field here is what editors show beside it.

use std::collections::BTreeMap;

use duban_model::delivery::MAX_WINDOW_MINUTES;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::reading::Spanned;
use crate::words::{
    ABOUTS, BYS, CERTAINTIES, CHANNELS, DAYS, FIRSTS, FOLLOWED, FROMS, LANGUAGES, MERGED, NOTICES,
    OPENS, PERIODS, ROLES, ROLLS, SORTS, STRENGTHS, SUBMISSIONS, TIERS, spellings,
};

/// A plain id.
const ID: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";
/// So many working or calendar days.
const SPAN: &str = "^(0|[1-9][0-9]*)(wd|d)$";
/// A rung's instant.
const STEP: &str = "^(due|(before|overdue|unsigned):((0|[1-9][0-9]*)(wd|d)|[1-9][0-9]*h))$";
/// Hours and minutes.
const TIME: &str = "^([01][0-9]|2[0-3]):[0-5][0-9]$";
/// A day.
const DATE: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";
/// A day, a day of each year, the end of each period, or a term.
const DUE: &str = "^([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}-[0-9]{2}|period_end|(0|[1-9][0-9]*)(wd|d)|[1-9][0-9]*h)$";
/// How many, or how many of a hundred.
const AMOUNT: &str = "^([1-9][0-9]*|([1-9][0-9]?|100)%)$";
/// The code of a warning or question.
const CODE: &str = "^[CW][0-9]{3}$";

/// 台账:文号、期限、督办单位、阶梯、公开信息种类 | The ledger as a whole
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "ledger.yaml")]
pub(crate) struct LedgerSource {
    /// 台账编号,全系统唯一 | Its id, unique in the installation
    #[schemars(extend("pattern" = ID))]
    pub ledger: Spanned<String>,
    /// 台账名称 | Its title
    pub title: String,
    /// 印发机关 | Who issued it
    pub issuer: String,
    /// 文号 | Its document number
    pub number: String,
    /// 主管部门代号,与名录一致 | The office's id, as in the directory
    #[schemars(extend("pattern" = ID))]
    pub tenant: Spanned<String>,
    /// 年度 | The year it plans
    pub year: i32,
    /// 成文日期;早于此日的公开和办理不算数 | Its date; nothing before it counts
    #[schemars(extend("pattern" = DATE))]
    pub issued: Spanned<String>,
    /// 截止日期;全年任务到此为止 | Its last day; year-long tasks end here
    #[schemars(extend("pattern" = DATE))]
    pub ends: Spanned<String>,
    /// 时区,如 Asia/Shanghai | IANA time zone
    pub zone: Spanned<String>,
    /// 工作日历编号,如 cn | Id of the working-day calendar
    pub calendar: Spanned<String>,
    /// 主管部门(单位编号) | The supervising office, a unit id
    pub office: Spanned<String>,
    /// 领导小组(单位编号) | The leading group, a unit id
    pub leading_group: Spanned<String>,
    /// 每日通知时刻,加引号,如 "09:10" | Time of day of notices, in quotes
    #[schemars(extend("pattern" = TIME))]
    pub at: Spanned<String>,
    /// 黄灯:到期前多久,如 7wd(工作日)或 10d(自然日) | Yellow light: so long before the date
    #[schemars(extend("pattern" = SPAN))]
    pub yellow: Spanned<String>,
    /// 报送时间可早于收到时间多久仍予采信 | How far back a claimed time is believed
    #[schemars(extend("pattern" = SPAN))]
    pub backdate: Spanned<String>,
    /// 退回后的整改时间 | Time to mend what was returned
    #[schemars(extend("pattern" = SPAN))]
    pub return_clock: Spanned<String>,
    /// 核验时限;超过后提醒主管部门 | After it the office is reminded to verify
    #[schemars(extend("pattern" = SPAN))]
    pub verify_within: Spanned<String>,
    /// 阶梯,按名称 | Ladders by name
    pub ladders: BTreeMap<String, Spanned<LadderSource>>,
    /// 公开信息种类:名称和说明 | Kinds of publication: name and meaning
    pub kinds: BTreeMap<String, String>,
    /// 可省。事由种类:名称和说明 | Optional. Kinds of matter: name and meaning
    #[serde(default)]
    pub matters: BTreeMap<String, String>,
    /// 可省。通知的语言,不写为 zh | Optional. Language of notices; zh if not written
    #[serde(default)]
    #[schemars(extend("enum" = spellings(LANGUAGES)))]
    pub language: Option<Spanned<String>>,
    /// 可省。本单位自己的通知用语,按通知类别 | Optional. The office's own texts of notices, by sort
    #[serde(default)]
    #[schemars(extend("propertyNames" = serde_json::json!({"enum": spellings(NOTICES)})))]
    pub notices: BTreeMap<String, Spanned<NoticeSource>>,
    /// 主管部门已确认的警告 | Warnings that the office has confirmed
    #[serde(default)]
    pub confirmed: Vec<ConfirmedSource>,
}

/// 一类通知的用语;名称写在 {{ }} 中,如 {{ 单位 }} | The texts of one sort of notice
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "notice")]
pub(crate) struct NoticeSource {
    /// 标题,一行 | Subject, one line
    #[serde(default)]
    pub subject: Option<Spanned<String>>,
    /// 正文 | Text
    #[serde(default)]
    pub text: Option<Spanned<String>>,
}

/// 阶梯:到期前催办、到期后督办 | Reminders before the date, escalation after it
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "ladder")]
pub(crate) struct LadderSource {
    /// 各级 | The steps
    pub steps: Vec<StepSource>,
    /// 最后一级之后反复督办;必办任务必填 | Goes on after the last step; a must for required tasks
    #[serde(default)]
    pub repeat: Option<RepeatSource>,
}

/// 阶梯的一级 | A step of a ladder
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "step")]
pub(crate) struct StepSource {
    /// before:15wd 提前;due 当日;overdue:5wd 超期 | Before, on, after the due date
    #[schemars(extend("pattern" = STEP))]
    pub when: Spanned<String>,
    /// 通知谁 | Who is told
    #[schemars(extend("enum" = spellings(TIERS)))]
    pub to: Spanned<String>,
}

/// 反复督办 | A repetition
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "repeat")]
pub(crate) struct RepeatSource {
    /// 反复的间隔,如 20wd | How often it repeats
    #[schemars(extend("pattern" = SPAN))]
    pub every: Spanned<String>,
    /// 通知谁 | Who is told
    #[schemars(extend("enum" = spellings(TIERS)))]
    pub to: Spanned<String>,
}

/// 任务:台账每行一项 | One entry a row of the ledger
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "tasks.yaml")]
pub(crate) struct TasksSource {
    /// 任务 | The tasks
    pub tasks: Vec<Spanned<TaskSource>>,
    /// 主管部门已确认的警告和读法 | Warnings and readings that the office has confirmed
    #[serde(default)]
    pub confirmed: Vec<ConfirmedSource>,
}

/// 任务 | A task
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "task")]
pub(crate) struct TaskSource {
    /// 序号,加引号,如 "10" | The row's number, in quotes
    #[schemars(extend("pattern" = ID))]
    pub id: Spanned<String>,
    /// 任务名称的上级标题;有 `part_of` 的可省 | Upper heading; optional with `part_of`
    #[serde(default)]
    pub section: Option<String>,
    /// 任务名称的下级标题;有 `part_of` 的可省 | Lower heading; optional with `part_of`
    #[serde(default)]
    pub subsection: Option<String>,
    /// 简称,用于通知标题 | Short title, ours
    pub title: Spanned<String>,
    /// 具体任务原文,1至4000字;有 `part_of` 的可省 | The row's wording, 1 to 4,000 characters; optional with `part_of`
    #[serde(default)]
    #[schemars(length(min = 1, max = 4000))]
    pub text: Option<Spanned<String>>,
    /// 责任单位原文;有 `part_of` 的可省 | The units as worded; optional with `part_of`
    #[serde(default)]
    pub units_phrase: Option<String>,
    /// 可省。完成时限原文 | Optional. The deadline as worded
    #[serde(default)]
    pub deadline_phrase: Option<String>,
    /// 可省。原文件中与上一行合并的单元格:units 责任单位,deadline 完成时限 | Optional. Cells that the document merges with the row above
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "enum": spellings(MERGED)}))]
    pub merged: Vec<Spanned<String>>,
    /// required 必办;encouraged 鼓励 | Binding, or encouraged
    #[schemars(extend("enum" = spellings(STRENGTHS)))]
    pub strength: Spanned<String>,
    /// 何时启动:`activation` 启用即启动;`each_period` 每期;`trigger` 适时推进;`event` 出现事件;`schedule` 定时;`follows` 接续其他事项 | What opens it
    #[schemars(extend("enum" = spellings(OPENS)))]
    pub opens: Spanned<String>,
    /// 仅 `each_period` 填写 | With `each_period` only
    #[serde(default)]
    pub period: Option<PeriodSource>,
    /// 仅 `event` 填写:什么事件 | With `event` only: which events
    #[serde(default)]
    pub event: Option<EventSource>,
    /// 仅 `schedule` 填写:何时 | With `schedule` only: when
    #[serde(default)]
    pub schedule: Option<ScheduleSource>,
    /// 仅 `follows` 填写:接续哪项任务 | With `follows` only: which task it follows
    #[serde(default)]
    pub follows: Option<FollowsSource>,
    /// 时限:日期、每年的某日(03-31)、`period_end`、启动后多久(20wd、30d、5h),或不填(`trigger`) | A date, a day of each year, `period_end`, so long after its opening, or nothing (`trigger`)
    #[serde(default)]
    #[schemars(extend("pattern" = DUE))]
    pub due: Option<Spanned<String>>,
    /// 可省。日期之外,启动后至少给多久 | Optional. Beside a date: at least so long after its opening
    #[serde(default)]
    #[schemars(extend("pattern" = SPAN))]
    pub no_sooner_than: Option<Spanned<String>>,
    /// 可省。时限逢非工作日:none(默认)不变,next 顺延,previous 提前 | Optional. What becomes of a date on a rest day
    #[serde(default)]
    #[schemars(extend("enum" = spellings(ROLLS)))]
    pub roll: Option<Spanned<String>>,
    /// 可省。true:销号后随即再次启动,如定期更新 | Optional. Once fulfilled it opens again at that instant
    #[serde(default)]
    pub again: Option<Spanned<bool>>,
    /// 可省。true:紧急,通知立即发出,不合并,不受免打扰限制 | Optional. Its notices leave at once, at any hour
    #[serde(default)]
    pub urgent: bool,
    /// 可省。批准延期的上限 | Optional. The cap of approved extensions
    #[serde(default)]
    pub extension: Option<ExtensionSource>,
    /// 可省。所属任务的序号:本条不是台账的一行 | Optional. The row it belongs to: it is no row of its own
    #[serde(default)]
    pub part_of: Option<Spanned<String>>,
    /// 可省。true:台账外任务,印发的台账里没有这一行 | Optional. A task outside the ledger: the document has no such row
    #[serde(default)]
    pub outside: Option<Spanned<bool>>,
    /// 阶梯名称 | Name of a ladder
    pub ladder: Spanned<String>,
    /// 责任单位 | Who owes it
    #[schemars(length(min = 1))]
    pub owners: Vec<OwnerSource>,
    /// 销号条件 | What fulfils it
    pub fulfilled_by: Spanned<FulfilmentSource>,
    /// 可省。待主管部门确认的事项 | Optional. Readings the office must confirm
    #[serde(default)]
    pub confirm: Vec<Spanned<String>>,
}

/// 期限 | Periods
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "period")]
pub(crate) struct PeriodSource {
    /// `month` 月、`quarter` 季、`half_year` 半年、`year` 年 | How long a period is
    #[schemars(extend("enum" = spellings(PERIODS)))]
    pub every: Spanned<String>,
    /// 每期启动时刻,五段:分 时 日 月 星期;星期只写英文名 | When each opens: minute hour day month weekday, weekdays by name
    pub cron: Spanned<String>,
    /// 可省。full(默认):启用后的第一个整期;running:正在进行的一期 | Optional. First period owed: the first full one, or the running one
    #[serde(default)]
    #[schemars(extend("enum" = spellings(FIRSTS)))]
    pub first: Option<Spanned<String>>,
}

/// 启动事项的事件 | Events that open a task
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "event")]
pub(crate) struct EventSource {
    /// 可省。publication 公开信息;matter 事由;种类能说明的可省 | Optional where the kinds tell it
    #[serde(default)]
    #[schemars(extend("enum" = spellings(SORTS)))]
    pub on: Option<Spanned<String>>,
    /// 种类 | Kinds
    #[schemars(length(min = 1))]
    pub kinds: Vec<Spanned<String>>,
    /// 可省。条件(CEL) | Optional. A condition in CEL
    #[serde(default)]
    pub when: Option<Spanned<String>>,
}

/// 定时 | A schedule
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "schedule")]
pub(crate) struct ScheduleSource {
    /// 启动时刻,五段:分 时 日 月 星期;星期只写英文名 | Minute hour day month weekday, weekdays by name
    pub cron: Spanned<String>,
}

/// 接续 | Following another task
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "follows")]
pub(crate) struct FollowsSource {
    /// 所接续任务的序号 | The task's number
    pub task: Spanned<String>,
    /// fulfilled 销号后;overdue 超期后 | Once it is fulfilled, or overdue
    #[schemars(extend("enum" = spellings(FOLLOWED)))]
    pub when: Spanned<String>,
}

/// 延期上限 | The cap of extensions
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "extension")]
pub(crate) struct ExtensionSource {
    /// 合计最多多久,自原时限起算;重新计算期限后另计 | How much at most in all, from the date that held before; anew after a restart
    #[schemars(extend("pattern" = SPAN))]
    pub at_most: Spanned<String>,
    /// 最多几次 | How often
    #[schemars(range(min = 1))]
    pub times: Spanned<u32>,
}

/// 责任单位:单位、单位组、来源三者选一 | Who owes a task: a unit, a group, or where it is taken from
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "owner", extend("anyOf" = [{"required": ["unit"]}, {"required": ["group"]}, {"required": ["from"]}], "not" = {"anyOf": [{"required": ["unit", "group"]}, {"required": ["unit", "from"]}]}))]
pub(crate) struct OwnerSource {
    /// 单位编号 | A unit id
    #[serde(default)]
    pub unit: Option<Spanned<String>>,
    /// 单位组名称 | A group's name
    #[serde(default)]
    pub group: Option<Spanned<String>>,
    /// `event` 事件的单位(可另写单位组限定)、`event_superior` 其上级、`office` 主管部门、`leading_group` 领导小组 | The event's unit (of a group, if one stands beside), the one above it, the office, the leading group
    #[serde(default)]
    #[schemars(extend("enum" = spellings(FROMS)))]
    pub from: Option<Spanned<String>>,
    /// responsible 责任;lead 牵头;support 配合 | Its role
    #[schemars(extend("enum" = spellings(ROLES)))]
    pub role: Spanned<String>,
    /// 可省。代替任务的阶梯 | Optional. Replaces the task's ladder
    #[serde(default)]
    pub ladder: Option<Spanned<String>>,
    /// 可省。代替任务的销号条件 | Optional. Replaces the task's condition
    #[serde(default)]
    pub fulfilled_by: Option<Spanned<FulfilmentSource>>,
}

/// 销号条件:所写各项均须达到 | What fulfils a task: all that is written
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "fulfilled_by", extend("minProperties" = 1))]
pub(crate) struct FulfilmentSource {
    /// 须公开的,所列各项均须达到 | What must be published: all that is listed
    #[serde(default)]
    pub publications: Option<Vec<RequirementSource>>,
    /// 须报告的事由,所列各项均须达到 | Matters that must be reported: all that is listed
    #[serde(default)]
    pub matters: Option<Vec<RequirementSource>>,
    /// verified:报送并经主管部门核实;与其他各项同写时在其后 | Submitted and verified by the office; after the others, where they stand beside it
    #[serde(default)]
    #[schemars(extend("enum" = spellings(SUBMISSIONS)))]
    pub submission: Option<Spanned<String>>,
}

/// 须公开或者报告的一项 | Something to be published or reported
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "requirement")]
pub(crate) struct RequirementSource {
    /// 名称,通知中列为缺项 | Its name, shown when missing
    pub name: String,
    /// 可算数的种类 | The kinds that count
    #[schemars(length(min = 1))]
    pub kinds: Vec<Spanned<String>>,
    /// 至少几条,1以上;与 `each_of`、`items` 同写时可为比例,如 80% | How many at least; beside `each_of` or `items` a share such as 80%
    #[schemars(extend("type" = ["integer", "string"], "minimum" = 1, "pattern" = AMOUNT))]
    pub at_least: Spanned<String>,
    /// 可省。条件(CEL) | Optional. A condition in CEL
    #[serde(default)]
    pub when: Option<Spanned<String>>,
    /// 可省。谁公开或者报告的算数:unit(默认)责任单位自己;subordinates 下级单位;anyone 任何单位 | Optional. Whose count: the owing unit's own (default), those of units below it, anybody's
    #[serde(default)]
    #[schemars(extend("enum" = spellings(BYS)))]
    pub by: Option<Spanned<String>>,
    /// 可省。opening:只算关联到启动本事项的公开信息或事由的 | Optional. Counts only what belongs to the publication or matter that opened the duty
    #[serde(default)]
    #[schemars(extend("enum" = spellings(ABOUTS)))]
    pub about: Option<Spanned<String>>,
    /// 可省。单位组,每个单位计一次 | Optional. A group of which each unit counts once
    #[serde(default)]
    pub each_of: Option<Spanned<String>>,
    /// 可省。逐项,每项计一次,由关联(about)指明 | Optional. Items of which each counts once, named by `about`
    #[serde(default)]
    pub items: Option<Spanned<Vec<Spanned<String>>>>,
}

/// 主管部门已确认的一条 | One thing that the office has confirmed
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "confirmed")]
pub(crate) struct ConfirmedSource {
    /// 检查结果代号,如 C001 | The code of a warning or question
    #[schemars(extend("pattern" = CODE))]
    pub code: Spanned<String>,
    /// 关于什么:任务序号、单位编号或阶梯名称 | What it is about: a task, a unit, a ladder
    pub about: Spanned<String>,
    /// 可省。所见文字的一部分,用于同一任务的多条 | Optional. A part of what was found, to tell several apart
    #[serde(default)]
    pub words: Option<Spanned<String>>,
    /// 谁确认 | Who confirmed it
    #[schemars(length(min = 1))]
    pub by: Spanned<String>,
    /// 确认日期 | On which day
    #[schemars(extend("pattern" = DATE))]
    pub date: Spanned<String>,
    /// 可省。备注 | Optional. A remark
    #[serde(default)]
    #[expect(dead_code, reason = "for people who read the file")]
    pub remark: Option<String>,
}

/// 单位名录和联系方式 | Units and contacts
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "directory.yaml")]
pub(crate) struct DirectorySource {
    /// 主管部门代号 | The office's id
    #[schemars(extend("pattern" = ID))]
    pub tenant: Spanned<String>,
    /// 可省。通知怎样发出:合并时间与免打扰 | Optional. How notices leave: gathered for how long, at which hours
    #[serde(default)]
    pub delivery: DeliverySource,
    /// 单位,最多20000个 | Units, at most 20,000
    pub units: Vec<UnitSource>,
    /// 主管部门已确认的警告 | Warnings that the office has confirmed
    #[serde(default)]
    pub confirmed: Vec<ConfirmedSource>,
}

/// 通知怎样发出 | How notices leave
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "delivery")]
pub(crate) struct DeliverySource {
    /// 可省,默认5。同一人同一渠道的通知合并的分钟数,0为不合并 | Optional, 5 unless given. Minutes for which
    /// notices to one person over one channel are gathered; 0 sends each at once
    #[serde(default)]
    #[schemars(extend("minimum" = 0, "maximum" = MAX_WINDOW_MINUTES))]
    pub window_minutes: Option<Spanned<u64>>,
    /// 可省。可以打扰的时间,不写则不限 | Optional. When people may be disturbed; always unless given
    #[serde(default)]
    pub hours: Option<HoursSource>,
}

/// 可以打扰的时间 | When people may be disturbed
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "hours")]
pub(crate) struct HoursSource {
    /// 从几点起,如 "08:30" | From what time
    #[schemars(extend("pattern" = TIME))]
    pub from: Spanned<String>,
    /// 到几点止,如 "17:30",晚于 from | Until what time, later than `from`
    #[schemars(extend("pattern" = TIME))]
    pub to: Spanned<String>,
    /// 可省。every 每天(默认)、working 工作日 | Optional. Every day, unless given, or working days
    #[serde(default)]
    #[schemars(extend("enum" = spellings(DAYS)))]
    pub days: Option<Spanned<String>>,
}

/// 单位 | A unit
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "unit")]
pub(crate) struct UnitSource {
    /// 单位编号 | Its id
    #[schemars(extend("pattern" = ID))]
    pub id: Spanned<String>,
    /// 全称 | Full name
    pub name: Spanned<String>,
    /// 可省。简称 | Optional. Short names
    #[serde(default)]
    pub short: Vec<String>,
    /// 可省。层级,如 市级 | Optional. Level
    #[serde(default)]
    pub level: String,
    /// 可省。类别 | Optional. What sort of unit
    #[serde(default)]
    pub kind: String,
    /// 可省。所属单位组;组由成员产生 | Optional. Groups exist through their members
    #[serde(default)]
    pub groups: Vec<String>,
    /// 可省。上级单位编号 | Optional. Id of the unit above
    #[serde(default)]
    pub superior: Option<Spanned<String>>,
    /// 可省。certain 确定、likely 较确定、uncertain 待核 | Optional. How sure the entry is
    #[serde(default)]
    #[schemars(extend("enum" = spellings(CERTAINTIES)))]
    pub certainty: Option<Spanned<String>>,
    /// 可省。联络员,按顺序 | Optional. Contacts, in order
    #[serde(default)]
    pub contacts: Vec<ContactSource>,
    /// 可省。分管负责人 | Optional. The leader in charge
    #[serde(default)]
    pub leader: Option<ContactSource>,
    /// 曾用代号,更名或并入之前所用 | Ids under which it, or a unit merged into it, stood before.
    #[serde(default)]
    pub formerly: Vec<Spanned<String>>,
    /// 可省。本单位可以打扰的时间 | Optional. When its people may be disturbed, if not at the office's hours
    #[serde(default)]
    pub hours: Option<HoursSource>,
}

/// 联络员或负责人 | A contact or leader
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "contact")]
pub(crate) struct ContactSource {
    /// 单位内唯一 | Unique within the unit
    pub id: Spanned<String>,
    /// 职务或岗位,不写姓名 | Office or role, not a person's name
    pub title: String,
    /// 可省。邮箱 | Optional. Mail address
    #[serde(default)]
    pub mail: Option<Spanned<String>>,
    /// 可省。mail 邮件、webhook 接口等,按优先顺序 | Optional. Ways to reach them, in order of preference
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "enum": spellings(CHANNELS)}))]
    pub channels: Vec<Spanned<String>>,
    /// 可省。不在岗的日期和代收人,最多50段 | Optional. Days away and who stands in, at most 50
    #[serde(default)]
    pub away: Vec<AwaySource>,
}

/// 不在岗的一段日期 | Days on which a contact is away
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "away")]
pub(crate) struct AwaySource {
    /// 第一天 | The first day
    #[schemars(extend("format" = "date"))]
    pub from: Spanned<String>,
    /// 最后一天,含当天 | The last day, included
    #[schemars(extend("format" = "date"))]
    pub to: Spanned<String>,
    /// 代收人:本单位联络员或负责人的 id,或 `单位编号/id` | Who stands in: the id of another of the unit, or `unit/id`
    pub substitute: Spanned<String>,
}

//! The data of the events that are taken, for the OpenAPI document.
//!
//! The types themselves are the model's, which lists nothing but plain values. `remote` has the
//! compiler hold each field here to the model's: a field that comes or goes there, or changes its
//! type, does not compile here.

#![allow(dead_code, reason = "only what is derived from these is used")]
#![allow(clippy::struct_field_names, reason = "the names are those on the wire")]

use chrono::NaiveDate;
use duban_model::Timestamp;
use duban_model::calendar::{Period, Span};
use duban_model::definition::Role;
use duban_model::directory::Channel;
use duban_model::fact;
use duban_model::silence;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use duban_model::RecordType;

/// A period, e.g. `2021-07`, `2021Q3`, `2021H2` or `2021`.
const PERIOD: &str =
    "^(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})(-(0[1-9]|1[0-2])|Q[1-4]|H[12])?$";
/// A span, e.g. `20wd` (working days) or `10d`.
const SPAN: &str = "^(0|[1-9][0-9]?|[123][0-9]{2}|400)(wd|d)$";
/// An instant whose year an office may mean.
const INSTANT: &str = "^(19|20)[0-9]{2}-";

/// Something that a unit made public (公开信息), or a new version of it.
#[derive(Deserialize, JsonSchema)]
#[serde(remote = "fact::Publication", deny_unknown_fields)]
pub(super) struct Publication {
    /// Its id at the publishing site; unique for the unit.
    #[schemars(example = &"spj-2021-0613")]
    publication: String,
    /// Who published it: a unit's id.
    #[schemars(example = &"city-spj")]
    unit: String,
    /// What it is, in the ledger's own list of kinds.
    #[schemars(example = &"政策文件")]
    kind: String,
    /// 标题
    #[schemars(example = &"关于印发工作要点的通知")]
    title: String,
    /// Where it stands.
    #[serde(default)]
    url: Option<String>,
    /// 主题分类
    #[serde(default)]
    category: Option<String>,
    /// 发布机构
    #[serde(default)]
    issuer: Option<String>,
    /// 文号
    #[serde(default)]
    number: Option<String>,
    /// 成文日期
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    written: Option<NaiveDate>,
    /// 公文时效
    #[serde(default)]
    validity: Option<String>,
    /// Download formats offered, e.g. `html`, `pdf`.
    #[serde(default)]
    formats: Vec<String>,
    /// 关联: the id of the publication or matter that it belongs to.
    #[serde(default)]
    about: Option<String>,
    /// A remark.
    #[serde(default)]
    note: Option<String>,
}

/// A publication that was taken down again.
#[derive(Deserialize, JsonSchema)]
#[serde(remote = "fact::PublicationWithdrawn", deny_unknown_fields)]
pub(super) struct PublicationWithdrawn {
    /// The id it was published under.
    publication: String,
    /// The unit that had published it.
    unit: String,
    /// Why.
    #[serde(default)]
    reason: Option<String>,
    /// A remark.
    #[serde(default)]
    note: Option<String>,
}

/// Something that arose and must be dealt with, and is no publication (事由).
#[derive(Deserialize, JsonSchema)]
#[serde(remote = "fact::Matter", deny_unknown_fields)]
pub(super) struct Matter {
    /// Its id at whoever reports it; unique for the unit.
    matter: String,
    /// Whose it is.
    unit: String,
    /// What it is, in the ledger's own list of matters.
    kind: String,
    /// What it is called.
    title: String,
    /// 关联: the id of the publication or matter that it answers.
    #[serde(default)]
    about: Option<String>,
    /// 文号
    #[serde(default)]
    number: Option<String>,
    /// A remark.
    #[serde(default)]
    note: Option<String>,
}

/// A matter that is none any more, or was reported by mistake.
#[derive(Deserialize, JsonSchema)]
#[serde(remote = "fact::MatterWithdrawn", deny_unknown_fields)]
pub(super) struct MatterWithdrawn {
    /// The id it was reported under.
    matter: String,
    /// The unit it was reported for.
    unit: String,
    /// Why.
    #[serde(default)]
    reason: Option<String>,
    /// A remark.
    #[serde(default)]
    note: Option<String>,
}

/// A unit's part in a task: 责任, 牵头 or 配合.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Part {
    Responsible,
    Lead,
    Support,
}

/// What a unit or the office did about a duty. Which fields an event needs depends on its type:
/// `workflows/README.md` lists them, and what lacks one is refused by the intake.
#[derive(Deserialize, JsonSchema)]
#[serde(remote = "fact::TaskAct", deny_unknown_fields)]
pub(super) struct TaskAct {
    /// The ledger's row.
    #[schemars(example = &"10")]
    task: String,
    /// The unit concerned.
    #[serde(default)]
    unit: Option<String>,
    /// Needed when the unit has several roles in the task.
    #[serde(default)]
    #[schemars(with = "Option<Part>")]
    role: Option<Role>,
    /// Needed for a year-long task: which period.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = PERIOD))]
    period: Option<Period>,
    /// Needed for a duty that an event, a schedule or another duty opened.
    #[serde(default)]
    occasion: Option<String>,
    /// Who acted, by office or role.
    #[serde(default)]
    by: Option<String>,
    /// Why.
    #[serde(default)]
    reason: Option<String>,
    /// Links to evidence (佐证).
    #[serde(default)]
    evidence: Vec<String>,
    /// The new date.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    due: Option<NaiveDate>,
    /// Instead of the new date of an extension: how much is added.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = SPAN))]
    extend: Option<Span>,
    /// Whom a duty is handed to (转办): a contact of the same unit, by id.
    #[serde(default)]
    contact: Option<String>,
    /// A remark.
    #[serde(default)]
    note: Option<String>,
}

/// A notice that was given up is to be tried again.
#[derive(Deserialize, JsonSchema)]
#[serde(remote = "fact::NoticeRetryRequested", deny_unknown_fields)]
pub(super) struct NoticeRetryRequested {
    /// The notice.
    notice: String,
    /// Who wants it.
    by: String,
    /// Why.
    #[serde(default)]
    reason: Option<String>,
}

/// A way to reach a contact.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Way {
    Mail,
    Webhook,
    WecomRobot,
    DingtalkRobot,
    FeishuRobot,
    WecomApp,
    Sms,
    Inbox,
}

/// A contact chose on which of the allowed channels notices should come.
#[derive(Deserialize, JsonSchema)]
#[serde(remote = "fact::ContactPreferred", deny_unknown_fields)]
pub(super) struct ContactPreferred {
    /// The contact's unit.
    unit: String,
    /// The contact's or leader's id within the unit.
    contact: String,
    /// The channels to be tried first, best first. Empty: the office's order again.
    #[serde(default)]
    #[schemars(with = "Vec<Way>")]
    channels: Vec<Channel>,
    /// Who chose, by office or role.
    by: String,
}

/// Notices that meet the scope are not sent until an instant.
#[derive(Deserialize, JsonSchema)]
#[serde(remote = "silence::SilenceSet", deny_unknown_fields)]
pub(super) struct SilenceSet {
    /// Its id.
    silence: String,
    /// Of this ledger only.
    #[serde(default)]
    ledger: Option<String>,
    /// Of this row only.
    #[serde(default)]
    task: Option<String>,
    /// About this unit's duties only.
    #[serde(default)]
    unit: Option<String>,
    /// Maintenance (维护): nothing at all is sent to anybody.
    #[serde(default)]
    maintenance: bool,
    /// Exclusive end.
    #[schemars(with = "String", regex(pattern = INSTANT), extend("format" = "date-time"))]
    until: Timestamp,
    /// Who decided so.
    by: String,
    /// Why.
    reason: String,
}

/// A silence or maintenance ends sooner.
#[derive(Deserialize, JsonSchema)]
#[serde(remote = "silence::SilenceLifted", deny_unknown_fields)]
pub(super) struct SilenceLifted {
    /// Which.
    silence: String,
    /// Who decided so.
    by: String,
    /// Why.
    #[serde(default)]
    reason: Option<String>,
}

/// The schema of the data of a type that is taken.
pub(super) fn schema(kind: RecordType, schemas: &mut SchemaGenerator) -> Option<Schema> {
    use RecordType as T;
    if !super::event::is_taken(kind) {
        return None;
    }
    Some(match kind {
        T::PublicationPublished | T::PublicationUpdated => schemas.subschema_for::<Publication>(),
        T::PublicationWithdrawn => schemas.subschema_for::<PublicationWithdrawn>(),
        T::MatterReported => schemas.subschema_for::<Matter>(),
        T::MatterWithdrawn => schemas.subschema_for::<MatterWithdrawn>(),
        T::NoticeRetryRequested => schemas.subschema_for::<NoticeRetryRequested>(),
        T::ContactPreferred => schemas.subschema_for::<ContactPreferred>(),
        T::SilenceSet => schemas.subschema_for::<SilenceSet>(),
        T::SilenceLifted => schemas.subschema_for::<SilenceLifted>(),
        // What is left of the types that are taken is one shape.
        _ => schemas.subschema_for::<TaskAct>(),
    })
}

/// An event of one type, as JSON Schema.
pub(super) fn event(kind: RecordType, data: &Schema) -> serde_json::Value {
    let id = |what: &str, example: &str| {
        serde_json::json!({
            "description": what,
            "type": "string",
            "anyOf": [
                { "pattern": "^[ -~]{1,200}$" },
                { "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]{1,50}$" },
            ],
            "examples": [example],
        })
    };
    serde_json::json!({
        "type": "object",
        "title": kind.as_str(),
        "required": ["specversion", "id", "source", "type", "tenant", "data"],
        "additionalProperties": false,
        "properties": {
            "specversion": { "type": "string", "const": "1.0" },
            "id": id(
                "Unique within its source. The same when the event is sent again: then it is a recorded duplicate.",
                "spj-2021-0613",
            ),
            "source": id("Who says so.", "https://www.tongliao.example/cms"),
            "type": { "type": "string", "const": kind.as_str() },
            "time": {
                "description": "When it happened, as you claim; both this and the time of arrival are kept.",
                "type": ["string", "null"],
                "format": "date-time",
                "pattern": INSTANT,
            },
            "tenant": {
                "description": "The office, e.g. `tongliao`.",
                "type": "string",
                "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
            },
            "ledger": {
                "description": "The ledger, where the type needs one.",
                "type": ["string", "null"],
                "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
            },
            "subject": { "type": ["string", "null"] },
            "dataschema": { "type": ["string", "null"] },
            "datacontenttype": {
                "type": ["string", "null"],
                "pattern": "^application/json(;.*)?$",
            },
            "data": data,
        },
    })
}

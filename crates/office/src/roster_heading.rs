//! The headings by which the columns of a list of units are known.

use crate::text::squeeze;

/// What a column of such a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Id,
    Name,
    Short,
    Level,
    Kind,
    Groups,
    Superior,
    Certainty,
    Contact,
    Title,
    Mail,
    Leader,
    LeaderMail,
    Other,
}

/// Headings of each field, Chinese and English.
const HEADINGS: &[(Field, &[&str])] = &[
    (
        Field::Id,
        &[
            "单位编号",
            "编号",
            "单位代码",
            "代码",
            "id",
            "unit_id",
            "unit",
        ],
    ),
    (
        Field::Name,
        &[
            "单位名称",
            "单位全称",
            "全称",
            "名称",
            "单位",
            "部门",
            "部门名称",
            "机构名称",
            "责任单位",
            "name",
            "full_name",
        ],
    ),
    (
        Field::Short,
        &["简称", "单位简称", "别名", "常用名", "short", "short_names"],
    ),
    (Field::Level, &["层级", "级别", "单位层级", "level"]),
    (
        Field::Kind,
        &[
            "类别",
            "类型",
            "单位类别",
            "单位类型",
            "性质",
            "单位性质",
            "kind",
        ],
    ),
    (
        Field::Groups,
        &[
            "单位组",
            "分组",
            "所属组",
            "组",
            "所属单位组",
            "组别",
            "groups",
            "group",
        ],
    ),
    (
        Field::Superior,
        &["上级", "上级单位", "主管单位", "上级编号", "superior"],
    ),
    (
        Field::Certainty,
        &["把握", "核实情况", "是否核实", "certainty"],
    ),
    (
        Field::Contact,
        &[
            "联络员",
            "联系人",
            "联络员姓名",
            "联络员职务",
            "联系人职务",
            "联络岗位",
            "政务公开联络员",
            "第一联络员",
            "第二联络员",
            "备用联络员",
            "替补联络员",
            "a角",
            "b角",
            "经办人",
            "具体负责人",
            "contact",
        ],
    ),
    (
        Field::Title,
        &["职务", "岗位", "职务职级", "职务及职级", "title"],
    ),
    (
        Field::Mail,
        &[
            "邮箱",
            "电子邮箱",
            "联络员邮箱",
            "电子邮件",
            "邮件",
            "联系人邮箱",
            "电子信箱",
            "邮箱地址",
            "a角邮箱",
            "b角邮箱",
            "mail",
            "email",
            "e-mail",
        ],
    ),
    (
        Field::Leader,
        &[
            "分管领导",
            "分管负责人",
            "负责人",
            "分管领导姓名",
            "分管领导职务",
            "负责人职务",
            "主要负责人",
            "责任领导",
            "leader",
        ],
    ),
    (
        Field::LeaderMail,
        &[
            "分管领导邮箱",
            "负责人邮箱",
            "分管负责人邮箱",
            "领导邮箱",
            "leader_mail",
        ],
    ),
];

/// What a heading says its column holds.
pub(crate) fn field(heading: &str) -> Field {
    let plain = squeeze(heading).to_lowercase();
    let plain = plain.trim_matches(['*', ':']);
    let plain = plain.split(['(', '[']).next().unwrap_or_default();
    HEADINGS
        .iter()
        .find(|(_, words)| words.contains(&plain))
        .map_or(Field::Other, |(field, _)| *field)
}

//! The headings by which columns and forms are known, with their synonyms.

use crate::deadline;
use crate::export::words::may_be_added;
use crate::text::squeeze;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    /// 序号
    Number,
    /// 任务类别: a heading above tasks, whatever else.
    Section,
    /// 任务名称, 重点任务: a heading, or the wording itself if there is no better column.
    Name,
    /// 具体任务: the wording.
    Text,
    /// 责任单位
    Units,
    /// 牵头单位
    Lead,
    /// 配合单位
    Support,
    /// 完成时限
    Deadline,
    /// 备注 and all others: kept, not used.
    Other,
    /// What an export of ours added beside the ledger's own.
    Added,
}

/// The longest heading, in characters: what is longer is content.
const MAX_HEADING_CHARS: usize = 16;

const NUMBER: &[&str] = &[
    "序号",
    "编号",
    "项次",
    "序",
    "任务序号",
    "任务编号",
    "项目编号",
    "No",
    "NO",
    "No.",
    "号",
];
const SECTION: &[&str] = &[
    "类别",
    "任务类别",
    "工作类别",
    "分类",
    "领域",
    "重点领域",
    "板块",
    "一级指标",
    "二级指标",
    "一级任务",
    "任务分类",
    "类型",
    "工作领域",
    "部分",
    "章节",
    "大项",
    "方面",
    "所属领域",
    "任务类型",
];
const NAME: &[&str] = &[
    "任务名称",
    "工作任务",
    "重点任务",
    "主要任务",
    "任务",
    "事项",
    "工作事项",
    "项目",
    "目标任务",
    "重点工作",
    "任务事项",
    "事项名称",
    "工作名称",
    "项目名称",
    "重点工作任务",
    "工作项目",
    "主要工作",
    "任务项目",
    "二级任务",
    "工作目标",
    "重点事项",
    "督办事项",
    "任务目标",
    "名称",
];
const TEXT: &[&str] = &[
    "具体任务",
    "具体内容",
    "工作内容",
    "任务内容",
    "工作要求",
    "具体措施",
    "工作举措",
    "具体工作",
    "任务分解",
    "具体要求",
    "主要内容",
    "主要措施",
    "工作措施",
    "内容",
    "具体事项",
    "任务要求",
    "具体工作任务",
    "工作任务及要求",
    "落实措施",
    "重点任务内容",
    "目标要求",
    "任务描述",
    "公开内容",
    "具体举措",
    "工作任务内容",
    "内容及要求",
    "措施",
    "三级任务",
    "工作标准",
    "具体目标任务",
    "具体任务内容",
    "督办内容",
    "事项内容",
    "整改措施",
];

/// The longest heading that is known by its last word alone, in characters: 改革任务, 建设内容.
const MAX_LOOSE_CHARS: usize = 6;
/// Last words of headings over the wording: what goes before them differs from office to office.
const TEXT_ENDS: &[&str] = &["内容", "措施", "举措", "任务分解", "工作要求"];
/// Last words of headings over the name of the work.
const NAME_ENDS: &[&str] = &[
    "任务", "事项", "项目", "工程", "案由", "问题", "目标", "工作", "名称",
];

/// A heading without its bracket and marks: 完成时限(2021年), 责任单位:
fn bare(text: &str) -> String {
    let mut plain = squeeze(text);
    if let Some(at) = plain.find(['(', '[']).filter(|at| *at > 0) {
        plain.truncate(at);
    }
    plain.trim_matches([':', '*', '.']).to_owned()
}

/// What a heading says its column holds; nothing if it is no heading.
pub(crate) fn column(text: &str) -> Option<Column> {
    known(text).or_else(|| by_last_word(&bare(text)))
}

/// 整改任务 and 建设内容, by their last words; 第三季度 over what is to be reached by then.
fn by_last_word(plain: &str) -> Option<Column> {
    let length = plain.chars().count();
    if length == 0 || length > MAX_LOOSE_CHARS || plain.contains(['、', ',', '。', ';', ':']) {
        return None;
    }
    let ends = |words: &[&str]| words.iter().any(|word| plain.ends_with(word));
    if ends(TEXT_ENDS) {
        return Some(Column::Text);
    }
    if ends(NAME_ENDS) {
        return Some(Column::Name);
    }
    None
}

/// True for 第三季度, 上半年, 6月 as the heading of a column: what is to be reached by then.
pub(crate) fn is_stage(text: &str) -> bool {
    let plain = bare(text);
    let plain = ["目标", "计划", "进度", "任务", "安排"]
        .iter()
        .fold(plain.as_str(), |rest, word| rest.trim_end_matches(word));
    if plain.is_empty() || plain.chars().count() > MAX_LOOSE_CHARS {
        return false;
    }
    let read = deadline::read(plain, Some(2000));
    read.date.is_some() && read.questions.is_empty() && !plain.contains(['日', '号', '前'])
}

/// What a heading of the lists says its column holds; 整改任务 and the like are not among them.
pub(crate) fn known(text: &str) -> Option<Column> {
    let plain = bare(text);
    let plain = plain.as_str();
    let length = plain.chars().count();
    if length == 0 || length > MAX_HEADING_CHARS {
        return None;
    }
    // A sentence or a list is content, whatever words it has.
    if plain.contains(['。', ';', ',', '?', '、']) && !plain.contains("单位") {
        return None;
    }
    for (list, column) in [
        (NUMBER, Column::Number),
        (SECTION, Column::Section),
        (NAME, Column::Name),
        (TEXT, Column::Text),
    ] {
        if list.contains(&plain) {
            return Some(column);
        }
    }
    if ["编号", "序号"].iter().any(|word| plain.ends_with(word)) {
        return Some(Column::Number);
    }
    if may_be_added(plain) {
        // Whether it was added, the whole header tells.
        return Some(Column::Other);
    }
    let has = |words: &[&str]| words.iter().any(|word| plain.contains(word));
    let ends = |words: &[&str]| words.iter().any(|word| plain.ends_with(word));
    if ends(&[
        "领导",
        "责任人",
        "联系人",
        "负责人",
        "电话",
        "联系方式",
        "人员",
        "联络员",
        "姓名",
        "签字",
        "盖章",
    ]) || [
        "备注",
        "说明",
        "进展",
        "进展情况",
        "完成情况",
        "落实情况",
        "状态",
        "佐证",
        "佐证材料",
        "得分",
        "分值",
        "权重",
        "依据",
        "存在问题",
        "填报人",
        "填报时间",
        "更新时间",
        "发布时间",
        "开始时间",
        "起始时间",
        "启动时间",
        "完成标志",
        "成果形式",
        "成果",
        "办理情况",
        "工作进展",
        "最新通知",
        "销号情况",
        "灯号",
        "目标值",
        "下一步工作",
        "市领导批示",
        "领导批示",
        "批示",
        "批示内容",
        "批示要求",
        "来源",
        "任务来源",
        "预期目标",
        "年度目标",
        "总投资",
        "责任领导",
        "包联领导",
    ]
    .contains(&plain)
        || ends(&["情况", "得分", "分值"])
    {
        return Some(Column::Other);
    }
    let of_units = ["单位", "部门", "科室", "机构", "主体", "处室", "股室"];
    let is_unit = ends(&of_units);
    if (has(&["牵头", "主办", "主责"]) && is_unit) || ["牵头", "主办"].contains(&plain) {
        return Some(Column::Lead);
    }
    if (has(&["配合", "协办", "协助", "参与", "协同", "参加", "会办"]) && is_unit)
        || ["配合", "协办", "参与", "协同"].contains(&plain)
    {
        return Some(Column::Support);
    }
    if (has(&["责任", "承办", "落实", "实施", "承担", "执行"]) && is_unit)
        || [
            "单位",
            "部门",
            "责任分工",
            "分工",
            "任务分工",
            "责任主体",
            "责任单位和部门",
            "责任",
        ]
        .contains(&plain)
    {
        return Some(Column::Units);
    }
    if ends(&[
        "时限",
        "期限",
        "节点",
        "进度安排",
        "时间要求",
        "时限要求",
        "完成时间",
        "截止时间",
        "办结时间",
        "完成日期",
        "截止日期",
        "时间安排",
        "结束时间",
        "限时",
        "完成时间及要求",
        "完成时点",
        "到期日",
        "时间进度",
    ]) || [
        "时间",
        "日期",
        "工期",
        "进度",
        "进度要求",
        "推进时序",
        "完成时间要求",
        "何时完成",
    ]
    .contains(&plain)
    {
        return Some(Column::Deadline);
    }
    None
}

/// True if the text is how a note below a table begins.
pub(crate) fn is_note(text: &str) -> bool {
    let plain = squeeze(text);
    [
        "注:",
        "备注:",
        "说明:",
        "填表",
        "填报",
        "联系人:",
        "联系电话",
        "制表",
        "合计",
        "总计",
        "小计",
        "附件",
        "单位(盖章)",
        "审核",
        "抄送",
        "主送",
        "(此件",
        "注1",
        "*",
    ]
    .iter()
    .any(|word| plain.starts_with(word))
        || plain == "注"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_known_by_many_names() {
        for (heading, expected) in [
            ("序 号", Column::Number),
            ("任务名称", Column::Name),
            ("具体任务", Column::Text),
            ("责 任\n单 位", Column::Units),
            ("牵头责任单位", Column::Lead),
            ("配合部门", Column::Support),
            ("完成时限(2021年)", Column::Deadline),
            ("时间节点", Column::Deadline),
            ("责任领导", Column::Other),
            ("牵头领导", Column::Other),
            ("联系电话", Column::Other),
            ("备 注", Column::Other),
            ("承办单位:", Column::Units),
        ] {
            assert_eq!(column(heading), Some(expected), "{heading}");
        }
        for content in [
            "市教育局",
            "2021年12月底",
            "1.公开交通水利、市政工程等信息;",
            "全年持续推进",
            "市发展改革委",
            "市政府各部门",
        ] {
            assert_eq!(column(content), None, "{content}");
        }
    }
}

//! The names in a cell of units, each with its role: 甲牵头,乙、丙配合.

use duban_model::definition::Role;

use crate::text::{closes, half, opens, parts, squeeze};

/// One name as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// The name.
    pub text: String,
    /// Its role.
    pub role: Role,
    /// Those it leaves out: 除…外.
    pub except: Vec<String>,
    /// True if the role is not written but supposed: beside a bracketed (牵头).
    pub role_supposed: bool,
}

/// What a cell of units says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// The names in order.
    pub names: Vec<Name>,
    /// Endings such as 等有关部门, which name nobody.
    pub open: Vec<(String, Role)>,
}

const LABELS: &[(&str, Role)] = &[
    ("牵头责任单位", Role::Lead),
    ("牵头单位", Role::Lead),
    ("牵头部门", Role::Lead),
    ("主办单位", Role::Lead),
    ("主责单位", Role::Lead),
    ("牵头", Role::Lead),
    ("主办", Role::Lead),
    ("配合责任单位", Role::Support),
    ("配合单位", Role::Support),
    ("配合部门", Role::Support),
    ("协办单位", Role::Support),
    ("协助单位", Role::Support),
    ("参与单位", Role::Support),
    ("协同单位", Role::Support),
    ("配合", Role::Support),
    ("协办", Role::Support),
    ("责任单位", Role::Responsible),
    ("责任部门", Role::Responsible),
    ("承办单位", Role::Responsible),
    ("落实单位", Role::Responsible),
    ("实施单位", Role::Responsible),
    ("负责单位", Role::Responsible),
];

const SUFFIXES: &[(&str, Role)] = &[
    ("牵头负责", Role::Lead),
    ("牵头组织实施", Role::Lead),
    ("牵头组织", Role::Lead),
    ("牵头落实", Role::Lead),
    ("牵头推进", Role::Lead),
    ("总牵头", Role::Lead),
    ("牵头", Role::Lead),
    ("按职责分工配合", Role::Support),
    ("分工配合", Role::Support),
    ("配合落实", Role::Support),
    ("密切配合", Role::Support),
    ("协同配合", Role::Support),
    ("参与配合", Role::Support),
    ("做好配合", Role::Support),
    ("配合", Role::Support),
    ("协助", Role::Support),
    ("协办", Role::Support),
    ("参与", Role::Support),
    ("参加", Role::Support),
    ("提供相关内容", Role::Support),
    ("提供支持", Role::Support),
    ("提供相关材料", Role::Support),
    ("按职责分工负责", Role::Responsible),
    ("按职责分工落实", Role::Responsible),
    ("按职责分工分别负责", Role::Responsible),
    ("分别负责", Role::Responsible),
    ("分工负责", Role::Responsible),
    ("按职责负责", Role::Responsible),
    ("具体负责", Role::Responsible),
    ("负责落实", Role::Responsible),
    ("组织实施", Role::Responsible),
    ("负责", Role::Responsible),
    ("落实", Role::Responsible),
];

/// 按职责分工负责 without a name before it: everybody, and nobody.
const NOBODY: &[&str] = &[
    "按职责",
    "按照职责",
    "按职责分工",
    "按照职责分工",
    "分工",
    "各自",
    "按分工",
];

/// Endings of a list that name nobody.
const OPEN_ENDS: &[&str] = &[
    "等市直有关部门",
    "等各有关部门",
    "等有关部门和单位",
    "等相关部门和单位",
    "等有关部门",
    "等相关部门",
    "等有关单位",
    "等相关单位",
    "等部门单位",
    "等职能部门",
    "等责任单位",
    "等成员单位",
    "等部门",
    "等单位",
    "等",
];

fn role_in_brackets(text: &str) -> Option<(String, Role)> {
    let plain = squeeze(text);
    for (word, role) in [
        ("牵头", Role::Lead),
        ("牵头单位", Role::Lead),
        ("主办", Role::Lead),
        ("配合", Role::Support),
        ("协办", Role::Support),
    ] {
        let end = format!("({word})");
        if plain.ends_with(&end) {
            let count = text.chars().count() - end.chars().count();
            return Some((text.chars().take(count).collect(), role));
        }
    }
    None
}

/// The most parts of one name: 市本级承担公共服务、行政许可、行政处罚等职责的部门 has three.
const MAX_NAME_PARTS: usize = 8;

/// Reads a cell. `role` is what its column says; words in the cell overrule it. `known` tells the
/// directory's names, some of which have separators inside.
pub(crate) fn read(cell: &str, role: Role, known: &dyn Fn(&str) -> bool) -> Names {
    let mut out = Names::default();
    let mut current = role;
    let cell = guard_exceptions(cell);
    for segment in parts(&cell, |c| matches!(half(c), ';' | '。' | '\n')) {
        segment_names(&segment, &mut current, known, &mut out);
    }
    // (牵头) behind one name of a list says nothing of the others.
    let bracketed = squeeze(&cell);
    if bracketed.contains("(牵头)") || bracketed.contains("(牵头单位)") {
        for name in out.names.iter_mut().filter(|n| n.role == Role::Responsible) {
            name.role_supposed = true;
        }
    }
    out
}

/// Puts 除…外 in brackets, so that the names in it are not taken for those that owe.
fn guard_exceptions(cell: &str) -> String {
    let Some(begin) = cell.find('除') else {
        return cell.to_owned();
    };
    let depth = cell[..begin]
        .chars()
        .fold(0_i32, |d, c| d + i32::from(opens(c)) - i32::from(closes(c)));
    let Some(end) = cell[begin..].find('外').map(|at| begin + at) else {
        return cell.to_owned();
    };
    if depth != 0 {
        return cell.to_owned();
    }
    let after = &cell[end + '外'.len_utf8()..];
    let after = after.trim_start_matches(|c| matches!(half(c), '的' | ','));
    format!("{}({}外){after}", &cell[..begin], &cell[begin..end])
}

/// Takes 除…外 or …除外 out of a name.
fn exceptions(token: &str) -> (String, Vec<String>) {
    let mut kept = String::new();
    let mut left_out = Vec::new();
    let mut inside = String::new();
    let mut depth = 0_usize;
    for c in token.chars() {
        if opens(c) && half(c) == '(' {
            depth += 1;
            if depth == 1 {
                continue;
            }
        }
        if closes(c) && half(c) == ')' && depth > 0 {
            depth -= 1;
            if depth == 0 {
                let text = squeeze(&inside);
                let names = text
                    .strip_prefix('除')
                    .and_then(|rest| rest.strip_suffix('外'))
                    .map(|rest| rest.trim_end_matches("以"))
                    .or_else(|| text.strip_suffix("除外"));
                match names {
                    Some(names) => {
                        left_out.extend(parts(names, |c| matches!(c, '、' | ',' | '和' | '及')));
                    }
                    None => {
                        kept.push('(');
                        kept.push_str(&inside);
                        kept.push(')');
                    }
                }
                inside.clear();
                continue;
            }
        }
        if depth > 0 {
            inside.push(c);
        } else {
            kept.push(c);
        }
    }
    kept.push_str(&inside);
    (kept, left_out)
}

/// Adds the names of one segment. Names wait for the role word behind them.
fn segment_names(segment: &str, current: &mut Role, known: &dyn Fn(&str) -> bool, out: &mut Names) {
    let listed = segment.contains('、');
    // Outside of brackets; a comma separates groups where 、 separates names.
    let mut tokens: Vec<(String, bool)> = Vec::new();
    for group in parts(segment, |c| half(c) == ',') {
        let mut begins = true;
        let split = parts(&group, |c| matches!(half(c), '、' | ' ' | '\t' | '/'));
        for token in whole_names(split, known) {
            tokens.push((token, begins && listed));
            begins = false;
        }
    }
    let mut waiting = out.names.len();
    let mut waiting_open = out.open.len();
    for (token, begins_group) in tokens {
        if begins_group {
            waiting = out.names.len();
            waiting_open = out.open.len();
        }
        let mut token = token;
        if let Some((label, role)) = LABELS.iter().find(|(label, _)| {
            token
                .strip_prefix(label)
                .is_some_and(|rest| rest.starts_with(|c| half(c) == ':'))
        }) {
            *current = *role;
            token = token[label.len()..]
                .trim_start_matches(|c| half(c) == ':' || c == ' ')
                .to_owned();
            waiting = out.names.len();
            waiting_open = out.open.len();
        }
        token = token
            .trim_start_matches('由')
            .trim_matches(|c| matches!(half(c), '.' | ':'))
            .to_owned();
        if token.is_empty() {
            continue;
        }
        if let Some((name, role)) = role_in_brackets(&token) {
            push(&name, role, out);
            waiting = out.names.len();
            continue;
        }
        // 甲会同乙、丙: 甲 leads, the others support.
        if let Some((lead, others)) = token.split_once("会同") {
            let (lead, others) = (lead.to_owned(), others.to_owned());
            push(&lead, Role::Lead, out);
            let (name, _) = suffix(&others);
            push(&name, Role::Support, out);
            *current = Role::Support;
            waiting = out.names.len();
            continue;
        }
        let (mut name, mut role) = suffix(&token);
        // 甲牵头乙、丙配合: no comma between.
        if let Some((lead, rest)) = name.clone().split_once("牵头")
            && !lead.is_empty()
            && !rest.is_empty()
            && !rest.starts_with(['部', '单'])
        {
            push(lead, Role::Lead, out);
            for name in &mut out.names[waiting..] {
                name.role = Role::Lead;
            }
            waiting = out.names.len();
            rest.clone_into(&mut name);
            role = role.or(Some(Role::Support)).filter(|_| role.is_some());
        }
        push(&name, *current, out);
        if let Some(role) = role {
            for name in &mut out.names[waiting..] {
                name.role = role;
            }
            for open in &mut out.open[waiting_open..] {
                open.1 = role;
            }
            waiting = out.names.len();
            waiting_open = out.open.len();
        }
    }
}

/// Parts that together are a name of the directory become one again; the longest name first. So do
/// parts that describe together who is meant: 承担公共服务、行政许可等职责的部门.
fn whole_names(split: Vec<String>, known: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < split.len() {
        let longest = (at + 2..=(at + MAX_NAME_PARTS).min(split.len()))
            .rev()
            .find(|end| {
                let joined = split[at..*end].join("、");
                known(&suffix(&joined).0)
            });
        let described = (at + 2..=(at + MAX_NAME_PARTS).min(split.len())).find(|end| {
            let (last, _) = suffix(&split[end - 1]);
            let describes = ["职责的部门", "职能的部门", "的部门", "的单位"]
                .iter()
                .any(|word| last.ends_with(word));
            describes && split[at..*end].iter().all(|part| !known(&suffix(part).0))
        });
        let end = longest.or(described).unwrap_or(at + 1);
        out.push(split[at..end].join("、"));
        at = end;
    }
    out
}

/// A name without the role word behind it.
fn suffix(token: &str) -> (String, Option<Role>) {
    for (word, role) in SUFFIXES {
        if let Some(name) = token.strip_suffix(word)
            && !name.is_empty()
        {
            let name = name
                .trim_end_matches("按照职责分工")
                .trim_end_matches("按职责分工");
            return (name.to_owned(), Some(*role));
        }
    }
    (token.to_owned(), None)
}

fn push(token: &str, role: Role, out: &mut Names) {
    let token = token.trim();
    for end in OPEN_ENDS {
        if let Some(name) = token.strip_suffix(end) {
            push_name(name, role, out);
            out.open.push(((*end).to_owned(), role));
            return;
        }
    }
    push_name(token, role, out);
}

fn push_name(token: &str, role: Role, out: &mut Names) {
    if NOBODY.contains(&squeeze(token).as_str()) {
        if out.names.is_empty() {
            out.open.push((token.to_owned(), role));
        }
        return;
    }
    let (text, except) = exceptions(token);
    let text = text.trim().to_owned();
    if text.is_empty() {
        if let (Some(last), false) = (out.names.last_mut(), except.is_empty()) {
            last.except.extend(except);
        }
        return;
    }
    out.names.push(Name {
        text,
        role,
        except,
        role_supposed: false,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(cell: &str) -> Vec<(String, Role)> {
        read(cell, Role::Responsible, &|_| false)
            .names
            .into_iter()
            .map(|n| (n.text, n.role))
            .collect()
    }

    fn owed(list: &[(&str, Role)]) -> Vec<(String, Role)> {
        list.iter().map(|(n, r)| ((*n).to_owned(), *r)).collect()
    }

    #[test]
    fn who_leads_and_who_supports_is_read_however_it_is_written() {
        use Role::{Lead, Responsible, Support};
        let expected = owed(&[
            ("市发改委", Lead),
            ("市财政局", Support),
            ("市教育局", Support),
        ]);
        for cell in [
            "市发改委牵头,市财政局、市教育局配合",
            "市发改委牵头,市财政局、市教育局配合。",
            "由市发改委牵头;市财政局、市教育局按职责分工配合",
            "牵头单位:市发改委;配合单位:市财政局、市教育局",
            "牵头单位:市发改委\n配合单位:市财政局、市教育局",
            "牵头单位:市发改委 配合单位:市财政局、市教育局",
            "市发改委会同市财政局、市教育局",
            "市发改委牵头、市财政局、市教育局配合",
            "市发改委牵头负责,市财政局、市教育局参与",
        ] {
            assert_eq!(shown(cell), expected, "{cell}");
        }
        assert_eq!(
            shown("旗县(市、区)政府、开发区管委会;市行政审批和政务服务局牵头,有关部门配合"),
            owed(&[
                ("旗县(市、区)政府", Responsible),
                ("开发区管委会", Responsible),
                ("市行政审批和政务服务局", Lead),
                ("有关部门", Support),
            ])
        );
    }

    #[test]
    fn a_list_that_ends_in_others_says_so() {
        let names = read("市住建、发改等有关部门", Role::Responsible, &|_| false);
        assert_eq!(names.names.len(), 2);
        assert_eq!(names.open, [("等有关部门".to_owned(), Role::Responsible)]);
    }

    #[test]
    fn a_description_of_who_is_meant_is_one_name() {
        let known = |name: &str| name == "市教育局";
        let names = read(
            "市教育局、市本级承担公共服务、行政许可等职责的部门",
            Role::Responsible,
            &known,
        );
        let names: Vec<&str> = names.names.iter().map(|n| n.text.as_str()).collect();
        assert_eq!(
            names,
            ["市教育局", "市本级承担公共服务、行政许可等职责的部门"]
        );
    }

    #[test]
    fn exceptions_are_not_owed() {
        for cell in [
            "市政府各部门(除市公安局、市司法局外)",
            "除市公安局、市司法局外的市政府各部门",
            "市政府各部门(市公安局、市司法局除外)",
        ] {
            let names = read(cell, Role::Responsible, &|_| false);
            assert_eq!(names.names.len(), 1, "{cell}: {names:?}");
            assert_eq!(names.names[0].text, "市政府各部门");
            assert_eq!(names.names[0].except, ["市公安局", "市司法局"]);
        }
    }
}

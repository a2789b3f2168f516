//! From a name in a ledger to units of the directory: full names, short names, groups.
//!
//! What is written in the directory is certain; what follows from it by leaving out or exchanging
//! the last word is likely; everything else is asked.

use std::collections::{BTreeMap, BTreeSet};

use duban_model::Directory;
use duban_model::definition::Role;

use crate::limit::{MAX_ALTERNATIVES, MAX_NAME_CHARS};
use crate::reading::Confidence;
use crate::text::squeeze;

/// Last words of units' names, which documents leave out or exchange.
const SUFFIXES: &[&str] = &[
    "委员会",
    "人民政府",
    "办公室",
    "管理局",
    "管委会",
    "政府",
    "部门",
    "局",
    "委",
    "办",
    "厅",
    "部",
    "会",
];
/// Names that name nobody.
const VAGUE: &[&str] = &[
    "有关部门",
    "相关部门",
    "有关单位",
    "相关单位",
    "有关部门和单位",
    "相关部门和单位",
    "责任单位",
    "成员单位",
    "所属单位",
    "直属单位",
    "下属单位",
    "基层单位",
    "有关方面",
    "各地",
    "各部门",
    "部门",
    "单位",
    "各单位",
    "各地各部门",
    "有关地区",
    "相关地区",
    "职能部门",
    "牵头单位",
    "配合单位",
    "市直有关部门",
    "市有关部门",
    "市直相关部门",
    "市级有关部门",
    "市政府有关部门",
    "有关地方",
    "各有关部门",
    "各相关部门",
];
/// How governments of counties and banners are summed up.
const COUNTIES: &[&str] = &[
    "旗县市区",
    "旗县区",
    "县市区",
    "市县区",
    "区县市",
    "区县",
    "县区",
    "旗县",
    "县区市",
    "区市县",
    "旗县区市",
    "市区县",
    "旗区县",
    "区旗县市",
];
/// Longest share of a name's characters by which another is called near, in tenths.
const NEAR_TENTHS: usize = 4;

/// Units found for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meant {
    /// Their ids.
    pub ids: Vec<String>,
    /// The group through which they are meant.
    pub group: Option<String>,
    /// How sure that is.
    pub confidence: Confidence,
}

/// What a name does not settle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsettled {
    /// `unknown_unit`, `two_readings`, `open_list`, `near_name`.
    pub code: &'static str,
    /// The question, in Chinese.
    pub question: String,
    /// The possible answers.
    pub alternatives: Vec<String>,
    /// True if no single unit is named.
    pub vague: bool,
}

/// The directory, prepared to be asked.
pub(crate) struct Resolver<'a> {
    directory: &'a Directory,
    forms: BTreeMap<String, BTreeSet<&'a str>>,
    stems: BTreeMap<String, BTreeSet<&'a str>>,
    groups: BTreeMap<String, BTreeSet<&'a str>>,
    home: String,
}

fn place_of(name: &str) -> Option<&str> {
    name.char_indices()
        .take(6)
        .skip(1)
        .find(|(_, c)| matches!(c, '市' | '州' | '盟' | '县' | '区' | '旗' | '省'))
        .map(|(at, c)| &name[..at + c.len_utf8()])
}

fn stem(name: &str) -> Option<&str> {
    let stem = SUFFIXES
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name);
    (stem.chars().count() >= 2).then_some(stem)
}

impl<'a> Resolver<'a> {
    /// Prepares a directory.
    pub fn new(directory: &'a Directory) -> Resolver<'a> {
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for unit in directory.units.values() {
            if let Some(place) = place_of(&unit.name) {
                *places.entry(place).or_default() += 1;
            }
        }
        let home = places
            .into_iter()
            .filter(|(_, count)| *count > 1)
            .max_by_key(|(_, count)| *count)
            .map_or_else(String::new, |(place, _)| place.to_owned());
        let mut resolver = Resolver {
            directory,
            forms: BTreeMap::new(),
            stems: BTreeMap::new(),
            groups: BTreeMap::new(),
            home,
        };
        let level = resolver.level();
        for (id, unit) in &directory.units {
            let name = squeeze(&unit.name).replace("(名称待核)", "");
            let mut forms = vec![name.clone()];
            if let Some(rest) = name.strip_prefix(&resolver.home).filter(|r| !r.is_empty()) {
                forms.push(rest.to_owned());
                forms.push(format!("{level}{rest}"));
            }
            for short in &unit.short {
                let short = squeeze(short);
                forms.push(format!("{level}{short}"));
                forms.push(short);
            }
            for form in forms.clone() {
                if form.contains("人民政府") {
                    forms.push(form.replace("人民政府", "政府"));
                }
            }
            for form in forms.into_iter().filter(|f| !f.is_empty()) {
                if let Some(stem) = stem(&form) {
                    resolver
                        .stems
                        .entry(stem.to_owned())
                        .or_default()
                        .insert(id);
                }
                resolver.forms.entry(form).or_default().insert(id);
            }
            for group in &unit.groups {
                let canonical = resolver.canonical(group);
                resolver.groups.entry(canonical).or_default().insert(group);
            }
        }
        resolver
    }

    /// The place whose office keeps the directory, e.g. 通辽市; empty if it is not to be told.
    pub fn home(&self) -> &str {
        &self.home
    }

    /// 市 in 通辽市.
    fn level(&self) -> String {
        self.home
            .chars()
            .next_back()
            .map(String::from)
            .unwrap_or_default()
    }

    /// Groups in the form in which they are compared.
    fn canonical(&self, name: &str) -> String {
        let mut plain = squeeze(name);
        if let Some(at) = plain.find("(牵头部门除外)") {
            plain.truncate(at);
        }
        if let Some(rest) = plain
            .strip_prefix(&self.home)
            .filter(|_| !self.home.is_empty())
        {
            plain = format!("{}{rest}", self.level());
        }
        for word in ["各", "全体", "所有", "(", ")", "、", "“", "”"] {
            plain = plain.replace(word, "");
        }
        plain = plain
            .replace("人民政府", "政府")
            .replace("组成部门", "部门");
        for head in COUNTIES {
            if let Some(rest) = plain.strip_prefix(head)
                && (rest.is_empty() || rest == "政府")
            {
                return "旗县市区政府".to_owned();
            }
        }
        plain
    }

    fn shown(&self, id: &str) -> String {
        self.directory
            .units
            .get(id)
            .map_or_else(|| id.to_owned(), |unit| format!("{}({id})", unit.name))
    }

    /// Whether a name is one of the directory's, without asking anybody.
    pub fn knows(&self, name: &str) -> bool {
        let plain = squeeze(name);
        self.unit(&plain).is_some() || self.groups.contains_key(&self.canonical(&plain))
    }

    /// True if the directory has just this name: of a unit or, to the letter, of a group.
    pub fn has(&self, name: &str) -> bool {
        let plain = squeeze(name);
        let same = |group: &&str| {
            let group = squeeze(group);
            group == plain || group.strip_suffix("(牵头部门除外)") == Some(plain.as_str())
        };
        self.forms.contains_key(&plain)
            || self
                .groups
                .get(&self.canonical(&plain))
                .is_some_and(|known| known.iter().any(same))
    }

    fn unit(&self, plain: &str) -> Option<&BTreeSet<&'a str>> {
        let level = self.level();
        let mut tries = vec![plain];
        if !self.home.is_empty() {
            tries.extend(plain.strip_prefix(&self.home));
            for prefix in ["本级", "级", "直"] {
                tries.extend(plain.strip_prefix(&format!("{level}{prefix}")));
            }
            tries.extend(plain.strip_prefix(&level));
        }
        tries
            .into_iter()
            .filter(|t| !t.is_empty())
            .find_map(|t| self.forms.get(t))
    }

    /// The units that a name means in a role, and what remains to be asked.
    pub fn resolve(&self, name: &str, role: Role) -> (Vec<Meant>, Vec<Unsettled>) {
        let plain = squeeze(name);
        if plain.chars().count() > MAX_NAME_CHARS {
            let unsettled = Unsettled {
                code: "unknown_unit",
                question: format!(
                    "“{}…”过长,不像单位名称",
                    plain.chars().take(20).collect::<String>()
                ),
                alternatives: vec!["写明单位后重新导入".to_owned()],
                vague: true,
            };
            return (Vec::new(), vec![unsettled]);
        }
        if let Some(found) = self.one(&plain, role) {
            return found;
        }
        if let Some(found) = self.without_bracket(&plain, role) {
            return found;
        }
        // 甲和乙, 各部门及所属单位
        for word in ["以及", "及其", "及", "和", "与", "并"] {
            for (at, _) in plain.match_indices(word) {
                let (left, right) = (&plain[..at], &plain[at + word.len()..]);
                let parts = [left, right].map(|part| self.one(part, role));
                if let [Some(left), Some(right)] = parts {
                    let mut meant = left.0;
                    meant.extend(right.0);
                    let mut unsettled = left.1;
                    unsettled.extend(right.1);
                    if !meant.is_empty() {
                        return (meant, unsettled);
                    }
                }
            }
        }
        (Vec::new(), vec![self.unknown(&plain)])
    }

    /// 市教育局(联系人:张三), 市公安局(交管支队): the name is known without its bracket.
    fn without_bracket(&self, plain: &str, role: Role) -> Option<(Vec<Meant>, Vec<Unsettled>)> {
        let at = plain
            .find('(')
            .filter(|at| *at > 0 && plain.ends_with(')'))?;
        let (mut meant, mut unsettled) = self.one(&plain[..at], role)?;
        if meant.is_empty() {
            return Some((meant, unsettled));
        }
        for one in &mut meant {
            one.confidence = Confidence::Uncertain;
        }
        let name = &plain[..at];
        unsettled.push(Unsettled {
            code: "near_name",
            question: format!(
                "“{name}”后面的“{}”没有使用,暂按“{name}”读取,是否正确?",
                &plain[at..]
            ),
            alternatives: vec![format!("就是“{name}”"), format!("把“{plain}”加入名录")],
            vague: false,
        });
        Some((meant, unsettled))
    }

    /// A single name; nothing if the directory knows nothing like it.
    fn one(&self, plain: &str, role: Role) -> Option<(Vec<Meant>, Vec<Unsettled>)> {
        if let Some(ids) = self.unit(plain) {
            return Some(self.among(plain, ids, Confidence::Certain));
        }
        if let Some(found) = self.group(plain, role) {
            return Some(found);
        }
        if VAGUE.contains(&plain) || VAGUE.contains(&plain.trim_start_matches('各')) {
            let unsettled = Unsettled {
                code: "open_list",
                question: format!("“{plain}”没有名单,指哪些单位?"),
                alternatives: vec!["暂不列入".to_owned(), "在名录中为它建立单位组".to_owned()],
                vague: true,
            };
            return Some((Vec::new(), vec![unsettled]));
        }
        let level = self.level();
        let without = plain
            .strip_prefix(&self.home)
            .or_else(|| plain.strip_prefix(&level))
            .filter(|rest| !rest.is_empty() && !self.home.is_empty());
        for form in [Some(plain), without].into_iter().flatten() {
            if let Some(ids) = stem(form).and_then(|s| self.stems.get(s)) {
                return Some(self.among(plain, ids, Confidence::Likely));
            }
        }
        self.abbreviated(without.unwrap_or(plain), plain)
    }

    fn among(
        &self,
        name: &str,
        ids: &BTreeSet<&'a str>,
        confidence: Confidence,
    ) -> (Vec<Meant>, Vec<Unsettled>) {
        if let [id] = ids.iter().copied().collect::<Vec<_>>()[..] {
            let meant = Meant {
                ids: vec![id.to_owned()],
                group: None,
                confidence,
            };
            return (vec![meant], Vec::new());
        }
        let alternatives = ids.iter().take(MAX_ALTERNATIVES).map(|id| self.shown(id));
        let unsettled = Unsettled {
            code: "two_readings",
            question: format!("“{name}”可能是{}个单位,指哪一个?", ids.len()),
            alternatives: alternatives.collect(),
            vague: true,
        };
        (Vec::new(), vec![unsettled])
    }

    fn group(&self, plain: &str, role: Role) -> Option<(Vec<Meant>, Vec<Unsettled>)> {
        let exact = |name: &str| -> Option<&'a str> {
            let known = self.groups.get(&self.canonical(name))?;
            let same = known.iter().find(|g| squeeze(g) == plain);
            let without_lead = known.iter().find(|g| g.contains("牵头部门除外"));
            let whole = known.iter().find(|g| !g.contains("牵头部门除外"));
            same.or(if role == Role::Support {
                without_lead.or(whole)
            } else {
                whole.or(without_lead)
            })
            .copied()
        };
        let members = |group: &str, confidence| Meant {
            ids: self.directory.members(group).cloned().collect(),
            group: Some(group.to_owned()),
            confidence,
        };
        if let Some(group) = exact(plain) {
            let confidence = if squeeze(group) == plain {
                Confidence::Certain
            } else {
                Confidence::Likely
            };
            let mut unsettled = Vec::new();
            if plain.contains("组成部门") != group.contains("组成部门") {
                unsettled.push(self.near_group(plain, group));
            }
            return Some((vec![members(group, confidence)], unsettled));
        }
        // 市直各部门 is not quite 市政府各部门.
        let level = self.level();
        let near = [
            (format!("{level}直"), format!("{level}政府")),
            (format!("{level}级"), format!("{level}政府")),
            (format!("{level}直属"), format!("{level}政府")),
        ];
        for (from, to) in near.iter().filter(|_| !level.is_empty()) {
            if let Some(rest) = plain.trim_start_matches('各').strip_prefix(from.as_str())
                && let Some(group) = exact(&format!("{to}{}", rest.replace("单位", "部门")))
            {
                let meant = members(group, Confidence::Uncertain);
                return Some((vec![meant], vec![self.near_group(plain, group)]));
            }
        }
        None
    }

    fn near_group(&self, plain: &str, group: &str) -> Unsettled {
        let count = self.directory.members(group).count();
        Unsettled {
            code: "near_name",
            question: format!("“{plain}”暂按名录中的“{group}”({count}个单位)读取,是否相同?"),
            alternatives: vec![
                format!("就是“{group}”"),
                format!("在名录中为“{plain}”另建单位组"),
            ],
            vague: false,
        }
    }

    /// 人社 for 人力资源和社会保障局: letters of the name in their order.
    fn abbreviated(&self, short: &str, plain: &str) -> Option<(Vec<Meant>, Vec<Unsettled>)> {
        let short = stem(short)?;
        if short.chars().count() > 6 {
            return None;
        }
        let fits = |name: &str| {
            let mut rest = name.chars();
            short.chars().all(|c| rest.any(|other| other == c))
        };
        let found: Vec<&str> = self
            .directory
            .units
            .iter()
            .filter(|(_, unit)| {
                let name = squeeze(&unit.name);
                name.strip_prefix(&self.home)
                    .is_some_and(|rest| rest.chars().next() == short.chars().next() && fits(rest))
            })
            .map(|(id, _)| id.as_str())
            .collect();
        let [id] = found[..] else {
            return None;
        };
        let meant = Meant {
            ids: vec![id.to_owned()],
            group: None,
            confidence: Confidence::Uncertain,
        };
        let unsettled = Unsettled {
            code: "near_name",
            question: format!("“{plain}”暂按“{}”读取,是否正确?", self.shown(id)),
            alternatives: vec![self.shown(id), "另一个单位".to_owned()],
            vague: false,
        };
        Some((vec![meant], vec![unsettled]))
    }

    fn unknown(&self, plain: &str) -> Unsettled {
        let mut alternatives = self.nearest(plain);
        alternatives.push(format!("把“{plain}”加入名录"));
        Unsettled {
            code: "unknown_unit",
            question: format!("名录中没有“{plain}”"),
            alternatives,
            vague: false,
        }
    }

    /// Units and groups whose names share most characters with a name.
    fn nearest(&self, plain: &str) -> Vec<String> {
        let wanted: BTreeSet<char> = plain.chars().collect();
        let score = |name: &str| {
            let other: BTreeSet<char> = squeeze(name).chars().collect();
            let both = wanted.intersection(&other).count();
            both * 20 / (wanted.len() + other.len()).max(1)
        };
        let units = self.directory.units.iter().map(|(id, unit)| {
            let names = unit.short.iter().chain([&unit.name]);
            (names.map(|n| score(n)).max().unwrap_or(0), self.shown(id))
        });
        let groups: BTreeSet<&str> = self.groups.values().flatten().copied().collect();
        let groups = groups.iter().map(|g| (score(g), format!("单位组“{g}”")));
        let mut all: Vec<(usize, String)> = units
            .chain(groups)
            .filter(|(score, _)| *score > NEAR_TENTHS)
            .collect();
        all.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        all.into_iter().take(3).map(|(_, shown)| shown).collect()
    }

    /// Joins the lines of a cell: a line break ends a name where both sides are names, and is no
    /// more than the cell's narrowness where they are not.
    pub fn join(&self, cell: &str) -> String {
        let mut out = String::new();
        for line in cell.lines().map(str::trim).filter(|l| !l.is_empty()) {
            if out.is_empty() {
                out.push_str(line);
                continue;
            }
            let mark = |c: Option<char>| {
                c.is_some_and(|c| {
                    matches!(
                        crate::text::half(c),
                        '、' | ',' | ';' | ':' | '。' | '(' | '/'
                    )
                })
            };
            let ends = mark(out.chars().next_back());
            let begins = mark(line.chars().next()) || line.starts_with(crate::text::closes);
            let last = |text: &str| {
                let names =
                    crate::text::parts(text, |c| "、,;:。 \n".contains(crate::text::half(c)));
                names.last().cloned().unwrap_or_default()
            };
            let first = |text: &str| {
                let names =
                    crate::text::parts(text, |c| "、,;:。 \n".contains(crate::text::half(c)));
                names.first().cloned().unwrap_or_default()
            };
            let open =
                out.matches(crate::text::opens).count() > out.matches(crate::text::closes).count();
            let labelled = line.chars().take(8).any(|c| crate::text::half(c) == ':');
            let (left, right) = (last(&out), first(line));
            let plain = |name: &str| {
                let role = ["牵头", "配合", "负责", "参与", "等有关部门", "等部门"];
                role.iter().fold(name.to_owned(), |name, word| {
                    name.trim_end_matches(word).to_owned()
                })
            };
            let (left, right) = (plain(&left), plain(&right));
            let whole = self.knows(&format!("{left}{right}"));
            let both = !whole && !open && self.knows(&left);
            let two_ends = crate::layout::looks_like_units(&left)
                && crate::layout::looks_like_units(&right)
                && !open
                && !whole;
            if labelled || (!ends && !begins && (both || two_ends)) {
                out.push('\n');
            }
            out.push_str(line);
        }
        out
    }
}
